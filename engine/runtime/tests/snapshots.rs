//! Partitions with snapshots: taken while they serve, opened when the engine starts, whatever is damaged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use support::{COUNT, Harness, POISON_KEY, Seen, app};
use tempfile::TempDir;
use vencejo_core::models::ModelVersion;
use vencejo_core::plan::Ack;
use vencejo_runtime::journal::snapshot::{PagePlace, Snapshot, SnapshotKey, generations};
use vencejo_runtime::journal::{Disk, Options};
use vencejo_runtime::{Keep, Keeping, Recovery, SnapshotPlan, Snapshots, Taken, Versions, start_recovered};
use vencejo_types::{ModelId, Origin};

const PARTITIONS: u32 = 2;

struct NoVersions;

impl Versions for NoVersions {
    fn load(&self, _model: ModelId, label: &str, _content: u64) -> Result<Arc<ModelVersion>, String> {
        Err(format!("the app has no models, so no version '{label}'"))
    }
}

const LAG: Duration = Duration::from_millis(100);

fn recovery(data: &Path, plan: SnapshotPlan) -> Result<Recovery, String> {
    let keeping = Keeping {
        storage: Arc::new(Disk::new(data)),
        journal: Options { segment_bytes: 64 << 10, id: 1, inline: false },
        snapshots: plan,
        versions: Arc::new(NoVersions),
    };
    Recovery::open(&app(), PARTITIONS, keeping, &mut |_| {}).map_err(|error| error.to_string())
}

fn live_with<T>(data: &TempDir, plan: SnapshotPlan, test: impl AsyncFnOnce(&Harness, &Recovered) -> T) -> T {
    let system = actix_rt::System::new();
    let recovery = recovery(data.path(), plan).unwrap();
    let recovered = Recovered {
        generation: recovery.from.as_ref().map(|from| from.generation),
        events: recovery.found.events,
    };
    let (result, kept) = system.block_on(async {
        let router = start_recovered(&app(), recovery, 1, LAG).unwrap();
        let harness = Harness { router: Arc::new(router), recorder: Arc::default() };
        let result = test(&harness, &recovered).await;
        harness.router.snapshots().into_iter().for_each(Snapshots::stop);
        (result, harness.router.kept().map(Arc::clone).unwrap())
    });
    kept.close();
    result
}

/// What an engine began with.
struct Recovered {
    generation: Option<u64>,
    events: u64,
}

fn live<T>(data: &TempDir, test: impl AsyncFnOnce(&Harness, &Recovered) -> T) -> T {
    live_with(data, SnapshotPlan::default(), test)
}

async fn count(harness: &Harness, key: i64) -> Seen {
    let before = harness.recorder.len();
    harness.decide(COUNT, key, 99).unwrap();
    harness.reply(before).await
}

/// Counts one event of each of so many keys.
async fn feed(harness: &Harness, keys: i64) {
    for key in 100..100 + keys {
        // Segments are short here: while the next one is made, the journal has no room.
        loop {
            let before = harness.recorder.len();
            harness.produce(key, 1, Ack::Memory, None).unwrap();
            if let Seen::Absorbed(..) = harness.reply(before).await {
                break;
            }
        }
    }
}

async fn take(harness: &Harness) -> Taken {
    harness.router.snapshots().unwrap().take().await.unwrap()
}

/// Partitions' digests and sequences.
async fn digests(harness: &Harness) -> Vec<(u64, Option<u64>)> {
    let digests = harness.router.digests().await.unwrap();
    digests.into_iter().map(|(sequence, digest)| (sequence.0, digest)).collect()
}

fn snapshot_file(data: &TempDir, generation: u64) -> PathBuf {
    data.path().join(format!("snapshots/{generation:016x}.snapshot"))
}

fn segments(data: &TempDir) -> usize {
    let files = fs::read_dir(data.path().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "segment")).count()
}

