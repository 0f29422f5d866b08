use std::collections::{BTreeMap, BTreeSet};

use super::message::Kind;
use super::*;

const HOUR: i64 = 3_600_000;

fn traffic(seed: u64, hours: i64) -> FleetTraffic {
    let start_millis = 1_756_684_800_000;
    FleetTraffic { seed, vehicles: 20, start_millis, end_millis: start_millis + hours * HOUR }
}

fn all(seed: u64, hours: i64) -> (Vec<Message>, Vec<Case>) {
    let mut fleet = Fleet::new(traffic(seed, hours));
    let messages = fleet.by_ref().collect();
    (messages, fleet.cases)
}

#[test]
fn a_seed_gives_the_same_messages_and_cases_twice_and_another_seed_others() {
    assert_eq!(all(3, 4), all(3, 4));
    assert_ne!(all(3, 4).0, all(4, 4).0);
}

#[test]
fn a_vehicles_messages_keep_their_order_and_end_at_rest() {
    let (messages, _) = all(5, 12);
    let mut last: BTreeMap<u32, &Message> = BTreeMap::new();
    for message in &messages {
        if let Some(before) = last.insert(message.vehicle, message) {
            assert!(before.ts_millis < message.ts_millis, "{before:?} {message:?}");
        }
    }
    assert_eq!(last.len(), 20);
    assert!(last.values().all(|message| message.speed == 0.0));
}

#[test]
fn every_rule_has_cases_and_what_looks_like_them() {
    let (_, cases) = all(6, 48);
    let found: BTreeSet<(&str, bool)> = cases.iter().map(|case| (case.rule, case.alert)).collect();
    let rules =
        ["cargo_temperature", "harsh_braking", "impact", "panic", "route_deviation", "silence", "speeding"];
    let expected = rules.into_iter().flat_map(|rule| [(rule, false), (rule, true)]).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_truth_of_silence_is_what_the_messages_say() {
    let (messages, cases) = all(7, 48);
    let mut gaps = BTreeSet::new();
    let mut last: BTreeMap<u32, (i64, f64)> = BTreeMap::new();
    for message in messages.iter().filter(|message| !message.is_emergency()) {
        if let Some((at, speed)) = last.insert(message.vehicle, (message.ts_millis, message.speed))
            && speed > 5.0
            && message.ts_millis - at >= 120_000
        {
            gaps.insert((message::vehicle_id(message.vehicle), at));
        }
    }
    let silent = cases.iter().filter(|case| case.rule == "silence" && case.alert);
    let silent: BTreeSet<_> = silent.map(|case| (case.key[0].1.clone(), case.start_millis)).collect();
    assert!(silent.len() > 10);
    assert_eq!(gaps, silent);
}

#[test]
fn most_messages_are_periodic_and_within_the_limits_of_a_truck() {
    let (messages, _) = all(8, 24);
    let periodic = messages.iter().filter(|message| message.kind == Kind::Periodic).count();
    assert!(periodic * 10 > messages.len() * 7, "{periodic} of {}", messages.len());
    assert!(messages.iter().all(|message| (0.0..200.0).contains(&message.speed)));
}
