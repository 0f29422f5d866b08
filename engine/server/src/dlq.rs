//! `vencejo dlq`: events that the engine failed on and laid aside.

use clap::{Args, Subcommand};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::connect::ConnectArgs;
use crate::console::print;
use crate::failure::Failure;
use crate::remote::{TIMEOUT, ask};

/// Dead letters: events that the engine failed on and laid aside.
#[derive(Args, Debug)]
pub struct DlqArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Lists the events that a running engine has laid aside, and why.
    #[command(after_help = "Example:\n  vencejo dlq list --json")]
    List {
        #[command(flatten)]
        connect: ConnectArgs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Gives laid-aside events to the engine again, as new events: after an update that takes them.
    #[command(after_help = "Examples:\n  vencejo dlq replay 3\n  vencejo dlq replay --all")]
    Replay {
        /// The event's number, as `list` prints it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        number: Option<u64>,
        /// All that have not been given again.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        connect: ConnectArgs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there or refuses.
pub fn run(args: &DlqArgs) -> Result<(), Failure> {
    match &args.what {
        What::List { connect, json } => {
            let answer = ask(connect, "dlq.list", &json!({}), &[], TIMEOUT)?;
            if *json { print(answer) } else { print(table(&answer)) }
        }
        What::Replay { number, connect, json, .. } => {
            let answer = ask(connect, "dlq.replay", &json!({"number": number}), &[], TIMEOUT)?;
            if *json {
                return print(answer);
            }
            let replayed = answer["replayed"].as_array().map_or(0, Vec::len);
            let again = match answer["failed_again"].as_u64() {
                Some(failed @ 1..) => format!("; {failed} failed again and are new letters"),
                _ => String::new(),
            };
            print(format_args!("{replayed} events given to the engine again{again}"))
        }
    }
}

fn table(answer: &Value) -> String {
    let letters = answer["letters"].as_array().map_or(&[][..], Vec::as_slice);
    if letters.is_empty() {
        return "no event was laid aside".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["number", "for", "kind", "partition", "sequence", "replayed", "reason", "row"]);
    for letter in letters {
        let text = |field: &str| match &letter[field] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        };
        let fields = ["number", "for", "kind", "partition", "sequence", "replayed", "reason", "row"];
        table.add_row(fields.map(text));
    }
    for column in [0, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
