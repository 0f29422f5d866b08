//! An app that counts events, and a harness that records what comes back.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use vencejo_core::plan::flow::{Calc, Edge, Flow, Node, Operator, Table, TableSource};
use vencejo_core::plan::{Ack, App, Decision, Lookup, Stream, StreamOptions};
use vencejo_expr::{Comparison, Expr, Graph, Program, Type, compile};
use vencejo_runtime::{
    BatchRefusal, BatchReply, DecideRequest, Decided, DecisionReply, Fault, IngestRequest, Router, Rows,
    Unavailable, start,
};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{DecisionId, Origin, PartitionId, Sequence, StreamId, ViewId};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, Aggregation, Grouping};

pub const COUNT: DecisionId = DecisionId(0);
pub const POISON: DecisionId = DecisionId(1);
/// Rows of this key make the core panic.
pub const POISON_KEY: i64 = 13;

fn program(build: impl FnOnce(&mut Graph) -> Expr) -> Program {
    let mut graph = Graph::new();
    let output = build(&mut graph);
    compile(&graph, &[output]).unwrap()
}

/// Events (key BIGINT), counted per key; `COUNT` answers with the count, `POISON` panics: it calls a
/// function that the plan does not have.
pub fn app() -> Arc<App> {
    app_with(StreamOptions::default())
}

/// The app, with these options of its stream.
pub fn app_with(options: StreamOptions) -> Arc<App> {
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
            options,
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
        keys_max: VIEW_KEYS_MAX,
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
        partition: Some(vec![0]),
    };
    Flow {
        nodes: vec![groups, poisonous(), fails()],
        inputs: vec![vec![Edge { node: 0, port: 0 }, Edge { node: 1, port: 0 }]],
        outputs: vec![],
        tables: vec![table],
    }
}

/// Lets the rows of the key [`POISON_KEY`] through.
fn poisonous() -> Node {
    let mut graph = Graph::new();
    let key = graph.column(0, 0, Type::BigInt, true).unwrap();
    let poison = graph.integer(POISON_KEY).unwrap();
    let condition = graph.compare(Comparison::Equal, key, poison).unwrap();
    Node {
        operator: Operator::Calc(Calc {
            program: compile(&graph, &[condition, key]).unwrap(),
            filtered: true,
        }),
        outputs: vec![Edge { node: 2, port: 0 }],
        columns: vec![Type::BigInt],
        inputs: vec![1],
        name: "poison".to_owned(),
    }
}

