//! Every maximum of the engine that is not the wire format's (those are in the protocol crate).

pub use vencejo_protocol::limits::{COLUMNS_MAX, DECIMAL_PRECISION_MAX, DECLARATIONS_MAX, NAME_BYTES_MAX};

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
/// Longest pattern of LIKE, and longest set of characters of TRIM and TRANSLATE, in bytes: what they cost
/// grows with the product of both arguments.
pub const CHARACTER_PATTERN_BYTES_MAX: usize = 1_024;
/// Longest regular expression, in bytes.
pub const REGEX_PATTERN_BYTES_MAX: usize = 4_096;
/// Most bytes that one compiled regular expression takes, and its cache of states.
pub const REGEX_BYTES_MAX: usize = 256 << 10;
/// Most calls with a regular expression in one statement: with their size it bounds what planning takes.
pub const REGEXES_MAX: usize = 32;
/// Most groups of a regular expression, the whole counted as one.
pub const REGEX_GROUPS_MAX: usize = 32;
/// Deepest nesting of a JSON text that JSON_VALUE reads.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most steps of a JSON path.
pub const JSON_PATH_STEPS_MAX: usize = 64;
/// Most points of a polygon or line in SQL.
pub const GEOMETRY_POINTS_MAX: usize = 10_000;
/// Most look-up tables of one app.
pub const LOOKUP_TABLES_MAX: usize = 64;
/// Most rows of a look-up table.
pub const LOOKUP_ROWS_MAX: usize = 1 << 20;
/// Largest file of a look-up table, in bytes.
pub const LOOKUP_FILE_BYTES_MAX: usize = 64 << 20;
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
