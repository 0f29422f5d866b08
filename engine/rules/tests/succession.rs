//! A set that takes over from another one: rules that are in both go on as if nothing had happened.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use std::sync::Arc;

use proptest::prelude::*;
use support::random::{Step, model, steps};
use support::{Lines, Model, build};
use vencejo_rules::RuleSet;
use vencejo_rules::spec::{Order, RuleSetSpec};

/// A set of rules with names.
fn named(rules: &[(String, Model)], order: Order) -> Arc<RuleSetSpec> {
    let models: Vec<Model> = rules.iter().map(|(_, model)| model.clone()).collect();
    let mut spec = Arc::try_unwrap(build::set(&models, order)).unwrap();
    for (rule, (name, _)) in spec.rules.iter_mut().zip(rules) {
        Arc::get_mut(rule).unwrap().name.clone_from(name);
    }
    Arc::new(spec)
}

fn give(set: &mut RuleSet, sequence: usize, step: Step, out: &mut Lines) {
    match step {
        Step::Row(row) => {
            let _ = set.row(&row.values(), sequence as u64, out);
        }
        Step::Watermark(watermark) => set.watermark(watermark, out),
        Step::Tick(micros) => set.tick(micros, out),
    }
}

/// The lines of a rule, without its number.
fn of_rule(lines: &Lines, spec: &RuleSetSpec, name: &str) -> Vec<String> {
    let place = spec.rules.iter().position(|rule| rule.name == name);
    let prefix = format!("rule {} ", place.map_or("none".to_owned(), |place| place.to_string()));
    lines.0.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// Lines key by key: keys that time out together have no order of their own.
fn by_key(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    lines
}

/// Rules that stay, go and come, in the order in which sets have them.
#[derive(Debug)]
struct Change {
    before: Vec<(String, Model)>,
    after: Vec<(String, Model)>,
    stay: Vec<String>,
}

fn change() -> impl Strategy<Value = Change> {
    let some = |name: &'static str, count| {
        prop::collection::vec(model(), count).prop_map(move |models| {
            models.into_iter().enumerate().map(|(at, model)| (format!("{name} {at}"), model)).collect()
        })
    };
    let rules = (some("stays", 1..4), some("goes", 0..3), some("comes", 0..3));
    let rules = rules.prop_flat_map(|(stay, go, come): (Vec<_>, Vec<_>, Vec<_>)| {
        let names = stay.iter().map(|(name, _): &(String, Model)| name.clone()).collect::<Vec<_>>();
        let before = Just([stay.clone(), go].concat()).prop_shuffle();
        let after = Just([come, stay].concat()).prop_shuffle();
        (before, after, Just(names))
    });
    rules.prop_map(|(before, after, stay)| Change { before, after, stay })
}

proptest! {
    #[test]
    fn rules_that_stay_go_on(
        change in change(),
        steps in steps(),
        of_event_time in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let order = if of_event_time { Order::Event } else { Order::Arrival };
        let (before, after) = (named(&change.before, order), named(&change.after, order));
        prop_assert_eq!(before.arrangement(), after.arrangement());
        let (mut live, mut out) = (RuleSet::new(Arc::clone(&before)), Lines::default());
        let (mut twin, mut of_twin) = (RuleSet::new(Arc::clone(&before)), Lines::default());
        let at = at.index(steps.len() + 1);
        let mut then = Lines::default();
        for (sequence, &step) in steps.iter().chain([&Step::Watermark(i64::MAX)]).enumerate() {
            if sequence == at {
                let mut next = RuleSet::new(Arc::clone(&after));
                next.take_over(&mut live);
                live = next;
                then = std::mem::take(&mut out);
            }
            give(&mut live, sequence, step, &mut out);
            give(&mut twin, sequence, step, &mut of_twin);
        }
        for name in &change.stay {
            let lines = [of_rule(&then, &before, name), of_rule(&out, &after, name)].concat();
            prop_assert_eq!(by_key(lines), by_key(of_rule(&of_twin, &before, name)), "{}", name);
            let place = |spec: &RuleSetSpec| spec.rules.iter().position(|rule| rule.name == *name).unwrap();
            let (live, twin) = (live.counters(place(&after)), twin.counters(place(&before)));
            let counted = |it: vencejo_rules::RuleCounters| (it.open, it.matches, it.timeouts);
            prop_assert_eq!(counted(live), counted(twin));
        }
        prop_assert_eq!((live.late(), live.refused()), (twin.late(), twin.refused()));
    }
}
