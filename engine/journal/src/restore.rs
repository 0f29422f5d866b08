//! What a data folder held at an earlier moment, into another folder: a snapshot from before that moment, and
//! the journal from there up to it.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

use vencejo_types::Tick;

use crate::error::{JournalError, OpenError};
use crate::journal::Urgency;
use crate::open::{Opened, Options, create, open, read};
use crate::record::{Body, Declaration, Record, write_record};
use crate::snapshot::{self, Snapshot, SnapshotError, SnapshotKey, generations};
use crate::start::{Behind, identity, is_whole};
use crate::storage::{Storage, write_all_at};

/// Bytes of records that are written at once.
const COMMIT_BYTES: usize = 1 << 20;

/// The moment to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The end.
    End,
    /// Each partition's event with this sequence; those that have fewer come back as they are.
    Sequence(u64),
    /// As before, by partition; those that are not named come back as they are.
    Sequences(Vec<(u32, u64)>),
    /// The last events up to this moment of the engine's time.
    Tick(i64),
}

impl Target {
    /// How many of the events of a record, of which the first has this sequence, belong to the moment.
    fn takes(&self, record: &Record<'_>) -> u64 {
        let events = record.events();
        let until = |last: u64| events.min((last + 1).saturating_sub(record.sequence.0));
        match self {
            Self::End => events,
            Self::Sequence(last) => until(*last),
            Self::Sequences(lasts) => {
                let named = lasts.iter().find(|(partition, _)| *partition == record.partition);
                named.map_or(events, |&(_, last)| until(last))
            }
            Self::Tick(tick) => {
                if record.tick.0 <= *tick {
                    events
                } else {
                    0
                }
            }
        }
    }

    /// Whether a snapshot is of no later moment.
    fn reaches(&self, snapshot: &Snapshot) -> bool {
        snapshot.partitions().all(|at| match self {
            Self::End => true,
            Self::Sequence(last) => at.sequence <= *last,
            Self::Sequences(lasts) => {
                lasts.iter().all(|&(partition, last)| partition != at.partition || at.sequence <= last)
            }
            Self::Tick(tick) => at.sequence == 0 || at.tick <= *tick,
        })
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The snapshot that was taken over, if any.
    pub generation: Option<u64>,
    /// Events that came from the journal.
    pub events: u64,
    /// By partition, the last event.
    pub sequences: Vec<u64>,
    /// The engine's time of the last event.
    pub tick: i64,
    /// What is wrong with snapshots that were not taken, a sentence each.
    pub notes: Vec<String>,
}

/// Why nothing came back.
#[derive(Debug)]
pub enum RestoreError {
    /// The folder to restore from is damaged, or cannot be read.
    Source(OpenError),
    /// A snapshot wants a key.
    Key(SnapshotError),
    /// The moment lies before what the folder holds; why no snapshot serves.
    TooEarly(Vec<String>),
    /// There is no event with this sequence.
    TooLate {
        /// The partition.
        partition: u32,
        /// Its last event.
        last: u64,
    },
    /// There is nothing.
    Nothing,
    /// The folder to restore into cannot be written.
    Into(OpenError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) | Self::Into(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::TooEarly(notes) => {
                f.write_str("the moment lies before the oldest snapshot, behind which the journal was cut")?;
                notes.iter().try_for_each(|note| write!(f, "; {note}"))
            }
            Self::TooLate { partition, last } => {
                write!(f, "partition {partition} ends at event {last}; there is none with that sequence")
            }
            Self::Nothing => f.write_str("there is neither a snapshot nor a journal"),
        }
    }
}

impl std::error::Error for RestoreError {}

/// Restores what `from` held into `into`, which holds neither journal nor snapshots. `from` is read alone,
/// and may be in use; every byte of the snapshot is checked.
///
/// # Errors
/// See [`RestoreError`]; `into` may hold a part then.
pub fn restore(
    from: &dyn Storage,
    into: &Arc<dyn Storage>,
    options: Options,
    key: Option<&SnapshotKey>,
    target: &Target,
) -> Result<Restored, RestoreError> {
    let mut restored = Restored::default();
    let snapshot = choose(from, key, target, &mut restored.notes)?;
    let number = identity(from).map_err(RestoreError::Source)?;
    if number.is_none() && snapshot.is_none() {
        return Err(RestoreError::Nothing);
    }
    if snapshot.is_none() && !is_whole(from).map_err(RestoreError::Source)? {
        return Err(RestoreError::TooEarly(restored.notes));
    }
    let behind = snapshot.as_ref().map(|snapshot| Behind {
        journal: snapshot.journal(),
        sequences: snapshot.partitions().map(|at| at.sequence).collect(),
    });
    if let (Some(snapshot), Some(behind)) = (&snapshot, &behind) {
        copy(from, &**into, snapshot).map_err(|error| RestoreError::Into(error.into()))?;
        restored.generation = Some(snapshot.generation());
        restored.sequences.clone_from(&behind.sequences);
        restored.tick = snapshot.partitions().map(|at| at.tick).max().unwrap_or(0);
    }
    let options = Options { id: number.unwrap_or(options.id), inline: true, ..options };
    let mut copying =
        Copying { into, options, target, behind: behind.as_ref(), opened: None, pending: 0, restored };
    let mut failed = None;
    let copied = read(from, behind.as_ref(), &mut |record| {
        copying.record(record).map_err(|error| {
            failed = Some(error);
            "the copy cannot be written".to_owned()
        })
    });
    if let Some(error) = failed {
        return Err(RestoreError::Into(error));
    }
    copied.map_err(RestoreError::Source)?;
    copying.finish()
}

