//! `CREATE LOOKUP`: rows that are known when the app is planned, from a CSV file or from VALUES.

use std::sync::Arc;

use sqlparser::tokenizer::Token as Kind;
use vencejo_expr::{Constant, Graph, LookupTable, Type};
use vencejo_types::limits::{COLUMNS_MAX, LOOKUP_FILE_BYTES_MAX, LOOKUP_ROWS_MAX, LOOKUP_TABLES_MAX};
use vencejo_types::schema::ColumnType;

use super::model::{File, path_of, read};
use super::{Load, finish, listed, refuse_unknown};
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, ColumnDeclaration};
use crate::catalog::Catalog;
use crate::csv;
use crate::diagnostic::{Report, Reported};
use crate::suggest::did_you_mean;
use crate::tokens::{Cursor, Name, Parsed, Place};

/// Where the rows are.
const SOURCES: &str = "write WITH ('path' = 'lookups/name.csv'), or AS VALUES (...), (...)";

/// A declared table; nothing where it has errors.
#[derive(Debug)]
pub(crate) struct LookupEntry {
    pub(crate) name: String,
    pub(crate) table: Option<Arc<LookupTable>>,
}

/// The columns, those of the key first, and how many those are.
struct Columns {
    list: Vec<ColumnDeclaration>,
    key: usize,
}

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
    load: Load<'_>,
) -> Parsed<()> {
    let place = cursor.place();
    let (columns, key) = declared(cursor)?;
    let order: Vec<String> = columns.iter().map(|column| column.name.text.clone()).collect();
    let checked = check(columns, &key, place, report);
    let rows = if cursor.accept_words(&["AS", "VALUES"]) {
        let rows = values(cursor)?;
        finish(cursor, "',' or ';'")?;
        checked.and_then(|columns| Ok((inline(&columns, &order, rows, report)?, columns)))
    } else if cursor.accept_word("WITH") {
        let place = cursor.place();
        let settings = cursor.settings()?;
        finish(cursor, "';'")?;
        let options = refuse_unknown(&settings, &["path"], &[], report);
        let file = path_of(&settings, place, report)
            .and_then(|path| read(path, report, load, "lookups/name.csv", LOOKUP_FILE_BYTES_MAX));
        checked.and_then(|columns| {
            options?;
            Ok((from_file(&columns, &file?, report)?, columns))
        })
    } else {
        return Err(cursor.expected("WITH or AS VALUES").with_hint(SOURCES));
    };
    let table = rows.and_then(|(rows, columns)| {
        let types =
            columns.list.iter().map(|column| (column.name.text.clone(), Type::of(column.column_type)));
        LookupTable::new(name.text.as_str(), types.collect(), columns.key, rows)
            .map_err(|error| report.error(name.place, format!("look-up table '{}': {error}", name.text)))
    });
    if catalog.lookups.len() >= LOOKUP_TABLES_MAX {
        report.error(name.place, format!("the app has more than {LOOKUP_TABLES_MAX} look-up tables"));
    } else if claimed {
        catalog.add_lookup(name, table.ok().map(Arc::new));
    }
    Ok(())
}

/// `(name TYPE, ..., [PRIMARY KEY (names) NOT ENFORCED])`.
fn declared(cursor: &mut Cursor<'_>) -> Parsed<(Vec<ColumnDeclaration>, Vec<Name>)> {
    let mut key = Vec::new();
    let columns = cursor.list(|cursor| {
        if cursor.accept_words(&["PRIMARY", "KEY"]) {
            key = cursor.list(|cursor| cursor.name("a column's name"))?;
            cursor.accept_words(&["NOT", "ENFORCED"]);
            return Ok(None);
        }
        let name = cursor.declared_name("a column's name")?;
        let column_type = cursor.column_type()?;
        let nullable = !cursor.accept_words(&["NOT", "NULL"]);
        Ok(Some(ColumnDeclaration { name, column_type, nullable }))
    })?;
    Ok((columns.into_iter().flatten().collect(), key))
}

