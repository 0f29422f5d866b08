//! The engine's commands: what the administration plane of SPEC.md, section 16, carries here.
//!
//! | command | arguments | blobs |
//! |---|---|---|
//! | `model.push` | [`push::Arguments`] | `model`: the file |
//! | `model.list` | `model`, or null for all | |
//! | `model.activate` | `model`, `version`, `weight` in percent or null | |
//! | `model.rollback` | `model` | |
//! | `query` | `sql` | |
//! | `app.deploy` | `app`: the name of the app that it replaces | `app`: see `app/archive.rs` |
//! | `alert.list` | [`alerts::List`] | |
//! | `alert.change` | `change`: `acknowledge` or `resolve`, `ids` | |
//! | `rule.stats` | | |
//! | `dlq.list` | | |
//! | `dlq.replay` | `number`, or null for all | |
//! | `snapshot.create` | | |
//!
//! Changes of models go one at a time to all partitions, each to its end; so every partition sees them in
//! one order, though not in one moment. What takes long runs on a thread of its own.

mod alerts;
mod deploy;
mod letters;
mod models;
mod push;
mod query;
mod report;
mod rules;
mod snapshots;

use std::fmt::Display;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, RwLock, Semaphore};
use tokio::task::spawn_local;
use vencejo_core::models::ModelChange;
use vencejo_gateway::{Blobs, Command, Control, ControlRefusal, ErrorCode};
use vencejo_runtime::journal::ContentStore;
use vencejo_runtime::{ChangeFault, Router, Unavailable};
use vencejo_sql::did_you_mean;
use vencejo_types::ModelId;

pub use deploy::Memory;

const COMMANDS: [&str; 12] = [
    "model.push",
    "model.list",
    "model.activate",
    "model.rollback",
    "query",
    "app.deploy",
    "alert.list",
    "alert.change",
    "rule.stats",
    "dlq.list",
    "dlq.replay",
    "snapshot.create",
];

/// Queries under way at once; further ones wait.
const QUERIES_MAX: usize = 4;

/// Carries the commands out.
pub struct Commands {
    engine: Arc<Engine>,
}

/// What commands work on.
struct Engine {
    router: Arc<Router>,
    /// Held while a change goes to the partitions.
    changes: Mutex<()>,
    /// The place of the one push that may be under way.
    push: Arc<Semaphore>,
    /// The places of queries: each may hold much memory.
    queries: Semaphore,
    /// The place of the one deploy that may be under way.
    deploys: Semaphore,
    /// Held by commands about models, whose numbers are those of one app; and alone by a deploy.
    models: RwLock<()>,
    /// Where deployed apps are remembered, if anywhere.
    memory: Option<Arc<Memory>>,
    /// Where the files of pushed versions are kept; nowhere, for an engine in memory.
    files: Option<ContentStore>,
}

impl Commands {
    /// The commands of this engine, which keeps the files of pushed models in `files`. Without `memory` a
    /// deployed app is forgotten at the engine's end.
    pub fn new(router: Arc<Router>, memory: Option<Memory>, files: Option<ContentStore>) -> Self {
        let (push, queries) = (Arc::new(Semaphore::new(1)), Semaphore::new(QUERIES_MAX));
        let engine = Engine {
            router,
            changes: Mutex::default(),
            push,
            queries,
            deploys: Semaphore::new(1),
            models: RwLock::default(),
            memory: memory.map(Arc::new),
            files,
        };
        Self { engine: Arc::new(engine) }
    }
}

impl Control for Commands {
    fn run(&self, command: &str, arguments: &str, blobs: Blobs) -> Command {
        let engine = Arc::clone(&self.engine);
        match command {
            "model.push" => about_models(engine, arguments, |engine, it| push::push(engine, it, blobs)),
            "model.list" => about_models(engine, arguments, models::list),
            "model.activate" => about_models(engine, arguments, models::activate),
            "model.rollback" => about_models(engine, arguments, models::rollback),
            "app.deploy" => begin(arguments, |arguments| deploy::deploy(engine, arguments, blobs)),
            "query" => begin(arguments, |arguments| query::query(engine, arguments)),
            "alert.list" => begin(arguments, |arguments| alerts::list(engine, arguments)),
            "alert.change" => begin(arguments, |arguments| alerts::change(engine, arguments)),
            "rule.stats" => begin(arguments, |arguments| rules::stats(engine, arguments)),
            "dlq.list" => begin(arguments, |arguments| letters::list(engine, arguments)),
            "dlq.replay" => begin(arguments, |arguments| letters::replay(engine, arguments)),
            "snapshot.create" => begin(arguments, |arguments| snapshots::create(engine, arguments)),
            other => {
                let hint = did_you_mean(other, COMMANDS);
                let hint = hint.unwrap_or_else(|| format!("there are {}", COMMANDS.join(", ")));
                let text = format!("there is no command '{other}'; {hint}");
                Box::pin(async { Err(ControlRefusal { code: ErrorCode::UnknownCommand, text }) })
            }
        }
    }
}

