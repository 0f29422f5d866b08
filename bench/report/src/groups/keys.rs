//! What a decision costs as the keys become many.
//!
//! The engine's allocator has its memory in huge pages, this program's has not unless it is told to when the
//! process starts. So the decisions are made in a process of their own, `bench keys`.

use std::process::Command;

use serde_json::{Value, json};
use vencejo_runtime::Clock;
use vencejo_types::limits::DECISIONS_AHEAD_MAX;

use super::{Found, Group};
use crate::row::{Goal, Row, grouped};
use crate::setup::{Problem, Setup, last_object};
use crate::workload::Workload;

const RATIO_MAX: f64 = 1.5;
const COUNTS: [usize; 3] = [1_000, 100_000, 10_000_000];
const QUICK_COUNTS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Of placements that all look-ups find.
const SEEN_COUNTS: [usize; 2] = [1_000, 1_000_000];
const QUICK_SEEN_COUNTS: [usize; 2] = [1_000, 100_000];
const SEEN: &str = "placements that every look-up finds";
const DECISIONS: usize = 200_000;
const REQUESTS: usize = 1_000;
/// Requests that wait together, as with some tens in flight: what they look up is fetched at once.
const TOGETHER: usize = DECISIONS_AHEAD_MAX;
/// To glibc: ask for huge pages (mallopt(3)). Other C libraries do not look at it.
const HUGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
/// Bytes of a placement's state, index included, at least.
const PLACEMENT_BYTES: usize = 64;
/// What a processor reads from memory at once.
const LINE_BYTES: usize = 64;
const LINE_WORDS: usize = LINE_BYTES / size_of::<usize>();

pub const GROUP: Group = Group {
    name: "keys",
    title: "A decision of the ads app in a partition, by the number of placements",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let failed = |error: std::io::Error| format!("this program cannot be run once more: {error}");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["keys", "--rounds", &setup.rounds.to_string()]).args(setup.quick.then_some("--quick"));
    let (variable, value) = HUGE_PAGES;
    let found = last_object(command.env(variable, value))?;
    let waiting = format!(", {TOGETHER} requests waiting");
    let [decided, seen] = ["decided", "seen"].map(|state| cases(&found, state));
    let (decided, seen) = (decided?, seen?);
    let mut rows = compared(decided, "alone", "placements", "");
    let [few, many] = [&decided[0], &decided[decided.len() - 1]].map(|case| nanos(&case["alone"]));
    let more: Vec<_> = many.iter().zip(&few).map(|(many, few)| many - few).collect();
    rows.push(
        Row::new("what the many cost beyond the few", "ns", &more)
            .against("a load that waits for another, in as much memory", &nanos(&found["loads"])),
    );
    rows.extend(compared(decided, "together", "placements", &waiting));
    rows.extend(compared(seen, "alone", SEEN, ""));
    rows.extend(compared(seen, "together", SEEN, &waiting));
    Ok(rows.into())
}

/// What was told of this state, by the number of placements.
fn cases<'v>(found: &'v Value, state: &str) -> Result<&'v [Value], Problem> {
    let cases = found[state].as_array().filter(|cases| cases.len() > 1);
    cases.map(Vec::as_slice).ok_or_else(|| Problem::Failed("bench keys told no decisions".to_owned()))
}

/// A row for each case, against the first. The last, which has the most, has the goal.
fn compared(cases: &[Value], way: &str, what: &str, how: &str) -> Vec<Row> {
    let few = &cases[0];
    let count = |case: &Value| grouped(case["count"].as_f64().unwrap_or_default());
    let row = |case: &Value| {
        let row = Row::new(format!("{what}: {}{how}", count(case)), "ns", &nanos(&case[way]));
        row.against(format!("{} of them", count(few)), &nanos(&few[way]))
    };
    let mut rows: Vec<_> = cases.iter().map(row).collect();
    let most = rows.pop().map(|row| row.goal(Goal::RatioAtMost(RATIO_MAX)));
    rows.extend(most);
    rows
}

