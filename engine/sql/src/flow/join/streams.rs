//! Window joins and interval joins: both sides are streams of rows.

use vencejo_core::plan::flow::Operator;
use vencejo_expr::{Expr, Program, compile};
use vencejo_windows::spec::{IntervalJoin, JoinKind, JoinSide, WindowJoin};

use super::super::carry::Carried;
use super::super::drafts::Origin;
use super::super::facts::Facts;
use super::super::needed::Needed;
use super::super::rel::{Branch, Layout, Rel};
use super::super::{Fed, Planner};
use super::condition::{Bounds, Conditions};
use crate::ast::Ast;
use crate::diagnostic::Reported;
use crate::tokens::Place;

/// One side's rows on their way into a join.
struct Side {
    fed: Fed,
    carried: Carried,
    facts: Facts,
    key: Vec<usize>,
    /// Columns that the join is told of: the window's, or the time.
    marks: Vec<usize>,
}

impl Side {
    fn spec(&self) -> JoinSide {
        JoinSide {
            key: self.key.iter().map(|&column| self.fed.typed(column)).collect(),
            input: self.fed.types(),
        }
    }

    /// Whether the join's key has what the side is partitioned by, and where in the key.
    fn partition(&self) -> Option<Vec<usize>> {
        let columns = self.facts.partition()?;
        columns.iter().map(|column| self.key.iter().position(|key| key == column)).collect()
    }
}

/// What becomes of conditions on one side alone.
fn pushes(kind: JoinKind) -> (bool, bool) {
    match kind {
        JoinKind::Inner => (true, true),
        JoinKind::Left | JoinKind::Semi | JoinKind::Anti => (false, true),
        JoinKind::Right => (true, false),
        JoinKind::Full => (false, false),
    }
}

impl Planner<'_, '_> {
    pub(super) fn window_join(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        kind: JoinKind,
        conditions: &Conditions<'_>,
        needed: &Needed,
        place: Place,
    ) -> Result<Rel, Reported> {
        let rest = self.push_down(left, right, kind, conditions)?;
        let window = |branch: &Branch| branch.facts.window;
        let marks = |rel: &mut Rel| {
            let start = rel.timestamps(|branch| window(branch).map(|(start, _)| start));
            let end = rel.timestamps(|branch| window(branch).map(|(_, end)| end));
            start.zip(end).map(|(start, end)| vec![start, end]).ok_or(Reported)
        };
        let (of_left, of_right) = (marks(left)?, marks(right)?);
        let left = self.side(left, conditions, true, of_left, needed, place)?;
        let right = self.side(right, conditions, false, of_right, needed, place)?;
        let (condition, mut rel) = self.pairs(&left, &right, kind, &rest, place)?;
        let spec = WindowJoin {
            kind,
            left: left.spec(),
            right: right.spec(),
            left_window: (left.marks[0], left.marks[1]),
            right_window: (right.marks[0], right.marks[1]),
        };
        let node = self.join_node(Operator::WindowJoin(spec, condition), &left, &right, kind, place)?;
        let branch = &mut rel.branches[0];
        branch.origin = Origin::Node(node);
        // Where a side may be NULL, its window is no window of the row.
        if matches!(kind, JoinKind::Full) {
            branch.facts.set_window(None);
        } else if kind == JoinKind::Right {
            let moved = right.facts.window.map(|(start, end)| {
                let offset = left.fed.columns.len();
                (start + offset, end + offset)
            });
            branch.facts.set_window(moved);
        }
        Ok(rel)
    }

    pub(super) fn interval_join(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        kind: JoinKind,
        conditions: &Conditions<'_>,
        needed: &Needed,
        place: Place,
    ) -> Result<Rel, Reported> {
        let Some(Bounds { place: at, left: left_time, right: right_time, lower, upper }) = &conditions.bounds
        else {
            return Err(Reported);
        };
        let (Some(lower), Some(upper)) = (*lower, *upper) else { return Err(Reported) };
        if lower > upper {
            return Err(self.report.error(*at, "no times are within these bounds"));
        }
        let rest = self.push_down(left, right, kind, conditions)?;
        let left = self.side(left, conditions, true, vec![left_time.clone()], needed, place)?;
        let right = self.side(right, conditions, false, vec![right_time.clone()], needed, place)?;
        let (condition, mut rel) = self.pairs(&left, &right, kind, &rest, place)?;
        let spec = IntervalJoin {
            kind,
            left: left.spec(),
            right: right.spec(),
            left_time: left.marks[0],
            right_time: right.marks[0],
            lower,
            upper,
        };
        let node = self.join_node(Operator::IntervalJoin(spec, condition), &left, &right, kind, place)?;
        rel.branches[0].origin = Origin::Node(node);
        rel.branches[0].facts.set_window(None);
        Ok(rel)
    }

