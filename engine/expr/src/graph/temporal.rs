//! Arithmetic of timestamps, dates and intervals.
//!
//! TIMESTAMP and DATE plus or minus an interval keep their type; a DATE takes the whole days of a day-time
//! interval, cut towards zero, as Flink. The difference of two times is a day-time interval. Intervals of one
//! kind add up; one times a BIGINT is an interval.

use vencejo_types::schema::ColumnType;

use super::{Expr, Graph};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::function::{Callee, Prepared};
use crate::op::{Arithmetic, Binary, Unary};
use crate::scalar::time::DAY_MILLIS;
use crate::value::Type;

impl Graph {
    /// An interval of this type: milliseconds or months.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn interval(&mut self, ty: Type, length: i64) -> Result<Expr, TypeError> {
        self.known(Constant::Int(length), ty)
    }

    /// The result where an operand is a time or an interval; None where neither is.
    pub(super) fn temporal(&mut self, op: Arithmetic, a: Expr, b: Expr) -> Result<Option<Expr>, TypeError> {
        use Arithmetic::{Add, Multiply, Subtract};
        let apart = |ty: Option<Type>| ty.is_some_and(|ty| ty.is_time() || ty.is_interval());
        let (left, right) = (self.type_of(a), self.type_of(b));
        if !apart(left) && !apart(right) {
            return Ok(None);
        }
        // A NULL of no type beside a time is an interval, and beside an interval another one.
        let of_null = |other: Option<Type>| match other {
            Some(ty) if ty.is_interval() && op == Multiply => Type::BigInt,
            Some(ty) if ty.is_interval() => ty,
            _ => Type::Interval,
        };
        let (a, b) = (self.typed(a, of_null(right))?, self.typed(b, of_null(left))?);
        let (left, right) =
            (self.type_of(a).unwrap_or(Type::BigInt), self.type_of(b).unwrap_or(Type::BigInt));
        let expr = match (op, left, right) {
            (Add | Subtract, time, interval) if time.is_time() && interval.is_interval() => {
                self.moved(op, a, time, b, interval)?
            }
            (Add, interval, time) if time.is_time() && interval.is_interval() => {
                self.moved(op, b, time, a, interval)?
            }
            (Subtract, from, to) if from.is_time() && to.is_time() => {
                let (a, b) = (self.cast(a, ColumnType::Timestamp)?, self.cast(b, ColumnType::Timestamp)?);
                self.binary(Binary::SubtractInt, a, b, Type::Interval, true)?
            }
            (Add | Subtract, x, y) if x.is_interval() && x == y => {
                self.binary(Binary::arithmetic(op, true), a, b, x, true)?
            }
            (Multiply, Type::BigInt, interval) | (Multiply, interval, Type::BigInt)
                if interval.is_interval() =>
            {
                self.binary(Binary::MultiplyInt, a, b, interval, true)?
            }
            (_, first, other) => return Err(TypeError::Arithmetic { operation: op.symbol(), first, other }),
        };
        Ok(Some(expr))
    }

    /// A time and an interval later or earlier.
    fn moved(
        &mut self,
        op: Arithmetic,
        time: Expr,
        ty: Type,
        length: Expr,
        interval: Type,
    ) -> Result<Expr, TypeError> {
        let months = interval == Type::Months;
        if !months && ty == Type::Timestamp {
            return self.binary(Binary::arithmetic(op, true), time, length, ty, true);
        }
        if !months {
            let day = self.interval(Type::Interval, DAY_MILLIS)?;
            let days = self.binary(Binary::DivideInt, length, day, Type::BigInt, true)?;
            return self.binary(Binary::arithmetic(op, true), time, days, ty, true);
        }
        let length = if op == Arithmetic::Subtract {
            self.unary(Unary::NegateInt, length, Type::Months, true)?
        } else {
            length
        };
        let from = self.cast(time, ColumnType::Timestamp)?;
        let arguments = vec![from, length];
        let to =
            self.invocation(Callee::AddMonths, arguments, Type::Timestamp, true, Prepared::Nothing, None)?;
        self.cast(to, ty.column_type())
    }
}
