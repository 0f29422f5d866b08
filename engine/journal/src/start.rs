//! Where reading has to begin: at the last segment before which a snapshot has everything.

use std::io;
use std::path::Path;

use crate::error::{Damage, JournalError, OpenError};
use crate::frame::{Home, looks_like_frame, read_frame};
use crate::record::{Body, Record};
use crate::segment::{self, FirstBlock, SegmentHead};
use crate::storage::{Access, BLOCK_BYTES, Storage, read_full_at};

/// The first frame of a segment is looked for in so many bytes behind its head; twice as many, and so on,
/// where it is longer.
const LOOK_BYTES: usize = 16 << 10;

/// What a snapshot has, and of which journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The journal's number.
    pub journal: u64,
    /// By partition, the last event.
    pub sequences: Vec<u64>,
}

/// How a segment begins.
pub(crate) struct Beginning {
    pub(crate) head: SegmentHead,
    /// By partition the last event before it; nothing where it does not say.
    pub(crate) base: Option<Vec<u64>>,
}

/// The numbers of the segments that are there, in order; there may be gaps.
pub(crate) fn numbers(storage: &dyn Storage) -> Result<Vec<u64>, OpenError> {
    let folder = Path::new(segment::FOLDER);
    let names = storage.list(folder).map_err(|error| JournalError::new("reading", folder, error))?;
    Ok(names.iter().filter_map(|name| segment::number_of(name)).collect())
}

/// The segments that have to be read by whoever has all events up to `behind`, without gaps. Those before
/// them need not be there, or be whole.
///
/// # Errors
/// When events between are missing, or it is another journal.
pub(crate) fn needed(storage: &dyn Storage, behind: Option<&Behind>) -> Result<Vec<u64>, OpenError> {
    let mut numbers = numbers(storage)?;
    let Some(&first) = numbers.first() else { return Ok(numbers) };
    let missing = |number| damaged(number, 0, "the segment is missing");
    let from = match behind {
        // From the last one back, as far as there is none missing.
        Some(behind) => {
            let mut from = numbers.len() - 1;
            while from > 0 && numbers[from - 1] + 1 == numbers[from] {
                if begins_within(storage, numbers[from], behind)? {
                    break;
                }
                from -= 1;
            }
            from
        }
        None => match numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            Some(pair) => return Err(missing(pair[0] + 1)),
            None => 0,
        },
    };
    let begins_at = numbers[from];
    if begins_at > 1 {
        let has = behind.map_or(&[][..], |behind| &behind.sequences);
        match beginning(storage, begins_at)?.and_then(|beginning| beginning.base) {
            Some(base) if is_within(&base, has) => {}
            Some(_) if begins_at > first => return Err(missing(begins_at - 1)),
            Some(base) => return Err(OpenError::Cut { base, behind: behind.cloned() }),
            None => return Err(damaged(begins_at, BLOCK_BYTES as u64, "it does not say what was before it")),
        }
    }
    Ok(numbers.split_off(from))
}

/// Whether the journal in a folder reaches back to its beginning; so does one that there is not.
///
/// # Errors
/// When the disk fails.
pub fn is_whole(storage: &dyn Storage) -> Result<bool, OpenError> {
    let numbers = match numbers(storage) {
        Err(OpenError::Storage(error)) if error.error.kind() == io::ErrorKind::NotFound => return Ok(true),
        numbers => numbers?,
    };
    Ok((1..).zip(&numbers).all(|(expected, &number)| expected == number))
}

/// The number of the journal in a folder; nothing where there is none yet.
///
/// # Errors
/// When the disk fails.
pub(crate) fn identity(storage: &dyn Storage) -> Result<Option<u64>, OpenError> {
    for number in numbers(storage)? {
        if let Some(beginning) = beginning(storage, number)? {
            return Ok(Some(beginning.head.journal));
        }
    }
    Ok(None)
}

/// Whether all that lies before this segment is had already.
fn begins_within(storage: &dyn Storage, number: u64, behind: &Behind) -> Result<bool, OpenError> {
    let Some(Beginning { base, .. }) = beginning(storage, number)? else { return Ok(false) };
    Ok(base.is_some_and(|base| is_within(&base, &behind.sequences)))
}

/// Whether the events before a segment are among those that are had. Where there is another number of
/// partitions, the declaration says it better.
pub(crate) fn is_within(base: &[u64], has: &[u64]) -> bool {
    base.iter().enumerate().all(|(partition, &last)| last <= has.get(partition).copied().unwrap_or(0))
}

/// How a segment begins; nothing where it has no head yet.
pub(crate) fn beginning(storage: &dyn Storage, number: u64) -> Result<Option<Beginning>, OpenError> {
    let path = segment::path(number);
    let failed = |error| JournalError::new("reading", &path, error);
    let file = storage.open(&path, Access::Buffered).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut wanted = BLOCK_BYTES + LOOK_BYTES;
    loop {
        bytes.resize(wanted, 0);
        let read = read_full_at(&*file, 0, &mut bytes).map_err(failed)?;
        bytes.truncate(read);
        let (block, rest) = bytes.split_at(BLOCK_BYTES.min(read));
        let FirstBlock::Head(head) = SegmentHead::read(block) else { return Ok(None) };
        let home = Home { journal: head.journal, segment: number };
        let Some((frame, payload, _)) = read_frame(home, rest) else {
            if read < wanted || !looks_like_frame(rest) {
                return Ok(Some(Beginning { head, base: None }));
            }
            wanted *= 2;
            continue;
        };
        let base = match Record::read(payload) {
            Ok((Record { body: Body::Base(base), .. }, _)) if frame.number == head.frame_first => Some(base),
            _ => None,
        };
        return Ok(Some(Beginning { head, base }));
    }
}

fn damaged(segment: u64, offset: u64, what: &str) -> OpenError {
    OpenError::Damaged(Damage { path: segment::path(segment), offset, what: what.to_owned() })
}
