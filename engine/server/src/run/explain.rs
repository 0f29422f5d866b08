//! `--explain`: what the rows of a rule's alerts are, and how far it came where it raised none.

use std::collections::HashMap;

use vencejo_core::plan::App;
use vencejo_core::plan::flow::Operator;
use vencejo_core::{ExplainedRows, MatchedRow, Missed, MissedEnd, Wait};

use crate::failure::Failure;
use crate::json_row::{JsonRow, write_number, write_text};
use crate::text_list::{named, nearest};
use crate::text_time::write_timestamp;

/// Near misses that are printed: one per key, of the keys that came farthest.
const PRINTED: usize = 20;
/// Keys that are remembered.
const KEYS_MAX: usize = 100_000;

/// A rule whose alerts say what their rows are, and what came to nothing of it.
pub struct Explained {
    name: String,
    rule: (usize, usize),
    /// Name and condition of each of its variables.
    variables: Vec<(String, String)>,
    key: JsonRow,
    row: JsonRow,
    /// The farthest of each key, with when it was found; by the key's row.
    near: HashMap<Vec<u8>, (u64, Near)>,
    found: u64,
}

/// A near miss without its key.
struct Near {
    rows: Vec<MatchedRow>,
    waits: Vec<Wait>,
    end: MissedEnd,
    /// The row that ended it, printed.
    values: Vec<u8>,
}

impl Explained {
    /// The rule of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(app: &App, name: &str) -> Result<Self, Failure> {
        let rules = app.flow.nodes.iter().enumerate().flat_map(|(node, set)| match &set.operator {
            Operator::Rules(spec) => spec.rules.iter().enumerate().map(|rule| (node, rule)).collect(),
            _ => Vec::new(),
        });
        let raises = |node: usize, place: usize| {
            matches!(app.flow.nodes[app.flow.nodes[node].outputs[place].node].operator, Operator::Alert(_))
        };
        let mut rules = rules.filter(|&(node, (place, _))| raises(node, place));
        let names = rules.clone().map(|(_, (_, rule))| rule.name.as_str());
        let Some((node, (place, rule))) = rules.find(|(_, (_, rule))| rule.name == name) else {
            let text = format!("app '{}' has no rule '{name}'; it has: {}", app.name, named(names.clone()));
            return Err(Failure::runtime(format!("{text}{}", nearest(name, names))));
        };
        let conditions = rule.wording.conditions.iter().cloned();
        let names = rule.variables.iter().map(|variable| variable.name.clone());
        let rows = ExplainedRows::of(app, (node, place)).expect("the rule was found there");
        Ok(Self {
            name: name.to_owned(),
            rule: (node, place),
            variables: names.zip(conditions).collect(),
            key: JsonRow::new(&rows.key),
            row: JsonRow::new(&rows.row),
            near: HashMap::new(),
            found: 0,
        })
    }

    /// As [`vencejo_core::Raised::rule`].
    pub fn rule(&self) -> (usize, usize) {
        self.rule
    }

    /// The file that its near misses go to.
    pub fn file(&self) -> String {
        format!("{}.near_misses", self.name)
    }

    /// Appends `,"explain":[{"sequence":1,"time":"...","variable":"A"},...]`.
    pub fn write(&self, rows: &[MatchedRow], line: &mut Vec<u8>) {
        line.extend_from_slice(b",\"explain\":");
        self.write_rows(rows, line);
    }

    fn write_rows(&self, rows: &[MatchedRow], line: &mut Vec<u8>) {
        line.push(b'[');
        for (place, row) in rows.iter().enumerate() {
            line.extend_from_slice(if place > 0 { b",{" } else { b"{" });
            write_stamp(row.sequence, row.time, line);
            line.extend_from_slice(b",\"variable\":");
            write_text(&self.variables[usize::from(row.variable)].0, line);
            line.push(b'}');
        }
        line.push(b']');
    }

    /// Remembers a miss if its key has come no farther before.
    pub fn take(&mut self, missed: &Missed, bytes: &[u8]) {
        let key = &bytes[missed.key.clone()];
        let known = self.near.get(key);
        if known.is_some_and(|(_, near)| near.rows.len() > missed.rows.len())
            || known.is_none() && self.near.len() >= KEYS_MAX
        {
            return;
        }
        let mut values = Vec::new();
        if let MissedEnd::Row { row, .. } = &missed.end {
            self.row.write(&bytes[row.clone()], &mut values);
        }
        let Missed { rows, waits, end, .. } = missed.clone();
        self.found += 1;
        self.near.insert(key.to_vec(), (self.found, Near { rows, waits, end, values }));
    }

    /// A line for each of the keys that came farthest, the farthest and latest first.
    pub fn near_misses(&self) -> Vec<u8> {
        let mut near: Vec<_> = self.near.iter().collect();
        near.sort_by_key(|(_, (found, near))| std::cmp::Reverse((near.rows.len(), *found)));
        let mut text = Vec::new();
        for (key, (_, near)) in near.into_iter().take(PRINTED) {
            text.extend_from_slice(b"{\"near_miss\":");
            write_text(&self.name, &mut text);
            text.extend_from_slice(b",\"key\":");
            self.key.write(key, &mut text);
            text.extend_from_slice(b",\"rows\":");
            self.write_rows(&near.rows, &mut text);
            self.write_waits(&near.waits, &mut text);
            write_end(near, &mut text);
            text.extend_from_slice(b"}\n");
        }
        text
    }

    /// Appends `,"waited_for":[{"variable":"B","condition":"..."},...]`.
    fn write_waits(&self, waits: &[Wait], line: &mut Vec<u8>) {
        line.extend_from_slice(b",\"waited_for\":[");
        for (place, wait) in waits.iter().enumerate() {
            let (name, condition) = &self.variables[usize::from(wait.variable)];
            let name = if wait.absent { format!("NOT {name}") } else { name.clone() };
            line.extend_from_slice(if place > 0 { b",{" } else { b"{" });
            line.extend_from_slice(b"\"variable\":");
            write_text(&name, line);
            line.extend_from_slice(b",\"condition\":");
            write_text(if condition.is_empty() { "any row" } else { condition }, line);
            line.push(b'}');
        }
        line.push(b']');
    }
}

/// Appends `,"ended_by":"row","row":{"sequence":2,"time":"...","values":{...}}`, or what else ended it.
fn write_end(near: &Near, line: &mut Vec<u8>) {
    let text = match near.end {
        MissedEnd::Row { .. } => "row",
        MissedEnd::TimedOut => "time",
        MissedEnd::InputEnded => "end of the input",
        MissedEnd::LetGo => "limit",
    };
    line.extend_from_slice(b",\"ended_by\":");
    write_text(text, line);
    if let MissedEnd::Row { sequence, time, .. } = near.end {
        line.extend_from_slice(b",\"row\":{");
        write_stamp(sequence, time, line);
        line.extend_from_slice(b",\"values\":");
        line.extend_from_slice(&near.values);
        line.push(b'}');
    }
}

/// Appends `"sequence":1,"time":"..."`.
fn write_stamp(sequence: u64, time: i64, line: &mut Vec<u8>) {
    line.extend_from_slice(b"\"sequence\":");
    write_number(sequence, line);
    line.extend_from_slice(b",\"time\":\"");
    write_timestamp(time, line);
    line.push(b'"');
}
