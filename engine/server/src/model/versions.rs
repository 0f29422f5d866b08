//! `vencejo model list`, `activate`, `rollback`: the versions on a running engine.

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::connect::ConnectArgs;
use crate::console::{note, print};
use crate::failure::Failure;
use crate::remote::{TIMEOUT, ask};

/// Lists the versions that a running engine holds, and what each answered.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo model list\n  vencejo model list yield --json\n\n  \
    role       champion answers, challenger answers its share, shadow is being compared, previous would\n             \
    answer again after a rollback, idle waits to be activated or makes room for a ninth version\n  \
    decisions  that it answered since it was installed; fallbacks: those of them without a prediction\n  \
    compared   rows of its last comparison, and how far it was from the version that answered\n  \
    installed  when it was pushed; 'app': the app's folder has it")]
pub struct ListArgs {
    /// One model; all of the app if not given.
    name: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Has a version answer that the engine holds, every decision or a share.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo model activate yield yield-2\n  \
    vencejo model activate yield yield-2 --weight 5     # a challenger for 5 % of the decisions\n\n\
    Without --weight the version answers every decision, and a challenger ends. `vencejo model list` \
    shows the versions. To undo: vencejo model rollback NAME.")]
pub struct ActivateArgs {
    /// The model.
    name: String,
    /// The version's label.
    version: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// As a challenger that answers this percentage of the decisions.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    weight: Option<u8>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Undoes the last change of who answers: those before it answer again.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vencejo model rollback yield\n\n\
    Takes back the last activation, also that of a challenger; once more, the one before it, up to eight. \
    Takes effect from each partition's next decision on.")]
pub struct RollbackArgs {
    /// The model.
    name: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Lists versions.
///
/// # Errors
/// When the engine is not there or refuses.
pub fn list(args: &ListArgs) -> Result<(), Failure> {
    let answer = ask(&args.connect, "model.list", &json!({"model": args.name}), &[], TIMEOUT)?;
    if args.json {
        return print(answer);
    }
    let models = answer["models"].as_array().map_or(&[][..], Vec::as_slice);
    if models.is_empty() {
        return print("the app has no model");
    }
    for model in models.iter().filter(|model| model["consistent"] == false) {
        let name = model["model"].as_str().unwrap_or("?");
        note(format_args!(
            "model '{name}': the partitions differ; a change reached some only: repeat it (activate)"
        ));
    }
    print(table(models))
}

/// Activates a version.
///
/// # Errors
/// When the engine is not there or refuses.
pub fn activate(args: &ActivateArgs) -> Result<(), Failure> {
    let arguments = json!({"model": args.name, "version": args.version, "weight": args.weight});
    let answer = ask(&args.connect, "model.activate", &arguments, &[], TIMEOUT)?;
    changed(&answer, args.json)
}

/// Rolls back.
///
/// # Errors
/// When the engine is not there or refuses.
pub fn rollback(args: &RollbackArgs) -> Result<(), Failure> {
    let answer = ask(&args.connect, "model.rollback", &json!({"model": args.name}), &[], TIMEOUT)?;
    changed(&answer, args.json)
}

fn changed(answer: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print(answer);
    }
    let model = answer["model"].as_str().unwrap_or("?");
    let (before, now) = (&answer["before"], &answer["now"]);
    if before == now {
        return print(format_args!("{model} answers: {}, as before", arrangement(now)));
    }
    print(format_args!("{model} answers now: {} (before: {})", arrangement(now), arrangement(before)))
}

const COLUMNS: [&str; 11] = [
    "model",
    "version",
    "role",
    "weight",
    "decisions",
    "fallbacks",
    "compared",
    "mean diff",
    "max diff",
    "layout",
    "installed",
];
/// Columns that hold numbers.
const NUMBERS: std::ops::Range<usize> = 3..9;

fn table(models: &[Value]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for model in models {
        for version in model["versions"].as_array().map_or(&[][..], Vec::as_slice) {
            table.add_row(row(&model["model"], version));
        }
    }
    for column in NUMBERS {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn row(model: &Value, version: &Value) -> [String; COLUMNS.len()] {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let weight = version["weight"].as_u64().map_or("-".to_owned(), |weight| format!("{weight} %"));
    let shadow = &version["shadow"];
    let difference = |field: &str| shadow[field].as_f64().map_or("-".to_owned(), |it| format!("{it:.6}"));
    let installed = match version["installed_micros"].as_i64() {
        None => "app".to_owned(),
        Some(micros) => jiff::Timestamp::from_microsecond(micros)
            .map_or("-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
    };
    [
        text(model),
        text(&version["version"]),
        text(&version["role"]),
        weight,
        text(&version["decisions"]),
        text(&version["fallbacks"]),
        text(&shadow["rows"]),
        difference("mean_difference"),
        difference("max_difference"),
        text(&version["layout"]),
        installed,
    ]
}

/// "version 'a'", or "version 'a', and 'b' 20 % of the decisions", as commands answer it.
pub fn arrangement(value: &Value) -> String {
    let text = |field: &str| value[field].as_str().unwrap_or("?").to_owned();
    match value["weight"].as_u64() {
        None => format!("version '{}'", text("champion")),
        Some(weight) => {
            format!(
                "version '{}', and '{}' {weight} % of the decisions",
                text("champion"),
                text("challenger")
            )
        }
    }
}
