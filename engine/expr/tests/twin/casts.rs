//! CAST, by hand.

use vencejo_expr::Type;
use vencejo_types::schema::ColumnType;

use super::{Val, decimal};

const DAY: i64 = 86_400_000;

pub fn cast(value: &Val, from: Option<Type>, to: ColumnType) -> Val {
    match (value, to) {
        (Val::Null, _) => Val::Null,
        (Val::Bool(x), ColumnType::String) => Val::Text(if *x { "TRUE" } else { "FALSE" }.to_string()),
        (Val::Bool(x), ColumnType::Int | ColumnType::BigInt) => Val::Int(i64::from(*x)),
        (Val::Bool(x), ColumnType::Double) => Val::Double(if *x { 1.0 } else { 0.0 }),
        (Val::Int(x), _) if matches!(from, Some(Type::Timestamp | Type::Date)) => time(*x, from, to),
        (Val::Int(x), ColumnType::Int) => narrow(*x),
        (Val::Int(x), ColumnType::Boolean) => Val::Bool(*x != 0),
        (Val::Int(x), ColumnType::Double) => Val::Double(*x as f64),
        (Val::Int(x), ColumnType::String) => Val::Text(x.to_string()),
        (Val::Double(x), ColumnType::Boolean) => Val::Bool(*x != 0.0),
        (Val::Double(x), ColumnType::String) => Val::Text(decimal::java(*x)),
        (Val::Double(x), ColumnType::Int | ColumnType::BigInt) => {
            let whole: i128 = format!("{:.0}", x.trunc()).parse().unwrap_or(i128::MAX);
            match i64::try_from(whole) {
                Ok(x) if to == ColumnType::Int => narrow(x),
                Ok(x) => Val::Int(x),
                Err(_) => Val::Null,
            }
        }
        (Val::Text(text), _) if to != ColumnType::String => read(text.trim_matches(' '), to),
        (value, _) => value.clone(),
    }
}

fn narrow(x: i64) -> Val {
    if (-2_147_483_648..=2_147_483_647).contains(&x) { Val::Int(x) } else { Val::Null }
}

fn read(text: &str, to: ColumnType) -> Val {
    match to {
        ColumnType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Val::Bool(true),
            "false" | "f" | "no" | "n" | "0" => Val::Bool(false),
            _ => Val::Null,
        },
        ColumnType::Int | ColumnType::BigInt => {
            let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let unsigned = whole.strip_prefix(['+', '-']).unwrap_or(whole);
            if unsigned.is_empty() || !digits(unsigned) || !digits(fraction) {
                return Val::Null;
            }
            match whole.parse() {
                Ok(x) if to == ColumnType::Int => narrow(x),
                Ok(x) => Val::Int(x),
                Err(_) => Val::Null,
            }
        }
        ColumnType::Double => match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Val::Double(x),
            _ => Val::Null,
        },
        ColumnType::Date => read_date(text).map_or(Val::Null, Val::Int),
        ColumnType::Timestamp => read_timestamp(text).map_or(Val::Null, Val::Int),
        ColumnType::String | ColumnType::Decimal { .. } => panic!("not read"),
    }
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of the month, counted month by month.
fn days_before(year: i64, month: i64) -> i64 {
    let months = |year: i64| (1..=12).map(move |month| month_days(year, month)).sum::<i64>();
    let years: i64 =
        if year >= 1970 { (1970..year).map(months).sum() } else { -(year..1970).map(months).sum::<i64>() };
    years + (1..month).map(|month| month_days(year, month)).sum::<i64>()
}

fn field(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.chars().all(|c| c.is_ascii_digit())).then(|| text.parse().unwrap())
}

fn read_date(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let (year, month, day) = (field(year, 4)?, field(month, 2)?, field(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    Some(days_before(year, month) + day - 1)
}

fn read_timestamp(text: &str) -> Option<i64> {
    let Some((date, time)) = text.split_once([' ', 'T']) else { return Some(read_date(text)? * DAY) };
    let parts: Vec<&str> = time.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let (second, fraction) = match second.split_once('.') {
        Some((second, fraction)) if (1..=9).contains(&fraction.len()) => (second, fraction),
        Some(_) => return None,
        None => (second, "0"),
    };
    let nanos = format!("{fraction:0<9}");
    let (hour, minute, second) = (field(hour, 2)?, field(minute, 2)?, field(second, 2)?);
    let nanos = field(&nanos, 9)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(read_date(date)? * DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + nanos / 1_000_000)
}

fn time(x: i64, from: Option<Type>, to: ColumnType) -> Val {
    let timestamp = from == Some(Type::Timestamp);
    match to {
        ColumnType::Timestamp if timestamp => Val::Int(x),
        ColumnType::Timestamp => x.checked_mul(DAY).map_or(Val::Null, Val::Int),
        ColumnType::Date if timestamp => Val::Int(x.div_euclid(DAY)),
        ColumnType::Date => Val::Int(x),
        _ => {
            let days = if timestamp { x.div_euclid(DAY) } else { x };
            // Outside these the years have no four digits.
            if !(days_before(0, 1)..days_before(10_000, 1)).contains(&days) {
                return Val::Null;
            }
            let year = (0..10_000).find(|year| days_before_cached(year + 1) > days).unwrap();
            let month = (1..=12).rev().find(|&month| days_before(year, month) <= days).unwrap();
            let day = days - days_before(year, month) + 1;
            let date = format!("{year:04}-{month:02}-{day:02}");
            if !timestamp {
                return Val::Text(date);
            }
            let millis = x.rem_euclid(DAY);
            let (seconds, millis) = (millis / 1_000, millis % 1_000);
            let (hour, minute, second) = (seconds / 3_600, seconds % 3_600 / 60, seconds % 60);
            Val::Text(format!("{date} {hour:02}:{minute:02}:{second:02}.{millis:03}"))
        }
    }
}

/// Days before a year, without the sum over all years that the search would repeat.
fn days_before_cached(year: i64) -> i64 {
    use std::sync::OnceLock;
    static YEARS: OnceLock<Vec<i64>> = OnceLock::new();
    let years = YEARS.get_or_init(|| {
        let mut days = days_before(0, 1);
        let mut years = Vec::new();
        for year in 0..=10_000 {
            years.push(days);
            days += (1..=12).map(|month| month_days(year, month)).sum::<i64>();
        }
        years
    });
    years[usize::try_from(year).unwrap()]
}
