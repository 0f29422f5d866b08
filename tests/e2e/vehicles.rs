//! The rules of apps/fleet over what real vehicles said.
//!
//! The data is not part of this repository. The tests look for it where VENCEJO_DRIVES_CSV and
//! VENCEJO_CAPMETRO_CSV say, or in ../shared/data; without it they say so and check nothing. `--nocapture`
//! shows what was found.
//!
//! - Drives: 28 drives of 2019, a reading a second, harsh events labelled (github.com/hardtme/DrivePlotR,
//!   MIT).
//! - Capital Metro: 187,819 positions of buses on four days (github.com/scascketta/CapMetrics, MIT).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{json_lines, root, stderr, vencejo};

/// The rows of a file, if it is there.
fn rows(variable: &str, usual: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let path =
        std::env::var_os(variable).map_or_else(|| root().join("../shared/data").join(usual), PathBuf::from);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("SKIPPED: no data at {}; {variable} may name it", path.display());
        return None;
    };
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    Some(reader.deserialize().map(Result::unwrap).collect())
}

/// Runs apps/fleet over telemetry; gives the alerts of each rule.
fn alerts(folder: &Path, telemetry: &str) -> BTreeMap<String, Vec<Value>> {
    let (input, out) = (folder.join("telemetry.csv"), folder.join("out"));
    std::fs::write(&input, telemetry).unwrap();
    let input = format!("telemetry={}", input.display());
    let ran =
        vencejo().args(["run", "apps/fleet", "--strict", "--input", &input, "--output"]).arg(&out).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    let mut alerts = BTreeMap::new();
    for entry in std::fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        let lines = json_lines(&std::fs::read(&path).unwrap());
        if lines.iter().all(|line| line["alert"].is_object()) {
            alerts.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), lines);
        }
    }
    alerts
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap()
}

/// Milliseconds since 1970, of whole seconds that are written with a fraction.
fn millis(row: &BTreeMap<String, String>) -> i64 {
    let (seconds, fraction) = row["time_utc"].split_once('.').unwrap();
    assert_eq!(fraction, "0");
    seconds.parse::<i64>().unwrap() * 1_000
}

#[test]
fn harsh_braking_of_real_drives_is_found() {
    let Some(rows) = rows("VENCEJO_DRIVES_CSV", "drives/drives.csv.gz") else { return };
    let mut telemetry = "vehicle_id,ts,lat,lon,speed,accel,event_type\n".to_owned();
    for row in &rows {
        let (drive, ts, accel) = (&row["drive"], millis(row), &row["accel_x"]);
        let speed = row["speed_mph"]
            .parse::<f64>()
            .map_or_else(|_| String::new(), |mph| format!("{:.3}", mph * 1.609_344));
        telemetry.push_str(&format!(
            "{drive},{ts},{},{},{speed},{accel},motion\n",
            row["gps_lat"], row["gps_long"]
        ));
    }
    let folder = TempDir::new().unwrap();
    let found = alerts(folder.path(), &telemetry);
    // A labelled event is a braking where the vehicle is slowed along its way.
    let mut labelled: BTreeMap<(&str, &str), Vec<(i64, f64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row["accel_event"].is_empty()) {
        let event = labelled.entry((&row["drive"], &row["accel_event"])).or_default();
        event.push((millis(row), number(row, "accel_x")));
    }
    let braking: Vec<_> = labelled
        .iter()
        .filter(|(_, readings)| readings.iter().any(|&(_, accel)| accel <= -0.35))
        .map(|(&(drive, _), readings)| (drive, readings[0].0))
        .collect();
    let raised: Vec<(String, i64)> = found["harsh_braking"]
        .iter()
        .map(|line| {
            let at: jiff::civil::DateTime = line["row"]["at"].as_str().unwrap().parse().unwrap();
            let at = at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond();
            (line["row"]["vehicle_id"].as_str().unwrap().to_owned(), at)
        })
        .collect();
    let same =
        |(drive, at): &(&str, i64), alert: &(String, i64)| alert.0 == *drive && (alert.1 - at).abs() <= 1_000;
    let hit = braking.iter().filter(|event| raised.iter().any(|alert| same(event, alert))).count();
    let right = raised.iter().filter(|alert| braking.iter().any(|event| same(event, alert))).count();
    let (precision, recall) = (right as f64 / raised.len() as f64, hit as f64 / braking.len() as f64);
    eprintln!(
        "drives: {} readings, {} labelled events, of which {} are braking; {} alerts, precision {precision:.3}, recall {recall:.3}",
        rows.len(),
        labelled.len(),
        braking.len(),
        raised.len(),
    );
    assert!(precision >= 0.9 && recall >= 0.9);
}

#[test]
fn a_fleet_of_real_buses_raises_what_it_always_does() {
    let Some(mut rows) = rows("VENCEJO_CAPMETRO_CSV", "capmetro/vehicle_positions.csv.gz") else { return };
    // As they would have come in: the file has one vehicle's after the other's.
    let at = |row: &BTreeMap<String, String>| row["timestamp"].parse::<jiff::Timestamp>().unwrap();
    rows.sort_by_key(at);
    let mut telemetry = "vehicle_id,ts,lat,lon,speed,event_type\n".to_owned();
    for row in &rows {
        let speed = row["speed"]
            .parse::<f64>()
            .map_or_else(|_| String::new(), |mph| format!("{:.3}", mph * 1.609_344));
        let (vehicle, ts) = (&row["vehicle_id"], &row["timestamp"]);
        telemetry
            .push_str(&format!("{vehicle},{ts},{},{},{speed},periodic\n", row["latitude"], row["longitude"]));
    }
    let folder = TempDir::new().unwrap();
    let counts: Vec<(String, usize)> = alerts(folder.path(), &telemetry)
        .into_iter()
        .map(|(rule, lines)| (rule, lines.len()))
        .filter(|&(_, count)| count > 0)
        .collect();
    eprintln!("buses: {} positions, alerts {counts:?}", rows.len());
    // A bus says where it is every minute or two: most are silent for two. The data is the same each time.
    assert_eq!(rows.len(), 187_819);
    assert_eq!(counts, [("silence".to_owned(), 66_463), ("speeding".to_owned(), 4)]);
}
