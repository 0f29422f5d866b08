//! Ground truth of rules: what a generator has made that a rule should raise, and what only looks like it.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::text_time::write_timestamp;

/// A stretch of a key's rows that a rule is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The rule.
    pub rule: &'static str,
    /// The rule's key: columns and values.
    pub key: Vec<(&'static str, String)>,
    /// Unix time of its first row, in milliseconds.
    pub start_millis: i64,
    /// The same of its last row.
    pub end_millis: i64,
    /// Whether the rule should raise an alert; if not, it comes near its threshold.
    pub alert: bool,
}

/// ISO 8601, UTC.
pub fn timestamp(millis: i64) -> String {
    let mut text = Vec::new();
    write_timestamp(millis, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes cases as one JSON object per line: rule, alert, start, end and the columns of the key.
///
/// # Errors
/// Those of `out`.
pub fn write_cases<'a>(cases: impl IntoIterator<Item = &'a Case>, out: &mut impl Write) -> io::Result<()> {
    for case in cases {
        let mut object = Map::new();
        object.insert("rule".to_owned(), case.rule.into());
        object.insert("alert".to_owned(), case.alert.into());
        object.insert("start".to_owned(), timestamp(case.start_millis).into());
        object.insert("end".to_owned(), timestamp(case.end_millis).into());
        object.extend(case.key.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())));
        writeln!(out, "{}", Value::Object(object))?;
    }
    Ok(())
}
