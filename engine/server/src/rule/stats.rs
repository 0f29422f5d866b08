//! `vencejo rule stats`: what the rules of a running engine have counted.

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::connect::ConnectArgs;
use crate::console::print;
use crate::failure::Failure;
use crate::remote::{TIMEOUT, ask};

#[derive(Args, Debug)]
pub struct StatsArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print one JSON object per rule.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there or refuses.
pub fn run(args: &StatsArgs) -> Result<(), Failure> {
    let answer = ask(&args.connect, "rule.stats", &json!({}), &[], TIMEOUT)?;
    let rules = answer["rules"].as_array().map_or(&[][..], Vec::as_slice);
    if args.json {
        return rules.iter().try_for_each(print);
    }
    if rules.is_empty() {
        return print("the app has no rule");
    }
    print(table(rules))?;
    let times = &answer["alert_times"];
    match times["alerts"].as_u64() {
        None | Some(0) => Ok(()),
        Some(alerts) => print(format_args!(
            "\nfrom an event's arrival to its alert: p50 {:.1} us, p99 {:.1} us, longest {:.1} us, of {alerts} alerts since \
             the engine started",
            times["p50_us"].as_f64().unwrap_or_default(),
            times["p99_us"].as_f64().unwrap_or_default(),
            times["max_us"].as_f64().unwrap_or_default(),
        )),
    }
}

fn table(rules: &[Value]) -> Table {
    let figures = ["events", "open", "matches", "suppressed", "timeouts", "dropped"];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(std::iter::once("rule").chain(figures));
    for rule in rules {
        let name = rule["rule"].as_str().unwrap_or_default().to_owned();
        table.add_row(std::iter::once(name).chain(figures.map(|figure| rule[figure].to_string())));
    }
    for column in 1..=figures.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
