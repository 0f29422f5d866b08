//! Input that is not what it should be: one sentence, the right exit code, and the rest goes on.

use std::process::Output;

use crate::support::{Engine, json_lines, root, run_with_input, stderr, vencejo};

fn decide(engine: &Engine, input: &[u8]) -> Output {
    let mut command = vencejo();
    command.args(["decide", "--connect", &engine.connect(), "--openrtb", "-"]);
    run_with_input(&mut command, input)
}

#[test]
fn bad_lines_are_reported_with_their_number_and_do_not_stop_the_run() {
    let engine = Engine::start();
    let mut input = b"{\"id\":\"1\",\"imp\":[{\"id\":\"a\"}]}\n\nnot json\n[]\n{\"imp\":[]}\n".to_vec();
    input.extend(b"{\"id\":\"long\",\"x\":\"");
    input.resize(input.len() + 10_000_000, b'x');
    input.extend(b"\"}\n\x00\xff\xfe\n{\"id\":\"2\",\"imp\":[{\"id\":\"b\"}]}\n");
    let output = decide(&engine, &input);
    assert_eq!(output.status.code(), Some(0));
    let ids: Vec<_> = json_lines(&output.stdout).iter().map(|line| line["imp_id"].clone()).collect();
    assert_eq!(ids, ["a", "b"]);
    let errors = stderr(&output);
    for expected in ["line 3: ", "line 4: ", "line 5: ", "line 6: ", "line 7: "] {
        assert!(errors.contains(expected), "no '{expected}' in: {errors}");
    }
    assert!(errors.contains("2 requests, 2 impressions") && errors.contains("5 invalid lines"), "{errors}");
}

#[test]
fn an_input_without_a_request_is_a_failure() {
    let engine = Engine::start();
    for input in [&b""[..], b"\n", b"\x00\x01\x02\xff", b"\x1f\x8bgarbage after the magic"] {
        let output = decide(&engine, input);
        assert_eq!(output.status.code(), Some(1), "{input:?}: {}", stderr(&output));
        assert!(stderr(&output).lines().last().unwrap().starts_with("vencejo: "), "{}", stderr(&output));
    }
}

#[test]
fn without_an_engine_or_a_file_it_says_so() {
    let missing = vencejo().args(["decide", "--openrtb", "no/such/file"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).starts_with("vencejo: no/such/file cannot be read: "), "{}", stderr(&missing));
    // Port 9 (discard) serves no QUIC.
    let alone = vencejo()
        .args(["decide", "--connect", "127.0.0.1:9", "--openrtb", "apps/ads/samples/bid_requests.jsonl"])
        .output()
        .unwrap();
    assert_eq!(alone.status.code(), Some(1));
    assert!(stderr(&alone).starts_with("vencejo: cannot connect to 127.0.0.1:9: "), "{}", stderr(&alone));
}

#[test]
fn a_remote_engine_needs_a_fingerprint() {
    let output = vencejo()
        .args(["decide", "--connect", "192.0.2.1:7443", "--openrtb", "apps/ads/samples/bid_requests.jsonl"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("give the fingerprint"), "{}", stderr(&output));
}

#[test]
fn an_unknown_decision_or_app_is_named_with_what_there_is() {
    let engine = Engine::start();
    let samples = ["--openrtb", "apps/ads/samples/bid_requests.jsonl"];
    let ask = |arguments: &[&str]| {
        let connect = engine.connect();
        vencejo().args(["decide", "--connect", &connect]).args(samples).args(arguments).output().unwrap()
    };
    let decision = ask(&["--decision", "floors"]);
    assert_eq!(decision.status.code(), Some(1));
    assert!(stderr(&decision).contains("app 'ads' has no decision 'floors'; it has: floor"));
    let app = ask(&["--app-name", "shop"]);
    assert_eq!(app.status.code(), Some(1));
    assert!(stderr(&app).contains("refused with unknown_app (105)"), "{}", stderr(&app));
}

#[test]
fn predict_gives_the_bits_of_the_library_that_made_the_model() {
    let testdata = root().join("engine/model/testdata");
    let rows = "hour_of_day,day_of_week,is_weekend,country_tier,device_category_encoded,is_eu,\
                user_engagement_score,device_performance_score,historical_ctr_avg,is_prime_time\n\
                20,1,0,1,1,1,0.5,100,0.02,1\n3,7,1,3,3,0,,,,0\n";
    assert!(testdata.exists());
    let mut command = vencejo();
    command.args(["predict", "apps/ads/models/yield.ubj", "--input", "-"]);
    let output = run_with_input(&mut command, rows.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let predictions: Vec<f32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(predictions.len(), 2);
    assert!(predictions[0] > predictions[1], "prime time in a tier 1 country is worth more: {text}");
}

#[test]
fn inspect_tells_what_a_model_holds_and_refuses_what_is_none() {
    let inspect = |file: &str| vencejo().args(["model", "inspect", "--json", file]).output().unwrap();
    let output = inspect("apps/ads/models/yield.ubj");
    let model = &json_lines(&output.stdout)[0];
    assert_eq!((&model["library"], &model["trees"]), (&"XGBoost".into(), &120.into()));
    let cut = tempfile::NamedTempFile::new().unwrap();
    let whole = std::fs::read(root().join("apps/ads/models/yield.ubj")).unwrap();
    std::fs::write(cut.path(), &whole[..whole.len() / 2]).unwrap();
    for file in [cut.path().to_str().unwrap(), "apps/ads/app.sql"] {
        let output = inspect(file);
        assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn predict_names_what_is_wrong_with_its_input() {
    let predict = |input: &str| {
        let mut command = vencejo();
        command.args(["predict", "apps/ads/models/yield.ubj", "--input", "-"]);
        let output = run_with_input(&mut command, input.as_bytes());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(predict("a,b\n1,2\n").contains("the header lacks the feature 'hour_of_day'"));
    assert!(predict("").contains("the header lacks the feature 'hour_of_day'"));
    let header = "hour_of_day,day_of_week,is_weekend,country_tier,device_category_encoded,is_eu,\
                  user_engagement_score,device_performance_score,historical_ctr_avg,is_prime_time\n";
    let error = predict(&format!("{header}x,1,1,1,1,1,1,1,1,1\n"));
    assert!(error.contains("row 1, column 'hour_of_day': 'x' is not a number"), "{error}");
    assert!(predict(&format!("{header}1,2\n")).contains("is not usable CSV"));
}
