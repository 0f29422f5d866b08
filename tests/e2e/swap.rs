//! Models that change while the engine answers: nothing missed, nothing mixed, and what is refused.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use vencejo_client::{Client, Config, DecisionCode, Row};

use crate::support::{Engine, block_on, json_lines, root, row, run_with_input, stderr, stream, vencejo};
use crate::versions::{ADS_FEATURES, Request, constant_model, requests, second_model};

/// Nobody's fallback is wanted.
const DEADLINE: Duration = Duration::from_secs(60);
/// Machines that run tests are busy.
const ANSWER: Duration = Duration::from_secs(300);

fn model(engine: &Engine, arguments: &[&str]) -> Output {
    vencejo().arg("model").args(arguments).args(["--connect", &engine.connect()]).output().unwrap()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, exit: i32, text: &str) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(exit), "{error}");
    assert!(error.contains(text), "no '{text}' in: {error}");
    assert!(!error.contains("panicked") && error.trim_end().lines().count() == 1, "one sentence: {error}");
}

/// A client that waits as long.
async fn patient(engine: &Engine) -> Client {
    let config = Config { request_timeout: ANSWER, ..Config::default() };
    Client::connect(engine.address, config).await.unwrap()
}

/// A model file in a folder of its own.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.ubj");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn push(engine: &Engine, file: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["push", "yield", file.to_str().unwrap()];
    all.extend(arguments);
    model(engine, &all)
}

/// Asks for decisions, one after another, until told to stop; counts those of each version.
async fn ask_until(client: &Client, requests: &[Request], stop: &AtomicBool) -> [u64; 2] {
    let floor = client.welcome().decisions[0].clone();
    let column = |name: &str| floor.answer.position(name).unwrap();
    let (cpm, version, variant) = (column("predicted_cpm"), column("model_version"), column("model_variant"));
    let mut seen = [0; 2];
    let mut under_way = std::collections::VecDeque::new();
    let mut next = requests.iter().cycle();
    loop {
        while under_way.len() < 64 && !stop.load(Ordering::Relaxed) {
            let request = next.next().unwrap();
            let pending = client.send_decide(floor.id, &request.row, DEADLINE).await.unwrap();
            under_way.push_back((request, pending));
        }
        let Some((request, mut pending)) = under_way.pop_front() else { return seen };
        let decided = pending.answer().await.expect("no decision is missed");
        assert!(matches!(decided.code, DecisionCode::Floored | DecisionCode::LowConfidence));
        let answer = Row::parse(&floor.answer, &decided.row).unwrap();
        let of = match answer.str(version) {
            "yield-1" => 0,
            "yield-2" => 1,
            other => panic!("a version that nobody installed: {other}"),
        };
        let (found, expected) = (answer.f64(cpm), request.expected[of]);
        assert_eq!(found.to_bits(), expected.to_bits(), "{}: {found}, not {expected}", answer.str(version));
        assert!(matches!(answer.str(variant), "champion" | "challenger"));
        seen[of] += 1;
    }
}

