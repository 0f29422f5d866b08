//! `INTERVAL` literals of days to seconds, as Flink writes them.

use crate::Diagnostic;
use crate::tokens::{Cursor, Parsed, Place};

/// Units from the longest to the shortest, with their milliseconds.
const UNITS: [(&str, &str, i64); 4] = [
    ("DAY", "DAYS", 86_400_000),
    ("HOUR", "HOURS", 3_600_000),
    ("MINUTE", "MINUTES", 60_000),
    ("SECOND", "SECONDS", 1_000),
];

impl Cursor<'_> {
    /// `[-]'n' unit`, `'n.nnn' SECOND` or `'h:m' HOUR TO MINUTE`, behind `INTERVAL`: its milliseconds, and
    /// the place of the number.
    pub(crate) fn interval(&mut self) -> Parsed<(i64, Place)> {
        let outer = self.accept(&sqlparser::tokenizer::Token::Minus);
        let (text, place) = self.string("a number in single quotes")?;
        let from = self.unit()?;
        let to = if self.accept_word("TO") { self.unit()? } else { from };
        let trimmed = text.trim();
        let (inner, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let millis = if from == to { one(digits, from) } else { several(digits, from, to) };
        let millis = millis.map_err(|message| Diagnostic::new(place, message))?;
        Ok((if outer == inner { millis } else { -millis }, place))
    }

    /// The place of a unit in [`UNITS`].
    fn unit(&mut self) -> Parsed<usize> {
        let found = UNITS.iter().position(|(one, many, _)| self.is_word(one) || self.is_word(many));
        if let Some(unit) = found {
            self.skip();
            return Ok(unit);
        }
        if ["MONTH", "MONTHS", "YEAR", "YEARS"].iter().any(|unit| self.is_word(unit)) {
            let error = self.expected("SECOND, MINUTE, HOUR or DAY");
            return Err(error.with_hint("months and years have no fixed length"));
        }
        Err(self.expected("SECOND, MINUTE, HOUR or DAY"))
    }
}

/// A number of one unit.
fn one(text: &str, unit: usize) -> Result<i64, &'static str> {
    const SHAPE: &str = "an interval is a number, with at most three decimals";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return Err(SHAPE);
    }
    let (name, _, millis) = UNITS[unit];
    if !fraction.is_empty() && name != "SECOND" {
        return Err("only seconds may have a fraction");
    }
    let thousandths: i64 = format!("{fraction:0<3}").parse().map_err(|_| SHAPE)?;
    let whole = whole.parse::<i64>().ok().and_then(|whole| whole.checked_mul(millis));
    whole.and_then(|whole| whole.checked_add(thousandths)).ok_or("the interval is too long")
}

/// `d h:m:s` from one unit to another.
fn several(text: &str, from: usize, to: usize) -> Result<i64, &'static str> {
    const SHAPE: &str = "an interval of several units is written such as '1:30' HOUR TO MINUTE";
    let parts: Vec<&str> = text.split([' ', ':']).collect();
    if to < from || parts.len() != to - from + 1 {
        return Err(SHAPE);
    }
    let mut total = 0_i64;
    for (unit, part) in (from..=to).zip(parts) {
        total = total.checked_add(one(part, unit)?).ok_or("the interval is too long")?;
    }
    Ok(total)
}
