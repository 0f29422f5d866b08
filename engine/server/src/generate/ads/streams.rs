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

use super::super::random::{Random, scramble};
use super::{AdsRow, BIDDERS, CSV_HEADER, CTR_DEFAULT, ads_rows, timestamp};

/// Names of the streams and their columns.
const STREAMS: [(&str, &str); 5] = [
    ("bid_responses", "impression_id,placement,domain,ts,bidder,price"),
    ("wins", "impression_id,placement,domain,ts,bidder,price"),
    ("impressions", "impression_id,placement,domain,ts,bidder,country,device_category,format,cpm"),
    ("clicks", "click_id,impression_id,placement,domain,ts"),
    ("conversions", "click_id,impression_id,placement,domain,ts,amount"),
];
const SOLD_SHARE: f64 = 0.8;
const SHOWN_SHARE: f64 = 0.95;
const CONVERSION_SHARE: f64 = 0.05;

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

/// Writes the requests (bid_requests.csv) and what follows from them, a CSV file per stream of the `ads` app,
/// each in order of time.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn write_streams(seed: u64, rows: usize, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut requests = BufWriter::new(File::create(folder.join("bid_requests.csv"))?);
    writeln!(requests, "{CSV_HEADER}")?;
    let streams: io::Result<Vec<Stream>> =
        STREAMS.iter().map(|(name, header)| Stream::create(folder, name, header)).collect();
    let mut streams = streams?;
    for row in ads_rows(seed).take(rows) {
        row.write_csv(&mut requests)?;
        follow(&row, &mut streams);
        for stream in &mut streams {
            stream.write_until(row.ts_millis)?;
        }
    }
    requests.flush()?;
    for stream in &mut streams {
        stream.write_until(i64::MAX)?;
        stream.file.flush()?;
    }
    Ok(())
}

/// What follows from a request.
fn follow(row: &AdsRow, streams: &mut [Stream]) {
    let [responses, wins, impressions, clicks, conversions] = streams else { return };
    let random = &mut Random(scramble(row.impression_id));
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
        responses.push(at, line);
    }
    if !random.chance(SOLD_SHARE) {
        return;
    }
    let (at, line) = bid(row.bidder, row.cpm, at + 5);
    responses.push(at, line);
    let (at, line) = bid(row.bidder, row.cpm, at + 20);
    wins.push(at, line);
    if !random.chance(SHOWN_SHARE) {
        return;
    }
    let at = at + 200 + i64::from(random.index(1_500));
    let AdsRow { bidder, country, device_category, format, cpm, .. } = row;
    let shown = format!("{bidder},{country},{device_category},{format},{cpm:.4}");
    impressions.push(at, format!("{id},{place},{},{shown}", timestamp(at)));
    if !random.chance(row.historical_ctr_avg.unwrap_or(CTR_DEFAULT)) {
        return;
    }
    let at = at + 1_000 + i64::from(random.index(60_000));
    let click = format!("clk-{:016x}", scramble(row.impression_id ^ 1));
    clicks.push(at, format!("{click},{id},{place},{}", timestamp(at)));
    if random.chance(CONVERSION_SHARE) {
        let at = at + 60_000 + i64::from(random.index(3_600_000));
        let spread = random.uniform();
        let amount = 5.0 + 195.0 * spread * spread;
        conversions.push(at, format!("{click},{id},{place},{},{amount:.2}", timestamp(at)));
    }
}
