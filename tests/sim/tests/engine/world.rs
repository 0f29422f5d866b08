//! An engine on a simulated disk, clock and network, and what its producers know over all its lives.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::System;
use bytes::Bytes;
use tokio::time::{advance, pause};
use vencejo_core::plan::{App, Stream};
use vencejo_core::{Admission, PartitionState};
use vencejo_journal::{Committer, OpenError, Options};
use vencejo_runtime::{
    Ack, BatchRefusal, Clock, DecideRequest, IngestRequest, Keeping, RecoverError, Recovery, Router, Rows,
    SnapshotPlan, SnapshotSteps, Stepped, start_stepped,
};
use vencejo_sim::SimStorage;
use vencejo_types::row::{Row, RowWriter, key_hash, partition_of};
use vencejo_types::{DecisionId, Origin, PartitionId, Sequence, StreamId, TenantId, Tick};

use crate::app::{NoVersions, app};
use crate::schedule::Action;
use crate::wire::{Batch, BatchOf, Replies, Wire};

pub(crate) const PARTITIONS: u32 = 3;
pub(crate) const KEYS: i64 = 150;
pub(crate) const SEGMENT_BYTES: u64 = 64 << 10;
const PRODUCER: u64 = 77;
/// When the first life begins, in microseconds.
const BEGINNING: i64 = 1_700_000_000_000_000;
/// After so many turns without faults everything that was sent is acknowledged.
const TURNS_MAX: u32 = 200;

/// Count and sum of each key.
type Counted = BTreeMap<i64, (i64, i64)>;

/// All that is told of a state from outside: of each partition its last event and its digest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    states: Vec<(Sequence, Option<u64>)>,
    alerts: Vec<Vec<(u64, &'static str, i64)>>,
}

/// What a schedule came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) rows: i64,
    pub(crate) snapshots: usize,
    pub(crate) operations: u64,
    pub(crate) seen: Seen,
}

pub(crate) struct World {
    app: Arc<App>,
    storage: SimStorage,
    wire: Wire,
    /// Keys of each partition.
    keys: Vec<Vec<i64>>,
    /// Per partition, the batch without an acknowledgement, and the number of the last row with one.
    pending: Vec<Option<Batch>>,
    acked: Vec<u64>,
    /// Of rows that were acknowledged.
    counted: Counted,
    number: i64,
    /// How many snapshots were taken.
    snapshots: Rc<Cell<usize>>,
    now: Tick,
}

