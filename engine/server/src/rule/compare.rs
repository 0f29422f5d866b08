//! Alerts that were expected beside those that came.

use serde_json::Value;
use vencejo_core::plan::App;
use vencejo_core::plan::flow::Operator;
use vencejo_types::decimal;
use vencejo_types::schema::{Column, ColumnType};

use super::cases::Case;
use crate::failure::Failure;
use crate::run::PrintedRow;
use crate::text_list::{named, nearest};
use crate::text_time::{parse_timestamp, write_timestamp};

/// What each rule is to raise.
pub struct Alerts {
    rules: Vec<Rule>,
}

struct Rule {
    /// Place among the app's outputs.
    output: usize,
    name: String,
    columns: Vec<String>,
    rows: Vec<String>,
}

/// How a rule's alerts differ from what was expected.
pub struct Difference {
    rule: String,
    columns: Vec<String>,
    lines: Vec<(Side, String)>,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Both,
    Expected,
    Raised,
}

impl Alerts {
    /// What a case says, and nothing of every rule that it does not name.
    ///
    /// # Errors
    /// When it names a rule or a column that there is not, or a value that its column cannot have.
    pub fn expected(app: &App, case: &Case) -> Result<Self, Failure> {
        let outputs: Vec<usize> =
            app.flow.nodes.iter().filter_map(|node| alert_output(&node.operator)).collect();
        let names = outputs.iter().map(|&output| app.flow.outputs[output].name.as_str());
        if let Some(unknown) = case.alerts.keys().find(|rule| !names.clone().any(|name| name == *rule)) {
            let text = format!("{}: no rule '{unknown}'; there are: {}", case.place(), named(names.clone()));
            return Err(Failure::data(format!("{text}{}", nearest(unknown, names))));
        }
        let rules = outputs.iter().map(|&output| Rule::expected(app, output, case));
        Ok(Self { rules: rules.collect::<Result<_, Failure>>()? })
    }

    /// What differs in the rows that came, by output.
    pub fn differences(&self, rows: &[Vec<PrintedRow>]) -> Vec<Difference> {
        let of_rule = |rule: &Rule| {
            let raised = rows[rule.output].iter().map(|row| shown(row, &rule.columns));
            let lines = merged(&rule.rows, &raised.collect::<Vec<_>>());
            let differs = lines.iter().any(|(side, _)| *side != Side::Both);
            let (name, columns) = (rule.name.clone(), rule.columns.clone());
            differs.then_some(Difference { rule: name, columns, lines })
        };
        self.rules.iter().filter_map(of_rule).collect()
    }
}

impl Rule {
    fn expected(app: &App, output: usize, case: &Case) -> Result<Self, Failure> {
        let (name, schema) = (&app.flow.outputs[output].name, &app.flow.outputs[output].schema);
        let known = schema.columns().iter().map(|column| column.name.as_str());
        let mut rule = Self { output, name: name.clone(), columns: Vec::new(), rows: Vec::new() };
        let Some(table) = case.alerts.get(name) else {
            rule.columns = known.map(str::to_owned).collect();
            return Ok(rule);
        };
        let place = format!("{}, alerts of {name}", case.place());
        table.header_within(known, &place)?;
        let mut records = table.records()?.into_iter();
        rule.columns = records.next().unwrap_or_default();
        for record in records {
            let fields = rule.columns.iter().zip(&record).map(|(name, text)| {
                let column = &schema.columns()[schema.position(name).expect("within the header")];
                canonical(column, text).ok_or_else(|| {
                    let kind = column.column_type;
                    Failure::data(format!("{place}: column '{name}': '{text}' is no {kind}"))
                })
            });
            rule.rows.push(fields.collect::<Result<Vec<_>, _>>()?.join(", "));
        }
        Ok(rule)
    }
}

fn alert_output(operator: &Operator) -> Option<usize> {
    match operator {
        Operator::Alert(spec) => Some(spec.output),
        _ => None,
    }
}

impl Difference {
    /// For people: a line for each row, - where it was expected and not raised, + the other way round.
    pub fn text(&self) -> String {
        let mut text = format!("\n  {} ({})", self.rule, self.columns.join(", "));
        for (side, row) in &self.lines {
            let sign = match side {
                Side::Both => ' ',
                Side::Expected => '-',
                Side::Raised => '+',
            };
            text.push_str(&format!("\n  {sign} {row}"));
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let of = |wanted: Side| -> Vec<&str> {
            let lines = self.lines.iter().filter(|(side, _)| *side == wanted);
            lines.map(|(_, row)| row.as_str()).collect()
        };
        let (missing, unexpected) = (of(Side::Expected), of(Side::Raised));
        serde_json::json!({"rule": self.rule, "columns": self.columns, "missing": missing, "unexpected": unexpected})
    }
}

/// A value as `run` prints it; nothing where the column cannot have it.
fn canonical(column: &Column, text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(text.to_owned());
    }
    match column.column_type {
        ColumnType::Double => text.parse::<f64>().ok().map(|number| Value::from(number).to_string()),
        ColumnType::Timestamp => parse_timestamp(text).map(|millis| {
            let mut text = Vec::new();
            write_timestamp(millis, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }),
        ColumnType::Decimal { precision, scale } => decimal::parse(text, precision, scale)
            .map(|unscaled| decimal::Decimal { unscaled, scale }.to_string()),
        _ => Some(text.to_owned()),
    }
}

/// A row's values, strings without quotes and NULL as nothing.
fn shown(row: &PrintedRow, columns: &[String]) -> String {
    let values = columns.iter().map(|column| {
        let text = row[column].get();
        match serde_json::from_str(text) {
            Ok(Value::Null) => String::new(),
            Ok(Value::String(string)) => string,
            _ => text.to_owned(),
        }
    });
    values.collect::<Vec<_>>().join(", ")
}

/// Both lists as one, with the most rows in common (the longest common subsequence).
fn merged(expected: &[String], raised: &[String]) -> Vec<(Side, String)> {
    // common[i][j]: how many the lists from i and j on have in common.
    let mut common = vec![vec![0_usize; raised.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..raised.len()).rev() {
            common[i][j] = if expected[i] == raised[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < expected.len() || j < raised.len() {
        if i < expected.len() && j < raised.len() && expected[i] == raised[j] {
            lines.push((Side::Both, expected[i].clone()));
            (i, j) = (i + 1, j + 1);
        } else if j == raised.len() || i < expected.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push((Side::Expected, expected[i].clone()));
            i += 1;
        } else {
            lines.push((Side::Raised, raised[j].clone()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_common_stay_and_others_are_signed() {
        let check = |expected: &str, raised: &str, merged_rows: &str| {
            let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let lines = merged(&list(expected), &list(raised));
            let signed = lines.iter().map(|(side, row)| match side {
                Side::Both => row.clone(),
                Side::Expected => format!("-{row}"),
                Side::Raised => format!("+{row}"),
            });
            assert_eq!(signed.collect::<Vec<_>>().join(" "), merged_rows);
        };
        check("a b c", "a b c", "a b c");
        check("a b c", "a c", "a -b c");
        check("a c", "a b c", "a +b c");
        check("a b", "b a", "-a b +a");
        check("", "x", "+x");
        check("x", "", "-x");
    }
}
