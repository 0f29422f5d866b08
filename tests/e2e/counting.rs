//! An app that counts, load for it, and what it should have counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;
use vencejo_client::{AckLevel, Client, Config, Producer, Row, RowWriter};

use crate::support::{block_on, stream};

/// Counts events per key, and answers with the count and the sum.
pub const COUNTS: &str = "
CREATE TABLE events (k STRING NOT NULL, n BIGINT NOT NULL) PARTITIONED BY (k);
CREATE TABLE questions (k STRING NOT NULL) PARTITIONED BY (k);
CREATE MATERIALIZED VIEW counts AS SELECT k, COUNT(*) AS events, SUM(n) AS total FROM events GROUP BY k;
CREATE DECISION counted ON questions WITH ('deadline' = '10 s') AS
SELECT c.events AS events, c.total AS total FROM questions AS q LEFT JOIN counts AS c ON c.k = q.k
FALLBACK SELECT 0 AS events;
";

/// How many keys there are.
pub const KEYS: i64 = 11;

/// A folder with the app `counts`.
pub fn counting_app() -> TempDir {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("counts");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("app.sql"), COUNTS).unwrap();
    folder
}

/// The key of an event.
pub fn key(n: i64) -> String {
    format!("k{}", n % KEYS)
}

/// Per key the number of events and their sum, as the engine says.
pub fn counted(address: SocketAddr) -> BTreeMap<String, (i64, i64)> {
    block_on(async {
        let client = Client::connect(address, Config::default()).await.unwrap();
        let welcome = client.welcome();
        let (_, schema) = stream(&welcome, "questions");
        let decision = &welcome.decisions[0];
        let mut counted = BTreeMap::new();
        for n in 0..KEYS {
            let (mut writer, mut bytes) = (RowWriter::new(1), Vec::new());
            writer.set_str(0, &key(n));
            writer.finish(&schema, &mut bytes).unwrap();
            let decided = client.decide(decision.id, &bytes, Duration::ZERO).await.unwrap();
            let answer = Row::parse(&decision.answer, &decided.row).unwrap();
            counted.insert(key(n), (answer.i64(0), answer.i64(1)));
        }
        counted
    })
}

/// What events 1 to `last` give, each counted once.
pub fn expected(last: i64) -> BTreeMap<String, (i64, i64)> {
    let mut expected: BTreeMap<_, _> = (0..KEYS).map(|n| (key(n), (0, 0))).collect();
    for n in 1..=last {
        let (events, total) = expected.get_mut(&key(n)).unwrap();
        (*events, *total) = (*events + 1, *total + n);
    }
    expected
}

/// Sends batches of events 1, 2, 3 ... on a thread of its own until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    /// The last event of each acknowledged batch.
    acked: Receiver<i64>,
    thread: std::thread::JoinHandle<i64>,
}

impl Load {
    /// Begins.
    pub fn start(address: SocketAddr, ack: AckLevel) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (tell, acked) = channel();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            block_on(async {
                let config = Config { request_timeout: Duration::from_secs(2), ..Config::default() };
                let client = Client::connect(address, config).await.unwrap();
                let welcome = client.welcome();
                let events = welcome.streams.iter().find(|stream| stream.name == "events").unwrap().clone();
                let schema = events.schema.clone();
                let patience = Duration::from_secs(60);
                let mut producer = Producer::new(client, events, (7, 0), Some(ack), patience);
                let mut last = 0;
                while !stopped.load(Ordering::Relaxed) {
                    let rows: Vec<Vec<u8>> = (last + 1..=last + 40)
                        .map(|n| {
                            let (mut writer, mut bytes) = (RowWriter::new(2), Vec::new());
                            writer.set_str(0, &key(n));
                            writer.set_i64(1, n);
                            writer.finish(&schema, &mut bytes).unwrap();
                            bytes
                        })
                        .collect();
                    let produced = producer.send(rows.iter().map(Vec::as_slice)).await.unwrap();
                    assert_eq!(produced.level, ack);
                    last += 40;
                    let _ = tell.send(last);
                }
                last
            })
        });
        Self { stop, acked, thread }
    }

    /// Waits for so many further batches.
    pub fn batches(&self, count: usize) {
        for _ in 0..count {
            self.acked.recv_timeout(Duration::from_secs(60)).expect("the load goes on");
        }
    }

    /// Ends: the last event, once all are acknowledged.
    pub fn end(self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A file of events 1 to `last`.
pub fn events_file(folder: &Path, last: i64) -> PathBuf {
    let mut text = String::new();
    for n in 1..=last {
        writeln!(text, "{{\"k\":\"{}\",\"n\":{n}}}", key(n)).unwrap();
    }
    let path = folder.join("events.jsonl");
    fs::write(&path, text).unwrap();
    path
}
