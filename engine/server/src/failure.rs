//! How a command fails: one sentence and an exit code.

use std::{fmt, io};

/// The exit codes beside 0 and clap's 2 for wrong usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something went wrong while running.
    Runtime = 1,
    /// A file given to be looked at is not what it should be.
    Data = 5,
    /// The configuration (app, model, data folder, address) cannot be used; as `EX_CONFIG` of sysexits.
    Config = 78,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// The process's exit code.
    pub exit: Exit,
    /// One sentence: what, where, what to do; or a list of errors; or nothing, where nobody reads it.
    pub text: String,
}

impl Failure {
    /// Something went wrong while running.
    pub fn runtime(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Runtime, text: text.to_string() }
    }

    /// The output cannot be written. Where its reader has gone there is nobody to tell.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { exit: Exit::Runtime, text: String::new() },
            _ => Self::runtime(format!("the output cannot be written: {error}")),
        }
    }

    /// A file given to be looked at is not what it should be.
    pub fn data(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Data, text: text.to_string() }
    }

    /// The configuration cannot be used.
    pub fn config(text: impl fmt::Display) -> Self {
        Self { exit: Exit::Config, text: text.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<vencejo_client::ClientError> for Failure {
    fn from(error: vencejo_client::ClientError) -> Self {
        Self::runtime(error)
    }
}
