//! What is injected into drives: what the rules of apps/fleet are to find, and what only comes near it.

use super::message::{Kind, Message, vehicle_id};
use super::vehicle::{MINUTE, SECOND, Vehicle};
use crate::generate::truth::Case;

/// Silence that is too long, in milliseconds.
const SILENCE_MILLIS: i64 = 120 * SECOND;
/// A detour leaves the road by so much between two readings, in metres.
const ASIDE_STEP: f64 = 450.0;

/// What goes on for several readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Odd {
    /// The cooling has failed.
    Cooling { per_minute: f64, until: i64, start: i64 },
    /// The thermometer shows nonsense.
    Glitch { degrees: f64, readings: u32, start: i64 },
    /// Faster than allowed.
    Speeding { factor: f64, readings: u32, start: i64, alert: bool },
    /// Away from the road: so far at most, for so many readings yet; then back. Fast in the middle, if at
    /// all.
    Detour { width: f64, readings: u32, factor: f64, start: i64, alert: bool },
}

impl Vehicle {
    /// Begins something unusual: of each kind about as often the real thing as something like it.
    pub fn begin_case(&mut self, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        let alert = self.random.chance(0.5);
        match self.random.index(7) {
            0 => self.press_button(alert, out, cases),
            1 if alert => self.crash(out, cases),
            1 => self.pothole(out, cases),
            2 if self.cargo.1.is_some() => self.begin_warmth(alert),
            3 => {
                let (readings, factor) = if alert {
                    (8 + self.random.index(9), 1.18 + 0.22 * self.random.uniform())
                } else {
                    (1 + self.random.index(2), 1.12 + 0.18 * self.random.uniform())
                };
                self.odd = Some(Odd::Speeding { factor, readings, start: self.now, alert });
            }
            4 => {
                let width = 900.0 + 2_100.0 * self.random.uniform();
                let readings = 8 + self.random.index(6);
                let spread = self.random.uniform();
                let factor = if alert { 1.4 + 0.4 * spread } else { 0.7 + 0.3 * spread };
                self.odd = Some(Odd::Detour { width, readings, factor, start: self.now, alert });
            }
            5 => self.fall_silent(alert, out, cases),
            _ => self.brake_hard(alert, out, cases),
        }
    }

    fn case(&self, rule: &'static str, (start_millis, end_millis): (i64, i64), alert: bool) -> Case {
        Case { rule, key: vec![("vehicle_id", vehicle_id(self.number))], start_millis, end_millis, alert }
    }

    /// One press is one to three messages. A test says so.
    fn press_button(&mut self, alert: bool, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        let at = self.last(out) + 3 * SECOND;
        let mut last = at;
        for press in 0..=i64::from(self.random.index(3)) {
            last = at + press * (SECOND + i64::from(self.random.index(1_000)));
            let message = self.message(Kind::Panic { test: !alert });
            out.push(Message { ts_millis: last, ..message });
        }
        cases.push(self.case("panic", (at, last), alert));
    }

    /// From speed to nothing within two or three seconds, then a long halt.
    fn crash(&mut self, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        let rows = 9 + self.random.index(5) as usize;
        let mut profile = self.shaken(0.9, rows);
        profile[0] = -1.0;
        profile[1] = -(2.8 + 5.0 * self.random.uniform());
        // Slow enough to stand when the braking ends.
        self.speed = self.speed.clamp(30.0, 7.0 * 0.85 * 8.0);
        let start = self.motion(&profile, out);
        let end = self.last(out);
        let minutes = 8 + i64::from(self.random.index(20));
        self.halt(minutes);
        let report = self.message(Kind::Impact);
        out.push(Message { ts_millis: end + SECOND, ..report });
        cases.push(self.case("impact", (start, end), true));
        cases.push(self.case("harsh_braking", (start, end), true));
    }

    /// A jolt that may be as strong, and the vehicle goes on.
    fn pothole(&mut self, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        let peak = 1.0 + 3.0 * self.random.uniform();
        let peak = if self.random.chance(0.5) { peak } else { -peak };
        let start = self.motion(&[peak, 0.3], out);
        cases.push(self.case("impact", (start, self.last(out)), false));
    }

