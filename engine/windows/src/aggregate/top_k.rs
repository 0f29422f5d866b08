//! The most frequent values: Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent
//! and top-k elements in data streams", ICDT 2005), merged as in Agarwal et al., "Mergeable summaries" (PODS
//! 2012).
//!
//! With m counters and n values, a count is too high by at most n / m, and every value with more than n / m
//! occurrences is there. Up to m distinct values all counts are exact.

use std::fmt::Write as _;
use vencejo_types::slots::Slots;

use vencejo_expr::{Type, Value};
use vencejo_types::decimal::Decimal;
use vencejo_types::limits::{TOP_K_COUNTERS_MAX, TOP_K_COUNTERS_MIN};
use vencejo_types::row::key_hash;

use super::set::bits;

/// Counters of the most frequent values.
#[derive(Clone, Debug, Default)]
pub struct TopValues {
    values: Vec<Box<[u8]>>,
    counts: Vec<u64>,
    index: Slots,
}

/// How many counters serve the `k` most frequent values.
pub fn counters_of(k: u16) -> usize {
    (usize::from(k) * 8).clamp(TOP_K_COUNTERS_MIN, TOP_K_COUNTERS_MAX)
}

impl TopValues {
    /// Takes a value.
    pub fn insert(&mut self, value: Value<'_>, counters: usize) {
        match value {
            Value::Str(text) => self.add(text.as_bytes(), 1, counters),
            value => self.add(&bits(value).to_be_bytes(), 1, counters),
        }
    }

    fn add(&mut self, value: &[u8], count: u64, counters: usize) {
        let hash = key_hash(value);
        if let Some(place) = self.index.find(hash, |place| *self.values[place] == *value) {
            self.counts[place] += count;
        } else if self.counts.len() < counters {
            self.index.insert(hash, self.counts.len());
            self.values.push(value.into());
            self.counts.push(count);
        } else {
            let least = self.counts.iter().copied().min().unwrap_or(0);
            let place = self.counts.iter().position(|&count| count == least).unwrap_or(0);
            self.index.remove(key_hash(&self.values[place]), place);
            self.index.insert(hash, place);
            self.values[place] = value.into();
            self.counts[place] += count;
        }
    }

    /// What a value that is not counted may have occurred at most.
    fn floor(&self, counters: usize) -> u64 {
        if self.counts.len() < counters { 0 } else { self.counts.iter().copied().min().unwrap_or(0) }
    }

    /// Takes what another one has.
    pub fn merge(&mut self, other: &Self, counters: usize) {
        let (ours, theirs) = (self.floor(counters), other.floor(counters));
        let mut all: Vec<(u64, Box<[u8]>)> = Vec::with_capacity(self.counts.len() + other.counts.len());
        for (value, &count) in self.values.iter().zip(&self.counts) {
            all.push((count + other.count(value).unwrap_or(theirs), value.clone()));
        }
        for (value, &count) in other.values.iter().zip(&other.counts) {
            if self.count(value).is_none() {
                all.push((count + ours, value.clone()));
            }
        }
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.truncate(counters);
        *self = Self::default();
        for (count, value) in all {
            self.add(&value, count, counters);
        }
    }

    fn count(&self, value: &[u8]) -> Option<u64> {
        let place = self.index.find(key_hash(value), |place| *self.values[place] == *value)?;
        Some(self.counts[place])
    }

    /// Appends the `k` most frequent values as a JSON array, most frequent first, of equal counts the least
    /// by its bytes.
    pub fn write_json(&self, k: u16, value_type: Type, out: &mut String) {
        let entries = self.values.iter().zip(&self.counts);
        write_entries(entries.map(|(value, &count)| (count, &**value)).collect(), k, value_type, out);
    }

    /// All that it is: counts and where each value ends, then the values.
    pub fn parts(&self) -> (Vec<u64>, Vec<u8>) {
        let (mut words, mut bytes) = (Vec::with_capacity(2 * self.counts.len()), Vec::new());
        for (value, &count) in self.values.iter().zip(&self.counts) {
            bytes.extend_from_slice(value);
            words.extend([count, bytes.len() as u64]);
        }
        (words, bytes)
    }

