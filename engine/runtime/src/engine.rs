//! Starts the partitions of an app.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix::Actor;
use actix_rt::{Arbiter, ArbiterHandle};
use vencejo_core::plan::App;
use vencejo_types::{PartitionId, TenantId};

use crate::clock::Clock;
use crate::lanes::Lanes;
use crate::partition::PartitionActor;
use crate::router::{Partition, Router};
use crate::serving::Serving;
use crate::ticker::Ticker;

/// Starts `partitions` partitions of `app`, spread over `threads` threads: the calling one, which is the
/// one where sessions belong too, and `threads - 1` more. Call it within an actix system, whose end ends
/// them all.
///
/// # Panics
/// Outside an actix system.
pub fn start(app: Arc<App>, partitions: u32, threads: usize) -> Router {
    let clock = Clock::start();
    let mut arbiters: Vec<ArbiterHandle> = vec![Arbiter::current()];
    arbiters.extend((1..threads).map(|_| Arbiter::new().handle()));
    let partitions = (0..partitions)
        .map(|index| {
            let id = PartitionId { tenant: TenantId::DEFAULT, index };
            let arbiter = &arbiters[index as usize % arbiters.len()];
            start_partition(id, &app, clock, arbiter)
        })
        .collect::<Vec<_>>();
    let partitions = Arc::<[Partition]>::from(partitions);
    let router = Router::new(clock, partitions, Arc::new(Serving::new(app)));
    actix_rt::spawn(Ticker::new(router.follow(), Arc::clone(&router.partitions)).run(clock));
    router
}

fn start_partition(id: PartitionId, app: &Arc<App>, clock: Clock, arbiter: &ArbiterHandle) -> Partition {
    let lanes = Arc::new(Lanes::new());
    let emitted = Arc::<AtomicU64>::default();
    let emitted_by_actor = Arc::clone(&emitted);
    let (app, lanes_of_actor) = (Arc::clone(app), Arc::clone(&lanes));
    let address = PartitionActor::start_in_arbiter(arbiter, move |_| {
        PartitionActor::new(id, app, lanes_of_actor, clock, emitted_by_actor)
    });
    Partition { lanes, address, emitted }
}
