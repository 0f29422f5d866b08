//! A shop's clickstream, for the `shop` app, with injected anomalies.
//!
//! One seed gives one endless sequence of rows: same seed, same bytes, on every platform; no clock is read,
//! and only operations that IEEE 754 rounds alike everywhere are used. Visitors come in a daily and weekly
//! rhythm, new and returning; each session is a walk through home, categories, searches, products, cart,
//! checkout and purchase, by how its user behaves. Crawlers that say so are a constant part of it. Rows are
//! in the order in which they reach a collector: up to 2 s behind their event time, so that a watermark 2 s
//! behind has none late.

mod accounts;
mod anomaly;
mod catalog;
mod row;
mod session;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::random::{Random, scramble, small};
use super::truth::Case;
use accounts::{Accounts, Visit};
use anomaly::{Anomaly, Kind, SLOT_MILLIS};
use session::{Manner, Session, Step, Visitor, popular};

pub use accounts::{LOGINS_HEADER, Login};
pub use row::{CSV_HEADER, ShopRow};

const HOUR_MILLIS: i64 = 3_600_000;
/// Longest way of a row to the collector, exclusive, in milliseconds.
const TRANSPORT_MILLIS_MAX: u32 = 2_000;
/// Users who have been there before the first row.
const USERS_KNOWN: u64 = 2_000;
/// Rows of a session on average, crawlers counted.
const SESSION_ROWS_MEAN: f64 = 6.6;
/// Share of sessions that are a crawler's.
const CRAWLER_SHARE: f64 = 0.015;
/// How many times as many visitors a spike brings.
const SPIKE_FACTOR: f64 = 4.0;

/// Sessions per hour of the day, relative to the mean.
const TRAFFIC_BY_HOUR: [f64; 24] = [
    0.50, 0.31, 0.20, 0.15, 0.15, 0.22, 0.42, 0.75, 1.00, 1.15, 1.22, 1.25, 1.30, 1.28, 1.18, 1.12, 1.12,
    1.20, 1.38, 1.58, 1.80, 1.86, 1.50, 0.96,
];
/// The same per day of the week, Monday first.
const TRAFFIC_BY_DAY: [f64; 7] = [1.04, 0.97, 0.95, 0.96, 0.95, 1.02, 1.11];

/// What traffic is wanted.
#[derive(Clone, Copy, Debug)]
pub struct ShopTraffic {
    pub seed: u64,
    /// Unix time in milliseconds.
    pub start_millis: i64,
    /// Rows per hour, over a week; above 0.
    pub rows_per_hour: f64,
}

/// Makes the rows.
pub struct Shop {
    traffic: ShopTraffic,
    random: Random,
    /// Sessions by when their next row reaches the collector; equal times in order of the number.
    waiting: BinaryHeap<Reverse<(i64, u64)>>,
    /// The sessions that wait, by number.
    sessions: BTreeMap<u64, Session>,
    next_start_millis: i64,
    sessions_begun: u64,
    users: u64,
    slots: u64,
    anomalies: Vec<Anomaly>,
    accounts: Option<Accounts>,
}

impl Shop {
    /// Traffic from its beginning.
    pub fn new(traffic: ShopTraffic) -> Self {
        Self {
            random: Random(scramble(traffic.seed)),
            waiting: BinaryHeap::new(),
            sessions: BTreeMap::new(),
            next_start_millis: traffic.start_millis,
            sessions_begun: 0,
            users: USERS_KNOWN,
            slots: 0,
            anomalies: Vec::new(),
            accounts: None,
            traffic,
        }
    }

    /// The same with logins, and with the cases that rules are to find.
    pub fn with_accounts(self) -> Self {
        let ShopTraffic { seed, start_millis, rows_per_hour } = self.traffic;
        Self { accounts: Some(Accounts::new(seed, start_millis, rows_per_hour)), ..self }
    }

    /// Logins that have reached the collector before the next row, and were not given before.
    pub fn logins(&mut self) -> impl Iterator<Item = Login> {
        let now = self.waiting.peek().map_or(self.next_start_millis, |&Reverse((arrival, _))| arrival);
        self.accounts.iter_mut().flat_map(move |accounts| accounts.arrived(now))
    }

