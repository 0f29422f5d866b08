//! Units of time, and timestamps taken apart by them.

use super::{CallError, Known, Prepared};
use crate::scalar::time::{DAY_MILLIS, date_of, days_of};

/// A unit, or a part that EXTRACT takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    IsoWeek,
    Month,
    Quarter,
    Year,
    DayOfWeek,
    DayOfWeekSunday,
    DayOfYear,
    IsoYear,
    Epoch,
    Decade,
    Century,
    Millennium,
}

/// Names that are units of duration as well: FLOOR, TIMESTAMPADD and TIMESTAMPDIFF take them.
const UNITS: [(&str, Unit); 10] = [
    ("YEAR", Unit::Year),
    ("QUARTER", Unit::Quarter),
    ("MONTH", Unit::Month),
    ("WEEK", Unit::Week),
    ("ISOWEEK", Unit::IsoWeek),
    ("DAY", Unit::Day),
    ("HOUR", Unit::Hour),
    ("MINUTE", Unit::Minute),
    ("SECOND", Unit::Second),
    ("MILLISECOND", Unit::Millisecond),
];

/// What EXTRACT takes besides.
const PARTS: [(&str, Unit); 10] = [
    ("DOW", Unit::DayOfWeekSunday),
    ("ISODOW", Unit::DayOfWeek),
    ("DOY", Unit::DayOfYear),
    ("ISOYEAR", Unit::IsoYear),
    ("EPOCH", Unit::Epoch),
    ("DECADE", Unit::Decade),
    ("CENTURY", Unit::Century),
    ("MILLENNIUM", Unit::Millennium),
    ("DAYOFWEEK", Unit::DayOfWeek),
    ("DAYOFYEAR", Unit::DayOfYear),
];

impl Unit {
    /// The unit of this name.
    pub(super) fn named(name: &str, parts: bool) -> Result<Self, String> {
        let parts = if parts { &PARTS[..] } else { &[] };
        let known = UNITS.iter().chain(parts);
        let mut upper = name.to_ascii_uppercase();
        if upper.ends_with('S') && UNITS.iter().any(|(unit, _)| *unit == &upper[..upper.len() - 1]) {
            upper.pop();
        }
        known.clone().find(|(unit, _)| *unit == upper).map(|&(_, unit)| unit).ok_or_else(|| {
            let names: Vec<&str> = known.map(|&(unit, _)| unit).collect();
            format!("the units are {}", names.join(", "))
        })
    }

    /// Milliseconds of a unit that has always the same.
    pub(super) const fn millis(self) -> Option<i64> {
        Some(match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY_MILLIS,
            Self::Week | Self::IsoWeek => 7 * DAY_MILLIS,
            _ => return None,
        })
    }

    /// Months of a unit that has no fixed milliseconds.
    pub(super) const fn months(self) -> Option<i64> {
        Some(match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
            _ => return None,
        })
    }
}

/// Prepares the unit that the argument at a place names.
pub(super) fn prepared(known: &Known<'_>, place: usize, parts: bool) -> Result<Prepared, CallError> {
    let name = known.text(place).unwrap_or_default();
    match Unit::named(name, parts) {
        Ok(unit) => Ok(Prepared::Unit(unit)),
        Err(hint) => Err(CallError::new(place, format!("unknown unit {name}")).with_hint(hint)),
    }
}

/// A timestamp's day and the milliseconds in it.
pub(super) const fn split(millis: i64) -> (i64, i64) {
    (millis.div_euclid(DAY_MILLIS), millis.rem_euclid(DAY_MILLIS))
}

/// 1 to 7 from Monday.
const fn iso_day_of_week(days: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (days + 3).rem_euclid(7) + 1
}

/// The Thursday of the day's week: its year is the week's.
const fn thursday(days: i64) -> i64 {
    days + 4 - iso_day_of_week(days)
}

