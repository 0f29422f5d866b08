//! What the rounds say together, against the goals.

use std::fmt::Write as _;

use crate::sample::{Load, Sample};

/// Most that the 99th percentile of a decision may be, as a multiple of the echo's.
const P99_RATIO_MAX: f64 = 1.5;
/// Most that the 99th percentile at the server may be, in microseconds.
const SERVER_P99_MICROS_MAX: f64 = 50.0;
/// Latest that the bench itself may send, 99th percentile, in microseconds. Past it the machine was busy
/// with other things, and the latencies are theirs.
const LATE_P99_MICROS_MAX: f64 = 50.0;
/// Least share of the rate that must be answered for a measurement to be one.
const ACHIEVED_SHARE_MIN: f64 = 0.99;

/// A decision bench and the echo bench after it.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Of decisions.
    pub decide: Sample,
    /// Of the bare transport.
    pub echo: Sample,
}

/// Everything a run found; at least one round.
#[derive(Debug)]
pub struct Report {
    /// How to do it again.
    pub command: String,
    /// What it ran on.
    pub machine: String,
    /// What was sent.
    pub load: Load,
    /// In the order in which they ran.
    pub rounds: Vec<Round>,
}

/// A number that has a bound.
struct Goal {
    text: &'static str,
    measured: f64,
    bound: f64,
    met: bool,
}

type Column = (&'static str, fn(&Round) -> f64);

/// The columns of the table, in microseconds but for the last two.
const COLUMNS: [Column; 8] = [
    ("decide p50", |round| round.decide.client.p50),
    ("decide p99", |round| round.decide.client.p99),
    ("server p50", |round| round.decide.server.map_or(f64::NAN, |server| server.p50)),
    ("server p99", server_p99),
    ("echo p50", |round| round.echo.client.p50),
    ("echo p99", |round| round.echo.client.p99),
    ("p50 ratio", |round| round.decide.client.p50 / round.echo.client.p50),
    ("p99 ratio", p99_ratio),
];
/// Columns of [`COLUMNS`] that are ratios.
const RATIO_COLUMNS: usize = 2;

fn server_p99(round: &Round) -> f64 {
    round.decide.server.map_or(f64::NAN, |server| server.p99)
}

fn p99_ratio(round: &Round) -> f64 {
    round.decide.client.p99 / round.echo.client.p99
}

impl Report {
    /// Whether every goal is met.
    pub fn goals_met(&self) -> bool {
        self.goals().iter().all(|goal| goal.met)
    }

    /// The report as a Markdown section.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let out = &mut text;
        // Writing to a string does not fail.
        let _ =
            self.write_head(out).and_then(|()| self.write_rounds(out)).and_then(|()| self.write_goals(out));
        text
    }

    fn median(&self, column: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(column).collect())
    }

    fn goals(&self) -> [Goal; 5] {
        let at_most = |text, measured, bound| Goal { text, measured, bound, met: measured <= bound };
        let samples: Vec<Sample> = self.rounds.iter().flat_map(|round| [round.decide, round.echo]).collect();
        let errors: u64 = samples.iter().map(|sample| sample.errors).sum();
        let late = median(samples.iter().map(|sample| sample.late_p99).collect());
        let achieved = samples.iter().map(|sample| sample.achieved).fold(f64::INFINITY, f64::min);
        let achieved_min = ACHIEVED_SHARE_MIN * f64::from(self.load.rate);
        [
            at_most(
                "p99 of decide / p99 of echo, median of the rounds",
                self.median(p99_ratio),
                P99_RATIO_MAX,
            ),
            at_most(
                "p99 at the server, us, median of the rounds",
                self.median(server_p99),
                SERVER_P99_MICROS_MAX,
            ),
            at_most(
                "a quiet machine: requests sent late, us, p99, median of all runs",
                late,
                LATE_P99_MICROS_MAX,
            ),
            at_most("requests without an answer, all runs", errors as f64, 0.0),
            Goal {
                text: "answers in a second, least of all runs",
                measured: achieved,
                bound: achieved_min,
                met: achieved >= achieved_min,
            },
        ]
    }

    fn write_head(&self, out: &mut String) -> std::fmt::Result {
        let Load { rate, seconds, connections } = self.load;
        let plural = if connections == 1 { "" } else { "s" };
        writeln!(out, "## A decision beside the bare transport\n")?;
        writeln!(out, "- Command: `{}`", self.command)?;
        writeln!(out, "- Machine: {}", self.machine)?;
        writeln!(
            out,
            "- Load: open loop, {rate} requests/s for {seconds} s each, {connections} connection{plural}; \
             decide and echo take turns"
        )?;
        if let Some(round) = self.rounds.first() {
            let bytes = round.decide.frame_bytes;
            writeln!(out, "- Frames of both: request {} bytes, reply {} bytes", bytes.request, bytes.reply)?;
        }
        writeln!(out, "- Latencies in us, from when a request was due to its reply\n")
    }

    fn write_rounds(&self, out: &mut String) -> std::fmt::Result {
        let names: Vec<&str> = COLUMNS.iter().map(|&(name, _)| name).collect();
        writeln!(out, "| round | {} |", names.join(" | "))?;
        writeln!(out, "|---|{}", "---:|".repeat(names.len()))?;
        for (number, round) in (1..).zip(&self.rounds) {
            let cells = COLUMNS.map(|(_, value)| value(round));
            writeln!(out, "| {number} | {} |", format_cells(cells))?;
        }
        let medians = COLUMNS.map(|(_, value)| self.median(value));
        writeln!(out, "| median | {} |\n", format_cells(medians))?;
        let decide = self.median(|round| round.decide.client.p99);
        let of_medians = decide / self.median(|round| round.echo.client.p99);
        writeln!(
            out,
            "The ratio of the median p99s is {of_medians:.2}; the last column is that of each round.\n"
        )
    }

    fn write_goals(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "| goal | measured | bound | |\n|---|---:|---:|---|")?;
        for Goal { text, measured, bound, met } in self.goals() {
            let verdict = if met { "met" } else { "missed" };
            writeln!(out, "| {text} | {measured:.2} | {bound} | {verdict} |")?;
        }
        Ok(())
    }
}

