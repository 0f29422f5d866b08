//! SPEC.md and the code say the same: examples, numbers, limits.

use std::collections::BTreeSet;
use std::fs;

use crate::vectors;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::FrameType;
use vencejo_protocol::limits;
use vencejo_protocol::message::{DecisionCode, Ingest};
use vencejo_protocol::row::{key_hash, partition_of};
use vencejo_protocol::schema::ColumnType;

fn spec() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SPEC.md")).expect("the document is there")
}

/// The rows below the table header that begins so, cut at their bars.
fn table(header: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let spec = spec();
    let mut lines = spec.lines().skip_while(|line| !line.starts_with(header));
    assert!(lines.next().is_some(), "the document has the table {header}");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The first columns of the table.
fn columns(header: &str, count: usize) -> Vec<String> {
    table(header).iter().map(|row| row[..count].join(" ")).collect()
}

#[test]
fn every_example_is_a_golden_vector() {
    let files = ["fingerprints", "rows", "keys", "hello", "welcome", "ping", "pong", "decide", "decision"];
    let files =
        files.into_iter().chain(["ingest", "ack", "produce", "blob", "control", "controlled", "error"]);
    let files = files.chain(["subscribe", "subscribed", "rows_frame", "doors", "door_map"]);
    let vectors: BTreeSet<Vec<u8>> =
        files.flat_map(|file| vectors::load(&format!("{file}.txt"))).map(|vector| vector.bytes).collect();
    let spec = spec();
    let examples: Vec<_> = spec.split("```hex\n").skip(1).collect();
    assert!(examples.len() >= 10);
    for example in examples {
        let block = example.split("```").next().unwrap_or_default();
        let digits: String = block.lines().filter_map(|line| line.split(';').next()).collect();
        let bytes = vectors::hex(&digits.split_whitespace().collect::<String>());
        assert!(vectors.contains(&bytes), "no vector has these bytes:\n{block}");
    }
}

#[test]
fn worked_numbers_are_true() {
    let spec = spec();
    let example = |file: &str| vectors::load(file).remove(0);
    let fingerprint = example("fingerprints.txt").schema().fingerprint();
    let key = example("keys.txt").bytes;
    for number in [fingerprint, key_hash(&key), key_hash(b"")] {
        assert!(spec.contains(&format!("`{number:#018x}`")), "{number:#018x}");
    }
    assert!(spec.contains(&format!("of 8 partitions, number {} owns", partition_of(key_hash(&key), 8))));
}

#[test]
fn tables_carry_the_codes() {
    let types = FrameType::ALL.map(|it| {
        let sender = if it.is_request() { "client" } else { "engine" };
        format!("{:#04x} {} {sender}", it.code(), it.name())
    });
    assert_eq!(columns("| type | name | sender |", 3), types);

    let errors = ErrorCode::ALL.iter().map(|code| {
        format!("{} {} {}", code.number(), code.name(), if code.closes() { "yes" } else { "no" })
    });
    assert_eq!(columns("| number | name | closes |", 3), errors.collect::<Vec<_>>());

    let decisions = DecisionCode::ALL.map(|code| format!("{} {}", code as u8, code.name()));
    assert_eq!(columns("| code | name | meaning |", 2), decisions);

    let types = (0..=u8::MAX).filter_map(ColumnType::from_code).map(|it| format!("{} {it}", it.code()));
    let decimal = format!("{} DECIMAL(p,s)", ColumnType::DECIMAL_CODE);
    assert_eq!(columns("| code | type | slot |", 2), types.chain([decimal]).collect::<Vec<_>>());
}

#[test]
fn the_limits_table_carries_the_limits() {
    let table = table("| limit | value |");
    let number = |limit: &str| {
        let row = table.iter().find(|row| row[0].starts_with(limit)).expect("the table has the limit");
        let digits: String = row[1].chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("the limit is a number")
    };
    for (limit, expected) in [
        ("frame length", limits::FRAME_BYTES_MAX),
        ("row", limits::ROW_BYTES_MAX),
        ("rows of a batch", limits::BATCH_ROWS_MAX),
        ("columns", limits::COLUMNS_MAX),
        ("digits", usize::from(limits::DECIMAL_PRECISION_MAX)),
        ("name", limits::NAME_BYTES_MAX),
        ("streams of an app", limits::DECLARATIONS_MAX),
        ("ping", limits::PING_BYTES_MAX),
        ("partitions", limits::PARTITIONS_MAX as usize),
        ("doors", limits::DOORS_MAX),
        ("error text", limits::ERROR_TEXT_BYTES_MAX),
        ("blobs of a command", limits::CONTROL_BLOBS_MAX),
        ("bytes of a command's blobs", limits::CONTROL_BLOBS_BYTES_MAX),
        ("arguments of a command", limits::CONTROL_ARGUMENTS_BYTES_MAX),
        ("rows of a subscription", limits::SUBSCRIPTION_BYTES_MAX),
    ] {
        assert_eq!(number(limit), expected as u64, "{limit}");
    }
    assert_eq!(number("streams of a connection"), u64::from(limits::STREAMS_MAX));
    assert_eq!(number("pause"), limits::FRAME_PAUSE_MILLIS_MAX);
    assert_eq!(number("idle"), limits::IDLE_MILLIS_MAX);
    assert_eq!(Ingest::ROWS_BYTES_MAX, 1_048_556);
    assert!(spec().contains("at most 1,048,556 bytes"));
}
