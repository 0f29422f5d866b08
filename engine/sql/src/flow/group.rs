//! `GROUP BY` and aggregates: which expressions of the SELECT the groups answer.

use std::collections::BTreeSet;

use vencejo_expr::Expr;
use vencejo_windows::spec::AggregateFunction;

use super::Planner;
use super::calls::{Call, is_aggregate};
use super::grouped::{Groups, Slot};
use super::rel::{Pending, Rel, address};
use super::windowing::WINDOW_COLUMNS;
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Function, Select, WindowKind};
use crate::diagnostic::{Report, Reported};
use crate::tokens::Place;

/// Calls `visit` with every aggregate call that has no OVER; none stands in another.
pub(crate) fn aggregates<'a>(ast: &'a Ast, visit: &mut dyn FnMut(&'a Ast, &'a Function)) {
    if let AstKind::Function(function) = &ast.kind
        && function.over.is_none()
        && is_aggregate(function)
    {
        visit(ast, function);
        return;
    }
    ast.children(&mut |child| aggregates(child, visit));
}

/// A group window of Flink's old syntax: `TUMBLE(ts, INTERVAL ...)` in GROUP BY.
fn legacy(ast: &Ast) -> Option<(WindowKind, &Function)> {
    let AstKind::Function(function) = &ast.kind else { return None };
    let kind = match function.name.text.to_ascii_uppercase().as_str() {
        "TUMBLE" => WindowKind::Tumble,
        "HOP" => WindowKind::Hop,
        "SESSION" => WindowKind::Session,
        _ => return None,
    };
    Some((kind, function))
}

/// Which column of the window `TUMBLE_START(...)` and its kin are.
fn legacy_column(function: &Function) -> Option<usize> {
    let name = function.name.text.to_ascii_uppercase();
    let (kind, column) = name.split_once('_')?;
    let known = ["TUMBLE", "HOP", "SESSION"].contains(&kind);
    ["START", "END", "ROWTIME"].iter().position(|other| *other == column).filter(|_| known)
}

impl Planner<'_, '_> {
    /// Plans the groups; the SELECT list and HAVING then read them.
    pub(crate) fn group_by(&mut self, mut rel: Rel, select: &Select, values: &[&Ast]) -> Rel {
        let place = select.group_by.as_ref().map_or(select.place, |group| group.place);
        let mut failed = self.refuse_star(select, "GROUP BY or aggregates").is_err();
        failed |= self.refuse_running(&rel, place).is_err();
        let mut groups = Groups::default();
        failed |= self.keys(&mut rel, select, &mut groups).is_err();
        for ast in values.iter().copied().chain(&select.having) {
            failed |= self.collect(&mut rel, ast, &mut groups, failed).is_err();
        }
        let planned = if failed || rel.partial { Err(Reported) } else { self.groups(rel, &groups, place) };
        planned.unwrap_or_else(|Reported| {
            // What the groups would answer has no value, and no error of its own.
            let mut broken = Rel::broken();
            for ast in values.iter().copied().chain(&select.having) {
                aggregates(ast, &mut |ast, _| {
                    broken.branches[0].slots.insert(address(ast), None);
                });
            }
            broken
        })
    }

    /// Reads the keys, the window among them, and the sets.
    fn keys(&mut self, rel: &mut Rel, select: &Select, groups: &mut Groups) -> Result<(), Reported> {
        let Some(group) = &select.group_by else {
            groups.sets.push(BTreeSet::new());
            return Ok(());
        };
        let mut result = Ok(());
        let mut slots: Vec<Option<Slot>> = Vec::with_capacity(group.keys.len());
        for key in &group.keys {
            if let AstKind::Integer(_) = key.kind {
                let error = Diagnostic::new(key.place, "GROUP BY takes expressions, not numbers of columns");
                result = Err(self.report.push(error.with_hint("name the column")));
                slots.push(None);
                continue;
            }
            let slot = self.key(rel, key, groups);
            if slot.is_err() {
                result = Err(Reported);
            }
            slots.push(slot.ok());
        }
        result?;
        for set in &group.sets {
            groups.sets.push(set.iter().filter_map(|&key| slots[key]).collect());
        }
        self.whole_windows(rel, group.place, groups)
    }

