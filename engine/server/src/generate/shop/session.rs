//! What one visitor does, step by step.

use super::catalog::{
    CATEGORIES, Device, NETWORKS, PRODUCTS, REFERRER_SHARES, REFERRERS, SEARCHES, category_of, price_cents,
};
use super::row::{ShopRow, product_id};
use crate::generate::random::{Random, small};

/// How a visitor behaves: probabilities at the forks of the way.
#[derive(Clone, Copy, Debug)]
struct Persona {
    /// Of searching, where others look through categories.
    search: f64,
    /// Of putting into the cart what has been looked at.
    cart: f64,
    /// Of going on from each of cart and checkout.
    pay: f64,
    /// Of leaving after a page.
    leave: f64,
}

/// Strollers, researchers, buyers.
const PERSONAS: [Persona; 3] = [
    Persona { search: 0.10, cart: 0.04, pay: 0.45, leave: 0.28 },
    Persona { search: 0.45, cart: 0.07, pay: 0.55, leave: 0.14 },
    Persona { search: 0.30, cart: 0.30, pay: 0.82, leave: 0.10 },
];
const PERSONA_SHARES: [f64; 3] = [0.55, 0.30, 0.15];

/// Who a session is of, and what stays the same during it.
#[derive(Clone, Debug)]
pub struct Visitor {
    user: u64,
    session: u64,
    device: Device,
    agent: &'static str,
    ip: [u8; 4],
    referrer: Option<&'static str>,
    persona: Persona,
}

impl Visitor {
    /// A user; what is theirs follows from `of_user`, what is the session's is drawn.
    pub fn new(user: u64, session: u64, mut of_user: Random, random: &mut Random) -> Self {
        let network = of_user.index(NETWORKS);
        let host = of_user.index(1 << 16).to_be_bytes();
        let persona = PERSONAS[of_user.choose(&PERSONA_SHARES)];
        let usual = [Device::Mobile, Device::Tablet, Device::Desktop][of_user.choose(&[0.6, 0.08, 0.32])];
        // Now and then another device than usual.
        let device = if random.chance(0.1) { Device::Desktop } else { usual };
        let agents = device.agents();
        let agent = agents[of_user.index(small(agents.len() as u64)) as usize];
        let ip = [10, network.to_be_bytes()[3], host[2], host[3]];
        let referrer = REFERRERS[random.choose(&REFERRER_SHARES)];
        Self { user, session, device, agent, ip, referrer, persona }
    }

    /// The same as a crawler that says what it is.
    pub fn crawler(mut self, random: &mut Random) -> Self {
        self.device = Device::Crawler;
        self.agent = Device::Crawler.agents()[random.index(2) as usize];
        self.referrer = None;
        self
    }

    /// The same from another address.
    pub fn at(mut self, ip: [u8; 4]) -> Self {
        self.ip = ip;
        self
    }

    /// The same in another session.
    pub fn in_session(mut self, session: u64) -> Self {
        self.session = session;
        self
    }

    pub fn user(&self) -> u64 {
        self.user
    }

    pub fn ip(&self) -> [u8; 4] {
        self.ip
    }

    pub fn agent(&self) -> &'static str {
        self.agent
    }

    /// The same, come by a campaign.
    pub fn by_campaign(mut self) -> Self {
        self.referrer = Some("https://social.example/campaign");
        self
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Home,
    Category,
    Search,
    Product,
    Gallery,
    AddToCart,
    Cart,
    Checkout,
    Purchase,
    /// The payment does not work.
    PaymentFailed,
}

/// Why a session goes as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Shopper,
    /// Page by page, so many more.
    Crawler {
        pages: u32,
    },
    /// As a crawler, but fast, and as a person.
    Scraper {
        pages: u32,
    },
    /// One small purchase after the other, so many more.
    CardTester {
        purchases: u32,
    },
    /// The same at some pace: so many seconds from one to the next, or one more.
    Buyer {
        purchases: u32,
        gap_seconds: u32,
    },
}

/// A session in progress.
#[derive(Clone, Debug)]
pub struct Session {
    pub visitor: Visitor,
    pub manner: Manner,
    /// When the next step is made.
    pub ts_millis: i64,
    pub step: Step,
    category: usize,
    product: u32,
    /// The injected anomaly that it is of.
    pub anomaly: Option<usize>,
    referred: bool,
}

impl Session {
    /// A session that begins with this step at this time, about this product.
    pub fn new(visitor: Visitor, manner: Manner, ts_millis: i64, step: Step, product: u32) -> Self {
        let category = category_of(product);
        Self { visitor, manner, ts_millis, step, category, product, anomaly: None, referred: true }
    }

    /// The same, as part of an anomaly.
    pub fn of_anomaly(self, anomaly: usize) -> Self {
        Self { anomaly: Some(anomaly), ..self }
    }

