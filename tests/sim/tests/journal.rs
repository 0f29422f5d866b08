//! The journal on a simulated disk: crashes anywhere, every cut, every flipped bit, full and failing disks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vencejo_journal::record::{write_decide, write_rows, write_tick};
use vencejo_journal::{
    Body, Class, Committer, Journal, OpenError, Opened, Options, Record, Refused, Stamp, Urgency, open,
};
use vencejo_sim::{Faults, Random, SimStorage, rounds, seeds};
use vencejo_types::{DecisionId, Sequence, StreamId, Tick};

/// Partition, sequence, and a hash of the content.
type Shown = (u32, u64, u64);

const SEGMENT_BYTES: u64 = 32 << 10;

fn options(id: u64) -> Options {
    Options { segment_bytes: SEGMENT_BYTES, id, inline: true }
}

/// Opens the journal; what it held.
fn reopen(storage: &SimStorage) -> Result<(Opened, Vec<Shown>), OpenError> {
    let mut found = Vec::new();
    let opened = open(Arc::new(storage.clone()), options(7), &mut |record| {
        found.push(shown(record));
        Ok(())
    })?;
    Ok((opened, found))
}

/// A record in short: enough to tell it from any other.
fn shown(record: &Record<'_>) -> (u32, u64, u64) {
    let content = match &record.body {
        Body::Rows { rows, .. } => rows.iter().fold(1_u64, |sum, row| hash(row) ^ sum.rotate_left(7)),
        Body::Decide { row, expired, .. } => hash(row) ^ u64::from(*expired),
        Body::Tick(watermarks) => watermarks.iter().flatten().sum::<i64>().cast_unsigned(),
        other => panic!("{other:?}"),
    };
    (record.partition, record.sequence.0, content)
}