#[test]
fn an_engine_begins_with_its_snapshot_and_goes_on_behind_it() {
    let data = TempDir::new().unwrap();
    let before = live(&data, async |harness, _| {
        feed(harness, 2_000).await;
        let taken = take(harness).await;
        assert_eq!((taken.generation, taken.sequences.iter().sum::<u64>()), (1, 2_000));
        feed(harness, 50).await;
        digests(harness).await
    });
    let after = live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(1));
        assert!((50..100).contains(&recovered.events), "{}", recovered.events);
        let digests = digests(harness).await;
        assert_eq!(count(harness, 120).await, Seen::Decided(99, Some(2)));
        assert_eq!(count(harness, 180).await, Seen::Decided(99, Some(1)));
        digests
    });
    assert_eq!(before, after);
    // The journal alone gives the same: it has not been cut yet.
    fs::remove_file(snapshot_file(&data, 1)).unwrap();
    live(&data, async |harness, recovered| {
        assert!(recovered.generation.is_none() && recovered.events >= 2_050, "{}", recovered.events);
        assert_eq!(count(harness, 130).await, Seen::Decided(99, Some(2)));
    });
}

#[test]
fn events_go_on_while_a_snapshot_is_taken_and_it_shows_one_moment() {
    let data = TempDir::new().unwrap();
    let (at_snapshot, at_end) = live(&data, async |harness, _| {
        feed(harness, 3_000).await;
        let before = digests(harness).await;
        let mut events = 0;
        // As many events as find their way between.
        let taken = {
            let mut taken = std::pin::pin!(harness.router.snapshots().unwrap().take());
            let mut fed = Box::pin(feed(harness, 1));
            std::future::poll_fn(|context| {
                if let Poll::Ready(taken) = taken.as_mut().poll(context) {
                    return Poll::Ready(taken.unwrap());
                }
                if fed.as_mut().poll(context).is_ready() {
                    events += 1;
                    fed = Box::pin(feed(harness, 1));
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await
        };
        assert!(events > 0);
        let sequences: Vec<u64> = before.iter().map(|&(sequence, _)| sequence).collect();
        // A few may have come before the partitions heard of it.
        assert!(taken.sequences.iter().zip(&sequences).all(|(taken, before)| taken >= before));
        (taken.sequences, digests(harness).await)
    });
    let again = live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(1));
        digests(harness).await
    });
    assert_eq!(again, at_end);
    assert!(at_snapshot.iter().sum::<u64>() >= 3_000);
}

#[test]
fn the_journal_is_cut_behind_the_older_of_two_snapshots() {
    let data = TempDir::new().unwrap();
    live(&data, async |harness, _| {
        for turn in 1..=5 {
            feed(harness, 3_000).await;
            let taken = take(harness).await;
            assert_eq!(taken.generation, turn);
            assert_eq!(taken.segments_removed > 0, turn > 1, "{taken:?}");
            assert!(segments(&data) < 14, "{}", segments(&data));
        }
    });
    assert_eq!(generations(&Disk::new(data.path())).unwrap(), [4, 5]);
    // The older one does as well.
    fs::remove_file(snapshot_file(&data, 5)).unwrap();
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(4));
        assert_eq!(count(harness, 150).await, Seen::Decided(99, Some(5)));
    });
    // Without any, the events are not there, and nothing is started.
    fs::remove_file(snapshot_file(&data, 4)).unwrap();
    let refused = recovery(data.path(), SnapshotPlan::default()).err().unwrap();
    assert!(refused.contains("as it was cut behind snapshots, and there is no snapshot"), "{refused}");
}

#[test]
fn where_all_is_to_be_kept_the_journal_is_not_cut() {
    let data = TempDir::new().unwrap();
    let plan = SnapshotPlan { keep: Keep::All, ..SnapshotPlan::default() };
    live_with(&data, plan, async |harness, _| {
        for _ in 0..4 {
            feed(harness, 2_000).await;
            assert_eq!(take(harness).await.segments_removed, 0);
        }
    });
    assert_eq!(generations(&Disk::new(data.path())).unwrap(), [3, 4]);
}

