//! Runs an app over events that are written as text.

use std::fmt::Write as _;
use std::sync::Arc;

use vencejo_core::plan::App;
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_sql::plan;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{ColumnType, Schema};
use vencejo_types::{Sequence, StreamId, Tick};

/// Stream `t` is never late, stream `d` waits two seconds.
const STREAMS: &str = "
CREATE TABLE t (k STRING, ts TIMESTAMP(3), e STRING, x BIGINT, WATERMARK FOR ts AS ts);
CREATE TABLE d (k STRING, ts TIMESTAMP(3), e STRING, x BIGINT, WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);
";

/// A partition of a case's app, and what it gives.
pub struct Run {
    app: Arc<App>,
    pub state: PartitionState,
    effects: Effects,
    number: u64,
    tick: i64,
    pub rows: Vec<String>,
}

impl Run {
    pub fn new(sql: &str) -> Result<Self, String> {
        let text = format!("{STREAMS}{sql}");
        let app = plan("cases", &text, &mut |_| Err("no file".to_string()))
            .map_err(|errors| errors.iter().map(|error| error.render("case", &text)).collect::<String>())?;
        let app = Arc::new(app);
        let state = PartitionState::new(Arc::clone(&app));
        Ok(Self { app, state, effects: Effects::default(), number: 0, tick: 0, rows: Vec::new() })
    }

    /// Applies all events, then the end of the input.
    pub fn all(&mut self, events: &str) {
        let mut stream = 0;
        let mut key = "a";
        for token in events.split_whitespace() {
            match token {
                "d" if self.number == 0 => stream = 1,
                "~" => key = "~",
                name if name.bytes().all(|b| b.is_ascii_lowercase()) => key = name,
                token => self.event(stream, key, token),
            }
        }
        self.number += 1;
        self.apply(&Event::EndOfInput, "end");
    }

    fn event(&mut self, stream: u16, key: &str, token: &str) {
        self.number += 1;
        let place = self.number.to_string();
        if let Some(seconds) = token.strip_prefix('w') {
            let watermark = Some(millis(seconds));
            self.apply(&Event::Tick { watermarks: &[watermark, watermark] }, &place);
        } else if let Some(seconds) = token.strip_prefix('t') {
            self.tick = millis(seconds) * 1_000;
            self.apply(&Event::Tick { watermarks: &[Some(i64::MIN); 2] }, &place);
        } else {
            let app = Arc::clone(&self.app);
            let schema = &app.streams[usize::from(stream)].schema;
            let bytes = row(schema, key, token);
            let row = Row::parse(schema, &bytes).unwrap();
            self.apply(&Event::Row { stream: StreamId(stream), row }, &place);
        }
    }

    fn apply(&mut self, event: &Event<'_>, place: &str) {
        apply(&mut self.state, Sequence(self.number), Tick(self.tick), event, &mut self.effects);
        for effect in self.effects.list() {
            let Effect::Emitted { output, row, alert } = effect else { continue };
            let schema = &self.app.flow.outputs[*output].schema;
            let row = Row::parse(schema, &self.effects.bytes()[row.clone()]).unwrap();
            let mut text = format!("@{place}{}", shown(schema, row));
            if let Some(alert) = alert {
                let (_, rows) = self.effects.raised(*alert);
                let events = rows.iter().map(|row| row.sequence.to_string());
                write!(text, " [{}]", events.collect::<Vec<_>>().join(" ")).unwrap();
            }
            self.rows.push(text);
        }
    }
}

fn millis(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    format!("{whole}{fraction:0<3}").parse().unwrap_or_else(|_| panic!("{seconds}"))
}

/// `1.5B:7` as a row.
fn row(schema: &Schema, key: &str, token: &str) -> Vec<u8> {
    let (time, x) = token.split_once(':').unwrap_or((token, ""));
    let number = time.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let mut writer = RowWriter::default();
    writer.reset(schema.columns().len());
    if key != "~" {
        writer.set_str(0, key);
    }
    writer.set_i64(1, millis(number));
    if time.len() > number.len() {
        writer.set_str(2, &time[number.len()..]);
    }
    if !x.is_empty() {
        writer.set_i64(3, x.parse().unwrap());
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).unwrap();
    bytes
}

fn shown(schema: &Schema, row: Row<'_>) -> String {
    let mut text = String::new();
    for (index, column) in schema.columns().iter().enumerate() {
        let value = match column.column_type {
            _ if row.is_null(index) => "-".to_string(),
            ColumnType::Boolean => row.bool(index).to_string(),
            ColumnType::String => row.str(index).to_string(),
            ColumnType::Double => row.f64(index).to_string(),
            ColumnType::Timestamp => (row.i64(index) as f64 / 1_000.0).to_string(),
            _ => row.i64(index).to_string(),
        };
        write!(text, " {value}").unwrap();
    }
    text
}
