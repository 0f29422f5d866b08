//! `vencejo bench bid`: decisions at an exchange's rate.

use clap::Args;

use super::super::{DECIDE_ROWS, DECIDE_SEED, Options, Pace, SPIN_TIME, run_decide};
use super::RunArgs;
use super::verdict::Verdict;
use crate::answer::DecisionTarget;
use crate::failure::Failure;
use crate::generate::request_rows;

/// The 99th percentile that ad servers ask for, in milliseconds.
const P99_MILLIS_MAX: f64 = 10.0;
/// When they give up, in milliseconds.
const P999_MILLIS_MAX: f64 = 25.0;

/// Decisions of the ads app at an exchange's rate, against what ad servers ask for.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench bid --seconds 10\n\n\
    Passes when every request is answered at the rate at which they are due, 99 % within 10 ms and 99.9 % within \n\
    the 25 ms after which ad servers give up; else it ends with 1.")]
pub struct BidArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Decisions in a second.
    #[arg(long, value_name = "R", default_value_t = 50_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Connections.
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there or lost, or a goal is missed.
pub async fn run_bid(args: &BidArgs) -> Result<(), Failure> {
    let RunArgs { connect, seconds, json } = &args.run;
    let client = connect.client().await?;
    let target = DecisionTarget::find(&client.welcome(), "floor")?;
    client.close();
    let rows = request_rows(&target, DECIDE_ROWS, DECIDE_SEED)?;
    let options = Options {
        pace: Pace::Rate(args.rate),
        seconds: *seconds,
        connections: args.connections,
        spin: SPIN_TIME,
    };
    let report = run_decide(connect.connect, &connect.config(), target.decision.id, &rows, &options).await?;
    let mut verdict = Verdict::new("bid");
    let p99 = report.client_millis(|spread| spread.p99);
    verdict.at_most("p99 of a decision", p99, "ms", P99_MILLIS_MAX);
    let p999 = report.client_millis(|spread| spread.p999);
    verdict.at_most("p99.9 of a decision", p999, "ms", P999_MILLIS_MAX);
    verdict.carried("decisions", report, f64::from(args.rate), 1.0);
    verdict.show(*json)
}
