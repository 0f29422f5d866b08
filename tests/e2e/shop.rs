//! The shop app over generated traffic, against the same computed from all rows at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{json_lines, stderr, vencejo};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A row of the clickstream.
struct Event {
    user: String,
    session: String,
    kind: String,
    /// In milliseconds from 2025-09-01.
    ts: i64,
    url: String,
    product: Option<String>,
    category: Option<String>,
    country: String,
    bot: bool,
    /// What custom_properties hold.
    properties: Value,
}

impl Event {
    fn of(row: &Value, countries: &BTreeMap<String, String>) -> Self {
        let text = |column: &str| row[column].as_str().map(str::to_owned);
        let ip = text("ip").unwrap();
        let network = ip.rsplitn(3, '.').last().unwrap();
        let properties = text("custom_properties").map_or(Value::Null, |p| serde_json::from_str(&p).unwrap());
        Self {
            user: text("user_id").unwrap(),
            session: text("session_id").unwrap(),
            kind: text("event_type").unwrap(),
            ts: millis(&row["ts"]),
            url: text("page_url").unwrap(),
            product: text("product_id"),
            category: text("category"),
            country: countries[network].clone(),
            bot: text("user_agent").unwrap().contains("Bot/")
                || text("user_agent").unwrap().contains("Crawler/"),
            properties,
        }
    }

    fn cents(&self) -> i64 {
        cents(&self.properties["amount"])
    }

    fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

/// From 2025-09-01, in which month all of it lies.
fn millis(time: &Value) -> i64 {
    let time = time.as_str().unwrap();
    let (date, clock) = time.split_once('T').unwrap();
    let day: i64 = date.strip_prefix("2025-09-").unwrap().parse().unwrap();
    let part = |from: usize, to: usize| clock[from..to].parse::<i64>().unwrap();
    (day - 1) * 24 * HOUR + part(0, 2) * HOUR + part(3, 5) * MINUTE + part(6, 8) * SECOND + part(9, 12)
}

#[expect(clippy::cast_possible_truncation, reason = "some thousands")]
fn cents(amount: &Value) -> i64 {
    amount.as_f64().map_or(0, |amount| (amount * 100.0).round() as i64)
}

/// Events by the windows of this size and slide that they lie in, and by a key.
fn grouped<'e, K: Ord>(
    events: &[&'e Event],
    (size, slide): (i64, i64),
    key: impl Fn(&Event) -> Option<K>,
) -> BTreeMap<(i64, K), Vec<&'e Event>> {
    let mut groups: BTreeMap<(i64, K), Vec<&Event>> = BTreeMap::new();
    for &event in events {
        let mut start = event.ts.div_euclid(slide) * slide;
        while start > event.ts - size {
            if let Some(key) = key(event) {
                groups.entry((start, key)).or_default().push(event);
            }
            start -= slide;
        }
    }
    groups
}

fn distinct<'e>(events: &[&'e Event], of: impl Fn(&'e Event) -> Option<&'e str>) -> usize {
    events.iter().filter_map(|&event| of(event)).collect::<BTreeSet<_>>().len()
}

fn count(events: &[&Event], kind: &str) -> usize {
    events.iter().filter(|event| event.is(kind)).count()
}

fn revenue(events: &[&Event]) -> i64 {
    events.iter().map(|event| event.cents()).sum()
}

fn active(people: &[&Event], size: i64, slide: i64) -> Vec<Value> {
    let windows = grouped(people, (size, slide), |_| Some(()));
    let row = |((start, ()), events): ((i64, ()), Vec<&Event>)| {
        json!([start, start + size, distinct(&events, |event| Some(&event.user))])
    };
    windows.into_iter().map(row).collect()
}

fn page_views(people: &[&Event]) -> Vec<Value> {
    let key = |event: &Event| event.category.clone().filter(|_| event.is("page_view"));
    let windows = grouped(people, (MINUTE, MINUTE), key).into_iter();
    windows.map(|((start, category), events)| json!([start, category, events.len()])).collect()
}

