//! This project's model, as the server makes it ready, and the sum that any evaluator must make.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::rc::Rc;
use std::time::Instant;

use vencejo_model::{Layout, Model, Workspace};

use crate::folder::Rows;
use crate::measure::Contender;

/// Times a model is made ready; the fastest counts.
const READY_PASSES: usize = 5;

/// A model that was made ready.
pub struct Ours {
    model: Model,
    workspace: Workspace,
    /// LightGBM's rows are `f64`.
    is_wide: bool,
    rows: Rc<Rows>,
}

impl Ours {
    /// A model and the rows that it answers.
    pub fn new(model: Model, is_wide: bool, rows: Rc<Rows>) -> Self {
        Self { workspace: model.workspace(), model, is_wide, rows }
    }
}

impl Contender for Ours {
    fn one(&mut self, index: usize) -> f64 {
        let mut out = [0.0];
        if self.is_wide {
            self.model.margin_into(self.rows.wide(index, 1), &mut self.workspace, &mut out);
        } else {
            self.model.margin_into(self.rows.narrow(index, 1), &mut self.workspace, &mut out);
        }
        out[0]
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        if self.is_wide {
            let rows = self.rows.wide(first, out.len());
            self.model.margin_batch_into(rows, &mut self.workspace, out);
        } else {
            let rows = self.rows.narrow(first, out.len());
            self.model.margin_batch_into(rows, &mut self.workspace, out);
        }
    }
}

/// What making a model ready took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ready {
    /// From the file's bytes to a checked model, in milliseconds.
    pub parse_millis: f64,
    /// From the file's bytes to compiled, measurement of the layouts included.
    pub ready_millis: f64,
    /// What answers single rows.
    pub layout: Layout,
    /// What answers batches.
    pub batch_layout: Layout,
    /// Bytes of the tables of both.
    pub table_bytes: usize,
}

/// Makes a model ready as the server does: with a clock.
pub fn make_ready(bytes: &[u8]) -> Result<(Model, Ready), String> {
    let mut fastest: Option<(Model, Ready)> = None;
    for _ in 0..READY_PASSES {
        let start = Instant::now();
        let millis = || start.elapsed().as_secs_f64() * 1e3;
        let parsed = Model::parse(bytes).map_err(|error| error.to_string())?;
        let parse_millis = millis();
        let mut clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let model = parsed.compile(Some(&mut clock));
        let ready_millis = millis();
        if fastest.as_ref().is_none_or(|(_, ready)| ready_millis < ready.ready_millis) {
            let (layout, batch_layout) = (model.layout(), model.batch_layout());
            let used = model.layouts().iter().filter(|one| [layout, batch_layout].contains(&one.layout));
            let table_bytes = used.map(|one| one.table_bytes).sum();
            let ready = Ready { parse_millis, ready_millis, layout, batch_layout, table_bytes };
            fastest = Some((model, ready));
        }
    }
    fastest.ok_or_else(|| "no pass was made".to_owned())
}

/// The add chain: a leaf per tree, each sum waiting for the one before. No evaluator that adds in tree order
/// is faster on a row.
pub struct AddChain {
    trees: usize,
    is_wide: bool,
    narrow: Vec<f32>,
    wide: Vec<f64>,
}

impl AddChain {
    /// Sums of `trees` leaves for each of `rows` rows.
    pub fn new(trees: usize, is_wide: bool, rows: usize) -> Self {
        let narrow: Vec<f32> = (0..100_u8).map(|leaf| f32::from(leaf) / 97.0).collect();
        let narrow: Vec<f32> = narrow.into_iter().cycle().take(rows + trees).collect();
        Self { trees, is_wide, wide: narrow.iter().map(|&leaf| f64::from(leaf)).collect(), narrow }
    }
}

impl Contender for AddChain {
    fn one(&mut self, index: usize) -> f64 {
        let leaves = index..index + self.trees;
        if self.is_wide {
            self.wide[leaves].iter().fold(0.5, |sum, leaf| sum + leaf)
        } else {
            f64::from(self.narrow[leaves].iter().fold(0.5, |sum, leaf| sum + leaf))
        }
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        for (index, out) in (first..).zip(out) {
            *out = self.one(index);
        }
    }
}
