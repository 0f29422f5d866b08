//! What is bounded: runs, ways, rows, timers, memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_wrap,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use support::notation::model;
use support::{At, Lines, Look, Measure, Model, Part, Row, build};
use vencejo_rules::spec::{Order, Pattern, PatternError, VariableSet};
use vencejo_rules::{RuleSet, Taken};
use vencejo_types::limits::{
    RULE_ROWS_PER_KEY_MAX, RULE_RUNS_PER_KEY_MAX, RULE_STEPS_MAX, RULE_THREADS_PER_RUN_MAX,
};

/// A set of one rule that is fed row by row.
struct Fed {
    set: RuleSet,
    out: Lines,
    sequence: u64,
}

impl Fed {
    fn new(model: Model) -> Self {
        Self { set: RuleSet::new(build::set(&[model], Order::Arrival)), out: Lines::default(), sequence: 0 }
    }

    /// Takes a row of a key at a time.
    fn row(&mut self, time: i64, key: i64, x: i64) {
        let row = Row { time, key: Some(key), x: Some(x), flag: true };
        assert_eq!(self.set.row(&row.values(), self.sequence, &mut self.out), Taken::Yes);
        self.sequence += 1;
    }
}

const A: i64 = 0;
const B: i64 = 1;
const C: i64 = 2;
const D: i64 = 3;

#[test]
fn of_too_many_runs_the_oldest_goes() {
    let mut fed = Fed::new(model("A !B C", "next"));
    let more = 10;
    for _ in 0..RULE_RUNS_PER_KEY_MAX as u64 + more {
        fed.row(0, 1, A);
    }
    let counters = fed.set.counters(0);
    assert_eq!((counters.open, counters.dropped), (RULE_RUNS_PER_KEY_MAX as u64, more));
    fed.row(1, 1, C);
    // The first runs are gone, the others match.
    assert_eq!(fed.out.0.len(), RULE_RUNS_PER_KEY_MAX);
    assert!(fed.out.0[0].contains("[A10 C"), "{}", fed.out.0[0]);
    assert_eq!(fed.set.counters(0).open, 0);
}

#[test]
fn ways_with_the_same_future_are_one_and_a_run_with_too_many_goes() {
    // Every row is an E or a B, and D asks for the sum over E: so many ways differ as there are sums.
    let mut model = model("(E | B)* D", "");
    model.variables[3].push(Part::SumBelow(VariableSet(1 << 4), 10));
    let mut fed = Fed::new(model.clone());
    for _ in 0..16 {
        fed.row(0, 1, B);
    }
    assert_eq!(fed.set.counters(0).dropped, 0);
    fed.row(1, 1, D);
    assert_eq!(fed.out.0.len(), 1, "the way with few E");
    let mut fed = Fed::new(model);
    for _ in 0..RULE_THREADS_PER_RUN_MAX {
        fed.row(0, 1, B);
    }
    assert!(fed.set.counters(0).dropped > 0);
}

#[test]
fn threads_that_wait_in_silence_do_not_pile_up() {
    let mut fed = Fed::new(model("A+ !B", "within 1000"));
    for _ in 0..2 * RULE_THREADS_PER_RUN_MAX {
        fed.row(0, 1, A);
    }
    fed.row(1_000, 2, C);
    assert_eq!((fed.out.0.len(), fed.set.counters(0).dropped), (1, 0));
    assert!(fed.out.0[0].contains("A0 A1 A2"), "{}", fed.out.0[0]);
}

#[test]
fn rows_of_a_key_are_bounded() {
    let mut fed = Fed::new(model("A B* C", ""));
    fed.row(0, 1, A);
    for _ in 0..RULE_ROWS_PER_KEY_MAX {
        fed.row(0, 1, B);
    }
    let counters = fed.set.counters(0);
    assert_eq!((counters.open, counters.dropped), (0, 1));
    fed.row(0, 1, C);
    assert_eq!((fed.out.0.len(), fed.set.key_count()), (0, 0));
    fed.row(0, 1, A);
    fed.row(0, 1, C);
    assert_eq!(fed.out.0.len(), 1);
}

