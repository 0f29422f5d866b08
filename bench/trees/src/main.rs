//! How long a row of a tree model takes here and in the libraries that serve such models: one process, one
//! thread, the same rows, everyone in turns. `bench/peers/setup` makes the folder of models and peers.
//!
//! Not here: accuracy on data, and training.

mod ffi;
mod folder;
mod goals;
#[path = "../../report/src/machine.rs"]
mod machine;
mod measure;
mod ours;
mod peers;
mod report;
#[cfg(feature = "hessboost")]
mod rust_peer;
#[path = "../../report/src/section.rs"]
mod section;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use vencejo_model::Model;

use folder::{Folder, SHAPES, Shape, TABLES};
use goals::{Found, Measured, PeerFound};
use measure::{BATCH_ROWS, Contender, compare, measure};
use ours::{AddChain, Ours, make_ready};
use report::Report;

/// Where setup puts the folder when no other is named.
const FOLDER: &str = "target/peers";
/// Rows and passes of a quick run.
const QUICK_ROWS: usize = 4 * BATCH_ROWS;
const QUICK_PASSES: u32 = 1;
/// Fewest passes that a written report may rest on, and most that can be asked for.
const PASSES_MIN: i64 = 3;
const PASSES_MAX: i64 = 1_000;
/// Exit codes: a goal is missed; nothing could be measured.
const MISSED: u8 = 1;
const UNUSABLE: u8 = 2;

/// Compares the time of a row of a tree model with the libraries that serve such models.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  bench/peers/setup\n  \
    cargo run --release -p bench-trees --features hessboost -- --write\n  \
    cargo run --release -p bench-trees --features hessboost -- --quick --only ads-xgb-500x6\n  \
    cargo run --release -p bench-trees -- --layouts\n\n\
    Ends with 1 when a goal is missed, with 2 when nothing could be measured.")]
struct Cli {
    /// The folder that bench/peers/setup made; target/peers of the workspace where not given.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Write the section into bench/REPORT.md, too.
    #[arg(long, conflicts_with_all = ["quick", "only", "layouts", "json"])]
    write: bool,
    /// Print a JSON object per number instead.
    #[arg(long, conflicts_with = "layouts")]
    json: bool,
    /// One pass over fewer rows: for a look, not for a report.
    #[arg(long, conflicts_with = "passes")]
    quick: bool,
    /// Only the models whose names hold this, such as `ads` or `wide-lgb-500x63`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Time each layout of ours alone instead, without peers.
    #[arg(long)]
    layouts: bool,
    /// How often each contender is measured; the least counts.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(PASSES_MIN..=PASSES_MAX))]
    passes: u32,
    /// Only report: a missed goal is no failure.
    #[arg(long)]
    no_fail: bool,
}

impl Cli {
    fn passes(&self) -> usize {
        let passes = if self.quick { QUICK_PASSES } else { self.passes };
        passes as usize
    }

    fn rows(&self, all: usize) -> usize {
        if self.quick { QUICK_ROWS.min(all) } else { all }
    }

