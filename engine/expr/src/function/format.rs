//! Times as text by a pattern, as Java's `DateTimeFormatter` in English, and back.

use std::fmt::Write as _;

use super::table::{body, graph, integer, moment, text, text_or_moment};
use super::text::Builder;
use super::unit::{self, Unit};
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::scalar::time::{DAY_MILLIS, DAYS_WITH_TEXT, date_of, days_of, parse_date, parse_timestamp};
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "DATE_FORMAT",
        &[text_or_moment("time"), text("pattern").constant()],
        Type::String,
        |c| match c.arguments.first() {
            Some(Value::Str(text)) => parse_timestamp(text).map_or(Value::Null, |millis| written(c, millis)),
            _ => written(c, c.int(0)),
        },
        "The time by a pattern of y M d D E H k K h m s S a, text in single quotes, and other characters; names are \
         English.",
        "DATE_FORMAT(TIMESTAMP '2024-02-09 13:04:05', 'EEE, d MMM yyyy h:mm a') => STRING 'Fri, 9 Feb 2024 1:04 PM'",
    )
    .prepared(|known| pattern(known, 1)),
    body(
        "TO_TIMESTAMP",
        &[text("string"), text("pattern").constant().optional()],
        Type::Timestamp,
        |c| read(c).map_or(Value::Null, Value::Int),
        "The time that the string names, by a pattern or as CAST; NULL if it names none.",
        "TO_TIMESTAMP('09/02/1970 07', 'dd/MM/yyyy HH') => TIMESTAMP(3) 3394800000",
    )
    .prepared(|known| pattern(known, 1)),
    body(
        "TO_DATE",
        &[text("string"), text("pattern").constant().optional()],
        Type::Date,
        |c| {
            let days = match c.prepared {
                Prepared::Format(_) => read(c).map(|millis| millis.div_euclid(DAY_MILLIS)),
                _ => parse_date(c.text(0)),
            };
            days.map_or(Value::Null, Value::Int)
        },
        "As TO_TIMESTAMP, the day.",
        "TO_DATE('29.02.2024', 'dd.MM.yyyy') => DATE 19782",
    )
    .prepared(|known| pattern(known, 1)),
    body(
        "FROM_UNIXTIME",
        &[integer("seconds"), text("pattern").constant().optional()],
        Type::String,
        |c| c.int(0).checked_mul(1_000).map_or(Value::Null, |millis| written(c, millis)),
        "The time so many seconds after 1970 in UTC, by a pattern or as yyyy-MM-dd HH:mm:ss.",
        "FROM_UNIXTIME(44) => STRING '1970-01-01 00:00:44'",
    )
    .prepared(|known| pattern(known, 1)),
    graph(
        "UNIX_TIMESTAMP",
        &[text_or_moment("time"), text("pattern").constant().optional()],
        |graph, list| {
            let time = match (graph.type_of(list[0]), list.len()) {
                (Some(Type::String), _) => graph.function(to_timestamp()?, list)?,
                (_, 1) => list[0],
                _ => return Err(CallError::new(1, "UNIX_TIMESTAMP takes a pattern with a STRING only")),
            };
            graph.function(epoch()?, &[time])
        },
        "Seconds from 1970 to a time, or to the time that a string names in UTC.",
        "UNIX_TIMESTAMP('2024-02-29 12:34:56') => BIGINT 1709210096",
    ),
    body(
        "EPOCH_SECONDS",
        &[moment("time")],
        Type::BigInt,
        |c| Value::Int(unit::part(Unit::Epoch, c.int(0))),
        "Whole seconds since 1970, rounded down.",
        "EPOCH_SECONDS(DATE '1970-01-02') => BIGINT 86400",
    ),
];

fn row(name: &'static str) -> Result<&'static Function, CallError> {
    super::find(name).ok_or_else(|| CallError::new(0, format!("{name} is not in the table")))
}

fn to_timestamp() -> Result<&'static Function, CallError> {
    row("TO_TIMESTAMP")
}

fn epoch() -> Result<&'static Function, CallError> {
    row("EPOCH_SECONDS")
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A pattern's parts.
#[derive(Debug)]
pub(crate) struct Format(Vec<Item>);

