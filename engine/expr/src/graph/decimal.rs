//! Decimals: result types as Flink's, with 18 digits in place of 38.
//!
//! Beside a decimal an integer counts as DECIMAL(19,0), a literal in the range of INT as DECIMAL(10,0);
//! beside a DOUBLE the decimal becomes one.

use vencejo_types::schema::ColumnType;

use super::{Expr, Graph};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::function::{Callee, DecimalOp, Digits, Prepared};
use crate::op::{Arithmetic, Comparison, Unary};
use crate::value::Type;

impl Graph {
    /// The digits of a decimal or an integer.
    pub(super) fn digits(&self, expr: Expr) -> Option<Digits> {
        let precision = match (self.type_of(expr)?, self.constant(expr)) {
            (Type::Decimal { precision, scale }, _) => return Some(Digits { precision, scale }),
            (Type::BigInt, Some(Constant::Int(x))) if i32::try_from(*x).is_ok() => 10,
            (Type::BigInt, _) => 19,
            _ => return None,
        };
        Some(Digits { precision, scale: 0 })
    }

    /// Whether either is a decimal and both are exact: then decimal rules hold.
    pub(super) fn exact(&self, a: Expr, b: Expr) -> Option<(Digits, Digits)> {
        let decimal = |expr: Expr| matches!(self.type_of(expr), Some(Type::Decimal { .. }));
        if !decimal(a) && !decimal(b) {
            return None;
        }
        self.digits(a).zip(self.digits(b))
    }

    fn decimal(
        &mut self,
        op: DecimalOp,
        arguments: Vec<Expr>,
        ty: Type,
        nullable: bool,
    ) -> Result<Expr, TypeError> {
        self.invocation(Callee::Decimal(op), arguments, ty, nullable, Prepared::Decimal(op), None)
    }

    pub(super) fn decimal_arithmetic(
        &mut self,
        op: Arithmetic,
        (a, of_a): (Expr, Digits),
        (b, of_b): (Expr, Digits),
    ) -> Result<Expr, TypeError> {
        let to = Digits::of_arithmetic(op, of_a, of_b);
        self.decimal(DecimalOp::Arithmetic(op, of_a.scale, of_b.scale, to), vec![a, b], to.ty(), true)
    }

    /// Exact, whatever the digits.
    pub(super) fn decimal_compare(
        &mut self,
        op: Comparison,
        (a, of_a): (Expr, Digits),
        (b, of_b): (Expr, Digits),
    ) -> Result<Expr, TypeError> {
        let nullable = self.nullable(a) || self.nullable(b);
        let op = DecimalOp::Compare(op, of_a.scale, of_b.scale);
        self.decimal(op, vec![a, b], Type::Boolean, nullable)
    }

    /// An integer or decimal with these digits; NULL where they do not suffice.
    pub(super) fn rescaled(&mut self, expr: Expr, to: Digits) -> Result<Expr, TypeError> {
        let Some(from) = self.digits(expr) else { return self.null_of(to.ty()) };
        if from == to && self.type_of(expr) == Some(to.ty()) {
            return Ok(expr);
        }
        let fits = from.precision - from.scale < to.precision - to.scale
            || (from.precision - from.scale == to.precision - to.scale && from.scale <= to.scale);
        let nullable = !fits || self.nullable(expr);
        self.decimal(DecimalOp::Rescale(from.scale, to), vec![expr], to.ty(), nullable)
    }

    /// CAST from or to a decimal; None where neither is one.
    pub(super) fn decimal_cast(
        &mut self,
        a: Expr,
        from: Type,
        to: ColumnType,
    ) -> Result<Option<Expr>, TypeError> {
        let refused = TypeError::Cast { from, to };
        if let ColumnType::Decimal { precision, scale } = to {
            let digits = Digits { precision, scale };
            let ty = digits.ty();
            return match from {
                Type::BigInt | Type::Decimal { .. } => self.rescaled(a, digits),
                Type::Boolean => {
                    let nullable = self.nullable(a);
                    let number = self.unary(Unary::BoolToInt, a, Type::BigInt, nullable)?;
                    self.rescaled(number, digits)
                }
                Type::Double => self.decimal(DecimalOp::FromDouble(digits), vec![a], ty, true),
                Type::String => self.decimal(DecimalOp::FromText(digits), vec![a], ty, true),
                _ => Err(refused),
            }
            .map(Some);
        }
        let Type::Decimal { scale, .. } = from else { return Ok(None) };
        let nullable = self.nullable(a);
        match to {
            ColumnType::BigInt => self.decimal(DecimalOp::ToInt(scale), vec![a], Type::BigInt, nullable),
            ColumnType::Int => {
                let whole = self.decimal(DecimalOp::ToInt(scale), vec![a], Type::BigInt, nullable)?;
                self.unary(Unary::NarrowInt, whole, Type::BigInt, true)
            }
            ColumnType::Double => self.decimal(DecimalOp::ToDouble(scale), vec![a], Type::Double, nullable),
            ColumnType::String => self.decimal(DecimalOp::ToText(scale), vec![a], Type::String, nullable),
            ColumnType::Boolean => self.unary(Unary::IntToBool, a, Type::Boolean, nullable),
            _ => Err(refused),
        }
        .map(Some)
    }

    /// ROUND, or TRUNCATE, of a decimal: to Flink's digits.
    pub(crate) fn round_decimal(&mut self, a: Expr, digits: i64, cut: bool) -> Result<Expr, TypeError> {
        let Some(Digits { precision, scale }) = self.digits(a) else { return Ok(a) };
        if digits >= i64::from(scale) {
            return Ok(a);
        }
        let kept = u8::try_from(digits.max(0)).unwrap_or(0);
        let to = Digits::fitted(precision - scale + kept + 1, kept);
        // Past the 38th power everything rounds to zero.
        let power = u8::try_from((i64::from(scale) - digits.max(-40)).min(38)).unwrap_or(38);
        self.decimal(DecimalOp::Round { scale, power, cut, to }, vec![a], to.ty(), true)
    }

    /// FLOOR or CEIL of a decimal: no digits behind the point.
    pub(super) fn whole_decimal(&mut self, a: Expr, up: bool) -> Result<Expr, TypeError> {
        let Some(Digits { precision, scale }) = self.digits(a) else { return Ok(a) };
        let nullable = self.nullable(a);
        let ty = Type::Decimal { precision, scale: 0 };
        self.decimal(DecimalOp::Whole { scale, up }, vec![a], ty, nullable)
    }
}
