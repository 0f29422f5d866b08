//! As much of HTTP/1.1 as a client of one server needs: POST requests, replies with a Content-Length.

use std::io::{self, ErrorKind, Read};

/// Longest head of a reply.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Longest body of a reply.
const BODY_BYTES_MAX: usize = 1 << 20;
const CHUNK_BYTES: usize = 4 << 10;

/// A POST request with a JSON body, on a connection that stays open.
pub fn post(host: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Reads replies from a connection; keeps its buffer between them.
#[derive(Debug, Default)]
pub struct Replies {
    buffer: Vec<u8>,
}

impl Replies {
    /// Reads one reply to its end and gives its status.
    ///
    /// # Errors
    /// When the connection fails or ends, or what comes is no reply that this client reads.
    pub fn read(&mut self, connection: &mut impl Read) -> io::Result<u16> {
        self.buffer.clear();
        let body_start = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed("the reply's head is too long"));
            }
            self.fill(connection)?;
        };
        let (status, length) = read_head(&self.buffer[..body_start])?;
        while self.buffer.len() < body_start + length {
            self.fill(connection)?;
        }
        if self.buffer.len() > body_start + length {
            return Err(malformed("there is more than one reply"));
        }
        Ok(status)
    }

    fn fill(&mut self, connection: &mut impl Read) -> io::Result<()> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK_BYTES, 0);
        let read = connection.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Status and body length of a reply's head.
fn read_head(head: &[u8]) -> io::Result<(u16, usize)> {
    let head = str::from_utf8(head).map_err(|_| malformed("the reply's head is not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| malformed("the reply is not HTTP/1.1"))?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    let length = length.ok_or_else(|| malformed("the reply has no Content-Length"))?;
    if length > BODY_BYTES_MAX {
        return Err(malformed("the reply's body is too long"));
    }
    Ok((status, length))
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a text in pieces of so many bytes.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(text: &str, piece: usize) -> Result<u16, String> {
        Replies::default().read(&mut Pieces(text.as_bytes(), piece)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let text = String::from_utf8(post("localhost:1", "/x", b"{}")).expect("all of it is ASCII");
        assert!(text.starts_with("POST /x HTTP/1.1\r\nhost: localhost:1\r\n"), "{text}");
        assert!(text.ends_with("content-length: 2\r\n\r\n{}"), "{text}");
    }

    #[test]
    fn replies_are_read_in_any_pieces() {
        let text = "HTTP/1.1 200 OK\r\nserver: x\r\nCONTENT-length:  5\r\n\r\nhello";
        for piece in 1..=text.len() {
            assert_eq!(read(text, piece), Ok(200), "{piece}");
        }
        assert_eq!(read("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", 9), Ok(503));
    }

    #[test]
    fn one_connection_gives_many_replies() {
        let first = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
        let both = format!("{first}HTTP/1.1 404 No\r\ncontent-length: 1\r\n\r\nb");
        let mut connection = Pieces(both.as_bytes(), first.len());
        let mut replies = Replies::default();
        assert_eq!(replies.read(&mut connection).map_err(|error| error.kind()), Ok(200));
        assert_eq!(replies.read(&mut connection).map_err(|error| error.kind()), Ok(404));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (text, reason) in [
            ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 x\r\ncontent-length: 0\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 200 OK\r\n\r\n", "no Content-Length"),
            ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "no Content-Length"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", "too long"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", "more than one"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na", "end of file"),
        ] {
            let error = read(text, text.len()).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(2 * HEAD_BYTES_MAX));
        assert!(read(&endless, 4_096).is_err_and(|error| error.contains("head is too long")));
    }
}