/// One life of the engine.
struct Life {
    router: Rc<Router>,
    committer: Committer,
    snapshots: SnapshotSteps,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let app = app();
        let mut keys = vec![Vec::new(); PARTITIONS as usize];
        for key in 0..KEYS {
            keys[question(&app.streams[1], key).1].push(key);
        }
        Self {
            app,
            storage: SimStorage::new(seed),
            wire: Wire::default(),
            keys,
            pending: vec![None; PARTITIONS as usize],
            acked: vec![0; PARTITIONS as usize],
            counted: (0..KEYS).map(|key| (key, (0, 0))).collect(),
            number: 0,
            snapshots: Rc::default(),
            now: Tick(BEGINNING),
        }
    }

    /// Goes through a schedule. Then, without faults, everything that was sent is acknowledged and counts
    /// once, and an engine that starts anew comes to the same state.
    pub(crate) fn run(mut self, mut actions: &[Action]) -> Result<Outcome, String> {
        while let Some((&action, rest)) = actions.split_first() {
            actions = rest;
            match action {
                Action::Start { faults, operations } => {
                    self.storage.kill();
                    self.storage.set_faults(faults);
                    self.storage.fail_power_after(operations);
                    let lives =
                        |action: &Action| !matches!(action, Action::Start { .. } | Action::End { .. });
                    let end = actions.iter().position(|action| !lives(action)).unwrap_or(actions.len());
                    let life;
                    (life, actions) = actions.split_at(end);
                    self.live(async |world, engine| world.work(engine, life).await)?;
                    self.wire = Wire::default();
                }
                Action::End { power: true } => self.storage.crash(),
                Action::End { power: false } => self.storage.kill(),
                // Nobody is there.
                _ => {}
            }
        }
        self.storage.kill();
        let seen = self.live(async |world, engine| {
            world.check(engine).await?;
            world.finish(engine).await?;
            world.expect_counted(engine).await?;
            world.see(engine).await
        })?;
        let seen = seen.ok_or("it does not start")?;
        self.storage.crash();
        let again = self.live(async |world, engine| {
            let seen = world.see(engine).await?;
            world.expect_counted(engine).await?;
            Ok(seen)
        })?;
        if again.as_ref() != Some(&seen) {
            return Err(format!("live {seen:?}, and started anew {again:?}"));
        }
        let rows = self.counted.values().map(|&(events, _)| events).sum();
        Ok(Outcome { rows, snapshots: self.snapshots.get(), operations: self.storage.operations(), seen })
    }

    fn recovery(&self) -> Result<Recovery, RecoverError> {
        let keeping = Keeping {
            storage: Arc::new(self.storage.clone()),
            journal: Options { segment_bytes: SEGMENT_BYTES, id: 3, inline: true },
            snapshots: SnapshotPlan::default(),
            versions: Arc::new(NoVersions),
        };
        Recovery::open(&self.app, PARTITIONS, keeping, &mut |_| {})
    }

    /// One life of the engine. Nothing where the power fails before it is up.
    fn live<T>(
        &mut self,
        act: impl AsyncFnOnce(&mut Self, &mut Life) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        System::new().block_on(async {
            pause();
            let recovery = match self.recovery() {
                Ok(recovery) => recovery,
                Err(RecoverError::Disk(_) | RecoverError::Journal(OpenError::Storage(_))) => return Ok(None),
                Err(error) => return Err(error.to_string()),
            };
            let started = start_stepped(&self.app, recovery, Clock::start_at(self.now));
            let Stepped { router, committer, snapshots } = started.map_err(|error| error.to_string())?;
            let mut life = Life { router: Rc::new(router), committer, snapshots };
            let acted = act(self, &mut life).await;
            self.now = life.router.clock().tick(life.router.clock().now());
            // From here on nothing touches the disk.
            let Life { router, snapshots, .. } = life;
            drop(snapshots);
            if let Some(snapshots) = router.snapshots() {
                snapshots.stop();
            }
            acted.map(Some)
        })
    }

    /// Takes actions until the disk fails.
    async fn work(&mut self, life: &mut Life, actions: &[Action]) -> Result<(), String> {
        self.check(life).await?;
        for &action in actions {
            if !self.take(life, action).await? || self.storage.is_dead() {
                break;
            }
        }
        Ok(())
    }

    /// Takes an action; whether the engine lives on.
    async fn take(&mut self, life: &mut Life, action: Action) -> Result<bool, String> {
        match action {
            Action::Start { .. } | Action::End { .. } => {}
            Action::Send { partition, rows } => self.send(partition, rows),
            Action::Deliver { place } => {
                if let Some(batch) = self.wire.take(place) {
                    self.deliver(life, &batch);
                }
            }
            Action::Lose { place } => drop(self.wire.take(place)),
            Action::Hear => self.hear()?,
            Action::Deafen => self.wire.replies.absorbed.lock().unwrap().clear(),
            Action::Ask { key } => self.ask(life, key).await?,
            Action::Work => settle(life).await,
            Action::Commit => return Ok(life.committer.step().is_ok()),
            Action::Rest => return Ok(life.committer.rest().is_ok()),
            Action::Wait { millis } => advance(Duration::from_millis(millis)).await,
            Action::Snapshot => self.ask_for_snapshot(life),
            Action::Keep { steps } => {
                for _ in 0..steps {
                    life.snapshots.step();
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(true)
    }

    /// What was acknowledged is known again.
    async fn check(&self, life: &Life) -> Result<(), String> {
        let producers = life.router.inspect(|state| state.producers().clone()).await;
        let producers = producers.map_err(|error| format!("{error:?}"))?;
        for (index, (producers, &acked)) in producers.iter().zip(&self.acked).enumerate() {
            let origin = Origin { producer: PRODUCER, epoch: 1, number: acked };
            if acked > 0 && producers.check(origin, 1) != (Admission::Fresh { known: 1 }) {
                return Err(format!("row {acked} of partition {index} was acknowledged and is lost"));
            }
        }
        Ok(())
    }

    /// Has the producer of a partition send: what has no acknowledgement again, or something new.
    fn send(&mut self, partition: usize, rows: usize) {
        let keys = &self.keys[partition];
        let batch = self.pending[partition].get_or_insert_with(|| {
            let first = self.acked[partition] + 1;
            let rows = (0..rows).map(|_| {
                self.number += 1;
                let key =
                    usize::try_from(self.number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
                (keys[key.unwrap_or_default() % keys.len()], self.number)
            });
            Batch { partition, first, rows: rows.collect() }
        });
        self.wire.batches.push(batch.clone());
    }

    /// A batch arrives at the engine.
    fn deliver(&self, life: &Life, batch: &Batch) {
        let stream = &self.app.streams[0];
        let (mut bytes, mut ranges, mut writer) = (Vec::new(), Vec::new(), RowWriter::new(3));
        for &(key, n) in &batch.rows {
            let start = bytes.len();
            writer.set_i64(0, key);
            writer.set_i64(1, n);
            writer.set_i64(2, n * 10);
            writer.finish(&stream.schema, &mut bytes).unwrap();
            ranges.push(start..bytes.len());
        }
        let request = IngestRequest {
            stream: StreamId(0),
            rows: Rows { bytes: Bytes::from(bytes), ranges },
            arrived: life.router.clock().now(),
            ack: Ack::Journaled,
            origin: Some(Origin { producer: PRODUCER, epoch: 1, number: batch.first }),
            reply: Arc::new(BatchOf { first: batch.first, replies: Arc::clone(&self.wire.replies) }),
        };
        // A full lane is an answer: it is sent again.
        let _ = life.router.ingest(partition(batch.partition), stream, request);
    }

    /// Acknowledgements arrive at the producers.
    fn hear(&mut self) -> Result<(), String> {
        let replies = &self.wire.replies;
        for (index, first, events) in replies.absorbed.lock().unwrap().drain(..) {
            // The same batch may have been sent, and acknowledged, more than once.
            let Some(batch) = self.pending[index].take_if(|pending| pending.first == first) else { continue };
            if batch.rows.len() != events as usize {
                return Err(format!("{events} of {} rows are acknowledged", batch.rows.len()));
            }
            self.acked[index] += u64::from(events);
            for (key, n) in batch.rows {
                let (events, total) = self.counted.get_mut(&key).unwrap();
                (*events, *total) = (*events + 1, *total + n);
            }
        }
        for refusal in replies.refused.lock().unwrap().drain(..) {
            if !matches!(refusal, BatchRefusal::Overloaded | BatchRefusal::DiskFull) {
                return Err(format!("{refusal:?}"));
            }
        }
        replies.failed.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    /// Asks for a decision: it counts what was acknowledged, and nothing that was not sent.
    async fn ask(&mut self, life: &Life, key: i64) -> Result<(), String> {
        let before = self.counted[&key];
        let answer = self.answer(life, key).await?;
        let pending = self.pending.iter().flatten().flat_map(|batch| &batch.rows);
        let on_the_way = pending.filter(|&&(of, _)| of == key).count();
        if answer.0 < before.0 || answer.0 - before.0 > i64::try_from(on_the_way).unwrap_or(0) {
            return Err(format!("key {key}: {answer:?}, where {before:?} and {on_the_way} more were sent"));
        }
        Ok(())
    }

    fn ask_for_snapshot(&self, life: &Life) {
        let (router, count) = (Rc::clone(&life.router), Rc::clone(&self.snapshots));
        actix_rt::spawn(async move {
            // It is taken, or the power fails meanwhile.
            if let Some(snapshots) = router.snapshots()
                && snapshots.take().await.is_ok()
            {
                count.set(count.get() + 1);
            }
        });
    }

    async fn answer(&self, life: &Life, key: i64) -> Result<(i64, i64), String> {
        let stream = &self.app.streams[1];
        let (row, at) = question(stream, key);
        let request = DecideRequest {
            decision: DecisionId(0),
            row: row.into(),
            arrived: life.router.clock().now(),
            deadline_micros: 60_000_000,
            request: key.cast_unsigned(),
            reply: Arc::<Replies>::clone(&self.wire.replies),
        };
        life.router.decide(partition(at), request).map_err(|error| format!("{error:?}"))?;
        settle(life).await;
        let answered = self.wire.replies.answered.lock().unwrap().pop();
        answered.ok_or_else(|| format!("key {key}: no answer"))
    }

    /// Sends what has no acknowledgement, until all has one.
    async fn finish(&mut self, life: &mut Life) -> Result<(), String> {
        for turn in 0.. {
            let open = (0..PARTITIONS as usize).find(|&index| self.pending[index].is_some());
            let Some(open) = open else { break };
            if turn == TURNS_MAX {
                return Err(format!("partition {open} does not go on"));
            }
            self.send(open, 0);
            let batch = self.wire.take(0).ok_or("nothing was sent")?;
            self.deliver(life, &batch);
            settle(life).await;
            commit(life)?;
            self.hear()?;
        }
        Ok(())
    }

    /// Every row that was acknowledged counts once, and has raised its alert once.
    async fn expect_counted(&self, life: &Life) -> Result<(), String> {
        for (&key, &counted) in &self.counted {
            let answer = self.answer(life, key).await?;
            if answer != counted {
                return Err(format!("key {key}: {answer:?}, and it must be {counted:?}"));
            }
        }
        let pending: usize = self.pending.iter().flatten().map(|batch| batch.rows.len()).sum();
        let acked = usize::try_from(self.number).unwrap_or(0) - pending;
        let raised = life.router.inspect(|state| {
            let of = |rule: &str| state.app().flow.outputs.iter().position(|output| output.name == rule);
            let seventh = of("seventh");
            state.alerts().iter().filter(|alert| Some(alert.output) == seventh).count()
        });
        let raised: usize = raised.await.map_err(|error| format!("{error:?}"))?.iter().sum();
        if raised != acked / 7 {
            return Err(format!("{raised} alerts for every seventh of {acked} rows"));
        }
        Ok(())
    }

    /// What is to be the same when it starts anew.
    async fn see(&mut self, life: &mut Life) -> Result<Seen, String> {
        settle(life).await;
        commit(life)?;
        let states = life.router.digests().await.map_err(|error| format!("{error:?}"))?;
        let alerts = life.router.inspect(alerts).await.map_err(|error| format!("{error:?}"))?;
        Ok(Seen { states, alerts })
    }
}

fn alerts(state: &PartitionState) -> Vec<(u64, &'static str, i64)> {
    let alerts = state.alerts().iter();
    alerts.map(|alert| (alert.id.0, alert.status.name(), alert.raised.0)).collect()
}

/// The row that asks about a key, and its partition.
fn question(stream: &Stream, key: i64) -> (Vec<u8>, usize) {
    let (mut writer, mut row, mut bytes) = (RowWriter::new(1), Vec::new(), Vec::new());
    writer.set_i64(0, key);
    writer.finish(&stream.schema, &mut row).unwrap();
    Row::of_checked(1, &row).write_key(&stream.schema, stream.schema.key(), &mut bytes);
    (row, partition_of(key_hash(&bytes), PARTITIONS) as usize)
}

fn partition(index: usize) -> PartitionId {
    PartitionId { tenant: TenantId::DEFAULT, index: u32::try_from(index).unwrap() }
}

/// Lets the partitions work until there is nothing to do.
async fn settle(life: &Life) {
    tokio::task::yield_now().await;
    while !life.router.is_idle() {
        tokio::task::yield_now().await;
    }
}

/// Writes all that waits.
fn commit(life: &mut Life) -> Result<(), String> {
    while life.committer.step().map_err(|error| error.to_string())? {}
    life.committer.rest().map_err(|error| error.to_string())
}
