//! `vencejo tap`, used and misused.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use bytes::BytesMut;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::protocol::frame::{FrameType, write_frame};
use vencejo_client::protocol::message::{ErrorFrame, Subscribe};

use super::shop::{self, App, SQL, sales};
use crate::support::{Engine, block_on, stderr, vencejo};

/// A tap that is being printed.
struct Tap {
    child: Child,
    rows: BufReader<ChildStdout>,
    notes: BufReader<ChildStderr>,
}

impl Tap {
    /// Starts one; it follows when this returns.
    fn start(engine: &Engine, arguments: &[&str]) -> Self {
        let mut command = vencejo();
        command.args(["tap", "--connect", &engine.connect()]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let rows = BufReader::new(child.stdout.take().unwrap());
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("following") {
            line.clear();
            assert!(notes.read_line(&mut line).unwrap() > 0, "it ended");
        }
        Self { child, rows, notes }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.rows.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn take(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.next()).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// Its exit code, and what it still said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut notes = String::new();
        self.notes.read_to_string(&mut notes).unwrap();
        (self.child.wait().unwrap().code(), notes)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feed(engine: &Engine, sales: &[shop::Sale]) {
    block_on(async { shop::ingest(&engine.client().await, sales).await });
}

/// The rows as text, sorted: partitions have no common order.
fn sorted(rows: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|row| row["row"].to_string()).collect();
    rows.sort();
    rows
}

#[test]
fn a_stream_is_followed_row_by_row() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "4", "--threads", "2"]);
    feed(&engine, &sales(10));
    let mut taps = [Tap::start(&engine, &["sales"]), Tap::start(&engine, &["sales"])];
    feed(&engine, &sales(300));
    let lines = shop::json_lines(&sales(300));
    let expected: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::json!({"row": serde_json::from_str::<Value>(line).unwrap()}))
        .collect();
    for tap in &mut taps {
        let rows = tap.take(300);
        assert!(rows.iter().all(|row| row["stream"] == "sales"));
        assert_eq!(sorted(&rows), sorted(&expected));
        // Rows of one shop lie in one partition, in order.
        let of_one: Vec<_> = rows.iter().filter(|row| row["row"]["shop"] == "shop 3").collect();
        assert!(of_one.is_sorted_by_key(|row| row["row"]["at"].as_str().unwrap().to_owned()));
    }
    let [first, second] = taps;
    for (tap, signal) in [(first, Signal::INT), (second, Signal::TERM)] {
        tap.signal(signal);
        let (code, notes) = tap.end();
        assert_eq!(code, Some(0), "{notes}");
    }
}

#[test]
fn windows_and_queries_are_followed_as_run_prints_them() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "4"]);
    let mut windows = Tap::start(&engine, &["minutes"]);
    let mut dear = Tap::start(&engine, &["dear"]);
    feed(&engine, &sales(500));
    let expected = shop::run(&app.path(), &sales(500), "dear");
    let rows = dear.take(expected.len());
    assert!(rows.iter().all(|row| row["output"] == "dear"));
    assert_eq!(sorted(&rows), expected);
    let closed = |row: &String| !row.contains("\"window_start\":\"1970-01-01T00:08");
    let expected: Vec<String> =
        shop::run(&app.path(), &sales(500), "minutes").into_iter().filter(closed).collect();
    assert_eq!(sorted(&windows.take(expected.len())), expected);
}

#[test]
fn a_view_without_a_window_gives_the_rows_that_change() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "4"]);
    feed(&engine, &sales(20));
    let mut taps = [Tap::start(&engine, &["shops"]), Tap::start(&engine, &["shops"])];
    let again = sales(3);
    feed(&engine, &again);
    for tap in &mut taps {
        let mut found: Vec<(String, i64)> = tap
            .take(3)
            .iter()
            .map(|row| {
                (row["row"]["shop"].as_str().unwrap().to_owned(), row["row"]["sold"].as_i64().unwrap())
            })
            .collect();
        found.sort();
        assert_eq!(found, [("shop 0".to_owned(), 3), ("shop 1".to_owned(), 3), ("shop 7".to_owned(), 3)]);
    }
    // What HAVING does not let through is no row; a part says that it is one.
    let mut parts = Tap::start(&engine, &["products"]);
    feed(&engine, &sales(100));
    assert!(parts.next()["row"]["sold"].as_i64().unwrap() > 2);
    app.write(&format!("CREATE TABLE first (x INT);{SQL}"));
    let mut deploy = vencejo();
    deploy.args(["app", "deploy", "--connect", &engine.connect()]).arg(app.path());
    assert!(deploy.output().unwrap().status.success());
    let [mut first, _] = taps;
    feed(&engine, &again[..1]);
    let rows = first.take(101);
    assert_eq!(rows[100]["row"]["shop"], "shop 0");
}

