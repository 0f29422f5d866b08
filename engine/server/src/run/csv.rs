//! Rows from CSV (RFC 4180) whose header names the columns.

use std::collections::HashSet;

use csv_core::{ReadRecordResult, Reader};
use vencejo_client::RowWriter;
use vencejo_client::protocol::schema::Schema;

use super::chunks::{Chunks, LINE_BYTES_MAX};
use crate::text_row::set;

/// Most fields of a record.
const FIELDS_MAX: usize = 4_096;

/// What lies next in the bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A record, which is at hand now.
    Record,
    /// A record over [`LINE_BYTES_MAX`] or [`FIELDS_MAX`].
    TooLong,
    /// No whole record: read on.
    Hungry,
    /// The end of the input.
    End,
}

/// Cuts CSV into records and reads them into the columns of a stream.
pub struct CsvFields {
    reader: Reader,
    record: Vec<u8>,
    used: usize,
    ends: Vec<usize>,
    fields: usize,
    overlong: bool,
    within: bool,
    lines: u64,
    /// The line in which the record at hand begins.
    pub line: u64,
    /// Per field the column that it means.
    columns: Vec<Option<usize>>,
}

impl CsvFields {
    /// A reader at the beginning of its input.
    pub fn new() -> Self {
        Self {
            reader: Reader::new(),
            record: vec![0; LINE_BYTES_MAX],
            used: 0,
            ends: vec![0; FIELDS_MAX],
            fields: 0,
            overlong: false,
            within: false,
            lines: 1,
            line: 1,
            columns: Vec::new(),
        }
    }

    /// Goes on to the next record.
    pub fn step(&mut self, chunks: &mut Chunks) -> Step {
        if !self.within {
            (self.used, self.fields, self.overlong) = (0, 0, false);
        }
        loop {
            if !self.within {
                // Empty lines, and the second half of CRLF.
                while let Some(&byte @ (b'\n' | b'\r')) = chunks.at_hand().first() {
                    self.lines += u64::from(byte == b'\n');
                    chunks.consume(1);
                }
                self.line = self.lines;
            }
            let input = chunks.at_hand();
            if input.is_empty() && !chunks.ended() {
                return Step::Hungry;
            }
            self.within = true;
            let (result, taken, written, ends) =
                self.reader.read_record(input, &mut self.record[self.used..], &mut self.ends[self.fields..]);
            self.lines += memchr::memchr_iter(b'\n', &input[..taken]).count() as u64;
            chunks.consume(taken);
            self.used += written;
            self.fields += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    (self.used, self.fields, self.overlong) = (0, 0, true);
                }
                ReadRecordResult::Record => {
                    self.within = false;
                    return if self.overlong { Step::TooLong } else { Step::Record };
                }
                ReadRecordResult::End => return Step::End,
            }
        }
    }

    /// Takes the record at hand as the header.
    ///
    /// # Errors
    /// One sentence, where it does not name what the stream needs.
    pub fn header(&mut self, schema: &Schema) -> Result<(), String> {
        let names: Vec<String> = self.texts()?.map(|name| name.trim().to_owned()).collect();
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
            return Err(format!("the header names the column '{twice}' twice"));
        }
        self.columns = names.iter().map(|name| schema.position(name)).collect();
        let wanted: Vec<_> = schema.columns().iter().map(|column| column.name.as_str()).collect();
        if self.columns.iter().all(Option::is_none) {
            let separator = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
            let separator = separator.into_iter().find(|&(separator, _)| names[0].contains(separator));
            let hint = separator.map_or_else(String::new, |(_, name)| {
                format!("; its fields seem to be separated by {name}: separate them by commas")
            });
            let wanted = wanted.join(", ");
            return Err(format!("the first line names none of the stream's columns ({wanted}){hint}"));
        }
        let absent =
            schema.columns().iter().find(|column| !column.nullable && !seen.contains(column.name.as_str()));
        match absent {
            Some(column) => {
                Err(format!("the header lacks the column '{}', which is declared NOT NULL", column.name))
            }
            None => Ok(()),
        }
    }

    /// Sets the columns that the record at hand has fields for; an empty field is NULL.
    ///
    /// # Errors
    /// One sentence, where a field does not fit its column.
    pub fn read(&self, schema: &Schema, writer: &mut RowWriter) -> Result<(), String> {
        writer.reset(schema.columns().len());
        if self.fields != self.columns.len() {
            let (fields, columns) = (self.fields, self.columns.len());
            return Err(format!("has {fields} fields; the header has {columns}"));
        }
        for (text, column) in self.texts()?.zip(&self.columns) {
            if let &Some(index) = column
                && !text.is_empty()
            {
                set(writer, index, &schema.columns()[index], text)?;
            }
        }
        Ok(())
    }

    /// The fields of the record at hand.
    fn texts(&self) -> Result<impl Iterator<Item = &str>, String> {
        let text = std::str::from_utf8(&self.record[..self.used]).map_err(|_| "is not valid UTF-8")?;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends[..self.fields]);
        // A field ends at a comma, never within a character.
        Ok(spans.map(move |(start, &end)| text.get(start..end).unwrap_or_default()))
    }
}
