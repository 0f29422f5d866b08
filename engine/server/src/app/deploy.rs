//! `vencejo app deploy`: another version of an app onto a running engine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{AppSource, Planned};
use crate::connect::ConnectArgs;
use crate::console::{note, print};
use crate::failure::Failure;
use crate::remote::ask;

/// How long the engine may take to check, compile and swap.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(600);

/// Has a running engine serve another version of its app, without a restart.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo app deploy apps/ads\n  \
    vencejo app deploy ads-next --as ads --connect 127.0.0.1:7443\n\n\
    The app and the files that it names are checked here, then by the engine, beside its work; where \
    anything is wrong, all of it is listed and nothing has changed. Then each partition goes over between two \
    requests. Views that are the same as before, and so is all that they read, keep their state; models keep \
    their pushed versions while their declaration is the same. Clients of streams and decisions that keep \
    name and columns go on undisturbed; others are told app_changed, connect again, and find the new ones.\n\n\
    The engine remembers the app in its data folder: after a restart it serves this version, unless the folder \
    of serve --app has changed since. The engine takes commands from its own host only.\n\n\
    Ends with 78 when the app is not valid, with 1 when the engine is not there or refuses.")]
pub struct DeployArgs {
    /// The app: a folder with an app.sql, or an SQL file.
    app: PathBuf,
    #[command(flatten)]
    connect: ConnectArgs,
    /// The app that it replaces, if it is not called as its folder.
    #[arg(long = "as", value_name = "NAME")]
    replaces: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the app is not valid, or the engine is not there or refuses.
pub fn run(args: &DeployArgs) -> Result<(), Failure> {
    let Planned { warnings, archive, .. } = AppSource::at(&args.app).plan()?;
    let app = args.replaces.as_ref().unwrap_or(&archive.name);
    let blobs = [("app", archive.to_bytes().into())];
    let answer = ask(&args.connect, "app.deploy", &json!({"app": app}), &blobs, DEPLOY_TIMEOUT)?;
    if let Some(invalid) = answer["invalid"].as_str() {
        return Err(Failure::config(invalid));
    }
    if !warnings.is_empty() {
        note(warnings.trim_end());
    }
    if let Some(reason) = answer["not_remembered_because"].as_str() {
        note(format_args!("the engine serves the app, but will not after a restart: {reason}"));
    }
    if args.json { print(answer) } else { print(as_text(&answer)) }
}

fn as_text(answer: &Value) -> String {
    let mut lines = vec![format!("app {} deployed", answer["app"].as_str().unwrap_or("?"))];
    for kind in ["streams", "views", "models", "decisions"] {
        let of = |what: &str| {
            let names = answer[kind][what].as_array().map_or(&[][..], Vec::as_slice);
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
        };
        let parts: Vec<String> = ["kept", "changed", "new", "removed"].into_iter().filter_map(of).collect();
        if !parts.is_empty() {
            lines.push(format!("{kind}: {}", parts.join("; ")));
        }
    }
    lines.push(format!("longest pause of a partition: {} us", answer["swap_micros_max"]));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_was_kept() {
        let answer = json!({
            "app": "ads", "swap_micros_max": 12, "streams": {"kept": ["a", "b"], "removed": ["c"]},
            "views": {"changed": ["v"]}, "models": {}, "decisions": {"kept": []},
        });
        let expected = "app ads deployed\nstreams: kept a, b; removed c\nviews: changed v\n\
            longest pause of a partition: 12 us";
        assert_eq!(as_text(&answer), expected);
    }
}
