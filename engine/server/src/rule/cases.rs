//! Test tables as they stand in files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::text_list::{named, nearest};

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One test.
pub struct Case {
    /// The file's name.
    pub file: String,
    pub name: String,
    /// By stream.
    pub events: BTreeMap<String, Table>,
    /// By rule.
    pub alerts: BTreeMap<String, Table>,
}

/// Rows as CSV with a header.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Table(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    test: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    events: BTreeMap<String, Table>,
    #[serde(default)]
    alerts: BTreeMap<String, Table>,
}

impl Case {
    /// What messages call it.
    pub fn place(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }
}

impl Table {
    /// The records, header first, without the spaces around their fields.
    ///
    /// # Errors
    /// When it is no CSV.
    pub fn records(&self) -> Result<Vec<Vec<String>>, Failure> {
        let text: String = self.0.lines().flat_map(|line| [without_padding(line), "\n".to_owned()]).collect();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let records = reader.records().map(|record| {
            let record = record.map_err(|error| Failure::data(format!("a table is no CSV: {error}")))?;
            Ok(record.iter().map(str::to_owned).collect())
        });
        records.collect()
    }

    /// The same as CSV.
    ///
    /// # Errors
    /// When it is no CSV.
    pub fn csv(&self) -> Result<Vec<u8>, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for record in self.records()? {
            writer.write_record(&record).map_err(Failure::runtime)?;
        }
        writer.into_inner().map_err(Failure::runtime)
    }

    /// Checks that its columns are among these.
    ///
    /// # Errors
    /// The first that is not.
    pub fn header_within<'a>(
        &self,
        known: impl Iterator<Item = &'a str> + Clone,
        place: &str,
    ) -> Result<(), Failure> {
        let records = self.records()?;
        let Some(header) = records.first() else {
            return Err(Failure::data(format!("{place}: the table has no header")));
        };
        for name in header {
            if !known.clone().any(|other| other == name) {
                let text = format!("{place}: no column '{name}'; there are: {}", named(known.clone()));
                return Err(Failure::data(format!("{text}{}", nearest(name, known))));
            }
        }
        Ok(())
    }
}

/// A line of CSV without the spaces around its fields, which CSV would take for part of them.
fn without_padding(line: &str) -> String {
    let mut quoted = false;
    let fields = line.split(|character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    fields.map(str::trim).collect::<Vec<_>>().join(",")
}

/// The tests beside an app, by file name, as they stand in each file.
///
/// # Errors
/// When there are none, or one cannot be read.
pub fn beside(app: &Path) -> Result<Vec<Case>, Failure> {
    let folder = if app.is_file() { app.parent().unwrap_or(Path::new("")) } else { app }.join("tests");
    let unreadable =
        |error: std::io::Error| Failure::runtime(format!("{} cannot be read: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::runtime(format!("{} has no tests: no .toml file", folder.display())));
    }
    let mut cases = Vec::new();
    for path in &paths {
        cases.extend(read(path)?);
    }
    Ok(cases)
}

fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::runtime(format!("{} cannot be read: {error}", path.display()));
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        let text = format!("{} has {bytes} bytes; at most {FILE_BYTES_MAX} are read", path.display());
        return Err(Failure::data(text));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let file: File = toml::from_str(&text)
        .map_err(|error| Failure::data(format!("{}: {}", path.display(), error.to_string().trim_end())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let case = |Test { name: test, events, alerts }| Case { file: name.clone(), name: test, events, alerts };
    Ok(file.test.into_iter().map(case).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_around_fields_do_not_count() {
        let table = Table("\n  a ,b,  c\n 1, \"x, \"\"y\"\" \" ,\n".to_owned());
        assert_eq!(table.records().unwrap(), [["a", "b", "c"], ["1", "x, \"y\" ", ""]]);
        assert!(Table("a,b\n1\n".to_owned()).records().is_err());
    }
}