#[derive(Debug, PartialEq, Eq)]
enum Item {
    Text(Box<str>),
    Field(Field, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    DayOfYear,
    DayOfWeek,
    Hour,
    HourFrom1,
    HalfHourFrom0,
    HalfHour,
    Minute,
    Second,
    Fraction,
    Half,
}

const FIELDS: [(char, Field, usize); 14] = [
    ('y', Field::Year, 4),
    ('u', Field::Year, 4),
    ('M', Field::Month, 4),
    ('d', Field::Day, 2),
    ('D', Field::DayOfYear, 3),
    ('E', Field::DayOfWeek, 4),
    ('H', Field::Hour, 2),
    ('k', Field::HourFrom1, 2),
    ('K', Field::HalfHourFrom0, 2),
    ('h', Field::HalfHour, 2),
    ('m', Field::Minute, 2),
    ('s', Field::Second, 2),
    ('S', Field::Fraction, 9),
    ('a', Field::Half, 1),
];

/// The pattern at a place; nothing where there is none.
fn pattern(known: &Known<'_>, place: usize) -> Result<Prepared, CallError> {
    let Some(text) = known.text(place) else { return Ok(Prepared::Nothing) };
    Format::parse(text).map(Prepared::Format).map_err(|message| {
        let hint =
            "a pattern is such as 'yyyy-MM-dd HH:mm:ss.SSS'; text stands in single quotes, doubled in SQL";
        CallError::new(place, message).with_hint(hint)
    })
}

impl Format {
    fn parse(pattern: &str) -> Result<Self, String> {
        let mut items: Vec<Item> = Vec::new();
        let mut rest = pattern.chars().peekable();
        let mut literal = String::new();
        while let Some(c) = rest.next() {
            if c == '\'' {
                if rest.next_if_eq(&'\'').is_some() {
                    literal.push('\'');
                    continue;
                }
                loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => literal.push('\''),
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("the pattern's quoted text does not end".to_string()),
                    }
                }
            } else if c.is_ascii_alphabetic() {
                let mut width = 1;
                while rest.next_if_eq(&c).is_some() {
                    width += 1;
                }
                let field = FIELDS.iter().find(|(letter, ..)| *letter == c);
                let Some(&(_, field, width_max)) = field else {
                    return Err(format!("the pattern's letter {c} is not supported"));
                };
                if width > width_max || (field == Field::Year && width == 3) {
                    return Err(format!("the pattern has {width} letters {c}, which means nothing"));
                }
                if !literal.is_empty() {
                    items.push(Item::Text(std::mem::take(&mut literal).into()));
                }
                items.push(Item::Field(field, width));
            } else {
                literal.push(c);
            }
        }
        if !literal.is_empty() {
            items.push(Item::Text(literal.into()));
        }
        Ok(Self(items))
    }
}

/// A time as text; years outside 0 to 9999 have none.
fn written<'a>(c: &Invocation<'_, 'a>, millis: i64) -> Value<'a> {
    if !DAYS_WITH_TEXT.contains(&millis.div_euclid(DAY_MILLIS)) {
        return Value::Null;
    }
    let mut out = Builder::new(c.arena, 32);
    let part = |unit| unit::part(unit, millis);
    let _ = match c.prepared {
        Prepared::Format(Format(items)) => items.iter().try_for_each(|item| match item {
            Item::Text(text) => out.write_str(text),
            Item::Field(field, width) => write_field(&mut out, *field, *width, millis),
        }),
        _ => write!(
            out,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            part(Unit::Year),
            part(Unit::Month),
            part(Unit::Day),
            part(Unit::Hour),
            part(Unit::Minute),
            part(Unit::Second)
        ),
    };
    out.finish()
}

