//! The hour and the day of the week where the device is.

/// Hour (0 to 23) and ISO day of the week (1 Monday to 7 Sunday) on a clock that is this far from UTC.
pub(super) fn hour_and_day(now_millis: i64, utc_offset_minutes: i32) -> (i64, i64) {
    const MINUTE_MILLIS: i64 = 60_000;
    const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
    const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;
    /// 1970-01-01 was a Thursday, the third day after a Monday.
    const EPOCH_DAYS_AFTER_MONDAY: i64 = 3;
    let local_millis = now_millis.saturating_add(i64::from(utc_offset_minutes) * MINUTE_MILLIS);
    let hour = local_millis.rem_euclid(DAY_MILLIS) / HOUR_MILLIS;
    let day = (local_millis.div_euclid(DAY_MILLIS) + EPOCH_DAYS_AFTER_MONDAY).rem_euclid(7) + 1;
    (hour, day)
}
