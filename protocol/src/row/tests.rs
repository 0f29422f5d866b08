use super::*;
use crate::schema::Column;

fn schema() -> Schema {
    let columns = vec![
        Column::nullable("flag", ColumnType::Boolean),
        Column::required("count", ColumnType::Int),
        Column::nullable("name", ColumnType::String),
        Column::required("city", ColumnType::String),
        Column::nullable("day", ColumnType::Date),
    ];
    Schema::new(columns, vec![2])
}

/// A row of `schema`: true, -2, 'ab', 'c', NULL.
fn bytes() -> Vec<u8> {
    let mut writer = RowWriter::new(5);
    writer.set_str(3, "c");
    writer.set_bool(0, true);
    writer.set_i64(1, -2);
    writer.set_str(2, "ab");
    let mut out = Vec::new();
    writer.finish(&schema(), &mut out).expect("the row fits the schema");
    out
}

fn refusal(bytes: &[u8]) -> String {
    Row::parse(&schema(), bytes).expect_err("the bytes are no row").to_string()
}

#[test]
fn what_was_written_is_read() {
    let bytes = bytes();
    let row = Row::parse(&schema(), &bytes).expect("the writer checked it");
    assert_eq!((row.bool(0), row.i64(1), row.str(2), row.text(3)), (true, -2, "ab", &b"c"[..]));
    assert!(row.is_null(4) && !row.is_null(3));
    assert_eq!(row.span(3), (50, 1), "the strings lie in column order, whatever the order of setting");
}

#[test]
fn hostile_slots_are_refused() {
    let slot = |column: usize| 8 + column * 8;
    for (name, at, byte, expected) in [
        ("boolean of two", slot(0), 2, "column 'flag' does not hold 0 or 1"),
        ("boolean with a high bit", slot(0) + 7, 0x80, "column 'flag' does not hold 0 or 1"),
        ("int without its sign", slot(1) + 7, 0x7f, "column 'count' does not hold a 32-bit integer"),
        (
            "string offset back",
            slot(2),
            47,
            "column 'name' does not hold the next string of the variable part",
        ),
        (
            "string offset ahead",
            slot(2),
            49,
            "column 'name' does not hold the next string of the variable part",
        ),
        (
            "string offset far",
            slot(2) + 3,
            0xff,
            "column 'name' does not hold the next string of the variable part",
        ),
        (
            "string past the end",
            slot(3) + 4,
            2,
            "column 'city' does not hold the next string of the variable part",
        ),
        (
            "string far too long",
            slot(3) + 7,
            0xff,
            "column 'city' does not hold the next string of the variable part",
        ),
        ("last string too short", slot(3) + 4, 0, "1 bytes follow the last string of the row"),
        ("null slot not zero", slot(4), 1, "column 'day' does not hold zero, as a NULL slot must"),
        ("required null", 0, 0b1_0010, "column 'count' is NULL but declared NOT NULL"),
        ("null string with a slot", 0, 0b1_0100, "column 'name' does not hold zero, as a NULL slot must"),
        ("bitmap past the last column", 0, 0b11_0000, "the null bitmap has bits set past the last column"),
        ("bitmap's last bit", 7, 0x80, "the null bitmap has bits set past the last column"),
        ("string not UTF-8", 48, 0xff, "column 'name' is not valid UTF-8"),
        ("character cut by a column's end", 49, 0xc3, "column 'name' is not valid UTF-8"),
    ] {
        let mut bytes = bytes();
        bytes[at] = byte;
        assert_eq!(refusal(&bytes), expected, "{name}");
    }
}

#[test]
fn hostile_lengths_are_refused() {
    let bytes = bytes();
    for count in 0..48 {
        let expected = format!("the row has {count} bytes; its schema needs 48 before the strings");
        assert_eq!(refusal(&bytes[..count]), expected);
    }
    assert_eq!(refusal(&[&bytes[..], &[0]].concat()), "1 bytes follow the last string of the row");
    let long = vec![0; ROW_BYTES_MAX + 1];
    assert_eq!(refusal(&long), "the row has 65537 bytes; at most 65536 are taken");
}

#[test]
fn each_string_is_utf8_by_itself() {
    let mut writer = RowWriter::new(5);
    writer.set_i64(1, 0);
    writer.set_str(2, "né");
    writer.set_str(3, "é");
    let mut out = Vec::new();
    writer.finish(&schema(), &mut out).expect("the row fits the schema");
    let (name, city) = (8 + 2 * 8 + 4, 8 + 3 * 8);
    let mut cut = out.clone();
    cut[name] -= 1; // the first string's last byte becomes the second's first
    cut[city] -= 1;
    cut[city + 4] += 1;
    assert_eq!(refusal(&cut), "column 'name' is not valid UTF-8");
    *out.last_mut().expect("the row has bytes") = 0xff;
    assert_eq!(refusal(&out), "column 'city' is not valid UTF-8");
}

#[test]
fn the_longest_row_is_taken() {
    let schema = Schema::new(vec![Column::required("s", ColumnType::String)], vec![]);
    for (length, taken) in [(ROW_BYTES_MAX - 16, true), (ROW_BYTES_MAX - 15, false)] {
        let mut writer = RowWriter::new(1);
        writer.set_str(0, &"x".repeat(length));
        let mut out = vec![7];
        assert_eq!(writer.finish(&schema, &mut out).is_ok(), taken, "{length}");
        assert_eq!(out.len(), if taken { 1 + ROW_BYTES_MAX } else { 1 }, "a refused row leaves nothing");
    }
}