/// Panics on every row: it looks for the time in a column that there is not.
fn fails() -> Node {
    let aggregation = Aggregation {
        key: vec![(0, Type::BigInt)],
        time: Some(9),
        grouping: Grouping::Running { ttl: None },
        calls: vec![],
        keys_max: VIEW_KEYS_MAX,
    };
    Node {
        operator: Operator::Aggregate(aggregation),
        outputs: vec![],
        columns: vec![Type::BigInt],
        inputs: vec![1],
        name: "poison".to_owned(),
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Request and answered count.
    Decided(u64, Option<i64>),
    Failed(u64),
    Absorbed(u32, Sequence),
    Refused(u32, BatchRefusal),
}

/// Records replies in the order in which they come.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Seen>>);

impl Recorder {
    pub fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub fn last(&self) -> Option<Seen> {
        self.0.lock().unwrap().last().cloned()
    }
}

impl DecisionReply for Recorder {
    fn decided(&self, request: u64, decided: Decided<'_>) {
        let row = Row::of_checked(1, decided.row);
        let count = (!row.is_null(0)).then(|| row.i64(0));
        self.0.lock().unwrap().push(Seen::Decided(request, count));
    }

    fn failed(&self, request: u64, _fault: Fault) {
        self.0.lock().unwrap().push(Seen::Failed(request));
    }
}

impl BatchReply for Recorder {
    fn absorbed(&self, _partition: PartitionId, events: u32, sequence: Sequence) {
        self.0.lock().unwrap().push(Seen::Absorbed(events, sequence));
    }

    fn refused(&self, _partition: PartitionId, events: u32, refusal: BatchRefusal) {
        self.0.lock().unwrap().push(Seen::Refused(events, refusal));
    }

    fn failed(&self, _partition: PartitionId, _events: u32, _fault: Fault) {
        unreachable!("no event of these tests panics");
    }
}

pub struct Harness {
    pub router: Arc<Router>,
    pub recorder: Arc<Recorder>,
}

impl Harness {
    pub fn decide(&self, decision: DecisionId, key: i64, request: u64) -> Result<(), Unavailable> {
        let (partition, request) = self.decide_request(decision, key, request);
        self.router.decide(partition, request)
    }

    pub fn decide_request(
        &self,
        decision: DecisionId,
        key: i64,
        request: u64,
    ) -> (PartitionId, DecideRequest) {
        let (partition, row) = self.row(key);
        let arrived = self.router.clock().now();
        let reply = Arc::<Recorder>::clone(&self.recorder);
        (partition, DecideRequest { decision, row, arrived, deadline_micros: 60_000_000, request, reply })
    }

    pub fn ingest(&self, key: i64, events: usize) -> Result<(), Unavailable> {
        self.produce(key, events, Ack::Memory, None)
    }

    /// Events of one key, acknowledged at this level, the first of them numbered so.
    pub fn produce(
        &self,
        key: i64,
        events: usize,
        ack: Ack,
        origin: Option<Origin>,
    ) -> Result<(), Unavailable> {
        let (partition, request) = self.ingest_request(key, events, ack, origin);
        self.router.ingest(partition, &self.router.app().streams[0], request)
    }

    pub fn ingest_request(
        &self,
        key: i64,
        events: usize,
        ack: Ack,
        origin: Option<Origin>,
    ) -> (PartitionId, IngestRequest) {
        let (partition, row) = self.row(key);
        let ranges = (0..events).map(|_| 0..row.len()).collect();
        let reply = Arc::<Recorder>::clone(&self.recorder);
        let rows = Rows { bytes: row, ranges };
        let arrived = self.router.clock().now();
        (partition, IngestRequest { stream: StreamId(0), rows, arrived, ack, origin, reply })
    }

    /// Lets the partitions run until so many replies have come, and gives them.
    pub async fn replies(&self, count: usize) -> Vec<Seen> {
        self.until(count).await;
        self.recorder.seen()
    }

    /// Lets the partitions run until so many replies have come.
    pub async fn until(&self, count: usize) {
        let all = async {
            while self.recorder.len() < count {
                tokio::task::yield_now().await;
            }
        };
        actix_rt::time::timeout(Duration::from_secs(60), all).await.expect("the replies come");
    }

    /// The reply to the one request that is under way.
    pub async fn reply(&self, before: usize) -> Seen {
        self.until(before + 1).await;
        self.recorder.last().unwrap()
    }

    pub fn row(&self, key: i64) -> (PartitionId, Bytes) {
        let schema = &self.router.app().streams[0].schema;
        let (mut writer, mut bytes) = (RowWriter::new(1), Vec::new());
        writer.set_i64(0, key);
        writer.finish(schema, &mut bytes).unwrap();
        let row = Row::parse(schema, &bytes).unwrap();
        (self.router.partition_of(&self.router.app().streams[0], row, &mut Vec::new()), bytes.into())
    }

    /// Lets the partitions of this thread run until nothing waits.
    pub async fn settle(&self) {
        while !self.router.is_idle() {
            tokio::task::yield_now().await;
        }
    }
}

/// Runs a test on an engine in memory.
pub fn run(partitions: u32, threads: usize, test: impl AsyncFnOnce(&Harness)) {
    run_app(&app(), partitions, threads, test);
}

/// Runs a test on an engine in memory that serves this app.
pub fn run_app(app: &Arc<App>, partitions: u32, threads: usize, test: impl AsyncFnOnce(&Harness)) {
    let system = actix_rt::System::new();
    system.block_on(async {
        let router = Arc::new(start(app, partitions, threads));
        test(&Harness { router, recorder: Arc::default() }).await;
    });
}
