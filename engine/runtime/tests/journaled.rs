//! Partitions with a journal: what was acknowledged is there again, once, whatever happened in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use support::{COUNT, Harness, POISON, POISON_KEY, Seen, app};
use tempfile::TempDir;
use vencejo_core::models::ModelVersion;
use vencejo_core::plan::Ack;
use vencejo_runtime::journal::{Body, Disk, Options, Record};
use vencejo_runtime::{BatchRefusal, Entrance, Keeping, Recovery, SnapshotPlan, Versions, start_recovered};
use vencejo_types::limits::JOURNAL_QUEUE_BYTES_MAX;
use vencejo_types::{ModelId, Origin, Sequence};

struct NoVersions;

impl Versions for NoVersions {
    fn load(&self, _model: ModelId, label: &str, _content: u64) -> Result<Arc<ModelVersion>, String> {
        Err(format!("the app has no models, so no version '{label}'"))
    }
}

const LAG: Duration = Duration::from_millis(100);

fn recovery(data: &Path, partitions: u32) -> Result<Recovery, String> {
    let options = Options { segment_bytes: 256 << 10, id: 1, inline: false };
    let keeping = Keeping {
        storage: Arc::new(Disk::new(data)),
        journal: options,
        snapshots: SnapshotPlan::default(),
        versions: Arc::new(NoVersions),
    };
    Recovery::open(&app(), partitions, keeping, &mut |_| {}).map_err(|error| error.to_string())
}

/// One life of an engine in this folder.
fn live<T>(data: &TempDir, partitions: u32, test: impl AsyncFnOnce(&Harness) -> T) -> T {
    std::panic::set_hook(Box::new(|_| {}));
    let system = actix_rt::System::new();
    let recovery = recovery(data.path(), partitions).unwrap();
    let (result, kept) = system.block_on(async {
        let router = Arc::new(start_recovered(&app(), recovery, 1, LAG).unwrap());
        let harness = Harness { router, recorder: Arc::default() };
        let result = test(&harness).await;
        harness.router.snapshots().unwrap().stop();
        (result, harness.router.kept().map(Arc::clone).unwrap())
    });
    kept.close();
    result
}

fn origin(number: u64) -> Option<Origin> {
    Some(Origin { producer: 5, epoch: 1, number })
}

