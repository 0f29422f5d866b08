//! Random rules and rows.

use proptest::prelude::*;
use vencejo_rules::spec::{Order, Pattern, PatternError, RowsPerMatch, Skip, VariableSet};

use super::{At, Look, Measure, Model, Part, Row, build};

const VARIABLES: u8 = 4;

fn variables() -> impl Strategy<Value = VariableSet> {
    prop_oneof![
        (0..VARIABLES).prop_map(|variable| VariableSet(1 << variable)),
        (1_u64..1 << VARIABLES).prop_map(VariableSet),
        Just(VariableSet(u64::MAX)),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    let anchor = prop_oneof![
        Just(At::Current),
        (variables(), 0_u32..3).prop_map(|(set, offset)| At::First(set, offset)),
        (variables(), 0_u32..3).prop_map(|(set, offset)| At::Last(set, offset)),
    ];
    (anchor, prop_oneof![2 => Just(0_u32), 1 => 1_u32..4]).prop_map(|(anchor, steps)| Look { anchor, steps })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => (0_i64..5).prop_map(Part::Below),
        3 => (0_i64..5).prop_map(Part::AtLeast),
        2 => (0_i64..5).prop_map(Part::Equals),
        1 => Just(Part::Odd),
        2 => look().prop_map(Part::Above),
        1 => (variables(), 0_i64..12).prop_map(|(set, sum)| Part::SumBelow(set, sum)),
        1 => (variables(), 0_i64..5).prop_map(|(set, count)| Part::CountAtMost(set, count)),
        1 => (variables(), 0_i64..4).prop_map(|(set, count)| Part::DifferentAtMost(set, count)),
        1 => (look(), 0..VARIABLES).prop_map(|(look, variable)| Part::IsNot(look, variable)),
        1 => variables().prop_map(Part::NotLeast),
    ]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let leaf = prop_oneof![
        12 => (0..VARIABLES).prop_map(Pattern::Variable),
        2 => (0..VARIABLES).prop_map(Pattern::Absence),
        1 => Just(Pattern::Empty),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let some = |count| prop::collection::vec(inner.clone(), 1..count);
        let bounds = (0_u32..3, prop::option::of(0_u32..3), any::<bool>());
        prop_oneof![
            4 => some(4).prop_map(Pattern::Concatenation),
            2 => some(4).prop_map(Pattern::Alternation),
            3 => (inner.clone(), bounds).prop_map(|(pattern, (min, more, greedy))| Pattern::Repetition {
                pattern: Box::new(pattern),
                min,
                max: more.map(|more| min + more),
                greedy,
            }),
            1 => some(4).prop_map(Pattern::Permutation),
            1 => inner.clone().prop_map(|pattern| Pattern::Exclusion(Box::new(pattern))),
        ]
    })
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        look().prop_map(Measure::X),
        look().prop_map(Measure::FinalX),
        look().prop_map(Measure::Classifier),
        variables().prop_map(Measure::Count),
        variables().prop_map(Measure::Sum),
        variables().prop_map(Measure::FinalSum),
        variables().prop_map(Measure::DistinctCount),
        variables().prop_map(Measure::Average),
        Just(Measure::Number),
        Just(Measure::RowTime),
        Just(Measure::TimedOut),
    ]
}

fn skip() -> impl Strategy<Value = Skip> {
    prop_oneof![
        Just(Skip::PastLastRow),
        Just(Skip::ToNextRow),
        variables().prop_map(Skip::ToFirst),
        variables().prop_map(Skip::ToLast),
    ]
}

/// A rule that passes the check.
pub fn model() -> impl Strategy<Value = Model> {
    let conditions = prop::collection::vec(prop::collection::vec(part(), 0..3), VARIABLES as usize);
    let rows =
        prop_oneof![Just(RowsPerMatch::One), any::<bool>().prop_map(|empty| RowsPerMatch::All { empty })];
    let measures = prop::collection::vec(measure(), 0..4);
    let flags = (any::<bool>(), any::<bool>());
    let within = prop::option::weighted(0.6, 1_i64..30);
    (pattern(), conditions, skip(), within, rows, measures, flags).prop_map(
        |(pattern, variables, skip, within, rows, measures, (filtered, show_timeouts))| {
            let model = Model { pattern, variables, filtered, skip, within, rows, measures, show_timeouts };
            sound(model)
        },
    )
}

/// The rule with what its pattern lacks.
fn sound(mut model: Model) -> Model {
    let spec = build::set(std::slice::from_ref(&model), Order::Arrival);
    match spec.rules[0].check() {
        Ok(()) => model,
        Err(PatternError::LeadingAbsence) => {
            model.pattern = Pattern::Concatenation(vec![Pattern::Variable(0), model.pattern]);
            sound(model)
        }
        Err(PatternError::SilenceWithoutWithin) => {
            model.within = Some(10);
            sound(model)
        }
        Err(error) => panic!("{error}: {model:?}"),
    }
}

/// What comes in, in order.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Row(Row),
    Watermark(i64),
    Tick(i64),
}

/// Up to 21 steps, rows out of order.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let row = (-6_i64..10, 0_i64..3, prop::option::weighted(0.9, 0_i64..5), prop::bool::weighted(0.8));
    let step = prop_oneof![
        8 => row.prop_map(|(time, key, x, flag)| {
            Step::Row(Row { time, key: (key > 0).then_some(key), x, flag })
        }),
        1 => (-10_i64..10).prop_map(Step::Watermark),
        1 => (0_i64..12).prop_map(Step::Tick),
    ];
    // Times come as differences.
    prop::collection::vec(step, 0..22).prop_map(|mut steps| {
        let (mut time, mut micros) = (0, 0);
        for step in &mut steps {
            match step {
                Step::Row(row) => {
                    time += row.time.max(0) / 2;
                    row.time += time;
                }
                Step::Watermark(watermark) => *watermark += time,
                Step::Tick(millis) => {
                    micros += *millis * 1_000;
                    *millis = micros;
                }
            }
        }
        steps
    })
}
