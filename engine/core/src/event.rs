//! What goes into the transition and what comes out of it.

use std::ops::Range;

use bumpalo::Bump;
use vencejo_model::Workspace;
use vencejo_rules::MatchedRow;
use vencejo_types::limits::{EFFECT_BYTES_KEPT_MAX, EFFECTS_KEPT_MAX};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::{DecisionCode, DecisionId, ModelId, Origin, StreamId};
use vencejo_windows::Texts;

use crate::alerts::{AlertChange, AlertId, AlertRefusal};
use crate::dataflow::Dataflow;
use crate::explained::{Explained, Missed};
use crate::models::{Choice, ModelChange, ModelRefusal, Roster, ShadowFigures};
use crate::plan::Succession;
use crate::plan::flow::Severity;
use crate::state::PartitionState;

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
    /// A row of a stream that its producer has numbered. Whoever applies it has asked
    /// [`crate::PartitionState::producers`] whether it is the next one.
    Produced {
        /// Its number.
        origin: Origin,
        /// The stream.
        stream: StreamId,
        /// Its row.
        row: Row<'a>,
    },
    /// The event in this place is left out, because the transition failed on it. Where its producer numbered
    /// it, the number is used up.
    Skip {
        /// Its number.
        origin: Option<Origin>,
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
        /// Per stream its watermark as the whole engine knows it, whose partitions see different rows;
        /// nothing where the stream is idle: it then holds back no watermark behind it. `i64::MAX` where it
        /// has ended.
        watermarks: &'a [Option<i64>],
    },
    /// No row is to come: windows close, running aggregates give their rows.
    EndOfInput,
    /// A change of an alert.
    Alert {
        /// The alert.
        id: AlertId,
        /// The change.
        change: AlertChange,
    },
    /// A change of who answers as a model.
    Model {
        /// The model.
        model: ModelId,
        /// The change.
        change: &'a ModelChange,
    },
    /// Another app takes over. A partition of any other app than the one it takes over from begins anew.
    App(&'a Succession),
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
        /// The alert that it is, where the output is a rule's: a place for [`Effects::raised`].
        alert: Option<usize>,
    },
    /// Tell whoever asked for a change of an alert. Exactly one for each [`Event::Alert`].
    AlertChanged(Result<(), AlertRefusal>),
    /// Tell whoever asked for a change of a model. Exactly one for each [`Event::Model`].
    ModelChanged(Result<(), ModelRefusal>),
    /// Tell whoever deployed an app that it serves here; [`Effects::take_retired`] has what it left behind.
    /// Exactly one for each [`Event::App`].
    AppReplaced,
}

/// State that nothing reads any more. Dropping it may take long: that belongs on another thread.
#[derive(Debug)]
pub struct Retired {
    pub(crate) _dataflow: Dataflow,
    pub(crate) _rosters: Vec<Roster>,
}

/// An alert as it is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Its id.
    pub id: AlertId,
    /// How bad it is.
    pub severity: Severity,
    /// The rule: place of its [`crate::plan::flow::Operator::Rules`] among the nodes, and its own among those
    /// rules.
    pub rule: (usize, usize),
    rows: Range<usize>,
}

/// The effects of one transition, and the memory that transitions work in, kept from one to the next so
/// that none of them allocates. It belongs to one partition.
#[derive(Default)]
pub struct Effects {
    pub(crate) list: Vec<Effect>,
    pub(crate) bytes: Vec<u8>,
    raised: Vec<Raised>,
    matched: Vec<MatchedRow>,
    pub(crate) scratch: Scratch,
    pub(crate) unwritable: u64,
    pub(crate) retired: Option<Retired>,
    pub(crate) damaged: u64,
    pub(crate) explained: Option<Box<Explained>>,
}

/// Working memory of a transition; holds nothing between two.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) arena: Bump,
    pub(crate) key: Vec<u8>,
    /// What an alert is told apart by.
    pub(crate) alert: Vec<u8>,
    /// For a stream's row as values.
    pub(crate) values: Bump,
    pub(crate) lookups: Lookups,
    /// One per look-up of a decision.
    pub(crate) texts: Vec<Texts>,
    pub(crate) writer: RowWriter,
    /// Per model of the app, one per version.
    pub(crate) workspaces: Vec<Vec<Workspace>>,
    /// The versions that they are for.
    installs: Option<u64>,
    /// The models that this transition asked.
    pub(crate) uses: Vec<ModelUse>,
}

/// What a decision asked of a model.
pub(crate) struct ModelUse {
    pub(crate) model: ModelId,
    pub(crate) choice: Choice,
    pub(crate) predicted: bool,
    pub(crate) shadow: ShadowFigures,
}

impl Scratch {
    /// Has a workspace for every version of every model. Allocates only after an installation.
    pub(crate) fn follow(&mut self, state: &PartitionState) {
        if self.installs == Some(state.installs) {
            return;
        }
        let of_roster = |roster: &Roster| {
            roster.versions().iter().map(|installed| installed.version.model.workspace()).collect()
        };
        self.workspaces = state.rosters.iter().map(of_roster).collect();
        self.installs = Some(state.installs);
    }
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

    /// An alert that an effect refers to, and the rows that matched.
    pub fn raised(&self, place: usize) -> (&Raised, &[MatchedRow]) {
        let raised = &self.raised[place];
        (raised, &self.matched[raised.rows.clone()])
    }

    /// Alerts that the last transition raised.
    #[inline]
    pub fn alerts(&self) -> usize {
        self.raised.len()
    }

    /// Notes an alert and its rows: its place.
    pub(crate) fn raise(
        &mut self,
        id: AlertId,
        severity: Severity,
        rule: (usize, usize),
        rows: &[MatchedRow],
    ) -> usize {
        let first = self.matched.len();
        self.matched.extend_from_slice(rows);
        self.raised.push(Raised { id, severity, rule, rows: first..self.matched.len() });
        self.raised.len() - 1
    }

    /// Partial matches of the rule that is explained that came to nothing in the last transition.
    pub fn missed(&self) -> &[Missed] {
        self.explained.as_ref().map_or(&[], |explained| explained.missed())
    }

    /// Rows, over all transitions, that an output could not give because they pass the longest row.
    pub fn unwritable(&self) -> u64 {
        self.unwritable
    }

    /// What an app that was replaced has left behind, once.
    pub fn take_retired(&mut self) -> Option<Retired> {
        self.retired.take()
    }

    /// Decisions that fell back, and rows that came to nothing at a node, over all transitions, because a
    /// page of the image that the partition was restored from could not be had.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Bytes of memory that effects hold; without what transitions work in.
    pub fn memory(&self) -> usize {
        let raised =
            self.raised.capacity() * size_of::<Raised>() + self.matched.capacity() * size_of::<MatchedRow>();
        self.bytes.capacity() + self.list.capacity() * size_of::<Effect>() + raised
    }

    pub(crate) fn begin(&mut self) {
        self.list.clear();
        self.bytes.clear();
        self.raised.clear();
        self.matched.clear();
        self.explained.iter_mut().for_each(|explained| explained.begin());
        // A million windows that closed at once are no reason to hold their memory for ever.
        self.list.shrink_to(EFFECTS_KEPT_MAX);
        self.bytes.shrink_to(EFFECT_BYTES_KEPT_MAX);
        self.raised.shrink_to(EFFECTS_KEPT_MAX);
        self.matched.shrink_to(EFFECTS_KEPT_MAX);
        self.scratch.arena.reset();
        self.scratch.uses.clear();
        self.retired = None;
    }
}
