//! Logins, and who is after accounts and cards: what the rules of apps/shop are to find, and what only
//! comes near it. Without it the clickstream is another one, for who is here buys there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Write};

use super::row::user_id;
use super::session::{Manner, Visitor};
use crate::generate::random::{Random, scramble, small};
use crate::generate::truth::{Case, timestamp};

/// First line of logins.csv, without a line end.
pub const LOGINS_HEADER: &str = "user_id,ts,ip,user_agent,success";

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// Share of sessions that log in, and of logins whose user has forgotten the password.
const LOGIN_SHARE: f64 = 0.3;
const FORGETFUL_SHARE: f64 = 0.03;
/// Rows of the clickstream for each case, on average.
const ROWS_PER_CASE: f64 = 1_000.0;
/// Logins that are remembered, as those whose accounts may be taken over.
const RECENT_MAX: usize = 64;
/// Share of people who log in from two countries that buy in the second one.
const BUYS_ABROAD_SHARE: f64 = 0.03;
/// How long nothing may be bought behind a checkout.
const CHECKOUT_MILLIS: i64 = 10 * MINUTE;
const NETWORKS: &str = include_str!("../../../../../apps/shop/lookups/networks.csv");

/// An attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Login {
    pub user: u64,
    pub ts_millis: i64,
    pub ip: [u8; 4],
    pub agent: &'static str,
    pub success: bool,
}

impl Login {
    /// Writes it as one line of CSV, line end included.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let [a, b, c, d] = self.ip;
        let agent =
            if self.agent.contains(',') { format!("\"{}\"", self.agent) } else { self.agent.to_owned() };
        let (user, ts) = (user_id(self.user), timestamp(self.ts_millis));
        writeln!(out, "{user},{ts},{a}.{b}.{c}.{d},{agent},{}", self.success)
    }
}

/// What somebody does who does not stroll through the shop.
pub struct Visit {
    pub manner: Manner,
    pub of: Visitor,
    pub start_millis: i64,
    /// The product that is bought first.
    pub product: u32,
}

/// The shop's accounts.
pub struct Accounts {
    random: Random,
    /// Countries by network.
    countries: Vec<&'static str>,
    waiting: BinaryHeap<Reverse<(i64, u64, Login)>>,
    logins: u64,
    /// Who has logged in, and when.
    recent: VecDeque<(Visitor, i64)>,
    next_case_millis: i64,
    case_gap_millis: f64,
    pub cases: Vec<Case>,
    /// Checkouts behind which nothing has been bought yet, by user, in order of time.
    checkouts: VecDeque<(u64, i64)>,
}

impl Accounts {
    pub fn new(seed: u64, start_millis: i64, rows_per_hour: f64) -> Self {
        Self {
            random: Random(scramble(seed ^ 0xacc0)),
            countries: NETWORKS.lines().skip(1).filter_map(|line| Some(line.split_once(',')?.1)).collect(),
            waiting: BinaryHeap::new(),
            logins: 0,
            recent: VecDeque::new(),
            next_case_millis: start_millis + MINUTE,
            case_gap_millis: ROWS_PER_CASE / rows_per_hour * 3_600_000.0,
            cases: Vec::new(),
            checkouts: VecDeque::new(),
        }
    }

    /// Logins that have reached the collector by then, in order of their arrival.
    pub fn arrived(&mut self, millis: i64) -> impl Iterator<Item = Login> {
        std::iter::from_fn(move || {
            let Reverse((arrival, ..)) = self.waiting.peek()?;
            if *arrival > millis {
                return None;
            }
            self.waiting.pop().map(|Reverse((_, _, login))| login)
        })
    }

