//! The two bounded queues in front of a partition.
//!
//! The queues carry the requests; the actor's mailbox carries only the nudge that there are some, and
//! only when none is on its way already.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use vencejo_core::plan::{self, Stream};
use vencejo_types::limits::{FAST_LANE_REQUESTS_MAX, NORMAL_LANE_REQUESTS_MAX};

use crate::request::Request;

/// Which queue a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Decisions and emergencies: always served first.
    Fast,
    /// Everything else.
    Normal,
}

impl Lane {
    /// The lane of a stream's events.
    pub(crate) fn of(stream: &Stream) -> Self {
        match stream.options.lane {
            Some(plan::Lane::Fast) => Self::Fast,
            Some(plan::Lane::Normal) | None => Self::Normal,
        }
    }
}

pub(crate) struct Lanes {
    fast: ArrayQueue<Request>,
    normal: ArrayQueue<Request>,
    scheduled: CachePadded<AtomicBool>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            fast: ArrayQueue::new(FAST_LANE_REQUESTS_MAX),
            normal: ArrayQueue::new(NORMAL_LANE_REQUESTS_MAX),
            scheduled: CachePadded::new(AtomicBool::new(false)),
        }
    }

    /// Queues a request. Tells whether the partition must be nudged; gives the request back when the
    /// lane is full.
    #[expect(clippy::result_large_err, reason = "a request that finds no room comes back whole, and rarely")]
    pub(crate) fn push(&self, lane: Lane, request: Request) -> Result<bool, Request> {
        match lane {
            Lane::Fast => self.fast.push(request)?,
            Lane::Normal => self.normal.push(request)?,
        }
        Ok(!self.scheduled.swap(true, Ordering::SeqCst))
    }

    pub(crate) fn pop_fast(&self) -> Option<Request> {
        self.fast.pop()
    }

    pub(crate) fn pop_normal(&self) -> Option<Request> {
        self.normal.pop()
    }

    /// The partition found both lanes empty. Tells whether it may rest: not when a request came in
    /// between, whose sender saw it scheduled and did not nudge.
    pub(crate) fn rest(&self) -> bool {
        self.scheduled.store(false, Ordering::SeqCst);
        let idle = self.fast.is_empty() && self.normal.is_empty();
        idle || self.scheduled.swap(true, Ordering::SeqCst)
    }

    /// There is something to do besides requests. Tells whether the partition must be nudged.
    pub(crate) fn wake(&self) -> bool {
        !self.scheduled.swap(true, Ordering::SeqCst)
    }

    /// Whether nothing waits and no drain is under way.
    pub(crate) fn is_idle(&self) -> bool {
        !self.scheduled.load(Ordering::SeqCst) && self.fast.is_empty() && self.normal.is_empty()
    }
}