#[test]
fn a_damaged_snapshot_gives_way_to_the_one_before_and_two_are_refused() {
    let data = TempDir::new().unwrap();
    live(&data, async |harness, _| {
        for _ in 0..3 {
            feed(harness, 3_000).await;
            take(harness).await;
        }
        feed(harness, 10).await;
    });
    let whole = fs::read(snapshot_file(&data, 3)).unwrap();
    fs::write(snapshot_file(&data, 3), &whole[..whole.len() - 1]).unwrap();
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(2));
        assert_eq!(count(harness, 105).await, Seen::Decided(99, Some(4)));
        // The next one takes the number behind, and the damaged one goes once there are two.
        assert_eq!(take(harness).await.generation, 4);
    });
    assert_eq!(generations(&Disk::new(data.path())).unwrap(), [2, 4]);
    for generation in [2, 4] {
        let mut bytes = fs::read(snapshot_file(&data, generation)).unwrap();
        let end = bytes.len() - 20;
        bytes[end] ^= 1;
        fs::write(snapshot_file(&data, generation), bytes).unwrap();
    }
    let refused = recovery(data.path(), SnapshotPlan::default()).err().unwrap();
    for part in [
        "nothing was started",
        "0000000000000002.snapshot is damaged",
        "0000000000000004.snapshot is damaged",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}

/// Breaks a page of the first partition, in each snapshot the same: where it lies in the file, is up to who
/// was faster.
fn break_page(data: &TempDir, generation: u64) {
    let snapshot = Snapshot::open(&Disk::new(data.path()), generation, None).unwrap();
    let mut page = Vec::new();
    let mut places = (0..8).flat_map(|owner| (0..8).map(move |container| (owner, container)));
    let found = places.any(|(owner, container)| {
        let place = PagePlace { partition: 0, owner, container, page: 1 };
        snapshot.page(place, &mut page).unwrap()
    });
    assert!(found);
    let mut bytes = fs::read(snapshot_file(data, generation)).unwrap();
    let at = bytes.windows(page.len()).position(|part| part == page).unwrap();
    bytes[at] ^= 0x10;
    fs::write(snapshot_file(data, generation), bytes).unwrap();
}

/// How many of the keys are refused.
async fn refused(harness: &Harness, keys: i64) -> usize {
    let mut refused = 0;
    for key in 100..100 + keys {
        match count(harness, key).await {
            Seen::Failed(99) => refused += 1,
            Seen::Decided(99, Some(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    refused
}

#[test]
fn a_damaged_page_is_repaired_from_the_snapshot_before_while_others_are_served() {
    let data = TempDir::new().unwrap();
    live(&data, async |harness, _| {
        feed(harness, 3_000).await;
        take(harness).await;
        feed(harness, 3_000).await;
        take(harness).await;
        feed(harness, 200).await;
    });
    break_page(&data, 2);
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(2));
        // Whoever comes early may be refused, and in the end nobody.
        refused(harness, 3_000).await;
        let whole = async {
            while digests(harness).await.iter().any(|(_, digest)| digest.is_none()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), whole).await.expect("it is repaired");
        assert_eq!(refused(harness, 3_000).await, 0);
    });
}

#[test]
fn where_both_are_damaged_the_keys_of_the_page_are_refused_and_the_rest_is_served() {
    let data = TempDir::new().unwrap();
    live(&data, async |harness, _| {
        for _ in 0..4 {
            feed(harness, 3_000).await;
            take(harness).await;
        }
    });
    break_page(&data, 3);
    break_page(&data, 4);
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(4));
        let refused = refused(harness, 3_000).await;
        assert!((1..1_000).contains(&refused), "{refused}");
        // There is no image of what is not whole.
        let fault = harness.router.snapshots().unwrap().take().await.unwrap_err();
        assert!(fault.to_string().contains("given up"), "{fault}");
    });
}

