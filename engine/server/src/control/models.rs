//! Who answers as a model: list, activate, roll back.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_core::models::{ModelChange, Role, Weight};
use vencejo_gateway::ControlRefusal;
use vencejo_sql::did_you_mean;

use super::Engine;
use super::report::Report;

/// What `model.list` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// A model; all of them if not given.
    #[serde(default)]
    model: Option<String>,
}

/// What `model.activate` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    model: String,
    version: String,
    /// A challenger's share in percent; without it the version answers every decision.
    #[serde(default)]
    weight: Option<u8>,
}

/// What `model.rollback` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    model: String,
}

/// The versions of one model or all.
pub async fn list(engine: Arc<Engine>, arguments: List) -> Result<Value, ControlRefusal> {
    let names: Vec<String> = match arguments.model {
        Some(name) => vec![name],
        None => engine.router.app().models.iter().map(|model| model.name.clone()).collect(),
    };
    let mut models = Vec::with_capacity(names.len());
    for name in names {
        let report = Report::of(&engine.router, engine.model(&name)?).await?;
        models.push(report.to_json(&name));
    }
    Ok(json!({"app": engine.router.app().name, "partitions": engine.router.partitions(), "models": models}))
}

/// Has a version answer, every decision or a share.
pub async fn activate(engine: Arc<Engine>, arguments: Activate) -> Result<Value, ControlRefusal> {
    let Activate { model: name, version: label, weight } = arguments;
    let model = engine.model(&name)?;
    let weight = weight.map(share).transpose()?;
    let before = Report::of(&engine.router, model).await?;
    if before.find(&label).is_none() {
        return Err(unknown_version(&name, &label, &before));
    }
    let change = match weight {
        Some(weight) => ModelChange::Split { label, weight },
        None => ModelChange::Activate { label },
    };
    engine.change(model, change, None).await?;
    outcome(&engine, &name, &before).await
}

/// Has those answer again who did before the last change.
pub async fn rollback(engine: Arc<Engine>, arguments: Rollback) -> Result<Value, ControlRefusal> {
    let model = engine.model(&arguments.model)?;
    let before = Report::of(&engine.router, model).await?;
    engine.change(model, ModelChange::Rollback, None).await.map_err(|refusal| ControlRefusal {
        text: format!("model '{}': {}", arguments.model, refusal.text),
        ..refusal
    })?;
    outcome(&engine, &arguments.model, &before).await
}

/// Who answers now, and who did before.
async fn outcome(engine: &Engine, name: &str, before: &Report) -> Result<Value, ControlRefusal> {
    let after = Report::of(&engine.router, engine.model(name)?).await?;
    Ok(json!({"model": name, "before": arrangement(before), "now": arrangement(&after)}))
}

/// Champion, challenger and its share.
pub fn arrangement(report: &Report) -> Value {
    json!({
        "champion": report.label_of(Role::Champion), "challenger": report.label_of(Role::Challenger),
        "weight": report.weight.map(Weight::percent),
    })
}

/// A challenger's share.
pub fn share(percent: u8) -> Result<Weight, ControlRefusal> {
    Weight::from_percent(percent).ok_or_else(|| {
        ControlRefusal::refused(format!("{percent} is not a challenger's weight; it is from 1 to 99 percent"))
    })
}

fn unknown_version(model: &str, label: &str, report: &Report) -> ControlRefusal {
    let known = || format!("it has {}", report.labels().collect::<Vec<_>>().join(", "));
    let hint = did_you_mean(label, report.labels()).unwrap_or_else(known);
    ControlRefusal::refused(format!("model '{model}' has no version '{label}'; {hint}"))
}
