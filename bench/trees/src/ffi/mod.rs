//! The peers' C interfaces, called within this process. This folder is where this crate's unsafe code lives.
//!
//! What makes it sound: a library is never unloaded, so its functions stay callable; signatures are those of
//! the headers of the versions that bench/peers pins; every pointer is to memory that outlives the call and
//! is as long as the call reads or writes; one thread calls.
#![allow(unsafe_code, reason = "the peers are C libraries; the head says what makes it sound")]

mod boosters;
mod compiled;
mod onnx;
mod treelite;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use libloading::Library;

pub use boosters::{Lightgbm, Xgboost};
pub use compiled::Compiled;
pub use onnx::Onnxruntime;
pub use treelite::Treelite;

type Handle = *mut c_void;
type LastError = unsafe extern "C" fn() -> *const c_char;

/// Opens a shared library for as long as the program runs.
fn open(path: &Path) -> Result<&'static Library, String> {
    // SAFETY: the initialisers that run are those of a peer that setup installed or compiled.
    let library = unsafe { Library::new(path) };
    let library = library.map_err(|error| format!("{} cannot be loaded: {error}", path.display()))?;
    Ok(Box::leak(Box::new(library)))
}

/// A function of a library.
///
/// # Safety
///
/// `T` is the type of a pointer to the function, as the library's header declares it.
unsafe fn function<T: Copy>(library: &'static Library, name: &str) -> Result<T, String> {
    // SAFETY: the caller's promise. Copied out, it outlives the symbol, as the library is never unloaded.
    unsafe { library.get::<T>(name.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|error| format!("the library has no function {name}: {error}"))
}

/// The text at `message`.
///
/// # Safety
///
/// `message` is null or a C string.
unsafe fn text(message: *const c_char) -> String {
    if message.is_null() {
        return "no reason given".to_owned();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// The error behind a code that is not zero.
fn check(code: c_int, last_error: LastError) -> Result<(), String> {
    // SAFETY: the libraries' functions for this take nothing and return a C string of their own.
    if code == 0 { Ok(()) } else { Err(unsafe { text(last_error()) }) }
}

fn c_text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| format!("{text:?} holds a NUL"))
}

fn c_path(path: &Path) -> Result<CString, String> {
    c_text(path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?)
}

fn narrow<T, N: TryFrom<T>>(number: T) -> Result<N, String> {
    N::try_from(number).map_err(|_| "a table is too large for this interface".to_owned())
}

fn widen(margins: &[f32], out: &mut [f64]) {
    for (out, &margin) in out.iter_mut().zip(margins) {
        *out = f64::from(margin);
    }
}
