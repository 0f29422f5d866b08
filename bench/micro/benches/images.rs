//! What images of a table cost, per group: capturing, opening, first touches, hydrating; and a row while a
//! capture is under way. `cargo bench -p bench-micro --bench images -- [GROUPS]`
//!
//! Each phase is timed once over all groups of a table without a window: a BIGINT key, COUNT, nine SUMs.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::paged::{self, Image, PageAt, PageFault, PageSource};
use vencejo_windows::spec::{AggregateCall, AggregateFunction as F, Aggregation, Grouping};
use vencejo_windows::{Downstream, GroupBy, Operator};

/// No page of these images is missing.
const THERE: &str = "all pages are there";

struct Nowhere;

impl Downstream for Nowhere {
    fn emit(&mut self, _row: &[Value<'_>]) {}
}

/// Pages in memory.
#[derive(Debug, Default)]
struct Pages(HashMap<(u32, u32), Vec<u8>>);

impl PageSource for Pages {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        out.extend_from_slice(self.0.get(&(at.container, at.page)).ok_or(PageFault(at))?);
        Ok(())
    }
}

fn table() -> GroupBy {
    let call = |function, argument| AggregateCall { function, argument, distinct: false, filter: None };
    let mut calls = vec![call(F::CountRows, None)];
    calls.resize(10, call(F::Sum, Some((1, Type::Double))));
    let grouping = Grouping::Running { ttl: None };
    GroupBy::new(&Aggregation {
        key: vec![(0, Type::BigInt)],
        time: None,
        grouping,
        calls,
        keys_max: VIEW_KEYS_MAX,
    })
}

/// Keys at random, each once.
fn scattered(number: u64, groups: u64) -> i64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % groups).cast_signed()
}

fn feed(table: &mut GroupBy, groups: u64, mut behind: impl FnMut(&mut GroupBy)) {
    for number in 0..groups {
        let row = [Value::Int(scattered(number, groups)), Value::Double(1.0)];
        _ = black_box(table.row(0, &row, &mut Nowhere));
        if number % 64 == 63 {
            behind(table);
        }
    }
}

fn timed<T>(name: &str, count: u64, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = work();
    let nanos = begin.elapsed().as_nanos() as f64;
    println!("{name:<44} {:>9.1} ns each {:>12.3} ms", nanos / count as f64, nanos / 1e6);
    result
}

fn find(table: &GroupBy, key: i64) -> bool {
    let mut bytes = Vec::new();
    vencejo_windows::key::write([Value::Int(key)], &mut bytes);
    matches!(table.find(&bytes), Ok(Some(_)))
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let groups: u64 = asked.unwrap_or(1_000_000);
    let mut live = table();
    feed(&mut live, groups, |_| {});
    println!("{groups} groups, {:.0} bytes each", live.bytes() as f64 / groups as f64);
    timed("a row, no capture", groups, || feed(&mut live, groups, |_| {}));
    timed("a row, no capture", groups, || feed(&mut live, groups, |_| {}));
    let head = timed("begin a capture", 1, || paged::begin(&mut live, 1));
    let mut out = Vec::new();
    timed("capture a group", groups, || {
        while !paged::capture_some(&mut live, 1 << 16, &mut out).expect(THERE) {}
    });
    let pages = out.len();
    let bytes: usize = out.iter().map(|page| page.bytes.len()).sum();
    println!("{pages} pages, {bytes} bytes");
    let source = Pages(out.drain(..).map(|page| ((page.container, page.page), page.bytes)).collect());
    paged::begin(&mut live, 2);
    timed("a row with a capture of 64 KiB per 64 rows", groups, || {
        feed(&mut live, groups, |table| {
            _ = paged::capture_some(table, 1 << 16, &mut out);
            out.clear();
        });
    });
    paged::begin(&mut live, 3);
    timed("a row, every page saved by a write", groups, || feed(&mut live, groups, |_| {}));
    let image = Image { source: Arc::new(source), owner: 0 };
    let mut opened = table();
    timed("open", 1, || paged::restore(&mut opened, &head, &image).expect("its own head"));
    timed("first look-up", 1, || assert!(find(&opened, scattered(7, groups))));
    let touches = 1_000.min(groups);
    timed("a look-up, most of them first touches", touches, || {
        (0..touches).for_each(|number| assert!(find(&opened, scattered(number * 997, groups))));
    });
    timed("hydrate a group", groups, || while !paged::hydrate_some(&mut opened, 1 << 16).expect(THERE) {});
}
