//! What a decision costs while its model is replaced: periods with and without pushes of new versions, in
//! turns, on one engine.
//!
//! A push is the whole of `vencejo model push`: the file travels, is parsed, checked and compiled, runs as a
//! shadow, and is activated. The two files differ in one number, so that both cost the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::engine::Engine;
use crate::machine;
use crate::sample::{Load, Sample, measure_decide};
use crate::section;

/// Most that the 99th percentile may grow by while models are swapped, as a ratio.
const P99_RATIO_MAX: f64 = 1.5;
/// Least share of the rate that must be answered for a measurement to be one.
const ACHIEVED_SHARE_MIN: f64 = 0.99;
/// The base score of the app's model, and one of the same length.
const BASE_SCORES: [&[u8; 13]; 2] = [b"[2.8695953E0]", b"[3.2468013E0]"];

/// Compares the latency of decisions with and without model swaps, in alternating periods.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  cargo run --release -p bench-load -- swap --rounds 7 --out bench/REPORT.md"
)]
pub struct SwapArgs {
    /// Decisions in a second.
    #[arg(long, value_name = "R", default_value_t = 20_000)]
    rate: u32,
    /// How long each period takes, its warm-up not counted.
    #[arg(long, value_name = "S", default_value_t = 4.0)]
    seconds: f64,
    /// Pairs of periods.
    #[arg(long, value_name = "N", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Pause between two pushes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pause: u64,
    /// The program to measure; the workspace's own, built if need be, where not given.
    #[arg(long, value_name = "PATH")]
    vencejo: Option<PathBuf>,
    /// Write the section "Hot swap" of this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A period without swaps, and the one with swaps behind it.
struct Round {
    without: Sample,
    with: Sample,
    swaps: u64,
}

/// What all of it found.
struct Swapped {
    rounds: Vec<Round>,
    /// Decisions of each version, as the engine counted them.
    versions: Vec<(String, u64)>,
    load: Load,
}

/// Measures, prints and writes; whether every goal is met.
pub fn run(args: &SwapArgs, root: &Path, command: &str) -> Result<bool, String> {
    let program = match &args.vencejo {
        Some(path) => path.clone(),
        None => crate::binary::build(root)?,
    };
    let app = root.join("apps/ads");
    let files = model_files(&app)?;
    let load = Load { rate: args.rate, seconds: args.seconds, connections: 1 };
    let mut engine = Engine::start(&program, &app)?;
    let measured = measure(args, &program, engine.address(), &files, load);
    let stopped = engine.stop();
    let swapped = measured?;
    stopped?;
    let text = swapped.to_markdown(command);
    print!("{text}");
    if let Some(path) = &args.out {
        section::write(path, "hot swap", &text)?;
    }
    Ok(swapped.goals().iter().all(|goal| goal.met))
}

/// The app's model, and one that answers otherwise, as files.
fn model_files(app: &Path) -> Result<[tempfile::NamedTempFile; 2], String> {
    let path = app.join("models/yield.ubj");
    let bytes =
        std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let [from, to] = BASE_SCORES;
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.ok_or_else(|| format!("{} has another base score than expected", path.display()))?;
    let mut other = bytes.clone();
    other[at..at + to.len()].copy_from_slice(to);
    let file = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        std::fs::write(file.path(), bytes).map_err(|error| error.to_string())?;
        Ok::<_, String>(file)
    };
    Ok([file(&bytes)?, file(&other)?])
}

