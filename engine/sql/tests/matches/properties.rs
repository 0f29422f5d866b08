//! What must not matter: the order of arrival within the watermark's delay, whether a rule takes rows as they
//! arrive when they arrive in order, and which other rules read the same rows.

use proptest::prelude::*;

use crate::run::Run;

const CONDITIONS: [(&str, &str); 4] =
    [("A", "e = 'A'"), ("B", "x > 2"), ("C", "x > PREV(x) AND e <> 'A'"), ("D", "COUNT(D.*) < 3")];
const MEASURES: &str =
    "MEASURES MATCH_NUMBER() AS m, COUNT(*) AS n, FIRST(x) AS f, LAST(ts) AS l, CLASSIFIER() AS c";

/// A pattern that takes at least one row.
fn pattern() -> impl Strategy<Value = String> {
    let variable = proptest::sample::select(vec!["A", "B", "C", "D"]).prop_map(str::to_string);
    let inner = variable.prop_recursive(3, 10, 3, |part| {
        let quantifier =
            proptest::sample::select(vec!["+", "*", "?", "{2}", "{1,2}", "+?", "*?", "??", "{1,3}?"]);
        prop_oneof![
            (part.clone(), quantifier).prop_map(|(part, quantifier)| format!("({part}){quantifier}")),
            proptest::collection::vec(part.clone(), 2..4).prop_map(|list| list.join(" ")),
            proptest::collection::vec(part.clone(), 2..3).prop_map(|list| format!("({})", list.join(" | "))),
            proptest::collection::vec(part.clone(), 2..3)
                .prop_map(|list| format!("PERMUTE({})", list.join(", "))),
            part.clone().prop_map(|part| format!("{{- {part} -}}")),
            (part, "[ABC]").prop_map(|(part, absent)| format!("A NOT {absent} ({part} D)")),
        ]
    });
    (proptest::sample::select(vec!["A", "B", "D"]), inner).prop_map(|(first, rest)| format!("{first} {rest}"))
}

fn clause() -> impl Strategy<Value = String> {
    let skip = proptest::sample::select(vec!["PAST LAST ROW", "TO NEXT ROW"]);
    let within = proptest::sample::select(vec!["", "WITHIN INTERVAL '3' SECOND"]);
    (pattern(), skip, within).prop_map(|(pattern, skip, within)| {
        let names: Vec<&str> = pattern.split(|c: char| !c.is_ascii_alphabetic()).collect();
        let used = CONDITIONS.iter().filter(|(name, _)| names.contains(name));
        let define: Vec<String> = used.map(|(name, condition)| format!("{name} AS {condition}")).collect();
        format!(
            "MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts {MEASURES} AFTER MATCH SKIP {skip} PATTERN ({pattern}) \
             {within} DEFINE {})",
            define.join(", ")
        )
    })
}

/// Events of two keys, half a second apart.
fn events() -> impl Strategy<Value = Vec<String>> {
    let event = ("[ab]", "[ABQ]", 0..5_i64);
    proptest::collection::vec(event, 1..24).prop_map(|list| {
        let events = list.iter().enumerate();
        events.map(|(n, (key, e, x))| format!("{key} {}.{}{e}:{x}", n / 2, n % 2 * 5)).collect()
    })
}

/// The rows that an app gives, without the events that brought them, sorted.
fn rows(sql: &str, events: &str) -> Vec<String> {
    let mut run = Run::new(sql).unwrap_or_else(|errors| panic!("{errors}"));
    run.all(events);
    let without_place = |row: &String| row.split_once(' ').map(|(_, row)| row.to_string());
    let mut rows: Vec<String> = run.rows.iter().filter_map(without_place).collect();
    rows.sort();
    rows
}

/// An alert's row without its events.
fn without_events(rows: Vec<String>) -> Vec<String> {
    let cut = |row: String| row.split_once(" [").map_or(row.clone(), |(row, _)| row.to_string());
    rows.into_iter().map(cut).collect()
}

/// A case plans and runs several apps.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.div_ceil(4), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_arrival_within_the_delay_does_not_matter(
        clause in clause(), events in events(), keys in proptest::collection::vec(0..3_usize, 24)
    ) {
        let sql = format!("SELECT * FROM d {clause};");
        // Nothing moves by more than a second and a half.
        let mut shuffled: Vec<(usize, &String)> =
            events.iter().enumerate().map(|(n, event)| (n + keys[n], event)).collect();
        shuffled.sort_by_key(|&(place, _)| place);
        let shuffled: Vec<&str> = shuffled.iter().map(|(_, event)| event.as_str()).collect();
        prop_assert_eq!(
            rows(&sql, &format!("d {}", shuffled.join(" "))),
            rows(&sql, &format!("d {}", events.join(" ")))
        );
    }

    #[test]
    fn rows_that_arrive_in_order_are_matched_the_same_at_once(clause in clause(), events in events()) {
        let events = events.join(" ");
        let alerts = rows(&format!("CREATE RULE r AS SELECT * FROM t {clause};"), &events);
        prop_assert_eq!(without_events(alerts), rows(&format!("SELECT * FROM t {clause};"), &events));
    }

    #[test]
    fn other_rules_over_the_same_rows_do_not_matter(
        clauses in proptest::collection::vec(clause(), 2..5), events in events()
    ) {
        let events = events.join(" ");
        let rule = |n: usize, clause: &String| {
            format!("CREATE RULE r{n} AS SELECT {n} AS rule, * FROM (SELECT k, ts, e, x FROM t WHERE x <> {n}) {clause};\n")
        };
        let rules: Vec<String> = clauses.iter().enumerate().map(|(n, clause)| rule(n, clause)).collect();
        let mut alone: Vec<String> = rules.iter().flat_map(|rule| rows(rule, &events)).collect();
        alone.sort();
        prop_assert_eq!(rows(&rules.concat(), &events), alone);
    }
}
