//! Edges between crates: as designed, and a bad edge is found.

use vencejo_tidy::arrows::{check_arrows, check_decided, check_externals, check_tables};
use vencejo_tidy::metadata::{Dependency, Kind, Package, packages};
use vencejo_tidy::{Finding, assert_none, tree};

#[test]
fn arrows_are_those_of_the_design() {
    assert_none(&check_arrows(&packages(&tree::root())));
}

#[test]
fn external_crates_stay_in_their_rooms() {
    assert_none(&check_externals(&packages(&tree::root())));
}

#[test]
fn tables_name_every_crate_and_no_other() {
    assert_none(&check_tables(&packages(&tree::root())));
}

#[test]
fn decisions_name_every_external_crate() {
    let path = tree::root().join("DECISIONS.md");
    assert_none(&check_decided(&std::fs::read_to_string(path).unwrap_or_default()));
}

#[test]
fn external_crate_without_a_decision_is_found() {
    let undecided = |decisions| check_decided(decisions).len();
    assert_eq!(undecided("| clap, csv | server |"), undecided("") - 2);
    assert_eq!(undecided("clapper"), undecided(""));
}

/// A crate in a folder with one dependency, written `name`, `name!` (ours) or with a suffix `?` (for
/// tests).
fn package(name: &str, folder: &str, dependency: &str) -> Package {
    let plain = dependency.trim_end_matches(['!', '?']);
    let dependency = Dependency {
        name: plain.to_owned(),
        kind: if dependency.ends_with('?') { Kind::Dev } else { Kind::Normal },
        is_ours: dependency.contains('!'),
    };
    Package {
        name: name.to_owned(),
        folder: folder.to_owned(),
        manifest: format!("[package]\nname = \"{name}\"\n[dependencies]\n{plain}.workspace = true\n"),
        dependencies: vec![dependency],
    }
}

#[test]
fn arrow_outside_the_design_is_found() {
    #[rustfmt::skip]
    let cases = [
        // crate            folder             depends on           allowed
        ("vencejo-types",   "engine/types",    "vencejo-protocol!",  true),
        ("vencejo-core",    "engine/core",     "vencejo-expr!",      true),
        ("vencejo",         "engine/server",   "vencejo-sql!",       true),
        ("vencejo-e2e",     "tests/e2e",       "vencejo-core!",      true),
        ("bench",           "bench/report",     "vencejo-client!",    true),
        ("vencejo-types",   "engine/types",    "vencejo-core!",      false),
        ("vencejo-core",    "engine/core",     "vencejo-protocol!",  false),
        ("vencejo-core",    "engine/core",     "vencejo-sql!?",      false),
        ("vencejo-client",  "bindings/client", "vencejo-types!",     false),
        ("vencejo-protocol","protocol",        "vencejo-types!",     false),
        ("vencejo-nobody",  "engine/nobody",   "vencejo-types!",     false),
        ("vencejo",         "engine/server",   "vencejo-tidy!",      false),
        ("vencejo-e2e",     "tests/e2e",       "vencejo-tidy!",      false),
    ];
    let tidy = package("vencejo-tidy", "tests/tidy", "serde_json");
    for (name, folder, dependency, allowed) in cases {
        let findings = check_arrows(&[package(name, folder, dependency), tidy.clone()]);
        assert_eq!(findings.is_empty(), allowed, "{name} -> {dependency}: {findings:?}");
    }
}

#[test]
fn external_crate_outside_its_room_is_found() {
    #[rustfmt::skip]
    let cases = [
        // crate            folder             depends on           allowed
        ("vencejo-sql",     "engine/sql",      "sqlparser",          true),
        ("vencejo-core",    "engine/core",     "proptest?",          true),
        ("vencejo-gateway", "engine/gateway",  "rcgen?",             false),
        ("vencejo",         "engine/server",   "rcgen?",             true),
        ("bench",           "bench/report",     "anything",           true),
        ("vencejo-core",    "engine/core",     "sqlparser",          false),
        ("vencejo-core",    "engine/core",     "proptest",           false),
        ("vencejo-gateway", "engine/gateway",  "rcgen",              false),
        ("vencejo-core",    "engine/core",     "tokio?",             false),
        ("vencejo",         "engine/server",   "never-heard-of-it",  false),
    ];
    for (name, folder, dependency, allowed) in cases {
        let findings = check_externals(&[package(name, folder, dependency)]);
        assert_eq!(findings.is_empty(), allowed, "{name} -> {dependency}: {findings:?}");
    }
}

#[test]
fn finding_names_the_line_of_the_manifest() {
    let findings = check_externals(&[package("vencejo-core", "engine/core", "tokio")]);
    let place = findings.iter().map(|Finding { file, line, .. }| (file.as_str(), *line));
    assert_eq!(place.collect::<Vec<_>>(), [("engine/core/Cargo.toml", 4)]);
}

#[test]
fn crate_without_a_row_and_row_without_a_crate_are_found() {
    let findings = check_tables(&[package("vencejo-new", "engine/new", "bytes")]);
    assert!(findings.iter().any(|finding| finding.file == "engine/new/Cargo.toml"), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.problem.contains("vencejo-core")), "{findings:?}");
}