#[test]
fn swaps_under_load_miss_nothing_and_mix_nothing() {
    let engine = Engine::start_at("127.0.0.1:0", &["--partitions", "4", "--threads", "2"]);
    let (_folder, path) = file(&second_model());
    done(&push(&engine, &path, &["--version", "yield-2", "--no-activate", "--shadow", "0"]));
    block_on(async {
        let client = patient(&engine).await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let requests = requests(&schema, 600);
        let stop = Arc::new(AtomicBool::new(false));
        let swapping = tokio::spawn({
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            async move {
                let activate = async |version: &str, weight: Value| {
                    let arguments = json!({"model": "yield", "version": version, "weight": weight});
                    client.control("model.activate", &arguments.to_string(), &[], ANSWER).await.unwrap()
                };
                for round in 0..40 {
                    activate("yield-2", Value::Null).await;
                    activate("yield-1", Value::Null).await;
                    if round % 4 == 0 {
                        activate("yield-2", json!(50)).await;
                        client.control("model.rollback", r#"{"model":"yield"}"#, &[], ANSWER).await.unwrap();
                    }
                }
                stop.store(true, Ordering::Relaxed);
            }
        });
        let seen = ask_until(&client, &requests, &stop).await;
        swapping.await.unwrap();
        assert!(seen.iter().all(|&seen| seen > 100), "both versions answered: {seen:?}");
        let listed = client.control("model.list", "{}", &[], ANSWER).await.unwrap();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let counted = |version: usize| listed["models"][0]["versions"][version]["decisions"].as_u64();
        assert_eq!([counted(0), counted(1)], seen.map(Some), "each decision is counted once");
        assert_eq!(listed["models"][0]["consistent"], true);
    });
}

#[test]
fn a_push_compares_activates_and_can_be_taken_back() {
    let engine = Engine::start();
    let (_folder, path) = file(&second_model());
    let output = block_on(async {
        let client = patient(&engine).await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let requests = requests(&schema, 200);
        let stop = Arc::new(AtomicBool::new(false));
        let pushing = {
            let (stop, connect) = (Arc::clone(&stop), engine.connect());
            std::thread::spawn(move || {
                let output = vencejo()
                    .args(["model", "push", "yield", path.to_str().unwrap(), "--version", "yield-2"])
                    .args([
                        "--shadow-seconds",
                        "20",
                        "--max-difference",
                        "1",
                        "--json",
                        "--connect",
                        &connect,
                    ])
                    .output();
                stop.store(true, Ordering::Relaxed);
                output.unwrap()
            })
        };
        let seen = ask_until(&client, &requests, &stop).await;
        assert!(seen[0] > 0);
        pushing.join().unwrap()
    });
    let answer: Value = serde_json::from_str(&done(&output)).unwrap();
    assert_eq!(
        (&answer["now"]["champion"], &answer["before"]["champion"]),
        (&json!("yield-2"), &json!("yield-1"))
    );
    let shadow = &answer["shadow"];
    assert!(shadow["rows"].as_u64().unwrap() >= 200 && shadow["not_finite"] == 0, "{shadow}");
    let mean = shadow["mean_difference"].as_f64().unwrap();
    assert!((mean - (3.246_801_3 - 2.869_595_3)).abs() < 1e-5, "the two differ by their base scores: {mean}");
    let (_folder, path) = file(&second_model());
    let again = done(&push(&engine, &path, &["--version", "yield-2"]));
    assert!(again.contains("was there already") && again.contains("as before"), "{again}");
    let list = done(&model(&engine, &["list"]));
    assert!(list.contains("yield-2") && list.contains("champion") && list.contains("previous"), "{list}");
    let back = done(&model(&engine, &["rollback", "yield"]));
    assert!(back.contains("answers now: version 'yield-1' (before: version 'yield-2')"), "{back}");
    refused(&model(&engine, &["rollback", "yield"]), 1, "there is nothing to go back to");
    done(&model(&engine, &["activate", "yield", "yield-2", "--weight", "30"]));
    let list: Value = serde_json::from_str(&done(&model(&engine, &["list", "--json"]))).unwrap();
    let versions = &list["models"][0]["versions"];
    assert_eq!((&versions[0]["weight"], &versions[1]["weight"]), (&json!(70), &json!(30)));
}

#[test]
fn what_cannot_serve_is_refused_in_one_sentence_and_changes_nothing() {
    let engine = Engine::start();
    let (_a, garbage) = file(b"not a model");
    let whole = second_model();
    let (_b, cut) = file(&whole[..whole.len() / 2]);
    let mut features = ADS_FEATURES;
    features[3] = "country_tear";
    let (_c, renamed) = file(&constant_model(&features, "reg:squarederror", 1.0));
    let (_d, fewer) = file(&constant_model(&ADS_FEATURES[..9], "reg:squarederror", 1.0));
    let (_e, good) = file(&whole);
    let (_f, infinite) = file(&constant_model(&ADS_FEATURES, "count:poisson", 1_000.0));
    refused(&push(&engine, &garbage, &[]), 5, "model.ubj: ");
    refused(&push(&engine, &cut, &[]), 5, "model.ubj: ");
    refused(&push(&engine, Path::new("no/such/file"), &[]), 1, "no/such/file cannot be read");
    refused(
        &push(&engine, &renamed, &[]),
        1,
        "input 4 is 'country_tier'; the model's feature 4 is 'country_tear'",
    );
    refused(&push(&engine, &fewer, &[]), 1, "INPUT names 10, the model has 9 features");
    refused(
        &push(&engine, &good, &["--version", "yield-1"]),
        1,
        "has a version 'yield-1' of another content",
    );
    let hasty = ["--max-difference", "1", "--shadow-seconds", "0"];
    refused(&push(&engine, &good, &hasty), 1, "no row came to compare");
    refused(&model(&engine, &["push", "yeild", good.to_str().unwrap()]), 1, "did you mean 'yield'?");
    refused(&model(&engine, &["activate", "yield", "yield-11"]), 1, "did you mean 'yield-1'?");
    refused(&model(&engine, &["activate", "yield", "yield-1", "--weight", "5"]), 1, "is the champion");
    refused(&model(&engine, &["list", "floor"]), 1, "app 'ads' has no model 'floor'; it has yield");
    refused(&model(&engine, &["rollback", "yield"]), 1, "there is nothing to go back to");
    for usage in [&["activate", "yield", "x", "--weight", "100"][..], &["push", "yield"], &["rollback"]] {
        assert_eq!(model(&engine, usage).status.code(), Some(2), "{usage:?}");
    }
    // Enough requests while the shadow runs, on the same host as everything.
    block_on(async {
        let client = patient(&engine).await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let (requests, stop) = (requests(&schema, 50), Arc::new(AtomicBool::new(false)));
        let pushing = {
            let (stop, connect) = (Arc::clone(&stop), engine.connect());
            std::thread::spawn(move || {
                let arguments =
                    ["model", "push", "yield", infinite.to_str().unwrap(), "--shadow-seconds", "60"];
                let output = vencejo().args(arguments).args(["--connect", &connect]).output();
                stop.store(true, Ordering::Relaxed);
                output.unwrap()
            })
        };
        let seen = ask_until(&client, &requests, &stop).await;
        refused(&pushing.join().unwrap(), 1, "has no finite prediction for");
        assert_eq!(seen[1], 0, "the shadow answered nothing");
    });
    let list: Value = serde_json::from_str(&done(&model(&engine, &["list", "--json"]))).unwrap();
    let versions = list["models"][0]["versions"].as_array().unwrap();
    let champions: Vec<_> = versions.iter().filter(|it| it["role"] == "champion").collect();
    assert_eq!((champions.len(), &champions[0]["version"]), (1, &json!("yield-1")));
}

/// The ads app with a challenger that answers 40 %, in a folder.
fn ads_with_challenger(folder: &Path) -> PathBuf {
    let app = folder.join("ads");
    std::fs::create_dir_all(app.join("models")).unwrap();
    let sql = std::fs::read_to_string(root().join("apps/ads/app.sql")).unwrap();
    let challenger =
        "'challenger_path' = 'models/b.ubj', 'challenger_version' = 'yield-2', 'challenger_weight' = '40'";
    let sql = sql.replace("'version' = 'yield-1'", &format!("'version' = 'yield-1', {challenger}"));
    std::fs::write(app.join("app.sql"), sql).unwrap();
    std::fs::copy(root().join("apps/ads/models/yield.ubj"), app.join("models/yield.ubj")).unwrap();
    std::fs::write(app.join("models/b.ubj"), second_model()).unwrap();
    app
}

/// Which version answered, `a` the champion or `b` the challenger.
fn answered_by(decision: &Value) -> char {
    let (version, variant) = (&decision["model_version"], &decision["model_variant"]);
    match (version.as_str(), variant.as_str()) {
        (Some("yield-1"), Some("champion")) => 'a',
        (Some("yield-2"), Some("challenger")) => 'b',
        _ => panic!("{decision}"),
    }
}

fn assert_two_fifths(answers: &str) {
    let share = answers.matches('b').count() as f64 / answers.len() as f64;
    assert!((0.3..0.5).contains(&share), "{share} of {}", answers.len());
}

#[test]
fn a_challenger_of_the_app_answers_its_share_by_the_impression() {
    let folder = TempDir::new().unwrap();
    let app = ads_with_challenger(folder.path());
    let decide = |arguments: &[&str]| {
        let engine = Engine::start_app(&app, arguments);
        let samples = "apps/ads/samples/bid_requests.jsonl";
        let output = vencejo()
            .args(["decide", "--connect", &engine.connect(), "--openrtb", samples])
            .output()
            .unwrap();
        let decisions = json_lines(&output.stdout);
        decisions.iter().filter(|it| it["code"] != "refused").map(answered_by).collect::<String>()
    };
    let first = decide(&[]);
    assert_two_fifths(&first);
    assert_eq!(first, decide(&["--partitions", "7"]), "the same impressions fall to the same version");
}

#[test]
fn a_challenger_of_the_app_answers_its_share_of_a_run() {
    let folder = TempDir::new().unwrap();
    let app = ads_with_challenger(folder.path());
    let requests = vencejo().args(["gen", "ads", "--rows", "300", "--seed", "3"]).output().unwrap().stdout;
    let mut command = vencejo();
    command.arg("run").arg(&app).args(["--input", "bid_requests=-", "--decide", "floor"]);
    let output = run_with_input(&mut command, &requests);
    let lines = json_lines(&output.stdout);
    let floors = lines.iter().filter(|line| line["output"] == "floor");
    let answers: String = floors.map(|line| answered_by(&line["row"])).collect();
    assert_eq!(answers.len(), 300, "{}", stderr(&output));
    assert_two_fifths(&answers);
}

#[test]
fn a_push_that_waits_is_cut_short_by_a_stop() {
    let mut engine = Engine::start();
    let (_folder, path) = file(&second_model());
    let child = vencejo()
        .args(["model", "push", "yield", path.to_str().unwrap(), "--shadow-seconds", "300"])
        .args(["--connect", &engine.connect()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let list = || done(&model(&engine, &["list"]));
    while !list().contains("shadow") {}
    refused(&push(&engine, &path, &["--version", "x"]), 1, "another push is under way");
    engine.signal(Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("shutting_down"), "{}", stderr(&output));
    let (status, error) = engine.wait();
    assert_eq!(status.code(), Some(0), "{error}");
}

#[test]
fn a_decision_on_the_way_is_not_held_up_by_a_push() {
    let engine = Engine::start();
    block_on(async {
        let client = patient(&engine).await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let request = row(&schema, "a");
        let blobs = [("model", second_model().into())];
        let arguments = json!({"model": "yield", "shadow_millis": 600_000, "shadow_rows": 5}).to_string();
        // The push waits for rows, and these come on the same connection.
        let pushing = client.control("model.push", &arguments, &blobs, ANSWER);
        let deciding = async {
            loop {
                client.decide(0, &request, DEADLINE).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let answer = tokio::select! {
            answer = pushing => answer.unwrap(),
            () = deciding => unreachable!("it goes on"),
        };
        assert!(answer.contains("\"shadow_rows_wanted\":5"), "{answer}");
    });
}
