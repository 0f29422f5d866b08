//! Partitions behind a router: order, bounds, and a core that panics.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vencejo_core::plan::flow::{Calc, Edge, Flow, Node, Operator, Table, TableSource};
use vencejo_core::plan::{Ack, App, Decision, Lookup, Stream, StreamOptions};
use vencejo_expr::{Expr, Graph, Program, Type, compile};
use vencejo_runtime::{
    BatchRefusal, BatchReply, DecideRequest, Decided, DecisionReply, IngestRequest, Router, Rows,
    Unavailable, start,
};
use vencejo_types::limits::{FAST_LANE_REQUESTS_MAX, NORMAL_LANE_REQUESTS_MAX};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{DecisionId, PartitionId, Sequence, StreamId, ViewId};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, Aggregation, Grouping};

const COUNT: DecisionId = DecisionId(0);
const POISON: DecisionId = DecisionId(1);

fn program(build: impl FnOnce(&mut Graph) -> Expr) -> Program {
    let mut graph = Graph::new();
    let output = build(&mut graph);
    compile(&graph, &[output]).unwrap()
}

/// Events (key BIGINT), counted per key; `COUNT` answers with the count, `POISON` panics: it calls a
/// function that the plan does not have.
fn app() -> Arc<App> {
    let key = Column::required("key", ColumnType::BigInt);
    let count = Column::nullable("events", ColumnType::BigInt);
    let schema = Arc::new(Schema::new(vec![key.clone()], vec![0]));
    let decision = |program: Program| Decision {
        name: "d".to_owned(),
        stream: StreamId(0),
        deadline_micros: 1_000_000,
        split_by: vec![0],
        answer: Arc::new(Schema::new(vec![count.clone()], vec![])),
        lookups: vec![Lookup { view: ViewId(0), key: vec![0] }],
        functions: vec![],
        program,
        condition: None,
        code: None,
        fallback: Program::default(),
        required: vec![],
    };
    let events = program(|graph| graph.column(1, 1, Type::BigInt, true).unwrap());
    let poison = program(|graph| graph.call(9, &[], Type::BigInt, true).unwrap());
    Arc::new(App {
        name: "test".to_owned(),
        streams: vec![Stream {
            name: "events".to_owned(),
            schema: Arc::clone(&schema),
            watermark: None,
            options: StreamOptions::default(),
        }],
        models: vec![],
        decisions: vec![decision(events), decision(poison)],
        flow: counts(key, count),
    })
}

