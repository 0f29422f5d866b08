//! Images of a whole partition: captured while events go on, opened, opened by another version of the app.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use vencejo_core::PartitionState;
use vencejo_core::image::{CaptureError, OpenError, Restored, StatePage};
use vencejo_core::plan::App;
use vencejo_core::plan::flow::{Calc, FlowLookup, Keep, Operator, Table, TableSource};
use vencejo_expr::Type;
use vencejo_types::ViewId;
use vencejo_windows::paged::{PageAt, PageFault, PageSource};
use vencejo_windows::spec::{Grouping, IntervalJoin, JoinKind, JoinSide, Windowing};

use crate::bench::Bench;
use crate::build::{
    Building, STREAM, WINDOWED, WINDOWED_COLUMNS, calc, count_and_sum, program, schema, stream, tumble,
};

/// An image in memory.
#[derive(Clone, Debug, Default)]
struct Saved {
    head: Vec<u8>,
    pages: BTreeMap<PageAt, Vec<u8>>,
}

impl PageSource for Saved {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        out.extend_from_slice(self.pages.get(&at).ok_or(PageFault(at))?);
        Ok(())
    }
}

impl Saved {
    fn take(&mut self, pages: Vec<StatePage>) {
        for StatePage { at, bytes } in pages {
            assert!(self.pages.insert(at, bytes).is_none(), "{at:?} came twice");
        }
    }

    fn of(state: &mut PartitionState) -> Self {
        let mut saved = Self { head: state.begin_capture(), pages: BTreeMap::new() };
        let mut pages = Vec::new();
        while !state.capture_some(1_000, &mut pages).unwrap() {}
        saved.take(pages);
        saved
    }

    fn open(&self, app: App) -> Result<Restored, OpenError> {
        let source: Arc<dyn PageSource> = Arc::new(self.clone());
        PartitionState::open(&Arc::new(app), &self.head, &source, &mut |_, _, _| None)
    }
}

/// Two streams; windows of `size`, a table with a time to live that rows of b look up, a join, the latest
/// windows by key. `extra` comes before all else.
fn app(size: i64, extra: bool) -> App {
    let mut flow = Building::over(2);
    if extra {
        let node = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Err(1)]]);
        flow.emit("extra", WINDOWED_COLUMNS, node);
    }
    let windowing = Windowing::Tumble { size, offset: 0 };
    let grouping = Grouping::Window { windowing, lateness: 0, retention: 0 };
    let positive = flow.node(Operator::Calc(calc(&STREAM, true)), &STREAM, &[&[Err(0)]]);
    let windows = flow.node(count_and_sum(grouping), &WINDOWED, &[&[Ok(positive)]]);
    flow.emit("w", WINDOWED_COLUMNS, windows);
    let running = Grouping::Running { ttl: Some(40) };
    let groups = flow.node(count_and_sum(running), &[Type::String, Type::BigInt, Type::BigInt], &[&[Err(0)]]);
    let all = program(|graph| {
        let column = |graph: &mut vencejo_expr::Graph, at, ty| graph.column(0, at, ty, true).unwrap();
        vec![column(graph, 0, Type::String), column(graph, 1, Type::BigInt), column(graph, 2, Type::BigInt)]
    });
    flow.running_table("key STRING, n BIGINT, sum BIGINT", groups, Calc { program: all, filtered: false });
    let lookup = FlowLookup { table: ViewId(0), key: vec![(1, Type::String)] };
    let columns = [&STREAM[..], &[Type::String, Type::BigInt, Type::BigInt]].concat();
    let found = flow.node(Operator::Lookup(lookup), &columns, &[&[Err(1)]]);
    flow.emit("l", "ts TS, key STRING, x BIGINT, tkey STRING, n BIGINT, sum BIGINT", found);
    let side = || JoinSide { key: vec![(1, Type::String)], input: STREAM.to_vec() };
    let (left, right, kind) = (side(), side(), JoinKind::Full);
    let join = IntervalJoin { kind, left, right, left_time: 0, right_time: 0, lower: -3, upper: 5 };
    let pairs = [STREAM, STREAM].concat();
    let joined = flow.node(Operator::IntervalJoin(join, None), &pairs, &[&[Err(0)], &[Err(1)]]);
    flow.emit("j", "ats TS, akey STRING, ax BIGINT, bts TS, bkey STRING, bx BIGINT", joined);
    let keep = Keep { key: vec![(0, Type::String)], window_end: Some(2), retention: 30 };
    let node = flow.node(Operator::Keep(keep), &WINDOWED, &[&[Ok(windows)]]);
    let columns = schema("key STRING, ws TS, we TS, wt TS, n BIGINT, sum BIGINT", &[0]);
    let source = TableSource::Kept { node, parts: None };
    flow.flow.tables.push(Table { name: "k".to_owned(), schema: columns, source, partition: Some(vec![0]) });
    flow.app(vec![stream("a", 5), stream("b", 5)])
}

