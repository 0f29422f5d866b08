//! The repository's files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{Source, mark_test_modules};

/// Folders that hold nothing of ours: build output, git, run-time state.
const FOLDERS_SKIPPED: &[&str] = &["target", "node_modules"];

/// The repository's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Paths from `root` of all its files with this extension, with `/`, sorted. Folders whose name begins
/// with a dot are left out.
///
/// # Panics
///
/// When a folder cannot be read.
pub fn files(root: &Path, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, "", extension, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, extension: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let entry = entry.expect("a folder of the repository can be read");
        let name = entry.file_name().into_string().expect("names in the repository are UTF-8");
        let kind = entry.file_type().expect("a listed entry has a type");
        if kind.is_dir() && !name.starts_with('.') && !FOLDERS_SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{prefix}{name}/"), extension, found);
        } else if kind.is_file() && Path::new(&name).extension().is_some_and(|found| found == extension) {
            found.push(format!("{prefix}{name}"));
        }
    }
}

/// Every .rs file of the repository.
///
/// # Panics
///
/// When a file cannot be read or is not UTF-8.
pub fn sources(root: &Path) -> Vec<Source> {
    let read = |path: String| {
        let text = fs::read_to_string(root.join(&path)).expect("a source file is readable UTF-8");
        Source::new(&path, &text)
    };
    let mut sources: Vec<Source> = files(root, "rs").into_iter().map(read).collect();
    mark_test_modules(&mut sources);
    sources
}
