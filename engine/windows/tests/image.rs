//! Images of operators: captured while rows come in, opened lazily, damaged.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use std::sync::Arc;

use proptest::prelude::*;
use support::image::{Saved, bytes};
use support::{Dice, Sink, call, count_rows, text};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::paged::{self, Image};
use vencejo_windows::spec::{
    AggregateCall, AggregateFunction as F, Aggregation, Assignment, Frame, Grouping, IntervalJoin, JoinKind,
    JoinSide, Keep, OrderBy, OverAggregation, TopN, WindowJoin, Windowing,
};
use vencejo_windows::{
    Assigner, Damaged, GroupBy, Join, Kept, Operator, Over, Ranks, Taken, Texts, WindowedJoin,
};

/// Columns: event time, BIGINT, DOUBLE, STRING, BOOLEAN, window_start, window_end.
const INPUT: [Type; 7] = [
    Type::Timestamp,
    Type::BigInt,
    Type::Double,
    Type::String,
    Type::Boolean,
    Type::Timestamp,
    Type::Timestamp,
];
const KEY: usize = 3;
const WINDOW: (usize, usize) = (5, 6);

/// What happens to an operator.
#[derive(Clone, Debug)]
enum Step {
    Row { port: usize, time: i64, number: Option<i64>, key: u64 },
    Watermark(i64),
    Tick(i64),
}

impl Step {
    fn run(&self, operator: &mut dyn Operator) -> Vec<String> {
        let mut sink = Sink::default();
        match *self {
            Self::Row { port, time, number, key } => {
                let start = time.div_euclid(8) * 8;
                let name = match key {
                    0 => None,
                    key if key % 5 == 1 => Some(format!("a key that lies apart from its state: {key}")),
                    key => Some(format!("key {key}")),
                };
                let row = [
                    Value::Int(time),
                    number.map_or(Value::Null, Value::Int),
                    number.map_or(Value::Null, |number| Value::Double(number as f64 / 8.0)),
                    name.as_deref().map_or(Value::Null, Value::Str),
                    Value::Bool(time % 3 == 0),
                    Value::Int(start),
                    Value::Int(start + 8),
                ];
                let taken = operator.row(port, &row, &mut sink);
                sink.rows.push(format!("{taken:?}"));
            }
            Self::Watermark(time) => operator.watermark(time, &mut sink),
            Self::Tick(micros) => operator.tick(micros, &mut sink),
        }
        sink.rows
    }
}

/// Rows around a time that goes on, watermarks behind it.
fn script(seed: u64, length: usize, keys: u64, ports: u64) -> Vec<Step> {
    let mut dice = Dice(seed);
    let (mut now, mut steps) = (0, Vec::new());
    for number in 0..length {
        let time = now - dice.throw(12).cast_signed();
        let value = (dice.throw(10) > 0).then(|| dice.throw(40).cast_signed() - 20);
        let (port, key) = (dice.throw(ports) as usize, dice.throw(keys));
        steps.push(Step::Row { port, time, number: value, key });
        if number % 16 == 15 {
            now += dice.throw(4).cast_signed();
            steps.push(Step::Watermark(now - 10));
            steps.push(Step::Tick(now * 1_000));
        }
    }
    steps.push(Step::Watermark(i64::MAX));
    steps
}

type Make = Box<dyn Fn() -> Box<dyn Operator>>;

/// Calls with every kind of accumulator.
fn calls() -> Vec<AggregateCall> {
    let number = |function| call(function, 1, Type::BigInt);
    let text = |function| call(function, KEY, Type::String);
    vec![
        count_rows(),
        number(F::Sum),
        call(F::Avg, 2, Type::Double),
        text(F::Max),
        text(F::LastValue),
        AggregateCall { distinct: true, ..number(F::Count) },
        AggregateCall { distinct: true, ..text(F::Count) },
        AggregateCall { distinct: true, ..number(F::Sum) },
        number(F::ApproxPercentile { fraction: 0.3 }),
        text(F::ApproxTopK { k: 3 }),
        number(F::Ewma { half_life: 7 }),
    ]
}

fn groups(grouping: Grouping) -> Make {
    let spec = Aggregation {
        key: vec![(KEY, Type::String)],
        time: Some(0),
        grouping,
        calls: calls(),
        keys_max: VIEW_KEYS_MAX,
    };
    Box::new(move || Box::new(GroupBy::new(&spec)))
}

fn over(frame: Frame) -> Make {
    let spec = OverAggregation {
        key: vec![(KEY, Type::String)],
        time: 0,
        frame,
        calls: calls(),
        input: INPUT.to_vec(),
    };
    Box::new(move || Box::new(Over::new(&spec)))
}

