//! `vencejo predict`: a model over the rows of a CSV file.

use std::io::{BufWriter, Read as _, Write, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use vencejo_model::{Explainer, Model};
use vencejo_types::limits::MODEL_FILE_BYTES_MAX;

use crate::failure::Failure;
use crate::feature_rows::FeatureRows;

/// Evaluates a model on rows of a CSV file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo predict apps/ads/models/yield.ubj --input rows.csv\n  \
    vencejo gen ads --rows 100 --seed 1 | vencejo predict apps/ads/models/yield.ubj --input -\n\n\
    The header names the features, in any order; other columns are passed over. A missing value is an\n\
    empty field, NA, NaN or NULL. One line per row: the prediction, or several separated by commas, each as\n\
    the shortest text that reads back to the same float of the model's library (64 bits for LightGBM,\n\
    CatBoost and ONNX with doubles, else 32).\n\n\
    --contributions prints a header, then per row a number per feature and the bias, which add up to the\n\
    margin. A model of several margins gives a line for each, which begins with the row, from 1, and the\n\
    margin, from 0.")]
pub struct PredictArgs {
    /// The model file.
    model: PathBuf,
    /// The rows, as CSV with a header; - reads standard input.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Print raw scores: before the objective's link.
    #[arg(long)]
    margin: bool,
    /// Print what each feature contributed to the margin.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "paths")]
    #[arg(conflicts_with = "margin")]
    contributions: Option<Contributions>,
    /// Use the trees up to the best iteration of early stopping, where the file records one.
    #[arg(long)]
    best_iteration: bool,
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
}

/// How a margin is divided among the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Contributions {
    /// Each split's change of the mean, along the row's own paths: fast.
    Paths,
    /// Exact Shapley values of the trees: slow.
    Shap,
}

/// Runs the command.
///
/// # Errors
/// When the model or the rows cannot be read.
pub fn run(args: &PredictArgs) -> Result<(), Failure> {
    let model = load(&args.model, args.best_iteration)?;
    let rows = FeatureRows::open(&args.input, &model)?;
    let mut out = BufWriter::new(stdout().lock());
    match args.contributions {
        Some(how) => contributions(&model, how, rows, args.json, &mut out)?,
        None => predictions(&model, args.margin, rows, args.json, &mut out)?,
    }
    out.flush().map_err(|error| Failure::output(&error))
}

