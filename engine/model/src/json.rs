//! What serde_json reads of model files, and what its errors mean.
//!
//! With its feature `float_roundtrip`, serde_json parses a number that goes into an `f32` directly as `f32`,
//! correctly rounded. The test below fails without it.

use serde_json::error::Category;

use crate::error::{ModelError, quotable};
use crate::format::Format;

/// What serde_json's error means for a model file.
pub(crate) fn json_error(error: &serde_json::Error, bytes: &[u8]) -> ModelError {
    let (format, detail) = (Format::Json, quotable(&error.to_string()));
    match error.classify() {
        Category::Eof => ModelError::Truncated {
            format,
            detail: format!("at line {} column {}", error.line(), error.column()),
        },
        Category::Data => ModelError::Layout { format, detail },
        Category::Syntax | Category::Io if is_not_finite(bytes, error.line(), error.column()) => {
            ModelError::JsonNotFinite { line: error.line(), column: error.column() }
        }
        Category::Syntax | Category::Io => ModelError::Damaged { format, detail },
    }
}

/// Whether the error at this place is one of the words XGBoost writes for numbers that JSON lacks.
fn is_not_finite(bytes: &[u8], line: usize, column: usize) -> bool {
    let text = bytes.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    // The reported column is that of the word's first letter or of the byte before it.
    let from = |start: usize| text.get(start..).unwrap_or_default();
    (column.saturating_sub(2)..=column).any(|start| {
        let rest = from(start);
        rest.starts_with(b"NaN") || rest.starts_with(b"Infinity")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_numbers_are_not_rounded_twice() {
        // Just above the middle between 1 and the next f32. Through f64 it would become the middle itself,
        // and then 1.
        let text = "[1.00000005960464477539062500001, 16777217, -0, 1e-45, 3.4028235e38]";
        let numbers: Vec<f32> = serde_json::from_str(text).unwrap();
        let expected = [1.0 + f32::EPSILON, 16_777_216.0, -0.0, f32::from_bits(1), f32::MAX];
        assert_eq!(
            numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>(),
            expected.map(f32::to_bits)
        );
    }
}
