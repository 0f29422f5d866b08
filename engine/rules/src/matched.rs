//! What comes out.

use vencejo_expr::Value;

/// Where matches go.
pub trait Sink {
    /// Takes a row that comes out of a match: once per match, or once per row of it (ALL ROWS PER MATCH). The
    /// values live until the call returns.
    fn matched(&mut self, matched: &Match<'_>, row: &[Value<'_>]);

    /// Takes what came to nothing of the rule that is explained ([`crate::RuleSet::explain`]).
    fn missed(&mut self, _: &Miss<'_>) {}
}

/// A run that ended without a match, where rows had been taken.
#[derive(Clone, Copy, Debug)]
pub struct Miss<'a> {
    /// The rule's place in the set.
    pub rule: usize,
    /// The values of the key's columns.
    pub key: &'a [Value<'a>],
    /// The rows of its longest way, of several the preferred one's.
    pub rows: &'a [MatchedRow],
    /// What its ways of that length waited for.
    pub waits: &'a [Wait],
    /// What ended it.
    pub end: MissEnd<'a>,
}

/// What a way waits for: a variable's condition, or that it does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// A place in [`crate::spec::RuleSpec::variables`].
    pub variable: u8,
    /// Whether the condition must not hold: `NOT v`.
    pub absent: bool,
}

/// Why a run ended without a match.
#[derive(Clone, Copy, Debug)]
pub enum MissEnd<'a> {
    /// This row was none that it waited for.
    Row {
        /// Its place in its partition.
        sequence: u64,
        /// Its event time, in milliseconds.
        time: i64,
        /// Its values.
        row: &'a [Value<'a>],
    },
    /// WITHIN ran out.
    TimedOut,
    /// The input ended.
    InputEnded,
    /// A limit let it go.
    LetGo,
}

/// A match.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The rule's place in the set.
    pub rule: usize,
    /// The values of the key's columns.
    pub key: &'a [Value<'a>],
    /// Sequence of its first row; of an empty match of the row where it stands.
    pub first_sequence: u64,
    /// Sequence of its last row; of an empty match of the row where it stands.
    pub last_sequence: u64,
    /// MATCH_NUMBER(): from 1 per rule and key, timed-out matches counted, too.
    pub number: u64,
    /// Whether it is a partial match whose WITHIN ran out (SHOW TIMEOUT MATCHES).
    pub timed_out: bool,
    /// Its rows, those of exclusions, too. None for an empty match.
    pub rows: &'a [MatchedRow],
}

/// A row of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedRow {
    /// Its place in its partition.
    pub sequence: u64,
    /// Its event time, in milliseconds.
    pub time: i64,
    /// What it is mapped to: a place in [`crate::spec::RuleSpec::variables`].
    pub variable: u8,
}

/// What became of a row. The set has counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It is in.
    Yes,
    /// It came behind the watermark, or has no event time.
    Late,
    /// A limit is reached.
    Refused,
}

/// What a rule has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounters {
    /// Rows that passed its filter.
    pub rows: u64,
    /// Runs that are open now: partial matches by first row, and matches that wait for earlier ones.
    pub open: u64,
    /// Matches that came out.
    pub matches: u64,
    /// Runs for which WITHIN ran out without a match.
    pub timeouts: u64,
    /// Runs that a limit let go.
    pub dropped: u64,
}
