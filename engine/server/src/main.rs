//! The `vencejo` binary: the command line, and the wiring of rooms into an engine.
#![deny(unsafe_code)]

mod alert;
mod answer;
mod app;
mod background;
mod bench;
mod cli;
mod connect;
mod console;
mod control;
mod decide;
mod demo;
mod dlq;
mod drill;
mod failure;
mod feature_rows;
mod generate;
mod identity;
mod ingest;
mod json_row;
mod lines;
mod model;
mod predict;
mod quantity;
mod query;
mod recover;
mod remote;
mod reserve;
mod restore;
mod rule;
mod run;
mod serve;
mod snapshot;
mod tap;
mod text_list;
mod text_row;
mod text_time;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("VENCEJO_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match failure.text.as_str() {
                "" => {}
                list if list.contains('\n') => console::note(list),
                sentence => console::note(format_args!("vencejo: {sentence}")),
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}
