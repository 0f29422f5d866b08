//! The functions of SQL: one table from which the planner, its errors and the reference are made.
//!
//! A row of the table says how a function is called, what it takes and gives, what it means, an example
//! that is a test, and how it is computed: by operations of the graph, or by a body that a program calls.
//! Arguments that must be constant (patterns, formats, geometry, paths) are prepared once, when the app is
//! planned, and lie in the program. A body allocates nothing on the heap: strings are built in the arena.
//! The tables of the groups lie beside their bodies.

mod call;
mod choice;
mod decimal;
mod format;
mod geo;
mod grid;
mod hash;
mod json;
mod like;
mod lookup;
mod math;
mod pattern;
mod slice;
mod string;
mod table;
mod temporal;
mod text;
mod time;
mod unit;
mod wkt;
mod zone;

use std::fmt;
use std::sync::Arc;

use bumpalo::Bump;

use crate::constant::Constant;
use crate::error::TypeError;
use crate::graph::{Expr, Graph};
use crate::value::{Type, Value};

pub(crate) use decimal::{DecimalOp, Digits};
pub use lookup::{LookupError, LookupTable};
pub use table::{Reference, find, functions, reference};

/// A function of SQL.
#[derive(Debug)]
pub struct Function {
    /// Its name, in capitals; operators such as LIKE have one too.
    pub name: &'static str,
    /// Other names of the same function.
    pub aliases: &'static [&'static str],
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// The call as SQL writes it, where it is not `NAME(parameters)`.
    pub syntax: Option<&'static str>,
    /// What it means; NULL arguments give NULL unless this says otherwise.
    pub meaning: &'static str,
    /// `expression => TYPE value`.
    pub example: &'static str,
    how: How,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the reference and in errors.
    pub name: &'static str,
    /// The types that it takes.
    pub takes: Takes,
    /// Whether it must be known when the app is planned.
    pub constant: bool,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it, the last, may come more than once.
    pub repeated: bool,
}

/// The types that a parameter takes. A NULL of no type fits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Any; the function says what goes together.
    Any,
    /// `BOOLEAN`.
    Boolean,
    /// `STRING`.
    Text,
    /// `BIGINT`.
    Integer,
    /// Any number; it becomes a `DOUBLE`.
    Double,
    /// `TIMESTAMP(3)`, or a `DATE`, which becomes its midnight.
    Moment,
    /// `STRING`, `TIMESTAMP(3)` or `DATE`.
    TextOrMoment,
}

impl Takes {
    /// As errors and the reference say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Any => "any type",
            Self::Boolean => "BOOLEAN",
            Self::Text => "STRING",
            Self::Integer => "BIGINT",
            Self::Double => "a number",
            Self::Moment => "TIMESTAMP(3) or DATE",
            Self::TextOrMoment => "STRING, TIMESTAMP(3) or DATE",
        }
    }
}

/// How a function is computed.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By operations of the graph, which check the types themselves.
    Graph(fn(&mut Graph, &[Expr]) -> Result<Expr, CallError>),
    /// By a body.
    Body { returns: Type, body: Body, strict: bool, prepare: Option<Prepare> },
}

/// Computes a function. Of a strict one the arguments are not NULL.
pub(crate) type Body = for<'a> fn(&Invocation<'_, 'a>) -> Value<'a>;

type Prepare = fn(&Known<'_>) -> Result<Prepared, CallError>;

/// The constant arguments of a call; None for those that are not constant.
pub(crate) struct Known<'k>(Vec<Option<&'k Constant>>);

impl<'k> Known<'k> {
    /// The string at a place, if it is a constant and not NULL.
    fn text(&self, place: usize) -> Option<&'k str> {
        match self.0.get(place) {
            Some(Some(Constant::Text(text))) => Some(text),
            _ => None,
        }
    }

    fn int(&self, place: usize) -> Option<i64> {
        match self.0.get(place) {
            Some(Some(Constant::Int(x))) => Some(*x),
            _ => None,
        }
    }
}

