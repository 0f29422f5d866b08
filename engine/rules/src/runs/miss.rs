//! How far runs came that led to nothing, where somebody asks.

use vencejo_expr::{Value, key};

use super::{RuleRuns, Thread};
use crate::automaton::Takes;
use crate::path::{Mapped, PathId};
use crate::rule::Rule;
use crate::turn::Turn;
use crate::{MatchedRow, Miss, MissEnd, Wait};

/// The rows of a run's longest way, and what its ways of that length wait for.
pub(super) struct Farthest {
    rows: Vec<MatchedRow>,
    waits: Vec<Wait>,
}

/// What ended a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// The current row.
    Row,
    Time,
    Input,
    LetGo,
}

impl RuleRuns {
    /// How far a run has come that has these threads; nothing where nobody asks, or it has taken no row.
    #[inline]
    pub(super) fn farthest(&self, rule: &Rule, threads: &[Thread], turn: &Turn<'_>) -> Option<Farthest> {
        if turn.explained == Some(self.rule) { self.measured(rule, threads, turn) } else { None }
    }

    #[cold]
    fn measured(&self, rule: &Rule, threads: &[Thread], turn: &Turn<'_>) -> Option<Farthest> {
        let paths = &turn.paths[self.rule as usize];
        let length = |path: PathId| paths.backwards(path).count();
        let longest = threads.iter().map(|thread| length(thread.path)).max().filter(|&rows| rows > 0)?;
        let mut ways = threads.iter().filter(|thread| length(thread.path) == longest).peekable();
        let steps = ways.peek().map(|way| paths.backwards(way.path))?;
        let mut rows: Vec<MatchedRow> = steps
            .map(|step| {
                let Mapped { row, variable } = step.mapped;
                let (sequence, time) = turn.rows.stamp(row);
                MatchedRow { sequence, time, variable }
            })
            .collect();
        rows.reverse();
        let mut waits: Vec<Wait> = Vec::new();
        for way in ways {
            let takes = rule.takes(way.state);
            let absent = !matches!(takes, Takes::Row { .. });
            let wait = Wait { variable: takes.variable(), absent };
            if !waits.contains(&wait) {
                waits.push(wait);
            }
        }
        Some(Farthest { rows, waits })
    }
}

impl Farthest {
    /// Tells of a rule's run that ended so far.
    pub(super) fn tell(&self, rule: u32, ended: Ended, turn: &mut Turn<'_>) {
        let mut key_values = vec![Value::Null; turn.key_columns.len()];
        key::read(turn.key, turn.key_columns.iter().map(|&(_, key_type)| key_type), &mut key_values);
        let end = match (ended, turn.rows.current) {
            (Ended::Row, Some(current)) => {
                MissEnd::Row { sequence: current.sequence, time: current.time, row: current.row }
            }
            (Ended::Time, _) => MissEnd::TimedOut,
            (Ended::Input, _) => MissEnd::InputEnded,
            (Ended::Row | Ended::LetGo, _) => MissEnd::LetGo,
        };
        let miss = Miss { rule: rule as usize, key: &key_values, rows: &self.rows, waits: &self.waits, end };
        turn.sink.missed(&miss);
    }
}
