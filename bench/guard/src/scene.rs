//! What is watched: an operation of the hot path each, warmed up and repeated.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use vencejo_protocol::frame::FrameReader;
use vencejo_protocol::message::Decide;
use vencejo_types::row::Row;

use crate::events::Events;
use crate::large_app;
use crate::workload::Workload;

const REQUESTS: usize = 1_000;
const FRAMES: usize = 64;
const USERS: usize = 10_000;

/// An operation, by its number.
pub type Operation = Box<dyn FnMut(usize)>;

/// An operation that is watched.
pub struct Scene {
    pub name: &'static str,
    /// Operations until it no longer grows.
    warm_up: usize,
    /// Operations that are counted.
    pub operations: usize,
    make: fn() -> Operation,
}

pub const SCENES: &[Scene] = &[
    Scene { name: "decision of apps/ads, 1,000 placements", warm_up: 3_000, operations: 2_000, make: few },
    Scene {
        name: "decision of apps/ads, 100,000 placements",
        warm_up: 300_000,
        operations: 2_000,
        make: many,
    },
    Scene {
        name: "decision with 500 trees and 10 rules",
        warm_up: 100_000,
        operations: 2_000,
        make: large_decision,
    },
    Scene { name: "event into three aggregates", warm_up: 60_000, operations: 20_000, make: event },
    Scene { name: "check of a row", warm_up: 1_000, operations: 2_000, make: check },
    Scene { name: "cut of 64 frames", warm_up: 10, operations: 200, make: cut },
];

impl Scene {
    /// Its operation, warmed up.
    pub fn warm(&self) -> Operation {
        let mut operation = (self.make)();
        (0..self.warm_up).for_each(&mut operation);
        operation
    }

    /// Runs all that is counted.
    pub fn run(&self, operation: &mut Operation) {
        measured(operation, self.warm_up, self.operations);
    }
}

/// What callgrind looks into: it is found by this name.
#[inline(never)]
fn measured(operation: &mut Operation, first: usize, operations: usize) {
    (first..first + operations).for_each(operation);
}

fn ads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/ads")
}

fn few() -> Operation {
    let mut workload = Workload::untimed(&ads(), REQUESTS);
    Box::new(move |number| _ = black_box(workload.decide_for(number, number % 1_000)))
}

fn many() -> Operation {
    let mut workload = Workload::untimed(&ads(), REQUESTS);
    Box::new(move |number| _ = black_box(workload.decide_for(number, number % 100_000)))
}

fn large_decision() -> Operation {
    let folder = tempfile::tempdir().expect("a folder can be made");
    large_app::write(&ads(), folder.path()).expect("the app can be written");
    let mut workload = Workload::untimed(folder.path(), REQUESTS);
    Box::new(move |number| _ = black_box(workload.decide(number)))
}

fn event() -> Operation {
    const STATEMENTS: &str = "
        CREATE MATERIALIZED VIEW per_user AS
            SELECT user_id, COUNT(*) AS events, SUM(amount) AS spent FROM events GROUP BY user_id;
        CREATE MATERIALIZED VIEW per_user_10s AS SELECT user_id, window_start, COUNT(*) AS events
            FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
            GROUP BY user_id, window_start, window_end;
        CREATE MATERIALIZED VIEW per_page AS SELECT page, window_start, COUNT(*) AS views, SUM(amount) AS spent
            FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' SECOND))
            GROUP BY page, window_start, window_end;";
    let mut events = Events::new(STATEMENTS, USERS);
    Box::new(move |_| events.apply())
}

fn check() -> Operation {
    let workload = Workload::untimed(&ads(), REQUESTS);
    Box::new(move |number| {
        let row = black_box(&workload.rows[number % REQUESTS]);
        assert!(Row::parse(workload.schema(), row).is_ok(), "the rows are of the schema");
    })
}

fn cut() -> Operation {
    let workload = Workload::untimed(&ads(), REQUESTS);
    let mut frames = BytesMut::new();
    for row in &workload.rows[..FRAMES] {
        Decide { decision: 0, deadline_micros: 0, row }.write(1, &mut frames);
    }
    let frames: Bytes = frames.freeze();
    let mut reader = FrameReader::default();
    Box::new(move |_| {
        reader.push(frames.clone());
        let mut count = 0;
        while let Ok(Some(frame)) = reader.next_frame() {
            black_box(&frame);
            count += 1;
        }
        assert_eq!(count, FRAMES, "every frame comes out");
    })
}
