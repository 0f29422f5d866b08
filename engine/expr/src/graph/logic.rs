//! Comparison, three-valued logic, membership.

use vencejo_types::limits::IN_LIST_MAX;

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::op::{Binary, Comparison, Test, Unary};
use crate::value::Type;

impl Graph {
    /// `a = b` and its kin.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn compare(&mut self, op: Comparison, a: Expr, b: Expr) -> Result<Expr, TypeError> {
        // With equal scales the digits compare as integers.
        if let Some((of_a, of_b)) = self.exact(a, b).filter(|(of_a, of_b)| of_a.scale != of_b.scale) {
            return self.decimal_compare(op, (a, of_a), (b, of_b));
        }
        let ([a, b], ty) = self.unified(op.symbol(), [a, b])?;
        let (op, swapped) = Binary::comparison(op, ty);
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let nullable = self.nullable(a) || self.nullable(b);
        self.binary(op, a, b, Type::Boolean, nullable)
    }

    /// `a BETWEEN low AND high`.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn between(&mut self, a: Expr, low: Expr, high: Expr) -> Result<Expr, TypeError> {
        let above = self.compare(Comparison::GreaterEqual, a, low)?;
        let below = self.compare(Comparison::LessEqual, a, high)?;
        self.and(&[above, below])
    }

    /// `NOT a`.
    ///
    /// # Errors
    /// The operand is not a truth value, or a limit is passed.
    pub fn not(&mut self, a: Expr) -> Result<Expr, TypeError> {
        let a = self.truth("NOT", a)?;
        if let Kind::Unary(Unary::Not, inner) = self.node(a).kind {
            return Ok(inner);
        }
        let nullable = self.nullable(a);
        self.unary(Unary::Not, a, Type::Boolean, nullable)
    }

    /// The operands joined by AND, from left to right; TRUE when there are none.
    ///
    /// # Errors
    /// An operand is not a truth value, or a limit is passed.
    pub fn and(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        self.junction("AND", list, true, Kind::And)
    }

    /// The operands joined by OR, from left to right; FALSE when there are none.
    ///
    /// # Errors
    /// An operand is not a truth value, or a limit is passed.
    pub fn or(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        self.junction("OR", list, false, Kind::Or)
    }

    /// AND has the neutral element TRUE, OR has FALSE; the other truth value decides alone.
    fn junction(
        &mut self,
        name: &'static str,
        list: &[Expr],
        neutral: bool,
        kind: impl Fn(Box<[Expr]>) -> Kind,
    ) -> Result<Expr, TypeError> {
        let mut operands: Vec<Expr> = Vec::with_capacity(list.len());
        for &operand in list {
            let operand = self.truth(name, operand)?;
            if let Some(Constant::Bool(value)) = self.constant(operand) {
                if *value != neutral {
                    return self.boolean(!neutral);
                }
            } else if operands.last() != Some(&operand) {
                operands.push(operand);
            }
        }
        match operands[..] {
            [] => self.boolean(neutral),
            [single] => Ok(single),
            _ => {
                let nullable = operands.iter().any(|&operand| self.nullable(operand));
                self.add(kind(operands.into()), Some(Type::Boolean), nullable)
            }
        }
    }

    /// `a IS test`. IS NULL and IS NOT NULL take any type, the others truth values.
    ///
    /// # Errors
    /// The operand is not a truth value, or a limit is passed.
    pub fn is(&mut self, test: Test, a: Expr) -> Result<Expr, TypeError> {
        let a = match test {
            Test::Null | Test::NotNull => a,
            Test::True | Test::NotTrue => self.truth("IS TRUE", a)?,
            Test::False | Test::NotFalse => self.truth("IS FALSE", a)?,
        };
        if let Some(constant) = self.constant(a) {
            let answer = match test {
                Test::Null => *constant == Constant::Null,
                Test::NotNull => *constant != Constant::Null,
                Test::True => *constant == Constant::Bool(true),
                Test::NotTrue => *constant != Constant::Bool(true),
                Test::False => *constant == Constant::Bool(false),
                Test::NotFalse => *constant != Constant::Bool(false),
            };
            return self.boolean(answer);
        }
        match test {
            Test::Null | Test::NotNull if !self.nullable(a) => self.boolean(test == Test::NotNull),
            _ => self.add(Kind::Is(test, a), Some(Type::Boolean), false),
        }
    }

    /// `a IN (list)`. FALSE for an empty list.
    ///
    /// # Errors
    /// The operands have no common type, the list is too long, or a limit is passed.
    pub fn in_list(&mut self, a: Expr, list: &[Expr]) -> Result<Expr, TypeError> {
        if list.len() > IN_LIST_MAX {
            return Err(TypeError::ListTooLong { values: list.len() });
        }
        let a = match list.iter().find_map(|&value| self.type_of(value)) {
            Some(ty) => self.typed(a, ty)?,
            None => a,
        };
        // Constants to look among, for the operand as it is and, beside doubles, as a double.
        let mut sets: Vec<(Expr, Vec<Constant>)> = Vec::new();
        let mut others = Vec::new();
        for &value in list {
            // Digits that the operand's type does not have could be lost in a common type.
            if self.exact(a, value).is_some_and(|(of_a, of_value)| of_a.scale != of_value.scale) {
                others.push(self.compare(Comparison::Equal, a, value)?);
                continue;
            }
            let ([operand, value], _) = self.unified("IN", [a, value])?;
            match self.constant(value).cloned() {
                Some(constant) if constant != Constant::Null && self.constant(operand).is_none() => {
                    match sets.iter_mut().find(|(of, _)| *of == operand) {
                        Some((_, set)) if set.contains(&constant) => {}
                        Some((_, set)) => set.push(constant),
                        None => sets.push((operand, vec![constant])),
                    }
                }
                _ => others.push(self.compare(Comparison::Equal, operand, value)?),
            }
        }
        let mut tests = Vec::with_capacity(sets.len() + others.len());
        for (operand, set) in sets {
            let nullable = self.nullable(operand);
            tests.push(self.add(Kind::In(operand, set.into()), Some(Type::Boolean), nullable)?);
        }
        tests.extend(others);
        self.or(&tests)
    }

    /// The operand, if it is a truth value; NULL of no type becomes one.
    pub(super) fn truth(&mut self, operation: &'static str, a: Expr) -> Result<Expr, TypeError> {
        let a = self.typed(a, Type::Boolean)?;
        match self.type_of(a) {
            Some(Type::Boolean) | None => Ok(a),
            Some(found) => Err(TypeError::Operand { operation, expected: "BOOLEAN", found }),
        }
    }
}
