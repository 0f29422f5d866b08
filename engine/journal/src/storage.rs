//! What stands between the journal and a disk.

use std::any::Any;
use std::io;
use std::path::Path;

/// Bytes of a block. A segment is written in whole blocks, at multiples of a block, from memory that is
/// aligned to one.
pub const BLOCK_BYTES: usize = 4_096;

/// How a file is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Any bytes, anywhere.
    Buffered,
    /// Whole blocks, past the operating system's cache where that can be had.
    Direct,
}

/// A data folder. Paths are relative to it.
///
/// A file's bytes are durable once [`File::sync`] has returned; its name, once [`Storage::sync_folder`] of
/// its folder has. Until then a crash may leave any part of either.
pub trait Storage: Send + Sync {
    /// Takes the folder for this process alone, as long as what is returned lives.
    ///
    /// # Errors
    /// `WouldBlock` where another holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;

    /// Makes a folder, unless it is there.
    ///
    /// # Errors
    /// As the operating system.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// The names of a folder's files, in order.
    ///
    /// # Errors
    /// As the operating system.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes an empty file; one that is there is emptied.
    ///
    /// # Errors
    /// As the operating system.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file to read and write.
    ///
    /// # Errors
    /// As the operating system.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>>;

    /// Gives a file another name, in one step; one that has this name is gone.
    ///
    /// # Errors
    /// As the operating system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names of a folder durable.
    ///
    /// # Errors
    /// As the operating system. What is durable then is unknown.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait File: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the operating system.
    fn bytes(&self) -> io::Result<u64>;

    /// Makes it so long, and has the disk set the space aside.
    ///
    /// # Errors
    /// `StorageFull` where there is none.
    fn preallocate(&self, bytes: u64) -> io::Result<()>;

    /// Writes some of the bytes, at least one; how many.
    ///
    /// # Errors
    /// As the operating system.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Reads some bytes; how many, 0 at the end.
    ///
    /// # Errors
    /// As the operating system.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Makes what has been written durable.
    ///
    /// # Errors
    /// As the operating system. What is durable then is unknown, and asking again does not tell.
    fn sync(&self) -> io::Result<()>;
}

/// Writes that may in turn make no progress before the disk is taken for broken.
const STALLS_MAX: u32 = 8;

/// Writes all of the bytes. After a short write it goes on at the block that was cut.
pub(crate) fn write_all_at(file: &dyn File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    let mut stalls = 0;
    while !bytes.is_empty() {
        let written = match file.write_at(offset, bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        let done = if written >= bytes.len() { bytes.len() } else { written - written % BLOCK_BYTES };
        stalls = if done == 0 { stalls + 1 } else { 0 };
        if stalls == STALLS_MAX {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[done..];
        offset += done as u64;
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends; how many bytes.
pub(crate) fn read_full_at(file: &dyn File, mut offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(offset, &mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => {
                filled += read;
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
