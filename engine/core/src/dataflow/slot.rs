//! The state of one node.

use std::fmt;
use std::sync::Arc;

use bumpalo::Bump;
use vencejo_rules::RuleSet;
use vencejo_windows::operator::Operator;

use super::NodeCounts;
use crate::alerts::Cooldown;
use crate::plan::flow::{self, Node};

/// A node's state.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) work: Work,
    /// Where its program runs. It holds one row at a time: a watermark that closes a million windows takes no
    /// more of it than one that closes one.
    pub(super) arena: Bump,
    /// Per input, over all ports, its watermark; nothing where it is idle.
    pub(super) inputs: Vec<Option<i64>>,
    /// The least of them, as far as it has been told to the operator; nothing while all are idle.
    pub(super) watermark: i64,
    pub(super) idle: bool,
    /// How far its output's watermark stays behind, in milliseconds.
    pub(super) lag: i64,
}

/// What a node works on.
pub(super) enum Work {
    /// Nothing: it keeps no state.
    Stateless,
    /// It is at work further up the stack.
    Away,
    /// A table of groups that look-ups read.
    Groups(Box<vencejo_windows::GroupBy>),
    /// A table of rows that look-ups read.
    Kept(Box<vencejo_windows::Kept>),
    /// The rules over the same rows.
    Rules(Box<RuleSet>),
    /// What a rule's matches raise.
    Alerts(Cooldown),
    /// Any other operator.
    Other(Box<dyn Operator + Send>),
}

/// What keeps state at a node.
pub(crate) enum Keeper<'a> {
    Operator(&'a mut dyn Operator),
    Rules(&'a mut RuleSet),
    Cooldown(&'a mut Cooldown),
}

impl Slot {
    pub(super) fn new(node: &Node) -> Self {
        Self {
            work: Work::new(&node.operator),
            arena: Bump::new(),
            inputs: vec![Some(i64::MIN); node.inputs.iter().sum()],
            watermark: i64::MIN,
            idle: false,
            lag: lag(&node.operator),
        }
    }

    /// Goes on with what another flow's slot has of the same node.
    pub(super) fn take_over(&mut self, before: &mut Self) {
        match (&mut self.work, &mut before.work) {
            (Work::Rules(rules), Work::Rules(before)) => rules.take_over(before),
            (work, before) => std::mem::swap(work, before),
        }
        (self.watermark, self.idle) = (before.watermark, before.idle);
    }

    /// What the nodes behind it are told; nothing where it is idle.
    pub(super) fn told(&self) -> Option<i64> {
        if self.idle {
            return None;
        }
        // The end of all input is the end here, too.
        Some(if self.watermark == i64::MAX { i64::MAX } else { self.watermark.saturating_sub(self.lag) })
    }

    /// Its inputs' least watermark, and whether all of them are idle.
    pub(super) fn least(&self) -> (i64, bool) {
        match self.inputs.iter().flatten().min() {
            Some(&least) => (least, false),
            None => (i64::MIN, true),
        }
    }
}

/// A pair of an interval join has the times of both sides; so that neither is late behind it, the watermark
/// stays back by as much as the one may be behind the other, as in Flink. A match that is decided later than
/// its last row comes has that row's time.
fn lag(operator: &flow::Operator) -> i64 {
    match operator {
        flow::Operator::IntervalJoin(join, _) => join.lower.saturating_neg().max(join.upper),
        flow::Operator::Matches(matches) => matches.delay_millis,
        _ => 0,
    }
}

impl Work {
    fn new(operator: &flow::Operator) -> Self {
        use flow::Operator as O;
        use vencejo_windows::{Assigner, GroupBy, Join, Kept, Over, Ranks, WindowedJoin};
        match operator {
            O::Calc(_) | O::Lookup(_) | O::Emit(_) | O::Matches(_) => Self::Stateless,
            O::Rules(spec) => Self::Rules(Box::new(RuleSet::new(Arc::clone(spec)))),
            O::Alert(spec) => Self::Alerts(Cooldown::new(spec.cooldown_millis)),
            O::Aggregate(spec) => Self::Groups(Box::new(GroupBy::new(spec))),
            O::Keep(spec) => Self::Kept(Box::new(Kept::new(spec))),
            O::Assign(spec) => Self::Other(Box::new(Assigner::new(spec))),
            O::Over(spec) => Self::Other(Box::new(Over::new(spec))),
            O::IntervalJoin(spec, _) => Self::Other(Box::new(Join::new(spec))),
            O::WindowJoin(spec, _) => Self::Other(Box::new(WindowedJoin::new(spec))),
            O::TopN(spec) => Self::Other(Box::new(Ranks::new(spec))),
        }
    }

    /// What it has counted; nothing where it keeps no state.
    pub(super) fn counts<'a>(&'a self, name: &'a str) -> Option<NodeCounts<'a>> {
        let counts = |late, refused, keys, bytes| NodeCounts { name, late, refused, keys, bytes };
        match self {
            Self::Rules(rules) => {
                Some(counts(rules.late(), rules.refused(), rules.key_count(), rules.bytes()))
            }
            Self::Alerts(cooldown) => Some(counts(0, 0, cooldown.keys(), cooldown.bytes())),
            _ => self.as_operator().map(|operator| {
                counts(operator.late(), operator.refused(), operator.key_count(), operator.bytes())
            }),
        }
    }

    /// Engine time at which a tick may change something.
    pub(super) fn wakes_at_micros(&self) -> Option<i64> {
        match self {
            Self::Rules(rules) => rules.wakes_at_micros(),
            _ => self.as_operator().and_then(Operator::wakes_at_micros),
        }
    }

    pub(super) fn as_operator(&self) -> Option<&dyn Operator> {
        match self {
            Self::Stateless | Self::Away | Self::Rules(_) | Self::Alerts(_) => None,
            Self::Groups(groups) => Some(&**groups),
            Self::Kept(kept) => Some(&**kept),
            Self::Other(operator) => Some(&**operator),
        }
    }

    /// What keeps state of it.
    pub(super) fn keeper(&mut self) -> Option<Keeper<'_>> {
        match self {
            Self::Stateless | Self::Away => None,
            Self::Rules(rules) => Some(Keeper::Rules(rules)),
            Self::Alerts(cooldown) => Some(Keeper::Cooldown(cooldown)),
            Self::Groups(groups) => Some(Keeper::Operator(&mut **groups)),
            Self::Kept(kept) => Some(Keeper::Operator(&mut **kept)),
            Self::Other(operator) => Some(Keeper::Operator(&mut **operator)),
        }
    }

    pub(super) fn as_operator_mut(&mut self) -> Option<&mut dyn Operator> {
        match self {
            Self::Stateless | Self::Away | Self::Rules(_) | Self::Alerts(_) => None,
            Self::Groups(groups) => Some(&mut **groups),
            Self::Kept(kept) => Some(&mut **kept),
            Self::Other(operator) => Some(&mut **operator),
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.counts("") {
            Some(counts) => write!(f, "{} keys", counts.keys),
            None => f.write_str("stateless"),
        }
    }
}
