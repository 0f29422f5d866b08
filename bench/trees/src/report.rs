//! The report: a Markdown section, or a row of JSON per number.

use std::fmt::{Result, Write as _};

use serde_json::json;

use crate::folder::TABLES;
use crate::goals::{Found, MEASURES, Measured, Verdict};
use crate::measure::{Figures, SWEPT_BYTES};

/// Everything a run found.
#[derive(Debug)]
pub struct Report {
    /// How to do it again.
    pub command: String,
    /// What it ran on.
    pub machine: String,
    /// What of the peers was measured.
    pub versions: String,
    /// Rows of a pass.
    pub rows: usize,
    /// Passes.
    pub passes: usize,
    /// The models.
    pub found: Vec<Found>,
}

impl Report {
    /// Whether every goal is met.
    pub fn goals_met(&self) -> bool {
        self.found.iter().flat_map(Found::verdicts).all(|verdict| verdict.met)
    }

    /// The report as a Markdown section.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_head(&mut text);
        let _ = self.write_goals(&mut text);
        let _ = self.write_ready(&mut text);
        let _ = self.write_floor(&mut text);
        for found in &self.found {
            let _ = write_model(&mut text, found);
        }
        text
    }

    /// A JSON object per line: first what has a goal, then every other number.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        for Verdict { name, value, unit, against, ratio, goal, met } in
            self.found.iter().flat_map(Found::verdicts)
        {
            let row = json!({ "name": name, "value": value, "unit": unit, "against": against,
                "ratio": ratio, "goal": goal, "met": met });
            text.push_str(&format!("{row}\n"));
        }
        for found in &self.found {
            for (name, value, unit) in numbers(found) {
                let row = json!({ "name": name, "value": value, "unit": unit, "against": null,
                    "ratio": null, "goal": null, "met": null });
                text.push_str(&format!("{row}\n"));
            }
        }
        text
    }

    fn write_head(&self, out: &mut String) -> Result {
        writeln!(out, "## Trees: a row of a model, beside the libraries that serve such models\n")?;
        writeln!(out, "- Command: `{}`", self.command)?;
        writeln!(out, "- Machine: {}; one thread", self.machine)?;
        writeln!(out, "- Peers: {}", self.versions)?;
        for (name, meaning) in TABLES {
            writeln!(out, "- Table `{name}`: {meaning}")?;
        }
        writeln!(
            out,
            "- Nanoseconds per row. p50 and p99: {} different rows, one call each; hot: one row again and \
             again; cold: {} MiB swept between calls; batch: calls with 1,000 rows, the fastest. All contenders take \
             turns in one process; each figure is the least of {} passes",
            self.rows,
            SWEPT_BYTES >> 20,
            self.passes
        )?;
        writeln!(
            out,
            "- A ratio is the fastest peer's figure over ours. A peer that is far off on more than 1 of 100 \
             rows does not evaluate the model and is no peer\n"
        )?;
        let mut skipped: Vec<String> = Vec::new();
        for peer in self.found.iter().flat_map(|found| &found.peers) {
            if let Err(reason) = &peer.outcome {
                let line = format!("- Skipped: {}: {reason}", peer.name);
                if !skipped.contains(&line) {
                    skipped.push(line);
                }
            }
        }
        if skipped.is_empty() { Ok(()) } else { writeln!(out, "{}\n", skipped.join("\n")) }
    }

    fn write_goals(&self, out: &mut String) -> Result {
        writeln!(out, "### Goals: how many times faster than the fastest peer\n")?;
        let names = MEASURES.map(|(name, _)| name).join(" | ");
        writeln!(out, "| model | {names} | rows that differ |")?;
        writeln!(out, "|---|{}---:|", "---|".repeat(MEASURES.len()))?;
        for found in &self.found {
            let cells: Vec<String> = found.ratios().iter().map(format_ratio).collect();
            let differ = found.ours.agreement.differ;
            writeln!(out, "| {} | {} | {differ} |", found.name(), cells.join(" | "))?;
        }
        let verdicts: Vec<Verdict> = self.found.iter().flat_map(Found::verdicts).collect();
        let met = verdicts.iter().filter(|verdict| verdict.met).count();
        writeln!(out, "\n{met} of {} goals are met, those of the next table among them.\n", verdicts.len())
    }

    fn write_ready(&self, out: &mut String) -> Result {
        writeln!(out, "### From the file's bytes to ready, and memory\n")?;
        writeln!(out, "| model | layout | of batches | tables, kB | parsed, ms | ready, ms | goal | |")?;
        writeln!(out, "|---|---|---|---:|---:|---:|---:|---|")?;
        for found in &self.found {
            let ready = found.ready;
            let goal = found.shape.ready_millis_max;
            let verdict = goal.map_or("", |goal| word(ready.ready_millis <= goal));
            writeln!(
                out,
                "| {} | {} | {} | {} | {:.1} | {:.1} | {} | {verdict} |",
                found.name(),
                ready.layout,
                ready.batch_layout,
                ready.table_bytes.div_ceil(1_000),
                ready.parse_millis,
                ready.ready_millis,
                goal.map_or(String::new(), |goal| format!("{goal:.0}")),
            )?;
        }
        writeln!(out)
    }

    fn write_floor(&self, out: &mut String) -> Result {
        writeln!(out, "### Distance to the floor\n")?;
        writeln!(
            out,
            "The floor is the chain of additions alone, a leaf per tree in tree order, f32 for XGBoost and \
             f64 for LightGBM: no evaluator with these bits is faster on one row.\n"
        )?;
        writeln!(out, "| model | floor | ours, p50 | times the floor | fastest peer | times the floor |")?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
        for found in &self.found {
            let (floor, ours) = (found.floor.p50, found.ours.figures.p50);
            let peer = found.fastest(|figures| figures.p50).map_or_else(
                || " | ".to_owned(),
                |(name, nanos)| format!("{name} {nanos:.0} | {:.1}", nanos / floor),
            );
            writeln!(out, "| {} | {floor:.0} | {ours:.0} | {:.1} | {peer} |", found.name(), ours / floor)?;
        }
        writeln!(out)
    }
}

