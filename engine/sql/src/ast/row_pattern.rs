//! MATCH_RECOGNIZE as the text has it.

use vencejo_rules::spec::RowsPerMatch;

use super::{Ast, OrderItem, Relation};
use crate::tokens::{Name, Place};

/// `relation MATCH_RECOGNIZE (...)`.
#[derive(Debug)]
pub(crate) struct MatchClause {
    pub(crate) place: Place,
    pub(crate) relation: Relation,
    pub(crate) partition: Vec<Ast>,
    pub(crate) order: Vec<OrderItem>,
    pub(crate) measures: Vec<(Ast, Name)>,
    pub(crate) rows: RowsPerMatch,
    /// SHOW TIMEOUT MATCHES.
    pub(crate) timeouts: Option<Place>,
    pub(crate) skip: SkipTo,
    pub(crate) pattern: Pattern,
    pub(crate) within: Option<(i64, Place)>,
    pub(crate) subsets: Vec<(Name, Vec<Name>)>,
    pub(crate) define: Vec<Definition>,
}

/// `variable AS condition`.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: Name,
    pub(crate) condition: Ast,
    /// The condition as it is written, in one line.
    pub(crate) text: String,
}

/// `AFTER MATCH SKIP`.
#[derive(Debug)]
pub(crate) enum SkipTo {
    PastLastRow,
    NextRow,
    First(Name),
    Last(Name),
}

/// A row pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) place: Place,
    pub(crate) kind: PatternKind,
}

#[derive(Debug)]
pub(crate) enum PatternKind {
    /// `()`.
    Empty,
    Variable(Name),
    Concatenation(Vec<Pattern>),
    Alternation(Vec<Pattern>),
    Repetition {
        pattern: Box<Pattern>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
    Permutation(Vec<Pattern>),
    /// `{- -}`.
    Exclusion(Box<Pattern>),
    /// `NOT variable`.
    Absence(Name),
}

impl MatchClause {
    /// Calls `visit` with every expression.
    pub(crate) fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Ast)) {
        self.partition.iter().for_each(&mut *visit);
        self.order.iter().map(|item| &item.value).for_each(&mut *visit);
        self.measures.iter().map(|(ast, _)| ast).for_each(&mut *visit);
        self.define.iter().map(|definition| &definition.condition).for_each(visit);
    }
}

impl Pattern {
    /// The patterns that it is made of.
    pub(crate) fn parts(&self) -> &[Pattern] {
        match &self.kind {
            PatternKind::Empty | PatternKind::Variable(_) | PatternKind::Absence(_) => &[],
            PatternKind::Concatenation(list)
            | PatternKind::Alternation(list)
            | PatternKind::Permutation(list) => list,
            PatternKind::Repetition { pattern, .. } | PatternKind::Exclusion(pattern) => {
                std::slice::from_ref(pattern)
            }
        }
    }
}