/// The newest snapshot of no later moment that is whole.
fn choose(
    from: &dyn Storage,
    key: Option<&SnapshotKey>,
    target: &Target,
    notes: &mut Vec<String>,
) -> Result<Option<Snapshot>, RestoreError> {
    let numbers = generations(from).map_err(|error| RestoreError::Source(error.into()))?;
    for number in numbers.into_iter().rev() {
        match Snapshot::open(from, number, key) {
            Ok(snapshot) if !target.reaches(&snapshot) => {}
            Ok(snapshot) => match snapshot.verify() {
                Ok(_) => return Ok(Some(snapshot)),
                Err(error) => notes.push(error.to_string()),
            },
            Err(error @ (SnapshotError::KeyMissing(_) | SnapshotError::KeyWrong(_))) => {
                return Err(RestoreError::Key(error));
            }
            Err(error) => notes.push(error.to_string()),
        }
    }
    Ok(None)
}

/// The journal on its way.
struct Copying<'c> {
    into: &'c Arc<dyn Storage>,
    options: Options,
    target: &'c Target,
    behind: Option<&'c Behind>,
    /// From the first declaration on.
    opened: Option<Opened>,
    /// Bytes that are not written yet.
    pending: usize,
    restored: Restored,
}

impl Copying<'_> {
    fn record(&mut self, record: &Record<'_>) -> Result<(), OpenError> {
        match &record.body {
            Body::Base(_) => return Ok(()),
            Body::Declare(declaration) if self.opened.is_none() => return self.begin(declaration),
            Body::Declare(_) => return self.append(record, 0),
            _ => {}
        }
        let takes = self.target.takes(record);
        let partition = record.partition as usize;
        let had = self.behind.and_then(|behind| behind.sequences.get(partition)).copied().unwrap_or(0);
        let last = record.sequence.0 + takes.saturating_sub(1);
        if takes == 0 || last <= had {
            return Ok(());
        }
        let Restored { events, sequences, tick, .. } = &mut self.restored;
        if sequences.len() <= partition {
            sequences.resize(partition + 1, 0);
        }
        *events += last - had.max(record.sequence.0 - 1);
        (sequences[partition], *tick) = (last, record.tick.0.max(*tick));
        self.append(record, takes)
    }

    fn begin(&mut self, declaration: &Declaration) -> Result<(), OpenError> {
        let (into, options) = (Arc::clone(self.into), self.options);
        let declare = Record {
            partition: 0,
            sequence: vencejo_types::Sequence(0),
            tick: Tick(0),
            body: Body::Declare(declaration.clone()),
        };
        match self.behind {
            Some(Behind { sequences, .. }) => {
                let at = (&sequences[..], Tick(self.restored.tick));
                self.opened = Some(create(into, options, at, declaration)?);
                Ok(())
            }
            None => {
                self.restored.sequences.resize(declaration.partitions as usize, 0);
                self.opened = Some(open(into, options, None, &mut |_| Ok(()))?);
                self.append(&declare, 0)
            }
        }
    }

    fn append(&mut self, record: &Record<'_>, events: u64) -> Result<(), OpenError> {
        let Some(Opened { journal, committer, .. }) = &mut self.opened else {
            return Err(OpenError::Refused(
                "the journal begins with something that it does not declare".to_owned(),
            ));
        };
        let pending = &mut self.pending;
        journal.append(0, Urgency::Eager, |out| {
            let before = out.len();
            write_record(record, events, out);
            *pending += out.len() - before;
        });
        if *pending >= COMMIT_BYTES {
            *pending = 0;
            committer.step()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Restored, RestoreError> {
        if let Some(Opened { committer, .. }) = &mut self.opened {
            let done = committer.step().and_then(|_| committer.rest());
            done.map_err(|error| RestoreError::Into(error.into()))?;
        }
        let sequences = &self.restored.sequences;
        let last_of = |partition: u32| sequences.get(partition as usize).copied().unwrap_or(0);
        let missing = match self.target {
            Target::Sequence(wanted) => {
                let last = sequences.iter().copied().max().unwrap_or(0);
                (last < *wanted).then(|| {
                    let at = sequences.iter().position(|&sequence| sequence == last).unwrap_or(0);
                    (u32::try_from(at).unwrap_or(0), last)
                })
            }
            Target::Sequences(wanted) => {
                let missing = wanted.iter().find(|&&(partition, last)| last_of(partition) < last);
                missing.map(|&(partition, _)| (partition, last_of(partition)))
            }
            Target::End | Target::Tick(_) => None,
        };
        match missing {
            Some((partition, last)) => Err(RestoreError::TooLate { partition, last }),
            None => Ok(self.restored),
        }
    }
}

/// Copies a snapshot, under its number.
fn copy(from: &dyn Storage, into: &dyn Storage, snapshot: &Snapshot) -> Result<(), JournalError> {
    let path = snapshot.path();
    let failed = |error: io::Error| JournalError::new("copying", path, error);
    let folder = path.parent().unwrap_or(Path::new(""));
    into.create_folder(folder).map_err(failed)?;
    let file = into.create(path).map_err(failed)?;
    snapshot::pieces(from, path, &mut |offset, bytes| write_all_at(&*file, offset, bytes)).map_err(failed)?;
    file.sync().map_err(failed)?;
    into.sync_folder(folder).map_err(failed)?;
    into.sync_folder(Path::new("")).map_err(failed)
}
