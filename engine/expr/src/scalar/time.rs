//! Dates and timestamps: the proleptic Gregorian calendar, no time zone.

use bumpalo::Bump;

use super::text::formatted;

/// Milliseconds of a day.
pub(crate) const DAY_MILLIS: i64 = 86_400_000;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;
/// Days of 0000-01-01 and 9999-12-31: the years that have text.
pub(crate) const DAYS_WITH_TEXT: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// Days since 1970-01-01 of a date that exists. Years are counted from March, so that the leap day is the
/// last of its year, and 400 years have always the same days.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAYS
}

/// Year, month and day of days since 1970-01-01; the inverse of [`days_of`].
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// `yyyy-MM-dd`.
pub(crate) fn date_text(days: i64, arena: &Bump) -> Option<&str> {
    if !DAYS_WITH_TEXT.contains(&days) {
        return None;
    }
    let (year, month, day) = date_of(days);
    formatted(format_args!("{year:04}-{month:02}-{day:02}"), arena)
}

/// `yyyy-MM-dd HH:mm:ss.SSS`.
pub(crate) fn timestamp_text(millis: i64, arena: &Bump) -> Option<&str> {
    let days = millis.div_euclid(DAY_MILLIS);
    if !DAYS_WITH_TEXT.contains(&days) {
        return None;
    }
    let (year, month, day) = date_of(days);
    let millis = millis.rem_euclid(DAY_MILLIS);
    let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
    formatted(
        format_args!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", millis % 1_000),
        arena,
    )
}

/// Days since 1970-01-01.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let mut reader = Reader(text.trim_matches(' ').as_bytes());
    let days = reader.date()?;
    reader.0.is_empty().then_some(days)
}

/// Milliseconds since 1970-01-01T00:00:00.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let mut reader = Reader(text.trim_matches(' ').as_bytes());
    let millis = reader.timestamp()?;
    reader.0.is_empty().then_some(millis)
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// A number of exactly so many digits, within the range.
    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        let mut number = 0;
        for byte in head {
            number = number * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        self.0 = rest;
        range.contains(&number).then_some(number)
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.number(4, 0..=9_999)?;
        let month = self.eat(b'-').then(|| self.number(2, 1..=12))??;
        let day = self.eat(b'-').then(|| self.number(2, 1..=31))??;
        let days = days_of(year, month, day);
        // 31 June is 1 July: not what was written.
        (date_of(days) == (year, month, day)).then_some(days)
    }

    fn timestamp(&mut self) -> Option<i64> {
        let midnight = self.date()? * DAY_MILLIS;
        if self.0.is_empty() {
            return Some(midnight);
        }
        if !self.eat(b' ') && !self.eat(b'T') {
            return None;
        }
        let hour = self.number(2, 0..=23)?;
        let minute = self.eat(b':').then(|| self.number(2, 0..=59))??;
        let mut millis = (hour * 60 + minute) * 60_000;
        if self.eat(b':') {
            millis += self.number(2, 0..=59)? * 1_000;
            if self.eat(b'.') {
                millis += self.fraction_millis()?;
            }
        }
        Some(midnight + millis)
    }

    /// One to nine digits, cut to milliseconds.
    fn fraction_millis(&mut self) -> Option<i64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        let digit = |place: usize| head.get(place).map_or(0, |byte| i64::from(byte - b'0'));
        Some(digit(0) * 100 + digit(1) * 10 + digit(2))
    }
}
