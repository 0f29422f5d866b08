//! Window table functions: their lengths, their time, and their windows where no GROUP BY takes them.

use vencejo_core::plan::flow::Operator;
use vencejo_expr::{Expr, Type};
use vencejo_types::limits::{WINDOW_MILLIS_MAX, WINDOWS_PER_ROW_MAX};
use vencejo_windows::spec::{Assignment, Windowing};

use super::Planner;
use super::needed::Needed;
use super::rel::{Layout, Pending, Rel};
use crate::ast::{Ast, AstKind, WindowCall, WindowKind};
use crate::diagnostic::Reported;
use crate::scope::ScopeColumn;
use crate::tokens::Place;

/// The columns that a window table function adds.
pub(crate) const WINDOW_COLUMNS: [&str; 3] = ["window_start", "window_end", "window_time"];

impl Planner<'_, '_> {
    /// `TUMBLE(TABLE t, ...)`: the table with its windows pending.
    pub(crate) fn window_call(&mut self, call: &WindowCall, needed: &Needed, qualifier: Option<&str>) -> Rel {
        // Of the table, the time and the session's key are needed besides.
        let mut inner = needed.clone();
        if let Needed::Names(names) = &mut inner {
            names.insert(call.time.name.text.clone());
            call.partition.iter().for_each(|ast| super::needed::of_expression(ast, names));
        }
        let mut rel = self.relation(&call.relation, &inner);
        self.settle(&mut rel, &inner, call.relation.place);
        rel.enter(qualifier);
        let windowing = self.windowing(call.kind, &call.lengths, call.relation.place);
        let time = self.time(&mut rel, call);
        let mut key = Vec::new();
        let mut failed = false;
        for ast in &call.partition {
            match self.lower(&mut rel, ast) {
                Ok(exprs) => key.push(exprs),
                Err(Reported) => failed = true,
            }
        }
        let running = self.refuse_running(&rel, call.relation.place);
        // Columns of windows that the table has already give way to the new ones.
        for branch in &mut rel.branches {
            branch.scope = branch.scope.without(&WINDOW_COLUMNS);
        }
        match (windowing, time, running) {
            (Ok(windowing), Ok(time), Ok(())) if !failed && !rel.partial => {
                let lateness = self.lateness(&rel);
                rel.pending = Some(Pending { windowing, time, key, lateness });
            }
            _ => {
                rel.partial = true;
                rel.branches.iter_mut().for_each(|branch| branch.scope.partial = true);
            }
        }
        rel
    }

    /// The allowed lateness: the view's, else the greatest of its streams.
    pub(crate) fn lateness(&self, rel: &Rel) -> i64 {
        let streams = rel.branches.iter().flat_map(|branch| &branch.facts.streams);
        let of_streams = streams
            .filter_map(|&(stream, _)| self.catalog.streams[stream].options.allowed_lateness_millis)
            .max();
        self.settings.lateness.or(of_streams).unwrap_or(0)
    }

    fn time(&mut self, rel: &mut Rel, call: &WindowCall) -> Result<Vec<Expr>, Reported> {
        let place = call.time.name.place;
        let scopes = rel.branches.iter().map(|branch| branch.scope.column(&call.time, &[], self.report));
        let exprs: Vec<Expr> = scopes.collect::<Result<_, _>>()?;
        self.time_attribute(rel, exprs, &call.time.name.text, place)
    }

    /// That an expression is a time attribute.
    pub(crate) fn time_attribute(
        &mut self,
        rel: &Rel,
        exprs: Vec<Expr>,
        name: &str,
        place: Place,
    ) -> Result<Vec<Expr>, Reported> {
        if rel.is_time(&exprs) {
            return Ok(exprs);
        }
        if rel.partial {
            return Err(Reported);
        }
        let windows: Vec<bool> =
            [rel.is_window_start(&exprs), rel.is_window_end(&exprs), rel.is_windowed()].to_vec();
        let hint = if windows[0] || windows[1] {
            "of a window's columns window_time is the one with a watermark; select and group by it"
        } else if windows[2] {
            "behind a window the event time is window_time; select and group by it"
        } else {
            "declare WATERMARK FOR it in CREATE TABLE, and take the column as it is"
        };
        Err(self.fail(place, format!("'{name}' is no event time: it has no watermark"), hint))
    }

