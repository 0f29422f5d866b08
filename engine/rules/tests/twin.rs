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
use support::random::{Step, model, steps};
use support::search::{Item, decided};
use support::{Lines, Model, Row, build};
use vencejo_rules::spec::Order;
use vencejo_rules::{RuleSet, Taken};

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
