//! Documents that must exist, and what they say that a program can check.

use std::path::Path;

use crate::Finding;
use crate::mask::{find_words, is_word};
use crate::metadata::Package;

/// The documents that every reader looks for.
pub const DOCUMENTS: &[&str] =
    &["README.md", "ARCHITECTURE.md", "DECISIONS.md", "CHANGELOG.md", "protocol/SPEC.md"];

/// The command that runs all tests: the README's, and the one that `.ci/run` runs.
pub const TEST_COMMAND: &str = "cargo test --workspace";

/// A text file of the repository.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Path from the repository's root, with `/`.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Document<'_> {
    fn finding(&self, line: usize, problem: impl Into<String>) -> Finding {
        Finding::new(self.path, line, problem)
    }
}

/// Finds documents that are missing or empty.
pub fn check_exist(root: &Path, documents: &[&str]) -> Vec<Finding> {
    let is_there = |path: &str| std::fs::metadata(root.join(path)).is_ok_and(|file| file.len() > 0);
    let missing = documents.iter().filter(|path| !is_there(path));
    missing.map(|path| Finding::new(path, 1, "this document is missing or empty; write it")).collect()
}

/// Finds crates whose folder the map does not name by its whole path. A folder of the root, whose name may
/// be a word of the text, is named with its slash or in back-ticks.
pub fn check_map(map: Document<'_>, packages: &[Package]) -> Vec<Finding> {
    let names = |folder: &str| {
        find_words(map.text, folder).any(|at| {
            let (before, after) = (&map.text[..at], &map.text[at + folder.len()..]);
            let is_path = folder.contains('/') || after.starts_with(['/', '`']);
            is_path && !before.ends_with(['/', '-', '.'])
        })
    };
    let absent = packages.iter().filter(|package| !names(&package.folder));
    absent
        .map(|package| {
            map.finding(1, format!("say what {}/ is for: the map does not name it", package.folder))
        })
        .collect()
}

/// Finds relative links that lead nowhere.
pub fn check_links(root: &Path, document: Document<'_>) -> Vec<Finding> {
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (line, target) in links(document.text) {
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:") || target.starts_with('#');
        let path = target.split(['#', '?']).next().unwrap_or_default();
        let path = match path.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None => format!("{folder}/{path}"),
        };
        if !is_elsewhere && !exists(root, &path) {
            let problem = format!("the link to {target} leads nowhere; correct it, or write the file");
            findings.push(document.finding(line, problem));
        }
    }
    findings
}

/// Whether a path exists and stays below the root.
fn exists(root: &Path, path: &str) -> bool {
    let mut depth = 0_i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return false;
        }
    }
    root.join(path.trim_start_matches('/')).exists()
}

/// The targets of a Markdown text's links, `[text](target)` and `[name]: target`, with their lines. Code
/// is left out.
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let reference = prose
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
            .and_then(|(_, target)| target.split_whitespace().next());
        let targets = inline.chain(reference).filter(|target| !target.is_empty());
        found.extend(targets.map(|target| (index + 1, target.trim_matches(['<', '>']).to_owned())));
    }
    found
}

/// Finds error codes of the source that the specification does not name together with their number.
pub fn check_error_codes(source: Document<'_>, spec: Document<'_>) -> Vec<Finding> {
    let codes = error_codes(source.text);
    if codes.is_empty() {
        return vec![
            source.finding(1, "no line reads `Variant = number, \"name\";`; teach tests/tidy the new form"),
        ];
    }
    let absent = codes.iter().filter(|(_, number, name)| {
        !spec.text.lines().any(|line| has_word(line, number) && has_word(line, name))
    });
    absent
        .map(|(line, number, name)| {
            let problem =
                format!("no line of {} has both {number} and {name}; describe the code there", spec.path);
            source.finding(*line, problem)
        })
        .collect()
}

/// Line, number and name of every `Variant = number, "name";`.
fn error_codes(text: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((variant, rest)) = line.trim().split_once(" = ") else { continue };
        let Some((number, name)) = rest.split_once(", ") else { continue };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix("\";"));
        let is_code = variant.chars().all(is_word) && number.chars().all(|char| char.is_ascii_digit());
        if let Some(name) = name.filter(|_| is_code) {
            found.push((index + 1, number.to_owned(), name.to_owned()));
        }
    }
    found
}

/// Finds limits of the source that the specification does not name.
pub fn check_limits(source: Document<'_>, spec: Document<'_>) -> Vec<Finding> {
    let constants: Vec<(usize, &str)> = source
        .text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let name = line.strip_prefix("pub const ")?.split(':').next()?;
            Some((index + 1, name))
        })
        .collect();
    if constants.is_empty() {
        return vec![source.finding(1, "no line reads `pub const NAME: ...`; teach tests/tidy the new form")];
    }
    let absent = constants.iter().filter(|(_, name)| !has_word(spec.text, name));
    absent.map(|&(line, name)| source.finding(line, format!("{} does not name {name}", spec.path))).collect()
}

/// Finds documents, the README and the CI script, that do not name the test command: on a line of its own,
/// where a comment may follow, or in back-ticks.
pub fn check_test_command(documents: &[Document<'_>]) -> Vec<Finding> {
    let is_command = |line: &str| line.split(" #").next().unwrap_or_default().trim() == TEST_COMMAND;
    let quoted = format!("`{TEST_COMMAND}`");
    let without = documents
        .iter()
        .filter(|document| !document.text.lines().any(|line| is_command(line) || line.contains(&quoted)));
    without
        .map(|document| document.finding(1, format!("does not name the test command, {quoted}; do")))
        .collect()
}

fn has_word(text: &str, word: &str) -> bool {
    find_words(text, word).next().is_some()
}
