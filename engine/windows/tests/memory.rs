//! What groups allocate, against what their plan says; and that a flood of keys finds its bounds.
//!
//! `VENCEJO_MEMORY_KEYS=10000000 cargo test --release -p vencejo-windows --test memory` measures with so many
//! keys; 200,000 where it is not set.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use allocation_counter::measure;
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{AggregateCall, AggregateFunction as F, Aggregation, Grouping, Windowing};
use vencejo_windows::{Downstream, GroupBy, KeyBytes, Operator, Taken};

/// Counts rows.
struct Count(usize);

impl Downstream for Count {
    fn emit(&mut self, _row: &[Value<'_>]) {
        self.0 += 1;
    }
}

fn call(function: F, argument: Option<Type>) -> AggregateCall {
    AggregateCall { function, argument: argument.map(|ty| (2, ty)), distinct: false, filter: None }
}

/// Groups by column 1 of rows (time, key, number), with COUNT(*) and SUM.
fn aggregation(key: Type, grouping: Grouping, keys_max: usize) -> Aggregation {
    let calls = vec![call(F::CountRows, None), call(F::Sum, Some(Type::BigInt))];
    Aggregation { key: vec![(1, key)], time: Some(0), grouping, calls, keys_max }
}

fn row<'a>(spec: &Aggregation, time: i64, number: i64, text: &'a mut String) -> [Value<'a>; 3] {
    let key = if spec.key[0].1 == Type::String {
        *text = format!("user-{number:08}");
        Value::Str(text)
    } else {
        Value::Int(number)
    };
    [Value::Int(time), key, Value::Int(number)]
}

#[track_caller]
fn check(spec: &Aggregation) {
    let keys: i64 = std::env::var("VENCEJO_MEMORY_KEYS").map_or(200_000, |keys| keys.parse().unwrap());
    let mut groups = GroupBy::new(spec);
    let mut text = String::new();
    let allocated = measure(|| {
        for number in 0..keys {
            let taken = groups.row(0, &row(spec, 1, number, &mut text), &mut Count(0));
            assert_eq!(taken, Taken::Yes);
        }
    });
    let measured = allocated.bytes_current as f64 / keys as f64;
    let planned = KeyBytes::of(spec).total() as f64;
    let told = groups.bytes() as f64 / keys as f64;
    assert!((0.8..1.2).contains(&(measured / planned)), "{measured} bytes per key, planned {planned}");
    assert!((0.95..1.05).contains(&(told / measured)), "{told} told, {measured} measured");
}

#[test]
fn running_groups() {
    check(&aggregation(Type::BigInt, Grouping::Running { ttl: None }, VIEW_KEYS_MAX));
}

#[test]
fn running_groups_with_a_time_to_live_and_texts_as_keys() {
    check(&aggregation(Type::String, Grouping::Running { ttl: Some(1_000) }, VIEW_KEYS_MAX));
}

#[test]
fn groups_of_a_window_and_many_aggregates() {
    let windowing = Windowing::Tumble { size: 60_000, offset: 0 };
    let mut spec =
        aggregation(Type::BigInt, Grouping::Window { windowing, lateness: 0, retention: 0 }, VIEW_KEYS_MAX);
    let more = [F::Avg, F::Max, F::StddevPop, F::LastValue];
    spec.calls.extend(more.map(|function| call(function, Some(Type::BigInt))));
    check(&spec);
}

#[test]
fn groups_of_sessions() {
    let windowing = Windowing::Session { gap: 60_000 };
    check(&aggregation(
        Type::BigInt,
        Grouping::Window { windowing, lateness: 0, retention: 0 },
        VIEW_KEYS_MAX,
    ));
}

/// Sends `keys` new keys a second for `seconds`; the most groups held, and bytes at a third of the way and at
/// the end.
fn flood(groups: &mut GroupBy, spec: &Aggregation, keys: i64, seconds: i64) -> (usize, usize, usize) {
    let (mut most, mut third, mut text) = (0, 0, String::new());
    for second in 0..seconds {
        for number in 0..keys {
            let number = second * keys + number;
            let _ = groups.row(0, &row(spec, second * 1_000, number, &mut text), &mut Count(0));
        }
        groups.watermark(second * 1_000, &mut Count(0));
        groups.tick(second * 1_000_000, &mut Count(0));
        most = most.max(groups.key_count());
        if second == seconds / 3 {
            third = groups.bytes();
        }
    }
    (most, third, groups.bytes())
}

#[test]
fn a_flood_of_keys_over_the_limit_is_refused_and_counted() {
    let windowing = Windowing::Tumble { size: 3_600_000, offset: 0 };
    let session = Windowing::Session { gap: 3_600_000 };
    for grouping in [
        Grouping::Running { ttl: None },
        Grouping::Window { windowing, lateness: 0, retention: 0 },
        Grouping::Window { windowing: session, lateness: 0, retention: 0 },
    ] {
        let spec = aggregation(Type::String, grouping.clone(), 1_000);
        let mut groups = GroupBy::new(&spec);
        let (most, third, end) = flood(&mut groups, &spec, 10_000, 12);
        assert_eq!((most, groups.refused()), (1_000, 119_000), "{grouping:?}");
        assert_eq!(third, end, "{grouping:?}: nothing is kept of what is refused");
        let known = groups.row(0, &row(&spec, 12_000, 5, &mut String::new()), &mut Count(0));
        assert_eq!(known, Taken::Yes, "{grouping:?}: keys that are there go on");
    }
}

#[test]
fn a_flood_of_keys_that_expire_holds_the_memory_of_those_that_live() {
    let windowing = Windowing::Hop { size: 3_000, slide: 1_000, offset: 0 };
    let session = Windowing::Session { gap: 2_000 };
    for grouping in [
        Grouping::Running { ttl: Some(2_000) },
        Grouping::Window { windowing, lateness: 0, retention: 0 },
        Grouping::Window { windowing: session, lateness: 0, retention: 0 },
    ] {
        let spec = aggregation(Type::String, grouping.clone(), VIEW_KEYS_MAX);
        let mut groups = GroupBy::new(&spec);
        let (most, third, end) = flood(&mut groups, &spec, 10_000, 18);
        assert!(most <= 50_000, "{grouping:?}: {most} groups of 180,000 keys");
        assert!(end <= third, "{grouping:?}: {end} bytes at the end, {third} at a third");
        assert_eq!(groups.refused(), 0, "{grouping:?}");
    }
}
