//! `vencejo model push`: a new version of a model onto a running engine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use vencejo_model::Model;

use super::versions::arrangement;
use crate::connect::ConnectArgs;
use crate::console::print;
use crate::failure::Failure;
use crate::predict::read_model_file;
use crate::remote::ask;

/// How long an upload and its compiling may take; on a busy machine decisions go first.
const PUSH_TIMEOUT: Duration = Duration::from_secs(300);

/// Installs a model file as a new version on a running engine, compares it, has it answer.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo model push yield new.ubj --version yield-2\n  \
    vencejo model push yield new.ubj --weight 20          # a challenger for 20 % of the decisions\n  \
    vencejo model push yield new.ubj --max-difference 0.5 --shadow 1000 --shadow-seconds 30\n  \
    vencejo model push yield new.ubj --no-activate        # only compare; `model activate` follows\n\n\
    The file is checked against the app's INPUT and compiled while the present version goes on answering. \
    Then it predicts beside it on the next requests (its answers are not used), and is activated unless \
    one of its predictions is not finite or the mean difference is over --max-difference. Every decision \
    is answered by one version, whole; none is missed. To go back: vencejo model rollback NAME.\n\n\
    A pushed version lives in the engine's memory: a restart serves the file of the app's folder again. \
    To keep it, put the file there, too. Interrupting this command does not stop what the engine has \
    begun; `vencejo model list` tells where it got to. The engine takes commands from its own host only.\n\n\
    Ends with 5 when FILE is not a usable model, with 1 when the engine is not there or refuses.")]
pub struct PushArgs {
    /// The model, as CREATE MODEL of the app names it.
    name: String,
    /// The model file.
    file: PathBuf,
    #[command(flatten)]
    connect: ConnectArgs,
    /// What decisions report as model version; a hash of the file's content if not given.
    #[arg(long, value_name = "LABEL")]
    version: Option<String>,
    /// Take the trees up to the best iteration that early stopping recorded, not all.
    #[arg(long)]
    best_iteration: bool,
    /// Predictions to compare with the present version's before activation; 0 for none.
    #[arg(long, value_name = "ROWS", default_value_t = 200)]
    shadow: u64,
    /// How long to wait for so many requests.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = parse_seconds)]
    shadow_seconds: f64,
    /// Refuse to activate when the predictions differ by more than this on average.
    #[arg(long, value_name = "X")]
    max_difference: Option<f64>,
    /// Activate as a challenger that answers this percentage of the decisions.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    weight: Option<u8>,
    /// Install and compare only.
    #[arg(long, conflicts_with = "weight")]
    no_activate: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("write a number of seconds from 0 to 600".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// When the file is no model, or the engine is not there or refuses.
pub fn run(args: &PushArgs) -> Result<(), Failure> {
    let bytes = read_model_file(&args.file)?;
    // The engine checks it again; a file that is none need not travel.
    Model::parse(&bytes).map_err(|error| Failure::data(format!("{}: {error}", args.file.display())))?;
    let wait = Duration::from_secs_f64(args.shadow_seconds);
    let arguments = json!({
        "model": args.name, "version": args.version, "best_iteration": args.best_iteration,
        "shadow_rows": args.shadow,
        "shadow_millis": u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        "max_difference": args.max_difference, "weight": args.weight, "activate": !args.no_activate,
    });
    let blobs = [("model", bytes.into())];
    let answer = ask(&args.connect, "model.push", &arguments, &blobs, PUSH_TIMEOUT + wait)?;
    if args.json { print(answer) } else { print(as_text(&answer)) }
}

fn as_text(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let (model, version) = (text(&answer["model"]), text(&answer["version"]));
    let mut lines = vec![if answer["already_installed"] == true {
        format!("{model}: version '{version}' was there already, with this content")
    } else {
        let (trees, layout) = (&answer["trees"], text(&answer["layout"]));
        format!("{model}: version '{version}' installed ({trees} trees, layout {layout})")
    }];
    lines.extend(shadow_text(&answer["shadow"], &answer["shadow_rows_wanted"]));
    let (before, now) = (&answer["before"], &answer["now"]);
    if before == now {
        lines.push(format!("answers: {}, as before", arrangement(now)));
    } else {
        lines.push(format!("answers now: {} (before: {})", arrangement(now), arrangement(before)));
        lines.push(format!("to go back: vencejo model rollback {model}"));
    }
    lines.join("\n")
}

/// What the shadow run found; nothing where there was to be none.
fn shadow_text(shadow: &Value, wanted: &Value) -> Option<String> {
    let (rows, wanted) = (shadow["rows"].as_u64()?, wanted.as_u64().filter(|&wanted| wanted > 0)?);
    let few =
        if rows < wanted { format!(" of {wanted} wanted: there was little traffic") } else { String::new() };
    let difference = match (shadow["mean_difference"].as_f64(), shadow["max_difference"].as_f64()) {
        (Some(mean), Some(max)) => format!("; mean difference {mean:.6}, greatest {max:.6}"),
        _ => String::new(),
    };
    Some(format!("compared on {rows} rows{few}{difference}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_was_done() {
        let answer = json!({
            "model": "yield", "version": "b", "already_installed": false, "trees": 3, "layout": "scalar",
            "shadow": {"rows": 7, "mean_difference": 0.25, "max_difference": 1.0}, "shadow_rows_wanted": 200,
            "before": {"champion": "a", "challenger": null, "weight": null},
            "now": {"champion": "a", "challenger": "b", "weight": 20},
        });
        let expected = "yield: version 'b' installed (3 trees, layout scalar)\n\
            compared on 7 rows of 200 wanted: there was little traffic; mean difference 0.250000, greatest 1.000000\n\
            answers now: version 'a', and 'b' 20 % of the decisions (before: version 'a')\n\
            to go back: vencejo model rollback yield";
        assert_eq!(as_text(&answer), expected);
    }
}
