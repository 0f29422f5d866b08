//! Rows of running tables as they change, for whoever follows a view.

use std::sync::Arc;

use bumpalo::Bump;
use vencejo_types::ViewId;
use vencejo_types::row::RowWriter;
use vencejo_windows::Texts;

use crate::state::PartitionState;
use crate::write_values;

/// Rows of a table that events have changed, and the memory to read them in.
#[derive(Default)]
pub struct Changes {
    ends: Vec<usize>,
    bytes: Vec<u8>,
    arena: Bump,
    texts: Texts,
    writer: RowWriter,
}

impl Changes {
    /// Reads the rows of a running table that have changed since this was last asked, as they are now; those
    /// that HAVING does not let through, or that pass the longest row, are left out. None unless the table is
    /// watched ([`PartitionState::watch`]).
    pub fn read(&mut self, state: &mut PartitionState, table: ViewId) {
        self.ends.clear();
        self.bytes.clear();
        let app = Arc::clone(state.app());
        let touched = state.dataflow.take_touched(&app.flow, table);
        for place in touched {
            self.arena.reset();
            let row = state.dataflow.read(&app.flow, table, place, &mut self.texts, &self.arena);
            let schema = &app.flow.tables[table.index()].schema;
            let start = self.bytes.len();
            if row.is_some_and(|row| write_values(row, schema, &mut self.writer, &mut self.bytes).is_ok()) {
                self.ends.push(self.bytes.len());
            } else {
                self.bytes.truncate(start);
            }
        }
    }

    /// The rows that were read.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}
