//! What is counted of a version.

/// Decisions that a version answered in one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VariantCounts {
    /// Decisions for which it predicted, each once.
    pub decisions: u64,
    /// Those of them that the fallback answered all the same.
    pub fallbacks: u64,
}

impl VariantCounts {
    /// Adds what another partition counted.
    pub fn add(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.fallbacks += other.fallbacks;
    }
}

/// A shadow's predictions beside those that served.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShadowFigures {
    /// Predictions that it ran for.
    pub rows: u64,
    /// Those of them where both answers were finite.
    pub compared: u64,
    /// Sum of the absolute differences of those.
    pub difference_sum: f64,
    /// The greatest of them.
    pub difference_max: f64,
    /// Rows where its answer was not finite and the one that served was.
    pub not_finite: u64,
}

impl ShadowFigures {
    /// Adds a pair of predictions.
    pub(crate) fn compare(&mut self, served: f64, shadow: f64) {
        self.rows += 1;
        if !served.is_finite() {
            return;
        }
        if !shadow.is_finite() {
            self.not_finite += 1;
            return;
        }
        let difference = (served - shadow).abs();
        self.compared += 1;
        self.difference_sum += difference;
        self.difference_max = self.difference_max.max(difference);
    }

    /// Adds what another partition found.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.compared += other.compared;
        self.difference_sum += other.difference_sum;
        self.difference_max = self.difference_max.max(other.difference_max);
        self.not_finite += other.not_finite;
    }

    /// Mean of the absolute differences; nothing where none could be formed.
    pub fn difference_mean(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no shadow runs for 2^53 rows")]
        (self.compared > 0).then(|| self.difference_sum / self.compared as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_counts_by_which_of_it_is_finite() {
        let mut figures = ShadowFigures::default();
        for (served, shadow) in [
            (1.0, 1.5),
            (2.0, 1.0),
            (1.0, f64::NAN),
            (1.0, f64::INFINITY),
            (f64::NAN, 1.0),
            (f64::NAN, f64::NAN),
        ] {
            figures.compare(served, shadow);
        }
        assert_eq!((figures.rows, figures.compared, figures.not_finite), (6, 2, 2));
        assert_eq!((figures.difference_mean(), figures.difference_max), (Some(0.75), 1.0));
        assert_eq!(ShadowFigures::default().difference_mean(), None);
    }
}
