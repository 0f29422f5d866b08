//! The engine's partitions in production construction, on a simulated disk: producers send, the power fails
//! anywhere, the engine comes back, and every row counts once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_core::{Admission, PartitionState, Producers};
use vencejo_journal::{Committer, OpenError, Options};
use vencejo_runtime::{
    Ack, BatchRefusal, BatchReply, DecideRequest, Decided, DecisionReply, Fault, IngestRequest, Keeping,
    RecoverError, Recovery, Router, Rows, SnapshotPlan, Versions, start_stepped,
};
use vencejo_sim::{Faults, Random, SimStorage, rounds, seeds};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::{DecisionId, ModelId, Origin, PartitionId, Sequence, StreamId, Tick};

/// Counts events per key; a decision answers with count and sum.
const COUNTS: &str = "
CREATE TABLE events (k BIGINT NOT NULL, n BIGINT NOT NULL) PARTITIONED BY (k);
CREATE TABLE questions (k BIGINT NOT NULL) PARTITIONED BY (k);
CREATE MATERIALIZED VIEW counts AS SELECT k, COUNT(*) AS events, SUM(n) AS total FROM events GROUP BY k;
CREATE DECISION counted ON questions WITH ('deadline' = '60 s') AS
SELECT c.events AS events, c.total AS total FROM questions AS q LEFT JOIN counts AS c ON c.k = q.k
FALLBACK SELECT 0 AS events;
";

const PARTITIONS: u32 = 3;
const KEYS: i64 = 9;
const PRODUCER: u64 = 77;
const SEGMENT_BYTES: u64 = 64 << 10;

fn app() -> Arc<App> {
    let plan = vencejo_sql::plan_app("counts", COUNTS, &mut |file| Err(format!("there is no {file}")));
    Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:?}")).app)
}

struct NoVersions;

impl Versions for NoVersions {
    fn load(&self, _model: ModelId, label: &str, _content: u64) -> Result<Arc<ModelVersion>, String> {
        Err(format!("there is no version '{label}'"))
    }
}

/// What came back.
#[derive(Default)]
struct Replies {
    /// Partition, number of the first row, rows.
    absorbed: Mutex<Vec<(PartitionId, u64, u32)>>,
    refused: Mutex<Vec<BatchRefusal>>,
    answered: Mutex<Vec<(i64, i64)>>,
}

/// Where the answer to one batch goes.
struct BatchOf {
    first: u64,
    replies: Arc<Replies>,
}

impl BatchReply for BatchOf {
    fn absorbed(&self, partition: PartitionId, events: u32, _sequence: Sequence) {
        self.replies.absorbed.lock().unwrap().push((partition, self.first, events));
    }

    fn refused(&self, _partition: PartitionId, _events: u32, refusal: BatchRefusal) {
        self.replies.refused.lock().unwrap().push(refusal);
    }

    fn failed(&self, partition: PartitionId, events: u32, _fault: Fault) {
        panic!("the core failed on {events} events of partition {partition}");
    }
}

impl DecisionReply for Replies {
    fn decided(&self, _request: u64, decided: Decided<'_>) {
        let row = Row::of_checked(2, decided.row);
        self.answered.lock().unwrap().push((row.i64(0), row.i64(1)));
    }

    fn failed(&self, request: u64, _fault: Fault) {
        panic!("the core failed on request {request}");
    }
}

/// A batch that has no acknowledgement yet.
#[derive(Clone)]
struct Pending {
    first: u64,
    rows: Vec<(i64, i64)>,
}

