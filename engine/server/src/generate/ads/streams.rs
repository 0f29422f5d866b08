//! What happens around the generated impressions: who bid, what was sold, shown, clicked and bought.
//!
//! Every row is a bid request. Several bidders answer; four of five requests are sold to the row's bidder, at
//! the row's CPM; nearly all of those are shown; an impression is clicked as often as its click-through rate
//! says, and some clicks lead to a conversion. What follows carries the ids of what it follows from.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::fraud::Fraud;
use super::{AdsRow, BIDDERS, CSV_HEADER, CTR_DEFAULT, ads_rows, timestamp};
use crate::generate::random::{Random, scramble};
use crate::generate::truth::Case;

/// Names of the streams and their columns. The last two have rows of others again, by what rules tell them
/// apart.
const STREAMS: [(&str, &str); 9] = [
    ("bid_requests", CSV_HEADER),
    ("bid_responses", "impression_id,placement,domain,ts,bidder,price"),
    ("wins", "impression_id,placement,domain,ts,bidder,price"),
    ("impressions", "impression_id,placement,domain,ts,bidder,country,device_category,format,cpm"),
    ("views", "impression_id,placement,domain,ts"),
    ("clicks", "click_id,impression_id,placement,domain,ts"),
    ("conversions", "click_id,impression_id,placement,domain,ts,amount"),
    ("clicks_by_ip", "click_id,impression_id,ip,campaign,ts"),
    ("requests_by_domain", "impression_id,domain,ts"),
];
const SOLD_SHARE: f64 = 0.8;
const SHOWN_SHARE: f64 = 0.95;
/// Share of impressions that come into view; all do that are clicked, but for a lost message now and then.
const VIEWED_SHARE: f64 = 0.6;
const VIEW_LOST_SHARE: f64 = 0.000_5;
const CONVERSION_SHARE: f64 = 0.05;
/// Addresses that visitors come from, and those behind which there are many.
const ADDRESSES: u32 = 20_000;
const SHARED_ADDRESSES: u32 = 12;
const SHARED_SHARE: f64 = 0.08;

/// A CSV file whose lines come out of order, each no earlier than the request that it follows from.
struct Stream {
    file: BufWriter<File>,
    waiting: BinaryHeap<Reverse<(i64, u64, String)>>,
    lines: u64,
}

impl Stream {
    fn create(folder: &Path, name: &str, header: &str) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(folder.join(name).with_extension("csv"))?);
        writeln!(file, "{header}")?;
        Ok(Self { file, waiting: BinaryHeap::new(), lines: 0 })
    }

    fn push(&mut self, ts_millis: i64, line: String) {
        self.lines += 1;
        self.waiting.push(Reverse((ts_millis, self.lines, line)));
    }

    /// Writes the lines up to this time; none earlier is to come.
    fn write_until(&mut self, ts_millis: i64) -> io::Result<()> {
        while let Some(Reverse((at, ..))) = self.waiting.peek()
            && *at <= ts_millis
        {
            if let Some(Reverse((_, _, line))) = self.waiting.pop() {
                writeln!(self.file, "{line}")?;
            }
        }
        Ok(())
    }
}

/// The files, by stream.
pub(super) struct Streams([Stream; 9]);

impl Streams {
    fn create(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let streams: io::Result<Vec<Stream>> =
            STREAMS.iter().map(|(name, header)| Stream::create(folder, name, header)).collect();
        let Ok(streams) = streams?.try_into() else { unreachable!("one per name") };
        Ok(Self(streams))
    }

    fn write_until(&mut self, ts_millis: i64) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|stream| stream.write_until(ts_millis))
    }

    fn push(&mut self, stream: &str, ts_millis: i64, line: String) {
        let place = STREAMS.iter().position(|(name, _)| *name == stream).expect("one of the names");
        self.0[place].push(ts_millis, line);
    }

    /// A request, which both streams of requests have.
    pub(super) fn request(&mut self, row: &AdsRow) -> io::Result<()> {
        let mut line = Vec::new();
        row.write_csv(&mut line)?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.push("bid_requests", row.ts_millis, line);
        let place = row.place();
        let domain = place.split(',').nth(1).unwrap_or_default();
        let line = format!("{},{domain},{}", row.impression(), timestamp(row.ts_millis));
        self.push("requests_by_domain", row.ts_millis, line);
        Ok(())
    }

    /// A click, which both streams of clicks have.
    pub(super) fn click(&mut self, row: &AdsRow, visitor: &Visitor, click: &str, at: i64) {
        let (id, place, ts) = (row.impression(), row.place(), timestamp(at));
        self.push("clicks", at, format!("{click},{id},{place},{ts}"));
        let Visitor { ip, campaign } = visitor;
        self.push("clicks_by_ip", at, format!("{click},{id},{ip},{campaign},{ts}"));
    }

    pub(super) fn conversion(&mut self, row: &AdsRow, click: &str, at: i64, amount: f64) {
        let (id, place, ts) = (row.impression(), row.place(), timestamp(at));
        self.push("conversions", at, format!("{click},{id},{place},{ts},{amount:.2}"));
    }
}

