//! Reading the journal from its first frame to where it ends.

use std::collections::VecDeque;

use crate::bugs::{self, Bug};
use crate::error::{Damage, JournalError, OpenError};
use crate::frame::{FRAME_ALIGN, FrameKind, Home, looks_like_frame, read_frame};
use crate::record::{Record, Tally};
use crate::segment::{self, FirstBlock, SegmentHead};
use crate::start::{Behind, needed};
use crate::storage::{Access, BLOCK_BYTES, Storage, read_full_at};

/// Takes the records, in their order; what it refuses ends the scan.
pub(crate) type Visit<'v> = dyn FnMut(&Record<'_>) -> Result<(), String> + 'v;

/// Where a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Of the journal; nothing where no segment has a head yet.
    pub(crate) journal: Option<u64>,
    pub(crate) segment: u64,
    /// Where the next frame belongs; 0 where the segment has no head yet.
    pub(crate) offset: u64,
    /// The next frame's number.
    pub(crate) frame_next: u64,
    /// Length of the segment's file.
    pub(crate) segment_bytes: u64,
    /// Bytes behind the end that are not zero: a commit that was cut short.
    pub(crate) torn: bool,
    /// The first frame of which nothing says that it is durable: segment and offset. All such are in one.
    pub(crate) unsure: Option<(u64, u64)>,
    /// Number of the last segment there is.
    pub(crate) segment_last: u64,
}

/// Reads frames from where `behind` ends (the first segment on where there is nothing behind), up to the one
/// with the number `until`, or to where they end. Nothing when there is no segment.
pub(crate) fn scan(
    storage: &dyn Storage,
    behind: Option<&Behind>,
    until: Option<u64>,
    visit: &mut Visit<'_>,
) -> Result<Option<(End, Tally)>, OpenError> {
    let numbers = needed(storage, behind)?;
    let Some((&first, &last)) = numbers.first().zip(numbers.last()) else { return Ok(None) };
    let mut scan = Scan {
        storage,
        until,
        visit,
        bytes: Vec::new(),
        expected: behind.map(|behind| behind.journal),
        journal: None,
        frame_next: 1,
        unsure: VecDeque::new(),
        tally: Tally::default(),
        last,
    };
    for &number in &numbers {
        scan.load(number)?;
        if let Some(end) = scan.segment(number, number == first)? {
            return Ok(Some((end, scan.tally)));
        }
    }
    Err(damaged(last + 1, 0, "the segment is missing, and the one before it ends in its favour"))
}

struct Scan<'s, 'v> {
    storage: &'s dyn Storage,
    until: Option<u64>,
    visit: &'s mut Visit<'v>,
    /// The segment at hand.
    bytes: Vec<u8>,
    /// The number that the journal is to have.
    expected: Option<u64>,
    journal: Option<u64>,
    frame_next: u64,
    /// Frames that no later one has called durable: number, segment and offset.
    unsure: VecDeque<(u64, u64, u64)>,
    tally: Tally,
    last: u64,
}

impl Scan<'_, '_> {
    /// Brings a whole segment to hand.
    fn load(&mut self, number: u64) -> Result<(), OpenError> {
        let path = segment::path(number);
        let failed = |error| JournalError::new("reading", &path, error);
        let file = self.storage.open(&path, Access::Buffered).map_err(failed)?;
        let length = usize::try_from(file.bytes().map_err(failed)?).unwrap_or(usize::MAX);
        self.bytes.resize(length, 0);
        let read = read_full_at(&*file, 0, &mut self.bytes).map_err(failed)?;
        self.bytes.truncate(read);
        Ok(())
    }

    /// Reads the segment at hand; where the journal ends in it. Nothing when the next one goes on.
    fn segment(&mut self, number: u64, is_first: bool) -> Result<Option<End>, OpenError> {
        let Some(head) = self.head(number, is_first)? else { return self.end(number, 0).map(Some) };
        // A segment gets its head when all before it is durable.
        self.now_durable(head.frame_first);
        let home = Home { journal: head.journal, segment: number };
        let mut offset = BLOCK_BYTES;
        loop {
            if self.until.is_some_and(|until| self.frame_next >= until) {
                return Ok(Some(self.end_at(number, offset, false)));
            }
            let rest = self.bytes.get(offset..).unwrap_or_default();
            let Some((frame, payload, length)) = read_frame(home, rest) else { break };
            if frame.number != self.frame_next
                || frame.durable > frame.number && !bugs::has(Bug::WatermarkAhead)
            {
                break;
            }
            let (records, mut payload) = (payload, payload);
            for _ in 0..frame.records {
                let broken = |error| damaged(number, offset as u64, &format!("{error}"));
                let (record, rest) = Record::read(payload).map_err(broken)?;
                (self.visit)(&record).map_err(OpenError::Refused)?;
                payload = rest;
            }
            if !payload.is_empty() {
                return Err(damaged(number, offset as u64, "a frame holds more than its records"));
            }
            self.tally.take(records);
            self.unsure.push_back((frame.number, number, offset as u64));
            self.now_durable(frame.durable);
            self.frame_next += 1;
            offset += length;
            if frame.kind == FrameKind::Seal {
                return Ok(None);
            }
        }
        self.end(number, offset).map(Some)
    }

