//! Treelite's reference evaluator, GTIL.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::null_mut;
use std::rc::Rc;

use super::{Handle, LastError, c_path, check, function, open, widen};
use crate::folder::Rows;
use crate::measure::{BATCH_ROWS, Contender};

type Predict = unsafe extern "C" fn(Handle, *const c_void, *const c_char, u64, *mut c_void, Handle) -> c_int;

/// A model loaded into Treelite.
pub struct Treelite {
    model: Handle,
    config: Handle,
    predict: Predict,
    /// Whether rows and margins are `f64`.
    is_wide: bool,
    margins: Vec<f32>,
    rows: Rc<Rows>,
}

impl Treelite {
    /// Loads a model into the library. LightGBM's are of `f64`, XGBoost's of `f32`.
    pub fn new(library: &Path, model: &Path, is_lightgbm: bool, rows: Rc<Rows>) -> Result<Self, String> {
        type Load = unsafe extern "C" fn(*const c_char, *const c_char, *mut Handle) -> c_int;
        let library = open(library)?;
        let (mut loaded, mut config) = (null_mut(), null_mut());
        let loader = if is_lightgbm { "TreeliteLoadLightGBMModel" } else { "TreeliteLoadXGBoostModelUBJSON" };
        // SAFETY: types as in treelite/c_api.h; the strings outlive the calls.
        let predict = unsafe {
            let last_error: LastError = function(library, "TreeliteGetLastError")?;
            let load: Load = function(library, loader)?;
            let parse: unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int =
                function(library, "TreeliteGTILParseConfig")?;
            check(load(c_path(model)?.as_ptr(), c"{}".as_ptr(), &raw mut loaded), last_error)?;
            let text = cr#"{"predict_type":"raw","nthread":1}"#;
            check(parse(text.as_ptr(), &raw mut config), last_error)?;
            for (getter, expected) in
                [("TreeliteGetInputType", is_lightgbm), ("TreeliteGetOutputType", is_lightgbm)]
            {
                let get: unsafe extern "C" fn(Handle, *mut *const c_char) -> c_int =
                    function(library, getter)?;
                let mut kind = std::ptr::null();
                check(get(loaded, &raw mut kind), last_error)?;
                if kind.is_null() || (CStr::from_ptr(kind) == c"float64") != expected {
                    return Err(format!("{getter} names another type than the model's"));
                }
            }
            function(library, "TreeliteGTILPredict")?
        };
        Ok(Self {
            model: loaded,
            config,
            predict,
            is_wide: is_lightgbm,
            margins: vec![0.0; BATCH_ROWS],
            rows,
        })
    }

    fn margins(&mut self, first: usize, out: &mut [f64]) {
        assert!(out.len() <= BATCH_ROWS, "more rows than a batch has");
        let count = out.len();
        // SAFETY: rows and margins are of the types that the library named, `count` of either.
        let code = unsafe {
            if self.is_wide {
                let rows = self.rows.wide(first, count).as_ptr().cast();
                let out = out.as_mut_ptr().cast();
                (self.predict)(self.model, rows, c"float64".as_ptr(), count as u64, out, self.config)
            } else {
                let rows = self.rows.narrow(first, count).as_ptr().cast();
                let out = self.margins.as_mut_ptr().cast();
                (self.predict)(self.model, rows, c"float32".as_ptr(), count as u64, out, self.config)
            }
        };
        if code != 0 {
            out.fill(f64::NAN);
        } else if !self.is_wide {
            widen(&self.margins, out);
        }
    }
}

impl Contender for Treelite {
    fn one(&mut self, index: usize) -> f64 {
        let mut out = [f64::NAN];
        self.margins(index, &mut out);
        out[0]
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        self.margins(first, out);
    }
}
