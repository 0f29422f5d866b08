//! A folder of the operating system's.

use std::any::Any;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::storage::{Access, File, Storage};

/// The real storage.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The storage in this folder; paths are relative to it.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Storage for Disk {
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join(path))?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Box::new(file))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(self.root.join(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Box::new(OpenFile(options.open(self.root.join(path))?)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn File>> {
        let path = self.root.join(path);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if access == Access::Direct {
            let direct = i32::try_from(OFlags::DIRECT.bits()).expect("an open flag is a C int");
            match options.clone().custom_flags(direct).open(&path) {
                Ok(file) => return Ok(Box::new(OpenFile(file))),
                // The file system has no such way.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
        }
        match options.open(&path) {
            // A copy that nobody may change can be read all the same.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Ok(Box::new(OpenFile(fs::File::open(path)?)))
            }
            opened => Ok(Box::new(OpenFile(opened?))),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(self.root.join(path))?.sync_all()
    }
}

struct OpenFile(fs::File);

impl OpenFile {
    /// Goes on through the operating system's cache; false where it did already.
    fn leave_direct(&self) -> io::Result<bool> {
        let flags = fcntl_getfl(&self.0)?;
        if !flags.contains(OFlags::DIRECT) {
            return Ok(false);
        }
        fcntl_setfl(&self.0, flags - OFlags::DIRECT)?;
        Ok(true)
    }
}

impl File for OpenFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
            // The zeros that are written next take the space as well.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.0.set_len(bytes),
            allocated => Ok(allocated?),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write_at(bytes, offset) {
            // Some file systems open a file for direct access and then refuse it.
            Err(error)
                if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) && self.leave_direct()? =>
            {
                self.0.write_at(bytes, offset)
            }
            written => written,
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
