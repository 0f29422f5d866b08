//! Writing a snapshot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::format::{self, Entry, Extent, Part, Trailer};
use super::{FOLDER, GENERATIONS_KEPT, PagePlace, SUFFIX, WRITING, generations, make_folder, names, path_of};
use crate::error::JournalError;
use crate::storage::{Access, File, Storage, write_all_at};

/// Bytes that are gathered before they are written.
const GATHERED_MAX: usize = 1 << 20;

/// A snapshot that is being written. Dropped before [`SnapshotWriter::finish`], it is none; the next one
/// removes what is left of it.
pub struct SnapshotWriter<'s> {
    storage: &'s dyn Storage,
    generation: u64,
    path: PathBuf,
    file: Box<dyn File>,
    /// Bytes that are in the file.
    written: u64,
    gathered: Vec<u8>,
    parts: BTreeMap<u32, Part>,
    pages: BTreeMap<u32, Vec<Entry>>,
}

impl std::fmt::Debug for SnapshotWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotWriter").field("path", &self.path).field("bytes", &self.bytes()).finish()
    }
}

impl<'s> SnapshotWriter<'s> {
    /// Begins the generation after the last one. Files that were not finished are removed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn create(storage: &'s dyn Storage) -> Result<Self, JournalError> {
        make_folder(storage)?;
        for name in names(storage)?.iter().filter(|name| name.ends_with(WRITING)) {
            remove(storage, &Path::new(FOLDER).join(name))?;
        }
        let generation = generations(storage)?.last().map_or(1, |last| last + 1);
        let path = path_of(generation, WRITING);
        let made = storage.create(&path).and_then(|_| storage.open(&path, Access::Buffered));
        let file = made.map_err(|error| JournalError::new("making", &path, error))?;
        let gathered = format::header(generation);
        let (parts, pages) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { storage, generation, path, file, written: 0, gathered, parts, pages })
    }

    /// The number of this generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.gathered.len() as u64
    }

    /// Adds the head of a partition's image, whose last event this is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn head(&mut self, partition: u32, sequence: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let crc = format::head_crc(self.generation, partition, sequence, bytes);
        let head = self.append(bytes, crc)?;
        self.parts.insert(partition, Part { partition, sequence, head, pages: Vec::new() });
        Ok(())
    }

    /// Adds a page.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn page(&mut self, place: PagePlace, bytes: &[u8]) -> Result<(), JournalError> {
        let crc = format::page_crc(self.generation, place, bytes);
        let extent = self.append(bytes, crc)?;
        self.pages.entry(place.partition).or_default().push(Entry { place, extent });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], crc: u32) -> Result<Extent, JournalError> {
        let too_long = |_| JournalError::new("writing", &self.path, std::io::ErrorKind::FileTooLarge.into());
        let extent =
            Extent { offset: self.bytes(), bytes: u32::try_from(bytes.len()).map_err(too_long)?, crc };
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_MAX {
            self.flush()?;
        }
        Ok(extent)
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        write_all_at(&*self.file, self.written, &self.gathered)
            .map_err(|error| JournalError::new("writing", &self.path, error))?;
        self.written += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }

    /// Writes the directory, makes all of it durable, gives it its name, and removes the generations that
    /// are no longer kept; those that are kept, ascending. Pages of a partition without a head are left
    /// out.
    ///
    /// # Errors
    /// When the disk fails: the snapshot may be there or not.
    pub fn finish(mut self) -> Result<Vec<u64>, JournalError> {
        let mut parts = std::mem::take(&mut self.parts);
        for (partition, part) in &mut parts {
            part.pages = self.pages.remove(partition).unwrap_or_default();
            part.pages.sort_unstable_by_key(|entry| entry.place);
        }
        let directory = format::directory(&parts.into_values().collect::<Vec<_>>());
        let crc = crc32c::crc32c(&directory);
        let trailer = Trailer { offset: self.bytes(), bytes: directory.len() as u64, crc };
        self.gathered.extend_from_slice(&directory);
        self.gathered.extend(format::trailer(self.generation, trailer));
        self.flush()?;
        let Self { storage, generation, path, file, .. } = self;
        file.sync().map_err(|error| JournalError::new("syncing", &path, error))?;
        let name = path_of(generation, SUFFIX);
        storage.rename(&path, &name).map_err(|error| JournalError::new("renaming", &path, error))?;
        sync_folder(storage)?;
        let mut kept = generations(storage)?;
        for gone in kept.drain(..kept.len().saturating_sub(GENERATIONS_KEPT)) {
            remove(storage, &path_of(gone, SUFFIX))?;
        }
        Ok(kept)
    }
}

fn sync_folder(storage: &dyn Storage) -> Result<(), JournalError> {
    storage.sync_folder(Path::new(FOLDER)).map_err(|error| JournalError::new("syncing", FOLDER, error))
}

fn remove(storage: &dyn Storage, path: &Path) -> Result<(), JournalError> {
    storage.remove(path).map_err(|error| JournalError::new("removing", path, error))
}
