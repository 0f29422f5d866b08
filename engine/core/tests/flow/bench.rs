//! Runs an app on events written as text, and shows what it emits as text.

use std::sync::Arc;

use vencejo_core::plan::App;
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{ColumnType, Schema};
use vencejo_types::{StreamId, Tick};

pub struct Bench {
    pub app: Arc<App>,
    pub state: PartitionState,
    pub effects: Effects,
    now: i64,
}

impl Bench {
    pub fn new(app: App) -> Self {
        let app = Arc::new(app);
        let state = PartitionState::new(Arc::clone(&app));
        Self { app, state, effects: Effects::default(), now: 0 }
    }

    /// Applies events, one per line: `name ts key x` is a row of a stream (`-` is NULL), `tick micros
    /// watermark ...` a tick (`idle` for an idle stream), `end` the end. Gives the rows that came out, one
    /// per line.
    pub fn run(&mut self, events: &str) -> String {
        let mut out = String::new();
        for line in events.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.apply(line);
            for effect in self.effects.list() {
                let Effect::Emitted { output, row, .. } = effect else { panic!("no decision was asked for") };
                let output = &self.app.flow.outputs[*output];
                let row = shown(&output.schema, &self.effects.bytes()[row.clone()]);
                out.push_str(&format!("{}: {row}\n", output.name));
            }
        }
        out
    }

    fn apply(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let sequence = self.state.sequence().next();
        let app = Arc::clone(&self.app);
        let bytes;
        let mut watermarks = Vec::new();
        let event = match words[..] {
            ["end"] => Event::EndOfInput,
            ["tick", micros, ..] => {
                self.now = micros.parse().unwrap();
                watermarks.extend(words[2..].iter().map(|word| word.parse().ok()));
                Event::Tick { watermarks: &watermarks }
            }
            [name, ref fields @ ..] => {
                let stream = app.streams.iter().position(|stream| stream.name == name).unwrap();
                let schema = &app.streams[stream].schema;
                bytes = encode(schema, fields);
                let row = Row::parse(schema, &bytes).unwrap();
                Event::Row { stream: StreamId(u16::try_from(stream).unwrap()), row }
            }
            [] => panic!("an empty line"),
        };
        apply(&mut self.state, sequence, Tick(self.now), &event, &mut self.effects);
    }
}

/// What an app emits of events.
pub fn rows(app: App, events: &str) -> String {
    Bench::new(app).run(events)
}

/// Compares texts, line by line, spaces at the ends apart.
#[track_caller]
pub fn check(app: App, events: &str, expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let actual = rows(app, events);
    assert_eq!(actual.lines().collect::<Vec<_>>(), expected);
}

/// A row from words; `-` is NULL.
pub fn encode(schema: &Schema, words: &[&str]) -> Vec<u8> {
    let mut writer = RowWriter::new(schema.columns().len());
    for (place, (word, column)) in words.iter().zip(schema.columns()).enumerate() {
        match column.column_type {
            _ if *word == "-" => {}
            ColumnType::String => writer.set_str(place, word),
            ColumnType::Double => writer.set_f64(place, word.parse().unwrap()),
            _ => writer.set_i64(place, word.parse().unwrap()),
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).unwrap();
    bytes
}

/// A row as words.
pub fn shown(schema: &Schema, bytes: &[u8]) -> String {
    let row = Row::parse(schema, bytes).unwrap();
    let words = schema.columns().iter().enumerate().map(|(place, column)| match column.column_type {
        _ if row.is_null(place) => "-".to_owned(),
        ColumnType::String => row.str(place).to_owned(),
        ColumnType::Double => row.f64(place).to_string(),
        _ => row.i64(place).to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}
