//! The snapshots' thread in steps: it and whoever steps it take turns, so a simulation is the same each time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::time::Duration;

use super::{Inbox, Told};

/// Lets the snapshots' thread go on, step by step. Once it is dropped, the thread gives up what is under way.
#[derive(Debug)]
pub struct SnapshotSteps {
    go: SyncSender<()>,
    waits: Receiver<()>,
}

/// What a thread that goes in steps is told.
pub(crate) struct SteppedInbox {
    told: Receiver<Told>,
    go: Receiver<()>,
    waits: Sender<()>,
}

/// Steps, and what the thread that makes them listens to.
pub(crate) fn steps(told: Receiver<Told>) -> (SnapshotSteps, SteppedInbox) {
    let (go, goes) = sync_channel(0);
    let (wait, waits) = channel();
    (SnapshotSteps { go, waits }, SteppedInbox { told, go: goes, waits: wait })
}

impl SnapshotSteps {
    /// Has the thread take up what it was told, or that it was told nothing in time, and go on until it
    /// waits again; whether it still runs.
    pub fn step(&self) -> bool {
        self.go.send(()).is_ok() && self.wait()
    }

    /// Waits until the thread waits: for the first step.
    pub(crate) fn wait(&self) -> bool {
        self.waits.recv().is_ok()
    }
}

impl Inbox for SteppedInbox {
    fn next(&mut self, within: Option<Duration>) -> Result<Told, RecvTimeoutError> {
        loop {
            let goes_on = self.waits.send(()).is_ok() && self.go.recv().is_ok();
            if !goes_on {
                return Err(RecvTimeoutError::Disconnected);
            }
            match (self.told.try_recv(), within) {
                (Ok(told), _) => return Ok(told),
                (Err(TryRecvError::Disconnected), _) => return Err(RecvTimeoutError::Disconnected),
                (Err(TryRecvError::Empty), Some(_)) => return Err(RecvTimeoutError::Timeout),
                (Err(TryRecvError::Empty), None) => {}
            }
        }
    }
}
