//! Checked trees of any library, in one neutral representation.
//!
//! Loaders turn a file into [`build::FileTree`]s, [`Forest::push`] checks them, and everything else reads
//! them here: the scalar oracle (`oracle.rs`), the compiled layouts, the explanations.
//!
//! How to read it:
//!
//! - [`Forest::trees`] gives the trees in the order their leaves are added. A tree is a root and a range of
//!   positions; [`Forest::node`] gives the node at a position.
//! - A node is a split or a leaf. Siblings lie side by side (`right == left + 1`), a tree's nodes lie
//!   together in breadth-first order, and a child lies after its parent.
//! - A split sends a number left when its [`Test`] holds. NaN never reaches the test: it goes where
//!   [`Split::nan_left`] says. With [`Split::zero_is_missing`], |x| <= [`ZERO`] goes there too. Loaders
//!   resolve all other rules of the libraries into these three.
//! - A leaf adds one number to one margin, a number to each margin, or a linear function (see [`Leaf`]).
//! - An input is rounded to [`Forest::inputs`] before anything looks at it; a margin starts as
//!   [`Forest::start`], each leaf is added in [`Forest::sums`] precision (or compared: [`Aggregate`]), and
//!   [`Forest::finish`] ends it.
//!
//! What always holds, because [`Forest::push`] is the only way in:
//!
//! - every child position is the position of a node of the same tree, after its parent, so every walk ends;
//! - the feature of a split is below [`Forest::feature_count`], a leaf's margin below
//!   [`Forest::margin_count`];
//! - no threshold is NaN, every number of a leaf is finite;
//! - under `F32` inputs every threshold is an `f32` in value, under `F32` sums every leaf is.

pub(crate) mod build;
mod oracle;
mod value;

pub use value::Feature;
pub(crate) use value::{Precision, ZERO, round_to_f32};

use std::ops::Range;

/// How a categorical feature's number becomes a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Categories {
    /// XGBoost: cut to a whole number; below 0, or from 2^24, there is no category.
    NonNegative,
    /// LightGBM: cut to a whole number first, so that -0.5 is category 0.
    CutFirst,
    /// ONNX: a whole number n is category 2n, and what is cut to n is 2n + 1. So a set says by itself whether
    /// it takes fractions.
    Halves,
}

impl Categories {
    /// The category of a number that is not NaN.
    pub(crate) fn category(self, x: f64) -> Option<usize> {
        const END: f64 = 16_777_216.0;
        let (x, least, end) = match self {
            Self::NonNegative => (x, 0.0, END),
            Self::CutFirst => (x.trunc(), 0.0, 2_147_483_648.0),
            Self::Halves => (2.0 * x.trunc() + f64::from(u8::from(x.fract() != 0.0)), 0.0, END),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
        (x >= least && x < end).then_some(x as usize)
    }
}

/// The comparison of a split: when it holds, the walk goes left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Test<'a> {
    /// x < threshold.
    Less(f64),
    /// x <= threshold.
    LessOrEqual(f64),
    /// x == threshold.
    Equal(f64),
    /// The category of x is in the set: bit `c % 32` of word `c / 32`. No category and categories past the
    /// last word are not in it.
    In(&'a [u32]),
}

/// A split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Split<'a> {
    /// Index into the row.
    pub(crate) feature: usize,
    /// Goes left when it holds.
    pub(crate) test: Test<'a>,
    /// NaN goes left, else right.
    pub(crate) nan_left: bool,
    /// |x| <= [`ZERO`] goes where NaN goes.
    pub(crate) zero_is_missing: bool,
    /// Position of the left child; the right one follows it.
    pub(crate) left: usize,
}

/// A leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Leaf<'a> {
    /// Adds the number to the margin of the leaf's tree ([`TreeView::margin`]).
    Value(f64),
    /// Adds element `i` to margin `i`; as long as there are margins.
    Vector(&'a [f64]),
    /// Adds a linear function of the row to the margin of the leaf's tree.
    Linear(LinearLeaf<'a>),
}

/// `constant + sum(coefficient * x)`, added from left to right; `fallback` when one of the features is NaN.
/// An x with |x| <= [`ZERO`] counts as zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LinearLeaf<'a> {
    pub(crate) fallback: f64,
    pub(crate) constant: f64,
    /// Feature and coefficient.
    pub(crate) terms: &'a [(u32, f64)],
}

/// A node as readers see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Node<'a> {
    Split(Split<'a>),
    Leaf(Leaf<'a>),
}

/// One tree: its root is the first of its nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TreeView {
    /// Positions of its nodes.
    pub(crate) nodes: Range<usize>,
    /// The margin its leaves add to. 0 for leaves that are vectors.
    pub(crate) margin: usize,
}

/// What a margin does with its leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// Adds them.
    Sum,
    /// Keeps the smallest. All leaves are vectors, which no layout takes: the oracle evaluates them.
    Min,
    /// Keeps the largest, in the same way.
    Max,
}

/// What happens to the sums after the last leaf, in this order and in the precision of the sums.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Finish {
    /// Each sum is divided by this.
    pub(crate) divide: Option<f64>,
    /// Each sum is multiplied by this.
    pub(crate) multiply: Option<f64>,
    /// Element `i` is added to sum `i`. Empty, or as long as there are margins.
    pub(crate) add: Vec<f64>,
}

