//! A join's condition taken apart: equal columns, bounds of time, and the rest.

use vencejo_expr::{Arithmetic, Comparison, Expr};
use vencejo_types::limits::WINDOW_MILLIS_MAX;

use super::super::Planner;
use super::super::rel::Rel;
use super::super::select::only_of;
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, ColumnName, Relation};
use crate::diagnostic::Reported;
use crate::scope::Resolved;
use crate::tokens::Place;

/// What an expression reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reads {
    left: bool,
    right: bool,
}

/// Columns that are equal.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) left: Vec<Expr>,
    pub(crate) right: Vec<Expr>,
}

/// left time >= right time + lower, left time <= right time + upper.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) place: Place,
    pub(crate) left: Vec<Expr>,
    pub(crate) right: Vec<Expr>,
    pub(crate) lower: Option<i64>,
    pub(crate) upper: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) keys: Vec<Pair>,
    /// Whether the windows' starts are equal, and their ends.
    pub(crate) window: (bool, bool),
    pub(crate) bounds: Option<Bounds>,
    /// Of the left side alone, of the right side alone, and of both.
    pub(crate) left: Vec<&'a Ast>,
    pub(crate) right: Vec<&'a Ast>,
    pub(crate) rest: Vec<&'a Ast>,
    /// What this join cannot check and WHERE does.
    pub(crate) kept: Vec<&'a Ast>,
}

impl Conditions<'_> {
    pub(crate) fn is_window(&self) -> bool {
        self.window.0 && self.window.1
    }
}

