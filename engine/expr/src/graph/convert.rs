//! CAST and the functions of strings.

use vencejo_types::schema::ColumnType;

use super::{Expr, Graph};
use crate::error::TypeError;
use crate::op::{Binary, Unary};
use crate::value::Type;

/// How a value becomes another type: at most two steps, each of its own result type.
type Steps = &'static [(Unary, Type)];

impl Graph {
    /// `CAST(a AS to)`. What cannot be converted is NULL.
    ///
    /// # Errors
    /// There is no such conversion, or a limit is passed.
    pub fn cast(&mut self, a: Expr, to: ColumnType) -> Result<Expr, TypeError> {
        let Some(from) = self.type_of(a) else { return self.null_of(Type::of(to)) };
        if let Some(cast) = self.decimal_cast(a, from, to)? {
            return Ok(cast);
        }
        let steps = steps(from, to).ok_or(TypeError::Cast { from, to })?;
        steps.iter().try_fold(a, |a, &(op, ty)| {
            let total = matches!(op, Unary::IntToDouble | Unary::BoolToInt | Unary::TimestampToDate);
            let nullable = !total || self.nullable(a);
            self.unary(op, a, ty, nullable)
        })
    }

    /// `a || b ...`. Needs at least one operand.
    ///
    /// # Errors
    /// An operand is not a string, or a limit is passed.
    pub fn concat(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        let mut joined: Option<Expr> = None;
        for &expr in list {
            let expr = self.string("||", expr)?;
            joined = Some(match joined {
                Some(head) => self.binary(Binary::Concat, head, expr, Type::String, true)?,
                None => expr,
            });
        }
        match joined {
            Some(joined) => Ok(joined),
            None => self.null_of(Type::String),
        }
    }

    /// `UPPER(a)`.
    ///
    /// # Errors
    /// The operand is not a string, or a limit is passed.
    pub fn upper(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let a = self.string("UPPER", a)?;
        self.unary(Unary::Upper, a, Type::String, true)
    }

    /// `LOWER(a)`.
    ///
    /// # Errors
    /// The operand is not a string, or a limit is passed.
    pub fn lower(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let a = self.string("LOWER", a)?;
        self.unary(Unary::Lower, a, Type::String, true)
    }

    /// `TRIM(a)`: without the spaces at both ends.
    ///
    /// # Errors
    /// The operand is not a string, or a limit is passed.
    pub fn trim(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let a = self.string("TRIM", a)?;
        let nullable = self.nullable(a);
        self.unary(Unary::Trim, a, Type::String, nullable)
    }

    /// `CHAR_LENGTH(a)`: Unicode scalar values.
    ///
    /// # Errors
    /// The operand is not a string, or a limit is passed.
    pub fn char_length(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let a = self.string("CHAR_LENGTH", a)?;
        let nullable = self.nullable(a);
        self.unary(Unary::CharLength, a, Type::BigInt, nullable)
    }

    fn string(&mut self, operation: &'static str, a: Expr) -> Result<Expr, TypeError> {
        let a = self.typed(a, Type::String)?;
        match self.type_of(a) {
            Some(Type::String) | None => Ok(a),
            Some(found) => Err(TypeError::Operand { operation, expected: "STRING", found }),
        }
    }
}

/// The conversion, if there is one; no steps where nothing changes.
fn steps(from: Type, to: ColumnType) -> Option<Steps> {
    use ColumnType as C;
    use Type as T;
    Some(match (from, to) {
        (T::Boolean, C::Boolean)
        | (T::BigInt, C::BigInt)
        | (T::Double, C::Double)
        | (T::String, C::String)
        | (T::Timestamp, C::Timestamp)
        | (T::Date, C::Date) => &[],
        (T::BigInt, C::Int) => &[(Unary::NarrowInt, T::BigInt)],
        (T::BigInt, C::Boolean) => &[(Unary::IntToBool, T::Boolean)],
        (T::BigInt, C::Double) => &[(Unary::IntToDouble, T::Double)],
        (T::BigInt, C::String) => &[(Unary::IntToText, T::String)],
        (T::Boolean, C::Int | C::BigInt) => &[(Unary::BoolToInt, T::BigInt)],
        (T::Boolean, C::Double) => &[(Unary::BoolToInt, T::BigInt), (Unary::IntToDouble, T::Double)],
        (T::Boolean, C::String) => &[(Unary::BoolToText, T::String)],
        (T::Double, C::Boolean) => &[(Unary::DoubleToBool, T::Boolean)],
        (T::Double, C::Int) => &[(Unary::DoubleToInt, T::BigInt), (Unary::NarrowInt, T::BigInt)],
        (T::Double, C::BigInt) => &[(Unary::DoubleToInt, T::BigInt)],
        (T::Double, C::String) => &[(Unary::DoubleToText, T::String)],
        (T::String, C::Boolean) => &[(Unary::TextToBool, T::Boolean)],
        (T::String, C::Int) => &[(Unary::TextToInt, T::BigInt), (Unary::NarrowInt, T::BigInt)],
        (T::String, C::BigInt) => &[(Unary::TextToInt, T::BigInt)],
        (T::String, C::Double) => &[(Unary::TextToDouble, T::Double)],
        (T::String, C::Timestamp) => &[(Unary::TextToTimestamp, T::Timestamp)],
        (T::String, C::Date) => &[(Unary::TextToDate, T::Date)],
        (T::Timestamp, C::String) => &[(Unary::TimestampToText, T::String)],
        (T::Timestamp, C::Date) => &[(Unary::TimestampToDate, T::Date)],
        (T::Date, C::String) => &[(Unary::DateToText, T::String)],
        (T::Date, C::Timestamp) => &[(Unary::DateToTimestamp, T::Timestamp)],
        (T::Interval | T::Months | T::Decimal { .. }, _)
        | (_, C::Decimal { .. })
        | (T::Boolean | T::BigInt | T::Double, C::Timestamp | C::Date)
        | (T::Timestamp | T::Date, C::Boolean | C::Int | C::BigInt | C::Double) => return None,
    })
}
