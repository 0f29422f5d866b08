//! Telemetry and emergencies of trucks, for the `fleet` app, with injected cases.
//!
//! One seed gives one sequence of messages: same seed, same bytes, on every platform; no clock is read, and
//! only operations that IEEE 754 rounds alike everywhere are used. Vehicles drive on four routes between a
//! depot and towns, there and back, near the limit of their roads, brake, halt, are parked and unloaded.
//! Messages are in the order in which they reach a collector: each vehicle's in their own order, up to 1.5
//! s behind their event time. A vehicle drives no further shortly before the end, so that nobody is silent
//! because the data ends.

mod cases;
mod message;
mod road;
#[cfg(test)]
mod tests;
mod vehicle;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::truth::Case;
use message::{EMERGENCY_HEADER, Message, TELEMETRY_HEADER};
use road::Limits;
use vehicle::Vehicle;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct FleetTraffic {
    pub seed: u64,
    pub vehicles: u32,
    /// Unix time of the beginning and of the end, in milliseconds.
    pub start_millis: i64,
    pub end_millis: i64,
}

/// Makes the messages.
pub struct Fleet {
    traffic: FleetTraffic,
    limits: Limits,
    vehicles: Vec<(Vehicle, VecDeque<Message>)>,
    /// Vehicles by when their next message reaches the collector.
    waiting: BinaryHeap<Reverse<(i64, usize)>>,
    made: Vec<Message>,
    /// Those that are over.
    cases: Vec<Case>,
}

impl Fleet {
    /// A fleet before its first message.
    pub fn new(traffic: FleetTraffic) -> Self {
        let vehicles = (1..=traffic.vehicles)
            .map(|number| (Vehicle::new(traffic.seed, number, traffic.start_millis), VecDeque::new()));
        let mut fleet = Self {
            traffic,
            limits: Limits::new(),
            vehicles: vehicles.collect(),
            waiting: BinaryHeap::new(),
            made: Vec::new(),
            cases: Vec::new(),
        };
        (0..fleet.vehicles.len()).for_each(|place| fleet.queue(place));
        fleet
    }

    /// Lets a vehicle go on until it has a message.
    fn queue(&mut self, place: usize) {
        let (vehicle, waiting) = &mut self.vehicles[place];
        while waiting.is_empty() {
            let end = self.traffic.end_millis;
            if !vehicle.step(&self.limits, end, &mut self.made, &mut self.cases) {
                return;
            }
            waiting.extend(self.made.drain(..));
        }
        if let Some(first) = waiting.front() {
            self.waiting.push(Reverse((first.ts_millis + vehicle.latency_millis, place)));
        }
    }
}

impl Iterator for Fleet {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let Reverse((_, place)) = self.waiting.pop()?;
        let message = self.vehicles[place].1.pop_front();
        self.queue(place);
        message
    }
}

/// Writes telemetry.csv and emergency.csv into a folder: at most so many messages of both. Gives the cases
/// that are over.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn write_streams(traffic: FleetTraffic, rows: usize, folder: &Path) -> io::Result<Vec<Case>> {
    std::fs::create_dir_all(folder)?;
    let create = |name: &str, header: &str| -> io::Result<BufWriter<File>> {
        let mut file = BufWriter::new(File::create(folder.join(name))?);
        writeln!(file, "{header}")?;
        Ok(file)
    };
    let mut telemetry = create("telemetry.csv", TELEMETRY_HEADER)?;
    let mut emergency = create("emergency.csv", EMERGENCY_HEADER)?;
    let mut fleet = Fleet::new(traffic);
    let mut last = traffic.start_millis;
    for message in fleet.by_ref().take(rows) {
        last = last.max(message.ts_millis);
        message.write_csv(if message.is_emergency() { &mut emergency } else { &mut telemetry })?;
    }
    telemetry.flush()?;
    emergency.flush()?;
    // A vehicle is a step ahead of its messages.
    let mut cases = fleet.cases;
    cases.retain(|case| case.end_millis < last);
    Ok(cases)
}
