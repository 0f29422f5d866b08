//! What is watched: an operation of the hot path each, warmed up and repeated.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use vencejo_protocol::frame::FrameReader;
use vencejo_types::row::Row;

use crate::events::{Events, PAGES, RUNNING, WINDOWED};
use crate::frames::Frames;
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
    Scene {
        name: "decision of apps/ads, 1,000 placements",
        warm_up: 3_000,
        operations: 2_000,
        make: || decision(1_000),
    },
    Scene {
        name: "decision of apps/ads, 100,000 placements",
        warm_up: 300_000,
        operations: 2_000,
        make: || decision(100_000),
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

fn decision(placements: usize) -> Operation {
    let mut workload = Workload::untimed(&ads(), REQUESTS);
    Box::new(move |number| _ = black_box(workload.decide_for(number, number % placements)))
}

fn large_decision() -> Operation {
    let folder = tempfile::tempdir().expect("a folder can be made");
    large_app::write(&ads(), folder.path()).expect("the app can be written");
    let mut workload = Workload::untimed(folder.path(), REQUESTS);
    Box::new(move |number| _ = black_box(workload.decide(number)))
}

fn event() -> Operation {
    let mut events = Events::new(&[RUNNING, WINDOWED, PAGES].concat(), USERS);
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
    let frames = Frames::new(&Workload::untimed(&ads(), REQUESTS).rows[..FRAMES]);
    let mut reader = FrameReader::default();
    Box::new(move |_| assert_eq!(frames.cut(&mut reader), FRAMES, "every frame comes out"))
}
