//! The matcher's event time: from now on rows count as having at least this time.
//!
//! In order of arrival it is the greatest time seen or told by a watermark. While nothing comes it moves on
//! with engine time: by what has passed since the first tick after the last row, so that it is never ahead.
//! What it gained so is given back when a row comes, whose time may be far behind engine time.

use crate::image::{Malformed, Reader, Write};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    now: i64,
    /// Engine time at the first tick since the last row, in microseconds.
    silent_since: Option<i64>,
}

impl Clock {
    pub fn new() -> Self {
        Self { now: i64::MIN, silent_since: None }
    }

    /// A row of this time has come.
    pub fn see(&mut self, time: i64) -> i64 {
        self.silent_since = None;
        self.now = self.now.max(time);
        self.now
    }

    /// No row with a time up to the watermark is to come.
    pub fn pass(&mut self, watermark: i64) -> i64 {
        self.now = self.now.max(watermark.saturating_add(1));
        self.now
    }

    /// Engine time; the event time that it stands for. Nothing where no row has come yet.
    pub fn tick(&mut self, now_micros: i64) -> Option<i64> {
        if self.now == i64::MIN {
            return None;
        }
        let since = *self.silent_since.get_or_insert(now_micros);
        let millis = now_micros.saturating_sub(since).max(0) / 1_000;
        Some(self.now.saturating_add(millis))
    }

    pub fn save(&self, out: &mut Vec<u8>) {
        out.int(self.now);
        out.word(u64::from(self.silent_since.is_some()));
        out.int(self.silent_since.unwrap_or(0));
    }

    pub fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.now = reader.int()?;
        let is_silent = reader.word()? != 0;
        let since = reader.int()?;
        self.silent_since = is_silent.then_some(since);
        Ok(())
    }

    /// Engine time at which a tick may bring a deadline: the first tick of a silence begins to count it.
    pub fn wakes_at_micros(&self, deadline: i64) -> Option<i64> {
        if self.now == i64::MIN {
            return None;
        }
        let millis = deadline.saturating_sub(self.now).max(0);
        Some(self.silent_since.map_or(i64::MIN, |since| since.saturating_add(millis.saturating_mul(1_000))))
    }
}
