//! A binary heap in pages: the least entry first.

use std::cell::Cell;

use super::{List, Stored, Visitor};

/// Entries, the least first. Which of equal ones comes first follows from what was pushed and popped.
#[derive(Debug)]
pub(crate) struct Heap<T> {
    entries: List<T>,
    /// A page that it needed could not be had: its order is not to be relied upon.
    is_damaged: Cell<bool>,
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { entries: List::default(), is_damaged: Cell::new(false) }
    }
}

impl<T: Stored + Ord + Default> Heap<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a page that it needed could not be had.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.get()
    }

    /// The least entry.
    pub fn peek(&self) -> Option<&T> {
        let least = self.entries.get(0);
        if least.is_none() && !self.entries.is_empty() {
            self.is_damaged.set(true);
        }
        least
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: T) {
        let at = self.entries.len();
        if !self.entries.push(entry) || self.rise(at).is_none() {
            self.is_damaged.set(true);
        }
    }

    /// Takes the least entry.
    pub fn pop(&mut self) -> Option<T> {
        if self.entries.is_empty() {
            return None;
        }
        let popped = self.take_first();
        if popped.is_none() {
            self.is_damaged.set(true);
        }
        popped
    }

    fn take_first(&mut self) -> Option<T> {
        self.entries.get(0)?;
        let last = self.entries.pop()?;
        if self.entries.is_empty() {
            return Some(last);
        }
        let first = std::mem::replace(self.entries.get_mut(0)?, last);
        self.sink()?;
        Some(first)
    }

    /// Moves an entry up to where it belongs.
    fn rise(&mut self, mut at: usize) -> Option<()> {
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.entries.get(at)? >= self.entries.get(parent)? {
                break;
            }
            self.swap(at, parent)?;
            at = parent;
        }
        Some(())
    }

    /// Moves the first entry down to where it belongs.
    fn sink(&mut self) -> Option<()> {
        let (mut at, len) = (0, self.entries.len());
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= len {
                return Some(());
            }
            let goes_right = right < len && self.entries.get(right)? < self.entries.get(left)?;
            let least = if goes_right { right } else { left };
            if self.entries.get(least)? >= self.entries.get(at)? {
                return Some(());
            }
            self.swap(at, least)?;
            at = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) -> Option<()> {
        let first = std::mem::take(self.entries.get_mut(a)?);
        let second = std::mem::replace(self.entries.get_mut(b)?, first);
        *self.entries.get_mut(a)? = second;
        Some(())
    }

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.entries.visit(visitor);
    }

    /// Bytes that it holds, without what entries hold elsewhere.
    pub fn bytes(&self) -> usize {
        self.entries.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn equals_the_library(
            steps in prop::collection::vec(prop::option::weighted(0.6, 0_u64..1_000), 0..4_000),
        ) {
            let (mut heap, mut twin) = (Heap::<u64>::default(), BinaryHeap::new());
            for step in steps {
                match step {
                    Some(number) => {
                        heap.push(number);
                        twin.push(Reverse(number));
                    }
                    None => prop_assert_eq!(heap.pop(), twin.pop().map(|Reverse(number)| number)),
                }
                let least = twin.peek().map(|Reverse(number)| number);
                prop_assert_eq!((heap.len(), heap.peek()), (twin.len(), least));
            }
            prop_assert!(!heap.is_damaged());
        }
    }
}