fn measure(
    args: &SwapArgs,
    program: &Path,
    address: &str,
    files: &[tempfile::NamedTempFile; 2],
    load: Load,
) -> Result<Swapped, String> {
    let (mut rounds, mut pushed) = (Vec::new(), 0);
    for number in 1..=args.rounds {
        let without = measure_decide(program, address, load)?;
        let before = pushed;
        let over = AtomicBool::new(false);
        let with = std::thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    pushed += 1;
                    push(program, address, files[pushed % 2].path(), pushed)?;
                    // A push takes some time itself; nothing waits for this pause.
                    std::thread::park_timeout(Duration::from_millis(args.pause));
                }
                Ok::<(), String>(())
            });
            let with = measure_decide(program, address, load);
            over.store(true, Ordering::Relaxed);
            pushing.join().map_err(|_| "the pushing thread panicked".to_owned())??;
            with
        })?;
        let swaps = (pushed - before) as u64;
        let (a, b) = (without.client.p99, with.client.p99);
        eprintln!("round {number} of {}: p99 {a:.1} us without, {b:.1} us with {swaps} swaps", args.rounds);
        rounds.push(Round { without, with, swaps });
    }
    Ok(Swapped { rounds, versions: versions(program, address)?, load })
}

/// One push, and that it was activated.
fn push(program: &Path, address: &str, file: &Path, number: usize) -> Result<(), String> {
    let label = format!("swap-{number}");
    let answer = ask(program, address, |command| {
        command.args(["push", "yield"]).arg(file).args(["--version", &label]);
    })?;
    if answer["now"]["champion"] == label.as_str() {
        Ok(())
    } else {
        Err(format!("version {label} was not activated: {answer}"))
    }
}

/// Decisions of every version that the engine holds.
fn versions(program: &Path, address: &str) -> Result<Vec<(String, u64)>, String> {
    let list = ask(program, address, |command| {
        command.arg("list");
    })?;
    let versions = list["models"][0]["versions"].as_array().ok_or("the engine lists no versions")?;
    let figures =
        |version: &Value| Some((version["version"].as_str()?.to_owned(), version["decisions"].as_u64()?));
    versions
        .iter()
        .map(figures)
        .collect::<Option<_>>()
        .ok_or_else(|| "the list is not as expected".to_owned())
}

fn ask(program: &Path, address: &str, arguments: impl FnOnce(&mut Command)) -> Result<Value, String> {
    // Whoever pushes sits at another machine: here it leaves the processor to those who are measured.
    let mut command = Command::new("chrt");
    command.args(["--idle", "0"]).arg(program).arg("model");
    arguments(&mut command);
    let ran = command
        .args(["--json", "--connect", address])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("chrt (util-linux) cannot be run: {error}"))?;
    if !ran.status.success() {
        return Err("vencejo model failed; it says why above".to_owned());
    }
    serde_json::from_slice(&ran.stdout).map_err(|error| format!("vencejo model prints no JSON: {error}"))
}

/// A number that has a bound.
struct Goal {
    text: &'static str,
    measured: f64,
    bound: f64,
    met: bool,
}

