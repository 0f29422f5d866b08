//! What an event costs in row patterns. `cargo bench -p bench-micro --bench rules`
//!
//! Processor time of the thread per event (so that what else runs on the machine counts little), matches and
//! timers included. Keys are BIGINT and come at random; event time grows by 1 ms every 1,000 events. Every
//! rule is of three steps with WITHIN, over events of one type, with thresholds of its own: `A B+? C` where
//! A, B and C are bands of a reading and what kind of reading it is.

use std::hint::black_box;
use std::sync::Arc;

use bench_micro::{PROCESSOR_TIME, ProcessorTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vencejo_expr::{Comparison, Constant, Graph, Type, Value, compile};
use vencejo_rules::spec::{
    Anchor, Atom, AtomId, Compare, Condition, Order, Pattern, Reference, RowsPerMatch, RuleSetSpec, RuleSpec,
    Semantics, Skip, Variable, VariableSet, Wording,
};
use vencejo_rules::{Match, RuleSet, Sink};

const EVENTS_PER_MILLI: u64 = 1_000;

/// Counts matches.
struct Count(u64);

impl Sink for Count {
    fn matched(&mut self, matched: &Match<'_>, row: &[Value<'_>]) {
        self.0 += 1;
        black_box((matched, row));
    }
}

/// Columns of an event: time, key, kind of reading, reading.
const TYPES: [Type; 4] = [Type::Timestamp, Type::BigInt, Type::String, Type::Double];
const KINDS: [&str; 8] =
    ["speed", "fuel", "brake", "door", "accel", "cargo_temperature", "heading", "engine_temperature"];

struct Rules {
    atoms: Vec<Atom>,
}

impl Rules {
    fn atom(&mut self, column: usize, comparison: Compare, constant: Constant) -> AtomId {
        let same = |atom: &Atom| {
            matches!(atom, Atom::Compare { column: held, comparison: how, constant: with }
                if *held == column && *how == comparison && *with == constant)
        };
        let at = self.atoms.iter().position(same).unwrap_or_else(|| {
            self.atoms.push(Atom::Compare { column, comparison, constant });
            self.atoms.len() - 1
        });
        AtomId::try_from(at).unwrap_or(0)
    }

    fn band(&mut self, kind: &str, from: f64, to: f64) -> Condition {
        let bound = |bound: f64| Constant::from(Value::Double(bound));
        let atoms = vec![
            self.atom(2, Compare::Equal, Constant::from(Value::Str(kind))),
            self.atom(3, Compare::GreaterOrEqual, bound(from)),
            self.atom(3, Compare::Less, bound(to)),
        ];
        Condition { atoms, residual: None }
    }

    /// `A B+? C` for readings of a kind; with `rising`, C is greater than the last B.
    fn rule(&mut self, number: usize, kind: &str, rising: bool) -> RuleSpec {
        let base = (number * 37 % 1_000) as f64 / 10.0;
        let mut bands = [
            self.band(kind, base, base + 2.0),
            self.band(kind, base, base + 50.0),
            self.band(kind, base + 10.0, base + 30.0),
        ];
        if rising {
            bands[2].residual = compiled(|graph| {
                let reading = graph.column(0, 3, Type::Double, true)?;
                let last = graph.column(1, 3, Type::Double, true)?;
                graph.compare(Comparison::Greater, reading, last)
            });
        }
        let variables = bands
            .into_iter()
            .zip(["A", "B", "C"])
            .map(|(condition, name)| Variable { name: name.to_owned(), condition });
        let more =
            Pattern::Repetition { pattern: Box::new(Pattern::Variable(1)), min: 1, max: None, greedy: false };
        let last = Anchor::Last { variables: VariableSet(0b10), offset: 0, semantics: Semantics::Running };
        let output = compiled(|graph| graph.column(0, 3, Type::Double, true)).unwrap_or_default();
        RuleSpec {
            name: format!("rule {number}"),
            filter: Condition::default(),
            variables: variables.collect(),
            pattern: Pattern::Concatenation(vec![Pattern::Variable(0), more, Pattern::Variable(2)]),
            skip: Skip::PastLastRow,
            within: Some(60_000),
            references: vec![Reference { anchor: last, steps: 0 }],
            aggregates: Vec::new(),
            rows: RowsPerMatch::One,
            output,
            show_timeouts: false,
            wording: Wording::default(),
        }
    }
}

