//! Rows from JSON objects, one per line.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use vencejo_client::RowWriter;
use vencejo_client::protocol::schema::Schema;

use crate::text_row::set;

/// Reads the fields of JSON objects into the columns of a stream.
pub struct JsonFields {
    places: HashMap<String, usize>,
    /// The names of the last object in their order, and the columns they mean: the next one mostly has the same.
    learned: Vec<(String, Option<usize>)>,
}

impl JsonFields {
    /// A reader for rows of this schema.
    pub fn new(schema: &Schema) -> Self {
        let names = schema.columns().iter().enumerate();
        Self {
            places: names.map(|(place, column)| (column.name.clone(), place)).collect(),
            learned: Vec::new(),
        }
    }

    /// Sets the columns that an object has fields for. A field that is no column is passed over, null is NULL;
    /// a string column takes numbers, truth values, objects and arrays as they are written.
    ///
    /// # Errors
    /// One sentence, where it is no object or a value does not fit its column.
    pub fn read(&mut self, line: &str, schema: &Schema, writer: &mut RowWriter) -> Result<(), String> {
        writer.reset(schema.columns().len());
        if !line.trim_ascii_start().starts_with('{') {
            let hint =
                if line.trim_ascii_start().starts_with('[') { "; give one object per line" } else { "" };
            return Err(format!("is no JSON object{hint}"));
        }
        let mut object = Object { fields: self, schema, writer, matched: 0, problem: None };
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let read = (&mut object).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        let Object { matched, problem, .. } = object;
        match (read, problem) {
            (_, Some(problem)) => Err(problem),
            (Err(error), None) => {
                Err(format!("is no valid JSON: {error}").replace(" at line 1 column ", " at column "))
            }
            (Ok(()), None) if matched == 0 => Err("has no field that is a column of the stream".to_owned()),
            (Ok(()), None) => Ok(()),
        }
    }

    /// The column that the field at this place of the object means.
    fn column(&mut self, place: usize, name: &str) -> Option<usize> {
        if let Some((learned, column)) = self.learned.get(place)
            && learned == name
        {
            return *column;
        }
        let column = self.places.get(name).copied();
        self.learned.truncate(place);
        if self.learned.len() == place {
            self.learned.push((name.to_owned(), column));
        }
        column
    }
}

struct Object<'r> {
    fields: &'r mut JsonFields,
    schema: &'r Schema,
    writer: &'r mut RowWriter,
    matched: usize,
    problem: Option<String>,
}

impl<'de> DeserializeSeed<'de> for &mut Object<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut place = 0;
        while let Some(column) = map.next_key_seed(Name { fields: self.fields, place })? {
            place += 1;
            let Some(column) = column else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.matched += 1;
            let value: &RawValue = map.next_value()?;
            if let Err(problem) = self.set(column, value.get()) {
                self.problem = Some(problem);
                return Err(A::Error::custom(""));
            }
        }
        Ok(())
    }
}

impl Object<'_> {
    /// Sets a column from a JSON value as it is written.
    fn set(&mut self, index: usize, raw: &str) -> Result<(), String> {
        let column = &self.schema.columns()[index];
        let quoted = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match quoted {
            None if raw == "null" => Ok(()),
            None => set(self.writer, index, column, raw),
            Some(text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => {
                set(self.writer, index, column, text)
            }
            Some(_) => match serde_json::from_str::<String>(raw) {
                Ok(text) => set(self.writer, index, column, &text),
                Err(_) => Err(format!("column '{}': {raw} is no string", column.name)),
            },
        }
    }
}

/// A field's name; gives the column that it means.
struct Name<'r> {
    fields: &'r mut JsonFields,
    place: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.fields.column(self.place, name))
    }
}

#[cfg(test)]
mod tests {
    use vencejo_client::Row;
    use vencejo_client::protocol::schema::{Column, ColumnType};

    use super::*;

    fn schema() -> Schema {
        let columns = vec![
            Column::nullable("name", ColumnType::String),
            Column::nullable("n", ColumnType::BigInt),
            Column::nullable("x", ColumnType::Double),
            Column::nullable("ok", ColumnType::Boolean),
            Column::nullable("ts", ColumnType::Timestamp),
        ];
        Schema::new(columns, vec![])
    }

    fn read(line: &str) -> Result<String, String> {
        let schema = schema();
        let (mut writer, mut bytes) = (RowWriter::default(), Vec::new());
        JsonFields::new(&schema).read(line, &schema, &mut writer)?;
        writer.finish(&schema, &mut bytes).unwrap();
        let row = Row::parse(&schema, &bytes).unwrap();
        let shown = |index: usize, text: String| if row.is_null(index) { "-".to_owned() } else { text };
        Ok([
            shown(0, row.str(0).to_owned()),
            shown(1, row.i64(1).to_string()),
            shown(2, row.f64(2).to_string()),
            shown(3, row.bool(3).to_string()),
            shown(4, row.i64(4).to_string()),
        ]
        .join(" "))
    }

    #[test]
    fn fields_become_columns() {
        for (line, expected) in [
            (r#"{"name":"a","n":1,"x":2.5,"ok":true,"ts":5}"#, "a 1 2.5 true 5"),
            (r#" { "ts" : "1970-01-01T00:00:01Z", "x": 1e3 } "#, "- - 1000 - 1000"),
            (r#"{"name":"q\"\u00e9\n","n":null,"other":{"n":[1,"}"]}}"#, "q\"é\n - - - -"),
            (r#"{"name":{"a": [1]},"n":"7","ok":"FALSE"}"#, r#"{"a": [1]} 7 - false -"#),
            (r#"{"name":"a","name":"b"}"#, "b - - - -"),
            (r#"{"name":12}"#, "12 - - - -"),
            (r#"{"n\u0061me":"esc"}"#, "esc - - - -"),
            (r#"{"name":""}"#, " - - - -"),
        ] {
            assert_eq!(read(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_row_is_said() {
        for (line, expected) in [
            ("{\"n\":1", "is no valid JSON: EOF while parsing an object at column 6"),
            ("{\"n\":1} x", "is no valid JSON: trailing characters at column 9"),
            ("{\"n\":01}", "is no valid JSON: invalid number at column 6"),
            ("[{\"n\":1}]", "is no JSON object; give one object per line"),
            ("7", "is no JSON object"),
            ("{}", "has no field that is a column of the stream"),
            (r#"{"N":1}"#, "has no field that is a column of the stream"),
            (r#"{"n":"x"}"#, "column 'n': 'x' is no BIGINT"),
            (r#"{"n":1.5}"#, "column 'n': '1.5' is no BIGINT"),
            (r#"{"n":[1]}"#, "column 'n': '[1]' is no BIGINT"),
            (r#"{"x":true}"#, "column 'x': 'true' is no DOUBLE"),
            (r#"{"name":"\ud800"}"#, r#"column 'name': "\ud800" is no string"#),
        ] {
            assert_eq!(read(line), Err(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn fields_may_change_their_order_from_line_to_line() {
        let schema = schema();
        let mut fields = JsonFields::new(&schema);
        let mut writer = RowWriter::default();
        for line in [r#"{"n":1,"x":1}"#, r#"{"x":2,"n":2}"#, r#"{"z":0,"n":3,"x":3}"#, r#"{"n":4}"#] {
            fields.read(line, &schema, &mut writer).unwrap();
            let mut bytes = Vec::new();
            writer.finish(&schema, &mut bytes).unwrap();
            assert!(Row::parse(&schema, &bytes).unwrap().i64(1) > 0, "{line}");
        }
    }
}