impl Swapped {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        crate::report::median(self.rounds.iter().map(of).collect())
    }

    fn goals(&self) -> [Goal; 4] {
        let at_most = |text, measured, bound| Goal { text, measured, bound, met: measured <= bound };
        let samples = || self.rounds.iter().flat_map(|round| [round.without, round.with]);
        let errors: u64 = samples().map(|sample| sample.errors).sum();
        let achieved = samples().map(|sample| sample.achieved).fold(f64::INFINITY, f64::min);
        let rate = ACHIEVED_SHARE_MIN * f64::from(self.load.rate);
        let ratio = self.median(|round| round.with.client.p99 / round.without.client.p99);
        let swaps = self.rounds.iter().map(|round| round.swaps).min().unwrap_or(0);
        [
            at_most("p99 with swaps / p99 without, median of the rounds", ratio, P99_RATIO_MAX),
            at_most("decisions without an answer, all periods", errors as f64, 0.0),
            Goal {
                text: "answers in a second, least of all periods",
                measured: achieved,
                bound: rate,
                met: achieved >= rate,
            },
            Goal {
                text: "swaps in a period, least of all",
                measured: swaps as f64,
                bound: 1.0,
                met: swaps >= 1,
            },
        ]
    }

    fn to_markdown(&self, command: &str) -> String {
        let Load { rate, seconds, .. } = self.load;
        let mut text = format!(
            "## Hot swap\n\n- Command: `{command}`\n- Machine: {}\n- Load: open loop, {rate} decisions/s for \
             {seconds} s each, 1 connection; periods without and with swaps take turns on one engine\n\
             - A swap: `vencejo model push` of a 0.5 MB file (120 trees), compiled, run as a shadow, activated\n\
             - Latencies in us, from when a request was due to its reply\n\n\
             | round | p50 without | p50 with | p99 without | p99 with | swaps | p99 ratio |\n|---|{}\n",
            machine::describe(),
            "---:|".repeat(6)
        );
        let row = |name: &str, [a, b, c, d]: [f64; 4], swaps: f64, ratio: f64| {
            format!("| {name} | {a:.1} | {b:.1} | {c:.1} | {d:.1} | {swaps:.0} | {ratio:.2} |\n")
        };
        let columns: [fn(&Round) -> f64; 4] = [
            |round| round.without.client.p50,
            |round| round.with.client.p50,
            |round| round.without.client.p99,
            |round| round.with.client.p99,
        ];
        let ratio = |round: &Round| round.with.client.p99 / round.without.client.p99;
        for (number, round) in (1..).zip(&self.rounds) {
            let cells = columns.map(|column| column(round));
            text.push_str(&row(&format!("{number}"), cells, round.swaps as f64, ratio(round)));
        }
        let cells = columns.map(|column| self.median(column));
        text.push_str(&row("median", cells, self.median(|round| round.swaps as f64), self.median(ratio)));
        let versions: Vec<_> =
            self.versions.iter().map(|(label, decisions)| format!("{label} {decisions}")).collect();
        text.push_str(&format!(
            "\nVersions that the engine still held at the end, and the decisions each answered: {}.\n\n",
            versions.join(", ")
        ));
        text.push_str("| goal | measured | bound | |\n|---|---:|---:|---|\n");
        for Goal { text: goal, measured, bound, met } in self.goals() {
            let verdict = if met { "met" } else { "missed" };
            text.push_str(&format!("| {goal} | {measured:.2} | {bound} | {verdict} |\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FrameBytes, Latency};

    fn sample(p99: f64) -> Sample {
        Sample {
            client: Latency { p50: p99 / 2.0, p99 },
            server: None,
            achieved: 20_000.0,
            errors: 0,
            late_p99: 1.0,
            frame_bytes: FrameBytes { request: 1, reply: 1 },
        }
    }

    fn swapped(pairs: &[(f64, f64)]) -> Swapped {
        let rounds = pairs.iter().map(|&(without, with)| Round {
            without: sample(without),
            with: sample(with),
            swaps: 3,
        });
        let load = Load { rate: 20_000, seconds: 1.0, connections: 1 };
        Swapped { rounds: rounds.collect(), versions: vec![("swap-2".to_owned(), 7)], load }
    }

    fn met(swapped: &Swapped) -> [bool; 4] {
        swapped.goals().map(|goal| goal.met)
    }

    #[test]
    fn each_goal_can_be_missed() {
        assert_eq!(met(&swapped(&[(100.0, 150.0)])), [true; 4]);
        assert_eq!(met(&swapped(&[(100.0, 151.0)])), [false, true, true, true]);
        let mut worse = swapped(&[(100.0, 100.0)]);
        (worse.rounds[0].with.errors, worse.rounds[0].without.achieved, worse.rounds[0].swaps) =
            (1, 19_799.0, 0);
        assert_eq!(met(&worse), [true, false, false, false]);
    }

    #[test]
    fn the_table_pairs_the_periods() {
        let text = swapped(&[(100.0, 120.0), (200.0, 100.0), (80.0, 160.0)]).to_markdown("bench");
        for line in [
            "| 1 | 50.0 | 60.0 | 100.0 | 120.0 | 3 | 1.20 |",
            "| median | 50.0 | 60.0 | 100.0 | 120.0 | 3 | 1.20 |",
            "| p99 with swaps / p99 without, median of the rounds | 1.20 | 1.5 | met |",
            "Versions that the engine still held at the end, and the decisions each answered: swap-2 7.",
        ] {
            assert!(text.lines().any(|found| found == line), "no line '{line}' in\n{text}");
        }
    }
}
