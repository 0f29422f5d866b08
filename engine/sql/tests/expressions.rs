//! What expressions mean, from the text to the value.

use bumpalo::Bump;
use vencejo_expr::{Env, Value};

/// One row: k 'key', a 7, b 2.5, t ' Text ', ts 2024-02-29 12:34:56.789, d 2024-02-29, f TRUE, price -19.99;
/// the names that begin with n are NULL.
const STREAM: &str = "CREATE TABLE s (k STRING NOT NULL, a INT, b DOUBLE, t STRING, ts TIMESTAMP(3), d DATE, f BOOLEAN, \
                      na INT, nb DOUBLE, nt STRING, nf BOOLEAN, big BIGINT NOT NULL, nan DOUBLE NOT NULL, \
                      price DECIMAL(9, 2), nprice DECIMAL(9, 2)) PARTITIONED BY (k);\n\
                      CREATE LOOKUP tier (name STRING, tier INT, country STRING, PRIMARY KEY (country) NOT ENFORCED) \
                      WITH ('path' = 'tiers.csv');\n\
                      CREATE LOOKUP weight (a INT, price DECIMAL(9, 2)) AS VALUES (7, 1.5), (-1, NULL), (8, 2);\n";

/// Rows of the look-up table tier.
const TIERS: &str = "country,tier,name\nUS,1,United States\nES,2,\"Spain, España\"\nkey,3,\n";

struct Row;

impl<'a> Env<'a> for Row {
    fn load(&self, _input: u16, column: u16) -> Value<'a> {
        match column {
            0 => Value::Str("key"),
            1 => Value::Int(7),
            2 => Value::Double(2.5),
            3 => Value::Str(" Text "),
            4 => Value::Int(1_709_210_096_789),
            5 => Value::Int(19_782),
            6 => Value::Bool(true),
            11 => Value::Int(i64::MAX),
            12 => Value::Double(f64::NAN),
            13 => Value::Int(-1_999),
            _ => Value::Null,
        }
    }

    fn call(&mut self, _function: u16, _arguments: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}

/// Type and value of an expression, or the first error.
fn evaluated(expression: &str) -> String {
    let text = format!(
        "{STREAM}CREATE DECISION x ON s WITH ('deadline' = '1 s') AS SELECT\n{expression}\nAS x FROM s;"
    );
    let app = match vencejo_sql::plan("test", &text, &mut |_| Ok(TIERS.as_bytes().to_vec())) {
        Ok(app) => app,
        Err(errors) => return format!("error: {}", errors[0].message),
    };
    let decision = &app.decisions[0];
    let arena = Bump::new();
    let results = decision.program.run(&mut Row, &arena);
    let value = match results[0] {
        Value::Null => "NULL".to_string(),
        Value::Bool(x) => x.to_string().to_uppercase(),
        Value::Int(x) => x.to_string(),
        Value::Double(x) => format!("{x:?}"),
        Value::Str(x) => format!("'{x}'"),
    };
    format!("{} {value}", decision.answer.columns()[0].column_type)
}

/// Lines `expression => TYPE value` that come out otherwise.
fn wrong<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let mut wrong = String::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expression, expected) = line.rsplit_once(" => ").expect("expression => TYPE value");
        let found = evaluated(expression.trim());
        if found != expected.trim() {
            wrong.push_str(&format!("{} => {found}\n", expression.trim()));
        }
    }
    wrong
}

#[test]
fn every_line_of_the_tables() {
    let tables = [include_str!("../testdata/expressions.txt"), include_str!("../testdata/functions.txt")];
    let wrong = wrong(tables.into_iter().flat_map(str::lines));
    assert!(wrong.is_empty(), "these are otherwise:\n{wrong}");
}

#[test]
fn every_example_of_the_reference() {
    let wrong = wrong(vencejo_expr::function::functions().map(|function| function.example));
    assert!(wrong.is_empty(), "these are otherwise:\n{wrong}");
}

/// What a real Flink 2.1.0 gave (PyPI apache-flink, session time zone UTC), as text. Where this engine
/// departs, `!` and its own value follow, with the reason above.
#[test]
fn as_flink() {
    let mut wrong = String::new();
    for line in include_str!("../testdata/flink.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (expression, value) = line.rsplit_once(" => ").expect("expression => value");
        let (flink, own) = value.split_once(" ! ").unwrap_or((value, value));
        assert!(flink != own || !value.contains(" ! "), "{line}: no departure");
        let found = evaluated(&format!("CAST(({expression}) AS STRING)"));
        if found.strip_prefix("STRING ").unwrap_or(&found) != own {
            wrong.push_str(&format!("{expression} => {flink} ! {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "these are otherwise:\n{wrong}");
}
