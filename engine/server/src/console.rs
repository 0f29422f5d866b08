//! What the program says to whoever runs it.

use std::fmt;
use std::io::{Write as _, stderr, stdout};

use crate::failure::Failure;

/// Says something on standard error. A closed or full one is no reason to fail.
pub fn note(text: impl fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// Prints a result on standard output.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: impl fmt::Display) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}
