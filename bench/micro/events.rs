//! An app of maintained aggregates and events for it, ready to be applied.

use std::sync::Arc;

use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_types::row::{Row, RowWriter, bitmap_bytes};
use vencejo_types::{DecisionId, StreamId, Tick};

const STREAM: &str = "CREATE TABLE events (user_id BIGINT NOT NULL, page STRING NOT NULL, amount DOUBLE,
    ts TIMESTAMP(3) NOT NULL, WATERMARK FOR ts AS ts) PARTITIONED BY (user_id);";

/// A running aggregate by user.
pub const RUNNING: &str = "CREATE MATERIALIZED VIEW per_user AS
    SELECT user_id, COUNT(*) AS events, SUM(amount) AS spent FROM events GROUP BY user_id;";
/// A windowed one.
pub const WINDOWED: &str = "CREATE MATERIALIZED VIEW per_second AS
    SELECT user_id, window_start, COUNT(*) AS events
    FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
    GROUP BY user_id, window_start, window_end;";
/// One by page, of few pages.
pub const PAGES: &str = "CREATE MATERIALIZED VIEW per_page AS
    SELECT page, window_start, COUNT(*) AS views, SUM(amount) AS spent
    FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' SECOND))
    GROUP BY page, window_start, window_end;";

/// Place of ts among the columns.
const TS: usize = 3;
const COLUMNS: usize = 4;
/// Event times are so dense: a million events in a second.
const EVENTS_PER_MILLI: usize = 1_000;

/// A partition of an app over a stream of events, and events.
pub struct Events {
    state: PartitionState,
    effects: Effects,
    rows: Vec<Vec<u8>>,
    next: usize,
    /// Rows that came out.
    pub emitted: usize,
}

impl Events {
    /// Statements over `events (user_id, page, amount, ts)`, and events of so many users.
    ///
    /// # Panics
    /// When the statements are not valid.
    pub fn new(statements: &str, users: usize) -> Self {
        let sql = format!("{STREAM}\n{statements}");
        let mut load = |_: &str| Err("no file".to_owned());
        let app = vencejo_sql::plan("events", &sql, &mut load);
        let app = Arc::new(app.unwrap_or_else(|errors| {
            let text: String = errors.iter().map(|error| error.render("app.sql", &sql)).collect();
            unreachable!("{text}")
        }));
        let schema = &app.streams[0].schema;
        let mut writer = RowWriter::new(COLUMNS);
        let rows = (0..users).map(|number| {
            // Users in no order that a cache would like.
            let user = number.wrapping_mul(0x9e37_79b1) % users;
            writer.set_i64(0, i64::try_from(user).expect("few users"));
            writer.set_str(1, &format!("/shop/category/{}", user % 100));
            writer.set_f64(2, (number % 1_000) as f64 / 10.0);
            writer.set_i64(TS, 0);
            let mut bytes = Vec::new();
            writer.finish(schema, &mut bytes).expect("every column has a value");
            bytes
        });
        let rows = rows.collect();
        let mut events =
            Self { state: PartitionState::new(app), effects: Effects::default(), rows, next: 0, emitted: 0 };
        (0..users).for_each(|_| events.apply());
        events
    }

    /// Applies the next event.
    pub fn apply(&mut self) {
        let at = bitmap_bytes(COLUMNS) + TS * 8;
        let millis = i64::try_from(self.next / EVENTS_PER_MILLI).expect("few events");
        let place = self.next % self.rows.len();
        self.next += 1;
        let row = &mut self.rows[place];
        row[at..at + 8].copy_from_slice(&millis.to_le_bytes());
        let event = Event::Row { stream: StreamId(0), row: Row::of_checked(COLUMNS, row) };
        let sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(0), &event, &mut self.effects);
        self.emitted += self.effects.list().len();
    }

    /// Decides on a row of the stream; the number of bytes of the answer.
    pub fn decide(&mut self) -> usize {
        let row = Row::of_checked(COLUMNS, &self.rows[self.next % self.rows.len()]);
        self.next += 1;
        let event = Event::Decide { decision: DecisionId(0), row, expired: false };
        let sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(0), &event, &mut self.effects);
        self.effects.bytes().len()
    }
}