/// A part of a timestamp.
pub(super) fn part(unit: Unit, millis: i64) -> i64 {
    let (days, of_day) = split(millis);
    let (year, month, day) = date_of(days);
    match unit {
        Unit::Millisecond => of_day % 1_000,
        Unit::Second => of_day / 1_000 % 60,
        Unit::Minute => of_day / 60_000 % 60,
        Unit::Hour => of_day / 3_600_000,
        Unit::Day => day,
        Unit::Week | Unit::IsoWeek => {
            let thursday = thursday(days);
            (thursday - days_of(date_of(thursday).0, 1, 1)) / 7 + 1
        }
        Unit::Month => month,
        Unit::Quarter => (month - 1) / 3 + 1,
        Unit::Year => year,
        Unit::DayOfWeek => iso_day_of_week(days),
        Unit::DayOfWeekSunday => iso_day_of_week(days) % 7 + 1,
        Unit::DayOfYear => days - days_of(year, 1, 1) + 1,
        Unit::IsoYear => date_of(thursday(days)).0,
        Unit::Epoch => millis.div_euclid(1_000),
        Unit::Decade => year.div_euclid(10),
        Unit::Century => begun(year, 100),
        Unit::Millennium => begun(year, 1_000),
    }
}

/// How many spans of so many years have begun: the year 2000 is in the 20th century.
const fn begun(year: i64, years: i64) -> i64 {
    if year > 0 { (year + years - 1) / years } else { (year - years + 1) / years }
}

/// The beginning of the unit that the timestamp is in. None where it has no number.
pub(super) fn floor(unit: Unit, millis: i64) -> Option<i64> {
    let (days, _) = split(millis);
    let (year, month, _) = date_of(days);
    let of_day = |days: i64| days.checked_mul(DAY_MILLIS);
    match unit {
        // Flink's week begins on Sunday here, though EXTRACT's begins on Monday.
        Unit::Week => of_day(days - iso_day_of_week(days) % 7),
        Unit::IsoWeek => of_day(days - iso_day_of_week(days) + 1),
        Unit::Month => of_day(days_of(year, month, 1)),
        Unit::Quarter => of_day(days_of(year, (month - 1) / 3 * 3 + 1, 1)),
        Unit::Year => of_day(days_of(year, 1, 1)),
        _ => unit.millis().and_then(|unit| millis.div_euclid(unit).checked_mul(unit)),
    }
}

/// The beginning of the next unit, unless the timestamp is the beginning of one.
pub(super) fn ceil(unit: Unit, millis: i64) -> Option<i64> {
    let floor = floor(unit, millis)?;
    if floor == millis {
        return Some(millis);
    }
    match unit.months() {
        Some(months) => add_months(floor, months),
        None => floor.checked_add(unit.millis()?),
    }
}

/// The same day and time so many months later, or the month's last day.
pub(super) fn add_months(millis: i64, months: i64) -> Option<i64> {
    let (days, of_day) = split(millis);
    let (year, month, day) = date_of(days);
    let month = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    // Past these years there are no milliseconds.
    if year.unsigned_abs() > 300_000_000 {
        return None;
    }
    let next = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
    let last = next - days_of(year, month, 1);
    days_of(year, month, day.min(last)).checked_mul(DAY_MILLIS)?.checked_add(of_day)
}

/// Whole units from one timestamp to the other, cut towards zero.
pub(super) fn between(unit: Unit, from: i64, to: i64) -> Option<i64> {
    let Some(unit_months) = unit.months() else { return to.checked_sub(from)?.checked_div(unit.millis()?) };
    let month = |millis: i64| {
        let (year, month, _) = date_of(split(millis).0);
        year * 12 + month
    };
    let (forward, low, high) = if from <= to { (1, from, to) } else { (-1, to, from) };
    let mut months = month(high) - month(low);
    // 31 January and a month is the last of February, as it is for addition.
    if add_months(low, months)? > high {
        months -= 1;
    }
    Some(months / unit_months * forward)
}
