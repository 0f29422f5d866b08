//! Queries, whatever their text: no panic, no deep stack, an answer soon.
#![allow(clippy::disallowed_methods, reason = "it measures how long planning takes")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use vencejo_sql::{explain, plan};

const STREAMS: &str = "CREATE TABLE s (k STRING NOT NULL, a INT, b DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) PARTITIONED BY (k);
CREATE TABLE t (k STRING, a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) PARTITIONED BY (k);
CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;\n";

/// Plans on a stack of the size that Rust gives a thread, and demands an end.
fn check(text: &str) -> bool {
    let text = text.to_string();
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let thread = small.spawn(move || {
        let begun = Instant::now();
        let planned = plan("test", &text, &mut |_: &str| Err("none".to_string()));
        match &planned {
            Ok(app) => {
                assert!(!explain(app).is_empty());
                check_flow(app);
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                errors.iter().for_each(|error| assert!(!error.render("app.sql", &text).is_empty()));
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", text.len(), begun.elapsed());
        planned.is_ok()
    });
    thread.expect("a thread").join().expect("no panic")
}

/// What the core relies on: edges lead forward, into ports that count them.
fn check_flow(app: &vencejo_core::plan::App) {
    let flow = &app.flow;
    let mut inputs: Vec<Vec<usize>> = flow.nodes.iter().map(|node| vec![0; node.inputs.len()]).collect();
    flow.inputs.iter().flatten().for_each(|edge| inputs[edge.node][edge.port] += 1);
    for (index, node) in flow.nodes.iter().enumerate() {
        if let vencejo_core::plan::flow::Operator::Rules(spec) = &node.operator {
            assert_eq!(node.outputs.len(), spec.rules.len());
            spec.rules.iter().for_each(|rule| rule.check().expect("the planner has checked the rule"));
        }
        for edge in &node.outputs {
            assert!(edge.node > index);
            inputs[edge.node][edge.port] += 1;
        }
    }
    for (node, counted) in flow.nodes.iter().zip(&inputs) {
        assert_eq!(&node.inputs, counted, "{}", node.name);
    }
}

const QUERIES: &str = "CREATE VIEW w AS SELECT k, window_start, window_end, window_time, SUM(a) AS x FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '5' MINUTES)) WHERE b > 1 GROUP BY k, window_start, window_end, window_time;
SELECT window_end, GREATEST(MAX(x), 1) FROM TABLE(HOP(TABLE w, DESCRIPTOR(window_time), INTERVAL '10' MINUTES, INTERVAL '1:00' HOUR TO MINUTE)) GROUP BY window_start, window_end, CUBE (k) HAVING MAX(x) > 3;
WITH r AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY x DESC NULLS LAST) AS n FROM w) SELECT * FROM r WHERE n <= 3;
SELECT s.k, t.a FROM s LEFT JOIN t ON s.k = t.k AND t.ts BETWEEN s.ts AND s.ts + INTERVAL '20' SECOND LEFT JOIN v FOR SYSTEM_TIME AS OF s.ts ON v.k = s.k WHERE v.n > 1;
SELECT k, SUM(a) OVER o AS x FROM s WINDOW o AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW);
SELECT * FROM TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '5' MINUTES) l WHERE l.a NOT IN (SELECT COALESCE(a, 0) FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTES) r WHERE l.window_start = r.window_start AND l.window_end = r.window_end);
CREATE RULE u WITH ('severity' = 'info', 'cooldown' = '5 s') AS SELECT k, x FROM (SELECT k, ts, a FROM s WHERE b > 1) MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.a AS x, SUM(S.a) AS y PATTERN (A B{2,3}? (C | D)* NOT E) WITHIN INTERVAL '5' SECOND SUBSET S = (A, B) DEFINE B AS B.a > PREV(LAST(A.a), 1) AND a < 9, C AS COUNT(C.*) < 3) WHERE x > 1;
SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts, a DESC MEASURES FINAL LAST(a) AS l, CLASSIFIER() AS c, MATCH_ROWTIME() AS r ALL ROWS PER MATCH SHOW TIMEOUT MATCHES AFTER MATCH SKIP TO LAST B PATTERN (PERMUTE(A, B+) {- C -}) WITHIN INTERVAL '1' HOUR DEFINE A AS a IN (1, 2)) AS m;
";

