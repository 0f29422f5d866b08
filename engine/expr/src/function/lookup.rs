//! Look-up tables: rows that an app declares, found by key from inside a program.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{CallError, Callee, Invocation, Prepared};
use crate::constant::Constant;
use crate::graph::{Expr, Graph};
use crate::value::{Type, Value};

/// A table whose rows are known when the app is planned. The first columns are the key.
#[derive(Debug)]
pub struct LookupTable {
    name: String,
    columns: Vec<(String, Type)>,
    key: usize,
    /// In the order of their keys.
    rows: Vec<Box<[Constant]>>,
}

/// Why rows make no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// This row, from 0, has another number of columns than the table.
    Columns(usize),
    /// A column of this row's key is NULL.
    NullKey(usize),
    /// These rows have the same key.
    Twice(usize, usize),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns(row) => write!(f, "row {} has another number of columns than the table", row + 1),
            Self::NullKey(row) => write!(f, "the key of row {} is NULL", row + 1),
            Self::Twice(first, second) => {
                write!(f, "rows {} and {} have the same key", first + 1, second + 1)
            }
        }
    }
}

impl std::error::Error for LookupError {}

impl LookupTable {
    /// A table of these rows, their values in the columns' types; the first `key` columns are the key. A key
    /// holds no doubles: the caller refuses them.
    ///
    /// # Errors
    /// The first row that does not fit, or whose key is there already.
    pub fn new(
        name: impl Into<String>,
        columns: Vec<(String, Type)>,
        key: usize,
        rows: Vec<Vec<Constant>>,
    ) -> Result<Self, LookupError> {
        let key = key.clamp(columns.len().min(1), columns.len());
        for (place, row) in rows.iter().enumerate() {
            if row.len() != columns.len() {
                return Err(LookupError::Columns(place));
            }
            if row[..key].contains(&Constant::Null) {
                return Err(LookupError::NullKey(place));
            }
        }
        let mut places: Vec<usize> = (0..rows.len()).collect();
        places.sort_by(|&a, &b| rows[a][..key].cmp(&rows[b][..key]));
        if let Some(pair) = places.windows(2).find(|pair| rows[pair[0]][..key] == rows[pair[1]][..key]) {
            return Err(LookupError::Twice(pair[0], pair[1]));
        }
        let mut rows: Vec<Option<Box<[Constant]>>> = rows.into_iter().map(|row| Some(row.into())).collect();
        let rows = places.into_iter().filter_map(|place| rows[place].take()).collect();
        Ok(Self { name: name.into(), columns, key, rows })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names and types of its columns, the key's first.
    pub fn columns(&self) -> &[(String, Type)] {
        &self.columns
    }

    /// How many columns make the key.
    pub fn key(&self) -> usize {
        self.key
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of a key. Cost: logarithmic in the rows.
    fn find(&self, key: &[Value<'_>]) -> Option<&[Constant]> {
        let order = |row: &[Constant]| {
            let pairs = row.iter().zip(key);
            pairs.map(|(constant, value)| compared(constant, value)).find(|order| order.is_ne())
        };
        let place = self.rows.binary_search_by(|row| order(row).unwrap_or(Ordering::Equal)).ok()?;
        self.rows.get(place).map(|row| &**row)
    }
}

/// The order that constants have among themselves, for those of a key.
fn compared(constant: &Constant, value: &Value<'_>) -> Ordering {
    match (constant, value) {
        (Constant::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Constant::Int(x), Value::Int(y)) => x.cmp(y),
        (Constant::Text(x), Value::Str(y)) => (**x).cmp(*y),
        // The types are checked, so this does not happen; it finds nothing.
        _ => Ordering::Less,
    }
}

impl Graph {
    /// A column of the row of a look-up table with this key; NULL where there is no such row.
    ///
    /// # Errors
    /// The key is not of the table's types, or a limit is passed.
    pub fn lookup(
        &mut self,
        table: &Arc<LookupTable>,
        column: usize,
        key: &[Expr],
    ) -> Result<Expr, CallError> {
        // The name is an argument, so that equal look-ups are one node and others are not.
        let mut arguments = vec![self.text(table.name())?];
        if key.len() != table.key() {
            let (has, given) = (table.key(), key.len());
            let message =
                format!("the key of look-up table '{}' has {has} columns, not {given}", table.name());
            return Err(CallError { argument: None, message, hint: None });
        }
        for (place, (&argument, (name, ty))) in key.iter().zip(table.columns()).enumerate() {
            let argument = self.typed(argument, *ty)?;
            arguments.push(match self.type_of(argument) {
                Some(found) if found == *ty => argument,
                // What is not a value of the key's type is in no row.
                Some(found) if found.is_number() && ty.is_number() => {
                    self.cast(argument, ty.column_type())?
                }
                found => {
                    let found = found.map_or_else(|| "NULL".to_string(), |found| found.to_string());
                    let message =
                        format!("the key '{name}' of look-up table '{}' is {ty}, not {found}", table.name());
                    return Err(CallError::new(place, message).with_hint("CAST(value AS type) converts"));
                }
            });
        }
        let returns = table.columns().get(column).map_or(Type::String, |(_, ty)| *ty);
        let prepared = Prepared::Lookup(Arc::clone(table), column);
        Ok(self.invocation(Callee::Lookup(column), arguments, returns, true, prepared, None)?)
    }
}

pub(super) fn run<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Lookup(table, column) = c.prepared else { return Value::Null };
    let row = c.arguments.get(1..).and_then(|key| table.find(key));
    row.and_then(|row| row.get(*column)).map_or(Value::Null, Constant::value)
}
