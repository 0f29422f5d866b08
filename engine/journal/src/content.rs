//! Files by their content: what records name and do not hold.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vencejo_types::row::key_hash;

use crate::storage::{Access, Storage, read_full_at, write_all_at};

const FOLDER: &str = "models";

/// Keeps bytes under their XXH3-64. What is there is never changed.
#[derive(Clone)]
pub struct ContentStore {
    storage: Arc<dyn Storage>,
}

impl ContentStore {
    /// The store of a data folder.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn open(storage: Arc<dyn Storage>) -> io::Result<Self> {
        storage.create_folder(Path::new(FOLDER))?;
        storage.sync_folder(Path::new(""))?;
        Ok(Self { storage })
    }

    /// Keeps the bytes; they are durable when this returns. Their hash.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn put(&self, bytes: &[u8]) -> io::Result<u64> {
        let hash = key_hash(bytes);
        let path = path(hash);
        if self.get(hash).is_ok() {
            // It may be there for this process alone: the one that wrote it may have ended before its syncs.
            self.storage.open(&path, Access::Buffered)?.sync()?;
            self.storage.sync_folder(Path::new(FOLDER))?;
            return Ok(hash);
        }
        let unfinished = path.with_extension("unfinished");
        let file = self.storage.create(&unfinished)?;
        write_all_at(&*file, 0, bytes)?;
        file.sync()?;
        self.storage.rename(&unfinished, &path)?;
        self.storage.sync_folder(Path::new(FOLDER))?;
        Ok(hash)
    }

    /// The bytes with this hash.
    ///
    /// # Errors
    /// When they are not there (`NotFound`), are not what was kept (`InvalidData`), or the disk fails.
    pub fn get(&self, hash: u64) -> io::Result<Vec<u8>> {
        let file = self.storage.open(&path(hash), Access::Buffered)?;
        let length = usize::try_from(file.bytes()?).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut bytes = vec![0; length];
        let read = read_full_at(&*file, 0, &mut bytes)?;
        bytes.truncate(read);
        if key_hash(&bytes) == hash { Ok(bytes) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

fn path(hash: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("{hash:016x}.model"))
}
