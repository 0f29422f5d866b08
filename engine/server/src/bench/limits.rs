//! Every bound and fixed time of the benches.

use std::time::Duration;

/// Most requests in a second.
pub(super) const RATE_PER_SECOND_MAX: u32 = 1_000_000;
/// Longest run.
pub(super) const RUN_TIME_MAX: Duration = Duration::from_secs(3_600);
/// Most connections of one run.
pub(super) const CONNECTIONS_MAX: u32 = 1_000;
/// Requests of one connection that wait for their replies; past it the sender waits, and falls behind.
pub(super) const IN_FLIGHT_MAX: usize = 8_192;
/// Requests that go out with one write when several are due.
pub(super) const BURST_REQUESTS_MAX: usize = 64;
/// Bytes of requests that the sender's buffer begins with.
pub(super) const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Bytes taken from a stream at a time.
pub(super) const CHUNK_BYTES_MAX: usize = 64 << 10;
/// Largest request or reply of the echo bench.
pub(super) const ECHO_FRAME_BYTES_MAX: u32 = 64 << 10;

/// How long requests are sent before they count, at the same rate.
pub const WARM_UP: Duration = Duration::from_secs(1);
/// A run that is shorter than this has no warm-up: it tries things out, it does not measure.
pub(super) const WARMED_RUN_TIME_MIN: Duration = Duration::from_secs(1);
/// How long replies may take after the last request was due. What has not come then is lost.
pub(super) const REPLY_GRACE: Duration = Duration::from_secs(2);
/// From here on the due time of a decision is met by spinning: a timer wakes tens of microseconds late.
pub const SPIN_TIME: Duration = Duration::from_micros(SPIN_MICROS);
pub(super) const SPIN_MICROS: u64 = 2_000;
/// How long the transport is given to tell the peer that the connection is over.
pub(super) const HANG_UP_TIME: Duration = Duration::from_millis(20);
/// How long the echo server may take to start.
pub(super) const ECHO_START_TIMEOUT: Duration = Duration::from_secs(10);

/// Latencies are kept from 1 ns to this; a longer one counts as this one.
pub(super) const LATENCY_NANOS_MAX: u64 = 60_000_000_000;
/// Decimal digits to which a latency is kept.
pub(super) const LATENCY_DIGITS: u8 = 3;

const _: () = assert!(IN_FLIGHT_MAX.is_power_of_two());
const _: () = assert!(BURST_REQUESTS_MAX < IN_FLIGHT_MAX);
// A due time in nanoseconds is computed as request * 1e9 / rate in 64 bits.
const _: () = assert!(
    (RUN_TIME_MAX.as_secs() + WARM_UP.as_secs() + 1) as u128 * RATE_PER_SECOND_MAX as u128 * 1_000_000_000
        < u64::MAX as u128
);
