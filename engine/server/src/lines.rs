//! Lines of a file or of standard input, plain or gzip, each bounded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its end.
    Whole,
    /// A line over the limit; only its first bytes were kept.
    TooLong {
        /// Bytes of the whole line.
        bytes: usize,
    },
}

/// Reads lines of at most a given length; memory does not grow with a longer one.
pub struct Lines {
    input: Box<dyn BufRead + Send>,
    bytes_max: usize,
}

const BUFFER_BYTES: usize = 256 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

impl Lines {
    /// Opens a file, or standard input for `-`. Gzip is told from its first bytes, not from the name.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open(path: &Path, bytes_max: usize) -> std::io::Result<Self> {
        let (input, _) = open(path)?;
        Ok(Self::new(input, bytes_max))
    }

    fn new(input: Box<dyn Read + Send>, bytes_max: usize) -> Self {
        Self { input: Box::new(BufReader::with_capacity(BUFFER_BYTES, input)), bytes_max }
    }

    /// Reads the next line into `line`; nothing at the end.
    ///
    /// # Errors
    /// When the input fails, for instance a gzip file that is cut short.
    pub fn next_line(&mut self, line: &mut Vec<u8>) -> std::io::Result<Option<Line>> {
        line.clear();
        let mut bytes = 0;
        let mut any = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(any.then(|| self.kind(bytes)));
            }
            any = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = self.bytes_max.saturating_sub(line.len());
            bytes += part.len();
            line.extend_from_slice(&part[..part.len().min(room)]);
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                let kind = self.kind(bytes);
                if kind == Line::Whole && line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(kind));
            }
        }
    }

    fn kind(&self, bytes: usize) -> Line {
        if bytes > self.bytes_max { Line::TooLong { bytes } } else { Line::Whole }
    }
}

/// What is known of an input's length.
#[derive(Clone, Debug)]
pub struct Source {
    /// Bytes of the file; nothing where it is no regular file.
    pub bytes: Option<u64>,
    /// Bytes of it read so far, as they lie in the file.
    pub read: Arc<AtomicU64>,
}

/// Opens a file, or standard input for `-`. Gzip is told from its first bytes, not from the name.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, Source)> {
    let read = Arc::new(AtomicU64::new(0));
    if path.as_os_str() == "-" {
        return Ok((decompressed(Box::new(stdin()), &read)?, Source { bytes: None, read }));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok((decompressed(Box::new(file), &read)?, Source { bytes, read }))
}

fn decompressed(raw: Box<dyn Read + Send>, read: &Arc<AtomicU64>) -> std::io::Result<Box<dyn Read + Send>> {
    let mut input = Counted { raw, read: Arc::clone(read) };
    let mut magic = Vec::new();
    input.by_ref().take(2).read_to_end(&mut magic)?;
    let gzip = magic == GZIP_MAGIC;
    let input = std::io::Cursor::new(magic).chain(input);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, input)))
    } else {
        Box::new(input)
    })
}

/// Counts what is read.
struct Counted {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.raw.read(out)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(bytes: &[u8], bytes_max: usize) -> Lines {
        let raw = Box::new(std::io::Cursor::new(bytes.to_vec()));
        Lines::new(decompressed(raw, &Arc::default()).unwrap(), bytes_max)
    }

    fn read_all(bytes: &[u8], bytes_max: usize) -> Vec<(Line, String)> {
        let mut lines = lines(bytes, bytes_max);
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while let Some(kind) = lines.next_line(&mut line).unwrap() {
            all.push((kind, String::from_utf8(line.clone()).unwrap()));
        }
        all
    }

    #[test]
    fn lines_end_in_lf_crlf_or_the_end() {
        let lines = read_all(b"a\nbc\r\n\nlast", 10);
        let expected = ["a", "bc", "", "last"].map(|text| (Line::Whole, text.to_owned()));
        assert_eq!(lines, expected);
        assert_eq!(read_all(b"", 10), []);
        assert_eq!(read_all(b"\n", 10), [(Line::Whole, String::new())]);
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_the_next_one_whole() {
        let lines = read_all(b"12345\n123456789\nok\n", 5);
        let expected = [(Line::Whole, "12345"), (Line::TooLong { bytes: 9 }, "12345"), (Line::Whole, "ok")];
        assert_eq!(lines, expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn gzip_is_told_by_content() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo\n").unwrap();
        let mut bytes = gzip.finish().unwrap();
        assert_eq!(read_all(&bytes, 10).len(), 2);
        bytes.truncate(bytes.len() - 6);
        let mut lines = lines(&bytes, 10);
        let mut line = Vec::new();
        assert!((0..3).any(|_| lines.next_line(&mut line).is_err()), "a cut gzip file is an error");
    }
}
