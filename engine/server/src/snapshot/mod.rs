//! `vencejo snapshot`: images of an engine's state, taken while it serves.

mod folder;
mod options;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

pub use folder::time_of;
pub use options::{KeyArgs, SnapshotArgs};

use crate::connect::ConnectArgs;
use crate::console::print;
use crate::failure::Failure;
use crate::remote::ask;

/// Writing a snapshot may take as long as the disk and the rate ask for.
const CREATE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Snapshots: takes one, or looks at those of a data folder.
#[derive(Args, Debug)]
pub struct SnapshotCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Has a running engine take a snapshot, and waits until it is on disk.
    #[command(after_help = "Example:\n  vencejo snapshot create --json")]
    Create {
        #[command(flatten)]
        connect: ConnectArgs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Lists the snapshots of a data folder.
    #[command(after_help = "Example:\n  vencejo snapshot list --data .vencejo")]
    List(FolderArgs),
    /// Reads and checks every byte of the snapshots of a data folder; exit 5 where one is damaged.
    #[command(after_help = "Example:\n  vencejo snapshot verify --data .vencejo")]
    Verify(FolderArgs),
    /// Shows what the snapshots of a data folder hold, by partition.
    #[command(after_help = "Example:\n  vencejo snapshot inspect --data .vencejo --generation 12")]
    Inspect(FolderArgs),
}

/// Which snapshots to look at.
#[derive(Args, Debug)]
struct FolderArgs {
    /// The data folder; an engine may be using it.
    #[arg(long, value_name = "DIR", default_value = ".vencejo")]
    data: PathBuf,
    /// This snapshot alone.
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    #[command(flatten)]
    key: KeyArgs,
    /// Print JSON objects, one per snapshot.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the engine refuses, or a snapshot is not what it should be.
pub fn run(args: &SnapshotCommand) -> Result<(), Failure> {
    match &args.what {
        What::Create { connect, json } => {
            let answer = ask(connect, "snapshot.create", &json!({}), &[], CREATE_TIMEOUT)?;
            if *json { print(answer) } else { print(created(&answer)) }
        }
        What::List(args) => folder::list(args),
        What::Verify(args) => folder::verify(args),
        What::Inspect(args) => folder::inspect(args),
    }
}

fn created(answer: &Value) -> String {
    let removed = match answer["journal_segments_removed"].as_u64() {
        Some(removed @ 1..) => format!("; {removed} segments of the journal removed behind the one before"),
        _ => String::new(),
    };
    let Value::Object(_) = answer else { return answer.to_string() };
    format!(
        "snapshot {}: {} events, {} bytes, {} ms{removed}",
        answer["generation"], answer["events"], answer["bytes"], answer["millis"]
    )
}
