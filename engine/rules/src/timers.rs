//! When to look at a rule's runs of a key again, because WITHIN may have run out.
//!
//! Each [`crate::runs::RuleRuns`] has one look at most that counts, not later than its earliest deadline. A
//! look that comes too early asks again; so runs that come and go, as most do, ask once per WITHIN and not
//! once each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Without a deadline.
pub(crate) const NEVER: i64 = i64::MAX;

/// A look that is due. It counts where the runs still have its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Look {
    pub deadline: i64,
    pub ticket: u64,
    /// The place of the runs.
    pub runs: u32,
}

/// Looks by deadline, of equal ones in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    looks: BinaryHeap<Reverse<Look>>,
    ticket: u64,
}

impl Timers {
    /// Asks for a look; the ticket says that it is the one which counts.
    pub fn ask(&mut self, deadline: i64, runs: u32) -> u64 {
        self.ticket += 1;
        self.looks.push(Reverse(Look { deadline, ticket: self.ticket, runs }));
        self.ticket
    }

    /// The next look whose deadline has come.
    #[inline]
    pub fn due(&mut self, now: i64) -> Option<Look> {
        match self.looks.peek() {
            Some(Reverse(look)) if look.deadline <= now => self.looks.pop().map(|Reverse(look)| look),
            _ => None,
        }
    }

    /// How many looks there are, those included that no longer count.
    pub fn len(&self) -> usize {
        self.looks.len()
    }

    /// Lets the looks go that do not count. Cost: linear in the looks.
    pub fn sweep(&mut self, mut counts: impl FnMut(&Look) -> bool) {
        self.looks.retain(|Reverse(look)| counts(look));
    }

    pub fn bytes(&self) -> usize {
        self.looks.capacity() * size_of::<Look>()
    }
}
