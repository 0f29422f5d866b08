//! `vencejo model validate`: whether a model answers here as its own library did.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use csv::{Reader, StringRecord};
use serde_json::json;
use vencejo_model::Model;

use crate::console::print;
use crate::failure::Failure;
use crate::feature_rows::{FeatureRows, number, open, unusable};
use crate::predict::{load, shortest};

/// Numbers in which `exp` of two platforms may differ.
const PREDICTION_ULPS: u64 = 4;
/// Difference, relative above 1, below which expected numbers may just have been written with too few digits.
const ROUNDED: f64 = 1e-3;

/// Compares a model's answers with expected ones, row by row.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    vencejo model validate model.ubj --rows rows.csv --expect margins.csv --margin\n\n\
    The rows are as for `vencejo predict`. The expected file has a line per row: a number per output,\n\
    separated by commas; a line of names may stand above. Write them with all digits (Python: repr, or\n\
    '%.9g' for 32-bit floats and '%.17g' for 64-bit ones).\n\n\
    Numbers are compared as floats of the model's library, of 32 or 64 bits. An ulp is\n\
    the distance from one float to the next. Ends with 1 when a number differs by more than is allowed.")]
pub struct ValidateArgs {
    /// The model file.
    model: PathBuf,
    /// The rows, as CSV with a header; - reads standard input.
    #[arg(long, value_name = "CSV")]
    rows: PathBuf,
    /// The expected numbers, as CSV; - reads standard input.
    #[arg(long, value_name = "CSV")]
    expect: PathBuf,
    /// Compare raw scores: before the objective's link.
    #[arg(long)]
    margin: bool,
    /// Use the trees up to the best iteration of early stopping, where the file records one.
    #[arg(long)]
    best_iteration: bool,
    /// How far a number may be away [default: 0 with --margin, else 4]
    #[arg(long, value_name = "N")]
    ulps: Option<u64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The number that is farthest from what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Worst {
    ulps: u64,
    row: u64,
    output: usize,
    found: f64,
    expected: f64,
}

/// What a comparison found.
#[derive(Debug, Default)]
struct Verdict {
    rows: u64,
    numbers: u64,
    exact: u64,
    within: u64,
    worst: Option<Worst>,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, the files do not fit, or a number differs by more than is allowed.
pub fn run(args: &ValidateArgs) -> Result<(), Failure> {
    if args.rows.as_os_str() == "-" && args.expect.as_os_str() == "-" {
        return Err(Failure::runtime("only one of --rows and --expect can be standard input"));
    }
    let model = load(&args.model, args.best_iteration)?;
    let ulps_max = args.ulps.unwrap_or(if args.margin { 0 } else { PREDICTION_ULPS });
    let outputs = if args.margin { model.margin_count() } else { model.output_count() };
    let rows = FeatureRows::open(&args.rows, &model)?;
    let expected = Expected::open(&args.expect, outputs, model.answers_are_f32())?;
    let verdict = compare(&model, args.margin, rows, expected, ulps_max)?;
    let is_f32 = model.answers_are_f32();
    if args.json {
        print(verdict.as_json(outputs, ulps_max))?;
    } else {
        print(verdict.as_text(outputs, ulps_max, is_f32))?;
    }
    verdict.result(ulps_max)
}

fn compare(
    model: &Model,
    margin: bool,
    mut rows: FeatureRows,
    mut expected: Expected,
    ulps_max: u64,
) -> Result<Verdict, Failure> {
    let mut features = vec![f64::NAN; model.feature_count()];
    let mut workspace = model.workspace();
    let mut found = vec![0.0; expected.outputs];
    let mut verdict = Verdict::default();
    loop {
        match (rows.next_into(&mut features)?, expected.next()?) {
            (true, true) => {}
            (false, false) => break,
            (true, false) => {
                while rows.next_into(&mut features)? {}
                return Err(expected.wrong_count(rows.read()));
            }
            (false, true) => {
                while expected.next()? {}
                return Err(expected.wrong_count(rows.read()));
            }
        }
        if margin {
            model.margin_into(&features, &mut workspace, &mut found);
        } else {
            model.predict_into(&features, &mut workspace, &mut found);
        }
        verdict.add(&found, &expected.numbers, model.answers_are_f32(), ulps_max);
    }
    match verdict.rows {
        0 => Err(Failure::runtime("there are no rows to compare")),
        _ => Ok(verdict),
    }
}

impl Verdict {
    fn add(&mut self, found: &[f64], expected: &[f64], is_f32: bool, ulps_max: u64) {
        self.rows += 1;
        for (output, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let ulps = ulps(found, expected, is_f32);
            self.numbers += 1;
            self.exact += u64::from(ulps == 0);
            self.within += u64::from(ulps <= ulps_max);
            if self.worst.is_none_or(|worst| ulps > worst.ulps) {
                self.worst = Some(Worst { ulps, row: self.rows, output, found, expected });
            }
        }
    }

