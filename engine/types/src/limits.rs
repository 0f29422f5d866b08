//! Every maximum of the engine that is not the wire format's (those are in the protocol crate).

pub use vencejo_protocol::limits::{COLUMNS_MAX, DECLARATIONS_MAX, NAME_BYTES_MAX};

/// Requests that wait in a partition's fast lane.
pub const FAST_LANE_REQUESTS_MAX: usize = 4_096;
/// Batches that wait in a partition's normal lane.
pub const NORMAL_LANE_REQUESTS_MAX: usize = 1_024;
/// Turns (a fast-lane request, or a slice of a batch) that a partition takes before it lets the other
/// tasks of its thread run.
pub const DRAIN_TURNS_MAX: usize = 64;
/// Rows of a batch that a partition applies before it looks at the fast lane again.
pub const BATCH_SLICE_ROWS_MAX: usize = 32;
/// Requests of one connection that have no reply yet; past it the connection is not read.
pub const SESSION_REQUESTS_MAX: usize = 8_192;
/// Bytes of replies that wait to be sent on one stream; past it the connection is not read.
pub const SESSION_REPLY_BYTES_MAX: usize = 4 << 20;
/// Most partitions of one engine.
pub const PARTITIONS_MAX: u32 = 1_024;
/// Keys that one view holds in one partition; further keys are counted and not kept.
pub const VIEW_KEYS_MAX: usize = 1 << 24;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 4_096;
/// Longest app.sql, in bytes.
pub const APP_SQL_BYTES_MAX: usize = 1 << 20;
/// Largest model file, in bytes.
pub const MODEL_FILE_BYTES_MAX: usize = 256 << 20;
/// Versions of one model that a partition holds; for a further one the oldest without a role goes.
pub const MODEL_VERSIONS_MAX: usize = 8;
/// Changes of who answers that can be rolled back, of one model.
pub const MODEL_HISTORY_MAX: usize = 8;
/// Most predictions that a version runs beside as a shadow, in one partition.
pub const SHADOW_ROWS_MAX: u64 = 1_000_000;
/// How often a request to all partitions tries a full lane again, a millisecond apart.
pub const BROADCAST_TRIES_MAX: usize = 5_000;
/// Deepest nesting of an SQL expression or subquery.
pub const SQL_DEPTH_MAX: usize = 64;
/// Registers of one expression program.
pub const REGISTERS_MAX: usize = 4_096;
/// Instructions of one expression program.
pub const PROGRAM_INSTRUCTIONS_MAX: usize = 32_768;
/// Distinct expressions of one statement.
pub const EXPRESSION_NODES_MAX: usize = 16_384;
/// Most operations on the longest path through one expression, its subqueries included.
pub const EXPRESSION_DEPTH_MAX: usize = 256;
/// Most values of an IN list.
pub const IN_LIST_MAX: usize = 1_024;
/// Longest string that an expression builds, in bytes; a longer one is NULL.
pub const EXPRESSION_STRING_BYTES_MAX: usize = 64 << 10;
/// Most operations of one program that build strings; with the longest string it bounds the arena.
pub const STRING_OPERATIONS_MAX: usize = 256;
/// Longest delay of a watermark, in milliseconds: 366 days.
pub const WATERMARK_DELAY_MILLIS_MAX: i64 = 366 * 24 * 3_600_000;
/// Most errors that one app.sql reports; further ones are not looked for.
pub const DIAGNOSTICS_MAX: usize = 100;
/// Most options in one WITH.
pub const OPTIONS_MAX: usize = 64;
/// Most streams that feed one view, each SELECT of a UNION ALL counted.
pub const VIEW_FEEDS_MAX: usize = 64;
/// Most look-ups in one FROM.
pub const LOOKUPS_MAX: usize = 64;
/// Longest deadline that a decision may declare or ask for, in microseconds.
pub const DEADLINE_MICROS_MAX: u32 = 60_000_000;

const _: () = assert!(PROGRAM_INSTRUCTIONS_MAX < u16::MAX as usize);
const _: () = assert!(REGISTERS_MAX <= PROGRAM_INSTRUCTIONS_MAX);
const _: () = assert!(EXPRESSION_NODES_MAX < u32::MAX as usize);
const _: () = assert!(KEY_BYTES_MAX < vencejo_protocol::limits::ROW_BYTES_MAX);
