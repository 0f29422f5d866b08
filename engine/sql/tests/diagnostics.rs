//! Errors: where they point, what they say.

mod apps;

use vencejo_sql::plan;

/// What every case finds declared, in one line.
const PRELUDE: &str = "
    CREATE TABLE s (k STRING NOT NULL, a INT, b DOUBLE, t STRING, ts TIMESTAMP(3), flag BOOLEAN) PARTITIONED BY (k);
    CREATE TABLE other (k STRING NOT NULL, a INT) PARTITIONED BY (k);
    CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
    CREATE MODEL ab INPUT (a DOUBLE, b DOUBLE) OUTPUT (p DOUBLE) WITH ('path' = 'ab.json');";

fn load(path: &str) -> Result<Vec<u8>, String> {
    match path {
        "ab.json" => Ok(apps::model(&["a", "b"])),
        "tiers.csv" => Ok(b"country,tier,name\nUS,1,United States\nES,2,\"Spain, Espa\xc3\xb1a\"\n".to_vec()),
        "abc.json" => Ok(apps::model(&["a", "b", "c"])),
        "garbage" => Ok(b"garbage".to_vec()),
        _ => Err("not found".to_string()),
    }
}

/// The errors of a text behind the prelude, a line each.
fn errors(case: &str) -> String {
    let text = format!("{}\n{case}", PRELUDE.replace('\n', " "));
    let Err(errors) = plan("test", &text, &mut load) else { return String::new() };
    let mut lines = String::new();
    for error in errors {
        let hint = error.hint.map_or(String::new(), |hint| format!(" | {hint}"));
        lines.push_str(&format!("  {}:{} {}{hint}\n", error.line - 1, error.column, error.message));
    }
    lines
}

#[test]
fn every_case_of_the_table() {
    let mut case = String::new();
    let mut expected = String::new();
    let mut wrong = String::new();
    let mut check = |case: &mut String, expected: &mut String| {
        let found = errors(case);
        if !case.is_empty() && found != *expected {
            wrong.push_str(&format!("{case}expected\n{expected}found\n{found}\n"));
        }
        case.clear();
        expected.clear();
    };
    for line in include_str!("../testdata/diagnostics.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with("  ") {
            expected.push_str(&format!("{line}\n"));
        } else if !line.is_empty() {
            if !expected.is_empty() {
                check(&mut case, &mut expected);
            }
            case.push_str(&format!("{line}\n"));
        }
    }
    check(&mut case, &mut expected);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_app_without_statements_is_an_error() {
    for text in ["", "  -- nothing\n", ";;", "/* nothing */ ;"] {
        let errors = plan("test", text, &mut load).unwrap_err();
        assert_eq!((errors[0].line, errors[0].message.as_str()), (1, "the app declares nothing"), "{text:?}");
    }
}

#[test]
fn a_text_over_the_limit_is_not_read() {
    let errors = plan("test", &" ".repeat((1 << 20) + 1), &mut load).unwrap_err();
    assert_eq!(errors[0].message, "app.sql has 1048577 bytes; at most 1048576 are taken");
}

#[test]
fn the_errors_have_an_end() {
    let columns: Vec<String> = (0..1_000).map(|n| format!("unknown_{n} AS c{n}")).collect();
    let case =
        format!("CREATE DECISION d ON s WITH ('deadline' = '1 s') AS SELECT {} FROM s;", columns.join(", "));
    assert_eq!(errors(&case).lines().count(), 100);
}

#[test]
fn the_caret_stands_under_the_character() {
    let text = "CREATE TABLE t (\r\n\tname STRING, größe ÜINT\r\n);";
    let errors = plan("test", text, &mut load).unwrap_err();
    assert_eq!(
        errors[0].render("apps/t/app.sql", text),
        "apps/t/app.sql:2:21: unknown type ÜINT\n   2 | \tname STRING, größe ÜINT\n     | \t                   ^\n     \
         = did you mean 'INT'?\n"
    );
    let text = "CREATE TABLE t (a INT, x INTT);".to_string();
    let long = format!("CREATE TABLE t (/*{}*/ x INTT);", " ".repeat(400));
    for text in [text, long] {
        let errors = plan("test", &text, &mut load).unwrap_err();
        let rendered = errors[0].render("app.sql", &text);
        let lines: Vec<&str> = rendered.lines().collect();
        let caret = lines[2].chars().count() - 1;
        assert_eq!(lines[1].chars().skip(caret).take(4).collect::<String>(), "INTT", "{rendered}");
        assert!(lines[1].chars().count() < 200);
    }
}
