//! What the pure rooms may not touch; where the clock, randomness and unsafe code have their addresses.

use crate::Finding;
use crate::source::{Source, used_paths};

/// Folders of the crates that do no I/O and know no clock, randomness, thread, log or async.
pub const PURE_ROOMS: &[&str] = &[
    "protocol/",
    "engine/types/",
    "engine/expr/",
    "engine/model/",
    "engine/windows/",
    "engine/rules/",
    "engine/core/",
    "engine/sql/",
];

/// Modules and types that no pure room may name.
const IMPURE_PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::hash::RandomState",
    "std::collections::hash_map::RandomState",
    "tokio",
    "tracing",
    "rand",
];

/// Words of code that have no place in a pure room.
const IMPURE_WORDS: &[&str] = &[
    "async fn",
    "async move",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "Instant",
    "SystemTime",
];

/// The files that may read the clock, and the folders whose programs may.
pub const CLOCKS: &[&str] =
    &["engine/runtime/src/clock.rs", "bindings/client/src/clock.rs", "bench/", "tests/"];

/// Calls that read the clock.
const CLOCK_READS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];

/// The files that may draw randomness, and the folders whose programs may.
pub const DICE: &[&str] = &["bench/", "tests/", "engine/journal/src/snapshot/seal.rs"];

/// Words that draw randomness.
const DICE_THROWS: &[&str] = &["rand::", "fastrand::", "getrandom::", "RandomState"];

/// The files that may hold unsafe code: the vector kernels of the trees, the calls of C libraries in
/// their benchmark, and those of the allocator. DECISIONS.md has the arguments.
pub const UNSAFE_ADDRESSES: &[&str] = &[
    "bench/trees/src/ffi/boosters.rs",
    "bench/trees/src/ffi/compiled.rs",
    "bench/trees/src/ffi/mod.rs",
    "bench/trees/src/ffi/onnx.rs",
    "bench/trees/src/ffi/treelite.rs",
    "engine/model/src/compiled/mod.rs",
    "engine/model/src/compiled/simd/banks.rs",
    "engine/model/src/compiled/simd/mod.rs",
    "engine/model/src/compiled/simd/pieces.rs",
    "engine/model/src/compiled/simd/rows.rs",
    "engine/model/src/compiled/simd/walk.rs",
    "engine/server/src/reserve.rs",
];

/// Finds I/O, clocks, randomness, threads, logs and async in the code of the pure rooms, tests apart.
pub fn check_pure_rooms(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| PURE_ROOMS.iter().any(|room| source.path.starts_with(room)))
    {
        let uses = used_paths(source);
        for &path in IMPURE_PATHS {
            let inside = format!("{path}::");
            let used = uses.iter().filter(|(_, used)| *used == path || used.starts_with(&inside));
            let lines = used.map(|&(line, _)| line).chain(source.lines_with(&inside));
            report(source, path, lines, &mut findings);
        }
        for word in IMPURE_WORDS {
            report(source, word, source.lines_with(word), &mut findings);
        }
    }
    findings
}

fn report(source: &Source, word: &str, lines: impl Iterator<Item = usize>, findings: &mut Vec<Finding>) {
    let mut lines: Vec<usize> = lines.filter(|&line| !source.is_test_line(line)).collect();
    lines.sort_unstable();
    lines.dedup();
    findings.extend(lines.into_iter().map(|line| {
        let problem = format!("{word} in a pure room; take the value as an argument, or return an effect");
        source.finding(line, problem)
    }));
}

/// Finds reads of the clock outside its addresses. Whoever wants the time is told it. The client may ask
/// tokio's clock, which its tests can stop.
pub fn check_clock(sources: &[Source]) -> Vec<Finding> {
    let has_tokio_clock = |source: &Source| {
        source.path.starts_with("bindings/client/")
            && used_paths(source).iter().any(|(_, path)| path == "tokio::time::Instant")
    };
    let (client, others): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| has_tokio_clock(source));
    let problem = "reads the clock; ask engine/runtime/src/clock.rs for the time";
    let mut findings = outside(&others, CLOCKS, CLOCK_READS, problem);
    findings.extend(outside(&client, CLOCKS, &["SystemTime::now", "std::time::Instant::now"], problem));
    findings
}

/// Finds randomness outside its addresses.
pub fn check_randomness(sources: &[Source]) -> Vec<Finding> {
    let problem = "draws randomness; take the value as an argument, or add the file to DICE in \
                   tests/tidy/src/purity.rs and to DECISIONS.md, with the reason";
    outside(&sources.iter().collect::<Vec<_>>(), DICE, DICE_THROWS, problem)
}

/// Where code that is not a test says one of `words` outside `addresses`.
fn outside(sources: &[&Source], addresses: &[&str], words: &[&str], problem: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !addresses.iter().any(|at| source.path.starts_with(at))) {
        for word in words {
            let lines = source.lines_with(word).filter(|&line| !source.is_test_line(line));
            findings.extend(lines.map(|line| source.finding(line, format!("{word} {problem}"))));
        }
    }
    findings
}

/// Finds `unsafe` outside `addresses`, in tests, too.
pub fn check_unsafe(sources: &[Source], addresses: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !addresses.contains(&source.path.as_str())) {
        findings.extend(source.lines_with("unsafe").map(|line| {
            let problem = "unsafe code has an address; write it safely, or add the file to UNSAFE_ADDRESSES \
                           in tests/tidy/src/purity.rs and to DECISIONS.md, with the safety argument";
            source.finding(line, problem)
        }));
    }
    findings
}

/// Finds crates that do not forbid unsafe code, unless one of `addresses` lies in them: those deny it, as
/// the workspace's lints do.
pub fn check_forbids_unsafe(sources: &[Source], addresses: &[&str]) -> Vec<Finding> {
    let roots = sources.iter().filter(|source| source.is_crate_root());
    let roots = roots.filter(|source| !source.code.contains("#![forbid(unsafe_code)]"));
    let roots = roots.filter(|source| {
        let folder = source.path.split("src/").next().unwrap_or_default();
        !addresses.iter().any(|address| address.starts_with(folder))
    });
    roots.map(|source| source.finding(1, "write #![forbid(unsafe_code)] below the module's doc")).collect()
}
