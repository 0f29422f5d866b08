//! What a node does, in a number: equal numbers, equal meaning of its state.

use std::fmt::Write as _;

use vencejo_types::row::key_hash;

use crate::plan::flow::{Edge, Flow, Operator, TableSource};
use crate::plan::{App, ModelSlot};

/// Of every node of an app's flow, XXH3-64 of what it does and of the fingerprints of what feeds it. Another
/// version of the engine may give others; state is then rebuilt, not misread.
pub(crate) fn of_nodes(app: &App) -> Vec<u64> {
    let streams: Vec<u64> = app
        .streams
        .iter()
        .map(|stream| {
            let Some(watermark) = stream.watermark else { return stream.schema.fingerprint() };
            let time = (watermark.column, watermark.delay_millis);
            key_hash(format!("{} {:016x} {time:?}", stream.name, stream.schema.fingerprint()).as_bytes())
        })
        .collect();
    let mut nodes: Vec<u64> = Vec::with_capacity(app.flow.nodes.len());
    for (place, node) in app.flow.nodes.iter().enumerate() {
        let mut text = described(&node.operator, &app.flow, &nodes);
        let feeds = |edges: &[Edge], from: u64, text: &mut String| {
            for edge in edges.iter().filter(|edge| edge.node == place) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\n{} {from:016x}", edge.port);
            }
        };
        for (edges, &from) in app.flow.inputs.iter().zip(&streams) {
            feeds(edges, from, &mut text);
        }
        for (before, &from) in app.flow.nodes.iter().zip(&nodes) {
            feeds(&before.outputs, from, &mut text);
        }
        nodes.push(key_hash(text.as_bytes()));
    }
    nodes
}

fn described(operator: &Operator, flow: &Flow, nodes: &[u64]) -> String {
    match operator {
        Operator::Calc(calc) => format!("calc {} {:016x}", calc.filtered, calc.program.fingerprint()),
        Operator::Lookup(lookup) => {
            let table = &flow.tables[lookup.table.index()];
            let (node, program) = match &table.source {
                TableSource::Running { node, calc } => (*node, calc.program.fingerprint()),
                TableSource::Kept { node } => (*node, 0),
            };
            // A table that is made behind the node has its name alone.
            let table_node = nodes.get(node).copied().unwrap_or(0);
            format!("lookup {} {table_node:016x} {program:016x} {:?}", table.name, lookup.key)
        }
        Operator::Assign(spec) => format!("{spec:?}"),
        Operator::Aggregate(spec) => format!("{spec:?}"),
        Operator::Over(spec) => format!("{spec:?}"),
        Operator::IntervalJoin(spec, condition) => {
            format!("{spec:?} {:?}", condition.as_ref().map(vencejo_expr::Program::fingerprint))
        }
        Operator::WindowJoin(spec, condition) => {
            format!("{spec:?} {:?}", condition.as_ref().map(vencejo_expr::Program::fingerprint))
        }
        Operator::TopN(spec) => format!("{spec:?}"),
        Operator::Keep(spec) => format!("{spec:?}"),
        Operator::Emit(_) => "emit".to_owned(),
    }
}

/// What the app declares of a model.
pub(crate) fn of_model(slot: &ModelSlot) -> u64 {
    let version = |version: &crate::models::ModelVersion| (version.label.clone(), version.content);
    let challenger = slot.challenger.as_ref().map(|(it, weight)| (version(it), weight.percent()));
    let declared = (&slot.name, &slot.inputs, &slot.output, version(&slot.champion), challenger);
    key_hash(format!("{declared:?}").as_bytes())
}
