//! From a pattern to an automaton without empty steps.
//!
//! A state takes one row. What may follow it, or begin a match, is a list of states in the order of
//! preference, and whether the match may end there, which is preferred least in the list: what would come
//! behind it can never win. Conditions stand on states alone, so the lists are known beforehand (Glushkov's
//! construction, with the priorities of Pike's machine).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use vencejo_types::limits::{
    PATTERN_DEPTH_MAX, PATTERN_STATES_MAX, PATTERN_TRANSITIONS_MAX, RULE_OFFSET_MAX, RULE_STEPS_MAX,
};

use crate::spec::Pattern;

/// What a state takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A row that satisfies the variable, and maps it.
    Row { variable: u8, excluded: bool },
    /// A row that does not satisfy the variable.
    Other(u8),
    /// Rows that do not satisfy the variable, for as long as WITHIN lasts; then the match is complete.
    Silence(u8),
}

impl Takes {
    /// The variable whose condition decides.
    pub fn variable(self) -> u8 {
        match self {
            Self::Row { variable, .. } | Self::Other(variable) | Self::Silence(variable) => variable,
        }
    }
}

/// States that may come next, the preferred one first, and whether the match may end instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Next {
    states: Range<u32>,
    pub accepts: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub takes: Takes,
    pub next: Next,
}

#[derive(Clone, Debug)]
pub(crate) struct Automaton {
    pub states: Vec<State>,
    pub initial: Next,
    transitions: Vec<u16>,
}

/// Why a pattern is not matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is nested deeper than [`PATTERN_DEPTH_MAX`].
    TooDeep,
    /// Its automaton has more than [`PATTERN_STATES_MAX`] states or [`PATTERN_TRANSITIONS_MAX`] transitions.
    TooLarge,
    /// An absence may come first.
    LeadingAbsence,
    /// An absence at the end, and no WITHIN.
    SilenceWithoutWithin,
    /// PREV goes back more than [`RULE_STEPS_MAX`] rows, or FIRST or LAST counts more than
    /// [`RULE_OFFSET_MAX`].
    TooFar,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(f, "the pattern is nested deeper than {PATTERN_DEPTH_MAX}"),
            Self::TooLarge => write!(
                f,
                "the pattern has more than {PATTERN_STATES_MAX} states or {PATTERN_TRANSITIONS_MAX} transitions \
                 when its repetitions are written out; repeat fewer times"
            ),
            Self::LeadingAbsence => {
                f.write_str("a match cannot begin with an absence; put a variable before it")
            }
            Self::TooFar => write!(
                f,
                "PREV goes back {RULE_STEPS_MAX} rows at most, FIRST and LAST count {RULE_OFFSET_MAX} rows at most"
            ),
            Self::SilenceWithoutWithin => {
                f.write_str("an absence at the end of the pattern needs WITHIN, which says how long to wait")
            }
        }
    }
}

impl std::error::Error for PatternError {}

impl Automaton {
    /// Compiles a pattern. Cost: linear in its states and transitions.
    ///
    /// # Errors
    /// A limit is passed, or an absence stands where it has no meaning.
    pub fn compile(pattern: &Pattern, has_within: bool) -> Result<Self, PatternError> {
        let mut graph = Graph { nodes: vec![Node::Accept], visits: 0 };
        let first =
            graph.build(pattern, Graph::ACCEPT, Place { excluded: false, is_last: true, depth: 0 })?;
        let mut automaton = Self { states: Vec::new(), initial: Next::default(), transitions: Vec::new() };
        let mut places = vec![u16::MAX; graph.nodes.len()];
        for (at, node) in graph.nodes.iter().enumerate() {
            if let Node::State { takes, .. } = *node {
                places[at] = u16::try_from(automaton.states.len()).map_err(|_| PatternError::TooLarge)?;
                automaton.states.push(State { takes, next: Next::default() });
            }
        }
        automaton.initial = graph.next(first, &places, &mut automaton.transitions)?;
        for at in 0..graph.nodes.len() {
            if let Node::State { next, .. } = graph.nodes[at] {
                let next = graph.next(next, &places, &mut automaton.transitions)?;
                automaton.states[usize::from(places[at])].next = next;
            }
        }
        automaton.check(has_within)
    }