    fn key(&mut self, rel: &mut Rel, ast: &Ast, groups: &mut Groups) -> Result<Slot, Reported> {
        if let Some((kind, function)) = legacy(ast) {
            groups.legacy = true;
            self.legacy_window(rel, kind, function)?;
            return Ok(Slot::Window(0));
        }
        let exprs = self.lower(rel, ast)?;
        let of_pending = |column: usize| {
            rel.branches.iter().zip(&exprs).all(|(branch, &expr)| branch.window_column(expr) == Some(column))
        };
        if rel.pending.is_some() {
            if let Some(column) = (0..3).find(|&column| of_pending(column)) {
                return Ok(Slot::Window(column));
            }
        } else if rel.is_window_start(&exprs) {
            return Ok(Slot::Window(0));
        } else if rel.is_window_end(&exprs) {
            return Ok(Slot::Window(1));
        } else if rel.is_windowed() && rel.is_time(&exprs) {
            return Ok(Slot::Window(2));
        }
        let place = groups.keys.iter().position(|(_, other, _)| *other == exprs);
        Ok(Slot::Key(place.unwrap_or_else(|| {
            let simple = ast.column_name().is_some();
            groups.keys.push((ast.place, exprs, simple));
            groups.keys.len() - 1
        })))
    }

    /// That the window is in the key whole, or not at all.
    fn whole_windows(&mut self, rel: &Rel, place: Place, groups: &mut Groups) -> Result<(), Reported> {
        let has = |set: &BTreeSet<Slot>, column| set.contains(&Slot::Window(column));
        if groups.legacy {
            groups.windowed = true;
            return Ok(());
        }
        let any = groups.sets.iter().any(|set| (0..3).any(|column| has(set, column)));
        groups.windowed = groups.sets.iter().all(|set| has(set, 0) && has(set, 1));
        if any && !groups.windowed {
            let hint = "write GROUP BY window_start, window_end, and the other columns behind them";
            return Err(self.fail(place, "a window is grouped by its start and its end", hint));
        }
        if !groups.windowed && rel.pending.is_some() {
            let hint = "write GROUP BY window_start, window_end, and the other columns behind them";
            return Err(self.fail(place, "the windows are not in GROUP BY", hint));
        }
        Ok(())
    }

    /// `TUMBLE(ts, size)`, `HOP(ts, slide, size)` or `SESSION(ts, gap)` in GROUP BY.
    fn legacy_window(
        &mut self,
        rel: &mut Rel,
        kind: WindowKind,
        function: &Function,
    ) -> Result<(), Reported> {
        let place = function.name.place;
        let lengths: Option<Vec<(i64, Place)>> =
            function.arguments.iter().skip(1).map(|ast| Some((ast.interval_millis()?, ast.place))).collect();
        let least = if kind == WindowKind::Hop { 3 } else { 2 };
        let (Some(lengths), true) = (lengths, function.arguments.len() == least) else {
            let hint = format!(
                "write FROM TABLE({}(TABLE t, DESCRIPTOR(ts), INTERVAL ...)) and GROUP BY window_start, window_end",
                kind.name()
            );
            let message = format!("{} in GROUP BY takes the event time and intervals", kind.name());
            return Err(self.fail(place, message, &hint));
        };
        if rel.pending.is_some() {
            return Err(self.report.error(place, "there are two windows here"));
        }
        let time = self.lower(rel, &function.arguments[0])?;
        let time = self.time_attribute(rel, time, "the first argument", function.arguments[0].place)?;
        let windowing = self.windowing(kind, &lengths, place)?;
        let lateness = self.lateness(rel);
        rel.pending = Some(Pending { windowing, time, key: Vec::new(), lateness });
        Ok(())
    }

