//! `vencejo predict`: a model over the rows of a CSV file.

use std::io::{BufWriter, Read as _, Write as _, stdout};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use vencejo_model::{Library, Model};
use vencejo_types::limits::MODEL_FILE_BYTES_MAX;

use crate::failure::Failure;

/// Evaluates a model on rows of a CSV file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo predict apps/ads/models/yield.ubj --input rows.csv\n  \
    vencejo gen ads --rows 100 --seed 1 | vencejo predict apps/ads/models/yield.ubj --input -\n\n\
    The header names the features, in any order; other columns are passed over. An empty field is a\n\
    missing value. One line per row: the prediction, or several separated by commas, each as the shortest\n    \
    text that reads back to the same float of the model's library (32 bits for XGBoost and ONNX, else 64).")]
pub struct PredictArgs {
    /// The model file.
    model: PathBuf,
    /// The rows, as CSV with a header; - reads standard input.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Print raw scores: before the objective's link.
    #[arg(long)]
    margin: bool,
    /// Use the trees up to the best iteration of early stopping, where the file records one.
    #[arg(long)]
    best_iteration: bool,
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the model or the rows cannot be read.
pub fn run(args: &PredictArgs) -> Result<(), Failure> {
    let mut model = load(&args.model)?;
    if args.best_iteration {
        if model.best_iteration().is_none() {
            let shown = args.model.display();
            return Err(Failure::runtime(format!(
                "{shown} records no best iteration; do without the option"
            )));
        }
        model = model.with_best_iteration();
    }
    let input = args.input.display();
    let raw: Box<dyn std::io::Read> = if args.input.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let file = std::fs::File::open(&args.input);
        Box::new(file.map_err(|error| Failure::runtime(format!("{input} cannot be read: {error}")))?)
    };
    let bad_csv = |error: csv::Error| Failure::runtime(format!("{input} is not usable CSV: {error}"));
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(raw);
    let header = rows.headers().map_err(bad_csv)?.clone();
    let columns =
        feature_columns(&model, &header).map_err(|reason| Failure::runtime(format!("{input}: {reason}")))?;
    let mut out = BufWriter::new(stdout().lock());
    let mut record = csv::StringRecord::new();
    let mut features = vec![f64::NAN; columns.len()];
    let mut workspace = model.workspace();
    let mut outputs = vec![0.0; if args.margin { model.margin_count() } else { model.output_count() }];
    for row in 1_u64.. {
        if !rows.read_record(&mut record).map_err(bad_csv)? {
            break;
        }
        for (feature, &column) in features.iter_mut().zip(&columns) {
            *feature = parse_field(record.get(column).unwrap_or_default()).map_err(|field| {
                let name = header.get(column).unwrap_or_default();
                Failure::runtime(format!("{input}: row {row}, column '{name}': '{field}' is not a number"))
            })?;
        }
        if args.margin {
            model.margin_into(&features, &mut workspace, &mut outputs);
        } else {
            model.predict_into(&features, &mut workspace, &mut outputs);
        }
        let texts: Vec<_> = outputs.iter().map(|&output| shortest(output, model.library())).collect();
        let written = if args.json {
            // NaN and infinities have no JSON; they are null.
            let numbers: Vec<_> =
                texts.iter().map(|text| serde_json::from_str::<serde_json::Value>(text).ok()).collect();
            let prediction = match &numbers[..] {
                [number] => json!(number),
                numbers => json!(numbers),
            };
            writeln!(out, "{}", json!({"row": row, "prediction": prediction}))
        } else {
            writeln!(out, "{}", texts.join(","))
        };
        written.map_err(|error| Failure::output(&error))?;
    }
    out.flush().map_err(|error| Failure::output(&error))
}

fn load(path: &Path) -> Result<Model, Failure> {
    let bytes = read_model_file(path)?;
    Model::parse(&bytes).map_err(|error| Failure::runtime(format!("{}: {error}", path.display())))
}

/// The bytes of a model file, if there are not too many.
///
/// # Errors
/// When it cannot be read.
pub fn read_model_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Failure::runtime(format!("{shown} cannot be read: {error}"));
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MODEL_FILE_BYTES_MAX as u64 {
        let text = format!("{shown} has {length} bytes; at most {MODEL_FILE_BYTES_MAX} are read");
        return Err(Failure::runtime(text));
    }
    // What is no plain file tells no length, and may have no end.
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path).map_err(unreadable)?.take(MODEL_FILE_BYTES_MAX as u64 + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MODEL_FILE_BYTES_MAX {
        let text = format!("{shown} goes on behind {MODEL_FILE_BYTES_MAX} bytes; no more are read");
        return Err(Failure::runtime(text));
    }
    Ok(bytes)
}

/// The CSV column of each feature.
fn feature_columns(model: &Model, header: &csv::StringRecord) -> Result<Vec<usize>, String> {
    let names = model.feature_names();
    if names.is_empty() {
        let (needed, given) = (model.feature_count(), header.len());
        return if needed == given {
            Ok((0..needed).collect())
        } else {
            Err(format!("the model has {needed} features without names, the header has {given} columns"))
        };
    }
    names
        .iter()
        .map(|name| {
            header.iter().position(|column| column == name).ok_or_else(|| {
                format!("the header lacks the feature '{name}'; the model needs: {}", names.join(", "))
            })
        })
        .collect()
}

/// An empty field is a missing value.
fn parse_field(field: &str) -> Result<f64, &str> {
    if field.is_empty() { Ok(f64::NAN) } else { field.parse().map_err(|_| field) }
}

/// The shortest text that reads back to the same value in the precision of the model's library.
fn shortest(value: f64, library: Library) -> String {
    let (plain, scientific) = match library {
        Library::Xgboost | Library::Onnx => {
            #[expect(clippy::cast_possible_truncation, reason = "these libraries answer in 32 bits")]
            let value = value as f32;
            (format!("{value}"), format!("{value:e}"))
        }
        Library::Lightgbm | Library::Catboost => (format!("{value}"), format!("{value:e}")),
    };
    if scientific.len() < plain.len() { scientific } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back_to_the_same_bits() {
        for value in [0.1_f32, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0, 2.345_678_8] {
            let text = shortest(value.into(), Library::Xgboost);
            assert_eq!(text.parse::<f32>().unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(shortest(f32::MAX.into(), Library::Xgboost), "3.4028235e38");
        assert_eq!(shortest(0.1, Library::Lightgbm), "0.1");
    }

    #[test]
    fn an_empty_field_is_missing() {
        assert!(parse_field("").unwrap().is_nan());
        assert_eq!(parse_field("x"), Err("x"));
    }
}
