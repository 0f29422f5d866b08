//! Arithmetic and the functions of numbers.

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::op::{Arithmetic, Binary, Unary};
use crate::scalar;
use crate::value::Type;

impl Graph {
    /// `a + b` and its kin: `BIGINT` if both are, else `DOUBLE`.
    ///
    /// # Errors
    /// An operand is not a number, or a limit is passed.
    pub fn arithmetic(&mut self, op: Arithmetic, a: Expr, b: Expr) -> Result<Expr, TypeError> {
        let (a, _) = self.number(op.symbol(), a)?;
        let (b, _) = self.number(op.symbol(), b)?;
        let ([a, b], ty) = self.unified(op.symbol(), [a, b])?;
        self.binary(Binary::arithmetic(op, ty == Type::BigInt), a, b, ty, true)
    }

    /// `-a`.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn negate(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let (a, ty) = self.number("-", a)?;
        let op = if ty == Type::BigInt { Unary::NegateInt } else { Unary::NegateDouble };
        self.unary(op, a, ty, true)
    }

    /// `ABS(a)`.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn abs(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let (a, ty) = self.number("ABS", a)?;
        let op = if ty == Type::BigInt { Unary::AbsInt } else { Unary::AbsDouble };
        self.unary(op, a, ty, true)
    }

    /// `FLOOR(a)`: of the operand's type.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn floor(&mut self, a: Expr) -> Result<Expr, TypeError> {
        self.whole("FLOOR", Unary::Floor, a)
    }

    /// `CEIL(a)`: of the operand's type.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn ceil(&mut self, a: Expr) -> Result<Expr, TypeError> {
        self.whole("CEIL", Unary::Ceil, a)
    }

    fn whole(&mut self, name: &'static str, op: Unary, a: Expr) -> Result<Expr, TypeError> {
        let (a, ty) = self.number(name, a)?;
        if ty == Type::BigInt {
            return Ok(a);
        }
        let nullable = self.nullable(a);
        self.unary(op, a, ty, nullable)
    }

    /// `ROUND(a, digits)`: of the operand's type.
    ///
    /// # Errors
    /// The operand is not a number, or a limit is passed.
    pub fn round(&mut self, a: Expr, digits: i64) -> Result<Expr, TypeError> {
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
