//! The values in a frame, with how often each is there: what DISTINCT and APPROX_TOP_K are taken from. Exact.

use std::collections::BTreeMap;

use vencejo_expr::{Type, Value};

use crate::key;

/// Values with their numbers.
#[derive(Debug, Default)]
pub(crate) struct Multiset {
    counts: BTreeMap<Box<[u8]>, u64>,
    value_bytes: usize,
    room: Vec<u8>,
}

impl Multiset {
    pub fn insert(&mut self, value: Value<'_>) {
        self.write(value);
        if let Some(count) = self.counts.get_mut(self.room.as_slice()) {
            *count += 1;
        } else {
            self.value_bytes += self.room.len();
            self.counts.insert(self.room.as_slice().into(), 1);
        }
    }

    pub fn remove(&mut self, value: Value<'_>) {
        self.write(value);
        if let Some(count) = self.counts.get_mut(self.room.as_slice()) {
            *count -= 1;
            if *count == 0 {
                self.value_bytes -= self.room.len();
                self.counts.remove(self.room.as_slice());
            }
        }
    }

    fn write(&mut self, value: Value<'_>) {
        // Zeros are one value.
        let value = if let Value::Double(number) = value { Value::Double(number + 0.0) } else { value };
        self.room.clear();
        key::write([value], &mut self.room);
    }

    /// Number of distinct values.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// The values with their numbers, in order of their bytes.
    pub fn values(&self, value_type: Type) -> impl Iterator<Item = (Value<'_>, u64)> {
        self.counts.iter().map(move |(bytes, &count)| {
            let mut value = [Value::Null];
            key::read(bytes, [value_type], &mut value);
            (value[0], count)
        })
    }

    /// The values as bytes with their numbers, in order.
    pub fn entries(&self) -> Vec<(Box<[u8]>, u64)> {
        self.counts.iter().map(|(value, &count)| (value.clone(), count)).collect()
    }

    /// The set that these are.
    pub fn of_entries(entries: Vec<(Box<[u8]>, u64)>) -> Self {
        let value_bytes = entries.iter().map(|(value, _)| value.len()).sum();
        Self { counts: entries.into_iter().collect(), value_bytes, room: Vec::new() }
    }

    pub fn bytes(&self) -> usize {
        // A B-tree's nodes are two thirds full, as a rule.
        self.counts.len() * (size_of::<(Box<[u8]>, u64)>() * 3 / 2) + self.value_bytes + self.room.capacity()
    }
}
