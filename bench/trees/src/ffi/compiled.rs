//! Models that a peer turned into source or an object, compiled to a library each: a function from a row to
//! its margin.

use std::ffi::{c_char, c_int};
use std::path::Path;
use std::rc::Rc;

use super::{function, open, text};
use crate::folder::Rows;
use crate::measure::{BATCH_ROWS, Contender};

/// A function that a peer made of one model.
#[derive(Clone, Copy)]
enum Predict {
    /// tl2cgen of a model of `f32`: entries of 4 bytes, raw margins wanted, the sum.
    Entries32(unsafe extern "C" fn(*mut u32, c_int, *mut f32)),
    /// tl2cgen of a model of `f64`: entries of 8 bytes.
    Entries64(unsafe extern "C" fn(*mut u64, c_int, *mut f64)),
    /// lleaves: rows, sums, first row, row past the last.
    Range(unsafe extern "C" fn(*const f64, *mut f64, i32, i32)),
    /// ydf's C++, behind the function that make_peers.py puts in front of it.
    Row(unsafe extern "C" fn(*const f32) -> f32),
}

/// A compiled model, and the rows in the form that its function reads.
pub struct Compiled {
    predict: Predict,
    narrow: Vec<u32>,
    wide: Vec<u64>,
    rows: Rc<Rows>,
}

impl Compiled {
    /// What tl2cgen's C became. Rows are turned into its entries beforehand: all bits set is missing.
    pub fn tl2cgen(library: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        let library = open(library)?;
        // SAFETY: types as in the header.h that tl2cgen writes; the names of types are C strings.
        let (kinds, features) = unsafe {
            let kind = |name| -> Result<String, String> {
                let kind: unsafe extern "C" fn() -> *const c_char = function(library, name)?;
                Ok(text(kind()))
            };
            let features: unsafe extern "C" fn() -> i32 = function(library, "get_num_feature")?;
            ((kind("get_threshold_type")?, kind("get_leaf_output_type")?), features())
        };
        if usize::try_from(features) != Ok(rows.features) {
            return Err(format!("the function reads {features} features, the table has {}", rows.features));
        }
        // SAFETY: the types that the library has just named.
        let predict = match (kinds.0.as_str(), kinds.1.as_str()) {
            ("float32", "float32") => Predict::Entries32(unsafe { function(library, "predict")? }),
            ("float64", "float64") => Predict::Entries64(unsafe { function(library, "predict")? }),
            other => return Err(format!("thresholds and leaves of {other:?} are not known here")),
        };
        let bits = |x: &f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
        let wide_bits = |x: &f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
        let narrow = rows.narrow.iter().map(bits).collect();
        Ok(Self { predict, narrow, wide: rows.wide.iter().map(wide_bits).collect(), rows })
    }

    /// What lleaves' object became.
    pub fn lleaves(library: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        // SAFETY: the type is that of lleaves' documentation for compilation with `use_fp64`.
        let predict = Predict::Range(unsafe { function(open(library)?, "forest_root")? });
        Ok(Self { predict, narrow: Vec::new(), wide: Vec::new(), rows })
    }

    /// What ydf's C++ became.
    pub fn ydf(library: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        // SAFETY: the type is that of the function in make_peers.py.
        let predict = Predict::Row(unsafe { function(open(library)?, "ydf_predict")? });
        Ok(Self { predict, narrow: Vec::new(), wide: Vec::new(), rows })
    }
}

impl Contender for Compiled {
    fn one(&mut self, index: usize) -> f64 {
        let features = self.rows.features;
        let at = index * features..(index + 1) * features;
        // SAFETY: each function reads one row of the table's features, whose length the slices prove, and
        // writes one number.
        unsafe {
            match self.predict {
                Predict::Entries32(predict) => {
                    let mut out = 0.0;
                    predict(self.narrow[at].as_mut_ptr(), 1, &raw mut out);
                    f64::from(out)
                }
                Predict::Entries64(predict) => {
                    let mut out = 0.0;
                    predict(self.wide[at].as_mut_ptr(), 1, &raw mut out);
                    out
                }
                Predict::Range(predict) => {
                    let mut out = 0.0;
                    predict(self.rows.wide(index, 1).as_ptr(), &raw mut out, 0, 1);
                    out
                }
                Predict::Row(predict) => f64::from(predict(self.rows.narrow(index, 1).as_ptr())),
            }
        }
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        if let Predict::Range(predict) = self.predict {
            assert!(out.len() == BATCH_ROWS, "a batch has {BATCH_ROWS} rows");
            let (rows, count) = (self.rows.wide(first, BATCH_ROWS), 1_000);
            const { assert!(BATCH_ROWS == 1_000, "the count below is that of a batch") };
            // SAFETY: `rows` has the rows, `out` a number for each.
            return unsafe { predict(rows.as_ptr(), out.as_mut_ptr(), 0, count) };
        }
        // The others know single rows only: their own batches are this loop.
        for (index, out) in (first..).zip(out) {
            *out = self.one(index);
        }
    }
}
