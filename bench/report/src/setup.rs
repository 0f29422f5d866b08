//! What every group of rows measures with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::engine::Engine;
use crate::sample::{FrameBytes, Sample, measure};

/// The program, and how long to measure.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program to measure.
    pub program: PathBuf,
    /// The workspace.
    pub root: PathBuf,
    /// How often each measurement is made.
    pub rounds: usize,
    /// How long each takes, its warm-up not counted.
    pub seconds: f64,
    /// Whether a look is enough: less of what takes long.
    pub quick: bool,
}

/// Something that a setup of bench/peers installs.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// A file of the workspace that is there when it is.
    pub made: &'static str,
    /// How to install it.
    pub setup: &'static str,
}

/// Redis, with its own benchmark.
pub const REDIS: Peer =
    Peer { made: "target/peers-redis/usr/bin/redis-benchmark", setup: "bench/peers/redis/setup" };

impl Peer {
    /// That it is not installed.
    pub fn missing(self) -> String {
        format!("the peer is not here; run {}", self.setup)
    }
}

/// Why a group has no rows.
#[derive(Debug, PartialEq)]
pub enum Problem {
    /// What it needs is not here; how to get it.
    Skipped(String),
    /// It went wrong.
    Failed(String),
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Setup {
    /// The same, with measurements of this length.
    pub fn lasting(&self, seconds: f64) -> Self {
        Self { seconds, ..self.clone() }
    }

    /// The folder of one of the workspace's apps.
    pub fn app(&self, name: &str) -> PathBuf {
        self.root.join("apps").join(name)
    }

    /// An engine that serves the ads app with these options.
    pub fn ads(&self, options: &[&str]) -> Result<Engine, String> {
        Engine::start(&self.program, &self.app("ads"), options)
    }

    /// Decisions of an engine of the ads app that is there for them alone.
    pub fn decide_anew(&self, options: &[&str], load: &[&str]) -> Result<Sample, String> {
        let mut engine = self.ads(options)?;
        let sample = self.decide(engine.address(), load)?;
        engine.stop().map(|()| sample)
    }

    /// Decisions of the engine at this address.
    pub fn decide(&self, address: &str, load: &[&str]) -> Result<Sample, String> {
        self.bench(&["decide", "--connect", address], load)
    }

    /// Batches of made-up rows, to the engine at this address.
    pub fn ingest(&self, address: &str, stream: &str, load: &[&str]) -> Result<Sample, String> {
        self.bench(&["ingest", stream, "--connect", address], load)
    }

    /// The bare transport with frames of these lengths.
    pub fn echo(&self, frames: FrameBytes, load: &[&str]) -> Result<Sample, String> {
        let (request, reply) = (frames.request.to_string(), frames.reply.to_string());
        self.bench(&["echo", "--request-bytes", &request, "--reply-bytes", &reply], load)
    }

    fn bench(&self, bench: &[&str], load: &[&str]) -> Result<Sample, String> {
        let seconds = self.seconds.to_string();
        let arguments = [bench, load, &["--seconds", &seconds]].concat();
        measure(&self.program, &arguments.into_iter().map(str::to_owned).collect::<Vec<_>>())
    }

    /// The last JSON object that a program of the workspace prints.
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Result<Value, String> {
        last_object(Command::new(program).current_dir(&self.root).args(arguments))
    }

    /// What a peer's setup has made.
    pub fn peer(&self, peer: Peer) -> Result<PathBuf, Problem> {
        let path = self.root.join(peer.made);
        if path.exists() { Ok(path) } else { Err(Problem::Skipped(peer.missing())) }
    }

    /// How long the frames are of the decisions of the engine at this address.
    pub fn frame_bytes(&self, address: &str) -> Result<FrameBytes, String> {
        Ok(self.decide(address, &["--rate", "1000"])?.frame_bytes)
    }

    /// Measures in turns, so that all meet the same machine: each of these once in every round. Gives the
    /// values of each over the rounds.
    pub fn in_turns<T, const N: usize>(
        &self,
        mut measure: [&mut dyn FnMut() -> Result<T, String>; N],
    ) -> Result<[Vec<T>; N], String> {
        self.over(std::array::from_fn(|place| place), |place: usize| measure[place]())
    }

    /// The same, where one thing is measured for several cases.
    pub fn over<C: Copy, T, const N: usize>(
        &self,
        cases: [C; N],
        mut measure: impl FnMut(C) -> Result<T, String>,
    ) -> Result<[Vec<T>; N], String> {
        let mut all = [const { Vec::new() }; N];
        for _ in 0..self.rounds {
            for (case, values) in cases.into_iter().zip(&mut all) {
                values.push(measure(case)?);
            }
        }
        Ok(all)
    }
}

/// The last JSON object that a command prints.
pub fn last_object(command: &mut Command) -> Result<Value, String> {
    let ran = command.stdin(Stdio::null()).output();
    let program = PathBuf::from(command.get_program());
    let program = program.display();
    let ran = ran.map_err(|error| format!("{program} cannot be run: {error}"))?;
    let printed = String::from_utf8_lossy(&ran.stdout);
    let last = printed.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    last.filter(|_| ran.status.success()).ok_or_else(|| {
        let said = String::from_utf8_lossy(&ran.stderr);
        let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        format!("{program} failed: {line}")
    })
}

/// One number of each sample.
pub fn each(samples: &[Sample], pick: impl Fn(&Sample) -> f64) -> Vec<f64> {
    samples.iter().map(pick).collect()
}
