//! Synthetic ad impressions with the CPM each one earned, for the `ads` app and for training its model.
//!
//! One seed gives one endless, time-ordered sequence of rows: same seed, same bytes, on every platform. No
//! clock is read; the first row falls on Monday 2025-09-01 UTC. Only addition, multiplication, division and
//! square roots are used, which IEEE 754 rounds the same everywhere.
//!
//! About 9,300 impressions a day come from 200 placements with Zipf popularity on 60 domains, in a daily and
//! weekly rhythm. The label `cpm` depends on the ten model features and on noise (sigma 0.3 EUR), on nothing
//! else. Where an optional input is missing, the label is drawn as if the input had its default, because that
//! is what a decision assumes.

mod fraud;
mod streams;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::random::{Random, round, scramble, small};
use super::truth;

pub use streams::write_streams;

/// First line of the CSV form, without a line end.
pub const CSV_HEADER: &str = "impression_id,placement,domain,ts,hour_of_day,day_of_week,country,country_tier,\
device_category,format,inventory_type,bidder,bid_floor,bid_floor_currency,user_engagement_score,\
device_performance_score,historical_ctr_avg,is_weekend,device_category_encoded,is_eu,is_prime_time,cpm";

/// What a decision assumes for a missing `user_engagement_score`.
pub const ENGAGEMENT_DEFAULT: f64 = 0.5;
/// What a decision assumes for a missing `device_performance_score`.
pub const PERFORMANCE_DEFAULT: f64 = 100.0;
/// What a decision assumes for a missing `historical_ctr_avg`.
pub const CTR_DEFAULT: f64 = 0.02;

/// 2025-09-01T00:00:00Z, a Monday, in milliseconds of Unix time.
const START_MILLIS: i64 = 1_756_684_800_000;
const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
/// Mean time between impressions over a week.
const GAP_MILLIS_MEAN: f64 = 9_100.0;

const PLACEMENTS: u32 = 200;
const DOMAINS: u32 = 60;
/// Standard deviation of what the features cannot explain, in EUR.
const NOISE_EUR: f64 = 0.3;
/// Lowest CPM that is sold, in EUR.
const CPM_EUR_MIN: f64 = 0.05;

const TOPICS: [&str; 12] = [
    "news", "sport", "weather", "cooking", "travel", "motor", "finance", "health", "gaming", "music", "home",
    "jobs",
];
const BIDDERS: [&str; 8] = ["alder", "birch", "cedar", "hazel", "larch", "maple", "rowan", "willow"];
const FORMATS: [&str; 4] = ["banner", "video", "native", "interstitial"];
const FORMAT_SHARES: [f64; 4] = [0.52, 0.18, 0.22, 0.08];
const INVENTORY: [&str; 3] = ["premium", "standard", "remnant"];
const INVENTORY_SHARES: [f64; 3] = [0.25, 0.50, 0.25];
const DEVICES: [&str; 3] = ["mobile", "tablet", "desktop"];
/// ISO codes, tier by tier as in the source system: six of tier 1, six of tier 2, the rest tier 3.
const COUNTRIES: [&str; 20] = [
    "ES", "FR", "DE", "IT", "GB", "US", "PT", "NL", "BE", "CH", "AT", "SE", "MX", "AR", "CO", "BR", "PL",
    "MA", "RO", "JP",
];
/// Share of traffic per country.
const COUNTRY_SHARES: [f64; 20] = [
    0.30, 0.09, 0.09, 0.07, 0.06, 0.06, 0.05, 0.03, 0.02, 0.02, 0.02, 0.02, 0.05, 0.03, 0.02, 0.02, 0.02,
    0.01, 0.01, 0.01,
];

