//! Rows of features from a CSV file or standard input, in the order of a model's features.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use csv::{Reader, StringRecord};
use vencejo_model::Model;

use crate::failure::Failure;

/// How a value that is missing may be spelled, besides an empty field; in any case.
const MISSING: [&str; 4] = ["na", "n/a", "nan", "null"];

/// The rows of a file. The header names the features in any order; other columns are passed over.
pub struct FeatureRows {
    /// The file's name, for errors.
    shown: String,
    reader: Reader<Box<dyn Read>>,
    header: StringRecord,
    /// The CSV column of each feature.
    columns: Vec<usize>,
    record: StringRecord,
    read: u64,
}

impl FeatureRows {
    /// Opens a file, or standard input for `-`, and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, or the header does not fit the model.
    pub fn open(path: &Path, model: &Model) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(open(path)?);
        let header = reader.headers().map_err(|error| unusable(&shown, &error))?.clone();
        let columns =
            columns(model, &header).map_err(|reason| Failure::runtime(format!("{shown}: {reason}")))?;
        Ok(Self { shown, reader, header, columns, record: StringRecord::new(), read: 0 })
    }

    /// Reads the next row into `features`, one number per feature; false at the end.
    ///
    /// # Errors
    /// When the file is not usable CSV, or a field is no number.
    pub fn next_into(&mut self, features: &mut [f64]) -> Result<bool, Failure> {
        let Self { shown, reader, header, columns, record, read } = self;
        if !reader.read_record(record).map_err(|error| unusable(shown, &error))? {
            return Ok(false);
        }
        *read += 1;
        for (feature, &column) in features.iter_mut().zip(columns.iter()) {
            *feature = number(record.get(column).unwrap_or_default()).map_err(|field| {
                let name = header.get(column).unwrap_or_default();
                Failure::runtime(format!("{shown}: row {read}, column '{name}': '{field}' is not a number"))
            })?;
        }
        Ok(true)
    }

    /// Rows read so far: the number of the last one, from 1.
    pub fn read(&self) -> u64 {
        self.read
    }
}

/// Opens a file, or standard input for `-`.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(stdin()));
    }
    let file = File::open(path);
    Ok(Box::new(
        file.map_err(|error| Failure::runtime(format!("{} cannot be read: {error}", path.display())))?,
    ))
}

/// Why a CSV file cannot be used.
pub fn unusable(shown: &str, error: &csv::Error) -> Failure {
    match error.kind() {
        csv::ErrorKind::Io(error) => Failure::runtime(format!("{shown} cannot be read: {error}")),
        _ => Failure::runtime(format!("{shown} is not usable CSV: {error}")),
    }
}

/// A field's number; NaN where it is missing.
pub fn number(field: &str) -> Result<f64, &str> {
    if field.is_empty() || MISSING.iter().any(|word| field.eq_ignore_ascii_case(word)) {
        return Ok(f64::NAN);
    }
    field.parse().map_err(|_| field)
}

/// The CSV column of each feature.
fn columns(model: &Model, header: &StringRecord) -> Result<Vec<usize>, String> {
    let names = model.feature_names();
    if names.is_empty() {
        return columns_without_names(model.feature_count(), header);
    }
    let column = |name: &String| {
        let mut found = (0..header.len()).filter(|column| &header[*column] == name);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column),
            (Some(_), Some(_)) => Err(format!("the header has the feature '{name}' twice")),
            (None, _) => {
                let needed = names.join(", ");
                Err(format!("the header lacks the feature '{name}'; the model needs: {needed}"))
            }
        }
    };
    names.iter().map(column).collect()
}

/// Features without names are the columns as they stand. A first row that was taken for the header would be
/// missed, so a header of numbers is refused, unless it counts the columns.
fn columns_without_names(features: usize, header: &StringRecord) -> Result<Vec<usize>, String> {
    if header.len() != features {
        let given = header.len();
        return Err(format!(
            "the model has {features} features without names, the header has {given} columns"
        ));
    }
    let counts = header.iter().enumerate().all(|(index, field)| field.parse() == Ok(index));
    if !counts && header.iter().all(|field| number(field).is_ok()) {
        let advice = "put a line of names above them";
        return Err(format!("the first line holds numbers where the header should be; {advice}"));
    }
    Ok((0..features).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_have_several_spellings() {
        for field in ["", "NA", "n/a", "nan", "NaN", "NULL"] {
            assert!(number(field).unwrap().is_nan(), "{field}");
        }
        assert_eq!(number("-1e3"), Ok(-1000.0));
        assert_eq!(number("inf"), Ok(f64::INFINITY));
        assert_eq!(number("x"), Err("x"));
    }

    #[test]
    fn a_header_of_numbers_is_no_header() {
        let columns = |fields: &[&str]| columns_without_names(fields.len(), &StringRecord::from(fields));
        assert_eq!(columns(&["a", "2"]), Ok(vec![0, 1]));
        assert_eq!(columns(&["0", "1", "2"]), Ok(vec![0, 1, 2]));
        for fields in [&["0.5", "1"][..], &["1", "2"], &["", "3"]] {
            assert!(columns(fields).unwrap_err().contains("put a line of names above them"));
        }
    }
}
