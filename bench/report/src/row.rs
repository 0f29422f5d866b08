//! One number of the report, what it is compared with, and what it should be.

use serde_json::{Value, json};

/// What a number, or its ratio to what it is compared with, should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The value is at most this.
    AtMost(f64),
    /// The value is at least this.
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, value: f64, ratio: Option<f64>) -> bool {
        match self {
            Self::RatioAtMost(bound) => ratio.is_some_and(|ratio| ratio <= bound),
            Self::RatioAtLeast(bound) => ratio.is_some_and(|ratio| ratio >= bound),
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    /// Of a row with this unit.
    fn describe(self, unit: &str) -> String {
        let text = match self {
            Self::RatioAtMost(bound) => format!("<= {}x", plain(bound)),
            Self::RatioAtLeast(bound) => format!(">= {}x", plain(bound)),
            Self::AtMost(bound) => format!("<= {} {unit}", plain(bound)),
            Self::AtLeast(bound) => format!(">= {} {unit}", plain(bound)),
        };
        text.trim_end().to_owned()
    }
}

/// The rounds' values: the one in the middle, and the outermost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of at least one value; of none, not a number.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[half],
            _ => f64::midpoint(sorted[half - 1], sorted[half]),
        };
        let at = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Self { median, least: at(sorted.first()), most: at(sorted.last()) }
    }
}

/// What a row is compared with.
#[derive(Clone, Debug, PartialEq)]
struct Against {
    what: String,
    /// Its own value, in the row's unit.
    value: Spread,
    ratio: f64,
}

/// A number with its rounds.
#[derive(Clone, Debug, PartialEq)]
struct Measured {
    /// In each round.
    values: Vec<f64>,
    spread: Spread,
    unit: &'static str,
    against: Option<Against>,
    goal: Option<Goal>,
}

/// A row of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    name: String,
    /// What was found, or why nothing was measured.
    found: Result<Measured, String>,
}

impl Row {
    /// A number, from its value in each round.
    pub fn new(name: impl Into<String>, unit: &'static str, values: &[f64]) -> Self {
        let (spread, values) = (Spread::of(values), values.to_vec());
        Self { name: name.into(), found: Ok(Measured { values, spread, unit, against: None, goal: None }) }
    }

    /// A row that could not be measured here.
    pub fn skipped(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), found: Err(reason.into()) }
    }

    /// Compared with the values that this had in the same rounds. The ratio is ours by theirs, the median
    /// of the rounds.
    pub fn against(self, what: impl Into<String>, theirs: &[f64]) -> Self {
        self.compared(what.into(), theirs, |ours, theirs| ours / theirs)
    }

    /// As [`Row::against`], with the ratio the other way: theirs by ours, so that more is better where less
    /// is.
    pub fn times_better_than(self, what: impl Into<String>, theirs: &[f64]) -> Self {
        self.compared(what.into(), theirs, |ours, theirs| theirs / ours)
    }

    fn compared(mut self, what: String, theirs: &[f64], ratio: fn(f64, f64) -> f64) -> Self {
        if let Ok(measured) = &mut self.found {
            let rounds = measured.values.iter().zip(theirs);
            let ratios: Vec<f64> = rounds.map(|(&ours, &theirs)| ratio(ours, theirs)).collect();
            let (value, ratio) = (Spread::of(theirs), Spread::of(&ratios).median);
            measured.against = Some(Against { what, value, ratio });
        }
        self
    }

    /// What it should be, where that is said.
    pub fn goal(mut self, goal: impl Into<Option<Goal>>) -> Self {
        if let Ok(measured) = &mut self.found {
            measured.goal = goal.into();
        }
        self
    }

    /// Its ratio to what it is compared with.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.found.as_ref().ok()?.against.as_ref()?.ratio)
    }

    /// Whether the goal is met; nothing where there is none, or nothing was measured.
    pub fn is_met(&self) -> Option<bool> {
        let measured = self.found.as_ref().ok()?;
        measured.goal.map(|goal| goal.is_met(measured.spread.median, self.ratio()))
    }

    /// The row as a JSON object.
    pub fn to_json(&self, group: &str) -> Value {
        match &self.found {
            Ok(Measured { values, spread, unit, against, goal }) => json!({
                "group": group, "name": self.name, "value": finite(spread.median), "unit": unit,
                "least": finite(spread.least), "most": finite(spread.most), "rounds": values.len(),
                "against": against.as_ref().map(|against| &against.what),
                "against_value": against.as_ref().and_then(|against| finite(against.value.median)),
                "ratio": against.as_ref().and_then(|against| finite(against.ratio)),
                "goal": goal.map(|goal| goal.describe(unit)), "met": self.is_met(),
            }),
            Err(reason) => json!({
                "group": group, "name": self.name, "value": null, "unit": null, "against": null, "ratio": null,
                "goal": null, "met": null, "skipped": reason,
            }),
        }
    }

    /// The row as a line of a Markdown table with the columns [`COLUMNS`].
    pub fn to_markdown(&self) -> String {
        let name = &self.name;
        let Measured { values, spread, unit, against, goal } = match &self.found {
            Ok(measured) => measured,
            Err(reason) => return format!("| {name} | skipped: {reason} | | | | |"),
        };
        let range = if values.len() > 1 {
            format!(" ({} to {})", figure(spread.least), figure(spread.most))
        } else {
            String::new()
        };
        let (beside, ratio) = match against {
            Some(Against { what, value, ratio }) => {
                (format!("{what}, {}", figure(value.median)), format!("{ratio:.2}"))
            }
            None => (String::new(), String::new()),
        };
        let goal = goal.map(|goal| goal.describe(unit)).unwrap_or_default();
        let met = self.is_met().map_or("", |met| if met { "met" } else { "**missed**" });
        format!("| {name} | {} {unit}{range} | {beside} | {ratio} | {goal} | {met} |", figure(spread.median))
    }
}

