//! Rows as JSON lines, on standard output or in a file per output.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::path::Path;

use vencejo_core::plan::App;
use vencejo_core::{Effects, MatchedRow, Raised};
use vencejo_types::DecisionCode;
use vencejo_types::schema::Schema;

use crate::failure::Failure;
use crate::json_row::{JsonRow, write_number, write_text};

use super::explain::Explained;

const BUFFER_BYTES: usize = 256 << 10;

/// Where rows go.
pub struct Printer {
    sinks: Sinks,
    /// One per output of the app, then one per decision.
    kinds: Vec<Kind>,
    line: Vec<u8>,
    explained: Option<Explained>,
}

enum Sinks {
    Standard(BufWriter<io::Stdout>),
    /// One per kind.
    Files(Vec<BufWriter<File>>),
    /// Lines of every kind, to be taken at the end.
    Memory(Vec<Vec<u8>>),
}

/// Lines of one output.
struct Kind {
    /// `{"output":"name",`.
    head: Vec<u8>,
    row: JsonRow,
    rows: u64,
}

impl Printer {
    /// A printer of all outputs and of the decisions with these places; into files of `folder`, or on
    /// standard output.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn new(app: &App, decisions: &[usize], folder: Option<&Path>) -> Result<Self, Failure> {
        let outputs = app.flow.outputs.iter().map(|output| (output.name.as_str(), &*output.schema));
        let answers = app.decisions.iter().map(|decision| (decision.name.as_str(), &*decision.answer));
        let kinds: Vec<_> =
            outputs.clone().chain(answers).map(|(name, schema)| Kind::new(name, schema)).collect();
        let Some(folder) = folder else {
            let standard = BufWriter::with_capacity(BUFFER_BYTES, stdout());
            return Ok(Self { sinks: Sinks::Standard(standard), kinds, line: Vec::new(), explained: None });
        };
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let asked = decisions.iter().map(|&decision| app.decisions[decision].name.as_str());
        let names: Vec<_> = outputs.map(|(name, _)| name).chain(asked).collect();
        if let Some((place, name)) =
            names.iter().enumerate().find(|&(place, name)| names[..place].contains(name))
        {
            let text =
                format!("'{name}' names two outputs ({place}), which cannot share a file; use --output -");
            return Err(Failure::runtime(text));
        }
        let files = names.into_iter().map(|name| create(folder, name)).collect::<Result<_, _>>()?;
        Ok(Self { sinks: Sinks::Files(files), kinds, line: Vec::new(), explained: None })
    }

    /// A printer of all outputs into memory.
    pub fn into_memory(app: &App) -> Self {
        let outputs = app.flow.outputs.iter();
        let kinds: Vec<_> = outputs.map(|output| Kind::new(&output.name, &output.schema)).collect();
        Self { sinks: Sinks::Memory(vec![Vec::new(); kinds.len()]), kinds, line: Vec::new(), explained: None }
    }

    /// What has been printed into memory, by output.
    pub fn lines(self) -> Vec<Vec<u8>> {
        match self.sinks {
            Sinks::Memory(lines) => lines,
            Sinks::Standard(_) | Sinks::Files(_) => Vec::new(),
        }
    }

    /// The same, with this rule's alerts explained.
    #[must_use]
    pub fn explaining(mut self, explained: Option<Explained>) -> Self {
        self.explained = explained;
        self
    }

    /// Prints a row of an output, and the alert that it is, with its rows.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(
        &mut self,
        output: usize,
        row: &[u8],
        alert: Option<(&Raised, &[MatchedRow])>,
    ) -> io::Result<()> {
        let Self { sinks, kinds, line, explained } = self;
        let kind = &mut kinds[output];
        kind.begin(line);
        kind.write(Some(row), line);
        if let Some((raised, rows)) = alert {
            write_alert(raised, rows, line);
            if let Some(explained) = explained.as_ref().filter(|explained| explained.rule() == raised.rule) {
                explained.write(rows, line);
            }
        }
        kind.end(line);
        sinks.write(output, line)
    }

    /// Prints a decision's answer. `file` counts the decisions that were asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn decided(
        &mut self,
        kind: usize,
        file: usize,
        code: DecisionCode,
        row: Option<&[u8]>,
    ) -> io::Result<()> {
        let Self { sinks, kinds, line, .. } = self;
        let kind = &mut kinds[kind];
        kind.begin(line);
        line.extend_from_slice(b"\"code\":\"");
        line.extend_from_slice(code.name().as_bytes());
        line.extend_from_slice(b"\",");
        kind.write(row, line);
        kind.end(line);
        sinks.write(file, line)
    }

    /// Notes what came to nothing of the rule that is explained.
    pub fn missed(&mut self, effects: &Effects) {
        if let Some(explained) = &mut self.explained {
            effects.missed().iter().for_each(|missed| explained.take(missed, effects.bytes()));
        }
    }

    /// Prints how far the rule that is explained came for the keys that came farthest: behind all rows on
    /// standard output, in a file of its own otherwise.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn near_misses(&mut self, folder: Option<&Path>) -> Result<(), Failure> {
        let Some(explained) = &self.explained else { return Ok(()) };
        let text = explained.near_misses();
        let written = match (&mut self.sinks, folder) {
            (Sinks::Files(_), Some(folder)) => {
                let mut file = create(folder, &explained.file())?;
                file.write_all(&text).and_then(|()| file.flush())
            }
            (sinks, _) => sinks.write(0, &text),
        };
        written.map_err(|error| Failure::output(&error))
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.sinks {
            Sinks::Standard(out) => out.flush(),
            Sinks::Files(files) => files.iter_mut().try_for_each(BufWriter::flush),
            Sinks::Memory(_) => Ok(()),
        }
    }

    /// Rows printed of a kind: outputs first, then decisions.
    pub fn rows(&self, kind: usize) -> u64 {
        self.kinds[kind].rows
    }
}

