//! What holds for every input: no panic, no limit broken, an answer for each imp in its order.

use proptest::prelude::*;

use super::*;

/// Pieces of JSON that take a wrong turn where they replace or split others.
const HOSTILE: [&str; 24] = [
    "null",
    "true",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":{}}",
    "0",
    "-0.0",
    "-1",
    "1e308",
    "1e-320",
    "1.5",
    "18446744073709551615",
    "-9223372036854775808",
    "\"NaN\"",
    "\"-inf\"",
    "\"1\"",
    "\"\\u0000\"",
    "\"\u{feff}ñ\"",
    "\"http://[\"",
    "\"@:?#\"",
    "\"................................................................\"",
];

fn check_answer(adapter: &mut Adapter, line: &[u8], now_millis: i64) {
    let answer = adapter.impressions(&mut line.to_vec(), now_millis);
    let fresh = Adapter::new().impressions(&mut line.to_vec(), now_millis);
    assert_eq!(answer, fresh, "an adapter's past changes its answer");
    match answer {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(impressions) => {
            assert!((1..=IMPS_MAX).contains(&impressions.len()));
            impressions.iter().for_each(check_impression);
        }
    }
}

fn check_impression(impression: &Result<Impression, Refusal>) {
    let impression = match impression {
        Ok(impression) => impression,
        Err(refusal) => {
            assert!(!refusal.imp_id.is_empty() && refusal.imp_id.len() <= ID_BYTES_MAX);
            assert!(refusal.to_string().len() < 2_048);
            return;
        }
    };
    assert_eq!(impression.impression_id, format!("{}/{}", impression.request_id, impression.imp_id));
    assert!(impression.request_id.len() <= ID_BYTES_MAX);
    assert!((1..=ID_BYTES_MAX).contains(&impression.imp_id.len()));
    assert!((1..=PLACEMENT_BYTES_MAX).contains(&impression.placement.len()));
    for (text, bytes_max) in [
        (&impression.domain, DOMAIN_BYTES_MAX),
        (&impression.publisher, PUBLISHER_BYTES_MAX),
        (&impression.bidder, BIDDER_BYTES_MAX),
    ] {
        assert!(text.as_ref().is_none_or(|text| (1..=bytes_max).contains(&text.len())));
    }
    assert!(impression.bid_floor.is_none_or(|floor| floor > 0.0 && floor <= BID_FLOOR_MAX));
    assert_eq!(impression.bid_floor_currency.len(), 3);
    assert!((0..24).contains(&impression.hour_of_day) && (1..=7).contains(&impression.day_of_week));
    assert!((1..=3).contains(&impression.country_tier));
    for score in [impression.user_engagement_score, impression.historical_ctr_avg] {
        assert!(score.is_none_or(|score| (0.0..=1.0).contains(&score)));
    }
    for column in Impression::COLUMNS {
        if let Some(Value::Double(number)) = impression.value(column) {
            assert!(number.is_finite(), "{column}");
        }
    }
}

/// Places where a value of a JSON text begins and ends, roughly: enough to put another in its stead.
fn values(text: &str) -> Vec<(usize, usize)> {
    let starts = text.match_indices(':').map(|(at, _)| at + 1);
    starts
        .map(|start| (start, text[start..].find([',', '}', ']']).map_or(text.len(), |bytes| start + bytes)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..600), now in any::<i64>()) {
        check_answer(&mut Adapter::new(), &line, now);
    }

    #[test]
    fn arbitrary_json_like_text_never_panics(line in "[\\[\\]{}\",:0-9a-z.\\\\ -]{0,200}", imp in "[\\[\\]{}\",:0-9a-z ]{0,80}") {
        check_answer(&mut Adapter::new(), line.as_bytes(), 0);
        check_answer(&mut Adapter::new(), format!("{{\"imp\":[{{{imp}}}]}}").as_bytes(), 0);
    }

    #[test]
    fn samples_with_broken_bytes_never_panic(
        sample in 0_usize..240,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8),
        now in any::<i64>(),
    ) {
        let mut line = SAMPLES.lines().nth(sample).expect("a sample").as_bytes().to_vec();
        for (index, byte, edit) in edits {
            if line.is_empty() { break }
            let at = index.index(line.len());
            match edit {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => line.truncate(at.max(1)),
            }
        }
        check_answer(&mut Adapter::new(), &line, now);
    }

    #[test]
    fn samples_with_swapped_values_keep_the_limits(
        sample in 0_usize..240,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..HOSTILE.len(), 1_usize..60), 1..12),
    ) {
        let mut line = SAMPLES.lines().nth(sample).expect("a sample").to_owned();
        let mut adapter = Adapter::new();
        check_answer(&mut adapter, line.as_bytes(), 0);
        for (index, hostile, times) in edits {
            let places = values(&line);
            if places.is_empty() { break }
            let (start, end) = places[index.index(places.len())];
            let long = HOSTILE[hostile].strip_suffix('"').map(|text| format!("{text}{}\"", "é".repeat(times * 4)));
            line.replace_range(start..end, &long.unwrap_or_else(|| HOSTILE[hostile].to_owned()));
            check_answer(&mut adapter, line.as_bytes(), 0);
        }
    }

    #[test]
    fn each_imp_is_answered_in_its_order(kinds in prop::collection::vec(0_usize..4, 1..40)) {
        let imps: Vec<_> = (0..kinds.len()).map(|index| match kinds[index] {
            0 => format!("{{\"id\":\"i{index}\"}}"),
            1 => format!("{{\"id\":\"i{index}\",\"bidfloor\":\"x\"}}"),
            2 => "{}".to_owned(),
            _ => "[]".to_owned(),
        }).collect();
        let line = format!("{{\"imp\":[{}]}}", imps.join(","));
        let answer = Adapter::new().impressions(&mut line.into_bytes(), 0).expect("a request");
        for (index, (impression, kind)) in answer.iter().zip(&kinds).enumerate() {
            let (imp_id, is_accepted) = match impression {
                Ok(impression) => (&impression.imp_id, true),
                Err(refusal) => (&refusal.imp_id, false),
            };
            let expected = if *kind < 2 { format!("i{index}") } else { (index + 1).to_string() };
            prop_assert_eq!((imp_id, is_accepted), (&expected, matches!(kind, 0 | 2)));
        }
        prop_assert_eq!(answer.len(), kinds.len());
    }
}
