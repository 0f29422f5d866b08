//! What partitions learn of each other: the watermarks of streams whose rows go to all of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vencejo_core::plan::flow::{Edge, Flow, Node, Operator, Output};
use vencejo_core::plan::{Ack, App, Stream, StreamOptions, Watermark};
use vencejo_expr::Type;
use vencejo_runtime::{BatchRefusal, BatchReply, Fault, IngestRequest, Router, Rows, start};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{PartitionId, Sequence, StreamId};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, Aggregation, Grouping, Windowing};

/// Streams a and b of (key, ts), b idle after 50 ms; counts per key in windows of ten milliseconds of the
/// union of both, or of a alone.
fn app(union: bool) -> Arc<App> {
    let columns =
        vec![Column::required("key", ColumnType::BigInt), Column::required("ts", ColumnType::Timestamp)];
    let schema = Arc::new(Schema::new(columns, vec![0]));
    let stream = |name: &str, idle_millis| Stream {
        name: name.to_owned(),
        schema: Arc::clone(&schema),
        watermark: Some(Watermark { column: 1, delay_millis: 0, idle_millis }),
        options: StreamOptions::default(),
    };
    let aggregation = Aggregation {
        key: vec![(0, Type::BigInt)],
        time: Some(1),
        grouping: Grouping::Window {
            windowing: Windowing::Tumble { size: 10, offset: 0 },
            lateness: 0,
            retention: 0,
        },
        calls: vec![AggregateCall {
            function: AggregateFunction::CountRows,
            argument: None,
            distinct: false,
            filter: None,
        }],
        keys_max: VIEW_KEYS_MAX,
    };
    let node = |operator, outputs, inputs, columns: &[Type]| Node {
        operator,
        outputs,
        columns: columns.to_vec(),
        inputs: vec![inputs],
        name: "counts".to_owned(),
    };
    let time = Type::Timestamp;
    let windowed = [Type::BigInt, time, time, time, Type::BigInt];
    let out = windowed
        .iter()
        .enumerate()
        .map(|(place, ty)| Column::nullable(format!("c{place}"), ty.column_type()));
    let into = vec![Edge { node: 0, port: 0 }];
    let flow = Flow {
        nodes: vec![
            node(
                Operator::Aggregate(aggregation),
                vec![Edge { node: 1, port: 0 }],
                1 + usize::from(union),
                &windowed,
            ),
            node(Operator::Emit(0), vec![], 1, &[]),
        ],
        inputs: vec![into.clone(), if union { into } else { vec![] }],
        outputs: vec![Output {
            name: "counts".to_owned(),
            schema: Arc::new(Schema::new(out.collect(), vec![])),
        }],
        tables: vec![],
    };
    Arc::new(App {
        name: "test".to_owned(),
        streams: vec![stream("a", None), stream("b", Some(50))],
        models: vec![],
        decisions: vec![],
        flow,
    })
}

struct Unheard;

impl BatchReply for Unheard {
    fn absorbed(&self, _partition: PartitionId, _events: u32, _sequence: Sequence) {}

    fn refused(&self, _partition: PartitionId, _events: u32, refusal: BatchRefusal) {
        panic!("an engine in memory refuses nothing: {refusal:?}");
    }

    fn failed(&self, _partition: PartitionId, _events: u32, _fault: Fault) {
        panic!("no event of these tests fails");
    }
}

/// Sends a row of stream a, as a session does; gives its partition.
fn send(router: &Router, key: i64, ts: i64) -> PartitionId {
    let stream = StreamId(0);
    let schema = &router.app().streams[0].schema;
    let (mut writer, mut bytes) = (RowWriter::new(2), Vec::new());
    writer.set_i64(0, key);
    writer.set_i64(1, ts);
    writer.finish(schema, &mut bytes).unwrap();
    let row = Row::parse(schema, &bytes).unwrap();
    let served = Arc::clone(router.follow().served());
    let declared = &served.app.streams[stream.index()];
    let partition = router.partition_of(declared, row, &mut Vec::new());
    let time = declared.event_time(row).unwrap();
    let ranges = std::iter::once(0..bytes.len()).collect();
    let rows = Rows { bytes: Bytes::from(bytes), ranges };
    let arrived = router.clock().now();
    let reply = Arc::new(Unheard);
    let request = IngestRequest { stream, rows, arrived, ack: Ack::Memory, origin: None, reply };
    router.ingest(partition, declared, request).unwrap();
    router.note_event_time(&served, stream, time, router.clock().now());
    partition
}

/// Waits until so many rows have come out.
async fn emitted(router: &Router, rows: u64) {
    let all = async {
        while router.emitted() < rows {
            tokio::task::yield_now().await;
        }
    };
    actix_rt::time::timeout(Duration::from_secs(60), all).await.expect("a tick brings the watermark");
    assert_eq!(router.emitted(), rows);
}

fn run(union: bool, test: impl AsyncFnOnce(&Router)) {
    actix_rt::System::new().block_on(async { test(&start(&app(union), 4, 1)).await });
}

#[test]
fn a_window_closes_in_a_partition_that_sees_no_later_row() {
    run(false, async |router| {
        let first = send(router, 1, 5);
        let other = (2..).find(|&key| send(router, key, 5) != first).unwrap();
        send(router, other, 12);
        // The windows of all keys but none of the second window.
        emitted(router, u64::try_from(other).unwrap()).await;
    });
}

#[test]
fn a_stream_that_is_idle_by_its_declaration_holds_no_window_open() {
    run(true, async |router| {
        // Stream b never has a row: at first it holds the window open, after 50 ms no more.
        send(router, 1, 5);
        send(router, 1, 12);
        emitted(router, 1).await;
    });
}
