//! Times as text: ISO 8601 in, ISO 8601 out.

/// Milliseconds since 1970-01-01T00:00:00Z of `2024-03-01T10:00:00.5+01:00` and the like: `T` or a space, minutes,
/// seconds and a fraction (cut to milliseconds) or less, `Z`, an offset or none (then it is UTC); a date
/// alone is its midnight. A whole number is the milliseconds themselves. Nothing where it is none of these.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let Some((days, rest)) = take_date(bytes) else { return parse_epoch(bytes) };
    let midnight = days * MILLIS_PER_DAY;
    let rest = match rest {
        [] => return Some(midnight),
        [b'T' | b't' | b' ', rest @ ..] => rest,
        _ => return None,
    };
    let (hour, rest) = take_pair(rest, 23)?;
    let (minute, mut rest) = take_pair(rest.strip_prefix(b":")?, 59)?;
    let mut millis = midnight + hour * 3_600_000 + minute * 60_000;
    if let Some(seconds) = rest.strip_prefix(b":") {
        let (second, behind) = take_pair(seconds, 59)?;
        millis += second * 1_000;
        rest = behind;
        if let [b'.' | b',', fraction @ ..] = rest {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let at = |place: usize| if place < digits { i64::from(fraction[place] - b'0') } else { 0 };
            millis += at(0) * 100 + at(1) * 10 + at(2);
            rest = &fraction[digits..];
        }
    }
    Some(millis - take_offset(rest.trim_ascii_start())? * 60_000)
}

/// Days since 1970-01-01 of `2024-03-01`; of a timestamp, its date as written. Nothing where it is neither.
pub fn parse_date(text: &str) -> Option<i64> {
    let (days, rest) = take_date(text.as_bytes())?;
    (rest.is_empty() || parse_timestamp(text).is_some()).then_some(days)
}

/// Appends `2024-03-01T00:00:10.000`. Years of more than four digits have a sign.
pub fn write_timestamp(millis: i64, out: &mut Vec<u8>) {
    write_date(millis.div_euclid(MILLIS_PER_DAY), out);
    let of_day = millis.rem_euclid(MILLIS_PER_DAY);
    out.push(b'T');
    write_digits(of_day / 3_600_000, 2, out);
    out.push(b':');
    write_digits(of_day / 60_000 % 60, 2, out);
    out.push(b':');
    write_digits(of_day / 1_000 % 60, 2, out);
    out.push(b'.');
    write_digits(of_day % 1_000, 3, out);
}

/// Appends `2024-03-01`.
pub fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    if (0..=9_999).contains(&year) {
        write_digits(year, 4, out);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        write_digits(year.abs(), 6, out);
    }
    out.push(b'-');
    write_digits(month, 2, out);
    out.push(b'-');
    write_digits(day, 2, out);
}

const MILLIS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_ERA: i64 = 146_097;

fn parse_epoch(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if whole { std::str::from_utf8(bytes).ok()?.parse().ok() } else { None }
}

fn take_date(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (date, rest) = bytes.split_at_checked(10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (century, _) = take_pair(date, 99)?;
    let (year, _) = take_pair(&date[2..], 99)?;
    let year = century * 100 + year;
    let (month, _) = take_pair(&date[5..], 12)?;
    let (day, _) = take_pair(&date[8..], 31)?;
    let days = days_of(year, month, day);
    (civil(days) == (year, month, day)).then_some((days, rest))
}

/// Two digits, at most `most`.
fn take_pair(bytes: &[u8], most: i64) -> Option<(i64, &[u8])> {
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = bytes else { return None };
    let number = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    (number <= most).then_some((number, rest))
}

/// Minutes east of UTC.
fn take_offset(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = take_pair(rest, 18)?;
    let minutes = match rest {
        [] => 0,
        [b':', rest @ ..] | rest => match take_pair(rest, 59)? {
            (minutes, []) => minutes,
            _ => return None,
        },
    };
    Some(sign * (hours * 60 + minutes))
}

/// Days since 1970-01-01, by eras of 400 years that begin in March (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms").
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// Year, month and day; the other way round.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn write_digits(mut number: i64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    for byte in out[start..].iter_mut().rev() {
        *byte = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(millis: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(millis, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_become_milliseconds() {
        for (text, expected) in [
            ("2024-03-01T00:00:10.000", Some("2024-03-01T00:00:10.000")),
            ("2024-03-01 00:00:10", Some("2024-03-01T00:00:10.000")),
            ("2024-03-01 00:00", Some("2024-03-01T00:00:00.000")),
            ("2024-03-01", Some("2024-03-01T00:00:00.000")),
            ("2024-03-01T00:00:10.5Z", Some("2024-03-01T00:00:10.500")),
            ("2024-03-01T00:00:10.123456789+01:00", Some("2024-02-29T23:00:10.123")),
            ("2024-03-01T00:00:10-0530", Some("2024-03-01T05:30:10.000")),
            ("2024-03-01T00:00:10 +02", Some("2024-02-29T22:00:10.000")),
            ("0", Some("1970-01-01T00:00:00.000")),
            ("-1", Some("1969-12-31T23:59:59.999")),
            ("1709251210000", Some("2024-03-01T00:00:10.000")),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-00-01", None),
            ("2024-03-01T24:00:00", None),
            ("2024-03-01T00:60", None),
            ("2024-03-01T00:00:10.", None),
            ("2024-03-01T00:00:10+", None),
            ("2024-03-01T00:00:10+1:00", None),
            ("2024-03-01T00:00:10Zx", None),
            ("2024-03-01T", None),
            ("2024-03-0é", None),
            ("1.5", None),
            ("-", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_timestamp(text).map(shown).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn every_day_is_the_one_that_another_library_names() {
        for days in (-719_528..2_932_896).step_by(97) {
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let mut out = Vec::new();
            write_date(i64::from(days), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), date.to_string());
            assert_eq!(parse_date(&date.to_string()), Some(i64::from(days)));
        }
    }

    #[test]
    fn dates_are_taken_as_written() {
        assert_eq!(parse_date("1970-01-02T23:00:00-05:00"), Some(1));
        assert_eq!(parse_date("1970-01-02x"), None);
    }

    #[test]
    fn the_ends_of_time_have_a_text() {
        assert_eq!(shown(i64::MAX), "+292278994-08-17T07:12:55.807");
        assert_eq!(shown(i64::MIN), "-292275055-05-16T16:47:04.192");
    }
}