#[test]
fn keys_come_and_go_and_their_memory_is_used_again() {
    let mut fed = Fed::new(model("A B C", "within 1000"));
    let mut bytes = 0;
    for round in 0..20 {
        for key in 0..1_000 {
            fed.row(round * 50, key, A);
            fed.row(round * 50 + 1, key, B);
        }
        for key in 0..1_000 {
            fed.row(round * 50 + 2, key, D);
        }
        assert_eq!((fed.set.key_count(), fed.set.counters(0).open), (0, 0));
        if round == 2 {
            bytes = fed.set.bytes();
        }
    }
    // Runs that came and went have left no look behind each.
    assert!(fed.set.bytes() <= bytes, "{} > {bytes}", fed.set.bytes());
}

#[test]
fn a_silent_key_is_forgotten_when_its_time_is_over() {
    let mut fed = Fed::new(model("A B", "within 10"));
    for key in 0..100 {
        fed.row(0, key, A);
    }
    assert_eq!(fed.set.key_count(), 100);
    fed.row(10, 1_000, C);
    assert_eq!((fed.set.key_count(), fed.set.counters(0).timeouts), (0, 100));
}

#[test]
fn late_and_timeless_rows_are_counted() {
    let mut set = RuleSet::new(build::set(&[model("A", "")], Order::Event));
    let mut out = Lines::default();
    set.watermark(5, &mut out);
    let row = |time| Row { time, key: Some(1), x: Some(A), flag: true }.values();
    assert_eq!(set.row(&row(5), 0, &mut out), Taken::Late);
    assert_eq!(set.row(&row(6), 1, &mut out), Taken::Yes);
    let mut timeless = row(7);
    timeless[support::TIME] = vencejo_expr::Value::Null;
    assert_eq!(set.row(&timeless, 2, &mut out), Taken::Late);
    set.watermark(6, &mut out);
    assert_eq!((set.late(), set.counters(0).rows, set.counters(0).matches), (2, 1, 1));
}

#[test]
fn patterns_that_cannot_be_matched_are_refused() {
    let check = |pattern: &str, clauses: &str| {
        build::set(&[model(pattern, clauses)], Order::Arrival).rules[0].check()
    };
    assert_eq!(check("A !B C", ""), Ok(()));
    assert_eq!(check("A !B", "within 5"), Ok(()));
    assert_eq!(check("A !B", ""), Err(PatternError::SilenceWithoutWithin));
    assert_eq!(check("!A B", ""), Err(PatternError::LeadingAbsence));
    assert_eq!(check("B? !A B", ""), Err(PatternError::LeadingAbsence));
    assert_eq!(check("A{1000} B", ""), Ok(()));
    assert_eq!(check("(A{1000}){1000}", ""), Err(PatternError::TooLarge));
    assert_eq!(check("(A?){2000}", ""), Err(PatternError::TooLarge));
    assert_eq!(check("(){4000000000}", ""), Ok(()));
    assert_eq!(check("(A (B? C?)* (| D)* )*", ""), Ok(()));
    let far = |anchor, steps| {
        let mut model = model("A", "");
        model.measures.push(Measure::X(Look { anchor, steps }));
        build::set(&[model], Order::Arrival).rules[0].check()
    };
    assert_eq!(far(At::Current, RULE_STEPS_MAX), Ok(()));
    assert_eq!(far(At::Current, RULE_STEPS_MAX + 1), Err(PatternError::TooFar));
    assert_eq!(far(At::Last(VariableSet(1), u32::MAX), 0), Err(PatternError::TooFar));
    let mut deep = model("A", "");
    for _ in 0..100 {
        deep.pattern = Pattern::Exclusion(Box::new(deep.pattern));
    }
    assert_eq!(build::set(&[deep], Order::Arrival).rules[0].check(), Err(PatternError::TooDeep));
}
