//! `vencejo rule backtest`: what rules would have raised over a data folder's history.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use vencejo_core::{Effect, Effects};
use vencejo_runtime::journal::{Disk, OpenError};
use vencejo_runtime::{Folder, Offline, RecoverError};

use crate::app::AppSource;
use crate::background::give_way;
use crate::console::note;
use crate::failure::Failure;
use crate::recover::StoredVersions;
use crate::run::{Explained, Printer};
use crate::snapshot::KeyArgs;

/// What to run over what.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// The app with the rules: a folder with an app.sql, or an SQL file.
    app: PathBuf,
    /// The data folder with the history.
    #[arg(long, value_name = "DIR", default_value = ".vencejo")]
    data: PathBuf,
    /// This rule alone.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
}

/// What has been raised so far.
struct Raised {
    printer: Printer,
    count: u64,
    failed: Option<std::io::Error>,
}

/// Runs the command.
///
/// # Errors
/// When the app or the folder cannot be used, or what comes out not be printed.
pub fn run(args: &BacktestArgs) -> Result<(), Failure> {
    let app = AppSource::at(&args.app).load()?;
    let rule = args.rule.as_ref().map(|name| Explained::find(&app, name)).transpose()?;
    let rule = rule.map(|rule| rule.rule());
    if !args.data.is_dir() {
        return Err(Failure::config(format!("there is no data folder {}", args.data.display())));
    }
    let key = args.key.key()?;
    let disk = Disk::new(&args.data);
    let versions = StoredVersions::open(Arc::new(Disk::new(&args.data))).map_err(Failure::runtime)?;
    let folder = Folder { storage: &disk, key: key.as_ref(), versions: Arc::new(versions) };
    let printer = Printer::new(&app, &[], None)?;
    let raised = Arc::new(Mutex::new(Raised { printer, count: 0, failed: None }));
    let sees = Arc::clone(&raised);
    // An engine that uses the folder may be on this machine.
    give_way();
    let replayed = Offline::history(&app, &folder, move |effects| {
        sees.lock().unwrap_or_else(PoisonError::into_inner).take(effects, rule);
    });
    let mut raised = raised.lock().unwrap_or_else(PoisonError::into_inner);
    let flushed = raised.failed.take().map_or_else(|| raised.printer.flush(), Err);
    flushed.map_err(|error| Failure::output(&error))?;
    let replayed = replayed.map_err(|error| match error {
        RecoverError::Journal(OpenError::Storage(error)) => Failure::runtime(error),
        error => Failure::config(format!("{}: {error}", args.data.display())),
    })?;
    let (reached, passed_over) = replayed.reached();
    let events: u64 = reached.iter().sum();
    let since = match &replayed.from {
        Some(from) => format!("since snapshot {}, of {} events", from.generation, from.events),
        None => "all that there were".to_owned(),
    };
    let other = match passed_over {
        0 => String::new(),
        count => format!("; {count} were of streams that the app does not have"),
    };
    note(format_args!("{} alerts over {events} events ({since}){other}", raised.count));
    Ok(())
}

impl Raised {
    fn take(&mut self, effects: &Effects, rule: Option<(usize, usize)>) {
        for effect in effects.list() {
            let Effect::Emitted { output, row, alert: Some(alert) } = effect else { continue };
            let (raised, rows) = effects.raised(*alert);
            if rule.is_some_and(|rule| rule != raised.rule) || self.failed.is_some() {
                continue;
            }
            self.count += 1;
            let row = &effects.bytes()[row.clone()];
            self.failed = self.printer.row(*output, row, Some((raised, rows))).err();
        }
    }
}
