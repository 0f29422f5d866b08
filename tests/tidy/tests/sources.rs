//! Source files: as agreed, and a bad example of each rule is found.

use vencejo_tidy::source::Source;
use vencejo_tidy::{Finding, assert_none, form, purity, tree, words};

type Check = fn(&[Source]) -> Vec<Finding>;

/// Demands that a check finds nothing in the repository.
fn holds(check: Check) {
    let sources = tree::sources(&tree::root());
    assert!(!sources.is_empty(), "no source file found: the walk is broken");
    assert_none(&check(&sources));
}

/// Demands that a check finds exactly these lines in each example: (path, text, lines).
fn finds(check: Check, examples: &[(&str, &str, &[usize])]) {
    for (path, text, expected) in examples {
        let findings = check(&[Source::new(path, text)]);
        let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, *expected, "{path}: {text}\n{findings:?}");
    }
}

#[test]
fn pure_rooms_are_pure() {
    holds(purity::check_pure_rooms);
}

#[test]
fn impurity_in_a_pure_room_is_found() {
    let core = "engine/core/src/a.rs";
    finds(
        purity::check_pure_rooms,
        &[
            (core, "use std::fs;\n", &[1]),
            (core, "use std::{\n    fmt,\n    net::IpAddr,\n};\n", &[1]),
            (core, "fn a() {\n    std::thread::spawn(b);\n}\n", &[2]),
            (core, "use std::time::Instant;\n", &[1, 1]),
            (core, "fn a(at: SystemTime) {}\n", &[1]),
            (core, "use tokio::sync::mpsc;\n", &[1]),
            (core, "fn a() { tracing::info!(\"b\") }\n", &[1]),
            (core, "pub async fn a() {}\n", &[1]),
            (core, "fn a() { println!(\"b\") }\n", &[1]),
            (core, "fn a() { eprintln!(\"b\") }\n", &[1]),
            (core, "use std::time::Duration;\n", &[]),
            (core, "// std::fs, tokio::spawn, println!\nconst A: &str = \"std::fs::read\";\n", &[]),
            (core, "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n", &[]),
            ("engine/core/tests/a.rs", "use std::fs;\n", &[]),
            ("engine/gateway/src/a.rs", "use std::net::IpAddr;\n", &[]),
        ],
    );
}

#[test]
fn clock_has_an_address() {
    holds(purity::check_clock);
}

#[test]
fn read_of_the_clock_elsewhere_is_found() {
    let text = "fn a() {\n    let _ = Instant::now();\n    let _ = std::time::SystemTime::now();\n}\n";
    finds(
        purity::check_clock,
        &[
            ("engine/gateway/src/a.rs", text, &[2, 3]),
            ("engine/gateway/tests/a.rs", text, &[]),
            ("engine/runtime/src/clock.rs", text, &[]),
            ("bindings/client/src/clock.rs", text, &[]),
            ("bindings/client/src/lib.rs", text, &[2, 3]),
            (
                "bindings/client/src/b.rs",
                "use tokio::time::{Instant, sleep};\nfn a() { Instant::now(); }\n",
                &[],
            ),
            ("engine/gateway/src/b.rs", "use tokio::time::Instant;\nfn a() { Instant::now(); }\n", &[2]),
            ("bench/report/src/main.rs", text, &[]),
        ],
    );
}

#[test]
fn randomness_has_an_address() {
    holds(purity::check_randomness);
}

#[test]
fn randomness_elsewhere_is_found() {
    finds(
        purity::check_randomness,
        &[
            ("engine/core/src/a.rs", "fn a() -> u8 { rand::random() }\n", &[1]),
            ("engine/core/src/a.rs", "struct A(std::hash::RandomState);\n", &[1]),
            ("engine/core/src/a.rs", "fn operand::b() {}\n", &[]),
            ("bench/report/src/main.rs", "fn a() -> u8 { rand::random() }\n", &[]),
        ],
    );
}

#[test]
fn unsafe_code_has_an_address() {
    holds(|sources| purity::check_unsafe(sources, purity::UNSAFE_ADDRESSES));
    holds(|sources| purity::check_forbids_unsafe(sources, purity::UNSAFE_ADDRESSES));
}

#[test]
fn unsafe_code_elsewhere_is_found() {
    let text = "fn a() {\n    unsafe { b() }\n}\n";
    finds(
        |sources| purity::check_unsafe(sources, &["engine/model/src/walk.rs"]),
        &[
            ("engine/model/src/lib.rs", text, &[2]),
            ("engine/model/tests/a.rs", text, &[2]),
            ("engine/model/src/walk.rs", text, &[]),
            ("engine/model/src/lib.rs", "#![forbid(unsafe_code)]\n// unsafe\n", &[]),
        ],
    );
}

#[test]
fn crate_that_does_not_forbid_unsafe_is_found() {
    finds(
        |sources| purity::check_forbids_unsafe(sources, &["engine/model/src/walk.rs"]),
        &[
            ("engine/core/src/lib.rs", "//! A.\n", &[1]),
            ("engine/server/src/main.rs", "//! A.\n// #![forbid(unsafe_code)]\n", &[1]),
            ("engine/server/src/bin/a.rs", "//! A.\n", &[1]),
            ("engine/core/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n", &[]),
            ("engine/core/src/a.rs", "//! A.\n", &[]),
            ("engine/model/src/lib.rs", "//! A.\n", &[]),
        ],
    );
}

#[test]
fn files_are_short() {
    holds(form::check_file_lines);
}

