//! The typed expression graph. Equal expressions are one node, so whatever is named twice is shared.
//!
//! Nodes only grow: a node's operands have lower numbers. Every constructor checks types, widens
//! `BIGINT` to `DOUBLE` where one operand needs it, folds constants, and keeps the limits.

mod choice;
mod convert;
mod decimal;
mod fold;
mod graft;
mod logic;
mod number;
mod temporal;

use std::collections::BTreeMap;
use std::sync::Arc;

use vencejo_types::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};

use crate::constant::Constant;
use crate::error::TypeError;
use crate::function::{Callee, Prepared};
use crate::op::{Binary, Test, Unary};
use crate::value::Type;

pub use graft::ColumnRead;

/// An expression of a [`Graph`]. Use it with the graph that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expr(pub(crate) u32);

impl Expr {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Constant(Constant),
    Column {
        input: u16,
        column: u16,
    },
    Unary(Unary, Expr),
    Binary(Binary, Expr, Expr),
    Is(Test, Expr),
    Round(Expr, i16),
    /// In constants that are not NULL, of the operand's type.
    In(Expr, Box<[Constant]>),
    /// At least two operands.
    And(Box<[Expr]>),
    /// At least two operands.
    Or(Box<[Expr]>),
    /// At least one branch; then the ELSE.
    Case(Box<[(Expr, Expr)]>, Expr),
    /// At least two operands.
    Coalesce(Box<[Expr]>),
    Call {
        function: u16,
        arguments: Box<[Expr]>,
    },
    /// A function of this crate.
    Function(Callee, Box<[Expr]>),
}

impl Kind {
    /// Calls `visit` with every operand, once for each place it stands in.
    pub(crate) fn operands(&self, mut visit: impl FnMut(Expr)) {
        match self {
            Self::Constant(_) | Self::Column { .. } => {}
            Self::Unary(_, a) | Self::Is(_, a) | Self::Round(a, _) | Self::In(a, _) => visit(*a),
            Self::Binary(_, a, b) => {
                visit(*a);
                visit(*b);
            }
            Self::And(list)
            | Self::Or(list)
            | Self::Coalesce(list)
            | Self::Call { arguments: list, .. }
            | Self::Function(_, list) => {
                list.iter().copied().for_each(visit);
            }
            Self::Case(branches, otherwise) => {
                for &(condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(*otherwise);
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// None only for a NULL of no type yet.
    pub(crate) ty: Option<Type>,
    pub(crate) nullable: bool,
    /// What a function's constant arguments say; else nothing.
    pub(crate) prepared: Arc<Prepared>,
    depth: usize,
}

/// What an expression's results can be: see [`Graph::results`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results<'g> {
    /// String constants.
    pub texts: Vec<&'g str>,
    /// Whether anything else but NULL can come out.
    pub computed: bool,
}

/// Expressions that share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    places: BTreeMap<(Kind, Option<Type>), Expr>,
    nothing: Arc<Prepared>,
    /// Regular expressions that were compiled.
    pub(crate) regexes: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The static type; None for a NULL of no type yet, which takes the type of its surroundings.
    pub fn type_of(&self, expr: Expr) -> Option<Type> {
        self.node(expr).ty
    }

    /// Whether the value can be NULL, as far as the graph can tell.
    pub fn nullable(&self, expr: Expr) -> bool {
        self.node(expr).nullable
    }

    /// The value, if it is known.
    pub fn constant(&self, expr: Expr) -> Option<&Constant> {
        match &self.node(expr).kind {
            Kind::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// Input and column, if the expression is a plain column.
    pub fn as_column(&self, expr: Expr) -> Option<(u16, u16)> {
        match self.node(expr).kind {
            Kind::Column { input, column } => Some((input, column)),
            _ => None,
        }
    }

    /// What can come out of CASE and COALESCE, followed through their branches: the string constants, each
    /// once, and whether there is anything computed. Cost: linear in the graph.
    pub fn results(&self, expr: Expr) -> Results<'_> {
        let mut results = Results::default();
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if std::mem::replace(&mut seen[expr.index()], true) {
                continue;
            }
            match &self.node(expr).kind {
                Kind::Constant(Constant::Null) => {}
                Kind::Constant(Constant::Text(text)) => results.texts.push(text),
                Kind::Case(branches, otherwise) => {
                    open.push(*otherwise);
                    open.extend(branches.iter().rev().map(|&(_, result)| result));
                }
                Kind::Coalesce(list) => open.extend(list.iter().rev()),
                _ => results.computed = true,
            }
        }
        results
    }

    /// A column of an input. A `DOUBLE` column can be NULL whatever its declaration says, because NaN
    /// and infinities load as NULL.
    ///
    /// # Errors
    /// As every constructor, when the graph is full.
    pub fn column(&mut self, input: u16, column: u16, ty: Type, nullable: bool) -> Result<Expr, TypeError> {
        self.add(Kind::Column { input, column }, Some(ty), nullable || ty == Type::Double)
    }

    /// A call of a function of the engine: the caller's number for it, its arguments, and what it
    /// returns. Equal calls are one.
    ///
    /// # Errors
    /// When a limit is passed.
    pub fn call(
        &mut self,
        function: u16,
        arguments: &[Expr],
        returns: Type,
        nullable: bool,
    ) -> Result<Expr, TypeError> {
        let kind = Kind::Call { function, arguments: arguments.into() };
        self.add(kind, Some(returns), nullable || returns == Type::Double)
    }

    pub(crate) fn node(&self, expr: Expr) -> &Node {
        &self.nodes[expr.index()]
    }

    /// All nodes, operands before users.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn add(&mut self, kind: Kind, ty: Option<Type>, nullable: bool) -> Result<Expr, TypeError> {
        let nothing = Arc::clone(&self.nothing);
        self.add_prepared(kind, ty, nullable, nothing)
    }

    /// As `add`; where the node is there already, what it has prepared stays.
    pub(crate) fn add_prepared(
        &mut self,
        kind: Kind,
        ty: Option<Type>,
        nullable: bool,
        prepared: Arc<Prepared>,
    ) -> Result<Expr, TypeError> {
        let key = (kind, ty);
        if let Some(&expr) = self.places.get(&key) {
            return Ok(expr);
        }
        let mut depth = 0;
        key.0.operands(|operand| depth = depth.max(self.node(operand).depth + 1));
        if depth > EXPRESSION_DEPTH_MAX {
            return Err(TypeError::TooDeep);
        }
        if self.nodes.len() >= EXPRESSION_NODES_MAX {
            return Err(TypeError::TooMany);
        }
        let expr = Expr(u32::try_from(self.nodes.len()).map_err(|_| TypeError::TooMany)?);
        self.nodes.push(Node { kind: key.0.clone(), ty, nullable, prepared, depth });
        self.places.insert(key, expr);
        Ok(expr)
    }
}
