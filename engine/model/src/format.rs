//! Which encoding a model file has, told from its first bytes and never from its name.

use std::fmt;

use crate::error::ModelError;

/// Encoding of a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text JSON, as `booster.save_model("model.json")` writes it.
    Json,
    /// Universal Binary JSON in XGBoost's dialect, as `booster.save_model("model.ubj")` writes it.
    Ubjson,
}

impl Format {
    /// Tells the encoding of `bytes`.
    ///
    /// Both encodings open with `{`. What follows decides: JSON has white space, a quote or `}`; UBJSON has
    /// the integer marker of the first key's length, or a container marker. Reads a few bytes only.
    ///
    /// # Errors
    ///
    /// Bytes that are neither: empty, the old binary format, a LightGBM text, a top-level array, anything
    /// else.
    pub(crate) fn detect(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.starts_with(b"binf") || bytes.starts_with(b"bs64") {
            return Err(ModelError::OldBinary);
        }
        if bytes.starts_with(b"tree\nversion=") || bytes.starts_with(b"tree\r\nversion=") {
            return Err(ModelError::unsupported(
                "LightGBM text models are",
                "train or convert the model with XGBoost and save it as UBJSON",
            ));
        }
        if let [b'{', b'i' | b'U' | b'I' | b'l' | b'L' | b'$' | b'#' | b'N', ..] = bytes {
            return Ok(Self::Ubjson);
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
            _ => Err(ModelError::UnknownFormat),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Ubjson => "UBJSON",
        })
    }
}
