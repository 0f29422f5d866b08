//! Hazards as tables. Requests are written with `'` for `"`, so that they can be read.

mod fields;
mod lines;
mod properties;

use super::*;

const SAMPLES: &str = include_str!("../../../../../apps/ads/samples/bid_requests.jsonl");

/// 2026-06-01 was a Monday; this is its midday in UTC.
const NOW_MILLIS: i64 = 1_780_315_200_000;

fn adapt(line: &str) -> Result<Vec<Result<Impression, Refusal>>, RequestError> {
    Adapter::new().impressions(line.replace('\'', "\"").into_bytes().as_mut_slice(), NOW_MILLIS)
}

fn render(value: Option<Value<'_>>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(Value::Text(text)) => text.to_owned(),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::Double(number)) => number.to_string(),
        Some(Value::TimestampMillis(millis)) => format!("@{millis}"),
        Some(Value::Bool(truth)) => truth.to_string(),
    }
}

/// The columns of each impression, or the name of its refusal; or the name of the request's error.
fn answer(line: &str, columns: &str) -> String {
    let one = |impression: &Result<Impression, Refusal>| match impression {
        Ok(impression) => {
            columns.split(' ').map(|column| render(impression.value(column))).collect::<Vec<_>>().join(" ")
        }
        Err(refusal) => format!("{}!{}", refusal.imp_id, refusal.reason.name()),
    };
    match adapt(line) {
        Ok(impressions) => impressions.iter().map(one).collect::<Vec<_>>().join(" | "),
        Err(error) => error.name().to_owned(),
    }
}

/// Each case: a request, and what its columns hold.
fn check(columns: &str, cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        assert_eq!(answer(request, columns), *expected, "{columns} of {request}");
    }
}

/// Each case: the inside of the only imp.
fn check_imp(columns: &str, cases: &[(&str, &str)]) {
    for (imp, expected) in cases {
        assert_eq!(answer(&format!("{{'imp':[{{{imp}}}]}}"), columns), *expected, "{columns} of imp {imp}");
    }
}

/// Each case: what stands beside `imp` in the request.
fn check_request(columns: &str, cases: &[(&str, &str)]) {
    for (fields, expected) in cases {
        assert_eq!(
            answer(&format!("{{'imp':[{{}}],{fields}}}"), columns),
            *expected,
            "{columns} of {fields}"
        );
    }
}

#[test]
fn every_sample_is_mapped_without_a_refusal() {
    let mut adapter = Adapter::new();
    let mut counts = (0, 0);
    for line in SAMPLES.lines() {
        let impressions = adapter.impressions(&mut line.as_bytes().to_vec(), NOW_MILLIS).expect(line);
        counts = (counts.0 + 1, counts.1 + impressions.len());
        for impression in impressions {
            let impression = impression.expect(line);
            assert!(
                impression.format.is_some() && impression.country.is_some() && impression.domain.is_some()
            );
            assert_ne!(impression.placement, "unknown");
        }
    }
    assert_eq!(counts, (240, 508));
}
