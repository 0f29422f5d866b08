//! The matcher against its twin: random patterns, rows, skips, times and filters, keys interleaved. After
//! every step exactly those matches are out that the rows so far decide.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use proptest::prelude::*;
use support::search::{Item, decided};
use support::{At, Lines, Look, Measure, Model, Part, Row, build};
use vencejo_rules::spec::{Order, Pattern, PatternError, RowsPerMatch, Skip, VariableSet};
use vencejo_rules::{RuleSet, Taken};

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

fn model() -> impl Strategy<Value = Model> {
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
enum Step {
    Row(Row),
    Watermark(i64),
    Tick(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
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

/// Gives the steps to the matcher and compares what is out with what the items so far decide.
struct Check<'a> {
    models: &'a [Model],
    set: RuleSet,
    out: Lines,
    items: Vec<Item>,
    is_hard: bool,
}

impl<'a> Check<'a> {
    fn new(models: &'a [Model], order: Order) -> Self {
        let set = RuleSet::new(build::set(models, order));
        Self { models, set, out: Lines::default(), items: Vec::new(), is_hard: false }
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        for (rule, model) in self.models.iter().enumerate() {
            for key in [None, Some(1), Some(2)] {
                let Some(expected) = decided(model, rule, key, &self.items) else {
                    self.is_hard = true;
                    continue;
                };
                let name = key.map_or("-".to_owned(), |key| key.to_string());
                let name = format!("rule {rule} key {name} ");
                let found: Vec<&String> = self.out.0.iter().filter(|line| line.starts_with(&name)).collect();
                prop_assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{:?}\n{:?}", model, self.items);
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), TestCaseError> {
        self.set.watermark(i64::MAX, &mut self.out);
        self.items.push(Item { now: i64::MAX, row: None });
        self.compare()?;
        for rule in 0..self.models.len() {
            prop_assert_eq!(self.set.counters(rule).open, 0);
            prop_assert_eq!(self.set.counters(rule).dropped, 0);
        }
        Ok(())
    }
}

fn in_order_of_arrival(models: &[Model], steps: &[Step]) -> Result<(), TestCaseError> {
    let mut check = Check::new(models, Order::Arrival);
    let (mut clock, mut silent_since) = (i64::MIN, None);
    for (sequence, step) in steps.iter().enumerate() {
        let mut item = Item { now: clock, row: None };
        match *step {
            Step::Row(row) => {
                prop_assert_eq!(check.set.row(&row.values(), sequence as u64, &mut check.out), Taken::Yes);
                (clock, silent_since) = (clock.max(row.time), None);
                item = Item { now: clock, row: Some((row, sequence as u64)) };
            }
            Step::Watermark(watermark) => {
                check.set.watermark(watermark, &mut check.out);
                clock = clock.max(watermark + 1);
                item.now = clock;
            }
            Step::Tick(micros) => {
                check.set.tick(micros, &mut check.out);
                if clock > i64::MIN {
                    let since = *silent_since.get_or_insert(micros);
                    item.now = clock + (micros - since) / 1_000;
                }
            }
        }
        check.items.push(item);
        check.compare()?;
    }
    check.end()
}

fn in_order_of_time(models: &[Model], steps: &[Step]) -> Result<(), TestCaseError> {
    let mut check = Check::new(models, Order::Event);
    let (mut waiting, mut watermark) = (Vec::new(), i64::MIN);
    for (sequence, step) in steps.iter().enumerate() {
        match *step {
            Step::Row(row) => {
                let taken = check.set.row(&row.values(), sequence as u64, &mut check.out);
                prop_assert_eq!(taken, if row.time <= watermark { Taken::Late } else { Taken::Yes });
                if row.time > watermark {
                    waiting.push((row, sequence as u64));
                }
            }
            Step::Watermark(new) => {
                check.set.watermark(new, &mut check.out);
                watermark = watermark.max(new);
                pass(&mut check.items, &mut waiting, watermark);
            }
            Step::Tick(micros) => check.set.tick(micros, &mut check.out),
        }
        check.compare()?;
    }
    pass(&mut check.items, &mut waiting, i64::MAX - 1);
    check.end()
}

/// Rows up to the watermark, by time, ties by x descending, then by arrival.
fn pass(items: &mut Vec<Item>, waiting: &mut Vec<(Row, u64)>, watermark: i64) {
    waiting.sort_by_key(|&(row, sequence)| (row.time, std::cmp::Reverse(row.x), sequence));
    let count = waiting.iter().filter(|(row, _)| row.time <= watermark).count();
    items.extend(waiting.drain(..count).map(|row| Item { now: row.0.time, row: Some(row) }));
    if watermark < i64::MAX - 1 {
        items.push(Item { now: watermark + 1, row: None });
    }
}

proptest! {
    #[test]
    fn arrival(models in prop::collection::vec(model(), 1..3), steps in steps()) {
        in_order_of_arrival(&models, &steps)?;
    }

    #[test]
    fn event_time(models in prop::collection::vec(model(), 1..3), steps in steps()) {
        in_order_of_time(&models, &steps)?;
    }
}
