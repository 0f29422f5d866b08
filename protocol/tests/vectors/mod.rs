//! Reads the golden vectors of testdata/, whose format testdata/README.md describes.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use vencejo_protocol::row::RowWriter;
use vencejo_protocol::schema::{Column, ColumnType, Schema};

/// One vector: fields and the bytes that they stand for.
pub struct Vector {
    /// The file and what the vector shows, for failures.
    pub meaning: String,
    /// The fields, in order; a name may come more than once.
    pub fields: Vec<(String, String)>,
    /// The bytes, as the file has them.
    pub bytes: Vec<u8>,
}

/// A part of a field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A number, a keyword.
    Word(String),
    /// What stood in quotes.
    Quoted(String),
}

impl Token {
    /// The text, quoted or not.
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Quoted(text) => text,
        }
    }

    /// The text as a number.
    pub fn number<T: FromStr<Err: Debug>>(&self) -> T {
        self.text().parse().expect("the token is a number in range")
    }
}

/// The vectors of a file of testdata/.
pub fn load(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    let text = fs::read_to_string(path).expect("the file is there");
    let vectors: Vec<Vector> = text
        .split("\n\n")
        .filter(|record| record.contains("\nhex:"))
        .map(|record| parse(file, record))
        .collect();
    assert!(!vectors.is_empty(), "{file} has vectors");
    vectors
}

fn parse(file: &str, record: &str) -> Vector {
    let mut vector = Vector { meaning: format!("{file}:"), fields: Vec::new(), bytes: Vec::new() };
    for line in record.lines() {
        if let Some(meaning) = line.strip_prefix('#') {
            vector.meaning.push_str(meaning);
        } else if line.starts_with(' ') {
            let digits = line.split(';').next().unwrap_or_default();
            vector.bytes.extend(digits.split_whitespace().map(byte));
        } else if line != "hex:" {
            let (name, value) = line.split_once(':').expect("a field is 'name: value'");
            vector.fields.push((name.into(), value.trim().into()));
        }
    }
    vector
}

fn byte(digits: &str) -> u8 {
    assert_eq!(digits.len(), 2, "a byte has two digits: {digits}");
    u8::from_str_radix(digits, 16).expect("a byte is hexadecimal")
}

/// Bytes written without spaces; `-` where there are none.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.trim_matches('-');
    (0..digits.len()).step_by(2).map(|at| byte(&digits[at..at + 2])).collect()
}

/// A number written as `0x...`.
pub fn hex_number(text: &str) -> u64 {
    let digits = text.strip_prefix("0x").expect("the number is hexadecimal");
    u64::from_str_radix(digits, 16).expect("the number has 64 bits")
}

impl Vector {
    /// The value of every field of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |field| field.0 == name).map(|field| field.1.as_str())
    }

    /// The value of the field of this name, if it is there.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value of the field of this name.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| unreachable!("{} lacks '{name}'", self.meaning))
    }

    /// The number that the field of this name holds.
    pub fn number<T: FromStr<Err: Debug>>(&self, name: &str) -> T {
        self.get(name).parse().expect("the field is a number in range")
    }

    /// The text in quotes that the field of this name holds.
    pub fn quoted(&self, name: &str) -> String {
        match &tokens(self.get(name))[..] {
            [Token::Quoted(text)] => text.clone(),
            other => unreachable!("{}: '{name}' is not a text: {other:?}", self.meaning),
        }
    }

    /// The schema of the vector's columns and key.
    pub fn schema(&self) -> Schema {
        schema(&self.fields)
    }

    /// The rows of the vector, written by the crate.
    pub fn rows(&self) -> Vec<Vec<u8>> {
        let schema = self.schema();
        self.all("row").map(|line| row(&schema, &tokens(line))).collect()
    }
}

/// The schema of these fields: `column` lines, and `key`.
pub fn schema(fields: &[(String, String)]) -> Schema {
    let mut columns = Vec::new();
    let mut key = Vec::new();
    for (name, value) in fields {
        let parts = tokens(value);
        match name.as_str() {
            "column" => columns.push(Column {
                name: parts[0].text().into(),
                column_type: column_type(parts[1].text()),
                nullable: parts.len() == 3,
            }),
            "key" => key = parts.iter().map(Token::number).collect(),
            _ => {}
        }
    }
    Schema::new(columns, key)
}

fn column_type(name: &str) -> ColumnType {
    let decimals = (0..=u8::MAX).flat_map(|p| (0..=p).filter_map(move |s| ColumnType::decimal(p, s)));
    let mut types = (0..=u8::MAX).filter_map(ColumnType::from_code).chain(decimals);
    types.find(|column_type| column_type.to_string() == name).expect("the column's type is one")
}

/// The bytes of a row of these values.
pub fn row(schema: &Schema, values: &[Token]) -> Vec<u8> {
    assert_eq!(schema.columns().len(), values.len(), "a value per column");
    let mut writer = RowWriter::new(values.len());
    for (index, (column, value)) in schema.columns().iter().zip(values).enumerate() {
        match (column.column_type, value) {
            (_, Token::Word(word)) if word == "NULL" => {}
            (ColumnType::String, Token::Quoted(text)) => writer.set_str(index, text),
            (ColumnType::Boolean, Token::Word(word)) => writer.set_bool(index, word == "true"),
            (ColumnType::Double, Token::Word(word)) => writer.set_f64(index, double(word)),
            (_, value) => writer.set_i64(index, value.number()),
        }
    }
    let mut out = Vec::new();
    writer.finish(schema, &mut out).expect("the row fits its schema");
    out
}

/// A `DOUBLE`, as a decimal number or as its bits.
pub fn double(word: &str) -> f64 {
    if word.starts_with("0x") {
        f64::from_bits(hex_number(word))
    } else {
        word.parse().expect("the value is a number")
    }
}

/// Cuts a field's value at its spaces; texts stand in quotes.
pub fn tokens(line: &str) -> Vec<Token> {
    let mut parts = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = unquote(quoted);
            parts.push(Token::Quoted(text));
            rest = after.trim_start();
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            parts.push(Token::Word(word.into()));
            rest = after.trim_start();
        }
    }
    parts
}

/// The text up to its closing quote, and what follows.
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next().expect("the quote is closed") {
            '"' => return (text, rest.as_str()),
            '\\' => match rest.next().expect("an escape is complete") {
                't' => text.push('\t'),
                'n' => text.push('\n'),
                'u' => {
                    let (digits, after) = rest.as_str()[1..].split_once('}').expect("an escape is closed");
                    let code = u32::from_str_radix(digits, 16).expect("an escape is hexadecimal");
                    text.push(char::from_u32(code).expect("an escape is a character"));
                    rest = after.chars();
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}
