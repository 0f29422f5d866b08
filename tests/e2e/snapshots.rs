//! Snapshots through the binary: taken under load, opened after a kill, verified, restored, rehearsed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use vencejo_client::AckLevel;

use crate::counting::{Load, counted, counting_app, events_file, expected};
use crate::support::{Engine, json_lines, stderr, vencejo};

fn run(arguments: &[&str]) -> Output {
    vencejo().args(arguments).output().unwrap()
}

/// The JSON objects that a command prints, which succeeds.
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    json_lines(&output.stdout)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder of the counting app, and an engine of one partition that has counted so many events.
struct Counted {
    app: TempDir,
    engine: Engine,
}

impl Counted {
    fn start(arguments: &[&str]) -> Self {
        let app = counting_app();
        let arguments = [&["--partitions", "1"], arguments].concat();
        let engine = Engine::start_app(&app.path().join("counts"), &arguments);
        Self { app, engine }
    }

    /// Ingests events 1 to `last` once more.
    fn ingest(&self, last: i64) {
        let file = events_file(self.app.path(), last);
        let output = run(&["ingest", "events", text(&file), "--connect", &self.engine.connect()]);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn snapshot(&self) -> Value {
        lines(&["snapshot", "create", "--json", "--connect", &self.engine.connect()]).remove(0)
    }

    /// Kills the engine: its data folder.
    fn kill(mut self) -> (TempDir, TempDir) {
        self.engine.signal(Signal::KILL);
        self.engine.wait();
        (self.app, self.engine.into_data())
    }
}

/// What `times` times events 1 to `last` give.
fn times(times: i64, last: i64) -> std::collections::BTreeMap<String, (i64, i64)> {
    let mut counts = expected(last);
    counts.values_mut().for_each(|(events, total)| (*events, *total) = (*events * times, *total * times));
    counts
}

/// Has an engine serve a copy of a data folder of [`Counted`]; what it says until it ends.
fn served<T>(app: &Path, data: &Path, arguments: &[&str], look: impl FnOnce(&Engine) -> T) -> (T, String) {
    let copy = TempDir::new().unwrap();
    copy_files(data, copy.path());
    let arguments = [&["--partitions", "1"], arguments].concat();
    let mut engine = Engine::start_with(app, copy, "127.0.0.1:0", &arguments);
    let looked = look(&engine);
    engine.signal(Signal::KILL);
    (looked, engine.wait().1)
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_files(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn snapshot_file(data: &Path, generation: u64) -> PathBuf {
    data.join(format!("snapshots/{generation:016x}.snapshot"))
}

fn flip(path: &Path, place: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = place(bytes.len());
    bytes[place] ^= 4;
    fs::write(path, bytes).unwrap();
}

/// How often an engine is killed while it takes snapshots.
fn cycles() -> u64 {
    match std::env::var("VENCEJO_SLOW").ok().map(|text| text.parse().unwrap_or(1)) {
        None | Some(0) => 3,
        Some(times) => 40 * times,
    }
}

#[test]
fn kills_while_snapshots_are_taken_lose_and_double_nothing() {
    let app = counting_app();
    let folder = app.path().join("counts");
    let mut engine = Engine::start_app_in(&folder, TempDir::new().unwrap(), "127.0.0.1:0");
    let address = engine.address;
    let load = Load::start(address, AckLevel::Journaled);
    let (mut seed, mut began_with) = (99_u64, 0);
    for cycle in 0..cycles() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        load.batches(1);
        let mut asking = vencejo()
            .args(["snapshot", "create", "--connect", &address.to_string()])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        if cycle % 2 == 0 {
            // Whole, and something behind it.
            assert!(asking.wait().unwrap().success());
            load.batches(2);
        } else {
            load.batches(usize::try_from(seed >> 61).unwrap());
        }
        engine.signal(Signal::KILL);
        let (_, said) = engine.wait();
        began_with += u64::from(said.contains("began with snapshot"));
        // It would wait for an answer as long as it takes to believe that there is none; it may have ended.
        let _ = asking.kill();
        asking.wait().unwrap();
        engine = Engine::start_app_in(&folder, engine.into_data(), &address.to_string());
    }
    load.batches(1);
    let last = load.end();
    assert_eq!(counted(address), expected(last), "after {} kills", cycles());
    assert_eq!(began_with, cycles() - 1);
}

#[test]
fn a_folder_comes_back_as_it_was_at_a_sequence_or_a_time() {
    let counting = Counted::start(&[]);
    counting.ingest(1_000);
    let first = counting.snapshot();
    assert_eq!((&first["generation"], &first["events"]), (&1.into(), &1_000.into()));
    counting.ingest(1_000);
    counting.snapshot();
    counting.ingest(1_000);
    let (app, data) = counting.kill();
    let (folder, data) = (app.path().join("counts"), data.path());
    let listed = lines(&["snapshot", "list", "--json", "--data", text(data)]);
    let time = listed[0]["time"].as_str().unwrap().to_owned();
    for (option, expected_counts, began) in [
        (None, times(3, 1_000), Some(2)),
        (Some(["--to-sequence", "1000"]), times(1, 1_000), Some(1)),
        (Some(["--to-sequence", "0:500"]), expected(500), None),
        (Some(["--to-time", &time]), times(1, 1_000), Some(1)),
    ] {
        let into = app.path().join("restored");
        let mut arguments = vec!["restore", "--json", "--from", text(data), "--into", text(&into)];
        arguments.extend(option.iter().flatten());
        let restored = lines(&arguments).remove(0);
        assert_eq!(restored["generation"].as_u64(), began, "{option:?} {restored}");
        let (counts, _) = served(&folder, &into, &[], |engine| counted(engine.address));
        assert_eq!(counts, expected_counts, "{option:?}");
        fs::remove_dir_all(into).unwrap();
    }
    for (arguments, code, said) in [
        (vec!["--into", text(data)], 78, "is not empty; restore into a fresh folder"),
        (vec!["--into", "fresh", "--to-sequence", "5000"], 78, "partition 0 ends at event 3000"),
        (vec!["--into", "fresh", "--to-time", "yesterday"], 2, "yesterday"),
    ] {
        let output = run(&[&["restore", "--from", text(data)], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn a_damaged_snapshot_is_found_and_the_one_before_serves() {
    let counting = Counted::start(&[]);
    counting.ingest(1_000);
    counting.snapshot();
    counting.ingest(1_000);
    counting.snapshot();
    counting.ingest(1_000);
    let (app, data) = counting.kill();
    let (folder, data) = (app.path().join("counts"), data.path());
    let verify = ["snapshot", "verify", "--data", text(data)];
    assert_eq!(run(&verify).status.code(), Some(0));
    let drill = lines(&["drill", "--json", "--data", text(data), "--app", text(&folder)]).remove(0);
    assert_eq!(drill["generation"], 2);
    assert!(drill["compared_with"].as_str().unwrap().contains("snapshot 1"), "{drill}");
    // Its index is read at the start, and so is a page that is damaged.
    for place in [|length: usize| length - 20, |length: usize| length / 3] {
        let newest = snapshot_file(data, 2);
        let whole = fs::read(&newest).unwrap();
        flip(&newest, place);
        let verified = run(&verify);
        assert_eq!(verified.status.code(), Some(5), "{}", stderr(&verified));
        assert!(String::from_utf8_lossy(&verified.stdout).contains("snapshot 1: whole"));
        assert!(stderr(&verified).contains("1 snapshot is not whole"));
        let (counts, said) = served(&folder, data, &[], |engine| counted(engine.address));
        assert_eq!(counts, times(3, 1_000), "{said}");
        fs::write(&newest, whole).unwrap();
    }
}

#[test]
fn an_encrypted_snapshot_opens_with_its_key_alone() {
    let keys = TempDir::new().unwrap();
    let key = |name: &str, digit: &str| {
        let path = keys.path().join(name);
        fs::write(&path, digit.repeat(64)).unwrap();
        path
    };
    let (right, wrong) = (key("right", "a"), key("wrong", "b"));
    let sealed = ["--snapshot-key-file", text(&right), "--snapshot-pack"];
    let counting = Counted::start(&sealed);
    counting.ingest(1_000);
    counting.snapshot();
    counting.ingest(1_000);
    let (app, data) = counting.kill();
    let (folder, data) = (app.path().join("counts"), data.path());
    let verify = |key: &[&str]| run(&[&["snapshot", "verify", "--data", text(data)], key].concat());
    assert_eq!(verify(&["--snapshot-key-file", text(&right)]).status.code(), Some(0));
    for (key, said) in [(&[][..], "key"), (&["--snapshot-key-file", text(&wrong)][..], "another key")] {
        let output = verify(key);
        assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    let (counts, said) = served(&folder, data, &sealed, |engine| counted(engine.address));
    assert_eq!(counts, times(2, 1_000));
    assert!(said.contains("began with snapshot 1, of 1000 events"), "{said}");
    let serve =
        ["serve", "--partitions", "1", "--quic", "127.0.0.1:0", "--app", text(&folder), "--data", text(data)];
    let refused = run(&serve);
    assert_eq!(refused.status.code(), Some(78));
    assert!(stderr(&refused).contains("is encrypted; give its key"), "{}", stderr(&refused));
}
