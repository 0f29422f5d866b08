//! Sessions: per key, runs of rows that are nearer to each other than a gap.
//!
//! A row makes a session from its time to its time plus the gap; sessions that overlap or touch become one,
//! as in Flink. What a session holds is its owner's, by the session's number; a number is used again when
//! the session is gone.

use vencejo_types::limits::SESSIONS_PER_KEY_MAX;

use crate::cell::{Cell, of_word, word};
use crate::given::is_closed;
use crate::index::Damaged;
use crate::operator::Taken;
use crate::paged::{Heap, List, Stored, Visitor};
use crate::table::KeyedTable;
use crate::window::length;

/// A session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub start: i64,
    /// Time of its last row, plus the gap.
    pub end: i64,
    /// Place of its key.
    pub key: u32,
    /// The next session of its key, plus 1; 0 at the end.
    next: u32,
    /// When it came, counted in sessions; 0 where the number is not in use.
    pub sequence: u64,
}

impl Stored for Session {
    const PER_PAGE: usize = 256;
    type V1 = (i64, i64, u32, u32, u64);

    fn to_v1(&self) -> Self::V1 {
        (self.start, self.end, self.key, self.next, self.sequence)
    }

    fn from_v1((start, end, key, next, sequence): Self::V1) -> Option<Self> {
        Some(Self { start, end, key, next, sequence })
    }
}

/// Deadline, number and sequence of a session. The session may have been prolonged, or be gone.
type Look = (i64, u64, u32);

/// What a session takes besides its key's place in the index, its key and what it holds.
pub(crate) const SESSION_BYTES: usize = size_of::<Cell>() + size_of::<Session>() + size_of::<Look>();

/// What a row did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    /// The session that has the row.
    pub session: u32,
    pub is_new: bool,
    /// Whether the session, prolonged by the row, is one that the watermark has closed already.
    pub is_closed: bool,
}

/// Open sessions by key.
#[derive(Debug)]
pub(crate) struct Sessions {
    gap: i64,
    lateness: i64,
    /// Open at once.
    sessions_max: usize,
    /// A cell per key: its first session, plus 1.
    pub keys: KeyedTable,
    sessions: List<Session>,
    free: List<u32>,
    closes: Heap<Look>,
    /// Closed sessions that wait for late rows.
    ends: Heap<Look>,
    sequence: u64,
    watermark: i64,
    /// The sessions that the last row merged into another, for the owner to take.
    pub absorbed: Vec<u32>,
}

impl Sessions {
    pub fn new(gap: i64, lateness: i64, key_cells: usize, sessions_max: usize) -> Self {
        Self {
            gap: length(gap),
            lateness: if lateness > 0 { length(lateness) } else { 0 },
            sessions_max,
            keys: KeyedTable::new(key_cells, &[of_word(0)]),
            sessions: List::default(),
            free: List::default(),
            closes: Heap::default(),
            ends: Heap::default(),
            sequence: 0,
            watermark: i64::MIN,
            absorbed: Vec::new(),
        }
    }

    pub fn session(&self, number: u32) -> &Session {
        &self.sessions[number as usize]
    }

    /// Number of open sessions.
    pub fn len(&self) -> usize {
        self.sessions.len() - self.free.len()
    }

    /// Takes the time of a row, which is in range. Those in `absorbed` end with it; the owner takes what they
    /// hold into the row's session.
    ///
    /// # Errors
    /// Why the row is not taken.
    pub fn touch(&mut self, key: &[u8], time: i64) -> Result<Touched, Taken> {
        self.absorbed.clear();
        let (mut start, mut end) = (time, time + self.gap);
        let place = self.keys.find(key).map_err(|Damaged| Taken::Damaged)?;
        let first = place.map_or(0, |place| word(self.keys.cells(place)[0]) as u32);
        let (mut at, mut count, mut kept) = (first, 0, None::<u32>);
        while let Some(number) = at.checked_sub(1) {
            let session = self.sessions[number as usize];
            at = session.next;
            count += 1;
            if session.start > time + self.gap || session.end < time {
                continue;
            }
            (start, end) = (start.min(session.start), end.max(session.end));
            match kept {
                None => kept = Some(number),
                Some(older) if self.session(older).sequence < session.sequence => self.absorbed.push(number),
                Some(younger) => {
                    self.absorbed.push(younger);
                    kept = Some(number);
                }
            }
        }
        if kept.is_none() && is_closed(end.saturating_add(self.lateness), self.watermark) {
            return Err(Taken::Late);
        }
        for at in 0..self.absorbed.len() {
            self.unlink(self.absorbed[at]);
        }
        let is_new = kept.is_none();
        let session = match kept {
            Some(number) => number,
            None if count >= SESSIONS_PER_KEY_MAX || self.len() >= self.sessions_max => {
                return Err(Taken::Refused);
            }
            None => self.open(key, start, end).map_err(|Damaged| Taken::Damaged)?,
        };
        let held = &mut self.sessions[session as usize];
        let was_closed = is_closed(held.end, self.watermark);
        (held.start, held.end) = (start, end);
        let is_closed = is_closed(end, self.watermark);
        if was_closed && !is_new {
            // It has no entry in `closes` any more.
            if !is_closed {
                self.closes.push((end, held.sequence, session));
            }
        }
        Ok(Touched { session, is_new, is_closed })
    }

