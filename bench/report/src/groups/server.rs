//! A decision inside the engine: a model of 500 trees, the ads app's look-ups, and ten rules on its requests.

use vencejo_runtime::Clock;

use super::{Found, Group};
use crate::engine::Engine;
use crate::large_app;
use crate::row::{Goal, Row};
use crate::setup::{Problem, Setup, each};
use crate::workload::Workload;

const P99_NANOS_MAX: f64 = 10_000.0;
const REQUESTS: usize = 10_000;
const WARM_UPS: usize = 10;

pub const GROUP: Group = Group {
    name: "server",
    title: "A decision inside the engine: 500 trees, 4 look-ups, 10 rules on the requests",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder can be made: {error}"))?;
    large_app::write(&setup.app("ads"), folder.path())
        .map_err(|error| format!("the app cannot be made: {error}"))?;
    let mut workload = Workload::of(folder.path(), REQUESTS);
    // Placements become known, rules begin, buffers grow: each key's to the most that it ever needs.
    (0..WARM_UPS).for_each(|_| decide_all(&mut workload));
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
