//! `OVER`: aggregates over the rows before each row, and ROW_NUMBER over the rows of a window.

use vencejo_core::plan::flow::Operator;
use vencejo_expr::{Constant, Expr, Type};
use vencejo_types::limits::{OVER_ROWS_MAX, OVERS_MAX, WINDOW_MILLIS_MAX};
use vencejo_windows::spec::{Frame, OrderBy, OverAggregation, TopN};

use super::Planner;
use super::calls::{Call, is_aggregate};
use super::needed::{Needed, over_calls};
use super::rel::{Layout, Rel, address};
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, FrameClause, Function, Over, OverSpec, Select};
use crate::diagnostic::Reported;
use crate::tokens::Place;

/// Functions of SQL that number rows, and are not here.
const RANKS: [&str; 8] =
    ["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD", "NTH_VALUE"];

/// An OVER with its columns.
#[derive(PartialEq)]
struct Window {
    partition: Vec<Vec<Expr>>,
    /// Column, whether descending, where NULLs are.
    order: Vec<(Vec<Expr>, bool, bool)>,
    frame: Option<Frame>,
}

impl Planner<'_, '_> {
    /// Plans the OVER calls of the SELECT list; its expressions then read their columns.
    pub(crate) fn over_clauses(
        &mut self,
        mut rel: Rel,
        select: &Select,
        values: &[&Ast],
        needed: &Needed,
    ) -> Rel {
        let mut calls = Vec::new();
        values.iter().for_each(|ast| over_calls(ast, &mut calls));
        for ast in select.condition.iter().chain(&select.having) {
            let mut misplaced = Vec::new();
            over_calls(ast, &mut misplaced);
            for (ast, _) in misplaced {
                let hint = "put the SELECT in a subquery, and write WHERE around it";
                self.fail(ast.place, "OVER stands in the SELECT list", hint);
                rel.partial = true;
            }
        }
        // Calls of one window are one operator.
        let mut windows = 0;
        while let Some(&(ast, over)) = calls.first() {
            windows += 1;
            if windows > OVERS_MAX || self.report.is_full() {
                self.report.error(ast.place, format!("a SELECT has at most {OVERS_MAX} different OVERs"));
                return Rel::broken();
            }
            match self.over(&mut rel, select, &calls, ast, over, needed) {
                Ok((next, done)) => {
                    rel = next;
                    calls.retain(|(ast, _)| !done.contains(&address(ast)));
                }
                Err(Reported) => {
                    // The others are looked at for their own errors.
                    calls.remove(0);
                    rel.partial = true;
                    for branch in &mut rel.branches {
                        branch.slots.insert(address(ast), None);
                    }
                }
            }
        }
        rel
    }

    /// Plans all calls that have the window of the first: the rel behind them, and which they are.
    fn over(
        &mut self,
        rel: &mut Rel,
        select: &Select,
        calls: &[(&Ast, &Over)],
        first: &Ast,
        over: &Over,
        needed: &Needed,
    ) -> Result<(Rel, Vec<usize>), Reported> {
        self.refuse_running(rel, first.place)?;
        let spec = self.spec(select, over)?;
        let AstKind::Function(function) = &first.kind else { return Err(Reported) };
        let rank = function.name.text.eq_ignore_ascii_case("ROW_NUMBER");
        self.check_function(function, rank)?;
        let window = self.window(rel, spec, rank)?;
        if rel.partial {
            return Err(Reported);
        }
        if rank {
            return Ok((self.rank(rel, first, spec, &window, needed)?, vec![address(first)]));
        }
        let mut together = Vec::new();
        for &(ast, over) in calls {
            let AstKind::Function(function) = &ast.kind else { continue };
            if !is_aggregate(function) {
                continue;
            }
            let spec = self.spec(select, over)?;
            if address(ast) == address(first) || self.window(rel, spec, false)? == window {
                together.push((ast, self.call(rel, function)?));
            }
        }
        let rel = self.over_node(rel, first.place, &window, &together, needed)?;
        Ok((rel, together.iter().map(|(ast, _)| address(ast)).collect()))
    }

    fn check_function(&mut self, function: &Function, rank: bool) -> Result<(), Reported> {
        let name = &function.name;
        if rank {
            if function.arguments.is_empty() && !function.star && function.filter.is_none() {
                return Ok(());
            }
            return Err(self.report.error(name.place, "ROW_NUMBER takes no arguments"));
        }
        if is_aggregate(function) {
            return Ok(());
        }
        let upper = name.text.to_ascii_uppercase();
        if RANKS.contains(&upper.as_str()) {
            let hint = "ROW_NUMBER() numbers the rows of a window, aggregates look back over rows";
            return Err(self.fail(name.place, format!("{upper} is not supported"), hint));
        }
        Err(self.report.error(name.place, format!("{} is no function for OVER", name.text)))
    }