/// FNV-1a: this crate is compiled with optimizations, better hashes are not.
fn hash(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    bytes.iter().fold(start, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A record of some kind and size, numbered by its sequence.
fn some_record(random: &mut Random, sequence: u64) -> Vec<u8> {
    let partition = u32::try_from(random.below(3)).unwrap();
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

/// One life of a journal: appends until the power fails or the steps are done.
struct Life<'a> {
    journal: Journal,
    committer: Committer,
    random: &'a mut Random,
    /// All records, in short.
    written: &'a mut Vec<Shown>,
    acked: Arc<AtomicUsize>,
}

impl Life<'_> {
    fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            match self.random.below(10) {
                0..=5 => self.append(),
                6..=8 => {
                    if self.committer.step().is_err() {
                        return;
                    }
                }
                _ => {
                    if self.committer.rest().is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn append(&mut self) {
        let bytes = some_record(self.random, self.written.len() as u64 + 1);
        if self.journal.admit(bytes.len(), Class::Urgent).is_err() {
            return;
        }
        self.journal.append(bytes.len(), Urgency::Eager, |out| out.extend_from_slice(&bytes));
        self.written.push(shown(&Record::read(&bytes).unwrap().0));
        let (count, acked) = (self.written.len(), Arc::clone(&self.acked));
        self.journal.when_durable(move || {
            acked.fetch_max(count, Ordering::Relaxed);
        });
    }
}

/// Lives and crashes, one after the other, on one disk; how many crashes.
fn crashes(seed: u64, lives: u64) -> u64 {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(random.number());
    let mut written: Vec<Shown> = Vec::new();
    let acked = Arc::new(AtomicUsize::new(0));
    let mut crashed = 0;
    for life in 0..lives {
        let short_writes = [0, 0, 30][random.place(3)];
        let failures = [0, 0, 0, 2][random.place(4)];
        storage.set_faults(Faults { short_writes, failures, capacity: 0 });
        let far = [4, 40, 400][random.place(3)];
        storage.fail_power_after(1 + random.below(far));
        // The power may fail while the journal is opened.
        if let Ok((opened, found)) = reopen(&storage) {
            check(seed, life, &found, &written, acked.load(Ordering::Relaxed));
            written.truncate(found.len());
            let Opened { journal, committer, .. } = opened;
            let mut alive = Life {
                journal,
                committer,
                random: &mut random,
                written: &mut written,
                acked: Arc::clone(&acked),
            };
            alive.run(200);
        }
        if random.percent(80) {
            storage.crash();
            crashed += 1;
        } else {
            storage.kill();
        }
    }
    let (_, found) = reopen(&storage).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    check(seed, lives, &found, &written, acked.load(Ordering::Relaxed));
    crashed
}

fn check(seed: u64, life: u64, found: &[Shown], written: &[Shown], acked: usize) {
    assert!(
        found.len() >= acked,
        "seed {seed}, life {life}: {acked} were acknowledged, {} are there",
        found.len()
    );
    assert!(written.starts_with(found), "seed {seed}, life {life}: what is there is not what was written");
}

#[test]
fn what_was_acknowledged_survives_crashes_anywhere() {
    let crashed: u64 = seeds(rounds(100, 21_000)).map(|seed| crashes(seed, 12)).sum();
    assert!(crashed > 0);
    println!("{crashed} crashes");
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    let run = || {
        let storage = SimStorage::new(3);
        let (opened, _) = reopen(&storage).unwrap();
        let Opened { journal, committer, .. } = opened;
        let (mut random, mut written) = (Random::new(3), Vec::new());
        storage.fail_power_after(60);
        let mut life =
            Life { journal, committer, random: &mut random, written: &mut written, acked: Arc::default() };
        life.run(200);
        storage.crash();
        let files: Vec<_> = storage.files().into_iter().map(|path| (storage.read(&path), path)).collect();
        (files, written, storage.operations())
    };
    assert_eq!(run(), run());
}

/// A journal over a few segments; its records, and its files.
fn sample(records: u64, marked: bool) -> (SimStorage, Vec<Shown>, usize) {
    let storage = SimStorage::new(1);
    let (opened, _) = reopen(&storage).unwrap();
    let Opened { journal, mut committer, .. } = opened;
    let (mut random, mut written, mut before_last) = (Random::new(1), Vec::new(), 0);
    for sequence in 1..=records {
        let bytes = some_record(&mut random, sequence);
        journal.append(0, Urgency::Lazy, |out| out.extend_from_slice(&bytes));
        written.push(shown(&Record::read(&bytes).unwrap().0));
        if sequence % 3 == 0 {
            before_last = before_last.max(written.len() - 3);
            committer.step().unwrap();
        }
    }
    committer.step().unwrap();
    if marked {
        committer.rest().unwrap();
    }
    (storage, written, before_last)
}

/// Damages the sample's segments in every way that `damage` gives: it is found, or nothing is lost. Where
/// `least` records were all that is said to be durable, the others may be gone.
fn damaged_everywhere(
    (storage, written, least): &(SimStorage, Vec<Shown>, usize),
    damages: impl Fn(&[u8]) -> Vec<Vec<u8>>,
) -> (u64, u64) {
    let (mut refused, mut harmless) = (0, 0);
    for path in storage.files() {
        let whole = storage.read(&path);
        for damaged in damages(&whole) {
            let trial = SimStorage::new(2);
            for other in storage.files() {
                let bytes = if other == path { damaged.clone() } else { storage.read(&other) };
                drop(vencejo_journal::Storage::create(&trial, &other).unwrap());
                trial.replace(&other, &bytes);
            }
            match reopen(&trial) {
                Err(OpenError::Damaged(damage)) => {
                    assert!(damage.path.starts_with("journal"), "{damage}");
                    refused += 1;
                }
                Err(OpenError::Version { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
                Ok((_, found)) => {
                    assert!(found.len() >= *least && written.starts_with(&found), "{}", path.display());
                    harmless += 1;
                }
            }
        }
    }
    (refused, harmless)
}

/// Flips of every bit where something is written, and of one bit of each block elsewhere.
fn flips(whole: &[u8]) -> Vec<Vec<u8>> {
    let used = whole.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 16).min(whole.len());
    let dense = if rounds(0, 1) == 1 { 1 } else { 7 };
    let bits = (0..used * 8).step_by(dense).chain((used * 8..whole.len() * 8).step_by(4_093 * 8));
    bits.map(|bit| {
        let mut flipped = whole.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
    .collect()
}

#[test]
fn a_flipped_bit_is_found_or_harms_nothing() {
    let mut sample = sample(12, true);
    sample.2 = sample.1.len();
    let (refused, harmless) = damaged_everywhere(&sample, flips);
    assert!(refused > harmless, "{refused} refused, {harmless} harmless");
}

#[test]
fn a_flipped_bit_in_the_last_commit_ends_the_journal_there_at_most() {
    let sample = sample(12, false);
    assert!(sample.2 < sample.1.len() && sample.2 > 0);
    damaged_everywhere(&sample, flips);
}

#[test]
fn a_file_cut_anywhere_is_found() {
    let mut sample = sample(14, true);
    sample.2 = sample.1.len();
    let step = if rounds(0, 1) == 1 { 1 } else { 41 };
    let cuts = |whole: &[u8]| match whole.iter().all(|&byte| byte == 0) {
        // A spare segment holds nothing to lose.
        true => vec![],
        false => (0..whole.len()).step_by(step).map(|end| whole[..end].to_vec()).collect(),
    };
    let (refused, harmless) = damaged_everywhere(&sample, cuts);
    assert_eq!(harmless, 0, "{refused} refused");
}

#[test]
fn a_lost_segment_is_found() {
    let (storage, written, _) = sample(60, true);
    let segments: Vec<_> = storage.files();
    assert!(segments.len() > 2, "{segments:?}");
    for (lost, path) in segments[..segments.len() - 1].iter().enumerate() {
        let (storage, ..) = sample(60, true);
        storage.lose(path);
        let reopened = reopen(&storage);
        // The first may have been let go on purpose, so its loss shows by nothing but the numbers.
        match (lost, reopened) {
            (0, Ok((_, found))) => assert!(written.ends_with(&found)),
            (_, Err(OpenError::Damaged(_))) => {}
            (_, other) => panic!("{lost}: {:?}", other.map(|(_, found)| found.len())),
        }
    }
}

#[test]
fn a_full_disk_refuses_telemetry_first_and_recovers() {
    let storage = SimStorage::new(5);
    let (opened, _) = reopen(&storage).unwrap();
    let Opened { journal, mut committer, .. } = opened;
    storage.set_faults(Faults { capacity: 2 * SEGMENT_BYTES, ..Faults::default() });
    let record = |n: u64| some_record(&mut Random::new(n), n);
    let append = |bytes: &[u8], class| -> Result<(), Refused> {
        journal.admit(bytes.len(), class)?;
        journal.append(bytes.len(), Urgency::Eager, |out| out.extend_from_slice(bytes));
        Ok(())
    };
    let fill = |class, committer: &mut Committer| {
        for n in 0.. {
            if let Err(refused) = append(&record(n), class) {
                return (n, refused);
            }
            committer.step().unwrap();
        }
        unreachable!("the disk is full some time")
    };
    let (telemetry, refused) = fill(Class::Telemetry, &mut committer);
    assert_eq!(refused, Refused::Full);
    assert!(journal.is_full() && telemetry > 0);
    let (urgent, refused) = fill(Class::Urgent, &mut committer);
    assert_eq!(refused, Refused::Full);
    assert!(urgent > 5, "the reserve took {urgent}");
    // Room is made: both are taken again.
    storage.set_faults(Faults::default());
    committer.rest().unwrap();
    assert!(!journal.is_full());
    assert_eq!(append(&record(1), Class::Telemetry), Ok(()));
    committer.step().unwrap();
    drop((journal, committer));
    let (_, found) = reopen(&storage).unwrap();
    assert_eq!(found.len() as u64, telemetry + urgent + 1);
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_is_not_tried_again() {
    let storage = SimStorage::new(5);
    let (opened, _) = reopen(&storage).unwrap();
    let Opened { journal, mut committer, .. } = opened;
    storage.set_faults(Faults { failures: 100, ..Faults::default() });
    let acked = Arc::new(AtomicUsize::new(0));
    let bytes = some_record(&mut Random::new(1), 1);
    journal.append(0, Urgency::Eager, |out| out.extend_from_slice(&bytes));
    let by_waiter = Arc::clone(&acked);
    journal.when_durable(move || by_waiter.store(1, Ordering::Relaxed));
    assert!(committer.step().is_err());
    assert_eq!(acked.load(Ordering::Relaxed), 0);
}

#[test]
fn one_process_at_a_time() {
    let storage = SimStorage::new(5);
    let (opened, _) = reopen(&storage).unwrap();
    assert!(matches!(reopen(&storage), Err(OpenError::Locked)));
    drop(opened);
    assert!(reopen(&storage).is_ok());
}

#[test]
fn what_is_durable_is_read_while_more_is_written() {
    let storage = SimStorage::new(9);
    let (opened, _) = reopen(&storage).unwrap();
    let Opened { journal, mut committer, .. } = opened;
    let mut expected = Vec::new();
    for sequence in 1..=40 {
        let bytes = some_record(&mut Random::new(sequence), sequence);
        journal.append(0, Urgency::Lazy, |out| out.extend_from_slice(&bytes));
        if sequence <= 38 {
            committer.step().unwrap();
            expected.push(shown(&Record::read(&bytes).unwrap().0));
        }
    }
    let mut found = Vec::new();
    journal
        .read(&mut |record| {
            found.push(shown(record));
            Ok(())
        })
        .unwrap();
    assert_eq!(found, expected);
    let refused = journal.read(&mut |_| Err("enough".to_owned()));
    assert_eq!(refused.unwrap_err().to_string(), "enough");
}

#[test]
fn files_of_another_journal_are_told_apart() {
    let (storage, ..) = sample(60, true);
    let other = SimStorage::new(4);
    drop(open(Arc::new(other.clone()), options(8), &mut |_| Ok(())).unwrap());
    let first = Path::new("journal/0000000000000001.segment");
    storage.replace(first, &other.read(first));
    assert!(matches!(reopen(&storage), Err(OpenError::Damaged(_))));
}
