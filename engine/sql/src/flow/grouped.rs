//! Groups as nodes.

use std::collections::BTreeSet;

use vencejo_core::plan::flow::Operator;
use vencejo_expr::{Expr, Type};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{Aggregation, Grouping};

use super::calls::Call;
use super::drafts::Origin;
use super::facts::Facts;
use super::rel::{Branch, Layout, Rel};
use super::{Fed, Planner};
use crate::diagnostic::Reported;
use crate::scope::Output;
use crate::tokens::Place;

/// What a group answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Key(usize),
    /// window_start, window_end or window_time.
    Window(usize),
    Call(usize),
}

/// What a GROUP BY says.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Distinct keys but for the window: where each stands, its expression in each branch, and whether it is
    /// written as a column.
    pub(crate) keys: Vec<(Place, Vec<Expr>, bool)>,
    /// Keys and window columns of each grouping set.
    pub(crate) sets: Vec<BTreeSet<Slot>>,
    pub(crate) windowed: bool,
    /// Whether the window is written in GROUP BY, as in older Flink.
    pub(crate) legacy: bool,
    pub(crate) calls: Vec<Call>,
    /// What expressions of the text mean.
    pub(crate) slots: Vec<(usize, Slot)>,
}

/// Columns of the input.
struct Input {
    fed: Fed,
    keys: Vec<usize>,
    time: Option<usize>,
    /// Argument and filter of each call.
    calls: Vec<(Option<usize>, Option<usize>)>,
    facts: Facts,
}

impl Planner<'_, '_> {
    /// The nodes of the groups, one for each grouping set; all read the same rows.
    pub(crate) fn groups(&mut self, mut rel: Rel, groups: &Groups, place: Place) -> Result<Rel, Reported> {
        let pending = rel.pending.take();
        let mut layout = Layout::default();
        let keys: Vec<usize> = groups.keys.iter().map(|(_, exprs, _)| layout.place(exprs.clone())).collect();
        let time = match &pending {
            Some(pending) => Some(pending.time.clone()),
            None if groups.asks_time() => rel.timestamps(|branch| branch.facts.times.first().copied()),
            None => None,
        };
        let time = time.map(|exprs| layout.place(exprs));
        let window = if groups.windowed && pending.is_none() {
            let start = rel.timestamps(|branch| branch.facts.window.map(|(start, _)| start));
            let end = rel.timestamps(|branch| branch.facts.window.map(|(_, end)| end));
            start.zip(end).map(|(start, end)| (layout.place(start), layout.place(end)))
        } else {
            None
        };
        let mut columns = |exprs: &Option<Vec<Expr>>| exprs.clone().map(|exprs| layout.place(exprs));
        let calls =
            groups.calls.iter().map(|call| (columns(&call.argument), columns(&call.filter))).collect();
        let facts = rel.facts(&layout);
        let fed = self.feed(&mut rel, &layout, false, place)?;
        let input = Input { fed, keys, time, calls, facts };
        let grouping = match (&pending, window) {
            (Some(pending), _) => {
                Grouping::Window { windowing: pending.windowing, lateness: pending.lateness, retention: 0 }
            }
            (None, Some((start, end))) => {
                Grouping::Given { start: input.fed.places[start], end: input.fed.places[end] }
            }
            (None, None) => Grouping::Running { ttl: self.settings.ttl },
        };
        let mut grouped = Rel::default();
        for set in &groups.sets {
            grouped.branches.push(self.group(groups, set, &input, &grouping, place)?);
        }
        Ok(grouped)
    }

