//! The bytes of a snapshot file, version 1. All integers are little-endian.

use crc32c::{crc32c, crc32c_append};

use super::PagePlace;

pub const VERSION: u32 = 1;
const HEADER_MAGIC: [u8; 8] = *b"VENCSNAP";
const TRAILER_MAGIC: [u8; 8] = *b"VENCSEND";

/// Magic, version, flags, generation, salt, key check, checksum.
pub const HEADER_BYTES: usize = 68;
/// Magic, version, generation, the directory's extent, checksum.
pub const TRAILER_BYTES: usize = 44;
const PART_BYTES: usize = 44;
const ENTRY_BYTES: usize = 32;
/// Bytes that name a piece.
pub const NAME_BYTES: usize = 32;
pub const SALT_BYTES: usize = 32;
pub const CHECK_BYTES: usize = 8;
const SEALED: u32 = 1;

/// What a run of bytes is, and where it belongs: part of its checksum and of its seal, so that a piece in
/// another's place is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Head { partition: u32, sequence: u64, tick: i64 },
    Page(PagePlace),
    Directory,
}

impl Piece {
    pub fn name(self, generation: u64) -> [u8; NAME_BYTES] {
        let mut name = [0; NAME_BYTES];
        name[..8].copy_from_slice(&generation.to_le_bytes());
        let mut put = |at: usize, bytes: &[u8]| name[at..at + bytes.len()].copy_from_slice(bytes);
        match self {
            Self::Head { partition, sequence, tick } => {
                put(8, &1_u32.to_le_bytes());
                put(12, &partition.to_le_bytes());
                put(16, &sequence.to_le_bytes());
                put(24, &tick.to_le_bytes());
            }
            Self::Page(PagePlace { partition, owner, container, page }) => {
                for (place, number) in [2, partition, owner, container, page].into_iter().enumerate() {
                    put(8 + 4 * place, &number.to_le_bytes());
                }
            }
            Self::Directory => put(8, &3_u32.to_le_bytes()),
        }
        name
    }
}

/// The checksum of a piece's bytes as they lie in the file.
pub fn piece_crc(name: &[u8; NAME_BYTES], bytes: &[u8]) -> u32 {
    crc32c_append(crc32c(name), bytes)
}

/// A run of checked bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    /// As it lies in the file.
    pub bytes: u32,
    /// Once it is opened and unpacked.
    pub plain_bytes: u32,
    pub crc: u32,
}

/// A page in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub place: PagePlace,
    pub extent: Extent,
}

/// A partition in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub partition: u32,
    /// The last event that its image has.
    pub sequence: u64,
    pub tick: i64,
    pub head: Extent,
    /// By place.
    pub pages: Vec<Entry>,
}

impl Part {
    pub fn head_piece(&self) -> Piece {
        let &Self { partition, sequence, tick, .. } = self;
        Piece::Head { partition, sequence, tick }
    }
}

/// What a file holds, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub journal: u64,
    pub app: String,
    /// By partition.
    pub parts: Vec<Part>,
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub generation: u64,
    /// Where pieces are sealed: what its key is derived with, and how the right key is told.
    pub seal: Option<([u8; SALT_BYTES], [u8; CHECK_BYTES])>,
}

/// Why bytes are none of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    What(&'static str),
    Version(u32),
}

pub fn header(header: &Header) -> Vec<u8> {
    let (salt, check) = header.seal.unwrap_or_default();
    let flags = if header.seal.is_some() { SEALED } else { 0 };
    let mut out = [&HEADER_MAGIC[..], &VERSION.to_le_bytes(), &flags.to_le_bytes()].concat();
    out.extend(header.generation.to_le_bytes());
    out.extend(salt);
    out.extend(check);
    out.extend(crc32c(&out).to_le_bytes());
    out
}

pub fn read_header(bytes: &[u8], generation: u64) -> Result<Header, Wrong> {
    let mut rest = checked(bytes, HEADER_BYTES, HEADER_MAGIC)?;
    let flags = rest.u32();
    if rest.u64() != generation {
        return Err(Wrong::What("it is of another generation than its name says"));
    }
    let (salt, check) = (rest.take(), rest.take());
    match flags {
        0 => Ok(Header { generation, seal: None }),
        SEALED => Ok(Header { generation, seal: Some((salt, check)) }),
        _ => Err(Wrong::What("it has flags that this version does not")),
    }
}

