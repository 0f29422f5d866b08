//! `CREATE MODEL`: a tree ensemble from a file.

use std::sync::Arc;

use vencejo_core::models::{Misfit, ModelVersion, Weight, check_fit};
use vencejo_core::plan::ModelSlot;
use vencejo_model::Model;
use vencejo_types::limits::{COLUMNS_MAX, MODEL_FILE_BYTES_MAX, NAME_BYTES_MAX};
use vencejo_types::schema::{Column, ColumnType};

use super::{Load, finish, refuse_unknown};
use crate::Diagnostic;
use crate::ast::{ColumnDeclaration, Setting};
use crate::catalog::{Catalog, ModelEntry};
use crate::diagnostic::{Report, Reported};
use crate::tokens::{Cursor, Name, Parsed, Place};

/// What may stand in WITH.
const OPTIONS: [&str; 6] =
    ["path", "version", "best_iteration", "challenger_path", "challenger_version", "challenger_weight"];

/// A path, for those who wrote none that leads to a file.
const EXAMPLE: &str = "models/name.ubj";

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
    let options = refuse_unknown(&settings, &OPTIONS, &[], report);
    let names: Vec<String> = inputs.iter().map(|input| input.name.text.clone()).collect();
    let declared = Declared { settings: &settings, inputs: &names, inputs_place };
    let champion = champion(&declared, settings_place, checked.is_ok(), report, load);
    let challenger = challenger(&declared, checked.is_ok(), report, load);
    let slot = match (checked, output, options, champion, challenger) {
        (Ok(()), Ok(output), Ok(()), Ok(champion), Ok(challenger)) => {
            let name = name.text.clone();
            let slot = ModelSlot { name, inputs: names, output, champion, challenger };
            distinct(&settings, &slot, report).ok().map(|()| slot)
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

fn setting<'s>(settings: &'s [Setting], key: &str) -> Option<&'s Setting> {
    settings.iter().find(|setting| setting.key.text == key)
}

/// The option that names the file.
pub(super) fn path_of<'s>(
    settings: &'s [Setting],
    place: Place,
    report: &mut Report,
) -> Result<&'s Setting, Reported> {
    setting(settings, "path").ok_or_else(|| report.error(place, "option 'path' is missing"))
}

/// What versions are checked against.
struct Declared<'a> {
    settings: &'a [Setting],
    inputs: &'a [String],
    inputs_place: Place,
}

/// The version that answers; nothing is read where the inputs are wrong already.
fn champion(
    declared: &Declared<'_>,
    place: Place,
    inputs_right: bool,
    report: &mut Report,
    load: Load<'_>,
) -> Result<Arc<ModelVersion>, Reported> {
    let label = label(declared.settings, "version", report);
    let best = best_iteration(declared.settings, report);
    let file = path_of(declared.settings, place, report)
        .and_then(|path| read(path, report, load, EXAMPLE, MODEL_FILE_BYTES_MAX));
    let (label, best, file) = (label?, best?, file?);
    if inputs_right { version(declared, label, best, &file, report) } else { Err(Reported) }
}

/// The version that answers a share, if one is declared.
fn challenger(
    declared: &Declared<'_>,
    inputs_right: bool,
    report: &mut Report,
    load: Load<'_>,
) -> Result<Option<(Arc<ModelVersion>, Weight)>, Reported> {
    let settings = declared.settings;
    let label = label(settings, "challenger_version", report);
    let weight = weight(settings, report);
    let Some(path) = setting(settings, "challenger_path") else {
        let stray =
            ["challenger_version", "challenger_weight"].into_iter().find_map(|key| setting(settings, key));
        return match stray {
            None => Ok(None),
            Some(Setting { key, .. }) => {
                let error = Diagnostic::new(key.place, format!("'{}' has no challenger to be of", key.text));
                Err(report.push(error.with_hint("its file is 'challenger_path' = 'models/name.ubj'")))
            }
        };
    };
    let file = read(path, report, load, EXAMPLE, MODEL_FILE_BYTES_MAX);
    let (label, weight, file) = (label?, weight?, file?);
    if !inputs_right {
        return Err(Reported);
    }
    version(declared, label, None, &file, report).map(|version| Some((version, weight)))
}

