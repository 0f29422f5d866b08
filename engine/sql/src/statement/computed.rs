//! Computed columns of `CREATE TABLE`: `name AS expression` over the columns that the event carries.
//!
//! An event does not carry them, and nothing stores them: they are expressions that a query computes where it
//! reads them. As in Flink, one does not see another.

use vencejo_expr::Graph;
use vencejo_types::schema::Schema;

use super::lookup::LookupEntry;
use crate::Diagnostic;
use crate::ast::Ast;
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::scope::{Output, Scope};
use crate::tokens::{Name, Place};

/// A computed column.
#[derive(Debug)]
pub(crate) struct Computed {
    pub(crate) name: Name,
    pub(crate) value: Ast,
    /// How many columns of the event stand before it.
    pub(crate) at: usize,
}

/// All columns of a stream in the order of their declaration, over its row, which is input 0 of the graph.
/// Those computed in vain (their errors go to the report) are known by name alone.
pub(crate) fn columns(
    schema: &Schema,
    computed: &[Computed],
    lookups: &[LookupEntry],
    graph: &mut Graph,
    place: Place,
    report: &mut Report,
) -> Result<Vec<Output>, Reported> {
    let mut scope = Scope::new(false);
    let added = scope.add_table(graph, "", 0, schema, false);
    added.map_err(|error| report.error(place, error.to_string()))?;
    let carried = scope.columns().iter();
    let carried = carried.map(|c| Output { place, name: Some(c.name.clone()), expr: c.expr });
    let mut columns: Vec<Output> = carried.collect();
    for (before, column) in computed.iter().enumerate() {
        let mut lowering = Lowering {
            graph,
            scope: &scope,
            aliases: Vec::new(),
            engine: Err("a computed column"),
            slots: None,
            lookups: Some(lookups),
            report,
        };
        let expr = lowering.expr(&column.value).ok();
        let output = Output { place: column.name.place, name: Some(column.name.text.clone()), expr };
        columns.insert(column.at + before, output);
    }
    Ok(columns)
}

/// Reports what is wrong with the computed columns of a stream.
pub(crate) fn check(
    schema: &Schema,
    computed: &[Computed],
    lookups: &[LookupEntry],
    place: Place,
    report: &mut Report,
) -> Result<(), Reported> {
    let mut graph = Graph::new();
    let mut result = Ok(());
    for column in columns(schema, computed, lookups, &mut graph, place, report)? {
        let name = column.name.unwrap_or_default();
        let (message, hint) = match column.expr.map(|expr| graph.type_of(expr)) {
            Some(Some(ty)) if !ty.is_interval() => continue,
            Some(Some(ty)) => (
                format!("column '{name}' is {ty}: an interval is no column"),
                "TIMESTAMPDIFF(SECOND, from, to) gives a number",
            ),
            Some(None) => {
                (format!("column '{name}' is always NULL, of no type"), "CAST(NULL AS type) gives it one")
            }
            None => {
                result = Err(Reported);
                continue;
            }
        };
        result = Err(report.push(Diagnostic::new(column.place, message).with_hint(hint)));
    }
    result
}
