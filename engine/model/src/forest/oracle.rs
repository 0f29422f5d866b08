//! The scalar evaluator: one tree after the other, one node after the other.
//!
//! It is the definition that the compiled layouts are compared with, bit for bit, and the fallback where none
//! of them fits.

use super::{Aggregate, Feature, Forest, Kind, Leaf, LinearLeaf, Node, Precision, Stored, ZERO};

impl Forest {
    /// The margins of a row. A feature that is NaN, or past the row's end, is missing. `out` has one element
    /// per margin. Cost: one step per level and tree. Allocates nothing.
    pub(crate) fn margins<T: Feature>(&self, row: &[T], out: &mut [f64]) {
        out.copy_from_slice(&self.shape.start);
        for (index, (root, margin)) in self.trees.iter().enumerate() {
            debug_assert!(index < self.tree_count());
            self.add_leaf(self.walk(*root as usize, row), *margin as usize, row, out);
        }
        self.finish_sums(out);
    }

    /// Ends the sums of one row; see [`super::Finish`].
    pub(crate) fn finish_sums(&self, sums: &mut [f64]) {
        let (finish, precision) = (&self.shape.finish, self.shape.sums);
        if let Some(divisor) = finish.divide {
            sums.iter_mut().for_each(|sum| *sum = precision.round(*sum / divisor));
        }
        if let Some(factor) = finish.multiply {
            sums.iter_mut().for_each(|sum| *sum = precision.round(*sum * factor));
        }
        for (sum, add) in sums.iter_mut().zip(&finish.add) {
            *sum = precision.add(*sum, *add);
        }
    }

    fn walk<T: Feature>(&self, root: usize, row: &[T]) -> usize {
        let mut position = root;
        loop {
            let node = &self.nodes[position];
            if matches!(node.kind, Kind::Value | Kind::Vector | Kind::Linear) {
                return position;
            }
            let right = usize::from(!self.goes_left(node, self.input(row, node.feature)));
            position = node.left as usize + right;
        }
    }

    /// Whether a row goes left at the split at a position.
    pub(crate) fn row_goes_left<T: Feature>(&self, position: usize, row: &[T]) -> bool {
        let node = &self.nodes[position];
        self.goes_left(node, self.input(row, node.feature))
    }

    /// A feature of a row as this forest sees it.
    fn input<T: Feature>(&self, row: &[T], feature: u32) -> f64 {
        let x = row.get(feature as usize).copied();
        match self.shape.inputs {
            Precision::F32 => x.map_or(f64::NAN, |x| f64::from(x.to_f32())),
            Precision::F64 => x.map_or(f64::NAN, Feature::to_f64),
        }
    }

    fn goes_left(&self, node: &Stored, x: f64) -> bool {
        if x.is_nan() || (node.zero_is_missing && x.abs() <= ZERO) {
            return node.nan_left;
        }
        match node.kind {
            Kind::Less => x < node.value,
            Kind::LessOrEqual => x <= node.value,
            #[expect(clippy::float_cmp, reason = "the file asks for equality")]
            Kind::Equal => x == node.value,
            Kind::In => {
                let words = &self.set_words[self.sets[node.detail as usize].clone()];
                let category = self.shape.categories.category(x);
                category.is_some_and(|c| words.get(c / 32).is_some_and(|word| word >> (c % 32) & 1 == 1))
            }
            Kind::Value | Kind::Vector | Kind::Linear => false,
        }
    }

    /// Adds the leaf at a position to the sums.
    fn add_leaf<T: Feature>(&self, position: usize, margin: usize, row: &[T], sums: &mut [f64]) {
        let precision = self.shape.sums;
        let Node::Leaf(leaf) = self.node(position) else { return };
        match leaf {
            Leaf::Value(value) => sums[margin] = precision.add(sums[margin], value),
            Leaf::Vector(values) => {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = match self.aggregate {
                        Aggregate::Sum => precision.add(*sum, *value),
                        Aggregate::Min => {
                            if *value < *sum {
                                *value
                            } else {
                                *sum
                            }
                        }
                        Aggregate::Max => {
                            if *value > *sum {
                                *value
                            } else {
                                *sum
                            }
                        }
                    };
                }
            }
            Leaf::Linear(leaf) => sums[margin] = precision.add(sums[margin], self.linear_value(leaf, row)),
        }
    }

    /// The number a linear leaf adds. Always 64-bit: only LightGBM has such leaves.
    pub(crate) fn linear_value<T: Feature>(&self, leaf: LinearLeaf<'_>, row: &[T]) -> f64 {
        let mut value = leaf.constant;
        for (feature, coefficient) in leaf.terms {
            let x = self.input(row, *feature);
            if x.is_nan() {
                return leaf.fallback;
            }
            value += coefficient * if x.abs() <= ZERO { 0.0 } else { x };
        }
        value
    }
}
