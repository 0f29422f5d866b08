//! What a query has come to so far.

use std::collections::BTreeMap;

use vencejo_expr::{Expr, Graph, Type};
use vencejo_windows::spec::Windowing;

use super::drafts::Origin;
use super::facts::Facts;
use crate::ast::Ast;
use crate::scope::{Output, Scope};

/// Expressions of the text that are columns already (aggregates, group keys), by [`address`]; nothing where
/// there was an error. They are walked in the order of the text: that of addresses differs from run to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    exprs: BTreeMap<usize, Option<Expr>>,
    order: Vec<usize>,
}

impl Slots {
    pub(crate) fn insert(&mut self, address: usize, expr: Option<Expr>) {
        if self.exprs.insert(address, expr).is_none() {
            self.order.push(address);
        }
    }

    pub(crate) fn get(&self, address: usize) -> Option<Option<Expr>> {
        self.exprs.get(&address).copied()
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.exprs.clear();
        self.order.clear();
    }
}

/// What tells an expression of the text from all others while it is borrowed.
pub(crate) fn address(ast: &Ast) -> usize {
    std::ptr::from_ref(ast).addr()
}

/// One way by which rows come.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) origin: Origin,
    pub(crate) facts: Facts,
    /// Expressions over the row, which is input 0.
    pub(crate) graph: Graph,
    pub(crate) conditions: Vec<Expr>,
    /// What names mean within the SELECT that is planned.
    pub(crate) scope: Scope,
    pub(crate) slots: Slots,
    /// The columns of a query that is planned.
    pub(crate) outputs: Vec<Output>,
}

/// A window table function whose windows no operator gives yet: they are columns 0 to 2 of input 1.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) windowing: Windowing,
    /// The event time in each branch.
    pub(crate) time: Vec<Expr>,
    /// A session's key.
    pub(crate) key: Vec<Vec<Expr>>,
    /// Of the stream.
    pub(crate) lateness: i64,
}

/// A query's rows: those of all branches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rel {
    /// At least one, but where nothing is known.
    pub(crate) branches: Vec<Branch>,
    pub(crate) pending: Option<Pending>,
    /// The materialized view that it is: place among the catalog's views.
    pub(crate) view: Option<usize>,
    /// Whether something is missing because of an error.
    pub(crate) partial: bool,
}

impl Branch {
    pub(crate) fn new(origin: Origin, facts: Facts) -> Self {
        Self {
            origin,
            facts,
            graph: Graph::new(),
            conditions: Vec::new(),
            scope: Scope::new(false),
            slots: Slots::default(),
            outputs: Vec::new(),
        }
    }

    /// The row's column that an expression is.
    pub(crate) fn column(&self, expr: Expr) -> Option<usize> {
        match self.graph.as_column(expr) {
            Some((0, column)) => Some(usize::from(column)),
            _ => None,
        }
    }

    /// Which column of a pending window an expression is: start, end or time.
    pub(crate) fn window_column(&self, expr: Expr) -> Option<usize> {
        match self.graph.as_column(expr) {
            Some((1, column)) => Some(usize::from(column)),
            _ => None,
        }
    }
}

impl Rel {
    /// Of a query with errors.
    pub(crate) fn broken() -> Self {
        let mut branch = Branch::new(Origin::Stream(0), Facts::default());
        branch.scope.partial = true;
        Self { branches: vec![branch], partial: true, ..Self::default() }
    }

    pub(crate) fn one(branch: Branch) -> Self {
        Self { branches: vec![branch], ..Self::default() }
    }

    /// Makes the outputs known under their names, in a FROM clause.
    pub(crate) fn enter(&mut self, qualifier: Option<&str>) {
        for branch in &mut self.branches {
            branch.scope = Scope::new(self.partial);
            branch.slots.clear();
            let outputs = std::mem::take(&mut branch.outputs);
            branch.scope.add_outputs(qualifier, outputs);
        }
    }

    /// Whether an expression is this column of the row in every branch.
    pub(crate) fn is_column(&self, exprs: &[Expr], column: impl Fn(&Branch) -> Option<usize>) -> bool {
        !exprs.is_empty()
            && self.branches.iter().zip(exprs).all(|(branch, &expr)| {
                let wanted = column(branch);
                wanted.is_some() && branch.column(expr) == wanted
            })
    }

    /// Whether an expression is a time attribute in every branch.
    pub(crate) fn is_time(&self, exprs: &[Expr]) -> bool {
        !exprs.is_empty()
            && self
                .branches
                .iter()
                .zip(exprs)
                .all(|(branch, &expr)| branch.column(expr).is_some_and(|c| branch.facts.times.contains(&c)))
    }

    pub(crate) fn is_window_start(&self, exprs: &[Expr]) -> bool {
        self.is_column(exprs, |branch| branch.facts.window.map(|(start, _)| start))
    }

    pub(crate) fn is_window_end(&self, exprs: &[Expr]) -> bool {
        self.is_column(exprs, |branch| branch.facts.window.map(|(_, end)| end))
    }

    /// Whether all rows have a window.
    pub(crate) fn is_windowed(&self) -> bool {
        self.branches.iter().all(|branch| branch.facts.window.is_some())
    }

    /// The expressions of a timestamp that every branch has in a column of its own.
    pub(crate) fn timestamps(&mut self, column: impl Fn(&Branch) -> Option<usize>) -> Option<Vec<Expr>> {
        self.branches
            .iter_mut()
            .map(|branch| {
                let place = u16::try_from(column(branch)?).ok()?;
                branch.graph.column(0, place, Type::Timestamp, true).ok()
            })
            .collect()
    }
}

/// Columns that an operator needs, each as the expression of every branch; equal ones are one.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    columns: Vec<Vec<Expr>>,
    places: BTreeMap<Vec<Expr>, usize>,
}

impl Layout {
    /// The place of a column.
    pub(crate) fn place(&mut self, exprs: Vec<Expr>) -> usize {
        if let Some(&place) = self.places.get(&exprs) {
            return place;
        }
        self.places.insert(exprs.clone(), self.columns.len());
        self.columns.push(exprs);
        self.columns.len() - 1
    }

    /// Adds a column even if there is one like it.
    pub(crate) fn push(&mut self, exprs: Vec<Expr>) {
        self.columns.push(exprs);
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn column(&self, place: usize) -> &[Expr] {
        &self.columns[place]
    }

    /// One branch's expressions.
    pub(crate) fn of_branch(&self, branch: usize) -> Vec<Expr> {
        self.columns.iter().map(|column| column[branch]).collect()
    }

    /// The columns of its row that a branch's part is, when nothing is computed or filtered.
    pub(crate) fn plain_places(&self, index: usize, branch: &Branch) -> Option<Vec<usize>> {
        if !branch.conditions.is_empty() {
            return None;
        }
        self.columns.iter().map(|column| branch.column(column[index])).collect()
    }
}
