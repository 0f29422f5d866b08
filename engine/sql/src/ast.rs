//! What app.sql says, before its names mean anything.

use vencejo_expr::{Arithmetic, Comparison, Test, Type};
use vencejo_types::schema::ColumnType;

use crate::tokens::{Name, Place};

/// An expression. The place is where an error about it points: at the operator, or else at its start.
#[derive(Debug)]
pub(crate) struct Ast {
    pub(crate) place: Place,
    /// Operations on the longest path below, which the parser bounds.
    pub(crate) height: usize,
    pub(crate) kind: AstKind,
}

#[derive(Debug)]
pub(crate) enum AstKind {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    /// `DATE '...'` or `TIMESTAMP '...'`.
    Moment(ColumnType, String),
    /// `INTERVAL '...' unit`: milliseconds or months, as the type says.
    Interval(Type, i64),
    Column(Box<ColumnName>),
    Negate(Box<Ast>),
    Not(Box<Ast>),
    Arithmetic(Arithmetic, Box<[Ast; 2]>),
    Compare(Comparison, Box<[Ast; 2]>),
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Concat(Vec<Ast>),
    Is(Test, Box<Ast>),
    In {
        value: Box<Ast>,
        list: Vec<Ast>,
        negated: bool,
    },
    Between {
        /// The value, the lower and the upper end.
        parts: Box<[Ast; 3]>,
        negated: bool,
    },
    Case(Box<Case>),
    Cast(Box<Ast>, ColumnType),
    Function(Box<Function>),
}

/// `name` or `qualifier.name`.
#[derive(Debug)]
pub(crate) struct ColumnName {
    pub(crate) qualifier: Option<Name>,
    pub(crate) name: Name,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) operand: Option<Ast>,
    pub(crate) branches: Vec<(Ast, Ast)>,
    pub(crate) otherwise: Option<Ast>,
}

/// `name(arguments)`, or `name(*)`.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Ast>,
    pub(crate) star: bool,
}

/// One entry of a SELECT list.
#[derive(Debug)]
pub(crate) enum Item {
    /// `*` or `qualifier.*`.
    Star { place: Place, qualifier: Option<Name> },
    /// `expression [AS alias]`.
    Value { place: Place, value: Ast, alias: Option<Name> },
}

/// `SELECT items FROM ... [WHERE ...] [GROUP BY ...]`.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) place: Place,
    pub(crate) items: Vec<Item>,
    pub(crate) source: Source,
    pub(crate) alias: Option<Name>,
    pub(crate) joins: Vec<Join>,
    pub(crate) condition: Option<Ast>,
    /// Empty without GROUP BY.
    pub(crate) group_by: Vec<Ast>,
}

/// What stands behind FROM.
#[derive(Debug)]
pub(crate) enum Source {
    Named(Name),
    /// A subquery; several are joined by UNION ALL.
    Subquery(Vec<Select>),
}

/// `LEFT JOIN view [AS alias] ON condition`.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) view: Name,
    pub(crate) alias: Option<Name>,
    pub(crate) on: Ast,
}

/// `'key' = 'value'` of WITH.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: Name,
    pub(crate) value: Name,
}

/// `name TYPE` with or without NOT NULL.
#[derive(Debug)]
pub(crate) struct ColumnDeclaration {
    pub(crate) name: Name,
    pub(crate) column_type: ColumnType,
    pub(crate) nullable: bool,
}
