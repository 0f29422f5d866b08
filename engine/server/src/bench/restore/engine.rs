//! An engine in a process of its own, that can be killed and started again on its data folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::failure::Failure;

const START_TIMEOUT: Duration = Duration::from_secs(600);
/// What a partition says once nothing is on disk alone.
const LOADED: &str = "all of the snapshot is loaded";

/// A folder that goes with this value.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A folder with an app in it.
    pub(super) fn new(app: &str) -> Result<Self, Failure> {
        let scratch =
            Self(std::env::temp_dir().join(format!("vencejo-bench-restore-{}", std::process::id())));
        let failed = |error| Failure::runtime(format!("{} cannot be made: {error}", scratch.0.display()));
        std::fs::create_dir_all(scratch.app()).map_err(failed)?;
        std::fs::write(scratch.app().join("app.sql"), app).map_err(failed)?;
        Ok(scratch)
    }

    fn app(&self) -> PathBuf {
        self.0.join("profiles")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How the engine is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) partitions: u32,
    /// Megabytes of a snapshot in a second.
    pub(super) rate: u32,
}

/// A running engine. It ends with this value.
pub(super) struct Engine {
    child: Child,
    pub(super) address: SocketAddr,
    loaded: Receiver<()>,
    partitions: u32,
}

impl Engine {
    /// Starts this program again, to serve, and waits until it does.
    pub(super) fn start(scratch: &Scratch, setup: Setup) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::runtime(format!("the engine did not start: {reason}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let started = Command::new(program)
            .args(["serve", "--quic", "127.0.0.1:0", "--snapshot-interval", "off"])
            .args(["--snapshot-rate", &setup.rate.to_string()])
            .args(["--partitions", &setup.partitions.to_string()])
            .args([Path::new("--app"), &scratch.app(), Path::new("--data"), &scratch.data()])
            .env("VENCEJO_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|error| failed(error.to_string()))?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let (say, ready) = channel();
        let (tell, loaded) = channel();
        let mut engine =
            Self { child, address: ([0, 0, 0, 0], 0).into(), loaded, partitions: setup.partitions };
        std::thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // Nobody may be listening any more.
            lines.map_while(Result::ok).for_each(|line| drop(say.send(line)));
        });
        std::thread::spawn(move || {
            let lines = errors.into_iter().flat_map(|errors| BufReader::new(errors).lines());
            for _ in lines.map_while(Result::ok).filter(|line| line.contains(LOADED)) {
                let _ = tell.send(());
            }
        });
        let line = ready.recv_timeout(START_TIMEOUT).map_err(|error| failed(error.to_string()))?;
        let address = line.strip_prefix("ready quic=").and_then(|address| address.parse().ok());
        engine.address = address.ok_or_else(|| failed(format!("it said '{line}'")))?;
        Ok(engine)
    }

    /// Waits until every partition has loaded all of its snapshot.
    pub(super) fn wait_until_loaded(&self) -> Result<(), Failure> {
        let wait = |_| self.loaded.recv_timeout(START_TIMEOUT);
        let waited = (0..self.partitions).try_for_each(wait);
        waited.map_err(|_| Failure::runtime("the engine did not load all of its snapshot"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
