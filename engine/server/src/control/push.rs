//! A new version of a model: checked, compiled, run beside the one that answers, activated.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_core::models::{ModelChange, ModelVersion, Role, ShadowFigures, Weight, check_fit};
use vencejo_gateway::{Blobs, ControlRefusal};
use vencejo_model::Model;
use vencejo_types::ModelId;
use vencejo_types::limits::{MODEL_FILE_BYTES_MAX, NAME_BYTES_MAX, SHADOW_ROWS_MAX};

use super::models::{arrangement, share};
use super::report::{Report, shadow_to_json};
use super::{Engine, failed};
use crate::background::{drop_elsewhere, in_background};
use crate::model::compile;

/// How often a shadow's figures are looked at.
const SHADOW_LOOK: Duration = Duration::from_millis(10);
/// Longest time that a push waits for rows, in milliseconds.
const SHADOW_MILLIS_MAX: u64 = 600_000;
/// The blob that holds the file.
const FILE: &str = "model";

/// What `model.push` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    model: String,
    /// The version's label; the hash of the file if not given.
    #[serde(default)]
    version: Option<String>,
    /// Take the trees up to the best iteration that early stopping recorded.
    #[serde(default)]
    best_iteration: bool,
    /// Predictions to compare before activation; 0 compares none.
    #[serde(default = "shadow_rows")]
    shadow_rows: u64,
    /// How long to wait for them.
    #[serde(default = "shadow_millis")]
    shadow_millis: u64,
    /// Greatest mean difference of the predictions with which it is activated.
    #[serde(default)]
    max_difference: Option<f64>,
    /// Activate as a challenger with this share, in percent.
    #[serde(default)]
    weight: Option<u8>,
    /// Whether to activate it at all.
    #[serde(default = "yes")]
    activate: bool,
}

fn shadow_rows() -> u64 {
    200
}

fn shadow_millis() -> u64 {
    2_000
}

fn yes() -> bool {
    true
}

impl Arguments {
    /// The challenger's share, if the arguments make sense.
    fn check(&self) -> Result<Option<Weight>, ControlRefusal> {
        let refused = |text: String| Err(ControlRefusal::refused(text));
        if let Some(label) = &self.version
            && (label.is_empty() || label.len() > NAME_BYTES_MAX || label.chars().any(char::is_control))
        {
            return refused(format!("a version has 1 to {NAME_BYTES_MAX} bytes and no control characters"));
        }
        if self.shadow_rows > SHADOW_ROWS_MAX {
            return refused(format!("a shadow runs for at most {SHADOW_ROWS_MAX} rows"));
        }
        if self.shadow_millis > SHADOW_MILLIS_MAX {
            return refused(format!("a push waits at most {} s for rows", SHADOW_MILLIS_MAX / 1_000));
        }
        if self.max_difference.is_some_and(|most| !most.is_finite() || most < 0.0) {
            return refused("the greatest difference is a number from 0".to_owned());
        }
        if self.max_difference.is_some() && self.shadow_rows == 0 {
            return refused("without shadow rows there is no difference to judge".to_owned());
        }
        self.weight.map(share).transpose()
    }
}

/// Installs the file in the blob `model` as a version, and activates it when its shadow run allows.
pub async fn push(engine: Arc<Engine>, arguments: Arguments, blobs: Blobs) -> Result<Value, ControlRefusal> {
    let model = engine.model(&arguments.model)?;
    let weight = arguments.check()?;
    if blobs.get(FILE).is_none() || blobs.names().count() > 1 {
        return Err(ControlRefusal::refused(format!("a push has one blob, '{FILE}': the model file")));
    }
    let place = Arc::clone(&engine.push).try_acquire_owned();
    let _place = place.map_err(|_| {
        ControlRefusal::refused("another push is under way on this engine; repeat this one when it has ended")
    })?;
    let before = Report::of(&engine.router, model).await?;
    let (version, known) = version(&engine, model, &arguments, blobs, &before).await?;
    let label = version.label.clone();
    let role = before.find(&label).map(|version| version.role);
    let answers = matches!(role, Some(Role::Champion | Role::Challenger));
    let shadow_rows = if answers { 0 } else { arguments.shadow_rows };
    let install = |shadow_rows| ModelChange::Install { version: Arc::clone(&version), shadow_rows };
    engine.change(model, install(shadow_rows), None).await?;
    let shadow = run_shadow(&engine, model, &label, shadow_rows, arguments.shadow_millis).await?;
    // Partitions that have not seen enough need not go on.
    if shadow_rows > 0 {
        engine.change(model, install(0), None).await?;
    }
    if arguments.activate && !answers_alone(role, &before, weight) {
        judge(&label, &shadow, arguments.max_difference, shadow_rows)?;
        let label = label.clone();
        let change = match weight {
            Some(weight) => ModelChange::Split { label, weight },
            None => ModelChange::Activate { label },
        };
        engine.change(model, change, Some(before.revision)).await?;
    }
    let after = Report::of(&engine.router, model).await?;
    let answer = json!({
        "model": arguments.model, "version": label, "already_installed": known,
        "trees": version.model.tree_count(), "layout": version.model.layout().to_string(),
        "shadow": shadow_to_json(&shadow), "shadow_rows_wanted": shadow_rows,
        "before": arrangement(&before), "now": arrangement(&after),
    });
    // What has made room for the version may be large.
    drop_elsewhere(before);
    Ok(answer)
}

