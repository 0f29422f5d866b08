//! What a decision costs inside a partition, and its parts. `cargo bench -p bench-micro`

use std::hint::black_box;

use bench_micro::{Frames, Workload};
use criterion::{Criterion, criterion_group, criterion_main};
use vencejo_protocol::frame::FrameReader;
use vencejo_types::row::Row;

fn decision(criterion: &mut Criterion) {
    let mut workload = Workload::new(1_000);
    let mut number = 0;
    criterion.bench_function("decide/ads", |bencher| {
        bencher.iter(|| {
            number += 1;
            black_box(workload.decide(number))
        });
    });
}

fn rim(criterion: &mut Criterion) {
    let workload = Workload::new(1_000);
    let mut number = 0;
    criterion.bench_function("row/check", |bencher| {
        bencher.iter(|| {
            number += 1;
            Row::parse(workload.schema(), black_box(&workload.rows[number % workload.rows.len()])).is_ok()
        });
    });
    let frames = Frames::new(&workload.rows[..64]);
    criterion.bench_function("frames/cut 64", |bencher| {
        bencher.iter(|| frames.cut(&mut FrameReader::default()));
    });
}

criterion_group!(benches, decision, rim);
criterion_main!(benches);