    fn result(&self, ulps_max: u64) -> Result<(), Failure> {
        let (different, numbers) = (self.numbers - self.within, self.numbers);
        if different == 0 {
            return Ok(());
        }
        let small =
            |worst: Worst| (worst.found - worst.expected).abs() <= ROUNDED * worst.expected.abs().max(1.0);
        let advice = match self.worst.is_some_and(small) {
            true => "; were the expected ones written with all their digits?",
            false => "",
        };
        let text = format!("{different} of {numbers} numbers differ by more than {ulps_max} ulp{advice}");
        Err(Failure::runtime(text))
    }

    fn as_json(&self, outputs: usize, ulps_max: u64) -> serde_json::Value {
        let worst = self.worst.filter(|worst| worst.ulps > 0).map(|worst| {
            json!({"row": worst.row, "output": worst.output, "ulps": worst.ulps,
                   "found": worst.found, "expected": worst.expected})
        });
        json!({
            "rows": self.rows, "outputs": outputs, "numbers": self.numbers, "exact": self.exact,
            "ulps_max": ulps_max, "within_ulps_max": self.within, "worst": worst,
            "same": self.within == self.numbers,
        })
    }

    fn as_text(&self, outputs: usize, ulps_max: u64, is_f32: bool) -> String {
        let Self { rows, numbers, exact, within, worst } = self;
        let bits = if is_f32 { 32 } else { 64 };
        let worst = match worst.filter(|worst| worst.ulps > 0) {
            None => "none".to_owned(),
            Some(Worst { ulps, row, output, found, expected }) => {
                let (found, expected) = (shortest(found, is_f32), shortest(expected, is_f32));
                format!("{ulps} ulp in row {row}, output {output}: {found} where {expected} is expected")
            }
        };
        let verdict = if within == numbers { "same" } else { "different" };
        format!(
            "rows       {rows}\noutputs    {outputs}, floats of {bits} bits\n\
             exact      {exact} of {numbers}\nwithin     {within} of {numbers} within {ulps_max} ulp\n\
             worst      {worst}\nverdict    {verdict}"
        )
    }
}

/// The expected numbers, line by line.
struct Expected {
    shown: String,
    reader: Reader<Box<dyn Read>>,
    record: StringRecord,
    /// The first record, where it is no header.
    waiting: bool,
    is_f32: bool,
    outputs: usize,
    read: u64,
    numbers: Vec<f64>,
}

impl Expected {
    fn open(path: &Path, outputs: usize, is_f32: bool) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let mut builder = csv::ReaderBuilder::new();
        let reader = builder.trim(csv::Trim::All).has_headers(false).flexible(true).from_reader(open(path)?);
        let record = StringRecord::new();
        let numbers = vec![0.0; outputs];
        let mut this = Self { shown, reader, record, waiting: true, is_f32, outputs, read: 0, numbers };
        this.read_record()?;
        // A header has no number in it, but for a missing one.
        let is_text = |field: &str| number(field).is_err();
        this.waiting = !this.record.is_empty() && !this.record.iter().all(is_text);
        Ok(this)
    }