/// Puts the key in front: the PRIMARY KEY, or the first column.
fn check(
    mut columns: Vec<ColumnDeclaration>,
    key: &[Name],
    place: Place,
    report: &mut Report,
) -> Result<Columns, Reported> {
    let mut result = Ok(());
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].iter().any(|other| other.name.text == column.name.text) {
            let message = format!("column '{}' is declared twice", column.name.text);
            result = Err(report.error(column.name.place, message));
        }
    }
    let mut places = Vec::new();
    for name in key {
        match columns.iter().position(|column| column.name.text == name.text) {
            Some(index) if !places.contains(&index) => places.push(index),
            Some(_) => {
                result =
                    Err(report.error(name.place, format!("column '{}' is twice in PRIMARY KEY", name.text)));
            }
            None => {
                let hint = did_you_mean(&name.text, columns.iter().map(|column| column.name.text.as_str()));
                let message = format!("unknown column '{}'", name.text);
                result = Err(report.push(Diagnostic::new(name.place, message).with_hint_if(hint)));
            }
        }
    }
    result?;
    if key.is_empty() {
        places.push(0);
    }
    if columns.len() <= places.len() || columns.len() > COLUMNS_MAX {
        let message =
            format!("a look-up table has a column beside its key, and at most {COLUMNS_MAX} columns");
        return Err(report.error(place, message));
    }
    if let Some(&index) = places.iter().find(|&&index| columns[index].column_type == ColumnType::Double) {
        let message = "a DOUBLE cannot be in the key: equal numbers may differ in their bits";
        return Err(
            report.push(Diagnostic::new(columns[index].name.place, message).with_hint("declare it DECIMAL"))
        );
    }
    let key = places.len();
    let mut list: Vec<Option<ColumnDeclaration>> = columns.drain(..).map(Some).collect();
    let mut ordered: Vec<ColumnDeclaration> = places.iter().filter_map(|&index| list[index].take()).collect();
    ordered.extend(list.into_iter().flatten());
    Ok(Columns { list: ordered, key })
}

/// `(value, ...), (value, ...)`.
fn values(cursor: &mut Cursor<'_>) -> Parsed<Vec<(Place, Vec<Ast>)>> {
    let mut rows = Vec::new();
    loop {
        if rows.len() >= LOOKUP_ROWS_MAX {
            return Err(cursor.error(format!("a look-up table has at most {LOOKUP_ROWS_MAX} rows")));
        }
        let place = cursor.place();
        rows.push((place, cursor.list(Cursor::expression)?));
        if !cursor.accept(&Kind::Comma) {
            return Ok(rows);
        }
    }
}

/// The rows of VALUES, in declared order, as the table has them.
fn inline(
    columns: &Columns,
    order: &[String],
    rows: Vec<(Place, Vec<Ast>)>,
    report: &mut Report,
) -> Result<Vec<Vec<Constant>>, Reported> {
    let mut result = Ok(());
    let mut list = Vec::with_capacity(rows.len());
    for (place, row) in rows {
        if report.is_full() {
            break;
        }
        if row.len() != order.len() {
            let message = format!("the row has {} values, the table {} columns", row.len(), order.len());
            result = Err(report.error(place, message));
            continue;
        }
        let mut constants = Vec::with_capacity(row.len());
        for column in &columns.list {
            let Some(index) = order.iter().position(|name| *name == column.name.text) else { continue };
            match literal(&row[index], column) {
                Ok(constant) => constants.push(constant),
                Err(error) => result = Err(report.push(error)),
            }
        }
        list.push(constants);
    }
    result.map(|()| list)
}

