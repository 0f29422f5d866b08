//! What one vehicle does, message by message.

use super::cases::Odd;
use super::message::{Kind, Message};
use super::road::{Limits, Place, ROUTES, Route};
use crate::generate::random::{Random, scramble};
use crate::generate::truth::Case;

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
/// Time between two readings, which may come two seconds earlier or later.
const READING_MILLIS: i64 = 30 * SECOND;
const READING_JITTER_MILLIS: u32 = 4_000;
/// The same of a parked vehicle.
const PARKED_MILLIS: i64 = 5 * MINUTE;
/// Between two messages around a strong acceleration.
const MOTION_MILLIS: i64 = 200;
/// Time before the end after which a vehicle does not drive on.
const LAST_DRIVE_MILLIS: i64 = 6 * MINUTE;
/// Time before the end, and way before the end of the route, after which nothing unusual begins.
const LAST_CASE_MILLIS: i64 = 30 * MINUTE;
const LAST_CASE_METRES: f64 = 25_000.0;
/// Share of readings after which the vehicle halts, as before a light; and after which it brakes.
const HALT_SHARE: f64 = 0.004;
const BRAKING_SHARE: f64 = 0.02;
/// What 1 g does to the speed between two messages around an acceleration, in km/h.
const KMH_PER_G: f64 = 9.81 * 3.6 * 0.2;

/// A cargo of apps/fleet/lookups/cargoes.csv, and what its cooling keeps it at; dry goods have neither.
pub const CARGOES: [(&str, Option<f64>); 4] =
    [("frozen", Some(-20.0)), ("chilled", Some(3.5)), ("pharma", Some(5.0)), ("dry", None)];
const CARGO_SHARES: [f64; 4] = [0.2, 0.4, 0.2, 0.2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Parked { until: i64, door_until: i64 },
    Driving,
    Halted { until: i64 },
    Ended,
}

/// A vehicle on its route, there and back.
pub struct Vehicle {
    pub number: u32,
    pub random: Random,
    /// Time that its messages take to the collector; they keep their order.
    pub latency_millis: i64,
    route: &'static Route,
    pub cargo: (&'static str, Option<f64>),
    /// Share of the limit that its driver likes.
    style: f64,
    state: State,
    /// When the next step is due.
    pub now: i64,
    since: i64,
    /// From the depot, and to the right of the road.
    metres: f64,
    pub aside: f64,
    outbound: bool,
    pub speed: f64,
    limit: f64,
    celsius: f64,
    fuel: f64,
    /// What is unusual about it at present.
    pub odd: Option<Odd>,
    pub next_case: i64,
}

impl Vehicle {
    /// A vehicle that waits in the depot, or at the other end, for its first drive.
    pub fn new(seed: u64, number: u32, start_millis: i64) -> Self {
        let mut random = Random(scramble(scramble(seed) ^ u64::from(number)));
        let route = &ROUTES[random.index(4) as usize];
        let cargo = CARGOES[random.choose(&CARGO_SHARES)];
        let outbound = random.chance(0.5);
        let until = start_millis + i64::from(random.index(40)) * MINUTE;
        let now = start_millis + i64::from(random.index(60)) * SECOND;
        Self {
            number,
            latency_millis: i64::from(random.index(1_500)),
            route,
            cargo,
            style: 0.84 + 0.14 * random.uniform(),
            state: State::Parked { until, door_until: 0 },
            now,
            since: now,
            metres: if outbound { 0.0 } else { route.metres() },
            aside: 0.0,
            outbound,
            speed: 0.0,
            limit: 50.0,
            celsius: cargo.1.unwrap_or(0.0),
            fuel: 40.0 + 60.0 * random.uniform(),
            odd: None,
            next_case: now + i64::from(random.index(180)) * MINUTE,
            random,
        }
    }

    /// Goes on to its next messages; false at its end. `end_millis` is when the day ends.
    pub fn step(
        &mut self,
        limits: &Limits,
        end_millis: i64,
        out: &mut Vec<Message>,
        cases: &mut Vec<Case>,
    ) -> bool {
        let left = end_millis - self.now;
        match self.state {
            State::Ended => return false,
            State::Parked { .. } if left <= 0 => self.state = State::Ended,
            State::Driving | State::Halted { .. } if left <= LAST_DRIVE_MILLIS => {
                self.stop(out);
                self.state = State::Ended;
            }
            State::Parked { until, door_until } => self.wait_parked(until, door_until, out),
            State::Halted { until } => {
                self.pass(0.0, false);
                self.reading(out);
                if self.now >= until {
                    self.state = State::Driving;
                }
                self.next_reading();
            }
            State::Driving => self.drive(limits, left, out, cases),
        }
        true
    }

    fn wait_parked(&mut self, until: i64, door_until: i64, out: &mut Vec<Message>) {
        let door_open = self.now < door_until;
        self.pass(0.0, door_open);
        let mut message = self.message(Kind::Periodic);
        message.door_open = door_open;
        if self.now >= until {
            message.kind = Kind::IgnitionOn;
            self.state = State::Driving;
            self.next_reading();
        } else {
            self.now = (self.now + PARKED_MILLIS).min(until);
        }
        out.push(message);
    }

