//! Dead letters: events that the core failed on, kept for people.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc32c::crc32c;
use vencejo_types::limits::DEAD_LETTERS_BYTES_MAX;

use crate::storage::{Access, File, Storage, read_full_at, write_all_at};

const FOLDER: &str = "dead-letters";
const FILE: &str = "letters";
const HEAD_BYTES: usize = 8;
const LETTER: u8 = 1;
const SETTLED: u8 = 2;

/// An event that the core failed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place among the letters, from 1.
    pub number: u64,
    /// The stream, decision or model that it was for, by its name.
    pub subject: String,
    /// What the core said when it failed.
    pub reason: String,
    /// The event, as a record of the journal.
    pub record: Vec<u8>,
    /// Whether it has been given to the engine again.
    pub settled: bool,
}

/// The letters of a data folder.
pub struct DeadLetters {
    state: Mutex<State>,
}

struct State {
    file: Box<dyn File>,
    end: u64,
    letters: Vec<DeadLetter>,
}

impl DeadLetters {
    /// Reads the letters that are there. An entry at the end that is cut short or damaged is overwritten by
    /// the next one.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(storage: &Arc<dyn Storage>) -> io::Result<Self> {
        let folder = Path::new(FOLDER);
        storage.create_folder(folder)?;
        storage.sync_folder(Path::new(""))?;
        let path: PathBuf = folder.join(FILE);
        let file = match storage.open(&path, Access::Buffered) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => storage.create(&path)?,
            opened => opened?,
        };
        storage.sync_folder(folder)?;
        let mut bytes = vec![0; usize::try_from(file.bytes()?).map_err(|_| io::ErrorKind::InvalidData)?];
        let read = read_full_at(&*file, 0, &mut bytes)?;
        let (mut letters, mut end) = (Vec::new(), 0);
        while let Some((body, length)) = read_entry(&bytes[end..read]) {
            take_entry(body, &mut letters);
            end += length;
        }
        Ok(Self { state: Mutex::new(State { file, end: end as u64, letters }) })
    }

    /// Adds a letter; it is durable when this returns. Its number.
    ///
    /// # Errors
    /// When the disk fails, or the letters take all the room there is for them (`StorageFull`).
    pub fn add(&self, subject: &str, reason: &str, record: &[u8]) -> io::Result<u64> {
        let mut state = self.state();
        let number = state.letters.len() as u64 + 1;
        let mut body = vec![LETTER];
        body.extend_from_slice(&number.to_le_bytes());
        for text in [subject, reason] {
            body.extend_from_slice(&length(text.len()));
            body.extend_from_slice(text.as_bytes());
        }
        body.extend_from_slice(record);
        state.append(&body)?;
        let (subject, reason, record) = (subject.to_owned(), reason.to_owned(), record.to_vec());
        state.letters.push(DeadLetter { number, subject, reason, record, settled: false });
        Ok(number)
    }

    /// Notes that a letter has been given to the engine again.
    ///
    /// # Errors
    /// As [`DeadLetters::add`].
    pub fn settle(&self, number: u64) -> io::Result<()> {
        let mut state = self.state();
        let mut body = vec![SETTLED];
        body.extend_from_slice(&number.to_le_bytes());
        state.append(&body)?;
        settle(number, &mut state.letters);
        Ok(())
    }

    /// The letters, the oldest first.
    pub fn list(&self) -> Vec<DeadLetter> {
        self.state().letters.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, body: &[u8]) -> io::Result<()> {
        if self.end + (HEAD_BYTES + body.len()) as u64 > DEAD_LETTERS_BYTES_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut entry = length(body.len()).to_vec();
        entry.extend_from_slice(&crc32c(body).to_le_bytes());
        entry.extend_from_slice(body);
        write_all_at(&*self.file, self.end, &entry)?;
        self.file.sync()?;
        self.end += entry.len() as u64;
        Ok(())
    }
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("DEAD_LETTERS_BYTES_MAX fits 32 bits").to_le_bytes()
}

/// The body of the entry at the front, and the entry's length.
fn read_entry(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let [a, b, c, d, crc @ ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let body = rest.get(..length).filter(|body| crc32c(body).to_le_bytes() == crc)?;
    Some((body, HEAD_BYTES + length))
}

/// Applies an entry. One that breaks its layout says nothing.
fn take_entry(body: &[u8], letters: &mut Vec<DeadLetter>) -> Option<()> {
    let (&kind, rest) = body.split_first()?;
    let (number, mut rest) = rest.split_first_chunk::<8>()?;
    let number = u64::from_le_bytes(*number);
    if kind == SETTLED {
        settle(number, letters);
        return Some(());
    }
    let mut text = || {
        let (bytes, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*bytes) as usize)?;
        rest = after;
        String::from_utf8(text.to_vec()).ok()
    };
    let (subject, reason) = (text()?, text()?);
    letters.push(DeadLetter { number, subject, reason, record: rest.to_vec(), settled: false });
    Some(())
}

fn settle(number: u64, letters: &mut [DeadLetter]) {
    letters.iter_mut().filter(|letter| letter.number == number).for_each(|letter| letter.settled = true);
}
