//! The journal on a simulated disk: crashes anywhere, every cut, every flipped bit, full and failing disks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vencejo_journal::{Class, Committer, OpenError, Opened, Refused, Urgency, open};
use vencejo_sim::lives::{
    Lives, SEGMENT_BYTES, Shown, crashes, killed_while_opening, options, reopen, sample, schedule, shown,
    shown_bytes, some_record, torn_tail,
};
use vencejo_sim::{Faults, Random, SimStorage, rounds, seeds};

#[test]
fn what_was_acknowledged_survives_crashes_anywhere() {
    let crashed: u64 = seeds(rounds(100, 21_000))
        .map(|seed| crashes(seed, 12).unwrap_or_else(|failure| panic!("{failure}")))
        .sum();
    assert!(crashed > 0);
    println!("{crashed} crashes");
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    let run = || {
        let mut lives = Lives::new(3);
        lives.go_through(&schedule(3, 2, Faults::default())).unwrap();
        let storage = &lives.storage;
        let files: Vec<_> = storage.files().into_iter().map(|path| (storage.read(&path), path)).collect();
        (files, lives.crashes, storage.operations())
    };
    assert_eq!(run(), run());
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
fn what_a_cut_commit_leaves_is_not_taken_for_what_follows() {
    assert_eq!(torn_tail(1), Ok(()));
}

#[test]
fn a_kill_while_the_journal_is_made_costs_nothing_later() {
    for seed in seeds(300) {
        assert_eq!(killed_while_opening(seed), Ok(()));
    }
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
            expected.push(shown_bytes(&bytes));
        }
    }
    let mut found = Vec::new();
    journal
        .read(None, &mut |record| {
            found.push(shown(record));
            Ok(())
        })
        .unwrap();
    assert_eq!(found, expected);
    let refused = journal.read(None, &mut |_| Err("enough".to_owned()));
    assert_eq!(refused.unwrap_err().to_string(), "enough");
}

#[test]
fn files_of_another_journal_are_told_apart() {
    let (storage, ..) = sample(60, true);
    let other = SimStorage::new(4);
    drop(open(Arc::new(other.clone()), options(8), None, &mut |_| Ok(())).unwrap());
    let first = Path::new("journal/0000000000000001.segment");
    storage.replace(first, &other.read(first));
    assert!(matches!(reopen(&storage), Err(OpenError::Damaged(_))));
}
