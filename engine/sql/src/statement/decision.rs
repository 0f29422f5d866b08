//! `CREATE DECISION`: a request answered from state.

use vencejo_core::plan::Decision;
use vencejo_expr::{Expr, Graph, compile};
use vencejo_types::StreamId;
use vencejo_types::limits::DEADLINE_MICROS_MAX;
use vencejo_types::schema::Schema;

use super::{finish, refuse_unknown};
use crate::Diagnostic;
use crate::answer::{Answer, answer};
use crate::ast::{Item, Select, Setting};
use crate::catalog::{Catalog, Declaration, Found};
use crate::diagnostic::{Report, Reported};
use crate::query::Query;
use crate::suggest::did_you_mean;
use crate::tokens::{Cursor, Name, Parsed, Place};

/// What the statement says.
struct Clauses {
    stream: Name,
    settings: Vec<Setting>,
    settings_place: Place,
    select: Select,
    fallback: Vec<Item>,
}

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
) -> Parsed<()> {
    let clauses = clauses(cursor)?;
    let decision = decision(name, &clauses, catalog, report).ok();
    if claimed {
        catalog.add_decision(name, decision);
    }
    Ok(())
}

fn clauses(cursor: &mut Cursor<'_>) -> Parsed<Clauses> {
    if !cursor.accept_word("ON") {
        return Err(cursor.expected("ON and the stream whose rows are the requests"));
    }
    let stream = cursor.name("a stream's name")?;
    let settings_place = cursor.place();
    let settings = if cursor.accept_word("WITH") { cursor.settings()? } else { Vec::new() };
    cursor.expect_word("AS")?;
    let select = cursor.select()?;
    let mut fallback = Vec::new();
    if cursor.accept_word("FALLBACK") {
        cursor.expect_word("SELECT")?;
        fallback = cursor.items()?;
        if cursor.is_word("FROM") {
            let hint = "FALLBACK SELECT reads the request's own columns";
            return Err(cursor.error("FALLBACK has no FROM").with_hint(hint));
        }
    }
    finish(cursor, "WHERE, FALLBACK or ';'")?;
    Ok(Clauses { stream, settings, settings_place, select, fallback })
}

fn decision(
    name: &Name,
    clauses: &Clauses,
    catalog: &Catalog,
    report: &mut Report,
) -> Result<Decision, Reported> {
    let options = refuse_unknown(&clauses.settings, &["deadline", "split_by"], &[], report);
    let deadline = deadline(clauses, report);
    let stream = catalog.find(Declaration::Stream, &clauses.stream, report)?;
    let split_by = split_by(clauses, catalog, stream, report);
    let mut query = Query::new(catalog, &clauses.stream, stream, report);
    let outputs = query.select(&clauses.select);
    let conditions = query.conditions()?;
    let answer = answer(&mut query, clauses.select.place, outputs, &clauses.fallback)?;
    let (graph, lookups, functions) = query.finish()?;
    options?;
    let (deadline_micros, split_by) = (deadline?, split_by?);
    let place = name.place;
    let (outputs, condition, code) = places(&answer, conditions);
    let mut program = |graph: &Graph, outputs: &[Expr]| {
        compile(graph, outputs).map_err(|error| report.error(place, error.to_string()))
    };
    Ok(Decision {
        name: name.text.clone(),
        stream: u16::try_from(stream.index).map(StreamId).map_err(|_| Reported)?,
        deadline_micros,
        split_by,
        program: program(&graph, &outputs)?,
        fallback: program(&answer.fallback_graph, &answer.fallback)?,
        answer: std::sync::Arc::new(Schema::new(answer.columns, Vec::new())),
        lookups,
        functions,
        condition,
        code,
        required: answer.required,
    })
}

/// The program's outputs: the answer's columns; then the condition and the code, where there are any.
fn places(answer: &Answer, condition: Option<Expr>) -> (Vec<Expr>, Option<usize>, Option<usize>) {
    let mut outputs = answer.values.clone();
    let mut place = |expr: Option<Expr>| {
        expr.map(|expr| {
            outputs.push(expr);
            outputs.len() - 1
        })
    };
    let condition = place(condition);
    let code = place(answer.code);
    (outputs, condition, code)
}

/// The columns by which decisions fall to champion or challenger: the stream's key, if none is named.
fn split_by(
    clauses: &Clauses,
    catalog: &Catalog,
    stream: Found,
    report: &mut Report,
) -> Result<Vec<usize>, Reported> {
    let schema = &catalog.streams[stream.index].schema;
    let Some(Setting { value, .. }) = clauses.settings.iter().find(|s| s.key.text == "split_by") else {
        return Ok(schema.key().to_vec());
    };
    if let Some(column) = schema.position(&value.text) {
        return Ok(vec![column]);
    }
    if stream.broken {
        return Err(Reported);
    }
    let names = schema.columns().iter().map(|column| column.name.as_str());
    let message = format!("stream '{}' has no column '{}'", clauses.stream.text, value.text);
    Err(report.push(Diagnostic::new(value.place, message).with_hint_if(did_you_mean(&value.text, names))))
}

/// The deadline in microseconds.
fn deadline(clauses: &Clauses, report: &mut Report) -> Result<u32, Reported> {
    let Some(Setting { value, .. }) = clauses.settings.iter().find(|s| s.key.text == "deadline") else {
        let hint = "write WITH ('deadline' = '10 ms') before AS";
        let error = Diagnostic::new(clauses.settings_place, "option 'deadline' is missing");
        return Err(report.push(error.with_hint(hint)));
    };
    let text = value.text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let micros = match unit.trim_start() {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        _ => None,
    };
    let Some((micros, number)) = micros.filter(|_| digits > 0).map(|micros: u64| (micros, number)) else {
        let hint = "write a whole number and us, ms or s, such as '10 ms'";
        let error = Diagnostic::new(value.place, format!("'{text}' is not a deadline"));
        return Err(report.push(error.with_hint(hint)));
    };
    let total = number.parse::<u64>().ok().and_then(|number| number.checked_mul(micros));
    match total.and_then(|total| u32::try_from(total).ok()) {
        Some(total @ 1..=DEADLINE_MICROS_MAX) => Ok(total),
        _ => {
            let most = DEADLINE_MICROS_MAX / 1_000_000;
            Err(report.error(value.place, format!("a deadline is from 1 us to {most} s")))
        }
    }
}
