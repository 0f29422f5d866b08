//! Scenarios of snapshots: written until the power fails, opened, and compared with what was written; and the
//! journal cut behind them.

use std::collections::BTreeMap;
use std::sync::Arc;

use vencejo_journal::record::write_declaration;
use vencejo_journal::snapshot::{
    PagePlace, Snapshot, SnapshotError, SnapshotKey, SnapshotOptions, SnapshotWriter, generations, remove,
};
use vencejo_journal::{Behind, Declaration, Opened, Record, Urgency, open};

use crate::lives::{Shown, options, reopen, shown, some_record};
use crate::random::Random;
use crate::storage::{Faults, SimStorage};

/// What a snapshot holds: heads by partition, pages by place.
type Content = (BTreeMap<u32, Vec<u8>>, BTreeMap<PagePlace, Vec<u8>>);

/// What was written under a number, in the order of the attempts; whether the last one was finished.
#[derive(Default)]
struct Written {
    attempts: Vec<Content>,
    finished: bool,
}

fn key() -> SnapshotKey {
    SnapshotKey::new([7; 32])
}

fn bytes(random: &mut Random, longest: u64) -> Vec<u8> {
    let length = random.below(longest + 1);
    (0..length).map(|_| random.number().to_le_bytes()[0] & 0x1f).collect()
}

fn content(random: &mut Random) -> Content {
    let heads = (0..2).map(|partition| (partition, bytes(random, 40))).collect();
    let place = |page| PagePlace { partition: page % 2, owner: page / 7, container: 0, page };
    let count = 1 + u32::try_from(random.below(12)).unwrap_or_default();
    let pages = (0..count).map(|page| (place(page), bytes(random, 3_000))).collect();
    (heads, pages)
}

/// Writes a snapshot; its number is told before it may be finished.
fn write(
    storage: &SimStorage,
    random: &mut Random,
    content: &Content,
    begun: impl FnOnce(u64),
) -> Result<(), String> {
    let options = SnapshotOptions {
        journal: 5,
        app: "counts".to_owned(),
        compression: random.percent(30).then_some(1),
        seal: random.percent(30).then(|| (key(), [random.number().to_le_bytes()[0]; 32])),
    };
    let failed = |error: vencejo_journal::JournalError| error.to_string();
    let mut writer = SnapshotWriter::create(storage, &options).map_err(failed)?;
    begun(writer.generation());
    for (&partition, head) in &content.0 {
        writer.head(partition, 1, 1, head).map_err(failed)?;
    }
    for (&place, page) in &content.1 {
        writer.page(place, page).map_err(failed)?;
        if random.percent(20) {
            writer.sync().map_err(failed)?;
        }
    }
    writer.finish().map(|_| ()).map_err(failed)
}

/// All that a snapshot gives.
fn read(storage: &SimStorage, generation: u64) -> Result<Content, SnapshotError> {
    let snapshot = Snapshot::open(storage, generation, Some(&key()))?;
    let (mut heads, mut pages) = (BTreeMap::new(), BTreeMap::new());
    for at in snapshot.partitions() {
        heads.insert(at.partition, snapshot.head(at.partition)?.unwrap_or_default());
        for page in 0..12 {
            let place = PagePlace { partition: at.partition, owner: page / 7, container: 0, page };
            let mut bytes = Vec::new();
            if snapshot.page(place, &mut bytes)? {
                pages.insert(place, bytes);
            }
        }
    }
    Ok((heads, pages))
}

/// Snapshots, removals of old ones and crashes, one after the other, on one disk; how many crashes.
///
/// # Errors
/// When one that was finished is gone or another, or there is one that is none.
pub fn snapshots(seed: u64, lives: u64) -> Result<u64, String> {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(random.number());
    let mut written: BTreeMap<u64, Written> = BTreeMap::new();
    let mut crashed = 0;
    for life in 0..lives {
        let (short_writes, failures) = ([0, 0, 30][random.place(3)], [0, 0, 0, 2][random.place(4)]);
        storage.set_faults(Faults { short_writes, failures, ..Faults::default() });
        let far = [6, 40, 200][random.place(3)];
        storage.fail_power_after(1 + random.below(far));
        for _ in 0..4 {
            let content = content(&mut random);
            let (mut number, mut is_taken) = (0, false);
            let done = write(&storage, &mut random, &content, |generation| {
                number = generation;
                let of_number: &mut Written = written.entry(generation).or_default();
                is_taken = of_number.finished;
                of_number.attempts.push(content.clone());
                of_number.finished = false;
            });
            if is_taken {
                return Err(format!("seed {seed}, life {life}: the number {number} is used again"));
            }
            if done.is_ok() {
                written.entry(number).or_default().finished = true;
            } else if storage.is_dead() {
                break;
            }
            // All but the two newest may go.
            let kept: Vec<u64> = written.keys().rev().skip(2).copied().collect();
            for generation in kept.into_iter().filter(|_| random.percent(30)) {
                written.entry(generation).or_default().finished = false;
                // Where it cannot be removed, it stays.
                let _ = remove(&storage, generation);
            }
        }
        if random.percent(80) {
            storage.crash();
            crashed += 1;
        } else {
            storage.kill();
        }
        check(&storage, &mut written).map_err(|what| format!("seed {seed}, life {life}: {what}"))?;
    }
    Ok(crashed)
}