#[test]
fn long_file_is_found() {
    let fits = "//\n".repeat(form::FILE_LINES_MAX);
    let long = "//\n".repeat(form::FILE_LINES_MAX + 1);
    finds(
        form::check_file_lines,
        &[
            ("a/src/lib.rs", &fits, &[]),
            ("a/src/lib.rs", &long, &[form::FILE_LINES_MAX + 1]),
            ("a/tests/b.rs", &long, &[]),
        ],
    );
}

#[test]
fn functions_are_short() {
    holds(form::check_function_lines);
}

#[test]
fn long_function_is_found() {
    let body = |lines: usize| format!("\nfn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2));
    finds(
        form::check_function_lines,
        &[
            ("a/src/lib.rs", &body(form::FUNCTION_LINES_MAX), &[]),
            ("a/src/lib.rs", &body(form::FUNCTION_LINES_MAX + 1), &[2]),
        ],
    );
}

#[test]
fn files_begin_with_their_purpose() {
    holds(form::check_module_docs);
}

#[test]
fn file_without_a_purpose_is_found() {
    finds(
        form::check_module_docs,
        &[
            ("a/src/lib.rs", "//! What it is for.\n", &[]),
            ("a/src/lib.rs", "", &[1]),
            ("a/src/lib.rs", "//!\n", &[1]),
            ("a/src/lib.rs", "//! \n", &[1]),
            ("a/src/lib.rs", "use a;\n//! Late.\n", &[1]),
            ("a/src/lib.rs", "// A comment.\n", &[1]),
            ("a/tests/b.rs", "// A comment.\n", &[]),
        ],
    );
}

#[test]
fn white_space_is_clean() {
    holds(form::check_white_space);
}

#[test]
fn stray_white_space_is_found() {
    finds(
        form::check_white_space,
        &[
            ("a/src/lib.rs", "//! A.\n", &[]),
            ("a/src/lib.rs", "//! A.\n\tb\n", &[2]),
            ("a/src/lib.rs", "//! A. \nb\n", &[1]),
            ("a/src/lib.rs", "//! A.\r\n", &[1]),
            ("a/src/lib.rs", "//! A.\nb", &[2]),
        ],
    );
}

#[test]
fn lines_are_narrow() {
    holds(form::check_line_columns);
}

#[test]
fn wide_line_is_found() {
    let wide = "x".repeat(form::LINE_COLUMNS_MAX);
    finds(
        form::check_line_columns,
        &[
            ("a/src/lib.rs", &format!("{wide}\n"), &[]),
            ("a/src/lib.rs", &format!("\n{wide}x\n"), &[2]),
            ("a/src/lib.rs", &format!("// {wide}\n"), &[1]),
            ("a/src/lib.rs", &"ü".repeat(form::LINE_COLUMNS_MAX), &[]),
            ("a/src/lib.rs", &format!("a(\"{wide} x\");\n"), &[]),
            ("a/src/lib.rs", &format!("//! | a | {wide} |\n"), &[]),
            ("a/src/lib.rs", &format!("//! https://{wide}\n"), &[]),
        ],
    );
}

#[test]
fn notes_are_done() {
    holds(words::check_notes);
}

#[test]
fn note_is_found() {
    finds(
        words::check_notes,
        &[
            ("a/src/lib.rs", "// TODO: b\n", &[1]),
            ("a/src/lib.rs", "a();\n/* FIXME */\n", &[2]),
            ("a/src/lib.rs", "/// XXX\n/// HACK\n", &[1, 2]),
            ("a/src/lib.rs", "const A: &str = \"TODO\";\n// todo, HACKER\n", &[]),
        ],
    );
}

#[test]
fn unwrap_is_for_tests() {
    holds(words::check_unwrap);
}

#[test]
fn unwrap_outside_tests_is_found() {
    finds(
        words::check_unwrap,
        &[
            ("a/src/lib.rs", "fn a() {\n    b.unwrap();\n}\n", &[2]),
            ("a/benches/b.rs", "fn a() {\n    b.unwrap();\n}\n", &[2]),
            ("a/src/lib.rs", "b.unwrap_or(1); // c.unwrap()\n", &[]),
            ("a/src/lib.rs", "#[cfg(test)]\nmod tests {\n    fn a() { b.unwrap() }\n}\n", &[]),
            ("a/tests/b.rs", "fn a() { b.unwrap() }\n", &[]),
        ],
    );
}

#[test]
fn nothing_sleeps() {
    holds(words::check_sleep);
}

#[test]
fn sleep_is_found() {
    finds(
        words::check_sleep,
        &[
            ("a/tests/b.rs", "fn a() {\n    std::thread::sleep(b);\n}\n", &[2]),
            ("a/tests/b.rs", "// thread::sleep\n", &[]),
        ],
    );
}

#[test]
fn ignored_tests_have_reasons() {
    holds(words::check_ignored_tests);
}

#[test]
fn ignored_test_without_a_reason_is_found() {
    finds(
        words::check_ignored_tests,
        &[
            ("a/tests/b.rs", "#[test]\n#[ignore]\nfn a() {}\n", &[2]),
            ("a/tests/b.rs", "#[ignore = \"\"]\n", &[1]),
            ("a/tests/b.rs", "#[ignore = \"slow: 20 s\"]\n", &[]),
        ],
    );
}

#[test]
fn module_names_say_something() {
    holds(words::check_module_names);
}

#[test]
fn empty_module_name_is_found() {
    finds(
        words::check_module_names,
        &[
            ("a/src/utils.rs", "", &[1]),
            ("a/tests/common/mod.rs", "", &[1]),
            ("a/src/lib.rs", "mod a;\nmod helpers {}\n", &[2]),
            ("a/src/common_table.rs", "mod utility;\n", &[]),
        ],
    );
}