    fn drive(&mut self, limits: &Limits, left: i64, out: &mut Vec<Message>, cases: &mut Vec<Case>) {
        self.pass(self.speed, false);
        let limit = limits.at(self.place());
        // Now and then the brakes are a little late behind the sign.
        let late = limit < self.limit && self.random.chance(0.3);
        let allowed = if late { (limit + self.limit) / 2.0 } else { limit };
        self.limit = limit;
        let usual = self.style * (1.0 + 0.035 * self.random.normal());
        let factor = self.odd_factor(cases).unwrap_or(usual);
        self.speed = (allowed * factor).max(6.0);
        self.reading(out);
        let to_go = if self.outbound { self.route.metres() - self.metres } else { self.metres };
        if to_go <= 0.0 {
            self.park(out);
            return;
        }
        self.next_reading();
        if self.odd.is_some() {
            return;
        }
        if self.random.chance(BRAKING_SHARE) {
            self.brake(out);
        } else if self.random.chance(HALT_SHARE) {
            let minutes = 1 + i64::from(self.random.index(4));
            self.halt(minutes);
        } else if self.now >= self.next_case && left > LAST_CASE_MILLIS && to_go > LAST_CASE_METRES {
            // Behind what may be silent for a while after the last one.
            self.next_case = self.now + i64::from(30 + self.random.index(210)) * MINUTE;
            self.begin_case(out, cases);
        }
    }

    /// Stands for so many minutes, from the next reading on.
    pub fn halt(&mut self, minutes: i64) {
        self.speed = 0.0;
        self.state = State::Halted { until: self.now + minutes * MINUTE };
    }

    /// An ordinary braking, some of them firm.
    fn brake(&mut self, out: &mut Vec<Message>) {
        let g = 0.12 + 0.2 * self.random.uniform();
        let rows = 5 + self.random.index(10) as usize;
        let profile = self.shaken(g, rows);
        self.motion(&profile, out);
    }

    /// A braking of so much on average, and so many messages.
    pub fn shaken(&mut self, g: f64, rows: usize) -> Vec<f64> {
        (0..rows).map(|_| -g + 0.02 * self.random.normal()).collect()
    }

    /// Messages of a strong acceleration, five a second, some seconds behind the last reading. Gives the time
    /// of the first.
    pub fn motion(&mut self, profile: &[f64], out: &mut Vec<Message>) -> i64 {
        let start = self.since + 4 * SECOND;
        let (mut at, speed) = (start, self.speed);
        for &accel in [-0.08, -0.1].iter().chain(profile).chain(&[-0.05, 0.02, 0.01]) {
            // A jolt of a tenth of a second is no braking.
            self.speed = (self.speed + KMH_PER_G * accel.clamp(-1.0, 0.3)).max(0.0);
            out.push(Message { ts_millis: at, accel, temperature: None, ..self.message(Kind::Motion) });
            at += MOTION_MILLIS;
        }
        // The driver speeds up again until the next reading.
        self.speed = speed;
        start + 2 * MOTION_MILLIS
    }

    fn park(&mut self, out: &mut Vec<Message>) {
        self.outbound = !self.outbound;
        self.stop(out);
        let minutes = 15 + i64::from(self.random.index(35));
        let door = i64::from(self.random.index(9)) * MINUTE;
        self.fuel = 70.0 + 30.0 * self.random.uniform();
        self.state = State::Parked { until: self.now + minutes * MINUTE, door_until: self.now + door };
        self.now += MINUTE;
    }

    fn stop(&mut self, out: &mut Vec<Message>) {
        self.speed = 0.0;
        self.now = self.since + 8 * SECOND;
        self.since = self.now;
        out.push(self.message(Kind::IgnitionOff));
    }

    /// Time passes at this speed, up to now.
    fn pass(&mut self, speed: f64, door_open: bool) {
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let millis = (self.now - self.since) as f64;
        self.since = self.now;
        let metres = speed / 3_600.0 * millis;
        self.metres += if self.outbound { metres } else { -metres };
        self.fuel = (self.fuel - metres * 0.000_3).max(5.0);
        let minutes = millis / 60_000.0;
        if let Some(kept) = self.cargo.1 {
            self.celsius += match &self.odd {
                Some(Odd::Cooling { per_minute, .. }) => per_minute * minutes,
                _ if door_open => 0.6 * minutes,
                _ => (kept - self.celsius) * (0.3 * minutes).min(1.0),
            };
        }
    }

    fn next_reading(&mut self) {
        self.now += READING_MILLIS + i64::from(self.random.index(READING_JITTER_MILLIS)) - 2_000;
    }

    fn reading(&mut self, out: &mut Vec<Message>) {
        let mut message = self.message(Kind::Periodic);
        if let (Some(celsius), Some(Odd::Glitch { degrees, .. })) = (&mut message.temperature, &self.odd) {
            *celsius += degrees;
        }
        out.push(message);
    }

    pub fn message(&mut self, kind: Kind) -> Message {
        let mut place = self.place();
        place.lat += 0.000_08 * self.random.normal();
        place.lon += 0.000_08 * self.random.normal();
        Message {
            vehicle: self.number,
            ts_millis: self.since,
            kind,
            place,
            speed: self.speed,
            temperature: self.cargo.1.map(|_| self.celsius + 0.2 * self.random.normal()),
            accel: if self.speed > 0.0 { 0.03 * self.random.normal() } else { 0.0 },
            fuel: self.fuel,
            door_open: false,
            route: self.route.id,
            cargo: self.cargo.0,
        }
    }

    fn place(&self) -> Place {
        let mut place = self.route.place(self.metres, self.aside);
        if !self.outbound {
            place.heading = (place.heading + 180.0) % 360.0;
        }
        place
    }
}
