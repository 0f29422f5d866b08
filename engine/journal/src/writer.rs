//! Writing frames at the journal's end.

use std::io;
use std::sync::Arc;

use crate::blocks::Blocks;
use crate::bugs::{self, Bug};
use crate::error::JournalError;
use crate::frame::{FrameHead, FrameKind, Home, frame_bytes, write_frame};
use crate::queue::Chunk;
use crate::record::Tally;
use crate::scan::End;
use crate::segment::{self, SegmentHead};
use crate::spare::Spare;
use crate::storage::{Access, BLOCK_BYTES, File, Storage, read_full_at, write_all_at};

/// The journal's end.
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    journal: u64,
    segment: u64,
    segment_bytes: u64,
    /// Length of the segments that are yet to be made.
    segment_bytes_next: u64,
    file: Box<dyn File>,
    /// Where in the file `blocks` belongs.
    block_start: u64,
    /// The last block, as far as it is written, and what is to be written behind it.
    blocks: Blocks,
    frame_next: u64,
    /// The frames before this one are durable.
    durable: u64,
    /// The frames before this one are durable by what is on disk.
    marked: u64,
    spare: Spare,
    inline: bool,
}

impl Writer {
    /// Goes on where a scan ended, behind records of this tally. The segment there has a head, or gets one.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        (end, tally): (End, &Tally),
        journal: u64,
        segment_bytes_next: u64,
        inline: bool,
    ) -> Result<Self, JournalError> {
        let path = segment::path(end.segment);
        let failed = |doing| {
            let path = path.clone();
            move |error| JournalError::new(doing, path, error)
        };
        let file = storage.open(&path, Access::Direct).map_err(failed("opening"))?;
        let mut writer = Self {
            storage,
            journal,
            segment: end.segment,
            segment_bytes: end.segment_bytes,
            segment_bytes_next,
            file,
            block_start: BLOCK_BYTES as u64,
            blocks: Blocks::new(),
            frame_next: end.frame_next,
            durable: end.frame_next,
            marked: end.frame_next,
            spare: if end.segment_last > end.segment { Spare::Ready } else { Spare::Absent },
            inline,
        };
        if end.offset == 0 {
            writer.write_head(tally)?;
            return Ok(writer);
        }
        let within = end.offset % BLOCK_BYTES as u64;
        writer.block_start = end.offset - within;
        // Direct reads want aligned memory, too: this one goes through the system's cache.
        let reader = writer.storage.open(&path, Access::Buffered).map_err(failed("opening"))?;
        let mut tail = vec![0; usize::try_from(within).expect("less than a block")];
        read_full_at(&*reader, writer.block_start, &mut tail).map_err(failed("reading"))?;
        writer.blocks.push(&tail);
        if end.offset == BLOCK_BYTES as u64 {
            writer.begin_segment(tally);
        }
        Ok(writer)
    }

    /// Writes the chunks as a frame each and makes them durable.
    pub(crate) fn commit(&mut self, chunks: &[Chunk]) -> Result<(), JournalError> {
        for chunk in chunks {
            if self.offset() + (frame_bytes(chunk.bytes.len()) + frame_bytes(0)) as u64 > self.segment_bytes {
                self.roll(&chunk.before)?;
            }
            self.push(FrameKind::Records, chunk.records, &chunk.bytes);
        }
        self.flush()
    }

    /// Says on disk how far the journal is durable, where that is not said yet.
    pub(crate) fn mark(&mut self) -> Result<(), JournalError> {
        let room = self.offset() + 2 * frame_bytes(0) as u64 <= self.segment_bytes;
        if self.marked == self.durable || !room {
            return Ok(());
        }
        self.push(FrameKind::Mark, 0, &[]);
        self.flush()?;
        // The mark itself need not be said to be durable.
        self.marked = self.durable;
        Ok(())
    }

    /// Whether the last frames' durability is said nowhere on disk.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.marked != self.durable
    }

    /// The number of the first frame that is not durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Sees to the spare segment. Tries anew where the disk had no room, if asked to.
    pub(crate) fn see_to_spare(&mut self, again: bool) -> Result<(), JournalError> {
        let path = segment::path(self.segment + 1);
        self.spare.look(false).map_err(|error| JournalError::new("making", &path, error))?;
        let wanted = self.offset() >= self.segment_bytes / 4;
        if matches!(self.spare, Spare::Absent) && wanted || matches!(self.spare, Spare::NoRoom) && again {
            let begun = Spare::begin(&self.storage, self.segment + 1, self.segment_bytes_next, self.inline);
            self.spare = begun.map_err(|error| JournalError::new("making", &path, error))?;
        }
        Ok(())
    }

    /// The state of the spare segment.
    pub(crate) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Bytes of records that certainly find room.
    pub(crate) fn room(&self) -> u64 {
        let usable = |bytes: u64, used: u64| bytes.saturating_sub(used + wasted(bytes));
        let spare = match self.spare {
            Spare::Ready => usable(self.segment_bytes_next, BLOCK_BYTES as u64),
            _ => 0,
        };
        usable(self.segment_bytes, self.offset()) + spare
    }

    fn offset(&self) -> u64 {
        self.block_start + self.blocks.len() as u64
    }

    fn push(&mut self, kind: FrameKind, records: u32, payload: &[u8]) {
        let durable = self.durable + u64::from(bugs::has(Bug::WatermarkAhead));
        let head = FrameHead { number: self.frame_next, durable, kind, records };
        write_frame(Home { journal: self.journal, segment: self.segment }, head, payload, &mut self.blocks);
        self.frame_next += 1;
    }

    /// Writes what has gathered and makes it durable.
    fn flush(&mut self) -> Result<(), JournalError> {
        let end = self.blocks.len();
        self.blocks.pad();
        let path = || segment::path(self.segment);
        write_all_at(&*self.file, self.block_start, self.blocks.bytes())
            .map_err(|error| JournalError::new("writing", path(), error))?;
        let mut synced = self.file.sync();
        if bugs::has(Bug::SyncAgain) && synced.is_err() {
            synced = self.file.sync();
        }
        synced.map_err(|error| JournalError::new("syncing", path(), error))?;
        self.durable = self.frame_next;
        let whole = end - end % BLOCK_BYTES;
        self.blocks.keep_from(whole, end);
        if bugs::has(Bug::TailBlockEmptied) {
            self.blocks.bytes_mut().fill(0);
        }
        self.block_start += whole as u64;
        Ok(())
    }

    /// Ends this segment and goes on in the spare one, which is durable before the end is said.
    fn roll(&mut self, before: &Tally) -> Result<(), JournalError> {
        let path = segment::path(self.segment + 1);
        let failed = |doing| {
            let path = path.clone();
            move |error| JournalError::new(doing, path, error)
        };
        if matches!(self.spare, Spare::Absent | Spare::NoRoom) {
            self.spare = Spare::begin(&self.storage, self.segment + 1, self.segment_bytes_next, self.inline)
                .map_err(failed("making"))?;
        }
        self.spare.look(true).map_err(failed("making"))?;
        if !matches!(self.spare, Spare::Ready) {
            return Err(failed("making")(io::ErrorKind::StorageFull.into()));
        }
        self.push(FrameKind::Seal, 0, &[]);
        self.flush()?;
        self.file = self.storage.open(&path, Access::Direct).map_err(failed("opening"))?;
        self.segment_bytes = self.file.bytes().map_err(failed("opening"))?;
        (self.segment, self.spare) = (self.segment + 1, Spare::Absent);
        self.write_head(before)
    }

    /// A segment's head is durable before its first frame is written.
    fn write_head(&mut self, before: &Tally) -> Result<(), JournalError> {
        let Self { journal, segment: number, segment_bytes: bytes, frame_next: frame_first, .. } = *self;
        self.blocks.clear();
        self.blocks.push(&SegmentHead { journal, number, bytes, frame_first }.write());
        let path = || segment::path(number);
        write_all_at(&*self.file, 0, self.blocks.bytes())
            .map_err(|error| JournalError::new("writing", path(), error))?;
        if !bugs::has(Bug::HeadNotSynced) {
            self.file.sync().map_err(|error| JournalError::new("syncing", path(), error))?;
        }
        self.blocks.clear();
        self.block_start = BLOCK_BYTES as u64;
        self.begin_segment(before);
        Ok(())
    }

    /// A segment says first what those before it hold, so that they may go. Written with the next commit.
    fn begin_segment(&mut self, before: &Tally) {
        if let Some((records, bytes)) = before.preamble() {
            self.push(FrameKind::Records, records, &bytes);
        }
    }
}

/// Bytes of a segment's end that may stay empty, because the next frame does not fit.
fn wasted(segment_bytes: u64) -> u64 {
    segment_bytes / 5
}

/// A frame gathers records up to so many bytes.
pub(crate) fn chunk_bytes_max(segment_bytes: u64) -> usize {
    usize::try_from(segment_bytes / 8).unwrap_or(usize::MAX).min(1 << 20)
}
