//! Variance: Welford's update (1962), merged as in Chan, Golub, LeVeque (1979).

/// Which measure of spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Standard deviation; else variance.
    pub root: bool,
    /// Of a sample; else of the population.
    pub sample: bool,
}

/// Count, mean and sum of squared distances from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    /// How many values.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub squares: f64,
}

impl Moments {
    /// Takes a value.
    pub fn insert(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    /// Takes what another one has.
    pub fn merge(&mut self, other: Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        self.mean += delta * (other.count / count);
        self.squares += other.squares + delta * delta * (self.count * other.count / count);
        self.count = count;
    }

    /// The measure; nothing of too few values.
    pub fn spread(&self, spread: Spread) -> Option<f64> {
        let degrees = if spread.sample { self.count - 1.0 } else { self.count };
        if degrees < 1.0 {
            return None;
        }
        let variance = (self.squares / degrees).max(0.0);
        Some(if spread.root { variance.sqrt() } else { variance })
    }
}
