//! The bytes of a snapshot file, version 1. All integers are little-endian.

use crc32c::{crc32c, crc32c_append};

use super::PagePlace;

pub const VERSION: u32 = 1;
const HEADER_MAGIC: [u8; 8] = *b"VENCSNAP";
const TRAILER_MAGIC: [u8; 8] = *b"VENCSEND";

/// Magic, version, generation, checksum.
pub const HEADER_BYTES: usize = 24;
/// Magic, version, generation, the directory's offset, length and checksum, checksum.
pub const TRAILER_BYTES: usize = 44;
const PART_BYTES: usize = 32;
const ENTRY_BYTES: usize = 28;

/// A run of checked bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    pub bytes: u32,
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
    pub head: Extent,
    /// By place.
    pub pages: Vec<Entry>,
}

/// Where the directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    pub offset: u64,
    pub bytes: u64,
    pub crc: u32,
}

/// Why bytes are none of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    What(&'static str),
    Version(u32),
}

/// A page's checksum: of its bytes, and of where they belong, so that a page in another's place is none.
pub fn page_crc(generation: u64, place: PagePlace, bytes: &[u8]) -> u32 {
    let PagePlace { partition, owner, container, page } = place;
    let seed = crc32c(&generation.to_le_bytes());
    let seed =
        [partition, owner, container, page].iter().fold(seed, |crc, n| crc32c_append(crc, &n.to_le_bytes()));
    crc32c_append(seed, bytes)
}

/// A head's checksum.
pub fn head_crc(generation: u64, partition: u32, sequence: u64, bytes: &[u8]) -> u32 {
    let seed = crc32c_append(crc32c(&generation.to_le_bytes()), &partition.to_le_bytes());
    crc32c_append(crc32c_append(seed, &sequence.to_le_bytes()), bytes)
}

pub fn header(generation: u64) -> Vec<u8> {
    let mut out = [&HEADER_MAGIC[..], &VERSION.to_le_bytes(), &generation.to_le_bytes()].concat();
    out.extend(crc32c(&out).to_le_bytes());
    out
}

pub fn check_header(bytes: &[u8], generation: u64) -> Result<(), Wrong> {
    let mut rest = checked(bytes, HEADER_BYTES, HEADER_MAGIC)?;
    if rest.u64() != generation {
        return Err(Wrong::What("it is of another generation than its name says"));
    }
    Ok(())
}

pub fn trailer(generation: u64, trailer: Trailer) -> Vec<u8> {
    let mut out = [&TRAILER_MAGIC[..], &VERSION.to_le_bytes(), &generation.to_le_bytes()].concat();
    out.extend(trailer.offset.to_le_bytes());
    out.extend(trailer.bytes.to_le_bytes());
    out.extend(trailer.crc.to_le_bytes());
    out.extend(crc32c(&out).to_le_bytes());
    out
}

pub fn read_trailer(bytes: &[u8], generation: u64) -> Result<Trailer, Wrong> {
    let mut rest = checked(bytes, TRAILER_BYTES, TRAILER_MAGIC)?;
    if rest.u64() != generation {
        return Err(Wrong::What("it is of another generation than its name says"));
    }
    Ok(Trailer { offset: rest.u64(), bytes: rest.u64(), crc: rest.u32() })
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
    if crc32c(body) != crc {
        return Err(Wrong::What("the checksum is another"));
    }
    if version == VERSION { Ok(rest) } else { Err(Wrong::Version(version)) }
}

pub fn directory(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend(part.partition.to_le_bytes());
        out.extend(part.sequence.to_le_bytes());
        write_extent(part.head, &mut out);
        let count = u32::try_from(part.pages.len()).expect("a partition has fewer pages than 2^32");
        out.extend(count.to_le_bytes());
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
pub fn read_directory(bytes: &[u8]) -> Option<Vec<Part>> {
    let (mut rest, mut parts) = (Reader(bytes), Vec::new());
    while !rest.0.is_empty() {
        if rest.0.len() < PART_BYTES {
            return None;
        }
        let (partition, sequence, head) = (rest.u32(), rest.u64(), rest.extent());
        let count = rest.u32() as usize;
        if rest.0.len() / ENTRY_BYTES < count {
            return None;
        }
        let mut pages = Vec::with_capacity(count);
        for _ in 0..count {
            let (owner, container, page) = (rest.u32(), rest.u32(), rest.u32());
            pages.push(Entry {
                place: PagePlace { partition, owner, container, page },
                extent: rest.extent(),
            });
        }
        parts.push(Part { partition, sequence, head, pages });
    }
    let are_sorted = parts.iter().all(|part| part.pages.is_sorted_by(|a, b| a.place < b.place));
    (are_sorted && parts.is_sorted_by(|a, b| a.partition < b.partition)).then_some(parts)
}

fn write_extent(extent: Extent, out: &mut Vec<u8>) {
    out.extend(extent.offset.to_le_bytes());
    out.extend(extent.bytes.to_le_bytes());
    out.extend(extent.crc.to_le_bytes());
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

    fn extent(&mut self) -> Extent {
        Extent { offset: self.u64(), bytes: self.u32(), crc: self.u32() }
    }
}
