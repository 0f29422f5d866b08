//! Rows from text fields, such as those of a CSV file.

use vencejo_client::RowWriter;
use vencejo_client::protocol::decimal;
use vencejo_client::protocol::schema::{Column, ColumnType, Schema};

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

fn set(writer: &mut RowWriter, index: usize, column: &Column, text: &str) -> Result<(), String> {
    let wrong = || format!("column '{}': '{text}' is no {}", column.name, column.column_type);
    match column.column_type {
        ColumnType::String => writer.set_str(index, text),
        ColumnType::Int | ColumnType::BigInt => {
            writer.set_i64(index, text.parse().map_err(|_| wrong())?);
        }
        ColumnType::Double => writer.set_f64(index, text.parse().map_err(|_| wrong())?),
        ColumnType::Decimal { precision, scale } => {
            writer.set_i64(index, decimal::parse(text, precision, scale).ok_or_else(wrong)?);
        }
        ColumnType::Boolean => writer.set_bool(
            index,
            match text {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(wrong()),
            },
        ),
        ColumnType::Timestamp => {
            let at: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
            writer.set_i64(index, at.as_millisecond());
        }
        ColumnType::Date => {
            let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
            let epoch = jiff::civil::date(1970, 1, 1);
            let days = date.since((jiff::Unit::Day, epoch)).map_err(|_| wrong())?.get_days();
            writer.set_i64(index, i64::from(days));
        }
    }
    Ok(())
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
        assert_eq!(error(&[("n", "1")]), "column 'id' is NULL but declared NOT NULL");
    }
}
