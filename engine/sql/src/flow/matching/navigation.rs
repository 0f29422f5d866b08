//! Functions that look at rows of the match, or at the match itself.

use vencejo_expr::{Expr, Type};
use vencejo_rules::spec::{CLASSIFIER_COLUMN, MATCH, Reference, Semantics, match_column};
use vencejo_types::limits::{RULE_OFFSET_MAX, RULE_STEPS_MAX};

use super::expressions::{Clause, End, Reading};
use crate::ast::{Ast, AstKind, Function};
use crate::diagnostic::Reported;
use crate::flow::calls::is_aggregate;
use crate::flow::rel::address;
use crate::tokens::{Name, Place};

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
pub(super) fn known(function: &Function) -> Option<&'static str> {
    PATTERN_FUNCTIONS.into_iter().find(|name| name.eq_ignore_ascii_case(&function.name.text))
}

impl Reading<'_> {
    pub(super) fn call(&mut self, ast: &Ast, function: &Function) -> Result<Expr, Reported> {
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
            [] => self.all(),
            [one] => match &one.kind {
                AstKind::Column(column) if column.qualifier.is_none() => {
                    self.variables_of(Some(&column.name))?
                }
                _ => return Err(self.report.error(one.place, "CLASSIFIER takes a pattern variable")),
            },
            _ => return Err(self.report.error(ast.place, "CLASSIFIER takes one pattern variable, or none")),
        };
        let anchor = self.anchor(End::Last, set, 0, Semantics::Running);
        let input = self.input(Reference { anchor, steps: 0 }, ast.place)?;
        self.classifier_of(input, ast.place)
    }

    pub(super) fn classifier_of(&mut self, input: u16, place: Place) -> Result<Expr, Reported> {
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
            let (value, by) = self.value_and_number(function, 1, RULE_STEPS_MAX)?;
            match &value.kind {
                AstKind::Function(nested) if is(nested, "FIRST") || is(nested, "LAST") => inner = nested,
                _ => {
                    let qualifier = self.only_qualifier(value, "PREV")?;
                    let set = self.variables_of(qualifier)?;
                    let anchor = self.anchor(End::Last, set, 0, Semantics::Running);
                    return self.at(Reference { anchor, steps: by }, value, qualifier);
                }
            }
            steps = by;
        }
        let (value, offset) = self.value_and_number(inner, 0, RULE_OFFSET_MAX)?;
        let end = if is(inner, "FIRST") { End::First } else { End::Last };
        let qualifier = self.only_qualifier(value, if end == End::First { "FIRST" } else { "LAST" })?;
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
        most: u32,
    ) -> Result<(&'f Ast, u32), Reported> {
        let name = function.name.text.to_ascii_uppercase();
        match &function.arguments[..] {
            [value] => Ok((value, default)),
            [value, number] => match number.kind {
                AstKind::Integer(n) if (0..=i64::from(most)).contains(&n) => {
                    Ok((value, u32::try_from(n).unwrap_or(most)))
                }
                _ => {
                    let message = format!("{name} takes how many rows as a number from 0 to {most}");
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
            let hint = match name {
                "PREV" => "PREV takes a value of one row, FIRST(...) or LAST(...)",
                _ => "it takes a value of one row",
            };
            return Err(self.fail(function.name.place, message, hint));
        }
        let text = |name: Option<&Name>| name.map(|name| name.text.clone());
        let first = columns.first().copied().flatten();
        if let Some(other) = columns.iter().find(|other| text(**other) != text(first)) {
            let place = other.or(first).map_or(value.place, |name| name.place);
            let hint = "put them under one name with SUBSET, or take each alone";
            let message =
                format!("the columns in {name} are all of one variable, A.x + A.y, or of none, x + y");
            return Err(self.fail(place, message, hint));
        }
        Ok(first)
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
    read_below(ast, &mut |child| collect(child, columns, inside));
}

/// Calls `visit` with the expressions right below, but for the name of a table that LOOKUP takes first.
pub(super) fn read_below<'f>(ast: &'f Ast, visit: &mut dyn FnMut(&'f Ast)) {
    match &ast.kind {
        AstKind::Function(function) if function.name.text.eq_ignore_ascii_case("LOOKUP") => {
            function.arguments.iter().skip(1).for_each(visit);
        }
        _ => ast.children(visit),
    }
}