fn format_cells(cells: [f64; COLUMNS.len()]) -> String {
    let (micros, ratios) = cells.split_at(COLUMNS.len() - RATIO_COLUMNS);
    let micros = micros.iter().map(|value| format!("{value:.1}"));
    let ratios = ratios.iter().map(|value| format!("{value:.2}"));
    micros.chain(ratios).collect::<Vec<_>>().join(" | ")
}

/// The value in the middle; of an even number, the mean of the two there. NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FrameBytes, Latency};

    fn sample(p99: f64, server_p99: Option<f64>) -> Sample {
        Sample {
            client: Latency { p50: p99 / 2.0, p99 },
            server: server_p99.map(|p99| Latency { p50: p99 / 2.0, p99 }),
            achieved: 5_000.0,
            errors: 0,
            late_p99: 1.0,
            frame_bytes: FrameBytes { request: 312, reply: 106 },
        }
    }

    /// Rounds of (decide p99, server p99, echo p99).
    fn report(rounds: &[(f64, f64, f64)]) -> Report {
        let rounds = rounds.iter().map(|&(decide, server, echo)| Round {
            decide: sample(decide, Some(server)),
            echo: sample(echo, None),
        });
        Report {
            command: "bench-load --rounds 3".to_owned(),
            machine: "Swift 9000, 2 cores, kernel 6".to_owned(),
            load: Load { rate: 5_000, seconds: 5.0, connections: 1 },
            rounds: rounds.collect(),
        }
    }

    #[test]
    fn medians_are_in_the_middle() {
        for (values, expected) in [
            (vec![3.0], 3.0),
            (vec![3.0, 1.0], 2.0),
            (vec![9.0, 1.0, 2.0], 2.0),
            (vec![4.0, 1.0, 9.0, 2.0], 3.0),
        ] {
            assert!((median(values.clone()) - expected).abs() < 1e-9, "{values:?}");
        }
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn the_table_pairs_the_rounds() {
        let text = report(&[(100.0, 20.0, 80.0), (900.0, 10.0, 600.0), (120.0, 12.0, 100.0)]).to_markdown();
        for line in [
            "- Load: open loop, 5000 requests/s for 5 s each, 1 connection; decide and echo take turns",
            "| 1 | 50.0 | 100.0 | 10.0 | 20.0 | 40.0 | 80.0 | 1.25 | 1.25 |",
            "| median | 60.0 | 120.0 | 6.0 | 12.0 | 50.0 | 100.0 | 1.25 | 1.25 |",
            "The ratio of the median p99s is 1.20; the last column is that of each round.",
            "| p99 of decide / p99 of echo, median of the rounds | 1.25 | 1.5 | met |",
            "| p99 at the server, us, median of the rounds | 12.00 | 50 | met |",
            "| a quiet machine: requests sent late, us, p99, median of all runs | 1.00 | 50 | met |",
            "| answers in a second, least of all runs | 5000.00 | 4950 | met |",
        ] {
            assert!(text.lines().any(|found| found == line), "no line '{line}' in\n{text}");
        }
    }

    #[test]
    fn each_goal_can_be_missed() {
        assert!(report(&[(150.0, 50.0, 100.0)]).goals_met());
        assert!(!report(&[(151.0, 50.0, 100.0)]).goals_met(), "the ratio");
        assert!(!report(&[(150.0, 50.1, 100.0)]).goals_met(), "the server");
        let mut failing = report(&[(100.0, 10.0, 100.0)]);
        failing.rounds[0].decide.errors = 1;
        assert!(!failing.goals_met(), "errors");
        let mut slow = report(&[(100.0, 10.0, 100.0)]);
        slow.rounds[0].echo.achieved = 4_949.0;
        assert!(!slow.goals_met(), "the rate");
        let mut busy = report(&[(100.0, 10.0, 100.0)]);
        (busy.rounds[0].decide.late_p99, busy.rounds[0].echo.late_p99) = (51.0, 4_000.0);
        assert!(!busy.goals_met(), "a busy machine");
        let mut silent = report(&[(100.0, 10.0, 100.0)]);
        silent.rounds[0].decide.server = None;
        assert!(!silent.goals_met(), "a server that does not tell");
    }
}
