//! The command line.

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::{
    alert, app, bench, decide, demo, dlq, drill, generate, ingest, model, predict, query, restore, rule, run,
    serve, snapshot, tap,
};

/// A real-time decision engine: events in over QUIC, decisions out in microseconds.
#[derive(Parser, Debug)]
#[command(
    name = "vencejo",
    version,
    arg_required_else_help = true,
    after_help = "Start here:\n  \
    vencejo demo                                            everything at once, nothing left behind\n  \
    vencejo serve --app apps/ads                            an engine on 127.0.0.1:7443\n  \
    vencejo decide --openrtb apps/ads/samples/bid_requests.jsonl\n  \
    vencejo run APP --input STREAM=FILE                     an app over files, no engine needed\n\n\
    Exit codes: 0 done, 1 failed while running, 2 wrong usage, 5 not a usable model or input, 78 unusable configuration.\n\
    VENCEJO_LOG=debug shows more on standard error."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::ServeArgs),
    Run(run::RunArgs),
    Rule(rule::RuleArgs),
    Alert(alert::AlertArgs),
    App(app::AppArgs),
    Ingest(ingest::IngestArgs),
    Decide(decide::DecideArgs),
    Query(query::QueryArgs),
    Tap(tap::TapArgs),
    Predict(predict::PredictArgs),
    Model(model::ModelArgs),
    Dlq(dlq::DlqArgs),
    Snapshot(snapshot::SnapshotCommand),
    Restore(restore::RestoreArgs),
    Drill(drill::DrillArgs),
    Gen(generate::GenArgs),
    Bench(bench::BenchArgs),
    Demo(demo::DemoArgs),
}

/// Runs a command.
///
/// # Errors
/// As the command.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::App(args) => app::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Rule(args) => rule::run(&args),
        Command::Alert(args) => alert::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Ingest(args) => ingest::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Tap(args) => tap::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Model(args) => model::run(&args),
        Command::Dlq(args) => dlq::run(&args),
        Command::Snapshot(args) => snapshot::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Gen(args) => generate::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}
