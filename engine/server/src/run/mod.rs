//! `vencejo run`: an app over files, through the core that the server runs.

mod chunks;
mod csv;
mod explain;
mod input;
mod json;
mod merge;
mod output;
mod processor;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::value::RawValue;
use vencejo_core::plan::App;
use vencejo_core::{Effect, Effects, Event, FETCH_KEYS_MAX, PartitionState, apply, fetch};
use vencejo_runtime::Clock;
use vencejo_types::row::Row;
use vencejo_types::{DecisionId, StreamId, Tick};

use crate::app::AppSource;
use crate::console::note;
use crate::failure::Failure;
use crate::text_list::{named, nearest};

pub use explain::Explained;
pub use input::{Declared, Failed, Input};
use merge::{Merge, Next};
pub use output::Printer;
use summary::Summary;
pub use summary::progress_bar;

/// Event time that passes between two ticks of the engine's time, in microseconds.
const TICK_MICROS: i64 = 1_000_000;

/// Runs an app over files and prints what comes out.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo run apps/shop --input events=events.jsonl.gz > rows.jsonl\n  \
    vencejo run views.sql --input clicks=clicks.csv --input orders=orders.csv --output out\n  \
    tail -f requests.jsonl | vencejo run apps/ads --input bid_requests=- --decide floor\n\n\
    Inputs are JSON lines or CSV with a header, plain or gzip: by the file's name, else by how it begins.\n\
    Fields go by the names of the stream's columns; others are passed over. A field that is absent, null or,\n\
    in CSV, empty is NULL. Timestamps: ISO 8601 with T or a space, with an offset, Z or none (then UTC), or\n\
    milliseconds since 1970. Several inputs advance together by event time, each in its own order; inputs of\n\
    streams without event time are read first. The end of the input closes all windows.\n\n\
    Each row gives one JSON object: {\"output\": NAME, \"row\": {COLUMN: VALUE, ...}}; a rule's alert has besides\n    \
    \"alert\": {\"id\": ID, \"severity\": SEVERITY, \"sequences\": [places of the rows that matched]}.")]
pub struct RunArgs {
    /// The app: a folder with an app.sql, or an SQL file.
    app: PathBuf,
    /// Rows of a stream, as STREAM=FILE; - reads standard input. May be given several times.
    #[arg(long, value_name = "STREAM=FILE", required = true, value_parser = parse_input)]
    input: Vec<(String, PathBuf)>,
    /// A folder that takes a file NAME.jsonl per output; - prints them on standard output.
    #[arg(long, value_name = "DIR", default_value = "-")]
    output: PathBuf,
    /// Decisions whose streams' rows are requests, answered as {"output": NAME, "code": ..., "row": ...}.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    decide: Vec<String>,
    /// A rule whose alerts say which variable each of their rows is, as {"explain": [...]} beside "alert"; at
    /// the end come its near misses: how far it got for the 20 keys that came farthest, and what it lacked.
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
    /// Fail at the first row that cannot be read, or that its stream refuses.
    #[arg(long)]
    strict: bool,
    /// Print the closing summary as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_input(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((stream, file)) if !stream.is_empty() && !file.is_empty() => {
            Ok((stream.to_owned(), file.into()))
        }
        _ => Err("write STREAM=FILE, such as clicks=clicks.jsonl".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// When the app or an input cannot be used, or the output not be written.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let app = AppSource::at(&args.app).load()?;
    let decisions =
        args.decide.iter().map(|name| find_decision(&app, name)).collect::<Result<Vec<_>, _>>()?;
    let asked = asked_by_stream(&app, &decisions)?;
    let mut inputs = Vec::new();
    let standard = args.input.iter().filter(|(_, path)| path.as_os_str() == "-").count();
    if standard > 1 {
        return Err(Failure::runtime(
            "standard input can be only one of the inputs; give files for the others",
        ));
    }
    for (name, path) in &args.input {
        let stream = find_stream(&app, name)?;
        let declared = Declared::of(&app.streams[stream.index()]);
        inputs.push(Input::open(declared, stream, path, args.strict).map_err(Failure::runtime)?);
    }
    let folder = (args.output.as_os_str() != "-").then_some(&*args.output);
    let progress = progress_bar(&inputs, folder.is_some());
    let explained = args.explain.as_ref().map(|name| Explained::find(&app, name)).transpose()?;
    let rule = explained.as_ref().map(Explained::rule);
    let printer = Printer::new(&app, &decisions, folder)?.explaining(explained);
    let mut run = Run { asked, decisions, progress, ..Run::new(app, inputs, printer) };
    rule.into_iter().for_each(|rule| run.state.explain(rule, &mut run.effects));
    run.all(args.json, folder)
}

/// A row of an output: its values as they are printed, by column.
pub type PrintedRow = BTreeMap<String, Box<RawValue>>;

