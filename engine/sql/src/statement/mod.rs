//! Statements: what each declares, checked and planned.

pub(crate) mod computed;
pub(crate) mod decision;
pub(crate) mod lookup;
pub(crate) mod model;
pub(crate) mod options;
pub(crate) mod rule;
pub(crate) mod stream_options;
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
const STATEMENTS: &str = "an app consists of CREATE TABLE, CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE MODEL, \
                          CREATE LOOKUP, CREATE RULE, CREATE DECISION, INSERT INTO and SELECT";

/// The file loader: a path relative to the app's folder to the file's bytes, or why there are none.
pub(crate) type Load<'l> = &'l mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// What a statement declares, if it declares something.
pub(crate) fn declared(cursor: &mut Cursor<'_>) -> Option<(Declaration, Name)> {
    let head = head(cursor).ok()?;
    Some((head.declaration, head.name))
}

/// The beginning of CREATE.
pub(crate) struct Head {
    declaration: Declaration,
    /// Of a view: whether it is materialized.
    materialized: bool,
    name: Name,
}

/// Statements of SQL that are not here, and what to do.
const REFUSED: [(&str, &str); 9] = [
    ("DROP", "leave the statement out of app.sql: deploying the app then drops what it declared"),
    ("ALTER", "change the CREATE statement: deploying the app then changes it"),
    ("DELETE", "rows leave by the view's 'ttl' and 'retention'"),
    ("UPDATE", "rows are never changed; send another event"),
    ("SET", "options stand in WITH behind what they are about"),
    ("USE", "an app has one space of names"),
    ("EXPLAIN", "vencejo app explain prints the plan"),
    ("DESCRIBE", "vencejo app explain prints the plan"),
    ("SHOW", "vencejo app explain prints the plan"),
];

/// Reads CREATE up to the name it declares.
fn head(cursor: &mut Cursor<'_>) -> Parsed<Head> {
    if !cursor.is_word("CREATE") {
        if let Some((word, hint)) = REFUSED.iter().find(|(word, _)| cursor.is_word(word)) {
            return Err(cursor.error(format!("{word} is no statement of an app")).with_hint(*hint));
        }
        let message = match cursor.peek() {
            Some(kind) => format!("unknown statement {}", shown(kind)),
            None => "the statement is empty".to_string(),
        };
        return Err(cursor.error(message).with_hint(STATEMENTS));
    }
    cursor.skip();
    let mut materialized = false;
    let declaration = if cursor.accept_word("TABLE") {
        Declaration::Stream
    } else if cursor.accept_word("MATERIALIZED") {
        if !cursor.accept_word("VIEW") && !cursor.accept_word("TABLE") {
            return Err(cursor.expected("VIEW"));
        }
        materialized = true;
        Declaration::View
    } else if cursor.accept_word("VIEW") {
        Declaration::View
    } else if cursor.accept_word("MODEL") {
        Declaration::Model
    } else if cursor.accept_word("LOOKUP") {
        cursor.accept_word("TABLE");
        Declaration::Lookup
    } else if cursor.accept_word("RULE") {
        Declaration::Rule
    } else if cursor.accept_word("DECISION") {
        Declaration::Decision
    } else {
        let error = cursor.expected("TABLE, VIEW, MATERIALIZED VIEW, MODEL, LOOKUP, RULE or DECISION");
        for refused in ["TEMPORARY", "OR", "FUNCTION", "CATALOG", "DATABASE"] {
            if cursor.is_word(refused) {
                return Err(error.with_hint("an app declares everything once, in one space of names"));
            }
        }
        let known = ["TABLE", "VIEW", "MATERIALIZED", "MODEL", "LOOKUP", "RULE", "DECISION"];
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
    Ok(Head { declaration, materialized, name })
}

/// Plans one statement into the catalog.
pub(crate) fn plan(statement: &Statement<'_>, catalog: &mut Catalog, report: &mut Report, load: Load<'_>) {
    let mut cursor = Cursor::new(statement);
    let planned = if cursor.accept_word("INSERT") {
        Some(view::insert(&mut cursor, catalog, report))
    } else if cursor.is_word("SELECT") || cursor.is_word("WITH") {
        Some(view::query(&mut cursor, catalog, report))
    } else {
        None
    };
    if let Some(planned) = planned {
        if let Err(error) = planned {
            report.push(error);
        }
        return;
    }
    let Head { declaration, materialized, name } = match head(&mut cursor) {
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
        Declaration::View => view::plan(&mut cursor, &name, (materialized, claimed), catalog, report),
        Declaration::Model => model::plan(&mut cursor, &name, claimed, catalog, report, load),
        Declaration::Lookup => lookup::plan(&mut cursor, &name, claimed, catalog, report, load),
        Declaration::Rule => rule::plan(&mut cursor, &name, claimed, catalog, report),
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
