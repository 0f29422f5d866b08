//! Times every layout on the models of make_models.py, and checks all answers on the way.
//!
//! ```text
//! cargo bench -p bench-micro --bench trees -- FOLDER [FILTER [PASSES]]
//! ```
//!
//! Prints nanoseconds per row, each the best of the passes: one call per row over 20,000 different rows (p50,
//! p99, and the mean of an untimed loop), with 8 MiB swept between calls (cold), and in batches of 1,000.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and may stop"
)]

mod measure;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use measure::{BATCH_ROWS, Contender, figures};
use vencejo_model::{Feature, Layout, Model, Workspace};

const MODELS: [&str; 5] = ["xgb-100x6", "xgb-500x6", "xgb-1000x8", "lgb-500x31", "lgb-500x63"];

/// A model with one layout, and its rows.
struct Ours<T> {
    model: Model,
    workspace: Workspace,
    rows: Vec<T>,
    layout: Layout,
}

impl<T: Feature> Contender for Ours<T> {
    fn name(&self) -> String {
        self.layout.to_string()
    }

    fn one(&mut self, index: usize) -> f64 {
        let features = self.model.feature_count();
        let mut out = [0.0];
        self.model.margin_into(&self.rows[index * features..][..features], &mut self.workspace, &mut out);
        out[0]
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        let features = self.model.feature_count();
        let rows = &self.rows[first * features..][..BATCH_ROWS * features];
        self.model.margin_batch_into(rows, &mut self.workspace, out);
    }
}

fn numbers<const N: usize, T>(path: &Path, number: fn([u8; N]) -> T) -> Result<Vec<T>, Box<dyn Error>> {
    Ok(fs::read(path)?.as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(folder) = arguments.first() else {
        println!("usage: speed FOLDER [FILTER [PASSES]]; make_models.py makes the folder");
        return Ok(());
    };
    let filter = arguments.get(1).map_or("", String::as_str);
    let passes = arguments.get(2).map_or(Ok(3), |text| text.parse())?;
    for table in ["ads", "wide"] {
        for model in MODELS.iter().filter(|model| format!("{table}-{model}").contains(filter)) {
            run(Path::new(folder), table, model, passes)?;
        }
    }
    Ok(())
}

fn run(folder: &Path, table: &str, name: &str, passes: usize) -> Result<(), Box<dyn Error>> {
    let lightgbm = name.starts_with("lgb");
    let file = |ending: &str| folder.join(format!("{table}-{name}.{ending}"));
    let bytes = fs::read(file(if lightgbm { "txt" } else { "ubj" }))?;
    let start = Instant::now();
    let model = Model::parse(&bytes)?;
    let parsed = start.elapsed();
    let mut clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let compiled = model.clone().compile(Some(&mut clock));
    let ready = start.elapsed();
    println!("{table}-{name}: parsed in {parsed:.1?}, ready after {ready:.1?}");
    println!("  chosen: {} and {} for batches", compiled.layout(), compiled.batch_layout());
    let expected: Vec<f64> = if lightgbm {
        numbers(&file("margins.f64"), f64::from_le_bytes)?
    } else {
        numbers(&file("margins.f32"), |bytes| f64::from(f32::from_le_bytes(bytes)))?
    };
    let narrow = numbers(&folder.join(format!("{table}.rows.f32")), f32::from_le_bytes)?;
    let wide = numbers(&folder.join(format!("{table}.rows.f64")), f64::from_le_bytes)?;
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    for figures in compiled.layouts() {
        let Some(model) = model.clone().compile_as(figures.layout) else { continue };
        let (workspace, layout) = (model.workspace(), figures.layout);
        println!("  {layout}: {} bytes", figures.table_bytes);
        contenders.push(if lightgbm {
            Box::new(Ours { model, workspace, rows: wide.clone(), layout })
        } else {
            Box::new(Ours { model, workspace, rows: narrow.clone(), layout })
        });
    }
    for contender in &mut contenders {
        check(contender.as_mut(), &expected);
    }
    let found = figures(&mut contenders, expected.len(), passes);
    for (contender, found) in contenders.iter().zip(found) {
        println!("  {:10} {found}", contender.name());
    }
    Ok(())
}

/// Stops when an answer is not the library's to the last bit.
fn check(contender: &mut dyn Contender, expected: &[f64]) {
    let mut out = vec![0.0; BATCH_ROWS];
    for (block, expected) in expected.chunks_exact(BATCH_ROWS).enumerate() {
        contender.batch(block * BATCH_ROWS, &mut out);
        for (index, (found, expected)) in out.iter().zip(expected).enumerate() {
            assert_eq!(found.to_bits(), expected.to_bits(), "{}: row {index} of a batch", contender.name());
            let found = contender.one(block * BATCH_ROWS + index);
            assert_eq!(found.to_bits(), expected.to_bits(), "{}: row {index}", contender.name());
        }
    }
}