/// A literal in its column's type.
fn literal(ast: &Ast, column: &ColumnDeclaration) -> Parsed<Constant> {
    let mut graph = Graph::new();
    let to = column.column_type;
    let expr = match &ast.kind {
        AstKind::Null => graph.null(),
        AstKind::Boolean(x) => graph.boolean(*x),
        AstKind::Integer(x) => graph.integer(*x),
        AstKind::Double(x) => graph.double(*x),
        AstKind::Text(text) | AstKind::Moment(_, text) => graph.text(text),
        _ => return Err(Diagnostic::new(ast.place, "VALUES takes literals")),
    };
    let text = matches!(ast.kind, AstKind::Text(_));
    let null = matches!(ast.kind, AstKind::Null);
    let cast = expr.and_then(|expr| graph.cast(expr, to));
    let constant = cast.ok().and_then(|cast| graph.constant(cast).cloned());
    let name = &column.name.text;
    match constant {
        Some(_) if null && !column.nullable => {
            Err(Diagnostic::new(ast.place, format!("column '{name}' is declared NOT NULL")))
        }
        Some(constant) if null || (constant != Constant::Null && text != (to != ColumnType::String)) => {
            Ok(constant)
        }
        // A date may be a string, a number not: whoever writes VALUES knows the type.
        Some(constant)
            if constant != Constant::Null && matches!(to, ColumnType::Date | ColumnType::Timestamp) =>
        {
            Ok(constant)
        }
        _ => Err(Diagnostic::new(ast.place, format!("this is no {to}, as column '{name}' is"))),
    }
}

/// The rows of a file whose first line names the columns.
fn from_file(columns: &Columns, file: &File, report: &mut Report) -> Result<Vec<Vec<Constant>>, Reported> {
    let mut fail = |message: String| report.error(file.place, format!("'{}': {message}", file.path));
    let Ok(text) = std::str::from_utf8(&file.bytes) else { return Err(fail("the file is not UTF-8".into())) };
    let mut lines = csv::records(text.strip_prefix('\u{feff}').unwrap_or(text));
    let header = match lines.next() {
        Some(Ok(header)) => header.fields,
        Some(Err(error)) => return Err(fail(error)),
        None => return Err(fail("the file is empty; its first line names the columns".into())),
    };
    let mut places = Vec::with_capacity(columns.list.len());
    for column in &columns.list {
        let name = &column.name.text;
        match header.iter().position(|field| field.trim() == name) {
            Some(place) => places.push(place),
            None => {
                let names = listed(header.iter().map(|field| field.trim()));
                return Err(fail(format!("its first line has no column '{name}'; it has {names}")));
            }
        }
    }
    let mut rows = Vec::new();
    for line in lines {
        let record = line.map_err(&mut fail)?;
        if rows.len() >= LOOKUP_ROWS_MAX {
            return Err(fail(format!("it has more than {LOOKUP_ROWS_MAX} rows")));
        }
        let mut row = Vec::with_capacity(places.len());
        for (&place, column) in places.iter().zip(&columns.list) {
            let Some(field) = record.fields.get(place) else {
                return Err(fail(format!("line {} has too few fields", record.line)));
            };
            row.push(
                value(field, column).map_err(|message| fail(format!("line {}: {message}", record.line)))?,
            );
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A field in its column's type; an empty one is NULL.
fn value(field: &str, column: &ColumnDeclaration) -> Result<Constant, String> {
    let (name, to) = (&column.name.text, column.column_type);
    if field.is_empty() {
        return if column.nullable {
            Ok(Constant::Null)
        } else {
            Err(format!("column '{name}' is NOT NULL"))
        };
    }
    if to == ColumnType::String {
        return Ok(Constant::Text(field.into()));
    }
    let mut graph = Graph::new();
    let cast = graph.text(field).and_then(|text| graph.cast(text, to));
    match cast.ok().and_then(|cast| graph.constant(cast)) {
        Some(constant) if *constant != Constant::Null => Ok(constant.clone()),
        _ => Err(format!("'{field}' is no {to}, as column '{name}' is")),
    }
}