    /// Finds the aggregates and keys in an expression, and says what is neither.
    fn collect(
        &mut self,
        rel: &mut Rel,
        ast: &Ast,
        groups: &mut Groups,
        failed: bool,
    ) -> Result<(), Reported> {
        if self.report.is_full() {
            return Err(Reported);
        }
        if let AstKind::Function(function) = &ast.kind {
            if function.over.is_none() && is_aggregate(function) {
                let call = self.call(rel, function)?;
                let place = groups.call(call);
                groups.slots.push((address(ast), Slot::Call(place)));
                return Ok(());
            }
            if let (true, Some(column)) = (groups.legacy, legacy_column(function)) {
                groups.slots.push((address(ast), Slot::Window(column)));
                return Ok(());
            }
        }
        if let Some(slot) = self.key_slot(rel, ast, groups) {
            groups.slots.push((address(ast), slot));
            return Ok(());
        }
        if let AstKind::Column(column) = &ast.kind {
            let exprs = self.lower(rel, ast)?;
            let windows = WINDOW_COLUMNS.contains(&column.name.text.as_str());
            let known = rel.branches.iter().zip(&exprs).all(|(b, &e)| b.window_column(e).is_some());
            if failed {
                return Err(Reported);
            }
            let hint = if windows && (known || rel.is_windowed()) {
                format!("add {} to GROUP BY", column.name.text)
            } else {
                "add it to GROUP BY, or put it in an aggregate such as MAX".to_string()
            };
            let message = format!("column '{}' is neither in GROUP BY nor in an aggregate", column.name.text);
            return Err(self.report.push(Diagnostic::new(ast.place, message).with_hint(hint)));
        }
        let mut children = Vec::new();
        ast.children(&mut |child| children.push(child));
        let mut result = Ok(());
        for child in children {
            if self.collect(rel, child, groups, failed).is_err() {
                result = Err(Reported);
            }
        }
        result
    }

    /// The key that an expression is.
    fn key_slot(&mut self, rel: &mut Rel, ast: &Ast, groups: &Groups) -> Option<Slot> {
        let column = ast.column_name().is_some();
        let constant = matches!(
            ast.kind,
            AstKind::Null | AstKind::Boolean(_) | AstKind::Integer(_) | AstKind::Double(_) | AstKind::Text(_)
        );
        if constant || !column && groups.keys.iter().all(|(_, _, simple)| *simple) {
            return None;
        }
        let mut found = false;
        aggregates(ast, &mut |_, _| found = true);
        if found
            || super::needed::any(ast, &|ast| matches!(&ast.kind, AstKind::Function(f) if f.over.is_some()))
        {
            return None;
        }
        let mut silent = Report::default();
        let exprs: Option<Vec<Expr>> = rel
            .branches
            .iter_mut()
            .map(|branch| branch.lowering(self.catalog, &mut silent).expr(ast).ok())
            .collect();
        let exprs = exprs?;
        let grouped = |slot: &Slot| groups.sets.iter().any(|set| set.contains(slot));
        for column in 0..3 {
            let is = match (&rel.pending, column) {
                (Some(_), _) => {
                    rel.branches.iter().zip(&exprs).all(|(b, &e)| b.window_column(e) == Some(column))
                }
                (None, 0) => rel.is_window_start(&exprs),
                (None, 1) => rel.is_window_end(&exprs),
                (None, _) => rel.is_windowed() && rel.is_time(&exprs),
            };
            if is && grouped(&Slot::Window(column)) {
                return Some(Slot::Window(column));
            }
        }
        groups.keys.iter().position(|(_, other, _)| *other == exprs).map(Slot::Key)
    }
}

impl Groups {
    /// The place of a call; equal calls are one.
    pub(crate) fn call(&mut self, call: Call) -> usize {
        self.calls.iter().position(|other| *other == call).unwrap_or_else(|| {
            self.calls.push(call);
            self.calls.len() - 1
        })
    }

    /// Whether an aggregate asks for the event time.
    pub(crate) fn asks_time(&self) -> bool {
        self.calls.iter().any(|call| {
            matches!(
                call.function,
                AggregateFunction::FirstValue | AggregateFunction::LastValue | AggregateFunction::Ewma { .. }
            )
        })
    }
}
