//! The ads app's traffic: generated streams that belong together, features of them, floors that know them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{json_lines, stderr, vencejo};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const STREAMS: [&str; 5] = ["bid_responses", "wins", "impressions", "clicks", "conversions"];

type Row = BTreeMap<String, String>;

fn rows(folder: &Path, stream: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(folder.join(stream).with_extension("csv")).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn run(folder: &Path, streams: &[&str], decide: bool) -> Output {
    let mut command = vencejo();
    command.args(["run", "apps/ads", "--strict", "--json", "--output"]).arg(folder.join("out"));
    for stream in streams {
        command.arg("--input").arg(format!("{stream}={}/{stream}.csv", folder.display()));
    }
    if decide {
        command.args(["--decide", "floor"]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

fn printed(folder: &Path, output: &str) -> Vec<Value> {
    json_lines(&std::fs::read(folder.join("out").join(output).with_extension("jsonl")).unwrap())
}

/// Milliseconds from 2025-09-01 00:00.
fn millis(time: &str) -> i64 {
    let (date, clock) = time.split_once('T').unwrap();
    let day: i64 = date.strip_prefix("2025-09-").unwrap().parse().unwrap();
    let part = |from: usize, to: usize| clock[from..to].parse::<i64>().unwrap();
    (day - 1) * 24 * HOUR + part(0, 2) * HOUR + part(3, 5) * MINUTE + part(6, 8) * 1_000 + part(9, 12)
}

/// What an hour or a day has had: events of each stream, and prices paid.
#[derive(Default)]
struct Counts {
    events: [i64; 5],
    prices: Vec<f64>,
}

/// Counts by window end and by a column, of windows of this size and slide.
fn counts(folder: &Path, column: &str, (size, slide): (i64, i64)) -> BTreeMap<(i64, String), Counts> {
    let mut counts: BTreeMap<(i64, String), Counts> = BTreeMap::new();
    for (place, stream) in STREAMS.into_iter().enumerate() {
        for row in rows(folder, stream) {
            let at = millis(&row["ts"]);
            let mut start = at.div_euclid(slide) * slide;
            while start > at - size {
                let counts = counts.entry((start + size, row[column].clone())).or_default();
                counts.events[place] += 1;
                if stream == "wins" {
                    counts.prices.push(row["price"].parse().unwrap());
                }
                start -= slide;
            }
        }
    }
    counts
}

fn check_features(folder: &Path, view: &str, column: &str, window: (i64, i64)) {
    let mut expected = counts(folder, column, window);
    let rows = printed(folder, view);
    assert_eq!(rows.len(), expected.len(), "{view}");
    for row in rows {
        let row = &row["row"];
        let key = (millis(row["window_end"].as_str().unwrap()), row[column].as_str().unwrap().to_owned());
        let Counts { events, prices } = expected.remove(&key).unwrap();
        let names = ["bids", "wins", "impressions", "clicks", "conversions"];
        assert_eq!(names.map(|name| row[name].as_i64().unwrap()), events, "{view} {key:?}");
        assert_eq!(row["data_points"], events.iter().sum::<i64>(), "{view} {key:?}");
        let ratio =
            |part: i64, whole: i64| if whole == 0 { json!(null) } else { json!(part as f64 / whole as f64) };
        assert_eq!(row["ctr"], ratio(events[3], events[2]), "{view} {key:?}");
        assert_eq!(row["win_rate"], ratio(events[1], events[0]), "{view} {key:?}");
        // Sums of doubles depend on the order.
        let average = prices.iter().sum::<f64>() / prices.len() as f64;
        let near = |found: f64| (found - average).abs() <= 1e-12 * average;
        assert!(row["average_cpm"].as_f64().map_or(prices.is_empty(), near), "{view} {key:?}: {row}");
    }
}

#[test]
fn generated_streams_belong_together_and_features_count_them() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let made =
        vencejo().args(["gen", "ads", "--rows", "1500", "--seed", "3", "--streams"]).arg(folder).output();
    let made = made.unwrap();
    assert!(made.status.success() && made.stdout.is_empty(), "{}", stderr(&made));

    let ids = |stream: &str, column: &str| -> Vec<String> {
        rows(folder, stream).into_iter().map(|row| row[column].clone()).collect()
    };
    for (stream, column, follows_from) in [
        ("bid_responses", "impression_id", "bid_requests"),
        ("wins", "impression_id", "bid_responses"),
        ("impressions", "impression_id", "wins"),
        ("clicks", "impression_id", "impressions"),
        ("conversions", "click_id", "clicks"),
    ] {
        let known: BTreeSet<String> = ids(follows_from, column).into_iter().collect();
        let these = ids(stream, column);
        assert!(!these.is_empty() && these.iter().all(|id| known.contains(id)), "{stream}");
        let times = ids(stream, "ts");
        assert!(times.is_sorted(), "{stream}");
    }

    run(folder, &[&STREAMS[..], &["bid_requests"]].concat(), true);
    check_features(folder, "placement_1h", "placement", (HOUR, MINUTE));
    check_features(folder, "placement_24h", "placement", (24 * HOUR, 15 * MINUTE));
    check_features(folder, "domain_1h", "domain", (HOUR, MINUTE));
    check_features(folder, "domain_24h", "domain", (24 * HOUR, 15 * MINUTE));
    let floors = printed(folder, "floor");
    assert_eq!(floors.len(), 1_500);
    assert!(floors.iter().all(|floor| floor["code"] != "fallback"), "every request is answered by the model");
}

#[test]
fn a_floor_knows_how_its_placement_is_clicked() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let write = |stream: &str, header: &str, lines: Vec<String>| {
        std::fs::write(
            folder.join(stream).with_extension("csv"),
            [&[header.to_owned()], &lines[..]].concat().join("\n"),
        )
        .unwrap();
    };
    let followers = "impression_id,placement,domain,ts";
    let shown = |n: usize| format!("i{n},p,d.example,2025-09-01T10:00:{:02}.000", n / 20);
    write("impressions", followers, (0..1_000).map(shown).collect());
    let clicked = |n: usize| format!("c{n},{}", shown(n));
    write("clicks", &format!("click_id,{followers}"), (0..50).map(clicked).collect());
    // One after the other: how often it is clicked, as the request says it.
    let said = [("p", ""), ("p", "0.05"), ("p", "0.02"), ("other", ""), ("other", "0.02")];
    let request = |(n, (placement, ctr)): (usize, (&str, &str))| {
        format!("r{n},{placement},d.example,2025-09-01T10:30:00.000,20,1,{ctr}")
    };
    let header = "impression_id,placement,domain,ts,hour_of_day,day_of_week,historical_ctr_avg";
    write("bid_requests", header, said.into_iter().enumerate().map(request).collect());
    run(folder, &["impressions", "clicks", "bid_requests"], true);
    let floors = printed(folder, "floor");
    let cpm: Vec<f64> = floors.iter().map(|row| row["row"]["predicted_cpm"].as_f64().unwrap()).collect();
    assert_eq!(cpm[0], cpm[1], "the hour's rate");
    assert_ne!(cpm[0], cpm[2], "the rate matters");
    assert_eq!(cpm[3], cpm[4], "the usual rate, where nothing is known");
}
