//! Anomalies that are injected into the traffic, and the ground truth of them.

use serde_json::json;

use super::catalog::CATEGORIES;
use super::row::user_id;
use crate::generate::random::{Random, scramble};
use crate::text_time::write_timestamp;

/// There is at most one anomaly in each slot of this length, in milliseconds.
pub const SLOT_MILLIS: i64 = 2 * 3_600_000;
const MINUTE_MILLIS: i64 = 60_000;
/// Share of slots that have one.
const SHARE: f64 = 0.6;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Four times the visitors; the further ones come by a campaign for one category.
    TrafficSpike,
    /// Payments fail for everybody.
    CheckoutOutage,
    /// One user makes small purchases in quick succession, as with stolen cards.
    CardTesting,
    /// One user reads the catalogue page by page, several a second, with a browser's user agent.
    Scraper,
}

const KINDS: [Kind; 4] = [Kind::TrafficSpike, Kind::CheckoutOutage, Kind::CardTesting, Kind::Scraper];

/// One anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    pub kind: Kind,
    /// Unix time in milliseconds.
    pub start_millis: i64,
    /// Behind its last moment; while a single user's goes on, what it will be at most.
    pub end_millis: i64,
    /// Of the kinds that are one user's.
    pub user: Option<u64>,
    /// Of a traffic spike: an index into the categories.
    pub category: Option<usize>,
    /// Rows so far that would not be there, or would be others, without it.
    pub rows: u64,
}

impl Anomaly {
    /// The anomaly of a slot, if it has one; the same for the same seed and slot. The first slot always does.
    pub fn of_slot(seed: u64, slot: u64, slot_start: i64) -> Option<Self> {
        let mut random = Random(scramble(scramble(seed ^ 0xa17) ^ slot));
        let there = random.chance(SHARE) || slot == 0;
        // One kind after the other, so that few hours of traffic have several.
        let kind = KINDS[(scramble(seed).wrapping_add(slot) % 4) as usize];
        let length = match kind {
            Kind::TrafficSpike => 5 + random.index(10),
            Kind::CheckoutOutage => 20 + random.index(20),
            Kind::CardTesting | Kind::Scraper => 5 + random.index(3),
        };
        // The slot of 120 minutes holds it whole.
        let start_millis = slot_start + i64::from(5 + random.index(70)) * MINUTE_MILLIS;
        let category = (kind == Kind::TrafficSpike).then(|| random.index(8) as usize);
        let end_millis = start_millis + i64::from(length) * MINUTE_MILLIS;
        there.then_some(Self { kind, start_millis, end_millis, user: None, category, rows: 0 })
    }

    /// Whether it is going on.
    pub fn covers(&self, millis: i64) -> bool {
        (self.start_millis..self.end_millis).contains(&millis)
    }

    /// The line of the ground truth: a JSON object without the line's end.
    pub fn truth(&self) -> String {
        let kind = match self.kind {
            Kind::TrafficSpike => "traffic_spike",
            Kind::CheckoutOutage => "checkout_outage",
            Kind::CardTesting => "card_testing",
            Kind::Scraper => "scraper",
        };
        let at = |millis| {
            let mut text = Vec::new();
            write_timestamp(millis, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        json!({
            "kind": kind,
            "start": at(self.start_millis),
            "end": at(self.end_millis),
            "user_id": self.user.map(user_id),
            "category": self.category.map(|category| CATEGORIES[category]),
            "rows": self.rows,
        })
        .to_string()
    }
}
