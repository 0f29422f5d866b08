//! Types, as Flink writes them.

use sqlparser::tokenizer::Token as Kind;
use vencejo_types::limits::DECIMAL_PRECISION_MAX;
use vencejo_types::schema::ColumnType;

use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;
use crate::tokens::{Cursor, Parsed};

/// DECIMAL without digits, as in Flink.
const DECIMAL: ColumnType = ColumnType::Decimal { precision: 10, scale: 0 };

const TYPES: [(&str, ColumnType); 13] = [
    ("BOOLEAN", ColumnType::Boolean),
    ("INT", ColumnType::Int),
    ("INTEGER", ColumnType::Int),
    ("BIGINT", ColumnType::BigInt),
    ("DOUBLE", ColumnType::Double),
    ("STRING", ColumnType::String),
    ("VARCHAR", ColumnType::String),
    ("CHAR", ColumnType::String),
    ("DECIMAL", DECIMAL),
    ("DEC", DECIMAL),
    ("NUMERIC", DECIMAL),
    ("TIMESTAMP", ColumnType::Timestamp),
    ("DATE", ColumnType::Date),
];

/// Types of Flink that are not here, and what to use in their place.
const REFUSED: [(&str, &str); 17] = [
    ("FLOAT", "use DOUBLE"),
    ("REAL", "use DOUBLE"),
    ("TINYINT", "use INT"),
    ("SMALLINT", "use INT"),
    ("TEXT", "use STRING"),
    ("BOOL", "use BOOLEAN"),
    ("LONG", "use BIGINT"),
    ("TIMESTAMP_LTZ", "use TIMESTAMP(3), in UTC"),
    ("DATETIME", "use TIMESTAMP(3)"),
    ("TIME", "use INT, such as milliseconds of the day"),
    ("BYTES", "use STRING, such as Base64"),
    ("BINARY", "use STRING, such as Base64"),
    ("VARBINARY", "use STRING, such as Base64"),
    ("ARRAY", "declare one column for each element"),
    ("MAP", "declare one column for each entry"),
    ("ROW", "declare one column for each field"),
    ("MULTISET", "declare one column for each element"),
];

impl Cursor<'_> {
    /// A type.
    pub(crate) fn column_type(&mut self) -> Parsed<ColumnType> {
        let place = self.place();
        let Some(Kind::Word(word)) = self.peek() else { return Err(self.expected("a type")) };
        let is = |name: &str| word.quote_style.is_none() && name.eq_ignore_ascii_case(&word.value);
        let Some(&(name, column_type)) = TYPES.iter().find(|(name, _)| is(name)) else {
            return Err(match REFUSED.iter().find(|(name, _)| is(name)) {
                Some((name, hint)) => {
                    Diagnostic::new(place, format!("type {name} is not supported")).with_hint(*hint)
                }
                None => Diagnostic::new(place, format!("unknown type {}", word.value))
                    .with_hint_if(did_you_mean(&word.value, TYPES.map(|(name, _)| name))),
            });
        };
        self.skip();
        match name {
            "VARCHAR" | "CHAR" => self.length()?,
            "DECIMAL" | "DEC" | "NUMERIC" => return self.digits(column_type),
            "TIMESTAMP" => self.precision()?,
            "DOUBLE" => {
                self.accept_word("PRECISION");
            }
            _ => {}
        }
        Ok(column_type)
    }

    /// `(precision)` or `(precision, scale)` of DECIMAL.
    fn digits(&mut self, without: ColumnType) -> Parsed<ColumnType> {
        let place = self.place();
        if !self.accept(&Kind::LParen) {
            return Ok(without);
        }
        let precision = self.small_number("a precision")?;
        let scale = if self.accept(&Kind::Comma) { self.small_number("a scale")? } else { 0 };
        self.expect_or(&Kind::RParen, "',' or ')'")?;
        let narrow = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        ColumnType::decimal(narrow(precision), narrow(scale)).ok_or_else(|| {
            let error = |message: String| Diagnostic::new(place, message);
            if precision > u32::from(DECIMAL_PRECISION_MAX) {
                error(format!("a DECIMAL has at most {DECIMAL_PRECISION_MAX} digits, not {precision}"))
                    .with_hint(format!("use DECIMAL({DECIMAL_PRECISION_MAX}, scale), or DOUBLE"))
            } else if precision == 0 {
                error("a DECIMAL has at least one digit".to_string())
            } else {
                error(format!("DECIMAL({precision}, {scale}) has more digits behind the point than it has"))
            }
        })
    }

    fn small_number(&mut self, what: &str) -> Parsed<u32> {
        match self.peek() {
            Some(Kind::Number(digits, false)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.skip();
                Ok(digits.parse().unwrap_or(u32::MAX))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// `(n)` of VARCHAR and CHAR; strings are not cut, so n does not matter.
    fn length(&mut self) -> Parsed<()> {
        if self.accept(&Kind::LParen) {
            match self.peek() {
                Some(Kind::Number(..)) => self.skip(),
                _ => return Err(self.expected("a length")),
            }
            self.expect(&Kind::RParen)?;
        }
        Ok(())
    }

    /// `(3)` of TIMESTAMP, which is milliseconds, and no time zone.
    fn precision(&mut self) -> Parsed<()> {
        if self.accept(&Kind::LParen) {
            match self.peek() {
                Some(Kind::Number(digits, false)) if digits == "3" => self.skip(),
                _ => return Err(self.error("a timestamp has milliseconds").with_hint("use TIMESTAMP(3)")),
            }
            self.expect(&Kind::RParen)?;
        }
        if self.is_word("WITH") {
            return Err(self.error("a timestamp has no time zone").with_hint("use TIMESTAMP(3), in UTC"));
        }
        self.accept_words(&["WITHOUT", "TIME", "ZONE"]);
        Ok(())
    }
}
