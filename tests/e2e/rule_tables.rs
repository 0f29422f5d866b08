//! `vencejo rule test`: the tables beside the apps, and tables that are wrong.

use std::process::Output;

use tempfile::TempDir;

use crate::support::{json_lines, stderr, vencejo};

const APP: &str = "
CREATE TABLE t (k STRING NOT NULL, ts TIMESTAMP(3) NOT NULL, x DECIMAL(6, 2), WATERMARK FOR ts AS ts) PARTITIONED BY (k);
CREATE RULE big AS SELECT k, at, x FROM t MATCH_RECOGNIZE (
    PARTITION BY k ORDER BY ts MEASURES A.ts AS at, A.x AS x PATTERN (A) DEFINE A AS x > 10);
CREATE RULE pair AS SELECT k FROM t MATCH_RECOGNIZE (
    PARTITION BY k ORDER BY ts MEASURES A.x AS x PATTERN (A A) DEFINE A AS x = 7);
";

const TEST: &str = "
[[test]]
name = \"two of three\"
[test.events]
t = \"\"\"
k, ts, x
a, 1000, 11
b, 2000, 9
c, 3000, 12.5
\"\"\"
[test.alerts]
big = \"\"\"
k, at,   x
a, 1000, 11.00
c, 1970-01-01T00:00:03Z, 12.5
\"\"\"
";

/// The command over an app with this table beside it.
fn test(table: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("app.sql"), APP).unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    std::fs::write(folder.path().join("tests/table.toml"), table).unwrap();
    vencejo().args(["rule", "test"]).arg(folder.path()).args(arguments).output().unwrap()
}

#[test]
fn the_tables_beside_the_apps_hold() {
    for app in ["apps/ads", "apps/fleet", "apps/shop"] {
        let output = vencejo().args(["rule", "test", app]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        assert!(said.lines().count() >= 5 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    }
}

#[test]
fn what_differs_is_shown_row_by_row() {
    let output = test(TEST, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok     table.toml: two of three\n");

    let wrong = TEST.replace("b, 2000, 9", "b, 2000, 99").replace("c, 3000, 12.5", "c, 3000, 7\nc, 4000, 7");
    let output = test(&wrong, &[]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "FAILED table.toml: two of three\n  big (k, at, x)\n    a, 1970-01-01T00:00:01.000, 11.00\n  \
        - c, 1970-01-01T00:00:03.000, 12.50\n  + b, 1970-01-01T00:00:02.000, 99.00\n  pair (k)\n  + c\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(stderr(&output), "vencejo: 1 of 1 tests failed\n");

    let json = &json_lines(&test(&wrong, &["--json"]).stdout)[0];
    assert_eq!((&json["test"], &json["passed"]), (&"two of three".into(), &false.into()));
    assert_eq!(json["differences"][1]["unexpected"][0], "c");
}

#[test]
fn a_table_that_cannot_be_used_says_why() {
    for (from, to, expected) in [
        ("big = ", "bag = ", "no rule 'bag'; there are: big, pair; did you mean 'big'?"),
        ("k, at,", "k, ta,", "alerts of big: no column 'ta'; there are: k, at, x"),
        ("12.5\n\"\"\"\n[", "12.5\n\"\"\"\nu = \"a\"\n[", "no stream 'u'"),
        ("k, ts, x", "k, ts, y", "events of t: no column 'y'"),
        ("b, 2000, 9", "b, 2000, nine", "events of t line 3: column 'x': 'nine' is no DECIMAL(6,2)"),
        ("b, 2000, 9", "b, 2000", "a table is no CSV"),
        ("11.00", "eleven", "column 'x': 'eleven' is no DECIMAL(6,2)"),
        ("name = ", "nome = ", "unknown field `nome`"),
        ("[[test]]", "[[test]", "table.toml: TOML parse error"),
    ] {
        let table = TEST.replacen(from, to, 1);
        assert_ne!(table, TEST, "{from}");
        let output = test(&table, &[]);
        assert_eq!(output.status.code(), Some(if expected.starts_with("no stream") { 1 } else { 5 }), "{to}");
        assert!(stderr(&output).contains(expected), "{to}: {}", stderr(&output));
    }
    assert!(stderr(&test(TEST, &["--only", "nothing"])).contains("no test has a name with 'nothing' in it"));
    let none = vencejo().args(["rule", "test", "tests/retail"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("tests/retail/tests cannot be read"), "{}", stderr(&none));
}
