//! Commit frames: what is written at once, with a checksum and how far the journal was durable before.

use crc32c::crc32c_append;

use crate::blocks::Blocks;
use crate::bugs::{self, Bug};

/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN: usize = 8;
/// Bytes in front of a frame's payload.
pub(crate) const FRAME_HEAD_BYTES: usize = 40;
const MAGIC: [u8; 4] = *b"VJF1";

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// It holds records.
    Records = 1,
    /// The segment ends here; the next one goes on.
    Seal = 2,
    /// It holds nothing: it only says how far the journal is durable.
    Mark = 3,
}

/// Which journal and segment a frame belongs to: part of its checksum, so that no other is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) journal: u64,
    pub(crate) segment: u64,
}

impl Home {
    fn seed(self) -> u32 {
        crc32c_append(crc32c_append(0, &self.journal.to_le_bytes()), &self.segment.to_le_bytes())
    }
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// Its place in the journal, from 1, without gaps, over all segments.
    pub(crate) number: u64,
    /// The frames before this one had been made durable when the frame was written.
    pub(crate) durable: u64,
    pub(crate) kind: FrameKind,
    pub(crate) records: u32,
}

/// Bytes of a frame with this payload.
pub(crate) fn frame_bytes(payload: usize) -> usize {
    (FRAME_HEAD_BYTES + payload).next_multiple_of(FRAME_ALIGN)
}

/// Appends a frame.
pub(crate) fn write_frame(home: Home, head: FrameHead, payload: &[u8], out: &mut Blocks) {
    let start = out.len();
    out.push(&MAGIC);
    out.push(&[0; 4]);
    out.push(&head.number.to_le_bytes());
    out.push(&head.durable.to_le_bytes());
    out.push(&u32::try_from(payload.len()).expect("a frame is shorter than a segment").to_le_bytes());
    out.push(&head.records.to_le_bytes());
    out.push(&[head.kind as u8, 0, 0, 0, 0, 0, 0, 0]);
    out.push(payload);
    out.push_zeros(frame_bytes(payload.len()) - FRAME_HEAD_BYTES - payload.len());
    let crc = crc32c_append(home.seed(), &out.bytes()[start + 8..]);
    out.bytes_mut()[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The frame at the front of `bytes`, with its payload and its length; nothing where there is no whole and
/// sound one.
pub(crate) fn read_frame(home: Home, bytes: &[u8]) -> Option<(FrameHead, &[u8], usize)> {
    let (head, _) = bytes.split_at_checked(FRAME_HEAD_BYTES)?;
    if head[..4] != MAGIC {
        return None;
    }
    let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    let payload = u32_at(24) as usize;
    let length = frame_bytes(payload);
    let checked = bytes.get(8..length)?;
    if crc32c_append(home.seed(), checked) != u32_at(4) && !bugs::has(Bug::ChecksumIgnored) {
        return None;
    }
    let kind = match head[32] {
        1 => FrameKind::Records,
        2 => FrameKind::Seal,
        3 => FrameKind::Mark,
        _ => return None,
    };
    let head = FrameHead { number: u64_at(8), durable: u64_at(16), kind, records: u32_at(28) };
    Some((head, &bytes[FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + payload], length))
}

/// Whether a frame could begin here; cheaper than reading it.
pub(crate) fn looks_like_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}
