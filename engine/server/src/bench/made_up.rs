//! Rows of any stream, whose values follow from their number.

use bytes::BytesMut;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::protocol::schema::{ColumnType, Schema};
use vencejo_client::{RowWriter, StreamInfo};

use super::drive::Requests;
use crate::failure::Failure;
use crate::ingest::Level;

/// How rows are made up.
#[derive(Clone, Copy, Debug)]
pub(super) struct MadeUp {
    /// Distinct keys.
    pub(super) keys: u64,
    /// Bytes of each STRING column that is no key.
    pub(super) string_bytes: usize,
    /// The first row's time, in milliseconds of Unix time.
    pub(super) start_millis: i64,
    /// Rows that have the same time; those behind them have a millisecond more.
    pub(super) rows_per_milli: u64,
}

impl Default for MadeUp {
    fn default() -> Self {
        Self { keys: 1_000, string_bytes: 16, start_millis: 1_700_000_000_000, rows_per_milli: 1 }
    }
}

/// Batches of them.
#[derive(Clone, Debug)]
pub(super) struct MadeUpBatches {
    pub(super) made_up: MadeUp,
    pub(super) stream: StreamInfo,
    pub(super) ack: Level,
    /// Rows of a batch.
    pub(super) rows: u32,
}

impl MadeUpBatches {
    /// These, where the stream takes such rows: what is then sent can be made.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn checked(self) -> Result<Self, Failure> {
        self.write(0, &mut BytesMut::new())?;
        Ok(self)
    }

    /// Appends the frame of the batch in this place.
    ///
    /// # Errors
    /// When the stream does not take such rows.
    pub(super) fn write(&self, place: u64, out: &mut BytesMut) -> Result<(), Failure> {
        let first = place * u64::from(self.rows);
        let mut rows = Vec::new();
        for number in first..first + u64::from(self.rows) {
            Ingest::push_row(&mut rows, &self.made_up.row(&self.stream.schema, number)?);
        }
        let ack = Some(self.ack.level());
        Ingest { stream: self.stream.id, ack, count: self.rows, rows: &rows }.write(0, out);
        Ok(())
    }
}

impl Requests for MadeUpBatches {
    fn append(&self, place: u64, out: &mut BytesMut) {
        self.write(place, out)
            .expect("the first batch could be written, and this one differs in numbers alone");
    }
}

/// Values of a text that is no identifier: domains, countries, bidders are few beside events.
const NAMES: u64 = 200;

impl MadeUp {
    fn row(&self, schema: &Schema, number: u64) -> Result<Vec<u8>, Failure> {
        let key = (number.wrapping_mul(0x9e37_79b9) % self.keys).cast_signed();
        let time = self.start_millis + (number / self.rows_per_milli).cast_signed();
        let small = (number % 100).cast_signed();
        let text = |value: u64| format!("{value:0>0$}", self.string_bytes);
        let (id, name) = (text(number), text(key.cast_unsigned() % NAMES));
        let mut writer = RowWriter::new(schema.columns().len());
        for (place, column) in schema.columns().iter().enumerate() {
            let is_key = schema.key().contains(&place);
            let small = if is_key { key } else { small };
            match column.column_type {
                ColumnType::String if is_key => writer.set_str(place, &format!("key-{key}")),
                ColumnType::String if column.name.ends_with("_id") => {
                    writer.set_str(place, &id[..self.string_bytes]);
                }
                ColumnType::String => writer.set_str(place, &name[..self.string_bytes]),
                ColumnType::Double => writer.set_f64(place, small as f64),
                ColumnType::Boolean => writer.set_bool(place, number & 1 == 0),
                ColumnType::Timestamp => writer.set_i64(place, time),
                _ => writer.set_i64(place, small),
            }
        }
        let mut bytes = Vec::new();
        writer.finish(schema, &mut bytes).map_err(Failure::runtime)?;
        Ok(bytes)
    }
}
