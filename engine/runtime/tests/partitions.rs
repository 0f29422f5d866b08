//! Partitions behind a router: order, bounds, and a core that panics.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use support::{COUNT, POISON, Seen, app_with, run, run_app};
use vencejo_core::plan::flow::Operator;
use vencejo_core::plan::{Lane, StreamOptions};
use vencejo_runtime::Unavailable;
use vencejo_types::Sequence;
use vencejo_types::limits::{FAST_LANE_REQUESTS_MAX, NORMAL_LANE_REQUESTS_MAX};
use vencejo_windows::spec::Grouping;

#[test]
fn requests_of_a_key_are_answered_in_order() {
    run(4, 2, async |harness| {
        for request in 0..200 {
            harness.decide(COUNT, 7, request).unwrap();
        }
        harness.settle().await;
        let answers = (0..200_u64).map(|n| {
            let before = i64::try_from(n).unwrap();
            Seen::Decided(n, (n > 0).then_some(before))
        });
        assert_eq!(harness.recorder.seen(), answers.collect::<Vec<_>>());
    });
}

#[test]
fn a_decision_overtakes_a_batch_that_has_begun() {
    run(1, 1, async |harness| {
        harness.ingest(1, 16_000).unwrap();
        // One drain's worth of slices.
        tokio::task::yield_now().await;
        harness.decide(COUNT, 1, 5).unwrap();
        harness.settle().await;
        let seen = harness.recorder.seen();
        let [Seen::Decided(5, Some(count)), Seen::Absorbed(16_000, Sequence(16_001))] = seen[..] else {
            panic!("the decision comes first: {seen:?}");
        };
        assert!(0 < count && count < 16_000, "it saw the batch half applied: {count}");
    });
}

#[test]
fn a_batch_of_an_urgent_stream_is_applied_whole_before_a_later_decision() {
    let urgent = StreamOptions { lane: Some(Lane::Fast), ..StreamOptions::default() };
    run_app(&app_with(urgent), 1, 1, async |harness| {
        harness.ingest(1, 5_000).unwrap();
        harness.decide(COUNT, 1, 5).unwrap();
        harness.settle().await;
        let expected = [Seen::Absorbed(5_000, Sequence(5_000)), Seen::Decided(5, Some(5_000))];
        assert_eq!(harness.recorder.seen(), expected);
    });
}

#[test]
fn what_lives_by_engine_time_is_told_the_time_before_its_first_row() {
    let mut app = app_with(StreamOptions::default());
    let nodes = &mut Arc::get_mut(&mut app).unwrap().flow.nodes;
    let Operator::Aggregate(groups) = &mut nodes[0].operator else { panic!("the groups come first") };
    groups.grouping = Grouping::Running { ttl: Some(3_600_000) };
    // Else its groups would be as old as the last tick of the engine before, and the first one ended them.
    run_app(&app, 1, 1, async |harness| {
        harness.ingest(1, 3).unwrap();
        harness.settle().await;
        assert_eq!(harness.recorder.seen(), [Seen::Absorbed(3, Sequence(4))], "a tick, then three rows");
    });
}

#[test]
fn a_full_lane_is_an_answer_and_what_it_holds_is_served() {
    run(1, 1, async |harness| {
        let decisions = FAST_LANE_REQUESTS_MAX as u64;
        assert!((0..decisions).all(|request| harness.decide(COUNT, 1, request).is_ok()));
        assert_eq!(harness.decide(COUNT, 1, decisions), Err(Unavailable::Overloaded));
        assert!((0..NORMAL_LANE_REQUESTS_MAX).all(|_| harness.ingest(1, 1).is_ok()));
        assert_eq!(harness.ingest(1, 1), Err(Unavailable::Overloaded));
        harness.settle().await;
        let seen = harness.recorder.seen();
        assert_eq!(seen.len(), FAST_LANE_REQUESTS_MAX + NORMAL_LANE_REQUESTS_MAX);
        assert!(matches!(seen[FAST_LANE_REQUESTS_MAX - 1], Seen::Decided(..)), "decisions first");
        assert!(harness.decide(COUNT, 1, 0).is_ok(), "there is room again");
        harness.settle().await;
    });
}

#[test]
fn a_panic_in_the_core_fails_its_request_and_empties_its_partition_only() {
    std::panic::set_hook(Box::new(|_| {}));
    run(8, 1, async |harness| {
        let partition_of = |key| harness.row(key).0;
        let other = (2..).find(|&key| partition_of(key) != partition_of(1)).unwrap();
        harness.ingest(1, 10).unwrap();
        harness.ingest(other, 10).unwrap();
        harness.settle().await;
        harness.decide(COUNT, 1, 1).unwrap();
        harness.decide(POISON, 1, 2).unwrap();
        harness.decide(COUNT, 1, 3).unwrap();
        harness.decide(COUNT, other, 4).unwrap();
        harness.settle().await;
        let mut seen = harness.recorder.seen().split_off(2);
        seen.sort_by_key(|seen| match seen {
            Seen::Decided(request, _) | Seen::Failed(request) => *request,
            Seen::Absorbed(..) | Seen::Refused(..) => u64::MAX,
        });
        let expected =
            [Seen::Decided(1, Some(10)), Seen::Failed(2), Seen::Decided(3, None), Seen::Decided(4, Some(10))];
        assert_eq!(seen, expected);
    });
}

#[test]
fn a_look_at_the_state_waits_for_room_and_sees_what_came_before() {
    std::panic::set_hook(Box::new(|_| {}));
    run(3, 1, async |harness| {
        let decisions = FAST_LANE_REQUESTS_MAX as u64;
        assert!((0..decisions).all(|request| harness.decide(COUNT, 1, request).is_ok()));
        let sequences = harness.router.inspect(|state| state.sequence().0).await.unwrap();
        assert_eq!((sequences.len(), sequences.iter().sum::<u64>()), (3, decisions));
        let failed = harness.router.inspect(|_| unreachable!("a look that panics")).await;
        assert_eq!(failed.map(|_: Vec<()>| ()), Err(Unavailable::Stopped));
        harness.decide(COUNT, 1, decisions).unwrap();
        harness.settle().await;
        assert_eq!(harness.recorder.seen().len(), FAST_LANE_REQUESTS_MAX + 1, "it harmed nobody");
    });
}
