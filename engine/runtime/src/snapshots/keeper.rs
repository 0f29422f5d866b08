//! The thread that takes snapshots.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use actix::prelude::SendError;
use tokio::sync::oneshot;
use vencejo_core::image::{PageAt, StatePage};
use vencejo_journal::bugs::{self, Bug};
use vencejo_journal::snapshot::{PagePlace, SnapshotKey, SnapshotOptions, SnapshotWriter, remove};
use vencejo_journal::{JournalError, Storage};

use super::credit::{Credit, Grants};
use super::generations::{Generation, take_dispensable};
use super::priority;
use super::{CaptureRequest, Piece, SnapshotFault, SnapshotPlan, Taken};
use crate::clock::{Clock, Moment};
use crate::kept::Kept;
use crate::lanes::Lane;
use crate::partition::Nudge;
use crate::request::Request;
use crate::router::{Partition, Unavailable};

/// How often a partition whose lane is full is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(2);
/// After this time without a word from a partition the snapshot is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes after which what is written is synced: much at once would make the journal's syncs wait.
const SYNC_BYTES: u64 = 8 << 20;

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// Take a snapshot, and say so.
    Take(oneshot::Sender<Result<Taken, SnapshotFault>>),
    /// A partition's piece of a capture.
    Piece { capture: u64, partition: u32, piece: Piece },
    /// The journal is durable as far as a capture's heads.
    Durable(u64),
    /// End.
    Stop,
}

/// Where the thread waits for what it is told.
pub(crate) trait Inbox: Send {
    /// What it is told next, within this time where one is given.
    ///
    /// # Errors
    /// When there is nothing in time, or will be nothing any more.
    fn next(&mut self, within: Option<Duration>) -> Result<Told, RecvTimeoutError>;
}

impl Inbox for Receiver<Told> {
    fn next(&mut self, within: Option<Duration>) -> Result<Told, RecvTimeoutError> {
        match within {
            Some(within) => self.recv_timeout(within),
            None => self.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }
}

/// Takes snapshots, one at a time, and removes what is not needed any more.
pub(crate) struct Keeper {
    pub(crate) plan: SnapshotPlan,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) partitions: Arc<[Partition]>,
    pub(crate) clock: Clock,
    /// Those that can be opened, ascending.
    pub(crate) generations: Vec<Generation>,
    /// Those that cannot: removed once there are two that can.
    pub(crate) unusable: Vec<u64>,
    pub(crate) tell: Sender<Told>,
    pub(crate) told: Box<dyn Inbox>,
    pub(crate) captures: u64,
    /// Records that had been appended when the last snapshot began.
    pub(crate) appended: u64,
    /// Requests that came while a snapshot was under way.
    pub(crate) waiting: Vec<oneshot::Sender<Result<Taken, SnapshotFault>>>,
}

/// A capture that is under way.
struct Capture<'s> {
    number: u64,
    writer: SnapshotWriter<'s>,
    credit: Arc<Credit>,
    grants: Grants,
    /// Partitions that have more to give.
    open: BTreeSet<u32>,
    sequences: Vec<u64>,
    tick: i64,
    unsynced: u64,
}

