//! Every maximum of the wire format. A client learns `FRAME_BYTES_MAX` from the welcome frame; the
//! others are fixed for protocol version 1. SPEC.md, section "Limits", carries the same numbers.

/// Longest frame body (header and payload, without the length field), in bytes.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Longest row, in bytes.
pub const ROW_BYTES_MAX: usize = 64 << 10;
/// Most rows in one ingest frame.
pub const BATCH_ROWS_MAX: usize = 16_384;
/// Most columns of a stream or of a decision's answer.
pub const COLUMNS_MAX: usize = 1_024;
/// Most digits of a `DECIMAL`: its slot holds them as one integer.
pub const DECIMAL_PRECISION_MAX: u8 = 18;
/// Longest name (app, stream, column, decision) or label (client, engine), in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 128;
/// Most streams, and most decisions, that one app declares.
pub const DECLARATIONS_MAX: usize = 1_024;
/// Most partitions of an engine.
pub const PARTITIONS_MAX: u32 = 1_024;
/// Most doors of an engine.
pub const DOORS_MAX: usize = 256;
/// Longest payload of a ping.
pub const PING_BYTES_MAX: usize = 64;
/// Longest text of an error frame; a longer one is cut.
pub const ERROR_TEXT_BYTES_MAX: usize = 1_024;
/// Most blobs that a command takes.
pub const CONTROL_BLOBS_MAX: usize = 16;
/// Most bytes of all blobs of a command.
pub const CONTROL_BLOBS_BYTES_MAX: usize = 256 << 20;
/// Longest arguments of a command.
pub const CONTROL_ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// Bytes of a subscription's rows that wait to be sent; while there are so many, further rows are dropped.
pub const SUBSCRIPTION_BYTES_MAX: usize = 512 << 10;
/// Most bidirectional streams that a client has open at once on one connection; no other stream is.
pub const STREAMS_MAX: u32 = 8;
/// A connection on which nothing arrives for so long is closed, in milliseconds.
pub const IDLE_MILLIS_MAX: u64 = 10_000;
/// A frame that was begun may go so long without a further byte, in milliseconds.
pub const FRAME_PAUSE_MILLIS_MAX: u64 = 5_000;

const _: () = assert!(FRAME_PAUSE_MILLIS_MAX < IDLE_MILLIS_MAX);
const _: () = assert!(10_i64.checked_pow(DECIMAL_PRECISION_MAX as u32).is_some());
const _: () = assert!(ROW_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(CONTROL_ARGUMENTS_BYTES_MAX < FRAME_BYTES_MAX / 2);
const _: () = assert!(SUBSCRIPTION_BYTES_MAX + ROW_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(COLUMNS_MAX * 8 + COLUMNS_MAX.div_ceil(64) * 8 < ROW_BYTES_MAX);