    /// Cases of rules, once no further row is wanted: those of accounts, and of the anomalies that are one's.
    pub fn cases(mut self) -> Vec<Case> {
        let Some(mut accounts) = self.accounts.take() else { return Vec::new() };
        let now = self.next_start_millis;
        // What has not ended may have no row yet.
        accounts.cases.retain(|case| case.end_millis < now);
        accounts.give_up(i64::MAX);
        let testers = self.anomalies.iter().filter(|anomaly| {
            anomaly.kind == Kind::CardTesting && anomaly.rows > 4 && anomaly.start_millis < now
        });
        accounts.cases.extend(testers.map(|anomaly| Case {
            rule: "card_testing",
            key: anomaly.user.map(|user| ("user_id", row::user_id(user))).into_iter().collect(),
            start_millis: anomaly.start_millis,
            end_millis: anomaly.end_millis,
            alert: true,
        }));
        accounts.cases
    }

    /// The next row.
    pub fn row(&mut self) -> ShopRow {
        loop {
            match self.waiting.peek() {
                Some(&Reverse((arrival, number))) if arrival < self.next_start_millis => {
                    self.waiting.pop();
                    let session = self.sessions.remove(&number);
                    return self.step(number, session.expect("a session waits while its number does"));
                }
                _ => self.begin_next(),
            }
        }
    }

    /// Anomalies that have begun, in order of their beginning, with their rows so far.
    pub fn truth(&self) -> impl Iterator<Item = String> {
        let now = self.next_start_millis;
        self.anomalies.iter().filter(move |anomaly| anomaly.start_millis < now).map(Anomaly::truth)
    }

    /// Makes a session's step.
    fn step(&mut self, number: u64, mut session: Session) -> ShopRow {
        if session.step == Step::Purchase
            && session.manner == Manner::Shopper
            && let Some(outage) = self.going_on(Kind::CheckoutOutage, session.ts_millis)
        {
            session.step = Step::PaymentFailed;
            session.anomaly = Some(outage);
        }
        let row = session.row(&mut self.random);
        if let Some(accounts) = &mut self.accounts {
            match session.step {
                Step::Checkout => accounts.checkout(row.user, row.ts_millis),
                Step::Purchase => accounts.purchase(row.user, row.ts_millis),
                _ => {}
            }
        }
        if let Some(anomaly) = session.anomaly {
            self.anomalies[anomaly].rows += 1;
        }
        if session.advance(&mut self.random) {
            self.wait(number, session);
        } else if let Some(anomaly) = session.anomaly.map(|place| &mut self.anomalies[place])
            && anomaly.user.is_some()
        {
            anomaly.end_millis = row.ts_millis + 1;
        }
        row
    }

    fn wait(&mut self, number: u64, session: Session) {
        let arrival = session.ts_millis + i64::from(self.random.index(TRANSPORT_MILLIS_MAX));
        self.waiting.push(Reverse((arrival, number)));
        self.sessions.insert(number, session);
    }

    fn going_on(&self, kind: Kind, millis: i64) -> Option<usize> {
        // Slots hold their anomalies whole, and no step lies further back than the one before.
        let last = self.anomalies.len().saturating_sub(2);
        let found = self.anomalies[last..].iter().position(|a| a.kind == kind && a.covers(millis))?;
        Some(last + found)
    }

    /// Begins the session that is due, and finds out when the one after it is.
    fn begin_next(&mut self) {
        let now = self.next_start_millis;
        self.begin_slots(now);
        self.begin_case(now);
        let spike = self.going_on(Kind::TrafficSpike, now);
        let (number, visitor) = self.visitor();
        // Of four sessions in a spike, three are its own.
        let own = spike.filter(|_| self.random.chance(1.0 - 1.0 / SPIKE_FACTOR));
        let session = if let Some(anomaly) = own {
            let category = self.anomalies[anomaly].category.unwrap_or(0);
            let product = popular(&mut self.random) / 8 * 8 + small(category as u64);
            let visitor = visitor.by_campaign();
            Session::new(visitor, Manner::Shopper, now, Step::Category, product).of_anomaly(anomaly)
        } else if self.random.chance(CRAWLER_SHARE) {
            let pages = 10 + self.random.index(60);
            let product = popular(&mut self.random);
            let visitor = visitor.crawler(&mut self.random);
            Session::new(visitor, Manner::Crawler { pages }, now, Step::Product, product)
        } else {
            let steps = [Step::Home, Step::Category, Step::Product, Step::Search];
            let step = steps[self.random.choose(&[0.40, 0.15, 0.37, 0.08])];
            let product = popular(&mut self.random);
            if let Some(accounts) = &mut self.accounts {
                accounts.visit(&visitor, now);
            }
            Session::new(visitor, Manner::Shopper, now, step, product)
        };
        self.wait(number, session);
        self.next_start_millis += self.gap(now, spike.is_some());
    }