/// A call at work.
pub(crate) struct Invocation<'c, 'a> {
    pub(crate) arguments: &'c [Value<'a>],
    pub(crate) prepared: &'a Prepared,
    pub(crate) arena: &'a Bump,
}

impl<'a> Invocation<'_, 'a> {
    /// The string at a place; empty where there is none.
    fn text(&self, place: usize) -> &'a str {
        match self.arguments.get(place) {
            Some(Value::Str(text)) => text,
            _ => "",
        }
    }

    /// The integer, time or decimal at a place, if there is one.
    fn optional_int(&self, place: usize) -> Option<i64> {
        match self.arguments.get(place) {
            Some(Value::Int(x)) => Some(*x),
            _ => None,
        }
    }

    fn int(&self, place: usize) -> i64 {
        self.optional_int(place).unwrap_or(0)
    }

    fn double(&self, place: usize) -> f64 {
        match self.arguments.get(place) {
            Some(Value::Double(x)) => *x,
            _ => 0.0,
        }
    }
}

/// What constant arguments say.
#[derive(Debug, Default)]
pub(crate) enum Prepared {
    #[default]
    Nothing,
    Unit(unit::Unit),
    Like(like::Like),
    Pattern(Box<pattern::Pattern>),
    Format(format::Format),
    Zones(zone::Zones),
    Area(geo::Area),
    Line(geo::Line),
    Path(json::Path),
    Decimal(DecimalOp),
    Lookup(Arc<LookupTable>, usize),
}

/// What a node calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Callee {
    /// A function by its place in the table.
    Named(u16),
    /// An operation on decimals.
    Decimal(DecimalOp),
    /// A timestamp and so many months.
    AddMonths,
    /// A column of a look-up table.
    Lookup(usize),
}

impl Callee {
    /// Its name, which stays when the table of functions changes; empty where it is an operation's own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Named(place) => table::at(place).map_or("", |function| function.name),
            Self::Decimal(_) | Self::AddMonths | Self::Lookup(_) => "",
        }
    }

    /// The body, and whether it is strict.
    pub(crate) fn body(self) -> (Body, bool) {
        match self {
            Self::Named(place) => match table::at(place).map(|function| &function.how) {
                Some(How::Body { body, strict, .. }) => (*body, *strict),
                _ => (|_| Value::Null, true),
            },
            Self::Decimal(_) => (decimal::run, true),
            Self::AddMonths => (temporal::add_months, true),
            Self::Lookup(_) => (lookup::run, true),
        }
    }
}

/// Why a call cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The argument that is at fault, if one is.
    pub argument: Option<usize>,
    /// What is wrong: a sentence without a full stop.
    pub message: String,
    /// What to do about it, where that is clear.
    pub hint: Option<String>,
}

impl CallError {
    fn new(argument: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(argument), message: message.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<TypeError> for CallError {
    fn from(error: TypeError) -> Self {
        let hint = match error {
            TypeError::Mixed { .. } | TypeError::Operand { .. } => {
                Some("CAST(value AS type) converts".to_string())
            }
            _ => None,
        };
        Self { argument: None, message: error.to_string(), hint }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}

impl Function {
    /// How many arguments it takes, at least and at most.
    pub fn counts(&self) -> (usize, usize) {
        let least = self.parameters.iter().filter(|parameter| !parameter.optional).count();
        let repeated = self.parameters.iter().any(|parameter| parameter.repeated);
        (least, if repeated { usize::MAX } else { self.parameters.len() })
    }

    /// Its name in errors: rows that another one is made of have that one's.
    fn shown(&self) -> &'static str {
        self.name.split(" (").next().unwrap_or(self.name)
    }

    fn parameter(&self, place: usize) -> Option<&Parameter> {
        self.parameters.get(place).or_else(|| self.parameters.last().filter(|last| last.repeated))
    }
}