#[test]
fn a_text_cut_anywhere_is_an_error_or_a_plan() {
    for cut in (0..QUERIES.len()).filter(|&cut| QUERIES.is_char_boundary(cut)) {
        let text = format!("{STREAMS}{}", &QUERIES[..cut]);
        // One thread for all would do, but a deep stack must not hide behind a big one.
        if cut % 16 == 0 {
            check(&text);
        }
        let planned = plan("test", &text, &mut |_: &str| Err("none".to_string()));
        planned.iter().for_each(check_flow);
        let tail = format!("{STREAMS}{}", &QUERIES[cut..]);
        let planned = plan("test", &tail, &mut |_: &str| Err("none".to_string()));
        planned.iter().for_each(check_flow);
    }
}

#[test]
fn nesting_up_to_the_limit_plans_and_beyond_is_an_error() {
    for (depth, planned) in [(1, true), (20, true), (60, true), (65, false), (5_000, false)] {
        let nested = |open: &str, inner: &str, close: &str| {
            format!("{STREAMS}SELECT * FROM {}{inner}{};", open.repeat(depth), close.repeat(depth))
        };
        assert_eq!(check(&nested("(SELECT * FROM ", "s", ")")), planned, "{depth}");
        check(&nested("(SELECT *, a + 1 AS a FROM ", "s", " WHERE a > 1)"));
        check(&nested("(SELECT k, ts, COUNT(*) OVER (PARTITION BY k ORDER BY ts) AS a FROM ", "s", ")"));
        check(&nested("(SELECT * FROM s UNION ALL SELECT * FROM ", "s", ")"));
        check(&nested("(WITH x AS (SELECT * FROM ", "s", ") SELECT * FROM x)"));
        check(&nested("(SELECT DISTINCT k FROM ", "s", ")"));
        let matches = ") MATCH_RECOGNIZE (ORDER BY ts MEASURES MATCH_ROWTIME() AS ts, A.k AS k PATTERN (A))";
        let planned = check(&nested("(SELECT * FROM ", "s", matches));
        assert_eq!(planned, depth < 65, "{depth}");
        let pattern = |pattern: String| {
            format!(
                "{STREAMS}SELECT * FROM s MATCH_RECOGNIZE (ORDER BY ts MEASURES A.k AS k PATTERN ({pattern}));"
            )
        };
        check(&pattern(format!("{}A{}", "(".repeat(depth), ")+".repeat(depth))));
        check(&pattern(format!("{}A{}", "{- (B | ".repeat(depth), ")* -}".repeat(depth))));
        check(&pattern(format!("{}A{}", "PERMUTE(B, ".repeat(depth), ")".repeat(depth))));
        let window = "(SELECT window_time AS ts, SUM(a) AS a FROM TABLE(TUMBLE(TABLE ";
        let group = ", DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, window_time)";
        check(&nested(window, "s", group));
        let exists = "SELECT * FROM s WHERE EXISTS (".repeat(depth);
        check(&format!("{STREAMS}{exists}SELECT * FROM s{};", ")".repeat(depth)));
        let sums = format!("{STREAMS}SELECT {}a{} FROM s;", "SUM(".repeat(depth), ")".repeat(depth));
        check(&sums);
        let rows = format!(
            "{STREAMS}SELECT {}a{} AS x FROM s;",
            "SUM(".repeat(depth),
            " ) OVER (ORDER BY ts)".repeat(depth)
        );
        check(&rows);
    }
}

