//! The state of a set of rules as an image: a head, and pages of keys.
//!
//! A capture begins between two rows. From then on a page one of whose keys is about to change is saved
//! first, and the others when there is time; so the image shows one moment, and no row waits for more than
//! one page. What is known of a key stands in its page alone, runs, rows and paths included.

mod bytes;
mod key;

use std::sync::Arc;

pub use bytes::Malformed;
pub(crate) use bytes::{Reader, Write};
pub(crate) use key::{PathNumbers, ReadPaths, run_count, time};

use crate::RuleCounters;
use crate::buffer::Waiting;
use crate::set::RuleSet;

/// Keys of a page. A key with open runs takes about half a kilobyte.
const KEYS_PER_PAGE: usize = 32;
/// Rows that wait for the watermark, of a page.
const ROWS_PER_PAGE: usize = 64;

/// A page of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePage {
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A capture that is under way.
#[derive(Debug)]
pub(crate) struct Saving {
    /// Of each page of keys, whether it is saved.
    saved: Vec<bool>,
    /// The first page that the capture has not come to.
    next: usize,
    /// Places of keys when it began.
    places: usize,
    /// Rows that waited when it began. They do not change.
    waiting: Vec<Arc<Waiting>>,
    /// Saved because they were about to change.
    out: Vec<RulePage>,
}

impl RuleSet {
    /// Begins a capture of the state as it is now: the image's head. One that was under way is given up.
    /// Cost: a word for each place of a key that is free, a reference for each row that waits for the
    /// watermark, and a byte for each page.
    pub fn begin_capture(&mut self) -> Vec<u8> {
        let places = self.keys.places();
        let waiting: Vec<Arc<Waiting>> = self.buffer.waiting().cloned().collect();
        let head = self.head(waiting.len());
        let saved = vec![false; places.div_ceil(KEYS_PER_PAGE)];
        self.saving = Some(Box::new(Saving { saved, next: 0, places, waiting, out: Vec::new() }));
        head
    }

    /// Gives up the capture that is under way, if any.
    pub fn end_capture(&mut self) {
        self.saving = None;
    }

    /// Appends pages of the capture that is under way until about `budget` bytes are spent; whether the image
    /// has them all.
    pub fn capture_some(&mut self, budget: &mut usize, out: &mut Vec<RulePage>) -> bool {
        let Some(mut saving) = self.saving.take() else { return true };
        let mut give = |page: RulePage| {
            *budget = budget.saturating_sub(page.bytes.len().max(1));
            out.push(page);
            *budget > 0
        };
        let mut goes_on = true;
        saving.out.drain(..).for_each(|page| goes_on &= give(page));
        while goes_on && saving.next < saving.saved.len() {
            let number = saving.next;
            saving.next += 1;
            if !saving.saved[number] {
                saving.saved[number] = true;
                goes_on = give(self.key_page(number, saving.places));
            }
        }
        while goes_on && !saving.waiting.is_empty() {
            let first = saving.waiting.len().saturating_sub(1) / ROWS_PER_PAGE;
            let rows = saving.waiting.split_off(first * ROWS_PER_PAGE);
            let number = (saving.saved.len() + first) as u32;
            goes_on = give(RulePage { number, bytes: rows_page(&rows) });
        }
        let is_done = saving.next == saving.saved.len() && saving.waiting.is_empty();
        if !is_done {
            self.saving = Some(saving);
        }
        is_done
    }

    /// Has the page of a place saved before its key changes; a page that the capture has costs a look.
    #[cold]
    pub(crate) fn save_first(&mut self, place: usize) {
        let Some(mut saving) = self.saving.take() else { return };
        let number = place / KEYS_PER_PAGE;
        if saving.saved.get(number) == Some(&false) {
            saving.saved[number] = true;
            saving.out.push(self.key_page(number, saving.places));
        }
        self.saving = Some(saving);
    }

