//! Requests that a session queues beside the partition: served in place, in the lanes' order, and never lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::{COUNT, Harness, POISON, POISON_KEY, Seen, run};
use vencejo_runtime::{Ack, Entrance, Unavailable};
use vencejo_types::Sequence;
use vencejo_types::limits::FAST_LANE_REQUESTS_MAX;

/// More than the caches hold.
const FAR: usize = 20_000;
/// Behind the key that is poison.
const FIRST_KEY: i64 = POISON_KEY + 1;

/// An entrance, once the partitions have started.
async fn entrance(harness: &Harness) -> Entrance {
    tokio::task::yield_now().await;
    Entrance::new(&harness.router)
}

fn decide(harness: &Harness, entrance: &mut Entrance, key: i64, request: u64) -> Result<(), Unavailable> {
    let (partition, request) = harness.decide_request(COUNT, key, request);
    entrance.decide(partition, request)
}

fn ingest(harness: &Harness, entrance: &mut Entrance, key: i64, events: usize) {
    let (partition, request) = harness.ingest_request(key, events, Ack::Memory, None);
    entrance.ingest(partition, &harness.router.app().streams[0], request).unwrap();
}

#[test]
fn what_was_queued_is_served_in_place_decisions_first() {
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        ingest(harness, &mut entrance, 1, 5);
        decide(harness, &mut entrance, 1, 7).unwrap();
        assert_eq!(harness.recorder.seen(), [], "nothing before the end of the turn");
        entrance.serve();
        let expected = [Seen::Decided(7, None), Seen::Absorbed(5, Sequence(6))];
        assert_eq!(harness.recorder.seen(), expected, "no task had to run");
        assert!(harness.router.is_idle());
    });
}

#[test]
fn much_is_served_in_part_and_the_rest_without_the_session() {
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        (0..1_000).for_each(|request| decide(harness, &mut entrance, 1, request).unwrap());
        entrance.serve();
        let at_once = harness.recorder.seen().len();
        assert!(0 < at_once && at_once < 1_000, "{at_once}");
        // While the actor is at it, the session leaves its requests to it.
        decide(harness, &mut entrance, 1, 1_000).unwrap();
        entrance.serve();
        assert_eq!(harness.recorder.seen().len(), at_once);
        harness.settle().await;
        let numbers: Vec<u64> = harness.recorder.seen().iter().map(number).collect();
        assert!(numbers.into_iter().eq(0..=1_000), "in order");
    });
}

/// Decides for so many keys that the state leaves the processor's caches, which a partition notices.
async fn fill(harness: &Harness, entrance: &mut Entrance) {
    for (number, key) in (0..FAR).zip(FIRST_KEY..) {
        decide(harness, entrance, key, 0).unwrap();
        if number % 1_000 == 999 {
            entrance.serve();
            harness.settle().await;
        }
    }
    assert_eq!(harness.recorder.seen().len(), FAR);
}

#[test]
fn decisions_that_are_looked_ahead_of_are_answered_in_order() {
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        fill(harness, &mut entrance).await;
        // Each key twice: the second decision sees what the first one counted.
        for request in 0..50_i64 {
            let key = FIRST_KEY + request % 25;
            decide(harness, &mut entrance, key, request.unsigned_abs()).unwrap();
        }
        ingest(harness, &mut entrance, FIRST_KEY, 40);
        entrance.serve();
        harness.settle().await;
        let seen = harness.recorder.seen().split_off(FAR);
        let expected =
            (0..50_i64).map(|request| Seen::Decided(request.unsigned_abs(), Some(1 + request / 25)));
        assert_eq!(seen[..50], expected.collect::<Vec<_>>());
        assert!(matches!(seen[50..], [Seen::Absorbed(40, _)]), "{:?}", &seen[50..]);
    });
}

#[test]
fn a_panic_among_decisions_that_are_looked_ahead_of_fails_one() {
    std::panic::set_hook(Box::new(|_| {}));
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        fill(harness, &mut entrance).await;
        decide(harness, &mut entrance, FIRST_KEY, 1).unwrap();
        let (partition, poison) = harness.decide_request(POISON, FIRST_KEY, 2);
        entrance.decide(partition, poison).unwrap();
        decide(harness, &mut entrance, FIRST_KEY, 3).unwrap();
        entrance.serve();
        harness.settle().await;
        let seen = harness.recorder.seen().split_off(FAR);
        assert_eq!(seen, [Seen::Decided(1, Some(1)), Seen::Failed(2), Seen::Decided(3, None)]);
    });
}

fn number(seen: &Seen) -> u64 {
    match seen {
        Seen::Decided(request, _) | Seen::Failed(request) => *request,
        other => panic!("no decision: {other:?}"),
    }
}

#[test]
fn a_session_that_ends_within_its_turn_leaves_nothing_behind() {
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        decide(harness, &mut entrance, 1, 1).unwrap();
        drop(entrance);
        harness.decide(COUNT, 1, 2).unwrap();
        harness.settle().await;
        assert_eq!(harness.recorder.seen(), [Seen::Decided(1, None), Seen::Decided(2, Some(1))]);
    });
}

#[test]
fn a_full_lane_refuses_and_what_it_holds_is_served() {
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        let room = FAST_LANE_REQUESTS_MAX as u64;
        (0..room).for_each(|request| decide(harness, &mut entrance, 1, request).unwrap());
        assert_eq!(decide(harness, &mut entrance, 1, room), Err(Unavailable::Overloaded));
        entrance.serve();
        harness.settle().await;
        assert_eq!(harness.recorder.seen().len(), FAST_LANE_REQUESTS_MAX);
    });
}

#[test]
fn partitions_of_other_threads_are_woken() {
    run(4, 2, async |harness| {
        let mut entrance = entrance(harness).await;
        (0..100).for_each(|key| decide(harness, &mut entrance, key, key.unsigned_abs()).unwrap());
        entrance.serve();
        let mut numbers: Vec<u64> = harness.replies(100).await.iter().map(number).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..100));
    });
}

#[test]
fn a_panic_in_the_core_fails_its_request_alone() {
    std::panic::set_hook(Box::new(|_| {}));
    run(1, 1, async |harness| {
        let mut entrance = entrance(harness).await;
        let (partition, poison) = harness.decide_request(POISON, 1, 1);
        entrance.decide(partition, poison).unwrap();
        decide(harness, &mut entrance, 1, 2).unwrap();
        entrance.serve();
        harness.settle().await;
        assert_eq!(harness.recorder.seen(), [Seen::Failed(1), Seen::Decided(2, None)]);
    });
}
