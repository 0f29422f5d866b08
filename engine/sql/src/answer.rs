//! The columns of a decision's answer, its code, and its fallback.

use vencejo_expr::{Expr, Graph, Type};
use vencejo_types::limits::NAME_BYTES_MAX;
use vencejo_types::schema::Column;

use crate::Diagnostic;
use crate::ast::Item;
use crate::diagnostic::Reported;
use crate::expression::Lowering;
use crate::query::Query;
use crate::scope::Output;
use crate::suggest::did_you_mean;
use crate::tokens::Place;

/// The output column that is the decision's code, and no column of the answer.
const CODE: &str = "code";

/// What a decision's code may be.
pub(crate) const CODES: [&str; 5] = ["floored", "no_match", "skipped", "low_confidence", "fallback"];

/// A checked answer.
pub(crate) struct Answer {
    pub(crate) columns: Vec<Column>,
    /// One for each column.
    pub(crate) values: Vec<Expr>,
    pub(crate) code: Option<Expr>,
    pub(crate) fallback_graph: Graph,
    /// One for each column; NULL where the fallback says nothing.
    pub(crate) fallback: Vec<Expr>,
    /// The columns that the fallback supplies.
    pub(crate) required: Vec<usize>,
}

/// A column of the answer that is not complete yet.
struct Field {
    place: Place,
    name: String,
    value: Expr,
    ty: Option<Type>,
    /// The fallback's value, and where it stands.
    fallback: Option<(Expr, Option<Type>, Place)>,
}

/// Checks the outermost SELECT against the FALLBACK.
pub(crate) fn answer(
    query: &mut Query<'_, '_>,
    place: Place,
    outputs: Vec<Output>,
    fallback: &[Item],
) -> Result<Answer, Reported> {
    let fields = fields(query, place, outputs);
    let (mut fallback_graph, scope) = query.stream_scope();
    let fallback_outputs = crate::scope::outputs(
        fallback,
        &mut Lowering {
            graph: &mut fallback_graph,
            scope: &scope,
            aliases: Vec::new(),
            engine: Err("FALLBACK"),
            slots: None,
            lookups: Some(query.look_up_tables()),
            report: query.report,
        },
    );
    let (mut fields, code) = fields?;
    let joined = join_fallback(query, &mut fields, fallback_outputs, &fallback_graph);
    let mut answer = Answer {
        columns: Vec::new(),
        values: Vec::new(),
        code,
        fallback_graph,
        fallback: Vec::new(),
        required: Vec::new(),
    };
    let mut result = joined;
    for field in fields {
        if let Err(reported) = answer.add(query, &field) {
            result = Err(reported);
        }
    }
    result.map(|()| answer)
}

/// The columns of the SELECT; the code is taken out.
fn fields(
    query: &mut Query<'_, '_>,
    place: Place,
    outputs: Vec<Output>,
) -> Result<(Vec<Field>, Option<Expr>), Reported> {
    let mut fields: Vec<Field> = Vec::new();
    let mut code = None;
    let mut result = Ok(());
    for output in outputs {
        let Some(name) = output.name else {
            let error = Diagnostic::new(output.place, "this column of the answer has no name");
            result = Err(query.report.push(error.with_hint("write AS and a name behind it")));
            continue;
        };
        let twice = if name == CODE { code.is_some() } else { fields.iter().any(|field| field.name == name) };
        if twice {
            let message = format!("the answer has two columns '{name}'");
            result = Err(query.report.error(output.place, message));
            continue;
        }
        let Some(value) = output.expr else {
            result = Err(Reported);
            continue;
        };
        if name == CODE {
            code = Some(value);
            if check_code(query, output.place, value).is_err() {
                result = Err(Reported);
            }
            continue;
        }
        let ty = query.graph.type_of(value);
        fields.push(Field { place: output.place, name, value, ty, fallback: None });
    }
    result?;
    if fields.is_empty() {
        return Err(query.report.error(place, "the answer has no columns"));
    }
    Ok((fields, code))
}