fn nanos(of: &Value) -> Vec<f64> {
    of.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// A partition with so many placements, and the nanoseconds of its decisions by round.
struct Case {
    count: usize,
    workload: Workload,
    alone: Vec<f64>,
    together: Vec<f64>,
}

impl Case {
    fn new(count: usize, seen: bool) -> Self {
        let mut workload = Workload::new(REQUESTS);
        if seen {
            workload.see(0..count);
        }
        for placement in 0..count {
            workload.decide_for(placement, placement);
        }
        Self { count, workload, alone: Vec::new(), together: Vec::new() }
    }

    fn round(&mut self, round: usize, nanos_each: &impl Fn(&mut dyn FnMut()) -> f64) {
        let Self { count, workload, alone, together } = self;
        // In no order that a cache would like, and others each time.
        let placement = |number: usize| (2 * round * DECISIONS + number).wrapping_mul(0x9e37_79b1) % *count;
        alone.push(nanos_each(&mut || {
            for number in 0..DECISIONS {
                workload.decide_for(number, placement(number));
            }
        }));
        together.push(nanos_each(&mut || {
            for number in (DECISIONS..2 * DECISIONS).step_by(TOGETHER) {
                let requests: [usize; TOGETHER] = std::array::from_fn(|place| (number + place) % REQUESTS);
                for (place, &request) in requests.iter().enumerate() {
                    workload.set_placement(request, placement(number + place));
                }
                workload.decide_waiting(&requests);
            }
        }));
    }

    fn told(&self) -> Value {
        json!({ "count": self.count, "alone": self.alone, "together": self.together })
    }
}

/// The nanoseconds of a decision, by what the state holds, the number of placements and round, and of a load
/// from as much memory as the most of them take.
pub fn in_this_process(rounds: usize, quick: bool) -> Value {
    let (counts, seen_counts) = if quick { (QUICK_COUNTS, QUICK_SEEN_COUNTS) } else { (COUNTS, SEEN_COUNTS) };
    let mut decided = counts.map(|count| Case::new(count, false));
    let mut seen = seen_counts.map(|count| Case::new(count, true));
    let chain = Chain::new(counts[counts.len() - 1] * PLACEMENT_BYTES);
    let clock = Clock::start();
    let nanos_each = |work: &mut dyn FnMut()| {
        let start = clock.now();
        work();
        clock.now().since(start).as_nanos() as f64 / DECISIONS as f64
    };
    let mut loads = Vec::new();
    for round in 0..rounds {
        for case in decided.iter_mut().chain(&mut seen) {
            case.round(round, &nanos_each);
        }
        loads.push(nanos_each(&mut || chain.follow(DECISIONS)));
    }
    let told = |cases: &[Case]| cases.iter().map(Case::told).collect::<Vec<_>>();
    json!({ "decided": told(&decided), "seen": told(&seen), "loads": loads })
}

/// Memory in which every line says which one comes next, in no order that a processor foresees.
struct Chain(Vec<[usize; LINE_WORDS]>);

impl Chain {
    /// So many bytes, or up to half less.
    fn new(bytes: usize) -> Self {
        let lines = 1 << (bytes / LINE_BYTES).max(1).ilog2();
        // Comes to every line before it comes to one again (Hull and Dobell, "Random number generators",
        // SIAM Review 1962).
        let next = |line: usize| line.wrapping_mul(0x9e37_79b5).wrapping_add(1) % lines;
        Self((0..lines).map(|line| [next(line); LINE_WORDS]).collect())
    }

    fn follow(&self, loads: usize) {
        let line = (0..loads).fold(0, |line: usize, _| self.0[line][0]);
        std::hint::black_box(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_comes_to_every_line() {
        let Chain(lines) = Chain::new(100_000);
        assert_eq!(lines.len(), 1_024);
        let mut line = 0;
        let mut seen = vec![false; lines.len()];
        while !std::mem::replace(&mut seen[line], true) {
            line = lines[line][0];
        }
        assert!(seen.iter().all(|&seen| seen));
    }
}
