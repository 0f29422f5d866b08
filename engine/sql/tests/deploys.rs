//! Apps that take over from one another: what keeps its state and its number.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod partition;

use std::sync::Arc;

use partition::{Partition, planned};
use vencejo_core::Event;
use vencejo_core::plan::{App, Succession};
use vencejo_types::StreamId;

const STREAM: &str =
    "CREATE TABLE s (k STRING NOT NULL, x INT, at TIMESTAMP(3) NOT NULL, WATERMARK FOR at AS at)
    PARTITIONED BY (k);";
const N: &str = "CREATE MATERIALIZED VIEW n AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;";

/// A view `n` before and after: whether its counts go on.
fn check(before: &str, after: &str, goes_on: bool) {
    let mut partition = Partition::new(before);
    (0..3).for_each(|at| partition.row(0, "a", at));
    let succession = partition.deploy(after);
    assert_eq!(succession.keeps_query("n"), goes_on, "{before}\n{after}");
    let stream = succession.to().streams.iter().position(|stream| stream.name == "s");
    partition.row(u16::try_from(stream.unwrap()).unwrap(), "a", 3);
    let expected = if goes_on { 4 } else { 1 };
    assert_eq!(partition.numbers("SELECT n FROM n WHERE k = 'a'"), [expected], "{before}\n{after}");
}

#[test]
fn state_goes_on_where_nothing_in_front_of_it_has_changed() {
    let other = "CREATE TABLE o (k STRING NOT NULL, at TIMESTAMP(3) NOT NULL) PARTITIONED BY (k);";
    let m = "CREATE MATERIALIZED VIEW m AS SELECT k, MAX(x) AS n FROM s GROUP BY k;";
    let twin = N.replace("VIEW n", "VIEW twin");
    let before = format!("{STREAM}{N}");
    let shape = |text: &str| format!("{STREAM}{text}");
    for (after, goes_on) in [
        (before.clone(), true),
        (format!("-- moved\n\n{STREAM}\n{N}"), true),
        (format!("{other}{STREAM}{m}{N}"), true),
        // An equal view in front of it does not take its state.
        (format!("{STREAM}{twin}{N}"), true),
        (shape("CREATE MATERIALIZED VIEW n AS SELECT s.k AS k, COUNT(*) AS n FROM s GROUP BY k;"), true),
        (
            shape("CREATE MATERIALIZED VIEW n AS SELECT k, COUNT(*) AS n FROM s WHERE x IS NULL GROUP BY k;"),
            false,
        ),
        (
            shape("CREATE MATERIALIZED VIEW n AS SELECT k, COUNT(*) AS n, MAX(x) AS m FROM s GROUP BY k;"),
            false,
        ),
        (
            shape(
                "CREATE MATERIALIZED VIEW n WITH ('ttl' = '1 h') AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;",
            ),
            false,
        ),
        (before.replace("x INT", "x BIGINT"), false),
        (before.replace("AS at)", "AS at - INTERVAL '1' SECOND)"), false),
        (before.replace("x INT,", "x INT, y INT,"), false),
        (before.replace("PARTITIONED BY (k)", "PARTITIONED BY (k, x)"), false),
    ] {
        check(&before, &after, goes_on);
    }
    let pattern = |text: &str| {
        shape(&format!(
            "CREATE MATERIALIZED VIEW n AS SELECT k, COUNT(*) AS n FROM s WHERE REGEXP(k, '{text}') GROUP BY k;"
        ))
    };
    check(&pattern("a+"), &pattern("a+"), true);
    check(&pattern("a+"), &pattern("a*"), false);
    let look_up = |value: &str| {
        format!(
            "CREATE LOOKUP l (k STRING, v STRING, PRIMARY KEY (k) NOT ENFORCED) AS VALUES ('a', '{value}'); {STREAM}
            CREATE MATERIALIZED VIEW n AS SELECT k, COUNT(*) AS n FROM s WHERE LOOKUP(l, k) IS NOT NULL GROUP BY k;"
        )
    };
    check(&look_up("x"), &look_up("x"), true);
    check(&look_up("x"), &look_up("y"), false);
}

#[test]
fn a_renamed_view_keeps_its_state() {
    let mut partition = Partition::new(&format!("{STREAM}{N}"));
    partition.row(0, "a", 1);
    partition.deploy(&format!("{STREAM}{}", N.replace("VIEW n", "VIEW counts")));
    assert_eq!(partition.numbers("SELECT n FROM counts"), [1]);
}

#[test]
fn open_windows_go_on_and_close() {
    let windows = "CREATE MATERIALIZED VIEW w AS SELECT k, window_end, COUNT(*) AS n
        FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(at), INTERVAL '1' SECOND)) GROUP BY k, window_start, window_end;";
    let mut partition = Partition::new(&format!("{STREAM}{windows}"));
    partition.row(0, "a", 100);
    partition.row(0, "a", 1_100);
    partition.row(0, "a", 1_200);
    // A second view of the same stream begins with the stream's watermark, and takes no late rows.
    let later = windows.replace("VIEW w", "VIEW later").replace("'1' SECOND", "'2' SECOND");
    partition.deploy(&format!("{STREAM}{N}{later}{windows}"));
    partition.row(0, "a", 1_300);
    partition.row(0, "b", 2_000);
    assert_eq!(partition.numbers("SELECT n FROM w WHERE k = 'a' ORDER BY window_end"), [1, 3]);
    partition.row(0, "b", 4_000);
    assert_eq!(partition.numbers("SELECT n FROM later WHERE k = 'a'"), [1]);
    assert_eq!(partition.numbers("SELECT n FROM n ORDER BY 1"), [1, 2]);
}

