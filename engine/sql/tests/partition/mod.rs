//! A partition that runs an app's text.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses its part, and fails by panicking"
)]

use std::sync::Arc;

use vencejo_core::plan::{App, Succession};
use vencejo_core::query::{Progress, Scan};
use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_sql::{plan, plan_query};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::{StreamId, Tick};

/// An app that is valid.
pub fn planned(text: &str) -> App {
    let mut load = |_: &str| Err("not found".to_string());
    plan("test", text, &mut load).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

/// A partition with its app.
pub struct Partition {
    pub state: PartitionState,
    effects: Effects,
}

impl Partition {
    /// One of this app.
    pub fn new(text: &str) -> Self {
        let state = PartitionState::new(Arc::new(planned(text)));
        Self { state, effects: Effects::default() }
    }

    /// Applies an event.
    pub fn apply(&mut self, event: &Event<'_>) {
        let sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(1_000_000), event, &mut self.effects);
    }

    /// Applies a row with a key `k` and a time `at`.
    pub fn row(&mut self, stream: u16, key: &str, millis: i64) {
        let app = Arc::clone(self.state.app());
        let schema = &app.streams[usize::from(stream)].schema;
        let mut writer = RowWriter::new(schema.columns().len());
        let mut bytes = Vec::new();
        writer.set_str(schema.position("k").unwrap(), key);
        writer.set_i64(schema.position("at").unwrap(), millis);
        writer.finish(schema, &mut bytes).unwrap();
        let row = Row::parse(schema, &bytes).unwrap();
        self.apply(&Event::Row { stream: StreamId(stream), row });
    }

    /// Has another app take over.
    pub fn deploy(&mut self, text: &str) -> Succession {
        let succession = Succession::new(self.state.app(), planned(text)).unwrap();
        self.apply(&Event::App(&succession));
        assert!(self.effects.take_retired().is_some());
        succession
    }

    /// The first column of a query's rows, numbers.
    pub fn numbers(&self, sql: &str) -> Vec<i64> {
        let app = Arc::clone(self.state.app());
        let query = Arc::new(plan_query(&app, sql, 1).unwrap_or_else(|errors| panic!("{sql}: {errors:?}")));
        let mut scan = Scan::new(Arc::clone(&app), Arc::clone(&query), 1);
        while scan.slice(&self.state).unwrap() == Progress::More {}
        let columns = query.answer.columns().len();
        let rows = scan.finish().unwrap();
        rows.iter().map(|row| Row::of_checked(columns, row).i64(0)).collect()
    }
}
