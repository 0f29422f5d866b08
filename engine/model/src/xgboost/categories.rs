//! The sets of a tree's categorical splits.

use std::collections::BTreeMap;

use super::document::Tree;
use crate::error::TreeFault;

/// XGBoost takes no category from here on.
const CATEGORY_END: i64 = 1 << 24;

/// The set of each categorical node, as words of 32 categories.
pub(super) struct CategorySets {
    of_node: BTreeMap<usize, Vec<u32>>,
}

impl CategorySets {
    /// Reads the sets of a tree. A set takes as many words as its largest category needs: at most 2 MiB,
    /// and [`crate::limits::SET_WORDS_MAX`] bounds those of a model.
    ///
    /// # Errors
    ///
    /// The node and what is wrong with its set.
    pub(super) fn of(tree: &Tree) -> Result<Self, (Option<usize>, TreeFault)> {
        let nodes = tree.categories_nodes.len();
        let arrays = [
            ("categories_segments", tree.categories_segments.len()),
            ("categories_sizes", tree.categories_sizes.len()),
        ];
        if let Some((array, found)) = arrays.into_iter().find(|(_, length)| *length != nodes) {
            return Err((None, TreeFault::ArrayLength { array, found, nodes }));
        }
        let mut of_node = BTreeMap::new();
        let mut words_total = 0_usize;
        let places = tree.categories_segments.iter().zip(&tree.categories_sizes);
        for (node, (start, size)) in tree.categories_nodes.iter().zip(places) {
            let node = usize::try_from(*node).unwrap_or(usize::MAX);
            let fault = |fault| (Some(node), fault);
            let words = words(tree, *start, *size).ok_or(fault(TreeFault::Categories))?;
            words_total += words.len();
            // A small file could otherwise claim gigabytes with one high category per node.
            if words_total > crate::limits::SET_WORDS_MAX || of_node.insert(node, words).is_some() {
                return Err(fault(TreeFault::Categories));
            }
        }
        Ok(Self { of_node })
    }

    /// The set of a node, once.
    pub(super) fn take(&mut self, node: usize) -> Option<Vec<u32>> {
        self.of_node.remove(&node)
    }
}

/// The words of one list, or `None` when it lies outside the file's or holds what is no category.
fn words(tree: &Tree, start: i64, size: i64) -> Option<Vec<u32>> {
    let (start, size) = (usize::try_from(start).ok()?, usize::try_from(size).ok()?);
    let categories = tree.categories.get(start..)?.get(..size)?;
    if categories.iter().any(|category| !(0..CATEGORY_END).contains(category)) {
        return None;
    }
    let count = categories.iter().max().map_or(Some(0), |largest| usize::try_from(largest / 32 + 1).ok())?;
    let mut words = vec![0_u32; count];
    for category in categories {
        let category = usize::try_from(*category).ok()?;
        words[category / 32] |= 1 << (category % 32);
    }
    Some(words)
}