/// Ratio, least ratio, verdict and the peer it is to.
fn format_ratio(verdict: &Verdict) -> String {
    let Verdict { ratio, goal, met, against, .. } = verdict;
    ratio.map_or_else(
        || format!("no peer, {goal} **missed**"),
        |ratio| format!("{ratio:.2} of {goal} {} ({against})", word(*met)),
    )
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

fn write_model(out: &mut String, found: &Found) -> Result {
    writeln!(out, "### {}\n", found.name())?;
    writeln!(out, "| | p50 | p99 | hot | cold | batch | rows that differ | loaded, ms |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    write_row(out, "**vencejo**", found.ours, found.ready.ready_millis)?;
    for peer in &found.peers {
        match &peer.outcome {
            Ok(measured) => {
                let mark = if measured.agreement.counts() { "" } else { ", far off" };
                write_row(out, &format!("{}{mark}", peer.name), *measured, peer.ready_millis)?;
            }
            Err(reason) => writeln!(out, "| {}: skipped, {reason} | | | | | | | |", peer.name)?,
        }
    }
    let Figures { p50, p99, hot, cold, batch } = found.floor;
    writeln!(out, "| the floor | {p50:.0} | {p99:.0} | {hot:.0} | {cold:.0} | {batch:.0} | | |\n")
}

fn write_row(out: &mut String, name: &str, measured: Measured, ready_millis: f64) -> Result {
    let Figures { p50, p99, hot, cold, batch } = measured.figures;
    let differ = measured.agreement.differ;
    writeln!(
        out,
        "| {name} | {p50:.0} | {p99:.0} | {hot:.0} | {cold:.0} | {batch:.0} | {differ} | {ready_millis:.1} |"
    )
}

/// Names, values and units of everything measured of a model.
fn numbers(found: &Found) -> Vec<(String, f64, &'static str)> {
    let model = found.name();
    let mut rows = vec![
        (format!("{model} parsed"), found.ready.parse_millis, "ms"),
        (format!("{model} ready"), found.ready.ready_millis, "ms"),
        (format!("{model} tables"), found.ready.table_bytes as f64, "bytes"),
    ];
    let mut add = |who: &str, figures: &Figures| {
        let Figures { p50, p99, hot, cold, batch } = *figures;
        for (name, value) in [("p50", p50), ("p99", p99), ("hot", hot), ("cold", cold), ("batch", batch)] {
            rows.push((format!("{model} {who} {name}"), value, "ns"));
        }
    };
    add("vencejo", &found.ours.figures);
    add("floor", &found.floor);
    for peer in &found.peers {
        if let Ok(measured) = &peer.outcome {
            add(peer.name, &measured.figures);
        }
    }
    for peer in &found.peers {
        if let Ok(measured) = &peer.outcome {
            let differ = measured.agreement.differ as f64;
            rows.push((format!("{model} {} rows that differ", peer.name), differ, "rows"));
            rows.push((format!("{model} {} loaded", peer.name), peer.ready_millis, "ms"));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goals::tests::found;

    fn report() -> Report {
        Report {
            command: "bench-trees".to_owned(),
            machine: "Swift 9000".to_owned(),
            versions: "fast 1.0".to_owned(),
            rows: 20_000,
            passes: 3,
            found: vec![found()],
        }
    }

    #[test]
    fn the_section_states_ratios_skips_and_the_floor() {
        let text = report().to_markdown();
        for line in [
            "- Skipped: absent: not here",
            "| ads xgb-500x6 | 3.50 of 3 met (fast) | 3.50 of 3.5 met (fast) | 3.50 of 2.3 met (fast) | \
             3.50 of 4.5 **missed** (fast) | 0 |",
            "5 of 6 goals are met, those of the next table among them.",
            "| ads xgb-500x6 | walk | planes | 200 | 20.0 | 90.0 | 150 | met |",
            "| ads xgb-500x6 | 25 | 100 | 4.0 | fast 350 | 14.0 |",
            "| wrong, far off | 1 | 1 | 1 | 1 | 1 | 20000 | 3.0 |",
            "| absent: skipped, not here | | | | | | | |",
        ] {
            assert!(text.lines().any(|found| found == line), "no line '{line}' in\n{text}");
        }
        assert!(!report().goals_met());
    }

    #[test]
    fn a_json_row_states_value_goal_and_verdict() {
        let text = report().to_json();
        let rows: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        assert_eq!(
            rows[0],
            json!({ "name": "ads xgb-500x6 p50", "value": 100.0, "unit": "ns", "against": "fast",
                "ratio": 3.5, "goal": 3.0, "met": true })
        );
        assert!(rows.iter().any(|row| row["name"] == "ads xgb-500x6 slow batch" && row["met"].is_null()));
    }
}
