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

/// A stream's columns, in the order of their declaration, as expressions over its row, which is input 0. One
/// with an error is known by name alone.
#[derive(Clone, Debug)]
pub(crate) struct StreamColumns {
    pub(crate) graph: Graph,
    pub(crate) outputs: Vec<Output>,
}

impl StreamColumns {
    /// Of a stream that could not be read.
    pub(crate) fn none() -> Self {
        Self { graph: Graph::new(), outputs: Vec::new() }
    }

    /// Errors go to the report; whether there are any is told besides.
    pub(crate) fn of(
        schema: &Schema,
        computed: &[Computed],
        lookups: &[LookupEntry],
        place: Place,
        report: &mut Report,
    ) -> (Self, Result<(), Reported>) {
        let (mut graph, mut scope) = (Graph::new(), Scope::new(false));
        let mut result = scope
            .add_table(&mut graph, "", 0, schema, false)
            .map_err(|error| report.error(place, error.to_string()));
        let carried = scope.columns().iter();
        let carried = carried.map(|c| Output { place, name: Some(c.name.clone()), expr: c.expr });
        let mut outputs: Vec<Output> = carried.collect();
        for (before, column) in computed.iter().enumerate() {
            let mut lowering = Lowering {
                graph: &mut graph,
                scope: &scope,
                aliases: Vec::new(),
                engine: Err("a computed column"),
                slots: None,
                lookups: Some(lookups),
                report,
            };
            let expr = lowering.expr(&column.value);
            let expr = expr.and_then(|expr| match fault(&graph, expr, &column.name) {
                Some(error) => Err(report.push(error)),
                None => Ok(expr),
            });
            result = result.and(expr.map(|_| ()));
            let name = Some(column.name.text.clone());
            outputs.insert(column.at + before, Output { place: column.name.place, name, expr: expr.ok() });
        }
        (Self { graph, outputs }, result)
    }
}

/// Why an expression is no column.
fn fault(graph: &Graph, expr: vencejo_expr::Expr, name: &Name) -> Option<Diagnostic> {
    let (message, hint) = match graph.type_of(expr) {
        Some(ty) if ty.is_interval() => (
            format!("column '{}' is {ty}: an interval is no column", name.text),
            "TIMESTAMPDIFF(SECOND, from, to) gives a number",
        ),
        Some(_) => return None,
        None => {
            (format!("column '{}' is always NULL, of no type", name.text), "CAST(NULL AS type) gives it one")
        }
    };
    Some(Diagnostic::new(name.place, message).with_hint(hint))
}
