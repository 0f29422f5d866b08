//! The app of the simulated engine.

use std::sync::Arc;

use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_runtime::Versions;
use vencejo_types::ModelId;

/// Counts events per key, forgets some in time, and raises an alert for every seventh number and for every
/// key that rests after a thirteenth one. A decision answers with count and sum.
const COUNTS: &str = "
CREATE TABLE events (
    k BIGINT NOT NULL, n BIGINT NOT NULL, ts TIMESTAMP(3) NOT NULL, WATERMARK FOR ts AS ts
) PARTITIONED BY (k);
CREATE TABLE questions (k BIGINT NOT NULL) PARTITIONED BY (k);
CREATE MATERIALIZED VIEW counts AS SELECT k, COUNT(*) AS events, SUM(n) AS total FROM events GROUP BY k;
CREATE MATERIALIZED VIEW recent WITH ('ttl' = '2 s') AS
SELECT k, COUNT(*) AS events, LAST_VALUE(n) AS latest FROM events GROUP BY k;
CREATE RULE seventh WITH ('severity' = 'info') AS SELECT k, n FROM events MATCH_RECOGNIZE (
    PARTITION BY k ORDER BY ts MEASURES S.n AS n PATTERN (S) DEFINE S AS MOD(n, 7) = 0
);
CREATE RULE rests WITH ('severity' = 'warning') AS SELECT k, n FROM events MATCH_RECOGNIZE (
    PARTITION BY k ORDER BY ts MEASURES T.n AS n PATTERN (T NOT N) WITHIN INTERVAL '1' SECOND
    DEFINE T AS MOD(n, 13) = 0
);
CREATE DECISION counted ON questions WITH ('deadline' = '60 s') AS
SELECT c.events AS events, c.total AS total FROM questions AS q LEFT JOIN counts AS c ON c.k = q.k
FALLBACK SELECT 0 AS events;
";

pub(crate) fn app() -> Arc<App> {
    let plan = vencejo_sql::plan_app("counts", COUNTS, &mut |file| Err(format!("there is no {file}")));
    Arc::new(plan.unwrap_or_else(|errors| panic!("{errors:?}")).app)
}

pub(crate) struct NoVersions;

impl Versions for NoVersions {
    fn load(&self, _model: ModelId, label: &str, _content: u64) -> Result<Arc<ModelVersion>, String> {
        Err(format!("there is no version '{label}'"))
    }
}
