//! The requests of one connection that wait for their replies.

use super::limits::IN_FLIGHT_MAX;

/// A fixed ring from request number to due time. A number's slot is its remainder, so that the oldest
/// request without a reply holds up the one that is [`IN_FLIGHT_MAX`] behind it. Allocates once.
#[derive(Debug)]
pub(super) struct InFlight {
    slots: Box<[Slot]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The request's number; 0 where the slot is free.
    request: u64,
    due_nanos: u64,
}

impl InFlight {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); IN_FLIGHT_MAX].into_boxed_slice() }
    }

    /// Notes a request (its number is not 0) as sent; whether there was room for it.
    pub(super) fn insert(&mut self, request: u64, due_nanos: u64) -> bool {
        let slot = self.slot(request);
        if slot.request != 0 {
            return false;
        }
        *slot = Slot { request, due_nanos };
        true
    }

    /// When the request with this number was due, if it waits for a reply; now it does not any more.
    pub(super) fn remove(&mut self, request: u64) -> Option<u64> {
        let slot = self.slot(request);
        if request == 0 || slot.request != request {
            return None;
        }
        slot.request = 0;
        Some(slot.due_nanos)
    }

    fn slot(&mut self, request: u64) -> &mut Slot {
        let index = request % self.slots.len() as u64;
        &mut self.slots[usize::try_from(index).expect("a remainder of a usize fits one")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = IN_FLIGHT_MAX as u64;

    #[test]
    fn replies_find_their_request_in_any_order() {
        let mut ring = InFlight::new();
        assert!((1..=4).all(|request| ring.insert(request, request * 100)));
        for request in [3, 1, 4, 2] {
            assert_eq!(ring.remove(request), Some(request * 100));
        }
    }

    #[test]
    fn a_second_reply_and_a_strange_one_are_noticed() {
        let mut ring = InFlight::new();
        assert!(ring.insert(1, 7));
        assert_eq!(ring.remove(1), Some(7));
        for request in [0, 1, 2, 1 + MAX, u64::MAX] {
            assert_eq!(ring.remove(request), None, "{request}");
        }
    }

    #[test]
    fn a_full_ring_refuses_and_takes_again() {
        let mut ring = InFlight::new();
        assert!((1..=MAX).all(|request| ring.insert(request, request)));
        assert!(!ring.insert(MAX + 1, 0));
        assert_eq!(ring.remove(MAX + 1), None, "it was not taken");
        assert_eq!(ring.remove(1), Some(1));
        assert!(ring.insert(MAX + 1, 9));
        assert_eq!(ring.remove(MAX + 1), Some(9));
    }
}
