//! Cutting event time: which slice a time lies in, and which windows share it.
//!
//! Windows of one kind are unions of slices of one length, so a row is taken once, however many windows it is
//! in. Times and lengths are far enough from the ends of 64 bits that nothing here overflows
//! ([`EVENT_TIME_MILLIS_MAX`]).

use vencejo_types::limits::EVENT_TIME_MILLIS_MAX;

use crate::spec::Windowing;

/// Windows made of slices: TUMBLE, HOP, CUMULATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slices {
    /// Length of a slice: windows end every so often.
    pub step: i64,
    /// Length of the longest window.
    pub size: i64,
    offset: i64,
    /// Whether windows begin together.
    pub cumulates: bool,
}

/// Lengths past it count as it.
const LENGTH_MAX: i64 = EVENT_TIME_MILLIS_MAX;

pub(crate) fn length(millis: i64) -> i64 {
    millis.clamp(1, LENGTH_MAX)
}

/// Whether windows of this time are kept.
pub(crate) fn is_in_range(time: i64) -> bool {
    (-EVENT_TIME_MILLIS_MAX..=EVENT_TIME_MILLIS_MAX).contains(&time)
}

impl Slices {
    /// The slices of a windowing; none of sessions.
    pub fn new(windowing: Windowing) -> Option<Self> {
        let slices = |size, step, offset: i64, cumulates| {
            let (size, step) = (length(size), length(step).min(length(size)));
            let size = size.div_euclid(step) * step;
            Self { step, size, offset: offset.rem_euclid(size), cumulates }
        };
        Some(match windowing {
            Windowing::Tumble { size, offset } => slices(size, size, offset, false),
            Windowing::Hop { size, slide, offset } => slices(size, slide, offset, false),
            Windowing::Cumulate { size, step, offset } => slices(size, step, offset, true),
            Windowing::Session { .. } => return None,
        })
    }

    fn floor(&self, time: i64, length: i64) -> i64 {
        time - (time - self.offset).rem_euclid(length)
    }

    /// The start of the slice that a time lies in.
    pub fn slice(&self, time: i64) -> i64 {
        self.floor(time, self.step)
    }

    /// The end of the last window that a slice is in.
    pub fn last_end(&self, slice: i64) -> i64 {
        if self.cumulates { self.floor(slice, self.size) + self.size } else { slice + self.size }
    }

    /// The start of the window that ends there.
    pub fn start(&self, end: i64) -> i64 {
        if self.cumulates { self.floor(end - 1, self.size) } else { end - self.size }
    }

    /// The end of the last window that a watermark closes; nothing where it is out of range.
    pub fn closed_by(&self, watermark: i64) -> Option<i64> {
        let limit = 2 * LENGTH_MAX;
        (-limit..=limit).contains(&watermark).then(|| self.floor(watermark + 1, self.step))
    }

    /// The ends of the windows that a slice is in, ascending.
    pub fn ends(&self, slice: i64) -> impl Iterator<Item = i64> {
        let (step, last) = (self.step, self.last_end(slice));
        (1..).map(move |count| slice + count * step).take_while(move |&end| end <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(windowing: Windowing, time: i64) -> String {
        let slices = Slices::new(windowing).unwrap();
        let windows = slices.ends(slices.slice(time)).map(|end| format!("{}..{end}", slices.start(end)));
        windows.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn windows_of_a_time() {
        let tumble = |size, offset| Windowing::Tumble { size, offset };
        let hop = |size, slide, offset| Windowing::Hop { size, slide, offset };
        let cumulate = |size, step, offset| Windowing::Cumulate { size, step, offset };
        for (windowing, time, expected) in [
            (tumble(10, 0), 0, "0..10"),
            (tumble(10, 0), 9, "0..10"),
            (tumble(10, 0), 10, "10..20"),
            (tumble(10, 0), -1, "-10..0"),
            (tumble(10, 0), -10, "-10..0"),
            (tumble(10, 3), 2, "-7..3"),
            (tumble(10, 3), 3, "3..13"),
            (tumble(10, -3), 6, "-3..7"),
            (tumble(10, 23), -8, "-17..-7"),
            (hop(10, 5, 0), 7, "0..10 5..15"),
            (hop(10, 5, 0), -1, "-10..0 -5..5"),
            (hop(10, 5, 2), 1, "-8..2 -3..7"),
            (hop(15, 5, 0), 5, "-5..10 0..15 5..20"),
            (cumulate(15, 5, 0), 0, "0..5 0..10 0..15"),
            (cumulate(15, 5, 0), 7, "0..10 0..15"),
            (cumulate(15, 5, 0), -1, "-15..0"),
            (cumulate(15, 5, 1), 0, "-14..1"),
        ] {
            assert_eq!(windows(windowing, time), expected, "{windowing:?} {time}");
        }
    }

    #[test]
    fn far_times_and_lengths_do_not_overflow() {
        for time in [-EVENT_TIME_MILLIS_MAX, EVENT_TIME_MILLIS_MAX] {
            let size = i64::MAX;
            windows(Windowing::Tumble { size, offset: i64::MIN }, time);
            windows(Windowing::Hop { size, slide: size, offset: i64::MAX }, time);
            windows(Windowing::Cumulate { size, step: size, offset: 1 }, time);
        }
        let slices = Slices::new(Windowing::Tumble { size: 10, offset: 0 }).unwrap();
        assert_eq!(slices.closed_by(i64::MAX), None);
        assert_eq!(slices.closed_by(i64::MIN), None);
        assert_eq!((slices.closed_by(8), slices.closed_by(9)), (Some(0), Some(10)));
    }
}
