//! Starts the partitions of an app.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use tokio::runtime::Handle;
use vencejo_core::plan::App;
use vencejo_journal::Committer;
use vencejo_journal::bugs;
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
use crate::snapshots::{Inbox, Keeper, Revived, SnapshotSteps, Snapshots, Told, steps};
use crate::ticker::Ticker;

/// Starts `partitions` partitions of `app` in memory, which take turns over `threads` threads: the calling
/// one and `threads - 1` more. Call it within an actix system, whose end
/// ends them all.
///
/// # Panics
/// Outside an actix system.
pub fn start(app: &Arc<App>, partitions: u32, threads: usize) -> Router {
    let revived = (0..partitions).map(|_| Revived::new(app)).collect();
    start_with(app, Clock::start(), None, revived, threads)
}

/// Starts the partitions that a data folder held, the thread that keeps their journal and the one that takes
/// snapshots, as [`start`]. What nobody waits for is on disk `lag` later.
///
/// # Errors
/// When no thread can be had.
///
/// # Panics
/// As [`start`].
pub fn start_recovered(
    app: &Arc<App>,
    recovery: Recovery,
    threads: usize,
    lag: Duration,
) -> io::Result<Router> {
    let start = |kept, revived| start_with(app, Clock::start(), kept, revived, threads);
    let (tell, told) = channel();
    let (mut router, committer, keeper) = bring_up(recovery, start, tell, Box::new(told));
    router.kept().map_or(Ok(()), |kept| kept.journal.start(committer, lag))?;
    router.snapshots = Some(Snapshots::start(keeper, Keeper::run)?);
    Ok(router)
}

/// An engine that does nothing on its own that touches the disk.
pub struct Stepped {
    /// The way in. Its partitions work whenever the thread's tasks run.
    pub router: Router,
    /// Writes the journal.
    pub committer: Committer,
    /// Writes snapshots.
    pub snapshots: SnapshotSteps,
}

/// Starts the partitions that a data folder held, as [`start`], on the calling thread. Nothing is written
/// until the caller steps the committer or the snapshots: for simulations, whose clock is this one.
///
/// # Errors
/// When no thread can be had.
///
/// # Panics
/// As [`start`].
pub fn start_stepped(app: &Arc<App>, recovery: Recovery, clock: Clock) -> io::Result<Stepped> {
    let start = |kept, revived| start_with(app, clock, kept, revived, 1);
    let (tell, told) = channel();
    let (snapshots, inbox) = steps(told);
    let (mut router, committer, keeper) = bring_up(recovery, start, tell, Box::new(inbox));
    let (runtime, inherit) = (Handle::current(), bugs::inheritance());
    router.snapshots = Some(Snapshots::start(keeper, move |keeper| {
        // Where the time is that of the simulation.
        let _entered = runtime.enter();
        inherit();
        keeper.run();
    })?);
    if !snapshots.wait() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(Stepped { router, committer, snapshots })
}

/// Brings up the partitions and what takes their snapshots, which does not run yet.
fn bring_up(
    recovery: Recovery,
    start: impl FnOnce(Option<Arc<Kept>>, Vec<Revived>) -> Router,
    tell: Sender<Told>,
    told: Box<dyn Inbox>,
) -> (Router, Committer, Keeper) {
    let is_behind = recovery.found.events > 0;
    let (kept, committer, revived, plan, snapshots) = recovery.into_parts();
    let kept = Arc::new(kept);
    let router = start(Some(Arc::clone(&kept)), revived);
    let keeper = Keeper {
        plan,
        storage: Arc::clone(&kept.storage),
        appended: if is_behind { u64::MAX } else { kept.journal.appended() },
        kept,
        partitions: Arc::clone(&router.partitions),
        clock: router.clock(),
        generations: snapshots.usable,
        unusable: snapshots.unusable,
        tell,
        told,
        captures: 0,
        waiting: Vec::new(),
    };
    (router, committer, keeper)
}

fn start_with(
    app: &Arc<App>,
    clock: Clock,
    kept: Option<Arc<Kept>>,
    revived: Vec<Revived>,
    threads: usize,
) -> Router {
    let last = revived.iter().map(|revived| revived.state.tick()).max().unwrap_or_default();
    let clock = clock.not_before(last);
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
