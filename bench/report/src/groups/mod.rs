//! The groups of rows, each with its peers, its loads and its goals.

mod connections;
mod decision;
mod durable;
mod hop;
mod http;
mod ingest;
pub mod keys;
mod lanes;
mod partitions;
mod polling;
mod restart;
mod server;
mod swap;
mod throughput;
mod trees;
mod windows;

use crate::plot::Plot;
use crate::row::Row;
use crate::setup::{Problem, Setup};

/// What a group found.
pub struct Found {
    /// Its numbers.
    pub rows: Vec<Row>,
    /// Its curves.
    pub plots: Vec<Plot>,
}

impl From<Vec<Row>> for Found {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, plots: Vec::new() }
    }
}

/// Rows that are measured together.
pub struct Group {
    /// How it is asked for.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Measures it.
    pub measure: fn(&Setup) -> Result<Found, Problem>,
}

/// All of them, in the order of the report.
pub const GROUPS: [&Group; 16] = [
    &decision::GROUP,
    &throughput::GROUP,
    &http::GROUP,
    &server::GROUP,
    &lanes::GROUP,
    &hop::GROUP,
    &ingest::GROUP,
    &durable::GROUP,
    &keys::GROUP,
    &partitions::GROUP,
    &connections::GROUP,
    &polling::GROUP,
    &restart::GROUP,
    &swap::GROUP,
    &windows::GROUP,
    &trees::GROUP,
];
