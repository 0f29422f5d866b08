//! Percentiles: DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees", VLDB 2019), with its linearly interpolated mapping.
//!
//! A double's bucket is its exponent and the first 6 bits of its mantissa: no logarithm, the same on every
//! machine. A bucket is at most 1/64 of its lower bound wide, so its middle is within 1/128 (0.79 %) of every
//! value in it. Past [`PERCENTILE_BUCKETS_MAX`] buckets the least values share one, and the guarantee holds
//! for the others.

use vencejo_types::limits::PERCENTILE_BUCKETS_MAX;

const MANTISSA_BITS_KEPT: u32 = 6;
const SHIFT: u32 = 52 - MANTISSA_BITS_KEPT;

/// The sketch.
#[derive(Clone, Debug)]
pub struct Quantiles {
    /// Bucket and how many values are in it, ascending.
    buckets: Vec<(i32, u64)>,
    count: u64,
    min: f64,
    max: f64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { buckets: Vec::new(), count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

/// The bucket of a finite double: ascending with it, negative below zero. Subnormals count as zero.
fn bucket(value: f64) -> i32 {
    if value.abs() < f64::MIN_POSITIVE {
        return 0;
    }
    let magnitude = (value.abs().to_bits() >> SHIFT) as i32;
    if value < 0.0 { -magnitude } else { magnitude }
}

/// The middle of a bucket.
fn middle(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let low = u64::from(bucket.unsigned_abs()) << SHIFT;
    let magnitude = f64::from_bits(low | 1 << (SHIFT - 1));
    if bucket < 0 { -magnitude } else { magnitude }
}

impl Quantiles {
    /// Takes a finite value.
    pub fn insert(&mut self, value: f64) {
        self.add(bucket(value), 1);
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.collapse();
    }

    fn add(&mut self, bucket: i32, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |&(bucket, _)| bucket) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    fn collapse(&mut self) {
        let excess = self.buckets.len().saturating_sub(PERCENTILE_BUCKETS_MAX);
        if excess > 0 {
            let least: u64 = self.buckets[..excess].iter().map(|&(_, count)| count).sum();
            self.buckets.drain(..excess);
            self.buckets[0].1 += least;
        }
    }

    /// Takes out a value that was taken. The least and the greatest value are then known as well as the
    /// others.
    pub fn remove(&mut self, value: f64) {
        let found = self.buckets.binary_search_by_key(&bucket(value), |&(bucket, _)| bucket);
        // A bucket that is not there was put together with the least.
        let at = found.unwrap_or(0);
        let Some((_, count)) = self.buckets.get_mut(at) else { return };
        *count -= 1;
        self.count -= 1;
        if *count == 0 {
            self.buckets.remove(at);
        }
        let (Some(&(first, _)), Some(&(last, _))) = (self.buckets.first(), self.buckets.last()) else {
            *self = Self { buckets: std::mem::take(&mut self.buckets), ..Self::default() };
            return;
        };
        if value <= self.min || bucket(self.min) != first {
            self.min = middle(first);
        }
        if value >= self.max || bucket(self.max) != last {
            self.max = middle(last);
        }
    }

    /// Takes what another sketch has.
    pub fn merge(&mut self, other: &Self) {
        let ours = std::mem::take(&mut self.buckets);
        self.buckets.reserve(ours.len().max(other.buckets.len()));
        let (mut left, mut right) = (ours.as_slice(), other.buckets.as_slice());
        while let (Some(a), Some(b)) = (left.first(), right.first()) {
            let least = a.0.min(b.0);
            let count = if a.0 == least { a.1 } else { 0 } + if b.0 == least { b.1 } else { 0 };
            left = &left[usize::from(a.0 == least)..];
            right = &right[usize::from(b.0 == least)..];
            self.buckets.push((least, count));
        }
        self.buckets.extend_from_slice(left);
        self.buckets.extend_from_slice(right);
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.collapse();
    }

    /// The value with `fraction` of the others below it, rank rounded down; nothing of no values.
    pub fn quantile(&self, fraction: f64) -> Option<f64> {
        let last = self.count.checked_sub(1)?;
        let rank = (fraction.clamp(0.0, 1.0) * last as f64) as u64;
        if rank == 0 {
            return Some(self.min);
        }
        if rank >= last {
            return Some(self.max);
        }
        let mut below = 0;
        for &(bucket, count) in &self.buckets {
            below += count;
            if below > rank {
                return Some(middle(bucket).clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// All that a sketch is: count, least and greatest value, then buckets with their counts.
    pub fn words(&self) -> Vec<u64> {
        let head = [self.count, self.min.to_bits(), self.max.to_bits()];
        let buckets =
            self.buckets.iter().flat_map(|&(bucket, count)| [i64::from(bucket).cast_unsigned(), count]);
        head.into_iter().chain(buckets).collect()
    }

    /// The sketch of these words; nothing where they are none.
    pub fn of_words(words: &[u64]) -> Option<Self> {
        let (&[count, min, max], rest) = words.split_first_chunk()?;
        let (pairs, []) = rest.as_chunks::<2>() else { return None };
        let bucket = |&[bucket, count]: &[u64; 2]| Some((i32::try_from(bucket.cast_signed()).ok()?, count));
        let buckets = pairs.iter().map(bucket).collect::<Option<_>>()?;
        Some(Self { buckets, count, min: f64::from_bits(min), max: f64::from_bits(max) })
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.capacity() * size_of::<(i32, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Quantiles {
        let mut sketch = Quantiles::default();
        values.iter().for_each(|&value| sketch.insert(value));
        sketch
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(0.0),
            -1e3..1e3,
            (-9_i32..9, 1.0..10.0).prop_map(|(exponent, x)| x * 10_f64.powi(exponent)),
        ]
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_bound(
            mut values in prop::collection::vec(value(), 1..300),
            fraction in 0.0..=1.0,
            cut in 0_usize..300,
        ) {
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = of(left);
            merged.merge(&of(right));
            let all = of(&values);
            prop_assert_eq!(&merged.buckets, &all.buckets);
            values.sort_by(f64::total_cmp);
            let exact = values[(fraction * (values.len() - 1) as f64) as usize];
            let found = all.quantile(fraction).unwrap();
            prop_assert_eq!(merged.quantile(fraction), Some(found));
            prop_assert!((found - exact).abs() <= exact.abs() / 128.0 + f64::MIN_POSITIVE, "{found} {exact}");
        }
    }

    #[test]
    fn the_least_values_share_a_bucket_when_there_are_too_many() {
        let values: Vec<f64> = (-300..300).map(|exponent| 1.5 * 10_f64.powi(exponent)).collect();
        let mut sketch = of(&values);
        for part in 1..20 {
            sketch.merge(&of(&values.iter().map(|x| x * (1.0 + f64::from(part) / 20.0)).collect::<Vec<_>>()));
        }
        assert_eq!(sketch.buckets.len(), PERCENTILE_BUCKETS_MAX);
        let high = sketch.quantile(0.99).unwrap();
        assert!((1e293..1e295).contains(&high), "{high}");
        assert_eq!(sketch.quantile(0.0), Some(values[0]));
    }
}
