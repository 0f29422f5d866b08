//! Queries of current state: planned beside the engine, answered slice by slice on the partitions' threads.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use vencejo_core::plan::App;
use vencejo_core::plan::query::Query;
use vencejo_core::query::{Progress, QueryError, Scan};
use vencejo_gateway::ControlRefusal;
use vencejo_protocol::message::Controlled;
use vencejo_sql::plan_query;
use vencejo_types::PartitionId;

use super::{Engine, failed, unavailable};
use crate::background::elsewhere;
use crate::json_row::JsonRow;

/// How often a query is planned again because the app was replaced under it.
const TRIES_MAX: usize = 3;

/// What `query` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    sql: String,
}

/// The answer: `{"columns": [name, ...], "rows": [{column: value, ...}, ...]}`; or `{"invalid": text}` where
/// the SQL is wrong, with everything that is.
pub async fn query(engine: Arc<Engine>, arguments: Arguments) -> Result<String, ControlRefusal> {
    let _place = engine.queries.acquire().await.map_err(|_| failed())?;
    for _ in 1..TRIES_MAX {
        match answer(&engine, &arguments.sql).await {
            Err(Fault::Query(QueryError::Replaced)) => {}
            Err(fault) => return Err(fault.into()),
            Ok(text) => return Ok(text),
        }
    }
    answer(&engine, &arguments.sql).await.map_err(ControlRefusal::from)
}

/// Why there is no answer.
enum Fault {
    Query(QueryError),
    Refused(ControlRefusal),
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<Fault> for ControlRefusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Query(error) => Self::refused(error.to_string()),
            Fault::Refused(refusal) => refusal,
        }
    }
}

async fn answer(engine: &Engine, sql: &str) -> Result<String, Fault> {
    let app = engine.router.app();
    let (planned_for, text, partitions) = (Arc::clone(&app), sql.to_owned(), engine.router.partitions());
    let planned = elsewhere(move || {
        plan_query(&planned_for, &text, partitions)
            .map_err(|errors| errors.iter().map(|error| error.render("query", &text)).collect::<String>())
    });
    let query = match planned.await.ok_or_else(|| Fault::Refused(failed()))? {
        Ok(query) => Arc::new(query),
        Err(text) => return Ok(json!({"invalid": text}).to_string()),
    };
    let scan = scan(engine, app, Arc::clone(&query)).await?;
    let rendered = elsewhere(move || Ok::<_, QueryError>(render(&query, &scan.finish()?)));
    let text = rendered.await.ok_or_else(|| Fault::Refused(failed()))??;
    let (bytes, max) = (text.len(), Controlled::TEXT_BYTES_MAX);
    if bytes > max {
        let text = format!(
            "the answer has {bytes} bytes as text, of at most {max}; add WHERE or LIMIT, or select fewer columns"
        );
        return Err(Fault::Refused(ControlRefusal::refused(text)));
    }
    Ok(text)
}

/// Looks at the partitions that may have rows of the answer, one after the other.
async fn scan(engine: &Engine, app: Arc<App>, query: Arc<Query>) -> Result<Scan, Fault> {
    let router = &engine.router;
    let owner = query.key.as_ref().and_then(|key| key.partition.as_ref());
    let partitions: Vec<PartitionId> = match owner {
        Some(key) => vec![router.partition_of_key(key)],
        None => router.partition_ids().collect(),
    };
    let mut scan = Scan::new(app, query, router.partitions());
    for partition in partitions {
        loop {
            let look = router.inspect_one(partition, move |state| {
                let progress = scan.slice(state);
                (scan, progress)
            });
            let progress;
            (scan, progress) = look.await.map_err(|error| Fault::Refused(unavailable(error)))?;
            match progress? {
                Progress::More => {}
                Progress::NextPartition => break,
                Progress::Complete => return Ok(scan),
            }
        }
    }
    Ok(scan)
}

/// The answer as JSON text; rows as `vencejo run` writes them.
fn render(query: &Query, rows: &[Vec<u8>]) -> String {
    let names: Vec<&str> = query.answer.columns().iter().map(|column| column.name.as_str()).collect();
    let writer = JsonRow::new(&query.answer);
    let mut text = format!("{{\"columns\":{},\"rows\":[", json!(names)).into_bytes();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        writer.write(row, &mut text);
    }
    text.extend_from_slice(b"]}");
    String::from_utf8(text).expect("JSON is UTF-8")
}
