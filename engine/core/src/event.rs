//! What goes into the transition and what comes out of it.

use std::ops::Range;

use bumpalo::Bump;
use vencejo_model::Workspace;
use vencejo_types::limits::{EFFECT_BYTES_KEPT_MAX, EFFECTS_KEPT_MAX};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::{DecisionCode, DecisionId, StreamId};
use vencejo_windows::Texts;

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
    /// Time passes.
    Tick {
        /// Per stream its watermark as the whole engine knows it, whose partitions see different rows; nothing
        /// where the stream is idle: it then holds back no watermark behind it. `i64::MAX` where it has ended.
        watermarks: &'a [Option<i64>],
    },
    /// No row is to come: windows close, running aggregates give their rows.
    EndOfInput,
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
    /// Hand on a row of an output.
    Emitted {
        /// Place in [`crate::plan::flow::Flow::outputs`].
        output: usize,
        /// The row, in [`Effects::bytes`].
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
    pub(crate) unwritable: u64,
}

/// Working memory of a transition; holds nothing between two.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) arena: Bump,
    pub(crate) key: Vec<u8>,
    /// For a stream's row as values.
    pub(crate) values: Bump,
    pub(crate) lookups: Lookups,
    /// One per look-up of a decision.
    pub(crate) texts: Vec<Texts>,
    pub(crate) writer: RowWriter,
    /// One per model of the app.
    pub(crate) workspaces: Vec<Workspace>,
}

/// Working memory of look-ups.
#[derive(Default)]
pub(crate) struct Lookups {
    pub(crate) key: Vec<u8>,
    pub(crate) texts: Texts,
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

    /// Rows, over all transitions, that an output could not give because they pass the longest row.
    pub fn unwritable(&self) -> u64 {
        self.unwritable
    }

    /// Bytes of memory that effects hold; without what transitions work in.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.list.capacity() * size_of::<Effect>()
    }

    pub(crate) fn begin(&mut self) {
        self.list.clear();
        self.bytes.clear();
        // A million windows that closed at once are no reason to hold their memory for ever.
        self.list.shrink_to(EFFECTS_KEPT_MAX);
        self.bytes.shrink_to(EFFECT_BYTES_KEPT_MAX);
        self.scratch.arena.reset();
    }
}
