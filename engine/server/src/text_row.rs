//! Rows from text fields, such as those of a CSV file or a JSON object.

use vencejo_client::RowWriter;
use vencejo_client::protocol::decimal;
use vencejo_client::protocol::schema::{Column, ColumnType, Schema};

use crate::text_time::{parse_date, parse_timestamp};

/// Encodes fields, each under its column's name, as a row. Fields that name no column are passed over;
/// an empty field is NULL, and so is a column without a field.
///
/// # Errors
/// One sentence that names the column whose text does not fit, or that lacks a value.
pub fn encode<'a>(
    schema: &Schema,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    writer: &mut RowWriter,
) -> Result<Vec<u8>, String> {
    writer.reset(schema.columns().len());
    for (name, text) in fields {
        if let Some(index) = schema.position(name).filter(|_| !text.is_empty()) {
            set(writer, index, &schema.columns()[index], text)?;
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Sets a column from its text: numbers in decimal or scientific notation, TRUE, FALSE, 1 and 0, times as
/// ISO 8601 or in milliseconds. Spaces around all but strings do not count.
///
/// # Errors
/// One sentence that names the column and the text that does not fit.
pub fn set(writer: &mut RowWriter, index: usize, column: &Column, text: &str) -> Result<(), String> {
    if column.column_type == ColumnType::String {
        writer.set_str(index, text);
        return Ok(());
    }
    let text = text.trim_ascii();
    let fits = match column.column_type {
        ColumnType::String => None,
        ColumnType::Int | ColumnType::BigInt => {
            let fits = |number: &i64| column.column_type != ColumnType::Int || i32::try_from(*number).is_ok();
            parse_whole(text).filter(fits).map(|number| writer.set_i64(index, number))
        }
        ColumnType::Double => text.parse().ok().map(|number| writer.set_f64(index, number)),
        ColumnType::Boolean => parse_bool(text).map(|value| writer.set_bool(index, value)),
        ColumnType::Decimal { precision, scale } => {
            decimal::parse(text, precision, scale).map(|digits| writer.set_i64(index, digits))
        }
        ColumnType::Timestamp => parse_timestamp(text).map(|millis| writer.set_i64(index, millis)),
        ColumnType::Date => parse_date(text).map(|days| writer.set_i64(index, days)),
    };
    fits.ok_or_else(|| format!("column '{}': '{}' is no {}", column.name, shown(text), column.column_type))
}

/// A whole number; a fraction of zeros is none (`17850.0`, as some tools write integers).
fn parse_whole(text: &str) -> Option<i64> {
    match text.split_once('.') {
        None => text.parse().ok(),
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole.parse().ok(),
        Some(_) => None,
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// What a message shows of a text.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use vencejo_client::Row;

    use super::*;

    fn schema() -> Schema {
        let columns = vec![
            Column::required("id", ColumnType::String),
            Column::nullable("n", ColumnType::Int),
            Column::nullable("ts", ColumnType::Timestamp),
            Column::nullable("day", ColumnType::Date),
            Column::nullable("price", ColumnType::Decimal { precision: 5, scale: 2 }),
        ];
        Schema::new(columns, vec![0])
    }

    #[test]
    fn texts_become_typed_columns() {
        let schema = schema();
        let fields = [
            ("day", "1970-01-03"),
            ("id", "a"),
            ("ts", "1970-01-01T00:00:01.5Z"),
            ("n", ""),
            ("price", "-1.5"),
        ];
        let bytes = encode(&schema, fields.into_iter(), &mut RowWriter::default()).unwrap();
        let row = Row::parse(&schema, &bytes).unwrap();
        assert_eq!((row.str(0), row.is_null(1), row.i64(2), row.i64(3)), ("a", true, 1_500, 2));
        assert_eq!(row.i64(4), -150);
    }

    #[test]
    fn a_text_that_does_not_fit_is_named() {
        let schema = schema();
        let error = |fields: &[(&'static str, &'static str)]| {
            encode(&schema, fields.iter().copied(), &mut RowWriter::default()).unwrap_err()
        };
        assert_eq!(error(&[("id", "a"), ("n", "x")]), "column 'n': 'x' is no INT");
        assert_eq!(error(&[("price", "1000")]), "column 'price': '1000' is no DECIMAL(5,2)");
        assert_eq!(error(&[("id", "a"), ("n", "3000000000")]), "column 'n': '3000000000' is no INT");
        assert_eq!(error(&[("n", "1")]), "column 'id' is NULL but declared NOT NULL");
        let long = "é".repeat(100);
        let expected = format!("column 'ts': '{}...' is no TIMESTAMP(3)", "é".repeat(60));
        assert_eq!(error(&[("id", "a"), ("ts", Box::leak(long.into_boxed_str()))]), expected);
    }

    #[test]
    fn whole_numbers_may_have_a_fraction_of_zeros() {
        for (text, expected) in
            [("17850.0", Some(17_850)), ("-3.", Some(-3)), ("1.5", None), (".0", None), ("1e3", None)]
        {
            assert_eq!(parse_whole(text), expected, "{text}");
        }
    }
}
