//! Words that do not belong in source files.

use crate::Finding;
use crate::mask::{find_words, line_of};
use crate::source::Source;

/// Notes to oneself. Unfinished work stands in an issue, not in the code.
pub const NOTES: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Names of modules that say nothing about what is inside.
pub const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc"];

/// Finds notes to oneself, in code and in comments.
pub fn check_notes(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for text in [&source.code, &source.comments] {
            for note in NOTES {
                findings.extend(find_words(text, note).map(|at| {
                    let problem = format!("{note}: do it now, or open an issue and remove the note");
                    source.finding(line_of(text, at), problem)
                }));
            }
        }
    }
    findings
}

/// Finds `unwrap()` outside tests.
pub fn check_unwrap(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.lines_with(".unwrap()").filter(|&line| !source.is_test_line(line));
        findings.extend(lines.map(|line| {
            source.finding(line, "unwrap() outside tests; return the error, or expect() the invariant")
        }));
    }
    findings
}

/// Finds sleeping threads, in tests, too: a sleep hides a race.
pub fn check_sleep(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(
            source
                .lines_with("thread::sleep")
                .map(|line| source.finding(line, "a sleep hides a race; wait for the event itself")),
        );
    }
    findings
}

/// Finds tests that are ignored without a reason.
pub fn check_ignored_tests(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for attribute in ["#[ignore]", "#[ignore = \"\"]"] {
            let problem = "say why the test is ignored: #[ignore = \"reason\"]";
            findings.extend(source.lines_with(attribute).map(|line| source.finding(line, problem)));
        }
    }
    findings
}

/// Finds modules whose names say nothing: a file, a folder, or a module inside a file.
pub fn check_module_names(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for name in EMPTY_NAMES {
            let problem = format!("{name} says nothing; name the module after what is inside");
            if source.path.trim_end_matches(".rs").split('/').any(|part| part == *name) {
                findings.push(source.finding(1, problem.clone()));
            }
            let declared = format!("mod {name}");
            findings.extend(source.lines_with(&declared).map(|line| source.finding(line, problem.clone())));
        }
    }
    findings
}
