//! Another version of the app: checked beside the engine, then served in place of the one before.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_core::plan::{App, Succession};
use vencejo_gateway::{Blobs, ControlRefusal, check_app};

use super::{Engine, failed, unavailable};
use crate::app::archive::{Archive, Prepared};
use crate::app::{AppSource, Planned, compile_models};
use crate::background::{drop_elsewhere, elsewhere, in_background};

/// The blob that holds the app.
const APP: &str = "app";
/// How long a deploy waits for commands about models to end.
const MODELS_WAIT: Duration = Duration::from_secs(5);

/// What `app.deploy` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The app that is to be replaced.
    app: String,
}

/// Where deployed apps are remembered.
pub struct Memory {
    /// The data folder.
    pub data: PathBuf,
    /// The content of the app that the engine was told to serve.
    pub base: u64,
}

impl Memory {
    fn write(&self, archive: &Archive) -> io::Result<Prepared> {
        Prepared::write(&self.data, &Archive { base: Some(self.base), ..archive.clone() })
    }
}

/// An app that may serve.
struct Checked {
    succession: Arc<Succession>,
    warnings: String,
}

/// Has the app in the blob `app` take over. `{"invalid": text}` where it is not valid, with everything that
/// is wrong.
pub async fn deploy(
    engine: Arc<Engine>,
    arguments: Arguments,
    blobs: Blobs,
) -> Result<Value, ControlRefusal> {
    let served = engine.router.app();
    if arguments.app != served.name {
        return Err(another_app(&arguments.app, &served.name));
    }
    let bytes = blobs.get(APP).filter(|_| blobs.names().count() == 1);
    let archive = bytes.and_then(Archive::from_bytes).ok_or_else(|| {
        ControlRefusal::refused(format!("a deploy has one blob, '{APP}': an app and its files"))
    })?;
    drop(blobs);
    let _place = engine.deploys.try_acquire().map_err(|_| {
        ControlRefusal::refused(
            "another deploy is under way on this engine; repeat this one when it has ended",
        )
    })?;
    // Nobody else replaces the app from here on.
    let served = engine.router.app();
    let (partitions, name) = (engine.router.partitions(), served.name.clone());
    let archive = Arc::new(Archive { name, ..archive });
    let to_check = Arc::clone(&archive);
    let checked = in_background(move || check(&to_check, &served, partitions));
    let Checked { succession, warnings } = match checked.await.ok_or_else(failed)? {
        Ok(checked) => checked,
        Err(invalid) => return Ok(json!({"invalid": invalid})),
    };
    let memory = engine.memory.clone();
    // Written before it serves, so that a full disk is known in time; remembered when it serves.
    let written = elsewhere(move || memory.map(|memory| memory.write(&archive))).await.ok_or_else(failed)?;
    let no_models = tokio::time::timeout(MODELS_WAIT, engine.models.write()).await;
    let _no_models = no_models.map_err(|_| {
        ControlRefusal::refused(
            "a command about a model is under way on this engine; repeat the deploy when it has ended",
        )
    })?;
    let (longest, retired) = engine.router.replace_app(Arc::clone(&succession)).await.map_err(unavailable)?;
    drop_elsewhere(retired);
    let answer = elsewhere(move || {
        let remembered = written.map(|written| written.and_then(Prepared::commit));
        report(&succession, &warnings, longest, remembered)
    });
    answer.await.ok_or_else(failed)
}

/// Plans an app and compiles its models; the errors as text.
fn check(archive: &Archive, before: &Arc<App>, partitions: u32) -> Result<Checked, String> {
    let planned = AppSource::Archive(archive.clone()).plan().map_err(|failure| failure.text)?;
    let Planned { app, warnings, .. } = planned;
    let next = compile_models(app, Some(before));
    let succession = Succession::new(before, next).map_err(|error| error.to_string())?;
    check_app(succession.to(), partitions)
        .map_err(|error| format!("no client could read what this app declares: {error}"))?;
    Ok(Checked { succession: Arc::new(succession), warnings })
}

/// What has become of everything that the two apps declare.
fn report(
    succession: &Succession,
    warnings: &str,
    longest: Duration,
    remembered: Option<io::Result<()>>,
) -> Value {
    let (from, to) = (succession.from(), succession.to());
    let streams = |app: &App| -> Vec<_> { app.streams.iter().map(|stream| stream.name.clone()).collect() };
    let decisions = |app: &App| -> Vec<_> { app.decisions.iter().map(|it| it.name.clone()).collect() };
    let models = |app: &App| -> Vec<_> { app.models.iter().map(|model| model.name.clone()).collect() };
    let kept_models = (0..to.models.len()).map(|model| succession.model_before(model).is_some());
    // A number that both have is the same stream's, or the same decision's.
    let numbers = |before: usize| move |place: usize| place < before;
    let streams_kept = (0..to.streams.len()).map(numbers(from.streams.len()));
    let decisions_kept = (0..to.decisions.len()).map(numbers(from.decisions.len()));
    let views_kept = views(to).into_iter().map(|name| succession.keeps_query(&name));
    json!({
        "app": to.name, "warnings": warnings,
        "streams": compare(&streams(from), streams(to), streams_kept),
        "views": compare(&views(from), views(to), views_kept),
        "models": compare(&models(from), models(to), kept_models),
        "decisions": compare(&decisions(from), decisions(to), decisions_kept),
        "swap_micros_max": u64::try_from(longest.as_micros()).unwrap_or(u64::MAX),
        "remembered": matches!(remembered, Some(Ok(()))),
        "not_remembered_because": remembered.and_then(Result::err).map(|error| error.to_string()),
    })
}

/// The views and queries of an app.
fn views(app: &App) -> Vec<String> {
    app.flow.outputs.iter().map(|output| output.name.clone()).collect()
}

/// The names that are kept, changed, new and removed; those without a name are retired.
fn compare(before: &[String], after: Vec<String>, kept: impl Iterator<Item = bool>) -> Value {
    let after: Vec<_> = after.into_iter().zip(kept).filter(|(name, _)| !name.is_empty()).collect();
    let of = |wanted: &dyn Fn(&String, bool) -> bool| -> Vec<&String> {
        after.iter().filter(|(name, kept)| wanted(name, *kept)).map(|(name, _)| name).collect()
    };
    let gone = |name: &&String| !name.is_empty() && after.iter().all(|(other, _)| other != *name);
    json!({
        "kept": of(&|_, kept| kept),
        "changed": of(&|name, kept| !kept && before.contains(name)),
        "new": of(&|name, kept| !kept && !before.contains(name)),
        "removed": before.iter().filter(gone).collect::<Vec<_>>(),
    })
}

fn another_app(asked: &str, served: &str) -> ControlRefusal {
    let text = format!(
        "this engine serves app '{served}', not '{asked}'; to replace it all the same, deploy with --as {served}"
    );
    ControlRefusal::refused(text)
}
