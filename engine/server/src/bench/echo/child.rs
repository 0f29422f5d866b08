//! The echo's server as a child process: how it is started, what it says, and that it ends.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use rustls::pki_types::CertificateDer;

use crate::bench::limits::ECHO_START_TIMEOUT;
use crate::failure::Failure;

/// A running echo server. It ends with this value, and by itself if this process is killed: its standard
/// input is held here.
pub(super) struct EchoServer {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// By which to know it.
    pub(super) certificate: CertificateDer<'static>,
}

/// A child that is ended and waited for when its owner is done with it.
struct Ended(Option<Child>);

impl EchoServer {
    /// Starts this program again, as the echo's server, and waits until it listens.
    pub(super) fn start(reply_bytes: u32) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::runtime(format!("the echo server did not start: {reason}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let started = Command::new(program)
            .args(["bench", "echo-server", "--reply-bytes", &reply_bytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|error| failed(error.to_string()))?;
        let output = child.stdout.take().expect("it was asked for");
        let mut child = Ended(Some(child));
        let (said, hear) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line).map(|_| said.send(line));
        });
        let line = hear.recv_timeout(ECHO_START_TIMEOUT).unwrap_or_default();
        let (address, certificate) = parse_ready_line(line.trim_end())
            .ok_or_else(|| failed(format!("it said '{}', not where it listens", line.trim_end())))?;
        Ok(Self { child: child.0.take().expect("it is taken once"), address, certificate })
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

/// Ends a child that has nothing to save.
fn end(child: &mut Child) {
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// What the server says once it listens.
pub(super) fn ready_line(address: SocketAddr, certificate: &CertificateDer<'_>) -> String {
    let mut line = format!("ready echo={address} certificate=");
    for byte in certificate.iter() {
        let _ = write!(line, "{byte:02x}");
    }
    line
}

fn parse_ready_line(line: &str) -> Option<(SocketAddr, CertificateDer<'static>)> {
    let (address, certificate) = line.strip_prefix("ready echo=")?.split_once(" certificate=")?;
    let digits = certificate.as_bytes();
    if digits.is_empty() || digits.len() % 2 != 0 {
        return None;
    }
    let bytes: Option<Vec<u8>> = digits
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Some((address.parse().ok()?, CertificateDer::from(bytes?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_reads_back() {
        let address: SocketAddr = "127.0.0.1:4242".parse().expect("an address");
        let certificate = CertificateDer::from(vec![0x30, 0x00, 0xff, 0x0a]);
        let line = ready_line(address, &certificate);
        assert_eq!(line, "ready echo=127.0.0.1:4242 certificate=3000ff0a");
        assert_eq!(parse_ready_line(&line), Some((address, certificate)));
    }

    #[test]
    fn other_lines_are_not_taken_for_it() {
        for line in [
            "",
            "ready quic=127.0.0.1:4242",
            "ready echo=127.0.0.1:4242",
            "ready echo=127.0.0.1:4242 certificate=",
            "ready echo=127.0.0.1:4242 certificate=300",
            "ready echo=127.0.0.1:4242 certificate=30zz",
            "ready echo=nowhere certificate=30",
        ] {
            assert_eq!(parse_ready_line(line), None, "{line}");
        }
    }
}
