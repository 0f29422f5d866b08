//! Expressions of DEFINE and MEASURES: what in them means rows of the match becomes inputs of the rule's
//! programs; the rest is read as everywhere.

use vencejo_expr::{Expr, Graph, Type, TypeError};
use vencejo_rules::spec::{
    AGGREGATES, Anchor, CLASSIFIER_COLUMN, MATCH, Reference, Semantics, VariableSet, match_column,
};
use vencejo_types::limits::{PATTERN_REFERENCES_MAX, RULE_STEPS_MAX};

use super::aggregates::Aggregates;
use super::pattern::Variables;
use super::set::RowColumn;
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, ColumnName, Function};
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
    slots: Slots,
}

/// Functions that look at other rows, or at the match.
pub(crate) const PATTERN_FUNCTIONS: [&str; 9] = [
    "PREV",
    "NEXT",
    "FIRST",
    "LAST",
    "CLASSIFIER",
    "MATCH_NUMBER",
    "MATCH_ROWTIME",
    "MATCH_PROCTIME",
    "MATCH_TIMED_OUT",
];

/// The function of this list that is called, if it is one of them.
fn known(function: &Function) -> Option<&'static str> {
    PATTERN_FUNCTIONS.into_iter().find(|name| name.eq_ignore_ascii_case(&function.name.text))
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
                let anchor = self.anchor(Last, self.rule.variables.all(), 0, Semantics::Running);
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
            _ => ast.children(&mut |child| self.fill(child)),
        }
    }

    /// `A.x`: of the last row that is mapped to A.
    fn variable_column(&mut self, ast: &Ast, column: &ColumnName) -> Result<Expr, Reported> {
        let set = self.variables_of(column.qualifier.as_ref())?;
        let anchor = self.anchor(Last, set, 0, Semantics::Running);
        self.at(Reference { anchor, steps: 0 }, ast, column.qualifier.as_ref())
    }

    /// The variables that stand before a column; all of them where none does.
    pub(super) fn variables_of(&mut self, qualifier: Option<&Name>) -> Result<VariableSet, Reported> {
        let Some(name) = qualifier else { return Ok(self.rule.variables.all()) };
        let set = self.rule.variables.set(name, self.report)?;
        if let Clause::Define(defined) = self.clause
            && set.0 >> defined & 1 == 1
        {
            return Ok(set);
        }
        self.rule.variables.mapped_set(name, self.report)
    }

    fn call(&mut self, ast: &Ast, function: &Function) -> Result<Expr, Reported> {
        let place = function.name.place;
        let Some(name) = known(function) else { return self.aggregate(function) };
        if function.star || function.distinct || function.filter.is_some() || function.over.is_some() {
            return Err(self.report.error(place, format!("{name} takes no *, DISTINCT, FILTER or OVER")));
        }
        match name {
            "NEXT" => {
                let hint = "NEXT would wait for a row that may never come; name the later row by a variable: \
                            PATTERN (A B), and look at A.x from B";
                Err(self.fail(place, "NEXT is not supported: a stream's next row is not known yet", hint))
            }
            "MATCH_PROCTIME" => {
                let hint = "use MATCH_ROWTIME(): the same events must give the same results";
                Err(self.fail(place, "MATCH_PROCTIME is not supported", hint))
            }
            "PREV" | "FIRST" | "LAST" => self.navigation(function),
            _ if function.semantics.is_some() => {
                Err(self.report.error(place, format!("{name} takes no RUNNING or FINAL")))
            }
            "CLASSIFIER" => self.classifier(ast, function),
            _ => self.about_match(name, function),
        }
    }

    /// `MATCH_NUMBER()`, `MATCH_ROWTIME([column])`, `MATCH_TIMED_OUT()`.
    fn about_match(&mut self, name: &str, function: &Function) -> Result<Expr, Reported> {
        let place = function.name.place;
        let (column, ty) = match name {
            "MATCH_NUMBER" => (match_column::NUMBER, Type::BigInt),
            "MATCH_ROWTIME" => (match_column::ROWTIME, Type::Timestamp),
            _ => (match_column::TIMED_OUT, Type::Boolean),
        };
        match &function.arguments[..] {
            [] => {}
            [time] if name == "MATCH_ROWTIME" => {
                let expr = self.lowered(0, None, |lowering| lowering.expr(time))?;
                let wanted = u16::try_from(self.rule.time).ok();
                if self.rule.graph.as_column(expr).map(|(_, column)| column) != wanted {
                    let hint = "write MATCH_ROWTIME()";
                    return Err(self.fail(time.place, "MATCH_ROWTIME takes the column of ORDER BY", hint));
                }
            }
            _ => return Err(self.report.error(place, format!("{name} takes no arguments"))),
        }
        if self.clause == Clause::Measures {
            let expr = self.rule.graph.column(MATCH, column, ty, false);
            return expr.map_err(|error| self.report.error(place, error.to_string()));
        }
        let hint = "ask for it in MEASURES";
        Err(self.fail(place, format!("{name} cannot stand in DEFINE"), hint))
    }

    /// `CLASSIFIER()` of the current row, or of the last row mapped to a variable.
    fn classifier(&mut self, ast: &Ast, function: &Function) -> Result<Expr, Reported> {
        let set = match &function.arguments[..] {
            [] => self.rule.variables.all(),
            [one] => match &one.kind {
                AstKind::Column(column) if column.qualifier.is_none() => {
                    self.variables_of(Some(&column.name))?
                }
                _ => return Err(self.report.error(one.place, "CLASSIFIER takes a pattern variable")),
            },
            _ => return Err(self.report.error(ast.place, "CLASSIFIER takes one pattern variable, or none")),
        };
        let anchor = self.anchor(Last, set, 0, Semantics::Running);
        let input = self.input(Reference { anchor, steps: 0 }, ast.place)?;
        self.classifier_of(input, ast.place)
    }

    fn classifier_of(&mut self, input: u16, place: Place) -> Result<Expr, Reported> {
        if let (0, Clause::Define(defined)) = (input, self.clause) {
            let name = &self.rule.variables.names()[usize::from(defined)].text;
            let text = self.rule.graph.text(name);
            return text.map_err(|error| self.report.error(place, error.to_string()));
        }
        self.classifier_column(input, place)
    }

    /// `PREV(value, steps)`, `FIRST(value, offset)`, `LAST(value, offset)`, or PREV of one of the latter.
    fn navigation(&mut self, function: &Function) -> Result<Expr, Reported> {
        let is = |function: &Function, name: &str| function.name.text.eq_ignore_ascii_case(name);
        let mut steps = 0;
        let mut inner = function;
        if is(function, "PREV") {
            if function.semantics.is_some() {
                let message = "RUNNING and FINAL stand before FIRST and LAST";
                return Err(self.report.error(function.name.place, message));
            }
            let (value, by) = self.value_and_number(function, 1)?;
            match &value.kind {
                AstKind::Function(nested) if is(nested, "FIRST") || is(nested, "LAST") => inner = nested,
                _ => {
                    let qualifier = self.only_qualifier(value, "PREV")?;
                    let set = self.variables_of(qualifier)?;
                    let anchor = self.anchor(Last, set, 0, Semantics::Running);
                    return self.at(Reference { anchor, steps: by }, value, qualifier);
                }
            }
            steps = by;
        }
        let (value, offset) = self.value_and_number(inner, 0)?;
        let end = if is(inner, "FIRST") { First } else { Last };
        let qualifier = self.only_qualifier(value, if end == First { "FIRST" } else { "LAST" })?;
        let set = self.variables_of(qualifier)?;
        let semantics = self.semantics(inner)?;
        let anchor = self.anchor(end, set, offset, semantics);
        self.at(Reference { anchor, steps }, value, qualifier)
    }

    /// The semantics of a call: RUNNING unless it says FINAL.
    pub(super) fn semantics(&mut self, function: &Function) -> Result<Semantics, Reported> {
        match (function.semantics, self.clause) {
            (Some(Semantics::Final), Clause::Define(_)) => {
                let hint = "a condition looks at the rows so far";
                Err(self.fail(function.name.place, "FINAL cannot stand in DEFINE", hint))
            }
            (semantics, _) => Ok(semantics.unwrap_or(Semantics::Running)),
        }
    }

    fn value_and_number<'f>(
        &mut self,
        function: &'f Function,
        default: u32,
    ) -> Result<(&'f Ast, u32), Reported> {
        let name = function.name.text.to_ascii_uppercase();
        match &function.arguments[..] {
            [value] => Ok((value, default)),
            [value, number] => match number.kind {
                AstKind::Integer(n) if (0..=i64::from(RULE_STEPS_MAX)).contains(&n) => {
                    Ok((value, u32::try_from(n).unwrap_or(RULE_STEPS_MAX)))
                }
                _ => {
                    let message =
                        format!("{name} takes how many rows as a number from 0 to {RULE_STEPS_MAX}");
                    Err(self.report.error(number.place, message))
                }
            },
            _ => {
                let message = format!("{name} takes a value, and perhaps how many rows");
                Err(self.report.error(function.name.place, message))
            }
        }
    }

    /// The variable that stands before all columns of a value; nothing else that looks at rows is in it.
    pub(super) fn only_qualifier<'f>(
        &mut self,
        value: &'f Ast,
        name: &str,
    ) -> Result<Option<&'f Name>, Reported> {
        let mut columns = Vec::new();
        let mut inside = None;
        collect(value, &mut columns, &mut inside);
        if let Some(function) = inside {
            let message = format!("{} cannot stand in {name}", function.name.text.to_ascii_uppercase());
            let hint = "PREV takes a value of one row, FIRST(...) or LAST(...)";
            return Err(self.fail(function.name.place, message, hint));
        }
        let text = |name: Option<&Name>| name.map(|name| name.text.clone());
        let first = columns.first().copied().flatten();
        if let Some(other) = columns.iter().find(|other| text(**other) != text(first)) {
            let place = other.or(first).map_or(value.place, |name| name.place);
            let hint = "its columns are all of one variable, A.x + A.y, or of none, x + y";
            return Err(self.fail(place, format!("{name} looks at one row"), hint));
        }
        Ok(first)
    }

    /// The value of an expression over another row.
    fn at(&mut self, reference: Reference, value: &Ast, qualifier: Option<&Name>) -> Result<Expr, Reported> {
        let input = self.input(reference, value.place)?;
        self.classifiers(value, |reading, place| reading.classifier_of(input, place));
        let qualifier = qualifier.map(|name| name.text.as_str());
        self.lowered(input, qualifier, |lowering| lowering.expr(value))
    }

    /// CLASSIFIER() in a value is that of the value's row.
    pub(super) fn classifiers(
        &mut self,
        value: &Ast,
        of: impl Fn(&mut Self, Place) -> Result<Expr, Reported> + Copy,
    ) {
        if let AstKind::Function(function) = &value.kind
            && function.name.text.eq_ignore_ascii_case("CLASSIFIER")
        {
            let expr = of(self, value.place);
            self.slots.insert(address(value), expr.ok());
            return;
        }
        value.children(&mut |child| self.classifiers(child, of));
    }

    /// The name of the variable that an input's row is mapped to.
    pub(super) fn classifier_column(&mut self, input: u16, place: Place) -> Result<Expr, Reported> {
        let nullable = input > 0 || self.rule.can_be_empty;
        let column = self.rule.graph.column(input, CLASSIFIER_COLUMN, Type::String, nullable);
        column.map_err(|error| self.report.error(place, error.to_string()))
    }

    /// The anchor of a row; the current row where that is what it comes to.
    fn anchor(&self, end: End, variables: VariableSet, offset: u32, semantics: Semantics) -> Anchor {
        let current = match self.clause {
            Clause::Define(defined) => {
                variables == self.rule.variables.all() || variables.0 >> defined & 1 == 1
            }
            Clause::Measures => variables == self.rule.variables.all() && !self.rule.can_be_empty,
        };
        match end {
            Last if current && offset == 0 && semantics == Semantics::Running => Anchor::Current,
            Last => Anchor::Last { variables, offset, semantics },
            First => Anchor::First { variables, offset, semantics },
        }
    }

    /// The input of a row; equal references are one.
    fn input(&mut self, reference: Reference, place: Place) -> Result<u16, Reported> {
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
enum End {
    First,
    Last,
}
use End::{First, Last};

impl RowColumn {
    /// The column of an input; of another row than the current one everything can be NULL.
    pub(super) fn of(self, graph: &mut Graph, input: u16) -> Result<Expr, TypeError> {
        let place = u16::try_from(self.place).map_err(|_| TypeError::TooMany)?;
        graph.column(input, place, self.ty, self.nullable || input > 0)
    }
}

/// The qualifiers of all columns of a value, and a function in it that looks at rows itself.
fn collect<'f>(ast: &'f Ast, columns: &mut Vec<Option<&'f Name>>, inside: &mut Option<&'f Function>) {
    match &ast.kind {
        AstKind::Column(column) => columns.push(column.qualifier.as_ref()),
        AstKind::Function(function) if function.name.text.eq_ignore_ascii_case("CLASSIFIER") => {
            match function.arguments.first().map(|one| &one.kind) {
                Some(AstKind::Column(column)) => columns.push(Some(&column.name)),
                _ => columns.push(None),
            }
            return;
        }
        AstKind::Function(function) if known(function).is_some() || is_aggregate(function) => {
            *inside = inside.or(Some(function));
        }
        _ => {}
    }
    ast.children(&mut |child| collect(child, columns, inside));
}