    /// The row of the step at hand. Only the first page of a session has a referrer.
    pub fn row(&mut self, random: &mut Random) -> ShopRow {
        let Self { visitor, category, product, .. } = self;
        let shown = CATEGORIES[*category];
        let page_of_product = format!("/p/{}", product_id(*product));
        let (event_type, page_url, about, properties) = match self.step {
            Step::Home => ("page_view", "/".to_owned(), None, None),
            Step::Category => ("page_view", format!("/c/{shown}"), None, None),
            Step::Search => {
                let query = SEARCHES[random.index(10) as usize];
                let results = random.index(60);
                let properties = format!("{{\"query\":\"{query}\",\"results\":{results}}}");
                ("search", format!("/search?q={}", query.replace(' ', "+")), None, Some(properties))
            }
            Step::Product => ("page_view", page_of_product, Some(*product), None),
            Step::Gallery => ("click", page_of_product, Some(*product), Some(action("gallery"))),
            Step::AddToCart => ("click", page_of_product, Some(*product), Some(action("add_to_cart"))),
            Step::Cart => ("page_view", "/cart".to_owned(), None, None),
            Step::Checkout => ("page_view", "/checkout".to_owned(), None, None),
            Step::PaymentFailed => ("click", "/checkout".to_owned(), None, Some(action("payment_failed"))),
            Step::Purchase => {
                let quantity = 1 + u64::from(random.chance(0.15));
                let cents = price_cents(*product) * quantity;
                let order = format!("o-{:09}-{}", visitor.session, self.ts_millis % 100_000);
                let properties = format!(
                    "{{\"order_id\":\"{order}\",\"quantity\":{quantity},\"amount\":{}.{:02}}}",
                    cents / 100,
                    cents % 100
                );
                ("purchase", "/checkout".to_owned(), Some(*product), Some(properties))
            }
        };
        let of_category = about.is_some() || self.step == Step::Category;
        ShopRow {
            user: visitor.user,
            session: visitor.session,
            event_type,
            ts_millis: self.ts_millis,
            page_url,
            product: about,
            category: of_category.then_some(*category),
            device_type: visitor.device.name(),
            user_agent: visitor.agent,
            ip: visitor.ip,
            referrer: visitor.referrer.filter(|_| std::mem::take(&mut self.referred)),
            custom_properties: properties,
        }
    }

    /// Goes on to the next step; false where the visitor leaves.
    pub fn advance(&mut self, random: &mut Random) -> bool {
        let (step, wait) = match &mut self.manner {
            Manner::Shopper => (self.next_step(random), dwell(random)),
            Manner::Crawler { pages } | Manner::Scraper { pages } if *pages == 0 => (None, 0),
            Manner::Crawler { pages } => {
                *pages -= 1;
                self.product = random.index(PRODUCTS);
                (Some(Step::Product), 1_500 + i64::from(random.index(1_000)))
            }
            Manner::Scraper { pages } => {
                *pages -= 1;
                self.product = (self.product + 1) % PRODUCTS;
                (Some(Step::Product), 250 + i64::from(random.index(300)))
            }
            Manner::CardTester { purchases: 0 } | Manner::Buyer { purchases: 0, .. } => (None, 0),
            Manner::CardTester { purchases } => {
                *purchases -= 1;
                (Some(Step::Purchase), 3_000 + i64::from(random.index(5_000)))
            }
            Manner::Buyer { purchases, gap_seconds } => {
                *purchases -= 1;
                (Some(Step::Purchase), i64::from(*gap_seconds * 1_000 + random.index(1_000)))
            }
        };
        let Some(step) = step else { return false };
        self.step = step;
        self.ts_millis += wait;
        self.category = category_of(self.product);
        true
    }

    fn next_step(&mut self, random: &mut Random) -> Option<Step> {
        let Persona { search, cart, pay, leave } = self.visitor.persona;
        if matches!(self.step, Step::Home | Step::Category | Step::Search | Step::Product)
            && random.chance(leave)
        {
            return None;
        }
        match self.step {
            Step::Home => Some(if random.chance(search) { Step::Search } else { Step::Category }),
            Step::Category if random.chance(0.8) => {
                self.product = (popular(random) / 8 * 8 + small(self.category as u64)) % PRODUCTS;
                Some(Step::Product)
            }
            Step::Category | Step::Gallery if random.chance(0.5) => Some(Step::Category),
            Step::Product if random.chance(cart) => Some(Step::AddToCart),
            Step::Product if random.chance(0.5) => Some(Step::Gallery),
            Step::Product if random.chance(search) => Some(Step::Search),
            Step::Search | Step::Category | Step::Gallery | Step::Product => {
                self.product = popular(random);
                Some(Step::Product)
            }
            Step::AddToCart => Some(if random.chance(pay) { Step::Cart } else { Step::Product }),
            Step::Cart => random.chance(pay).then_some(Step::Checkout),
            Step::Checkout => random.chance(pay).then_some(Step::Purchase),
            Step::Purchase => random.chance(0.15).then_some(Step::Home),
            Step::PaymentFailed => None,
        }
    }
}

fn action(name: &str) -> String {
    format!("{{\"action\":\"{name}\"}}")
}

/// A product, the popular ones more often: half of the draws fall to a quarter of them.
pub fn popular(random: &mut Random) -> u32 {
    let (high, low) = (random.index(PRODUCTS), random.index(PRODUCTS));
    high * low / PRODUCTS
}

/// How long a page is looked at, in milliseconds: seconds mostly; sometimes the visitor goes away for longer
/// than a session's gap and comes back.
fn dwell(random: &mut Random) -> i64 {
    if random.chance(0.015) {
        return 31 * 60_000 + i64::from(random.index(20 * 60_000));
    }
    1_000 + i64::from(random.index(250)) * i64::from(random.index(250))
}
