//! Cells: the 64-bit words that keyed state is made of. They are arrays of bytes, little-endian, so that
//! keys lie among them and are read where they are, and images have them as they are.

use crate::paged::{Extent, Page, Pages, Visitor};

/// A word of state.
pub type Cell = [u8; 8];

/// The cell of an integer.
pub const fn of_int(value: i64) -> Cell {
    value.to_le_bytes()
}

/// The integer in a cell.
pub const fn int(cell: Cell) -> i64 {
    i64::from_le_bytes(cell)
}

/// The cell of a word.
pub const fn of_word(value: u64) -> Cell {
    value.to_le_bytes()
}

/// The word in a cell.
pub const fn word(cell: Cell) -> u64 {
    u64::from_le_bytes(cell)
}

/// The cell of a double.
pub const fn of_double(value: f64) -> Cell {
    value.to_le_bytes()
}

/// The double in a cell.
pub const fn double(cell: Cell) -> f64 {
    f64::from_le_bytes(cell)
}

/// The two cells of a 128-bit integer, low word first.
pub fn of_wide(value: i128) -> [Cell; 2] {
    let low = (value.cast_unsigned() & u128::from(u64::MAX)) as u64;
    [of_word(low), of_int((value >> 64) as i64)]
}

/// The 128-bit integer in two cells.
pub fn wide(cells: &[Cell]) -> i128 {
    i128::from(int(cells[1])) << 64 | i128::from(word(cells[0]))
}

/// Runs of cells of one length, by place. They lie in pages, so that growing moves nothing but a short first
/// page.
#[derive(Debug)]
pub struct Slab {
    stride: usize,
    len: usize,
    pages: Pages<Vec<Cell>>,
    /// Stands for a run whose page cannot be had. Callers have asked [`Slab::try_get`] before.
    blank: Vec<Cell>,
}

const PAGE_BITS: u32 = 8;
const PAGE_RUNS: usize = 1 << PAGE_BITS;

impl Slab {
    /// An empty slab for runs of `stride` cells.
    pub fn new(stride: usize) -> Self {
        Self { stride, len: 0, pages: Pages::default(), blank: vec![of_word(0); stride] }
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Appends a run: `head`, then `tail`, together of the slab's length. Nothing where the last page cannot
    /// be had.
    pub fn push(&mut self, head: &[Cell], tail: &[Cell]) -> Option<usize> {
        let place = self.len;
        let page = place >> PAGE_BITS;
        if page == self.pages.len() {
            let room = if page == 0 { 0 } else { PAGE_RUNS * self.stride };
            self.pages.push(Vec::with_capacity(room));
        }
        let page = self.pages.get_mut(page)?;
        page.extend_from_slice(head);
        page.extend_from_slice(tail);
        self.len += 1;
        Some(place)
    }

    /// The run at a place; nothing where it cannot be had.
    #[inline]
    pub fn try_get(&self, place: usize) -> Option<&[Cell]> {
        let start = (place & (PAGE_RUNS - 1)) * self.stride;
        Some(&self.pages.get(place >> PAGE_BITS)?[start..start + self.stride])
    }

    /// The run at a place; zeros where it cannot be had.
    #[inline]
    pub fn get(&self, place: usize) -> &[Cell] {
        self.try_get(place).unwrap_or(&self.blank)
    }

    /// The run at a place, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> &mut [Cell] {
        let start = (place & (PAGE_RUNS - 1)) * self.stride;
        match self.pages.get_mut(place >> PAGE_BITS) {
            Some(page) => &mut page[start..start + self.stride],
            None => {
                self.blank.fill(of_word(0));
                &mut self.blank
            }
        }
    }

    /// Whether all of it is in memory.
    pub fn is_whole(&self) -> bool {
        self.pages.is_whole()
    }

    /// Forgets all runs.
    pub fn clear(&mut self) {
        self.pages.clear();
        self.len = 0;
    }

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        visitor.size(&mut self.len);
        let extent = Extent { entries: self.len * self.stride, per_page: PAGE_RUNS * self.stride };
        visitor.pages(&mut self.pages, extent);
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        let pages: usize = self.pages.held().map(|page| page.capacity() * size_of::<Cell>()).sum();
        pages + self.pages.list_bytes()
    }
}

impl Page for Vec<Cell> {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_flattened());
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        let (cells, rest) = bytes.as_chunks();
        rest.is_empty().then(|| cells.to_vec())
    }

    fn entries(&self) -> usize {
        self.len()
    }
}
