//! `CREATE VIEW`, `CREATE MATERIALIZED VIEW`, `INSERT INTO`, and queries alone.

use sqlparser::tokenizer::Token as Kind;
use vencejo_types::limits::{RETENTION_MILLIS_DEFAULT, RETENTION_MILLIS_MAX};

use super::options::{duration, setting};
use super::{finish, refuse_unknown};
use crate::ast::{Query, Setting};
use crate::catalog::{Catalog, Declaration, ViewEntry};
use crate::diagnostic::{Report, Reported};
use crate::flow::needed::Needed;
use crate::flow::rel::Rel;
use crate::flow::{Planner, Settings};
use crate::tokens::{Cursor, Name, Parsed};

/// Options of a materialized view.
const OPTIONS: [&str; 3] = ["ttl", "retention", "allowed_lateness"];

/// Plans `CREATE [MATERIALIZED] VIEW` behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    (materialized, claimed): (bool, bool),
    catalog: &mut Catalog,
    report: &mut Report,
) -> Parsed<()> {
    if cursor.is(&Kind::LParen) {
        return Err(cursor.error("a view's columns are named in its SELECT").with_hint("write AS SELECT"));
    }
    if cursor.accept_word("COMMENT") {
        cursor.string("a comment in single quotes")?;
    }
    let settings = if materialized && cursor.accept_word("WITH") { cursor.settings()? } else { Vec::new() };
    cursor.expect_word("AS")?;
    let query = cursor.query()?;
    finish(cursor, "WHERE, GROUP BY, UNION ALL or ';'")?;
    let options = refuse_unknown(&settings, &OPTIONS, &[], report);
    let of_view = durations(&settings, name, report);
    let entry = with_planner(catalog, report, |planner| {
        planner.settings = of_view.as_ref().map_or_else(|Reported| Settings::default(), |(s, _)| s.clone());
        let mut rel = planner.query(&query, &Needed::All);
        let mut entry = ViewEntry {
            name: name.text.clone(),
            rel: Rel::default(),
            materialized,
            table: None,
            partition: None,
        };
        let columns =
            if rel.partial { Err(Reported) } else { planner.row_columns(&rel, name.place, Some("view")) };
        match (columns, materialized, &of_view) {
            (Ok(columns), true, Ok((_, retention))) => {
                match planner.view(&mut rel, name, &columns, *retention) {
                    Ok(made) => (entry.table, entry.partition) = (made.table, made.partition),
                    Err(Reported) => rel.partial = true,
                }
            }
            (Ok(_), false, _) => {}
            _ => rel.partial = true,
        }
        rel.partial |= options.is_err();
        entry.rel = rel;
        entry
    });
    if claimed {
        let mut entry = entry;
        if materialized {
            entry.rel.view = Some(catalog.views.len());
        }
        catalog.add_view(name, entry);
    }
    Ok(())
}

/// The view's options: those of its operators, and how long rows are kept.
fn durations(settings: &[Setting], name: &Name, report: &mut Report) -> Result<(Settings, i64), Reported> {
    let mut of = |key: &str| {
        setting(settings, key).map(|setting| duration(setting, RETENTION_MILLIS_MAX, report)).transpose()
    };
    let (ttl, retention, lateness) = (of("ttl"), of("retention"), of("allowed_lateness"));
    // As in Flink, a time to live of 0 is none.
    let ttl = ttl?.filter(|&millis| millis > 0);
    let settings = Settings { name: name.text.clone(), ttl, lateness: lateness?, order: None };
    Ok((settings, retention?.unwrap_or(RETENTION_MILLIS_DEFAULT)))
}

/// Plans `INSERT INTO name query`, behind INSERT.
pub(crate) fn insert(cursor: &mut Cursor<'_>, catalog: &mut Catalog, report: &mut Report) -> Parsed<()> {
    if cursor.is_word("OVERWRITE") {
        return Err(cursor.error("INSERT OVERWRITE is not supported").with_hint("write INSERT INTO"));
    }
    cursor.expect_word("INTO")?;
    let name = cursor.declared_name("the output's name")?;
    if cursor.is(&Kind::LParen) && !cursor.is_query_second() {
        return Err(cursor
            .error("INSERT INTO takes no list of columns")
            .with_hint("name them in the SELECT"));
    }
    if cursor.is_word("VALUES") {
        let hint = "events come with vencejo run --input, or from a client";
        return Err(cursor.error("INSERT INTO ... VALUES is not supported").with_hint(hint));
    }
    let query = cursor.query()?;
    finish(cursor, "WHERE, GROUP BY, UNION ALL or ';'")?;
    if catalog.is_declared(&[Declaration::Stream, Declaration::View, Declaration::Rule], &name.text) {
        let hint = "a query writes to an output of its own name; give it another";
        let message = format!("'{}' is declared in the app", name.text);
        return Err(crate::Diagnostic::new(name.place, message).with_hint(hint));
    }
    output(&query, &name, catalog, report);
    Ok(())
}

/// Plans a query alone: an output called query_1, query_2 and so on.
pub(crate) fn query(cursor: &mut Cursor<'_>, catalog: &mut Catalog, report: &mut Report) -> Parsed<()> {
    let place = cursor.place();
    let query = cursor.query()?;
    finish(cursor, "WHERE, GROUP BY, UNION ALL or ';'")?;
    catalog.queries += 1;
    let name = Name { text: format!("query_{}", catalog.queries), place };
    output(&query, &name, catalog, report);
    Ok(())
}

fn output(query: &Query, name: &Name, catalog: &mut Catalog, report: &mut Report) {
    with_planner(catalog, report, |planner| {
        planner.settings.name.clone_from(&name.text);
        let mut rel = planner.query(query, &Needed::All);
        if rel.partial {
            return;
        }
        if let Ok(columns) = planner.row_columns(&rel, name.place, None) {
            // What goes wrong is in the report.
            let _: Result<_, Reported> = planner.output(&mut rel, name, columns);
        }
    });
}

/// A planner over the catalog; its nodes go back there.
pub(super) fn with_planner<T>(
    catalog: &mut Catalog,
    report: &mut Report,
    plan: impl FnOnce(&mut Planner<'_, '_>) -> T,
) -> T {
    let mut drafts = std::mem::take(&mut catalog.drafts);
    let settings = Settings::default();
    let planned = plan(&mut Planner { catalog, drafts: &mut drafts, report, settings, named: Vec::new() });
    catalog.drafts = drafts;
    planned
}