async fn count(harness: &Harness, key: i64) -> Option<i64> {
    let before = harness.recorder.seen().len();
    harness.decide(COUNT, key, 99).unwrap();
    match harness.replies(before + 1).await[before] {
        Seen::Decided(99, count) => count,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_and_goes_on_in_order() {
    let data = TempDir::new().unwrap();
    live(&data, 4, async |harness| {
        harness.produce(1, 100, Ack::Journaled, None).unwrap();
        harness.produce(2, 7, Ack::Memory, None).unwrap();
        harness.replies(2).await;
        assert_eq!(count(harness, 1).await, Some(100));
    });
    live(&data, 4, async |harness| {
        // The decision before was counted, too.
        assert_eq!(count(harness, 1).await, Some(101));
        assert_eq!(count(harness, 2).await, Some(7));
        harness.produce(1, 1, Ack::Journaled, None).unwrap();
        assert_eq!(harness.replies(3).await[2], Seen::Absorbed(1, Sequence(103)));
    });
    live(&data, 4, async |harness| assert_eq!(count(harness, 1).await, Some(103)));
}

#[test]
fn a_producers_rows_count_once_over_restarts() {
    let data = TempDir::new().unwrap();
    live(&data, 1, async |harness| {
        harness.produce(1, 50, Ack::Journaled, origin(1)).unwrap();
        harness.produce(1, 50, Ack::Journaled, origin(1)).unwrap();
        harness.produce(1, 60, Ack::Journaled, origin(41)).unwrap();
        let absorbed = |events, sequence| Seen::Absorbed(events, Sequence(sequence));
        assert_eq!(harness.replies(3).await, [absorbed(50, 50), absorbed(50, 50), absorbed(60, 100)]);
    });
    live(&data, 1, async |harness| {
        harness.produce(1, 60, Ack::Journaled, origin(41)).unwrap();
        harness.produce(1, 1, Ack::Journaled, origin(102)).unwrap();
        let old = Some(Origin { producer: 5, epoch: 0, number: 1 });
        harness.produce(1, 1, Ack::Journaled, old).unwrap();
        harness.produce(1, 1, Ack::Journaled, origin(101)).unwrap();
        let mut seen = harness.replies(4).await;
        seen.sort_by_key(|seen| matches!(seen, Seen::Absorbed(..)));
        let expected = [
            Seen::Refused(1, BatchRefusal::Gap { expected: 101 }),
            Seen::Refused(1, BatchRefusal::Fenced { epoch: 1 }),
            Seen::Absorbed(60, Sequence(100)),
            Seen::Absorbed(1, Sequence(101)),
        ];
        assert_eq!(seen, expected);
        assert_eq!(count(harness, 1).await, Some(101));
    });
}

#[test]
fn a_poisonous_decision_is_laid_aside_and_its_partition_comes_back() {
    let data = TempDir::new().unwrap();
    let other = live(&data, 8, async |harness| {
        let other = (2..).find(|&key| harness.row(key).0 != harness.row(1).0).unwrap();
        harness.produce(1, 10, Ack::Memory, None).unwrap();
        harness.produce(other, 10, Ack::Memory, None).unwrap();
        harness.replies(2).await;
        harness.decide(POISON, 1, 2).unwrap();
        harness.decide(COUNT, 1, 3).unwrap();
        harness.decide(COUNT, other, 4).unwrap();
        let mut seen = harness.replies(5).await.split_off(2);
        seen.sort_by_key(|seen| match seen {
            Seen::Decided(request, _) | Seen::Failed(request) => *request,
            _ => u64::MAX,
        });
        assert_eq!(seen, [Seen::Failed(2), Seen::Decided(3, Some(10)), Seen::Decided(4, Some(10))]);
        let letters = harness.router.kept().unwrap().dead_letters().list();
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!((letter.number, letter.subject.as_str(), letter.settled), (1, "d", false));
        assert!(letter.reason.contains("out of bounds"), "{}", letter.reason);
        let (record, _) = Record::read(&letter.record).unwrap();
        assert!(matches!(record.body, Body::Decide { decision: POISON, .. }), "{record:?}");
        other
    });
    live(&data, 8, async |harness| {
        assert_eq!(count(harness, 1).await, Some(11));
        assert_eq!(count(harness, other).await, Some(11));
        assert_eq!(harness.router.kept().unwrap().dead_letters().list().len(), 1);
    });
}

#[test]
fn a_partition_that_is_served_in_place_is_rebuilt_by_itself() {
    let data = TempDir::new().unwrap();
    live(&data, 1, async |harness| {
        harness.produce(1, 10, Ack::Memory, None).unwrap();
        harness.replies(1).await;
        let mut entrance = Entrance::new(&harness.router);
        for (decision, request) in [(POISON, 2), (COUNT, 3)] {
            let (partition, request) = harness.decide_request(decision, 1, request);
            entrance.decide(partition, request).unwrap();
        }
        entrance.serve();
        let seen = harness.replies(3).await.split_off(1);
        assert_eq!(seen, [Seen::Failed(2), Seen::Decided(3, Some(10))]);
    });
}

#[test]
fn a_poisonous_row_is_laid_aside_and_the_rest_of_its_batch_counts() {
    let data = TempDir::new().unwrap();
    live(&data, 1, async |harness| {
        harness.produce(1, 40, Ack::Journaled, None).unwrap();
        harness.produce(POISON_KEY, 3, Ack::Journaled, origin(1)).unwrap();
        harness.produce(1, 40, Ack::Journaled, None).unwrap();
        let seen = harness.replies(3).await;
        let absorbed = |events, sequence| Seen::Absorbed(events, Sequence(sequence));
        assert_eq!(seen, [absorbed(40, 40), absorbed(3, 43), absorbed(40, 83)]);
        assert_eq!(harness.router.kept().unwrap().dead_letters().list().len(), 3);
    });
    live(&data, 1, async |harness| {
        assert_eq!(count(harness, 1).await, Some(80));
        // Its producer's numbers are used up.
        harness.produce(POISON_KEY, 3, Ack::Journaled, origin(1)).unwrap();
        let seen = harness.replies(2).await;
        assert_eq!(seen[1], Seen::Absorbed(3, Sequence(84)));
        assert_eq!(harness.router.kept().unwrap().dead_letters().list().len(), 3);
    });
}

#[test]
fn what_the_journal_has_no_room_for_is_refused_whole() {
    let data = TempDir::new().unwrap();
    live(&data, 1, async |harness| {
        let row = harness.row(1).1.len();
        // More than segments of this size, or the queue, take at once.
        harness.produce(1, JOURNAL_QUEUE_BYTES_MAX / row, Ack::Journaled, None).unwrap();
        let seen = harness.replies(1).await;
        assert!(matches!(seen[..], [Seen::Refused(_, BatchRefusal::Overloaded)]), "{seen:?}");
        assert_eq!(count(harness, 1).await, None);
        harness.produce(1, 1, Ack::Journaled, None).unwrap();
        assert_eq!(harness.replies(3).await[2], Seen::Absorbed(1, Sequence(2)));
    });
}

#[test]
fn another_number_of_partitions_is_refused() {
    let data = TempDir::new().unwrap();
    live(&data, 2, async |harness| {
        harness.produce(1, 1, Ack::Journaled, None).unwrap();
        harness.replies(1).await;
    });
    let refused = recovery(data.path(), 3).err().unwrap();
    assert_eq!(refused, "the data folder holds 2 partitions, and 3 are asked for; start with --partitions 2");
    assert!(recovery(data.path(), 2).is_ok());
}
