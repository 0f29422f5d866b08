//! Reading a snapshot.

use std::path::{Path, PathBuf};

use super::format::{self, Directory, Extent, HEADER_BYTES, NAME_BYTES, Part, Piece, TRAILER_BYTES, Wrong};
use super::seal::{Seal, SnapshotKey, TAG_BYTES};
use super::{PIECE_BYTES_MAX, PagePlace, SUFFIX, SnapshotError, path_of};
use crate::bugs::{self, Bug};
use crate::error::{Damage, JournalError};
use crate::storage::{Access, File, Storage, read_full_at};

/// A partition in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionAt {
    /// Its number.
    pub partition: u32,
    /// The last event that its image has: the journal goes on behind it.
    pub sequence: u64,
    /// The engine's time of that event.
    pub tick: i64,
    /// How many pages it has.
    pub pages: usize,
    /// Bytes of its image, as they lie in the file.
    pub bytes: u64,
}

/// An open snapshot.
pub struct Snapshot {
    path: PathBuf,
    generation: u64,
    file: Box<dyn File>,
    /// Length of the file.
    bytes: u64,
    seal: Option<Seal>,
    directory: Directory,
    /// Where the directory begins, and heads and pages end.
    end: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let partitions = self.directory.parts.len();
        f.debug_struct("Snapshot").field("path", &self.path).field("partitions", &partitions).finish()
    }
}

impl Snapshot {
    /// Opens a generation. Cost: reading its directory, 32 bytes for each page.
    ///
    /// # Errors
    /// When it cannot be read, is not what was written, or is sealed with another key; pages are not looked
    /// at.
    pub fn open(
        storage: &dyn Storage,
        generation: u64,
        key: Option<&SnapshotKey>,
    ) -> Result<Self, SnapshotError> {
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
        let header = format::read_header(&header, generation).map_err(|what| wrong(0, what))?;
        let seal = match (header.seal, key) {
            (None, _) => None,
            (Some(_), None) => return Err(SnapshotError::KeyMissing(path)),
            (Some((salt, check)), Some(key)) => match Seal::new(key, &salt) {
                seal if seal.check == check => Some(seal),
                _ => return Err(SnapshotError::KeyWrong(path)),
            },
        };
        let end = length - TRAILER_BYTES as u64;
        let mut trailer = [0; TRAILER_BYTES];
        read_full_at(&*file, end, &mut trailer).map_err(failed)?;
        let extent = format::read_trailer(&trailer, generation).map_err(|what| wrong(end, what))?;
        if extent.offset.checked_add(u64::from(extent.bytes)) != Some(end) {
            return Err(damaged(&path, end, "the directory does not end where the trailer begins"));
        }
        let directory = Directory { journal: 0, app: String::new(), parts: Vec::new() };
        let mut snapshot = Self { path, generation, file, bytes: length, seal, directory, end };
        let mut bytes = Vec::new();
        snapshot.read(Piece::Directory, extent, &mut bytes)?;
        let directory = format::read_directory(&bytes);
        snapshot.directory =
            directory.ok_or_else(|| damaged(&snapshot.path, extent.offset, "the directory is none"))?;
        snapshot.end = extent.offset;
        Ok(snapshot)
    }

    /// Its generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Its file, relative to the data folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length of its file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is sealed.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// The number of the journal that goes on behind it.
    pub fn journal(&self) -> u64 {
        self.directory.journal
    }

    /// The app's name.
    pub fn app(&self) -> &str {
        &self.directory.app
    }

    /// The partitions that it has, ascending.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionAt> {
        self.directory.parts.iter().map(|part| PartitionAt {
            partition: part.partition,
            sequence: part.sequence,
            tick: part.tick,
            pages: part.pages.len(),
            bytes: u64::from(part.head.bytes)
                + part.pages.iter().map(|page| u64::from(page.extent.bytes)).sum::<u64>(),
        })
    }

    fn part(&self, partition: u32) -> Option<&Part> {
        let at = self.directory.parts.binary_search_by_key(&partition, |part| part.partition).ok()?;
        self.directory.parts.get(at)
    }

    /// The head of a partition's image; nothing where it has none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub fn head(&self, partition: u32) -> Result<Option<Vec<u8>>, SnapshotError> {
        let Some(part) = self.part(partition) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.read(part.head_piece(), part.head, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Appends the bytes of a page; whether there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written; `out` is then as it was.
    pub fn page(&self, place: PagePlace, out: &mut Vec<u8>) -> Result<bool, SnapshotError> {
        let pages = self.part(place.partition).map_or(&[][..], |part| &part.pages);
        let Ok(at) = pages.binary_search_by_key(&place, |entry| entry.place) else { return Ok(false) };
        self.read(Piece::Page(place), pages[at].extent, out).map(|()| true)
    }

    /// Appends the bytes of a piece; where there is an error, `out` is as it was.
    fn read(&self, piece: Piece, extent: Extent, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let start = out.len();
        let read = self.read_checked(&piece.name(self.generation), extent, out);
        if read.is_err() {
            out.truncate(start);
        }
        read
    }

    fn read_checked(
        &self,
        name: &[u8; NAME_BYTES],
        extent: Extent,
        out: &mut Vec<u8>,
    ) -> Result<(), SnapshotError> {
        let damaged = |what| damaged(&self.path, extent.offset, what);
        let (start, bytes, plain) = (out.len(), extent.bytes as usize, extent.plain_bytes as usize);
        if extent.offset.saturating_add(u64::from(extent.bytes)) > self.end || plain > PIECE_BYTES_MAX {
            return Err(damaged("it would reach out of its place"));
        }
        out.resize(start + bytes, 0);
        let read = read_full_at(&*self.file, extent.offset, &mut out[start..])
            .map_err(|error| JournalError::new("reading", &self.path, error))?;
        if read != bytes {
            return Err(damaged("the file ends there"));
        }
        let is_checked = !bugs::has(Bug::SnapshotChecksumIgnored);
        if is_checked && format::piece_crc(name, &out[start..]) != extent.crc {
            return Err(damaged("the checksum is another"));
        }
        if let Some(seal) = &self.seal
            && !seal.open(extent.offset, name, out, start)
        {
            return Err(damaged("it is not what was sealed"));
        }
        let packed = bytes - if self.seal.is_some() { TAG_BYTES } else { 0 };
        if packed == plain {
            return Ok(());
        }
        let unpacked = zstd::bulk::decompress(&out[start..], plain);
        let unpacked = unpacked.ok().filter(|unpacked| unpacked.len() == plain);
        let unpacked = unpacked.ok_or_else(|| damaged("it cannot be unpacked"))?;
        out.truncate(start);
        out.extend_from_slice(&unpacked);
        Ok(())
    }

    /// Reads and checks every byte; how many pages there are.
    ///
    /// # Errors
    /// When something cannot be read, or is not what was written: the first of it.
    pub fn verify(&self) -> Result<usize, SnapshotError> {
        let (mut extents, mut count, mut bytes) = (Vec::new(), 0, Vec::new());
        for part in &self.directory.parts {
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
        match end == self.end {
            true => Ok(count),
            false => Err(damaged(&self.path, end, "bytes there belong to nothing")),
        }
    }
}

fn damaged(path: &Path, offset: u64, what: &str) -> SnapshotError {
    SnapshotError::Damaged(Damage { path: path.to_owned(), offset, what: what.to_owned() })
}
