//! Lives of a journal on the simulated disk: appends, commits, crashes, and what must be there afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vencejo_journal::record::{write_decide, write_rows, write_tick};
use vencejo_journal::{
    BLOCK_BYTES, Body, Class, Committer, Handling, Journal, OpenError, Opened, Options, Record, Stamp,
    Urgency, open,
};
use vencejo_types::{DecisionId, Sequence, StreamId, Tick};

use crate::random::Random;
use crate::shrink::{self, Failure};
use crate::storage::{Faults, SimStorage};

/// Partition, sequence, and a hash of the content.
pub type Shown = (u32, u64, u64);

/// Length of the segments here.
pub const SEGMENT_BYTES: u64 = 32 << 10;

/// How the journals here are kept.
pub fn options(id: u64) -> Options {
    Options { segment_bytes: SEGMENT_BYTES, id, inline: true }
}

/// Opens the journal; what it held.
///
/// # Errors
/// As the journal.
pub fn reopen(storage: &SimStorage) -> Result<(Opened, Vec<Shown>), OpenError> {
    let mut found = Vec::new();
    let opened = open(Arc::new(storage.clone()), options(7), None, &mut |record| {
        found.push(shown(record));
        Ok(())
    })?;
    Ok((opened, found))
}

/// A record in short: enough to tell it from any other.
pub fn shown(record: &Record<'_>) -> (u32, u64, u64) {
    let content = match &record.body {
        Body::Rows { rows, .. } => rows.iter().fold(1_u64, |sum, row| hash(row) ^ sum.rotate_left(7)),
        Body::Decide { row, expired, .. } => hash(row) ^ u64::from(*expired),
        Body::Tick(watermarks) => watermarks.iter().flatten().sum::<i64>().cast_unsigned(),
        Body::Alert(id, handling) => *id ^ u64::from(matches!(handling, Handling::Resolve)),
        _ => 0,
    };
    (record.partition, record.sequence.0, content)
}

/// A record that was just written, in short.
pub fn shown_bytes(bytes: &[u8]) -> Shown {
    let (record, _) = Record::read(bytes).expect("it was just written");
    shown(&record)
}