/// Every operator, by name.
fn operators() -> Vec<(&'static str, u64, Make)> {
    let key = vec![(KEY, Type::String)];
    let window = |windowing, lateness| groups(Grouping::Window { windowing, lateness, retention: 0 });
    let merged = |windowing| groups(Grouping::Window { windowing, lateness: 0, retention: 40 });
    let side = JoinSide { key: key.clone(), input: INPUT.to_vec() };
    let assignment = Assignment {
        windowing: Windowing::Session { gap: 3 },
        time: 0,
        key: key.clone(),
        input: INPUT.to_vec(),
    };
    let interval = IntervalJoin {
        kind: JoinKind::Full,
        left: side.clone(),
        right: side.clone(),
        left_time: 0,
        right_time: 0,
        lower: -4,
        upper: 6,
    };
    let windowed = WindowJoin {
        kind: JoinKind::Full,
        left: side.clone(),
        right: side,
        left_window: WINDOW,
        right_window: WINDOW,
    };
    let order = OrderBy { column: 1, column_type: Type::BigInt, descending: true, nulls_first: false };
    let top = TopN { window: WINDOW, key: key.clone(), order: vec![order], n: 2, input: INPUT.to_vec() };
    let keep = |window_end, retention| Keep { key: key.clone(), window_end, retention };
    let (windows, latest) = (keep(Some(WINDOW.1), 20), keep(None, 0));
    vec![
        ("running", 1, groups(Grouping::Running { ttl: None })),
        ("running with a time to live", 1, groups(Grouping::Running { ttl: Some(9) })),
        ("tumble", 1, window(Windowing::Tumble { size: 8, offset: 0 }, 0)),
        ("hop, late rows taken", 1, window(Windowing::Hop { size: 12, slide: 4, offset: 0 }, 5)),
        ("cumulate", 1, window(Windowing::Cumulate { size: 12, step: 4, offset: 0 }, 0)),
        ("tumble, kept to be merged", 1, merged(Windowing::Tumble { size: 4, offset: 0 })),
        ("cumulate, kept to be merged", 1, merged(Windowing::Cumulate { size: 12, step: 4, offset: 0 })),
        ("session", 1, window(Windowing::Session { gap: 3 }, 0)),
        ("session, late rows taken", 1, window(Windowing::Session { gap: 3 }, 6)),
        ("given windows", 1, groups(Grouping::Given { start: WINDOW.0, end: WINDOW.1 })),
        ("sessions assigned", 1, Box::new(move || Box::new(Assigner::new(&assignment)))),
        ("over rows", 1, over(Frame::Rows(Some(3)))),
        ("over range", 1, over(Frame::Range(Some(9)))),
        ("over all", 1, over(Frame::Rows(None))),
        ("interval join", 2, Box::new(move || Box::new(Join::new(&interval)))),
        ("window join", 2, Box::new(move || Box::new(WindowedJoin::new(&windowed)))),
        ("first rows", 1, Box::new(move || Box::new(Ranks::new(&top)))),
        ("kept windows", 1, Box::new(move || Box::new(Kept::new(&windows)))),
        ("kept rows", 1, Box::new(move || Box::new(Kept::new(&latest)))),
    ]
}

/// Runs the steps with a capture that begins behind `at` of them and takes `budget` bytes after each further
/// one; then the restored operator must do as the one that went on.
fn check(name: &str, make: &Make, steps: &[Step], at: usize, budget: usize) {
    let mut live = make();
    let (before, after) = steps.split_at(at);
    for step in before {
        step.run(&mut *live);
    }
    let expected = bytes(&mut *live);
    let mut saved = Saved { head: paged::begin(&mut *live, 1), ..Saved::default() };
    let (mut rows, mut done) = (Vec::new(), false);
    for step in after {
        rows.push(step.run(&mut *live));
        let mut pages = Vec::new();
        done = done || paged::capture_some(&mut *live, budget, &mut pages).unwrap();
        saved.take(pages);
    }
    while !done {
        let mut pages = Vec::new();
        done = paged::capture_some(&mut *live, budget, &mut pages).unwrap();
        saved.take(pages);
    }
    assert!(bytes(&mut *saved.restore(make())) == expected, "{name}: the image is of another moment");
    let mut restored = saved.restore(make());
    for (step, rows) in after.iter().zip(&rows) {
        assert_eq!(step.run(&mut *restored), *rows, "{name}: {step:?}");
    }
    assert!(bytes(&mut *restored) == bytes(&mut *live), "{name}: states differ in the end");
    assert!(Saved::of(&mut *restored, 1) == Saved::of(&mut *live, 2), "{name}: images differ in the end");
}

