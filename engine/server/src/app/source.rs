//! Where an app comes from: a folder, a single SQL file, what was deployed, or the copy of apps/ads that the
//! binary carries for the demo.

use std::iter;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use vencejo_core::models::ModelVersion;
use vencejo_core::plan::{App, ModelSlot};
use vencejo_sql::{Diagnostic, plan_app};
use vencejo_types::limits::{APP_SQL_BYTES_MAX, MODEL_FILE_BYTES_MAX};

use super::archive::Archive;
use crate::console::note;
use crate::failure::Failure;
use crate::model::compile;

/// The statements of an app.
const SQL_FILE: &str = "app.sql";

/// An app that has not been read yet.
pub enum AppSource {
    /// A folder with an app.sql and what it names.
    Folder(PathBuf),
    /// An SQL file; the files that it names lie beside it.
    File(PathBuf),
    /// What was deployed.
    Archive(Archive),
    /// apps/ads as it was when the binary was built.
    EmbeddedAds,
}

/// An app that was read and is valid. Its models have no layout yet.
pub struct Planned {
    /// The app.
    pub app: App,
    /// What its author should know, as text.
    pub warnings: String,
    /// The app with every file that was read.
    pub archive: Archive,
}

impl AppSource {
    /// What lies at a path: a folder, or an SQL file.
    pub fn at(path: &Path) -> Self {
        if path.is_file() { Self::File(path.to_owned()) } else { Self::Folder(path.to_owned()) }
    }

    /// Reads and validates the app.
    ///
    /// # Errors
    /// When a file cannot be read, or the app is not valid: then the text lists everything that is wrong.
    pub fn load(&self) -> Result<Arc<App>, Failure> {
        let (app, warnings) = self.load_with_warnings()?;
        if !warnings.is_empty() {
            note(warnings.trim_end());
        }
        Ok(app)
    }

    /// Reads and validates the app; with what its author should know, as text.
    ///
    /// # Errors
    /// As [`AppSource::load`].
    pub fn load_with_warnings(&self) -> Result<(Arc<App>, String), Failure> {
        let Planned { app, warnings, .. } = self.plan()?;
        Ok((Arc::new(compile_models(app, None)), warnings))
    }

    /// Reads and validates the app.
    ///
    /// # Errors
    /// As [`AppSource::load`].
    pub fn plan(&self) -> Result<Planned, Failure> {
        let name = self.name()?;
        let origin = self.describe(SQL_FILE);
        let sql = self.read(SQL_FILE, APP_SQL_BYTES_MAX).map_err(Failure::config)?;
        let mut files = vec![(SQL_FILE.to_owned(), sql.clone())];
        let sql =
            String::from_utf8(sql).map_err(|_| Failure::config(format!("{origin} is not valid UTF-8")))?;
        let sql = sql.trim_start_matches('\u{feff}');
        let render =
            |list: &[Diagnostic]| list.iter().map(|one| one.render(&origin, sql)).collect::<String>();
        let plan = plan_app(&name, sql, &mut |path| {
            let bytes = self.read(path, MODEL_FILE_BYTES_MAX)?;
            if files.iter().all(|(known, _)| known != path) {
                files.push((path.to_owned(), bytes.clone()));
            }
            Ok(bytes)
        });
        let plan = plan.map_err(|errors| {
            let mut text = render(&errors);
            text.push_str(&match errors.len() {
                1 => format!("{origin} has 1 error; nothing was started"),
                count => format!("{origin} has {count} errors; nothing was started"),
            });
            Failure::config(text)
        })?;
        let warnings = render(&plan.warnings);
        Ok(Planned { app: plan.app, warnings, archive: Archive { name, origin, base: None, files } })
    }

    fn name(&self) -> Result<String, Failure> {
        match self {
            Self::EmbeddedAds => Ok("ads".to_owned()),
            Self::Archive(archive) => Ok(archive.name.clone()),
            Self::File(file) => {
                let name = file.file_stem().and_then(|name| name.to_str());
                name.map(str::to_owned)
                    .ok_or_else(|| Failure::config(format!("{} has no usable name", file.display())))
            }
            Self::Folder(folder) => {
                let full = folder.canonicalize().map_err(|error| {
                    Failure::config(format!("the app folder {} cannot be read: {error}", folder.display()))
                })?;
                let name = full.file_name().and_then(|name| name.to_str());
                name.map(str::to_owned).ok_or_else(|| {
                    Failure::config(format!("the app folder {} has no usable name", folder.display()))
                })
            }
        }
    }

    fn describe(&self, file: &str) -> String {
        match self {
            Self::EmbeddedAds => format!("apps/ads/{file}"),
            Self::Archive(archive) if file == SQL_FILE => archive.origin.clone(),
            Self::Archive(_) => file.to_owned(),
            Self::File(path) if file == SQL_FILE => path.display().to_string(),
            Self::File(path) => path.with_file_name(file).display().to_string(),
            Self::Folder(folder) => folder.join(file).display().to_string(),
        }
    }

    fn read(&self, file: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
        match self {
            Self::EmbeddedAds => match file {
                SQL_FILE => Ok(include_bytes!("../../../../apps/ads/app.sql").to_vec()),
                "models/yield.ubj" => Ok(include_bytes!("../../../../apps/ads/models/yield.ubj").to_vec()),
                _ => Err(format!("the built-in app has no file {file}")),
            },
            Self::Archive(archive) => match archive.file(file) {
                Some(bytes) if bytes.len() <= bytes_max => Ok(bytes.to_vec()),
                Some(bytes) => Err(format!("{file} has {} bytes; at most {bytes_max} are read", bytes.len())),
                None => Err(format!("the deployed app has no file {file}")),
            },
            Self::File(path) if file == SQL_FILE => read_bounded(path, bytes_max),
            Self::File(path) => read_within(path.parent().unwrap_or(Path::new("")), file, bytes_max),
            Self::Folder(folder) => read_within(folder, file, bytes_max),
        }
    }
}

/// Gives every model the layout that is fastest on this machine. Versions that `before` has are taken from
/// there.
pub fn compile_models(mut app: App, before: Option<&App>) -> App {
    let known: Vec<Arc<ModelVersion>> =
        before.into_iter().flat_map(|app| &app.models).flat_map(versions).collect();
    for slot in &mut app.models {
        let challenger = slot.challenger.as_mut().map(|(version, _)| version);
        for version in [&mut slot.champion].into_iter().chain(challenger) {
            let ModelVersion { label, content, model } = version.as_ref();
            let same = |known: &&Arc<ModelVersion>| (&known.label, known.content) == (label, *content);
            *version = match known.iter().find(same) {
                Some(known) => Arc::clone(known),
                None => {
                    let (label, content, model) = (label.clone(), *content, compile(model.clone()));
                    Arc::new(ModelVersion { label, content, model })
                }
            };
        }
    }
    app
}

/// The versions that an app declares of a model.
fn versions(slot: &ModelSlot) -> impl Iterator<Item = Arc<ModelVersion>> {
    let challenger = slot.challenger.as_ref().map(|(version, _)| Arc::clone(version));
    iter::once(Arc::clone(&slot.champion)).chain(challenger)
}

/// Reads a file of the app folder, and none outside it.
fn read_within(folder: &Path, file: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(format!("the path '{file}' leaves the app folder; give one that lies within it"));
    }
    read_bounded(&folder.join(file), bytes_max)
}

fn read_bounded(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > bytes_max as u64 {
        return Err(format!("{} has {length} bytes; at most {bytes_max} are read", path.display()));
    }
    std::fs::read(path).map_err(unreadable)
}