    fn check(self, has_within: bool) -> Result<Self, PatternError> {
        let takes = |state: &u16| self.states[usize::from(*state)].takes;
        if self.next(&self.initial).iter().any(|state| !matches!(takes(state), Takes::Row { .. })) {
            return Err(PatternError::LeadingAbsence);
        }
        if !has_within && self.states.iter().any(|state| matches!(state.takes, Takes::Silence(_))) {
            return Err(PatternError::SilenceWithoutWithin);
        }
        Ok(self)
    }

    /// The states of a list.
    pub fn next(&self, next: &Next) -> &[u16] {
        &self.transitions[next.states.start as usize..next.states.end as usize]
    }
}

enum Node {
    Accept,
    State {
        takes: Takes,
        next: usize,
    },
    /// The first is preferred.
    Choice(Vec<usize>),
    /// A repetition without bound: once more, or on.
    Loop {
        body: usize,
        next: usize,
        greedy: bool,
    },
    /// The end of a loop's body.
    Again(usize),
}

/// Where a part of the pattern stands.
#[derive(Clone, Copy)]
struct Place {
    excluded: bool,
    /// Whether nothing follows it.
    is_last: bool,
    depth: usize,
}

/// The pattern with empty steps, made from its end to its beginning.
struct Graph {
    nodes: Vec<Node>,
    /// How often a node has been visited in search of transitions.
    visits: usize,
}

impl Graph {
    const ACCEPT: usize = 0;

