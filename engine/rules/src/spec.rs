//! What a matcher is built from. The planner makes it; names are numbers by now. Columns are places in the
//! rows that the matcher takes; durations and times are in milliseconds.
//!
//! # What programs read
//!
//! Programs (residuals of conditions, measures) read their inputs through [`vencejo_expr::Env::load`]:
//!
//! | input | is |
//! |---|---|
//! | 0 | the current row: the one under test in a condition; in an output the row that is given (the match's last one for ONE ROW PER MATCH; of an empty match the row where it stands) |
//! | 1 + n | the row that [`RuleSpec::references`]`[n]` names; NULL in every column where there is none |
//! | [`AGGREGATES`] | column n is the value of [`RuleSpec::aggregates`]`[n]` |
//! | [`MATCH`] | of the match as a whole: see [`match_column`] |
//!
//! [`CLASSIFIER_COLUMN`] of input 0 or of a reference is the name of the variable that the row is mapped to.
//! A condition sees the row under test as if it were mapped to the variable already, as the standard says.

use std::fmt;
use std::sync::Arc;

use vencejo_expr::{Constant, Program, Type};
use vencejo_types::limits::{RULE_OFFSET_MAX, RULE_STEPS_MAX};

use crate::automaton::Automaton;
pub use crate::automaton::PatternError;

/// The input whose columns are a rule's aggregates.
pub const AGGREGATES: u16 = u16::MAX;
/// The input whose columns are [`match_column`]s.
pub const MATCH: u16 = u16::MAX - 1;
/// The column that holds the name of a row's variable (STRING).
pub const CLASSIFIER_COLUMN: u16 = u16::MAX;

/// Columns of the input [`MATCH`].
pub mod match_column {
    /// MATCH_NUMBER(): BIGINT, from 1 per key. NULL in a condition, where the matches before this one need
    /// not be decided.
    pub const NUMBER: u16 = 0;
    /// MATCH_ROWTIME(): TIMESTAMP(3), the time of the match's last row; in a condition of the row under test.
    pub const ROWTIME: u16 = 1;
    /// BOOLEAN: whether the match is a partial one whose WITHIN ran out (SHOW TIMEOUT MATCHES).
    pub const TIMED_OUT: u16 = 2;
}

/// Rules that read the same rows: one stream or query, one key, one order. A row's key is looked up once and
/// every distinct atom is evaluated once, however many rules ask.
#[derive(Debug)]
pub struct RuleSetSpec {
    /// `PARTITION BY` with types; none makes one key. NULL is a value like others.
    pub key: Vec<(usize, Type)>,
    /// `ORDER BY`: the column of event time.
    pub time: usize,
    /// When rows are matched.
    pub order: Order,
    /// Columns that break ties of time, with `true` for descending; only for [`Order::Event`].
    pub then_by: Vec<(usize, bool)>,
    /// Types of the input's columns.
    pub input: Vec<Type>,
    /// What each column of the input is computed of, as a number: two sets over the same rows mean the same
    /// by the same number.
    pub columns: Vec<u64>,
    /// Conditions over single rows, each distinct one once.
    pub atoms: Vec<Atom>,
    /// The rules.
    pub rules: Vec<Arc<RuleSpec>>,
}

/// When a row is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// At once, in the order of arrival.
    Arrival,
    /// In order of event time, once the watermark has reached it; rows at or behind the watermark are late.
    Event,
}

/// A condition over a single row. It holds where it is TRUE; NULL is not.
#[derive(Clone, Debug)]
pub enum Atom {
    /// A column compared with a constant that is not NULL, of the column's type.
    Compare {
        /// The column.
        column: usize,
        /// How.
        comparison: Compare,
        /// With what.
        constant: Constant,
    },
    /// Anything else: output 0 of a program that reads input 0 alone.
    Program(Program),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Place in [`RuleSetSpec::atoms`].
pub type AtomId = u32;

/// A conjunction.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// All of them hold.
    pub atoms: Vec<AtomId>,
    /// And output 0 of this is TRUE: what looks at more than the row.
    pub residual: Option<Program>,
}

/// One MATCH_RECOGNIZE.
#[derive(Debug)]
pub struct RuleSpec {
    /// Its name, for reports.
    pub name: String,
    /// The rows that it sees at all: a WHERE below it, without a residual.
    pub filter: Condition,
    /// The pattern's variables; at most [`VARIABLES_MAX`].
    pub variables: Vec<Variable>,
    /// The pattern.
    pub pattern: Pattern,
    /// Where the next match may begin.
    pub skip: Skip,
    /// The last row's time less the first one's is less than this.
    pub within: Option<i64>,
    /// Rows that programs look at besides the current one.
    pub references: Vec<Reference>,
    /// Aggregates that programs look at.
    pub aggregates: Vec<PatternAggregate>,
    /// What comes out.
    pub rows: RowsPerMatch,
    /// Output n is column n of the rows that come out.
    pub output: Program,
    /// SHOW TIMEOUT MATCHES: a partial match whose WITHIN ran out comes out, too: its preferred way. Nothing
    /// is skipped after it.
    pub show_timeouts: bool,
    /// For people who ask why it did not match.
    pub wording: Wording,
}

