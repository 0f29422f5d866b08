use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::catalog::{Device, NETWORKS};
use super::*;

fn shop(seed: u64) -> Shop {
    Shop::new(ShopTraffic { seed, start_millis: 1_756_684_800_000, rows_per_hour: 1_000.0 })
}

fn rows(shop: &mut Shop, count: usize) -> Vec<ShopRow> {
    (0..count).map(|_| shop.row()).collect()
}

#[test]
fn the_first_rows_of_seed_1_never_change() {
    let mut bytes = Vec::new();
    rows(&mut shop(1), 3).iter().for_each(|row| row.write_csv(&mut bytes).unwrap());
    assert_eq!(String::from_utf8(bytes).unwrap(), include_str!("first_rows.csv"));
}

#[test]
fn a_seed_gives_the_same_rows_and_truth_twice_and_another_seed_others() {
    let made = |seed| {
        let mut shop = shop(seed);
        (rows(&mut shop, 5_000), shop.truth().collect::<Vec<_>>())
    };
    assert_eq!(made(3), made(3));
    assert_ne!(made(3).0, made(4).0);
}

#[test]
fn csv_and_json_say_the_same() {
    let (mut csv, mut json) = (CSV_HEADER.as_bytes().to_vec(), Vec::new());
    csv.push(b'\n');
    for row in rows(&mut shop(2), 1_000) {
        row.write_csv(&mut csv).unwrap();
        row.write_json(&mut json).unwrap();
    }
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let lines = std::str::from_utf8(&json).unwrap().lines();
    let mut compared = 0;
    for (record, line) in reader.deserialize::<BTreeMap<String, Option<String>>>().zip(lines) {
        let object: BTreeMap<String, Option<String>> = serde_json::from_str(line).unwrap();
        assert_eq!(record.unwrap(), object);
        compared += 1;
    }
    assert_eq!(compared, 1_000);
}

#[test]
fn rows_are_never_more_than_two_seconds_late() {
    let mut greatest = 0;
    for row in rows(&mut shop(5), 50_000) {
        assert!(row.ts_millis > greatest - i64::from(TRANSPORT_MILLIS_MAX), "{row:?}");
        greatest = greatest.max(row.ts_millis);
    }
}

#[test]
fn the_rate_is_the_one_asked_for_and_evenings_are_busier() {
    let mut shop = shop(6);
    let hours = 14 * 24;
    let mut by_hour = [0_u32; 24];
    let mut count = 0;
    loop {
        let row = shop.row();
        let hour = (row.ts_millis - shop.traffic.start_millis) / HOUR_MILLIS;
        if hour >= hours {
            break;
        }
        by_hour[usize::try_from(hour % 24).unwrap()] += 1;
        count += 1;
    }
    let rate = f64::from(count) / 336.0;
    assert!((850.0..1_150.0).contains(&rate), "{rate}");
    assert!(by_hour[20] > 5 * by_hour[3], "{by_hour:?}");
}

fn truth(shop: &Shop) -> Vec<serde_json::Value> {
    shop.truth().map(|line| serde_json::from_str(&line).unwrap()).collect()
}

#[test]
fn the_ground_truth_names_the_rows_of_its_users_and_no_others() {
    let mut shop = shop(7);
    let rows = rows(&mut shop, 60_000);
    let truth = truth(&shop);
    let kinds: BTreeSet<&str> = truth.iter().map(|anomaly| anomaly["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    for anomaly in truth.iter().filter(|anomaly| anomaly["user_id"].is_string()) {
        let user: u64 = anomaly["user_id"].as_str().unwrap()[1..].parse().unwrap();
        let theirs: Vec<_> = rows.iter().filter(|row| row.user == user).collect();
        assert_eq!(anomaly["rows"], theirs.len(), "{anomaly}");
        let event_type = if anomaly["kind"] == "scraper" { "page_view" } else { "purchase" };
        assert!(theirs.iter().all(|row| row.event_type == event_type), "{anomaly}");
    }
}

#[test]
fn in_an_outage_nobody_but_card_testers_can_pay() {
    let mut shop = shop(8);
    let rows = rows(&mut shop, 100_000);
    let mut outages = 0;
    for anomaly in shop.anomalies.iter().filter(|anomaly| anomaly.kind == Kind::CheckoutOutage) {
        let within: Vec<_> = rows.iter().filter(|row| anomaly.covers(row.ts_millis)).collect();
        let bought = within.iter().filter(|row| row.event_type == "purchase").count();
        let failed = |row: &&&ShopRow| {
            row.custom_properties.as_ref().is_some_and(|text| text.contains("payment_failed"))
        };
        let failed = within.iter().filter(failed).count() as u64;
        assert_eq!((bought, failed), (0, anomaly.rows), "{anomaly:?}");
        outages += 1;
    }
    assert!(outages > 3);
}

#[test]
fn a_spike_brings_more_visitors_by_a_campaign() {
    let mut shop = shop(9);
    let rows = rows(&mut shop, 100_000);
    let mut spikes = 0;
    for anomaly in shop.anomalies.iter().filter(|anomaly| anomaly.kind == Kind::TrafficSpike) {
        let by_campaign = |row: &&ShopRow| row.referrer.is_some_and(|from| from.ends_with("/campaign"));
        let within = |row: &&ShopRow| anomaly.covers(row.ts_millis);
        let campaign = rows.iter().filter(within).filter(by_campaign).count() as u64;
        assert!(campaign > 0 && anomaly.rows > campaign, "{anomaly:?}");
        spikes += 1;
    }
    assert!(spikes > 3);
}

#[test]
fn the_apps_look_up_tables_know_every_network_and_user_agent() {
    let lookups = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/shop/lookups");
    let first_column = |name: &str| -> BTreeSet<String> {
        let mut reader = csv::Reader::from_path(lookups.join(name)).unwrap();
        reader.records().map(|record| record.unwrap()[0].to_owned()).collect()
    };
    let networks = (0..NETWORKS).map(|network| format!("10.{network}")).collect();
    assert_eq!(first_column("networks.csv"), networks);
    let devices = [Device::Mobile, Device::Tablet, Device::Desktop, Device::Crawler];
    let agents = devices.iter().flat_map(|device| device.agents()).map(|&agent| agent.to_owned()).collect();
    assert_eq!(first_column("agents.csv"), agents);
}