#[test]
fn numbers_stay_with_name_and_columns_and_are_not_used_again() {
    let stream = |name: &str, column: &str| {
        format!(
            "CREATE TABLE {name} (k STRING NOT NULL, {column} INT, at TIMESTAMP(3) NOT NULL) PARTITIONED BY (k);"
        )
    };
    let decision = |name: &str, on: &str, answer: &str| {
        format!("CREATE DECISION {name} ON {on} WITH ('deadline' = '1 s') AS SELECT 1 AS {answer} FROM {on};")
    };
    let names = |app: &App| app.streams.iter().map(|stream| stream.name.clone()).collect::<Vec<_>>();
    let decisions =
        |app: &App| app.decisions.iter().map(|it| (it.name.clone(), it.stream.0)).collect::<Vec<_>>();
    let owned =
        |list: &[(&str, u16)]| list.iter().map(|&(name, id)| (name.to_owned(), id)).collect::<Vec<_>>();
    let mut partition = Partition::new(
        &[stream("a", "x"), stream("b", "x"), decision("d", "b", "one"), decision("e", "a", "one")].concat(),
    );
    let second = partition.deploy(
        &[stream("c", "x"), stream("b", "x"), decision("f", "c", "one"), decision("d", "b", "one")].concat(),
    );
    assert_eq!(names(second.to()), ["", "b", "c"]);
    assert_eq!(decisions(second.to()), owned(&[("d", 1), ("", 0), ("f", 2)]));
    // Other columns are another stream; the first one back is a new one.
    let third = partition.deploy(
        &[
            stream("a", "x"),
            stream("b", "y"),
            stream("c", "x"),
            decision("d", "b", "one"),
            decision("f", "c", "two"),
        ]
        .concat(),
    );
    assert_eq!(names(third.to()), ["", "", "c", "a", "b"]);
    assert_eq!(decisions(third.to()), owned(&[("", 0), ("", 0), ("", 0), ("d", 4), ("f", 2)]));
    assert!(third.to().stream(StreamId(0)).is_none() && third.to().stream(StreamId(4)).is_some());
}

#[test]
fn a_partition_of_another_app_begins_anew() {
    let mut partition = Partition::new(&format!("{STREAM}{N}"));
    partition.row(0, "a", 1);
    let of_others = Arc::new(planned(&format!("{STREAM}{N}")));
    let succession = Succession::new(&of_others, planned(&format!("{STREAM}{N}"))).unwrap();
    partition.apply(&Event::App(&succession));
    assert!(Arc::ptr_eq(partition.state.app(), succession.to()));
    assert!(partition.numbers("SELECT n FROM n").is_empty());
}

/// A rule that finds two rows of a key, the second one with a condition.
fn rule(name: &str, condition: &str) -> String {
    format!(
        "CREATE RULE {name} WITH ('severity' = 'info', 'cooldown' = '1 h') AS SELECT * FROM s MATCH_RECOGNIZE (
            PARTITION BY k ORDER BY at MEASURES LAST(B.at) AS last AFTER MATCH SKIP PAST LAST ROW
            PATTERN (A B) WITHIN INTERVAL '1' HOUR DEFINE B AS {condition});"
    )
}

/// Matches and runs of a rule that are open, matches that the cooldown held back.
fn counts(partition: &Partition, name: &str) -> Option<(u64, u64, u64)> {
    let rule = partition.state.rules().find(|rule| rule.name == name)?;
    Some((rule.counters.matches, rule.counters.open, rule.suppressed))
}

#[test]
fn a_rule_goes_on_while_others_come_go_and_change() {
    let stays = rule("stays", "B.at > A.at");
    let before = [STREAM, &rule("goes", "B.x IS NULL"), &stays, &rule("changes", "B.x IS NULL")].concat();
    let mut partition = Partition::new(&before);
    (0..3).for_each(|at| partition.row(0, "a", at));
    partition.row(0, "b", 3);
    assert_eq!(counts(&partition, "stays"), Some((1, 2, 0)));
    // The new one is first, and looks at more columns than any rule before.
    let comes = rule("comes", "CHAR_LENGTH(B.k) + COALESCE(B.x, 0) > 0");
    let succession =
        partition.deploy(&[STREAM, N, &comes, &rule("changes", "B.x IS NOT NULL"), &stays].concat());
    assert!(succession.keeps_query("stays") && !succession.keeps_query("changes"));
    assert_eq!(counts(&partition, "stays"), Some((1, 2, 0)));
    assert_eq!(counts(&partition, "changes"), Some((0, 0, 0)));
    assert_eq!(counts(&partition, "comes"), Some((0, 0, 0)));
    assert_eq!(counts(&partition, "goes"), None);
    // The match of `a` falls into the cooldown of its first one; that of `b` does not.
    partition.row(0, "a", 4);
    partition.row(0, "b", 5);
    assert_eq!(counts(&partition, "stays"), Some((3, 0, 1)));
    assert_eq!(counts(&partition, "comes"), Some((0, 2, 0)));
    partition.deploy(&[STREAM, &stays].concat());
    partition.row(0, "a", 6);
    assert_eq!(counts(&partition, "stays"), Some((3, 1, 1)));
    assert_eq!(counts(&partition, "comes"), None);
}
