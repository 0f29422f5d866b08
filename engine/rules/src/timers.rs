//! When to look at a rule's runs of a key again, because WITHIN may have run out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Without a timer.
pub(crate) const NEVER: i64 = i64::MAX;

/// A look that is due. It counts where the runs still have its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Look {
    pub deadline: i64,
    pub ticket: u64,
    pub place: u32,
    pub rule: u32,
}

/// Looks by deadline, of equal ones in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    looks: BinaryHeap<Reverse<Look>>,
    ticket: u64,
    /// Looks that count.
    live: usize,
}

/// Below this many looks those that no longer count stay.
const LOOKS_MIN: usize = 64;

impl Timers {
    /// Asks for a look, in place of an earlier one where there is such. The ticket says which counts.
    pub fn ask(&mut self, deadline: i64, place: u32, rule: u32, replaces: bool) -> u64 {
        self.ticket += 1;
        self.live += usize::from(!replaces);
        self.looks.push(Reverse(Look { deadline, ticket: self.ticket, place, rule }));
        self.ticket
    }

    /// Says that a look no longer counts.
    pub fn forget(&mut self) {
        self.live -= 1;
    }

    /// Whether most looks no longer count.
    pub fn is_stale(&self) -> bool {
        self.looks.len() > LOOKS_MIN && self.looks.len() > 2 * self.live
    }

    /// Lets the looks go that do not count. Cost: linear in the looks, once as many have been asked for.
    pub fn sweep(&mut self, mut counts: impl FnMut(&Look) -> bool) {
        self.looks.retain(|Reverse(look)| counts(look));
    }

    /// The next look whose deadline has come.
    #[inline]
    pub fn due(&mut self, now: i64) -> Option<Look> {
        match self.looks.peek() {
            Some(Reverse(look)) if look.deadline <= now => self.looks.pop().map(|Reverse(look)| look),
            _ => None,
        }
    }

    pub fn bytes(&self) -> usize {
        self.looks.capacity() * size_of::<Look>()
    }
}
