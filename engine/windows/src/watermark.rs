//! Watermarks: how far event time has come.
//!
//! A stream's watermark is the greatest event time seen less a delay, as Flink's `WATERMARK FOR ts AS ts -
//! INTERVAL ...` has it, after every row. An operator with several inputs goes by the least of theirs; an
//! input on which nothing comes for a while, by engine time, is idle and not waited for.

/// The watermark of a stream whose rows are out of order by a bounded delay.
#[derive(Clone, Copy, Debug)]
pub struct BoundedDelay {
    delay: i64,
    watermark: i64,
}

impl BoundedDelay {
    /// `delay` in milliseconds.
    pub fn new(delay: i64) -> Self {
        Self { delay: delay.max(0), watermark: i64::MIN }
    }

    /// Takes the event time of a row, after the row; the new watermark, where it advances.
    pub fn see(&mut self, time: i64) -> Option<i64> {
        let watermark = time.saturating_sub(self.delay);
        (watermark > self.watermark).then(|| {
            self.watermark = watermark;
            watermark
        })
    }

    /// The watermark; `i64::MIN` before the first row.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }
}

/// The inputs of an operator, or of one of its ports.
#[derive(Clone, Debug)]
pub struct Inputs {
    inputs: Vec<Input>,
    watermark: i64,
    idle_after_micros: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Input {
    watermark: i64,
    is_idle: bool,
    seen_micros: i64,
}

impl Inputs {
    /// `count` inputs without a watermark, none idle.
    pub fn new(count: usize) -> Self {
        let input = Input { watermark: i64::MIN, is_idle: false, seen_micros: 0 };
        Self { inputs: vec![input; count], watermark: i64::MIN, idle_after_micros: None }
    }

    /// An input on which nothing comes for so long is idle.
    #[must_use]
    pub fn idle_after(mut self, micros: Option<i64>) -> Self {
        self.idle_after_micros = micros;
        self
    }

    /// Takes the watermark of an input, which is idle no more; the new least watermark, where it advances.
    pub fn advance(&mut self, input: usize, watermark: i64, now_micros: i64) -> Option<i64> {
        let held = &mut self.inputs[input];
        held.watermark = held.watermark.max(watermark);
        (held.is_idle, held.seen_micros) = (false, now_micros);
        self.least()
    }

    /// Says that a row came in on an input, which is idle no more.
    pub fn seen(&mut self, input: usize, now_micros: i64) {
        let held = &mut self.inputs[input];
        (held.is_idle, held.seen_micros) = (false, now_micros);
    }

    /// Says that an input is idle; the new least watermark, where it advances.
    pub fn idle(&mut self, input: usize) -> Option<i64> {
        self.inputs[input].is_idle = true;
        self.least()
    }

    /// Takes engine time: inputs may become idle. The new least watermark, where it advances.
    pub fn tick(&mut self, now_micros: i64) -> Option<i64> {
        let after = self.idle_after_micros?;
        for input in &mut self.inputs {
            input.is_idle |= now_micros.saturating_sub(input.seen_micros) >= after;
        }
        self.least()
    }

    /// Whether no input is waited for.
    pub fn are_idle(&self) -> bool {
        self.inputs.iter().all(|input| input.is_idle)
    }

    /// The least watermark of those that are not idle. It never goes back; while all are idle it stays.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    fn least(&mut self) -> Option<i64> {
        let active = self.inputs.iter().filter(|input| !input.is_idle);
        let least = active.map(|input| input.watermark).min()?;
        (least > self.watermark).then(|| {
            self.watermark = least;
            least
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_lags_by_its_delay_and_never_goes_back() {
        let mut stream = BoundedDelay::new(5);
        assert_eq!(stream.watermark(), i64::MIN);
        assert_eq!(stream.see(10), Some(5));
        assert_eq!(stream.see(9), None);
        assert_eq!(stream.see(10), None);
        assert_eq!(stream.see(-3), None);
        assert_eq!(stream.see(11), Some(6));
        assert_eq!(BoundedDelay::new(5).see(i64::MIN), None);
    }

    #[test]
    fn the_least_input_counts_unless_it_is_idle() {
        let mut inputs = Inputs::new(2).idle_after(Some(100));
        assert_eq!(inputs.advance(0, 10, 0), None);
        assert_eq!(inputs.advance(1, 7, 0), Some(7));
        assert_eq!(inputs.advance(1, 20, 0), Some(10));
        assert_eq!(inputs.advance(1, 15, 0), None);
        // Nothing on input 0: it is not waited for.
        inputs.seen(1, 60);
        assert_eq!(inputs.tick(99), None);
        assert_eq!(inputs.tick(100), Some(20));
        assert_eq!(inputs.advance(1, 30, 100), Some(30));
        // It is back, behind: the watermark stays.
        assert_eq!(inputs.advance(0, 12, 110), None);
        assert_eq!(inputs.watermark(), 30);
        assert_eq!(inputs.advance(0, 40, 120), None);
        assert_eq!(inputs.advance(1, 35, 120), Some(35));
        assert_eq!((inputs.idle(1), inputs.are_idle()), (Some(40), false));
        assert_eq!((inputs.idle(0), inputs.are_idle()), (None, true));
    }
}
