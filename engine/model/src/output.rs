//! From margins to predictions: what a library does to the sums before it shows them.

use crate::forest::{Precision, round_to_f32};

/// The function between margins and predictions.
///
/// `32` and `64` tell the precision in which the library computes. All but the identity use the platform's
/// `exp` and lie within 4 ulp of the library's answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    /// Prediction = margin.
    Identity,
    /// exp(margin).
    Exp(Precision),
    /// 1 / (1 + exp(-slope * margin)).
    Sigmoid(Precision, f64),
    /// 1 where the margin is above 0, else 0.
    Step,
    /// exp(margin) over the sum of all.
    Softmax(Precision),
    /// Index of the largest margin, the first of equals.
    Largest,
    /// ln(1 + exp(margin)).
    Softplus,
    /// margin * |margin|.
    SignedSquare,
    /// ONNX: the sigmoid, spelled so that small results keep the error of `1 - v`.
    MirroredSigmoid,
    /// ONNX: like [`Link::Softmax`], but a margin within 1e-7 of zero gives exp(-largest) times itself.
    SoftmaxZero,
    /// ONNX: two classes from one margin, `1 - m` and `m`.
    PairOfProbability,
    /// ONNX: two classes from one margin, `-m` and `m`.
    PairOfScores,
    /// ONNX: two classes from one margin, the sigmoids of `-m` and `m`.
    PairOfSigmoids,
}

/// What becomes of a row's margins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Output {
    /// Margins are divided by this first: the mean of a random forest.
    pub(crate) divide: Option<f64>,
    pub(crate) link: Link,
    /// Predictions are rounded to `f32`, whatever the sums were kept in: ONNX.
    pub(crate) round: bool,
}

impl Output {
    /// A link and nothing else.
    pub(crate) fn of(link: Link) -> Self {
        Self { divide: None, link, round: false }
    }

    /// Predictions of a row with so many margins.
    pub(crate) fn count(&self, margins: usize) -> usize {
        match self.link {
            Link::Largest => 1,
            Link::PairOfProbability | Link::PairOfScores | Link::PairOfSigmoids => 2,
            _ => margins,
        }
    }

    /// Writes the predictions of a row. Overwrites the margins. Allocates nothing.
    pub(crate) fn apply(&self, margins: &mut [f64], out: &mut [f64]) {
        self.apply_exactly(margins, out);
        if self.round {
            out.iter_mut().for_each(|x| *x = f64::from(round_to_f32(*x)));
        }
    }

    fn apply_exactly(&self, margins: &mut [f64], out: &mut [f64]) {
        if let Some(divisor) = self.divide {
            margins.iter_mut().for_each(|margin| *margin /= divisor);
        }
        match self.link {
            Link::Softmax(precision) => softmax(precision, margins),
            Link::SoftmaxZero => softmax_zero(margins),
            Link::Largest => {
                out[0] = index_of_largest(margins);
                return;
            }
            Link::PairOfProbability | Link::PairOfScores | Link::PairOfSigmoids => {
                out.copy_from_slice(&pair(self.link, margins[0]));
                return;
            }
            link => margins.iter_mut().for_each(|margin| *margin = single(link, *margin)),
        }
        out.copy_from_slice(margins);
    }
}

/// A link that looks at one margin only.
fn single(link: Link, margin: f64) -> f64 {
    match link {
        Link::Exp(Precision::F32) => round_to_f32(margin).exp().into(),
        Link::Exp(Precision::F64) => margin.exp(),
        Link::Sigmoid(Precision::F32, _) => sigmoid(round_to_f32(margin)).into(),
        Link::Sigmoid(Precision::F64, slope) => 1.0 / (1.0 + (-slope * margin).exp()),
        Link::MirroredSigmoid => mirrored_sigmoid(round_to_f32(margin)).into(),
        Link::Step => f64::from(u8::from(margin > 0.0)),
        Link::Softplus => margin.exp().ln_1p(),
        Link::SignedSquare => margin.signum() * margin * margin,
        _ => margin,
    }
}

/// exp(88.7) is the last power below f32's end; XGBoost stops there too.
fn sigmoid(margin: f32) -> f32 {
    const EXPONENT_MAX: f32 = 88.7;
    1.0 / ((-margin).min(EXPONENT_MAX).exp() + 1.0)
}

