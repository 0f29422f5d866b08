//! The rows of partial matches, as lists that share their beginnings.

use vencejo_types::chunked::{Chunked, ChunkedRows};

use crate::row_log::RowId;

/// The last node of a path; [`PathId::EMPTY`] for one without rows. Whoever holds one has it counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathId(u32);

impl PathId {
    pub const EMPTY: Self = Self(u32::MAX);
}

/// A row and the variable it is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub row: RowId,
    pub variable: u8,
}

/// A row of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub mapped: Mapped,
    pub excluded: bool,
}

impl Mapped {
    /// In one word: a key has fewer than 2^55 rows.
    pub fn word(self) -> u64 {
        self.row << 8 | u64::from(self.variable)
    }

    pub fn of_word(word: u64) -> Self {
        Self { row: word >> 8, variable: (word & 0xff) as u8 }
    }
}

/// The bit of a step's word that says whether it is left out of what comes out.
const EXCLUDED: u64 = 1 << 63;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The row and its variable, and whether it is left out.
    step: u64,
    /// The node before; of a free node the next free one.
    before: PathId,
    holders: u32,
}

/// All paths of a rule.
#[derive(Debug)]
pub(crate) struct Paths {
    nodes: Chunked<Node>,
    /// Of each node what conditions read of its path.
    registers: ChunkedRows,
    /// The registers of a path without rows.
    initial: Box<[u64]>,
    free: PathId,
    len: usize,
}

impl Paths {
    /// No paths; one without rows has the registers `initial`.
    pub fn new(initial: &[u64]) -> Self {
        let (registers, initial) = (ChunkedRows::new(initial.len()), initial.into());
        Self { nodes: Chunked::default(), registers, initial, free: PathId::EMPTY, len: 0 }
    }

    /// Whether conditions read anything of paths.
    pub fn has_registers(&self) -> bool {
        !self.initial.is_empty()
    }

    /// What conditions read of a path.
    #[inline]
    pub fn registers(&self, path: PathId) -> &[u64] {
        if path == PathId::EMPTY {
            return &self.initial;
        }
        self.registers.row(path.0 as usize)
    }

    /// The rows of a path, the last one first.
    pub fn backwards(&self, mut path: PathId) -> impl Iterator<Item = Step> {
        std::iter::from_fn(move || {
            if path == PathId::EMPTY {
                return None;
            }
            let Node { step, before, .. } = self.nodes[path.0 as usize];
            path = before;
            Some(Step { mapped: Mapped::of_word(step & !EXCLUDED), excluded: step & EXCLUDED != 0 })
        })
    }

    /// A path with a row more and these registers, held once.
    pub fn push(&mut self, before: PathId, step: Step, registers: &[u64]) -> PathId {
        let step = step.mapped.word() | if step.excluded { EXCLUDED } else { 0 };
        self.push_word(before, step, registers)
    }

    /// The same, of a step in a word ([`Paths::step_word`]).
    pub fn push_word(&mut self, before: PathId, step: u64, registers: &[u64]) -> PathId {
        let node = Node { step, before, holders: 1 };
        self.hold(before);
        self.len += 1;
        if self.free == PathId::EMPTY {
            self.nodes.push(node);
            self.registers.push(registers);
            return PathId((self.nodes.len() - 1) as u32);
        }
        let place = self.free;
        self.registers.row_mut(place.0 as usize).copy_from_slice(registers);
        self.free = self.nodes[place.0 as usize].before;
        self.nodes[place.0 as usize] = node;
        place
    }

    /// The path that a path goes on from; it has rows.
    pub fn before(&self, path: PathId) -> PathId {
        self.nodes[path.0 as usize].before
    }

    /// The last step of a path in a word; it has rows.
    pub fn step_word(&self, path: PathId) -> u64 {
        self.nodes[path.0 as usize].step
    }

    /// Counts a holder more.
    pub fn hold(&mut self, path: PathId) {
        if path != PathId::EMPTY {
            self.nodes[path.0 as usize].holders += 1;
        }
    }

    /// Counts a holder less; what nobody holds is free.
    pub fn release(&mut self, mut path: PathId) {
        while path != PathId::EMPTY {
            let node = &mut self.nodes[path.0 as usize];
            node.holders -= 1;
            if node.holders > 0 {
                return;
            }
            let before = std::mem::replace(&mut node.before, self.free);
            self.free = path;
            self.len -= 1;
            path = before;
        }
    }

    /// Puts the path's rows, the first one first, in place of what `out` holds.
    pub fn read(&self, path: PathId, out: &mut Vec<Step>) {
        out.clear();
        out.extend(self.backwards(path));
        out.reverse();
    }

    /// Words of what is held.
    pub fn words(&self) -> usize {
        self.len * (size_of::<Node>() / size_of::<u64>() + self.initial.len())
    }

    pub fn bytes(&self) -> usize {
        self.nodes.bytes() + self.registers.bytes()
    }
}
