//! `vencejo gen`: synthetic input for the apps, reproducible from a seed.

pub mod ads;
mod fleet;
mod random;
mod shop;
mod truth;

use std::fs::File;
use std::io::{BufWriter, Write as _, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, value_parser};
use serde_json::{Map, Value};
use vencejo_client::RowWriter;

use crate::answer::DecisionTarget;
use crate::failure::Failure;
use crate::text_row;
use crate::text_time::{parse_date, parse_timestamp};

use fleet::FleetTraffic;
use shop::{Shop, ShopTraffic};
use truth::{Case, write_cases};

/// Makes synthetic data, the same for the same seed.
#[derive(Args, Debug)]
pub struct GenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Ad impressions with the CPM they earned, as CSV on standard output.
    #[command(after_help = "Examples:\n  vencejo gen ads --rows 200000 --seed 7 > ads.csv\n  \
        vencejo gen ads --rows 200000 --seed 7 --streams ads --truth truth.jsonl")]
    Ads {
        /// Number of rows.
        #[arg(long, value_name = "N")]
        rows: usize,
        /// The seed.
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        /// Print one JSON object per row instead of CSV.
        #[arg(long)]
        json: bool,
        /// Write a CSV file per stream of the ads app into this folder instead: the requests, and the bids,
        /// wins, impressions, clicks and conversions that follow from them.
        #[arg(long, value_name = "DIR", conflicts_with = "json")]
        streams: Option<PathBuf>,
        /// A file for the ground truth of fraud, which is then among the streams: a JSON object per case with
        /// rule, alert (whether the rule should raise one, or whether it only looks like it), start, end and
        /// the rule's key.
        #[arg(long, value_name = "FILE", requires = "streams")]
        truth: Option<PathBuf>,
    },
    /// A shop's clickstream with injected anomalies, as CSV on standard output.
    #[command(
        after_help = "Example:\n  vencejo gen shop --rows 1000000 --seed 7 --truth truth.jsonl > events.csv\n  \
        vencejo run apps/shop --input events=events.csv --output out\n\n\
        The truth is a JSON object per anomaly that has begun: kind, start, end, user_id or category, and how\n\
        many rows are its own."
    )]
    Shop(ShopArgs),
    /// Telemetry and emergencies of trucks with injected cases, as a CSV file per stream of the fleet app.
    #[command(
        after_help = "Example:\n  vencejo gen fleet --vehicles 100 --hours 8 --seed 7 --streams fleet --truth truth.jsonl\n  \
        vencejo run apps/fleet --input telemetry=fleet/telemetry.csv --input emergency=fleet/emergency.csv\n\n\
        The truth is a JSON object per case that is over: rule, alert (whether the rule should raise one, or\n\
        whether it only looks like it), start, end, vehicle_id."
    )]
    Fleet(FleetArgs),
}

#[derive(Args, Debug)]
struct FleetArgs {
    /// Number of vehicles.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..=100_000))]
    vehicles: u32,
    /// Hours that they drive.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u32).range(1..=8_784))]
    hours: u32,
    /// Stop after so many messages.
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    /// The seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// When it begins: a date, or a timestamp in UTC.
    #[arg(long, value_name = "TIME", default_value = "2025-09-01", value_parser = parse_start)]
    start: i64,
    /// A folder for telemetry.csv and emergency.csv.
    #[arg(long, value_name = "DIR")]
    streams: PathBuf,
    /// A file for the ground truth of the cases.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ShopArgs {
    /// Number of rows.
    #[arg(long, value_name = "N", alias = "events")]
    rows: usize,
    /// The seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// When it begins: a date, or a timestamp in UTC.
    #[arg(long, value_name = "TIME", default_value = "2025-09-01", value_parser = parse_start)]
    start: i64,
    /// Rows per hour, on average over a week.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = value_parser!(u32).range(1..))]
    per_hour: u32,
    /// A file for the ground truth of the anomalies.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// A CSV file for logins. With them come thieves of accounts and cards, and the truth names the cases of
    /// rules, too.
    #[arg(long, value_name = "FILE")]
    logins: Option<PathBuf>,
    /// Print one JSON object per row instead of CSV.
    #[arg(long)]
    json: bool,
}