fn funnel(people: &[&Event]) -> Vec<Value> {
    let row = |((start, ()), events): ((i64, ()), Vec<&Event>)| {
        let sessions = |reached: &dyn Fn(&Event) -> bool| {
            distinct(&events, |event| reached(event).then_some(&*event.session))
        };
        let looked = sessions(&|event| event.is("page_view") && event.product.is_some());
        let bought = sessions(&|event| event.is("purchase"));
        let conversion = (bought as f64 / looked as f64 * 10_000.0).round() / 10_000.0;
        let carted = sessions(&|event| event.properties["action"] == "add_to_cart");
        let checked_out = sessions(&|event| event.is("page_view") && event.url == "/checkout");
        json!([start, looked, carted, checked_out, bought, conversion])
    };
    grouped(people, (HOUR, HOUR), |_| Some(())).into_iter().map(row).collect()
}

fn revenue_per_minute(people: &[&Event]) -> Vec<Value> {
    let row = |((start, ()), events): ((i64, ()), Vec<&Event>)| {
        let pieces: i64 = events.iter().filter_map(|event| event.properties["quantity"].as_i64()).sum();
        json!([start, revenue(&events), events.len(), pieces])
    };
    grouped(people, (MINUTE, MINUTE), |event| event.is("purchase").then_some(()))
        .into_iter()
        .map(row)
        .collect()
}

/// The first `most` keys of each five minutes, by revenue, views and name.
fn top(people: &[&Event], most: usize, key: impl Fn(&Event) -> Option<Vec<String>>) -> Vec<Value> {
    let mut ranked: BTreeMap<i64, Vec<(i64, i64, Vec<String>)>> = BTreeMap::new();
    for ((start, key), events) in grouped(people, (5 * MINUTE, 5 * MINUTE), key) {
        let views = i64::try_from(count(&events, "page_view")).unwrap();
        ranked.entry(start).or_default().push((-revenue(&events), -views, key));
    }
    let mut rows = Vec::new();
    for (start, mut list) in ranked {
        list.sort();
        for (place, (revenue, views, key)) in (1..=most).zip(list) {
            let mut row = vec![json!(start), json!(place)];
            row.extend(key.into_iter().map(Value::from));
            row.extend([json!(-revenue), json!(-views)]);
            rows.push(Value::from(row));
        }
    }
    rows
}

fn users_by_country(people: &[&Event], names: &BTreeMap<String, String>) -> Vec<Value> {
    let key = |event: &Event| Some(event.country.clone());
    let row = |((start, country), events): ((i64, String), Vec<&Event>)| {
        json!([start, country, names[&country], distinct(&events, |event| Some(&event.user)), events.len()])
    };
    grouped(people, (5 * MINUTE, 5 * MINUTE), key).into_iter().map(row).collect()
}

fn sessions(events: &[&Event]) -> Vec<Value> {
    let mut by_user: BTreeMap<(&str, bool), Vec<&Event>> = BTreeMap::new();
    events.iter().for_each(|event| by_user.entry((&event.user, event.bot)).or_default().push(event));
    let mut rows = Vec::new();
    for ((user, bot), mut events) in by_user {
        events.sort_by_key(|event| event.ts);
        // A gap of exactly 30 minutes is none yet, as in Flink.
        for session in events.chunk_by(|before, after| after.ts - before.ts <= 30 * MINUTE) {
            let (first, last) = (session[0].ts, session[session.len() - 1].ts);
            let (pages, bought) = (count(session, "page_view"), count(session, "purchase"));
            let seconds = (last - first) / SECOND;
            let length = session.len();
            rows.push(json!([user, first, last, seconds, length, pages, bought, revenue(session), bot]));
        }
    }
    rows
}

/// The rows that `run` has printed for an output: times in milliseconds, amounts in cents, else as they are.
fn printed(folder: &TempDir, output: &str) -> Vec<Value> {
    let lines = std::fs::read(folder.path().join(format!("{output}.jsonl"))).unwrap();
    let row = |object: Value| -> Value {
        let columns = object["row"].as_object().unwrap().iter();
        let value = |(name, value): (&String, &Value)| match name.as_str() {
            "window_start" | "window_end" | "first_event" | "last_event" => json!(millis(value)),
            "revenue" => json!(cents(value)),
            _ => value.clone(),
        };
        columns.map(value).collect()
    };
    json_lines(&lines).into_iter().map(row).collect()
}