    /// What these parts are; nothing where they are none.
    pub fn of_parts(words: &[u64], bytes: &[u8]) -> Option<Self> {
        let (pairs, []) = words.as_chunks::<2>() else { return None };
        let (mut top, mut start) = (Self::default(), 0);
        for &[count, end] in pairs {
            let value = bytes.get(start..usize::try_from(end).ok()?)?;
            start += value.len();
            top.index.insert(key_hash(value), top.values.len());
            top.values.push(value.into());
            top.counts.push(count);
        }
        Some(top)
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(|value| value.len()).sum();
        let lists = self.values.capacity() * size_of::<Box<[u8]>>() + self.counts.capacity() * 8;
        size_of::<Self>() + values + lists + self.index.bytes()
    }
}

/// Appends the `k` most frequent of values with their numbers, as [`TopValues::write_json`] does.
pub fn write_top_json<'a>(
    values: impl Iterator<Item = (Value<'a>, u64)>,
    k: u16,
    value_type: Type,
    out: &mut String,
) {
    let values: Vec<(Value<'a>, [u8; 8], u64)> =
        values.map(|(value, count)| (value, bits(value).to_be_bytes(), count)).collect();
    let entries = values.iter().map(|(value, bytes, count)| match value {
        Value::Str(text) => (*count, text.as_bytes()),
        _ => (*count, bytes.as_slice()),
    });
    write_entries(entries.collect(), k, value_type, out);
}

fn write_entries(mut entries: Vec<(u64, &[u8])>, k: u16, value_type: Type, out: &mut String) {
    entries.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    out.push('[');
    for (at, &(count, value)) in entries.iter().take(usize::from(k)).enumerate() {
        out.push_str(if at == 0 { "{\"value\":" } else { ",{\"value\":" });
        write_value(value, value_type, out);
        // Writing to a string cannot fail.
        let _ = write!(out, ",\"count\":{count}}}");
    }
    out.push(']');
}

fn write_value(bytes: &[u8], value_type: Type, out: &mut String) {
    let bits = u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default());
    // Writing to a string cannot fail.
    let _ = match value_type {
        Type::String => return write_text(std::str::from_utf8(bytes).unwrap_or_default(), out),
        Type::Boolean => write!(out, "{}", bits != 0),
        Type::Double => write!(out, "{:?}", f64::from_bits(bits)),
        Type::Decimal { scale, .. } => write!(out, "{}", Decimal { unscaled: bits.cast_signed(), scale }),
        _ => write!(out, "{}", bits.cast_signed()),
    };
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A skewed stream: value v comes about 1 / v of the time.
    fn stream(seed: u64) -> impl Iterator<Item = i64> {
        (0..20_000_u64).map(move |number| {
            let dice = key_hash(&(number * 31 + seed).to_le_bytes());
            (10_000.0 / (1.0 + (dice % 10_000) as f64)) as i64 * 7 + (dice >> 32).cast_signed() % 3
        })
    }

    #[test]
    fn counts_are_too_high_by_at_most_n_over_m() {
        let (mut left, mut right, mut exact) = (TopValues::default(), TopValues::default(), BTreeMap::new());
        let counters = counters_of(10);
        for (sketch, seed) in [(&mut left, 1), (&mut right, 2)] {
            for value in stream(seed) {
                sketch.insert(Value::Int(value), counters);
                *exact.entry(value).or_insert(0_u64) += 1;
            }
        }
        left.merge(&right, counters);
        assert!(exact.len() > counters && left.counts.len() == counters);
        let slack = 40_000 / counters as u64;
        for (&value, &count) in &exact {
            match left.count(&value.to_be_bytes()) {
                Some(found) => assert!((count..=count + slack).contains(&found), "{value}: {count} {found}"),
                None => assert!(count <= slack, "{value}: {count}"),
            }
        }
    }

    #[test]
    fn json_names_values_as_they_are() {
        let mut top = TopValues::default();
        for text in ["b", "a\"\n\u{1}", "b", "c", "c"] {
            top.insert(Value::Str(text), 10);
        }
        let mut json = String::new();
        top.write_json(2, Type::String, &mut json);
        assert_eq!(json, r#"[{"value":"b","count":2},{"value":"c","count":2}]"#);
        json.clear();
        top.write_json(3, Type::String, &mut json);
        assert!(json.ends_with(r#"{"value":"a\"\n\u0001","count":1}]"#), "{json}");
    }
}