/// What a stored node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Less,
    LessOrEqual,
    Equal,
    In,
    Value,
    Vector,
    Linear,
}

/// One stored node, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stored {
    /// Threshold of a split, or value of a leaf.
    value: f64,
    /// Index into the row.
    feature: u32,
    /// Position of the left child. For `In`, also see `Forest::sets`.
    left: u32,
    /// Index of the set, the leaf's vector or the leaf's linear function.
    detail: u32,
    kind: Kind,
    nan_left: bool,
    zero_is_missing: bool,
}

/// A linear leaf's stored parts.
#[derive(Debug, Clone, PartialEq)]
struct StoredLinear {
    fallback: f64,
    constant: f64,
    terms: Range<usize>,
}

/// Trees in evaluation order, their nodes in one block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forest {
    nodes: Vec<Stored>,
    /// Training weight per node: hessian sum or row count. Empty when one tree has none.
    covers: Vec<f64>,
    /// First position and margin of each tree.
    trees: Vec<(u32, u32)>,
    set_words: Vec<u32>,
    sets: Vec<Range<usize>>,
    vectors: Vec<f64>,
    linear: Vec<StoredLinear>,
    terms: Vec<(u32, f64)>,
    feature_count: usize,
    depth_max: usize,
    aggregate: Aggregate,
    shape: Shape,
}

/// The arithmetic around the trees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Inputs are rounded to this first.
    pub(crate) inputs: Precision,
    /// Sums are kept in this.
    pub(crate) sums: Precision,
    /// How numbers become categories.
    pub(crate) categories: Categories,
    /// What each margin starts as, one element per margin, at least one.
    pub(crate) start: Vec<f64>,
    /// What ends the sums.
    pub(crate) finish: Finish,
}

impl Forest {
    /// The trees, in the order their leaves are added.
    pub(crate) fn trees(&self) -> impl ExactSizeIterator<Item = TreeView> + '_ {
        (0..self.trees.len()).map(|index| self.tree(index))
    }

    /// Tree `index`, below [`Self::tree_count`].
    pub(crate) fn tree(&self, index: usize) -> TreeView {
        let (start, margin) = self.trees[index];
        let end = self.trees.get(index + 1).map_or(self.nodes.len(), |(next, _)| *next as usize);
        TreeView { nodes: start as usize..end, margin: margin as usize }
    }

    /// The node at a position below [`Self::node_count`].
    pub(crate) fn node(&self, position: usize) -> Node<'_> {
        let node = &self.nodes[position];
        let test = match node.kind {
            Kind::Less => Test::Less(node.value),
            Kind::LessOrEqual => Test::LessOrEqual(node.value),
            Kind::Equal => Test::Equal(node.value),
            Kind::In => Test::In(&self.set_words[self.sets[node.detail as usize].clone()]),
            Kind::Value => return Node::Leaf(Leaf::Value(node.value)),
            Kind::Vector => return Node::Leaf(Leaf::Vector(self.vector(node.detail))),
            Kind::Linear => return Node::Leaf(Leaf::Linear(self.linear(node.detail))),
        };
        Node::Split(Split {
            feature: node.feature as usize,
            test,
            nan_left: node.nan_left,
            zero_is_missing: node.zero_is_missing,
            left: node.left as usize,
        })
    }

    fn vector(&self, detail: u32) -> &[f64] {
        let margins = self.margin_count();
        &self.vectors[detail as usize * margins..][..margins]
    }

    fn linear(&self, detail: u32) -> LinearLeaf<'_> {
        let StoredLinear { fallback, constant, terms } = &self.linear[detail as usize];
        LinearLeaf { fallback: *fallback, constant: *constant, terms: &self.terms[terms.clone()] }
    }

    /// The training weight of a node: its sum of hessians or its count of rows. `None` when the file says
    /// nothing about one of its trees.
    pub(crate) fn cover(&self, position: usize) -> Option<f64> {
        self.covers.get(position).copied()
    }

    /// Inputs are rounded to this before a split or a linear leaf looks at them.
    pub(crate) fn inputs(&self) -> Precision {
        self.shape.inputs
    }

    /// Leaves are added, and sums finished, in this.
    pub(crate) fn sums(&self) -> Precision {
        self.shape.sums
    }

    /// How numbers become categories for [`Test::In`].
    pub(crate) fn categories(&self) -> Categories {
        self.shape.categories
    }

    /// What each margin starts as, one element per margin.
    pub(crate) fn start(&self) -> &[f64] {
        &self.shape.start
    }

    /// What [`Self::finish_sums`] does.
    pub(crate) fn finish(&self) -> &Finish {
        &self.shape.finish
    }

    /// Margins of a row; at least 1.
    pub(crate) fn margin_count(&self) -> usize {
        self.shape.start.len()
    }

    pub(crate) fn feature_count(&self) -> usize {
        self.feature_count
    }

    pub(crate) fn tree_count(&self) -> usize {
        self.trees.len()
    }

    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Splits on the longest way from a root to a leaf.
    pub(crate) fn depth_max(&self) -> usize {
        self.depth_max
    }

    /// Bytes of the nodes and of what belongs to them.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice())
            + size_of_val(self.covers.as_slice())
            + size_of_val(self.set_words.as_slice())
            + size_of_val(self.vectors.as_slice())
            + size_of_val(self.terms.as_slice())
    }
}