fn check(storage: &SimStorage, written: &mut BTreeMap<u64, Written>) -> Result<(), String> {
    let there = generations(storage).map_err(|error| error.to_string())?;
    for &generation in &there {
        let content = read(storage, generation).map_err(|error| error.to_string())?;
        let of_number = written.get(&generation).ok_or_else(|| format!("{generation} was never written"))?;
        let wanted = if of_number.finished {
            &of_number.attempts[of_number.attempts.len() - 1..]
        } else {
            &of_number.attempts
        };
        if !wanted.contains(&content) {
            return Err(format!("snapshot {generation} is another than what was written"));
        }
    }
    match written.iter().find(|(generation, of_number)| of_number.finished && !there.contains(generation)) {
        Some((generation, _)) => Err(format!("snapshot {generation} is gone")),
        None => Ok(()),
    }
}

/// Flips a bit of a snapshot.
///
/// # Errors
/// When something else is read than what was written, and nobody says so.
pub fn rot(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(seed);
    let content = content(&mut random);
    write(&storage, &mut random, &content, |_| ())?;
    let path = storage.files().remove(0);
    let mut bytes = storage.read(&path);
    let place = random.place(bytes.len());
    bytes[place] ^= 1 << random.below(8);
    storage.replace(&path, &bytes);
    match read(&storage, 1) {
        Ok(found) if found != content => Err(format!("seed {seed}: another content is read")),
        _ => Ok(()),
    }
}

/// Cuts a journal of some segments behind one of its events, and opens it behind that.
///
/// # Errors
/// When an event behind it is not there.
pub fn cut(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let storage = SimStorage::new(random.number());
    let (Opened { journal, mut committer, .. }, _) = reopen(&storage).map_err(|error| error.to_string())?;
    let (mut written, mut lasts): (Vec<Shown>, Vec<(usize, u64)>) = (Vec::new(), Vec::new());
    let mut declaration = Vec::new();
    write_declaration(
        &Declaration { partitions: 3, app: "counts".to_owned(), ..Declaration::default() },
        &mut declaration,
    );
    journal.append(0, Urgency::Eager, |out| out.extend_from_slice(&declaration));
    for sequence in 1..=40 + random.below(100) {
        // Some have two events.
        let bytes = some_record(&mut random, 2 * sequence);
        let (record, _) = Record::read(&bytes).map_err(|error| error.to_string())?;
        lasts.push((record.partition as usize, record.sequence.0 + record.events() - 1));
        written.push(shown(&record));
        journal.append(0, Urgency::Eager, |out| out.extend_from_slice(&bytes));
        if random.percent(40) {
            committer.step().map_err(|error| error.to_string())?;
        }
    }
    committer.step().and_then(|_| committer.rest()).map_err(|error| error.to_string())?;
    let has = random.place(written.len());
    let mut sequences = vec![0; 3];
    lasts[..has].iter().for_each(|&(partition, last)| sequences[partition] = last);
    journal.cut(&sequences).map_err(|error| error.to_string())?;
    let behind = Behind { journal: journal.number(), sequences };
    drop((journal, committer));
    storage.crash();
    let mut found = Vec::new();
    let opened = open(Arc::new(storage.clone()), options(7), Some(&behind), &mut |record| {
        found.push(shown(record));
        Ok(())
    });
    opened.map_err(|error| format!("seed {seed}: {error}"))?;
    found.retain(|&(partition, sequence, _)| behind.sequences.get(partition as usize) < Some(&sequence));
    if found == written[has..] {
        Ok(())
    } else {
        Err(format!("seed {seed}: {} of {} events", found.len(), written.len() - has))
    }
}
