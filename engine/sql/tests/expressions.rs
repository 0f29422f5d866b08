//! What expressions mean, from the text to the value.

use bumpalo::Bump;
use vencejo_expr::{Env, Value};

/// One row: k 'key', a 7, b 2.5, t ' Text ', ts 2024-02-29 12:34:56.789, d 2024-02-29, f TRUE; the names that
/// begin with n are NULL.
const STREAM: &str = "CREATE TABLE s (k STRING NOT NULL, a INT, b DOUBLE, t STRING, ts TIMESTAMP(3), d DATE, f BOOLEAN, \
                      na INT, nb DOUBLE, nt STRING, nf BOOLEAN, big BIGINT NOT NULL, nan DOUBLE NOT NULL) PARTITIONED BY (k);\n";

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
    let app = match vencejo_sql::plan("test", &text, &mut |_| Err(String::new())) {
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

#[test]
fn every_line_of_the_table() {
    let mut wrong = String::new();
    for line in include_str!("../testdata/expressions.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (expression, expected) = line.split_once(" => ").expect("expression => TYPE value");
        let found = evaluated(expression.trim());
        if found != expected.trim() {
            wrong.push_str(&format!("{} => {found}\n", expression.trim()));
        }
    }
    assert!(wrong.is_empty(), "these are otherwise:\n{wrong}");
}