    fn open(&mut self, key: &[u8], start: i64, end: i64) -> Result<u32, Damaged> {
        let (place, _) = self.keys.find_or_insert(key, usize::MAX)?.ok_or(Damaged)?;
        self.sequence += 1;
        let head = &mut self.keys.cells_mut(place)[0];
        let next = word(*head) as u32;
        let session = Session { start, end, key: place as u32, next, sequence: self.sequence };
        let number = match self.free.pop() {
            Some(number) => {
                self.sessions[number as usize] = session;
                number
            }
            None => {
                self.sessions.push(session);
                (self.sessions.len() - 1) as u32
            }
        };
        *head = of_word(u64::from(number) + 1);
        let look = (end, self.sequence, number);
        if is_closed(end, self.watermark) {
            self.ends.push(look);
        } else {
            self.closes.push(look);
        }
        Ok(number)
    }

    /// Takes a session out of its key's chain; its number can be used again.
    fn unlink(&mut self, number: u32) {
        let Session { key, next, .. } = self.sessions[number as usize];
        let head = &mut self.keys.cells_mut(key as usize)[0];
        if word(*head) == u64::from(number) + 1 {
            *head = of_word(u64::from(next));
        } else {
            let mut at = word(*head) as u32;
            while let Some(before) = at.checked_sub(1) {
                let before = &mut self.sessions[before as usize];
                at = before.next;
                if at == number + 1 {
                    before.next = next;
                    break;
                }
            }
        }
        self.sessions[number as usize].sequence = 0;
        self.free.push(number);
    }

    /// Ends a session that [`Sessions::closed`] or [`Sessions::next_ended`] named. The key goes with its
    /// last one.
    pub fn remove(&mut self, number: u32) {
        let key = self.sessions[number as usize].key as usize;
        self.unlink(number);
        if word(self.keys.cells(key)[0]) == 0 {
            self.keys.remove(key);
        }
    }

    /// The sessions that a watermark closes, by end, then start, then arrival. With no lateness, the owner
    /// removes them.
    pub fn closed(&mut self, watermark: i64) -> Vec<u32> {
        self.watermark = self.watermark.max(watermark);
        let mut due = Vec::new();
        while let Some(number) = Self::pop(&mut self.closes, &self.sessions, 0, self.watermark) {
            due.push(number);
            if self.lateness > 0 {
                let session = &self.sessions[number as usize];
                self.ends.push((session.end, session.sequence, number));
            }
        }
        due.sort_by_key(|&number| {
            let session = &self.sessions[number as usize];
            (session.end, session.start, session.sequence)
        });
        due
    }

    /// A closed session that takes no late row any more. The owner removes it before it asks for the next.
    pub fn next_ended(&mut self) -> Option<u32> {
        // A session that a late row has prolonged may be here twice: the second entry finds it gone.
        Self::pop(&mut self.ends, &self.sessions, self.lateness, self.watermark)
    }

    /// The next session of a heap whose end, plus `slack`, the watermark closes.
    fn pop(looks: &mut Heap<Look>, sessions: &List<Session>, slack: i64, watermark: i64) -> Option<u32> {
        loop {
            let &(end, sequence, number) = looks.peek()?;
            if !is_closed(end.saturating_add(slack), watermark) {
                return None;
            }
            looks.pop();
            let session = &sessions[number as usize];
            if session.sequence != sequence {
                continue;
            }
            if session.end > end {
                looks.push((session.end, sequence, number));
            } else {
                return Some(number);
            }
        }
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.keys.visit(visitor);
        self.sessions.visit(visitor);
        self.free.visit(visitor);
        self.closes.visit(visitor);
        self.ends.visit(visitor);
        visitor.word(&mut self.sequence);
        visitor.int(&mut self.watermark);
    }

    pub fn bytes(&self) -> usize {
        let looks = self.closes.bytes() + self.ends.bytes();
        self.keys.bytes() + looks + self.sessions.bytes() + self.free.bytes()
    }
}
