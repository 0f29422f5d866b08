//! Numbers: what a row may hold, and in which precision a library computes.

/// Numbers this close to zero are zero to LightGBM: its constant is the `f32` next to 1e-35.
pub(crate) const ZERO: f64 = 1.000_000_018_002_509_5e-35;

/// A precision of inputs or sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
}

impl Precision {
    /// `a + b` in this precision. Both must already be of it.
    pub(crate) fn add(self, a: f64, b: f64) -> f64 {
        match self {
            Self::F32 => f64::from(round_to_f32(a) + round_to_f32(b)),
            Self::F64 => a + b,
        }
    }

    /// The number rounded to this precision.
    pub(crate) fn round(self, x: f64) -> f64 {
        match self {
            Self::F32 => f64::from(round_to_f32(x)),
            Self::F64 => x,
        }
    }
}

/// The nearest `f32`; ties go to the even one, too large becomes infinite.
#[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
pub(crate) fn round_to_f32(x: f64) -> f32 {
    x as f32
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number of a row: `f32` or `f64`.
///
/// Every model takes both. A model that was trained on `f32` (XGBoost, CatBoost, most ONNX files) rounds an
/// `f64` to `f32` first, as its library does; LightGBM compares the `f64` itself.
pub trait Feature: Copy + sealed::Sealed {
    /// The number, rounded to `f32`.
    fn to_f32(self) -> f32;
    /// The number; an `f32` loses nothing.
    fn to_f64(self) -> f64;
}

impl Feature for f32 {
    fn to_f32(self) -> f32 {
        self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Feature for f64 {
    fn to_f32(self) -> f32 {
        round_to_f32(self)
    }

    fn to_f64(self) -> f64 {
        self
    }
}