    /// The head of the segment at hand; nothing where it has none yet.
    fn head(&mut self, number: u64, is_first: bool) -> Result<Option<SegmentHead>, OpenError> {
        let length = self.bytes.len();
        let (block, rest) = self.bytes.split_at(BLOCK_BYTES.min(length));
        let head = match SegmentHead::read(block) {
            FirstBlock::Head(head) => head,
            FirstBlock::Version(version) => {
                return Err(OpenError::Version { path: segment::path(number), version });
            }
            FirstBlock::Blank | FirstBlock::Broken if length >= BLOCK_BYTES && is_zero(rest) => {
                return Ok(None);
            }
            // A head is durable before the first frame behind it is written.
            FirstBlock::Blank | FirstBlock::Broken => {
                return Err(damaged(number, 0, "the segment's head is not what was written"));
            }
        };
        if head.bytes != length as u64 {
            let what = format!("the file has {length} bytes, its head says {}", head.bytes);
            return Err(damaged(number, length.min(self.bytes.len()) as u64, &what));
        }
        if let Some(behind) = self.expected.filter(|&expected| expected != head.journal) {
            return Err(OpenError::Another { journal: head.journal, behind });
        }
        let journal = *self.journal.get_or_insert(head.journal);
        if is_first {
            self.frame_next = head.frame_first;
        }
        if head.number != number || head.journal != journal || head.frame_first != self.frame_next {
            return Err(damaged(number, 0, "the segment belongs elsewhere"));
        }
        Ok(Some(head))
    }

    /// The journal ends here, unless something behind this place says that it was durable up to there.
    fn end(&mut self, number: u64, offset: usize) -> Result<End, OpenError> {
        if self.until.is_some() {
            return Err(damaged(number, offset as u64, "a frame that was written is not there"));
        }
        let end = self.end_at(number, offset, !is_zero(self.bytes.get(offset..).unwrap_or_default()));
        let (journal, frame) = (self.journal.unwrap_or_default(), self.frame_next);
        let says_more = |bytes: &[u8], from: usize, segment: u64| {
            let places = (from..bytes.len()).step_by(FRAME_ALIGN);
            let frames = places.filter(|&at| looks_like_frame(&bytes[at..]));
            let home = Home { journal, segment };
            frames.filter_map(|at| read_frame(home, &bytes[at..])).any(|(head, ..)| head.durable > frame)
        };
        let what = "what was written there is not there any more";
        if end.torn && !bugs::has(Bug::CutPastWatermark) && says_more(&self.bytes, offset, number) {
            return Err(damaged(number, offset as u64, what));
        }
        for later in number + 1..=self.last {
            self.load(later)?;
            // A later segment gets its head when all before it is durable.
            if !is_zero(self.bytes.get(BLOCK_BYTES..).unwrap_or_default())
                || matches!(
                    SegmentHead::read(&self.bytes[..BLOCK_BYTES.min(self.bytes.len())]),
                    FirstBlock::Head(_)
                )
            {
                return Err(damaged(number, offset as u64, what));
            }
        }
        Ok(end)
    }

    /// All frames before this one are durable.
    fn now_durable(&mut self, number: u64) {
        while self.unsure.pop_front_if(|&mut (unsure, ..)| unsure < number).is_some() {}
    }

    fn end_at(&self, segment: u64, offset: usize, torn: bool) -> End {
        End {
            journal: self.journal,
            segment,
            offset: offset as u64,
            frame_next: self.frame_next,
            segment_bytes: self.bytes.len() as u64,
            torn,
            unsure: self.unsure.front().map(|&(_, segment, offset)| (segment, offset)),
            segment_last: self.last,
        }
    }
}

fn damaged(segment: u64, offset: u64, what: &str) -> OpenError {
    OpenError::Damaged(Damage { path: segment::path(segment), offset, what: what.to_owned() })
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let chunks = bytes.chunks_exact(64);
    let rest = chunks.remainder();
    let mut chunks = chunks;
    chunks.all(|chunk| chunk.iter().fold(0, |all, &byte| all | byte) == 0)
        && rest.iter().all(|&byte| byte == 0)
}
