//! `CREATE MODEL`: a tree ensemble from a file.

use std::sync::Arc;

use vencejo_core::plan::ModelSlot;
use vencejo_model::Model;
use vencejo_types::limits::{COLUMNS_MAX, MODEL_FILE_BYTES_MAX, NAME_BYTES_MAX};
use vencejo_types::row::key_hash;
use vencejo_types::schema::{Column, ColumnType};

use super::{Load, finish, listed, refuse_unknown};
use crate::Diagnostic;
use crate::ast::{ColumnDeclaration, Setting};
use crate::catalog::{Catalog, ModelEntry};
use crate::diagnostic::{Report, Reported};
use crate::tokens::{Cursor, Name, Parsed, Place};

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
    load: Load<'_>,
) -> Parsed<()> {
    cursor.expect_word("INPUT")?;
    let inputs_place = cursor.place();
    let inputs = cursor.typed_names()?;
    cursor.expect_word("OUTPUT")?;
    let output_place = cursor.place();
    let outputs = cursor.typed_names()?;
    if !cursor.accept_word("WITH") {
        let hint = "the model's file is WITH ('path' = 'models/name.ubj')";
        return Err(cursor.expected("WITH").with_hint(hint));
    }
    let settings_place = cursor.place();
    let settings = cursor.settings()?;
    finish(cursor, "';'")?;

    let checked = check_inputs(&inputs, inputs_place, report);
    let output = check_output(&outputs, output_place, report);
    let options = refuse_unknown(&settings, &["path", "version", "best_iteration"], &[], report);
    let version = version(&settings, report);
    let best = best_iteration(&settings, report);
    let file = read(&settings, settings_place, report, load);
    let slot = match (checked, output, options, version, best, file) {
        (Ok(()), Ok(output), Ok(()), Ok(version), Ok(best), Ok(file)) => {
            let inputs = inputs.iter().map(|input| input.name.text.clone()).collect();
            let declared = Declared { name, inputs, inputs_place, output, version, best };
            slot(declared, &file, report).ok()
        }
        _ => None,
    };
    if claimed {
        let inputs = inputs.into_iter().map(|input| input.name.text).collect();
        catalog.add_model(name, ModelEntry { inputs, slot });
    }
    Ok(())
}

/// Inputs are numbers or truth values, no name twice.
fn check_inputs(inputs: &[ColumnDeclaration], place: Place, report: &mut Report) -> Result<(), Reported> {
    let mut result = Ok(());
    if inputs.len() > COLUMNS_MAX {
        return Err(report.error(place, format!("the model has more than {COLUMNS_MAX} inputs")));
    }
    for (index, input) in inputs.iter().enumerate() {
        let name = &input.name;
        if inputs[..index].iter().any(|other| other.name.text == name.text) {
            result = Err(report.error(name.place, format!("input '{}' is declared twice", name.text)));
        }
        if matches!(input.column_type, ColumnType::String | ColumnType::Timestamp | ColumnType::Date) {
            let message = format!("input '{}' is {}; a model takes numbers", name.text, input.column_type);
            let hint = "encode it as a number in the decision, and declare it DOUBLE";
            result = Err(report.push(Diagnostic::new(name.place, message).with_hint(hint)));
        }
    }
    result
}

fn check_output(
    outputs: &[ColumnDeclaration],
    place: Place,
    report: &mut Report,
) -> Result<Column, Reported> {
    match outputs {
        [output] if output.column_type == ColumnType::Double => {
            Ok(Column::nullable(output.name.text.as_str(), ColumnType::Double))
        }
        [output] => {
            let message = format!("a model's output is DOUBLE, not {}", output.column_type);
            Err(report.error(output.name.place, message))
        }
        _ => Err(report.error(place, "a model has one output")),
    }
}

/// The declared version, if any.
fn version(settings: &[Setting], report: &mut Report) -> Result<Option<String>, Reported> {
    let Some(Setting { value, .. }) = setting(settings, "version") else { return Ok(None) };
    if value.text.is_empty() || value.text.len() > NAME_BYTES_MAX {
        return Err(report.error(value.place, format!("a version has 1 to {NAME_BYTES_MAX} bytes")));
    }
    Ok(Some(value.text.clone()))
}