fn compiled(
    build: impl FnOnce(&mut Graph) -> Result<vencejo_expr::Expr, vencejo_expr::TypeError>,
) -> Option<vencejo_expr::Program> {
    let mut graph = Graph::new();
    let output = build(&mut graph).ok()?;
    compile(&graph, &[output]).ok()
}

/// Events, one after the other.
struct Feed {
    set: RuleSet,
    sink: Count,
    keys: u64,
    kinds: usize,
    dice: u64,
    number: u64,
}

impl Feed {
    /// So many rules; over `kinds` kinds of readings, which come equally often.
    fn new(rules: usize, keys: u64, kinds: usize, rising: bool) -> Self {
        let mut made = Rules { atoms: Vec::new() };
        let rules =
            (0..rules).map(|number| Arc::new(made.rule(number, KINDS[number % kinds], rising))).collect();
        let spec = RuleSetSpec {
            key: vec![(1, Type::BigInt)],
            time: 0,
            order: Order::Arrival,
            then_by: Vec::new(),
            input: TYPES.to_vec(),
            columns: (0..).take(TYPES.len()).collect(),
            atoms: made.atoms,
            rules,
        };
        let set = RuleSet::new(Arc::new(spec));
        Self { set, sink: Count(0), keys, kinds, dice: 1, number: 0 }
    }

    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice >> 33
    }

    /// As many events as fall in one millisecond.
    fn milli(&mut self) {
        let time = (self.number / EVENTS_PER_MILLI).cast_signed();
        for _ in 0..EVENTS_PER_MILLI {
            let key = (self.throw() % self.keys).cast_signed();
            let kind =
                KINDS[usize::try_from(self.throw() % self.kinds as u64).expect("fewer kinds than that")];
            let reading = (self.throw() % 1_000) as f64 / 10.0;
            let row = [Value::Int(time), Value::Int(key), Value::Str(kind), Value::Double(reading)];
            let _ = self.set.row(&row, self.number, &mut self.sink);
            self.number += 1;
        }
    }

    /// Brings in enough events that every key has come.
    fn warmed(mut self) -> Self {
        while self.number < (2 * self.keys).max(100_000) {
            self.milli();
        }
        self
    }
}

fn rules(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(EVENTS_PER_MILLI));
    group.sample_size(10);
    let mut measure = |name: &str, rules: usize, keys: u64, kinds: usize, rising: bool| {
        let mut made = None;
        group.bench_function(BenchmarkId::new(format!("{name}/{rules} rules"), keys), |bencher| {
            let feed = made.get_or_insert_with(|| Feed::new(rules, keys, kinds, rising).warmed());
            bencher.iter(|| feed.milli());
        });
        if let Some(feed) = made {
            let open: u64 = (0..rules).map(|rule| feed.set.counters(rule).open).sum();
            let (keys_held, bytes) = (feed.set.key_count(), feed.set.bytes());
            println!(
                "{name}/{rules} rules/{keys}: {} matches of {} events; {open} runs open of {keys_held} keys, \
                 {bytes} bytes",
                feed.sink.0, feed.number
            );
        }
    };
    for rules in [1, 10, 100, 500] {
        measure("one kind", rules, 1_000, 1, false);
    }
    for rules in [1, 100, 500] {
        measure("eight kinds", rules, 1_000, 8, false);
    }
    for keys in [100_000, 1_000_000] {
        measure("one kind", 1, keys, 1, false);
        measure("one kind", 100, keys, 1, false);
    }
    for rules in [1, 100] {
        measure("rising", rules, 1_000, 1, true);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(PROCESSOR_TIME);
    targets = rules
}
criterion_main!(benches);
