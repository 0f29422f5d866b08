//! A run as one JSON object, with the names that `vencejo bench decide --json` uses.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::load::Tally;
use crate::schedule::Schedule;

/// The report. Times are in microseconds.
pub fn to_json(tally: &Tally, schedule: &Schedule, connections: u32) -> Value {
    let answers_time = tally.last_answer.saturating_sub(schedule.warm_up_time());
    let time = schedule.measured_time().max(answers_time);
    let achieved = tally.answered as f64 / time.as_secs_f64();
    json!({
        "bench": "http",
        "rate": schedule.rate(),
        "achieved": (achieved * 10.0).round() / 10.0,
        "seconds": schedule.measured_time().as_secs_f64(),
        "connections": connections,
        "requests": schedule.measured_requests,
        "sent": tally.sent,
        "answered": tally.answered,
        "errors": schedule.measured_requests - tally.answered,
        "client_us": spread(&tally.latency),
        "pacing_us": spread(&tally.late),
        "error_codes": tally.failures,
    })
}

fn spread(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let micros = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    json!({
        "p50": micros(0.5),
        "p90": micros(0.9),
        "p99": micros(0.99),
        "p999": micros(0.999),
        "max": histogram.max() as f64 / 1_000.0,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    #[test]
    fn late_answers_lower_the_rate_and_unsent_requests_are_errors() {
        let latency = Histogram::new(3).expect("three digits are fine");
        let late = latency.clone();
        let last_answer = Duration::from_secs(3);
        let failures = BTreeMap::from([("status 503".to_owned(), 1)]);
        let mut tally = Tally { sent: 60, answered: 50, latency, late, failures, last_answer };
        tally.latency.record(2_000).expect("it grows");
        let report = to_json(&tally, &Schedule::new(100, Duration::from_secs(1)), 8);
        assert_eq!(report["achieved"], 25.0, "50 in the two seconds after the warm-up");
        assert_eq!((&report["requests"], &report["errors"]), (&json!(100), &json!(50)));
        assert_eq!((&report["client_us"]["p99"], &report["pacing_us"]), (&json!(2.0), &Value::Null));
        assert_eq!(report["error_codes"], json!({"status 503": 1}));
    }
}
