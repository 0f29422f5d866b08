//! Code, comments and literals are told apart.

use vencejo_tidy::mask::{LITERAL, find_words, mask};
use vencejo_tidy::source::{Source, functions, mark_test_modules, used_paths};

#[test]
fn comments_and_literals_are_not_code() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("a // b")"#, r#"f("@@@@@@")"#),
        (r#"f("a\"b")"#, r#"f("@@@@")"#),
        (r##"f(r#"a"b"#)"##, r##"f(r#"@@@"#)"##),
        (r#"f(b"a", c"b")"#, r#"f(b"@", c"@")"#),
        (r"f('{', '\'', '\u{7b}')", "f('@', '@@', '@@@@@@')"),
        ("fn f<'a>(a: &'a str)", "fn f<'a>(a: &'a str)"),
        ("'a: loop { break 'a }", "'a: loop { break 'a }"),
        ("r#use", "r#use"),
        ("\"a\nb\"", "\"@\n@\""),
    ];
    for (text, code) in cases {
        assert_eq!(mask(text).code.replace(LITERAL, "@"), code, "{text}");
    }
}

#[test]
fn comments_keep_their_text_and_place() {
    assert_eq!(mask("a // b").comments, "  // b");
    assert_eq!(mask("\"// a\" /* b */").comments, "       /* b */");
}

#[test]
fn words_are_whole() {
    let cases = [("unsafe {", 1), ("unsafe_code", 0), ("not_unsafe", 0), ("unsafe, unsafe", 2)];
    for (text, count) in cases {
        assert_eq!(find_words(text, "unsafe").count(), count, "{text}");
    }
}

#[test]
fn test_lines_are_those_under_cfg_test() {
    let source = Source::new(
        "a/src/lib.rs",
        "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n\
         #[cfg(test)]\nuse d::{e, f};\nfn g() {}\nstruct H {\n    #[cfg(test)]\n    i: u8,\n    j: u8,\n}\n",
    );
    let lines: Vec<usize> = (1..=15).filter(|&line| source.is_test_line(line)).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 8, 9, 12, 13]);
}

#[test]
fn files_declared_under_cfg_test_are_tests() {
    let mut sources = [
        Source::new("a/src/lib.rs", "#[cfg(test)]\nmod oracle;\nmod b;\n"),
        Source::new("a/src/oracle.rs", ""),
        Source::new("a/src/oracle/cases.rs", ""),
        Source::new("a/src/oracles.rs", ""),
        Source::new("a/src/b.rs", "#[cfg(test)]\npub(crate) mod twin;\n"),
        Source::new("a/src/b/twin.rs", ""),
        Source::new("a/src/twin.rs", ""),
        Source::new("a/tests/c.rs", ""),
        Source::new("a/src/tests.rs", ""),
    ];
    mark_test_modules(&mut sources);
    let tests: Vec<&str> = sources.iter().filter(|source| source.is_test).map(|s| s.path.as_str()).collect();
    assert_eq!(tests, ["a/src/oracle.rs", "a/src/oracle/cases.rs", "a/src/b/twin.rs", "a/tests/c.rs"]);
}

#[test]
fn functions_end_at_their_own_brace() {
    let source = Source::new(
        "a/src/lib.rs",
        "fn a(b: [u8; 3]) -> u8 {\n    fn c() {}\n    b[0]\n}\ntrait D {\n    fn e();\n}\n\
         type F = fn(u8);\nfn g() {\n    let _ = \"}\"; // }\n}\n",
    );
    let found = functions(&source).into_iter().map(|function| (function.name, function.lines));
    let expected = [("a", 1..5), ("c", 2..3), ("g", 9..12)].map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn use_groups_are_taken_apart() {
    let cases = [
        ("use a::b;", "a::b"),
        ("pub use a::b as c;", "a::b"),
        ("use ::a::{b, c as d};", "a::b a::c"),
        ("use a::{self, b::{c, d}, e};", "a a::b::c a::b::d a::e"),
        ("use {\n    a::b,\n    c,\n};", "a::b c"),
    ];
    for (text, paths) in cases {
        let source = Source::new("a/src/lib.rs", text);
        let found: Vec<String> = used_paths(&source).into_iter().map(|(_, path)| path).collect();
        assert_eq!(found.join(" "), paths, "{text}");
    }
}