/// Begins a command about models, during which the app stays.
fn about_models<A, F>(
    engine: Arc<Engine>,
    arguments: &str,
    command: impl FnOnce(Arc<Engine>, A) -> F + 'static,
) -> Command
where
    A: DeserializeOwned + 'static,
    F: Future<Output = Result<serde_json::Value, ControlRefusal>> + 'static,
{
    begin(arguments, |arguments| async move {
        let _the_app_stays = engine.models.read().await;
        command(Arc::clone(&engine), arguments).await
    })
}

/// Begins a command with its arguments read.
fn begin<A: DeserializeOwned, T: Display, F>(arguments: &str, command: impl FnOnce(A) -> F) -> Command
where
    F: Future<Output = Result<T, ControlRefusal>> + 'static,
{
    match serde_json::from_str(arguments) {
        Ok(arguments) => {
            let command = command(arguments);
            Box::pin(async { command.await.map(|answer| answer.to_string()) })
        }
        Err(error) => {
            let refusal = ControlRefusal::refused(format!("the arguments cannot be read: {error}"));
            Box::pin(async { Err(refusal) })
        }
    }
}

impl Engine {
    /// The model of this name.
    fn model(&self, name: &str) -> Result<ModelId, ControlRefusal> {
        let app = self.router.app();
        let models = &app.models;
        if let Some(index) = models.iter().position(|model| model.name == name) {
            return Ok(ModelId(u16::try_from(index).expect("DECLARATIONS_MAX fits 16 bits")));
        }
        let names = || models.iter().map(|model| model.name.as_str());
        let known = match models.len() {
            0 => "it has none".to_owned(),
            _ => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
        };
        let hint = did_you_mean(name, names()).unwrap_or(known);
        Err(ControlRefusal::refused(format!("app '{}' has no model '{name}'; {hint}", app.name)))
    }

    /// Makes a change in all partitions, unless who answers has changed since `revision`. Runs to its end
    /// even when this is dropped.
    async fn change(
        self: &Arc<Self>,
        model: ModelId,
        change: ModelChange,
        revision: Option<u64>,
    ) -> Result<(), ControlRefusal> {
        let engine = Arc::clone(self);
        let changed = spawn_local(async move {
            let _one_at_a_time = engine.changes.lock().await;
            if let Some(before) = revision
                && engine.revision(model).await? != before
            {
                return Err(ControlRefusal::refused(
                    "somebody else changed who answers as this model meanwhile; the new version is \
                     installed and not activated; look with 'model list', then activate it or not",
                ));
            }
            engine.router.change_model(model, change).await.map_err(|error| {
                let code = match error.fault {
                    ChangeFault::Refused(_) => ErrorCode::ControlRefused,
                    ChangeFault::Unavailable(Unavailable::Overloaded) => ErrorCode::Overloaded,
                    ChangeFault::Unavailable(Unavailable::DiskFull) => ErrorCode::DiskFull,
                    ChangeFault::Unavailable(Unavailable::Stopped) => ErrorCode::ShuttingDown,
                    ChangeFault::Panicked => ErrorCode::Internal,
                };
                ControlRefusal { code, text: error.to_string() }
            })
        });
        changed.await.unwrap_or_else(|_| Err(failed()))
    }

    /// A number that grows whenever who answers as this model changes somewhere.
    async fn revision(&self, model: ModelId) -> Result<u64, ControlRefusal> {
        let revisions = self.router.inspect(move |state| state.roster(model).revision()).await;
        revisions.map(|revisions| revisions.iter().sum()).map_err(unavailable)
    }
}

fn unavailable(unavailable: Unavailable) -> ControlRefusal {
    let (code, text) = match unavailable {
        Unavailable::Overloaded => (ErrorCode::Overloaded, "a partition's lane is full; try again shortly"),
        Unavailable::DiskFull => (ErrorCode::DiskFull, "the disk is full"),
        Unavailable::Stopped => (ErrorCode::ShuttingDown, "a partition has stopped"),
    };
    ControlRefusal { code, text: text.to_owned() }
}

fn failed() -> ControlRefusal {
    let text = "the engine failed on this command; its log says why".to_owned();
    ControlRefusal { code: ErrorCode::Internal, text }
}
