//! Statements: what each declares, checked and planned.

pub(crate) mod decision;
pub(crate) mod lookup;
pub(crate) mod model;
pub(crate) mod table;
pub(crate) mod view;

use sqlparser::tokenizer::Token as Kind;

use crate::Diagnostic;
use crate::ast::Setting;
use crate::catalog::{Catalog, Declaration};
use crate::diagnostic::{Report, Reported};
use crate::suggest::did_you_mean;
use crate::tokens::{Cursor, Name, Parsed, Statement, shown};

/// What an app is made of, for the hint.
const STATEMENTS: &str = "an app consists of CREATE TABLE, CREATE MATERIALIZED VIEW, CREATE MODEL, CREATE LOOKUP and CREATE DECISION";

/// The file loader: a path relative to the app's folder to the file's bytes, or why there are none.
pub(crate) type Load<'l> = &'l mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// Reads a statement up to the name it declares.
pub(crate) fn head(cursor: &mut Cursor<'_>) -> Parsed<(Declaration, Name)> {
    if !cursor.is_word("CREATE") {
        let message = match cursor.peek() {
            Some(kind) => format!("unknown statement {}", shown(kind)),
            None => "the statement is empty".to_string(),
        };
        return Err(cursor.error(message).with_hint(STATEMENTS));
    }
    cursor.skip();
    let declaration = if cursor.accept_word("TABLE") {
        Declaration::Stream
    } else if cursor.accept_word("MATERIALIZED") {
        cursor.expect_word("VIEW")?;
        Declaration::View
    } else if cursor.accept_word("MODEL") {
        Declaration::Model
    } else if cursor.accept_word("LOOKUP") {
        cursor.accept_word("TABLE");
        Declaration::Lookup
    } else if cursor.accept_word("DECISION") {
        Declaration::Decision
    } else if cursor.is_word("VIEW") {
        return Err(cursor.error("CREATE VIEW is not supported").with_hint("write CREATE MATERIALIZED VIEW"));
    } else {
        let error = cursor.expected("TABLE, MATERIALIZED VIEW, MODEL, LOOKUP or DECISION");
        let known = ["TABLE", "MATERIALIZED", "MODEL", "LOOKUP", "DECISION"];
        let hint = match cursor.peek() {
            Some(Kind::Word(word)) => did_you_mean(&word.value, known),
            _ => None,
        };
        return Err(error.with_hint(hint.unwrap_or_else(|| STATEMENTS.to_string())));
    };
    if cursor.is_word("IF") {
        let hint = "an app declares everything once";
        return Err(cursor.error("IF NOT EXISTS is not supported").with_hint(hint));
    }
    let name = cursor.declared_name(&format!("the {}'s name", declaration.noun()))?;
    Ok((declaration, name))
}

/// Plans one statement into the catalog.
pub(crate) fn plan(statement: &Statement<'_>, catalog: &mut Catalog, report: &mut Report, load: Load<'_>) {
    let mut cursor = Cursor::new(statement);
    let (declaration, name) = match head(&mut cursor) {
        Ok(head) => head,
        Err(error) => {
            report.push(error);
            return;
        }
    };
    catalog.passed(declaration, &name);
    let claimed = catalog.claim(declaration, &name, report).is_ok();
    let parsed = match declaration {
        Declaration::Stream => table::plan(&mut cursor, &name, claimed, catalog, report),
        Declaration::View => view::plan(&mut cursor, &name, claimed, catalog, report),
        Declaration::Model => model::plan(&mut cursor, &name, claimed, catalog, report, load),
        Declaration::Lookup => lookup::plan(&mut cursor, &name, claimed, catalog, report, load),
        Declaration::Decision => decision::plan(&mut cursor, &name, claimed, catalog, report),
    };
    if let Err(error) = parsed {
        report.push(error);
        if claimed {
            catalog.add_broken(declaration, &name);
        }
    }
}

/// That nothing is left of the statement.
pub(crate) fn finish(cursor: &Cursor<'_>, what_may_follow: &str) -> Parsed<()> {
    if cursor.at_end() { Ok(()) } else { Err(cursor.expected(what_may_follow)) }
}

/// Reports the options that are not among the known ones.
pub(crate) fn refuse_unknown(
    settings: &[Setting],
    known: &[&str],
    suggested: &[&str],
    report: &mut Report,
) -> Result<(), Reported> {
    let mut result = Ok(());
    for Setting { key, .. } in settings {
        if !known.contains(&key.text.as_str()) {
            let names = known.iter().chain(suggested).copied();
            let hint = did_you_mean(&key.text, names).or_else(|| {
                (!known.is_empty()).then(|| format!("the options are {}", listed(known.iter().copied())))
            });
            let message = format!("unknown option '{}'", key.text);
            result = Err(report.push(Diagnostic::new(key.place, message).with_hint_if(hint)));
        }
    }
    result
}

/// Names as an error lists them.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
