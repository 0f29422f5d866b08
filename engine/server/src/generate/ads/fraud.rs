//! Fraud among the impressions: what the rules of apps/ads are to find, and what only comes near it.

use std::io;

use super::streams::{Outcome, Streams, Visitor};
use super::{AdsRow, DOMAINS};
use crate::generate::random::{Random, scramble};
use crate::generate::truth::Case;

/// Share of requests that are clicked by who has not seen what they asked for.
const UNSEEN_SHARE: f64 = 0.002;
/// Shares of requests, and of those that are clicked, with which something else begins.
const FLOOD_SHARE: f64 = 0.003;
const CLICKS_SHARE: f64 = 0.06;
const CONVERSIONS_SHARE: f64 = 0.2;

/// Who is at work.
pub(super) struct Fraud {
    random: Random,
    pub(super) cases: Vec<Case>,
    /// When the requests of each domain, and the conversions of each placement, are as usual again.
    quiet: Vec<i64>,
    ids: u64,
}

impl Fraud {
    pub(super) fn new(seed: u64) -> Self {
        let random = Random(scramble(seed ^ 0xf4a0d));
        Self { random, cases: Vec::new(), quiet: vec![0; DOMAINS as usize], ids: scramble(seed ^ 0x1d5) }
    }

    /// Whether the next request is clicked unseen.
    pub(super) fn clicks_unseen(&mut self) -> bool {
        self.random.chance(UNSEEN_SHARE)
    }

    /// What happens around a request.
    pub(super) fn around(
        &mut self,
        row: &AdsRow,
        outcome: &Outcome,
        unseen: bool,
        streams: &mut Streams,
    ) -> io::Result<()> {
        let quiet = self.quiet[row.domain as usize] < row.ts_millis;
        if quiet && self.random.chance(FLOOD_SHARE) {
            self.flood(row, streams)?;
        }
        let Some((at, click)) = &outcome.click else { return Ok(()) };
        if unseen {
            let key = vec![("placement", placement(row)), ("impression_id", row.impression())];
            self.case("click_without_view", key, (*at, *at), true);
        } else if self.random.chance(CLICKS_SHARE) {
            self.click_on(row, &outcome.visitor, *at, streams);
        } else if self.random.chance(CONVERSIONS_SHARE) {
            self.convert(row, click, *at, streams);
        }
        Ok(())
    }

    /// Requests for a domain, faster than people load pages; or nearly as fast.
    fn flood(&mut self, row: &AdsRow, streams: &mut Streams) -> io::Result<()> {
        let alert = self.random.chance(0.5);
        let (requests, gap) = if alert {
            (70 + self.random.index(230), 20 + self.random.index(100))
        } else {
            (15 + self.random.index(40), 20 + self.random.index(280))
        };
        let mut at = row.ts_millis;
        for _ in 0..requests {
            at += i64::from(1 + self.random.index(2 * gap));
            self.ids = self.ids.wrapping_add(1);
            let mut request = row.clone();
            (request.impression_id, request.ts_millis) = (scramble(self.ids), at);
            streams.request(&request)?;
        }
        self.quiet[row.domain as usize] = at + 600_000;
        let place = row.place();
        let domain = place.split(',').nth(1).unwrap_or_default().to_owned();
        self.case("bid_request_flood", vec![("domain", domain)], (row.ts_millis, at), alert);
        Ok(())
    }

    /// Clicks on one campaign from one address: of a machine; or of people behind it, or of one with little
    /// patience.
    fn click_on(&mut self, row: &AdsRow, visitor: &Visitor, first: i64, streams: &mut Streams) {
        let alert = self.random.chance(0.5);
        let (clicks, gap) = if alert {
            (12 + self.random.index(80), 200 + self.random.index(3_500))
        } else if self.random.chance(0.5) {
            (2 + self.random.index(5), 500 + self.random.index(6_000))
        } else {
            // Many, but slow.
            (8 + self.random.index(12), 12_000 + self.random.index(10_000))
        };
        let mut at = first;
        for _ in 0..clicks {
            at += i64::from(gap / 2 + self.random.index(gap));
            self.ids = self.ids.wrapping_add(1);
            streams.click(row, visitor, &format!("clk-{:016x}", scramble(self.ids)), at);
        }
        let key = vec![("ip", visitor.ip.clone()), ("campaign", visitor.campaign.clone())];
        self.case("click_flood", key, (first, at), alert);
    }

    /// A click's conversion told again and again; or a basket of several things.
    fn convert(&mut self, row: &AdsRow, click: &str, clicked: i64, streams: &mut Streams) {
        let alert = self.random.chance(0.5);
        let (conversions, gap) = if alert {
            (12 + self.random.index(30), 300 + self.random.index(15_000))
        } else {
            (2 + self.random.index(5), 300 + self.random.index(30_000))
        };
        let start = clicked + 60_000 + i64::from(self.random.index(600_000));
        let mut at = start;
        for _ in 0..conversions {
            at += i64::from(gap / 2 + self.random.index(gap));
            let amount = 5.0 + 195.0 * self.random.uniform();
            streams.conversion(row, click, at, amount);
        }
        self.case("conversion_burst", vec![("placement", placement(row))], (start, at), alert);
    }

    fn case(
        &mut self,
        rule: &'static str,
        key: Vec<(&'static str, String)>,
        (start_millis, end_millis): (i64, i64),
        alert: bool,
    ) {
        self.cases.push(Case { rule, key, start_millis, end_millis, alert });
    }
}

fn placement(row: &AdsRow) -> String {
    row.place().split(',').next().unwrap_or_default().to_owned()
}
