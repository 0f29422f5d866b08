//! `CREATE TABLE`: a stream.

use std::sync::Arc;

use sqlparser::tokenizer::Token as Kind;
use vencejo_core::plan::{Stream, Watermark};
use vencejo_types::limits::{COLUMNS_MAX, WATERMARK_DELAY_MILLIS_MAX};
use vencejo_types::schema::{Column, ColumnType, Schema};

use super::computed::{self, Computed};
use super::finish;
use super::stream_options::stream_settings;
use crate::Diagnostic;
use crate::ast::{Ast, ColumnDeclaration};
use crate::catalog::Catalog;
use crate::diagnostic::Report;
use crate::suggest::did_you_mean;
use crate::tokens::{Cursor, Name, Parsed};

/// `WATERMARK FOR column AS column - INTERVAL ...`, as written.
struct WatermarkClause {
    column: Name,
    delay_millis: i64,
}

/// What stands in the parentheses.
#[derive(Default)]
struct Elements {
    columns: Vec<ColumnDeclaration>,
    computed: Vec<Computed>,
    watermark: Option<WatermarkClause>,
    broken: bool,
}

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
) -> Parsed<()> {
    let mut elements = elements(cursor, report)?;
    if cursor.accept_word("COMMENT") {
        cursor.string("a comment in single quotes")?;
    }
    let mut key_names = Vec::new();
    if cursor.accept_words(&["PARTITIONED", "BY"]) {
        key_names = cursor.list(|cursor| cursor.name("a column's name"))?;
    }
    let settings = if cursor.accept_word("WITH") { cursor.settings()? } else { Vec::new() };
    finish(cursor, "PARTITIONED BY, WITH or ';'")?;

    let settings = stream_settings(&settings, name, report);
    elements.broken |= settings.is_err();
    let (options, idle_millis) = settings.unwrap_or_default();
    let columns: Vec<Column> = elements
        .columns
        .iter()
        .map(|c| Column { name: c.name.text.clone(), column_type: c.column_type, nullable: c.nullable })
        .collect();
    refuse_computed(&mut key_names, &mut elements, report);
    let key = key(&key_names, &columns, &mut elements.broken, report);
    let watermark = match &elements.watermark {
        Some(clause) => watermark(clause, idle_millis, &columns, &mut elements.broken, report),
        None => None,
    };
    let schema = Arc::new(Schema::new(columns, key));
    let checked = computed::check(&schema, &elements.computed, &catalog.lookups, name.place, report);
    if checked.is_err() {
        elements.computed.clear();
        elements.broken = true;
    }
    if claimed {
        let stream = Stream { name: name.text.clone(), schema, watermark, options };
        catalog.add_stream(name, stream, elements.computed, elements.broken);
    }
    Ok(())
}

/// Reads the list in parentheses. An element with an error is left out, and the list goes on behind it.
fn elements(cursor: &mut Cursor<'_>, report: &mut Report) -> Parsed<Elements> {
    cursor.expect(&Kind::LParen)?;
    let mut elements = Elements::default();
    loop {
        let start = cursor.rest();
        if let Err(error) = element(cursor, &mut elements) {
            report.push(error);
            elements.broken = true;
            cursor.go_back(start);
            skip_element(cursor);
        }
        if report.is_full() || !cursor.accept(&Kind::Comma) {
            break;
        }
    }
    cursor.expect_or(&Kind::RParen, "',' or ')'")?;
    Ok(elements)
}

/// Goes to the comma or parenthesis that ends the element.
fn skip_element(cursor: &mut Cursor<'_>) {
    let mut open = 0_usize;
    while let Some(kind) = cursor.peek() {
        match kind {
            Kind::LParen => open += 1,
            Kind::Comma | Kind::RParen if open == 0 => break,
            Kind::RParen => open -= 1,
            _ => {}
        }
        cursor.skip();
    }
}

fn element(cursor: &mut Cursor<'_>, elements: &mut Elements) -> Parsed<()> {
    let place = cursor.place();
    if cursor.accept_words(&["WATERMARK", "FOR"]) {
        let clause = watermark_clause(cursor)?;
        if elements.watermark.is_some() {
            return Err(Diagnostic::new(place, "the table has two watermarks"));
        }
        elements.watermark = Some(clause);
    } else if cursor.accept_words(&["PRIMARY", "KEY"]) || cursor.is_word("CONSTRAINT") {
        let hint = "PARTITIONED BY (columns) says what an event belongs to";
        return Err(Diagnostic::new(place, "PRIMARY KEY is not supported").with_hint(hint));
    } else {
        let name = cursor.declared_name("a column's name")?;
        let carried = elements.columns.iter().map(|column| &column.name);
        let mut names = carried.chain(elements.computed.iter().map(|column| &column.name));
        if names.any(|other| other.text == name.text) {
            let message = format!("column '{}' is declared twice", name.text);
            return Err(Diagnostic::new(name.place, message));
        }
        if elements.columns.len() + elements.computed.len() >= COLUMNS_MAX {
            return Err(Diagnostic::new(place, format!("the table has more than {COLUMNS_MAX} columns")));
        }
        if cursor.is_word("AS") {
            let value = computed_value(cursor)?;
            elements.computed.push(Computed { name, value, at: elements.columns.len() });
        } else {
            elements.columns.push(column(cursor, name)?);
        }
    }
    if matches!(cursor.peek(), Some(Kind::Comma | Kind::RParen)) {
        return Ok(());
    }
    Err(cursor.expected("',' or ')'"))
}