/// Two versions have two labels.
fn distinct(settings: &[Setting], slot: &ModelSlot, report: &mut Report) -> Result<(), Reported> {
    let same = slot.challenger.as_ref().is_some_and(|(version, _)| version.label == slot.champion.label);
    match ["challenger_version", "challenger_path"].into_iter().find_map(|key| setting(settings, key)) {
        Some(Setting { value, .. }) if same => {
            let message = format!("champion and challenger are both version '{}'", slot.champion.label);
            let error = Diagnostic::new(value.place, message);
            Err(report.push(error.with_hint("a challenger is another model, under a version of its own")))
        }
        _ => Ok(()),
    }
}

/// A declared label, if any.
fn label(settings: &[Setting], key: &str, report: &mut Report) -> Result<Option<String>, Reported> {
    let Some(Setting { value, .. }) = setting(settings, key) else { return Ok(None) };
    if value.text.is_empty() || value.text.len() > NAME_BYTES_MAX {
        return Err(report.error(value.place, format!("a version has 1 to {NAME_BYTES_MAX} bytes")));
    }
    if value.text.chars().any(char::is_control) {
        return Err(report.error(value.place, "a version has no control characters"));
    }
    Ok(Some(value.text.clone()))
}

/// Where the trees that early stopping found best are asked for, of the file at 'path'.
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

/// The challenger's share.
fn weight(settings: &[Setting], report: &mut Report) -> Result<Weight, Reported> {
    let Some(Setting { value, .. }) = setting(settings, "challenger_weight") else {
        return Ok(Weight::DEFAULT);
    };
    value.text.parse().ok().and_then(Weight::from_percent).ok_or_else(|| {
        let message = format!("'{}' is not a challenger's weight", value.text);
        let hint = "write its share of the decisions in percent, from '1' to '99'";
        report.push(Diagnostic::new(value.place, message).with_hint(hint))
    })
}

/// A file of the app and where it is named.
pub(super) struct File {
    pub(super) place: Place,
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads the file. The path stays inside the app's folder.
pub(super) fn read(
    path: &Setting,
    report: &mut Report,
    load: Load<'_>,
    example: &str,
    bytes_max: usize,
) -> Result<File, Reported> {
    let path = &path.value;
    let inside = path.text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !inside || path.text.contains(['\\', ':']) || path.text.contains(char::is_control) {
        let hint = format!("write it with /, such as '{example}'");
        let message = "the path must lead from the app's folder to a file in it";
        return Err(report.push(Diagnostic::new(path.place, message).with_hint(hint)));
    }
    let bytes = load(&path.text)
        .map_err(|error| report.error(path.place, format!("cannot read '{}': {error}", path.text)))?;
    if bytes.len() > bytes_max {
        let message = format!("'{}' has {} bytes; at most {bytes_max} are taken", path.text, bytes.len());
        return Err(report.error(path.place, message));
    }
    Ok(File { place: path.place, path: path.text.clone(), bytes })
}

/// Parses the model, and compares it with what is declared.
fn version(
    declared: &Declared<'_>,
    label: Option<String>,
    best: Option<Place>,
    file: &File,
    report: &mut Report,
) -> Result<Arc<ModelVersion>, Reported> {
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
    check_fit(&model, declared.inputs).map_err(|misfit| {
        let place = match misfit {
            Misfit::Outputs { .. } => file.place,
            Misfit::Count { .. } | Misfit::Name { .. } => declared.inputs_place,
        };
        let message = format!("'{}': {misfit}", file.path);
        report.push(Diagnostic::new(place, message).with_hint_if(misfit.hint()))
    })?;
    let content = ModelVersion::content_of(&file.bytes, best.is_some());
    let label = label.unwrap_or_else(|| ModelVersion::label_of(content));
    Ok(Arc::new(ModelVersion { label, content, model }))
}