/// Where the best iteration of early stopping is asked for.
fn best_iteration(settings: &[Setting], report: &mut Report) -> Result<Option<Place>, Reported> {
    let Some(Setting { value, .. }) = setting(settings, "best_iteration") else { return Ok(None) };
    match value.text.as_str() {
        "true" => Ok(Some(value.place)),
        "false" => Ok(None),
        other => {
            let message = format!("'best_iteration' is 'true' or 'false', not '{other}'");
            Err(report.error(value.place, message))
        }
    }
}

fn setting<'s>(settings: &'s [Setting], key: &str) -> Option<&'s Setting> {
    settings.iter().find(|setting| setting.key.text == key)
}

/// A model's file and where it is named.
struct File {
    place: Place,
    path: String,
    bytes: Vec<u8>,
}

/// Reads the file. The path stays inside the app's folder.
fn read(settings: &[Setting], place: Place, report: &mut Report, load: Load<'_>) -> Result<File, Reported> {
    let Some(Setting { value: path, .. }) = setting(settings, "path") else {
        return Err(report.error(place, "option 'path' is missing"));
    };
    let inside = path.text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !inside || path.text.contains(['\\', ':']) || path.text.contains(char::is_control) {
        let hint = "write it with /, such as 'models/name.ubj'";
        let message = "the path must lead from the app's folder to a file in it";
        return Err(report.push(Diagnostic::new(path.place, message).with_hint(hint)));
    }
    let bytes = load(&path.text)
        .map_err(|error| report.error(path.place, format!("cannot read '{}': {error}", path.text)))?;
    if bytes.len() > MODEL_FILE_BYTES_MAX {
        let message =
            format!("'{}' has {} bytes; a model has at most {MODEL_FILE_BYTES_MAX}", path.text, bytes.len());
        return Err(report.error(path.place, message));
    }
    Ok(File { place: path.place, path: path.text.clone(), bytes })
}

/// What the statement says of a model.
struct Declared<'a> {
    name: &'a Name,
    inputs: Vec<String>,
    inputs_place: Place,
    output: Column,
    version: Option<String>,
    best: Option<Place>,
}

/// Parses the model, and compares its features with the declared inputs.
fn slot(declared: Declared<'_>, file: &File, report: &mut Report) -> Result<ModelSlot, Reported> {
    let Declared { name, inputs, inputs_place, output, version, best } = declared;
    let mut model = Model::parse(&file.bytes).map_err(|error| {
        report.error(file.place, format!("'{}' is not a model that can be used: {error}", file.path))
    })?;
    if let Some(place) = best {
        if model.best_iteration().is_none() {
            let message = format!("the model in '{}' records no best iteration", file.path);
            let hint = "leave 'best_iteration' out, or train with early stopping";
            return Err(report.push(Diagnostic::new(place, message).with_hint(hint)));
        }
        model = model.with_best_iteration();
    }
    if model.output_count() != 1 {
        let outputs = model.output_count();
        let message = format!("the model in '{}' has {outputs} outputs; PREDICT takes one", file.path);
        return Err(report.error(file.place, message));
    }
    let features = model.feature_names();
    if model.feature_count() != inputs.len() {
        let message = format!(
            "INPUT names {}, the model in '{}' has {} features",
            inputs.len(),
            file.path,
            model.feature_count()
        );
        let hint = (!features.is_empty())
            .then(|| format!("its features are {}", listed(features.iter().map(String::as_str))));
        return Err(report.push(Diagnostic::new(inputs_place, message).with_hint_if(hint)));
    }
    let differs = inputs.iter().zip(features).position(|(input, feature)| input != feature);
    if let Some(index) = differs {
        let message = format!(
            "input {} is '{}'; the model's feature {} is '{}'",
            index + 1,
            inputs[index],
            index + 1,
            features[index]
        );
        let hint = format!("INPUT is in the model's order: {}", listed(features.iter().map(String::as_str)));
        return Err(report.push(Diagnostic::new(inputs_place, message).with_hint(hint)));
    }
    // The slice is another model than the whole file.
    let slice = if best.is_some() { "-best" } else { "" };
    let version = version.unwrap_or_else(|| format!("{:016x}{slice}", key_hash(&file.bytes)));
    Ok(ModelSlot { name: name.text.clone(), version, inputs, output, model: Arc::new(model) })
}
