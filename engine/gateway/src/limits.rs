//! Bounds on what a peer can make the rim hold or wait for.

use std::time::Duration;

use vencejo_protocol::limits::{CONTROL_BLOBS_BYTES_MAX, FRAME_PAUSE_MILLIS_MAX, IDLE_MILLIS_MAX};

/// Connections served at once, over all doors; further ones are refused.
pub(crate) const CONNECTIONS_MAX: usize = 4_096;
/// Handshakes that may wait to be looked at.
pub(crate) const INCOMING_MAX: usize = 1_024;
/// Bytes that one unfinished handshake may buffer.
pub(crate) const INCOMING_BYTES_MAX: u64 = 64 << 10;
/// Handshakes under way from which on a peer must prove its address first.
pub(crate) const HANDSHAKES_UNVALIDATED_MAX: usize = 64;
/// Bytes that one stream may have on the way to a session.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// Bytes that one connection may have on the way to its sessions.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Chunks taken from a stream at a time; one is a packet's part of the stream.
pub(crate) const TURN_CHUNKS_MAX: usize = 8;
/// Bytes that replies have room for before a buffer grows.
pub(crate) const REPLY_BUFFER_BYTES: usize = 4 << 10;
/// A handshake must end within this time.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection must have said hello within this time of its handshake.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Packets of a client's that are acknowledged together, at most; fewer take as long as QUIC allows.
pub(crate) const ACK_PACKETS: u32 = 10;
/// A connection that is silent for this long is gone.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_millis(IDLE_MILLIS_MAX);
/// Once a frame has begun, its next bytes must come within this time.
pub(crate) const FRAME_TIMEOUT: Duration = Duration::from_millis(FRAME_PAUSE_MILLIS_MAX);
/// Commands under way at once.
pub(crate) const CONTROLS_MAX: usize = 16;
/// Subscriptions open at once.
pub(crate) const TAPS_MAX: usize = 64;
/// Bytes that the blobs of all streams and running commands hold: the longest upload, or many short ones.
pub(crate) const UPLOADS_BYTES_MAX: usize = CONTROL_BLOBS_BYTES_MAX;
/// When a full lane suggests to try again, in microseconds.
pub(crate) const RETRY_AFTER_MICROS: u32 = 1_000;
/// When a full disk suggests to try again, in microseconds.
pub(crate) const DISK_FULL_RETRY_AFTER_MICROS: u32 = 1_000_000;
/// How long the last replies of a stream or of a stopping engine may take to be received.
pub(crate) const REPLY_GRACE: Duration = Duration::from_secs(2);