impl Sinks {
    fn write(&mut self, file: usize, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.write_all(line),
            Self::Files(files) => files[file].write_all(line),
            Self::Memory(lines) => lines[file].write_all(line),
        }
    }
}

impl Kind {
    fn new(name: &str, schema: &Schema) -> Self {
        let mut head = b"{\"output\":".to_vec();
        write_text(name, &mut head);
        head.push(b',');
        Self { head, row: JsonRow::new(schema), rows: 0 }
    }

    fn begin(&mut self, line: &mut Vec<u8>) {
        self.rows += 1;
        line.clear();
        line.extend_from_slice(&self.head);
    }

    fn write(&self, row: Option<&[u8]>, line: &mut Vec<u8>) {
        line.extend_from_slice(b"\"row\":");
        match row {
            Some(row) => self.row.write(row, line),
            None => line.extend_from_slice(b"null"),
        }
    }

    fn end(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(b"}\n");
    }
}

fn write_alert(raised: &Raised, rows: &[MatchedRow], line: &mut Vec<u8>) {
    line.extend_from_slice(b",\"alert\":{\"id\":");
    write_text(&raised.id.to_string(), line);
    line.extend_from_slice(b",\"severity\":");
    write_text(raised.severity.name(), line);
    line.extend_from_slice(b",\"sequences\":[");
    for (place, row) in rows.iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        write_number(row.sequence, line);
    }
    line.extend_from_slice(b"]}");
}

fn create(folder: &Path, name: &str) -> Result<BufWriter<File>, Failure> {
    if name.contains(['/', '\0']) || name.starts_with('.') {
        let text = format!("the output '{name}' cannot name a file; use --output -");
        return Err(Failure::runtime(text));
    }
    let path = folder.join(format!("{name}.jsonl"));
    let file = File::create(&path).map_err(|error| unusable(&path, &error))?;
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::runtime(format!("{} cannot be written: {error}", path.display()))
}
