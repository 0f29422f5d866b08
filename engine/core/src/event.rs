//! What goes into the transition and what comes out of it.

use std::ops::Range;

use bumpalo::Bump;
use vencejo_model::Workspace;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::{DecisionCode, DecisionId, StreamId};

/// What happens to a partition. Rows have been checked against their stream's schema.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A row of a stream.
    Row {
        /// The stream.
        stream: StreamId,
        /// Its row.
        row: Row<'a>,
    },
    /// A request for a decision. The request is an event of the decision's stream, too: it is answered
    /// from the state before it, then counted.
    Decide {
        /// The decision.
        decision: DecisionId,
        /// The request, a row of the decision's stream.
        row: Row<'a>,
        /// Whether its deadline has passed: the fallback answers.
        expired: bool,
    },
}

/// What the rim is to do. Effects come in the order of their causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer the request for a decision. Exactly one for each [`Event::Decide`].
    Decided {
        /// How it was reached.
        code: DecisionCode,
        /// The answer's row, in [`Effects::bytes`]; empty where the code has no row.
        row: Range<usize>,
    },
}

/// The effects of one transition, and the memory that transitions work in, kept from one to the next so
/// that none of them allocates.
#[derive(Default)]
pub struct Effects {
    pub(crate) list: Vec<Effect>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) scratch: Scratch,
}

/// Working memory of a transition; holds nothing between two.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) arena: Bump,
    pub(crate) key: Vec<u8>,
    pub(crate) writer: RowWriter,
    /// One per model of the app.
    pub(crate) workspaces: Vec<Workspace>,
}

impl Effects {
    /// What the last transition asked for.
    pub fn list(&self) -> &[Effect] {
        &self.list
    }

    /// The bytes that effects refer to.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn begin(&mut self) {
        self.list.clear();
        self.bytes.clear();
        self.scratch.arena.reset();
    }
}
