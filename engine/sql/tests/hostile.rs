//! Whatever the text: no panic, no deep stack, an answer soon.
#![allow(clippy::disallowed_methods, reason = "it measures how long planning takes")]

mod apps;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use vencejo_sql::plan;

/// Plans on a stack of the size that Rust gives a thread, and demands an end.
fn check(text: &str) -> bool {
    let text = text.to_string();
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let thread = small.spawn(move || {
        let begun = Instant::now();
        let mut load = |_: &str| Ok(apps::model(&apps::ADS_INPUTS));
        let planned = plan("test", &text, &mut load);
        if let Err(errors) = &planned {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.line >= 1 && error.column >= 1 && error.line <= text.split('\n').count());
                assert!(!error.render("app.sql", &text).is_empty());
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", text.len(), begun.elapsed());
        planned.is_ok()
    });
    thread.expect("a thread").join().expect("no panic")
}

/// As long as the texts of many parts are; the longest that is read is four times as long, and takes four
/// times as long.
const TEXT_BYTES: usize = 250_000;

const STREAM: &str = "CREATE TABLE s (k STRING NOT NULL, a INT, t STRING, f BOOLEAN) PARTITIONED BY (k);\n";

fn decision(expression: &str) -> String {
    format!("{STREAM}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT {expression} AS x FROM s;")
}

#[test]
fn nesting_up_to_the_limit_plans_and_beyond_is_an_error() {
    let nests = [
        ("(", "a", ")"),
        ("- (", "a", ")"),
        ("NOT ", "f", ""),
        ("CASE WHEN f THEN ", "a", " END"),
        ("CASE a WHEN ", "a", " THEN 1 END"),
        ("COALESCE(1, ", "a", ")"),
        ("ABS(", "a", ")"),
        ("CAST(", "a", " AS INT)"),
        ("TRIM(BOTH FROM ", "t", ")"),
        ("IF(t LIKE t, ", "a", ", 1)"),
        ("LEFT(", "t", ", 1)"),
        ("a + (2 * (", "a", "))"),
        ("1 IN (", "a", ")"),
        ("f OR f AND NOT (a = 1 + 2 * (", "a", ") )"),
    ];
    for (open, middle, close) in nests {
        for depth in [10, 20, 30] {
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            let planned = check(&decision(&text));
            assert!(planned || open.contains(['=', 'N']), "{text}");
        }
        for depth in [65, 1_000, 10_000] {
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            assert!(!check(&decision(&text)), "{open} {depth}");
            assert!(!check(&decision(&open.repeat(depth))), "{open} {depth}");
        }
    }
}

#[test]
fn subqueries_up_to_the_limit_plan_and_beyond_is_an_error() {
    for (depth, planned) in [(1, true), (60, true), (65, false), (20_000, false)] {
        let text = format!("{}s{}", "(SELECT * FROM ".repeat(depth), ")".repeat(depth));
        let text =
            format!("{STREAM}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT a FROM {text};");
        assert_eq!(check(&text), planned, "{depth}");
    }
}

#[test]
fn every_level_may_do_its_deepest() {
    // Each subquery puts a deep expression upon the last one's.
    let mut query = "s".to_string();
    for _ in 0..60 {
        let nested = format!("{}a{}", "CASE WHEN f THEN -(".repeat(20), ") END".repeat(20));
        query = format!("(SELECT {nested} AS a, f FROM {query})");
    }
    let text = format!("{STREAM}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT a FROM {query};");
    assert!(!check(&text));
}

#[test]
fn long_chains_are_not_deep() {
    let planned = |expression: String| check(&decision(&expression));
    assert!(planned(format!("f{}", " AND f OR f".repeat(20_000))));
    assert!(planned(format!("t{}", " || 'x'".repeat(100))));
    assert!(planned(format!("a{}", " + 1".repeat(200))));
    assert!(!planned(format!("a{}", " + 1".repeat(30_000))));
    assert!(!planned(format!("t{}", " || 'x'".repeat(30_000))));
    assert!(!planned(format!("a{}", " = a".repeat(30_000))));
    assert!(!planned(format!("f{}", " IS NULL".repeat(30_000))));
    assert!(!planned("- ".repeat(60_000)));
    assert!(!planned("a.".repeat(60_000)));
}

#[test]
fn stars_do_not_multiply() {
    let mut query = "s".to_string();
    for _ in 0..60 {
        query = format!("(SELECT *, *, *, * FROM {query})");
    }
    let text = format!("{STREAM}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT a FROM {query};");
    assert!(!check(&text));
}

