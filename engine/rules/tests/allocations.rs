//! Once its memory is there, a set in the order of arrival allocates nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use allocation_counter::measure;
use support::notation::model;
use support::{At, Look, Measure, Part, Row, build};
use vencejo_expr::Value;
use vencejo_rules::spec::{Order, VariableSet};
use vencejo_rules::{Match, RuleSet, Sink};

/// Counts.
struct Count(u64);

impl Sink for Count {
    fn matched(&mut self, matched: &Match<'_>, _: &[Value<'_>]) {
        self.0 += matched.rows.len() as u64;
    }
}

/// Rows of keys that come and go, in a pattern that repeats.
fn feed(set: &mut RuleSet, sink: &mut Count, rounds: std::ops::Range<i64>) {
    for round in rounds {
        for step in 0..64_i64 {
            let (key, x) = (step * 7 % 13, (step * step + round % 4) % 5);
            let row = Row { time: round * 64 + step, key: Some(key), x: Some(x), flag: step % 3 > 0 };
            let sequence = (round * 64 + step).cast_unsigned();
            assert_eq!(set.row(&row.values(), sequence, sink), vencejo_rules::Taken::Yes);
        }
        set.tick(round * 64_000, sink);
    }
}

#[test]
fn a_row_allocates_nothing_once_warm() {
    let any = VariableSet(u64::MAX);
    let mut rising = model("A (F | G)* D", "within 400, next");
    rising.variables[3] = vec![
        Part::AtLeast(3),
        Part::Above(Look { anchor: At::Last(any, 1), steps: 0 }),
        Part::SumBelow(any, 90),
    ];
    rising.measures = vec![
        Measure::Sum(any),
        Measure::FinalX(Look { anchor: At::First(any, 0), steps: 0 }),
        Measure::Classifier(Look { anchor: At::Last(any, 1), steps: 1 }),
        Measure::Average(any),
        Measure::Number,
    ];
    let models = [
        rising,
        model("A B+? C", "within 300"),
        model("E+ !D", "within 200, all"),
        model("P(A, B, C)", ""),
        model("G G", "timeouts, within 100"),
    ];
    let mut set = RuleSet::new(build::set(&models, Order::Arrival));
    let mut sink = Count(0);
    feed(&mut set, &mut sink, 0..120);
    let before = sink.0;
    let counted = measure(|| feed(&mut set, &mut sink, 120..150));
    assert!(sink.0 > before);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}
