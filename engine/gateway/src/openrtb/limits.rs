//! Every limit of the OpenRTB adapter.

use std::ops::RangeInclusive;

/// Longest bid request that is parsed. The caller needs it too, to stop reading.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of objects and arrays. Real requests stay below 15.
pub const DEPTH_MAX: usize = 32;
/// Most impressions in a request.
pub const IMPS_MAX: usize = 256;
/// Longest id of a request and of an imp; longer ids are refused, not cut.
pub const ID_BYTES_MAX: usize = 128;
/// Placements are cut to this.
pub const PLACEMENT_BYTES_MAX: usize = 128;
/// Publishers are cut to this.
pub const PUBLISHER_BYTES_MAX: usize = 128;
/// Bidder names are cut to this.
pub const BIDDER_BYTES_MAX: usize = 64;
/// Highest CPM that is believed, in any currency; a weak one needs six digits.
pub const BID_FLOOR_MAX: f64 = 1e9;
/// Highest `device.ext.performance_score` that is believed.
pub const PERFORMANCE_SCORE_MAX: f64 = 1e6;
/// Largest width or height that is believed.
pub const SIZE_PIXELS_MAX: i32 = 16_384;
/// Longest domain kept: the longest name that DNS allows.
pub const DOMAIN_BYTES_MAX: usize = 253;

/// How much of a user agent is read.
pub(super) const USER_AGENT_BYTES_MAX: usize = 1_024;
/// Longest string that is tried as a number.
pub(super) const NUMBER_BYTES_MAX: usize = 40;
/// Longest piece of a faulty value that a message repeats.
pub(super) const FOUND_BYTES_MAX: usize = 40;
/// Offsets from UTC in use on earth, in minutes.
pub(super) const UTC_OFFSET_MINUTES: RangeInclusive<i32> = -720..=840;
/// A line longer than this makes the adapter let its buffers go: they grow to many times the line.
pub(super) const LINE_BYTES_KEPT_MAX: usize = 64 * 1024;
