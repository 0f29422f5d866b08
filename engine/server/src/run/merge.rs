//! Several inputs as one: by event time, each in its own order.

use std::ops::Range;

use vencejo_types::StreamId;

use super::input::{Batch, Failed, Input};
use crate::lines::Source;

/// Inputs that advance together. The next row is the one of least event time among those that come next in
/// their inputs; of equal times, the one of the input given first. So no row overtakes another of its own
/// input, however disordered. A row without event time goes with the one before it; inputs of streams that
/// have none at all are read first, in the order given.
pub struct Merge {
    feeds: Vec<Feed>,
    /// Inputs per stream that have not ended.
    open: Vec<usize>,
}

/// What comes next.
pub enum Next {
    /// A row of the feed in this place.
    Row(usize),
    /// No further row of this stream is to come.
    StreamEnd(StreamId),
    /// All inputs have ended.
    End,
}

/// Counts of one input, once it has been read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Rows that were taken.
    pub rows: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Rows that the stream's declaration refuses.
    pub refused: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Processor time that reading took, in nanoseconds.
    pub processor_nanos: u64,
}

struct Feed {
    input: Input,
    batch: Batch,
    next: usize,
    /// Event time of the row that comes next.
    time: i64,
    state: State,
    counts: Counts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its next row is at hand.
    Ready,
    /// Its next row has been taken.
    Taken,
    /// It has ended, and so much has been said.
    Ended,
}

impl Merge {
    /// Merges inputs of an app with so many streams.
    pub fn new(inputs: Vec<Input>, streams: usize) -> Self {
        let mut open = vec![0; streams];
        for input in &inputs {
            open[input.stream.index()] += 1;
        }
        let feeds = inputs.into_iter().map(|input| Feed {
            input,
            batch: Batch::default(),
            next: 0,
            time: i64::MIN,
            state: State::Taken,
            counts: Counts::default(),
        });
        Self { feeds: feeds.collect(), open }
    }

    /// Goes on. `waits` is called before waiting for input; `problem` takes what is wrong with rows.
    ///
    /// # Errors
    /// When an input cannot be read on; all rows before have been given.
    pub fn next(&mut self, waits: &mut dyn FnMut(), problem: &mut dyn FnMut(&str)) -> Result<Next, Failed> {
        for place in 0..self.feeds.len() {
            let feed = &mut self.feeds[place];
            if feed.state == State::Taken && !feed.advance(waits, problem)? {
                feed.state = State::Ended;
                let stream = feed.input.stream;
                self.open[stream.index()] -= 1;
                if self.open[stream.index()] == 0 {
                    return Ok(Next::StreamEnd(stream));
                }
            }
        }
        let ready = self.feeds.iter().enumerate().filter(|(_, feed)| feed.state == State::Ready);
        match ready.min_by_key(|(_, feed)| feed.time) {
            Some((place, _)) => {
                self.feeds[place].state = State::Taken;
                Ok(Next::Row(place))
            }
            None => Ok(Next::End),
        }
    }

    /// The row that [`Merge::next`] has named, its stream and its event time.
    pub fn row(&self, place: usize) -> (StreamId, &[u8], Option<i64>) {
        let feed = &self.feeds[place];
        let (span, time) = feed.batch.row(feed.next - 1);
        (feed.input.stream, &feed.batch.bytes[span], time)
    }

    /// This row and those that follow it in its input, where it is the first of so many.
    pub fn rows_from(&self, place: usize, many: usize) -> Option<impl Iterator<Item = &[u8]> + Clone> {
        let feed = &self.feeds[place];
        let first = feed.next - 1;
        let row = |at| &feed.batch.bytes[feed.batch.row(at).0];
        first.is_multiple_of(many).then(|| (first..feed.batch.rows.len()).take(many).map(row))
    }

    /// Whether a stream has an input.
    pub fn is_fed(&self, stream: StreamId) -> bool {
        self.feeds.iter().any(|feed| feed.input.stream == stream)
    }

    /// How far each input has been read.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.feeds.iter().map(|feed| &feed.input.source)
    }

    /// Per input, its stream and counts so far.
    pub fn counts(&self) -> impl Iterator<Item = (StreamId, Counts)> {
        self.feeds.iter().map(|feed| (feed.input.stream, feed.counts))
    }
}

impl Feed {
    /// Brings the next row to hand; false at the end.
    fn advance(&mut self, waits: &mut dyn FnMut(), problem: &mut dyn FnMut(&str)) -> Result<bool, Failed> {
        while self.next == self.batch.rows.len() {
            if let Some(failed) = self.batch.failed.take() {
                return Err(failed);
            }
            let Some(batch) = self.input.next(&mut *waits)? else { return Ok(false) };
            self.input.give_back(std::mem::replace(&mut self.batch, batch));
            self.next = 0;
            self.batch.problems.iter().for_each(|text| problem(text));
            self.counts.rows += self.batch.rows.len() as u64;
            self.counts.unreadable += self.batch.unreadable;
            self.counts.refused += self.batch.refused;
            self.counts.bytes += self.batch.bytes_read;
            self.counts.processor_nanos += self.batch.processor_nanos;
        }
        let (_, time) = self.batch.row(self.next);
        self.time = time.unwrap_or(self.time);
        self.next += 1;
        self.state = State::Ready;
        Ok(true)
    }
}

impl Batch {
    fn row(&self, place: usize) -> (Range<usize>, Option<i64>) {
        let start = place.checked_sub(1).map_or(0, |before| self.rows[before].0);
        let (end, time) = self.rows[place];
        (start..end, time)
    }
}
