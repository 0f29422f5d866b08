//! Constants, and operations that are already known when they are built.

use bumpalo::Bump;

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::op::{Binary, Unary};
use crate::registers::{Index, Initial, Registers, Shape};
use crate::scalar;
use crate::value::Type;

/// The registers that an operation is folded in.
const FIRST: Index = 0;
const SECOND: Index = 1;
const RESULT: Index = 2;

impl Graph {
    /// NULL, of no type yet.
    ///
    /// # Errors
    /// When the graph is full, as for every constant.
    pub fn null(&mut self) -> Result<Expr, TypeError> {
        self.add(Kind::Constant(Constant::Null), None, true)
    }

    /// NULL of a type.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn null_of(&mut self, ty: Type) -> Result<Expr, TypeError> {
        self.known(Constant::Null, ty)
    }

    /// TRUE or FALSE.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn boolean(&mut self, value: bool) -> Result<Expr, TypeError> {
        self.known(Constant::Bool(value), Type::Boolean)
    }

    /// A `BIGINT`.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn integer(&mut self, value: i64) -> Result<Expr, TypeError> {
        self.known(Constant::Int(value), Type::BigInt)
    }

    /// A `DOUBLE`; NULL when it is not finite.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn double(&mut self, value: f64) -> Result<Expr, TypeError> {
        let constant = if value.is_finite() { Constant::Double(value.to_bits()) } else { Constant::Null };
        self.known(constant, Type::Double)
    }

    /// A `STRING`.
    ///
    /// # Errors
    /// When the graph is full.
    pub fn text(&mut self, value: &str) -> Result<Expr, TypeError> {
        self.known(Constant::Text(value.into()), Type::String)
    }

    pub(crate) fn known(&mut self, constant: Constant, ty: Type) -> Result<Expr, TypeError> {
        let nullable = constant == Constant::Null;
        self.add(Kind::Constant(constant), Some(ty), nullable)
    }

    pub(crate) fn is_null(&self, expr: Expr) -> bool {
        self.constant(expr) == Some(&Constant::Null)
    }

    /// The operand, or where it is a NULL of no type, NULL of this type.
    pub(crate) fn typed(&mut self, expr: Expr, ty: Type) -> Result<Expr, TypeError> {
        if self.type_of(expr).is_none() { self.null_of(ty) } else { Ok(expr) }
    }

    /// A strict operation, folded when its operand is known.
    pub(super) fn unary(&mut self, op: Unary, a: Expr, ty: Type, nullable: bool) -> Result<Expr, TypeError> {
        match self.constant(a) {
            Some(constant) => {
                let folded = folded(ty, [constant, constant], |registers, arena| {
                    scalar::unary(op, RESULT, FIRST, registers, arena);
                });
                self.known(folded, ty)
            }
            None => self.add(Kind::Unary(op, a), Some(ty), nullable),
        }
    }

    /// A strict operation, folded when both operands are known or one is NULL.
    pub(super) fn binary(
        &mut self,
        op: Binary,
        a: Expr,
        b: Expr,
        ty: Type,
        nullable: bool,
    ) -> Result<Expr, TypeError> {
        if self.is_null(a) || self.is_null(b) {
            return self.null_of(ty);
        }
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => {
                let folded = folded(ty, [x, y], |registers, arena| {
                    scalar::binary(op, RESULT, FIRST, SECOND, registers, arena);
                });
                self.known(folded, ty)
            }
            _ => self.add(Kind::Binary(op, a, b), Some(ty), nullable),
        }
    }
}

/// What an operation on constants gives: run as a program would run it.
fn folded(
    ty: Type,
    operands: [&Constant; 2],
    operation: impl for<'a> Fn(&mut Registers<'_, 'a>, &'a Bump),
) -> Constant {
    let arena = Bump::new();
    let mut initial = Initial::default();
    for operand in operands.into_iter().chain([&Constant::Null]) {
        // The operation knows which of the two it reads, words or strings.
        for shape in [Shape::Int, Shape::Text] {
            initial.add(shape, operand);
        }
    }
    let mut registers = Registers::new(&initial, &arena);
    operation(&mut registers, &arena);
    Constant::from(registers.value(Shape::of(ty), RESULT))
}
