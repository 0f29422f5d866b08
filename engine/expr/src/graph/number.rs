//! Arithmetic and the functions of numbers.

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::op::{Arithmetic, Binary, Unary};
use crate::scalar;
use crate::value::Type;

impl Graph {
    /// `a + b` and its kin: `BIGINT` if both are, `DECIMAL` if one is and neither is a `DOUBLE`, which wins;
    /// or times and intervals.
    ///
    /// # Errors
    /// The operands do not go together, or a limit is passed.
    pub fn arithmetic(&mut self, op: Arithmetic, a: Expr, b: Expr) -> Result<Expr, TypeError> {
        if let Some(moved) = self.temporal(op, a, b)? {
            return Ok(moved);
        }
        let (a, _) = self.number(op.symbol(), a)?;
        let (b, _) = self.number(op.symbol(), b)?;
        if let Some((of_a, of_b)) = self.exact(a, b) {
            return self.decimal_arithmetic(op, (a, of_a), (b, of_b));
        }
        let ([a, b], ty) = self.unified(op.symbol(), [a, b])?;
        self.binary(Binary::arithmetic(op, ty == Type::BigInt), a, b, ty, true)
    }

    /// `-a`.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn negate(&mut self, a: Expr) -> Result<Expr, TypeError> {
        if let Some(ty) = self.type_of(a).filter(|ty| ty.is_interval()) {
            return self.unary(Unary::NegateInt, a, ty, true);
        }
        let (a, ty) = self.number("-", a)?;
        let op = if ty == Type::Double { Unary::NegateDouble } else { Unary::NegateInt };
        self.unary(op, a, ty, true)
    }

    /// `ABS(a)`.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn abs(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let (a, ty) = self.number("ABS", a)?;
        let op = if ty == Type::Double { Unary::AbsDouble } else { Unary::AbsInt };
        self.unary(op, a, ty, true)
    }

    /// `FLOOR(a)`: of the operand's type; a decimal without digits behind the point.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn floor(&mut self, a: Expr) -> Result<Expr, TypeError> {
        self.whole("FLOOR", Unary::Floor, a)
    }

    /// `CEIL(a)`: of the operand's type; a decimal without digits behind the point.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn ceil(&mut self, a: Expr) -> Result<Expr, TypeError> {
        self.whole("CEIL", Unary::Ceil, a)
    }

    fn whole(&mut self, name: &'static str, op: Unary, a: Expr) -> Result<Expr, TypeError> {
        let (a, ty) = self.number(name, a)?;
        match ty {
            Type::BigInt => return Ok(a),
            Type::Decimal { .. } => return self.whole_decimal(a, op == Unary::Ceil),
            _ => {}
        }
        let nullable = self.nullable(a);
        self.unary(op, a, ty, nullable)
    }

    /// `ROUND(a, digits)`: of the operand's type; a decimal with so many digits.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn round(&mut self, a: Expr, digits: i64) -> Result<Expr, TypeError> {
        if let Some(Type::Decimal { .. }) = self.type_of(a) {
            return self.round_decimal(a, digits, false);
        }
        // No double has digits past the 400th place on either side of the point.
        let digits = i16::try_from(digits.clamp(-400, 400)).unwrap_or(0);
        let (a, ty) = self.number("ROUND", a)?;
        match self.constant(a) {
            Some(Constant::Null) => self.null_of(ty),
            Some(Constant::Double(bits)) => {
                let rounded = scalar::round_double(f64::from_bits(*bits), digits);
                self.double(rounded)
            }
            Some(Constant::Int(x)) => {
                let rounded = scalar::round_int(*x, digits).map_or(Constant::Null, Constant::Int);
                self.known(rounded, ty)
            }
            _ if ty == Type::BigInt && digits >= 0 => Ok(a),
            _ => self.add(Kind::Round(a, digits), Some(ty), true),
        }
    }

    /// `LEAST(list)`. Needs at least one operand.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn least(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        self.extreme("LEAST", list, Binary::least)
    }

    /// `GREATEST(list)`. Needs at least one operand.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn greatest(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        self.extreme("GREATEST", list, Binary::greatest)
    }

    fn extreme(
        &mut self,
        name: &'static str,
        list: &[Expr],
        op: impl Fn(Type) -> Binary,
    ) -> Result<Expr, TypeError> {
        let (list, ty) = self.common(name, list)?;
        let Some(ty) = ty else { return self.null() };
        let Some((&first, rest)) = list.split_first() else { return self.null_of(ty) };
        rest.iter().try_fold(first, |a, &b| {
            let nullable = self.nullable(a) || self.nullable(b);
            self.binary(op(ty), a, b, ty, nullable)
        })
    }

    /// The operand and its type, if it is a number; NULL of no type becomes a `BIGINT`.
    fn number(&mut self, operation: &'static str, a: Expr) -> Result<(Expr, Type), TypeError> {
        let a = self.typed(a, Type::BigInt)?;
        match self.type_of(a) {
            Some(ty) if ty.is_number() => Ok((a, ty)),
            found => Err(TypeError::Operand {
                operation,
                expected: "numbers",
                found: found.unwrap_or(Type::BigInt),
            }),
        }
    }
}