/// Runs an app over inputs: what each of its outputs gives, row by row, in the app's order.
///
/// # Errors
/// When an input cannot be read to its end.
pub fn rows_of(app: &Arc<App>, inputs: Vec<Input>) -> Result<Vec<Vec<PrintedRow>>, Failure> {
    #[derive(Deserialize)]
    struct Line {
        row: PrintedRow,
    }

    let mut run = Run::new(Arc::clone(app), inputs, Printer::into_memory(app));
    run.rows()?;
    let rows = |text: Vec<u8>| {
        let lines = serde_json::Deserializer::from_slice(&text).into_iter::<Line>();
        let rows = lines.map(|line| line.map(|line| line.row)).collect::<Result<_, _>>();
        rows.map_err(|error| Failure::runtime(format!("an output is no JSON: {error}")))
    };
    run.printer.lines().into_iter().map(rows).collect()
}

/// A stream of the app by its name.
///
/// # Errors
/// When there is none.
pub fn find_stream(app: &App, name: &str) -> Result<StreamId, Failure> {
    let names = app.streams.iter().map(|stream| stream.name.as_str());
    let Some(place) = names.clone().position(|known| known == name) else {
        let text = format!("app '{}' has no stream '{name}'; it has: {}", app.name, named(names.clone()));
        return Err(Failure::runtime(format!("{text}{}", nearest(name, names))));
    };
    Ok(StreamId(u16::try_from(place).expect("DECLARATIONS_MAX fits 16 bits")))
}

fn find_decision(app: &App, name: &str) -> Result<usize, Failure> {
    let names = app.decisions.iter().map(|decision| decision.name.as_str());
    names.clone().position(|known| known == name).ok_or_else(|| {
        let text = format!("app '{}' has no decision '{name}'; it has: {}", app.name, named(names.clone()));
        Failure::runtime(format!("{text}{}", nearest(name, names)))
    })
}

/// Per stream, the decision that its rows ask for: its id, and its place among those asked for.
fn asked_by_stream(app: &App, decisions: &[usize]) -> Result<Vec<Option<(DecisionId, usize)>>, Failure> {
    let mut asked = vec![None; app.streams.len()];
    for (place, &decision) in decisions.iter().enumerate() {
        let stream = app.decisions[decision].stream.index();
        let id = DecisionId(u16::try_from(decision).expect("DECLARATIONS_MAX fits 16 bits"));
        if let Some((other, _)) = asked[stream].replace((id, place)) {
            let other = &app.decisions[other.index()].name;
            let text = format!(
                "the decisions '{other}' and '{}' are both asked by rows of '{}'; run them one by one",
                app.decisions[decision].name, app.streams[stream].name
            );
            return Err(Failure::runtime(text));
        }
    }
    Ok(asked)
}

struct Run {
    app: Arc<App>,
    state: PartitionState,
    effects: Effects,
    merge: Merge,
    printer: Printer,
    /// Engine time follows event time: what has a time to live ends as it would have.
    tick: Tick,
    ticked: Tick,
    ticks: bool,
    asked: Vec<Option<(DecisionId, usize)>>,
    decisions: Vec<usize>,
    progress: Option<ProgressBar>,
}

impl Run {
    /// A run that asks for no decision and shows no progress.
    fn new(app: Arc<App>, inputs: Vec<Input>, printer: Printer) -> Self {
        Self {
            state: PartitionState::new(Arc::clone(&app)),
            merge: Merge::new(inputs, app.streams.len()),
            effects: Effects::default(),
            printer,
            tick: Tick(0),
            ticked: Tick(0),
            ticks: app.flow.lives_by_engine_time(),
            asked: vec![None; app.streams.len()],
            decisions: Vec::new(),
            app,
            progress: None,
        }
    }

    fn all(mut self, json: bool, folder: Option<&Path>) -> Result<(), Failure> {
        let clock = Clock::start();
        let (began, nanos) = (clock.now(), processor::thread_nanos());
        let ran = self.rows().and_then(|()| self.printer.near_misses(folder));
        let flushed = self.printer.flush().map_err(|error| Failure::output(&error));
        if let Some(progress) = &self.progress {
            progress.finish_and_clear();
        }
        if let Err(failure) = &flushed
            && failure.text.is_empty()
        {
            // Whoever read the rows has gone; a summary has no reader either.
            return flushed;
        }
        let summary =
            Summary::of(&self.app, &self.state, &self.effects, &self.merge, &self.printer, &self.decisions);
        let nanos = processor::thread_nanos().saturating_sub(nanos);
        note(summary.render(clock.now().since(began), Duration::from_nanos(nanos), json));
        ran.and(flushed)?;
        summary.nothing_read().map_or(Ok(()), |text| Err(Failure::data(text)))
    }