impl Planner<'_, '_> {
    /// Takes conditions apart. Those of WHERE that are neither about both sides nor about this table alone
    /// stay there.
    pub(crate) fn conditions<'a>(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        on: &[&'a Ast],
        of_where: Option<&Relation>,
    ) -> Result<Conditions<'a>, Reported> {
        let mut conditions = Conditions::default();
        let mut result = Ok(());
        for &ast in on {
            let sorted = match of_where {
                Some(relation) if only_of(ast, relation) => {
                    conditions.right.push(ast);
                    Ok(())
                }
                Some(_) if !self.is_join_condition(left, right, ast) => {
                    conditions.kept.push(ast);
                    Ok(())
                }
                _ => self.sort(left, right, ast, &mut conditions),
            };
            if sorted.is_err() {
                result = Err(Reported);
            }
        }
        result?;
        if let Some(Bounds { place, lower, upper, .. }) = &conditions.bounds
            && !conditions.is_window()
            && (lower.is_none() || upper.is_none())
        {
            let missing = if lower.is_none() { "lower" } else { "upper" };
            let hint = "such as ON a.k = b.k AND a.ts BETWEEN b.ts AND b.ts + INTERVAL '1' HOUR";
            let message = format!("the times of this join have no {missing} bound");
            return Err(self.fail(*place, message, hint));
        }
        let (start, end) = conditions.window;
        if start != end {
            let hint = "write ON a.window_start = b.window_start AND a.window_end = b.window_end";
            let place = on.first().map_or(Place { line: 1, column: 1 }, |ast| ast.place);
            return Err(self.fail(place, "windows are equal when their start and their end are", hint));
        }
        Ok(conditions)
    }

    /// Whether a condition of WHERE reads both sides, and nothing else.
    fn is_join_condition(&mut self, left: &Rel, right: &Rel, ast: &Ast) -> bool {
        if matches!(ast.kind, AstKind::InQuery { .. } | AstKind::Exists(_) | AstKind::Not(_)) {
            return false;
        }
        let known = !super::super::needed::any(ast, &|ast| match &ast.kind {
            AstKind::Column(column) => {
                side(left, right, column).is_none_or(|reads| reads == Reads::default())
            }
            _ => false,
        });
        let both = |reads: Reads| reads.left && reads.right;
        known && self.reads(left, right, ast).is_ok_and(both)
    }

    fn sort<'a>(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        ast: &'a Ast,
        conditions: &mut Conditions<'a>,
    ) -> Result<(), Reported> {
        if let AstKind::Compare(Comparison::Equal, sides) = &ast.kind {
            let [a, b] = [&sides[0], &sides[1]];
            let (of_a, of_b) = (self.reads(left, right, a)?, self.reads(left, right, b)?);
            let (l, r) = (Reads { left: true, right: false }, Reads { left: false, right: true });
            if (of_a, of_b) == (l, r) {
                return self.pair(left, right, (a, b), ast, conditions);
            }
            if (of_a, of_b) == (r, l) {
                return self.pair(left, right, (b, a), ast, conditions);
            }
        }
        if self.time_bounds(left, right, ast, conditions)? {
            return Ok(());
        }
        match self.reads(left, right, ast)? {
            Reads { left: true, right: true } => conditions.rest.push(ast),
            Reads { right: true, .. } => conditions.right.push(ast),
            Reads { .. } => conditions.left.push(ast),
        }
        Ok(())
    }

    /// Two expressions that are equal: the windows, the times, or columns of the key.
    pub(crate) fn pair<'a>(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        (a, b): (&Ast, &Ast),
        ast: &'a Ast,
        conditions: &mut Conditions<'a>,
    ) -> Result<(), Reported> {
        let (of_left, of_right) = (self.lower(left, a), self.lower(right, b));
        let (of_left, of_right) = (of_left?, of_right?);
        if left.is_window_start(&of_left) && right.is_window_start(&of_right) {
            conditions.window.0 = true;
            return Ok(());
        }
        if left.is_window_end(&of_left) && right.is_window_end(&of_right) {
            conditions.window.1 = true;
            return Ok(());
        }
        if left.is_time(&of_left) && right.is_time(&of_right) {
            if !(left.is_windowed() && right.is_windowed()) {
                self.add_bound(conditions, ast.place, (of_left, of_right), (Some(0), Some(0)))?;
            }
            return Ok(());
        }
        let ty = |rel: &Rel, exprs: &[Expr]| {
            rel.branches.iter().zip(exprs).find_map(|(branch, &expr)| branch.graph.type_of(expr))
        };
        if let (Some(a), Some(b)) = (ty(left, &of_left), ty(right, &of_right))
            && a != b
        {
            let error = Diagnostic::new(ast.place, format!("the join compares {a} with {b}"));
            return Err(self.report.push(error.with_hint("CAST(value AS type) converts")));
        }
        conditions.keys.push(Pair { left: of_left, right: of_right });
        Ok(())
    }

    fn add_bound(
        &mut self,
        conditions: &mut Conditions<'_>,
        place: Place,
        (left, right): (Vec<Expr>, Vec<Expr>),
        (lower, upper): (Option<i64>, Option<i64>),
    ) -> Result<(), Reported> {
        if lower.iter().chain(&upper).any(|bound| bound.saturating_abs() > WINDOW_MILLIS_MAX) {
            let days = WINDOW_MILLIS_MAX / 86_400_000;
            return Err(self.report.error(place, format!("times of a join are at most {days} days apart")));
        }
        let bounds = conditions.bounds.get_or_insert_with(|| Bounds {
            place,
            left: left.clone(),
            right: right.clone(),
            lower: None,
            upper: None,
        });
        if (&bounds.left, &bounds.right) != (&left, &right) {
            return Err(self.report.error(place, "the bounds of this join are about different times"));
        }
        bounds.lower = bounds.lower.into_iter().chain(lower).max();
        bounds.upper = bounds.upper.into_iter().chain(upper).min();
        Ok(())
    }

    /// Takes a comparison of event times as bounds; whether it is one.
    fn time_bounds(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        ast: &Ast,
        conditions: &mut Conditions<'_>,
    ) -> Result<bool, Reported> {
        let comparisons: Vec<(Comparison, &Ast, &Ast)> = match &ast.kind {
            AstKind::Compare(op, sides) => vec![(*op, &sides[0], &sides[1])],
            AstKind::Between { parts, negated: false } => vec![
                (Comparison::GreaterEqual, &parts[0], &parts[1]),
                (Comparison::LessEqual, &parts[0], &parts[2]),
            ],
            _ => return Ok(false),
        };
        let mut found = Vec::new();
        for (op, a, b) in comparisons {
            let (Some((a, x)), Some((b, y))) = (shifted(a), shifted(b)) else { return Ok(false) };
            let (of_a, of_b) = (self.reads(left, right, a)?, self.reads(left, right, b)?);
            // a + x op b + y, so a op b + (y - x).
            let apart = y.saturating_sub(x);
            let (op, apart, l, r) = match (of_a, of_b) {
                (Reads { left: true, right: false }, Reads { left: false, right: true }) => (op, apart, a, b),
                (Reads { left: false, right: true }, Reads { left: true, right: false }) => {
                    (flipped(op), -apart, b, a)
                }
                _ => return Ok(false),
            };
            let (l, r) = (self.lower(left, l)?, self.lower(right, r)?);
            if !left.is_time(&l) || !right.is_time(&r) {
                return Ok(false);
            }
            let bounds = match op {
                Comparison::Equal => (Some(apart), Some(apart)),
                Comparison::GreaterEqual => (Some(apart), None),
                Comparison::Greater => (Some(apart.saturating_add(1)), None),
                Comparison::LessEqual => (None, Some(apart)),
                Comparison::Less => (None, Some(apart.saturating_sub(1))),
                Comparison::NotEqual => return Ok(false),
            };
            found.push(((l, r), bounds));
        }
        for (times, bounds) in found {
            self.add_bound(conditions, ast.place, times, bounds)?;
        }
        Ok(true)
    }

    /// Which sides an expression reads; names that are on neither or both are reported.
    fn reads(&mut self, left: &Rel, right: &Rel, ast: &Ast) -> Result<Reads, Reported> {
        let mut columns = Vec::new();
        columns_of(ast, &mut columns);
        let mut reads = Reads::default();
        let mut result = Ok(());
        for column in columns {
            match side(left, right, column) {
                Some(found) => {
                    reads.left |= found.left;
                    reads.right |= found.right;
                }
                None => {
                    let name = &column.name;
                    let error = Diagnostic::new(name.place, format!("column '{}' is ambiguous", name.text));
                    result = Err(self.report.push(error.with_hint("write the table's name before it")));
                }
            }
            if side(left, right, column) == Some(Reads::default()) {
                result = Err(self.unknown(left, right, column));
            }
        }
        result.map(|()| reads)
    }

    fn unknown(&mut self, left: &Rel, right: &Rel, column: &ColumnName) -> Reported {
        let mut scope = crate::scope::Scope::new(left.partial || right.partial);
        for rel in [left, right] {
            for known in rel.branches.first().map(|b| b.scope.columns()).unwrap_or_default() {
                scope.add(known.clone());
            }
        }
        match scope.column(column, &[], self.report) {
            Ok(_) | Err(Reported) => Reported,
        }
    }
}

