//! What a scenario found, against what it must keep to.

use std::fmt;

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::CARRIED_SHARE_MIN;
use crate::console::print;
use crate::failure::Failure;

/// A number that has a bound.
#[derive(Debug)]
struct Goal {
    name: &'static str,
    value: f64,
    unit: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    /// A value that is not a number is none that was kept to.
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.value <= bound,
            Bound::AtLeast(bound) => self.value >= bound,
        }
    }

    fn to_json(&self) -> Value {
        let (kind, bound) = match self.bound {
            Bound::AtMost(bound) => ("at_most", bound),
            Bound::AtLeast(bound) => ("at_least", bound),
        };
        json!({"name": self.name, "value": self.value, "unit": self.unit, kind: bound, "met": self.is_met()})
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, bound } = self;
        let verdict = if self.is_met() { "pass" } else { "FAIL" };
        let (words, bound) = match bound {
            Bound::AtMost(bound) => ("at most", bound),
            Bound::AtLeast(bound) => ("at least", bound),
        };
        write!(f, "{verdict}  {name}: {value:.3} {unit}, {words} {bound} {unit}")
    }
}

/// What a scenario found.
#[derive(Debug)]
pub(super) struct Verdict {
    bench: &'static str,
    parts: Vec<(&'static str, Report)>,
    goals: Vec<Goal>,
}

impl Verdict {
    pub(super) fn new(bench: &'static str) -> Self {
        Self { bench, parts: Vec::new(), goals: Vec::new() }
    }

    /// Takes a load in, which must have been carried: all requests of it answered, about as fast as they were
    /// due.
    pub(super) fn carried(&mut self, name: &'static str, report: Report, due_per_second: f64, of_each: f64) {
        self.at_least("served", report.achieved * of_each, "/s", CARRIED_SHARE_MIN * due_per_second);
        self.answered(name, report);
    }

    /// Takes a load in of which every request must have been answered.
    pub(super) fn answered(&mut self, name: &'static str, report: Report) {
        self.at_most("requests without an answer", report.errors_total() as f64, "", 0.0);
        self.parts.push((name, report));
    }

    pub(super) fn at_most(&mut self, name: &'static str, value: f64, unit: &'static str, bound: f64) {
        self.goals.push(Goal { name, value, unit, bound: Bound::AtMost(bound) });
    }

    pub(super) fn at_least(&mut self, name: &'static str, value: f64, unit: &'static str, bound: f64) {
        self.goals.push(Goal { name, value, unit, bound: Bound::AtLeast(bound) });
    }

    /// Prints it.
    ///
    /// # Errors
    /// When a goal is missed.
    pub(super) fn show(&self, json: bool) -> Result<(), Failure> {
        let shown = if json { print(self.to_json()) } else { print(self) };
        shown?;
        let missed = self.goals.iter().filter(|goal| !goal.is_met()).count();
        match missed {
            0 => Ok(()),
            _ => Err(Failure::runtime(format!(
                "bench {}: {missed} of {} goals missed",
                self.bench,
                self.goals.len()
            ))),
        }
    }

    fn to_json(&self) -> Value {
        let parts: Map<_, _> =
            self.parts.iter().map(|(name, report)| ((*name).to_owned(), report.to_json())).collect();
        let goals: Vec<_> = self.goals.iter().map(Goal::to_json).collect();
        let passed = self.goals.iter().all(Goal::is_met);
        json!({"bench": self.bench, "parts": parts, "goals": goals, "passed": passed})
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, report) in &self.parts {
            writeln!(f, "{name}: {report}\n")?;
        }
        let lines: Vec<_> = self.goals.iter().map(Goal::to_string).collect();
        write!(f, "{}", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_bound() {
        let mut verdict = Verdict::new("test");
        verdict.at_most("a", 10.0, "ms", 10.0);
        verdict.at_least("b", 10.0, "/s", 10.0);
        assert_eq!(verdict.to_json()["passed"], true);
        for (value, bound) in [(10.1, 10.0), (f64::NAN, 10.0)] {
            let mut verdict = Verdict::new("test");
            verdict.at_most("a", value, "ms", bound);
            assert_eq!(verdict.to_json()["passed"], false, "{value}");
            assert!(verdict.to_string().starts_with("FAIL  a: "), "{verdict}");
        }
        verdict.at_least("c", 9.9, "/s", 10.0);
        assert!(verdict.show(true).is_err());
    }
}
