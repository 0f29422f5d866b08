//! Room to compute in, so that a call allocates nothing.

use crate::compiled::Scratch;

/// Scratch memory of one thread for one model: [`crate::Model::workspace`] makes it, the calls that fill a
/// caller's buffer use it. It carries no state from one call to the next.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// One number per margin.
    pub(crate) margins: Vec<f64>,
    /// For batches.
    pub(crate) scratch: Scratch,
}
