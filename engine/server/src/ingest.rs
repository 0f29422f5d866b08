//! `vencejo ingest`: a file into a stream of a running engine, each row once.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;
use vencejo_client::{AckLevel, Client, Config, Produced, Producer, StreamInfo, Welcome};
use vencejo_runtime::Clock;
use vencejo_types::StreamId;
use vencejo_types::row::key_hash;

use crate::connect::{ConnectArgs, block_on};
use crate::console::{note, print};
use crate::failure::Failure;
use crate::run::{Declared, Failed, Input, progress_bar};
use crate::text_list::{named, nearest};

/// How long one answer may take before the connection is taken for dead: rows may be sent twice.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends a file's rows to a stream of a running engine; each counts once.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo ingest events events.jsonl.gz\n  \
    zcat clicks.csv.gz | vencejo ingest clicks - --ack memory --json\n\n\
    JSON lines or CSV with a header, plain or gzip: by the file's name, else by how it begins. Fields go by the\n\
    names of the stream's columns.\n\n\
    Rows are numbered, so the engine may end and start again meanwhile: what it has, it does not take twice, and\n\
    what it has not, is sent again. At level memory a crash of the engine may lose rows that it had acknowledged.")]
pub struct IngestArgs {
    /// The stream.
    stream: String,
    /// The file; - reads standard input.
    file: PathBuf,
    #[command(flatten)]
    connect: ConnectArgs,
    /// When a row counts as taken: in the engine's memory, or on its disk; the stream's own if not given.
    #[arg(long, value_enum)]
    ack: Option<Level>,
    /// How long to try without getting on, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Fail at the first row that cannot be read, or that the stream refuses.
    #[arg(long)]
    strict: bool,
    /// Print a JSON object per acknowledged batch.
    #[arg(long)]
    json: bool,
}

/// When rows are acknowledged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    /// When they are applied.
    Memory,
    /// When they are on disk.
    Journaled,
}

impl Level {
    /// As the client has it.
    pub fn level(self) -> AckLevel {
        match self {
            Self::Memory => AckLevel::Memory,
            Self::Journaled => AckLevel::Journaled,
        }
    }

    fn of(level: AckLevel) -> &'static str {
        match level {
            AckLevel::Memory => "memory",
            AckLevel::Journaled => "journaled",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read or holds nothing usable, or the engine refuses or stays away.
pub fn run(args: &IngestArgs) -> Result<(), Failure> {
    block_on(async {
        let config = Config { request_timeout: ANSWER_TIMEOUT, ..args.connect.config() };
        let client = Client::connect(args.connect.connect, config).await?;
        let ended = ingest(args, &client).await;
        client.close();
        ended
    })
}

async fn ingest(args: &IngestArgs, client: &Client) -> Result<(), Failure> {
    let stream = find_stream(&client.welcome(), &args.stream)?;
    let declared = Declared { schema: stream.schema.clone().into(), watermark: None };
    let input = Input::open(declared, StreamId(stream.id), &args.file, args.strict);
    let input = input.map_err(Failure::runtime)?;
    let progress = progress_bar(std::slice::from_ref(&input), !args.json);
    let ack = args.ack.map(Level::level);
    let patience = Duration::from_secs(args.patience);
    let producer = Producer::new(client.clone(), stream, (producer_id(), 0), ack, patience);
    let mut sending = Sending { producer, progress, json: args.json, acked: 0, bad: 0, level: None };
    let ended = sending.all(input).await;
    if let Some(progress) = &sending.progress {
        progress.finish_and_clear();
    }
    sending.sum_up(&args.stream);
    ended?;
    match sending.acked {
        0 if sending.bad > 0 => {
            Err(Failure::data(format!("none of the {} rows of the input is usable", sending.bad)))
        }
        _ => Ok(()),
    }
}

struct Sending {
    producer: Producer,
    progress: Option<ProgressBar>,
    json: bool,
    acked: u64,
    /// Rows that could not be read or that the stream refuses.
    bad: u64,
    level: Option<AckLevel>,
}

impl Sending {
    /// Sends batch after batch until the input ends.
    async fn all(&mut self, mut input: Input) -> Result<(), Failure> {
        loop {
            // Reading may wait; the connection lives on meanwhile.
            let read = tokio::task::spawn_blocking(move || {
                let next = input.next(|| ());
                (input, next)
            });
            let (back, next) = read.await.map_err(Failure::runtime)?;
            input = back;
            let Some(mut batch) = next.map_err(failed)? else { return Ok(()) };
            for problem in &batch.problems {
                match &self.progress {
                    Some(progress) => progress.suspend(|| note(problem)),
                    None => note(problem),
                }
            }
            self.bad += batch.unreadable + batch.refused;
            let ends = batch.rows.iter().map(|&(end, _)| end);
            let starts = std::iter::once(0).chain(ends.clone());
            if !batch.rows.is_empty() {
                let rows = starts.zip(ends).map(|(start, end)| &batch.bytes[start..end]);
                let produced = self.producer.send(rows).await?;
                self.tell(batch.rows.len() as u64, produced)?;
            }
            if let Some(progress) = &self.progress {
                progress.set_position(input.source.read.load(Ordering::Relaxed));
            }
            if let Some(error) = batch.failed.take() {
                return Err(failed(error));
            }
            input.give_back(batch);
        }
    }

    fn tell(&mut self, rows: u64, produced: Produced) -> Result<(), Failure> {
        self.acked += rows;
        self.level = Some(produced.level);
        if !self.json {
            return Ok(());
        }
        let level = Level::of(produced.level);
        print(json!({"acked": self.acked, "sequence": produced.sequence, "level": level}))
    }

    fn sum_up(&self, stream: &str) {
        let level = self.level.map(|level| format!(" as {}", Level::of(level))).unwrap_or_default();
        let bad = if self.bad > 0 { format!("; {} rows were not usable", self.bad) } else { String::new() };
        note(format_args!("stream {stream}: {} events acknowledged{level}{bad}", self.acked));
    }
}

fn failed(failed: Failed) -> Failure {
    match failed {
        Failed::Unreadable(text) => Failure::runtime(text),
        Failed::Unusable(text) => Failure::data(text),
    }
}

pub(crate) fn find_stream(welcome: &Welcome, name: &str) -> Result<StreamInfo, Failure> {
    let names = welcome.streams.iter().map(|stream| stream.name.as_str());
    let found = welcome.streams.iter().find(|stream| stream.name == name);
    found.cloned().ok_or_else(|| {
        let known = named(names.clone());
        let hint = nearest(name, names);
        Failure::runtime(format!("app '{}' has no stream '{name}'; it has: {known}{hint}", welcome.app))
    })
}

/// A number that no other run of this command has: from its time and its process.
fn producer_id() -> u64 {
    let clock = Clock::start();
    key_hash(format!("{}/{}", clock.tick(clock.now()).0, std::process::id()).as_bytes())
}
