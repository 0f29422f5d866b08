//! Looking into expressions, and copying them from one graph into another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expr, Graph, Kind};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::op::{Binary, Comparison};
use crate::value::Type;

/// A column as a graph names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnRead {
    /// The input.
    pub input: u16,
    /// The column of the input.
    pub column: u16,
    /// Its type.
    pub ty: Type,
    /// Whether it can be NULL.
    pub nullable: bool,
}

impl Graph {
    /// The operands of an AND, or the expression itself.
    pub fn conjuncts(&self, expr: Expr) -> Vec<Expr> {
        let mut found = Vec::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            match &self.node(expr).kind {
                Kind::And(list) => open.extend(list.iter().rev()),
                _ => found.push(expr),
            }
        }
        found
    }

    /// Every column that an expression reads, each once. Cost: of the expression's nodes.
    pub fn reads(&self, expr: Expr) -> Vec<ColumnRead> {
        self.below(expr).into_iter().filter_map(|expr| self.as_read(expr)).collect()
    }

    /// A comparison of a column with a constant that is not NULL, the column on the left.
    pub fn as_comparison(&self, expr: Expr) -> Option<(Comparison, ColumnRead, &Constant)> {
        let Kind::Binary(op, left, right) = self.node(expr).kind else { return None };
        let comparison = comparison(op)?;
        let column = |expr| self.as_read(expr);
        let constant = |expr| self.constant(expr).filter(|constant| **constant != Constant::Null);
        if let (Some(column), Some(constant)) = (column(left), constant(right)) {
            return Some((comparison, column, constant));
        }
        let mirrored = match comparison {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            other => other,
        };
        Some((mirrored, column(right)?, constant(left)?))
    }

    /// Copies an expression of another graph; `column` says what a column of it becomes here, in the same
    /// type. Cost: of the expression's nodes.
    ///
    /// # Errors
    /// When a limit is passed, or `column` says so.
    pub fn graft<E: From<TypeError>>(
        &mut self,
        from: &Self,
        expr: Expr,
        mut column: impl FnMut(&mut Self, ColumnRead) -> Result<Expr, E>,
    ) -> Result<Expr, E> {
        let mut copies: BTreeMap<Expr, Expr> = BTreeMap::new();
        // Operands have lower numbers: they are copied before whoever uses them.
        for original in from.below(expr) {
            let copy = match from.as_read(original) {
                Some(read) => column(self, read)?,
                None => {
                    let node = from.node(original);
                    let kind = node.kind.with_operands(|operand| copies[&operand]);
                    self.add_prepared(kind, node.ty, node.nullable, node.prepared.clone())?
                }
            };
            copies.insert(original, copy);
        }
        Ok(copies[&expr])
    }

    fn as_read(&self, expr: Expr) -> Option<ColumnRead> {
        let node = self.node(expr);
        match node.kind {
            Kind::Column { input, column } => {
                Some(ColumnRead { input, column, ty: node.ty?, nullable: node.nullable })
            }
            _ => None,
        }
    }

    /// The nodes that an expression is made of, itself among them.
    fn below(&self, expr: Expr) -> BTreeSet<Expr> {
        let mut below = BTreeSet::from([expr]);
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            self.node(expr).kind.operands(|operand| {
                if below.insert(operand) {
                    open.push(operand);
                }
            });
        }
        below
    }
}

impl Kind {
    /// The same with other operands.
    fn with_operands(&self, of: impl Fn(Expr) -> Expr) -> Self {
        let all = |list: &[Expr]| list.iter().map(|&operand| of(operand)).collect();
        match self {
            Self::Constant(constant) => Self::Constant(constant.clone()),
            &Self::Column { input, column } => Self::Column { input, column },
            Self::Unary(op, a) => Self::Unary(*op, of(*a)),
            Self::Binary(op, a, b) => Self::Binary(*op, of(*a), of(*b)),
            Self::Is(test, a) => Self::Is(*test, of(*a)),
            Self::Round(a, digits) => Self::Round(of(*a), *digits),
            Self::In(a, list) => Self::In(of(*a), list.clone()),
            Self::And(list) => Self::And(all(list)),
            Self::Or(list) => Self::Or(all(list)),
            Self::Case(branches, otherwise) => {
                let branches = branches.iter().map(|&(condition, result)| (of(condition), of(result)));
                Self::Case(branches.collect(), of(*otherwise))
            }
            Self::Coalesce(list) => Self::Coalesce(all(list)),
            Self::Call { function, arguments } => {
                Self::Call { function: *function, arguments: all(arguments) }
            }
            Self::Function(callee, arguments) => Self::Function(*callee, all(arguments)),
        }
    }
}

fn comparison(op: Binary) -> Option<Comparison> {
    use Binary as B;
    Some(match op {
        B::EqualBool | B::EqualInt | B::EqualDouble | B::EqualText => Comparison::Equal,
        B::NotEqualBool | B::NotEqualInt | B::NotEqualDouble | B::NotEqualText => Comparison::NotEqual,
        B::LessBool | B::LessInt | B::LessDouble | B::LessText => Comparison::Less,
        B::LessEqualBool | B::LessEqualInt | B::LessEqualDouble | B::LessEqualText => Comparison::LessEqual,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Arithmetic;

    fn column(graph: &mut Graph, column: u16) -> Expr {
        graph.column(0, column, Type::BigInt, true).unwrap()
    }

    #[test]
    fn a_comparison_has_its_column_on_the_left() {
        let mut graph = Graph::new();
        let (a, five) = (column(&mut graph, 1), graph.integer(5).unwrap());
        for (op, sides, expected) in [
            (Comparison::Less, [a, five], Comparison::Less),
            (Comparison::Greater, [a, five], Comparison::Greater),
            (Comparison::Greater, [five, a], Comparison::Less),
            (Comparison::LessEqual, [five, a], Comparison::GreaterEqual),
            (Comparison::Equal, [five, a], Comparison::Equal),
            (Comparison::NotEqual, [a, five], Comparison::NotEqual),
        ] {
            let compared = graph.compare(op, sides[0], sides[1]).unwrap();
            let (found, read, constant) = graph.as_comparison(compared).unwrap();
            assert_eq!((found, read.column, constant), (expected, 1, &Constant::Int(5)));
        }
        let both = graph.compare(Comparison::Less, a, a).unwrap();
        assert!(graph.as_comparison(both).is_none());
    }

    #[test]
    fn a_grafted_expression_reads_other_columns() {
        let mut from = Graph::new();
        let (a, b) = (column(&mut from, 0), column(&mut from, 1));
        let sum = from.arithmetic(Arithmetic::Add, a, b).unwrap();
        let (low, high) = (from.integer(3).unwrap(), from.integer(9).unwrap());
        let between = from.between(sum, low, high).unwrap();
        let positive = from.compare(Comparison::Greater, a, low).unwrap();
        let all = from.and(&[between, positive]).unwrap();
        assert_eq!(from.conjuncts(all).len(), 3);
        let mut to = Graph::new();
        let copied =
            to.graft(&from, all, |graph, read| graph.column(0, read.column + 7, Type::BigInt, read.nullable));
        let columns: Vec<u16> = to.reads(copied.unwrap()).iter().map(|read| read.column).collect();
        assert_eq!(columns, [7, 8]);
        let again =
            to.graft(&from, all, |graph, read| graph.column(0, read.column + 7, Type::BigInt, read.nullable));
        assert_eq!(again, copied, "equal expressions are one");
    }
}
