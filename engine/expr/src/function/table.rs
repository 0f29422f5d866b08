//! The table of all functions, and what is made of it.

use std::fmt;

use super::{Body, CallError, Callee, Function, How, Parameter, Prepare, Takes};
use super::{choice, format, geo, grid, hash, json, like, math, pattern, string, temporal, time, zone};
use crate::graph::{Expr, Graph};
use crate::value::Type;

/// The groups, as the reference has them.
static GROUPS: [(&str, &[&[Function]]); 8] = [
    ("Choices", &[choice::FUNCTIONS]),
    ("Numbers", &[math::FUNCTIONS]),
    ("Strings", &[string::FUNCTIONS]),
    ("Patterns", &[like::FUNCTIONS, pattern::FUNCTIONS]),
    ("Time", &[time::FUNCTIONS, temporal::FUNCTIONS, format::FUNCTIONS, zone::FUNCTIONS]),
    ("Places", &[geo::FUNCTIONS, grid::FUNCTIONS]),
    ("Hashes", &[hash::FUNCTIONS]),
    ("JSON", &[json::FUNCTIONS]),
];

/// All functions.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    GROUPS.iter().flat_map(|(_, lists)| lists.iter().copied().flatten())
}

/// The function of this name, in any case.
pub fn find(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.names().any(|other| other.eq_ignore_ascii_case(name)))
}

/// With the rows that other rows are made of, which no name reaches.
fn with_hidden() -> impl Iterator<Item = &'static Function> {
    functions().chain(time::hidden()).chain(math::hidden()).chain(json::hidden())
}

/// Where the function stands, and back.
pub(super) fn place_of(function: &Function) -> Callee {
    let place = with_hidden().position(|other| other.name == function.name);
    Callee::Named(place.and_then(|place| u16::try_from(place).ok()).unwrap_or(u16::MAX))
}

pub(super) fn at(place: u16) -> Option<&'static Function> {
    with_hidden().nth(usize::from(place))
}

impl Parameter {
    const fn of(name: &'static str, takes: Takes) -> Self {
        Self { name, takes, constant: false, optional: false, repeated: false }
    }

    /// It must be known when the app is planned.
    pub(super) const fn constant(mut self) -> Self {
        self.constant = true;
        self
    }

    /// It may be left out.
    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// It may come more than once.
    pub(super) const fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }
}

pub(super) const fn any(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Any)
}

pub(super) const fn boolean(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Boolean)
}

pub(super) const fn text(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Text)
}

pub(super) const fn integer(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Integer)
}

pub(super) const fn double(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Double)
}

pub(super) const fn moment(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Moment)
}

pub(super) const fn text_or_moment(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::TextOrMoment)
}

/// A row whose function is computed by a body.
pub(super) const fn body(
    name: &'static str,
    parameters: &'static [Parameter],
    returns: Type,
    body: Body,
    meaning: &'static str,
    example: &'static str,
) -> Function {
    let how = How::Body { returns, body, strict: true, prepare: None };
    Function { name, aliases: &[], parameters, syntax: None, meaning, example, how }
}

/// A row whose function is made of operations of the graph.
pub(super) const fn graph(
    name: &'static str,
    parameters: &'static [Parameter],
    build: fn(&mut Graph, &[Expr]) -> Result<Expr, CallError>,
    meaning: &'static str,
    example: &'static str,
) -> Function {
    Function { name, aliases: &[], parameters, syntax: None, meaning, example, how: How::Graph(build) }
}

impl Function {
    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }

    pub(super) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn written(mut self, syntax: &'static str) -> Self {
        self.syntax = Some(syntax);
        self
    }

    /// Takes NULL arguments.
    pub(super) const fn lenient(mut self) -> Self {
        if let How::Body { returns, body, prepare, .. } = self.how {
            self.how = How::Body { returns, body, strict: false, prepare };
        }
        self
    }

    pub(super) const fn prepared(mut self, prepare: Prepare) -> Self {
        if let How::Body { returns, body, strict, .. } = self.how {
            self.how = How::Body { returns, body, strict, prepare: Some(prepare) };
        }
        self
    }

    /// The call, such as `LEFT(string, n)`.
    pub fn call(&self) -> String {
        if let Some(syntax) = self.syntax {
            return syntax.to_string();
        }
        let mut call = format!("{}(", self.name);
        let mut open = 0;
        for (place, parameter) in self.parameters.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let bracket = if parameter.optional { "[" } else { "" };
            open += usize::from(parameter.optional);
            call.push_str(&format!("{bracket}{comma}{}", parameter.name));
            if parameter.repeated {
                call.push_str(", ...");
            }
        }
        call.push_str(&"]".repeat(open));
        call + ")"
    }
}

/// What stands above the tables.
const HEAD: &str = "# Functions

Made from the table in src/function: `cargo test -p vencejo-expr --test functions` says when they differ, and every
example is a test. A NULL argument makes the result NULL unless the meaning says otherwise. What has no
result (a logarithm of 0, a text that is no date) is NULL; nothing fails at run time. A string that would be longer
than 64 KiB is NULL. Numbers behind DATE are days since 1970, behind TIMESTAMP(3) milliseconds.

Where Flink has the function, its results are Flink's; engine/sql/testdata/flink.txt compares them with a real one
and names the departures. An argument in the column of patterns, formats, units, paths and geometry must be a
literal: it is prepared once, when the app is planned, and an error in it has its place.

Besides: operators, CASE, CAST and IN as in SQL; `PREDICT(model)`, `MODEL_VERSION(model)`; and
`LOOKUP(table.column, key, ...)`, the column of the row with this key of a table that CREATE LOOKUP declares, NULL
where there is none.
";

/// The reference of all functions, in Markdown.
pub fn reference() -> Reference {
    Reference
}

/// What [`reference()`] gives.
#[derive(Clone, Copy, Debug)]
pub struct Reference;

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |text: &str| text.replace('|', "\\|");
        f.write_str(HEAD)?;
        for (title, lists) in &GROUPS {
            writeln!(f, "\n## {title}\n\n| call | meaning | example |\n|---|---|---|")?;
            for function in lists.iter().copied().flatten() {
                let mut meaning = cell(function.meaning);
                if !function.aliases.is_empty() {
                    meaning.push_str(&format!(" Also {}.", function.aliases.join(", ")));
                }
                let (call, example) = (cell(&function.call()), cell(function.example));
                writeln!(f, "| `{call}` | {meaning} | `{example}` |")?;
            }
        }
        Ok(())
    }
}