/// FNV-1a: this crate is compiled with optimizations, better hashes are not.
fn hash(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    bytes.iter().fold(start, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A record of some kind and size, numbered by its sequence.
pub fn some_record(random: &mut Random, sequence: u64) -> Vec<u8> {
    let partition = u32::try_from(random.below(3)).unwrap_or_default();
    let stamp = Stamp { partition, sequence: Sequence(sequence), tick: Tick(sequence.cast_signed() * 10) };
    let mut out = Vec::new();
    let size = [0, 5, 64, 700, 3_000][random.place(5)];
    let bytes: Vec<u8> = sequence.to_le_bytes().into_iter().cycle().take(size).collect();
    match random.below(3) {
        0 => write_rows(stamp, StreamId(1), None, [&bytes[..], b"x"].into_iter(), &mut out),
        1 => write_decide(stamp, DecisionId(2), sequence.is_multiple_of(2), &bytes, &mut out),
        _ => write_tick(stamp, &[Some(sequence.cast_signed()), None], &mut out),
    }
    out
}

/// A record that makes a frame of one block: what a commit that was cut short leaves of several lies where
/// the frames of a later one end, and the zeros behind those do not cover it.
fn uniform_record(random: &mut Random, sequence: u64) -> Vec<u8> {
    let stamp = Stamp { partition: 0, sequence: Sequence(sequence), tick: Tick(0) };
    let bytes: Vec<u8> = random.number().to_le_bytes().into_iter().cycle().take(BLOCK_BYTES - 72).collect();
    let mut out = Vec::new();
    write_decide(stamp, DecisionId(2), false, &bytes, &mut out);
    out
}

/// What happens to a journal, in order. Any part of a schedule is one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is opened; the power fails in the operation of the disk behind so many.
    Open {
        /// What goes wrong before.
        faults: Faults,
        /// How many.
        operations: u64,
    },
    /// A record is appended.
    Append {
        /// What it is made from.
        seed: u64,
        /// It has the length of all others that are so.
        uniform: bool,
    },
    /// What waits is written.
    Commit,
    /// There is time to tidy up.
    Rest,
    /// The power fails.
    Crash,
    /// The process is killed.
    Kill,
}

/// Steps of a life.
const STEPS: u64 = 200;

/// The schedule of a seed, with these faults besides in all lives.
pub fn schedule(seed: u64, lives: u64, faults: Faults) -> Vec<Step> {
    let mut random = Random::new(seed);
    let uniform = random.percent(30);
    let mut steps = Vec::new();
    for _ in 0..lives {
        let short_writes = [0, 0, 30][random.place(3)];
        let failures = [0, 0, 0, 2][random.place(4)];
        let far = [4, 40, 400][random.place(3)];
        let faults = Faults { short_writes, failures, ..faults };
        steps.push(Step::Open { faults, operations: 1 + random.below(far) });
        for _ in 0..STEPS {
            match random.below(10) {
                0..=5 => steps.push(Step::Append { seed: random.number(), uniform }),
                6..=8 => steps.push(Step::Commit),
                // Marks would move the frames off the blocks.
                _ if uniform => {}
                _ => steps.push(Step::Rest),
            }
        }
        steps.push(if random.percent(80) { Step::Crash } else { Step::Kill });
    }
    steps
}

/// A journal over all its lives, and what must be in it.
pub struct Lives {
    /// Its disk.
    pub storage: SimStorage,
    open: Option<(Journal, Committer)>,
    /// All records that may be there, in short.
    written: Vec<Shown>,
    /// How many of them were acknowledged.
    acked: Arc<AtomicUsize>,
    /// How often the power has failed.
    pub crashes: u64,
}

impl Lives {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        let storage = SimStorage::new(seed);
        Self { storage, open: None, written: Vec::new(), acked: Arc::default(), crashes: 0 }
    }

    /// Goes through a schedule, and opens the journal once more.
    ///
    /// # Errors
    /// What is not as it must be.
    pub fn go_through(&mut self, steps: &[Step]) -> Result<(), String> {
        for &step in steps {
            match step {
                Step::Open { faults, operations } => {
                    self.end(SimStorage::kill);
                    self.storage.set_faults(faults);
                    self.storage.fail_power_after(operations);
                    self.open()?;
                }
                Step::Append { seed, uniform } => self.append(seed, uniform),
                Step::Commit => self.write(Committer::step),
                Step::Rest => self.write(|committer| committer.rest().map(|()| true)),
                Step::Crash => {
                    self.crashes += 1;
                    self.end(SimStorage::crash);
                }
                Step::Kill => self.end(SimStorage::kill),
            }
        }
        self.end(SimStorage::kill);
        self.open()
    }

    /// The power may fail while it is opened.
    fn open(&mut self) -> Result<(), String> {
        let (Opened { journal, committer, .. }, found) = match reopen(&self.storage) {
            Ok(reopened) => reopened,
            Err(OpenError::Storage(_)) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        check(&found, &self.written, self.acked.load(Ordering::Relaxed))?;
        self.written.truncate(found.len());
        self.open = Some((journal, committer));
        Ok(())
    }

    fn append(&mut self, seed: u64, uniform: bool) {
        let Some((journal, _)) = &self.open else { return };
        let sequence = self.written.len() as u64 + 1;
        let some = if uniform { uniform_record } else { some_record };
        let bytes = some(&mut Random::new(seed), sequence);
        if journal.admit(bytes.len(), Class::Urgent).is_err() {
            return;
        }
        journal.append(bytes.len(), Urgency::Eager, |out| out.extend_from_slice(&bytes));
        self.written.push(shown_bytes(&bytes));
        let (count, acked) = (self.written.len(), Arc::clone(&self.acked));
        journal.when_durable(move || {
            acked.fetch_max(count, Ordering::Relaxed);
        });
    }

    /// Has the committer write; where the disk fails, this life is over.
    fn write<E>(&mut self, write: impl FnOnce(&mut Committer) -> Result<bool, E>) {
        if self.open.as_mut().is_some_and(|(_, committer)| write(committer).is_err()) {
            self.open = None;
        }
    }

    fn end(&mut self, how: impl FnOnce(&SimStorage)) {
        self.open = None;
        how(&self.storage);
    }
}

/// Lives and crashes, one after the other, on one disk; how many crashes.
///
/// # Errors
/// What is not as it must be, and the schedule that shows it.
pub fn crashes(seed: u64, lives: u64) -> Result<u64, Failure<Step>> {
    crashes_with(seed, lives, Faults::default())
}

/// As [`crashes`], with these faults besides in all lives.
///
/// # Errors
/// As [`crashes`].
pub fn crashes_with(seed: u64, lives: u64, faults: Faults) -> Result<u64, Failure<Step>> {
    let mut crashes = 0;
    shrink::run(seed, &schedule(seed, lives, faults), |steps| {
        let mut lives = Lives::new(seed);
        let gone_through = lives.go_through(steps);
        crashes = lives.crashes;
        gone_through
    })?;
    Ok(crashes)
}

/// A commit of three frames of which the middle one does not reach the disk; then a commit of one that ends
/// where the last of those begins.
///
/// # Errors
/// When that last one is taken for something that was written.
pub fn torn_tail(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(seed);
    let mut append = |storage: &SimStorage, sequences: &[u64]| {
        let (Opened { journal, mut committer, .. }, _) =
            reopen(storage).map_err(|error| error.to_string())?;
        for &sequence in sequences {
            let bytes = uniform_record(&mut random, sequence);
            journal.append(bytes.len(), Urgency::Eager, |out| out.extend_from_slice(&bytes));
        }
        committer.step().map(|_| ()).map_err(|error| error.to_string())
    };
    append(&storage, &[1, 2, 3])?;
    let path = storage.files().remove(0);
    let mut bytes = storage.read(&path);
    bytes[2 * BLOCK_BYTES..3 * BLOCK_BYTES].fill(0);
    storage.replace(&path, &bytes);
    append(&storage, &[2])?;
    let (_, found) = reopen(&storage).map_err(|error| error.to_string())?;
    let sequences: Vec<u64> = found.iter().map(|&(_, sequence, _)| sequence).collect();
    if sequences == [1, 2] { Ok(()) } else { Err(format!("events {sequences:?} are there")) }
}

/// A process is killed while it makes a journal; the next one writes to it, and the power fails.
///
/// # Errors
/// When what the second one acknowledged is lost.
pub fn killed_while_opening(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(random.number());
    storage.fail_power_after(1 + random.below(12));
    drop(reopen(&storage));
    storage.kill();
    let (Opened { journal, mut committer, .. }, _) = reopen(&storage).map_err(|error| error.to_string())?;
    let bytes = some_record(&mut random, 1);
    journal.append(0, Urgency::Eager, |out| out.extend_from_slice(&bytes));
    committer.step().map_err(|error| error.to_string())?;
    drop((journal, committer));
    storage.crash();
    let (_, found) = reopen(&storage).map_err(|error| error.to_string())?;
    if found == [shown_bytes(&bytes)] { Ok(()) } else { Err(format!("seed {seed}: {found:?} are there")) }
}

/// Flips a bit of what a journal holds that says of itself that it is durable.
///
/// # Errors
/// When the journal is opened all the same, without something that it held.
pub fn rot(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let (storage, written, _) = sample(20, true);
    let files = storage.files();
    let path = &files[random.place(files.len())];
    let mut bytes = storage.read(path);
    let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if used == 0 {
        return Ok(());
    }
    bytes[random.place(used)] ^= 1 << random.below(8);
    storage.replace(path, &bytes);
    match reopen(&storage) {
        Ok((_, found)) if found != written => {
            Err(format!("seed {seed}: {} of {}", found.len(), written.len()))
        }
        _ => Ok(()),
    }
}

fn check(found: &[Shown], written: &[Shown], acked: usize) -> Result<(), String> {
    let there = found.len();
    if there < acked {
        return Err(format!("{acked} were acknowledged, {there} are there"));
    }
    if !written.starts_with(found) {
        return Err("what is there is not what was written".to_owned());
    }
    Ok(())
}

/// A journal over a few segments; its records, and its files.
pub fn sample(records: u64, marked: bool) -> (SimStorage, Vec<Shown>, usize) {
    let storage = SimStorage::new(1);
    let (opened, _) = reopen(&storage).expect("nothing fails here");
    let Opened { journal, mut committer, .. } = opened;
    let (mut random, mut written, mut before_last) = (Random::new(1), Vec::new(), 0);
    for sequence in 1..=records {
        let bytes = some_record(&mut random, sequence);
        journal.append(0, Urgency::Lazy, |out| out.extend_from_slice(&bytes));
        written.push(shown_bytes(&bytes));
        if sequence % 3 == 0 {
            before_last = before_last.max(written.len() - 3);
            committer.step().expect("nothing fails here");
        }
    }
    committer.step().expect("nothing fails here");
    if marked {
        committer.rest().expect("nothing fails here");
    }
    (storage, written, before_last)
}
