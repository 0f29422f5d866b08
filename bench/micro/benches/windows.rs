//! What an event costs in windows, sessions and running groups. `cargo bench -p bench-micro --bench windows`
//!
//! Processor time of the thread per event (so that what else runs on the machine counts little), closing of
//! windows and giving out their rows included. Keys are BIGINT and come at random; event time grows by 1 ms
//! every 1,024 events.

use std::hint::black_box;

use bench_micro::{PROCESSOR_TIME, ProcessorTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{AggregateCall, AggregateFunction as F, Aggregation, Grouping, Windowing};
use vencejo_windows::{Downstream, FETCH_KEYS_MAX, Far, Fetch, GroupBy, Operator, Texts};

const EVENTS_PER_MILLI: i64 = 1_024;
/// Events that an engine fetches state for together.
const BATCH: usize = FETCH_KEYS_MAX;
const _: () = assert!(EVENTS_PER_MILLI.cast_unsigned().is_multiple_of(BATCH as u64));

/// Counts rows and looks at each.
struct Count(u64);

impl Downstream for Count {
    fn emit(&mut self, row: &[Value<'_>]) {
        self.0 += 1;
        black_box(row);
    }
}

/// Events for a GROUP BY, one after the other.
struct Feed {
    groups: GroupBy,
    sink: Count,
    keys: u64,
    dice: u64,
    number: i64,
    key: Vec<u8>,
}

impl Feed {
    fn new(grouping: Grouping, calls: Vec<AggregateCall>, keys: u64) -> Self {
        let groups = GroupBy::new(&Aggregation {
            key: vec![(1, Type::BigInt)],
            time: Some(0),
            grouping,
            calls,
            keys_max: VIEW_KEYS_MAX,
        });
        Self { groups, sink: Count(0), keys, dice: 1, number: 0, key: Vec::new() }
    }

    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice >> 33
    }

    /// As many events as fall in one millisecond, then a watermark. They come in batches, as from clients.
    fn milli(&mut self) {
        let time = self.number / EVENTS_PER_MILLI;
        let mut events = [(0, 0); BATCH];
        for _ in 0..EVENTS_PER_MILLI.cast_unsigned() / BATCH as u64 {
            for event in &mut events {
                self.number += 1;
                *event = ((self.throw() % self.keys).cast_signed(), self.number);
            }
            if let Some(far) = Far::of(&self.groups) {
                let mut fetch = Fetch::<BATCH>::new(far);
                for &(key, _) in &events {
                    self.key.clear();
                    vencejo_windows::key::write([Value::Int(key)], &mut self.key);
                    fetch.add(&self.key);
                }
                fetch.fetch();
            }
            for (key, number) in events {
                let row = [Value::Int(time), Value::Int(key), Value::Int(number)];
                let _ = self.groups.row(0, &row, &mut self.sink);
            }
        }
        self.groups.watermark(time, &mut self.sink);
    }

    /// Brings in enough events that all keys are there.
    fn warmed(mut self) -> Self {
        while self.number.cast_unsigned() < 4 * self.keys {
            self.milli();
        }
        self
    }
}

fn count_and_sum() -> Vec<AggregateCall> {
    vec![
        AggregateCall { function: F::CountRows, argument: None, distinct: false, filter: None },
        AggregateCall { function: F::Sum, argument: Some((2, Type::BigInt)), distinct: false, filter: None },
    ]
}

fn window(windowing: Windowing) -> Grouping {
    Grouping::Window { windowing, lateness: 0, retention: 0 }
}

fn groups(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(EVENTS_PER_MILLI.cast_unsigned()));
    group.sample_size(10);
    let mut measure = |name: &str, keys: u64, grouping: Grouping, calls: Vec<AggregateCall>| {
        // Made once, and only where the benchmark is asked for.
        let mut made = None;
        group.bench_function(BenchmarkId::new(name, keys), |bencher| {
            let feed = made.get_or_insert_with(|| Feed::new(grouping.clone(), calls.clone(), keys).warmed());
            bencher.iter(|| feed.milli());
        });
        if let Some(feed) = made {
            let per_key = feed.groups.bytes() as f64 / feed.groups.key_count().max(1) as f64;
            println!("{name}/{keys}: {} keys held, {per_key:.0} bytes each", feed.groups.key_count());
        }
    };
    for keys in [1_000_u64, 1_000_000] {
        // 4,000,000 events per window.
        let tumble = window(Windowing::Tumble { size: 4_000, offset: 0 });
        measure("tumble COUNT SUM", keys, tumble, count_and_sum());
    }
    let user =
        AggregateCall { function: F::Count, argument: Some((2, Type::BigInt)), distinct: true, filter: None };
    let hop = window(Windowing::Hop { size: 100, slide: 20, offset: 0 });
    measure("hop COUNT(DISTINCT)", 1_000, hop, vec![user]);
    for keys in [1_000_u64, 1_000_000] {
        // A key comes every `keys` events on average; half of the sessions end between two of its rows.
        let gap = (keys / 1_443).max(1).cast_signed();
        measure("session COUNT SUM", keys, window(Windowing::Session { gap }), count_and_sum());
    }
    for keys in [1_000_u64, 1_000_000] {
        measure("running COUNT SUM", keys, Grouping::Running { ttl: None }, count_and_sum());
    }
    group.finish();
}

fn look_up(criterion: &mut Criterion<ProcessorTime>) {
    for keys in [1_000_u64, 1_000_000] {
        let (mut made, mut number, mut key) = (None, 0_i64, Vec::new());
        criterion.bench_function(&format!("look-up hot/{keys}"), |bencher| {
            let running = Grouping::Running { ttl: None };
            let feed = made.get_or_insert_with(|| Feed::new(running, count_and_sum(), keys).warmed());
            bencher.iter(|| {
                // 512 keys that stay in the cache.
                number = (number + 1) % 512;
                key.clear();
                vencejo_windows::key::write([Value::Int(black_box(number))], &mut key);
                let (mut texts, mut row) = (Texts::default(), [Value::Null; 3]);
                let place = feed.groups.find(&key).ok()??;
                feed.groups.read(place, &mut texts, &mut row);
                Some(matches!(row[2], Value::Int(_)))
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(PROCESSOR_TIME);
    targets = groups, look_up
}
criterion_main!(benches);