    /// The lengths of a window table function, checked.
    pub(crate) fn windowing(
        &mut self,
        kind: WindowKind,
        lengths: &[(i64, Place)],
        place: Place,
    ) -> Result<Windowing, Reported> {
        let required = match kind {
            WindowKind::Tumble | WindowKind::Session => 1,
            WindowKind::Hop | WindowKind::Cumulate => 2,
        };
        for &(millis, place) in &lengths[..required.min(lengths.len())] {
            if !(1..=WINDOW_MILLIS_MAX).contains(&millis) {
                let days = WINDOW_MILLIS_MAX / 86_400_000;
                let message = format!("a window's length is from 1 ms to {days} days");
                return Err(self.report.error(place, message));
            }
        }
        let offset = match lengths.get(required) {
            Some(&(millis, place)) if !(-WINDOW_MILLIS_MAX..=WINDOW_MILLIS_MAX).contains(&millis) => {
                return Err(self.report.error(place, "a window's offset is at most its greatest length"));
            }
            Some(&(millis, _)) => millis,
            None => 0,
        };
        let windowing = match (kind, lengths) {
            (WindowKind::Tumble, &[(size, _), ..]) => Windowing::Tumble { size, offset },
            (WindowKind::Session, &[(gap, _), ..]) => Windowing::Session { gap },
            (WindowKind::Hop, &[(slide, at), (size, _), ..]) => {
                self.divides(slide, size, at, "HOP", "slide")?;
                Windowing::Hop { size, slide, offset }
            }
            (WindowKind::Cumulate, &[(step, at), (size, _), ..]) => {
                self.divides(step, size, at, "CUMULATE", "step")?;
                Windowing::Cumulate { size, step, offset }
            }
            _ => return Err(self.report.error(place, format!("{} misses a length", kind.name()))),
        };
        Ok(windowing)
    }

    fn divides(
        &mut self,
        part: i64,
        size: i64,
        place: Place,
        name: &str,
        word: &str,
    ) -> Result<(), Reported> {
        if part > size || size % part != 0 {
            let message = format!("{name} takes a size that is a multiple of the {word}");
            let hint = format!("{name}(TABLE t, DESCRIPTOR(ts), {word}, size): the {word} comes first");
            return Err(self.fail(place, message, &hint));
        }
        if size / part > WINDOWS_PER_ROW_MAX {
            let message = format!("a row would be in {} windows; at most {WINDOWS_PER_ROW_MAX}", size / part);
            return Err(self.report.error(place, message));
        }
        Ok(())
    }

    /// Gives the windows out row by row, where they are pending.
    pub(crate) fn settle(&mut self, rel: &mut Rel, needed: &Needed, place: Place) {
        let Some(pending) = rel.pending.take() else { return };
        match self.assign(rel, &pending, needed, place) {
            Ok(assigned) => *rel = assigned,
            Err(Reported) => {
                rel.partial = true;
                rel.branches.iter_mut().for_each(|branch| branch.scope.partial = true);
            }
        }
    }

    fn assign(
        &mut self,
        rel: &mut Rel,
        pending: &Pending,
        needed: &Needed,
        place: Place,
    ) -> Result<Rel, Reported> {
        let mut layout = Layout::default();
        let time = layout.place(pending.time.clone());
        let key: Vec<usize> = pending.key.iter().map(|exprs| layout.place(exprs.clone())).collect();
        let carried = rel.carry(needed, &mut layout);
        let mut facts = rel.facts(&layout);
        let qualifier = rel.branches.first().and_then(|b| b.scope.columns().first()?.qualifier.clone());
        let fed = self.feed(rel, &layout, true, place)?;
        let width = fed.columns.len();
        let operator = Operator::Assign(Assignment {
            windowing: pending.windowing,
            time,
            key: key.iter().map(|&column| fed.typed(column)).collect(),
            input: fed.types(),
        });
        let mut types = fed.types();
        types.extend([Type::Timestamp; 3]);
        let node = self.node(operator, vec![fed.origins.clone()], types, place)?;
        facts.set_window(Some((width, width + 1)));
        facts.times = vec![width + 2];
        if matches!(pending.windowing, Windowing::Session { .. }) {
            let local = facts.partition().is_some_and(|columns| columns.iter().all(|c| key.contains(c)));
            facts.complete &= local;
            facts.key = Some(key);
        }
        let mut rel = self.reread(node, facts, &carried, &fed, place)?;
        for (index, name) in WINDOW_COLUMNS.into_iter().enumerate() {
            let branch = &mut rel.branches[0];
            let expr = Some(self.column(branch, width + index, Type::Timestamp, false, place)?);
            branch.scope.add(ScopeColumn { qualifier: qualifier.clone(), name: name.to_string(), expr });
        }
        Ok(rel)
    }

    /// Makes the columns of pending windows known, for a GROUP BY that takes them.
    pub(crate) fn enter_pending(&mut self, rel: &mut Rel, place: Place) -> Result<(), Reported> {
        for branch in &mut rel.branches {
            let qualifier = branch.scope.columns().first().and_then(|column| column.qualifier.clone());
            for (index, name) in (0..).zip(WINDOW_COLUMNS) {
                let column = branch.graph.column(1, index, Type::Timestamp, false);
                let expr = Some(column.map_err(|error| self.report.error(place, error.to_string()))?);
                branch.scope.add(ScopeColumn { qualifier: qualifier.clone(), name: name.to_string(), expr });
            }
        }
        Ok(())
    }
}

/// Whether an expression names a column of a window.
pub(crate) fn names_window(ast: &Ast) -> bool {
    super::needed::any(ast, &|ast| match &ast.kind {
        AstKind::Column(column) => WINDOW_COLUMNS.contains(&column.name.text.as_str()),
        AstKind::InQuery { .. } | AstKind::Exists(_) => true,
        _ => false,
    })
}