    fn spec<'a>(&mut self, select: &'a Select, over: &'a Over) -> Result<&'a OverSpec, Reported> {
        match over {
            Over::Spec(spec) => Ok(spec),
            Over::Named(name) => {
                let found = select.windows.iter().find(|(known, _)| known.text == name.text);
                found.map(|(_, spec)| spec).ok_or_else(|| {
                    let names = select.windows.iter().map(|(known, _)| known.text.as_str());
                    let error = Diagnostic::new(name.place, format!("unknown window '{}'", name.text));
                    self.report.push(error.with_hint_if(crate::suggest::did_you_mean(&name.text, names)))
                })
            }
        }
    }

    /// The window's columns, checked.
    fn window(&mut self, rel: &mut Rel, spec: &OverSpec, rank: bool) -> Result<Window, Reported> {
        let partition: Vec<Vec<Expr>> =
            spec.partition.iter().map(|ast| self.lower(rel, ast)).collect::<Result<_, _>>()?;
        let mut order = Vec::with_capacity(spec.order.len());
        for item in &spec.order {
            let exprs = self.lower(rel, &item.value)?;
            // As in Flink, NULL is the least value.
            order.push((exprs, item.descending, item.nulls_first.unwrap_or(!item.descending)));
        }
        if rank {
            return self.rank_window(rel, spec, Window { partition, order, frame: None });
        }
        let [item] = &spec.order[..] else {
            let hint = "write OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)";
            return Err(self.fail(
                spec.place,
                "OVER takes ORDER BY with the event time, and nothing else",
                hint,
            ));
        };
        if item.descending {
            return Err(self.report.error(item.value.place, "OVER takes the event time in ascending order"));
        }
        let name = item.value.column_name().map_or("this", |name| name.text.as_str());
        self.time_attribute(rel, order[0].0.clone(), name, item.value.place)?;
        let frame = match &spec.frame {
            Some(frame) => self.frame(rel, frame)?,
            None => Frame::Range(None),
        };
        Ok(Window { partition, order, frame: Some(frame) })
    }

    fn frame(&mut self, rel: &mut Rel, frame: &FrameClause) -> Result<Frame, Reported> {
        let Some(bound) = &frame.preceding else {
            return Ok(if frame.rows { Frame::Rows(None) } else { Frame::Range(None) });
        };
        if frame.rows {
            let exprs = self.lower(rel, bound)?;
            let constant =
                rel.branches.first().zip(exprs.first()).and_then(|(b, &e)| b.graph.constant(e).cloned());
            if let Some(Constant::Int(rows)) = constant
                && let Some(rows) = u64::try_from(rows).ok().filter(|rows| *rows <= OVER_ROWS_MAX)
            {
                return Ok(Frame::Rows(Some(rows)));
            }
            let message = format!("ROWS takes a number of rows from 0 to {OVER_ROWS_MAX}");
            return Err(self.report.error(bound.place, message));
        }
        match bound.interval_millis() {
            Some(millis) if (0..=WINDOW_MILLIS_MAX).contains(&millis) => Ok(Frame::Range(Some(millis))),
            _ => {
                let hint = "such as RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW";
                Err(self.fail(frame.place, "RANGE takes an INTERVAL that is not negative", hint))
            }
        }
    }

