//! After an alert, silence: per key, for a time.

use std::collections::{BTreeMap, VecDeque};

use rkyv::rancor::Error;
use vencejo_types::limits::COOLDOWN_KEYS_MAX;

/// When the silence of each key ends, for as long as it matters.
#[derive(Debug)]
pub(crate) struct Cooldown {
    length_millis: i64,
    /// The last end of each key.
    last: BTreeMap<Box<[u8]>, i64>,
    /// Keys in the order of their alerts, each with the end of its silence.
    ends: VecDeque<(i64, Box<[u8]>)>,
    /// Matches that raised nothing.
    suppressed: u64,
    bytes: usize,
    saving: Option<Box<Saving>>,
}

/// An end of a silence, and its key.
type EndV1 = (i64, Box<[u8]>);

/// A capture that is under way. What it has to save lies in one piece of `ends`, as these grow at the back
/// and go at the front.
#[derive(Debug, Default)]
struct Saving {
    /// Ends before that piece.
    done: usize,
    /// Ends of that piece.
    left: usize,
    /// Ends that went before they were saved; they come before that piece.
    gone: Vec<EndV1>,
}

/// Ends of a page of an image.
const ENDS_PER_PAGE: usize = 256;

impl Cooldown {
    pub(crate) fn new(length_millis: i64) -> Self {
        let (last, ends) = (BTreeMap::new(), VecDeque::new());
        Self { length_millis, last, ends, suppressed: 0, bytes: 0, saving: None }
    }

    /// Whether a match of this event time raises an alert; if so, its key is silent from now on.
    pub(crate) fn admits(&mut self, key: &[u8], time: i64) -> bool {
        if self.length_millis == 0 {
            return true;
        }
        if self.last.get(key).is_some_and(|&end| time < end) {
            self.suppressed += 1;
            return false;
        }
        while self.ends.len() >= COOLDOWN_KEYS_MAX {
            self.forget_first();
        }
        self.silence(key, time.saturating_add(self.length_millis));
        true
    }

    fn silence(&mut self, key: &[u8], end: i64) {
        self.bytes += 2 * key.len();
        self.last.insert(key.into(), end);
        self.ends.push_back((end, key.into()));
    }

    /// Forgets silences that have ended.
    pub(crate) fn watermark(&mut self, watermark: i64) {
        while self.ends.front().is_some_and(|(end, _)| *end <= watermark) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((end, key)) = self.ends.pop_front() else { return };
        self.bytes -= 2 * key.len();
        // The key may have raised again since.
        if self.last.get(&key).is_some_and(|&last| last <= end) {
            self.last.remove(&key);
        }
        if let Some(saving) = &mut self.saving {
            if saving.done > 0 {
                saving.done -= 1;
            } else if saving.left > 0 {
                saving.left -= 1;
                saving.gone.push((end, key));
            }
        }
    }

    /// Gives up the capture that is under way, if any.
    pub(crate) fn end_capture(&mut self) {
        self.saving = None;
    }

    /// Begins a capture of the silences as they are now: an image's head.
    pub(crate) fn begin_capture(&mut self) -> Vec<u8> {
        self.saving = Some(Box::new(Saving { left: self.ends.len(), ..Saving::default() }));
        self.head()
    }

    fn head(&self) -> Vec<u8> {
        [self.suppressed, self.ends.len() as u64].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Gives pages of the capture that is under way while `give` wants more; whether these were all.
    pub(crate) fn capture_some(&mut self, give: &mut dyn FnMut(Vec<u8>) -> bool) -> bool {
        let Some(mut saving) = self.saving.take() else { return true };
        let mut goes_on = true;
        while goes_on && saving.gone.len() + saving.left > 0 {
            let count = ENDS_PER_PAGE.saturating_sub(saving.gone.len()).min(saving.left);
            let mut ends = std::mem::take(&mut saving.gone);
            ends.extend(self.ends.range(saving.done..saving.done + count).cloned());
            (saving.done, saving.left) = (saving.done + count, saving.left - count);
            goes_on = give(page(&ends));
        }
        let is_done = saving.gone.len() + saving.left == 0;
        if !is_done {
            self.saving = Some(saving);
        }
        is_done
    }

    /// Goes on from an image, in place of what it holds; nothing where it is none. `page` gives the next one.
    pub(crate) fn restore(&mut self, head: &[u8], page: &mut dyn FnMut() -> Option<Vec<u8>>) -> Option<()> {
        let (suppressed, count) = head.split_first_chunk()?;
        let count = usize::try_from(u64::from_le_bytes(count.try_into().ok()?)).ok()?;
        *self = Self { suppressed: u64::from_le_bytes(*suppressed), ..Self::new(self.length_millis) };
        while self.ends.len() < count {
            let ends = rkyv::from_bytes::<Vec<EndV1>, Error>(&page()?).ok()?;
            if ends.is_empty() {
                return None;
            }
            ends.iter().for_each(|(end, key)| self.silence(key, *end));
        }
        (self.ends.len() == count).then_some(())
    }

    /// Shows all of it as bytes.
    pub(crate) fn digest(&self, show: &mut dyn FnMut(&[u8])) {
        show(&self.head());
        self.ends.iter().for_each(|end| show(&page(std::slice::from_ref(end))));
    }

    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    pub(crate) fn keys(&self) -> usize {
        self.last.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
            + self.ends.capacity() * size_of::<(i64, Box<[u8]>)>()
            + self.last.len() * size_of::<(Box<[u8]>, i64)>()
    }
}

fn page(ends: &[EndV1]) -> Vec<u8> {
    rkyv::to_bytes::<Error>(&ends.to_vec()).expect("memory is all that it can lack").to_vec()
}

#[cfg(test)]
mod tests {
    use super::Cooldown;

    #[test]
    fn a_key_is_silent_for_as_long_as_it_says() {
        let mut cooldown = Cooldown::new(100);
        for (key, time, expected) in [
            ("a", 1_000, true),
            ("b", 1_001, true),
            ("a", 1_099, false),
            ("a", 1_100, true),
            ("a", 1_050, false),
            ("a", 1_199, false),
            ("a", 1_200, true),
        ] {
            assert_eq!(cooldown.admits(key.as_bytes(), time), expected, "{key} {time}");
        }
        assert_eq!(cooldown.suppressed(), 3);
    }

    #[test]
    fn the_watermark_ends_silences_but_not_later_ones() {
        let mut cooldown = Cooldown::new(100);
        assert!(cooldown.admits(b"a", 0) && cooldown.admits(b"b", 50) && cooldown.admits(b"a", 100));
        cooldown.watermark(149);
        assert_eq!(cooldown.keys(), 2, "b until 150, a until 200");
        cooldown.watermark(150);
        assert_eq!(cooldown.keys(), 1);
        assert!(!cooldown.admits(b"a", 160));
        cooldown.watermark(200);
        assert_eq!((cooldown.keys(), cooldown.bytes >= 1), (0, false));
    }

    #[test]
    fn without_a_length_nothing_is_kept() {
        let mut cooldown = Cooldown::new(0);
        assert!(cooldown.admits(b"a", 0) && cooldown.admits(b"a", 0));
        assert_eq!(cooldown.keys(), 0);
    }
}
