//! Keeps the hot path as cheap as it was: counts the instructions of its operations under callgrind and
//! compares them with a committed baseline; counts allocations, of which there must be none.
//!
//! Instructions are the same on a busy machine and on a quiet one, so a hundredth more of them is a finding
//! where the same in time would be noise. What they do not show, misses of the cache above all, is for
//! `bench report`.
#![forbid(unsafe_code)]

mod baseline;
#[path = "../../micro/events.rs"]
#[allow(dead_code, reason = "bench-micro measures more with it")]
mod events;
#[path = "../../micro/frames.rs"]
mod frames;
#[path = "../../report/src/large_app.rs"]
mod large_app;
#[path = "../../report/src/model.rs"]
mod model;
mod scene;
#[path = "../../micro/workload.rs"]
#[allow(dead_code, reason = "bench-micro measures more with it")]
mod workload;

use std::fmt;
use std::process::{Command, ExitCode};

use baseline::Baseline;
use clap::Parser;
use scene::{SCENES, Scene};

/// How many times the baseline an operation may cost.
const MORE: f64 = 1.03;
/// Where it costs less than so many times, a new baseline is due.
const LESS: f64 = 0.97;
/// How many times an operation with few keys the same may cost with many.
const FLAT: f64 = 1.05;
/// The operations that FLAT is about: few keys, many.
const KEYS: [&str; 2] =
    ["decision of apps/ads, 1,000 placements", "decision of apps/ads, 100,000 placements"];
/// Exit codes: the hot path has become dearer; something could not be counted.
const DEARER: u8 = 1;
const UNUSABLE: u8 = 2;

/// Compares what the hot path costs with what it cost.
#[derive(Debug, Parser)]
#[command(
    name = "bench-guard",
    after_help = "Examples:\n  cargo run --release -p bench-guard\n  \
    cargo run --release -p bench-guard -- --write      # accept what it costs now\n\n\
    Ends with 1 where an operation costs 3 % more instructions than bench/guard/baseline.txt says, or \
    allocates.\nWithout valgrind, allocations alone are counted."
)]
struct Cli {
    /// Write the baseline instead of comparing with it.
    #[arg(long)]
    write: bool,
    /// Run one operation, to be counted from outside.
    #[arg(long, value_name = "NAME", hide = true)]
    run: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.run {
        Some(name) => run(&name).map(|()| true),
        None => guard(cli.write),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DEARER),
        Err(problem) => {
            eprintln!("bench-guard: {problem}");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn run(name: &str) -> Result<(), String> {
    let scene = SCENES.iter().find(|scene| scene.name == name);
    let scene = scene.ok_or_else(|| format!("there is no operation '{name}'"))?;
    scene.run(&mut scene.warm());
    Ok(())
}

/// Whether all is as cheap as it was.
fn guard(write: bool) -> Result<bool, String> {
    let accepted = Baseline::read()?;
    let mut now = Baseline { compiler: compiler()?, costs: Vec::new() };
    let valgrind = Command::new("valgrind").arg("--version").output().is_ok_and(|out| out.status.success());
    if !valgrind {
        println!("skipped: instructions, as valgrind is not installed (apt-get install valgrind)");
    }
    let judged = !write && accepted.compiler == now.compiler;
    if valgrind && !write && !judged {
        println!(
            "told and not judged: this is {}, the baseline was made by {}",
            now.compiler, accepted.compiler
        );
    }
    let mut good = true;
    for scene in SCENES {
        let allocations = allocations(scene);
        good &= allocations == 0;
        print!("{:<41} {allocations} allocations", scene.name);
        if valgrind {
            let cost = instructions(scene)? as f64 / scene.operations as f64;
            let verdict = Verdict::of(cost, accepted.cost(scene.name).filter(|_| judged));
            good &= verdict != Verdict::Dearer;
            print!(", {cost:.1} instructions{verdict}");
            now.costs.push((scene.name.to_owned(), cost));
        }
        println!();
    }
    if let [Some(few), Some(many)] = KEYS.map(|name| now.cost(name)) {
        let flat = many <= few * FLAT;
        good &= flat;
        println!(
            "a hundred times the placements: {:.3} times as many{}",
            many / few,
            if flat { "" } else { ": DEARER" }
        );
    }
    if write && valgrind {
        now.write()?;
    }
    Ok(good)
}

/// What a cost is, beside the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// There is nothing to compare it with.
    Untold,
    /// The same, nearly: so many times as much.
    Same(f64),
    Cheaper,
    Dearer,
}

impl Verdict {
    fn of(cost: f64, accepted: Option<f64>) -> Self {
        match accepted.map(|accepted| cost / accepted) {
            None => Self::Untold,
            Some(ratio) if ratio > MORE => Self::Dearer,
            Some(ratio) if ratio < LESS => Self::Cheaper,
            Some(ratio) => Self::Same(ratio),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold => Ok(()),
            Self::Same(ratio) => write!(f, ", {ratio:.3} of the baseline"),
            Self::Cheaper => write!(f, ": cheaper than the baseline, accept it with --write"),
            Self::Dearer => write!(f, ": DEARER than the baseline"),
        }
    }
}

/// Memory allocations of a warm operation, repeated.
fn allocations(scene: &Scene) -> u64 {
    let mut operation = scene.warm();
    allocation_counter::measure(|| scene.run(&mut operation)).count_total
}

/// Instructions of the same, as callgrind counts them.
fn instructions(scene: &Scene) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*scene::measured*"])
        .arg(program)
        .args(["--run", scene.name])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() && count > 0 => Ok(count),
        _ => Err(format!("'{}' could not be counted: {said}", scene.name)),
    }
}

fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("rustc cannot be asked for its version: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundredths_more_are_dearer() {
        assert_eq!(Verdict::of(100.0, None), Verdict::Untold);
        assert_eq!(Verdict::of(102.0, Some(100.0)), Verdict::Same(1.02));
        assert_eq!(Verdict::of(104.0, Some(100.0)), Verdict::Dearer);
        assert_eq!(Verdict::of(96.0, Some(100.0)), Verdict::Cheaper);
    }

    #[test]
    fn every_operation_is_in_the_baseline_and_those_compared_exist() {
        let accepted = Baseline::read().expect("the baseline is one");
        for scene in SCENES {
            assert!(accepted.cost(scene.name).is_some(), "{}: bench-guard --write", scene.name);
        }
        assert!(KEYS.iter().all(|key| SCENES.iter().any(|scene| scene.name == *key)));
    }
}