#[test]
fn a_sealed_snapshot_wants_its_key() {
    let data = TempDir::new().unwrap();
    let key = |byte| SnapshotPlan { key: Some(SnapshotKey::new([byte; 32])), ..SnapshotPlan::default() };
    let plan = SnapshotPlan { compression: Some(1), ..key(7) };
    live_with(&data, plan, async |harness, _| {
        feed(harness, 500).await;
        take(harness).await;
    });
    let refused = |plan| recovery(data.path(), plan).err().unwrap();
    assert!(refused(SnapshotPlan::default()).contains("is encrypted; give its key"));
    assert!(refused(key(8)).contains("is encrypted with another key"));
    live_with(&data, key(7), async |harness, recovered| {
        assert_eq!(recovered.generation, Some(1));
        assert_eq!(count(harness, 333).await, Seen::Decided(99, Some(1)));
    });
}

#[test]
fn a_partition_that_the_core_failed_in_comes_back_from_snapshot_and_cut_journal() {
    let data = TempDir::new().unwrap();
    live(&data, async |harness, _| {
        for _ in 0..3 {
            feed(harness, 3_000).await;
            take(harness).await;
        }
        feed(harness, 10).await;
        let before = harness.recorder.seen().len();
        harness.produce(POISON_KEY, 1, Ack::Journaled, None).unwrap();
        harness.replies(before + 1).await;
        assert_eq!(count(harness, 105).await, Seen::Decided(99, Some(4)));
        assert_eq!(count(harness, 2_105).await, Seen::Decided(99, Some(3)));
        assert_eq!(harness.router.kept().unwrap().dead_letters().list().len(), 1);
        // And what comes of that can be captured again.
        take(harness).await;
    });
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(4));
        assert_eq!(count(harness, 2_105).await, Seen::Decided(99, Some(4)));
    });
}

#[test]
fn a_producers_rows_count_once_over_snapshots() {
    let data = TempDir::new().unwrap();
    let origin = |number| Some(Origin { producer: 5, epoch: 1, number });
    live(&data, async |harness, _| {
        harness.produce(1, 10, Ack::Journaled, origin(1)).unwrap();
        harness.replies(1).await;
        take(harness).await;
        harness.produce(1, 5, Ack::Journaled, origin(11)).unwrap();
        harness.replies(2).await;
    });
    live(&data, async |harness, recovered| {
        assert_eq!(recovered.generation, Some(1));
        // All of it again, and one more.
        harness.produce(1, 16, Ack::Journaled, origin(1)).unwrap();
        harness.replies(1).await;
        assert_eq!(count(harness, 1).await, Seen::Decided(99, Some(16)));
    });
}

#[test]
fn snapshots_are_taken_by_themselves_where_something_has_happened() {
    let data = TempDir::new().unwrap();
    let plan = SnapshotPlan {
        interval: Some(Duration::from_millis(20)),
        bytes_per_second: Some(50_000_000),
        ..SnapshotPlan::default()
    };
    live_with(&data, plan, async |harness, _| {
        let newest = || generations(&Disk::new(data.path())).unwrap().last().copied().unwrap_or(0);
        for turn in 1..=3 {
            feed(harness, 100).await;
            let taken = async {
                while newest() < turn {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), taken).await.expect("a snapshot is taken");
        }
    });
    let newest = generations(&Disk::new(data.path())).unwrap().last().copied().unwrap();
    let plan = SnapshotPlan { interval: Some(Duration::from_millis(1)), ..SnapshotPlan::default() };
    live_with(&data, plan, async |_, _| tokio::time::sleep(Duration::from_millis(60)).await);
    let after = generations(&Disk::new(data.path())).unwrap().last().copied().unwrap();
    assert!(after <= newest + 1, "{newest} {after}");
}
