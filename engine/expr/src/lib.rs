//! Scalar SQL expressions: a typed graph, a compiler, and flat programs that run over rows.
//!
//! Pure: no I/O, no clock, no randomness; the same inputs give the same outputs on every machine (time zones
//! are of a database in the program, sines of the crate libm).
//! engine/sql builds a [`Graph`] (columns are already numbers), [`compile`] turns some of its nodes
//! into a [`Program`], and the core runs the program with an [`Env`] and a bump arena. Excluded: SQL
//! text, names, aggregates, look-ups; those are engine/sql's and the core's.
//!
//! # What an expression means
//!
//! An expression never fails and never panics: where SQL would raise an error, it is NULL.
//!
//! | what | meaning |
//! |---|---|
//! | integers | 64-bit signed; a result out of range is NULL; `INT` columns load as `BIGINT` |
//! | `/` on integers | truncates towards zero; `%` takes the sign of the dividend |
//! | division or modulo by zero | NULL, for integers and for doubles |
//! | doubles | always finite: a result, a column or a function's answer that is NaN or infinite is NULL |
//! | `BIGINT` with `DOUBLE` | the integer becomes the nearest double |
//! | NULL operand | NULL, except in AND, OR, IS, CASE and COALESCE |
//! | AND, OR, NOT | three-valued; a CASE condition or WHERE that is NULL does not hold |
//! | x IN (list) | x = a OR x = b ...: NULL if nothing matches and something is NULL |
//! | strings | compare bytewise; a built string over `EXPRESSION_STRING_BYTES_MAX` is NULL |
//! | booleans | compare as FALSE < TRUE |
//! | LEAST, GREATEST | NULL if any argument is NULL, as Flink; of equal doubles (0.0, -0.0) the first |
//! | ROUND(double, n) | half away from zero on the shortest decimal that names the double, as Flink's `BigDecimal.valueOf(x).setScale(n, HALF_UP)`; never -0.0 |
//! | ROUND(integer, n) | n >= 0: unchanged; n < 0: to that power of ten, half away from zero |
//! | FLOOR, CEIL, ABS | keep the type; ABS of the least integer is NULL; FLOOR and CEIL of a decimal have no digits behind the point |
//! | `DECIMAL` arithmetic | exact, then rounded half away from zero to Flink's result type, cut to 18 digits as Flink cuts to 38: at least 6 digits stay behind the point if there were so many; too many before it are NULL |
//! | `DECIMAL` with `BIGINT` | the integer counts as `DECIMAL(19,0)`, a literal in the range of `INT` as `DECIMAL(10,0)` |
//! | `DECIMAL` with `DOUBLE` | the decimal becomes the nearest double; literals with a point are doubles |
//! | `DECIMAL` compared with `DECIMAL` or `BIGINT` | exact, whatever their digits |
//! | CASE, COALESCE, LEAST over decimals and integers | the digits that hold both, cut to 18; a value that they do not hold is NULL |
//! | times and intervals | see graph/temporal.rs; a month later is the same day, or the month's last |
//! | functions | FUNCTIONS.md, made from the table in function/ |
//!
//! CAST never fails: what it cannot convert is NULL, as TRY_CAST.
//!
//! | from, to | rule |
//! |---|---|
//! | integer, double to `INT`, `BIGINT` | truncates towards zero; out of range is NULL |
//! | number to `BOOLEAN`; back | zero is FALSE, all else TRUE; 1 or 0 |
//! | string to `BOOLEAN` | true, t, yes, y, 1 and false, f, no, n, 0, in any case |
//! | string to `INT`, `BIGINT` | decimal digits with an optional sign; a decimal fraction is cut off, as Flink |
//! | string to `DOUBLE` | decimal or scientific notation; too large is NULL |
//! | string to `DATE` | `yyyy-MM-dd`; to `TIMESTAMP(3)` also `yyyy-MM-dd HH:mm[:ss[.fraction]]`, cut to milliseconds; `T` may stand for the space |
//! | to `STRING` | TRUE or FALSE; digits; doubles as Java writes them (`1.5`, `1.0E10`); `yyyy-MM-dd`; `yyyy-MM-dd HH:mm:ss.SSS`; years outside 0000 to 9999 are NULL |
//! | `TIMESTAMP(3)` to `DATE`; back | the day; its midnight |
//! | integer, decimal, double, string, boolean to `DECIMAL` | rounded half away from zero, a double from the shortest decimal that names it; too many digits is NULL |
//! | `DECIMAL` to `INT`, `BIGINT` | cut towards zero |
//! | `DECIMAL` to `STRING` | with all digits of its scale: `1.50` |
//! | anything else, such as number to `TIMESTAMP(3)` | refused when the expression is built |
//!
//! Spaces around a string that is cast to something else do not count.
//!
//! # Laziness and sharing
//!
//! CASE, COALESCE, AND and OR evaluate what they need, from left to right. Equal subexpressions of one
//! graph are one node; a program computes a node at most once per run, and only if some output needs it.
#![forbid(unsafe_code)]

mod compile;
mod constant;
mod error;
mod fingerprint;
pub mod function;
mod graph;
pub mod key;
mod op;
mod program;
mod registers;
mod scalar;
pub mod value;

pub use compile::compile;
pub use constant::Constant;
pub use error::{CompileError, TypeError};
pub use function::{CallError, Function, LookupTable};
pub use graph::{ColumnRead, Expr, Graph, Results};
pub use op::{Arithmetic, Comparison, Test};
pub use program::{Env, Program};
pub use value::{Type, Value};
