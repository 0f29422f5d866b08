//! The Rust peer, kept to one thread. Its rows and sums are `f32`, LightGBM's models included.

use std::path::Path;
use std::rc::Rc;

use hessboost::prelude::{BoostedModel, ModelFormat};

use crate::folder::Rows;
use crate::measure::Contender;

/// A model loaded into hessboost.
pub struct Hessboost {
    model: BoostedModel,
    rows: Rc<Rows>,
}

/// Makes this thread the only one that rayon has. Once per program, before any prediction.
pub fn keep_to_one_thread() -> Result<(), String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().map_err(|error| error.to_string())
}

impl Hessboost {
    /// Loads a model.
    pub fn new(model: &Path, is_lightgbm: bool, rows: Rc<Rows>) -> Result<Self, String> {
        let format = if is_lightgbm { ModelFormat::LightgbmText } else { ModelFormat::XgboostUbjson };
        let model = BoostedModel::load(model, format).map_err(|error| error.to_string())?;
        Ok(Self { model, rows })
    }
}

impl Contender for Hessboost {
    fn one(&mut self, index: usize) -> f64 {
        let mut out = [f32::NAN];
        let row = self.rows.narrow(index, 1);
        let done = self.model.predict_margin_row_into(row, .., &mut out);
        if done.is_ok() { f64::from(out[0]) } else { f64::NAN }
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        let Ok(margins) = self.model.predict_margin_rows(self.rows.narrow(first, out.len()), ..) else {
            return out.fill(f64::NAN);
        };
        for (out, &margin) in out.iter_mut().zip(margins.as_slice()) {
            *out = f64::from(margin);
        }
    }
}
