//! Images of a set: captured while rows go on, and gone on from as if nothing had happened.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::random::{Step, model, steps};
use support::{Lines, Model, Row, build};
use vencejo_rules::spec::Order;
use vencejo_rules::{Malformed, RulePage, RuleSet};

/// Keys that have rows before the steps begin: a few pages.
const KEYS: i64 = 100;

fn new_set(models: &[Model], order: Order) -> (RuleSet, Lines) {
    let mut set = RuleSet::new(build::set(models, order));
    let mut out = Lines::default();
    for key in 3..KEYS {
        let row = Row { time: -20 + key % 7, key: Some(key), x: Some(key % 5), flag: true };
        let _ = set.row(&row.values(), key.cast_unsigned(), &mut out);
    }
    (set, out)
}

fn give(set: &mut RuleSet, sequence: usize, step: Step, out: &mut Lines) {
    match step {
        Step::Row(row) => {
            // Some of the keys that had rows before, too.
            for key in [row.key, row.x.map(|x| 20 * x + 5)] {
                let _ = set.row(&Row { key, ..row }.values(), 1_000 + sequence as u64, out);
            }
        }
        Step::Watermark(watermark) => set.watermark(watermark, out),
        Step::Tick(micros) => set.tick(micros, out),
    }
}

fn digest(set: &RuleSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    set.digest(&mut |piece| bytes.extend_from_slice(piece));
    bytes
}

fn restored(models: &[Model], order: Order, head: &[u8], pages: &[RulePage]) -> Result<RuleSet, Malformed> {
    let pages: BTreeMap<u32, &RulePage> = pages.iter().map(|page| (page.number, page)).collect();
    let mut set = RuleSet::new(build::set(models, order));
    set.restore(head, &mut |number, out| match pages.get(&number) {
        Some(page) => {
            out.extend_from_slice(&page.bytes);
            true
        }
        None => false,
    })?;
    Ok(set)
}

fn goes_on(models: &[Model], steps: &[Step], order: Order, at: usize) -> Result<(), TestCaseError> {
    let (mut live, mut out) = new_set(models, order);
    let (mut head, mut pages, mut before) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_whole = true;
    let mut came_before = 0;
    for (sequence, &step) in steps.iter().chain([&Step::Tick(0)]).enumerate() {
        if sequence == at {
            (head, before, is_whole) = (live.begin_capture(), digest(&live), false);
            came_before = out.0.len();
        }
        give(&mut live, sequence, step, &mut out);
        is_whole = is_whole || live.capture_some(&mut 1, &mut pages);
    }
    while !is_whole {
        is_whole = live.capture_some(&mut 1, &mut pages);
    }
    let mut set = restored(models, order, &head, &pages).unwrap();
    prop_assert!(digest(&set) == before, "the image is that of the moment of its beginning");
    let mut again = Lines::default();
    for (sequence, &step) in steps.iter().chain([&Step::Tick(0)]).enumerate().skip(at) {
        give(&mut set, sequence, step, &mut again);
    }
    prop_assert!(digest(&set) == digest(&live), "both have gone the same way");
    for (set, out) in [(&mut set, &mut again), (&mut live, &mut out)] {
        set.watermark(i64::MAX, out);
    }
    prop_assert_eq!(&again.0, &out.0[came_before..]);
    for rule in 0..models.len() {
        prop_assert_eq!(set.counters(rule), live.counters(rule));
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_set_goes_on_from_its_image(
        models in prop::collection::vec(model(), 1..3),
        steps in steps(),
        of_event_time in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let order = if of_event_time { Order::Event } else { Order::Arrival };
        goes_on(&models, &steps, order, at.index(steps.len() + 1))?;
    }

    #[test]
    fn what_is_no_image_is_refused(
        models in prop::collection::vec(model(), 1..3),
        steps in steps(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut set, mut out) = new_set(&models, Order::Arrival);
        steps.iter().enumerate().for_each(|(at, &step)| give(&mut set, at, step, &mut out));
        let (head, mut pages) = (set.begin_capture(), Vec::new());
        let mut budget = usize::MAX;
        while !set.capture_some(&mut budget, &mut pages) {}
        prop_assume!(!pages.is_empty());
        prop_assert!(restored(&models, Order::Arrival, &head[..cut.index(head.len())], &pages).is_err());
        let page = cut.index(pages.len());
        let length = pages[page].bytes.len();
        if length > 0 {
            pages[page].bytes.truncate(cut.index(length));
            prop_assert!(restored(&models, Order::Arrival, &head, &pages).is_err());
        }
        pages.remove(page);
        prop_assert!(restored(&models, Order::Arrival, &head, &pages).is_err());
    }
}
