//! Starts the partitions of an app.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use vencejo_core::plan::App;
use vencejo_journal::Committer;
use vencejo_types::PartitionId;

use crate::clock::Clock;
use crate::figures::Figures;
use crate::kept::{Kept, Recovery};
use crate::lanes::Lanes;
use crate::ledger::Ledger;
use crate::partition::{PartitionActor, Worker};
use crate::replay::partition_id;
use crate::resident;
use crate::router::{Partition, Router, thread_of};
use crate::serving::Serving;
use crate::snapshots::{Keeper, Revived, Snapshots};
use crate::ticker::Ticker;

/// Starts `partitions` partitions of `app` in memory, which take turns over `threads` threads: the calling
/// one and `threads - 1` more. Call it within an actix system, whose end
/// ends them all.
///
/// # Panics
/// Outside an actix system.
pub fn start(app: &Arc<App>, partitions: u32, threads: usize) -> Router {
    let revived = (0..partitions).map(|_| Revived::new(app)).collect();
    start_with(app, None, revived, threads)
}

/// Starts the partitions that a data folder held, the thread that keeps their journal and the one that takes
/// snapshots, as [`start`].
///
/// # Errors
/// When no thread can be had.
///
/// # Panics
/// As [`start`].
pub fn start_recovered(app: &Arc<App>, recovery: Recovery, threads: usize) -> io::Result<Router> {
    let is_behind = recovery.found.events > 0;
    let (kept, committer, revived, plan, snapshots) = recovery.into_parts();
    kept.journal.start(committer)?;
    let kept = Arc::new(kept);
    let mut router = start_with(app, Some(Arc::clone(&kept)), revived, threads);
    let (tell, told) = channel();
    let keeper = Keeper {
        plan,
        storage: Arc::clone(&kept.storage),
        appended: if is_behind { u64::MAX } else { kept.journal.appended() },
        kept: Arc::clone(&kept),
        partitions: Arc::clone(&router.partitions),
        clock: router.clock(),
        generations: snapshots.usable,
        unusable: snapshots.unusable,
        tell: tell.clone(),
        told,
        captures: 0,
        waiting: Vec::new(),
    };
    let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || keeper.run())?;
    router.snapshots = Some(Snapshots::new(tell, thread));
    Ok(router)
}

/// Starts the partitions that a data folder held, as [`start`]. Nothing is written until the caller steps the
/// committer, and no snapshots are taken: for simulations.
///
/// # Panics
/// As [`start`].
pub fn start_stepped(app: &Arc<App>, recovery: Recovery, threads: usize) -> (Router, Committer) {
    let (kept, committer, revived, ..) = recovery.into_parts();
    (start_with(app, Some(Arc::new(kept)), revived, threads), committer)
}

fn start_with(app: &Arc<App>, kept: Option<Arc<Kept>>, revived: Vec<Revived>, threads: usize) -> Router {
    let last = revived.iter().map(|revived| revived.state.tick()).max().unwrap_or_default();
    let clock = Clock::start().not_before(last);
    let mut arbiters: Vec<ArbiterHandle> = vec![Arbiter::current()];
    arbiters.extend((1..threads).map(|_| Arbiter::new().handle()));
    let start = |(index, revived): (u32, Revived)| {
        let arbiter = &arbiters[thread_of(index, arbiters.len())];
        start_partition(partition_id(index), revived, Ledger::new(index, kept.clone()), clock, arbiter)
    };
    let partitions = Arc::<[Partition]>::from((0..).zip(revived).map(start).collect::<Vec<_>>());
    let router = Router::new(clock, partitions, arbiters, Arc::new(Serving::new(Arc::clone(app))), kept);
    actix_rt::spawn(Ticker::new(router.follow(), Arc::clone(&router.partitions)).run(clock));
    router
}

fn start_partition(
    id: PartitionId,
    revived: Revived,
    ledger: Ledger,
    clock: Clock,
    arbiter: &ArbiterHandle,
) -> Partition {
    let lanes = Arc::new(Lanes::new());
    let figures = Arc::<Figures>::default();
    let figures_of_actor = Arc::clone(&figures);
    let lanes_of_actor = Arc::clone(&lanes);
    let address = PartitionActor::start_in_arbiter(arbiter, move |_| {
        let worker = Worker::new(id, revived, ledger, Arc::clone(&lanes_of_actor), clock, figures_of_actor);
        let worker = Rc::new(RefCell::new(worker));
        resident::register(lanes_of_actor, &worker);
        PartitionActor::new(worker)
    });
    Partition { lanes, address, figures }
}
