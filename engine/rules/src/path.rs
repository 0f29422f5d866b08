//! The rows of partial matches, as lists that share their beginnings.

use crate::row_log::RowId;

/// The last node of a path; [`PathId::EMPTY`] for one without rows. Whoever holds one has it counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathId(u32);

impl PathId {
    pub const EMPTY: Self = Self(u32::MAX);
}

/// A row and what it is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub row: RowId,
    pub variable: u8,
    pub excluded: bool,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    row: RowId,
    /// The node before; of a free node the next free one.
    before: PathId,
    holders: u32,
    variable: u8,
    excluded: bool,
}

/// All paths of a set of rules.
#[derive(Debug)]
pub(crate) struct Paths {
    nodes: Vec<Node>,
    free: PathId,
    len: usize,
}

impl Paths {
    pub fn new() -> Self {
        Self { nodes: Vec::new(), free: PathId::EMPTY, len: 0 }
    }

    /// A path with a row more, held once.
    pub fn push(&mut self, before: PathId, step: Step) -> PathId {
        let Step { row, variable, excluded } = step;
        let node = Node { row, before, holders: 1, variable, excluded };
        self.hold(before);
        self.len += 1;
        if self.free == PathId::EMPTY {
            self.nodes.push(node);
            return PathId((self.nodes.len() - 1) as u32);
        }
        let place = self.free;
        self.free = self.nodes[place.0 as usize].before;
        self.nodes[place.0 as usize] = node;
        place
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
    pub fn read(&self, mut path: PathId, out: &mut Vec<Step>) {
        out.clear();
        while path != PathId::EMPTY {
            let Node { row, before, variable, excluded, .. } = self.nodes[path.0 as usize];
            out.push(Step { row, variable, excluded });
            path = before;
        }
        out.reverse();
    }

    /// Nodes that are held.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }
}
