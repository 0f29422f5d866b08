//! Reading: from tokens to what they say.
//!
//! sqlparser's tokenizer cuts the text; the grammar is read here. Its expression parser is not used: in a
//! build without optimization thirty nested CASEs overflow a 2 MiB stack in it, below its own recursion limit
//! of fifty, and the chain `1+1+...` has no limit at all.

mod call;
pub(crate) mod column_type;
pub(crate) mod expression;
mod interval;
pub(crate) mod over;
mod pattern;
pub(crate) mod relation;
mod row_pattern;
pub(crate) mod select;

use crate::ast::{ColumnDeclaration, Setting};
use crate::tokens::{Cursor, Name, Parsed};
use sqlparser::tokenizer::Token as Kind;
use vencejo_types::limits::{NAME_BYTES_MAX, OPTIONS_MAX};

impl Cursor<'_> {
    /// A name that the app declares.
    pub(crate) fn declared_name(&mut self, what: &str) -> Parsed<Name> {
        let place = self.place();
        let name = self.name(what)?;
        let fault = if name.text.is_empty() {
            "is empty".to_string()
        } else if name.text.len() > NAME_BYTES_MAX {
            format!("has {} bytes; at most {NAME_BYTES_MAX} are taken", name.text.len())
        } else if name.text.contains(char::is_control) {
            "has control characters".to_string()
        } else {
            return Ok(name);
        };
        Err(crate::Diagnostic::new(place, format!("the name {fault}")))
    }

    /// `('key' = 'value', ...)`; no key twice.
    pub(crate) fn settings(&mut self) -> Parsed<Vec<Setting>> {
        let settings = self.list(|cursor| {
            let (key, place) = cursor.string("an option such as 'key' = 'value'")?;
            cursor.expect(&Kind::Eq)?;
            let (value, value_place) = cursor.string("the option's value in single quotes")?;
            Ok(Setting { key: Name { text: key, place }, value: Name { text: value, place: value_place } })
        })?;
        if settings.len() > OPTIONS_MAX {
            return Err(self.error(format!("there are more than {OPTIONS_MAX} options")));
        }
        let mut keys: Vec<&str> = Vec::new();
        for setting in &settings {
            if keys.contains(&setting.key.text.as_str()) {
                let message = format!("option '{}' is given twice", setting.key.text);
                return Err(crate::Diagnostic::new(setting.key.place, message));
            }
            keys.push(&setting.key.text);
        }
        Ok(settings)
    }

    /// `(name TYPE, ...)`, as a model's INPUT.
    pub(crate) fn typed_names(&mut self) -> Parsed<Vec<ColumnDeclaration>> {
        self.list(|cursor| {
            let name = cursor.declared_name("a name")?;
            let column_type = cursor.column_type()?;
            Ok(ColumnDeclaration { name, column_type, nullable: true })
        })
    }
}