    /// One grouping set.
    fn group(
        &mut self,
        groups: &Groups,
        set: &BTreeSet<Slot>,
        input: &Input,
        grouping: &Grouping,
        place: Place,
    ) -> Result<Branch, Reported> {
        let running = matches!(grouping, Grouping::Running { .. });
        let chosen: Vec<usize> =
            (0..groups.keys.len()).filter(|&key| set.contains(&Slot::Key(key))).collect();
        let key: Vec<(usize, Type)> = chosen.iter().map(|&key| input.fed.typed(input.keys[key])).collect();
        let calls = groups.calls.iter().zip(&input.calls).map(|(call, &(argument, filter))| {
            call.spec(
                argument.map(|column| input.fed.typed(column)),
                filter.map(|column| input.fed.places[column]),
            )
        });
        let calls: Vec<_> = calls.collect();
        let mut types: Vec<(Type, bool)> =
            chosen.iter().map(|&key| input.fed.columns[input.fed.places[input.keys[key]]]).collect();
        let windows = types.len();
        if !running {
            types.extend([(Type::Timestamp, false); 3]);
        }
        let first_call = types.len();
        types.extend(groups.calls.iter().map(|call| (call.returns, call.nullable)));
        let operator = Operator::Aggregate(Aggregation {
            key,
            time: input.time.map(|column| input.fed.places[column]),
            grouping: grouping.clone(),
            calls,
            keys_max: self.settings.keys_max.unwrap_or(VIEW_KEYS_MAX),
        });
        let columns = types.iter().map(|&(ty, _)| ty).collect();
        let node = self.node(operator, vec![input.fed.origins.clone()], columns, place)?;
        // Where the input's columns are in the group's row.
        let mut facts = input.facts.moved(|column| chosen.iter().position(|&key| input.keys[key] == column));
        facts.complete &= facts.partition().is_some();
        facts.key = Some((0..windows).collect());
        facts.rank = None;
        facts.running = running;
        facts.times = if running { Vec::new() } else { vec![windows + 2] };
        facts.set_window((!running).then_some((windows, windows + 1)));
        let mut branch = Branch::new(Origin::Node(node), facts);
        branch.scope.partial = true;
        for &(address, slot) in &groups.slots {
            let column = match slot {
                Slot::Key(key) => chosen.iter().position(|&other| other == key),
                Slot::Window(column) => Some(windows + column),
                Slot::Call(call) => Some(first_call + call),
            };
            let expr = match (column, slot) {
                (Some(column), _) => {
                    let (ty, nullable) = types[column];
                    self.column(&mut branch, column, ty, nullable, place)?
                }
                // A key that this set does not group by.
                (None, Slot::Key(key)) => {
                    let ty = input.fed.columns[input.fed.places[input.keys[key]]].0;
                    let null = branch.graph.null_of(ty);
                    null.map_err(|error| self.report.error(place, error.to_string()))?
                }
                (None, _) => return Err(Reported),
            };
            branch.slots.insert(address, Some(expr));
        }
        Ok(branch)
    }

    /// `SELECT DISTINCT`: the outputs are the key.
    pub(crate) fn distinct(&mut self, mut rel: Rel, place: Place) -> Result<Rel, Reported> {
        self.refuse_running(&rel, place)?;
        let outputs = rel.branches.first().map(|branch| branch.outputs.clone()).unwrap_or_default();
        let mut groups = Groups::default();
        let mut slots = Vec::with_capacity(outputs.len());
        for (index, output) in outputs.iter().enumerate() {
            let exprs: Option<Vec<Expr>> =
                rel.branches.iter().map(|branch| branch.outputs.get(index)?.expr).collect();
            let exprs = exprs.ok_or(Reported)?;
            let slot = if rel.is_window_start(&exprs) {
                Slot::Window(0)
            } else if rel.is_window_end(&exprs) {
                Slot::Window(1)
            } else if rel.is_windowed() && rel.is_time(&exprs) {
                Slot::Window(2)
            } else {
                let known = groups.keys.iter().position(|(_, other, _)| *other == exprs);
                Slot::Key(known.unwrap_or_else(|| {
                    groups.keys.push((output.place, exprs, true));
                    groups.keys.len() - 1
                }))
            };
            slots.push(slot);
        }
        let windows = |column| slots.contains(&Slot::Window(column));
        groups.windowed = windows(0) && windows(1);
        if !groups.windowed && (0..3).any(windows) {
            let hint = "select window_start and window_end both";
            return Err(self.fail(place, "SELECT DISTINCT has only a part of the window", hint));
        }
        groups.sets.push(slots.iter().copied().collect());
        // The outputs are told apart by their place in the list, which is no address of an expression.
        groups.slots = slots.iter().copied().enumerate().collect();
        rel.branches.iter_mut().for_each(|branch| branch.slots.clear());
        let mut grouped = self.groups(rel, &groups, place)?;
        for branch in &mut grouped.branches {
            branch.outputs = outputs
                .iter()
                .enumerate()
                .map(|(index, output)| {
                    let expr = branch.slots.get(index).flatten();
                    Output { place: output.place, name: output.name.clone(), expr }
                })
                .collect();
            branch.slots.clear();
        }
        Ok(grouped)
    }
}