#[test]
fn many_of_everything_ends() {
    let many = |count: usize, part: &dyn Fn(usize) -> String, between: &str| {
        (0..count).map(part).collect::<Vec<_>>().join(between)
    };
    let columns = many(10_000, &|n| format!("c{n} INT"), ", ");
    check(&format!("CREATE TABLE w (ts TIMESTAMP(3), {columns}, WATERMARK FOR ts AS ts); SELECT * FROM w;"));
    let items = many(10_000, &|n| format!("a + {n} AS x{n}"), ", ");
    check(&format!("{STREAMS}SELECT {items} FROM s;"));
    let sums = many(10_000, &|n| format!("SUM(a + {n}) AS x{n}"), ", ");
    check(&format!("{STREAMS}SELECT {sums} FROM s;"));
    let overs = many(3_000, &|n| format!("SUM(a) OVER (PARTITION BY a + {n} ORDER BY ts) AS x{n}"), ", ");
    check(&format!("{STREAMS}SELECT {overs} FROM s;"));
    let sets = many(5_000, &|n| format!("(a + {n})"), ", ");
    check(&format!("{STREAMS}SELECT COUNT(*) AS n FROM s GROUP BY GROUPING SETS ({sets});"));
    check(&format!("{STREAMS}SELECT COUNT(*) AS n FROM s GROUP BY CUBE ({sets});"));
    check(&format!("{STREAMS}SELECT COUNT(*) AS n FROM s GROUP BY ROLLUP ({sets});"));
    let cubes = many(3_000, &|_| "CUBE (a, k)".to_string(), ", ");
    check(&format!("{STREAMS}SELECT COUNT(*) AS n FROM s GROUP BY {cubes};"));
    let union = many(10_000, &|_| "SELECT k FROM s".to_string(), " UNION ALL ");
    check(&format!("{STREAMS}{union};"));
    let joins = many(3_000, &|n| format!("JOIN t AS t{n} ON t{n}.k = s.k AND t{n}.ts = s.ts"), " ");
    check(&format!("{STREAMS}SELECT s.k FROM s {joins};"));
    let on = many(5_000, &|n| format!("s.k = t.k AND s.a + {n} = t.a"), " AND ");
    check(&format!("{STREAMS}SELECT s.k FROM s JOIN t ON s.ts = t.ts AND {on};"));
    let queries = many(6_000, &|_| "SELECT k FROM s WHERE a > 1".to_string(), ";");
    check(&format!("{STREAMS}{queries};"));
    let rule = |n: usize| {
        format!(
            "CREATE RULE r{n} AS SELECT * FROM s MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.a AS x \
             PATTERN (A B) DEFINE A AS a > {n}, B AS B.a > A.a AND b < {n})"
        )
    };
    check(&format!("{STREAMS}{};", many(500, &rule, ";")));
    let matched = |measures: &str, pattern: &str, define: &str| {
        format!(
            "{STREAMS}SELECT * FROM s MATCH_RECOGNIZE (ORDER BY ts MEASURES {measures} PATTERN ({pattern}) DEFINE {define});"
        )
    };
    let measures = many(3_000, &|n| format!("LAST(A.a, {}) AS x{n}", n % 256), ", ");
    check(&matched(&measures, "A", "A AS a > 1"));
    let sums = many(3_000, &|n| format!("SUM(A.a + {n}) AS x{n}"), ", ");
    check(&matched(&sums, "A", "A AS a > 1"));
    let pattern = many(3_000, &|n| format!("A{n}"), " | ");
    check(&matched("A1.a AS x", &pattern, "A1 AS a > 1"));
    let pattern = many(3_000, &|_| "A{1000}".to_string(), " ");
    check(&matched("A.a AS x", &pattern, "A AS a > 1"));
    let permuted = many(60, &|n| format!("A{n}"), ", ");
    check(&matched("A1.a AS x", &format!("PERMUTE({permuted})"), "A1 AS a > 1"));
    let conditions = many(5_000, &|n| format!("a <> {n}"), " AND ");
    check(&matched("A.a AS x", "A", &format!("A AS {conditions}")));
    let windows = many(3_000, &|n| format!("w{n} AS (ORDER BY ts)"), ", ");
    check(&format!("{STREAMS}SELECT COUNT(*) OVER w9 AS n FROM s WINDOW {windows};"));
}