/// Whether there is nothing to activate.
fn answers_alone(role: Option<Role>, before: &Report, weight: Option<Weight>) -> bool {
    match role {
        Some(Role::Champion) => before.weight.is_none() && weight.is_none(),
        Some(Role::Challenger) => weight.is_some() && before.weight == weight,
        _ => false,
    }
}

/// The version to install, and whether it is there already. Reading and compiling a file takes up to a
/// second: it happens in the background.
async fn version(
    engine: &Engine,
    model: ModelId,
    arguments: &Arguments,
    blobs: Blobs,
    before: &Report,
) -> Result<(Arc<ModelVersion>, bool), ControlRefusal> {
    let inputs = engine.router.app().models[model.index()].inputs.clone();
    let installed: Vec<_> =
        before.versions.iter().map(|version| Arc::clone(&version.installed.version)).collect();
    let (name, label) = (arguments.model.clone(), arguments.version.clone());
    let best_iteration = arguments.best_iteration;
    let made = in_background(move || {
        let bytes = blobs.get(FILE).unwrap_or_default();
        if bytes.len() > MODEL_FILE_BYTES_MAX {
            let text =
                format!("the file has {} bytes; at most {MODEL_FILE_BYTES_MAX} are taken", bytes.len());
            return Err(ControlRefusal::refused(text));
        }
        let content = ModelVersion::content_of(bytes, best_iteration);
        let label = label.clone().unwrap_or_else(|| ModelVersion::label_of(content));
        match installed.iter().find(|version| version.label == label) {
            Some(version) if version.content == content => return Ok((Arc::clone(version), true)),
            Some(_) => {
                return Err(ControlRefusal::refused(format!(
                    "model '{name}' has a version '{label}' of another content; give the file another label"
                )));
            }
            None => {}
        }
        let mut model = Model::parse(bytes)
            .map_err(|error| ControlRefusal::refused(format!("the file is not a usable model: {error}")))?;
        if best_iteration {
            if model.best_iteration().is_none() {
                return Err(ControlRefusal::refused("the file records no best iteration".to_owned()));
            }
            model = model.with_best_iteration();
        }
        check_fit(&model, &inputs).map_err(|misfit| {
            let hint = misfit.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            ControlRefusal::refused(format!("the file does not fit model '{name}': {misfit}{hint}"))
        })?;
        Ok((Arc::new(ModelVersion { label, content, model: compile(model) }), false))
    });
    made.await.unwrap_or_else(|| Err(failed()))
}

/// Waits until the shadow has seen so many rows, in all partitions together, or the time is over.
async fn run_shadow(
    engine: &Engine,
    model: ModelId,
    label: &str,
    rows: u64,
    millis: u64,
) -> Result<ShadowFigures, ControlRefusal> {
    if rows == 0 {
        return Ok(ShadowFigures::default());
    }
    let clock = engine.router.clock();
    let began = clock.now();
    loop {
        let report = Report::of(&engine.router, model).await?;
        let shadow = report.find(label).map(|version| version.installed.shadow).unwrap_or_default();
        let over = clock.now().since(began) >= Duration::from_millis(millis);
        if over || shadow.rows >= rows || shadow.not_finite > 0 {
            return Ok(shadow);
        }
        tokio::time::sleep(SHADOW_LOOK).await;
    }
}

/// Whether the version may answer.
fn judge(
    label: &str,
    shadow: &ShadowFigures,
    max_difference: Option<f64>,
    shadow_rows: u64,
) -> Result<(), ControlRefusal> {
    let left = "it is installed and not activated";
    if shadow.not_finite > 0 {
        let (not_finite, rows) = (shadow.not_finite, shadow.rows);
        return Err(ControlRefusal::refused(format!(
            "version '{label}' has no finite prediction for {not_finite} of {rows} rows where the present one \
             has; {left}"
        )));
    }
    let Some(most) = max_difference.filter(|_| shadow_rows > 0) else { return Ok(()) };
    match shadow.difference_mean() {
        None => Err(ControlRefusal::refused(format!(
            "no row came to compare version '{label}' on, so its difference cannot be judged; {left}; wait \
             longer, or push without a greatest difference"
        ))),
        // NaN cannot be: both predictions were finite; their distance may be infinite.
        Some(mean) if mean > most => Err(ControlRefusal::refused(format!(
            "version '{label}' differs by {mean} on average over {} rows, more than {most}; {left}",
            shadow.compared
        ))),
        Some(_) => Ok(()),
    }
}
