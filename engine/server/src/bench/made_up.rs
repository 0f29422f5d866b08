//! Rows of any stream, whose values follow from their number.

use bytes::BytesMut;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::protocol::schema::{ColumnType, Schema};
use vencejo_client::{RowWriter, StreamInfo};

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

/// One batch of them.
pub(super) struct MadeUpBatch<'a> {
    pub(super) stream: &'a StreamInfo,
    pub(super) ack: Level,
    pub(super) rows: u32,
    /// Its place among the batches.
    pub(super) place: u64,
}

impl MadeUp {
    /// Appends the frame of a batch.
    pub(super) fn append(&self, batch: &MadeUpBatch<'_>, out: &mut BytesMut) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for place in 0..u64::from(batch.rows) {
            let number = batch.place * u64::from(batch.rows) + place;
            Ingest::push_row(&mut rows, &self.row(&batch.stream.schema, number)?);
        }
        let ack = Some(batch.ack.level());
        Ingest { stream: batch.stream.id, ack, count: batch.rows, rows: &rows }.write(0, out);
        Ok(())
    }

    fn row(&self, schema: &Schema, number: u64) -> Result<Vec<u8>, Failure> {
        let key = (number.wrapping_mul(0x9e37_79b9) % self.keys).cast_signed();
        let time = self.start_millis + (number / self.rows_per_milli).cast_signed();
        let small = (number % 100).cast_signed();
        let text = format!("{number:0>0$}", self.string_bytes);
        let mut writer = RowWriter::new(schema.columns().len());
        for (place, column) in schema.columns().iter().enumerate() {
            let is_key = schema.key().contains(&place);
            let small = if is_key { key } else { small };
            match column.column_type {
                ColumnType::String if is_key => writer.set_str(place, &format!("key-{key}")),
                ColumnType::String => writer.set_str(place, &text[..self.string_bytes]),
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