#[test]
fn views_of_views_do_not_multiply() {
    let mut text = format!("{STREAMS}CREATE VIEW v0 AS SELECT k, a, ts FROM s;\n");
    for n in 1..200 {
        let before = n - 1;
        let _: std::fmt::Result = writeln!(
            text,
            "CREATE VIEW v{n} AS SELECT x.k, x.a + y.a AS a, x.ts FROM v{before} x JOIN v{before} y ON x.k = y.k AND x.ts = y.ts;"
        );
    }
    assert!(check(&format!("{text}SELECT * FROM v30;")));
    check(&format!("{text}SELECT * FROM v199;"));
    let mut text = format!("{STREAMS}CREATE VIEW v0 AS SELECT k, a, ts FROM s;\n");
    for n in 1..100 {
        let before = n - 1;
        let _: std::fmt::Result =
            writeln!(text, "CREATE VIEW v{n} AS SELECT * FROM v{before} UNION ALL SELECT * FROM v{before};");
    }
    assert!(!check(&format!("{text}SELECT * FROM v99;")));
}

/// What queries are made of, and what they are not.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "UNION ALL", "WITH x AS (", "AS", "JOIN", "LEFT JOIN", "FULL JOIN", "ON", ",",
    "TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '5' MINUTES))", "TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' MINUTES))",
    "TABLE(", "HOP(", "CUMULATE(", "TABLE s", "DESCRIPTOR(ts)", "INTERVAL '1' MINUTE", "=>", "SIZE", "window_start", "window_end",
    "window_start, window_end", "window_time", "ROW_NUMBER()", "OVER (", "OVER w", "PARTITION BY", "ORDER BY", "ts", "DESC",
    "ROWS BETWEEN 3 PRECEDING AND CURRENT ROW", "RANGE", "WINDOW w AS (ORDER BY ts)", "COUNT(*)", "SUM(a)", "AVG(", "DISTINCT",
    "FILTER (WHERE", "FIRST_VALUE(k)", "GROUPING SETS (", "ROLLUP (", "CUBE (a, k)", "IN (", "EXISTS (", "NOT", "s", "t", "v", "k",
    "a", "b", "n", "s.k = t.k", "s.ts = t.ts", "*", "s.*", "1", "2.5", "'x'", "(", ")", ";", "AND", "OR", "<=", "=", "+", "-", "BETWEEN",
    "MATCH_RECOGNIZE (", "MEASURES", "PATTERN (", "DEFINE", "A", "B", "A.a", "A+", "B*?", "{2,", "}", "{-", "-}", "|", "PERMUTE(", "NOT A",
    "WITHIN INTERVAL '5' SECOND", "SUBSET S = (A, B)", "AFTER MATCH SKIP TO", "LAST", "FIRST(", "PREV(", "FINAL", "CLASSIFIER()",
    "MATCH_ROWTIME()", "ALL ROWS PER MATCH", "SHOW TIMEOUT MATCHES", "COUNT(A.*)", "CREATE RULE r AS",
    "s MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.a AS x PATTERN (A B+) DEFINE B AS B.a > A.a)",
    "CREATE VIEW x AS", "CREATE MATERIALIZED VIEW y AS", "INSERT INTO z", "FOR SYSTEM_TIME AS OF", "NULL", "CASE WHEN", "THEN", "END",
];

/// Where the queries are cut, how, and what is put there.
fn damages() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, &'static str)>> {
    let piece = proptest::sample::select(PIECES);
    proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..3, piece), 1..4)
}

fn config(least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(least), ..config }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn arbitrary_pieces(list in proptest::collection::vec(proptest::sample::select(PIECES), 0..80)) {
        let text = list.join(" ");
        check(&format!("{STREAMS}{text};"));
        check(&format!("{STREAMS}SELECT {text} FROM s;"));
        check(&format!("{STREAMS}SELECT k, a FROM s {text};"));
    }

    #[test]
    fn damaged_queries(
        cuts in damages()
    ) {
        let mut text: Vec<char> = QUERIES.chars().collect();
        for (at, kind, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + piece.len()).min(text.len());
            match kind {
                0 => { text.drain(at..end); }
                1 => { text.splice(at..at, format!(" {piece} ").chars()); }
                _ => { text.splice(at..end, format!(" {piece} ").chars()); }
            }
        }
        check(&format!("{STREAMS}{}", text.into_iter().collect::<String>()));
    }
}
