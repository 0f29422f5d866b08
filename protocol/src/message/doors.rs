//! Doors: the ports of an engine, and which partitions are served behind each.

use bytes::{BufMut, BytesMut};

use super::{Fields, Read, distinct, put_count, require};
use crate::frame::{FrameType, write_frame};
use crate::limits::{DOORS_MAX, PARTITIONS_MAX};

/// A question: where is each partition served?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doors;

impl Doors {
    /// Appends the frame.
    pub fn write(self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Doors, request, |_| {});
    }

    /// Reads the payload, which is empty.
    ///
    /// # Errors
    /// When it is not.
    pub fn read(payload: &[u8]) -> Read<Self> {
        Fields { rest: payload }.end().map(|()| Self)
    }
}

/// The answer. Every door serves every partition; one is served without a detour at its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorMap {
    /// UDP ports at the engine's address, distinct: at least 1, at most [`DOORS_MAX`].
    pub ports: Vec<u16>,
    /// Per partition its door, as a place in `ports`.
    pub partitions: Vec<u16>,
}

impl DoorMap {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::DoorMap, request, |out| {
            put_count(out, self.ports.len());
            self.ports.iter().for_each(|&port| out.put_u16_le(port));
            put_count(out, self.partitions.len());
            self.partitions.iter().for_each(|&door| out.put_u16_le(door));
        });
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let mut map = Self::default();
        for _ in 0..fields.count(DOORS_MAX, "doors")? {
            map.ports.push(fields.u16("port")?);
        }
        require(!map.ports.is_empty(), "doors")?;
        require(!map.ports.contains(&0) && distinct(map.ports.iter()), "port")?;
        for _ in 0..fields.count(PARTITIONS_MAX as usize, "partitions")? {
            let door = fields.u16("door")?;
            require(usize::from(door) < map.ports.len(), "door")?;
            map.partitions.push(door);
        }
        require(!map.partitions.is_empty(), "partitions")?;
        fields.end()?;
        Ok(map)
    }
}
