//! An engine in a process of its own, with a data folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running engine. It ends with this value at the latest, and its data folder with it.
pub struct Engine {
    child: Child,
    /// What it says on standard output; ends when the engine does.
    lines: Receiver<String>,
    address: String,
    data: PathBuf,
}

impl Engine {
    /// Starts `vencejo serve` and waits until it serves.
    pub fn start(program: &Path, app: &Path) -> Result<Self, String> {
        let data = std::env::temp_dir().join(format!("vencejo-bench-load-{}", std::process::id()));
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--app")
            .arg(app)
            .args(["--quic", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
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
        let mut engine = Self { child, lines, address: String::new(), data };
        engine.address = engine.wait_ready()?;
        Ok(engine)
    }

    /// Where it serves.
    pub fn address(&self) -> &str {
        &self.address
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
                    return Err("the engine ended before it served; it says why above".to_owned());
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
        let _ = std::fs::remove_dir_all(&self.data);
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
        let error = Engine::start(Path::new("true"), Path::new("app")).err();
        assert_eq!(error.as_deref(), Some("the engine ended before it served; it says why above"));
    }
}
