//! The operator `TreeEnsemble` of `ai.onnx.ml` 5, translated to the lists of its predecessors.
//!
//! Its nodes and its leaves stand in lists of their own, a tree is an index of its root, and numbers stand
//! for the words of modes, aggregates and transforms. New is the mode 6, membership of a set.
//!
//! A set of onnxruntime compares exactly when all its members are between 0 and 30; with any other member it
//! cuts the row's number to a whole one first. The standard knows no cutting, but what onnxruntime answers
//! counts ([`Categories::Halves`]).
//!
//! [`Categories::Halves`]: crate::forest::Categories::Halves

use std::collections::BTreeMap;

use super::graph::{Attribute, DOUBLE, Ensemble};
use super::layout;
use super::nodes::Attributes;
use crate::error::{ModelError, TreeFault};
use crate::limits::{NODES_MAX, SET_WORDS_MAX};

const MODES: [&[u8]; 6] =
    [b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ"];
const MEMBER: &[u8] = b"BRANCH_MEMBER";
const AGGREGATES: [&[u8]; 4] = [b"AVERAGE", b"SUM", b"MIN", b"MAX"];
const TRANSFORMS: [&[u8]; 5] = [b"NONE", b"SOFTMAX", b"LOGISTIC", b"SOFTMAX_ZERO", b"PROBIT"];

/// The largest member of a set that onnxruntime compares exactly.
const EXACT_MEMBER_MAX: u32 = 30;
/// Members end here: two categories each below 2^24.
const MEMBER_END: f64 = 8_388_608.0;

/// The operator's attributes by name.
#[derive(Default)]
struct Lists {
    tree_roots: Vec<i64>,
    modes: Vec<f64>,
    featureids: Vec<i64>,
    splits: Vec<f64>,
    truenodeids: Vec<i64>,
    trueleafs: Vec<i64>,
    falsenodeids: Vec<i64>,
    falseleafs: Vec<i64>,
    tracks_true: Vec<i64>,
    leaf_targetids: Vec<i64>,
    leaf_weights: Vec<f64>,
    members: Vec<f64>,
    n_targets: Option<u64>,
    aggregate_function: Option<u64>,
    post_transform: Option<u64>,
    has_doubles: bool,
}

/// Reads the attributes as those of a regressor.
///
/// # Errors
///
/// Lists that do not fit one another, nodes out of reach or reached twice, what is unsupported.
pub(super) fn attributes<'a>(ensemble: &mut Ensemble<'a>) -> Result<Attributes<'a>, ModelError> {
    let mut lists = Lists::default();
    ensemble.attributes.drain(..).for_each(|attribute| lists.take(attribute));
    lists.check()?;
    let word = |words: &[&'static [u8]], index: u64| -> &'static [u8] {
        usize::try_from(index).ok().and_then(|index| words.get(index)).copied().unwrap_or(b"unknown")
    };
    let mut flat = Attributes {
        n_targets: lists.n_targets,
        aggregate_function: word(&AGGREGATES, lists.aggregate_function.unwrap_or(1)),
        post_transform: word(&TRANSFORMS, lists.post_transform.unwrap_or(0)),
        has_doubles: lists.has_doubles,
        ..Attributes::default()
    };
    // The standard numbers them the other way round than onnxruntime does. A single target has none.
    let taken_for = match flat.post_transform {
        b"SOFTMAX" => Some("SOFTMAX, which onnxruntime takes for LOGISTIC,"),
        b"LOGISTIC" => Some("LOGISTIC, which onnxruntime takes for SOFTMAX,"),
        _ => None,
    };
    if let (Some(transform), true) = (taken_for, flat.n_targets.is_some_and(|targets| targets > 1)) {
        let what = format!("the transform {transform} is");
        return Err(ModelError::unsupported(what, "convert with target_opset={\"ai.onnx.ml\": 3}"));
    }
    let sets = lists.sets()?;
    let mut reached = vec![false; lists.modes.len()];
    for tree in 0..lists.tree_roots.len() {
        lists.append_tree(tree, &sets, &mut reached, &mut flat)?;
    }
    if let Some(node) = reached.iter().position(|reached| !reached) {
        return Err(layout(format!("node {node} belongs to no tree")));
    }
    flat.check()?;
    Ok(flat)
}

