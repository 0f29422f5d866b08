//! What was acknowledged is there, once, whatever ended the engine in between.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use vencejo_client::protocol::schema::{Column, ColumnType, Schema};
use vencejo_client::{AckLevel, RowWriter};
use vencejo_runtime::journal::record::write_rows;
use vencejo_runtime::journal::{DeadLetters, Disk, Stamp, Storage};
use vencejo_types::{Sequence, StreamId, Tick};

use crate::counting::{COUNTS, Load, counted, counting_app, events_file, expected};
use crate::support::{Engine, json_lines, vencejo};

/// How often an engine is ended: in CI many times, or as often as VENCEJO_SLOW says.
fn cycles() -> u64 {
    match std::env::var("VENCEJO_SLOW").ok().map(|text| text.parse().unwrap_or(1)) {
        None | Some(0) => 3,
        Some(times) => 200 * times,
    }
}

/// Ends the engine by this signal under load, again and again; every acknowledged event counts once.
fn ended_under_load(signal: Signal, cycles: u64) {
    let app = counting_app();
    let folder = app.path().join("counts");
    let mut engine = Engine::start_app_in(&folder, TempDir::new().unwrap(), "127.0.0.1:0");
    let address = engine.address;
    let load = Load::start(address, AckLevel::Journaled);
    let mut seed = 12_345_u64;
    for _ in 0..cycles {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        load.batches(usize::try_from(seed >> 60).unwrap() + 1);
        // Somewhere within the next batch.
        for _ in 0..(seed >> 40) & 0xf_ffff {
            std::hint::spin_loop();
        }
        engine.signal(signal);
        let (status, error) = engine.wait();
        let expected = if signal == Signal::TERM { Some(0) } else { None };
        assert_eq!(status.code(), expected, "{error}");
        engine = Engine::start_app_in(&folder, engine.into_data(), &address.to_string());
    }
    load.batches(1);
    let last = load.end();
    assert_eq!(counted(address), expected(last), "after {cycles} ends");
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills_at_random_instants() {
    ended_under_load(Signal::KILL, cycles());
}

#[test]
fn a_stop_under_load_loses_nothing() {
    ended_under_load(Signal::TERM, cycles().min(10));
}

#[test]
fn ingest_survives_a_killed_engine_and_counts_every_row_once() {
    let app = counting_app();
    let folder = app.path().join("counts");
    let mut engine = Engine::start_app_in(&folder, TempDir::new().unwrap(), "127.0.0.1:0");
    let address = engine.address;
    let file = events_file(app.path(), 20_000);
    let mut ingest = vencejo()
        .args(["ingest", "events", file.to_str().unwrap(), "--json", "--connect", &address.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(ingest.stdout.take().unwrap());
    let mut text = String::new();
    output.read_line(&mut text).unwrap();
    engine.signal(Signal::KILL);
    engine.wait();
    let engine = Engine::start_app_in(&folder, engine.into_data(), &address.to_string());
    output.read_to_string(&mut text).unwrap();
    let ended = ingest.wait_with_output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{error}");
    assert_eq!(error, "stream events: 20000 events acknowledged as journaled\n");
    let lines = json_lines(text.as_bytes());
    let totals: Vec<u64> = lines.iter().map(|line| line["acked"].as_u64().unwrap()).collect();
    assert!(totals.is_sorted() && totals.last() == Some(&20_000), "{totals:?}");
    assert!(lines.iter().all(|line| line["level"] == "journaled" && line["sequence"].as_u64() > Some(0)));
    assert_eq!(counted(engine.address), expected(20_000));
}

#[test]
fn ingest_names_what_is_wrong() {
    let app = counting_app();
    let engine = Engine::start_app(&app.path().join("counts"), &[]);
    let connect = engine.connect();
    let bad = app.path().join("bad.csv");
    fs::write(&bad, "k,n\nk1,1\nk1,x\nk2,\nk3,3\n").unwrap();
    let bad = bad.to_str().unwrap();
    let useless = app.path().join("useless.jsonl");
    fs::write(&useless, "{\"k\":1\n").unwrap();
    for (arguments, code, said) in [
        (vec!["event", bad], 1, "app 'counts' has no stream 'event'"),
        (vec!["events", "nowhere.csv"], 1, "nowhere.csv cannot be read"),
        (vec!["events", useless.to_str().unwrap()], 5, "none of the 1 rows of the input is usable"),
        (vec!["events", bad, "--strict"], 5, "line 3: column 'n': 'x' is no BIGINT"),
        (vec!["events", bad, "--ack", "disk"], 2, "possible values: memory, journaled"),
        (
            vec!["events", bad, "--ack", "memory"],
            0,
            "2 events acknowledged as memory; 2 rows were not usable",
        ),
    ] {
        let output = vencejo().arg("ingest").args(&arguments).args(["--connect", &connect]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn a_damaged_journal_is_not_served() {
    let app = counting_app();
    let folder = app.path().join("counts");
    let mut engine = Engine::start_app_in(&folder, TempDir::new().unwrap(), "127.0.0.1:0");
    let file = events_file(app.path(), 500);
    let connect = engine.connect();
    let ingest = ["ingest", "events", file.to_str().unwrap(), "--connect", &connect];
    assert!(vencejo().args(ingest).output().unwrap().status.success());
    engine.signal(Signal::TERM);
    engine.wait();
    let data = engine.into_data();
    let segment = data.path().join("journal/0000000000000001.segment");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[4_096 + 300] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let output = vencejo()
        .args(["serve", "--quic", "127.0.0.1:0", "--app"])
        .arg(&folder)
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{error}");
    assert!(error.contains("journal/0000000000000001.segment is damaged at offset "), "{error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_pushed_model_answers_after_a_kill() {
    let mut engine = Engine::start();
    let push = |connect: &str| {
        let file = "apps/ads/models/yield.ubj";
        let arguments =
            ["model", "push", "yield", file, "--version", "yield-2", "--shadow", "0", "--connect", connect];
        let output = vencejo().args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    push(&engine.connect());
    engine.signal(Signal::KILL);
    engine.wait();
    let engine = Engine::start_in(engine.into_data(), "127.0.0.1:0", &[]);
    let list = vencejo().args(["model", "list", "--json", "--connect", &engine.connect()]).output().unwrap();
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let versions = list["models"][0]["versions"].as_array().unwrap();
    let champion = versions.iter().find(|version| version["role"] == "champion").unwrap();
    assert_eq!(champion["version"], "yield-2", "{list}");
}

#[test]
fn a_data_folder_belongs_to_one_app_and_one_engine() {
    let app = counting_app();
    let folder = app.path().join("counts");
    let mut engine = Engine::start_app_in(&folder, TempDir::new().unwrap(), "127.0.0.1:0");
    let refused = |app: &Path, data: &Path, arguments: &[&str]| {
        let mut command = vencejo();
        command.args(["serve", "--quic", "127.0.0.1:0", "--app"]).arg(app).arg("--data").arg(data);
        let output = command.args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{error}");
        error
    };
    let error = refused(&folder, engine.data.path(), &[]);
    assert!(error.contains("the journal is in use by another process"), "{error}");
    let file = events_file(app.path(), 5);
    let connect = engine.connect();
    let ingest = ["ingest", "events", file.to_str().unwrap(), "--connect", &connect];
    assert!(vencejo().args(ingest).output().unwrap().status.success());
    engine.signal(Signal::TERM);
    engine.wait();
    let data = engine.into_data();
    let error = refused(Path::new("apps/ads"), data.path(), &[]);
    assert!(error.contains("holds the state of app 'counts', and 'ads' is to be served"), "{error}");
    let error = refused(&folder, data.path(), &["--partitions", "5"]);
    assert!(error.contains("start with --partitions 4"), "{error}");
    // Rows of other columns are never misread.
    fs::write(folder.join("app.sql"), COUNTS.replace("n BIGINT NOT NULL", "n INT NOT NULL")).unwrap();
    let mut engine = Engine::start_app_in(&folder, data, "127.0.0.1:0");
    engine.signal(Signal::TERM);
    let (_, error) = engine.wait();
    assert!(error.contains("5 of them were passed over"), "{error}");
}

#[test]
fn dead_letters_are_listed_and_given_again() {
    let app = counting_app();
    let folder = app.path().join("counts");
    let data = TempDir::new().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(Disk::new(data.path()));
    let letters = DeadLetters::open(&storage).unwrap();
    let (mut writer, mut row, mut record) = (RowWriter::new(2), Vec::new(), Vec::new());
    let schema = Schema::new(
        vec![Column::required("k", ColumnType::String), Column::required("n", ColumnType::BigInt)],
        vec![0],
    );
    writer.set_str(0, "k1");
    writer.set_i64(1, 5);
    writer.finish(&schema, &mut row).unwrap();
    let stamp = Stamp { partition: 2, sequence: Sequence(17), tick: Tick(1) };
    write_rows(stamp, StreamId(0), None, std::iter::once(&row[..]), &mut record);
    letters.add("events", "index out of bounds", &record).unwrap();
    letters.add("gone", "index out of bounds", &record).unwrap();
    drop(letters);
    let engine = Engine::start_app_in(&folder, data, "127.0.0.1:0");
    let connect = engine.connect();
    let dlq = |arguments: &[&str]| {
        let output = vencejo().arg("dlq").args(arguments).args(["--connect", &connect]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };
    let list = || serde_json::from_str::<Value>(&dlq(&["list", "--json"]).1).unwrap();
    let listed = list();
    let [first, second] = &listed["letters"].as_array().unwrap()[..] else { panic!("{listed}") };
    let expected = serde_json::json!({
        "number": 1, "for": "events", "reason": "index out of bounds", "replayed": false, "partition": 2,
        "sequence": 17, "tick": 1, "kind": "event", "row": {"k": "k1", "n": 5},
    });
    assert_eq!(first, &expected);
    assert_eq!(second["unusable"], "the app declares no 'gone' any more");
    assert_eq!(dlq(&["replay", "1"]).1, "1 events given to the engine again\n");
    assert_eq!(counted(engine.address)["k1"], (1, 5));
    assert_eq!(list()["letters"][0]["replayed"], true);
    let (code, _, error) = dlq(&["replay", "--all"]);
    assert_eq!(
        (code, error.trim_end()),
        (Some(1), "vencejo: dead letter 2: the app declares no 'gone' any more")
    );
    let (code, _, error) = dlq(&["replay", "9"]);
    assert_eq!((code, error.trim_end()), (Some(1), "vencejo: there is no dead letter 9; there are 2"));
    let (_, text, _) = dlq(&["list"]);
    assert!(text.contains("index out of bounds") && text.contains("{\"k\":\"k1\",\"n\":5}"), "{text}");
}