/// What the producer and the checks know, over all lives.
struct World {
    seed: u64,
    app: Arc<App>,
    random: Random,
    storage: SimStorage,
    /// Keys of each partition.
    keys: Vec<Vec<i64>>,
    /// Per partition, the batch under way, and the number of the last acknowledged row.
    pending: Vec<Option<Pending>>,
    acked: Vec<u64>,
    /// Per key, count and sum of rows that were acknowledged.
    counted: BTreeMap<i64, (i64, i64)>,
    number: i64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let storage = SimStorage::new(random.number());
        let none = vec![None; PARTITIONS as usize];
        let keys = vec![Vec::new(); PARTITIONS as usize];
        let counted = (0..KEYS).map(|key| (key, (0, 0))).collect();
        let (app, acked) = (app(), vec![0; PARTITIONS as usize]);
        Self { seed, app, random, storage, keys, pending: none, acked, counted, number: 0 }
    }

    fn recovery(&self) -> Result<Recovery, RecoverError> {
        let options = Options { segment_bytes: SEGMENT_BYTES, id: 3, inline: true };
        let storage = Arc::new(self.storage.clone());
        let keeping = Keeping {
            storage,
            journal: options,
            snapshots: SnapshotPlan::default(),
            versions: Arc::new(NoVersions),
        };
        Recovery::open(&self.app, PARTITIONS, keeping, &mut |_| {})
    }

    /// One life of the engine: `test` is given its router and committer. Nothing where the power fails before
    /// it is up.
    fn live<T>(&mut self, test: impl AsyncFnOnce(&mut Self, &Router, &mut Committer) -> T) -> Option<T> {
        let recovery = match self.recovery() {
            Ok(recovery) => recovery,
            Err(RecoverError::Disk(_) | RecoverError::Journal(OpenError::Storage(_))) => return None,
            Err(error) => panic!("seed {}: {error}", self.seed),
        };
        let system = actix_rt::System::new();
        Some(system.block_on(async {
            let (router, mut committer) = start_stepped(&self.app, recovery, 1);
            test(self, &router, &mut committer).await
        }))
    }

    /// What was acknowledged is known again.
    async fn check(&self, router: &Router) {
        let producers = router.inspect(|state| state.producers().clone()).await.unwrap();
        for (index, (producers, &acked)) in producers.iter().zip(&self.acked).enumerate() {
            let origin = Origin { producer: PRODUCER, epoch: 1, number: acked };
            let known = acked == 0 || producers.check(origin, 1) == Admission::Fresh { known: 1 };
            assert!(known, "seed {}: row {acked} of partition {index} is lost", self.seed);
        }
    }

    /// Sends a partition its batch: the one without an acknowledgement again, or a new one.
    fn send(&mut self, router: &Router, index: usize, replies: &Arc<Replies>) {
        if self.keys[index].is_empty() {
            return;
        }
        let pending = self.pending[index].get_or_insert_with(|| {
            let count = [1, 3, 40, 200][self.random.place(4)];
            let rows = (0..count).map(|_| {
                self.number += 1;
                (self.keys[index][self.random.place(self.keys[index].len())], self.number)
            });
            Pending { first: self.acked[index] + 1, rows: rows.collect() }
        });
        let (mut bytes, mut ranges, mut writer) = (Vec::new(), Vec::new(), RowWriter::new(2));
        for &(key, n) in &pending.rows {
            let start = bytes.len();
            writer.reset(2);
            writer.set_i64(0, key);
            writer.set_i64(1, n);
            writer.finish(&self.app.streams[0].schema, &mut bytes).unwrap();
            ranges.push(start..bytes.len());
        }
        let request = IngestRequest {
            stream: StreamId(0),
            rows: Rows { bytes: Bytes::from(bytes), ranges },
            arrived: router.clock().now(),
            ack: Ack::Journaled,
            origin: Some(Origin { producer: PRODUCER, epoch: 1, number: pending.first }),
            reply: Arc::new(BatchOf { first: pending.first, replies: Arc::clone(replies) }),
        };
        router.ingest(partition(index), &self.app.streams[0], request).unwrap();
    }

    /// Takes the acknowledgements that have come.
    fn take(&mut self, replies: &Replies) {
        for (partition, first, events) in replies.absorbed.lock().unwrap().drain(..) {
            let index = partition.index as usize;
            // The same batch may have been sent, and acknowledged, more than once.
            let Some(pending) = self.pending[index].take_if(|pending| pending.first == first) else {
                continue;
            };
            assert_eq!(pending.rows.len(), events as usize);
            self.acked[index] += u64::from(events);
            for (key, n) in pending.rows {
                let (events, total) = self.counted.get_mut(&key).unwrap();
                (*events, *total) = (*events + 1, *total + n);
            }
        }
        for refusal in replies.refused.lock().unwrap().drain(..) {
            assert!(
                matches!(refusal, BatchRefusal::Overloaded | BatchRefusal::DiskFull),
                "seed {}: {refusal:?}",
                self.seed
            );
        }
    }

    /// Lets the engine work until the power fails, or long enough.
    async fn work(&mut self, router: &Router, committer: &mut Committer) {
        self.check(router).await;
        let replies = Arc::<Replies>::default();
        for _ in 0..60 {
            match self.random.below(8) {
                0..=3 => {
                    let index = self.random.place(PARTITIONS as usize);
                    self.send(router, index, &replies);
                    if self.random.percent(60) {
                        settle(router).await;
                    }
                }
                4..=6 => {
                    if committer.step().is_err() {
                        return;
                    }
                    self.take(&replies);
                }
                _ => {
                    if committer.rest().is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Sends what has no acknowledgement, until all has one.
    async fn finish(&mut self, router: &Router, committer: &mut Committer) {
        let replies = Arc::<Replies>::default();
        for index in 0..PARTITIONS as usize {
            while self.pending[index].is_some() {
                self.send(router, index, &replies);
                settle(router).await;
                committer.step().unwrap();
                committer.rest().unwrap();
                self.take(&replies);
            }
        }
    }

    /// What the engine answers for every key.
    async fn answers(&self, router: &Router) -> BTreeMap<i64, (i64, i64)> {
        let replies = Arc::<Replies>::default();
        for key in 0..KEYS {
            let (mut writer, mut row) = (RowWriter::new(1), Vec::new());
            writer.set_i64(0, key);
            writer.finish(&self.app.streams[1].schema, &mut row).unwrap();
            let at = router.partition_of(
                &self.app.streams[1],
                Row::parse(&self.app.streams[1].schema, &row).unwrap(),
                &mut Vec::new(),
            );
            let request = DecideRequest {
                decision: DecisionId(0),
                row: row.into(),
                arrived: router.clock().now(),
                deadline_micros: 60_000_000,
                request: key.cast_unsigned(),
                reply: Arc::<Replies>::clone(&replies),
            };
            router.decide(at, request).unwrap();
            settle(router).await;
        }
        let answered = replies.answered.lock().unwrap();
        (0..KEYS).zip(answered.iter().copied()).collect()
    }
}

fn partition(index: usize) -> PartitionId {
    PartitionId { tenant: vencejo_types::TenantId::DEFAULT, index: u32::try_from(index).unwrap() }
}

async fn settle(router: &Router) {
    while !router.is_idle() {
        tokio::task::yield_now().await;
    }
}

/// All that can be told of a state from outside.
type Summary = (Sequence, Tick, Producers, Vec<(String, u64, u64, usize)>);

fn summary(state: &PartitionState) -> Summary {
    let nodes = state.nodes().map(|node| (node.name.to_owned(), node.late, node.refused, node.keys));
    (state.sequence(), state.tick(), state.producers().clone(), nodes.collect())
}

/// Lives and crashes; then everything that was sent counts once, and a replay gives what was live.
fn run(seed: u64, lives: u64) -> BTreeMap<i64, (i64, i64)> {
    let mut world = World::new(seed);
    world.live(async |world, router, _| {
        for key in 0..KEYS {
            let (mut writer, mut row) = (RowWriter::new(2), Vec::new());
            writer.set_i64(0, key);
            writer.set_i64(1, 0);
            let schema = &world.app.streams[0].schema;
            writer.finish(schema, &mut row).unwrap();
            let at = router.partition_of(
                &world.app.streams[0],
                Row::parse(schema, &row).unwrap(),
                &mut Vec::new(),
            );
            world.keys[at.index as usize].push(key);
        }
    });
    for _ in 0..lives {
        let short_writes = [0, 0, 30][world.random.place(3)];
        let failures = [0, 0, 0, 3][world.random.place(4)];
        let capacity = [0, 0, 0, 4 * SEGMENT_BYTES][world.random.place(4)];
        world.storage.set_faults(Faults { short_writes, failures, capacity, ..Faults::default() });
        let far = [6, 30, 120][world.random.place(3)];
        let operations = 1 + world.random.below(far);
        world.storage.fail_power_after(operations);
        let _ = world.live(async |world, router, committer| world.work(router, committer).await);
        if world.random.percent(80) { world.storage.crash() } else { world.storage.kill() }
    }
    let (live, answers) = world
        .live(async |world, router, committer| {
            world.check(router).await;
            world.finish(router, committer).await;
            let answers = world.answers(router).await;
            while committer.step().unwrap() {}
            (router.inspect(summary).await.unwrap(), answers)
        })
        .unwrap();
    assert_eq!(answers, world.counted, "seed {seed}: every row counts once");
    world.storage.crash();
    let replayed = world.live(async |world, router, _| {
        let summaries = router.inspect(summary).await.unwrap();
        assert_eq!(world.answers(router).await, world.counted, "seed {seed}: replayed");
        summaries
    });
    assert_eq!(replayed.unwrap(), live, "seed {seed}: a replay gives what was live");
    answers
}

#[test]
fn every_row_counts_once_over_crashes_anywhere() {
    let mut rows = 0;
    for seed in seeds(rounds(20, 500)) {
        rows += run(seed, 8).values().map(|&(events, _)| events).sum::<i64>();
    }
    assert!(rows > 0);
    println!("{rows} rows");
}

#[test]
fn a_seed_gives_the_same_counts_twice() {
    assert_eq!(run(5, 6), run(5, 6));
}
