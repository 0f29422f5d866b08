//! After an alert, silence: per key, for a time.

use std::collections::{BTreeMap, VecDeque};

use vencejo_types::limits::COOLDOWN_KEYS_MAX;

/// When each key has raised last, for as long as it matters.
#[derive(Debug)]
pub(crate) struct Cooldown {
    length_millis: i64,
    last: BTreeMap<Box<[u8]>, i64>,
    /// Keys in the order of their alerts, each with the end of its silence.
    ends: VecDeque<(i64, Box<[u8]>)>,
    /// Matches that raised nothing.
    suppressed: u64,
    bytes: usize,
}

impl Cooldown {
    pub(crate) fn new(length_millis: i64) -> Self {
        Self { length_millis, last: BTreeMap::new(), ends: VecDeque::new(), suppressed: 0, bytes: 0 }
    }

    /// Whether a match of this event time raises an alert; if so, its key is silent from now on.
    pub(crate) fn admits(&mut self, key: &[u8], time: i64) -> bool {
        if self.length_millis == 0 {
            return true;
        }
        if self.last.get(key).is_some_and(|last| time < last.saturating_add(self.length_millis)) {
            self.suppressed += 1;
            return false;
        }
        while self.ends.len() >= COOLDOWN_KEYS_MAX {
            self.forget_first();
        }
        self.bytes += 2 * key.len();
        self.last.insert(key.into(), time);
        self.ends.push_back((time.saturating_add(self.length_millis), key.into()));
        true
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
        if self.last.get(&key).is_some_and(|last| last.saturating_add(self.length_millis) <= end) {
            self.last.remove(&key);
        }
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
