//! Who may depend on whom: the arrows between our crates, and which external crate may enter which room.
//!
//! Benchmarks and test crates may depend on anything; nothing may depend on them.

use crate::Finding;
use crate::mask::find_words;
use crate::metadata::{Dependency, Kind, Package};

/// Crate, and the crates of ours that it may depend on. A permission, not a duty.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("vencejo-protocol", &[]),
    ("vencejo-types", &["vencejo-protocol"]),
    ("vencejo-expr", &["vencejo-types"]),
    ("vencejo-model", &["vencejo-types"]),
    ("vencejo-windows", &["vencejo-types", "vencejo-expr"]),
    ("vencejo-rules", &["vencejo-types", "vencejo-expr"]),
    ("vencejo-core", &["vencejo-types", "vencejo-expr", "vencejo-model", "vencejo-windows", "vencejo-rules"]),
    (
        "vencejo-sql",
        &[
            "vencejo-types",
            "vencejo-expr",
            "vencejo-model",
            "vencejo-windows",
            "vencejo-rules",
            "vencejo-core",
        ],
    ),
    ("vencejo-journal", &["vencejo-types", "vencejo-core"]),
    ("vencejo-runtime", &["vencejo-types", "vencejo-core", "vencejo-journal"]),
    ("vencejo-gateway", &["vencejo-protocol", "vencejo-types", "vencejo-core", "vencejo-runtime"]),
    ("vencejo-client", &["vencejo-protocol"]),
    (
        "vencejo",
        &[
            "vencejo-protocol",
            "vencejo-types",
            "vencejo-expr",
            "vencejo-model",
            "vencejo-windows",
            "vencejo-rules",
            "vencejo-core",
            "vencejo-sql",
            "vencejo-journal",
            "vencejo-runtime",
            "vencejo-gateway",
            "vencejo-client",
        ],
    ),
];

/// Further arrows that only tests and benchmarks of a crate may draw: (crate, crate depended on).
pub const DEV_ARROWS: &[(&str, &str)] =
    &[("vencejo-runtime", "vencejo-expr"), ("vencejo-runtime", "vencejo-windows")];

/// External crate, and the crates of ours that may depend on it. DECISIONS.md has the reasons.
pub const EXTERNALS: &[(&str, &[&str])] = &[
    // Pure rooms.
    ("bumpalo", &["vencejo-expr", "vencejo-rules", "vencejo-core"]),
    ("h3o", &["vencejo-expr"]),
    ("libm", &["vencejo-expr"]),
    ("md-5", &["vencejo-expr"]),
    ("regex-automata", &["vencejo-expr"]),
    ("rkyv", &["vencejo-windows", "vencejo-core"]),
    ("sha1", &["vencejo-expr"]),
    ("sha2", &["vencejo-expr"]),
    ("sqlparser", &["vencejo-sql"]),
    ("xxhash-rust", &["vencejo-protocol", "vencejo-expr"]),
    ("serde", &["vencejo-model", "vencejo"]),
    ("serde_json", &["vencejo-model", "vencejo"]),
    // The rim.
    ("actix", &["vencejo-runtime", "vencejo"]),
    ("actix-rt", &["vencejo-runtime", "vencejo"]),
    ("bytes", &["vencejo-protocol", "vencejo-runtime", "vencejo-gateway", "vencejo-client", "vencejo"]),
    ("crc32c", &["vencejo-journal"]),
    ("zstd", &["vencejo-journal"]),
    ("crossbeam-queue", &["vencejo-runtime"]),
    ("crossbeam-utils", &["vencejo-runtime"]),
    ("quinn", &["vencejo-gateway", "vencejo-client", "vencejo"]),
    ("ring", &["vencejo-journal", "vencejo-client", "vencejo"]),
    ("rustls", &["vencejo-gateway", "vencejo-client", "vencejo"]),
    ("simd-json", &["vencejo-gateway"]),
    ("tokio", &["vencejo-runtime", "vencejo-gateway", "vencejo-client", "vencejo"]),
    ("tokio-util", &["vencejo-runtime", "vencejo-gateway", "vencejo-client", "vencejo"]),
    ("tracing", &["vencejo-runtime", "vencejo-gateway", "vencejo"]),
    // The binary.
    ("clap", &["vencejo"]),
    ("comfy-table", &["vencejo"]),
    ("csv", &["vencejo"]),
    ("csv-core", &["vencejo"]),
    ("flate2", &["vencejo"]),
    ("hdrhistogram", &["vencejo-runtime", "vencejo"]),
    ("indicatif", &["vencejo"]),
    ("jiff", &["vencejo-expr", "vencejo"]),
    ("memchr", &["vencejo"]),
    ("mimalloc", &["vencejo"]),
    ("rcgen", &["vencejo"]),
    ("rustix", &["vencejo-journal", "vencejo"]),
    ("thread-priority", &["vencejo-runtime", "vencejo"]),
    ("toml", &["vencejo"]),
    ("tracing-subscriber", &["vencejo"]),
];