impl Keeper {
    /// Takes snapshots until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut last = self.clock.now();
        loop {
            let reply = match self.waiting.pop() {
                Some(reply) => Some(reply),
                None => match self.next(last) {
                    Some(Told::Take(reply)) => Some(reply),
                    Some(Told::Stop) => return,
                    // Of a capture that was given up.
                    Some(Told::Piece { .. } | Told::Durable(_)) => continue,
                    None => None,
                },
            };
            let appended = self.kept.journal.appended();
            if reply.is_none() && appended == self.appended {
                // Nothing has happened since the last one.
                last = self.clock.now();
                continue;
            }
            let taken = self.take();
            if taken.is_ok() {
                self.appended = appended;
            }
            last = self.clock.now();
            match &taken {
                Ok(Taken { generation, bytes, took, segments_removed, .. }) => {
                    let millis = took.as_millis();
                    tracing::info!(generation, bytes, millis, segments_removed, "a snapshot was taken");
                }
                Err(SnapshotFault::Stopping) => {}
                Err(fault) => tracing::error!(%fault, "no snapshot was taken"),
            }
            let stops = taken == Err(SnapshotFault::Stopping);
            // Whoever asked may have gone.
            let _ = reply.map(|reply| reply.send(taken));
            if stops {
                return;
            }
        }
    }

    /// What it is told; nothing when a snapshot is due.
    fn next(&mut self, last: Moment) -> Option<Told> {
        let since = self.clock.now().since(last);
        match self.told.next(self.plan.interval.map(|interval| interval.saturating_sub(since))) {
            Ok(told) => Some(told),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Told::Stop),
        }
    }

    fn take(&mut self) -> Result<Taken, SnapshotFault> {
        let began = self.clock.now();
        let app = self.kept.app();
        let storage = Arc::clone(&self.storage);
        let seal = self.plan.key.clone().map(|key| Ok((key, SnapshotKey::draw_salt()?))).transpose();
        let options = SnapshotOptions {
            journal: self.kept.journal.number(),
            app: app.name.clone(),
            compression: self.plan.compression,
            seal: seal.map_err(|error: std::io::Error| SnapshotFault::Disk(error.to_string()))?,
        };
        let writer = SnapshotWriter::create(&*storage, &options).map_err(disk)?;
        self.captures += 1;
        let mut capture = Capture {
            number: self.captures,
            writer,
            credit: Arc::default(),
            grants: Grants::new(self.plan.bytes_per_second),
            open: (0..).take(self.partitions.len()).collect(),
            sequences: vec![0; self.partitions.len()],
            tick: 0,
            unsynced: 0,
        };
        priority::give_way();
        let written = self.write(&mut capture, began);
        if let Err(fault) = written {
            // Partitions stop saving pages for it.
            capture.credit.withdraw();
            self.wake(&capture);
            return Err(fault);
        }
        let Capture { writer, sequences, tick, .. } = capture;
        let generation = writer.generation();
        let bytes = writer.finish().map_err(disk)?;
        self.generations.push(Generation { number: generation, sequences: sequences.clone(), tick });
        let segments_removed = self.tidy();
        let took = self.clock.now().since(began);
        Ok(Taken { generation, bytes, took, sequences, segments_removed })
    }

    /// Gathers what the partitions give, until all is written and the journal durable as far.
    fn write(&mut self, capture: &mut Capture<'_>, began: Moment) -> Result<(), SnapshotFault> {
        self.ask(capture)?;
        let (mut heard, mut hurries) = (self.clock.now(), false);
        while !capture.open.is_empty() {
            let now = self.clock.now();
            let (granted, wait) = capture.grants.grant(&capture.credit, now.since(began));
            if granted {
                self.wake(capture);
            }
            if !hurries && capture.grants.is_behind(now.since(began)) {
                hurries = true;
                priority::take_part();
            }
            let wait = wait.unwrap_or(SILENCE).min(SILENCE);
            match self.told.next(Some(wait)) {
                Ok(told) => {
                    heard = now;
                    self.hear(capture, told)?;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(SnapshotFault::Stopping),
                Err(RecvTimeoutError::Timeout) if now.since(heard) > SILENCE => {
                    let silent = capture.open.first().copied().unwrap_or(0);
                    return Err(SnapshotFault::GivenUp(format!("partition {silent} does not answer")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        if bugs::has(Bug::SnapshotAheadOfJournal) {
            return Ok(());
        }
        // What a head has must not be ahead of the journal that goes on behind it.
        let (tell, number) = (self.tell.clone(), capture.number);
        self.kept.journal.when_durable(move || {
            // It may have been told to stop.
            let _ = tell.send(Told::Durable(number));
        });
        loop {
            match self.told.next(None).unwrap_or(Told::Stop) {
                Told::Durable(durable) if durable == number => return Ok(()),
                told => self.hear(capture, told)?,
            }
        }
    }

    /// Has every partition begin its capture.
    fn ask(&mut self, capture: &mut Capture<'_>) -> Result<(), SnapshotFault> {
        for index in 0..self.partitions.len() {
            loop {
                let request = CaptureRequest {
                    capture: capture.number,
                    credit: Arc::clone(&capture.credit),
                    told: self.tell.clone(),
                };
                match self.partitions[index].push(Lane::Fast, Request::Capture(request)) {
                    Ok(()) => break,
                    Err((Unavailable::Stopped, _)) => return Err(SnapshotFault::Stopping),
                    Err(_) => {}
                }
                if let Ok(told) = self.told.next(Some(ASK_AGAIN)) {
                    self.hear(capture, told)?;
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, capture: &mut Capture<'_>, told: Told) -> Result<(), SnapshotFault> {
        match told {
            Told::Take(reply) => self.waiting.push(reply),
            Told::Stop => return Err(SnapshotFault::Stopping),
            Told::Piece { capture: number, partition, piece } if number == capture.number => {
                return capture.take(partition, piece);
            }
            // Of a capture that was given up.
            Told::Piece { .. } | Told::Durable(_) => {}
        }
        Ok(())
    }

    /// Partitions that waited for credit go on.
    fn wake(&self, capture: &Capture<'_>) {
        for &partition in &capture.open {
            self.partitions[partition as usize].wake();
        }
    }

    /// Removes generations that are not needed any more, and cuts the journal behind the others; how many
    /// segments went. What cannot be removed now, is the next time.
    fn tidy(&mut self) -> usize {
        let dispensable = take_dispensable(&mut self.generations, self.plan.keep, &self.kept.journal);
        let mut gone = dispensable.generations;
        if self.generations.len() >= 2 {
            gone.append(&mut self.unusable);
        }
        for generation in gone {
            if let Err(error) = remove(&*self.storage, generation) {
                tracing::warn!(generation, %error, "a snapshot that is not needed any more is still there");
            }
        }
        let Some(behind) = dispensable.behind else { return 0 };
        self.kept.journal.cut(&behind).unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal was not cut behind the snapshots");
            0
        })
    }
}

impl Capture<'_> {
    fn take(&mut self, partition: u32, piece: Piece) -> Result<(), SnapshotFault> {
        match piece {
            Piece::Head { sequence, tick, bytes } => {
                self.writer.head(partition, sequence, tick, &bytes).map_err(disk)?;
                self.sequences[partition as usize] = sequence;
                self.tick = self.tick.max(tick);
            }
            Piece::Pages(pages) => {
                for StatePage { at: PageAt { owner, container, page }, bytes } in pages {
                    let place = PagePlace { partition, owner, container, page };
                    self.writer.page(place, &bytes).map_err(disk)?;
                    self.grants.written(bytes.len());
                    self.unsynced += bytes.len() as u64;
                }
                if self.unsynced >= SYNC_BYTES {
                    self.unsynced = 0;
                    self.writer.sync().map_err(disk)?;
                }
            }
            Piece::Done => {
                self.open.remove(&partition);
            }
            Piece::GivenUp(reason) => {
                return Err(SnapshotFault::GivenUp(format!("partition {partition}: {reason}")));
            }
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn disk(error: JournalError) -> SnapshotFault {
    SnapshotFault::Disk(error.to_string())
}

impl Partition {
    /// Has the partition look for what there is to do, unless it does.
    pub(crate) fn wake(&self) {
        if self.lanes.wake() {
            match self.address.try_send(Nudge) {
                // A full mailbox holds a nudge already; one that is closed belongs to an engine that stops.
                Ok(()) | Err(SendError::Full(_) | SendError::Closed(_)) => {}
            }
        }
    }
}
