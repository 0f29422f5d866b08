//! Why an expression cannot be built or compiled.

use std::fmt;

use vencejo_types::limits::{
    EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, IN_LIST_MAX, PROGRAM_INSTRUCTIONS_MAX, REGISTERS_MAX,
    STRING_OPERATIONS_MAX,
};
use vencejo_types::schema::ColumnType;

use crate::value::Type;

/// Why an expression cannot be built. The text is a sentence for the app's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeError {
    /// An operation does not take this type.
    Operand {
        /// The operator or function, as SQL writes it.
        operation: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        found: Type,
    },
    /// Values that must have one type do not.
    Mixed {
        /// The operator, function or clause.
        operation: &'static str,
        /// The type of the first.
        first: Type,
        /// The type of the one that differs.
        other: Type,
    },
    /// There is no such arithmetic.
    Arithmetic {
        /// The operator.
        operation: &'static str,
        /// The type of the left operand.
        first: Type,
        /// The type of the right one.
        other: Type,
    },
    /// There is no such conversion.
    Cast {
        /// From this type.
        from: Type,
        /// To this one.
        to: ColumnType,
    },
    /// An IN list is too long.
    ListTooLong {
        /// How many values it has.
        values: usize,
    },
    /// Expressions are nested too deeply.
    TooDeep,
    /// There are too many expressions.
    TooMany,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand { operation, expected, found } => {
                write!(f, "{operation} takes {expected}, not {found}")
            }
            Self::Mixed { operation, first, other } => {
                write!(f, "{operation} takes values of one type, not {first} and {other}")
            }
            Self::Arithmetic { operation, first, other } => {
                write!(f, "there is no {first} {operation} {other}")
            }
            Self::Cast { from, to } => write!(f, "there is no CAST from {from} to {to}"),
            Self::ListTooLong { values } => {
                write!(f, "the IN list has {values} values; at most {IN_LIST_MAX} are taken")
            }
            Self::TooDeep => {
                write!(f, "the expression is nested more than {EXPRESSION_DEPTH_MAX} operations deep")
            }
            Self::TooMany => {
                write!(f, "the statement has more than {EXPRESSION_NODES_MAX} distinct expressions")
            }
        }
    }
}

impl std::error::Error for TypeError {}

/// Why expressions do not make a program: it would pass a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// More than `REGISTERS_MAX` registers.
    Registers,
    /// More than `PROGRAM_INSTRUCTIONS_MAX` instructions.
    Instructions,
    /// More than `STRING_OPERATIONS_MAX` operations that build strings.
    StringOperations,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, what) = match self {
            Self::Registers => (REGISTERS_MAX, "distinct expressions"),
            Self::Instructions => (PROGRAM_INSTRUCTIONS_MAX, "instructions"),
            Self::StringOperations => (STRING_OPERATIONS_MAX, "operations that build strings"),
        };
        write!(f, "the program needs more than {limit} {what}")
    }
}

impl std::error::Error for CompileError {}
