//! The whole report: groups of rows, and their plots.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::groups::{Found, Group};
use crate::row::{COLUMNS, Row};
use crate::setup::{Problem, Setup};

/// Everything a run found.
pub struct Report {
    /// How to do it again.
    pub command: String,
    /// What it ran on, and which program.
    pub machine: String,
    /// How long it measured, in words.
    pub effort: String,
    /// In the order in which they ran.
    groups: Vec<(&'static Group, Found)>,
    /// Groups that went wrong, and why.
    pub failures: Vec<String>,
}

impl Report {
    /// Measures these groups, one after the other.
    pub fn measure(setup: &Setup, groups: &[&'static Group], command: String, machine: String) -> Self {
        let Setup { rounds, seconds, .. } = *setup;
        let effort = format!(
            "{rounds} rounds of {seconds} s, each after a warm-up of 1 s; who is compared takes turns"
        );
        let mut report = Self { command, machine, effort, groups: Vec::new(), failures: Vec::new() };
        for group in groups {
            eprintln!("bench: {}", group.name);
            let found = (group.measure)(setup).unwrap_or_else(|problem| {
                let reason = match problem {
                    Problem::Skipped(reason) => reason,
                    Problem::Failed(reason) => {
                        report.failures.push(format!("{}: {reason}", group.name));
                        reason
                    }
                };
                Found { rows: vec![Row::skipped(group.title, reason)], plots: Vec::new() }
            });
            found.rows.iter().for_each(|row| eprintln!("  {}", row.to_markdown()));
            report.groups.push((group, found));
        }
        report
    }

    /// Whether no goal is missed.
    pub fn goals_met(&self) -> bool {
        self.rows().all(|row| row.is_met() != Some(false))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|(_, found)| &found.rows)
    }

    /// What there is to draw.
    pub fn plots(&self) -> impl Iterator<Item = &crate::plot::Plot> {
        self.groups.iter().flat_map(|(_, found)| &found.plots)
    }

    /// The report as one JSON object.
    pub fn to_json(&self) -> Value {
        let rows = self
            .groups
            .iter()
            .flat_map(|(group, found)| found.rows.iter().map(|row| row.to_json(group.name)));
        json!({
            "machine": self.machine, "command": self.command, "effort": self.effort,
            "rows": rows.collect::<Vec<_>>(), "failures": self.failures,
        })
    }

    /// The report as a Markdown section. `plots` says where the plots lie, where they are written.
    pub fn to_markdown(&self, plots: Option<&str>) -> String {
        let mut text = format!(
            "## Beside the floor and the peers\n\n- Command: `{}`\n- Machine: {}\n- Effort: {}\n\
             - A measured value is the median of the rounds, with the least and the most; a ratio is the median of the \
             rounds' ratios\n",
            self.command, self.machine, self.effort
        );
        for (group, found) in &self.groups {
            let heads = COLUMNS.join(" | ");
            // Writing to a string does not fail.
            let _ = write!(text, "\n### {}\n\n| {heads} |\n|---|---:|---|---:|---|---|\n", group.title);
            for row in &found.rows {
                let _ = writeln!(text, "{}", row.to_markdown());
            }
            if let Some(folder) = plots {
                for plot in &found.plots {
                    let _ = writeln!(text, "\n![{}]({folder}/{}.svg)", plot.title, plot.file);
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Goal;
    use std::path::PathBuf;

    fn setup() -> Setup {
        Setup {
            program: PathBuf::from("none"),
            root: PathBuf::from("."),
            rounds: 2,
            seconds: 1.0,
            quick: true,
        }
    }

    static GOOD: Group = Group {
        name: "good",
        title: "A good one",
        measure: |_| {
            let rows = vec![Row::new("speed", "us", &[1.0, 3.0]).goal(Goal::AtMost(2.0))];
            Ok(Found { rows, plots: Vec::new() })
        },
    };
    static SKIPPED: Group = Group {
        name: "skipped",
        title: "An absent one",
        measure: |_| Err(Problem::Skipped("not here".to_owned())),
    };
    static FAILED: Group = Group {
        name: "failed",
        title: "A broken one",
        measure: |_| Err(Problem::Failed("it broke".to_owned())),
    };

    #[test]
    fn what_is_absent_or_broken_leaves_the_rest_alone() {
        let groups = [&SKIPPED, &GOOD, &FAILED];
        let report = Report::measure(&setup(), &groups, "bench".to_owned(), "Swift 9000".to_owned());
        assert!(report.goals_met(), "what was not measured missed no goal");
        assert_eq!(report.failures, ["failed: it broke"]);
        let text = report.to_markdown(None);
        for line in [
            "- Machine: Swift 9000",
            "### A good one",
            "| speed | 2.00 us (1.00 to 3.00) |  |  | <= 2 us | met |",
            "| An absent one | skipped: not here | | | | |",
        ] {
            assert!(text.lines().any(|found| found == line), "no line '{line}' in\n{text}");
        }
        let object = report.to_json();
        assert_eq!(object["rows"][1]["group"], "good");
        assert_eq!(object["rows"][2]["skipped"], "it broke");
        assert_eq!(object["machine"], "Swift 9000");
    }
}
