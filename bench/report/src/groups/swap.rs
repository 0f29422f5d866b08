//! What decisions feel while their model is replaced.
//!
//! A push is the whole of `vencejo model push`: the file travels, is parsed, checked and compiled, runs as a
//! shadow, and is activated. The two files differ in one number, so that both cost the same. How much of what
//! is felt is the machine's, a loop shows that only counts, at the priority at which the engine compiles.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::sample::Sample;
use crate::setup::{Problem, Setup, each};

const P99_RATIO_MAX: f64 = 1.5;
/// The base score of the app's model, and one of the same length.
const BASE_SCORES: [&[u8; 13]; 2] = [b"[2.8695953E0]", b"[3.2468013E0]"];
/// A sender that spins would keep the processor on which a version is compiled.
const LOAD: [&str; 4] = ["--rate", "20000", "--spin", "0"];
/// Between two pushes.
const PAUSE: Duration = Duration::from_millis(500);

pub const GROUP: Group =
    Group { name: "swap", title: "Decisions at 20,000/s while their model is replaced", measure };

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let files = model_files(&setup.app("ads"))?;
    let mut engine = setup.ads(&[])?;
    let (mut pushed, mut swaps) = (0, Vec::new());
    let [without, counting, with] = setup.in_turns([
        &mut || setup.decide(engine.address(), &LOAD),
        &mut || while_counting(setup, engine.address()),
        &mut || {
            let before = pushed;
            let sample = while_pushing(setup, engine.address(), &files, &mut pushed)?;
            swaps.push((pushed - before) as f64);
            Ok(sample)
        },
    ])?;
    engine.stop()?;
    let errors: u64 = without.iter().chain(&counting).chain(&with).map(|of| of.errors).sum();
    Ok(vec![
        Row::new("p99 while versions are pushed", "us", &each(&with, |of| of.client.p99))
            .against("without", &each(&without, |of| of.client.p99))
            .goal(Goal::RatioAtMost(P99_RATIO_MAX)),
        Row::new("the same", "us", &each(&with, |of| of.client.p99))
            .against("beside a loop that only counts", &each(&counting, |of| of.client.p99)),
        Row::new("decisions without an answer", "", &[errors as f64]).goal(Goal::AtMost(0.0)),
        Row::new("versions activated in a round", "", &swaps).goal(Goal::AtLeast(1.0)),
    ]
    .into())
}

/// Decisions while versions are pushed, which are counted.
fn while_pushing(
    setup: &Setup,
    address: &str,
    files: &[NamedTempFile; 2],
    pushed: &mut usize,
) -> Result<Sample, String> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pushing = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                *pushed += 1;
                push(&setup.program, address, files[*pushed % 2].path(), *pushed)?;
                // A push takes some time itself; nothing waits for this pause.
                std::thread::park_timeout(PAUSE);
            }
            Ok::<(), String>(())
        });
        let with = setup.decide(address, &LOAD);
        over.store(true, Ordering::Relaxed);
        pushing.join().map_err(|_| "the pushing thread panicked".to_owned())??;
        with
    })
}

/// Decisions beside a loop that takes what they leave of the processors.
fn while_counting(setup: &Setup, address: &str) -> Result<Sample, String> {
    let mut counting =
        idle("sh").args(["-c", "while :; do :; done"]).spawn().map_err(|error| no_chrt(&error))?;
    let sample = setup.decide(address, &LOAD);
    let ended = counting.kill().and_then(|()| counting.wait());
    ended.map_err(|error| format!("the loop cannot be ended: {error}"))?;
    sample
}

/// A program that runs when no other wants the processor.
fn idle(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--idle", "0"]).arg(program).stdin(Stdio::null());
    command
}

fn no_chrt(error: &std::io::Error) -> String {
    format!("chrt (util-linux) cannot be run: {error}")
}

/// The app's model, and one that answers otherwise, as files.
fn model_files(app: &Path) -> Result<[NamedTempFile; 2], String> {
    let path = app.join("models/yield.ubj");
    let bytes =
        std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let [from, to] = BASE_SCORES;
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.ok_or_else(|| format!("{} has another base score than expected", path.display()))?;
    let mut other = bytes.clone();
    other[at..at + to.len()].copy_from_slice(to);
    let file = |bytes: &[u8]| {
        let file = NamedTempFile::new().map_err(|error| error.to_string())?;
        std::fs::write(file.path(), bytes).map_err(|error| error.to_string())?;
        Ok::<_, String>(file)
    };
    Ok([file(&bytes)?, file(&other)?])
}

/// One push, and that it was activated.
fn push(program: &Path, address: &str, file: &Path, number: usize) -> Result<(), String> {
    let label = format!("swap-{number}");
    // Whoever pushes sits at another machine: here it leaves the processor to those who are measured.
    let ran = idle(program)
        .args(["model", "push", "yield"])
        .arg(file)
        .args(["--version", &label, "--json", "--connect", address])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_chrt(&error))?;
    let answer: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
    if ran.status.success() && answer["now"]["champion"] == label.as_str() {
        Ok(())
    } else {
        Err(format!("version {label} was not activated: {answer}"))
    }
}
