//! What an event costs the aggregates that are kept of it, and what a decision pays to read one.
//! `cargo bench -p bench-micro --bench flow`

use std::hint::black_box;

use bench_micro::{Events, PAGES, RUNNING, WINDOWED};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BARE: &str = "CREATE DECISION d ON events WITH ('deadline' = '10 ms') AS SELECT amount
    FROM events FALLBACK SELECT 0.0 AS amount;";
const LOOKING: &str = "CREATE DECISION d ON events WITH ('deadline' = '10 ms') AS SELECT spent AS amount
    FROM events LEFT JOIN per_user ON per_user.user_id = events.user_id FALLBACK SELECT 0.0 AS amount;";

fn event(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(1));
    let three = [RUNNING, WINDOWED, PAGES].concat();
    for (name, statements, users) in [
        ("running aggregate, 1,000 keys", RUNNING, 1_000),
        ("running aggregate, 1 M keys", RUNNING, 1_000_000),
        ("windowed aggregate, 1,000 keys", WINDOWED, 1_000),
        ("windowed aggregate, 1 M keys", WINDOWED, 1_000_000),
        ("three aggregates, 100,000 keys", &three, 100_000),
    ] {
        let mut events = Events::new(statements, users);
        group.bench_function(name, |bencher| bencher.iter(|| events.apply()));
        black_box(events.emitted);
    }
    group.finish();
}

/// The look-up is what a decision with one costs more than a decision without; both keep the same view.
fn look_up(criterion: &mut Criterion) {
    for (name, decision) in [("decision/without a look-up", BARE), ("decision/with a look-up", LOOKING)] {
        let mut events = Events::new(&[RUNNING, decision].concat(), 1_000);
        criterion.bench_function(name, |bencher| bencher.iter(|| black_box(events.decide())));
    }
}

criterion_group!(benches, event, look_up);
criterion_main!(benches);
