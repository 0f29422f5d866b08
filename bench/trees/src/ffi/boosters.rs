//! XGBoost and LightGBM, through their own libraries.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::rc::Rc;

use super::{Handle, LastError, c_path, c_text, check, function, narrow, open, widen};
use crate::folder::Rows;
use crate::measure::{BATCH_ROWS, Contender};

type XgbPredict = unsafe extern "C" fn(
    Handle,
    *const c_char,
    *const c_char,
    Handle,
    *mut *const u64,
    *mut u64,
    *mut *const f32,
) -> c_int;

/// XGBoost: in-place prediction of margins. A DMatrix for each row or batch is no faster (100x6 1,930 ns in
/// a batch beside 1,760).
pub struct Xgboost {
    booster: Handle,
    predict: XgbPredict,
    config: CString,
    /// Descriptions of each row and of each block of rows, which lie in `_rows`.
    single: Vec<CString>,
    blocks: Vec<CString>,
    _rows: Rc<Rows>,
}

impl Xgboost {
    /// Loads a model into the library.
    pub fn new(library: &Path, model: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        type Create = unsafe extern "C" fn(*const Handle, u64, *mut Handle) -> c_int;
        let library = open(library)?;
        let mut booster = null_mut();
        // SAFETY: types as in xgboost/c_api.h; the strings outlive the calls.
        let predict = unsafe {
            let last_error: LastError = function(library, "XGBGetLastError")?;
            let create: Create = function(library, "XGBoosterCreate")?;
            let load: unsafe extern "C" fn(Handle, *const c_char) -> c_int =
                function(library, "XGBoosterLoadModel")?;
            let set: unsafe extern "C" fn(Handle, *const c_char, *const c_char) -> c_int =
                function(library, "XGBoosterSetParam")?;
            check(create(null(), 0, &raw mut booster), last_error)?;
            check(load(booster, c_path(model)?.as_ptr()), last_error)?;
            check(set(booster, c"nthread".as_ptr(), c"1".as_ptr()), last_error)?;
            function(library, "XGBoosterPredictFromDense")?
        };
        let describe = |first: usize, count: usize| {
            let (address, features) = (rows.narrow[first * rows.features..].as_ptr().addr(), rows.features);
            c_text(&format!(
                r#"{{"data":[{address},true],"shape":[{count},{features}],"typestr":"<f4","version":3}}"#
            ))
        };
        let single = (0..rows.count()).map(|row| describe(row, 1)).collect::<Result<_, _>>()?;
        let blocks = (0..rows.count() / BATCH_ROWS)
            .map(|block| describe(block * BATCH_ROWS, BATCH_ROWS))
            .collect::<Result<_, _>>()?;
        let config = c_text(
            r#"{"type":1,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"cache_id":0,"missing":NaN}"#,
        )?;
        Ok(Self { booster, predict, config, single, blocks, _rows: rows })
    }

    /// The first `count` margins of the rows described; nothing when the library fails.
    fn margins(&self, described: &CStr, count: usize) -> &[f32] {
        let (mut shape, mut dimensions, mut result) = (null(), 0, null());
        // SAFETY: the description's address is that of `_rows`, its shape lies within it. The result is the
        // booster's own, as long as its shape says, and stays until the next call, which `one` and `batch`
        // make only after they are done with it.
        unsafe {
            let code = (self.predict)(
                self.booster,
                described.as_ptr(),
                self.config.as_ptr(),
                null_mut(),
                &raw mut shape,
                &raw mut dimensions,
                &raw mut result,
            );
            if code != 0 || dimensions == 0 || usize::try_from(*shape) != Ok(count) {
                return &[];
            }
            std::slice::from_raw_parts(result, count)
        }
    }
}

impl Contender for Xgboost {
    fn one(&mut self, index: usize) -> f64 {
        self.margins(&self.single[index], 1).first().map_or(f64::NAN, |&margin| f64::from(margin))
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        let margins = self.margins(&self.blocks[first / BATCH_ROWS], BATCH_ROWS);
        widen(margins, out);
    }
}

type LgbmOne = unsafe extern "C" fn(Handle, *const c_void, *mut i64, *mut f64) -> c_int;
type LgbmMany = unsafe extern "C" fn(
    Handle,
    *const c_void,
    c_int,
    i32,
    i32,
    c_int,
    c_int,
    c_int,
    c_int,
    *const c_char,
    *mut i64,
    *mut f64,
) -> c_int;

/// `C_API_DTYPE_FLOAT64` and `C_API_PREDICT_RAW_SCORE` of LightGBM's header.
const LGBM_F64: c_int = 1;
const LGBM_RAW: c_int = 1;

/// LightGBM: the interface for single rows that is prepared once, and the one for matrices.
pub struct Lightgbm {
    booster: Handle,
    prepared: Handle,
    one: LgbmOne,
    many: LgbmMany,
    rows: Rc<Rows>,
}

impl Lightgbm {
    /// Loads a model into the library.
    pub fn new(library: &Path, model: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        type Load = unsafe extern "C" fn(*const c_char, *mut c_int, *mut Handle) -> c_int;
        type Prepare = unsafe extern "C" fn(
            Handle,
            c_int,
            c_int,
            c_int,
            c_int,
            i32,
            *const c_char,
            *mut Handle,
        ) -> c_int;
        let library = open(library)?;
        let (mut booster, mut prepared, mut iterations) = (null_mut(), null_mut(), 0);
        let columns = narrow(rows.features)?;
        // SAFETY: types as in LightGBM/c_api.h; the strings outlive the calls.
        let (one, many) = unsafe {
            let last_error: LastError = function(library, "LGBM_GetLastError")?;
            let load: Load = function(library, "LGBM_BoosterCreateFromModelfile")?;
            let prepare: Prepare = function(library, "LGBM_BoosterPredictForMatSingleRowFastInit")?;
            check(load(c_path(model)?.as_ptr(), &raw mut iterations, &raw mut booster), last_error)?;
            let parameters = c"num_threads=1".as_ptr();
            let code = prepare(booster, LGBM_RAW, 0, -1, LGBM_F64, columns, parameters, &raw mut prepared);
            check(code, last_error)?;
            (
                function(library, "LGBM_BoosterPredictForMatSingleRowFast")?,
                function(library, "LGBM_BoosterPredictForMat")?,
            )
        };
        Ok(Self { booster, prepared, one, many, rows })
    }
}

impl Contender for Lightgbm {
    fn one(&mut self, index: usize) -> f64 {
        let (mut length, mut out) = (0, f64::NAN);
        let row = self.rows.wide(index, 1);
        // SAFETY: the row has the columns it was prepared for; a model of one output writes one number.
        let code = unsafe { (self.one)(self.prepared, row.as_ptr().cast(), &raw mut length, &raw mut out) };
        if code == 0 { out } else { f64::NAN }
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        let rows = self.rows.wide(first, BATCH_ROWS);
        let (Ok(count), Ok(columns)) = (i32::try_from(out.len()), i32::try_from(self.rows.features)) else {
            return;
        };
        assert!(out.len() == BATCH_ROWS, "a batch has {BATCH_ROWS} rows");
        let mut length = 0;
        // SAFETY: `rows` has `count` rows of `columns` numbers, `out` a number per row, checked above.
        let code = unsafe {
            (self.many)(
                self.booster,
                rows.as_ptr().cast(),
                LGBM_F64,
                count,
                columns,
                1,
                LGBM_RAW,
                0,
                -1,
                c"num_threads=1".as_ptr(),
                &raw mut length,
                out.as_mut_ptr(),
            )
        };
        if code != 0 {
            out.fill(f64::NAN);
        }
    }
}
