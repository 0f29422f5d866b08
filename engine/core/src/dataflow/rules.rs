//! Rules at work: rows go in, matches go on as rows or are raised as alerts.

use std::mem::{replace, take};

use vencejo_expr::{Value, key};
use vencejo_rules::{Match, Miss, RuleCounters, RuleSet, Sink, Taken};

use super::pass::{Pass, Source, calc_row};
use super::slot::{Slot, Work};
use crate::alerts::{Alert, AlertId, Status};
use crate::event::Effect;
use crate::plan::flow::{AlertSpec, Flow, Operator};
use crate::write_values;

/// What a rule has done. See [`crate::PartitionState::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleCounts<'a> {
    /// The rule's name, or that of the view or query that it is in.
    pub name: &'a str,
    /// What the matcher counts.
    pub counters: RuleCounters,
    /// Whether its matches raise alerts; else they are rows of a view or query.
    pub raises: bool,
    /// Matches that raised no alert because their key had raised one shortly before.
    pub suppressed: u64,
}

/// Of every rule, in the flow's order.
pub(super) fn counts<'a>(flow: &'a Flow, slots: &'a [Slot]) -> impl Iterator<Item = RuleCounts<'a>> {
    flow.nodes.iter().zip(slots).flat_map(move |(node, slot)| {
        let (Operator::Rules(spec), Work::Rules(rules)) = (&node.operator, &slot.work) else {
            return Vec::new();
        };
        let of_rule = |place: usize| {
            let (raises, suppressed) = match &slots[node.outputs[place].node].work {
                Work::Alerts(cooldown) => (true, cooldown.suppressed()),
                _ => (false, 0),
            };
            RuleCounts { name: &spec.rules[place].name, counters: rules.counters(place), raises, suppressed }
        };
        (0..spec.rules.len()).map(of_rule).collect()
    })
}

/// Where a set's matches go: to the node behind the edge of their rule.
struct Takers<'p, 'x> {
    pass: &'p mut Pass<'x>,
    node: usize,
}

impl Sink for Takers<'_, '_> {
    fn matched(&mut self, matched: &Match<'_>, row: &[Value<'_>]) {
        let flow = self.pass.flow;
        let wire = self.pass.wiring.nodes[self.node][matched.rule];
        match &flow.nodes[wire.node].operator {
            Operator::Alert(spec) => {
                let rule = (self.node, matched.rule);
                self.pass.raise(wire.node, (rule, spec), matched, row);
            }
            _ => self.pass.row(wire, row),
        }
    }

    fn missed(&mut self, miss: &Miss<'_>) {
        let effects = &mut *self.pass.effects;
        if let Some(explained) = &mut effects.explained {
            explained.take(miss, &mut effects.scratch.writer, &mut effects.bytes);
        }
    }
}

impl Pass<'_> {
    /// Takes a row into the rules of a node.
    pub(super) fn match_row(&mut self, node: usize, row: &[Value<'_>]) {
        let sequence = self.now.0.0;
        self.at_rules(node, |rules, sink| {
            // The set has counted what it did not take.
            let (Taken::Yes | Taken::Late | Taken::Refused) = rules.row(row, sequence, sink);
        });
    }

    /// Tells rules, or what they have raised, that no row with a time up to the watermark is to come.
    pub(super) fn rules_watermark(&mut self, node: usize, watermark: i64) {
        if let Work::Alerts(cooldown) = &mut self.slots[node].work {
            cooldown.watermark(watermark);
        }
        self.at_rules(node, |rules, sink| rules.watermark(watermark, sink));
    }

    /// Lends a node's rules to `work`; other nodes have none.
    pub(super) fn at_rules(&mut self, node: usize, work: impl FnOnce(&mut RuleSet, &mut dyn Sink)) {
        if !matches!(self.slots[node].work, Work::Rules(_)) {
            return;
        }
        let mut lent = replace(&mut self.slots[node].work, Work::Away);
        if let Work::Rules(rules) = &mut lent {
            work(rules, &mut Takers { pass: self, node });
        }
        self.slots[node].work = lent;
    }

    /// Raises an alert for a match, unless WHERE or the cooldown say no.
    fn raise(
        &mut self,
        node: usize,
        (rule, spec): ((usize, usize), &AlertSpec),
        matched: &Match<'_>,
        row: &[Value<'_>],
    ) {
        let mut arena = take(&mut self.slots[node].arena);
        arena.reset();
        if let Some(columns) = calc_row(&spec.calc, Source::Values(row), &arena) {
            self.raise_row(node, (rule, spec), matched, columns);
        }
        self.slots[node].arena = arena;
    }

    fn raise_row(
        &mut self,
        node: usize,
        (rule, spec): ((usize, usize), &AlertSpec),
        matched: &Match<'_>,
        columns: &[Value<'_>],
    ) {
        let Some(last) = matched.rows.last() else { return };
        let Work::Alerts(cooldown) = &mut self.slots[node].work else { return };
        let effects = &mut *self.effects;
        let key_bytes = &mut effects.scratch.key;
        key_bytes.clear();
        key::write(matched.key.iter().copied(), key_bytes);
        if !cooldown.admits(key_bytes, last.time) {
            return;
        }
        let output = &self.flow.outputs[spec.output];
        let start = effects.bytes.len();
        if write_values(columns, &output.schema, &mut effects.scratch.writer, &mut effects.bytes).is_err() {
            effects.unwritable += 1;
            return;
        }
        let row = start..effects.bytes.len();
        let ends = (matched.first_sequence, matched.last_sequence);
        let id = AlertId::of(&self.app.name, &output.name, key_bytes, ends, &mut effects.scratch.alert);
        self.alerts.raise(Alert {
            id,
            output: spec.output,
            severity: spec.severity,
            status: Status::Open,
            raised: self.now.1,
            row: effects.bytes[row.clone()].into(),
            sequences: matched.rows.iter().map(|row| row.sequence).collect(),
        });
        let alert = Some(effects.raise(id, spec.severity, rule, matched.rows));
        effects.list.push(Effect::Emitted { output: spec.output, row, alert });
    }
}
