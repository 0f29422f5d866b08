//! A partition of an app with the ads app's requests.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_core::{Effects, Event, LookAhead, PartitionState, apply};
use vencejo_model::Model;
use vencejo_runtime::Clock;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{ColumnType, Schema};
use vencejo_types::{DecisionId, StreamId, Tick};

/// Distinct placements of the requests.
const PLACEMENTS: usize = 200;
/// What a placement's name begins with.
const PLACEMENT: &str = "site-";
/// Digits of the number behind it.
const PLACEMENT_DIGITS: usize = 8;
/// When placements are seen, and up to when windows are closed: of the ads app's windows, one of each length
/// ends in between.
const SEEN_MILLIS: i64 = 14 * 60_000 + 30_000;
const CLOSED_MILLIS: i64 = 15 * 60_000;

/// A partition of the ads app, or of one with its stream of requests, and requests for its decision.
pub struct Workload {
    state: PartitionState,
    effects: Effects,
    schema: Arc<Schema>,
    /// Encoded requests.
    pub rows: Vec<Vec<u8>>,
    /// Where the number of the placement stands in each.
    numbers: Vec<usize>,
    look: LookAhead,
}

impl Workload {
    /// The workload of apps/ads.
    ///
    /// # Panics
    /// When apps/ads is not valid.
    pub fn new(requests: usize) -> Self {
        Self::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/ads"), requests)
    }

    /// The workload of the app in this folder.
    ///
    /// # Panics
    /// When it is not valid.
    pub fn of(folder: &Path, requests: usize) -> Self {
        let clock = Clock::start();
        let start = clock.now();
        let mut nanos = || u64::try_from(clock.now().since(start).as_nanos()).unwrap_or(u64::MAX);
        Self::compiled(folder, requests, |model| model.compile(Some(&mut nanos)))
    }

    /// The same, with models in the layout that is the fastest as a rule.
    ///
    /// # Panics
    /// When the app is not valid.
    pub fn untimed(folder: &Path, requests: usize) -> Self {
        Self::compiled(folder, requests, |model| model.compile(None))
    }

    fn compiled(folder: &Path, requests: usize, mut compile: impl FnMut(Model) -> Model) -> Self {
        let mut app = app_of(folder);
        for slot in &mut app.models {
            let ModelVersion { label, content, model } = slot.champion.as_ref();
            let model = compile(model.clone());
            slot.champion = Arc::new(ModelVersion { label: label.clone(), content: *content, model });
        }
        let app = Arc::new(app);
        let schema = Arc::clone(&app.streams[app.decisions[0].stream.index()].schema);
        let rows: Vec<_> = (0..requests).map(|number| request(&schema, number)).collect();
        let number_of = |row: &Vec<u8>| {
            let at = row.windows(PLACEMENT.len()).position(|bytes| bytes == PLACEMENT.as_bytes());
            at.expect("the request has a placement") + PLACEMENT.len()
        };
        let numbers = rows.iter().map(number_of).collect();
        let (state, effects) = (PartitionState::new(app), Effects::default());
        Self { state, effects, schema, rows, numbers, look: LookAhead::default() }
    }

    /// The schema of the requests.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Decides a request that waits alone; the number of bytes of the answer.
    pub fn decide(&mut self, request: usize) -> usize {
        self.decide_waiting(&[request % self.rows.len()])
    }

    /// Decides a request as if it came from this placement, of a hundred million.
    pub fn decide_for(&mut self, request: usize, placement: usize) -> usize {
        let request = request % self.rows.len();
        self.set_placement(request, placement);
        self.decide_waiting(&[request])
    }

