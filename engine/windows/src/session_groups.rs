//! Groups of sessions.
//!
//! Rows come out by window (its end, then its start), of equal windows by arrival of the session.

use vencejo_expr::Value;

use crate::aggregate::{Sides, State, Texts};
use crate::cell::Slab;
use crate::groups::{Layout, keys_max, recycled};
use crate::key;
use crate::operator::{Downstream, Taken};
use crate::paged::Visitor;
use crate::session::Sessions;
use crate::spec::Aggregation;
use crate::table::KeyedTable;
use crate::window::is_in_range;

#[derive(Debug)]
pub(crate) struct SessionGroups {
    layout: Layout,
    time: usize,
    lateness: i64,
    sessions: Sessions,
    /// Accumulators by session number.
    runs: Slab,
    sides: Sides,
    key: Vec<u8>,
    watermark: i64,
    pub late: u64,
    pub refused: u64,
}

impl SessionGroups {
    pub fn new(spec: &Aggregation, gap: i64, lateness: i64) -> Self {
        let layout = Layout::new(&spec.key, &spec.calls, &[]);
        Self {
            sessions: Sessions::new(gap, lateness, key::inline_cells(&spec.key), keys_max(spec)),
            runs: Slab::new(layout.aggregates.initial().len()),
            layout,
            time: spec.time.unwrap_or(0),
            lateness,
            sides: Sides::default(),
            key: Vec::new(),
            watermark: i64::MIN,
            late: 0,
            refused: 0,
        }
    }

    pub fn row(&mut self, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        let Value::Int(time) = row[self.time] else {
            self.late += 1;
            return Taken::Late;
        };
        if !is_in_range(time) {
            self.refused += 1;
            return Taken::Refused;
        }
        key::write_columns(row, &self.layout.key, &mut self.key);
        let touched = match self.sessions.touch(&self.key, time) {
            Ok(touched) => touched,
            Err(Taken::Late) => {
                self.late += 1;
                return Taken::Late;
            }
            Err(_) => {
                self.refused += 1;
                return Taken::Refused;
            }
        };
        let at = touched.session as usize;
        let aggregates = &self.layout.aggregates;
        if at == self.runs.len() {
            self.runs.push(aggregates.initial(), &[]);
        } else if touched.is_new {
            self.runs.get_mut(at).copy_from_slice(aggregates.initial());
        }
        aggregates.fold(row, time, self.runs.get_mut(at), &mut self.sides);
        for &absorbed in &self.sessions.absorbed {
            // What is aside moves over; both lie in the same store, so the accumulators go through a copy.
            let theirs = self.runs.get(absorbed as usize).to_vec();
            let sides = std::mem::take(&mut self.sides);
            let mut merged = Sides::default();
            let mut cells = aggregates.initial().to_vec();
            aggregates.merge(&mut cells, &mut merged, State { cells: self.runs.get(at), sides: &sides });
            aggregates.merge(&mut cells, &mut merged, State { cells: &theirs, sides: &sides });
            self.sides = sides;
            aggregates.release(&theirs, &mut self.sides);
            aggregates.release(self.runs.get(at), &mut self.sides);
            let run = self.runs.get_mut(at);
            run.copy_from_slice(aggregates.initial());
            aggregates.merge(run, &mut self.sides, State { cells: &cells, sides: &merged });
        }
        if touched.is_closed {
            self.emit(touched.session, &mut Texts::default(), Vec::new(), down);
        }
        Taken::Yes
    }

    pub fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        if watermark <= self.watermark {
            return;
        }
        self.watermark = watermark;
        let closed = self.sessions.closed(watermark);
        let (mut spare, mut texts) = (Vec::new(), Texts::default());
        for &session in &closed {
            spare = self.emit(session, &mut texts, spare, down);
        }
        if self.lateness <= 0 {
            closed.into_iter().for_each(|session| self.remove(session));
        }
        while let Some(session) = self.sessions.next_ended() {
            self.remove(session);
        }
    }

    fn remove(&mut self, session: u32) {
        self.layout.aggregates.release(self.runs.get(session as usize), &mut self.sides);
        self.sessions.remove(session);
    }

    /// Gives out a session's row. `spare` is memory for it, which comes back.
    fn emit(
        &self,
        number: u32,
        texts: &mut Texts,
        spare: Vec<Value<'static>>,
        down: &mut dyn Downstream,
    ) -> Vec<Value<'static>> {
        let session = self.sessions.session(number);
        let mut row = recycled(spare);
        row.resize(self.layout.windowed_width(), Value::Null);
        let state = State { cells: self.runs.get(number as usize), sides: &self.sides };
        let key = self.sessions.keys.key(session.key as usize);
        self.layout.read_windowed(key, (session.start, session.end), state, texts, &mut row);
        down.emit(&row);
        recycled(row)
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.sessions.visit(visitor);
        self.runs.visit(visitor);
        self.sides.visit(visitor);
        visitor.int(&mut self.watermark);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    /// Where a row's key is looked for.
    pub fn table(&self) -> &KeyedTable {
        &self.sessions.keys
    }

    pub fn key_count(&self) -> usize {
        self.sessions.len()
    }

    pub fn bytes(&self) -> usize {
        self.sessions.bytes() + self.runs.bytes() + self.sides.bytes()
    }
}