impl Lists {
    fn take(&mut self, attribute: Attribute<'_>) {
        let Attribute { name, integer, integers, tensor, tensor_type, .. } = attribute;
        self.has_doubles |= tensor_type == DOUBLE;
        match name {
            "tree_roots" => self.tree_roots = integers,
            "nodes_modes" => self.modes = tensor,
            "nodes_featureids" => self.featureids = integers,
            "nodes_splits" => self.splits = tensor,
            "nodes_truenodeids" => self.truenodeids = integers,
            "nodes_trueleafs" => self.trueleafs = integers,
            "nodes_falsenodeids" => self.falsenodeids = integers,
            "nodes_falseleafs" => self.falseleafs = integers,
            "nodes_missing_value_tracks_true" => self.tracks_true = integers,
            "leaf_targetids" => self.leaf_targetids = integers,
            "leaf_weights" => self.leaf_weights = tensor,
            "membership_values" => self.members = tensor,
            "n_targets" => self.n_targets = integer,
            "aggregate_function" => self.aggregate_function = integer,
            "post_transform" => self.post_transform = integer,
            // Hit rates do not change predictions.
            _ => {}
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        let nodes = self.modes.len();
        let tracks = if self.tracks_true.is_empty() { nodes } else { self.tracks_true.len() };
        let lists = [
            ("nodes_featureids", self.featureids.len(), nodes),
            ("nodes_splits", self.splits.len(), nodes),
            ("nodes_truenodeids", self.truenodeids.len(), nodes),
            ("nodes_trueleafs", self.trueleafs.len(), nodes),
            ("nodes_falsenodeids", self.falsenodeids.len(), nodes),
            ("nodes_falseleafs", self.falseleafs.len(), nodes),
            ("nodes_missing_value_tracks_true", tracks, nodes),
            ("leaf_weights", self.leaf_weights.len(), self.leaf_targetids.len()),
        ];
        match lists.into_iter().find(|(_, found, expected)| found != expected) {
            Some((name, found, expected)) => {
                Err(layout(format!("{name} has {found} elements where there are {expected}")))
            }
            None => Ok(()),
        }
    }

    fn mode(&self, node: usize) -> Result<&'static [u8], ModelError> {
        let number = self.modes[node];
        let known = MODES.iter().chain([&MEMBER]).zip(0_u8..).find(|(_, mode)| f64::from(*mode) == number);
        known.map(|(word, _)| *word).ok_or_else(|| {
            let what = format!("the node mode {number} (node {node}) is");
            ModelError::unsupported(what, "convert the model to ONNX again")
        })
    }

    /// The words of each node's set: the sets stand in the order of their nodes, a NaN after each.
    fn sets(&self) -> Result<BTreeMap<usize, Vec<u32>>, ModelError> {
        let mut lists = self.members.split(|number| number.is_nan());
        let mut sets = BTreeMap::new();
        let mut words_total = 0_usize;
        for node in 0..self.modes.len() {
            if self.mode(node)? != MEMBER {
                continue;
            }
            let members = lists.next().filter(|members| !members.is_empty());
            let members = members.ok_or_else(|| layout(format!("node {node} has no membership_values")))?;
            let words = words(members).ok_or_else(|| {
                let what = format!("sets of other numbers than 0 to {} (node {node}) are", MEMBER_END - 1.0);
                ModelError::unsupported(what, "number the categories from 0")
            })?;
            words_total += words.len();
            if words_total > SET_WORDS_MAX {
                let what = "words of category sets";
                return Err(ModelError::Limit { what, found: words_total, max: SET_WORDS_MAX });
            }
            sets.insert(node, words);
        }
        match lists.find(|members| !members.is_empty()) {
            Some(_) => Err(layout("membership_values has more sets than there are nodes for them")),
            None => Ok(sets),
        }
    }

