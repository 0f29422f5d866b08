//! Cells: the 64-bit words that keyed state is made of. They are arrays of bytes, so that keys lie among them
//! and are read where they are.

/// A word of state.
pub type Cell = [u8; 8];

/// The cell of an integer.
pub const fn of_int(value: i64) -> Cell {
    value.to_ne_bytes()
}

/// The integer in a cell.
pub const fn int(cell: Cell) -> i64 {
    i64::from_ne_bytes(cell)
}

/// The cell of a word.
pub const fn of_word(value: u64) -> Cell {
    value.to_ne_bytes()
}

/// The word in a cell.
pub const fn word(cell: Cell) -> u64 {
    u64::from_ne_bytes(cell)
}

/// The cell of a double.
pub const fn of_double(value: f64) -> Cell {
    value.to_ne_bytes()
}

/// The double in a cell.
pub const fn double(cell: Cell) -> f64 {
    f64::from_ne_bytes(cell)
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

/// Runs of cells of one length, by place. They lie in chunks, so that growing moves nothing but a short last
/// chunk.
#[derive(Debug)]
pub struct Slab {
    stride: usize,
    len: usize,
    chunks: Vec<Vec<Cell>>,
}

const CHUNK_BITS: u32 = 12;
const CHUNK_RUNS: usize = 1 << CHUNK_BITS;

impl Slab {
    /// An empty slab for runs of `stride` cells.
    pub fn new(stride: usize) -> Self {
        Self { stride, len: 0, chunks: Vec::new() }
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Appends a run: `head`, then `tail`, together of the slab's length.
    pub fn push(&mut self, head: &[Cell], tail: &[Cell]) -> usize {
        let place = self.len;
        let chunk = place >> CHUNK_BITS;
        if chunk == self.chunks.len() {
            let full = if chunk == 0 { 0 } else { CHUNK_RUNS * self.stride };
            self.chunks.push(Vec::with_capacity(full));
        }
        self.chunks[chunk].extend_from_slice(head);
        self.chunks[chunk].extend_from_slice(tail);
        self.len += 1;
        place
    }

    /// The run at a place.
    #[inline]
    pub fn get(&self, place: usize) -> &[Cell] {
        let start = (place & (CHUNK_RUNS - 1)) * self.stride;
        &self.chunks[place >> CHUNK_BITS][start..start + self.stride]
    }

    /// The run at a place, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> &mut [Cell] {
        let start = (place & (CHUNK_RUNS - 1)) * self.stride;
        &mut self.chunks[place >> CHUNK_BITS][start..start + self.stride]
    }

    /// Forgets all runs and keeps the memory.
    pub fn clear(&mut self) {
        let first = self.chunks.first_mut();
        first.into_iter().for_each(Vec::clear);
        self.chunks.truncate(1);
        self.len = 0;
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<Cell>()).sum()
    }
}
