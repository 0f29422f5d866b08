//! Joins. Which kind one is, its condition says: equal windows make a window join, event times within bounds
//! of each other an interval join, the whole key of a view a look-up. What is none of these would have to
//! keep both sides forever, and is refused.

mod condition;
mod lookup;
mod semi;
mod streams;

use vencejo_windows::spec::JoinKind;

use super::Planner;
use super::needed::Needed;
use super::rel::Rel;
use crate::ast::{Ast, Join, JoinWord};
use crate::diagnostic::Reported;

pub(super) use condition::Conditions;

/// Why a join is refused that is none of the three.
const UNBOUNDED: &str = "join window by window (ON window_start = window_start AND window_end = window_end AND \
                         ...), within a time (ON a.k = b.k AND a.ts BETWEEN b.ts AND b.ts + INTERVAL '1' HOUR), or \
                         a view by its whole key";

impl Planner<'_, '_> {
    /// The left side joined with the next relation; and the conditions that WHERE still has to check.
    pub(crate) fn join<'a>(
        &mut self,
        mut left: Rel,
        join: &Join,
        on: &[&'a Ast],
        needed: &Needed,
    ) -> (Rel, Vec<&'a Ast>) {
        let mut right = self.from(&join.relation, needed);
        self.settle(&mut right, needed, join.relation.place);
        let twice =
            right.branches.first().and_then(|branch| branch.scope.columns().first()?.qualifier.clone());
        let mut failed = false;
        if let Some(name) = twice
            && left.branches.first().is_some_and(|branch| branch.scope.has_table(&name))
        {
            let hint = "give one of them another name with AS";
            self.fail(join.relation.place, format!("two tables are called '{name}'"), hint);
            failed = true;
        }
        let of_where = (join.word == JoinWord::Cross).then_some(&join.relation);
        let conditions = self.conditions(&mut left, &mut right, on, of_where);
        let (Ok(conditions), false, false) = (conditions, failed, left.partial || right.partial) else {
            return (both_names(left, right), Vec::new());
        };
        match self.joined(&mut left, &mut right, join, &conditions, needed) {
            Ok(rel) => (rel, conditions.kept),
            Err(Reported) => (both_names(left, right), Vec::new()),
        }
    }

    fn joined(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        join: &Join,
        conditions: &Conditions<'_>,
        needed: &Needed,
    ) -> Result<Rel, Reported> {
        let kind = match join.word {
            JoinWord::Inner | JoinWord::Cross => JoinKind::Inner,
            JoinWord::Left => JoinKind::Left,
            JoinWord::Right => JoinKind::Right,
            JoinWord::Full => JoinKind::Full,
        };
        let place = join.place;
        if !join.temporal && conditions.is_window() {
            self.refuse_running(left, place)?;
            self.refuse_running(right, place)?;
            return self.window_join(left, right, kind, conditions, needed, place);
        }
        if !join.temporal && conditions.bounds.is_some() {
            self.refuse_running(left, place)?;
            self.refuse_running(right, place)?;
            return self.interval_join(left, right, kind, conditions, needed, place);
        }
        if let Some(view) = right.view {
            return self.lookup(left, right, (view, kind), conditions, needed, join);
        }
        self.refuse_running(left, place)?;
        self.refuse_running(right, place)?;
        if join.temporal {
            let hint = "FOR SYSTEM_TIME AS OF looks up a materialized view by its key";
            return Err(self.fail(join.relation.place, "this is no materialized view", hint));
        }
        let message = "this join has no bound in time, and would have to keep both sides forever";
        Err(self.fail(place, message, UNBOUNDED))
    }
}

/// What is left of a join with errors: names, so that others are not reported as unknown.
fn both_names(mut left: Rel, right: Rel) -> Rel {
    left.partial = true;
    let names: Vec<_> =
        right.branches.into_iter().next().map(|b| b.scope.columns().to_vec()).unwrap_or_default();
    for branch in &mut left.branches {
        branch.scope.partial = true;
        for column in &names {
            branch.scope.add(crate::scope::ScopeColumn { expr: None, ..column.clone() });
        }
    }
    left
}