/// Impressions per hour of the day, relative to the mean.
const TRAFFIC_BY_HOUR: [f64; 24] = [
    0.55, 0.35, 0.24, 0.19, 0.18, 0.25, 0.47, 0.82, 1.05, 1.15, 1.18, 1.20, 1.24, 1.28, 1.20, 1.12, 1.10,
    1.17, 1.30, 1.48, 1.68, 1.74, 1.50, 1.00,
];
/// The same per day of the week, Monday first.
const TRAFFIC_BY_DAY: [f64; 7] = [1.02, 1.03, 1.02, 1.01, 0.96, 0.93, 1.03];
/// What advertisers pay by hour of the day, relative to the mean.
const PRICE_BY_HOUR: [f64; 24] = [
    0.72, 0.66, 0.62, 0.60, 0.60, 0.64, 0.74, 0.86, 0.95, 1.00, 1.02, 1.03, 1.05, 1.06, 1.02, 1.00, 1.01,
    1.04, 1.10, 1.14, 1.18, 1.20, 1.14, 0.92,
];
/// The same per day of the week, Monday first.
const PRICE_BY_DAY: [f64; 7] = [0.97, 1.00, 1.02, 1.05, 1.03, 0.96, 1.00];

/// One impression and the CPM it earned.
#[derive(Debug, Clone, PartialEq)]
pub struct AdsRow {
    /// Unique within a seed. `imp-` and sixteen hexadecimal digits in CSV.
    pub impression_id: u64,
    /// Index of the placement, below 200. `pl-007` in CSV.
    pub placement: u32,
    /// Index of the domain, below 60. A name under `.example` in CSV.
    pub domain: u32,
    /// Unix time in milliseconds, UTC. Never decreases from row to row. ISO 8601 in CSV.
    pub ts_millis: i64,
    /// 0 to 23, UTC.
    pub hour_of_day: u32,
    /// 1 to 7, Monday = 1.
    pub day_of_week: u32,
    /// ISO 3166 alpha-2.
    pub country: &'static str,
    /// 1 to 3.
    pub country_tier: u32,
    /// `mobile`, `tablet` or `desktop`.
    pub device_category: &'static str,
    /// `banner`, `video`, `native` or `interstitial`.
    pub format: &'static str,
    /// `premium`, `standard` or `remnant`.
    pub inventory_type: &'static str,
    /// Who bought the impression.
    pub bidder: &'static str,
    /// The publisher's own floor in EUR per thousand.
    pub bid_floor: Option<f64>,
    /// 0 to 1.
    pub user_engagement_score: Option<f64>,
    /// 0 or more, 100 is typical.
    pub device_performance_score: Option<f64>,
    /// 0 to 1.
    pub historical_ctr_avg: Option<f64>,
    /// Saturday or Sunday.
    pub is_weekend: bool,
    /// 1 mobile, 2 tablet, 3 desktop.
    pub device_category_encoded: u32,
    /// Country tier 1, as the model knows it; it counts US and GB in.
    pub is_eu: bool,
    /// 19:00 to 23:59 UTC.
    pub is_prime_time: bool,
    /// The label: EUR per thousand impressions.
    pub cpm: f64,
}

impl AdsRow {
    /// Writes the row as one line of CSV, line end included. Missing values are empty. No value needs quotes.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{},{},{}", self.impression(), self.place(), timestamp(self.ts_millis))?;
        write!(out, ",{},{},{},{},", self.hour_of_day, self.day_of_week, self.country, self.country_tier)?;
        write!(out, "{},{},{},{},", self.device_category, self.format, self.inventory_type, self.bidder)?;
        write_optional(out, self.bid_floor, 2)?;
        out.write_all(b",EUR,")?;
        write_optional(out, self.user_engagement_score, 3)?;
        out.write_all(b",")?;
        write_optional(out, self.device_performance_score, 1)?;
        out.write_all(b",")?;
        write_optional(out, self.historical_ctr_avg, 5)?;
        write!(out, ",{},{},", u8::from(self.is_weekend), self.device_category_encoded)?;
        writeln!(out, "{},{},{:.4}", u8::from(self.is_eu), u8::from(self.is_prime_time), self.cpm)
    }

    /// The impression's id in text.
    fn impression(&self) -> String {
        format!("imp-{:016x}", self.impression_id)
    }

    /// Placement and domain in text, with a comma between them.
    fn place(&self) -> String {
        let topic = TOPICS[self.domain as usize % TOPICS.len()];
        format!("pl-{:03},{topic}{}.example", self.placement, 1 + self.domain as usize / TOPICS.len())
    }
}

/// ISO 8601 with milliseconds and a Z.
fn timestamp(millis: i64) -> String {
    format!("{}Z", truth::timestamp(millis))
}