/// The sigmoid as onnxruntime spells it: small results keep the error of `1 - v`.
fn mirrored_sigmoid(margin: f32) -> f32 {
    let v = 1.0 / (1.0 + (-margin.abs()).exp());
    if margin < 0.0 { 1.0 - v } else { v }
}

fn pair(link: Link, margin: f64) -> [f64; 2] {
    match link {
        Link::PairOfProbability => [1.0 - margin, margin],
        Link::PairOfSigmoids => {
            let margin = round_to_f32(margin);
            [mirrored_sigmoid(-margin).into(), mirrored_sigmoid(margin).into()]
        }
        _ => [-margin, margin],
    }
}

fn softmax(precision: Precision, margins: &mut [f64]) {
    let largest = margins.iter().fold(f64::NEG_INFINITY, |largest, margin| largest.max(*margin));
    let mut sum = 0.0;
    for margin in margins.iter_mut() {
        *margin = match precision {
            Precision::F32 => (round_to_f32(*margin) - round_to_f32(largest)).exp().into(),
            Precision::F64 => (*margin - largest).exp(),
        };
        sum += *margin;
    }
    let sum = precision.round(sum);
    margins.iter_mut().for_each(|margin| *margin = precision.round(*margin / sum));
}

fn softmax_zero(margins: &mut [f64]) {
    const NEAR: f32 = 0.000_000_1;
    let largest = margins.iter().fold(f32::MIN, |largest, margin| largest.max(round_to_f32(*margin)));
    let mut sum = 0.0_f32;
    for margin in margins.iter_mut() {
        let x = round_to_f32(*margin);
        let power = if x.abs() > NEAR { (x - largest).exp() } else { x * (-largest).exp() };
        sum += if x.abs() > NEAR { power } else { 0.0 };
        *margin = power.into();
    }
    margins.iter_mut().for_each(|margin| *margin = f64::from(round_to_f32(*margin) / sum));
}

fn index_of_largest(margins: &[f64]) -> f64 {
    let mut best = 0;
    for (index, margin) in margins.iter().enumerate() {
        if *margin > margins[best] {
            best = index;
        }
    }
    // Outputs are far fewer than 2^32.
    f64::from(u32::try_from(best).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_margins_stay_in_range() {
        for margin in [f64::NEG_INFINITY, -1e30, -100.0, 0.0, 100.0, 1e30, f64::INFINITY] {
            for link in [Link::Sigmoid(Precision::F32, 1.0), Link::Sigmoid(Precision::F64, 1.0)] {
                let probability = single(link, margin);
                assert!((0.0..=1.0).contains(&probability), "{margin} gave {probability}");
            }
        }
        assert_eq!(single(Link::Sigmoid(Precision::F32, 1.0), 0.0), 0.5);
        assert_eq!(single(Link::Exp(Precision::F32), 0.0), 1.0);
    }

    #[test]
    fn several_margins_become_one_answer_or_many() {
        let apply = |link, margins: &[f64]| {
            let output = Output::of(link);
            let mut out = vec![0.0; output.count(margins.len())];
            output.apply(&mut margins.to_vec(), &mut out);
            out
        };
        assert_eq!(apply(Link::Largest, &[1.0, 3.0, 3.0]), [1.0]);
        assert_eq!(apply(Link::Softmax(Precision::F64), &[5.0, 5.0]), [0.5, 0.5]);
        assert_eq!(apply(Link::Softmax(Precision::F32), &[0.0, -1e30]), [1.0, 0.0]);
        assert_eq!(apply(Link::PairOfProbability, &[0.25]), [0.75, 0.25]);
        assert_eq!(apply(Link::PairOfScores, &[0.25]), [-0.25, 0.25]);
        assert_eq!(apply(Link::SignedSquare, &[-3.0, 2.0]), [-9.0, 4.0]);
        assert_eq!(apply(Link::Step, &[0.0, 0.1]), [0.0, 1.0]);
        assert_eq!(apply(Link::SoftmaxZero, &[0.0, 1.0]), [0.0, 1.0]);
    }
}
