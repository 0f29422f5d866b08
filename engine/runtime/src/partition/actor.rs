//! The actor of a partition: woken by a nudge, it has the worker serve what waits.

use std::cell::RefCell;
use std::rc::Rc;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};

use super::Worker;
use super::errand::Errand;

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
        let errand = worker.errand();
        let goes_on = !worker.is_rebuilding();
        drop(worker);
        errand.into_iter().for_each(|errand| Self::send(errand, ctx));
        if goes_on {
            let others = tokio::task::yield_now().into_actor(self);
            ctx.spawn(others.map(|(), actor, ctx| actor.drain(ctx)));
        }
    }

    /// Has the worker go on with what comes of an errand.
    fn send(errand: Errand, ctx: &mut Context<Self>) {
        ctx.spawn(actix::fut::wrap_future(errand).map(|done, actor: &mut Self, ctx| {
            let next = actor.worker.borrow_mut().take_done(done);
            match next {
                Some(errand) => Self::send(errand, ctx),
                None => actor.drain(ctx),
            }
        }));
    }
}

impl Actor for PartitionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What the snapshot has is loaded from now on, whether requests come or not.
        let has_begun = self.worker.borrow().has_begun();
        if has_begun {
            self.drain(ctx);
        }
    }
}

impl Handler<Nudge> for PartitionActor {
    type Result = ();

    fn handle(&mut self, _nudge: Nudge, ctx: &mut Self::Context) {
        self.drain(ctx);
    }
}