    /// The models asked for.
    fn cases(&self) -> Result<Vec<(&'static str, &'static Shape)>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let all = TABLES.iter().flat_map(|&(table, _)| SHAPES.iter().map(move |shape| (table, shape)));
        let cases: Vec<_> =
            all.filter(|(table, shape)| format!("{table}-{}", shape.name).contains(only)).collect();
        if cases.is_empty() {
            let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
            return Err(format!(
                "no model's name holds '{only}'; they are ads- and wide-{}",
                names.join(", ")
            ));
        }
        Ok(cases)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) if cli.no_fail => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench-trees: a goal is missed; the report says which");
            ExitCode::from(MISSED)
        }
        Err(reason) => {
            eprintln!("bench-trees: {reason}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Measures, prints and writes; whether all goals are met.
fn run(cli: &Cli) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Folder::open(&cli.folder.clone().unwrap_or_else(|| root.join(FOLDER)))?;
    let cases = cli.cases()?;
    #[cfg(feature = "hessboost")]
    rust_peer::keep_to_one_thread()?;
    if cli.layouts {
        for (table, shape) in cases {
            time_layouts(cli, &folder, table, shape)?;
        }
        return Ok(true);
    }
    let mut found = Vec::new();
    let mut rows = 0;
    for (number, &(table, shape)) in (1..).zip(&cases) {
        eprintln!("{number} of {}: {table}-{}", cases.len(), shape.name);
        let case = Prepared::new(&folder, table, shape)?;
        rows = cli.rows(case.rows.count());
        found.push(case.measure(cli, &folder)?);
    }
    let (command, versions) = (command_line(), peers::versions(&folder));
    let report =
        Report { command, machine: machine::describe(), versions, rows, passes: cli.passes(), found };
    if cli.json {
        print!("{}", report.to_json());
        return Ok(report.goals_met());
    }
    let text = report.to_markdown();
    print!("{text}");
    if cli.write {
        section::write(&root.join("bench/REPORT.md"), "trees", &text)?;
    }
    Ok(report.goals_met())
}

/// A model made ready, its rows and their answers.
struct Prepared {
    table: &'static str,
    shape: &'static Shape,
    model: Model,
    ready: ours::Ready,
    rows: Rc<folder::Rows>,
    expected: Vec<f64>,
}

impl Prepared {
    fn new(folder: &Folder, table: &'static str, shape: &'static Shape) -> Result<Self, String> {
        let file = Folder::model(table, shape);
        let bytes = folder.read(&file)?;
        let (model, ready) = make_ready(&bytes)
            .map_err(|error| folder.problem(&format!("{file} is damaged ({error}), delete it")))?;
        let rows = Rc::new(folder.rows(table, model.feature_count())?);
        let expected = folder.margins(table, shape, rows.count())?;
        Ok(Self { table, shape, model, ready, rows, expected })
    }

    fn measure(self, cli: &Cli, folder: &Folder) -> Result<Found, String> {
        let Self { table, shape, model, ready, rows, expected } = self;
        let mut ours = Ours::new(model, shape.is_lightgbm, Rc::clone(&rows));
        let mut floor = AddChain::new(shape.trees, shape.is_lightgbm, rows.count());
        let mut peers = peers::load(folder, table, shape, &rows);
        let ours_agreement = compare(&mut ours, &expected);
        let agreements: Vec<_> = peers
            .iter_mut()
            .map(|peer| peer.contender.as_mut().ok().map(|one| compare(one.as_mut(), &expected)))
            .collect();
        let mut contenders: Vec<&mut dyn Contender> = vec![&mut ours, &mut floor];
        for peer in &mut peers {
            if let Ok(contender) = &mut peer.contender {
                contenders.push(contender.as_mut());
            }
        }
        let mut figures = measure(&mut contenders, cli.rows(rows.count()), cli.passes()).into_iter();
        let mut next = || figures.next().ok_or("a contender has no figures");
        let ours = Measured { figures: next()?, agreement: ours_agreement };
        let floor = next()?;
        let mut found = Vec::new();
        for (peer, agreement) in peers.into_iter().zip(agreements) {
            let outcome = match (peer.contender, agreement) {
                (Err(reason), _) => Err(reason),
                (Ok(_), None) => Err("its answers were not compared".to_owned()),
                (Ok(_), Some(agreement)) => Ok(Measured { figures: next()?, agreement }),
            };
            found.push(PeerFound { name: peer.name, ready_millis: peer.ready_millis, outcome });
        }
        Ok(Found { table, shape, ready, ours, peers: found, floor })
    }
}

/// Prints what a row costs in each layout that fits a model.
fn time_layouts(
    cli: &Cli,
    folder: &Folder,
    table: &'static str,
    shape: &'static Shape,
) -> Result<(), String> {
    let Prepared { model, ready, rows, expected, .. } = Prepared::new(folder, table, shape)?;
    println!(
        "{table}-{}: parsed in {:.1} ms, ready after {:.1} ms; chosen: {} and {} for batches",
        shape.name, ready.parse_millis, ready.ready_millis, ready.layout, ready.batch_layout
    );
    let figures = model.layouts().to_vec();
    let mut layouts = Vec::new();
    for one in &figures {
        if let Some(model) = model.clone().compile_as(one.layout) {
            layouts.push((one, Ours::new(model, shape.is_lightgbm, Rc::clone(&rows))));
        }
    }
    for (one, contender) in &mut layouts {
        let differ = compare(contender, &expected).differ;
        if differ > 0 {
            return Err(format!("{}: {differ} rows differ from the library's own answers", one.layout));
        }
    }
    let mut contenders: Vec<&mut dyn Contender> = Vec::new();
    for (_, contender) in &mut layouts {
        contenders.push(contender);
    }
    let measured = measure(&mut contenders, cli.rows(rows.count()), cli.passes());
    for ((one, _), found) in layouts.iter().zip(measured) {
        let measure::Figures { p50, p99, hot, cold, batch } = found;
        println!(
            "  {:8} p50 {p50:6.0}  p99 {p99:6.0}  hot {hot:6.0}  cold {cold:6.0}  batch {batch:6.0}  {} bytes",
            one.layout.to_string(),
            one.table_bytes
        );
    }
    Ok(())
}

fn command_line() -> String {
    let feature = if cfg!(feature = "hessboost") { " --features hessboost" } else { "" };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p bench-trees{feature} -- {}", arguments.join(" "))
        .trim_end_matches([' ', '-'])
        .to_owned()
}