/// Who sees an impression, and of what campaign it is.
pub(super) struct Visitor {
    pub(super) ip: String,
    pub(super) campaign: String,
}

impl Visitor {
    fn of(row: &AdsRow) -> Self {
        let mut random = Random(scramble(row.impression_id ^ 3));
        let host = if random.chance(SHARED_SHARE) {
            ADDRESSES + random.index(SHARED_ADDRESSES)
        } else {
            random.index(ADDRESSES)
        };
        let [_, a, b, c] = host.to_be_bytes();
        let campaign = format!("{}-{}", row.bidder, 1 + random.index(5));
        Self { ip: format!("100.{}.{b}.{c}", 64 + a), campaign }
    }
}

/// What came of a request.
pub(super) struct Outcome {
    pub(super) visitor: Visitor,
    /// When it was clicked, and the click's id.
    pub(super) click: Option<(i64, String)>,
}

/// Writes the requests and what follows from them, a CSV file per stream of the `ads` app, each in order of
/// time. With `fraud` there are cases for the app's rules among them, which it gives.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn write_streams(seed: u64, rows: usize, folder: &Path, fraud: bool) -> io::Result<Vec<Case>> {
    let mut streams = Streams::create(folder)?;
    let mut fraud = fraud.then(|| Fraud::new(seed));
    for row in ads_rows(seed).take(rows) {
        streams.request(&row)?;
        let unseen = fraud.as_mut().is_some_and(Fraud::clicks_unseen);
        let outcome = follow(&row, &mut streams, unseen);
        if let Some(fraud) = &mut fraud {
            fraud.around(&row, &outcome, unseen, &mut streams)?;
        }
        streams.write_until(row.ts_millis)?;
    }
    streams.write_until(i64::MAX)?;
    streams.0.iter_mut().try_for_each(|stream| stream.file.flush())?;
    Ok(fraud.map_or_else(Vec::new, |fraud| fraud.cases))
}

/// What follows from a request. If `unseen`, it is clicked at once by who has not seen it.
fn follow(row: &AdsRow, streams: &mut Streams, unseen: bool) -> Outcome {
    let mut outcome = Outcome { visitor: Visitor::of(row), click: None };
    let random = &mut Random(scramble(row.impression_id));
    let of_view = &mut Random(scramble(row.impression_id ^ 2));
    let (id, place) = (row.impression(), row.place());
    let bid = |bidder: &str, price: f64, at: i64| {
        (at, format!("{id},{place},{},{bidder},{price:.4}", timestamp(at)))
    };
    let mut at = row.ts_millis + 20;
    let winner = BIDDERS.iter().position(|&bidder| bidder == row.bidder).unwrap_or(0);
    for other in 1..=random.index(7) as usize {
        at += i64::from(random.index(10));
        let price = row.cpm * (0.35 + 0.6 * random.uniform());
        let (at, line) = bid(BIDDERS[(winner + other) % BIDDERS.len()], price, at);
        streams.push("bid_responses", at, line);
    }
    if !random.chance(SOLD_SHARE) && !unseen {
        return outcome;
    }
    let (at, line) = bid(row.bidder, row.cpm, at + 5);
    streams.push("bid_responses", at, line);
    let (at, line) = bid(row.bidder, row.cpm, at + 20);
    streams.push("wins", at, line);
    if !random.chance(SHOWN_SHARE) && !unseen {
        return outcome;
    }
    let at = at + 200 + i64::from(random.index(1_500));
    let AdsRow { bidder, country, device_category, format, cpm, .. } = row;
    let shown = format!("{bidder},{country},{device_category},{format},{cpm:.4}");
    streams.push("impressions", at, format!("{id},{place},{},{shown}", timestamp(at)));
    let clicked = random.chance(row.historical_ctr_avg.unwrap_or(CTR_DEFAULT));
    let viewed = if clicked { !of_view.chance(VIEW_LOST_SHARE) } else { of_view.chance(VIEWED_SHARE) };
    if viewed && !unseen {
        let at = at + 100 + i64::from(of_view.index(900));
        streams.push("views", at, format!("{id},{place},{}", timestamp(at)));
    }
    if !clicked && !unseen {
        return outcome;
    }
    let wait = 1_000 + i64::from(random.index(60_000));
    let at = at + if unseen { 100 + wait % 1_400 } else { wait };
    let click = format!("clk-{:016x}", scramble(row.impression_id ^ 1));
    streams.click(row, &outcome.visitor, &click, at);
    if random.chance(CONVERSION_SHARE) {
        let at = at + 60_000 + i64::from(random.index(3_600_000));
        let spread = random.uniform();
        streams.conversion(row, &click, at, 5.0 + 195.0 * spread * spread);
    }
    outcome.click = Some((at, click));
    outcome
}
