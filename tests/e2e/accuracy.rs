//! How well the rules of the apps tell cases from what looks like them: generated traffic of seeds that
//! nothing was tuned on, through `vencejo run`, against the generator's truth.
//!
//! A judgement is about a key in an hour in which it has rows. One with an alert that no case explains is
//! false; one with a case that raised no alert is missed. VENCEJO_ACCURACY_SCALE=10 takes ten times the
//! traffic, and prints the table (with `--nocapture`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{json_lines, stderr, vencejo};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
/// Each app is judged on these seeds together.
const SEEDS: [u64; 2] = [31_415, 27_182];

/// What a rule is judged on.
struct Judged {
    rule: &'static str,
    key: &'static [&'static str],
    stream: &'static str,
    /// Only rows with this text in this column.
    only: Option<(&'static str, &'static str)>,
}

const fn judged(rule: &'static str, key: &'static [&'static str], stream: &'static str) -> Judged {
    Judged { rule, key, stream, only: None }
}

/// A rule's results.
#[derive(Default)]
struct Tally {
    judgements: usize,
    cases: usize,
    missed: usize,
    lookalikes: usize,
    /// Of the lookalikes.
    taken: usize,
    /// Key-hours with an alert that no case explains.
    wrong: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.judgements += other.judgements;
        self.cases += other.cases;
        self.missed += other.missed;
        self.lookalikes += other.lookalikes;
        self.taken += other.taken;
        self.wrong += other.wrong;
    }

    fn accuracy(&self) -> f64 {
        1.0 - share(self.missed + self.wrong, self.judgements)
    }

    fn false_positives(&self) -> f64 {
        share(self.wrong, self.judgements - self.cases)
    }

    /// Of cases and lookalikes alone.
    fn accuracy_of_cases(&self) -> f64 {
        1.0 - share(self.missed + self.taken, self.cases + self.lookalikes)
    }
}

fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

/// A case or an alert: key, beginning and end.
struct Span {
    key: Vec<String>,
    start: i64,
    end: i64,
}

fn scale() -> usize {
    std::env::var("VENCEJO_ACCURACY_SCALE").map_or(1, |text| text.parse().unwrap())
}

/// In milliseconds from 2025-09-01, in which month all of it lies.
fn millis(time: &str) -> i64 {
    let (date, clock) = time.trim_end_matches('Z').split_once('T').unwrap();
    let day: i64 = date.strip_prefix("2025-09-").unwrap().parse().unwrap();
    let part = |from: usize, to: usize| clock[from..to].parse::<i64>().unwrap();
    (day - 1) * 24 * HOUR + part(0, 2) * HOUR + part(3, 5) * 60 * SECOND + part(6, 8) * SECOND + part(9, 12)
}

fn key(row: &Value, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| row[column].as_str().unwrap().to_owned()).collect()
}

