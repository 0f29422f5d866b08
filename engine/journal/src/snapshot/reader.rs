//! Reading a snapshot.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::format::{self, Extent, HEADER_BYTES, Part, TRAILER_BYTES, Wrong};
use super::{PagePlace, SUFFIX, SnapshotError, path_of};
use crate::error::{Damage, JournalError};
use crate::storage::{Access, File, Storage, read_full_at};

/// A partition in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionAt {
    /// Its number.
    pub partition: u32,
    /// The last event that its image has: the journal goes on behind it.
    pub sequence: u64,
    /// How many pages it has.
    pub pages: usize,
}

/// An open snapshot.
pub struct Snapshot {
    path: PathBuf,
    generation: u64,
    file: Mutex<Box<dyn File>>,
    parts: Vec<Part>,
    /// Where the directory begins, and heads and pages end.
    directory: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("path", &self.path).field("partitions", &self.parts.len()).finish()
    }
}

impl Snapshot {
    /// Opens a generation. Cost: reading its directory, 28 bytes for each page.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written; pages are not looked at.
    pub fn open(storage: &dyn Storage, generation: u64) -> Result<Self, SnapshotError> {
        let path = path_of(generation, SUFFIX);
        let failed = |error| JournalError::new("reading", &path, error);
        let wrong = |offset, wrong| match wrong {
            Wrong::What(what) => damaged(&path, offset, what),
            Wrong::Version(version) => SnapshotError::Version { path: path.clone(), version },
        };
        let file = storage.open(&path, Access::Buffered).map_err(failed)?;
        let length = file.bytes().map_err(failed)?;
        let least = (HEADER_BYTES + TRAILER_BYTES) as u64;
        if length < least {
            return Err(damaged(&path, length, "it is too short"));
        }
        let mut header = [0; HEADER_BYTES];
        read_full_at(&*file, 0, &mut header).map_err(failed)?;
        format::check_header(&header, generation).map_err(|what| wrong(0, what))?;
        let end = length - TRAILER_BYTES as u64;
        let mut trailer = [0; TRAILER_BYTES];
        read_full_at(&*file, end, &mut trailer).map_err(failed)?;
        let trailer = format::read_trailer(&trailer, generation).map_err(|what| wrong(end, what))?;
        if trailer.offset.checked_add(trailer.bytes) != Some(end) {
            return Err(damaged(&path, end, "the directory does not end where the trailer begins"));
        }
        let mut directory = vec![0; usize::try_from(trailer.bytes).unwrap_or(0)];
        read_full_at(&*file, trailer.offset, &mut directory).map_err(failed)?;
        let is_whole = crc32c::crc32c(&directory) == trailer.crc;
        let parts = is_whole.then(|| format::read_directory(&directory)).flatten();
        let parts = parts.ok_or_else(|| damaged(&path, trailer.offset, "the directory is none"))?;
        Ok(Self { path, generation, file: Mutex::new(file), parts, directory: trailer.offset })
    }

    /// Its generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The partitions that it has, ascending.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionAt> {
        self.parts.iter().map(|part| PartitionAt {
            partition: part.partition,
            sequence: part.sequence,
            pages: part.pages.len(),
        })
    }

    fn part(&self, partition: u32) -> Option<&Part> {
        let at = self.parts.binary_search_by_key(&partition, |part| part.partition).ok()?;
        self.parts.get(at)
    }

    /// The head of a partition's image; nothing where it has none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub fn head(&self, partition: u32) -> Result<Option<Vec<u8>>, SnapshotError> {
        let Some(part) = self.part(partition) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.read(part.head, &mut bytes)?;
        if format::head_crc(self.generation, partition, part.sequence, &bytes) != part.head.crc {
            return Err(damaged(&self.path, part.head.offset, "the checksum of a head is another"));
        }
        Ok(Some(bytes))
    }

    /// Appends the bytes of a page; whether there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written; `out` is then as it was.
    pub fn page(&self, place: PagePlace, out: &mut Vec<u8>) -> Result<bool, SnapshotError> {
        let pages = self.part(place.partition).map_or(&[][..], |part| &part.pages);
        let Ok(at) = pages.binary_search_by_key(&place, |entry| entry.place) else { return Ok(false) };
        let (extent, start) = (pages[at].extent, out.len());
        let read = self.read(extent, out);
        if read.is_ok() && format::page_crc(self.generation, place, &out[start..]) == extent.crc {
            return Ok(true);
        }
        out.truncate(start);
        read?;
        Err(damaged(&self.path, extent.offset, "the checksum of a page is another"))
    }

    /// Appends a run of bytes.
    fn read(&self, extent: Extent, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let (start, bytes) = (out.len(), extent.bytes as usize);
        if extent.offset.saturating_add(u64::from(extent.bytes)) > self.directory {
            return Err(damaged(&self.path, extent.offset, "it would reach into the directory"));
        }
        out.resize(start + bytes, 0);
        // A thread that panicked with the file in hand has changed nothing in it.
        let file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let read = read_full_at(&**file, extent.offset, &mut out[start..])
            .map_err(|error| JournalError::new("reading", &self.path, error))?;
        match read == bytes {
            true => Ok(()),
            false => Err(damaged(&self.path, extent.offset, "the file ends there")),
        }
    }

    /// Reads and checks every byte; how many pages there are.
    ///
    /// # Errors
    /// When something cannot be read, or is not what was written: the first of it.
    pub fn verify(&self) -> Result<usize, SnapshotError> {
        let (mut extents, mut count, mut bytes) = (Vec::new(), 0, Vec::new());
        for part in &self.parts {
            self.head(part.partition)?;
            extents.push((part.head.offset, part.head.bytes));
            for entry in &part.pages {
                bytes.clear();
                self.page(entry.place, &mut bytes)?;
                extents.push((entry.extent.offset, entry.extent.bytes));
                count += 1;
            }
        }
        // No byte is left that nobody has looked at.
        extents.sort_unstable();
        let mut end = HEADER_BYTES as u64;
        for (offset, bytes) in extents {
            if offset != end {
                return Err(damaged(&self.path, end, "bytes there belong to nothing"));
            }
            end += u64::from(bytes);
        }
        match end == self.directory {
            true => Ok(count),
            false => Err(damaged(&self.path, end, "bytes there belong to nothing")),
        }
    }
}

fn damaged(path: &Path, offset: u64, what: &str) -> SnapshotError {
    SnapshotError::Damaged(Damage { path: path.to_owned(), offset, what: what.to_owned() })
}
