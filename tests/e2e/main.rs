//! The real binary, used as its users use it, and misused as the world will.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accuracy;
mod ads;
mod alerts;
mod control;
mod counting;
mod decide;
mod doors;
mod fleet;
mod hostile;
mod ingest;
mod input;
mod journal;
mod lifecycle;
mod live;
mod model_files;
mod retail;
mod rule_tables;
mod rules;
mod run;
mod scenarios;
mod shop;
mod snapshots;
mod startup;
mod support;
mod swap;
mod vehicles;
mod versions;
