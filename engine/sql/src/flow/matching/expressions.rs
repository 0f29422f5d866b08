//! Expressions of DEFINE and MEASURES: what in them means rows of the match becomes inputs of the rule's
//! programs; the rest is read as everywhere.

use vencejo_expr::{Expr, Graph, Type, TypeError};
use vencejo_rules::spec::{AGGREGATES, Anchor, Reference, Semantics, VariableSet};
use vencejo_types::limits::PATTERN_REFERENCES_MAX;

use super::aggregates::Aggregates;
use super::navigation::{known, read_below};
use super::pattern::Variables;
use super::set::RowColumn;
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, ColumnName};
use crate::catalog::Catalog;
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::flow::calls::is_aggregate;
use crate::flow::rel::{Slots, address};
use crate::scope::{Scope, ScopeColumn};
use crate::tokens::{Name, Place};

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// The condition of this variable.
    Define(u8),
    Measures,
}

/// A rule while its expressions are read.
pub(super) struct RuleDraft {
    pub(super) graph: Graph,
    pub(super) variables: Variables,
    /// The columns that names mean, in the order of the input; nothing where there was an error.
    pub(super) columns: Vec<(String, Option<RowColumn>)>,
    /// Whether names may be missing among them because of an error elsewhere.
    pub(super) partial: bool,
    /// Place of the event time among the row's columns.
    pub(super) time: usize,
    pub(super) references: Vec<Reference>,
    pub(super) aggregates: Aggregates,
    /// Whether a match can have no rows.
    pub(super) can_be_empty: bool,
}