pub fn trailer(generation: u64, directory: Extent) -> Vec<u8> {
    let mut out = [&TRAILER_MAGIC[..], &VERSION.to_le_bytes(), &generation.to_le_bytes()].concat();
    write_extent(directory, &mut out);
    out.extend(crc32c(&out).to_le_bytes());
    out
}

/// Where the directory lies.
pub fn read_trailer(bytes: &[u8], generation: u64) -> Result<Extent, Wrong> {
    let mut rest = checked(bytes, TRAILER_BYTES, TRAILER_MAGIC)?;
    if rest.u64() != generation {
        return Err(Wrong::What("it is of another generation than its name says"));
    }
    Ok(rest.extent())
}

/// What stands behind magic and version, where the checksum is right.
fn checked(bytes: &[u8], length: usize, magic: [u8; 8]) -> Result<Reader<'_>, Wrong> {
    let (body, crc) = match bytes.split_last_chunk() {
        Some((body, crc)) if bytes.len() == length => (body, u32::from_le_bytes(*crc)),
        _ => return Err(Wrong::What("it is too short")),
    };
    let (found, rest) = body.split_at(magic.len());
    if found != magic {
        return Err(Wrong::What("it does not begin or end as a snapshot does"));
    }
    let mut rest = Reader(rest);
    let version = rest.u32();
    if version != VERSION && crc32c(body) == crc {
        return Err(Wrong::Version(version));
    }
    if crc32c(body) != crc {
        return Err(Wrong::What("the checksum is another"));
    }
    Ok(rest)
}

pub fn directory(directory: &Directory) -> Vec<u8> {
    let count = |items: usize| u32::try_from(items).expect("a snapshot has fewer than 2^32 of anything");
    let mut out = directory.journal.to_le_bytes().to_vec();
    out.extend(count(directory.app.len()).to_le_bytes());
    out.extend(directory.app.as_bytes());
    for part in &directory.parts {
        out.extend(part.partition.to_le_bytes());
        out.extend(part.sequence.to_le_bytes());
        out.extend(part.tick.to_le_bytes());
        write_extent(part.head, &mut out);
        out.extend(count(part.pages.len()).to_le_bytes());
        for Entry { place, extent } in &part.pages {
            for number in [place.owner, place.container, place.page] {
                out.extend(number.to_le_bytes());
            }
            write_extent(*extent, &mut out);
        }
    }
    out
}

/// The directory that bytes are, whose checksum was right; nothing where they are none.
pub fn read_directory(bytes: &[u8]) -> Option<Directory> {
    let mut rest = Reader(bytes);
    let (journal, length) = (rest.u64(), rest.u32() as usize);
    let (app, parts_bytes) = rest.0.split_at_checked(length)?;
    let app = String::from_utf8(app.to_vec()).ok()?;
    let (mut rest, mut parts) = (Reader(parts_bytes), Vec::<Part>::new());
    while !rest.0.is_empty() {
        if rest.0.len() < PART_BYTES {
            return None;
        }
        let (partition, sequence, tick, head) = (rest.u32(), rest.u64(), rest.i64(), rest.extent());
        let count = rest.u32() as usize;
        if rest.0.len() / ENTRY_BYTES < count {
            return None;
        }
        let mut pages = Vec::with_capacity(count);
        for _ in 0..count {
            let (owner, container, page) = (rest.u32(), rest.u32(), rest.u32());
            let place = PagePlace { partition, owner, container, page };
            pages.push(Entry { place, extent: rest.extent() });
        }
        parts.push(Part { partition, sequence, tick, head, pages });
    }
    let are_sorted = parts.iter().all(|part| part.pages.is_sorted_by(|a, b| a.place < b.place));
    let are_sorted = are_sorted && parts.is_sorted_by(|a, b| a.partition < b.partition);
    are_sorted.then_some(Directory { journal, app, parts })
}

fn write_extent(extent: Extent, out: &mut Vec<u8>) {
    out.extend(extent.offset.to_le_bytes());
    for number in [extent.bytes, extent.plain_bytes, extent.crc] {
        out.extend(number.to_le_bytes());
    }
}

/// Takes integers from the front. What is not there reads as zeros: lengths are checked before.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((first, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *first
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }

    fn extent(&mut self) -> Extent {
        Extent { offset: self.u64(), bytes: self.u32(), plain_bytes: self.u32(), crc: self.u32() }
    }
}