/// Events that look random and are the same every time.
fn events(from: u64, to: u64) -> String {
    let (mut text, mut dice) = (String::new(), from);
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for number in from..to {
        let time = number / 3 + throw(4);
        let (stream, key, x) = (["a", "b"][usize::from(throw(3) == 0)], throw(400), throw(30));
        writeln!(text, "{stream} {time} key{key} {}", i64::try_from(x).unwrap() - 3).unwrap();
        if number % 20 == 0 {
            let watermark = if throw(5) == 0 { "idle".to_owned() } else { (number / 3).to_string() };
            writeln!(text, "tick {} {watermark} -20", number * 300).unwrap();
        }
    }
    text
}

#[test]
fn a_partition_opened_from_an_image_goes_on_as_the_one_that_never_stopped() {
    for at in [0, 1, 700, 1_500] {
        let mut live = Bench::new(app(10, false));
        live.run(&events(0, at));
        let (digest, sequence) = (live.state.digest().unwrap(), live.state.sequence());
        let mut saved = Saved { head: live.state.begin_capture(), pages: BTreeMap::new() };
        let (mut rows, mut done, mut turns) = (String::new(), false, 0);
        for number in at..at + 600 {
            rows += &live.run(&events(number, number + 1));
            let mut pages = Vec::new();
            if !done {
                done = live.state.capture_some(1, &mut pages).unwrap();
                turns += 1;
            }
            saved.take(pages);
        }
        assert!(done && (at < 10 || turns > 3), "{turns} turns");
        assert_eq!(live.state.capture_some(1, &mut Vec::new()), Err(CaptureError::NotUnderWay));
        let opened = |saved: &Saved| saved.open(app(10, false)).unwrap();
        let Restored { mut state, anew, models_anew } = opened(&saved);
        assert_eq!((state.sequence(), state.digest()), (sequence, Ok(digest)), "behind {at} events");
        assert_eq!((anew.len(), models_anew.len()), (0, 0));
        let mut restored = Bench::new(app(10, false));
        restored.state = opened(&saved).state;
        let mut again = String::new();
        for number in at..at + 600 {
            again += &restored.run(&events(number, number + 1));
            restored.state.hydrate_some(1).unwrap();
        }
        assert_eq!(again, rows);
        assert_eq!(restored.run("end"), live.run("end"));
        assert_eq!(restored.state.digest(), live.state.digest());
        assert_eq!(Saved::of(&mut restored.state).pages, Saved::of(&mut live.state).pages);
    }
}

#[test]
fn another_version_of_the_app_takes_over_what_it_has_in_common() {
    let mut live = Bench::new(app(10, false));
    live.run(&events(0, 900));
    let saved = Saved::of(&mut live.state);
    // A view more, in front, so that every node has another number.
    let grown = saved.open(app(10, true)).unwrap();
    assert_eq!(grown.anew, ["node 0"]);
    let mut restored = Bench::new(app(10, true));
    restored.state = grown.state;
    let without_extra = |rows: String| -> Vec<String> {
        rows.lines().filter(|row| !row.starts_with("extra")).map(str::to_owned).collect()
    };
    let more = events(900, 1_300);
    assert_eq!(without_extra(restored.run(&more)), without_extra(live.run(&more)));
    // Windows of another length: they and what lies behind them begin anew.
    let changed = saved.open(app(20, false)).unwrap();
    assert_eq!(changed.anew, ["node 1", "node 8"]);
    let shrunk = saved.open(Building::over(1).app(vec![stream("a", 5)])).unwrap();
    assert!(shrunk.anew.is_empty());
}

#[test]
fn what_is_no_head_is_refused() {
    let saved = Saved::of(&mut Bench::new(app(10, false)).state);
    let open = |head: &[u8]| Saved { head: head.to_vec(), ..saved.clone() }.open(app(10, false)).map(|_| ());
    assert_eq!(open(&[]), Err(OpenError::Head));
    assert_eq!(open(&[&[9], &saved.head[1..]].concat()), Err(OpenError::Version(9)));
    for length in 4..saved.head.len() {
        assert!(open(&saved.head[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(open(&saved.head), Ok(()));
}

/// A table's page is gone: rows that look it up come to nothing, they are not taken for unknown keys.
#[test]
fn a_look_up_into_a_damaged_page_is_no_answer() {
    let mut live = Bench::new(app(10, false));
    live.run(&events(0, 900));
    let saved = Saved::of(&mut live.state);
    let (mut refused, mut served) = (0, 0);
    let table = 3;
    for at in saved.pages.keys().filter(|at| at.owner == table && at.container < 2) {
        let mut damaged = saved.clone();
        damaged.pages.remove(at);
        let mut restored = Bench::new(app(10, false));
        restored.state = damaged.open(app(10, false)).unwrap().state;
        for key in 0..400 {
            let before = restored.effects.damaged();
            let row = restored.run(&format!("b 300 key{key} 1"));
            let lookup = row.lines().find(|row| row.starts_with("l: "));
            let mut whole = Bench::new(app(10, false));
            if restored.effects.damaged() > before {
                refused += 1;
                assert_eq!(lookup, None);
            } else if key % 20 == 0 {
                served += 1;
                whole.state = saved.open(app(10, false)).unwrap().state;
                let expected = whole.run(&format!("b 300 key{key} 1"));
                assert_eq!(lookup, expected.lines().find(|row| row.starts_with("l: ")));
            }
        }
    }
    assert!(refused > 100 && served > 5, "{refused} {served}");
}