fn predictions(
    model: &Model,
    margin: bool,
    mut rows: FeatureRows,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut features = vec![f64::NAN; model.feature_count()];
    let mut workspace = model.workspace();
    let mut outputs = vec![0.0; if margin { model.margin_count() } else { model.output_count() }];
    while rows.next_into(&mut features)? {
        if margin {
            model.margin_into(&features, &mut workspace, &mut outputs);
        } else {
            model.predict_into(&features, &mut workspace, &mut outputs);
        }
        let texts: Vec<_> = outputs.iter().map(|&output| shortest(output, model.answers_are_f32())).collect();
        let written = if json {
            let prediction = match &texts[..] {
                [text] => json_number(text),
                texts => texts.iter().map(|text| json_number(text)).collect(),
            };
            writeln!(out, "{}", json!({"row": rows.read(), "prediction": prediction}))
        } else {
            writeln!(out, "{}", texts.join(","))
        };
        written.map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

fn contributions(
    model: &Model,
    how: Contributions,
    mut rows: FeatureRows,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let explainer = model.explainer().map_err(Failure::runtime)?;
    let names = shown_names(model);
    let mut features = vec![f64::NAN; model.feature_count()];
    let mut found = vec![0.0; model.explanation_len()];
    if !json {
        write_header(&names, model.margin_count(), out).map_err(|error| Failure::output(&error))?;
    }
    while rows.next_into(&mut features)? {
        explain(&explainer, how, &features, &mut found);
        let margins = found.chunks_exact(names.len() + 1);
        let written = if json {
            writeln!(out, "{}", contributions_as_json(rows.read(), &names, margins))
        } else {
            margins.enumerate().try_for_each(|(margin, numbers)| {
                if model.margin_count() > 1 {
                    write!(out, "{},{margin},", rows.read())?;
                }
                let texts: Vec<_> = numbers.iter().map(|x| shortest(*x, false)).collect();
                writeln!(out, "{}", texts.join(","))
            })
        };
        written.map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}

fn explain(explainer: &Explainer<'_>, how: Contributions, features: &[f64], found: &mut [f64]) {
    match how {
        Contributions::Paths => explainer.paths_into(features, found),
        Contributions::Shap => explainer.shap_into(features, found),
    }
}

/// The features' names; their numbers from 0 where the model has none.
fn shown_names(model: &Model) -> Vec<String> {
    match model.feature_names() {
        [] => (0..model.feature_count()).map(|index| format!("f{index}")).collect(),
        names => names.to_vec(),
    }
}

/// Names may hold commas and quotes.
fn write_header(names: &[String], margins: usize, out: &mut impl Write) -> std::io::Result<()> {
    let before: &[&str] = if margins > 1 { &["row", "margin"] } else { &[] };
    let names = names.iter().map(String::as_str);
    let mut header = csv::Writer::from_writer(out);
    header.write_record(before.iter().copied().chain(names).chain(["bias"]))?;
    header.flush()
}

/// One margin is told by itself, several as a list.
fn contributions_as_json<'a>(row: u64, names: &[String], margins: impl Iterator<Item = &'a [f64]>) -> Value {
    let each = |numbers: &[f64]| {
        let (bias, numbers) = numbers.split_last().unwrap_or((&0.0, &[]));
        let named: Map<_, _> = names.iter().cloned().zip(numbers.iter().map(|x| json!(x))).collect();
        (json!(bias), Value::Object(named))
    };
    let mut margins: Vec<_> = margins.map(each).collect();
    match (margins.pop(), margins.is_empty()) {
        (Some((bias, one)), true) => json!({"row": row, "bias": bias, "contributions": one}),
        (last, _) => {
            let all = margins.into_iter().chain(last);
            let all = all.map(|(bias, named)| json!({"bias": bias, "contributions": named}));
            json!({"row": row, "margins": all.collect::<Vec<_>>()})
        }
    }
}

/// A number of a text. NaN and infinities have no JSON; they are null.
fn json_number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Reads a model; cuts it behind its best iteration if asked to.
///
/// # Errors
/// When the file cannot be read, is no usable model or records no best iteration.
pub fn load(path: &Path, best_iteration: bool) -> Result<Model, Failure> {
    let bytes = read_model_file(path)?;
    let shown = path.display();
    let model = Model::parse(&bytes).map_err(|error| Failure::data(format!("{shown}: {error}")))?;
    match (best_iteration, model.best_iteration()) {
        (false, _) => Ok(model),
        (true, Some(_)) => Ok(model.with_best_iteration()),
        (true, None) => {
            let text = format!("{shown} records no best iteration; do without --best-iteration");
            Err(Failure::runtime(text))
        }
    }
}

/// The bytes of a model file, if there are not too many.
///
/// # Errors
/// When it cannot be read.
pub fn read_model_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Failure::runtime(format!("{shown} cannot be read: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // A pipe or a device does not say its length.
    let length = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    if length <= MODEL_FILE_BYTES_MAX as u64 {
        file.take(MODEL_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    let length = length.max(bytes.len() as u64);
    if length > MODEL_FILE_BYTES_MAX as u64 {
        let text = format!("{shown} has {length} bytes or more; at most {MODEL_FILE_BYTES_MAX} are read");
        return Err(Failure::runtime(text));
    }
    Ok(bytes)
}

/// The shortest text that reads back to the same value, as an `f32` if it is one.
pub fn shortest(value: f64, is_f32: bool) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "asked for")]
    let (plain, scientific) = match is_f32 {
        true => (format!("{}", value as f32), format!("{:e}", value as f32)),
        false => (format!("{value}"), format!("{value:e}")),
    };
    if scientific.len() < plain.len() { scientific } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back_to_the_same_bits() {
        for value in [0.1_f32, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0, 2.345_678_8] {
            let text = shortest(value.into(), true);
            assert_eq!(text.parse::<f32>().unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(shortest(f32::MAX.into(), true), "3.4028235e38");
        assert_eq!(shortest(0.1, false), "0.1");
    }

    #[test]
    fn contributions_of_one_margin_stand_alone() {
        let names = ["a".to_owned(), "b".to_owned()];
        let one = contributions_as_json(3, &names, [&[0.5, -1.0, 2.0][..]].into_iter());
        assert_eq!(one, json!({"row": 3, "bias": 2.0, "contributions": {"a": 0.5, "b": -1.0}}));
        let two = contributions_as_json(1, &names, [&[0.0, 1.0, 2.0][..], &[3.0, 4.0, 5.0]].into_iter());
        assert_eq!(two["margins"][1], json!({"bias": 5.0, "contributions": {"a": 3.0, "b": 4.0}}));
    }
}