/// A code is a string, and its literals are among the codes that exist.
fn check_code(query: &mut Query<'_, '_>, place: Place, code: Expr) -> Result<(), Reported> {
    match query.graph.type_of(code) {
        Some(Type::String) | None => {}
        Some(ty) => {
            return Err(query
                .report
                .error(place, format!("column '{CODE}' is the decision's code, a STRING, not {ty}")));
        }
    }
    let mut result = Ok(());
    let results = query.graph.results(code);
    for text in results.texts.into_iter().filter(|text| !CODES.contains(text)) {
        let hint = did_you_mean(text, CODES).unwrap_or_else(|| format!("the codes are {}", CODES.join(", ")));
        let shown: String = text.chars().take(NAME_BYTES_MAX).collect();
        let message = format!("'{shown}' is not a decision code");
        result = Err(query.report.push(Diagnostic::new(place, message).with_hint(hint)));
    }
    result
}

/// Puts the fallback's values to the columns of their names.
fn join_fallback(
    query: &mut Query<'_, '_>,
    fields: &mut [Field],
    fallback: Vec<Output>,
    graph: &Graph,
) -> Result<(), Reported> {
    let mut result = Ok(());
    for output in fallback {
        if query.report.is_full() {
            return Err(Reported);
        }
        let error = |message: String| Diagnostic::new(output.place, message);
        let Some(name) = output.name else {
            let hint = "write AS and the name of a column of the SELECT";
            let unnamed = error("this column of FALLBACK has no name".to_string()).with_hint(hint);
            result = Err(query.report.push(unnamed));
            continue;
        };
        if name == CODE {
            let message = "the code of a fallback is always 'fallback'".to_string();
            result = Err(query.report.push(error(message)));
            continue;
        }
        let Some(field) = fields.iter_mut().find(|field| field.name == name) else {
            let hint = did_you_mean(&name, fields.iter().map(|field| field.name.as_str()));
            let unknown = error(format!("the SELECT has no column '{name}'")).with_hint_if(hint);
            result = Err(query.report.push(unknown));
            continue;
        };
        if field.fallback.is_some() {
            result = Err(query.report.push(error(format!("FALLBACK has two columns '{name}'"))));
            continue;
        }
        match output.expr {
            Some(value) => field.fallback = Some((value, graph.type_of(value), output.place)),
            None => result = Err(Reported),
        }
    }
    result
}

impl Answer {
    /// Adds a column, of the type that both its values widen to.
    fn add(&mut self, query: &mut Query<'_, '_>, field: &Field) -> Result<(), Reported> {
        let other = field.fallback.and_then(|(_, ty, _)| ty);
        let ty = match (field.ty, other) {
            (Some(a), Some(b)) if a == b => a,
            (Some(a), Some(b)) if a.is_number() && b.is_number() => Type::Double,
            (Some(ty), None) | (None, Some(ty)) => ty,
            (Some(a), Some(b)) => {
                let place = field.fallback.map_or(field.place, |(_, _, place)| place);
                let message = format!("column '{}' is {a} in the SELECT and {b} in FALLBACK", field.name);
                let error = Diagnostic::new(place, message).with_hint("CAST(value AS type) converts");
                return Err(query.report.push(error));
            }
            (None, None) => {
                let message = format!("column '{}' is always NULL, of no type", field.name);
                let hint = "CAST(NULL AS type) gives it one";
                return Err(query.report.push(Diagnostic::new(field.place, message).with_hint(hint)));
            }
        };
        if ty.is_interval() {
            let message = format!("column '{}' is {ty}: an interval is no column", field.name);
            let hint = "TIMESTAMPDIFF(SECOND, from, to) gives a number";
            return Err(query.report.push(Diagnostic::new(field.place, message).with_hint(hint)));
        }
        let value = convert(&mut query.graph, field.value, ty);
        let fallback = match field.fallback {
            Some((value, ..)) => {
                self.required.push(self.columns.len());
                convert(&mut self.fallback_graph, value, ty)
            }
            None => self.fallback_graph.null_of(ty),
        };
        let error = |error: vencejo_expr::TypeError| Diagnostic::new(field.place, error.to_string());
        self.values.push(value.map_err(|e| query.report.push(error(e)))?);
        self.fallback.push(fallback.map_err(|e| query.report.push(error(e)))?);
        self.columns.push(Column::nullable(field.name.as_str(), ty.column_type()));
        Ok(())
    }
}

/// The value in a type that it widens to.
fn convert(graph: &mut Graph, value: Expr, ty: Type) -> Result<Expr, vencejo_expr::TypeError> {
    match (graph.type_of(value), ty) {
        (None, _) => graph.cast(value, ty.column_type()),
        (Some(found), _) if found != ty && found.is_number() => graph.cast(value, ty.column_type()),
        _ => Ok(value),
    }
}
