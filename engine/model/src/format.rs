//! Which format a model file has, told from its first bytes and never from its name.

use std::fmt;

use crate::error::ModelError;

/// Encoding of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text JSON, as XGBoost (`booster.save_model("model.json")`) and CatBoost write it.
    Json,
    /// Universal Binary JSON in XGBoost's dialect, as `booster.save_model("model.ubj")` writes it.
    Ubjson,
    /// LightGBM's text, as `booster.save_model("model.txt")` writes it.
    Lightgbm,
    /// An ONNX graph, a protocol-buffer message.
    Onnx,
}

/// The library that a model comes from. It decides the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// XGBoost: inputs and sums are `f32`.
    Xgboost,
    /// LightGBM: inputs and sums are `f64`.
    Lightgbm,
    /// ONNX, as onnxruntime evaluates it.
    Onnx,
    /// CatBoost: inputs are `f32`, sums `f64`.
    Catboost,
}

impl Format {
    /// Tells the encoding of `bytes`.
    ///
    /// JSON and UBJSON open with `{`. What follows decides: JSON has white space, a quote or `}`; UBJSON has
    /// the integer marker of the first key's length, or a container marker. Reads a few bytes only.
    ///
    /// # Errors
    ///
    /// Bytes that are none of them: empty, the old binary format, PMML, a top-level array, anything else.
    pub(crate) fn detect(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.starts_with(b"binf") || bytes.starts_with(b"bs64") {
            return Err(ModelError::OldBinary);
        }
        if bytes.starts_with(b"CBM1") {
            return Err(ModelError::CatboostBinary);
        }
        if bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n") {
            return Ok(Self::Lightgbm);
        }
        if let [b'{', b'i' | b'U' | b'I' | b'l' | b'L' | b'$' | b'#' | b'N', ..] = bytes {
            return Ok(Self::Ubjson);
        }
        if is_onnx(bytes) {
            return Ok(Self::Onnx);
        }
        let mut text = bytes.iter().copied().skip_while(u8::is_ascii_whitespace);
        match (text.next(), text.next()) {
            (None, _) => Err(ModelError::Empty),
            (Some(b'{'), None) => {
                Err(ModelError::Truncated { format: Self::Json, detail: "after `{`".into() })
            }
            (Some(b'{'), Some(next)) if next.is_ascii_whitespace() || next == b'"' || next == b'}' => {
                Ok(Self::Json)
            }
            (Some(b'['), Some(b'{' | b'[' | b']' | b'"' | b' ' | b'-' | b'0'..=b'9' | b'$' | b'#')) => {
                Err(ModelError::NotAModel { why: "it holds an array, not an object" })
            }
            (Some(b'<' | 0xef), _) if is_pmml(bytes) => Err(ModelError::Pmml),
            _ => Err(ModelError::UnknownFormat),
        }
    }
}

/// An ONNX file opens with the field `ir_version`, a small number.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=99, field, ..] if matches!(field >> 3, 2..=25))
}

/// Whether an XML file names PMML near its head.
fn is_pmml(bytes: &[u8]) -> bool {
    const HEAD_BYTES: usize = 4_096;
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    head.windows(4).any(|word| word == b"PMML")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Ubjson => "UBJSON",
            Self::Lightgbm => "LightGBM",
            Self::Onnx => "ONNX",
        })
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xgboost => "XGBoost",
            Self::Lightgbm => "LightGBM",
            Self::Onnx => "ONNX",
            Self::Catboost => "CatBoost",
        })
    }
}
