//! Segments: files of a fixed length that the journal fills one after the other.

use std::path::{Path, PathBuf};

use crc32c::crc32c;

use crate::storage::BLOCK_BYTES;

/// The folder of the segments.
pub(crate) const FOLDER: &str = "journal";
const MAGIC: [u8; 8] = *b"VJOURNAL";
const VERSION: u32 = 1;
const CHECKED_BYTES: usize = 48;

/// What a segment begins with; it takes one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) journal: u64,
    pub(crate) number: u64,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// The number of its first frame.
    pub(crate) frame_first: u64,
}

/// What the first block of a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstBlock {
    /// A head.
    Head(SegmentHead),
    /// Nothing yet: the segment is a spare.
    Blank,
    /// A head of another version of the format.
    Version(u32),
    /// Something that is none of these.
    Broken,
}

impl SegmentHead {
    pub(crate) fn write(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        block[..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&u32::try_from(BLOCK_BYTES).expect("a block is short").to_le_bytes());
        block[16..24].copy_from_slice(&self.journal.to_le_bytes());
        block[24..32].copy_from_slice(&self.number.to_le_bytes());
        block[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        block[40..48].copy_from_slice(&self.frame_first.to_le_bytes());
        let crc = crc32c(&block[..CHECKED_BYTES]);
        block[CHECKED_BYTES..CHECKED_BYTES + 4].copy_from_slice(&crc.to_le_bytes());
        block
    }

    pub(crate) fn read(block: &[u8]) -> FirstBlock {
        if block.iter().all(|&byte| byte == 0) {
            return FirstBlock::Blank;
        }
        let Some((checked, rest)) = block.split_at_checked(CHECKED_BYTES) else { return FirstBlock::Broken };
        let Some((crc, zeros)) = rest.split_first_chunk::<4>() else { return FirstBlock::Broken };
        if checked[..8] != MAGIC || *crc != crc32c(checked).to_le_bytes() {
            return FirstBlock::Broken;
        }
        let u32_at = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if u32_at(8) != VERSION {
            return FirstBlock::Version(u32_at(8));
        }
        if zeros.iter().any(|&byte| byte != 0) || u32_at(12) as usize != BLOCK_BYTES {
            return FirstBlock::Broken;
        }
        let [journal, number, bytes, frame_first] = [16, 24, 32, 40].map(u64_at);
        FirstBlock::Head(Self { journal, number, bytes, frame_first })
    }
}

/// The path of a segment.
pub(crate) fn path(number: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("{number:016x}.segment"))
}

/// The number of a segment by its file's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment")?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}
