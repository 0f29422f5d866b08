//! Writing a snapshot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zstd::bulk::Compressor;

use super::format::{self, Directory, Entry, Extent, Header, Part, Piece, SALT_BYTES};
use super::seal::{Seal, SnapshotKey};
use super::{FOLDER, PIECE_BYTES_MAX, PagePlace, SUFFIX, WRITING, generations, make_folder, names, path_of};
use crate::bugs::{self, Bug};
use crate::error::JournalError;
use crate::storage::{Access, File, Storage, write_all_at};

/// Bytes that are gathered before they are written. A kernel that is not preempted gives a core away between
/// two system calls: a megabyte at once made others wait for it.
const GATHERED_MAX: usize = 64 << 10;

/// How a snapshot is written.
#[derive(Clone, Debug, Default)]
pub struct SnapshotOptions {
    /// The number of the journal that goes on behind it.
    pub journal: u64,
    /// The app's name.
    pub app: String,
    /// Where pages are to be packed: zstd's level.
    pub compression: Option<i32>,
    /// Where pieces are to be sealed: the key, and 32 bytes drawn at random for this snapshot alone.
    pub seal: Option<(SnapshotKey, [u8; SALT_BYTES])>,
}

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
    packer: Option<Compressor<'static>>,
    seal: Option<Seal>,
    directory: Directory,
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
    pub fn create(storage: &'s dyn Storage, options: &SnapshotOptions) -> Result<Self, JournalError> {
        make_folder(storage)?;
        for name in names(storage)?.iter().filter(|name| name.ends_with(WRITING)) {
            let path = Path::new(FOLDER).join(name);
            storage.remove(&path).map_err(|error| JournalError::new("removing", path, error))?;
        }
        let step = u64::from(!bugs::has(Bug::SnapshotNumberTaken));
        let generation = generations(storage)?.last().map_or(1, |last| last + step);
        let path = path_of(generation, WRITING);
        let failed = |error| JournalError::new("making", &path, error);
        let made = storage.create(&path).and_then(|_| storage.open(&path, Access::Buffered));
        let file = made.map_err(failed)?;
        let packer = options.compression.map(Compressor::new).transpose().map_err(failed)?;
        let seal = options.seal.as_ref().map(|(key, salt)| (Seal::new(key, salt), salt));
        let header = Header { generation, seal: seal.as_ref().map(|(seal, salt)| (**salt, seal.check)) };
        let directory = Directory { journal: options.journal, app: options.app.clone(), parts: Vec::new() };
        Ok(Self {
            storage,
            generation,
            path,
            file,
            written: 0,
            gathered: format::header(&header),
            packer,
            seal: seal.map(|(seal, _)| seal),
            directory,
            parts: BTreeMap::new(),
            pages: BTreeMap::new(),
        })
    }

    /// The number of this generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.gathered.len() as u64
    }

    /// Adds the head of a partition's image, whose last event has this sequence and this tick.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn head(
        &mut self,
        partition: u32,
        sequence: u64,
        tick: i64,
        bytes: &[u8],
    ) -> Result<(), JournalError> {
        let head = self.append(Piece::Head { partition, sequence, tick }, bytes)?;
        self.parts.insert(partition, Part { partition, sequence, tick, head, pages: Vec::new() });
        Ok(())
    }

    /// Adds a page.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn page(&mut self, place: PagePlace, bytes: &[u8]) -> Result<(), JournalError> {
        let extent = self.append(Piece::Page(place), bytes)?;
        self.pages.entry(place.partition).or_default().push(Entry { place, extent });
        Ok(())
    }

    fn append(&mut self, piece: Piece, bytes: &[u8]) -> Result<Extent, JournalError> {
        let too_long = || JournalError::new("writing", &self.path, std::io::ErrorKind::FileTooLarge.into());
        let length = |bytes: usize| {
            let length = u32::try_from(bytes).ok().filter(|_| bytes <= PIECE_BYTES_MAX);
            length.ok_or_else(too_long)
        };
        let plain_bytes = length(bytes.len())?;
        let (name, start, offset) = (piece.name(self.generation), self.gathered.len(), self.bytes());
        let packed = match &mut self.packer {
            None => None,
            Some(packer) => packer.compress(bytes).ok().filter(|packed| packed.len() < bytes.len()),
        };
        self.gathered.extend_from_slice(packed.as_deref().unwrap_or(bytes));
        if let Some(seal) = &self.seal {
            seal.close(offset, &name, &mut self.gathered, start);
        }
        let written = &self.gathered[start..];
        let crc = format::piece_crc(&name, written);
        let bytes = u32::try_from(written.len()).expect("PIECE_BYTES_MAX and a tag fit");
        if self.gathered.len() >= GATHERED_MAX {
            self.flush()?;
        }
        Ok(Extent { offset, bytes, plain_bytes, crc })
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        write_all_at(&*self.file, self.written, &self.gathered)
            .map_err(|error| JournalError::new("writing", &self.path, error))?;
        self.written += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }

    /// Makes what there is so far durable, so that little is left to sync at the end.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        self.file.sync().map_err(|error| JournalError::new("syncing", &self.path, error))
    }

    /// Writes the directory, makes all of it durable and gives it its name; its length. Pages of a partition
    /// without a head are left out. The journal must be durable up to every head's sequence.
    ///
    /// # Errors
    /// When the disk fails: the snapshot may be there or not.
    pub fn finish(mut self) -> Result<u64, JournalError> {
        let mut parts = std::mem::take(&mut self.parts);
        for (partition, part) in &mut parts {
            part.pages = self.pages.remove(partition).unwrap_or_default();
            part.pages.sort_unstable_by_key(|entry| entry.place);
        }
        self.directory.parts = parts.into_values().collect();
        let directory = format::directory(&self.directory);
        let extent = self.append(Piece::Directory, &directory)?;
        self.gathered.extend(format::trailer(self.generation, extent));
        self.flush()?;
        let Self { storage, generation, path, file, written, .. } = self;
        let sync = || file.sync().map_err(|error| JournalError::new("syncing", &path, error));
        if !bugs::has(Bug::SnapshotNamedEarly) && !bugs::has(Bug::SnapshotNotSynced) {
            sync()?;
        }
        let name = path_of(generation, SUFFIX);
        storage.rename(&path, &name).map_err(|error| JournalError::new("renaming", &path, error))?;
        let folder = Path::new(FOLDER);
        if !bugs::has(Bug::SnapshotNameNotSynced) {
            storage.sync_folder(folder).map_err(|error| JournalError::new("syncing", folder, error))?;
        }
        if bugs::has(Bug::SnapshotNamedEarly) {
            sync()?;
        }
        Ok(written)
    }
}