    /// Gives these placements, of a hundred million, what all of the ads app's look-ups find: an impression
    /// each, and the first of the windows that it is in closed.
    ///
    /// # Panics
    /// When the app has no stream of impressions.
    pub fn see(&mut self, placements: Range<usize>) {
        let app = Arc::clone(self.state.app());
        let stream = app.streams.iter().position(|stream| stream.name == "impressions");
        let stream = stream.expect("the ads app has impressions");
        let schema = &app.streams[stream].schema;
        let stream = StreamId(u16::try_from(stream).expect("an app has fewer streams"));
        for placement in placements {
            let row = row(schema, placement, &placement_name(placement), SEEN_MILLIS);
            let row = Row::of_checked(schema.columns().len(), &row);
            let sequence = self.state.sequence().next();
            apply(&mut self.state, sequence, Tick(0), &Event::Row { stream, row }, &mut self.effects);
        }
        let watermarks = vec![Some(CLOSED_MILLIS); app.streams.len()];
        let sequence = self.state.sequence().next();
        let event = Event::Tick { watermarks: &watermarks };
        apply(&mut self.state, sequence, Tick(0), &event, &mut self.effects);
    }

    /// Has a request come from this placement, of a hundred million.
    pub fn set_placement(&mut self, request: usize, placement: usize) {
        let at = self.numbers[request];
        let mut rest = placement;
        for digit in self.rows[request][at..at + PLACEMENT_DIGITS].iter_mut().rev() {
            *digit = b"0123456789"[rest % 10];
            rest /= 10;
        }
    }

    /// Decides requests that wait together, as a partition does; the number of bytes of the last answer.
    pub fn decide_waiting(&mut self, requests: &[usize]) -> usize {
        let (decision, columns) = (DecisionId(0), self.schema.columns().len());
        let rows = requests.iter().map(|&request| Row::of_checked(columns, &self.rows[request]));
        if self.look.is_due(requests.len()) {
            self.look.fetch(&self.state, decision, &rows, &mut self.effects);
        }
        for row in rows {
            let event = Event::Decide { decision, row, expired: false };
            let sequence = self.state.sequence().next();
            apply(&mut self.state, sequence, Tick(0), &event, &mut self.effects);
        }
        self.effects.bytes().len()
    }
}

fn app_of(folder: &Path) -> App {
    let sql = std::fs::read_to_string(folder.join("app.sql")).expect("the folder has an app.sql");
    let mut load = |path: &str| std::fs::read(folder.join(path)).map_err(|error| error.to_string());
    vencejo_sql::plan("ads", &sql, &mut load).expect("the app is valid")
}

/// Request number `number`: its columns vary with it.
fn request(schema: &Schema, number: usize) -> Vec<u8> {
    row(schema, number, &placement_name(number % PLACEMENTS), CLOSED_MILLIS)
}

fn placement_name(placement: usize) -> String {
    format!("{PLACEMENT}{placement:0PLACEMENT_DIGITS$}/top")
}

/// A row of a placement, at this time.
fn row(schema: &Schema, number: usize, placement: &str, millis: i64) -> Vec<u8> {
    let mut writer = RowWriter::new(schema.columns().len());
    for (index, column) in schema.columns().iter().enumerate() {
        let small = i64::try_from(number % 7).expect("below 7");
        match (column.name.as_str(), column.column_type) {
            ("placement", _) => writer.set_str(index, placement),
            (_, ColumnType::Timestamp) => writer.set_i64(index, millis),
            ("hour_of_day", _) => writer.set_i64(index, small * 3),
            ("country", _) => writer.set_str(index, ["ES", "PT", "FR", "BR"][number % 4]),
            ("device_category", _) => writer.set_str(index, ["mobile", "tablet", "desktop"][number % 3]),
            (_, ColumnType::String) => writer.set_str(index, "a string of usual length"),
            (_, ColumnType::Double) => writer.set_f64(index, (number % 100) as f64 / 100.0),
            (_, ColumnType::Boolean) => writer.set_bool(index, number.is_multiple_of(2)),
            _ => writer.set_i64(index, small + 1),
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).expect("every column has a value of its type");
    bytes
}
