//! Bytes of an input, piece by piece, and the lines in them, where they lie.

use std::io::{self, Read};
use std::path::Path;

use crate::lines::{Source, open};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// Longest line or record, in bytes; a longer one is passed over and counted.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// What lies next in the bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A line without its end.
    Line(&'a [u8]),
    /// The end of a line over [`LINE_BYTES_MAX`]; so long it was.
    TooLong {
        /// Bytes of the whole line.
        bytes: usize,
    },
    /// No whole line: read on.
    Hungry,
    /// The end of the input.
    End,
}

/// An input whose bytes stay where they were read.
pub struct Chunks {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    /// Bytes passed over of a line that is too long.
    skipped: usize,
    /// Bytes given so far, decompressed.
    pub bytes: u64,
}

impl Chunks {
    /// Opens a file, or standard input for `-`; gzip is told from its first bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open(path: &Path) -> io::Result<(Self, Source)> {
        let (input, source) = open(path)?;
        Ok((Self::new(input), source))
    }

    /// The bytes of an input.
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        let buffer = vec![0; LINE_BYTES_MAX + READ_BYTES];
        Self { input, buffer, start: 0, end: 0, ended: false, skipped: 0, bytes: 0 }
    }

    /// The bytes at hand.
    pub fn at_hand(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether there is nothing behind the bytes at hand.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Passes over bytes at hand.
    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.bytes += bytes as u64;
    }

    /// Reads on; may wait.
    ///
    /// # Errors
    /// When the input fails, for instance a gzip file that is cut short.
    pub fn read_on(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let most = self.buffer.len().min(self.end + READ_BYTES);
        loop {
            match self.input.read(&mut self.buffer[self.end..most]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }

    /// The next line.
    pub fn next_line(&mut self) -> Next<'_> {
        let length = match memchr::memchr(b'\n', self.at_hand()) {
            Some(length) => length,
            None if self.at_hand().len() > LINE_BYTES_MAX => {
                let bytes = self.at_hand().len();
                self.skipped += bytes;
                self.consume(bytes);
                return Next::Hungry;
            }
            None if !self.ended => return Next::Hungry,
            None if self.at_hand().is_empty() && self.skipped == 0 => return Next::End,
            None => self.at_hand().len(),
        };
        let start = self.start;
        self.consume((length + 1).min(self.end - self.start));
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 || length > LINE_BYTES_MAX {
            return Next::TooLong { bytes: skipped + length };
        }
        let line = &self.buffer[start..start + length];
        Next::Line(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time.
    struct Trickle(io::Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let most = out.len().min(1);
            self.0.read(&mut out[..most])
        }
    }

    fn lines_of(input: impl Read + Send + 'static) -> Vec<String> {
        let mut chunks = Chunks::new(Box::new(input));
        let mut lines = Vec::new();
        loop {
            match chunks.next_line() {
                Next::Line(line) => lines.push(String::from_utf8(line.to_vec()).unwrap()),
                Next::TooLong { bytes } => lines.push(format!("({bytes} bytes)")),
                Next::Hungry => chunks.read_on().unwrap(),
                Next::End => return lines,
            }
        }
    }

    #[test]
    fn lines_end_in_lf_crlf_or_the_end() {
        for (text, expected) in [
            ("a\nbc\r\n\nlast", &["a", "bc", "", "last"][..]),
            ("", &[]),
            ("\n", &[""]),
            ("a\r", &["a"]),
            ("é\n\u{2028}\n", &["é", "\u{2028}"]),
        ] {
            assert_eq!(lines_of(io::Cursor::new(text)), expected);
            assert_eq!(lines_of(Trickle(io::Cursor::new(text.into()))), expected);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        for length in [LINE_BYTES_MAX, LINE_BYTES_MAX + 1, LINE_BYTES_MAX + READ_BYTES, 3 * LINE_BYTES_MAX] {
            let text = format!("a\n{}\nb\n{}", "x".repeat(length), "y".repeat(length));
            let lines = lines_of(io::Cursor::new(text));
            let long = |byte: &str| match length {
                LINE_BYTES_MAX => byte.repeat(length),
                _ => format!("({length} bytes)"),
            };
            assert!(lines == ["a".to_owned(), long("x"), "b".to_owned(), long("y")], "{length}");
        }
    }
}
