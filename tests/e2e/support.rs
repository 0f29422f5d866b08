//! An engine to test against, and ways to talk to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use vencejo_client::protocol::schema::{ColumnType, Schema};
use vencejo_client::{Client, Config, Connection, RowWriter, Welcome};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A command of the binary under test, at the repository's root.
pub fn vencejo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vencejo"));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a command to its end, with this on its standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that ends early takes no more input.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Standard error of a finished command.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The JSON objects a command printed, one per line.
pub fn json_lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An engine that serves apps/ads; it ends with the test.
pub struct Engine {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
    /// Its data folder.
    pub data: TempDir,
}

impl Engine {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0", &[])
    }

    /// Starts one at an address, with more arguments.
    pub fn start_at(address: &str, arguments: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), address, arguments)
    }

    /// Starts one on a free port that serves the app in this folder.
    pub fn start_app(app: &Path, arguments: &[&str]) -> Self {
        Self::start_with(app, TempDir::new().unwrap(), "127.0.0.1:0", arguments)
    }

    /// Starts one in a data folder that another has left.
    pub fn start_in(data: TempDir, address: &str, arguments: &[&str]) -> Self {
        Self::start_with(Path::new("apps/ads"), data, address, arguments)
    }

    /// Starts one at an address, that serves the app in this folder, in a data folder that another has left.
    pub fn start_app_in(app: &Path, data: TempDir, address: &str) -> Self {
        Self::start_with(app, data, address, &[])
    }

    /// The same, with more arguments. Port 0 is one of [`free_port`].
    pub fn start_with(app: &Path, data: TempDir, address: &str, arguments: &[&str]) -> Self {
        let mut address: SocketAddr = address.parse().unwrap();
        if address.port() == 0 {
            address.set_port(free_port());
        }
        let mut child = vencejo()
            .args(["serve", "--quic", &address.to_string(), "--app"])
            .arg(app)
            .arg("--data")
            .arg(data.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("ready quic=") else {
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("no ready line but '{line}': {error}");
        };
        Self { address: address.parse().unwrap(), child, data }
    }

    /// The address as an argument.
    pub fn connect(&self) -> String {
        self.address.to_string()
    }

    /// SHA-256 of its certificate.
    pub fn fingerprint(&self) -> String {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;
        let pem = self.data.path().join("tls/dev-certificate.pem");
        let certificate = CertificateDer::from_pem_file(pem).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for the end; gives the status and what it printed on standard error.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap(), error)
    }

    /// Its data folder, once it has ended.
    pub fn into_data(mut self) -> TempDir {
        std::mem::replace(&mut self.data, TempDir::new().unwrap())
    }

    /// A client of this engine.
    pub async fn client(&self) -> Client {
        Client::connect(self.address, Config::default()).await.unwrap()
    }

    /// A bare connection to this engine, hello said.
    pub async fn connection(&self) -> Connection {
        Connection::open(self.address, &Config::default()).await.unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port at which an engine can be started again, with those that follow for its other threads: below the
/// ports that the system hands out (32768 on, unless configured), so that no client is given one in between.
fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const ENGINES: u32 = 2_500;
    const THREADS: u16 = 8;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Processes that test at once begin at different ports.
    let begin = std::process::id();
    let candidates = std::iter::from_fn(|| {
        let engine = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % ENGINES;
        u16::try_from(FIRST + engine * u32::from(THREADS)).ok()
    });
    let is_free = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let are_free = |port: &u16| (*port..port + THREADS).all(is_free);
    candidates.take(ENGINES as usize).find(are_free).expect("eight free UDP ports from 12000 to 31999")
}

/// Runs a test's asynchronous part.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// The id and schema of a stream.
pub fn stream(welcome: &Welcome, name: &str) -> (u16, Schema) {
    let stream = welcome.streams.iter().find(|stream| stream.name == name).unwrap();
    (stream.id, stream.schema.clone())
}

/// A row with a value in every column that needs one: `placement` as given, 20:00 on a Monday, else
/// zeros and empty strings.
pub fn row(schema: &Schema, placement: &str) -> Vec<u8> {
    let mut writer = RowWriter::new(schema.columns().len());
    for (index, column) in schema.columns().iter().enumerate().filter(|(_, column)| !column.nullable) {
        match (column.name.as_str(), column.column_type) {
            ("placement", _) => writer.set_str(index, placement),
            ("hour_of_day", _) => writer.set_i64(index, 20),
            ("day_of_week", _) => writer.set_i64(index, 1),
            (_, ColumnType::String) => writer.set_str(index, ""),
            (_, ColumnType::Boolean) => writer.set_bool(index, false),
            (_, ColumnType::Double) => writer.set_f64(index, 0.0),
            _ => writer.set_i64(index, 0),
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).unwrap();
    bytes
}
