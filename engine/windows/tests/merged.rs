//! Groups taken out of several operators: whatever the parts, they are what one operator would have had.
#![allow(clippy::cast_possible_wrap, reason = "a test counts little")]

mod support;

use proptest::prelude::*;
use support::{AnyRow, Sink, alike, any_row, every_call, text};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{Aggregation, Grouping};
use vencejo_windows::{GroupBy, Merged, Operator, Texts};

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