/// The columns that an expression names.
fn columns_of<'a>(ast: &'a Ast, columns: &mut Vec<&'a ColumnName>) {
    if let AstKind::Column(column) = &ast.kind {
        columns.push(column);
    }
    ast.children(&mut |child| columns_of(child, columns));
}

/// On which side a column is; nothing when it may be on both.
fn side(left: &Rel, right: &Rel, column: &ColumnName) -> Option<Reads> {
    let qualifier = column.qualifier.as_ref().map(|name| name.text.as_str());
    let has = |rel: &Rel| {
        rel.branches.first().is_some_and(|branch| match branch.scope.resolve(qualifier, &column.name.text) {
            Resolved::Known(_) | Resolved::Ambiguous => true,
            Resolved::Broken => branch.scope.columns().iter().any(|c| c.name == column.name.text),
            Resolved::Missing => false,
        })
    };
    match (has(left), has(right)) {
        (true, true) => None,
        (left, right) => Some(Reads { left, right }),
    }
}

/// An expression without the intervals that are added to it, and their sum.
fn shifted(ast: &Ast) -> Option<(&Ast, i64)> {
    match &ast.kind {
        AstKind::Column(_) => Some((ast, 0)),
        AstKind::Arithmetic(op @ (Arithmetic::Add | Arithmetic::Subtract), sides) => {
            let [a, b] = [&sides[0], &sides[1]];
            if let (Some(millis), Arithmetic::Add) = (a.interval_millis(), *op) {
                let (inner, shift) = shifted(b)?;
                return Some((inner, shift.checked_add(millis)?));
            }
            let millis = b.interval_millis()?;
            let (inner, shift) = shifted(a)?;
            let millis = if *op == Arithmetic::Add { millis } else { millis.checked_neg()? };
            Some((inner, shift.checked_add(millis)?))
        }
        _ => None,
    }
}

fn flipped(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        Comparison::Equal | Comparison::NotEqual => op,
    }
}
