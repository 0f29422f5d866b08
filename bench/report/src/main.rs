//! How fast vencejo is on this machine, beside the floor it stands on and beside what users would pick
//! instead: engines of their own, loads of `vencejo bench`, peers that their setups have installed,
//! everyone in turns.
//!
//! What is measured and how is the business of `vencejo bench` and of the peers' own programs. This one
//! alternates, compares, judges and writes it down.
#![forbid(unsafe_code)]

mod binary;
mod engine;
mod groups;
mod large_app;
mod machine;
mod model;
mod plot;
mod report;
mod row;
mod sample;
mod section;
mod setup;
#[path = "../../micro/workload.rs"]
#[allow(dead_code, reason = "bench-micro measures more with it")]
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use groups::{GROUPS, Group};
use report::Report;
use setup::Setup;

const ROUNDS: u32 = 5;
const SECONDS: f64 = 4.0;
const QUICK_ROUNDS: u32 = 2;
const QUICK_SECONDS: f64 = 1.0;
/// Where the report and its plots are written, below the workspace.
const REPORT: &str = "bench/REPORT.md";
const PLOTS: &str = "plots";
/// Exit codes: a goal is missed and that was to be a failure; something could not be measured.
const MISSED: u8 = 1;
const UNUSABLE: u8 = 2;

/// Compares vencejo with the floor below it and with its peers.
#[derive(Debug, Parser)]
#[command(name = "bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Report(ReportArgs),
    Keys(KeysArgs),
}

/// Makes the decisions of the report's group 'keys' in this process and prints their nanoseconds as JSON.
#[derive(Debug, clap::Args)]
struct KeysArgs {
    /// Up to a million placements instead of ten.
    #[arg(long)]
    quick: bool,
    /// How often each measurement is made.
    #[arg(long, value_name = "N", default_value_t = ROUNDS,
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
}

/// Measures everything that has a goal, or the groups asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Groups: {}.\n\nExamples:\n  cargo run --release -p bench -- report --quick\n  \
    cargo run --release -p bench -- report --only decision --only hop --rounds 9\n  \
    cargo run --release -p bench -- report --write\n\n\
    A peer that is not installed is a skipped row that says how to install it.\n\
    Ends with 2 when something could not be measured, with --strict with 1 when a goal is missed.",
    GROUPS.map(|group| group.name).join(", ")))]
struct ReportArgs {
    /// Two rounds of a second each, and less of what takes long: for a look.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// Only this group of rows; may be given several times.
    #[arg(long, value_name = "GROUP", value_parser = clap::builder::PossibleValuesParser::new(
        GROUPS.map(|group| group.name)))]
    only: Vec<String>,
    /// How often each measurement is made; 5, quick 2.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// How long each takes; 4, quick 1.
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// Write the section into bench/REPORT.md and the plots beside it, too.
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    write: bool,
    /// A missed goal is a failure.
    #[arg(long)]
    strict: bool,
    /// The program to measure; the workspace's own, built if need be, where not given.
    #[arg(long, value_name = "PATH")]
    vencejo: Option<PathBuf>,
}

impl ReportArgs {
    fn groups(&self) -> Vec<&'static Group> {
        let asked = |group: &Group| self.only.is_empty() || self.only.iter().any(|name| name == group.name);
        GROUPS.iter().copied().filter(|group| asked(group)).collect()
    }
}

fn main() -> ExitCode {
    let args = match Cli::parse().command {
        Command::Report(args) => args,
        Command::Keys(args) => {
            println!("{}", groups::keys::in_this_process(args.rounds as usize, args.quick));
            return ExitCode::SUCCESS;
        }
    };
    match run(&args) {
        Ok(report) if !report.failures.is_empty() => {
            report.failures.iter().for_each(|failure| eprintln!("bench: {failure}"));
            ExitCode::from(UNUSABLE)
        }
        Ok(report) if args.strict && !report.goals_met() => {
            eprintln!("bench: a goal is missed; the report says which");
            ExitCode::from(MISSED)
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench: {reason}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Measures, prints and writes the report.
fn run(args: &ReportArgs) -> Result<Report, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root
        .canonicalize()
        .map_err(|error| format!("the workspace is not at {}: {error}", root.display()))?;
    let program = match &args.vencejo {
        Some(path) => path.clone(),
        None => binary::build(&root)?,
    };
    let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
    let (rounds, seconds) = if args.quick { (QUICK_ROUNDS, QUICK_SECONDS) } else { (ROUNDS, SECONDS) };
    let setup = Setup {
        program,
        root,
        rounds: args.rounds.unwrap_or(rounds) as usize,
        seconds: args.seconds.unwrap_or(seconds),
        quick: args.quick,
    };
    let machine = format!("{}; vencejo {}", machine::describe(), env!("CARGO_PKG_VERSION"));
    let report = Report::measure(&setup, &args.groups(), command_line(), machine);
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{}", report.to_markdown(None));
    }
    if args.write {
        write(&report, &setup.root.join(REPORT))?;
    }
    Ok(report)
}

/// Replaces the report's section of this file, and the plots beside it.
fn write(report: &Report, path: &Path) -> Result<(), String> {
    let folder = path.with_file_name(PLOTS);
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    for plot in report.plots() {
        plot.write(&folder)?;
    }
    section::write(path, "report", &report.to_markdown(Some(PLOTS)))
}

fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p bench -- {}", arguments.join(" "))
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of seconds"))?;
    if (0.1..=600.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 600 seconds".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn groups_are_asked_for_by_name() {
        let args = |words: &[&str]| match Cli::try_parse_from([&["bench", "report"], words].concat())?.command
        {
            Command::Report(args) => Ok::<_, clap::Error>(args),
            Command::Keys(_) => unreachable!("a report was asked for"),
        };
        let all = args(&[]).expect("no option is needed");
        assert_eq!(all.groups().len(), GROUPS.len());
        let some = args(&["--only", "hop", "--only", "decision"]).expect("two groups");
        assert_eq!(some.groups().iter().map(|group| group.name).collect::<Vec<_>>(), ["decision", "hop"]);
        for wrong in
            [&["--only", "nothing"][..], &["--seconds", "0"], &["--rounds", "0"], &["--write", "--quick"]]
        {
            assert!(args(wrong).is_err(), "{wrong:?}");
        }
    }
}
