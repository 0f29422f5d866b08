//! `vencejo rule`: an app's rules, tried out.

mod backtest;
mod cases;
mod compare;
mod stats;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use vencejo_core::plan::App;

use crate::app::AppSource;
use crate::console::note;
use crate::failure::Failure;
use crate::run;
use cases::Case;
use compare::{Alerts, Difference};

/// Tries out an app's rules, and tells what they have counted.
#[derive(Args, Debug)]
pub struct RuleArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Runs the test tables beside an app: events in, alerts out.
    #[command(
        after_help = "Examples:\n  vencejo rule test apps/fleet\n  vencejo rule test apps/shop --only checkout\n\n\
        The tables are the files tests/*.toml of the app's folder:\n\n  \
        [[test]]\n  \
        name = \"a test of the button is no alert\"\n  \
        [test.events]                        # rows of streams as CSV; spaces around fields are none\n  \
        emergency = \"\"\"\n  \
        vehicle_id, ts,                  event_type,   severity\n  \
        v1,         2025-09-01T08:00:00, panic_button, critical\n  \
        v1,         2025-09-01T09:00:00, panic_button, test\n  \
        \"\"\"\n  \
        [test.alerts]                        # rules, their alerts in order; of the columns that are named\n  \
        panic = \"\"\"\n  \
        vehicle_id, at\n  \
        v1,         2025-09-01T08:00:00\n  \
        \"\"\"\n\n\
        Rules that are not named are to raise none. Rows of several streams go in by event time; then the\n\
        input ends, which ends every wait. Exit code 1 where a test fails."
    )]
    Test(TestArgs),
    /// What the rules of a running engine have counted.
    #[command(after_help = "Example:\n  vencejo rule stats --json\n\n\
        Per rule, over all partitions: events that passed its filter, runs that are open now, matches, matches \
        that a cooldown suppressed, runs for which WITHIN ran out, and runs that a limit let go.")]
    Stats(stats::StatsArgs),
    /// Runs an app's rules over the history that a data folder keeps: what they would have raised.
    #[command(after_help = "Examples:\n  vencejo rule backtest apps/ads --data .vencejo\n  \
        vencejo rule backtest new-app --rule click_flood | jq .alert.id\n\n\
        Prints the alerts as `vencejo run` does. The history is that of the journal, or, where it has been cut, \
        what has happened since the oldest snapshot; --journal-keep of serve says how far it reaches. An engine \
        may be using the folder; it notices nothing.")]
    Backtest(backtest::BacktestArgs),
}

#[derive(Args, Debug)]
struct TestArgs {
    /// The app: a folder with an app.sql and tests.
    app: PathBuf,
    /// Only tests whose names hold this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Print one JSON object per test.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the app or a table cannot be used, or a test fails.
pub fn run(args: &RuleArgs) -> Result<(), Failure> {
    match &args.what {
        What::Test(args) => test(args),
        What::Stats(args) => stats::run(args),
        What::Backtest(args) => backtest::run(args),
    }
}

fn test(args: &TestArgs) -> Result<(), Failure> {
    let app = AppSource::at(&args.app).load()?;
    let cases = cases::beside(&args.app)?;
    let (mut tests, mut failed) = (0, 0);
    for case in cases.iter().filter(|case| case.name.contains(&args.only)) {
        let differences = check(&app, case)?;
        tests += 1;
        failed += usize::from(!differences.is_empty());
        println!("{}", report(case, &differences, args.json));
    }
    match (tests, failed) {
        (0, _) => Err(Failure::runtime(format!("no test has a name with '{}' in it", args.only))),
        (_, 0) => {
            note(format_args!("all of {tests} passed"));
            Ok(())
        }
        _ => Err(Failure::runtime(format!("{failed} of {tests} tests failed"))),
    }
}

/// What comes out otherwise than the case says.
fn check(app: &Arc<App>, case: &Case) -> Result<Vec<Difference>, Failure> {
    let expected = Alerts::expected(app, case)?;
    let inputs = case.events.iter().map(|(name, table)| {
        let stream = run::find_stream(app, name)?;
        let name = format!("{}, events of {name}", case.place());
        let columns = app.streams[stream.index()].schema.columns();
        table.header_within(columns.iter().map(|column| column.name.as_str()), &name)?;
        Ok(run::Input::of_csv(run::Declared::of(&app.streams[stream.index()]), stream, name, table.csv()?))
    });
    let rows = run::rows_of(app, inputs.collect::<Result<_, Failure>>()?)?;
    Ok(expected.differences(&rows))
}

fn report(case: &Case, differences: &[Difference], json: bool) -> String {
    if json {
        let differences: Vec<_> = differences.iter().map(Difference::json).collect();
        let passed = differences.is_empty();
        return json!({"file": case.file, "test": case.name, "passed": passed, "differences": differences})
            .to_string();
    }
    let verdict = if differences.is_empty() { "ok    " } else { "FAILED" };
    let mut text = format!("{verdict} {}", case.place());
    for difference in differences {
        text.push_str(&difference.text());
    }
    text
}
