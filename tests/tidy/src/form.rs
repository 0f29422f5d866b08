//! Size and shape of source files.

use crate::Finding;
use crate::mask::LITERAL;
use crate::source::{Source, functions};

/// Most lines of a file that is not a test.
pub const FILE_LINES_MAX: usize = 400;
/// Most lines of a function, from its `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Most columns of a line.
pub const LINE_COLUMNS_MAX: usize = 110;

/// Finds files that are too long.
pub fn check_file_lines(sources: &[Source]) -> Vec<Finding> {
    let code = sources.iter().filter(|source| !source.is_test);
    let long = code.map(|source| (source, source.text.lines().count()));
    let long = long.filter(|&(_, lines)| lines > FILE_LINES_MAX);
    long.map(|(source, lines)| {
        let problem = format!(
            "{lines} lines, {FILE_LINES_MAX} are allowed; the file does two things: give each its own"
        );
        source.finding(FILE_LINES_MAX + 1, problem)
    })
    .collect()
}

/// Finds functions that are too long.
pub fn check_function_lines(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let long = functions(source).into_iter().filter(|function| function.lines.len() > FUNCTION_LINES_MAX);
        findings.extend(long.map(|function| {
            let problem = format!(
                "fn {} has {} lines, {FUNCTION_LINES_MAX} are allowed; name its parts",
                function.name,
                function.lines.len()
            );
            source.finding(function.lines.start, problem)
        }));
    }
    findings
}

/// Finds files that do not begin by saying what they are for. Tests say it in their names.
pub fn check_module_docs(sources: &[Source]) -> Vec<Finding> {
    let silent = sources.iter().filter(|source| !source.is_test).filter(|source| {
        let doc = source.text.lines().next().and_then(|line| line.strip_prefix("//! "));
        doc.is_none_or(|doc| doc.trim().is_empty())
    });
    silent
        .map(|source| source.finding(1, "begin the file with `//! `, its purpose and what it leaves out"))
        .collect()
}

/// Finds tabs, white space at the ends of lines, and a last line that does not end.
pub fn check_white_space(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (index, line) in source.text.split('\n').enumerate() {
            if line.contains('\t') {
                findings.push(source.finding(index + 1, "a tab; run cargo fmt, or write \\t in a string"));
            }
            if line.ends_with(char::is_whitespace) {
                findings.push(source.finding(index + 1, "white space at the end of the line; run cargo fmt"));
            }
        }
        if !source.text.ends_with('\n') {
            let last = source.text.lines().count().max(1);
            findings.push(source.finding(last, "the last line does not end; run cargo fmt"));
        }
    }
    findings
}

/// Finds lines that are too wide. What stands in string literals does not count, nor do rows of tables
/// and lines with a URL.
pub fn check_line_columns(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().zip(source.code.lines().zip(source.comments.lines()));
        for (index, (line, (code, comment))) in lines.enumerate() {
            let columns = code.chars().filter(|&char| char != LITERAL).count();
            let is_table_row = comment.trim_start().trim_start_matches(['/', '!', ' ']).starts_with('|');
            let is_exempt = is_table_row || line.contains("://");
            if columns > LINE_COLUMNS_MAX && !is_exempt {
                let problem = format!("{columns} columns, {LINE_COLUMNS_MAX} are allowed; break the line");
                findings.push(source.finding(index + 1, problem));
            }
        }
    }
    findings
}