/// Reads one expression.
pub(super) struct Reading<'a> {
    pub(super) rule: &'a mut RuleDraft,
    pub(super) clause: Clause,
    pub(super) catalog: &'a Catalog,
    pub(super) report: &'a mut Report,
    pub(super) slots: Slots,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        rule: &'a mut RuleDraft,
        clause: Clause,
        catalog: &'a Catalog,
        report: &'a mut Report,
    ) -> Self {
        Self { rule, clause, catalog, report, slots: Slots::default() }
    }

    /// A measure.
    pub(super) fn value(&mut self, ast: &Ast) -> Result<Expr, Reported> {
        self.fill(ast);
        self.lowered(0, None, |lowering| lowering.expr(ast))
    }

    /// A condition of DEFINE.
    pub(super) fn condition(&mut self, ast: &Ast) -> Result<Expr, Reported> {
        self.fill(ast);
        self.lowered(0, None, |lowering| lowering.condition(ast, "DEFINE"))
    }

    /// Reads an expression whose columns are those of an input; `variable` may stand before them.
    pub(super) fn lowered(
        &mut self,
        input: u16,
        variable: Option<&str>,
        read: impl FnOnce(&mut Lowering<'_, '_>) -> Result<Expr, Reported>,
    ) -> Result<Expr, Reported> {
        let scope = self.scope(input, variable)?;
        read(&mut Lowering {
            graph: &mut self.rule.graph,
            scope: &scope,
            aliases: Vec::new(),
            engine: Err("MATCH_RECOGNIZE"),
            slots: Some(&self.slots),
            lookups: Some(&self.catalog.lookups),
            report: self.report,
        })
    }

    fn scope(&mut self, input: u16, variable: Option<&str>) -> Result<Scope, Reported> {
        let mut scope = Scope::new(self.rule.partial);
        for (name, column) in &self.rule.columns {
            let expr = column.and_then(|column| column.of(&mut self.rule.graph, input).ok());
            scope.add(ScopeColumn { qualifier: variable.map(str::to_string), name: name.clone(), expr });
        }
        Ok(scope)
    }

    /// Finds what means rows of the match, and what it becomes.
    fn fill(&mut self, ast: &Ast) {
        match &ast.kind {
            AstKind::Column(column) if column.qualifier.is_some() => {
                let expr = self.variable_column(ast, column);
                self.slots.insert(address(ast), expr.ok());
            }
            AstKind::Column(_) if self.clause == Clause::Measures && self.rule.can_be_empty => {
                // An empty match has no row that the column could be of.
                let anchor = self.anchor(End::Last, self.all(), 0, Semantics::Running);
                let expr = self.at(Reference { anchor, steps: 0 }, ast, None);
                self.slots.insert(address(ast), expr.ok());
            }
            AstKind::Function(function) if known(function).is_some() || is_aggregate(function) => {
                let expr = self.call(ast, function);
                self.slots.insert(address(ast), expr.ok());
            }
            AstKind::Function(function) if function.semantics.is_some() => {
                let message = "RUNNING and FINAL stand before FIRST, LAST and aggregates";
                self.report.error(function.name.place, message);
                self.slots.insert(address(ast), None);
            }
            _ => read_below(ast, &mut |child| self.fill(child)),
        }
    }

    /// `A.x`: of the last row that is mapped to A.
    fn variable_column(&mut self, ast: &Ast, column: &ColumnName) -> Result<Expr, Reported> {
        let set = self.variables_of(column.qualifier.as_ref())?;
        let anchor = self.anchor(End::Last, set, 0, Semantics::Running);
        self.at(Reference { anchor, steps: 0 }, ast, column.qualifier.as_ref())
    }

    /// The variables that stand before a column; all of them where none does.
    pub(super) fn variables_of(&mut self, qualifier: Option<&Name>) -> Result<VariableSet, Reported> {
        let Some(name) = qualifier else { return Ok(self.all()) };
        let set = self.rule.variables.set(name, self.report)?;
        if let Clause::Define(defined) = self.clause
            && set.0 >> defined & 1 == 1
        {
            return Ok(set);
        }
        self.rule.variables.mapped_set(name, self.report)
    }

    /// All variables: the one whose condition it is counts although it may stand behind NOT.
    pub(super) fn all(&self) -> VariableSet {
        let VariableSet(mapped) = self.rule.variables.all();
        match self.clause {
            Clause::Define(defined) => VariableSet(mapped | 1 << defined),
            Clause::Measures => VariableSet(mapped),
        }
    }

    /// The value of an expression over another row.
    pub(super) fn at(
        &mut self,
        reference: Reference,
        value: &Ast,
        qualifier: Option<&Name>,
    ) -> Result<Expr, Reported> {
        let input = self.input(reference, value.place)?;
        self.classifiers(value, |reading, place| reading.classifier_of(input, place));
        let qualifier = qualifier.map(|name| name.text.as_str());
        self.lowered(input, qualifier, |lowering| lowering.expr(value))
    }

    /// The anchor of a row; the current row where that is what it comes to.
    pub(super) fn anchor(
        &self,
        end: End,
        variables: VariableSet,
        offset: u32,
        semantics: Semantics,
    ) -> Anchor {
        let current = match self.clause {
            Clause::Define(defined) => variables.0 >> defined & 1 == 1,
            Clause::Measures => variables == self.all() && !self.rule.can_be_empty,
        };
        match end {
            End::Last if current && offset == 0 && semantics == Semantics::Running => Anchor::Current,
            End::Last => Anchor::Last { variables, offset, semantics },
            End::First => Anchor::First { variables, offset, semantics },
        }
    }

    /// The input of a row; equal references are one.
    pub(super) fn input(&mut self, reference: Reference, place: Place) -> Result<u16, Reported> {
        if reference == (Reference { anchor: Anchor::Current, steps: 0 }) {
            return Ok(0);
        }
        let references = &mut self.rule.references;
        let known = references.iter().position(|other| *other == reference);
        let index = known.unwrap_or_else(|| {
            references.push(reference);
            references.len() - 1
        });
        if index >= PATTERN_REFERENCES_MAX {
            let message = format!("the pattern looks at more than {PATTERN_REFERENCES_MAX} different rows");
            return Err(self.report.error(place, message));
        }
        u16::try_from(index + 1).map_err(|_| Reported)
    }

    pub(super) fn fail(&mut self, place: Place, message: impl Into<String>, hint: &str) -> Reported {
        self.report.push(Diagnostic::new(place, message).with_hint(hint))
    }

    /// The column of [`AGGREGATES`].
    pub(super) fn aggregate_column(
        &mut self,
        index: usize,
        ty: Type,
        place: Place,
    ) -> Result<Expr, Reported> {
        let index = u16::try_from(index).map_err(|_| Reported)?;
        let column = self.rule.graph.column(AGGREGATES, index, ty, true);
        column.map_err(|error| self.report.error(place, error.to_string()))
    }
}

/// From which end rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

impl RowColumn {
    /// The column of an input; of another row than the current one everything can be NULL.
    pub(super) fn of(self, graph: &mut Graph, input: u16) -> Result<Expr, TypeError> {
        let place = u16::try_from(self.place).map_err(|_| TypeError::TooMany)?;
        graph.column(input, place, self.ty, self.nullable || input > 0)
    }
}