    fn read_record(&mut self) -> Result<bool, Failure> {
        self.reader.read_record(&mut self.record).map_err(|error| unusable(&self.shown, &error))
    }

    /// Reads the next line into `numbers`; false at the end.
    fn next(&mut self) -> Result<bool, Failure> {
        if !std::mem::take(&mut self.waiting) && !self.read_record()? {
            return Ok(false);
        }
        self.read += 1;
        let line = self.record.position().map_or(self.read, csv::Position::line);
        let (given, outputs) = (self.record.len(), self.outputs);
        if given != outputs {
            let text = format!("{}: line {line} has {given} numbers, the model gives {outputs}", self.shown);
            return Err(Failure::runtime(text));
        }
        for (number, field) in self.numbers.iter_mut().zip(&self.record) {
            *number = parse(field, self.is_f32).ok_or_else(|| {
                Failure::runtime(format!("{}: line {line}: '{field}' is not a number", self.shown))
            })?;
        }
        Ok(true)
    }

    fn wrong_count(&self, rows: u64) -> Failure {
        let (shown, expected) = (&self.shown, self.read);
        Failure::runtime(format!("{shown} has {expected} lines of numbers for {rows} rows"))
    }
}

/// An expected number in the library's precision. Nothing is missing here, but NaN may be the answer.
fn parse(field: &str, is_f32: bool) -> Option<f64> {
    if is_f32 { field.parse::<f32>().ok().map(f64::from) } else { field.parse().ok() }
}

/// Floats from one to the other. 0 and -0 are equal, and so are all NaN; a NaN is far from any number.
fn ulps(found: f64, expected: f64, is_f32: bool) -> u64 {
    if found.is_nan() || expected.is_nan() {
        return if found.is_nan() && expected.is_nan() { 0 } else { u64::MAX };
    }
    let place = |number: f64| -> i128 {
        #[expect(clippy::cast_possible_truncation, reason = "these libraries answer in 32 bits")]
        let (bits, sign) = match is_f32 {
            true => (u64::from((number as f32).to_bits()), 31),
            false => (number.to_bits(), 63),
        };
        let distance = i128::from(bits & !(1 << sign));
        if bits >> sign == 1 { -distance } else { distance }
    };
    u64::try_from(place(found).abs_diff(place(expected))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulps_count_the_floats_between() {
        let narrow = |a: f32, b: f32| ulps(a.into(), b.into(), true);
        assert_eq!(narrow(1.0, 1.0_f32.next_up()), 1);
        assert_eq!(narrow(-f32::from_bits(1), f32::from_bits(1)), 2);
        assert_eq!(narrow(0.0, -0.0), 0);
        assert_eq!(narrow(f32::NAN, -f32::NAN), 0);
        assert_eq!(narrow(f32::NAN, 1.0), u64::MAX);
        assert_eq!(ulps(1.0, 1.0_f64.next_down(), false), 1);
        assert_eq!(ulps(1.0, 1.0_f64.next_down(), true), 0);
        assert_eq!(ulps(f64::MAX, f64::INFINITY, false), 1);
    }

    #[test]
    fn the_worst_number_is_the_first_of_the_farthest() {
        let mut verdict = Verdict::default();
        verdict.add(&[1.0, 2.0], &[1.0, 2.0], false, 1);
        verdict.add(&[1.0, 2.0_f64.next_up()], &[1.0, 2.0], false, 1);
        verdict.add(&[1.0_f64.next_up(), 2.0], &[1.0, 2.0], false, 1);
        assert_eq!((verdict.rows, verdict.exact, verdict.within), (3, 4, 6));
        assert_eq!(verdict.worst.map(|worst| (worst.row, worst.output, worst.ulps)), Some((2, 1, 1)));
        assert!(verdict.result(1).is_ok());
        verdict.add(&[1.0, 2.0], &[1.0, 7.0], false, 1);
        assert!(verdict.result(1).unwrap_err().text.starts_with("1 of 8 numbers differ"));
    }
}
