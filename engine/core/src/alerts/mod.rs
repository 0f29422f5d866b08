//! Alerts: what rules raise, and what becomes of it.
//!
//! An alert's id follows from what raised it, so that the same events raise the same alerts. A partition
//! keeps its alerts, open, acknowledged or resolved, up to a limit.

mod book;
mod cooldown;

use std::fmt;

use vencejo_types::row::key_hash;

pub use book::{Alert, AlertBook, AlertChange, AlertRefusal, Status};
pub(crate) use cooldown::Cooldown;

/// What tells an alert from all others: the hash of its app, rule and key, and of the sequences of its
/// match's first and last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u64);

impl AlertId {
    /// XXH3-64 over both names, each behind its length in 4 bytes; the bytes of the key
    /// ([`vencejo_expr::key`]); and both sequences in 8 bytes, all little-endian. `scratch` is written over.
    pub fn of(app: &str, rule: &str, key: &[u8], ends: (u64, u64), scratch: &mut Vec<u8>) -> Self {
        scratch.clear();
        for name in [app, rule] {
            let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
            scratch.extend_from_slice(&length.to_le_bytes());
            scratch.extend_from_slice(name.as_bytes());
        }
        scratch.extend_from_slice(key);
        scratch.extend_from_slice(&ends.0.to_le_bytes());
        scratch.extend_from_slice(&ends.1.to_le_bytes());
        Self(key_hash(scratch))
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
