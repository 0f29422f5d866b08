//! Reports of runs that are written down by hand.

use vencejo_client::DecisionCode;
use vencejo_client::protocol::error::ErrorCode;

use super::*;
use crate::bench::tally::Answer;

const OPTIONS: Options =
    Options { pace: Pace::Rate(100), seconds: Duration::from_secs(1), connections: 2, spin: Duration::ZERO };

/// A run in which `sent` requests went out and these replies came, each after its latency in
/// nanoseconds.
fn report(bench: Bench, sent: u64, replies: &[(Answer, u64)]) -> Report {
    let schedule = Schedule::of(&OPTIONS);
    let mut tally = Tally::new();
    (0..sent).for_each(|_| tally.send(400, 300));
    for &(answer, latency_nanos) in replies {
        tally.reply(answer, latency_nanos, 100);
    }
    Report::new(bench, OPTIONS, schedule, &tally)
}

fn decided(code: DecisionCode) -> (Answer, u64) {
    (Answer::Decided { code, server_nanos: 8_000 }, 60_000)
}

fn decisions(count: usize) -> Vec<(Answer, u64)> {
    vec![decided(DecisionCode::Floored); count]
}

#[test]
fn json_has_the_agreed_shape() {
    let mut replies = decisions(98);
    replies.push(decided(DecisionCode::Fallback));
    replies.push((Answer::Refused(ErrorCode::Overloaded.number()), 1));
    let report = report(Bench::Decide, 100, &replies);
    let expected = json!({
        "bench": "decide",
        "rate": 100,
        "in_flight": null,
        "achieved": 99.0,
        "seconds": 1.0,
        "warm_up_seconds": 1.0,
        "connections": 2,
        "requests": 100,
        "sent": 100,
        "answered": 99,
        "errors": 1,
        "client_us": {"p50": 60.031, "p90": 60.031, "p99": 60.031, "p999": 60.031, "p9999": 60.031, "max": 60.031},
        "client_curve_us": CURVE.iter().map(|share| json!([share, 60.031])).collect::<Vec<_>>(),
        "server_us": {"p50": 8.003, "p90": 8.003, "p99": 8.003, "p999": 8.003, "p9999": 8.003, "max": 8.003},
        "pacing_us": {"p50": 0.4, "p90": 0.4, "p99": 0.4, "p999": 0.4, "p9999": 0.4, "max": 0.4},
        "codes": {"floored": 98, "fallback": 1},
        "error_codes": {"overloaded": 1},
        "frame_bytes": {"request": 300, "reply": 100},
    });
    assert_eq!(report.to_json(), expected);
    assert_eq!(report.shortfall(), None);
}

#[test]
fn an_echo_has_no_server_times_and_no_codes() {
    let report = report(Bench::Echo, 100, &[(Answer::Echoed, 50_000); 100]);
    let json = report.to_json();
    assert_eq!((&json["bench"], &json["errors"]), (&json!("echo"), &json!(0)));
    assert_eq!((&json["server_us"], &json["codes"]), (&Value::Null, &json!({})));
}

#[test]
fn lost_and_unsent_requests_are_errors() {
    let report = report(Bench::Decide, 90, &decisions(87));
    assert_eq!(report.errors, [("lost".to_owned(), 3), ("unsent".to_owned(), 10)]);
    assert_eq!(report.errors_total(), 13);
    let shortfall = report.shortfall().expect("13 requests have no answer");
    assert!(shortfall.contains("of 100 requests 10 could not be sent and 3 had no reply"), "{shortfall}");
}

#[test]
fn a_run_without_answers_has_no_latencies() {
    let report = report(Bench::Decide, 0, &[]);
    assert_eq!((report.client, report.server, report.pacing), (None, None, None));
    assert!(report.to_string().contains("p99.9              -           -           -"), "{report}");
}

#[test]
fn the_table_has_both_sides() {
    let table = report(Bench::Decide, 100, &decisions(100)).to_string();
    for line in [
        "bench decide: 100/s for 1 s, 2 connections, open loop",
        "after a warm-up of 1 s in the same way, which is not counted",
        "us            client      server   sent late",
        "p99             60.0         8.0         0.4",
        "requests 100, sent 100, answered 100, achieved 100.0/s",
        "decisions: floored 100",
        "errors: none",
        "frames, mean: request 300 bytes, reply 100 bytes",
    ] {
        assert!(table.lines().any(|found| found == line), "no line '{line}' in\n{table}");
    }
}

#[test]
fn a_late_end_lowers_the_achieved_rate() {
    let schedule = Schedule::of(&OPTIONS);
    let mut tally = Tally::new();
    for _ in 0..100 {
        tally.send(0, 1);
        tally.reply(Answer::Echoed, 1, 1);
    }
    tally.last_reply_nanos = 3_000_000_000;
    let report = Report::new(Bench::Echo, OPTIONS, schedule, &tally);
    assert!((report.achieved - 50.0).abs() < 0.01, "{}", report.achieved);
}
