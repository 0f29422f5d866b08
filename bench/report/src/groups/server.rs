//! A decision inside the engine: a model of 500 trees, the ads app's look-ups, and ten rules on its requests.

use std::path::Path;

use vencejo_runtime::Clock;

use super::{Found, Group};
use crate::engine::Engine;
use crate::model::ads_model;
use crate::row::{Goal, Row};
use crate::setup::{Problem, Setup, each};
use crate::workload::Workload;

const P99_NANOS_MAX: f64 = 10_000.0;
const TREES: usize = 500;
const RULES: usize = 10;
const REQUESTS: usize = 10_000;
const MODEL: &str = "models/yield.ubj";

pub const GROUP: Group = Group {
    name: "server",
    title: "A decision inside the engine: 500 trees, 4 look-ups, 10 rules on the requests",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder can be made: {error}"))?;
    write_app(&setup.app("ads"), folder.path())
        .map_err(|error| format!("the app cannot be made: {error}"))?;
    let mut workload = Workload::of(folder.path(), REQUESTS);
    // Placements become known, rules begin, buffers grow.
    decide_all(&mut workload);
    decide_all(&mut workload);
    let clock = Clock::start();
    let mut times = vec![0.0; REQUESTS];
    let points: Vec<[f64; 2]> = (0..setup.rounds)
        .map(|_| {
            for (request, time) in times.iter_mut().enumerate() {
                let start = clock.now();
                workload.decide(request);
                *time = clock.now().since(start).as_nanos() as f64;
            }
            times.sort_by(f64::total_cmp);
            [times[REQUESTS / 2], times[REQUESTS - REQUESTS / 100]]
        })
        .collect();
    let allocations = allocation_counter::measure(|| decide_all(&mut workload));
    let [p50s, p99s] = [0, 1].map(|which| points.iter().map(|point| point[which]).collect::<Vec<_>>());

    let mut engine = Engine::start(&setup.program, folder.path(), &[])?;
    let [served] = setup.in_turns([&mut || setup.decide(engine.address(), &["--rate", "10000"])])?;
    engine.stop()?;
    let at_server = each(&served, |of| of.server.map_or(f64::NAN, |server| server.p99 * 1e3));
    Ok(vec![
        Row::new("in a partition, p50", "ns", &p50s),
        Row::new("in a partition, p99", "ns", &p99s).goal(Goal::AtMost(P99_NANOS_MAX)),
        Row::new("memory allocations of 10,000 decisions", "", &[allocations.count_total as f64])
            .goal(Goal::AtMost(0.0)),
        Row::new("from arrival to reply in the engine at 10,000/s over QUIC, p99", "ns", &at_server)
            .goal(Goal::AtMost(P99_NANOS_MAX)),
    ]
    .into())
}

fn decide_all(workload: &mut Workload) {
    for request in 0..REQUESTS {
        workload.decide(request);
    }
}

/// The ads app with a larger model, and with rules on its requests.
fn write_app(ads: &Path, folder: &Path) -> std::io::Result<()> {
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
