//! A growing list whose elements stay where they are.
//!
//! A vector that grows moves what it holds: of a million elements, milliseconds in which nobody is served.
//! This one grows by a chunk.

use std::ops::{Index, IndexMut};

/// Elements of a chunk.
const CHUNK: usize = 1 << SHIFT;
const SHIFT: u32 = 10;

/// A list in chunks.
#[derive(Clone, Debug)]
pub struct Chunked<T> {
    /// All are full but the last.
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Chunked<T> {
    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(element),
            // A short list grows as a vector does.
            None => self.chunks.push(vec![element]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(element);
                self.chunks.push(chunk);
            }
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The element at a place.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.chunks.get(place >> SHIFT)?.get(place % CHUNK)
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// All elements, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }

    /// Bytes of the elements and of the room for more; not what elements hold elsewhere.
    pub fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<T>()).sum();
        chunks + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Extend<T> for Chunked<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl<T> Index<usize> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        &self.chunks[place >> SHIFT][place % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunked<T> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.chunks[place >> SHIFT][place % CHUNK]
    }
}

/// A list in chunks of rows of equally many words.
#[derive(Clone, Debug)]
pub struct ChunkedRows {
    width: usize,
    /// All hold [`CHUNK`] rows but the last.
    chunks: Vec<Vec<u64>>,
    len: usize,
}

impl ChunkedRows {
    /// No rows of `width` words.
    pub fn new(width: usize) -> Self {
        Self { width, chunks: Vec::new(), len: 0 }
    }

    /// Adds a row at the end.
    ///
    /// # Panics
    /// When it has another width.
    pub fn push(&mut self, row: &[u64]) {
        assert_eq!(row.len(), self.width, "rows are equally wide");
        if self.len.is_multiple_of(CHUNK) {
            let room = if self.len == 0 { self.width } else { CHUNK * self.width };
            self.chunks.push(Vec::with_capacity(room));
        }
        self.chunks[self.len >> SHIFT].extend_from_slice(row);
        self.len += 1;
    }

    /// The row at a place.
    #[inline]
    pub fn row(&self, place: usize) -> &[u64] {
        let start = place % CHUNK * self.width;
        &self.chunks[place >> SHIFT][start..start + self.width]
    }

    /// The row at a place, to be changed.
    #[inline]
    pub fn row_mut(&mut self, place: usize) -> &mut [u64] {
        let start = place % CHUNK * self.width;
        &mut self.chunks[place >> SHIFT][start..start + self.width]
    }

    /// Bytes of the rows and of the room for more.
    pub fn bytes(&self) -> usize {
        let words: usize = self.chunks.iter().map(Vec::capacity).sum();
        words * size_of::<u64>() + self.chunks.capacity() * size_of::<Vec<u64>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_where_they_were_put() {
        let mut list = Chunked::default();
        assert!(list.is_empty() && list.get(0).is_none());
        for number in 0..3 * CHUNK + 7 {
            assert_eq!(list.len(), number);
            list.push(number);
        }
        list[CHUNK] = 5;
        assert_eq!(
            (list[0], list[CHUNK - 1], list[CHUNK], list[3 * CHUNK + 6]),
            (0, CHUNK - 1, 5, 3 * CHUNK + 6)
        );
        assert_eq!(list.get(3 * CHUNK + 7), None);
        assert_eq!(list.iter().count(), 3 * CHUNK + 7);
        list.iter_mut().for_each(|number| *number = 1);
        assert_eq!(list.iter().sum::<usize>(), list.len());
    }

    #[test]
    fn rows_are_where_they_were_put() {
        for width in [0, 1, 3] {
            let mut rows = ChunkedRows::new(width);
            let row = |number: u64| vec![number; width];
            (0..3_000).for_each(|number| rows.push(&row(number)));
            rows.row_mut(2_047).fill(7);
            for (place, number) in [(0, 0), (1_023, 1_023), (1_024, 1_024), (2_047, 7), (2_999, 2_999)] {
                assert_eq!(rows.row(place), row(number), "{place}");
            }
        }
    }

    #[test]
    fn what_is_there_is_not_moved() {
        let mut list = Chunked::default();
        list.extend(0..CHUNK);
        let first: *const usize = &raw const list[0];
        list.extend(0..10 * CHUNK);
        assert_eq!(first, &raw const list[0]);
    }
}
