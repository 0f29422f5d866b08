//! Times and sizes, as they are written on the command line.

use std::time::Duration;

/// A time, as 100ms, 90s, 5m or 7d.
pub fn parse_time(text: &str) -> Option<Duration> {
    let units =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    parse_with_unit(text, &units).map(Duration::from_millis)
}

/// Bytes, as 500MB or 10GB.
pub fn parse_size(text: &str) -> Option<u64> {
    parse_with_unit(text, &[("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)])
}

fn parse_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let unit = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(unit.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_or_refused() {
        assert_eq!(parse_time("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_time("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_time("7d"), Some(Duration::from_secs(604_800)));
        assert_eq!(parse_size("500MB"), Some(500_000_000));
        assert_eq!(parse_size("4 GB"), Some(4_000_000_000));
        for wrong in ["", "5", "GB", "-3h", "4gb", "99999999999999999999GB", "99999999999999GB"] {
            assert!(parse_size(wrong).is_none() && parse_time(wrong).is_none(), "{wrong}");
        }
    }
}