    /// Puts conditions on one side alone before the join, where that means the same.
    fn push_down<'a>(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        kind: JoinKind,
        conditions: &Conditions<'a>,
    ) -> Result<Vec<&'a Ast>, Reported> {
        let mut rest = conditions.rest.clone();
        let (to_left, to_right) = pushes(kind);
        for (rel, list, pushed) in [(left, &conditions.left, to_left), (right, &conditions.right, to_right)] {
            for &ast in list {
                if pushed {
                    self.condition(rel, ast, "ON")?;
                    self.bound(rel, ast);
                } else {
                    rest.push(ast);
                }
            }
        }
        Ok(rest)
    }

    /// One side's rows: what is needed of them, the key, the marks.
    fn side(
        &mut self,
        rel: &mut Rel,
        conditions: &Conditions<'_>,
        is_left: bool,
        marks: Vec<Vec<Expr>>,
        needed: &Needed,
        place: Place,
    ) -> Result<Side, Reported> {
        let mut layout = Layout::default();
        let carried = rel.carry(needed, &mut layout);
        let keys = conditions.keys.iter().map(|pair| if is_left { &pair.left } else { &pair.right });
        let key = keys.map(|exprs| layout.place(exprs.clone())).collect();
        let marks = marks.into_iter().map(|exprs| layout.place(exprs)).collect();
        let facts = rel.facts(&layout);
        let fed = self.feed(rel, &layout, true, place)?;
        Ok(Side { fed, carried, facts, key, marks })
    }

    /// The joined rows, whose node is not there yet, and the condition on pairs.
    fn pairs(
        &mut self,
        left: &Side,
        right: &Side,
        kind: JoinKind,
        rest: &[&Ast],
        place: Place,
    ) -> Result<(Option<Program>, Rel), Reported> {
        let width = left.fed.columns.len();
        let mut pair = Branch::new(Origin::Stream(0), Facts::default());
        self.behind(&mut pair, &left.carried, (&left.fed, 0, false), place)?;
        self.behind(&mut pair, &right.carried, (&right.fed, width, false), place)?;
        let mut tests = Vec::with_capacity(rest.len());
        for ast in rest {
            tests.push(pair.lowering(self.catalog, self.report).condition(ast, "ON")?);
        }
        let condition = if tests.is_empty() {
            None
        } else {
            let all = pair.graph.and(&tests).map_err(|error| self.report.error(place, error.to_string()))?;
            let program = compile(&pair.graph, &[all]);
            Some(program.map_err(|error| self.report.error(place, error.to_string()))?)
        };
        let alone = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        let mut facts = left.facts.clone();
        facts.rank = None;
        facts.key = Some(left.key.clone());
        facts.complete &=
            right.facts.complete && left.partition().is_some() && left.partition() == right.partition();
        if !alone {
            let moved = right.facts.moved(|column| Some(column + width));
            facts.times.extend(moved.times);
            // The sides are partitioned alike, else the rows are not complete anyway.
        }
        let mut branch = Branch::new(Origin::Stream(0), facts);
        let left_null = matches!(kind, JoinKind::Right | JoinKind::Full);
        let right_null = matches!(kind, JoinKind::Left | JoinKind::Full);
        self.behind(&mut branch, &left.carried, (&left.fed, 0, left_null), place)?;
        if !alone {
            self.behind(&mut branch, &right.carried, (&right.fed, width, right_null), place)?;
        }
        if left_null {
            branch.facts.times.retain(|&time| time >= width);
            branch.facts.key = Some(right.key.iter().map(|&column| column + width).collect());
            branch.facts.streams = right.facts.moved(|column| Some(column + width)).streams;
        }
        if right_null {
            branch.facts.times.retain(|&time| time < width);
        }
        if left_null && right_null {
            branch.facts.key = None;
            branch.facts.complete = false;
        }
        Ok((condition, Rel::one(branch)))
    }

    fn join_node(
        &mut self,
        operator: Operator,
        left: &Side,
        right: &Side,
        kind: JoinKind,
        place: Place,
    ) -> Result<usize, Reported> {
        let mut types = left.fed.types();
        if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            types.extend(right.fed.types());
        }
        let ports = vec![left.fed.origins.clone(), right.fed.origins.clone()];
        self.node(operator, ports, types, place)
    }
}
