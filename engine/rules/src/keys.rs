//! The keys of which rules remember something.
//!
//! A key that is idle takes its bytes and its counts of matches; what open runs need beside that is lent to
//! it from a pool.

use vencejo_types::chunked::Chunked;
use vencejo_types::index::Index;
use vencejo_types::limits::RULE_KEYS_MAX;
use vencejo_types::row::key_hash;

use crate::row_log::RowLog;

/// The bytes of a key; a short one needs no memory of its own.
#[derive(Debug)]
enum Bytes {
    Short(u8, [u8; SHORT_MAX]),
    Long(Box<[u8]>),
}

const SHORT_MAX: usize = 22;

impl Bytes {
    fn new(key: &[u8]) -> Self {
        let mut short = [0; SHORT_MAX];
        match short.get_mut(..key.len()) {
            Some(start) => {
                start.copy_from_slice(key);
                Self::Short(key.len() as u8, short)
            }
            None => Self::Long(key.into()),
        }
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// How many matches each rule has given out, for those that gave any; by rule.
pub(crate) type Numbers = Vec<(u32, u64)>;

/// The rules that have runs, or rows to look back on, and the place of those in the pool; by rule.
pub(crate) type Active = Vec<(u32, u32)>;

#[derive(Debug)]
struct Entry {
    key: Bytes,
    numbers: Numbers,
    /// The place of its work; [`IDLE`] for none.
    work: u32,
}

const IDLE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Work {
    log: RowLog,
    active: Active,
}

/// What is known of a key, to be changed.
pub(crate) struct Held<'a> {
    pub key: &'a [u8],
    pub numbers: &'a mut Numbers,
    pub log: &'a mut RowLog,
    pub active: &'a mut Active,
}

/// Keys by their bytes. Places count up; that of a key that left is used again.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    index: Index,
    entries: Chunked<Entry>,
    free: Vec<u32>,
    works: Chunked<Work>,
    free_works: Vec<u32>,
    /// How many keys can be found.
    len: usize,
}

impl Keys {
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        self.index.find(key_hash(key), |place| self.entries[place].key.as_slice() == key)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// A place for a key that is not there. It is found once [`Keys::settle`] has let it in.
    pub fn lend(&mut self, key: &[u8]) -> usize {
        let entry = Entry { key: Bytes::new(key), numbers: Vec::new(), work: IDLE };
        if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            return place as usize;
        }
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// The place that [`Keys::lend`] gives next.
    pub fn next_place(&self) -> usize {
        self.free.last().map_or(self.entries.len(), |&place| place as usize)
    }

    /// The key at a place with its counts of matches; nothing where none is known.
    pub fn known(&self, place: usize) -> Option<(&[u8], &Numbers)> {
        let Entry { key, numbers, work } = self.entries.get(place)?;
        let is_known = *work != IDLE || !numbers.is_empty();
        is_known.then_some((key.as_slice(), numbers))
    }

    /// The counts of matches of the key at a place.
    pub fn numbers_mut(&mut self, place: usize) -> &mut Numbers {
        &mut self.entries[place].numbers
    }

    /// The rows of the key at a place.
    pub fn log(&self, place: usize) -> Option<&RowLog> {
        Some(&self.works.get(self.entries.get(place)?.work as usize)?.log)
    }

    /// Places that have no key, the last one to be used first.
    pub fn free(&self) -> &[u32] {
        &self.free
    }

    /// Forgets all keys and makes places for as many; nothing where that is no such number.
    pub fn begin_restore(&mut self, places: usize, free: Vec<u32>) -> Option<()> {
        if places > 2 * RULE_KEYS_MAX || free.iter().any(|&place| place as usize >= places) {
            return None;
        }
        let blank = || Entry { key: Bytes::new(&[]), numbers: Vec::new(), work: IDLE };
        *self = Self { free, ..Self::default() };
        self.entries.extend((0..places).map(|_| blank()));
        Some(())
    }

    /// Puts a key at a place that has none; nothing where it is there already. It is found once
    /// [`Keys::settle`] has let it in.
    pub fn put(&mut self, place: usize, key: &[u8], numbers: Numbers) -> Option<()> {
        if self.find(key).is_some() {
            return None;
        }
        self.entries[place] = Entry { key: Bytes::new(key), numbers, work: IDLE };
        Some(())
    }

    /// The key at a place with work lent to it.
    pub fn at_mut(&mut self, place: usize) -> Held<'_> {
        let Entry { key, numbers, work } = &mut self.entries[place];
        if *work == IDLE {
            *work = self.free_works.pop().unwrap_or_else(|| {
                self.works.push(Work::default());
                self.works.len() as u32 - 1
            });
        }
        let Work { log, active } = &mut self.works[*work as usize];
        Held { key: key.as_slice(), numbers, log, active }
    }

    /// The active rules of the key at a place.
    pub fn active(&self, place: usize) -> &[(u32, u32)] {
        match self.entries.get(place) {
            Some(entry) if entry.work != IDLE => &self.works[entry.work as usize].active,
            _ => &[],
        }
    }

    /// Takes back what the key at a place does not need, and lets it in, or go: `is_known` says whether it is
    /// found already.
    pub fn settle(&mut self, place: usize, is_known: bool) {
        let entry = &mut self.entries[place];
        if entry.work != IDLE && self.works[entry.work as usize].active.is_empty() {
            self.works[entry.work as usize].log.begin_anew();
            self.free_works.push(std::mem::replace(&mut entry.work, IDLE));
        }
        let is_blank = entry.work == IDLE && entry.numbers.is_empty();
        match (is_known, is_blank) {
            (true, false) => {}
            (false, false) => {
                self.index.insert(key_hash(entry.key.as_slice()), place);
                self.len += 1;
            }
            (_, true) => {
                if is_known {
                    self.index.remove(key_hash(entry.key.as_slice()), place);
                    self.len -= 1;
                }
                self.free.push(place as u32);
            }
        }
    }

    /// How many places there are; some may have no key.
    pub fn places(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        let of_entry = |entry: &Entry| {
            let key = if let Bytes::Long(key) = &entry.key { key.len() } else { 0 };
            key + entry.numbers.capacity() * size_of::<(u32, u64)>()
        };
        let of_work = |work: &Work| work.log.bytes() + work.active.capacity() * size_of::<(u32, u32)>();
        let inside: usize = self.entries.iter().map(of_entry).chain(self.works.iter().map(of_work)).sum();
        let entries = self.entries.bytes() + self.works.bytes();
        let free = (self.free.capacity() + self.free_works.capacity()) * size_of::<u32>();
        self.index.bytes() + entries + free + inside
    }
}