    /// The node of an OVER, and its columns as slots.
    fn over_node(
        &mut self,
        rel: &mut Rel,
        place: Place,
        window: &Window,
        calls: &[(&Ast, Call)],
        needed: &Needed,
    ) -> Result<Rel, Reported> {
        let mut layout = Layout::default();
        let carried = rel.carry(needed, &mut layout);
        let key: Vec<usize> = window.partition.iter().map(|exprs| layout.place(exprs.clone())).collect();
        let (Some((time, ..)), Some(frame)) = (window.order.first(), window.frame) else {
            return Err(Reported);
        };
        let time = layout.place(time.clone());
        let mut column = |exprs: &Option<Vec<Expr>>| exprs.clone().map(|exprs| layout.place(exprs));
        let columns: Vec<_> =
            calls.iter().map(|(_, call)| (column(&call.argument), column(&call.filter))).collect();
        let mut facts = rel.facts(&layout);
        let fed = self.feed(rel, &layout, true, place)?;
        let specs = calls
            .iter()
            .zip(columns)
            .map(|((_, call), (argument, filter))| call.spec(argument.map(|c| fed.typed(c)), filter));
        let operator = Operator::Over(OverAggregation {
            key: key.iter().map(|&column| fed.typed(column)).collect(),
            time,
            frame,
            calls: specs.collect(),
            input: fed.types(),
        });
        let mut types = fed.types();
        types.extend(calls.iter().map(|(_, call)| call.returns));
        let node = self.node(operator, vec![fed.origins.clone()], types, place)?;
        facts.complete &= facts.partition().is_some_and(|columns| columns.iter().all(|c| key.contains(c)));
        facts.key = Some(key);
        facts.rank = None;
        let mut over = self.reread(node, facts, &carried, &fed, place)?;
        for (index, (ast, call)) in calls.iter().enumerate() {
            let column = fed.columns.len() + index;
            let expr = self.column(&mut over.branches[0], column, call.returns, call.nullable, place)?;
            over.branches[0].slots.insert(address(ast), Some(expr));
        }
        Ok(over)
    }

    /// That a ROW_NUMBER is over the rows of a window.
    fn rank_window(&mut self, rel: &Rel, spec: &OverSpec, window: Window) -> Result<Window, Reported> {
        if let Some(frame) = &spec.frame {
            return Err(self.report.error(frame.place, "ROW_NUMBER takes no frame"));
        }
        if window.order.is_empty() {
            let hint =
                "such as ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC)";
            return Err(self.fail(spec.place, "ROW_NUMBER needs ORDER BY", hint));
        }
        let start = window.partition.iter().any(|exprs| rel.is_window_start(exprs));
        let end = window.partition.iter().any(|exprs| rel.is_window_end(exprs));
        if !(rel.partial || start && end) {
            let hint = "a rank over all rows would change with every row; rank the rows of a window: PARTITION BY \
                        window_start, window_end";
            let message = "ROW_NUMBER is over the rows of a window";
            return Err(self.fail(spec.place, message, hint));
        }
        Ok(window)
    }

    /// The node of a ROW_NUMBER, and its column as a slot. WHERE around it gives the bound.
    fn rank(
        &mut self,
        rel: &mut Rel,
        ast: &Ast,
        spec: &OverSpec,
        window: &Window,
        needed: &Needed,
    ) -> Result<Rel, Reported> {
        let mut layout = Layout::default();
        let carried = rel.carry(needed, &mut layout);
        let mut bounds = (0, 0);
        let mut key = Vec::new();
        for exprs in &window.partition {
            let place = layout.place(exprs.clone());
            if rel.is_window_start(exprs) {
                bounds.0 = place;
            } else if rel.is_window_end(exprs) {
                bounds.1 = place;
            } else if !key.contains(&place) {
                key.push(place);
            }
        }
        let order: Vec<(usize, bool, bool)> = window
            .order
            .iter()
            .map(|(exprs, desc, first)| (layout.place(exprs.clone()), *desc, *first))
            .collect();
        let mut facts = rel.facts(&layout);
        let fed = self.feed(rel, &layout, true, spec.place)?;
        let order = order.into_iter().map(|(column, descending, nulls_first)| OrderBy {
            column,
            column_type: fed.columns[column].0,
            descending,
            nulls_first,
        });
        let operator = Operator::TopN(TopN {
            window: bounds,
            key: key.iter().map(|&column| fed.typed(column)).collect(),
            order: order.collect(),
            // Until a WHERE says.
            n: 0,
            input: fed.types(),
        });
        let mut types = fed.types();
        types.push(Type::BigInt);
        let number = fed.columns.len();
        let node = self.node(operator, vec![fed.origins.clone()], types, spec.place)?;
        self.drafts.unbounded.push((node, ast.place));
        facts.complete &= facts.partition().is_some_and(|columns| columns.iter().all(|c| key.contains(c)));
        key.push(number);
        facts.key = Some(key);
        facts.rank = Some((number, node));
        facts.set_window(Some(bounds));
        let mut ranked = self.reread(node, facts, &carried, &fed, spec.place)?;
        let expr = self.column(&mut ranked.branches[0], number, Type::BigInt, false, spec.place)?;
        ranked.branches[0].slots.insert(address(ast), Some(expr));
        Ok(ranked)
    }
}
