//! Labels for the leaves of a tree of any shape, so that most splits turn one bit.

use super::super::ranked::{RankedNode, RankedTree};

/// A label for each node: a split's left child has the split's own, its right child one nearby. Leaves have
/// labels of their own.
pub(super) struct Labels {
    labels: Vec<usize>,
    count: usize,
}

impl Labels {
    /// Labels for a tree of at most 256 leaves.
    ///
    /// Large subtrees choose first. A right child takes the free label that differs in the fewest bits, and
    /// of those the one with the most free labels around it.
    pub(super) fn new(tree: &RankedTree) -> Self {
        let count = tree.leaf_count().next_power_of_two();
        let sizes = sizes(tree);
        let mut this = Self { labels: vec![0; tree.nodes.len()], count };
        let mut used = vec![false; count];
        used[0] = true;
        let mut open = std::collections::BinaryHeap::from([(sizes[0], 0)]);
        while let Some((_, index)) = open.pop() {
            let RankedNode::Split { left, .. } = tree.nodes[index] else { continue };
            let label = this.labels[index];
            let free_around = |label: usize, used: &[bool]| {
                let bits = count.trailing_zeros();
                (0..bits).filter(|bit| !used[label ^ 1 << bit]).count()
            };
            let free = (0..count).filter(|other| !used[*other]);
            let near =
                |other: &usize| ((label ^ other).count_ones(), usize::MAX - free_around(*other, &used));
            // There are as many labels as leaves at least, so one is free.
            let taken = free.min_by_key(near).unwrap_or(label);
            used[taken] = true;
            this.labels[left] = label;
            this.labels[left + 1] = taken;
            open.push((sizes[left], left));
            open.push((sizes[left + 1], left + 1));
        }
        this
    }

    /// Labels there are, those of no leaf too.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Label of a node.
    pub(super) fn of(&self, node: usize) -> usize {
        self.labels[node]
    }
}

/// Leaves below each node.
fn sizes(tree: &RankedTree) -> Vec<usize> {
    let mut sizes = vec![1; tree.nodes.len()];
    for index in (0..tree.nodes.len()).rev() {
        if let RankedNode::Split { left, .. } = tree.nodes[index] {
            sizes[index] = sizes[left] + sizes[left + 1];
        }
    }
    sizes
}
