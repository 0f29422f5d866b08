//! What happens to an engine and its producers, in order. Any part of a schedule is one, too, so that one
//! that fails can be made short.

use vencejo_sim::{Faults, Random};

use crate::world::{KEYS, PARTITIONS, SEGMENT_BYTES};

/// Actions of a life.
const ACTIONS: u64 = 90;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// The engine starts; the power fails in the operation of the disk behind so many.
    Start {
        faults: Faults,
        operations: u64,
    },
    /// The producer of a partition sends its batch: the one without an acknowledgement, or else a new one.
    Send {
        partition: usize,
        rows: usize,
    },
    /// A batch that is on its way arrives, or is lost.
    Deliver {
        place: usize,
    },
    Lose {
        place: usize,
    },
    /// The acknowledgements that are on their way arrive, or are lost.
    Hear,
    Deafen,
    /// A decision is asked for.
    Ask {
        key: i64,
    },
    /// The partitions do what there is to do.
    Work,
    /// The journal is written, or finds time to tidy up.
    Commit,
    Rest,
    /// Time passes.
    Wait {
        millis: u64,
    },
    /// A snapshot is asked for.
    Snapshot,
    /// The snapshots' thread goes on, so many times.
    Keep {
        steps: u64,
    },
    /// The power fails, or the process is killed.
    End {
        power: bool,
    },
}

/// The schedule of a seed.
pub(crate) fn of(seed: u64, lives: u64) -> Vec<Action> {
    let mut random = Random::new(seed);
    let mut actions = Vec::new();
    for _ in 0..lives {
        let short_writes = [0, 0, 30][random.place(3)];
        let failures = [0, 0, 0, 3][random.place(4)];
        let capacity = [0, 0, 0, 4 * SEGMENT_BYTES][random.place(4)];
        let faults = Faults { short_writes, failures, capacity, ..Faults::default() };
        let far = [6, 30, 120, 400][random.place(4)];
        actions.push(Action::Start { faults, operations: 1 + random.below(far) });
        actions.extend((0..ACTIONS).map(|_| some(&mut random)));
        actions.push(Action::End { power: random.percent(80) });
    }
    actions
}

fn some(random: &mut Random) -> Action {
    let partitions = PARTITIONS as usize;
    match random.below(100) {
        0..20 => Action::Send { partition: random.place(partitions), rows: [1, 3, 40, 200][random.place(4)] },
        20..38 => Action::Deliver { place: random.place(4) },
        38..40 => Action::Lose { place: random.place(4) },
        40..50 => Action::Hear,
        50..52 => Action::Deafen,
        52..55 => Action::Ask { key: random.below(KEYS.unsigned_abs()).cast_signed() },
        55..65 => Action::Work,
        65..78 => Action::Commit,
        78..82 => Action::Rest,
        82..86 => Action::Wait { millis: [1, 60, 300, 2_500][random.place(4)] },
        86..88 => Action::Snapshot,
        _ => Action::Keep { steps: 1 + random.below(12) },
    }
}
