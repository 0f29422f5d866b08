//! A Rust file as the checks see it: its text, its code without comments and literals, and which of its
//! lines are tests.

use std::ops::Range;

use crate::Finding;
use crate::mask::{body, closing, find_words, is_word, line_of, mask};

/// One .rs file of the repository.
#[derive(Debug)]
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The text as it is.
    pub text: String,
    /// Nothing but the code; see [`crate::mask`].
    pub code: String,
    /// Nothing but the comments.
    pub comments: String,
    /// Whether the whole file is a test: it lies in a folder `tests`, or its parent declares it under
    /// `#[cfg(test)]`.
    pub is_test: bool,
    test_lines: Vec<Range<usize>>,
}

impl Source {
    /// Reads a file's text. What its parent declares is not known here: see [`mark_test_modules`].
    pub fn new(path: &str, text: &str) -> Self {
        let masked = mask(text);
        let is_test = path.split('/').rev().skip(1).any(|folder| folder == "tests")
            || masked.code.contains("#![cfg(test)]");
        let test_lines = test_items(&masked.code)
            .map(|item| line_of(&masked.code, item.start)..line_of(&masked.code, item.end) + 1)
            .collect();
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: masked.code,
            comments: masked.comments,
            is_test,
            test_lines,
        }
    }

    /// Whether a line, from 1, is compiled for tests only.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Lines of the code in which a word stands.
    pub fn lines_with<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        find_words(&self.code, word).map(|at| line_of(&self.code, at))
    }

    /// A finding in this file.
    pub fn finding(&self, line: usize, problem: impl Into<String>) -> Finding {
        Finding::new(&self.path, line, problem)
    }

    /// Whether this is the root file of a library or a binary.
    pub fn is_crate_root(&self) -> bool {
        let mut parts = self.path.rsplit('/');
        let file = (parts.next(), parts.next(), parts.next());
        matches!(file, (Some("lib.rs" | "main.rs"), Some("src"), _) | (_, Some("bin"), Some("src")))
    }

    /// Path without extension of the modules that this file declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = file.trim_end_matches(".rs");
        let owns_folder = self.is_crate_root() || stem == "mod";
        let folder = if owns_folder { folder.to_owned() } else { format!("{folder}/{stem}") };
        let names = test_items(&self.code).filter_map(|item| {
            let declared = self.code[item].trim_end().strip_suffix(';')?;
            let (before, name) = declared.rsplit_once(' ')?;
            before.ends_with("mod").then(|| format!("{folder}/{name}"))
        });
        names.collect()
    }
}

/// Marks the files whose parents declare them under `#[cfg(test)]`, and what lies below them.
pub fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        source.is_test |= modules.iter().any(|module| {
            source
                .path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
}

/// The items under `#[cfg(test)]`, attribute and all, as byte ranges of the code.
fn test_items(code: &str) -> impl Iterator<Item = Range<usize>> {
    let attributes = ["#[cfg(test)]", "#[cfg(all(test,"];
    attributes.into_iter().flat_map(|attribute| code.match_indices(attribute)).map(|(start, _)| {
        let end = match body(code, start) {
            Some((open, '{')) => closing(code, open),
            Some((semicolon, _)) => semicolon + 1,
            // A field or a variant: it ends at its comma.
            None => code[start..].find(',').map_or(code.len(), |comma| start + comma + 1),
        };
        start..end
    })
}

/// A function's name and its lines, from the one with `fn` to the one with its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its lines, from 1; the end is not part of it.
    pub lines: Range<usize>,
}

/// The functions of a file that have a body.
pub fn functions(source: &Source) -> Vec<Function> {
    let code = source.code.as_str();
    let found = find_words(code, "fn").filter_map(|at| {
        let after = code[at + "fn".len()..].trim_start();
        let name: String = after.chars().take_while(|&char| is_word(char) || char == '$').collect();
        if name.is_empty() {
            return None; // the type of a function pointer
        }
        let (open, '{') = body(code, at)? else { return None };
        Some(Function { name, lines: line_of(code, at)..line_of(code, closing(code, open)) + 1 })
    });
    found.collect()
}

/// Every path that a file's `use` items name, groups taken apart, with the line of its `use`.
pub fn used_paths(source: &Source) -> Vec<(usize, String)> {
    let code = source.code.as_str();
    let mut paths = Vec::new();
    for at in find_words(code, "use") {
        let item = code[at + "use".len()..].split(';').next().unwrap_or_default();
        let line = line_of(code, at);
        let item = item.replace(" as ", "@").replace(char::is_whitespace, "");
        expand("", item.trim_start_matches("::"), &mut |path| paths.push((line, path)));
    }
    paths
}

/// Takes `a::{b, c::{d}}` apart into `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, emit: &mut impl FnMut(String)) {
    let Some(open) = tree.find('{') else {
        let path = tree.split('@').next().unwrap_or_default();
        return emit(format!("{prefix}{path}").trim_end_matches("::self").to_owned());
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = tree[open + 1..].trim_end_matches(';');
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, char) in inside.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&prefix, &inside[start..at], emit);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < inside.len() {
        expand(&prefix, &inside[start..], emit);
    }
}