#[test]
fn a_restored_operator_goes_on_as_if_nothing_had_happened() {
    for (name, ports, make) in operators() {
        let steps = script(ports, 700, 350, ports);
        check(name, &make, &steps, 450, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn at_any_moment(seed in any::<u64>(), at in 0_usize..100, keys in 1_u64..30, budget in 1_usize..3_000) {
        for (name, ports, make) in operators() {
            let steps = script(seed, 100, keys, ports);
            check(name, &make, &steps, at, budget);
        }
    }
}

/// An eighth of which have a key apart; with a string aside.
fn profiles(ttl: Option<i64>) -> GroupBy {
    let calls = vec![count_rows(), call(F::Sum, 1, Type::BigInt), call(F::LastValue, KEY, Type::String)];
    let key = vec![(KEY, Type::String)];
    GroupBy::new(&Aggregation {
        key,
        time: Some(0),
        grouping: Grouping::Running { ttl },
        calls,
        keys_max: VIEW_KEYS_MAX,
    })
}

fn key(number: u64) -> String {
    match number % 8 {
        0 => format!("a key that lies apart from its state: {number}"),
        _ => format!("key {number}"),
    }
}

fn row<'a>(key: &'a str, number: i64) -> [Value<'a>; 4] {
    [Value::Int(1), Value::Int(number), Value::Null, Value::Str(key)]
}

const KEYS: u64 = 1_100;

/// The row of a key, as text.
fn found(groups: &GroupBy, key: &str) -> Result<Option<String>, Damaged> {
    let mut bytes = Vec::new();
    vencejo_windows::key::write([Value::Str(key)], &mut bytes);
    let Some(place) = groups.find(&bytes)? else { return Ok(None) };
    let (mut texts, mut row) = (Texts::default(), vec![Value::Null; groups.width()]);
    groups.read(place, &mut texts, &mut row);
    Ok(Some(text(&row)))
}

/// Every page in turn is damaged: what is not in it serves as before, what may be in it is refused,
/// nothing is ever another. Without its heap of times to live, an operator refuses all.
#[test]
fn a_damaged_page_costs_its_own_keys_and_no_others() {
    const HEAP: u32 = 8;
    for ttl in [None, Some(1_000_000)] {
        let mut groups = profiles(ttl);
        let names: Vec<String> = (0..KEYS).map(key).collect();
        for name in &names {
            assert_eq!(groups.row(0, &row(name, 3), &mut Sink::default()), Taken::Yes);
        }
        let expected: Vec<_> = names.iter().map(|name| found(&groups, name)).collect();
        let whole = Saved::of(&mut groups, 1);
        for &at in whole.pages.keys() {
            let damaged = Saved { damaged: [at].into(), ..whole.clone() };
            let image = Image { source: Arc::new(damaged), owner: 0 };
            let open = || {
                let mut restored = profiles(ttl);
                paged::restore(&mut restored, &whole.head, &image).unwrap();
                restored
            };
            let mut restored = open();
            if at.0 == HEAP {
                restored.tick(2_000, &mut Sink::default());
            }
            let mut refused = 0;
            for (name, expected) in names.iter().zip(&expected).skip(1).step_by(7) {
                let shown = found(&restored, name);
                refused += usize::from(shown.is_err());
                assert!(shown.is_err() || shown == *expected, "{at:?} {name}: {shown:?}");
                let taken = restored.row(0, &row(name, 0), &mut Sink::default());
                assert_eq!(taken, if shown.is_err() { Taken::Damaged } else { Taken::Yes }, "{at:?} {name}");
            }
            let most = if at == (HEAP, 0) { names.len() } else { 60 };
            assert!(refused < most, "{at:?}: {refused} keys are refused");
            let mut hydrated = open();
            let fault = paged::hydrate_some(&mut hydrated, usize::MAX).unwrap_err();
            assert_eq!((fault.0.container, fault.0.page), at);
            assert_eq!(paged::hydrate_some(&mut hydrated, usize::MAX), Ok(true), "it is told once");
            paged::begin(&mut hydrated, 1);
            let image_of_half = paged::capture_some(&mut hydrated, usize::MAX, &mut Vec::new());
            assert!(image_of_half.is_err(), "{at:?}");
        }
    }
}

/// A head that is cut, longer, or another operator's is refused; pages that are not there are faults.
#[test]
fn what_is_no_image_of_the_operator_is_refused() {
    let make = || profiles(None);
    let mut groups = make();
    for number in 0..KEYS {
        let name = key(number);
        _ = groups.row(0, &row(&name, 1), &mut Sink::default());
    }
    let saved = Saved::of(&mut groups, 1);
    let image = Image { source: Arc::new(Saved::default()), owner: 0 };
    for length in 0..saved.head.len() {
        let restored = paged::restore(&mut make(), &saved.head[..length], &image);
        assert_eq!(restored, Err(paged::RestoreError::Head), "{length} bytes");
    }
    let longer = [&*saved.head, &[0]].concat();
    assert_eq!(paged::restore(&mut make(), &longer, &image), Err(paged::RestoreError::Head));
    let mut empty = make();
    paged::restore(&mut empty, &saved.head, &image).unwrap();
    assert_eq!(found(&empty, &key(7)), Err(Damaged));
    let mut session = operators().remove(5).2();
    assert!(paged::restore(&mut *session, &saved.head, &image).is_err());
}