    /// Goes on from an image, in place of what it holds. `page` appends the bytes of a page and says whether
    /// there are any.
    ///
    /// # Errors
    /// When the head or a page is none of these rules; the set is then to be dropped.
    pub fn restore(
        &mut self,
        head: &[u8],
        page: &mut dyn FnMut(u32, &mut Vec<u8>) -> bool,
    ) -> Result<(), Malformed> {
        let (places, rows) = self.read_head(head)?;
        let keys = places.div_ceil(KEYS_PER_PAGE);
        let mut bytes = Vec::new();
        for number in 0..keys + rows.div_ceil(ROWS_PER_PAGE) {
            bytes.clear();
            if !page(u32::try_from(number).map_err(|_| Malformed)?, &mut bytes) {
                return Err(Malformed);
            }
            let mut reader = Reader(&bytes);
            if number < keys {
                let first = number * KEYS_PER_PAGE;
                for place in first..places.min(first + KEYS_PER_PAGE) {
                    self.read_key(place, &mut reader)?;
                }
            } else {
                let first = (number - keys) * ROWS_PER_PAGE;
                for _ in first..rows.min(first + ROWS_PER_PAGE) {
                    self.buffer.restore(Waiting::read(&self.spec.then_by, &self.spec.input, &mut reader)?);
                }
            }
            reader.end()?;
        }
        Ok(())
    }

    /// Shows the whole state as bytes, piece by piece: the same state, the same bytes.
    pub fn digest(&self, show: &mut dyn FnMut(&[u8])) {
        let mut waiting: Vec<Arc<Waiting>> = self.buffer.waiting().cloned().collect();
        waiting.sort_unstable();
        show(&self.head(waiting.len()));
        let places = self.keys.places();
        (0..places.div_ceil(KEYS_PER_PAGE)).for_each(|number| show(&self.key_page(number, places).bytes));
        waiting.chunks(ROWS_PER_PAGE).for_each(|rows| show(&rows_page(rows)));
    }

    fn head(&self, waiting: usize) -> Vec<u8> {
        let mut out = Vec::new();
        out.size(self.keys.places());
        out.size(waiting);
        out.size(self.keys.free().len());
        self.keys.free().iter().for_each(|&place| out.word(u64::from(place)));
        self.clock.save(&mut out);
        out.int(self.watermark);
        [self.late, self.refused, self.buffer.arrivals()].into_iter().for_each(|word| out.word(word));
        for counters in &self.counters {
            let RuleCounters { rows: _, open: _, matches, timeouts, dropped } = *counters;
            [matches, timeouts, dropped].into_iter().for_each(|word| out.word(word));
        }
        self.dispatch.passed().for_each(|rows| out.word(rows));
        out
    }

    /// Takes a head; how many places of keys and how many waiting rows it has.
    fn read_head(&mut self, head: &[u8]) -> Result<(usize, usize), Malformed> {
        let mut reader = Reader(head);
        let (places, rows) = (reader.number()? as usize, reader.number()? as usize);
        let free = (0..reader.count()?).map(|_| reader.number()).collect::<Result<_, _>>()?;
        self.keys.begin_restore(places, free).ok_or(Malformed)?;
        self.clock.restore(&mut reader)?;
        self.watermark = reader.int()?;
        (self.late, self.refused) = (reader.word()?, reader.word()?);
        self.buffer.begin_restore(reader.word()?);
        for counters in &mut self.counters {
            let (matches, timeouts, dropped) = (reader.word()?, reader.word()?, reader.word()?);
            *counters = RuleCounters { matches, timeouts, dropped, ..RuleCounters::default() };
        }
        for rows in self.dispatch.passed_mut() {
            *rows = reader.word()?;
        }
        reader.end()?;
        Ok((places, rows))
    }
}

fn rows_page(rows: &[Arc<Waiting>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    rows.iter().for_each(|row| row.save(&mut bytes));
    bytes
}
