//! Frames as they come from the network: many in a chunk.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use vencejo_protocol::frame::FrameReader;
use vencejo_protocol::message::Decide;

/// Requests for decisions, one behind the other.
pub struct Frames(Bytes);

impl Frames {
    /// Of these rows, one each.
    pub fn new(rows: &[Vec<u8>]) -> Self {
        let mut frames = BytesMut::new();
        for row in rows {
            Decide { decision: 0, deadline_micros: 0, row }.write(1, &mut frames);
        }
        Self(frames.freeze())
    }

    /// Cuts them apart; how many came out.
    pub fn cut(&self, reader: &mut FrameReader) -> usize {
        reader.push(self.0.clone());
        let mut count = 0;
        while let Ok(Some(frame)) = reader.next_frame() {
            black_box(&frame);
            count += 1;
        }
        count
    }
}
