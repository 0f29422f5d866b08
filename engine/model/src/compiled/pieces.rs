//! Tables of the pieces: trees of any shape, cut into pieces of five levels.
//!
//! A piece is a cache line of up to 31 splits in heap order, as the bottoms of `walk.rs` are, and 32 exits:
//! each is a leaf or the piece where the tree goes on. Trees that are grown leaf by leaf are deep, but most
//! rows leave them early: of 500 LightGBM trees of 63 leaves and up to 22 levels, a row sees 720 pieces.

use super::quantise::Number;
use super::ranked::{Ranked, RankedNode};
use super::walk::{BOTTOM_LEAVES, BOTTOM_LEVELS, Line, WALK_COLUMNS_MAX, split_of};

/// Set in an exit that is a piece.
pub(super) const GOES_ON: u32 = 1 << 31;

/// The tables. Built by [`Pieces::new`] only, which keeps what `simd` relies on:
///
/// - `exits.len() == lines.len()`; an exit with [`GOES_ON`] names one of `lines`, any other one of `leaves`;
/// - the first line of tree `t` is `lines[t]`;
/// - `margins` are ascending ends of ranges of trees, none above `lines.len()`;
/// - the columns of all lines are below `16 * halves`, and `halves` is 1 to 4.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pieces<F> {
    pub(super) halves: usize,
    pub(super) margins: Vec<usize>,
    pub(super) lines: Vec<Line>,
    pub(super) exits: Vec<[u32; BOTTOM_LEAVES]>,
    pub(super) leaves: Vec<F>,
}

/// A node where a piece begins, or a place in one.
struct Place {
    line: usize,
    /// Heap place: the root is 1.
    place: usize,
    node: usize,
}

impl<F: Number> Pieces<F> {
    /// Builds the tables. `None` when there are too many columns, or the tables would exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        let columns = ranked.columns.len();
        if columns > WALK_COLUMNS_MAX {
            return None;
        }
        let trees = ranked.trees().count();
        let mut this = Self {
            halves: columns.div_ceil(16).max(1),
            margins: Vec::new(),
            lines: vec![Line::empty(); trees],
            exits: vec![[0; BOTTOM_LEAVES]; trees],
            leaves: Vec::new(),
        };
        for (index, tree) in ranked.trees().enumerate() {
            this.push(index, &tree.nodes);
            if this.bytes() > bytes_max {
                return None;
            }
        }
        let mut end = 0;
        for trees in &ranked.margins {
            end += trees.len();
            this.margins.push(end);
        }
        Some(this)
    }

    fn push(&mut self, tree: usize, nodes: &[RankedNode]) {
        let mut open = vec![Place { line: tree, place: 1, node: 0 }];
        while let Some(Place { line, place, node }) = open.pop() {
            let level = place.ilog2() as usize;
            let first = (place << (BOTTOM_LEVELS - level)) - BOTTOM_LEAVES;
            let exits = first..first + (1 << (BOTTOM_LEVELS - level));
            match nodes[node] {
                // Splits that are not there go left, and all exits below lead to the leaf.
                RankedNode::Leaf(value) => {
                    self.exits[line][exits].fill(number(self.leaves.len()));
                    self.leaves.push(F::of_f64(value));
                }
                RankedNode::Split { .. } if level == BOTTOM_LEVELS => {
                    self.exits[line][first] = number(self.lines.len()) | GOES_ON;
                    open.push(Place { line: self.lines.len(), place: 1, node });
                    self.lines.push(Line::empty());
                    self.exits.push([0; BOTTOM_LEAVES]);
                }
                RankedNode::Split { left, .. } => {
                    if let Some(split) = split_of(nodes[node]) {
                        self.lines[line].set(place, &split);
                    }
                    open.push(Place { line, place: 2 * place + 1, node: left + 1 });
                    open.push(Place { line, place: 2 * place, node: left });
                }
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.lines.as_slice())
            + size_of_val(self.exits.as_slice())
            + size_of_val(self.leaves.as_slice())
    }
}

/// A place in the tables; they are smaller than `TABLE_BYTES_MAX`, which is below 2^31.
fn number(place: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "positions in tables are below TABLE_BYTES_MAX")]
    return place as u32;
}

const _: () = assert!(crate::limits::TABLE_BYTES_MAX < GOES_ON as usize);