    /// The number and the visitor of the next session: two of three have been here before.
    fn visitor(&mut self) -> (u64, Visitor) {
        let known = 1 + self.random.bits() % self.users;
        // Who is an anomaly's does nothing else, so that the ground truth names no other rows.
        let known = Some(known).filter(|&user| self.anomalies.iter().all(|a| a.user != Some(user)));
        let returning = self.random.chance(0.65);
        let user = known.filter(|_| returning).unwrap_or_else(|| self.new_user());
        self.session_of(user)
    }

    fn new_user(&mut self) -> u64 {
        self.users += 1;
        self.users
    }

    fn session_of(&mut self, user: u64) -> (u64, Visitor) {
        self.sessions_begun += 1;
        let of_user = Random(scramble(scramble(self.traffic.seed) ^ user));
        (self.sessions_begun, Visitor::new(user, self.sessions_begun, of_user, &mut self.random))
    }

    /// Time to the next session: short gaps mostly, sometimes a long one, shorter in busy hours.
    fn gap(&mut self, now: i64, spike: bool) -> i64 {
        let hour = usize::try_from(now.div_euclid(HOUR_MILLIS).rem_euclid(24)).expect("below 24");
        // Unix time began on a Thursday.
        let day = usize::try_from((now.div_euclid(24 * HOUR_MILLIS) + 3).rem_euclid(7)).expect("below 7");
        let factor = if spike { SPIKE_FACTOR } else { 1.0 };
        let sessions_per_hour = self.traffic.rows_per_hour / SESSION_ROWS_MEAN
            * TRAFFIC_BY_HOUR[hour]
            * TRAFFIC_BY_DAY[day]
            * factor;
        // 0.7 * 0.8 / 2 + 0.3 * 4.8 / 2 = 1, so the mean gap is one session's.
        let gap_max = if self.random.chance(0.7) { 0.8 } else { 4.8 };
        let gap = self.random.uniform() * gap_max * 3_600_000.0 / sessions_per_hour;
        #[expect(clippy::cast_possible_truncation, reason = "below a day; fractions add up by being carried")]
        let whole = (gap + self.random.uniform()) as i64;
        whole.min(24 * HOUR_MILLIS)
    }

    /// Schedules the anomalies of the slots that have begun.
    fn begin_slots(&mut self, now: i64) {
        loop {
            let slot_start = self.traffic.start_millis + SLOT_MILLIS * self.slots.cast_signed();
            if slot_start > now {
                return;
            }
            if let Some(anomaly) = Anomaly::of_slot(self.traffic.seed, self.slots, slot_start) {
                self.anomalies.push(anomaly);
                self.send_actor();
            }
            self.slots += 1;
        }
    }

    /// The visit of a case that is due.
    fn begin_case(&mut self, now: i64) {
        let Some(mut accounts) = self.accounts.take() else { return };
        let visit = accounts.due(now, || {
            let user = self.new_user();
            self.session_of(user).1
        });
        self.accounts = Some(accounts);
        if let Some(Visit { manner, of: visitor, start_millis, product }) = visit {
            self.sessions_begun += 1;
            let number = self.sessions_begun;
            let visitor = visitor.in_session(number);
            self.wait(number, Session::new(visitor, manner, start_millis, Step::Purchase, product));
        }
    }

    /// The session of an anomaly that is one user's.
    fn send_actor(&mut self) {
        let place = self.anomalies.len() - 1;
        let Anomaly { kind, start_millis, .. } = self.anomalies[place];
        let manner = match kind {
            Kind::CardTesting => Manner::CardTester { purchases: 24 + self.random.index(16) },
            Kind::Scraper => Manner::Scraper { pages: 400 + self.random.index(300) },
            Kind::TrafficSpike | Kind::CheckoutOutage => return,
        };
        let user = self.new_user();
        let (number, visitor) = self.session_of(user);
        let step = if kind == Kind::CardTesting { Step::Purchase } else { Step::Product };
        // The fifth product is a book: cheap, as such purchases are.
        let session = Session::new(visitor, manner, start_millis, step, 4);
        self.anomalies[place].user = Some(user);
        self.wait(number, session.of_anomaly(place));
    }
}