#[test]
fn a_limit_ends_it_and_a_closed_output_too() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &[]);
    let mut limited = Tap::start(&engine, &["sales", "--limit", "7"]);
    let mut closed = Tap::start(&engine, &["sales"]);
    drop(std::mem::replace(
        &mut closed.rows,
        BufReader::new(
            vencejo().arg("--version").stdout(Stdio::piped()).spawn().unwrap().stdout.take().unwrap(),
        ),
    ));
    feed(&engine, &sales(20));
    limited.take(7);
    let mut rest = String::new();
    limited.rows.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), limited.end().0), ("", Some(0)));
    assert_eq!(closed.end(), (Some(1), String::new()));
    let none = Tap::start(&engine, &["sales", "--limit", "0"]);
    assert_eq!(none.end().0, Some(0));
}

#[test]
fn who_does_not_read_misses_rows_and_is_told_how_many() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    let long = shop::Sale { shop: "x".repeat(4_000), ..sales(1).remove(0) };
    let batch = vec![long; 100];
    block_on(async {
        let client = engine.client().await;
        let mut slow = engine.client().await.subscribe("sales").await.unwrap();
        // 16 MB: more than the engine and QUIC hold for it. No decision and no row waits for that.
        for _ in 0..40 {
            shop::ingest(&client, &batch).await;
        }
        let (mut rows, mut missed) = (0, 0);
        while rows + missed < 4_000 {
            let tapped = slow.next_rows().await.unwrap();
            rows += tapped.rows.len() as u64;
            missed += tapped.missed;
        }
        assert!(missed > 0 && rows > 0, "{rows} rows, {missed} missed");
        assert_eq!(rows + missed, 4_000);
        // Once it reads, nothing more is missed.
        shop::ingest(&client, &batch[..5]).await;
        let mut next = 0;
        while next < 5 {
            let tapped = slow.next_rows().await.unwrap();
            assert_eq!(tapped.missed, 0);
            next += tapped.rows.len();
        }
    });
}

#[test]
fn a_deploy_goes_on_under_a_tap_unless_what_it_follows_is_gone() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    let mut sold = Tap::start(&engine, &["sales"]);
    let dear = Tap::start(&engine, &["dear"]);
    app.write(&format!(
        "CREATE TABLE first (x INT);{}",
        SQL.replace("SELECT shop, price FROM", "SELECT price FROM")
    ));
    let mut deploy = vencejo();
    deploy.args(["app", "deploy", "--connect", &engine.connect()]).arg(app.path());
    let deployed = deploy.output().unwrap();
    assert!(deployed.status.success(), "{}", stderr(&deployed));
    let (code, notes) = dear.end();
    assert_eq!(code, Some(1));
    assert!(notes.contains("the app was replaced, and 'dear'"), "{notes}");
    feed(&engine, &sales(30));
    sold.take(30);
}

#[test]
fn taps_gone_wrong_are_explained() {
    let app = App::new(SQL);
    let mut engine = Engine::start_app(&app.path(), &[]);
    let fails = |engine: &Engine, name: &str| {
        let output = vencejo().args(["tap", "--connect", &engine.connect(), name]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    let error = fails(&engine, "sale");
    assert!(error.contains("no stream, view or query 'sale'; it has sales, "), "{error}");
    block_on(async {
        let mut connection = engine.connection().await;
        for (name, expected) in [
            ("sales", None),
            ("shops", Some(ErrorCode::ControlRefused)),
            ("", Some(ErrorCode::MalformedFrame)),
        ] {
            let mut out = BytesMut::new();
            if name.is_empty() {
                write_frame(&mut out, FrameType::Subscribe, 5, |out| out.extend_from_slice(&[0, 0, 0, 0]));
            } else {
                Subscribe { name: name.to_owned() }.write(5, &mut out);
            }
            connection.sender.send(out.freeze()).await.unwrap();
            let frame = connection.receiver.next_frame().await.unwrap().unwrap();
            let code = (frame.frame_type() != Some(FrameType::Subscribed))
                .then(|| ErrorFrame::read(&frame.payload).unwrap().code);
            assert_eq!(code, expected.map(ErrorCode::number), "{name}");
        }
        // The places of subscriptions are given back when their streams end.
        let client = engine.client().await;
        for _ in 0..3 {
            let mut held = Vec::new();
            for _ in 0..30 {
                let client = engine.client().await;
                held.push((client.subscribe("sales").await.unwrap(), client.clone()));
            }
            held.iter().for_each(|(_, client)| client.close());
            drop(held);
        }
        shop::ingest(&client, &sales(5)).await;
    });
    let tap = Tap::start(&engine, &["sales"]);
    engine.signal(Signal::TERM);
    assert!(engine.wait().0.success());
    let (code, notes) = tap.end();
    assert_eq!(code, Some(1), "{notes}");
    let gone = vencejo().args(["tap", "--connect", "127.0.0.1:1", "sales"]).output().unwrap();
    assert!(gone.status.code() == Some(1) && stderr(&gone).contains("cannot connect"));
}