    /// Appends the nodes of a tree: the root, the other splits as they stand in the file, the leaves.
    fn append_tree(
        &self,
        tree: usize,
        sets: &BTreeMap<usize, Vec<u32>>,
        reached: &mut [bool],
        flat: &mut Attributes<'_>,
    ) -> Result<(), ModelError> {
        let root = self.reach(self.tree_roots[tree], reached).map_err(|fault| at(tree, None, fault))?;
        let mut splits = vec![root];
        let mut next = 0;
        while let Some(&node) = splits.get(next) {
            next += 1;
            for (child, is_leaf) in self.children(node) {
                if !is_leaf {
                    let child = self.reach(child, reached).map_err(|fault| at(tree, Some(node), fault))?;
                    splits.push(child);
                }
            }
        }
        splits[1..].sort_unstable();
        let id = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        // Leaves may be named by several splits: each time they get a number of their own.
        let mut leaves = Vec::new();
        for node in splits {
            let place = flat.nodes_treeids.len();
            let [when_true, when_false] = self.children(node).map(|(child, is_leaf)| {
                if !is_leaf {
                    return child;
                }
                leaves.push((child, node));
                id(self.modes.len() + leaves.len())
            });
            if let Some(words) = sets.get(&node) {
                flat.sets.insert(place, words.clone());
            }
            flat.push_node(id(tree), id(node), self.mode(node)?, (when_true, when_false));
            flat.nodes_featureids.push(self.featureids[node]);
            flat.nodes_values.push(self.splits[node]);
            flat.nodes_missing.push(self.tracks_true.get(node).copied().unwrap_or(0));
        }
        for (number, (leaf, parent)) in leaves.into_iter().enumerate() {
            let index = usize::try_from(leaf).ok().filter(|index| *index < self.leaf_weights.len());
            let nodes = self.leaf_weights.len();
            let out_of_range = TreeFault::ChildOutOfRange { child: leaf, nodes };
            let index = index.ok_or_else(|| at(tree, Some(parent), out_of_range))?;
            let leaf = id(self.modes.len() + number + 1);
            flat.push_node(id(tree), leaf, b"LEAF", (0, 0));
            flat.nodes_featureids.push(0);
            flat.nodes_values.push(0.0);
            flat.nodes_missing.push(0);
            flat.target_treeids.push(id(tree));
            flat.target_nodeids.push(leaf);
            flat.target_ids.push(self.leaf_targetids[index]);
            flat.target_weights.push(self.leaf_weights[index]);
        }
        match flat.nodes_treeids.len() {
            0..=NODES_MAX => Ok(()),
            found => Err(ModelError::Limit { what: "nodes", found, max: NODES_MAX }),
        }
    }

    /// Marks a node; each is reached once.
    fn reach(&self, child: i64, reached: &mut [bool]) -> Result<usize, TreeFault> {
        let nodes = reached.len();
        let index = usize::try_from(child).ok().filter(|index| *index < nodes);
        let index = index.ok_or(TreeFault::ChildOutOfRange { child, nodes })?;
        if std::mem::replace(&mut reached[index], true) {
            return Err(TreeFault::ReachedTwice { child });
        }
        Ok(index)
    }

    /// Where a node leads when its test holds and when not, and whether that is a leaf.
    fn children(&self, node: usize) -> [(i64, bool); 2] {
        [
            (self.truenodeids[node], self.trueleafs[node] != 0),
            (self.falsenodeids[node], self.falseleafs[node] != 0),
        ]
    }
}

impl<'a> Attributes<'a> {
    fn push_node(&mut self, tree: i64, id: i64, mode: &'a [u8], children: (i64, i64)) {
        self.nodes_treeids.push(tree);
        self.nodes_nodeids.push(id);
        self.nodes_modes.push(mode);
        self.nodes_truenodeids.push(children.0);
        self.nodes_falsenodeids.push(children.1);
    }
}

fn at(tree: usize, node: Option<usize>, fault: TreeFault) -> ModelError {
    ModelError::Tree { tree, node, fault }
}

/// The words of a set, or `None` when a member is no number that sets hold.
fn words(members: &[f64]) -> Option<Vec<u32>> {
    let member = |number: &f64| -> Option<u32> {
        let whole = (0.0..MEMBER_END).contains(number) && number.fract() == 0.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
        whole.then_some(*number as u32)
    };
    let members = members.iter().map(member).collect::<Option<Vec<u32>>>()?;
    let largest = *members.iter().max()?;
    let fractions = u32::from(largest > EXACT_MEMBER_MAX);
    let mut words = vec![0; usize::try_from((2 * largest + 1) / 32 + 1).ok()?];
    for category in members.iter().flat_map(|member| 2 * member..=2 * member + fractions) {
        words[usize::try_from(category / 32).ok()?] |= 1 << (category % 32);
    }
    Some(words)
}