#[test]
fn bitmap_words_follow_the_column_count() {
    for (columns, words) in [(0, 0), (1, 1), (63, 1), (64, 1), (65, 2), (128, 2), (129, 3)] {
        let column = |index| Column::nullable(format!("c{index}"), ColumnType::BigInt);
        let schema = Schema::new((0..columns).map(column).collect(), vec![]);
        let mut out = Vec::new();
        RowWriter::new(columns).finish(&schema, &mut out).expect("a row of NULLs");
        assert_eq!(out.len(), words * 8 + columns * 8, "{columns} columns");
        let nulls: u32 = out.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(nulls as usize, columns, "one bit per column and none past it");
        if columns % 64 != 0 {
            out[words * 8 - 1] |= 0x80;
            assert_eq!(Row::parse(&schema, &out).map(|_| ()), Err(RowError::BitmapTail), "{columns}");
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused_not_reinterpreted() {
    type Set = fn(&mut RowWriter);
    let setters: [(&str, Set); 4] = [
        ("BOOLEAN", |writer| writer.set_bool(0, true)),
        ("integer", |writer| writer.set_i64(0, 1)),
        ("DOUBLE", |writer| writer.set_f64(0, 1.0)),
        ("STRING", |writer| writer.set_str(0, "1")),
    ];
    let types = (1..=7).map(|code| ColumnType::from_code(code).expect("the codes are 1 to 7"));
    for column_type in types.chain([ColumnType::Decimal { precision: 9, scale: 2 }]) {
        let fits = match column_type {
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Double => "DOUBLE",
            ColumnType::String => "STRING",
            _ => "integer",
        };
        let schema = Schema::new(vec![Column::required("c", column_type)], vec![]);
        for (name, set) in setters {
            let mut writer = RowWriter::new(1);
            set(&mut writer);
            let finished = writer.finish(&schema, &mut Vec::new());
            assert_eq!(finished.is_ok(), name == fits, "{name} into {column_type}: {finished:?}");
        }
    }
}

#[test]
fn a_reused_writer_forgets_the_row_before() {
    let mut writer = RowWriter::new(5);
    let mut out = Vec::new();
    writer.set_str(2, "left behind");
    writer.set_str(3, "left behind");
    assert!(writer.finish(&schema(), &mut out).is_err(), "count is not set");
    writer.set_str(3, "x");
    writer.set_str(3, "c");
    writer.set_i64(1, -2);
    writer.set_bool(0, true);
    writer.set_str(2, "ab");
    writer.finish(&schema(), &mut out).expect("the row fits the schema");
    assert_eq!(out, bytes(), "what was set twice counts once");
    writer.reset(0);
    writer.finish(&Schema::default(), &mut out).expect("a row without columns has no bytes");
    assert_eq!(out, bytes());
}

#[test]
fn a_double_keeps_its_bits() {
    let schema = Schema::new(vec![Column::required("d", ColumnType::Double)], vec![0]);
    let mut keys = Vec::new();
    for bits in [0, 1 << 63, 1, 0x7ff0 << 48, 0x7ff8 << 48, 0xfff8 << 48, (0x7ff8 << 48) + 1] {
        let mut writer = RowWriter::new(1);
        writer.set_f64(0, f64::from_bits(bits));
        let mut out = Vec::new();
        writer.finish(&schema, &mut out).expect("every bit pattern is a DOUBLE");
        let row = Row::parse(&schema, &out).expect("the writer checked it");
        assert_eq!(row.f64(0).to_bits(), bits);
        let mut key = Vec::new();
        row.write_key(&schema, schema.key(), &mut key);
        assert!(!keys.contains(&key), "{bits:#x}");
        keys.push(key);
    }
}

#[test]
fn a_column_that_is_not_there_reads_as_null() {
    let bytes = [bytes(), vec![0xff; 600]].concat();
    let row = Row::of_checked(5, &bytes);
    for index in [5, 6, 64, 65, 1 << 40, usize::MAX] {
        assert!(row.is_null(index), "{index}");
        assert_eq!((row.slot(index), row.i64(index), row.bool(index)), (0, 0, false), "{index}");
        assert_eq!((row.span(index), row.text(index), row.str(index)), ((0, 0), &b""[..], ""), "{index}");
    }
    let empty = Row::of_checked(5, &[]);
    assert_eq!((empty.is_null(0), empty.i64(4), empty.str(3)), (false, 0, ""));
}

#[test]
fn keys_that_read_alike_when_joined_differ() {
    let columns = ["a", "b"].map(|name| Column::nullable(name, ColumnType::String));
    let schema = Schema::new(columns.to_vec(), vec![0, 1]);
    let mut keys = Vec::new();
    let values = [None, Some(""), Some("x"), Some("xy"), Some("\0"), Some("\u{1}\0\0\0\0")];
    for first in values {
        for second in values {
            let mut writer = RowWriter::new(2);
            for (index, value) in [first, second].into_iter().enumerate() {
                value.into_iter().for_each(|value| writer.set_str(index, value));
            }
            let mut out = Vec::new();
            writer.finish(&schema, &mut out).expect("the row fits the schema");
            let mut key = Vec::new();
            Row::of_checked(2, &out).write_key(&schema, schema.key(), &mut key);
            assert!(!keys.contains(&key), "{first:?} {second:?}");
            keys.push(key);
        }
    }
}

#[test]
fn partitions_are_within_their_number() {
    for (hash, partitions, expected) in
        [(0, 1, 0), (u64::MAX, 1, 0), (u64::MAX, 1_024, 1_023), (9, 8, 1), (9, 0, 0), (u64::MAX, u32::MAX, 0)]
    {
        assert_eq!(partition_of(hash, partitions), expected, "{hash} of {partitions}");
    }
}
