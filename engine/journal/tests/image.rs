//! A partition's image on disk: written while events go on, opened, damaged.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use vencejo_core::image::PageSource;
use vencejo_core::plan::flow::{Edge, Flow, Keep, Node, Operator, Table, TableSource};
use vencejo_core::plan::{App, Stream, StreamOptions};
use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_expr::Type;
use vencejo_journal::Disk;
use vencejo_journal::snapshot::{PagePlace, PartitionPages, Snapshot, SnapshotWriter};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{StreamId, Tick};

const PARTITION: u32 = 5;
const KEYS: i64 = 2_000;

/// The latest row of each key of a stream `(key, text)`.
fn app() -> Arc<App> {
    let columns =
        vec![Column::required("key", ColumnType::BigInt), Column::required("text", ColumnType::String)];
    let schema = Arc::new(Schema::new(columns, vec![0]));
    let keep = Keep { key: vec![(0, Type::BigInt)], window_end: None, retention: 0 };
    let node = Node {
        operator: Operator::Keep(keep),
        outputs: vec![],
        columns: vec![Type::BigInt, Type::String],
        inputs: vec![1],
        name: "latest".to_owned(),
    };
    let source = TableSource::Kept { node: 0 };
    let table =
        Table { name: "latest".to_owned(), schema: Arc::clone(&schema), source, partition: Some(vec![0]) };
    let inputs = vec![vec![Edge { node: 0, port: 0 }]];
    let options = StreamOptions::default();
    Arc::new(App {
        name: "test".to_owned(),
        streams: vec![Stream { name: "s".to_owned(), schema, watermark: None, options }],
        models: vec![],
        decisions: vec![],
        flow: Flow { nodes: vec![node], inputs, outputs: vec![], tables: vec![table] },
    })
}

fn put(state: &mut PartitionState, effects: &mut Effects, key: i64, text: &str) {
    let schema = Arc::clone(&state.app().streams[0].schema);
    let mut writer = RowWriter::new(2);
    writer.set_i64(0, key);
    writer.set_str(1, text);
    let mut bytes = Vec::new();
    writer.finish(&schema, &mut bytes).unwrap();
    let row = Row::parse(&schema, &bytes).unwrap();
    let sequence = state.sequence().next();
    apply(state, sequence, Tick(0), &Event::Row { stream: StreamId(0), row }, effects);
}

/// A folder with a snapshot of a partition, and the partition's digest at that moment.
fn written() -> (TempDir, u64) {
    let folder = TempDir::new().unwrap();
    let disk = Disk::new(folder.path());
    let (mut state, mut effects) = (PartitionState::new(app()), Effects::default());
    (0..KEYS).for_each(|key| put(&mut state, &mut effects, key, &format!("the first text of {key}")));
    let digest = state.digest().unwrap();
    let mut writer = SnapshotWriter::create(&disk).unwrap();
    let sequence = state.sequence().0;
    writer.head(PARTITION, sequence, &state.begin_capture()).unwrap();
    let (mut key, mut pages, mut is_done) = (KEYS, Vec::new(), false);
    while !is_done {
        is_done = state.capture_some(4_096, &mut pages).unwrap();
        for page in pages.drain(..) {
            let (owner, container, number) = (page.at.owner, page.at.container, page.at.page);
            let place = PagePlace { partition: PARTITION, owner, container, page: number };
            writer.page(place, &page.bytes).unwrap();
        }
        key -= 7;
        put(&mut state, &mut effects, key, "another text, behind the snapshot");
        put(&mut state, &mut effects, KEYS * 2 + key, "another key, behind the snapshot");
    }
    assert_eq!(writer.finish().unwrap(), [1]);
    (folder, digest)
}

fn open(folder: &TempDir, report: Arc<Mutex<Vec<PagePlace>>>) -> PartitionState {
    let snapshot = Arc::new(Snapshot::open(&Disk::new(folder.path()), 1).unwrap());
    let head = snapshot.head(PARTITION).unwrap().unwrap();
    let report = Box::new(move |place, _error: Option<&_>| report.lock().unwrap().push(place));
    let source: Arc<dyn PageSource> = Arc::new(PartitionPages::new(snapshot, PARTITION, report));
    PartitionState::open(&app(), &head, &source, &mut |_, _, _| None).unwrap().state
}

#[test]
fn a_partition_comes_back_from_disk_as_it_was_when_its_capture_began() {
    let (folder, digest) = written();
    let faults = Arc::new(Mutex::new(Vec::new()));
    let mut state = open(&folder, Arc::clone(&faults));
    assert_eq!((state.sequence().0, state.digest()), (KEYS.cast_unsigned(), Ok(digest)));
    assert!(faults.lock().unwrap().is_empty());
}

#[test]
fn a_damaged_page_is_reported_once_and_costs_the_keys_in_it() {
    let (folder, _) = written();
    let path: PathBuf = folder.path().join("snapshots/0000000000000001.snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    let text = b"the first text of 1234";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let faults = Arc::new(Mutex::new(Vec::new()));
    let mut state = open(&folder, Arc::clone(&faults));
    let mut effects = Effects::default();
    for key in [1_234, 7, 1_234, 1_999] {
        let before = effects.damaged();
        put(&mut state, &mut effects, key, "a later text");
        assert_eq!(effects.damaged() - before, u64::from(key == 1_234), "{key}");
    }
    let faults = faults.lock().unwrap();
    let [place] = faults[..] else { panic!("{faults:?}") };
    assert_eq!((place.partition, place.owner), (PARTITION, 0));
}