/// `AS expression` behind a column's name.
fn computed_value(cursor: &mut Cursor<'_>) -> Parsed<Ast> {
    if cursor.peek_second().is_some_and(is_proctime) {
        let hint = "results would depend on when they are computed; declare WATERMARK FOR a column instead";
        return Err(cursor.error("processing time is not supported").with_hint(hint));
    }
    cursor.expect_word("AS")?;
    let value = cursor.expression()?;
    if cursor.accept_word("COMMENT") {
        cursor.string("a comment in single quotes")?;
    }
    Ok(value)
}

/// Refuses computed columns where the engine needs what the event carries, and takes them out.
fn refuse_computed(key_names: &mut Vec<Name>, elements: &mut Elements, report: &mut Report) {
    let Elements { computed, watermark, broken, .. } = elements;
    let mut refused = |name: &Name, clause: &str, hint: &str| {
        let is = computed.iter().any(|column| column.name.text == name.text);
        if is {
            let message =
                format!("column '{}' is computed, and {clause} takes a column of the event", name.text);
            report.push(Diagnostic::new(name.place, message).with_hint(hint));
            *broken = true;
        }
        is
    };
    key_names.retain(|name| {
        let hint = "declare it with a type, and let the sender compute it: it says where the event goes";
        !refused(name, "PARTITIONED BY", hint)
    });
    watermark.take_if(|clause| {
        let hint = "declare it TIMESTAMP(3): vencejo run reads milliseconds since 1970 and ISO 8601 as such";
        refused(&clause.column, "WATERMARK", hint)
    });
}

fn column(cursor: &mut Cursor<'_>, name: Name) -> Parsed<ColumnDeclaration> {
    let column_type = cursor.column_type()?;
    let mut nullable = true;
    loop {
        if cursor.accept_words(&["NOT", "NULL"]) {
            nullable = false;
        } else if cursor.accept_word("COMMENT") {
            cursor.string("a comment in single quotes")?;
        } else if let Some(refused) = ["PRIMARY", "UNIQUE", "DEFAULT", "METADATA", "REFERENCES", "CHECK"]
            .iter()
            .find(|w| cursor.is_word(w))
        {
            let error = cursor.error(format!("{refused} is not supported"));
            return Err(if *refused == "METADATA" {
                error.with_hint("what the event does not carry, it does not have: declare a column for it")
            } else {
                error
            });
        } else if !cursor.accept_word("NULL") {
            return Ok(ColumnDeclaration { name, column_type, nullable });
        }
    }
}

fn is_proctime(kind: &Kind) -> bool {
    matches!(kind, Kind::Word(word) if word.value.eq_ignore_ascii_case("PROCTIME"))
}

/// Behind `WATERMARK FOR`.
fn watermark_clause(cursor: &mut Cursor<'_>) -> Parsed<WatermarkClause> {
    let column = cursor.name("a column's name")?;
    cursor.expect_word("AS")?;
    let shape = |error: Diagnostic| {
        error.with_hint(
            "a watermark is WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, or WATERMARK FOR ts AS ts",
        )
    };
    let of = cursor.name("the same column").map_err(shape)?;
    if of.text != column.text {
        let message = format!("the watermark for '{}' must be computed from it", column.text);
        return Err(shape(Diagnostic::new(of.place, message)));
    }
    let mut delay_millis = 0;
    if cursor.accept(&Kind::Minus) {
        cursor.expect_word("INTERVAL").map_err(shape)?;
        let (millis, place) = cursor.interval_millis()?;
        if !(0..=WATERMARK_DELAY_MILLIS_MAX).contains(&millis) {
            let days = WATERMARK_DELAY_MILLIS_MAX / 86_400_000;
            return Err(Diagnostic::new(place, format!("a watermark's delay is from 0 to {days} days")));
        }
        delay_millis = millis;
    }
    Ok(WatermarkClause { column, delay_millis })
}

fn watermark(
    clause: &WatermarkClause,
    idle_millis: Option<i64>,
    columns: &[Column],
    broken: &mut bool,
    report: &mut Report,
) -> Option<Watermark> {
    let column = find(&clause.column, columns, broken, report)?;
    if columns[column].column_type != ColumnType::Timestamp {
        let message = format!("the watermark's column is {}, not TIMESTAMP(3)", columns[column].column_type);
        report.error(clause.column.place, message);
        *broken = true;
        return None;
    }
    Some(Watermark { column, delay_millis: clause.delay_millis, idle_millis })
}

/// The indices of the key columns.
fn key(names: &[Name], columns: &[Column], broken: &mut bool, report: &mut Report) -> Vec<usize> {
    let mut key = Vec::with_capacity(names.len());
    for name in names {
        if report.is_full() {
            break;
        }
        let Some(index) = find(name, columns, broken, report) else { continue };
        let fault = if key.contains(&index) {
            format!("column '{}' is twice in PARTITIONED BY", name.text)
        } else if columns[index].column_type == ColumnType::Double {
            "a DOUBLE cannot be in PARTITIONED BY: equal numbers may differ in their bytes".to_string()
        } else {
            key.push(index);
            continue;
        };
        report.error(name.place, fault);
        *broken = true;
    }
    key
}

/// The column of this name. When columns are broken, it may be one of them.
fn find(name: &Name, columns: &[Column], broken: &mut bool, report: &mut Report) -> Option<usize> {
    let found = columns.iter().position(|column| column.name == name.text);
    if found.is_none() && !*broken {
        let names = columns.iter().map(|column| column.name.as_str());
        let message = format!("unknown column '{}'", name.text);
        report.push(Diagnostic::new(name.place, message).with_hint_if(did_you_mean(&name.text, names)));
    }
    *broken |= found.is_none();
    found
}
