//! An input of `run`: a file or standard input, read and encoded on a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use vencejo_client::RowWriter;
use vencejo_core::plan::{Stream, Watermark};
use vencejo_types::StreamId;
use vencejo_types::row::{Row, RowError};
use vencejo_types::schema::Schema;

use super::chunks::{Chunks, LINE_BYTES_MAX, Next};
use super::csv::{CsvFields, Step};
use super::json::JsonFields;
use super::processor::thread_nanos;
use crate::lines::Source;

/// Rows of one batch.
const BATCH_ROWS_MAX: usize = 2_048;
/// Bytes of rows after which a batch is full.
const BATCH_BYTES: usize = 256 << 10;
/// Batches that wait to be taken.
const BATCHES_WAITING_MAX: usize = 4;
/// Bad rows of an input that are shown; further ones are counted.
const PROBLEMS_SHOWN_MAX: u64 = 10;

/// Rows of a stream, checked and encoded.
#[derive(Default)]
pub struct Batch {
    /// The rows, side by side.
    pub bytes: Vec<u8>,
    /// Where each ends, and its event time; nothing where it has none.
    pub rows: Vec<(usize, Option<i64>)>,
    /// What is to be shown of rows that were none.
    pub problems: Vec<String>,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Rows that the stream's declaration refuses.
    pub refused: u64,
    /// Bytes of input that it was read from, decompressed.
    pub bytes_read: u64,
    /// Processor time that reading it took, in nanoseconds.
    pub processor_nanos: u64,
    /// Why the input ends here, where that is no good end.
    pub failed: Option<Failed>,
}

/// Why an input cannot be read on.
#[derive(Debug)]
pub enum Failed {
    /// The file cannot be read.
    Unreadable(String),
    /// It does not hold what it should.
    Unusable(String),
}

/// What an input must know of the stream that it feeds.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its columns.
    pub schema: Arc<Schema>,
    /// Its event time, if it has one and somebody asks for it.
    pub watermark: Option<Watermark>,
}

impl Declared {
    /// A stream of an app.
    pub fn of(stream: &Stream) -> Self {
        Self { schema: Arc::clone(&stream.schema), watermark: stream.watermark }
    }
}

/// The receiving end of an input.
pub struct Input {
    /// The stream that it feeds.
    pub stream: StreamId,
    /// How far it has been read.
    pub source: Source,
    batches: Receiver<Batch>,
    used: Sender<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    /// Opens an input and begins to read it.
    ///
    /// # Errors
    /// One sentence, when it cannot be opened.
    pub fn open(declared: Declared, stream: StreamId, path: &Path, strict: bool) -> Result<Self, String> {
        let shown = shown(path);
        let (chunks, source) =
            Chunks::open(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        Ok(Self::start(declared, stream, (shown, path.to_owned()), (chunks, source), strict))
    }

    /// An input of CSV in memory, of which every row must be usable. Messages call it `name`.
    pub fn of_csv(declared: Declared, stream: StreamId, name: String, csv: Vec<u8>) -> Self {
        let source = Source { bytes: None, read: Arc::default() };
        let chunks = Chunks::new(Box::new(std::io::Cursor::new(csv)));
        Self::start(declared, stream, (name, PathBuf::from("memory.csv")), (chunks, source), true)
    }

    /// Begins to read.
    fn start(
        declared: Declared,
        stream: StreamId,
        (name, path): (String, PathBuf),
        (chunks, source): (Chunks, Source),
        strict: bool,
    ) -> Self {
        let (full, batches) = sync_channel(BATCHES_WAITING_MAX);
        let (used, empty) = channel();
        let thread = std::thread::spawn(move || {
            let reading = Reading {
                declared: &declared,
                name,
                path,
                strict,
                chunks,
                batch: Batch::default(),
                writer: RowWriter::default(),
                problems: 0,
                bytes_told: 0,
                nanos_told: 0,
                full,
                empty,
            };
            reading.all();
        });
        Self { stream, source, batches, used, thread: Some(thread) }
    }

    /// The next batch; nothing at the end. `waits` is called if it is not there yet.
    ///
    /// # Errors
    /// When the thread that reads has failed: what it has not read is no end of the input.
    pub fn next(&mut self, waits: impl FnOnce()) -> Result<Option<Batch>, Failed> {
        if let Ok(batch) = self.batches.try_recv() {
            return Ok(Some(batch));
        }
        waits();
        if let Ok(batch) = self.batches.recv() {
            return Ok(Some(batch));
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => {
                let text = "reading an input failed; this is a fault of the program".to_owned();
                Err(Failed::Unreadable(text))
            }
            Some(Ok(())) | None => Ok(None),
        }
    }

    /// Gives a batch's memory back.
    pub fn give_back(&self, batch: Batch) {
        // The input has ended if nobody takes it.
        let _ = self.used.send(batch);
    }
}

/// The sender of batches has gone on without their taker, or the input is done.
struct Done;

struct Reading<'a> {
    declared: &'a Declared,
    path: PathBuf,
    /// What messages call it.
    name: String,
    strict: bool,
    chunks: Chunks,
    batch: Batch,
    writer: RowWriter,
    problems: u64,
    bytes_told: u64,
    nanos_told: u64,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl Reading<'_> {
    /// Reads to the end. What is left in the last batch goes out whatever happens.
    fn all(mut self) {
        let _ = match self.begin() {
            Ok(true) => self.json(),
            Ok(false) => self.csv(),
            Err(done) => Err(done),
        };
        let _ = self.send();
    }

