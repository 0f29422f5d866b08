//! `vencejo decide` over files, and what the floors must satisfy.

use serde_json::Value;

use crate::support::{Engine, json_lines, root, run_with_input, stderr, vencejo};

const SAMPLES: &str = "apps/ads/samples/bid_requests.jsonl";
const AT: [&str; 2] = ["--at", "2026-03-02T20:15:00Z"];

fn decide(engine: &Engine, file: &str) -> (Vec<Value>, String) {
    let output = vencejo()
        .args(["decide", "--connect", &engine.connect(), "--openrtb", file])
        .args(AT)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (json_lines(&output.stdout), stderr(&output))
}

/// What every decision of the ads app satisfies, whatever the request.
fn check_decision(decision: &Value) {
    let code = decision["code"].as_str().unwrap();
    if code == "refused" {
        assert!(decision["reason"].is_string() && decision["text"].is_string(), "{decision}");
        return;
    }
    let floor = decision["floor"].as_f64().unwrap();
    let points = decision["data_points"].as_i64();
    match code {
        "fallback" => assert!(floor > 0.0, "{decision}"),
        "floored" => assert!((0.5..=10.0).contains(&floor) && points > Some(10), "{decision}"),
        "low_confidence" => assert!((0.5..=10.0).contains(&floor) && points <= Some(10), "{decision}"),
        other => panic!("the ads app does not answer {other}: {decision}"),
    }
    assert!(decision["currency"].is_string(), "{decision}");
    if code != "fallback" {
        assert_eq!(decision["currency"], "EUR", "{decision}");
        assert_eq!(decision["model_version"], "yield-1", "{decision}");
        let cpm = decision["predicted_cpm"].as_f64().unwrap();
        let (lower, upper) =
            (decision["cpm_lower"].as_f64().unwrap(), decision["cpm_upper"].as_f64().unwrap());
        assert!(lower <= cpm && cpm <= upper, "{decision}");
    }
    assert!(decision["server_us"].as_f64().unwrap() > 0.0, "{decision}");
}

/// Decisions without what time alone changes.
fn without_time(mut decisions: Vec<Value>) -> Vec<Value> {
    for decision in &mut decisions {
        decision.as_object_mut().unwrap().remove("server_us");
    }
    decisions
}

#[test]
fn every_sample_impression_has_a_floor_and_a_second_engine_gives_the_same() {
    let (first, summary) = decide(&Engine::start(), SAMPLES);
    assert!(summary.starts_with("240 requests, 508 impressions"), "{summary}");
    assert_eq!(first.len(), 508);
    first.iter().for_each(check_decision);
    let confident = first.iter().filter(|decision| decision["code"] == "floored").count();
    assert!(confident > 50, "data points grow by the decisions themselves: {confident} of 508");
    let (second, _) =
        decide(&Engine::start_at("127.0.0.1:0", &["--partitions", "7", "--threads", "2"]), SAMPLES);
    assert_eq!(without_time(first), without_time(second));
}

#[test]
fn decisions_come_in_input_order() {
    let (decisions, _) = decide(&Engine::start(), SAMPLES);
    let text = std::fs::read_to_string(root().join(SAMPLES)).unwrap();
    let expected: Vec<(String, String)> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .flat_map(|request| {
            let id = request["id"].as_str().unwrap().to_owned();
            let imps = request["imp"].as_array().unwrap().clone();
            imps.into_iter().map(move |imp| (id.clone(), imp["id"].as_str().unwrap().to_owned()))
        })
        .collect();
    let given: Vec<(String, String)> = decisions
        .iter()
        .map(|decision| {
            let text = |field: &str| decision[field].as_str().unwrap().to_owned();
            (text("request_id"), text("imp_id"))
        })
        .collect();
    assert_eq!(given, expected);
}

#[test]
fn a_public_collection_of_requests_is_decided_whole() {
    let file = root().join("../shared/data/openrtb/bid_requests.jsonl.gz");
    if !file.exists() {
        eprintln!("skipped: {} is not here", file.display());
        return;
    }
    let (decisions, summary) = decide(&Engine::start(), file.to_str().unwrap());
    assert_eq!(decisions.len(), 4_710, "{summary}");
    assert!(summary.starts_with("4136 requests, 4710 impressions") && summary.contains("; 0 invalid lines"));
    decisions.iter().for_each(check_decision);
}

#[test]
fn a_deadline_that_cannot_be_met_is_answered_with_the_fallback() {
    let engine = Engine::start();
    let line = br#"{"id":"r","imp":[{"id":"a","tagid":"t","bidfloor":1.5,"bidfloorcur":"GBP"},{"id":"b","tagid":"t"}]}"#;
    let mut command = vencejo();
    command.args(["decide", "--connect", &engine.connect(), "--deadline", "1us", "--openrtb", "-"]);
    let output = run_with_input(&mut command, line);
    let decisions = json_lines(&output.stdout);
    let answer = |index: usize| {
        let decision = &decisions[index];
        (decision["code"].clone(), decision["floor"].clone(), decision["currency"].clone())
    };
    assert_eq!(answer(0), ("fallback".into(), 1.5.into(), "GBP".into()));
    assert_eq!(answer(1), ("fallback".into(), 2.0.into(), "EUR".into()));
    assert!(decisions[0]["predicted_cpm"].is_null());
}

#[test]
fn answers_come_while_the_input_stays_open() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::Stdio;
    let engine = Engine::start();
    let mut child = vencejo()
        .args(["decide", "--connect", &engine.connect(), "--openrtb", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["first", "second"] {
        writeln!(input, r#"{{"id":"{id}","imp":[{{"id":"1"}}]}}"#).unwrap();
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["request_id"], id);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