    fn push(&mut self, node: Node) -> Result<usize, PatternError> {
        if self.nodes.len() >= 4 * PATTERN_STATES_MAX {
            return Err(PatternError::TooLarge);
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// The node where the pattern begins if `next` follows it.
    fn build(&mut self, pattern: &Pattern, next: usize, place: Place) -> Result<usize, PatternError> {
        if place.depth > PATTERN_DEPTH_MAX {
            return Err(PatternError::TooDeep);
        }
        let inner = Place { depth: place.depth + 1, ..place };
        match pattern {
            Pattern::Empty => Ok(next),
            Pattern::Variable(variable) => {
                let takes = Takes::Row { variable: *variable, excluded: place.excluded };
                self.push(Node::State { takes, next })
            }
            Pattern::Absence(variable) if place.is_last => {
                self.push(Node::State { takes: Takes::Silence(*variable), next })
            }
            Pattern::Absence(variable) => self.unbounded(next, false, |graph, again| {
                graph.push(Node::State { takes: Takes::Other(*variable), next: again })
            }),
            Pattern::Concatenation(parts) => {
                let mut entry = next;
                for (at, part) in parts.iter().enumerate().rev() {
                    let is_last = place.is_last && at + 1 == parts.len();
                    entry = self.build(part, entry, Place { is_last, ..inner })?;
                }
                Ok(entry)
            }
            Pattern::Alternation(ways) => {
                let ways = ways.iter().map(|way| self.build(way, next, inner)).collect::<Result<_, _>>()?;
                self.push(Node::Choice(ways))
            }
            Pattern::Repetition { pattern, min, max, greedy } => {
                self.repeat(pattern, (*min, *max), *greedy, next, inner)
            }
            Pattern::Permutation(parts) => {
                if parts.len() > u16::BITS as usize {
                    return Err(PatternError::TooLarge);
                }
                self.permute(parts, (1 << parts.len()) - 1, next, inner, &mut BTreeMap::new())
            }
            Pattern::Exclusion(pattern) => self.build(pattern, next, Place { excluded: true, ..inner }),
        }
    }

    fn repeat(
        &mut self,
        pattern: &Pattern,
        (min, max): (u32, Option<u32>),
        greedy: bool,
        next: usize,
        place: Place,
    ) -> Result<usize, PatternError> {
        let is_last = place.is_last && min <= 1 && max == Some(1);
        let place = Place { is_last, ..place };
        let choice = |more, stop| Node::Choice(if greedy { vec![more, stop] } else { vec![stop, more] });
        let mut entry = next;
        if let Some(max) = max {
            for _ in min..max {
                let more = self.build(pattern, entry, place)?;
                entry = self.push(choice(more, next))?;
            }
        } else {
            entry = self.unbounded(next, greedy, |graph, again| graph.build(pattern, again, place))?;
        }
        for _ in 0..min {
            let before = self.nodes.len();
            entry = self.build(pattern, entry, place)?;
            if self.nodes.len() == before {
                break; // it takes no row, however often
            }
        }
        Ok(entry)
    }

    /// A repetition without bound of what `body` makes, which is told where its end leads.
    fn unbounded(
        &mut self,
        next: usize,
        greedy: bool,
        body: impl FnOnce(&mut Self, usize) -> Result<usize, PatternError>,
    ) -> Result<usize, PatternError> {
        let entry = self.push(Node::Loop { body: 0, next, greedy })?;
        let again = self.push(Node::Again(entry))?;
        let body = body(self, again)?;
        self.nodes[entry] = Node::Loop { body, next, greedy };
        Ok(entry)
    }

    /// The parts in every order: which of them are left says what may follow, so equal rests are one.
    fn permute(
        &mut self,
        parts: &[Pattern],
        left: u32,
        next: usize,
        place: Place,
        made: &mut BTreeMap<u32, usize>,
    ) -> Result<usize, PatternError> {
        if left == 0 {
            return Ok(next);
        }
        if let Some(&entry) = made.get(&left) {
            return Ok(entry);
        }
        let mut ways = Vec::new();
        for (at, part) in parts.iter().enumerate().filter(|(at, _)| left >> at & 1 == 1) {
            let rest = left & !(1 << at);
            let follows = self.permute(parts, rest, next, place, made)?;
            let is_last = place.is_last && rest == 0;
            ways.push(self.build(part, follows, Place { is_last, ..place })?);
        }
        let entry = self.push(Node::Choice(ways))?;
        made.insert(left, entry);
        Ok(entry)
    }

    /// What is reached from a node without taking a row, in order of preference. A round of a loop that took
    /// no row leads nowhere; so what is reached depends on the loops whose round has just begun. Where node
    /// and loops are met again, a preferred way has found the same.
    fn next(
        &mut self,
        from: usize,
        places: &[u16],
        transitions: &mut Vec<u16>,
    ) -> Result<Next, PatternError> {
        let start = transitions.len();
        let mut met = BTreeSet::new();
        let mut is_reached = vec![false; self.nodes.len()];
        let mut open: Vec<(usize, Vec<usize>)> = vec![(from, Vec::new())];
        let mut accepts = false;
        while let Some((at, begun)) = open.pop() {
            if !met.insert((at, begun.clone())) {
                continue;
            }
            self.visits += 1;
            if self.visits > 8 * PATTERN_TRANSITIONS_MAX || transitions.len() > PATTERN_TRANSITIONS_MAX {
                return Err(PatternError::TooLarge);
            }
            match self.nodes[at] {
                Node::Accept => {
                    accepts = true;
                    break;
                }
                Node::State { .. } => {
                    if !std::mem::replace(&mut is_reached[at], true) {
                        transitions.push(places[at]);
                    }
                }
                Node::Choice(ref ways) => open.extend(ways.iter().rev().map(|&way| (way, begun.clone()))),
                Node::Again(entry) if begun.contains(&entry) => {}
                Node::Again(entry) => open.push((entry, begun)),
                Node::Loop { body, next, greedy } => {
                    let mut inside = begun.clone();
                    inside.push(at);
                    let (more, on) = ((body, inside), (next, begun));
                    open.extend(if greedy { [on, more] } else { [more, on] });
                }
            }
        }
        Ok(Next { states: start as u32..transitions.len() as u32, accepts })
    }
}