/// Unix time in milliseconds, from 1970 to 9999.
fn parse_start(text: &str) -> Result<i64, String> {
    let date = || parse_date(text)?.checked_mul(24 * 3_600_000);
    let millis =
        parse_timestamp(text).or_else(date).filter(|millis| (0..253_402_300_800_000).contains(millis));
    millis.ok_or_else(|| "write a date such as 2025-09-01".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &GenArgs) -> Result<(), Failure> {
    match &args.what {
        What::Ads { rows, seed, streams: Some(folder), truth, .. } => {
            let cases = ads::write_streams(*seed, *rows, folder, truth.is_some());
            let cases = cases.map_err(|error| unwritable(folder, &error))?;
            truth.as_deref().map_or(Ok(()), |path| write_truth(&cases, path))
        }
        &What::Ads { rows, seed, json, streams: None, .. } => {
            write_ads(rows, seed, json).map_err(|error| Failure::output(&error))
        }
        What::Shop(args) => write_shop(args),
        What::Fleet(args) => write_fleet(args),
    }
}

fn write_fleet(args: &FleetArgs) -> Result<(), Failure> {
    let traffic = FleetTraffic {
        seed: args.seed,
        vehicles: args.vehicles,
        start_millis: args.start,
        end_millis: args.start + i64::from(args.hours) * 3_600_000,
    };
    let cases = fleet::write_streams(traffic, args.rows.unwrap_or(usize::MAX), &args.streams)
        .map_err(|error| unwritable(&args.streams, &error))?;
    args.truth.as_deref().map_or(Ok(()), |path| write_truth(&cases, path))
}

fn write_truth(cases: &[Case], path: &Path) -> Result<(), Failure> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        write_cases(cases, &mut file)?;
        file.flush()
    };
    write().map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::runtime(format!("{} cannot be written: {error}", path.display()))
}

fn write_shop(args: &ShopArgs) -> Result<(), Failure> {
    // Before the rows, so that a wrong path does not wait for their end.
    let create = |path: &PathBuf| File::create(path).map(BufWriter::new).map_err(|e| unwritable(path, &e));
    let truth = args.truth.as_ref().map(create).transpose()?;
    let mut logins = args.logins.as_ref().map(create).transpose()?;
    let traffic =
        ShopTraffic { seed: args.seed, start_millis: args.start, rows_per_hour: f64::from(args.per_hour) };
    let mut shop = Shop::new(traffic);
    if let Some(file) = &mut logins {
        shop = shop.with_accounts();
        writeln!(file, "{}", shop::LOGINS_HEADER).map_err(Failure::runtime)?;
    }
    write_shop_rows(&mut shop, args, logins.as_mut()).map_err(|error| Failure::output(&error))?;
    let (Some(path), Some(mut file)) = (&args.truth, truth) else { return Ok(()) };
    let lines = shop.truth().try_for_each(|line| writeln!(file, "{line}"));
    let cases = lines.and_then(|()| write_cases(&shop.cases(), &mut file));
    cases.and_then(|()| file.flush()).map_err(|error| unwritable(path, &error))
}

fn write_shop_rows(
    shop: &mut Shop,
    args: &ShopArgs,
    mut logins: Option<&mut BufWriter<File>>,
) -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    if !args.json {
        writeln!(out, "{}", shop::CSV_HEADER)?;
    }
    for _ in 0..args.rows {
        let row = shop.row();
        if args.json {
            row.write_json(&mut out)?;
        } else {
            row.write_csv(&mut out)?;
        }
        if let Some(file) = &mut logins {
            shop.logins().try_for_each(|login| login.write_csv(file))?;
        }
    }
    if let Some(file) = logins {
        file.flush()?;
    }
    out.flush()
}

fn write_ads(rows: usize, seed: u64, json: bool) -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    if !json {
        writeln!(out, "{}", ads::CSV_HEADER)?;
    }
    let mut line = Vec::new();
    for row in ads::ads_rows(seed).take(rows) {
        line.clear();
        row.write_csv(&mut line)?;
        if json {
            line = csv_line_as_json(ads::CSV_HEADER, &String::from_utf8_lossy(&line)).into_bytes();
        }
        out.write_all(&line)?;
    }
    out.flush()
}

/// Requests of the generated traffic, encoded for the decision's stream.
///
/// # Errors
/// When the stream asks for columns that the generator does not make.
pub fn request_rows(target: &DecisionTarget, rows: usize, seed: u64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut writer = RowWriter::default();
    let mut line = Vec::new();
    let header = ads::CSV_HEADER;
    let encode = |row: ads::AdsRow| {
        line.clear();
        row.write_csv(&mut line).map_err(Failure::runtime)?;
        let text = String::from_utf8_lossy(&line);
        let fields = header.split(',').zip(text.trim_end().split(','));
        text_row::encode(&target.requests, fields, &mut writer).map_err(Failure::runtime)
    };
    ads::ads_rows(seed).take(rows).map(encode).collect()
}

/// A line of unquoted CSV as a JSON object: empty is null, what reads as a number is one.
fn csv_line_as_json(header: &str, line: &str) -> String {
    let fields = line.trim_end().split(',').map(|field| match field {
        "" => Value::Null,
        field => match field.parse::<f64>() {
            Ok(_) => serde_json::from_str(field).unwrap_or_else(|_| field.into()),
            Err(_) => field.into(),
        },
    });
    let object: Map<_, _> = header.split(',').map(str::to_owned).zip(fields).collect();
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_ids_as_text_and_numbers_as_numbers() {
        let json = csv_line_as_json("id,n,x,none", "00ff,7,0.50,\n");
        assert_eq!(json, "{\"id\":\"00ff\",\"n\":7,\"x\":0.5,\"none\":null}\n");
    }
}
