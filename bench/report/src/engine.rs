//! An engine in a process of its own, with a data folder of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Linux counts processor time for /proc in hundredths of a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running engine. It ends with this value at the latest, and its data folder with it.
pub struct Engine {
    child: Child,
    /// What it says on standard output; ends when the engine does.
    lines: Receiver<String>,
    /// The last line that it said on standard error.
    complaint: Arc<Mutex<String>>,
    address: String,
    _data: TempDir,
}

impl Engine {
    /// Starts `vencejo serve` with these further options and waits until it serves.
    pub fn start(program: &Path, app: &Path, options: &[&str]) -> Result<Self, String> {
        let data = tempfile::Builder::new()
            .prefix("vencejo-bench-")
            .tempdir()
            .map_err(|error| format!("no folder for an engine's data can be made: {error}"))?;
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--app")
            .arg(app)
            .args(["--quic", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
        let output = child.stdout.take().ok_or("the engine has no standard output")?;
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody may be listening any more; the engine may go on talking.
                let _ = said.send(line);
            }
        });
        let errors = child.stderr.take().ok_or("the engine has no standard error")?;
        let complaint = Arc::new(Mutex::new(String::new()));
        let last = Arc::clone(&complaint);
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
        });
        let mut engine = Self { child, lines, complaint, address: String::new(), _data: data };
        engine.address = engine.wait_ready()?;
        Ok(engine)
    }

    /// Where it serves.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Processor time that it has used, in seconds.
    pub fn processor_seconds(&self) -> Result<f64, String> {
        let fields = self.proc_file("stat")?;
        // The second field, the program's name in brackets, may hold spaces.
        let after_name = fields.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        ticks.sum::<Result<f64, _>>().map(|ticks| ticks / TICKS_PER_SECOND).map_err(|error| error.to_string())
    }

    /// Memory that it holds, in bytes.
    pub fn resident_bytes(&self) -> Result<f64, String> {
        let status = self.proc_file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1_024.0).ok_or_else(|| "/proc tells no VmRSS".to_owned())
    }

    fn proc_file(&self, name: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))
    }

    fn wait_ready(&self) -> Result<String, String> {
        loop {
            match self.lines.recv_timeout(START_TIMEOUT) {
                Ok(line) => {
                    if let Some(address) = parse_ready_line(&line) {
                        return Ok(address);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let said = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
                    return Err(format!("the engine ended before it served: {said}"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("the engine did not serve within {} s", START_TIMEOUT.as_secs()));
                }
            }
        }
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(&mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        // The standard library sends no signal but SIGKILL; the shell does.
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            return Err(format!("the engine (process {id}) cannot be sent SIGTERM"));
        }
        loop {
            match self.lines.recv_timeout(STOP_TIMEOUT) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("the engine did not stop within {} s", STOP_TIMEOUT.as_secs()));
                }
            }
        }
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the engine ended with {status}")),
            Err(error) => Err(format!("the engine's end cannot be seen: {error}")),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // After `stop` both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line by which an engine says that it serves.
fn parse_ready_line(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    if words.next() != Some("ready") {
        return None;
    }
    words.find_map(|word| word.strip_prefix("quic=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ready_line_tells_the_address() {
        for (line, expected) in [
            ("ready quic=127.0.0.1:4242", Some("127.0.0.1:4242")),
            ("ready http=127.0.0.1:80 quic=[::1]:4242", Some("[::1]:4242")),
            ("ready", None),
            ("not ready quic=127.0.0.1:4242", None),
            ("", None),
        ] {
            assert_eq!(parse_ready_line(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_program_that_ends_at_once_is_no_engine() {
        let error = Engine::start(Path::new("true"), Path::new("app"), &[]).err();
        assert_eq!(error.as_deref(), Some("the engine ended before it served: "));
    }
}