    /// The cooling fails for some minutes, or the thermometer for one or two readings.
    fn begin_warmth(&mut self, alert: bool) {
        let start = self.now;
        self.odd = Some(if alert {
            let until = start + i64::from(9 + self.random.index(7)) * MINUTE;
            Odd::Cooling { per_minute: 0.9 + 0.6 * self.random.uniform(), until, start }
        } else {
            let degrees = 5.0 + 6.0 * self.random.uniform();
            Odd::Glitch { degrees, readings: 1 + self.random.index(2), start }
        });
    }

    /// Either readings fail to come for long, or one to three of them are lost.
    fn fall_silent(&mut self, alert: bool, out: &mut [Message], cases: &mut Vec<Case>) {
        let start = self.last(out);
        let lost = if alert { 5 + self.random.index(24) } else { 1 + self.random.index(3) };
        self.now += i64::from(lost) * 30 * SECOND;
        cases.push(self.case("silence", (start, start), self.now - start >= SILENCE_MILLIS));
    }

    /// More than 0.35 g for more than a second; or a little less, or for less.
    fn brake_hard(&mut self, alert: bool, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        let spread = self.random.uniform();
        let (g, rows) = match (alert, self.random.chance(0.5)) {
            (true, _) => (0.41 + 0.24 * spread, 7 + self.random.index(6)),
            (false, true) => (0.24 + 0.09 * spread, 8 + self.random.index(12)),
            (false, false) => (0.4 + 0.3 * spread, 1 + self.random.index(4)),
        };
        let profile = self.shaken(g, rows as usize);
        let start = self.motion(&profile, out);
        cases.push(self.case("harsh_braking", (start, self.last(out)), alert));
    }

    /// Time of the last message.
    fn last(&self, out: &[Message]) -> i64 {
        out.last().map_or(self.now, |message| message.ts_millis)
    }

    /// Goes on with what is unusual: the share of the limit that is driven, where it is not the usual one.
    pub fn odd_factor(&mut self, cases: &mut Vec<Case>) -> Option<f64> {
        let now = self.now;
        let noise = 1.0 + 0.02 * self.random.normal();
        let (next, factor, ended) = match self.odd? {
            Odd::Cooling { until, .. } if now < until => (self.odd, None, None),
            Odd::Cooling { start, until, .. } => {
                (None, None, Some(("cargo_temperature", start, until + 10 * MINUTE, true)))
            }
            Odd::Glitch { readings: 0, start, .. } => {
                (None, None, Some(("cargo_temperature", start, now, false)))
            }
            Odd::Glitch { degrees, readings, start } => {
                (Some(Odd::Glitch { degrees, readings: readings - 1, start }), None, None)
            }
            Odd::Speeding { readings: 0, start, alert, .. } => {
                (None, None, Some(("speeding", start, now, alert)))
            }
            Odd::Speeding { factor, readings, start, alert } => {
                let next = Odd::Speeding { factor, readings: readings - 1, start, alert };
                (Some(next), Some(factor * noise), None)
            }
            Odd::Detour { readings: 0, start, alert, .. } if self.aside <= 0.0 => {
                if alert {
                    // Who drives off that fast is speeding, too.
                    cases.push(self.case("speeding", (start, now), true));
                }
                (None, None, Some(("route_deviation", start, now, alert)))
            }
            Odd::Detour { width, readings, factor, start, alert } => {
                self.aside = if readings > 0 {
                    (self.aside + ASIDE_STEP).min(width)
                } else {
                    (self.aside - ASIDE_STEP).max(0.0)
                };
                // Fast for five readings, once it is well away.
                let fast = !alert || self.aside >= 900.0 && (1..=5).contains(&readings);
                let readings = readings.saturating_sub(1);
                let factor_now = if fast { factor * noise } else { 0.9 * noise };
                (Some(Odd::Detour { width, readings, factor, start, alert }), Some(factor_now), None)
            }
        };
        self.odd = next;
        if let Some((rule, start, end, alert)) = ended {
            cases.push(self.case(rule, (start, end), alert));
        }
        factor
    }
}
