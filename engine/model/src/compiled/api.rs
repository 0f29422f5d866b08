//! What the compiled layouts add to a [`Model`].

use super::{Compiled, Layout, LayoutFigures};
use crate::model::Model;

impl Model {
    /// The same model with its fastest layout. Answers do not change by a bit.
    ///
    /// Every layout that fits is built and measured on rows made from the model's thresholds, with `clock`,
    /// which gives nanoseconds of any origin; this crate reads no clock itself. Without one, the first
    /// that fits is taken, small tables first. Time grows with the nodes: 500 trees of depth 6 take
    /// some 60 ms, 1,000 of depth 8 some 150 ms. Allocates.
    #[must_use]
    pub fn compile(mut self, clock: Option<&mut dyn FnMut() -> u64>) -> Self {
        self.compiled = Compiled::new(&self.forest, clock);
        self
    }

    /// The same model with one layout alone, to compare them. `None` when the layout does not fit the model
    /// or the CPU.
    #[must_use]
    pub fn compile_as(mut self, layout: Layout) -> Option<Self> {
        self.compiled = Compiled::only(&self.forest, layout)?;
        Some(self)
    }

    /// The layouts that [`Self::compile`] found to fit, with what it measured. Empty before.
    #[must_use]
    pub fn layouts(&self) -> &[LayoutFigures] {
        self.compiled.figures()
    }

    /// The layout that evaluates single rows.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.compiled.single()
    }

    /// The layout that evaluates full blocks of a batch.
    #[must_use]
    pub fn batch_layout(&self) -> Layout {
        self.compiled.batch()
    }
}
