//! How snapshots are taken and opened, from the command line.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use vencejo_core::plan::App;
use vencejo_runtime::journal::snapshot::SnapshotKey;
use vencejo_runtime::{Keep, SnapshotPlan};

use crate::failure::Failure;
use crate::quantity::{parse_size, parse_time};

/// Where the key is looked for when no file is named.
const KEY_VARIABLE: &str = "VENCEJO_SNAPSHOT_KEY";
/// zstd's level: the fastest packs tables of numbers nearly as well as slow ones.
const LEVEL: i32 = 1;

/// The key of sealed snapshots.
#[derive(Args, Debug)]
pub struct KeyArgs {
    /// The key of encrypted snapshots: a file with 64 hexadecimal digits, or 32 bytes. Without it,
    /// VENCEJO_SNAPSHOT_KEY has the digits, if there is one.
    #[arg(long, value_name = "FILE")]
    snapshot_key_file: Option<PathBuf>,
}

/// How an engine takes snapshots.
#[derive(Args, Debug)]
pub struct SnapshotArgs {
    /// How often to take a snapshot, as 30s, 5m or 2h; 'off' for on demand alone.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_interval)]
    snapshot_interval: Interval,
    /// Write a snapshot with at most so many megabytes per second.
    #[arg(long, value_name = "MB", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    snapshot_rate: u32,
    /// Pack the pages of snapshots (zstd).
    #[arg(long)]
    snapshot_pack: bool,
    #[command(flatten)]
    key: KeyArgs,
    /// How far back one can restore: a time (24h), an amount of journal (10GB), or 'all'. The two newest
    /// snapshots and the journal behind them are kept anyway.
    #[arg(long, value_name = "TIME|SIZE|all", value_parser = parse_keep)]
    journal_keep: Option<Keep>,
}

#[derive(Clone, Copy, Debug)]
struct Interval(Option<Duration>);

impl KeyArgs {
    /// The key, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn key(&self) -> Result<Option<SnapshotKey>, Failure> {
        let bad = |what: &dyn Display| {
            Failure::config(format!("{what} holds no key: a key is 64 hexadecimal digits, or 32 bytes"))
        };
        if let Some(path) = &self.snapshot_key_file {
            let bytes = std::fs::read(path).map_err(|error| {
                Failure::config(format!("the key file {} cannot be read: {error}", path.display()))
            })?;
            let key = <[u8; 32]>::try_from(bytes.as_slice()).ok();
            let key = key.or_else(|| from_digits(std::str::from_utf8(&bytes).ok()?));
            return key.map(|key| Some(SnapshotKey::new(key))).ok_or_else(|| bad(&path.display()));
        }
        match std::env::var(KEY_VARIABLE) {
            Ok(digits) => match from_digits(&digits) {
                Some(key) => Ok(Some(SnapshotKey::new(key))),
                None => Err(bad(&KEY_VARIABLE)),
            },
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(bad(&KEY_VARIABLE)),
        }
    }
}

impl SnapshotArgs {
    /// The plan of an engine that serves this app. A stream's `retention` is how long its records are kept to
    /// restore from; they lie in one journal, so the longest decides for all.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn plan(&self, app: &App) -> Result<SnapshotPlan, Failure> {
        let retention = app.streams.iter().filter_map(|stream| stream.options.retention_millis).max();
        let keep = self.journal_keep.unwrap_or_default();
        let keep = match retention.and_then(|millis| u64::try_from(millis).ok()) {
            Some(millis) => keep.and_at_least(Duration::from_millis(millis)),
            None => keep,
        };
        Ok(SnapshotPlan {
            interval: self.snapshot_interval.0,
            bytes_per_second: Some(u64::from(self.snapshot_rate) * 1_000_000),
            compression: self.snapshot_pack.then_some(LEVEL),
            key: self.key.key()?,
            keep,
        })
    }
}

fn from_digits(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    <[u8; 32]>::try_from(bytes?).ok()
}

fn parse_interval(text: &str) -> Result<Interval, String> {
    if text == "off" {
        return Ok(Interval(None));
    }
    let interval = parse_time(text).filter(|time| !time.is_zero());
    interval
        .map(|time| Interval(Some(time)))
        .ok_or_else(|| "give a time as 30s, 5m or 2h, or 'off'".to_owned())
}

fn parse_keep(text: &str) -> Result<Keep, String> {
    let keep = match text {
        "all" => Some(Keep::All),
        text => parse_time(text).map(Keep::Time).or_else(|| parse_size(text).map(Keep::Bytes)),
    };
    keep.ok_or_else(|| "give a time as 24h or 7d, a size as 500MB or 10GB, or 'all'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_keys_are_read_or_refused() {
        assert_eq!(parse_keep("24h"), Ok(Keep::Time(Duration::from_secs(86_400))));
        assert_eq!(parse_keep("10 GB"), Ok(Keep::Bytes(10_000_000_000)));
        assert_eq!(parse_keep("all"), Ok(Keep::All));
        for wrong in ["", "5", "h", "-3h", "3 weeks", "99999999999999999999h", "10gb"] {
            assert!(parse_keep(wrong).is_err(), "{wrong}");
        }
        assert!(parse_interval("0s").is_err() && parse_interval("off").is_ok());
        assert_eq!(from_digits(&format!(" {}\n", "0f".repeat(32))), Some([15; 32]));
        assert_eq!(from_digits(&"0f".repeat(31)), None);
        assert_eq!(from_digits(&"0g".repeat(32)), None);
    }
}
