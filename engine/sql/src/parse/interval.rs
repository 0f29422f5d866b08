//! Intervals: `INTERVAL '5' MINUTE`, `INTERVAL '1 02:30' DAY TO MINUTE`, `INTERVAL '1-6' YEAR TO MONTH`.

use sqlparser::tokenizer::Token as Kind;
use vencejo_expr::Type;

use crate::diagnostic::Diagnostic;
use crate::tokens::{Cursor, Parsed, Place};

/// A unit: its name, its length in milliseconds or months, and how many make the unit before it.
struct Unit {
    name: &'static str,
    plural: &'static str,
    months: bool,
    length: i64,
    /// Place in a literal of several units; units that stand alone have none.
    rank: Option<usize>,
    below: i64,
}

const fn unit(
    name: &'static str,
    plural: &'static str,
    months: bool,
    length: i64,
    rank: Option<usize>,
    below: i64,
) -> Unit {
    Unit { name, plural, months, length, rank, below }
}

const UNITS: [Unit; 9] = [
    unit("YEAR", "YEARS", true, 12, Some(0), i64::MAX),
    unit("MONTH", "MONTHS", true, 1, Some(1), 12),
    unit("DAY", "DAYS", false, 86_400_000, Some(2), i64::MAX),
    unit("HOUR", "HOURS", false, 3_600_000, Some(3), 24),
    unit("MINUTE", "MINUTES", false, 60_000, Some(4), 60),
    unit("SECOND", "SECONDS", false, 1_000, Some(5), 60),
    unit("QUARTER", "QUARTERS", true, 3, None, i64::MAX),
    unit("WEEK", "WEEKS", false, 7 * 86_400_000, None, i64::MAX),
    unit("MILLISECOND", "MILLISECONDS", false, 1, None, i64::MAX),
];

const SHAPE: &str = "an interval is such as INTERVAL '5' MINUTE or INTERVAL '1 02:30' DAY TO MINUTE";

impl Cursor<'_> {
    /// What follows INTERVAL: its type, and its length in milliseconds or months.
    pub(crate) fn interval(&mut self) -> Parsed<(Type, i64)> {
        let minus = self.accept(&Kind::Minus);
        let (text, place) =
            self.string("a number in single quotes").map_err(|error| error.with_hint(SHAPE))?;
        let first = self.interval_unit()?;
        let last = if self.accept_word("TO") { self.interval_unit()? } else { first };
        let ranks = match (first.rank, last.rank) {
            _ if std::ptr::eq(first, last) => None,
            (Some(from), Some(to)) if from < to && first.months == last.months => Some((from, to)),
            _ => {
                let message = format!("there is no interval {} TO {}", first.name, last.name);
                return Err(Diagnostic::new(place, message).with_hint(SHAPE));
            }
        };
        let units: Vec<&Unit> = match ranks {
            None => vec![first],
            Some((from, to)) => UNITS[from..=to].iter().collect(),
        };
        let length =
            length(&text, &units).map_err(|message| Diagnostic::new(place, message).with_hint(SHAPE))?;
        let ty = if first.months { Type::Months } else { Type::Interval };
        Ok((ty, if minus { -length } else { length }))
    }

    /// What follows INTERVAL where months have no length: its milliseconds, and the place of the number.
    pub(crate) fn interval_millis(&mut self) -> Parsed<(i64, Place)> {
        let place = self.place();
        match self.interval()? {
            (Type::Interval, millis) => Ok((millis, place)),
            _ => {
                let error = Diagnostic::new(place, "this interval has no fixed length");
                Err(error.with_hint("months and years differ; write it in days"))
            }
        }
    }

    fn interval_unit(&mut self) -> Parsed<&'static Unit> {
        let Some(unit) = UNITS.iter().find(|unit| self.is_word(unit.name) || self.is_word(unit.plural))
        else {
            let names: Vec<&str> = UNITS.iter().map(|unit| unit.name).collect();
            return Err(self.expected(&format!("a unit: {}", names.join(", "))));
        };
        self.skip();
        // A precision, which does not matter.
        if self.accept(&Kind::LParen) {
            while matches!(self.peek(), Some(Kind::Number(..) | Kind::Comma)) {
                self.skip();
            }
            self.expect(&Kind::RParen)?;
        }
        Ok(unit)
    }
}

/// The length of a text in these units, largest first.
fn length(text: &str, units: &[&Unit]) -> Result<i64, String> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut length = 0_i64;
    let too_long = || "the interval is too long".to_string();
    for (place, unit) in units.iter().enumerate() {
        if place > 0 {
            let separator = if unit.months {
                '-'
            } else if units[place - 1].name == "DAY" {
                ' '
            } else {
                ':'
            };
            rest = rest
                .strip_prefix(separator)
                .ok_or_else(|| format!("'{separator}' stands before the {}S", unit.name))?;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, tail) = rest.split_at(digits);
        if whole.is_empty() {
            return Err(format!("the number of {}S is missing", unit.name));
        }
        rest = tail;
        let whole: i64 = whole.parse().map_err(|_| too_long())?;
        if place > 0 && whole >= unit.below {
            return Err(format!("the number of {}S is below {}", unit.name, unit.below));
        }
        length =
            whole.checked_mul(unit.length).and_then(|part| length.checked_add(part)).ok_or_else(too_long)?;
        if let Some(fraction) = rest.strip_prefix('.').filter(|_| unit.name == "SECOND") {
            if !(1..=3).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("seconds have at most three decimals".to_string());
            }
            let thousandths: i64 = format!("{fraction:0<3}").parse().unwrap_or(0);
            length = length.checked_add(thousandths).ok_or_else(too_long)?;
            rest = "";
        }
    }
    if !rest.is_empty() {
        return Err("the number does not fit its unit".to_string());
    }
    Ok(sign * length)
}
