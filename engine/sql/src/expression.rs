//! Expressions to graph nodes: names resolved, types checked.

use vencejo_expr::{Expr, Graph, TypeError};

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Case};
use crate::catalog::Catalog;
use crate::diagnostic::{Report, Reported};
use crate::flow::rel::{Slots, address};
use crate::scope::Scope;
use crate::statement::lookup::LookupEntry;
use crate::tokens::{Name, Place};
use vencejo_core::plan::Function;

/// What PREDICT and its kin need: the declared models, and the functions that the programs call.
#[derive(Debug)]
pub(crate) struct Engine<'c> {
    pub(crate) catalog: &'c Catalog,
    pub(crate) functions: Vec<Function>,
}

/// Turns expressions into nodes of a graph.
pub(crate) struct Lowering<'a, 'c> {
    pub(crate) graph: &'a mut Graph,
    pub(crate) scope: &'a Scope,
    /// Names of the SELECT whose list is read: they are not known in it.
    pub(crate) aliases: Vec<String>,
    /// Where there are functions of the engine; else what the place is called.
    pub(crate) engine: Result<&'a mut Engine<'c>, &'static str>,
    /// What is computed already, in a query of the flow.
    pub(crate) slots: Option<&'a Slots>,
    /// The look-up tables; None where there are none yet.
    pub(crate) lookups: Option<&'a [LookupEntry]>,
    pub(crate) report: &'a mut Report,
}

impl Ast {
    /// The column's name, if the expression is nothing but a column.
    pub(crate) fn column_name(&self) -> Option<&Name> {
        match &self.kind {
            AstKind::Column(column) => Some(&column.name),
            _ => None,
        }
    }
}

impl Lowering<'_, '_> {
    /// The node of an expression. Errors go to the report, as many as there are.
    pub(crate) fn expr(&mut self, ast: &Ast) -> Result<Expr, Reported> {
        if self.report.is_full() {
            return Err(Reported);
        }
        if let Some(slot) = self.slots.and_then(|slots| slots.get(address(ast))) {
            return slot.ok_or(Reported);
        }
        let built = match &ast.kind {
            AstKind::Null => self.graph.null(),
            AstKind::Boolean(x) => self.graph.boolean(*x),
            AstKind::Integer(x) => self.graph.integer(*x),
            AstKind::Double(x) => self.graph.double(*x),
            AstKind::Text(text) => self.graph.text(text),
            AstKind::Moment(to, text) => {
                let literal = self.graph.text(text).and_then(|text| self.graph.cast(text, *to));
                let literal = self.typed(ast.place, literal)?;
                if self.graph.nullable(literal) {
                    let message = format!("'{text}' is not a {to}");
                    return Err(self.report.error(ast.place, message));
                }
                Ok(literal)
            }
            AstKind::Interval(ty, length) => self.graph.interval(*ty, *length),
            AstKind::Column(column) => return self.scope.column(column, &self.aliases, self.report),
            AstKind::Negate(a) => self.expr(a).map(|a| self.graph.negate(a))?,
            AstKind::Not(a) => self.expr(a).map(|a| self.graph.not(a))?,
            AstKind::Is(test, a) => self.expr(a).map(|a| self.graph.is(*test, a))?,
            AstKind::Cast(a, to) => self.expr(a).map(|a| self.graph.cast(a, *to))?,
            AstKind::Arithmetic(op, sides) => {
                let [a, b] = self.all(sides)?;
                self.graph.arithmetic(*op, a, b)
            }
            AstKind::Compare(op, sides) => {
                let [a, b] = self.all(sides)?;
                self.graph.compare(*op, a, b)
            }
            AstKind::And(list) => self.list(list).map(|list| self.graph.and(&list))?,
            AstKind::Or(list) => self.list(list).map(|list| self.graph.or(&list))?,
            AstKind::Concat(list) => self.list(list).map(|list| self.graph.concat(&list))?,
            AstKind::In { value, list, negated } => {
                let (value, list) = (self.expr(value), self.list(list));
                let (value, list) = (value?, list?);
                let member = self.graph.in_list(value, &list);
                self.negated(*negated, member)
            }
            AstKind::Between { parts, negated } => {
                let [value, low, high] = self.all(parts)?;
                let between = self.graph.between(value, low, high);
                self.negated(*negated, between)
            }
            AstKind::Case(case) => self.case(case)?,
            AstKind::Function(function) => return self.function(function),
            AstKind::InQuery { .. } | AstKind::Exists(_) => {
                let hint = "IN (SELECT ...) and EXISTS stand in the WHERE of a query, joined by AND";
                let error = Diagnostic::new(ast.place, "a subquery cannot stand here").with_hint(hint);
                return Err(self.report.push(error));
            }
        };
        self.typed(ast.place, built)
    }

    /// A condition: a truth value.
    pub(crate) fn condition(&mut self, ast: &Ast, clause: &str) -> Result<Expr, Reported> {
        let expr = self.expr(ast)?;
        let checked = self.graph.and(&[expr]);
        checked.map_err(|error| match error {
            TypeError::Operand { found, .. } => {
                self.report.error(ast.place, format!("{clause} takes a BOOLEAN, not {found}"))
            }
            error => self.report.error(ast.place, error.to_string()),
        })
    }

    /// The nodes of all expressions; errors of each are reported.
    pub(crate) fn list(&mut self, list: &[Ast]) -> Result<Vec<Expr>, Reported> {
        let built: Vec<Result<Expr, Reported>> = list.iter().map(|ast| self.expr(ast)).collect();
        built.into_iter().collect()
    }

    fn all<const N: usize>(&mut self, list: &[Ast; N]) -> Result<[Expr; N], Reported> {
        let built: [Result<Expr, Reported>; N] = std::array::from_fn(|place| self.expr(&list[place]));
        if built.iter().any(Result::is_err) {
            return Err(Reported);
        }
        Ok(built.map(|expr| expr.expect("no error is left")))
    }

    fn negated(&mut self, negated: bool, built: Result<Expr, TypeError>) -> Result<Expr, TypeError> {
        if negated { self.graph.not(built?) } else { built }
    }

    fn case(&mut self, case: &Case) -> Result<Result<Expr, TypeError>, Reported> {
        let operand = case.operand.as_ref().map(|operand| self.expr(operand)).transpose();
        let mut branches = Vec::with_capacity(case.branches.len());
        let mut failed = None;
        for (condition, result) in &case.branches {
            match (self.expr(condition), self.expr(result)) {
                (Ok(condition), Ok(result)) => branches.push((condition, result)),
                _ => failed = Some(Reported),
            }
        }
        let otherwise = case.otherwise.as_ref().map(|otherwise| self.expr(otherwise)).transpose();
        let (operand, otherwise) = (operand?, otherwise?);
        if let Some(failed) = failed {
            return Err(failed);
        }
        Ok(match operand {
            Some(operand) => self.graph.simple_case(operand, &branches, otherwise),
            None => self.graph.case(&branches, otherwise),
        })
    }

    /// A type error becomes an error at the place.
    pub(crate) fn typed<T>(&mut self, place: Place, built: Result<T, TypeError>) -> Result<T, Reported> {
        built.map_err(|error| {
            let hint = match error {
                TypeError::Mixed { .. } | TypeError::Operand { .. } | TypeError::Arithmetic { .. } => {
                    Some("CAST(value AS type) converts".to_string())
                }
                _ => None,
            };
            self.report.push(Diagnostic::new(place, error.to_string()).with_hint_if(hint))
        })
    }
}