fn read(path: &Path) -> Vec<Value> {
    json_lines(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The keys and hours in which a stream has rows to judge.
fn judgements(folder: &Path, judged: &Judged) -> BTreeSet<(Vec<String>, i64)> {
    let mut rows = csv::Reader::from_path(folder.join(judged.stream).with_extension("csv")).unwrap();
    let header = rows.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (ts, only) = (place("ts"), judged.only.map(|(column, text)| (place(column), text)));
    let columns: Vec<usize> = judged.key.iter().map(|column| place(column)).collect();
    rows.records()
        .map(Result::unwrap)
        .filter(|row| only.is_none_or(|(column, text)| &row[column] == text))
        .map(|row| {
            let key = columns.iter().map(|&column| row[column].to_owned()).collect();
            (key, millis(&row[ts]).div_euclid(HOUR))
        })
        .collect()
}

fn tally(folder: &Path, judged: &Judged) -> Tally {
    let spans = |alert: bool| -> Vec<Span> {
        let truth = read(&folder.join("truth.jsonl"));
        let cases = truth.iter().filter(|case| case["rule"] == judged.rule && case["alert"] == alert);
        let time = |case: &Value, name: &str| millis(case[name].as_str().unwrap());
        cases
            .map(|case| Span {
                key: key(case, judged.key),
                start: time(case, "start"),
                end: time(case, "end"),
            })
            .collect()
    };
    let alerts: Vec<(Vec<String>, i64)> = read(&folder.join("out").join(judged.rule).with_extension("jsonl"))
        .iter()
        .map(|alert| (key(&alert["row"], judged.key), millis(alert["row"]["at"].as_str().unwrap())))
        .collect();
    let explains = |span: &Span, (key, at): &(Vec<String>, i64)| {
        span.key == *key && (span.start - SECOND..=span.end + SECOND).contains(at)
    };
    let (cases, lookalikes) = (spans(true), spans(false));
    let missed = cases.iter().filter(|case| !alerts.iter().any(|alert| explains(case, alert))).count();
    let unexplained: Vec<_> =
        alerts.iter().filter(|alert| !cases.iter().any(|case| explains(case, alert))).collect();
    let taken = lookalikes.iter().filter(|case| unexplained.iter().any(|alert| explains(case, alert)));
    let wrong: BTreeSet<_> = unexplained.iter().map(|(key, at)| (key, at.div_euclid(HOUR))).collect();
    Tally {
        judgements: judgements(folder, judged).len(),
        cases: cases.len(),
        missed,
        lookalikes: lookalikes.len(),
        taken: taken.count(),
        wrong: wrong.len(),
    }
}

/// Runs an app over the traffic in a folder.
fn run(app: &str, folder: &Path, streams: &[&str]) {
    let mut command = vencejo();
    command.args(["run", app, "--strict", "--output"]).arg(folder.join("out"));
    for stream in streams {
        let file = folder.join(stream).with_extension("csv");
        command.arg("--input").arg(format!("{stream}={}", file.display()));
    }
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
}

/// Judges an app on all seeds. `generate` makes the traffic of one in a folder.
fn check(app: &str, streams: &[&str], rules: &[Judged], generate: impl Fn(u64, &Path)) {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for seed in SEEDS {
        let folder = TempDir::new().unwrap();
        generate(seed, folder.path());
        run(app, folder.path(), streams);
        for judged in rules {
            tallies.entry(judged.rule).or_default().add(&tally(folder.path(), judged));
        }
    }
    eprintln!(
        "rule                 judged  cases missed  lookalikes taken  wrong  accuracy  false pos.  of cases"
    );
    for (rule, tally) in &tallies {
        let Tally { judgements, cases, missed, lookalikes, taken, wrong } = tally;
        eprintln!(
            "{rule:20} {judgements:6} {cases:6} {missed:6} {lookalikes:11} {taken:5} {wrong:6} {:8.3} % {:9.4} % {:7.2} %",
            100.0 * tally.accuracy(),
            100.0 * tally.false_positives(),
            100.0 * tally.accuracy_of_cases()
        );
    }
    for (rule, tally) in &tallies {
        assert!(tally.cases > 0, "{rule} has nothing to find");
        // Of few, one is no rate.
        let within = |count: usize, share: f64, of: usize| count as f64 <= (share * of as f64).max(1.0);
        assert!(within(tally.missed + tally.wrong, 0.005, tally.judgements), "{rule}: accuracy");
        assert!(within(tally.wrong, 0.001, tally.judgements - tally.cases), "{rule}: false positives");
        assert!(within(tally.missed + tally.taken, 0.02, tally.cases + tally.lookalikes), "{rule}: of cases");
    }
}

fn generate(arguments: &[&str], rows: &str, seed: u64, folder: &Path) -> Vec<u8> {
    let mut command = vencejo();
    command.arg("gen").args(arguments).arg(rows).args(["--seed", &seed.to_string(), "--truth"]);
    let made = command.arg(folder.join("truth.jsonl")).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    made.stdout
}

#[test]
fn rules_of_the_fleet_find_what_they_should() {
    let vehicles = format!("--vehicles={}", 20 * scale());
    let on_telemetry = |rule| judged(rule, &["vehicle_id"], "telemetry");
    let rules =
        ["cargo_temperature", "harsh_braking", "impact", "panic", "route_deviation", "silence", "speeding"];
    check("apps/fleet", &["telemetry", "emergency"], &rules.map(on_telemetry), |seed, folder| {
        let streams = format!("--streams={}", folder.display());
        generate(&["fleet", "--hours=8", &streams], &vehicles, seed, folder);
    });
}

#[test]
fn rules_of_the_shop_find_what_they_should() {
    let rows = format!("--rows={}", 10_000 * scale());
    let checkout = judged("checkout_broken_off", &["user_id"], "events");
    let rules = [
        judged("card_testing", &["user_id"], "events"),
        judged("brute_force_login", &["user_id"], "logins"),
        judged("account_takeover", &["user_id"], "logins"),
        Judged { only: Some(("page_url", "/checkout")), ..checkout },
    ];
    check("apps/shop", &["events", "logins"], &rules, |seed, folder| {
        let logins = format!("--logins={}", folder.join("logins.csv").display());
        let events = generate(&["shop", &logins], &rows, seed, folder);
        std::fs::write(folder.join("events.csv"), events).unwrap();
    });
}

#[test]
fn rules_of_the_ads_find_what_they_should() {
    let rows = format!("--rows={}", 2_500 * scale());
    let rules = [
        judged("click_flood", &["ip", "campaign"], "clicks_by_ip"),
        judged("click_without_view", &["placement", "impression_id"], "clicks"),
        judged("conversion_burst", &["placement"], "conversions"),
        judged("bid_request_flood", &["domain"], "requests_by_domain"),
    ];
    let streams = ["impressions", "views", "clicks", "conversions", "clicks_by_ip", "requests_by_domain"];
    check("apps/ads", &streams, &rules, |seed, folder| {
        let made = format!("--streams={}", folder.display());
        generate(&["ads", &made], &rows, seed, folder);
    });
}
