use super::*;

fn csv(row: &AdsRow) -> String {
    let mut bytes = Vec::new();
    row.write_csv(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_first_rows_of_seed_1_never_change() {
    let lines: String = ads_rows(1).take(3).map(|row| csv(&row)).collect();
    assert_eq!(
        lines,
        "\
imp-d9bf17d113f38956,pl-001,music5.example,2025-09-01T00:00:05.942Z,0,1,GB,1,mobile,banner,standard,larch,0.71,EUR,0.520,87.8,,0,1,1,0,2.3945
imp-ef30b01c2974aeeb,pl-003,sport5.example,2025-09-01T00:00:14.355Z,0,1,IT,1,tablet,banner,standard,hazel,,EUR,0.459,88.2,0.00411,0,2,1,0,2.3318
imp-9bdb985b7f9ade49,pl-002,weather2.example,2025-09-01T00:00:18.618Z,0,1,ES,1,mobile,banner,standard,rowan,0.79,EUR,0.250,49.6,,0,1,1,0,1.2149
"
    );
}

#[test]
fn a_seed_gives_the_same_rows_twice_and_another_seed_others() {
    let rows = |seed| ads_rows(seed).take(1_000).collect::<Vec<_>>();
    assert_eq!(rows(3), rows(3));
    assert_ne!(rows(3), rows(4));
}

#[test]
fn every_line_has_the_headers_columns() {
    let columns = CSV_HEADER.split(',').count();
    assert_eq!(columns, 22);
    for row in ads_rows(2).take(1_000) {
        let line = csv(&row);
        assert!(line.ends_with('\n') && line.trim_end().split(',').count() == columns, "{line}");
    }
}

#[test]
fn values_stay_in_their_ranges_and_agree_with_each_other() {
    let (mut before, mut missing) = (0, [0; 3]);
    let unit = |value: Option<f64>| value.is_none_or(|value| (0.0..=1.0).contains(&value));
    for row in ads_rows(5).take(50_000) {
        assert!(row.ts_millis >= before && row.ts_millis >= START_MILLIS, "{row:?}");
        before = row.ts_millis;
        assert!(row.hour_of_day <= 23 && (1..=7).contains(&row.day_of_week), "{row:?}");
        assert!(row.placement < PLACEMENTS && row.domain < DOMAINS, "{row:?}");
        assert!((1..=3).contains(&row.country_tier) && row.is_eu == (row.country_tier == 1), "{row:?}");
        assert_eq!(row.is_weekend, row.day_of_week >= 6);
        assert_eq!(row.is_prime_time, row.hour_of_day >= 19);
        assert!(unit(row.user_engagement_score) && unit(row.historical_ctr_avg), "{row:?}");
        assert!(row.device_performance_score.is_none_or(|score| score >= 0.0), "{row:?}");
        assert!((CPM_EUR_MIN..=20.0).contains(&row.cpm), "{row:?}");
        missing[0] += u32::from(row.user_engagement_score.is_none());
        missing[1] += u32::from(row.device_performance_score.is_none());
        missing[2] += u32::from(row.historical_ctr_avg.is_none());
    }
    assert!(missing.iter().all(|count| (2_500..=5_000).contains(count)), "5 to 10 %: {missing:?}");
}

#[test]
fn shares_sum_to_one() {
    for shares in [&COUNTRY_SHARES[..], &FORMAT_SHARES, &INVENTORY_SHARES] {
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    }
}