/// External crates that any crate's tests may use, and nothing but tests.
pub const EXTERNALS_FOR_TESTS: &[&str] = &["proptest", "tempfile"];

/// External crates that the tests of one crate may use besides: (external crate, crate of ours).
pub const EXTERNALS_FOR_TESTS_OF: &[(&str, &str)] = &[
    ("allocation-counter", "vencejo-model"),
    ("allocation-counter", "vencejo-windows"),
    ("allocation-counter", "vencejo-rules"),
    ("bumpalo", "vencejo-sql"),
    ("rustix", "vencejo"),
];

/// Finds arrows between our crates that the table does not have.
pub fn check_arrows(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.is_ours) {
            if let Some(problem) = arrow_problem(packages, package, dependency) {
                findings.push(package.finding(&dependency.name, problem));
            }
        }
    }
    findings
}

fn arrow_problem(packages: &[Package], from: &Package, dependency: &Dependency) -> Option<String> {
    let to = &dependency.name;
    if packages.iter().any(|package| package.name == *to && package.is_bench_or_test()) {
        return Some(format!("nothing may depend on {to}: it is a benchmark or a test crate"));
    }
    let listed = row(ARROWS, &from.name).is_some_and(|allowed| allowed.contains(&to.as_str()));
    let listed_for_tests = dependency.kind == Kind::Dev
        && DEV_ARROWS.iter().any(|&(crate_, allowed)| crate_ == from.name && allowed == to);
    if from.is_bench_or_test() || listed || listed_for_tests {
        return None;
    }
    Some(format!(
        "{} -> {to} is not an arrow of the design; ask for the value as an argument, or add the arrow to \
         ARROWS in tests/tidy/src/arrows.rs and to DECISIONS.md, with the reason",
        from.name
    ))
}

/// Finds external crates in rooms that the tables do not let them into.
pub fn check_externals(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| !package.is_bench_or_test()) {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_ours) {
            if !may_enter(dependency, &package.name) {
                findings.push(package.finding(
                    &dependency.name,
                    format!(
                        "{} may not enter {}{}; do without it, or add it to EXTERNALS in \
                         tests/tidy/src/arrows.rs and to DECISIONS.md, with the reason",
                        dependency.name,
                        package.name,
                        if dependency.kind == Kind::Dev { "'s tests" } else { "" },
                    ),
                ));
            }
        }
    }
    findings
}

fn may_enter(dependency: &Dependency, room: &str) -> bool {
    let name = dependency.name.as_str();
    let for_tests = EXTERNALS_FOR_TESTS.contains(&name) || EXTERNALS_FOR_TESTS_OF.contains(&(name, room));
    row(EXTERNALS, name).is_some_and(|rooms| rooms.contains(&room))
        || dependency.kind == Kind::Dev && for_tests
}

/// Finds crates that the table of arrows lacks, and rows of it whose crate is gone.
pub fn check_tables(packages: &[Package]) -> Vec<Finding> {
    let unknown = packages
        .iter()
        .filter(|package| !package.is_bench_or_test() && row(ARROWS, &package.name).is_none())
        .map(|package| {
            let problem = "this crate has no row in ARROWS of tests/tidy/src/arrows.rs; add one";
            package.finding("name", problem)
        });
    let gone = ARROWS.iter().filter(|(name, _)| !packages.iter().any(|package| package.name == *name));
    let gone = gone.map(|(name, _)| {
        let problem = format!("ARROWS has a row for {name}, which is not a crate here; remove the row");
        Finding::new("tests/tidy/src/arrows.rs", 1, problem)
    });
    unknown.chain(gone).collect()
}

/// Finds external crates of the tables that the decisions do not name.
pub fn check_decided(decisions: &str) -> Vec<Finding> {
    let for_tests_of = EXTERNALS_FOR_TESTS_OF.iter().map(|(name, _)| name);
    let names = EXTERNALS.iter().map(|(name, _)| name).chain(EXTERNALS_FOR_TESTS).chain(for_tests_of);
    let absent = names.filter(|name| find_words(decisions, name).next().is_none());
    absent.map(|name| Finding::new("DECISIONS.md", 1, format!("say why {name} is a dependency"))).collect()
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(row, _)| *row == name).map(|&(_, cells)| cells)
}
