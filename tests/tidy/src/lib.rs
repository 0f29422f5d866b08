//! The project's rules, as programs: which crate may depend on which, how long a file may grow, which
//! words are not ours, which documents must be true.
//!
//! One `check` function per rule. It takes what it judges as an argument, so that tests can show it a bad
//! example, and returns what it found. tests/ runs every check twice: over the repository, where nothing
//! may be found, and over the bad example, where something must be. To change a rule is to change a table
//! here and to write the reason into DECISIONS.md.
//!
//! The checks read text, not syntax trees: they are cheap and catch accidents, not malice.
#![forbid(unsafe_code)]

pub mod arrows;
pub mod documents;
pub mod form;
pub mod mask;
pub mod metadata;
pub mod purity;
pub mod source;
pub mod tree;
pub mod words;

use std::fmt;

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path from the repository's root.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do about it.
    pub problem: String,
}

impl Finding {
    /// A finding at a line of a file.
    pub fn new(file: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

/// Fails the test that calls it and lists the findings, if there are any.
///
/// # Panics
///
/// When `findings` is not empty.
pub fn assert_none(findings: &[Finding]) {
    let list: String = findings.iter().map(|finding| format!("\n  {finding}")).collect();
    assert!(findings.is_empty(), "{} found:{list}", findings.len());
}