/// What a rule's parts are called where it was written. Two rules that differ in it alone are the same.
#[derive(Default)]
pub struct Wording {
    /// Names of the input's columns that the rule can name, with their places.
    pub columns: Vec<(String, usize)>,
    /// Of each variable, its condition; empty where it has none.
    pub conditions: Vec<String>,
}

/// Plans are compared by what they print; this is not compared.
impl fmt::Debug for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wording")
    }
}

impl RuleSpec {
    /// Whether the rule can be matched; the planner asks before it makes a set.
    ///
    /// # Errors
    /// What is wrong with the pattern or a reference.
    pub fn check(&self) -> Result<(), PatternError> {
        let is_far = |reference: &Reference| {
            let offset = match reference.anchor {
                Anchor::Current => 0,
                Anchor::First { offset, .. } | Anchor::Last { offset, .. } => offset,
            };
            offset > RULE_OFFSET_MAX || reference.steps > RULE_STEPS_MAX
        };
        if self.references.iter().any(is_far) {
            return Err(PatternError::TooFar);
        }
        Automaton::compile(&self.pattern, self.within.is_some()).map(|_| ())
    }
}

/// A rule's variables at most.
pub const VARIABLES_MAX: usize = 64;

/// A pattern variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name, as CLASSIFIER() gives it.
    pub name: String,
    /// DEFINE; without atoms and residual every row is one.
    pub condition: Condition,
}

/// A set of variables, bit n for variable n: a variable, a SUBSET, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariableSet(pub u64);

/// A row pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `()`: no row.
    Empty,
    /// A row mapped to this variable.
    Variable(u8),
    /// One after the other.
    Concatenation(Vec<Pattern>),
    /// The first that leads to a match is preferred.
    Alternation(Vec<Pattern>),
    /// `* + ? {n} {n,} {n,m} {,m}`. What is repeated without bound takes a row each time past the least
    /// number.
    Repetition {
        /// What is repeated.
        pattern: Box<Pattern>,
        /// At least.
        min: u32,
        /// At most; nothing for no bound.
        max: Option<u32>,
        /// Whether more is preferred to fewer; not for the reluctant forms (`*?`).
        greedy: bool,
    },
    /// `PERMUTE`: all of them in some order, the written order preferred, lexicographically.
    Permutation(Vec<Pattern>),
    /// `{- -}`: matched, but left out of ALL ROWS PER MATCH.
    Exclusion(Box<Pattern>),
    /// `NOT v`, our extension: any number of rows of which none satisfies the variable's condition, as few as
    /// possible. They are mapped to no variable and are no rows of the match: they do not come out, and a
    /// skip past the last row may begin among those at the end. A match does not begin with an absence. At
    /// the end of the pattern, where WITHIN is needed: none until WITHIN has run out since the match's first
    /// row, and then the match is complete, by a timer.
    Absence(u8),
}

/// `AFTER MATCH SKIP`. A skip that would begin again where the match began gives no second match there; one
/// to a variable without a row is past the last row. After an empty match the next row is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// `PAST LAST ROW`.
    PastLastRow,
    /// `TO NEXT ROW`.
    ToNextRow,
    /// `TO FIRST v`.
    ToFirst(VariableSet),
    /// `TO LAST v`.
    ToLast(VariableSet),
}

/// RUNNING or FINAL. In a condition and for ONE ROW PER MATCH there is no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// Rows of the match up to the current one.
    Running,
    /// All rows of the match.
    Final,
}

/// A row other than the current one: `PREV(x, steps)` is `Current` with steps; `LAST(A.x, 1)` is `Last`;
/// `PREV(LAST(A.x, 1), 2)` is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where to begin.
    pub anchor: Anchor,
    /// Rows to go back from there among the rule's rows of the key, matched or not; at most
    /// [`vencejo_types::limits::RULE_STEPS_MAX`].
    pub steps: u32,
}

/// A row of the match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The current row.
    Current,
    /// The nth after the first row mapped to one of the variables.
    First {
        /// The variables.
        variables: VariableSet,
        /// n; 0 for the first itself.
        offset: u32,
        /// Of which rows.
        semantics: Semantics,
    },
    /// The nth before the last row mapped to one of the variables.
    Last {
        /// The variables.
        variables: VariableSet,
        /// n; 0 for the last itself.
        offset: u32,
        /// Of which rows.
        semantics: Semantics,
    },
}

/// An aggregate over the rows mapped to some variables.
#[derive(Debug)]
pub struct PatternAggregate {
    /// The function.
    pub function: PatternFunction,
    /// Whose rows.
    pub variables: VariableSet,
    /// Output 0 of a program that reads input 0, a row, and its type; nothing for COUNT(*).
    pub argument: Option<(Program, Type)>,
    /// DISTINCT.
    pub distinct: bool,
    /// Of which rows.
    pub semantics: Semantics,
}

/// An aggregate function. What each gives is as in GROUP BY (engine/windows).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatternFunction {
    /// COUNT(*) and COUNT(A.*).
    CountRows,
    /// COUNT(x).
    Count,
    /// SUM(x).
    Sum,
    /// AVG(x).
    Avg,
    /// MIN(x).
    Min,
    /// MAX(x).
    Max,
}

/// What comes out of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsPerMatch {
    /// One row.
    One,
    /// Its rows, without those of exclusions.
    All {
        /// SHOW EMPTY MATCHES (the default) or OMIT.
        empty: bool,
    },
}