fn check(folder: &TempDir, output: &str, expected: Vec<Value>) {
    let texts = |rows: Vec<Value>| {
        let mut texts: Vec<String> = rows.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    let (printed, expected) = (texts(printed(folder, output)), texts(expected));
    assert!(!expected.is_empty(), "{output}: nothing to compare");
    if let Some((printed, expected)) = printed.iter().zip(&expected).find(|(a, b)| a != b) {
        panic!("{output}: printed {printed}, expected {expected}");
    }
    assert_eq!(printed.len(), expected.len(), "{output}");
}

/// A look-up table of the app: its first column to its second.
fn look_up_table(name: &str) -> BTreeMap<String, String> {
    let path = crate::support::root().join("apps/shop/lookups").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let pair = |line: &str| {
        let mut fields = line.split(',').map(str::to_owned);
        (fields.next().unwrap(), fields.next().unwrap())
    };
    text.lines().skip(1).map(pair).collect()
}

#[test]
fn the_shops_views_are_what_a_straightforward_computation_gives() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("events.jsonl");
    let generated = vencejo()
        .args([
            "gen",
            "shop",
            "--rows",
            "12000",
            "--seed",
            "11",
            "--per-hour",
            "1500",
            "--start",
            "2025-09-01T12:00:00",
            "--json",
        ])
        .output()
        .unwrap();
    assert!(generated.status.success(), "{}", stderr(&generated));
    std::fs::write(&input, &generated.stdout).unwrap();
    let ran = vencejo()
        .args(["run", "apps/shop", "--strict", "--json", "--input"])
        .arg(format!("events={}", input.display()))
        .arg("--output")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    let summary: Value = serde_json::from_str(stderr(&ran).lines().last().unwrap()).unwrap();
    assert_eq!(summary["late"], json!({}), "the watermark waits for all rows");

    let countries = look_up_table("networks.csv");
    let rows = json_lines(&generated.stdout);
    let events: Vec<Event> = rows.iter().map(|row| Event::of(row, &countries)).collect();
    let all: Vec<&Event> = events.iter().collect();
    let people: Vec<&Event> = events.iter().filter(|event| !event.bot).collect();
    assert!(people.len() < all.len(), "there are bots");

    check(&folder, "active_users_1m", active(&people, MINUTE, MINUTE));
    check(&folder, "active_users_5m", active(&people, 5 * MINUTE, MINUTE));
    check(&folder, "active_users_1h", active(&people, HOUR, 5 * MINUTE));
    check(&folder, "page_views", page_views(&people));
    check(&folder, "funnel", funnel(&people));
    check(&folder, "revenue", revenue_per_minute(&people));
    let product = |event: &Event| Some(vec![event.product.clone()?, event.category.clone()?]);
    check(&folder, "top_products", top(&people, 10, product));
    check(&folder, "top_categories", top(&people, 5, |event| Some(vec![event.category.clone()?])));
    check(&folder, "users_by_country", users_by_country(&people, &look_up_table("countries.csv")));
    check(&folder, "sessions", sessions(&all));
}

#[test]
fn the_sample_is_what_its_command_makes() {
    let args = "gen shop --rows 300 --seed 5 --per-hour 400 --start 2025-09-06T18:00:00";
    let made = vencejo().args(args.split(' ')).output().unwrap();
    let sample = crate::support::root().join("apps/shop/samples/events.csv");
    assert!(made.stdout == std::fs::read(sample).unwrap(), "run vencejo {args} again");
}

#[test]
fn generated_traffic_has_its_ground_truth() {
    let folder = TempDir::new().unwrap();
    let truth = folder.path().join("truth.jsonl");
    let args = ["gen", "shop", "--events", "4000", "--per-hour", "500", "--start", "2025-09-06T12:00:00"];
    let generated = vencejo().args(args).arg("--truth").arg(&truth).output().unwrap();
    assert!(generated.status.success(), "{}", stderr(&generated));
    assert_eq!(generated.stdout.iter().filter(|&&byte| byte == b'\n').count(), 4_001);
    let anomalies = json_lines(&std::fs::read(&truth).unwrap());
    assert!(anomalies.iter().any(|anomaly| anomaly["rows"].as_u64().unwrap() > 0), "{anomalies:?}");
    assert!(anomalies.iter().all(|anomaly| anomaly["start"].as_str().unwrap() >= "2025-09-06T12"));
    for (args, problem) in [
        (&["--rows", "1", "--truth", "/nonexistent/x"][..], "cannot be written"),
        (&["--rows", "1", "--start", "soon"], "write a date"),
        (&["--rows", "1", "--per-hour", "0"], "0 is not in 1.."),
    ] {
        let refused = vencejo().args(["gen", "shop"]).args(args).output().unwrap();
        assert!(!refused.status.success() && stderr(&refused).contains(problem), "{}", stderr(&refused));
    }
}