#[test]
fn much_of_everything_ends() {
    let many = |part: &dyn Fn(usize) -> String, separator: &str| {
        let mut text = String::new();
        for n in 0.. {
            let part = part(n);
            if text.len() + part.len() + separator.len() > TEXT_BYTES {
                break;
            }
            text.push_str(&part);
            text.push_str(separator);
        }
        text
    };
    check(&many(&|n| format!("CREATE TABLE t{n} (a INT, b STRING) PARTITIONED BY (b)"), ";\n"));
    check(&many(&|n| format!("CREATE TABLE t{n} (a INT, b STRING) PARTITIONED BY (c)"), ";\n"));
    check(&many(&|n| format!("DROP TABLE t{n}"), ";"));
    check(&format!("CREATE TABLE t ({});", many(&|n| format!("column_{n:060} INT"), ",")));
    check(&format!("CREATE TABLE t (a INT) PARTITIONED BY ({});", many(&|n| format!("b{n}"), ",")));
    check(&format!("CREATE TABLE t (a INT) WITH ({});", many(&|n| format!("'k{n}'='v'"), ",")));
    check(&decision(&format!("COALESCE({}a)", many(&|n| format!("a + {n}"), ","))));
    check(&decision(&format!("a IN ({}a)", many(&|n| n.to_string(), ","))));
    check(&decision(&format!("CASE {} END", many(&|n| format!("WHEN a = {n} THEN {n}"), " "))));
    check(&decision(&format!("{} a", many(&|n| format!("unknown_column_{n}"), ","))));
    let view = "CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;";
    let joins = many(&|n| format!("LEFT JOIN v AS v{n} ON v{n}.k = s.k"), " ");
    check(&format!(
        "{STREAM}{view}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT a FROM s {joins};"
    ));
    let union = many(&|_| "SELECT k FROM s".to_string(), " UNION ALL ");
    check(&format!(
        "{STREAM}CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n FROM ({union} SELECT k FROM s) GROUP BY k;"
    ));
    let decisions = many(
        &|n| format!("CREATE DECISION d{n} ON s WITH ('deadline' = '1 s') AS SELECT *, a + {n} AS x FROM s"),
        ";",
    );
    check(&format!("{STREAM}{decisions}"));
    check(&"'".repeat(TEXT_BYTES));
    check(&"\"".repeat(TEXT_BYTES));
    check(&"/*".repeat(TEXT_BYTES / 2));
    check(&"$".repeat(TEXT_BYTES));
    check(&"$a".repeat(TEXT_BYTES / 2));
    check(&"(".repeat(TEXT_BYTES));
    check(&";".repeat(TEXT_BYTES));
    check(&"CREATE ".repeat(TEXT_BYTES / 7));
}

/// What the planner knows, and what it does not.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "CREATE", "TABLE", "MATERIALIZED", "VIEW", "MODEL", "DECISION", "SELECT", "FROM", "WHERE", "GROUP BY",
    "AS", "ON", "WITH", "LEFT JOIN", "UNION ALL", "FALLBACK", "INPUT", "OUTPUT", "PARTITIONED BY",
    "WATERMARK FOR", "INTERVAL", "CASE", "WHEN", "THEN", "ELSE", "END", "AND", "OR", "NOT", "IS NULL",
    "IN", "BETWEEN", "CAST", "COUNT(*)", "PREDICT", "s", "k", "a", "v", "t", "m", "x", "code", "INT",
    "STRING", "DOUBLE", "TIMESTAMP(3)", "'10 ms'", "'deadline'", "'path'", "'5'", "SECOND", "1", "2.5",
    "(", ")", ",", ";", "*", ".", "+", "-", "=", "<", "||", "\"", "'", "`", "--", "/*", "*/", "\n", "ñ",
    "🐦", "NULL", "TRUE", "DATE", "$", "::", "[", "]", "{", "}", "\\",
];

/// Texts of pieces that mean something to the planner.
fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..120).prop_map(|list| list.join(" "))
}

/// Where an app is cut, how much is lost there, and what is put in its place.
fn damages() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, String)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..4, pieces()), 1..5)
}

fn config(least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(least), ..config }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        check(&text);
        check(&format!("{STREAM}CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT {text} FROM s;"));
    }

    #[test]
    fn arbitrary_pieces(text in pieces()) {
        check(&text);
        check(&format!("{STREAM}{text}"));
        check(&decision(&text));
    }

    #[test]
    fn a_damaged_app(cuts in damages()) {
        let mut text: Vec<char> = apps::ads().chars().collect();
        for (at, kind, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + piece.len()).min(text.len());
            match kind {
                0 => { text.drain(at..end); }
                1 => { text.splice(at..at, piece.chars().take(12)); }
                2 => text[at..end].reverse(),
                _ => { let part = text[at..end].to_vec(); text.splice(at..at, part); }
            }
        }
        check(&text.into_iter().collect::<String>());
    }
}