    /// A session begins: some log in, some of those not at once.
    pub fn visit(&mut self, visitor: &Visitor, now: i64) {
        if !self.random.chance(LOGIN_SHARE) {
            return;
        }
        let mut at = now + self.seconds(2, 20);
        let forgetful = self.random.chance(FORGETFUL_SHARE);
        let mut failures = if forgetful { 3 + self.random.index(3) } else { 0 };
        // Some need still more attempts, as many as an attacker makes.
        while self.random.chance(if forgetful { 0.25 } else { 0.1 }) {
            failures += 1;
        }
        let first = at;
        for _ in 0..failures {
            self.log_in(visitor, at, false);
            at += self.seconds(4, 16);
        }
        if failures >= 3 {
            self.case("brute_force_login", visitor.user(), (first, at), false);
        }
        self.log_in(visitor, at, true);
        self.recent.push_back((visitor.clone(), at));
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    /// The case that is due, if one is: its visit to the shop, if it has one. `new_user` makes a user for it.
    pub fn due(&mut self, now: i64, new_user: impl FnOnce() -> Visitor) -> Option<Visit> {
        if now < self.next_case_millis {
            return None;
        }
        let gap = self.case_gap_millis * 2.0 * self.random.uniform();
        #[expect(clippy::cast_possible_truncation, reason = "hours")]
        let gap = gap as i64;
        self.next_case_millis = now + gap;
        match self.random.index(6) {
            0 => self.guess(now),
            1 => return self.take_over(now),
            2 => return self.travel(now),
            kind => return Some(self.buy(kind, now, new_user())),
        }
        None
    }

    /// Somebody tries passwords.
    fn guess(&mut self, now: i64) {
        let Some((victim, _)) = self.victim(now) else { return };
        let thief = self.abroad(&victim);
        let (least, most) = if self.random.chance(0.7) { (0, 3) } else { (4, 9) };
        let mut at = now;
        for _ in 0..15 + self.random.index(45) {
            self.log_in(&thief, at, false);
            at += 300 + self.seconds(least, most);
        }
        self.case("brute_force_login", victim.user(), (now, at), true);
        if self.random.chance(0.2) {
            self.log_in(&thief, at, true);
        }
    }

    /// Who knows a password logs in from another country than its owner has within the hour, and buys.
    fn take_over(&mut self, now: i64) -> Option<Visit> {
        let (victim, _) = self.victim(now)?;
        let thief = self.abroad(&victim);
        self.log_in(&thief, now, true);
        let start_millis = now + self.seconds(60, 300);
        let purchases = self.random.index(3);
        let end = start_millis + i64::from(purchases + 1) * 60 * SECOND;
        self.case("account_takeover", victim.user(), (now, end), true);
        Some(self.purchases(thief, (purchases, 50), start_millis, true))
    }

    /// Who travels, or hides where they are, logs in from two countries, and hardly buys from the second.
    fn travel(&mut self, now: i64) -> Option<Visit> {
        let (user, _) = self.victim(now)?;
        let abroad = self.abroad(&user);
        self.log_in(&abroad, now, true);
        self.case("account_takeover", user.user(), (now, now + 15 * MINUTE), false);
        let buys = self.random.chance(BUYS_ABROAD_SHARE);
        let start_millis = now + self.seconds(60, 300);
        buys.then(|| self.purchases(abroad, (0, 50), start_millis, true))
    }

    /// Many small purchases: of a thief who tries cards; of somebody with few, or many gifts to buy.
    fn buy(&mut self, kind: u32, now: i64, visitor: Visitor) -> Visit {
        let (purchases, gap) = match kind {
            3 => (9 + self.random.index(20), 4 + self.random.index(12)),
            4 => (1 + self.random.index(3), 5 + self.random.index(20)),
            _ => (5 + self.random.index(4), 34 + self.random.index(20)),
        };
        let end = now + i64::from(purchases + 1) * i64::from(gap + 1) * SECOND;
        self.case("card_testing", visitor.user(), (now, end), kind == 3);
        self.purchases(visitor, (purchases, gap), now, false)
    }

    fn purchases(
        &mut self,
        of: Visitor,
        (purchases, gap_seconds): (u32, u32),
        start_millis: i64,
        dear: bool,
    ) -> Visit {
        // Every eighth product is of electronics; the fifth is a book.
        let product = if dear { 8 * self.random.index(8) } else { 4 };
        Visit { manner: Manner::Buyer { purchases, gap_seconds }, of, start_millis, product }
    }

    /// Somebody who has logged in from 5 to 50 minutes ago, once.
    fn victim(&mut self, now: i64) -> Option<(Visitor, i64)> {
        let old = |at: i64| (5 * MINUTE..50 * MINUTE).contains(&(now - at));
        let few: Vec<usize> = (0..self.recent.len()).filter(|&place| old(self.recent[place].1)).collect();
        let count = small(few.len() as u64);
        if count == 0 {
            return None;
        }
        self.recent.remove(few[self.random.index(count) as usize])
    }

    /// The same user from a network of another country.
    fn abroad(&mut self, visitor: &Visitor) -> Visitor {
        let networks = small(self.countries.len() as u64);
        let home = self.countries[usize::from(visitor.ip()[1])];
        let mut network = self.random.index(networks);
        while self.countries[network as usize] == home {
            network = (network + 1) % networks;
        }
        let host = self.random.index(1 << 16).to_be_bytes();
        visitor.clone().at([10, network.to_be_bytes()[3], host[2], host[3]])
    }

    fn log_in(&mut self, visitor: &Visitor, ts_millis: i64, success: bool) {
        let login =
            Login { user: visitor.user(), ts_millis, ip: visitor.ip(), agent: visitor.agent(), success };
        self.logins += 1;
        // One user's logins keep their order.
        self.waiting.push(Reverse((ts_millis + 500, self.logins, login)));
    }

    /// From so many seconds to so many, in milliseconds.
    fn seconds(&mut self, least: u32, most: u32) -> i64 {
        i64::from(least) * SECOND + i64::from(self.random.index((most - least) * 1_000))
    }

    fn case(&mut self, rule: &'static str, user: u64, (start_millis, end_millis): (i64, i64), alert: bool) {
        let key = vec![("user_id", user_id(user))];
        self.cases.push(Case { rule, key, start_millis, end_millis, alert });
    }

    /// A page of checkout is shown.
    pub fn checkout(&mut self, user: u64, ts_millis: i64) {
        self.give_up(ts_millis);
        self.checkouts.push_back((user, ts_millis));
    }

    /// A user buys: checkouts within the time before it are done.
    pub fn purchase(&mut self, user: u64, ts_millis: i64) {
        self.checkouts.retain(|&(of, at)| of != user || !(at..at + CHECKOUT_MILLIS).contains(&ts_millis));
    }

    /// Checkouts whose time is over, and all of them at the end.
    pub fn give_up(&mut self, now: i64) {
        // Rows come two seconds late at most.
        let over = now.saturating_sub(CHECKOUT_MILLIS + 3 * SECOND);
        let (gone, left): (VecDeque<_>, _) = self.checkouts.drain(..).partition(|&(_, at)| at < over);
        self.checkouts = left;
        for (user, at) in gone {
            self.case("checkout_broken_off", user, (at, at), true);
        }
    }
}
