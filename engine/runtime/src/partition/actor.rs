//! The actor of a partition: woken by a nudge, it has the worker serve what waits.

use std::cell::RefCell;
use std::rc::Rc;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};

use super::Worker;

/// Tells a partition that its lanes hold something.
pub(crate) struct Nudge;

impl Message for Nudge {
    type Result = ();
}

/// Wakes up where the lanes hold something that nobody else on the thread serves.
pub(crate) struct PartitionActor {
    worker: Rc<RefCell<Worker>>,
}

impl PartitionActor {
    pub(crate) fn new(worker: Rc<RefCell<Worker>>) -> Self {
        Self { worker }
    }

    /// Serves what waits; where that is much, lets the thread's other tasks run in between.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        let mut worker = self.worker.borrow_mut();
        if !worker.drain() {
            return;
        }
        let rebuilt = worker.rebuild();
        drop(worker);
        if let Some(rebuilt) = rebuilt {
            ctx.spawn(rebuilt.into_actor(self).map(|rebuilt, actor, ctx| {
                actor.worker.borrow_mut().resume(rebuilt);
                actor.drain(ctx);
            }));
        } else {
            let others = tokio::task::yield_now().into_actor(self);
            ctx.spawn(others.map(|(), actor, ctx| actor.drain(ctx)));
        }
    }
}

impl Actor for PartitionActor {
    type Context = Context<Self>;
}

impl Handler<Nudge> for PartitionActor {
    type Result = ();

    fn handle(&mut self, _nudge: Nudge, ctx: &mut Self::Context) {
        self.drain(ctx);
    }
}
