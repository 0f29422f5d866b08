//! What the shop sells, who comes, and from where: the same for every seed.

use crate::generate::random::Random;

/// What products belong to.
pub const CATEGORIES: [&str; 8] =
    ["electronics", "home", "fashion", "sports", "books", "beauty", "toys", "garden"];
/// A typical price in each, in cents.
const TYPICAL_CENTS: [f64; 8] = [18_000.0, 6_000.0, 4_500.0, 5_500.0, 1_800.0, 2_500.0, 3_000.0, 4_000.0];
/// Products, by descending popularity.
pub const PRODUCTS: u32 = 400;

/// A price's distribution has its own seed, so that a product costs the same whatever the traffic.
const PRICE_SEED: u64 = 0x5107;

/// The category of a product, below 8.
pub const fn category_of(product: u32) -> usize {
    (product % 8) as usize
}

/// What a product costs, in cents: some whole sum and 90.
pub fn price_cents(product: u32) -> u64 {
    let spread = Random(PRICE_SEED ^ u64::from(product)).uniform();
    let euros = TYPICAL_CENTS[category_of(product)] * (0.4 + 1.8 * spread * spread) / 100.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds of euros")]
    let euros = euros as u64;
    euros * 100 + 90
}

/// Visitors come from the networks 10.0 to 10.63, which apps/shop/lookups/networks.csv lays to countries.
pub const NETWORKS: u32 = 64;

/// What a visitor's program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Mobile,
    Tablet,
    Desktop,
    /// A crawler that says so.
    Crawler,
}

impl Device {
    /// The value of device_type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Desktop | Self::Crawler => "desktop",
        }
    }

    /// The programs that it runs.
    pub const fn agents(self) -> &'static [&'static str] {
        match self {
            Self::Mobile => &MOBILE,
            Self::Tablet => &TABLET,
            Self::Desktop => &DESKTOP,
            Self::Crawler => &CRAWLERS,
        }
    }
}

const MOBILE: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "TechMart/7.2 (Android 15)",
];
const TABLET: [&str; 2] = [
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
];
const DESKTOP: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
];
const CRAWLERS: [&str; 2] = [
    "Mozilla/5.0 (compatible; ExampleSearchBot/2.1; +https://search.example/bot.html)",
    "PriceCompareCrawler/1.4 (+https://compare.example/crawler)",
];

/// What people search for.
pub const SEARCHES: [&str; 10] = [
    "headphones",
    "running shoes",
    "coffee machine",
    "garden hose",
    "novel",
    "sun cream",
    "building blocks",
    "desk lamp",
    "winter jacket",
    "tent",
];

/// Where visitors come from; nothing: they typed the address.
pub const REFERRERS: [Option<&str>; 5] = [
    Some("https://search.example/"),
    None,
    Some("https://social.example/feed"),
    Some("https://compare.example/offers"),
    Some("https://mail.example/newsletter"),
];
/// Shares of the referrers.
pub const REFERRER_SHARES: [f64; 5] = [0.42, 0.30, 0.13, 0.08, 0.07];
