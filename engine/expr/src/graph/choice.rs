//! CASE, COALESCE, NULLIF, and the common type of several expressions.

use vencejo_types::schema::ColumnType;

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::function::Digits;
use crate::op::{Comparison, Unary};
use crate::value::Type;

impl Graph {
    /// `CASE WHEN condition THEN result ... ELSE otherwise END`; without `otherwise`, NULL.
    ///
    /// # Errors
    /// A condition is not a truth value, the results have no common type, or a limit is passed.
    pub fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<Expr>) -> Result<Expr, TypeError> {
        let mut results: Vec<Expr> = branches.iter().map(|&(_, result)| result).collect();
        results.push(match otherwise {
            Some(otherwise) => otherwise,
            None => self.null()?,
        });
        let (results, ty) = self.common("CASE", &results)?;
        let Some((&last, results)) = results.split_last() else { return self.null() };
        let mut otherwise = last;
        let mut kept = Vec::with_capacity(branches.len());
        for (&(condition, _), &result) in branches.iter().zip(results) {
            let condition = self.truth("CASE WHEN", condition)?;
            match self.constant(condition) {
                Some(Constant::Bool(true)) => {
                    otherwise = result;
                    break;
                }
                Some(_) => {}
                None => kept.push((condition, result)),
            }
        }
        if kept.is_empty() {
            return Ok(otherwise);
        }
        let nullable = kept.iter().map(|&(_, result)| result).chain([otherwise]).any(|e| self.nullable(e));
        self.add(Kind::Case(kept.into(), otherwise), ty, nullable)
    }

    /// `CASE operand WHEN value THEN result ... ELSE otherwise END`: the operand is computed once.
    ///
    /// # Errors
    /// As [`Graph::case`]; or operand and values have no common type.
    pub fn simple_case(
        &mut self,
        operand: Expr,
        branches: &[(Expr, Expr)],
        otherwise: Option<Expr>,
    ) -> Result<Expr, TypeError> {
        let mut searched = Vec::with_capacity(branches.len());
        for &(value, result) in branches {
            let ([operand, value], _) = self.unified("CASE WHEN", [operand, value])?;
            searched.push((self.compare(Comparison::Equal, operand, value)?, result));
        }
        self.case(&searched, otherwise)
    }

    /// `COALESCE(list)`: the first that is not NULL.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn coalesce(&mut self, list: &[Expr]) -> Result<Expr, TypeError> {
        let (list, ty) = self.common("COALESCE", list)?;
        let mut kept: Vec<Expr> = Vec::with_capacity(list.len());
        for expr in list {
            if self.is_null(expr) || kept.contains(&expr) {
                continue;
            }
            kept.push(expr);
            if !self.nullable(expr) {
                break;
            }
        }
        match kept[..] {
            [] => match ty {
                Some(ty) => self.null_of(ty),
                None => self.null(),
            },
            [single] => Ok(single),
            _ => {
                let nullable = kept.iter().all(|&expr| self.nullable(expr));
                self.add(Kind::Coalesce(kept.into()), ty, nullable)
            }
        }
    }

    /// `NULLIF(a, b)`: NULL if they are equal, else a.
    ///
    /// # Errors
    /// The operands have no common type, or a limit is passed.
    pub fn nullif(&mut self, a: Expr, b: Expr) -> Result<Expr, TypeError> {
        let equal = self.compare(Comparison::Equal, a, b)?;
        let null = self.null()?;
        self.case(&[(equal, null)], Some(a))
    }

    /// The expressions in their common type: equal types stay, `BIGINT` and `DECIMAL` beside `DOUBLE` widen,
    /// of decimals and integers the digits that hold both, NULL of no type takes the others' type. The type
    /// is None when all are such NULLs.
    ///
    /// # Errors
    /// There is no common type, or a limit is passed.
    pub fn common(
        &mut self,
        operation: &'static str,
        list: &[Expr],
    ) -> Result<(Vec<Expr>, Option<Type>), TypeError> {
        let mut common = None;
        let mut digits: Option<Digits> = None;
        for &expr in list {
            let of_expr = self.digits(expr);
            digits = digits.zip(of_expr).map(|(a, b)| Digits::common(a, b)).or(of_expr).or(digits);
            let decimal = digits.map(Digits::ty);
            common = match (common, self.type_of(expr)) {
                (None, ty) | (ty, None) => ty,
                (Some(a), Some(b)) if a == b => Some(a),
                (Some(Type::Decimal { .. }), Some(Type::BigInt | Type::Decimal { .. }))
                | (Some(Type::BigInt), Some(Type::Decimal { .. })) => decimal,
                (Some(a), Some(b)) if a.is_number() && b.is_number() => Some(Type::Double),
                (Some(first), Some(other)) => return Err(TypeError::Mixed { operation, first, other }),
            };
        }
        let Some(ty) = common else { return Ok((list.to_vec(), None)) };
        let list = list.iter().map(|&expr| self.widened(expr, ty)).collect::<Result<_, _>>()?;
        Ok((list, Some(ty)))
    }

    /// As [`Graph::common`] for a fixed number; if all are NULL of no type, they become `BIGINT`.
    pub(super) fn unified<const N: usize>(
        &mut self,
        operation: &'static str,
        list: [Expr; N],
    ) -> Result<([Expr; N], Type), TypeError> {
        let (_, ty) = self.common(operation, &list)?;
        let ty = ty.unwrap_or(Type::BigInt);
        let mut unified = list;
        for expr in &mut unified {
            *expr = self.widened(*expr, ty)?;
        }
        Ok((unified, ty))
    }

    fn widened(&mut self, expr: Expr, ty: Type) -> Result<Expr, TypeError> {
        match self.type_of(expr) {
            None => self.null_of(ty),
            Some(found) if found == ty => Ok(expr),
            Some(Type::Decimal { .. }) if ty == Type::Double => self.cast(expr, ColumnType::Double),
            Some(_) if matches!(ty, Type::Decimal { .. }) => {
                let Type::Decimal { precision, scale } = ty else { return Ok(expr) };
                self.rescaled(expr, Digits { precision, scale })
            }
            Some(Type::BigInt) if ty == Type::Double => {
                let nullable = self.nullable(expr);
                self.unary(Unary::IntToDouble, expr, Type::Double, nullable)
            }
            Some(_) => Ok(expr),
        }
    }
}
