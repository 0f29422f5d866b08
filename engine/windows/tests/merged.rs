//! Groups taken out of several operators: whatever the parts, they are what one operator would have had.
#![allow(clippy::cast_possible_wrap, reason = "a test counts little")]

mod support;

use proptest::prelude::*;
use support::{AnyRow, Sink, alike, any_row, every_call, sliced, text};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{Aggregation, Grouping, Windowing};
use vencejo_windows::{ClosedWalk, GroupBy, Merged, Operator, Texts};

fn spec(ttl: Option<i64>) -> Aggregation {
    let key = vec![(3, Type::String), (4, Type::Boolean)];
    Aggregation {
        key,
        time: Some(0),
        grouping: Grouping::Running { ttl },
        calls: every_call(),
        keys_max: VIEW_KEYS_MAX,
    }
}

/// The groups' rows, sorted.
fn rows(groups: &GroupBy) -> Vec<String> {
    let mut rows: Vec<String> = groups
        .places()
        .map(|place| {
            let (mut texts, mut row) = (Texts::default(), vec![Value::Null; groups.width()]);
            groups.read(place, &mut texts, &mut row);
            text(&row)
        })
        .collect();
    rows.sort();
    rows
}

fn merged_rows(merged: &Merged) -> Vec<String> {
    let mut rows: Vec<String> = merged
        .places()
        .map(|place| {
            let (mut texts, mut row) = (Texts::default(), vec![Value::Null; merged.width()]);
            merged.read(place, &mut texts, &mut row);
            text(&row)
        })
        .collect();
    rows.sort();
    rows
}

fn fold(groups: &mut GroupBy, row: &AnyRow, sink: &mut Sink) {
    _ = groups.row(0, &row.values(), sink);
}

proptest! {
    #[test]
    fn parts_merged_equal_the_whole(
        list in prop::collection::vec((any_row(), 0_usize..3), 0..120),
        ttl in prop::option::of(Just(1_000_000_i64)),
    ) {
        let (mut whole, mut sink) = (GroupBy::new(&spec(ttl)), Sink::default());
        let mut parts: Vec<GroupBy> = (0..3).map(|_| GroupBy::new(&spec(ttl))).collect();
        for (time, (row, part)) in list.iter().enumerate() {
            // Of equal times FIRST_VALUE and LAST_VALUE go by the order of arrival, which parts do not share.
            let mut row = row.clone();
            row.time = time as i64;
            fold(&mut whole, &row, &mut sink);
            fold(&mut parts[*part], &row, &mut sink);
        }
        let mut merged = Merged::new(&spec(ttl));
        prop_assert!(merged.is_empty());
        for part in &parts {
            // In pieces, as a scan goes.
            let mut next = 0;
            while let Some(place) = part.places_from(next).next() {
                merged.add(part, place);
                next = place.index() + 1;
            }
        }
        let (expected, found) = (rows(&whole), merged_rows(&merged));
        prop_assert_eq!(merged.len(), expected.len());
        for (expected, found) in expected.iter().zip(&found) {
            prop_assert!(alike(expected, found, 1e-9), "{expected}\n{found}");
        }
    }
}

/// Windows of a kind whose groups stay for so long.
fn windowed(windowing: Windowing, lateness: i64, retention: i64, keys_max: usize) -> Aggregation {
    Aggregation { grouping: Grouping::Window { windowing, lateness, retention }, keys_max, ..spec(None) }
}

/// What the closed windows of all parts come to, looked at in pieces of `most`.
fn closed(spec: &Aggregation, parts: &[GroupBy], most: usize, key: Option<&[u8]>) -> Vec<String> {
    let mut merged = Merged::new(spec);
    for part in parts {
        let mut walk = ClosedWalk::default();
        while merged.add_closed(part, &mut walk, most, key) {}
    }
    merged_rows(&merged)
}

proptest! {
    /// However rows are spread, and however far the parts' watermarks are: what is shown is what one operator
    /// gave out for the windows that have closed in all parts.
    #[test]
    fn closed_windows_merged_equal_those_of_the_whole(
        list in prop::collection::vec((any_row(), 0_usize..3), 0..120),
        windowing in sliced(30, 9, 5, 9),
        lateness in prop_oneof![Just(0_i64), 0_i64..20],
        watermarks in prop::array::uniform3(0_i64..160),
        most in 1_usize..40,
    ) {
        let spec = windowed(windowing, lateness, 1_000_000, VIEW_KEYS_MAX);
        let (mut whole, mut sink) = (GroupBy::new(&spec), Sink::default());
        let mut parts: Vec<GroupBy> = (0..3).map(|_| GroupBy::new(&spec)).collect();
        for (time, (row, part)) in list.iter().enumerate() {
            let mut row = row.clone();
            row.time = time as i64;
            fold(&mut whole, &row, &mut sink);
            fold(&mut parts[*part], &row, &mut sink);
        }
        for (part, watermark) in parts.iter_mut().zip(watermarks) {
            part.watermark(watermark, &mut Sink::default());
        }
        whole.watermark(watermarks.into_iter().min().unwrap(), &mut sink);
        let mut expected = sink.rows;
        expected.sort();
        let found = closed(&spec, &parts, most, None);
        prop_assert_eq!(found.len(), expected.len(), "{:?}\n{:?}", found, expected);
        for (expected, found) in expected.iter().zip(&found) {
            prop_assert!(alike(expected, found, 1e-9), "{expected}\n{found}");
        }
    }
}

/// A row at a time, of a key.
fn row_at(time: i64, key: &str) -> AnyRow {
    AnyRow { time, string: Some(key.to_owned()), truth: Some(true), ..AnyRow::default() }
}

#[test]
fn closed_windows_go_when_they_are_old_or_too_many() {
    let tumble = Windowing::Tumble { size: 10, offset: 0 };
    let count = |retention, keys_max, watermark| {
        let spec = windowed(tumble, 0, retention, keys_max);
        let mut part = GroupBy::new(&spec);
        for time in (0..100).step_by(10) {
            part.watermark(time - 1, &mut Sink::default());
            fold(&mut part, &row_at(time, "a"), &mut Sink::default());
        }
        part.watermark(watermark, &mut Sink::default());
        closed(&spec, &[part], 1, None).len()
    };
    assert_eq!(count(1_000, VIEW_KEYS_MAX, 99), 10);
    assert_eq!(count(30, VIEW_KEYS_MAX, 99), 3);
    assert_eq!(count(30, VIEW_KEYS_MAX, 110), 2);
    assert_eq!(count(1_000, 4, 99), 4);
}

#[test]
fn closed_windows_of_one_key_are_found() {
    let spec = windowed(Windowing::Hop { size: 20, slide: 10, offset: 0 }, 0, 1_000, VIEW_KEYS_MAX);
    let mut parts: Vec<GroupBy> = (0..2).map(|_| GroupBy::new(&spec)).collect();
    for (time, key, part) in [(1, "a", 0), (2, "b", 0), (3, "a", 1), (14, "a", 1), (15, "c", 0)] {
        fold(&mut parts[part], &row_at(time, key), &mut Sink::default());
    }
    parts.iter_mut().for_each(|part| part.watermark(99, &mut Sink::default()));
    let mut key = Vec::new();
    vencejo_windows::key::write([Value::Str("a"), Value::Bool(true)], &mut key);
    let found = closed(&spec, &parts, 1, Some(&key));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|row| row.starts_with("a")), "{found:?}");
    assert_eq!(closed(&spec, &parts, 7, None).len(), 3 + 2 + 2);
}
