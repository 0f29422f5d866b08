//! `CREATE RULE`: a row pattern whose matches are alerts.

use vencejo_core::plan::flow::Severity;
use vencejo_rules::spec::Order;
use vencejo_types::limits::COOLDOWN_MILLIS_MAX;

use super::options::{duration, one_of, setting};
use super::view::with_planner;
use super::{finish, refuse_unknown};
use crate::ast::Setting;
use crate::catalog::Catalog;
use crate::diagnostic::{Report, Reported};
use crate::flow::Settings;
use crate::flow::matching::alert::AlertSettings;
use crate::flow::needed::Needed;
use crate::tokens::{Cursor, Name, Parsed};

const OPTIONS: [&str; 4] = ["severity", "cooldown", "order", "enabled"];

/// What WITH says.
struct Options {
    alert: AlertSettings,
    order: Order,
    enabled: bool,
}

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
) -> Parsed<()> {
    let settings = if cursor.accept_word("WITH") { cursor.settings()? } else { Vec::new() };
    cursor.expect_word("AS")?;
    let query = cursor.query()?;
    finish(cursor, "WHERE or ';'")?;
    let known = refuse_unknown(&settings, &OPTIONS, &[], report);
    let options = options(&settings, report);
    with_planner(catalog, report, |planner| {
        let order = options.as_ref().map_or(Order::Arrival, |options| options.order);
        planner.settings = Settings { name: name.text.clone(), order: Some(order), ..Settings::default() };
        let before = planner.drafts.nodes.len();
        let mut rel = planner.query(&query, &Needed::All);
        if rel.partial {
            return;
        }
        let columns = planner.row_columns(&rel, name.place, Some("rule"));
        if let (Ok(columns), Ok(options), Ok(())) = (columns, options, known)
            && claimed
        {
            // What goes wrong is in the report.
            let _: Result<_, Reported> = planner.alert(
                &mut rel,
                before,
                (name, query.place),
                columns,
                &options.alert,
                options.enabled,
            );
        }
    });
    if claimed {
        catalog.add_rule(name);
    }
    Ok(())
}

fn options(settings: &[Setting], report: &mut Report) -> Result<Options, Reported> {
    let severities = [Severity::Critical, Severity::Warning, Severity::Info].map(|s| (s.name(), s));
    let severity = one_of(settings, "severity", &severities, report);
    let orders = [("arrival", Order::Arrival), ("event", Order::Event)];
    let order = one_of(settings, "order", &orders, report);
    let enabled = one_of(settings, "enabled", &[("true", true), ("false", false)], report);
    let cooldown = setting(settings, "cooldown");
    let cooldown = cooldown.map(|setting| duration(setting, COOLDOWN_MILLIS_MAX, report)).transpose();
    Ok(Options {
        alert: AlertSettings {
            severity: severity?.unwrap_or(Severity::Warning),
            cooldown_millis: cooldown?.unwrap_or(0),
        },
        order: order?.unwrap_or(Order::Arrival),
        enabled: enabled?.unwrap_or(true),
    })
}
