//! `vencejo model`: what a model file holds, whether it answers as its library did, and which versions an
//! engine serves.

mod push;
pub mod remote;
mod validate;
mod versions;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use vencejo_model::Model;
use vencejo_runtime::Clock;

use crate::console::print;
use crate::failure::Failure;
use crate::predict::read_model_file;
use validate::ValidateArgs;

/// Looks into model files; installs, activates and rolls back versions on a running engine.
#[derive(Args, Debug)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Checks a model file and tells what is in it, and what a row costs here.
    #[command(after_help = "Example:\n  vencejo model inspect apps/ads/models/yield.ubj\n\n\
        Ends with 5 when the file is not a model that can be used.")]
    Inspect {
        /// The model file.
        model: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    Validate(ValidateArgs),
    Push(push::PushArgs),
    List(versions::ListArgs),
    Activate(versions::ActivateArgs),
    Rollback(versions::RollbackArgs),
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read or is no usable model, or the engine refuses.
pub fn run(args: &ModelArgs) -> Result<(), Failure> {
    match &args.command {
        ModelCommand::Inspect { model, json } => inspect(model, *json),
        ModelCommand::Validate(args) => validate::run(args),
        ModelCommand::Push(args) => push::run(args),
        ModelCommand::List(args) => versions::list(args),
        ModelCommand::Activate(args) => versions::activate(args),
        ModelCommand::Rollback(args) => versions::rollback(args),
    }
}

fn inspect(path: &Path, json: bool) -> Result<(), Failure> {
    let bytes = read_model_file(path)?;
    let shown = path.display();
    let model = Model::parse(&bytes).map_err(|error| Failure::data(format!("{shown}: {error}")))?;
    let model = compile(model);
    if json { print(as_json(&model, bytes.len())) } else { print(as_text(&model, bytes.len())) }
}

/// The model with the layout that is fastest on this machine.
pub fn compile(model: Model) -> Model {
    let clock = Clock::start();
    let start = clock.now();
    let mut nanos = || u64::try_from(clock.now().since(start).as_nanos()).unwrap_or(u64::MAX);
    model.compile(Some(&mut nanos))
}

fn as_json(model: &Model, file_bytes: usize) -> serde_json::Value {
    let layouts = model.layouts().iter().map(|figures| {
        json!({"layout": figures.layout.to_string(), "table_bytes": figures.table_bytes,
               "ns_per_row": figures.nanos_per_row, "batch_ns_per_row": figures.batch_nanos_per_row})
    });
    let layouts: Vec<_> = layouts.collect();
    json!({
        "library": model.library().to_string(), "objective": model.objective(),
        "file_bytes": file_bytes, "trees": model.tree_count(), "nodes": model.node_count(),
        "depth": model.depth_max(), "features": model.feature_count(),
        "feature_names": model.feature_names(), "outputs": model.output_count(),
        "best_iteration": model.best_iteration(), "layout": model.layout().to_string(),
        "batch_layout": model.batch_layout().to_string(), "layouts": layouts,
    })
}

fn as_text(model: &Model, file_bytes: usize) -> String {
    let library = model.library();
    let mut text = format!(
        "library    {library}\nobjective  {}\nfile       {file_bytes} bytes\ntrees      {}, {} nodes, depth {}\n\
         features   {}{}\noutputs    {}\nlayout     {} for a row, {} for batches\n",
        model.objective(),
        model.tree_count(),
        model.node_count(),
        model.depth_max(),
        model.feature_count(),
        names(model.feature_names()),
        model.output_count(),
        model.layout(),
        model.batch_layout(),
    );
    let nanos = |nanos: Option<f64>| nanos.map_or("-".to_owned(), |nanos| format!("{nanos:.0} ns"));
    for figures in model.layouts() {
        let (row, batch) = (nanos(figures.nanos_per_row), nanos(figures.batch_nanos_per_row));
        let (layout, bytes) = (figures.layout, figures.table_bytes);
        text.push_str(&format!(
            "  measured {layout}: {bytes} bytes, {row} a row, {batch} a row in batches\n"
        ));
    }
    text.truncate(text.trim_end().len());
    text
}

fn names(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}
