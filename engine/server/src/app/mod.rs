//! `vencejo app`: an app looked at without running it, or given to a running engine.

pub mod archive;
mod deploy;
mod source;

pub use source::{AppSource, Planned, compile_models};

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::console::{note, print};
use crate::failure::Failure;
use crate::serve::describe;

/// Looks at an app: whether it is valid, what it does with each event; deploys it to a running engine.
#[derive(Args, Debug)]
pub struct AppArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Lists everything that is wrong with an app; exit 78 where something is.
    #[command(after_help = "Example:\n  vencejo app validate apps/ads")]
    Validate {
        /// The app: a folder with an app.sql, or an SQL file.
        app: PathBuf,
    },
    /// Prints the plan: what each row goes through, with the sizes of programs and of state per key.
    #[command(after_help = "Example:\n  vencejo app explain apps/ads")]
    Explain {
        /// The app: a folder with an app.sql, or an SQL file.
        app: PathBuf,
    },
    Deploy(deploy::DeployArgs),
}

/// Runs the command.
///
/// # Errors
/// When the app cannot be read or is not valid.
pub fn run(args: &AppArgs) -> Result<(), Failure> {
    match &args.what {
        What::Deploy(args) => deploy::run(args),
        What::Validate { app } => {
            let (app, warnings) = AppSource::at(app).load_with_warnings()?;
            if !warnings.is_empty() {
                note(warnings.trim_end());
            }
            print(format_args!("ok: {}", describe(&app)))
        }
        What::Explain { app } => {
            let (app, warnings) = AppSource::at(app).load_with_warnings()?;
            if !warnings.is_empty() {
                note(warnings.trim_end());
            }
            let (plan, memory) = (vencejo_sql::explain(&app), vencejo_sql::explain_memory(&app));
            let title = if memory.is_empty() { "" } else { "bytes per key:\n" };
            print(format_args!("{plan}{title}{memory}").to_string().trim_end())
        }
    }
}