    /// Reads the first bytes; whether they are JSON lines: by the file's name, else by how it begins.
    fn begin(&mut self) -> Result<bool, Done> {
        while self.chunks.at_hand().len() < 3 && !self.chunks.ended() {
            self.read_on()?;
        }
        if self.chunks.at_hand().starts_with(b"\xef\xbb\xbf") {
            self.chunks.consume(3);
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.') {
            Some((_, "jsonl" | "ndjson" | "json")) => return Ok(true),
            Some((_, "csv")) => return Ok(false),
            _ => {}
        }
        loop {
            match self.chunks.at_hand().trim_ascii_start().first() {
                Some(first) => return Ok(matches!(first, b'{' | b'[')),
                None if self.chunks.ended() || self.chunks.at_hand().len() > LINE_BYTES_MAX => {
                    return Ok(true);
                }
                None => self.read_on()?,
            }
        }
    }

    fn json(&mut self) -> Result<(), Done> {
        let schema = &self.declared.schema;
        let mut fields = JsonFields::new(schema);
        let mut line = 0;
        loop {
            let read = match self.chunks.next_line() {
                Next::Hungry => {
                    self.read_on()?;
                    continue;
                }
                Next::End => return Ok(()),
                Next::Line(text) => {
                    line += 1;
                    if text.trim_ascii().is_empty() {
                        continue;
                    }
                    match std::str::from_utf8(text) {
                        Ok(text) => fields.read(text, schema, &mut self.writer),
                        Err(_) => Err("is not valid UTF-8".to_owned()),
                    }
                }
                Next::TooLong { bytes } => {
                    line += 1;
                    Err(format!("has {bytes} bytes; at most {LINE_BYTES_MAX} are read"))
                }
            };
            self.take(line, read)?;
        }
    }

    fn csv(&mut self) -> Result<(), Done> {
        let schema = &self.declared.schema;
        let mut fields = CsvFields::new();
        let mut headed = false;
        loop {
            let read = match fields.step(&mut self.chunks) {
                Step::Hungry => {
                    self.read_on()?;
                    continue;
                }
                Step::End => return Ok(()),
                Step::Record if headed => fields.read(schema, &mut self.writer),
                Step::Record => {
                    headed = true;
                    fields.header(schema).map_err(|problem| self.unusable(&problem))?;
                    continue;
                }
                Step::TooLong if headed => Err(format!(
                    "is a record of over {LINE_BYTES_MAX} bytes or 4096 fields; is a quote not closed?"
                )),
                Step::TooLong => {
                    return Err(self.unusable("the first line is too long for the header of a CSV file"));
                }
            };
            self.take(fields.line, read)?;
        }
    }

    /// Adds the row in the writer to the batch, or what was wrong with it.
    fn take(&mut self, line: u64, read: Result<(), String>) -> Result<(), Done> {
        let declared = self.declared;
        let start = self.batch.bytes.len();
        let problem = match read.map(|()| self.writer.finish(&declared.schema, &mut self.batch.bytes)) {
            Ok(Ok(())) => {
                let columns = declared.schema.columns().len();
                let row = Row::of_checked(columns, &self.batch.bytes[start..]);
                let time =
                    declared.watermark.filter(|of| !row.is_null(of.column)).map(|of| row.i64(of.column));
                self.batch.rows.push((self.batch.bytes.len(), time));
                if self.batch.rows.len() >= BATCH_ROWS_MAX || self.batch.bytes.len() >= BATCH_BYTES {
                    self.send()?;
                }
                return Ok(());
            }
            Ok(Err(error @ (RowError::NullInRequired { .. } | RowError::TooLong { .. }))) => {
                self.batch.refused += 1;
                error.to_string()
            }
            Ok(Err(error)) => {
                self.batch.unreadable += 1;
                error.to_string()
            }
            Err(problem) => {
                self.batch.unreadable += 1;
                problem
            }
        };
        self.problems += 1;
        let text = format!("{} line {line}: {problem}", self.name);
        if self.strict {
            self.batch.failed = Some(Failed::Unusable(text));
            return Err(Done);
        }
        match self.problems {
            ..=PROBLEMS_SHOWN_MAX => self.batch.problems.push(text),
            next if next == PROBLEMS_SHOWN_MAX + 1 => {
                self.batch.problems.push(format!("{}: further bad rows are counted only", self.name));
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads on; first sends what there is, for reading may wait.
    fn read_on(&mut self) -> Result<(), Done> {
        if !self.batch.is_empty() {
            self.send()?;
        }
        self.chunks.read_on().map_err(|error| {
            let text = format!("{} cannot be read to its end: {error}", self.name);
            self.batch.failed = Some(Failed::Unreadable(text));
            Done
        })
    }

    fn unusable(&mut self, problem: &str) -> Done {
        self.batch.failed = Some(Failed::Unusable(format!("{}: {problem}", self.name)));
        Done
    }

    fn send(&mut self) -> Result<(), Done> {
        self.batch.bytes_read = self.chunks.bytes - self.bytes_told;
        self.bytes_told = self.chunks.bytes;
        let nanos = thread_nanos();
        self.batch.processor_nanos = nanos - self.nanos_told;
        self.nanos_told = nanos;
        let mut next = self.empty.try_recv().unwrap_or_default();
        next.clear();
        self.full.send(std::mem::replace(&mut self.batch, next)).map_err(|_| Done)
    }
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.problems.is_empty()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.problems.clear();
        (self.unreadable, self.refused, self.failed) = (0, 0, None);
    }
}
