//! Starts the partitions of an app.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use vencejo_core::PartitionState;
use vencejo_core::plan::App;
use vencejo_journal::Committer;
use vencejo_types::PartitionId;

use crate::clock::Clock;
use crate::kept::{Kept, Recovery};
use crate::lanes::Lanes;
use crate::ledger::Ledger;
use crate::partition::{PartitionActor, Worker};
use crate::replay::partition_id;
use crate::resident;
use crate::router::{Partition, Router, thread_of};
use crate::serving::Serving;
use crate::ticker::Ticker;

/// Starts `partitions` partitions of `app` in memory, which take turns over `threads` threads: the calling
/// one and `threads - 1` more. Call it within an actix system, whose end
/// ends them all.
///
/// # Panics
/// Outside an actix system.
pub fn start(app: &Arc<App>, partitions: u32, threads: usize) -> Router {
    let states = (0..partitions).map(|_| PartitionState::new(Arc::clone(app))).collect();
    start_with(app, None, states, threads)
}

/// Starts the partitions that a data folder held, and the thread that keeps it, as [`start`].
///
/// # Errors
/// When no thread can be had.
///
/// # Panics
/// As [`start`].
pub fn start_recovered(app: &Arc<App>, recovery: Recovery, threads: usize) -> io::Result<Router> {
    let (kept, committer, states) = recovery.into_parts();
    kept.journal.start(committer)?;
    Ok(start_with(app, Some(Arc::new(kept)), states, threads))
}

/// Starts the partitions that a data folder held, as [`start`]. Nothing is written until the caller steps the
/// committer: for simulations.
///
/// # Panics
/// As [`start`].
pub fn start_stepped(app: &Arc<App>, recovery: Recovery, threads: usize) -> (Router, Committer) {
    let (kept, committer, states) = recovery.into_parts();
    (start_with(app, Some(Arc::new(kept)), states, threads), committer)
}

fn start_with(
    app: &Arc<App>,
    kept: Option<Arc<Kept>>,
    states: Vec<PartitionState>,
    threads: usize,
) -> Router {
    let last = states.iter().map(PartitionState::tick).max().unwrap_or_default();
    let clock = Clock::start().not_before(last);
    let mut arbiters: Vec<ArbiterHandle> = vec![Arbiter::current()];
    arbiters.extend((1..threads).map(|_| Arbiter::new().handle()));
    let start = |(index, state): (u32, PartitionState)| {
        let arbiter = &arbiters[thread_of(index, arbiters.len())];
        start_partition(partition_id(index), state, Ledger::new(index, kept.clone()), clock, arbiter)
    };
    let partitions = Arc::<[Partition]>::from((0..).zip(states).map(start).collect::<Vec<_>>());
    let router = Router::new(clock, partitions, arbiters, Arc::new(Serving::new(Arc::clone(app))), kept);
    actix_rt::spawn(Ticker::new(router.follow(), Arc::clone(&router.partitions)).run(clock));
    router
}

fn start_partition(
    id: PartitionId,
    state: PartitionState,
    ledger: Ledger,
    clock: Clock,
    arbiter: &ArbiterHandle,
) -> Partition {
    let lanes = Arc::new(Lanes::new());
    let emitted = Arc::<AtomicU64>::default();
    let emitted_by_actor = Arc::clone(&emitted);
    let lanes_of_actor = Arc::clone(&lanes);
    let address = PartitionActor::start_in_arbiter(arbiter, move |_| {
        let worker = Worker::new(id, state, ledger, Arc::clone(&lanes_of_actor), clock, emitted_by_actor);
        let worker = Rc::new(RefCell::new(worker));
        resident::register(lanes_of_actor, &worker);
        PartitionActor::new(worker)
    });
    Partition { lanes, address, emitted }
}
