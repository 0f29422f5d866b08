//! Memory that begins at a block's boundary, as direct writes need it.

use crate::storage::BLOCK_BYTES;

/// Bytes on their way to a file. They begin at a multiple of a block in the file, and so they do in memory.
pub(crate) struct Blocks {
    memory: Vec<u8>,
    /// Where the aligned part begins.
    start: usize,
    used: usize,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        let mut blocks = Self { memory: Vec::new(), start: 0, used: 0 };
        blocks.grow(16 * BLOCK_BYTES);
        blocks
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.used]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.used]
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        self.grow(end);
        self.memory[self.start + self.used..self.start + end].copy_from_slice(bytes);
        self.used = end;
    }

    pub(crate) fn push_zeros(&mut self, count: usize) {
        let end = self.used + count;
        self.grow(end);
        self.memory[self.start + self.used..self.start + end].fill(0);
        self.used = end;
    }

    /// Zeros to the end of the block.
    pub(crate) fn pad(&mut self) {
        self.push_zeros(self.used.next_multiple_of(BLOCK_BYTES) - self.used);
    }

    /// Keeps the bytes from here on alone, moved to the front.
    pub(crate) fn keep_from(&mut self, from: usize, to: usize) {
        self.memory.copy_within(self.start + from..self.start + to, self.start);
        self.used = to - from;
    }

    fn grow(&mut self, bytes: usize) {
        if self.start + bytes <= self.memory.len() {
            return;
        }
        let room = bytes.next_power_of_two().next_multiple_of(BLOCK_BYTES);
        let mut memory = vec![0; room + BLOCK_BYTES];
        let start = memory.as_ptr().align_offset(BLOCK_BYTES);
        memory[start..start + self.used].copy_from_slice(self.bytes());
        (self.memory, self.start) = (memory, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_aligned_and_in_order_as_they_grow() {
        let mut blocks = Blocks::new();
        let mut expected = Vec::new();
        for n in 0..4_000_u32 {
            blocks.push(&n.to_le_bytes().repeat(9));
            expected.extend(n.to_le_bytes().repeat(9));
            if n % 100 == 0 {
                blocks.push_zeros(3);
                expected.extend([0; 3]);
            }
        }
        assert_eq!(blocks.bytes(), expected);
        assert_eq!(blocks.bytes().as_ptr().align_offset(BLOCK_BYTES), 0);
        blocks.pad();
        assert_eq!(blocks.len() % BLOCK_BYTES, 0);
        blocks.keep_from(BLOCK_BYTES, BLOCK_BYTES + 5);
        assert_eq!(blocks.bytes(), &expected[BLOCK_BYTES..BLOCK_BYTES + 5]);
    }
}
