//! `snapshot.create`: a snapshot on demand.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_gateway::{ControlRefusal, ErrorCode};
use vencejo_runtime::{SnapshotFault, Taken};

use super::Engine;

/// There are none.
#[derive(Deserialize)]
pub struct Arguments {}

/// Takes a snapshot of all that has been applied, and waits until it is on disk.
pub async fn create(engine: Arc<Engine>, _: Arguments) -> Result<Value, ControlRefusal> {
    let Some(snapshots) = engine.router.snapshots() else {
        return Err(ControlRefusal::refused("the engine keeps nothing on disk (--no-journal)"));
    };
    let taken = snapshots.take().await.map_err(|fault| {
        let code = match fault {
            SnapshotFault::GivenUp(_) => ErrorCode::ControlRefused,
            SnapshotFault::Disk(_) => ErrorCode::Internal,
            SnapshotFault::Stopping => ErrorCode::ShuttingDown,
        };
        ControlRefusal { code, text: fault.to_string() }
    })?;
    let Taken { generation, bytes, took, sequences, segments_removed } = taken;
    let events: u64 = sequences.iter().sum();
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(json!({
        "generation": generation, "events": events, "sequences": sequences, "bytes": bytes, "millis": millis,
        "journal_segments_removed": segments_removed,
    }))
}
