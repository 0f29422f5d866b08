//! An app's plan as text: what `vencejo app explain` prints.
//!
//! Columns are written `#0`, by their place in the row that a node gets. Bytes are those of one key without
//! what DISTINCT and the approximate aggregates keep aside.

mod operator;
mod rules;
mod size;

use std::fmt::Write;

use vencejo_core::plan::App;
use vencejo_core::plan::flow::{Edge, Flow, Operator, TableSource};
use vencejo_expr::Type;
use vencejo_types::schema::Schema;

use operator::{calc, memory, operator};

/// The plan of an app as people read it: where each stream's rows go, what each node does with them, what
/// leaves, what is kept. The same app gives the same text.
pub fn explain(app: &App) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _: std::fmt::Result = write(app, &mut text);
    text
}

fn write(app: &App, text: &mut String) -> std::fmt::Result {
    for (index, stream) in app.streams.iter().enumerate() {
        write!(text, "stream {} ({})", stream.name, columns(&stream.schema))?;
        if !stream.schema.key().is_empty() {
            write!(text, " by ({})", key(&stream.schema))?;
        }
        if let Some(watermark) = stream.watermark {
            let column = &stream.schema.columns()[watermark.column].name;
            write!(text, ", watermark {column} - {}", duration(watermark.delay_millis))?;
        }
        let edges = app.flow.inputs.get(index).map_or(&[][..], Vec::as_slice);
        writeln!(text, "{}", to(edges, &app.flow))?;
    }
    for (index, node) in app.flow.nodes.iter().enumerate() {
        let outputs = to(&node.outputs, &app.flow);
        writeln!(text, "{index} {}: {}{outputs}", node.name, operator(node, app))?;
    }
    rules::write(&app.flow, text)?;
    for output in &app.flow.outputs {
        writeln!(text, "output {} ({})", output.name, columns(&output.schema))?;
    }
    for table in &app.flow.tables {
        let columns = columns(&table.schema);
        write!(text, "table {} ({columns}) by ({})", table.name, key(&table.schema))?;
        match &table.source {
            TableSource::Running { node, calc: rows } => write!(text, " in {node}, {}", calc(rows))?,
            TableSource::Kept { node, parts: None } => write!(text, " in {node}")?,
            TableSource::Kept { node, parts: Some(parts) } => {
                write!(text, " in {node}, merged from {}, {}", parts.node, calc(&parts.calc))?;
            }
        }
        writeln!(text, "{}", if table.is_local() { ", local" } else { ", in parts" })?;
    }
    for decision in &app.decisions {
        let stream = &app.streams[decision.stream.index()].name;
        write!(text, "decision {} on {stream}: ", decision.name)?;
        for lookup in &decision.lookups {
            let view = app.flow.tables.get(lookup.view.index()).map_or("?", |table| table.name.as_str());
            let key: Vec<String> = lookup.key.iter().map(|column| format!("#{column}")).collect();
            write!(text, "look-up {view}({}), ", key.join(", "))?;
        }
        let (instructions, fallback) = (decision.program.instructions(), decision.fallback.instructions());
        writeln!(text, "{instructions} instructions, fallback {fallback}")?;
    }
    Ok(())
}

/// Where the memory of an app's groups goes, in bytes per key of each aggregation: index, key, aggregates.
/// Empty where there are no groups.
pub fn explain_memory(app: &App) -> String {
    let mut text = String::new();
    for (index, node) in app.flow.nodes.iter().enumerate() {
        if let Operator::Aggregate(aggregation) = &node.operator {
            text.push_str(&format!("{index} {}: {}\n", node.name, memory(aggregation)));
        }
    }
    text
}

fn columns(schema: &Schema) -> String {
    let columns: Vec<String> =
        schema.columns().iter().map(|column| format!("{} {}", column.name, column.column_type)).collect();
    columns.join(", ")
}

fn key(schema: &Schema) -> String {
    let names: Vec<&str> =
        schema.key().iter().map(|&column| schema.columns()[column].name.as_str()).collect();
    names.join(", ")
}

/// Where rows go.
fn to(edges: &[Edge], flow: &Flow) -> String {
    let edges: Vec<String> = edges
        .iter()
        .map(|edge| {
            let ports = flow.nodes.get(edge.node).map_or(1, |node| node.inputs.len());
            match (ports, edge.port) {
                (1, _) => edge.node.to_string(),
                (_, 0) => format!("{} left", edge.node),
                _ => format!("{} right", edge.node),
            }
        })
        .collect();
    if edges.is_empty() { String::new() } else { format!(" -> {}", edges.join(", ")) }
}

fn types(types: &[Type]) -> String {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    format!("({})", types.join(", "))
}

/// A length of time in the greatest unit that it is whole in.
fn duration(millis: i64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    match units.into_iter().find(|&(_, unit)| millis != 0 && millis % unit == 0) {
        Some((name, unit)) => format!("{} {name}", millis / unit),
        None if millis == 0 => "0 s".to_string(),
        None => format!("{millis} ms"),
    }
}
