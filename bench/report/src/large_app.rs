//! The ads app with a larger model, and with rules on its requests.

use std::path::Path;

use crate::model::ads_model;

const TREES: usize = 500;
const RULES: usize = 10;
const MODEL: &str = "models/yield.ubj";

/// Writes it into a folder, made of the ads app in another.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(ads: &Path, folder: &Path) -> std::io::Result<()> {
    let sql = std::fs::read_to_string(ads.join("app.sql"))?;
    std::fs::create_dir(folder.join("models"))?;
    std::fs::write(folder.join("models/large.json"), ads_model(TREES).to_string())?;
    let rules: String = (0..RULES).map(rule).collect();
    std::fs::write(folder.join("app.sql"), sql.replace(MODEL, "models/large.json") + &rules)
}

/// A tablet's dear request, then two from countries of one tier, within a minute: partial matches come and
/// go.
fn rule(number: usize) -> String {
    format!(
        "CREATE RULE watch_{number} WITH ('cooldown' = '1 h') AS
        SELECT placement, at FROM bid_requests MATCH_RECOGNIZE (
            PARTITION BY placement ORDER BY ts MEASURES LAST(B.ts) AS at
            PATTERN (A B{{2}}) WITHIN INTERVAL '1' MINUTE
            DEFINE A AS device_category = 'tablet' AND bid_floor > {number}.5,
                B AS country_tier = {}
        );\n",
        number % 3 + 1
    )
}