/// Heads of the columns of [`Row::to_markdown`].
pub const COLUMNS: [&str; 6] = ["what", "measured", "against", "ratio", "goal", ""];

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A number without digits that say nothing.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => grouped(value.round()),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// With commas between thousands.
pub fn grouped(value: f64) -> String {
    let text = format!("{value:.0}");
    let digits = text.trim_start_matches('-');
    let mut out = text[..text.len() - digits.len()].to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn plain(bound: f64) -> String {
    if bound >= 1_000.0 { grouped(bound) } else { format!("{bound}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        for (values, expected) in [
            (vec![3.0], 3.0),
            (vec![3.0, 1.0], 2.0),
            (vec![9.0, 1.0, 2.0], 2.0),
            (vec![4.0, 1.0, 9.0, 2.0], 3.0),
        ] {
            assert!((Spread::of(&values).median - expected).abs() < 1e-9, "{values:?}");
        }
        assert!(Spread::of(&[]).median.is_nan());
    }

    #[test]
    fn goals_can_be_met_and_missed() {
        let row = || Row::new("p50", "us", &[30.0, 10.0, 24.0]).against("echo", &[20.0, 20.0, 20.0]);
        for (goal, met) in [
            (Goal::RatioAtMost(1.2), true),
            (Goal::RatioAtMost(1.19), false),
            (Goal::RatioAtLeast(1.2), true),
            (Goal::RatioAtLeast(1.21), false),
            (Goal::AtMost(24.0), true),
            (Goal::AtMost(23.9), false),
            (Goal::AtLeast(24.0), true),
            (Goal::AtLeast(24.1), false),
        ] {
            assert_eq!(row().goal(goal).is_met(), Some(met), "{goal:?}");
        }
        assert_eq!(row().is_met(), None);
        let nothing = Row::new("p50", "us", &[]).against("echo", &[]).goal(Goal::RatioAtMost(1.0));
        assert_eq!(nothing.is_met(), Some(false), "what was not measured is not met");
    }

    #[test]
    fn a_row_is_told_as_a_line_and_as_an_object() {
        let row = Row::new("decision, p50", "us", &[30.0, 10.0, 24.0])
            .against("echo", &[20.0, 20.0, 20.0])
            .goal(Goal::RatioAtMost(1.15));
        assert_eq!(
            row.to_markdown(),
            "| decision, p50 | 24.0 us (10.0 to 30.0) | echo, 20.0 | 1.20 | <= 1.15x | **missed** |"
        );
        let object = row.to_json("decision");
        for (key, expected) in [
            ("name", json!("decision, p50")),
            ("value", json!(24.0)),
            ("unit", json!("us")),
            ("against", json!("echo")),
            ("ratio", json!(1.2)),
            ("goal", json!("<= 1.15x")),
            ("met", json!(false)),
        ] {
            assert_eq!(object[key], expected, "{key}");
        }
        let row = Row::new("start", "ms", &[24.0]).goal(Goal::AtMost(1_300.0));
        assert_eq!(row.to_markdown(), "| start | 24.0 ms |  |  | <= 1,300 ms | met |");
        let skipped = Row::skipped("windows", "not set up");
        assert_eq!(skipped.to_markdown(), "| windows | skipped: not set up | | | | |");
        assert_eq!(skipped.to_json("windows")["skipped"], "not set up");
        assert_eq!(skipped.to_json("windows")["met"], Value::Null);
    }

    #[test]
    fn times_better_is_theirs_by_ours() {
        let row = Row::new("p99", "us", &[2.0, 4.0]).times_better_than("peer", &[100.0, 100.0]);
        assert_eq!(row.to_json("http")["ratio"], json!(37.5));
    }

    #[test]
    fn figures_are_short() {
        for (value, expected) in [
            (0.123, "0.12"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234.4, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-4_321.0, "-4,321"),
        ] {
            assert_eq!(figure(value), expected);
        }
    }
}
