//! Queries of what tables hold, over more rows than a slice has.

mod partition;

use std::sync::Arc;

use partition::Partition;
use proptest::prelude::*;
use vencejo_core::query::{Progress, Scan};
use vencejo_sql::plan_query;

const APP: &str = "CREATE TABLE s (k STRING NOT NULL, at TIMESTAMP(3) NOT NULL, WATERMARK FOR at AS at)
    PARTITIONED BY (k);
CREATE MATERIALIZED VIEW n WITH ('ttl' = '1 h') AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
CREATE MATERIALIZED VIEW w WITH ('retention' = '1 h') AS SELECT COUNT(*) AS n, k, window_start, window_end
    FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(at), INTERVAL '1' SECOND)) GROUP BY k, window_start, window_end;";

fn check(partition: &Partition, sql: &str, expected: impl IntoIterator<Item = i64>) {
    assert_eq!(partition.numbers(sql), expected.into_iter().collect::<Vec<_>>(), "{sql}");
}

#[test]
fn groups_of_many_slices_are_seen_once() {
    let mut partition = Partition::new(APP);
    for key in 0..1_000 {
        (0..=key % 3).for_each(|_| partition.row(0, &format!("{key:04}"), 0));
    }
    check(&partition, "SELECT CAST(k AS BIGINT) AS number FROM n ORDER BY k", 0..1_000);
    check(
        &partition,
        "SELECT CAST(k AS BIGINT) AS number FROM n ORDER BY number DESC LIMIT 3",
        [999, 998, 997],
    );
    check(&partition, "SELECT n FROM n WHERE k = '0998'", [3]);
    check(&partition, "SELECT n FROM n WHERE k = '0998' AND n > 3", []);
    check(&partition, "SELECT n FROM n WHERE k IN ('0998', '0000') ORDER BY 1", [1, 3]);
    check(&partition, "SELECT n FROM n WHERE n = 2 LIMIT 4", [2; 4]);
    check(&partition, "SELECT CAST(k AS BIGINT) AS x FROM n ORDER BY n DESC, k LIMIT 2", [2, 5]);
}

#[test]
fn a_key_of_many_windows_is_seen_in_slices() {
    let mut partition = Partition::new(APP);
    for second in 0..700 {
        partition.row(0, "a", second * 1_000);
        partition.row(0, "b", second * 1_000);
        partition.row(0, "b", second * 1_000 + 1);
    }
    check(&partition, "SELECT n FROM w WHERE k = 'a'", [1; 699]);
    check(&partition, "SELECT n FROM w WHERE k = 'b'", [2; 699]);
    let sql = "SELECT EXTRACT(SECOND FROM window_start) AS s FROM w WHERE k = 'a' ORDER BY window_start DESC LIMIT 3";
    check(&partition, sql, [38, 37, 36]);
    assert_eq!(partition.numbers("SELECT n FROM w").len(), 2 * 699);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..24)) {
        let partition = Partition::new(APP);
        let text = words.join(" ");
        if let Ok(query) = plan_query(partition.state.app(), &text, 2) {
            let app = Arc::clone(partition.state.app());
            let mut scan = Scan::new(app, Arc::new(query), 2);
            while scan.slice(&partition.state) == Ok(Progress::More) {}
            prop_assert_eq!(scan.finish(), Ok(vec![]));
        }
    }
}

/// Pieces of queries.
const WORDS: [&str; 40] = [
    "SELECT",
    "SELECT * FROM n",
    "SELECT k, n FROM n WHERE",
    "*",
    "k",
    "n",
    "w",
    "window_start",
    "FROM n",
    "FROM w",
    "FROM s",
    "FROM (",
    ")",
    "(",
    ",",
    "WHERE",
    "k = 'a'",
    "n = 1",
    "AND",
    "OR",
    "NOT",
    "ORDER BY",
    "ORDER BY 1",
    "DESC",
    "NULLS LAST",
    "LIMIT",
    "LIMIT 5",
    "1",
    "'a'",
    "=",
    "<",
    "+",
    "AS x",
    "NULL",
    "COUNT(*)",
    "UPPER(k)",
    "CASE",
    "INTERVAL '1' DAY",
    "CAST(n AS STRING)",
    ";",
];
