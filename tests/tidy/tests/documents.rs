//! Documents: there, true where a program can tell, and a bad example of each rule is found.

use std::fs;

use vencejo_tidy::documents::{
    DOCUMENTS, Document, check_error_codes, check_exist, check_limits, check_links, check_map,
    check_test_command, links,
};
use vencejo_tidy::metadata::{Package, packages};
use vencejo_tidy::{assert_none, tree};

/// A document's text; empty if it is missing, which is another test's finding.
fn read(path: &str) -> String {
    fs::read_to_string(tree::root().join(path)).unwrap_or_default()
}

#[test]
fn documents_exist() {
    assert_none(&check_exist(&tree::root(), DOCUMENTS));
}

#[test]
fn missing_document_is_found() {
    let findings = check_exist(&tree::root(), &["Cargo.toml", "NO_SUCH_FILE.md"]);
    let files: Vec<&str> = findings.iter().map(|finding| finding.file.as_str()).collect();
    assert_eq!(files, ["NO_SUCH_FILE.md"]);
}

#[test]
fn map_names_every_crate() {
    let map = read("ARCHITECTURE.md");
    let map = Document { path: "ARCHITECTURE.md", text: &map };
    assert_none(&check_map(map, &packages(&tree::root())));
}

#[test]
fn crate_that_the_map_lacks_is_found() {
    let cases = [
        ("engine/core", "`engine/core`: the transition.", true),
        ("engine/core", "engine/core/  the transition", true),
        ("engine/core", "engine/corelib", false),
        ("engine/core", "old-engine/core", false),
        ("engine/core", "core", false),
        ("engine/core", "", false),
        ("protocol", "protocol/  frames and rows", true),
        ("protocol", "| `protocol` | frames |", true),
        ("protocol", "the protocol", false),
    ];
    for (folder, text, named) in cases {
        let package = Package {
            name: String::new(),
            folder: folder.to_owned(),
            manifest: String::new(),
            dependencies: Vec::new(),
        };
        let map = Document { path: "ARCHITECTURE.md", text };
        assert_eq!(check_map(map, &[package]).is_empty(), named, "{folder}: {text}");
    }
}

#[test]
fn links_lead_somewhere() {
    let root = tree::root();
    let mut findings = Vec::new();
    for path in tree::files(&root, "md") {
        findings.extend(check_links(&root, Document { path: &path, text: &read(&path) }));
    }
    assert_none(&findings);
}

#[test]
fn dead_link_is_found() {
    let cases = [
        ("README.md", "[a](Cargo.toml)", true),
        ("README.md", "[a](./tests/tidy/Cargo.toml#b)", true),
        ("tests/tidy/README.md", "[a](../../Cargo.toml) [b](/protocol)", true),
        ("README.md", "[a](https://example.org/b) [c](#d) `[e](f)`", true),
        ("README.md", "```\n[a](b)\n```", true),
        ("README.md", "[a](no_such_file)", false),
        ("README.md", "[a](Cargo.toml) and ![b](no_such_file \"title\")", false),
        ("README.md", "[a]: no_such_file", false),
        ("README.md", "[a](../)", false),
    ];
    for (path, text, alive) in cases {
        let findings = check_links(&tree::root(), Document { path, text });
        assert_eq!(findings.is_empty(), alive, "{text}: {findings:?}");
    }
}

#[test]
fn links_are_read_with_their_lines() {
    let found = links("a\n[b](c) ![d](<e>)\n[f]: g \"h\"\n");
    assert_eq!(found, [(2, "c".to_owned()), (2, "e".to_owned()), (3, "g".to_owned())]);
}

#[test]
fn specification_has_every_error_code() {
    let (source, spec) = (read("protocol/src/error.rs"), read("protocol/SPEC.md"));
    assert_none(&check_error_codes(
        Document { path: "protocol/src/error.rs", text: &source },
        Document { path: "protocol/SPEC.md", text: &spec },
    ));
}

#[test]
fn error_code_that_the_specification_lacks_is_found() {
    let source = "error_codes! {\n    /// Full.\n    Overloaded = 300, \"overloaded\";\n}\n";
    let cases = [
        (source, "| 300 | `overloaded` | The lane is full. |", 0),
        (source, "| 301 | `overloaded` |", 1),
        (source, "| 300 | `shutting_down` |", 1),
        (source, "300\noverloaded", 1),
        (source, "| 3000 | overloaded_much |", 1),
        ("enum ErrorCode { Overloaded }", "", 1),
    ];
    for (source, spec, count) in cases {
        let source = Document { path: "protocol/src/error.rs", text: source };
        let findings = check_error_codes(source, Document { path: "protocol/SPEC.md", text: spec });
        assert_eq!(findings.len(), count, "{spec}: {findings:?}");
    }
}

#[test]
fn specification_names_every_limit() {
    let (source, spec) = (read("protocol/src/limits.rs"), read("protocol/SPEC.md"));
    assert_none(&check_limits(
        Document { path: "protocol/src/limits.rs", text: &source },
        Document { path: "protocol/SPEC.md", text: &spec },
    ));
}

#[test]
fn limit_that_the_specification_lacks_is_found() {
    let source = "/// Longest row.\npub const ROW_BYTES_MAX: usize = 1;\n";
    let cases = [
        (source, "`ROW_BYTES_MAX` is 1", 0),
        (source, "`ROW_BYTES_MAXIMUM`", 1),
        (source, "", 1),
        ("const A: usize = 1;", "A", 1),
    ];
    for (source, spec, count) in cases {
        let source = Document { path: "protocol/src/limits.rs", text: source };
        let findings = check_limits(source, Document { path: "protocol/SPEC.md", text: spec });
        assert_eq!(findings.len(), count, "{spec}: {findings:?}");
    }
}

#[test]
fn test_command_is_the_same_everywhere() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    assert_none(&check_test_command(&[
        Document { path: "README.md", text: &readme },
        Document { path: ".ci/run", text: &ci },
    ]));
}

#[test]
fn other_test_command_is_found() {
    let cases = [
        ("```\ncargo test --workspace\n```", 0),
        ("Run `cargo test --workspace`.", 0),
        ("cargo test --workspace   # every test", 0),
        ("cargo test --workspace --locked", 1),
        ("# cargo test --workspace", 1),
        ("cargo test", 1),
    ];
    for (text, count) in cases {
        let findings = check_test_command(&[Document { path: "README.md", text }]);
        assert_eq!(findings.len(), count, "{text}");
    }
}