fn write_optional(out: &mut impl Write, value: Option<f64>, decimals: usize) -> io::Result<()> {
    value.map_or(Ok(()), |value| write!(out, "{value:.decimals$}"))
}

/// All rows of a seed, in time order. Never ends; constant memory.
pub fn ads_rows(seed: u64) -> impl Iterator<Item = AdsRow> {
    let mut generator = Generator::new(seed);
    std::iter::repeat_with(move || generator.row())
}

/// What stays the same about a placement.
struct Placement {
    domain: u32,
    /// Index of the country most of its visitors come from.
    country: usize,
    format: &'static str,
    inventory_type: &'static str,
    bid_floor: Option<f64>,
    engagement: f64,
    ctr: f64,
    /// Share of impressions up to and including this placement.
    popularity_upto: f64,
}

struct Generator {
    random: Random,
    placements: Vec<Placement>,
    seed: u64,
    rows: u64,
    millis: i64,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let harmonic: f64 = (1..=PLACEMENTS).map(|rank| 1.0 / f64::from(rank)).sum();
        let mut popularity = 0.0;
        let placements = (1..=PLACEMENTS)
            .map(|rank| {
                popularity += 1.0 / f64::from(rank) / harmonic;
                Placement::new(&mut random, popularity)
            })
            .collect();
        Self { random, placements, seed, rows: 0, millis: START_MILLIS }
    }

    fn row(&mut self) -> AdsRow {
        let moment = self.next_moment();
        let draw = self.random.uniform();
        // Rounding may leave the last share a little below 1, hence the last placement takes what is above.
        let (index, placement) = (0..PLACEMENTS)
            .zip(&self.placements)
            .find(|(index, placement)| draw < placement.popularity_upto || index + 1 == PLACEMENTS)
            .expect("the last placement takes every draw");
        let random = &mut self.random;
        let country = if random.chance(0.6) { placement.country } else { random.choose(&COUNTRY_SHARES) };
        let device = moment.device(random);
        let features = Features::new(&moment, country, device);
        let engagement = placement.engagement + [0.05, 0.10, 0.15][device] + 0.17 * random.normal();
        let engagement = maybe(random, 0.06, round(engagement.clamp(0.0, 1.0), 1_000.0));
        let performance = [88.0, 97.0, 118.0][device] * (1.0 + 0.22 * random.normal());
        let performance = maybe(random, 0.08, round(performance.max(0.0), 10.0));
        let spread = 1.0 + 0.35 * random.normal();
        let ctr = maybe(random, 0.07, round((placement.ctr * spread).clamp(0.0005, 1.0), 100_000.0));
        let expected = features.cpm(
            engagement.unwrap_or(ENGAGEMENT_DEFAULT),
            performance.unwrap_or(PERFORMANCE_DEFAULT),
            ctr.unwrap_or(CTR_DEFAULT),
        );
        let cpm = round((expected + NOISE_EUR * random.normal()).max(CPM_EUR_MIN), 10_000.0);
        self.rows += 1;
        AdsRow {
            impression_id: scramble(scramble(self.seed).wrapping_add(self.rows)),
            placement: index,
            domain: placement.domain,
            ts_millis: moment.millis,
            hour_of_day: features.hour,
            day_of_week: features.day,
            country: COUNTRIES[country],
            country_tier: features.tier,
            device_category: DEVICES[device],
            format: placement.format,
            inventory_type: placement.inventory_type,
            bidder: BIDDERS[random.index(8) as usize],
            bid_floor: placement.bid_floor,
            user_engagement_score: engagement,
            device_performance_score: performance,
            historical_ctr_avg: ctr,
            is_weekend: features.weekend,
            device_category_encoded: [1, 2, 3][device],
            is_eu: features.eu,
            is_prime_time: features.prime_time,
            cpm,
        }
    }

    /// Advances time to the next impression: short gaps mostly, sometimes a long one, shorter in busy hours.
    fn next_moment(&mut self) -> Moment {
        let now = Moment::new(self.millis);
        let rate = TRAFFIC_BY_HOUR[now.hour as usize] * TRAFFIC_BY_DAY[now.day as usize - 1];
        // 0.7 * 0.8 / 2 + 0.3 * 4.8 / 2 = 1, so the mean gap is as named.
        let gap_max = if self.random.chance(0.7) { 0.8 } else { 4.8 };
        self.millis += whole(self.random.uniform() * gap_max * GAP_MILLIS_MEAN / rate);
        Moment::new(self.millis)
    }
}