/// COUNT(*) per key, to be looked up.
fn counts(key: Column, count: Column) -> Flow {
    let aggregation = Aggregation {
        key: vec![(0, Type::BigInt)],
        time: None,
        grouping: Grouping::Running { ttl: None },
        calls: vec![AggregateCall {
            function: AggregateFunction::CountRows,
            argument: None,
            distinct: false,
            filter: None,
        }],
    };
    let groups = Node {
        operator: Operator::Aggregate(aggregation),
        outputs: vec![],
        columns: vec![Type::BigInt, Type::BigInt],
        inputs: vec![1],
        name: "counts".to_owned(),
    };
    let mut graph = Graph::new();
    let columns = [0, 1].map(|column| graph.column(0, column, Type::BigInt, true).unwrap());
    let calc = Calc { program: compile(&graph, &columns).unwrap(), filtered: false };
    let table = Table {
        name: "counts".to_owned(),
        schema: Arc::new(Schema::new(vec![key, count], vec![0])),
        source: TableSource::Running { node: 0, calc },
        local: true,
    };
    Flow {
        nodes: vec![groups],
        inputs: vec![vec![Edge { node: 0, port: 0 }]],
        outputs: vec![],
        tables: vec![table],
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// Request and answered count.
    Decided(u64, Option<i64>),
    Failed(u64),
    Absorbed(u32, Sequence),
}

/// Records replies in the order in which they come.
#[derive(Default)]
struct Recorder(Mutex<Vec<Seen>>);

impl Recorder {
    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

impl DecisionReply for Recorder {
    fn decided(&self, request: u64, decided: Decided<'_>) {
        let row = Row::of_checked(1, decided.row);
        let count = (!row.is_null(0)).then(|| row.i64(0));
        self.0.lock().unwrap().push(Seen::Decided(request, count));
    }

    fn failed(&self, request: u64) {
        self.0.lock().unwrap().push(Seen::Failed(request));
    }
}

impl BatchReply for Recorder {
    fn absorbed(&self, _partition: PartitionId, events: u32, sequence: Sequence) {
        self.0.lock().unwrap().push(Seen::Absorbed(events, sequence));
    }

    fn refused(&self, _partition: PartitionId, _events: u32, refusal: BatchRefusal) {
        panic!("an engine in memory refuses nothing: {refusal:?}");
    }

    fn failed(&self, _partition: PartitionId, _events: u32) {
        unreachable!("no event of these tests panics");
    }
}

struct Harness {
    router: Router,
    recorder: Arc<Recorder>,
}

impl Harness {
    fn decide(&self, decision: DecisionId, key: i64, request: u64) -> Result<(), Unavailable> {
        let (partition, row) = self.row(key);
        let arrived = self.router.clock().now();
        let reply = Arc::<Recorder>::clone(&self.recorder);
        let request = DecideRequest { decision, row, arrived, deadline_micros: 60_000_000, request, reply };
        self.router.decide(partition, request)
    }

    fn ingest(&self, key: i64, events: usize) -> Result<(), Unavailable> {
        let (partition, row) = self.row(key);
        let ranges = (0..events).map(|_| 0..row.len()).collect();
        let reply = Arc::<Recorder>::clone(&self.recorder);
        let request = IngestRequest {
            stream: StreamId(0),
            rows: Rows { bytes: row, ranges },
            ack: Ack::Memory,
            origin: None,
            reply,
        };
        self.router.ingest(partition, request)
    }

    fn row(&self, key: i64) -> (PartitionId, Bytes) {
        let schema = &self.router.app().streams[0].schema;
        let (mut writer, mut bytes) = (RowWriter::new(1), Vec::new());
        writer.set_i64(0, key);
        writer.finish(schema, &mut bytes).unwrap();
        let row = Row::parse(schema, &bytes).unwrap();
        (self.router.partition_of(StreamId(0), row, &mut Vec::new()), bytes.into())
    }

    /// Lets the partitions of this thread run until nothing waits.
    async fn settle(&self) {
        while !self.router.is_idle() {
            tokio::task::yield_now().await;
        }
    }
}

fn run(partitions: u32, threads: usize, test: impl AsyncFnOnce(&Harness)) {
    let system = actix_rt::System::new();
    system.block_on(async {
        let router = start(app(), partitions, threads);
        test(&Harness { router, recorder: Arc::default() }).await;
    });
}

#[test]
fn requests_of_a_key_are_answered_in_order() {
    run(4, 2, async |harness| {
        for request in 0..200 {
            harness.decide(COUNT, 7, request).unwrap();
        }
        harness.settle().await;
        let answers = (0..200_u64).map(|n| {
            let before = i64::try_from(n).unwrap();
            Seen::Decided(n, (n > 0).then_some(before))
        });
        assert_eq!(harness.recorder.seen(), answers.collect::<Vec<_>>());
    });
}

#[test]
fn a_decision_overtakes_a_batch_that_has_begun() {
    run(1, 1, async |harness| {
        harness.ingest(1, 16_000).unwrap();
        // One drain's worth of slices.
        tokio::task::yield_now().await;
        harness.decide(COUNT, 1, 5).unwrap();
        harness.settle().await;
        let seen = harness.recorder.seen();
        let [Seen::Decided(5, Some(count)), Seen::Absorbed(16_000, Sequence(16_001))] = seen[..] else {
            panic!("the decision comes first: {seen:?}");
        };
        assert!(0 < count && count < 16_000, "it saw the batch half applied: {count}");
    });
}

#[test]
fn a_full_lane_is_an_answer_and_what_it_holds_is_served() {
    run(1, 1, async |harness| {
        let decisions = FAST_LANE_REQUESTS_MAX as u64;
        assert!((0..decisions).all(|request| harness.decide(COUNT, 1, request).is_ok()));
        assert_eq!(harness.decide(COUNT, 1, decisions), Err(Unavailable::Overloaded));
        assert!((0..NORMAL_LANE_REQUESTS_MAX).all(|_| harness.ingest(1, 1).is_ok()));
        assert_eq!(harness.ingest(1, 1), Err(Unavailable::Overloaded));
        harness.settle().await;
        let seen = harness.recorder.seen();
        assert_eq!(seen.len(), FAST_LANE_REQUESTS_MAX + NORMAL_LANE_REQUESTS_MAX);
        assert!(matches!(seen[FAST_LANE_REQUESTS_MAX - 1], Seen::Decided(..)), "decisions first");
        assert!(harness.decide(COUNT, 1, 0).is_ok(), "there is room again");
        harness.settle().await;
    });
}

#[test]
fn a_panic_in_the_core_fails_its_request_and_empties_its_partition_only() {
    std::panic::set_hook(Box::new(|_| {}));
    run(8, 1, async |harness| {
        let partition_of = |key| harness.row(key).0;
        let other = (2..).find(|&key| partition_of(key) != partition_of(1)).unwrap();
        harness.ingest(1, 10).unwrap();
        harness.ingest(other, 10).unwrap();
        harness.settle().await;
        harness.decide(COUNT, 1, 1).unwrap();
        harness.decide(POISON, 1, 2).unwrap();
        harness.decide(COUNT, 1, 3).unwrap();
        harness.decide(COUNT, other, 4).unwrap();
        harness.settle().await;
        let mut seen = harness.recorder.seen().split_off(2);
        seen.sort_by_key(|seen| match seen {
            Seen::Decided(request, _) | Seen::Failed(request) => *request,
            Seen::Absorbed(..) => u64::MAX,
        });
        let expected =
            [Seen::Decided(1, Some(10)), Seen::Failed(2), Seen::Decided(3, None), Seen::Decided(4, Some(10))];
        assert_eq!(seen, expected);
    });
}

#[test]
fn a_look_at_the_state_waits_for_room_and_sees_what_came_before() {
    std::panic::set_hook(Box::new(|_| {}));
    run(3, 1, async |harness| {
        let decisions = FAST_LANE_REQUESTS_MAX as u64;
        assert!((0..decisions).all(|request| harness.decide(COUNT, 1, request).is_ok()));
        let sequences = harness.router.inspect(|state| state.sequence().0).await.unwrap();
        assert_eq!((sequences.len(), sequences.iter().sum::<u64>()), (3, decisions));
        let failed = harness.router.inspect(|_| unreachable!("a look that panics")).await;
        assert_eq!(failed.map(|_: Vec<()>| ()), Err(Unavailable::Stopped));
        harness.decide(COUNT, 1, decisions).unwrap();
        harness.settle().await;
        assert_eq!(harness.recorder.seen().len(), FAST_LANE_REQUESTS_MAX + 1, "it harmed nobody");
    });
}
