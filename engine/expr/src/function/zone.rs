//! Time zones by name, from the database that is part of this program: no machine's own is read.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::table::{body, moment, text, text_or_moment};
use super::text::Builder;
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::scalar::time::{DAY_MILLIS, date_of, days_of, parse_timestamp};
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "AT TIME ZONE",
        &[moment("time"), text("zone")],
        Type::Timestamp,
        |c| in_zone(c, 1).map_or(Value::Null, Value::Int),
        "The clock there at a time in UTC. A zone is a name of the IANA database or an offset such as +02:00. NULL \
         if a zone that is not constant does not exist.",
        "HOUR(TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE 'Europe/Madrid') => BIGINT 14",
    )
    .written("time AT TIME ZONE zone")
    .prepared(|known| prepared(known, 1, None)),
    body(
        "CONVERT_TZ",
        &[text_or_moment("time"), text("from"), text("to")],
        Type::String,
        |c| {
            let time = c.optional_int(0).or_else(|| parse_timestamp(c.text(0)));
            time.and_then(|millis| converted(c, millis)).map_or(Value::Null, |millis| text_of(c, millis))
        },
        "What the clock in one zone says when it says this in another: in STRING as yyyy-MM-dd HH:mm:ss. A time \
         that a clock skips is moved forward, of one that it says twice the first counts.",
        "CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles') => STRING '1969-12-31 16:00:00'",
    )
    .prepared(|known| prepared(known, 1, Some(2))),
    body(
        "TO_UTC",
        &[moment("time"), text("zone")],
        Type::Timestamp,
        |c| zone(c, 0, 1).and_then(|zone| from_zone(&zone, c.int(0))).map_or(Value::Null, Value::Int),
        "The time in UTC when the clock there says this.",
        "TO_UTC(TIMESTAMP '1970-01-01 01:00:00', 'Europe/Paris') => TIMESTAMP(3) 0",
    )
    .prepared(|known| prepared(known, 1, None)),
];

/// The zones that are constant; the others are looked up by name when they come.
#[derive(Debug)]
pub(crate) struct Zones {
    constant: [Option<TimeZone>; 2],
    database: TimeZoneDatabase,
}

fn prepared(known: &Known<'_>, first: usize, second: Option<usize>) -> Result<Prepared, CallError> {
    let database = TimeZoneDatabase::bundled();
    let find = |place: usize| {
        match known.text(place) {
        None => Ok(None),
        Some(name) => named(&database, name).map(Some).ok_or_else(|| {
            let hint = nearest(&database, name).unwrap_or_else(|| {
                "a zone is a name of the IANA database, such as 'Europe/Madrid', or an offset, such as '+02:00'".into()
            });
            CallError::new(place, format!("unknown time zone '{name}'")).with_hint(hint)
        }),
    }
    };
    let constant = [find(first)?, second.map_or(Ok(None), find)?];
    Ok(Prepared::Zones(Zones { constant, database }))
}

/// A zone by its name or its offset.
fn named(database: &TimeZoneDatabase, name: &str) -> Option<TimeZone> {
    if let Some(offset) = offset(name) {
        return Some(TimeZone::fixed(offset));
    }
    database.get(name).ok()
}

/// `+hh:mm`, `-hh:mm` or `Z`, also behind `UTC` or `GMT`.
fn offset(name: &str) -> Option<jiff::tz::Offset> {
    if name == "Z" {
        return Some(jiff::tz::Offset::UTC);
    }
    let name = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    let (sign, rest) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    jiff::tz::Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// A zone whose city has this name, for the hint.
fn nearest(database: &TimeZoneDatabase, name: &str) -> Option<String> {
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let wanted = city(name).replace(' ', "_");
    let found = database.available().map(|zone| zone.to_string()).find(|zone| city(zone) == wanted)?;
    Some(format!("did you mean '{found}'?"))
}

/// The zone that the argument at a place names.
fn zone(c: &Invocation<'_, '_>, which: usize, place: usize) -> Option<TimeZone> {
    let Prepared::Zones(zones) = c.prepared else { return None };
    match zones.constant.get(which) {
        Some(Some(zone)) => Some(zone.clone()),
        _ => named(&zones.database, c.text(place)),
    }
}

/// The clock of a zone at a time in UTC.
fn to_zone(zone: &TimeZone, millis: i64) -> Option<i64> {
    let seconds = zone.to_offset(Timestamp::from_millisecond(millis).ok()?).seconds();
    millis.checked_add(i64::from(seconds) * 1_000)
}

/// The time in UTC when the clock of a zone says this.
fn from_zone(zone: &TimeZone, millis: i64) -> Option<i64> {
    let (year, month, day) = date_of(millis.div_euclid(DAY_MILLIS));
    let seconds = millis.rem_euclid(DAY_MILLIS) / 1_000;
    let small = |number: i64| i8::try_from(number).ok();
    let clock = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(seconds / 3_600)?,
        small(seconds / 60 % 60)?,
        small(seconds % 60)?,
        0,
    )
    .ok()?;
    let time = zone.to_ambiguous_timestamp(clock).compatible().ok()?;
    time.as_millisecond().checked_add(millis.rem_euclid(1_000))
}

fn in_zone(c: &Invocation<'_, '_>, place: usize) -> Option<i64> {
    to_zone(&zone(c, 0, place)?, c.int(0))
}

fn converted(c: &Invocation<'_, '_>, millis: i64) -> Option<i64> {
    to_zone(&zone(c, 1, 2)?, from_zone(&zone(c, 0, 1)?, millis)?)
}

/// `yyyy-MM-dd HH:mm:ss`.
fn text_of<'a>(c: &Invocation<'_, 'a>, millis: i64) -> Value<'a> {
    use std::fmt::Write as _;
    let (year, month, day) = date_of(millis.div_euclid(DAY_MILLIS));
    if days_of(year, month, day) < days_of(0, 1, 1) || year > 9_999 {
        return Value::Null;
    }
    let seconds = millis.rem_euclid(DAY_MILLIS) / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut out = Builder::new(c.arena, 19);
    let _ = write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    out.finish()
}