    /// Applies all rows of all inputs, then the end.
    fn rows(&mut self) -> Result<(), Failure> {
        let mut ended: Vec<_> = (0..self.app.streams.len())
            .map(|stream| StreamId(u16::try_from(stream).expect("DECLARATIONS_MAX fits 16 bits")))
            .map(|stream| if self.merge.is_fed(stream) { i64::MIN } else { i64::MAX })
            .collect();
        // A stream without input holds nothing back.
        self.tell(&ended)?;
        let mut since_shown = 0_u32;
        loop {
            let (printer, progress) = (&mut self.printer, &self.progress);
            let mut unwritten = None;
            let mut waits = || unwritten = unwritten.take().or(printer.flush().err());
            let mut problem = |text: &str| match progress {
                Some(progress) => progress.suspend(|| note(text)),
                None => note(text),
            };
            let next = self.merge.next(&mut waits, &mut problem);
            if let Some(error) = unwritten {
                return Err(Failure::output(&error));
            }
            match next {
                Ok(Next::Row(place)) => self.row(place)?,
                Ok(Next::StreamEnd(stream)) => {
                    ended[stream.index()] = i64::MAX;
                    if ended.iter().any(|&watermark| watermark < i64::MAX) {
                        self.tell(&ended)?;
                    }
                }
                Ok(Next::End) => return self.apply_and_print(&Event::EndOfInput),
                Err(Failed::Unreadable(text)) => return Err(Failure::runtime(text)),
                Err(Failed::Unusable(text)) => return Err(Failure::data(text)),
            }
            since_shown += 1;
            if since_shown == 4_096 {
                since_shown = 0;
                summary::advance(self.progress.as_ref(), &self.merge);
            }
        }
    }

    /// Tells the core which streams have ended.
    fn tell(&mut self, watermarks: &[i64]) -> Result<(), Failure> {
        let watermarks: Vec<_> = watermarks.iter().copied().map(Some).collect();
        self.apply_and_print(&Event::Tick { watermarks: &watermarks })
    }

    fn row(&mut self, place: usize) -> Result<(), Failure> {
        let (stream, bytes, time) = self.merge.row(place);
        if let Some(time) = time {
            self.tick = self.tick.max(Tick(time.saturating_mul(1_000)));
        }
        if self.ticks && self.tick.0.saturating_sub(self.ticked.0) >= TICK_MICROS {
            self.ticked = self.tick;
            let unchanged = vec![Some(i64::MIN); self.app.streams.len()];
            apply_next(
                &mut self.state,
                self.tick,
                &Event::Tick { watermarks: &unchanged },
                &mut self.effects,
            );
            print(&self.effects, &mut self.printer)?;
        }
        let columns = self.app.streams[stream.index()].schema.columns().len();
        if let Some(rows) = self.merge.rows_from(place, FETCH_KEYS_MAX) {
            let rows = rows.map(|bytes| Row::of_checked(columns, bytes));
            fetch(&self.state, stream, &rows, &mut self.effects);
        }
        let row = Row::of_checked(columns, bytes);
        let Some((decision, file)) = self.asked[stream.index()] else {
            apply_next(&mut self.state, self.tick, &Event::Row { stream, row }, &mut self.effects);
            return print(&self.effects, &mut self.printer);
        };
        let event = Event::Decide { decision, row, expired: false };
        apply_next(&mut self.state, self.tick, &event, &mut self.effects);
        let outputs = self.app.flow.outputs.len();
        for effect in self.effects.list() {
            if let Effect::Decided { code, row } = effect {
                let row = Some(&self.effects.bytes()[row.clone()]).filter(|row| !row.is_empty());
                let (kind, file) = (outputs + decision.index(), outputs + file);
                self.printer.decided(kind, file, *code, row).map_err(|error| Failure::output(&error))?;
            }
        }
        print(&self.effects, &mut self.printer)
    }

    fn apply_and_print(&mut self, event: &Event<'_>) -> Result<(), Failure> {
        apply_next(&mut self.state, self.tick, event, &mut self.effects);
        print(&self.effects, &mut self.printer)
    }
}

fn apply_next(state: &mut PartitionState, tick: Tick, event: &Event<'_>, effects: &mut Effects) {
    let sequence = state.sequence().next();
    apply(state, sequence, tick, event, effects);
}

fn print(effects: &Effects, printer: &mut Printer) -> Result<(), Failure> {
    for effect in effects.list() {
        if let Effect::Emitted { output, row, alert } = effect {
            let row = &effects.bytes()[row.clone()];
            let alert = alert.map(|place| effects.raised(place));
            printer.row(*output, row, alert).map_err(|error| Failure::output(&error))?;
        }
    }
    printer.missed(effects);
    Ok(())
}