impl Placement {
    fn new(random: &mut Random, popularity_upto: f64) -> Self {
        let inventory_type = INVENTORY[random.choose(&INVENTORY_SHARES)];
        let quality = if inventory_type == "premium" { 0.08 } else { 0.0 };
        let spread = random.uniform();
        Self {
            domain: random.index(DOMAINS),
            country: random.choose(&COUNTRY_SHARES),
            format: FORMATS[random.choose(&FORMAT_SHARES)],
            inventory_type,
            bid_floor: random.chance(0.85).then_some(round(0.1 + 1.4 * random.uniform(), 100.0)),
            engagement: 0.28 + quality + 0.25 * random.uniform(),
            // Skewed: many placements below 2 %, a few near 6 %.
            ctr: 0.006 + 0.054 * spread * spread * spread,
            popularity_upto,
        }
    }
}

/// A point in time with its calendar fields.
struct Moment {
    millis: i64,
    hour: u32,
    day: u32,
}

impl Moment {
    fn new(millis: i64) -> Self {
        let hour = millis.div_euclid(HOUR_MILLIS).rem_euclid(24);
        // Unix time began on a Thursday.
        let day = (millis.div_euclid(DAY_MILLIS) + 3).rem_euclid(7) + 1;
        Self { millis, hour: small(hour.unsigned_abs()), day: small(day.unsigned_abs()) }
    }

    /// An index into [`DEVICES`]: desktops at work, phones and tablets in the evening and at weekends.
    fn device(&self, random: &mut Random) -> usize {
        let at_work = (8..18).contains(&self.hour) && self.day <= 5;
        let (mobile, tablet) = if at_work { (0.48, 0.06) } else { (0.68, 0.13) };
        random.choose(&[mobile, tablet, 1.0 - mobile - tablet])
    }
}

/// The seven model features that are always known.
struct Features {
    hour: u32,
    day: u32,
    weekend: bool,
    tier: u32,
    /// Index into [`DEVICES`].
    device: usize,
    eu: bool,
    prime_time: bool,
}

impl Features {
    fn new(moment: &Moment, country: usize, device: usize) -> Self {
        let tier = match country {
            0..6 => 1,
            6..12 => 2,
            _ => 3,
        };
        Self {
            hour: moment.hour,
            day: moment.day,
            weekend: moment.day >= 6,
            tier,
            device,
            eu: tier == 1,
            prime_time: (19..=23).contains(&moment.hour),
        }
    }

    /// Expected CPM in EUR: the market's price, times how good the impression is.
    fn cpm(&self, engagement: f64, performance: f64, ctr: f64) -> f64 {
        let market = [2.9, 1.8, 0.75][self.tier as usize - 1]
            * PRICE_BY_HOUR[self.hour as usize]
            * PRICE_BY_DAY[self.day as usize - 1];
        // Desktops lose at weekends what phones and tablets gain; prime time pays most on tier 1.
        let device = match (self.device, self.weekend) {
            (0, false) => 0.88,
            (0, true) => 0.97,
            (1, false) => 1.02,
            (1, true) => 1.15,
            (_, false) => 1.22,
            (_, true) => 1.02,
        };
        let prime = match (self.prime_time, self.eu) {
            (true, true) => 1.22,
            (true, false) => 1.10,
            (false, _) => 1.0,
        };
        // An S-curve: little below 0.3, most of the gain up to 0.8.
        let squared = engagement * engagement;
        let attention = 0.45 + 1.65 * squared / (squared + 0.25);
        // Slow devices lose views, fast ones gain little.
        let speed = 1.25 * performance / (performance + 25.0);
        let clicks = 0.72 + 2.0 * ctr.sqrt();
        market * device * prime * attention * speed * clicks
    }
}

/// The value, or nothing with the given probability.
fn maybe(random: &mut Random, missing: f64, value: f64) -> Option<f64> {
    (!random.chance(missing)).then_some(value)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "dropping the fraction is the purpose; gaps are below a day"
)]
fn whole(value: f64) -> i64 {
    value as i64
}
