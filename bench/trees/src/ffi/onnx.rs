//! onnxruntime's C interface, on one thread, its tensors made once and used again.

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::rc::Rc;

use ort_sys::{
    ONNXTensorElementDataType, ORT_API_VERSION, OrtAllocatorType, OrtApi, OrtApiBase, OrtLoggingLevel,
    OrtMemType, OrtMemoryInfo, OrtSession, OrtStatusPtr, OrtValue,
};

use super::{c_path, function, narrow, open, text, widen};
use crate::folder::Rows;
use crate::measure::{BATCH_ROWS, Contender};

/// What make_peers.py calls the input, and the converters the output.
const INPUT: &CStr = c"x";
const OUTPUT: &CStr = c"variable";

/// A tensor over memory of ours.
struct Tensor {
    /// Never reallocated: the value points into it.
    numbers: Vec<f32>,
    value: *mut OrtValue,
}

impl Tensor {
    fn new(api: &OrtApi, memory: *const OrtMemoryInfo, rows: usize, columns: usize) -> Result<Self, String> {
        let mut numbers = vec![0.0_f32; rows * columns];
        let shape = [narrow(rows)?, narrow(columns)?];
        let mut value = null_mut();
        // SAFETY: the tensor's memory is as large as its shape says and lives as long as its value.
        check(api, unsafe {
            (api.CreateTensorWithDataAsOrtValue)(
                memory,
                numbers.as_mut_ptr().cast::<c_void>(),
                size_of_val(numbers.as_slice()),
                shape.as_ptr(),
                shape.len(),
                ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                &raw mut value,
            )
        })?;
        Ok(Self { numbers, value })
    }
}

/// A session, with tensors for a row and for a batch.
pub struct Onnxruntime {
    api: &'static OrtApi,
    session: *mut OrtSession,
    row: [Tensor; 2],
    block: [Tensor; 2],
    rows: Rc<Rows>,
}

fn check(api: &OrtApi, status: OrtStatusPtr) -> Result<(), String> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: a status that is not null has a message and is released once.
    unsafe {
        let message = text((api.GetErrorMessage)(status.0));
        (api.ReleaseStatus)(status.0);
        Err(message)
    }
}

impl Onnxruntime {
    /// Loads a model into the library.
    pub fn new(library: &Path, model: &Path, rows: Rc<Rows>) -> Result<Self, String> {
        let library = open(library)?;
        let (mut environment, mut options, mut session, mut memory) =
            (null_mut(), null_mut(), null_mut(), null_mut());
        // SAFETY: ort-sys has the interface's types. The table of functions is the library's own; a version
        // that the library does not have is answered by null. The strings outlive the calls.
        let api = unsafe {
            let base: unsafe extern "system" fn() -> *const OrtApiBase = function(library, "OrtGetApiBase")?;
            let api = ((*base()).GetApi)(ORT_API_VERSION).as_ref();
            let api: &'static OrtApi =
                api.ok_or_else(|| format!("the library lacks version {ORT_API_VERSION} of its interface"))?;
            let quiet = OrtLoggingLevel::ORT_LOGGING_LEVEL_ERROR;
            check(api, (api.CreateEnv)(quiet, c"trees".as_ptr(), &raw mut environment))?;
            check(api, (api.CreateSessionOptions)(&raw mut options))?;
            check(api, (api.SetIntraOpNumThreads)(options, 1))?;
            check(api, (api.SetInterOpNumThreads)(options, 1))?;
            let path = c_path(model)?;
            check(api, (api.CreateSession)(environment, path.as_ptr(), options, &raw mut session))?;
            (api.ReleaseSessionOptions)(options);
            let (allocator, kind) = (OrtAllocatorType::OrtArenaAllocator, OrtMemType::OrtMemTypeDefault);
            check(api, (api.CreateCpuMemoryInfo)(allocator, kind, &raw mut memory))?;
            api
        };
        let tensor = |rows, columns| Tensor::new(api, memory, rows, columns);
        let row = [tensor(1, rows.features)?, tensor(1, 1)?];
        let block = [tensor(BATCH_ROWS, rows.features)?, tensor(BATCH_ROWS, 1)?];
        Ok(Self { api, session, row, block, rows })
    }
}

/// Runs a session from the first tensor to the second.
fn run(api: &OrtApi, session: *mut OrtSession, [input, output]: &mut [Tensor; 2]) -> bool {
    let (names, inputs) = ([INPUT.as_ptr()], [input.value.cast_const()]);
    let (output_names, mut outputs): ([*const c_char; 1], _) = ([OUTPUT.as_ptr()], [output.value]);
    // SAFETY: one name and one tensor on either side; the output's shape is checked by the library.
    let status = unsafe {
        (api.Run)(
            session,
            null(),
            names.as_ptr(),
            inputs.as_ptr(),
            1,
            output_names.as_ptr(),
            1,
            outputs.as_mut_ptr(),
        )
    };
    check(api, status).is_ok()
}

impl Contender for Onnxruntime {
    fn one(&mut self, index: usize) -> f64 {
        self.row[0].numbers.copy_from_slice(self.rows.narrow(index, 1));
        if run(self.api, self.session, &mut self.row) { f64::from(self.row[1].numbers[0]) } else { f64::NAN }
    }

    fn batch(&mut self, first: usize, out: &mut [f64]) {
        self.block[0].numbers.copy_from_slice(self.rows.narrow(first, BATCH_ROWS));
        if run(self.api, self.session, &mut self.block) {
            widen(&self.block[1].numbers, out);
        } else {
            out.fill(f64::NAN);
        }
    }
}
