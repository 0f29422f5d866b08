//! What is done for a partition on threads of their own, and what comes of it.

use std::pin::Pin;

use tokio::sync::oneshot;

use super::Worker;
use super::failure::{Health, Rebuilt};
use crate::kept::Rebuilding;
use crate::snapshots::Revived;

/// Something under way elsewhere; its actor brings the result back.
pub(super) type Errand = Pin<Box<dyn Future<Output = Done>>>;

/// What came of an errand.
pub(super) enum Done {
    /// The state is to be that before an event that the core failed on.
    Rebuilt(Rebuilt),
    /// The state from an older snapshot, nearly as far as the one that is served.
    Repaired(Result<Box<Rebuilding>, String>),
    /// The same, as far.
    ChangedOver(Result<Revived, String>),
}

impl Worker {
    /// What has to be done elsewhere now, if anything.
    pub(super) fn errand(&mut self) -> Option<Errand> {
        if let Health::Poisoned(_) = self.health { self.rebuild() } else { self.repair() }
    }

    /// Goes on with what came of an errand; there may be another one.
    pub(super) fn take_done(&mut self, done: Done) -> Option<Errand> {
        match done {
            Done::Rebuilt(rebuilt) => self.resume(rebuilt),
            Done::Repaired(Ok(rebuilding)) => return self.change_over(*rebuilding),
            Done::Repaired(Err(reason)) => self.stay_damaged(&reason),
            Done::ChangedOver(revived) => self.changed_over(revived),
        }
        None
    }
}

/// Runs on a thread of its own.
pub(super) async fn elsewhere<R: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<R, String> + Send + 'static,
) -> Result<R, String> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The engine may have stopped.
        let _ = done.send(work());
    });
    thread.map_err(|error| error.to_string())?;
    result.await.unwrap_or_else(|_| Err("reading the data folder panicked".to_owned()))
}
