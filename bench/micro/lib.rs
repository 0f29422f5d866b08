//! Apps with their events and requests, ready to be applied: what the benchmarks and the allocation test
//! share.
#![forbid(unsafe_code)]

mod events;
mod processor;

pub use events::Events;
pub use processor::{PROCESSOR_TIME, ProcessorTime};

use std::path::Path;
use std::sync::Arc;

use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_runtime::Clock;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{ColumnType, Schema};
use vencejo_types::{DecisionId, Tick};

/// Distinct placements of the requests.
const PLACEMENTS: usize = 200;

/// A partition of the ads app and requests for its decision.
pub struct Workload {
    state: PartitionState,
    effects: Effects,
    schema: Arc<Schema>,
    /// Encoded requests.
    pub rows: Vec<Vec<u8>>,
}

impl Workload {
    /// The workload.
    ///
    /// # Panics
    /// When apps/ads is not valid.
    pub fn new(requests: usize) -> Self {
        let app = Arc::new(ads());
        let schema = Arc::clone(&app.streams[app.decisions[0].stream.index()].schema);
        let rows = (0..requests).map(|number| request(&schema, number)).collect();
        Self { state: PartitionState::new(app), effects: Effects::default(), schema, rows }
    }

    /// The schema of the requests.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Decides a request; the number of bytes of the answer.
    pub fn decide(&mut self, request: usize) -> usize {
        let row = Row::of_checked(self.schema.columns().len(), &self.rows[request % self.rows.len()]);
        let event = Event::Decide { decision: DecisionId(0), row, expired: false };
        let sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(0), &event, &mut self.effects);
        self.effects.bytes().len()
    }
}

fn ads() -> App {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/ads");
    let sql = std::fs::read_to_string(folder.join("app.sql")).expect("apps/ads has an app.sql");
    let mut load = |path: &str| std::fs::read(folder.join(path)).map_err(|error| error.to_string());
    let mut app = vencejo_sql::plan("ads", &sql, &mut load).expect("apps/ads is valid");
    let clock = Clock::start();
    let start = clock.now();
    let mut nanos = || u64::try_from(clock.now().since(start).as_nanos()).unwrap_or(u64::MAX);
    for slot in &mut app.models {
        let ModelVersion { label, content, model } = slot.champion.as_ref();
        let model = model.clone().compile(Some(&mut nanos));
        slot.champion = Arc::new(ModelVersion { label: label.clone(), content: *content, model });
    }
    app
}

/// Request number `number`: its columns vary with it.
fn request(schema: &Schema, number: usize) -> Vec<u8> {
    let mut writer = RowWriter::new(schema.columns().len());
    for (index, column) in schema.columns().iter().enumerate() {
        let small = i64::try_from(number % 7).expect("below 7");
        match (column.name.as_str(), column.column_type) {
            ("placement", _) => writer.set_str(index, &format!("site-{}/top", number % PLACEMENTS)),
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