fn write_field(out: &mut Builder<'_>, field: Field, width: usize, millis: i64) -> std::fmt::Result {
    let part = |unit| unit::part(unit, millis);
    let hour = part(Unit::Hour);
    let name = |names: &[&'static str], number: i64| {
        let place = usize::try_from(number - 1).unwrap_or(0);
        let name = names.get(place).copied().unwrap_or_default();
        if width == 4 { name } else { &name[..3.min(name.len())] }
    };
    let number = match field {
        Field::Year if width == 2 => part(Unit::Year).rem_euclid(100),
        Field::Year => part(Unit::Year),
        Field::Month if width > 2 => return out.write_str(name(&MONTHS, part(Unit::Month))),
        Field::Month => part(Unit::Month),
        Field::Day => part(Unit::Day),
        Field::DayOfYear => part(Unit::DayOfYear),
        Field::DayOfWeek => return out.write_str(name(&DAYS, part(Unit::DayOfWeek))),
        Field::Hour => hour,
        Field::HourFrom1 => {
            if hour == 0 {
                24
            } else {
                hour
            }
        }
        Field::HalfHourFrom0 => hour % 12,
        Field::HalfHour => {
            if hour % 12 == 0 {
                12
            } else {
                hour % 12
            }
        }
        Field::Minute => part(Unit::Minute),
        Field::Second => part(Unit::Second),
        Field::Half => return out.write_str(if hour < 12 { "AM" } else { "PM" }),
        // Of nine digits the first ones.
        Field::Fraction => {
            part(Unit::Millisecond) * 1_000_000 / 10_i64.pow(9 - u32::try_from(width.min(9)).unwrap_or(0))
        }
    };
    write!(out, "{number:0width$}")
}

/// What a text says by the pattern. What the pattern does not ask for is the first: January, 1st, midnight.
fn read(c: &Invocation<'_, '_>) -> Option<i64> {
    let Prepared::Format(Format(items)) = c.prepared else { return parse_timestamp(c.text(0)) };
    let mut rest = c.text(0);
    let (mut year, mut month, mut day, mut of_year) = (1970, 1, 1, None);
    let (mut hour, mut half, mut minute, mut second, mut millis) = (0, None, 0, 0, 0);
    for (place, item) in items.iter().enumerate() {
        let (field, width) = match item {
            Item::Text(text) => {
                rest = rest.strip_prefix(&**text)?;
                continue;
            }
            Item::Field(field, width) => (*field, *width),
        };
        // A number that another one follows at once has exactly the pattern's digits.
        let exact = matches!(items.get(place + 1), Some(Item::Field(..)));
        match field {
            Field::Month if width > 2 => month = named(&mut rest, &MONTHS, width)?,
            Field::DayOfWeek => drop(named(&mut rest, &DAYS, width)?),
            Field::Half => half = Some(named(&mut rest, &["AM", "PM"], 4)? == 2),
            Field::Year if width == 2 => year = 2_000 + digits(&mut rest, 2, true)?,
            Field::Year => year = digits(&mut rest, 4, width == 4)?,
            Field::Month => month = digits(&mut rest, 2, exact || width == 2)?,
            Field::Day => day = digits(&mut rest, 2, exact || width == 2)?,
            Field::DayOfYear => of_year = Some(digits(&mut rest, 3, exact || width == 3)?),
            Field::Hour | Field::HalfHourFrom0 => hour = digits(&mut rest, 2, exact || width == 2)?,
            Field::HourFrom1 => hour = digits(&mut rest, 2, exact || width == 2)? % 24,
            Field::HalfHour => hour = digits(&mut rest, 2, exact || width == 2)? % 12,
            Field::Minute => minute = digits(&mut rest, 2, exact || width == 2)?,
            Field::Second => second = digits(&mut rest, 2, exact || width == 2)?,
            Field::Fraction => {
                let fraction = digits(&mut rest, width, true)?;
                let scale = 10_i64.pow(u32::try_from(width).ok()?);
                millis = fraction * 1_000 / scale;
            }
        }
    }
    if half == Some(true) {
        hour += 12;
    }
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) {
        return None;
    }
    let days = match of_year {
        Some(of_year) => days_of(year, 1, 1) + of_year - 1,
        None => days_of(year, month, day),
    };
    let exists = match of_year {
        Some(of_year) => of_year >= 1 && date_of(days).0 == year,
        None => date_of(days) == (year, month, day),
    };
    exists.then_some(days * DAY_MILLIS + ((hour * 60 + minute) * 60 + second) * 1_000 + millis)
}

/// Digits at the beginning: at most so many, or exactly.
fn digits(rest: &mut &str, most: usize, exact: bool) -> Option<i64> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count == 0 || (exact && count < most) {
        return None;
    }
    let (head, tail) = rest.split_at(count);
    *rest = tail;
    head.parse().ok()
}

/// A name at the beginning, in any case, and its number from 1.
fn named(rest: &mut &str, names: &[&str], width: usize) -> Option<i64> {
    for (number, name) in (1..).zip(names) {
        let name = if width == 4 { name } else { &name[..3.min(name.len())] };
        if rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return Some(number);
        }
    }
    None
}
