//! Aggregates over the rows of a match.

use vencejo_expr::{Expr, Type, compile};
use vencejo_rules::spec::{PatternAggregate, PatternFunction, Semantics, VariableSet};
use vencejo_types::limits::PATTERN_AGGREGATES_MAX;
use vencejo_windows::spec::AggregateFunction;

use super::expressions::Reading;
use crate::ast::Function;
use crate::diagnostic::Reported;
use crate::flow::calls::returns;

/// What tells two aggregates apart.
type Key = (PatternFunction, VariableSet, Option<Expr>, bool, Semantics);

/// The aggregates of a rule, each once.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    keys: Vec<Key>,
    list: Vec<PatternAggregate>,
}

impl Aggregates {
    pub(super) fn finish(self) -> Vec<PatternAggregate> {
        self.list
    }
}

/// Aggregates of SQL that a match has.
const NAMES: [(&str, PatternFunction, AggregateFunction); 5] = [
    ("COUNT", PatternFunction::Count, AggregateFunction::Count),
    ("SUM", PatternFunction::Sum, AggregateFunction::Sum),
    ("AVG", PatternFunction::Avg, AggregateFunction::Avg),
    ("MIN", PatternFunction::Min, AggregateFunction::Min),
    ("MAX", PatternFunction::Max, AggregateFunction::Max),
];

impl Reading<'_> {
    /// `COUNT(*)`, `COUNT(A.*)`, `SUM(A.x)` and the like.
    pub(super) fn aggregate(&mut self, function: &Function) -> Result<Expr, Reported> {
        let name = &function.name;
        let found = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(&name.text));
        let Some(&(upper, pattern_function, aggregate)) = found else {
            let message = format!("{} is no aggregate of a match", name.text.to_ascii_uppercase());
            let hint = "COUNT, SUM, AVG, MIN and MAX are; FIRST and LAST give single rows";
            return Err(self.fail(name.place, message, hint));
        };
        if function.filter.is_some() || function.over.is_some() {
            let hint = "a variable's condition filters: count its rows, COUNT(A.*)";
            return Err(self.fail(name.place, format!("{upper} takes no FILTER or OVER in a match"), hint));
        }
        let semantics = self.semantics(function)?;
        if function.star {
            if upper != "COUNT" {
                return Err(self.report.error(name.place, format!("{upper} takes one argument, not *")));
            }
            let variables = self.variables_of(function.star_of.as_ref())?;
            return self.aggregated(
                (PatternFunction::CountRows, variables, None, false, semantics),
                Type::BigInt,
                function,
            );
        }
        let [argument] = &function.arguments[..] else {
            let message = format!("{upper} takes one argument, not {}", function.arguments.len());
            return Err(self.report.error(name.place, message));
        };
        let qualifier = self.only_qualifier(argument, upper)?;
        let variables = self.variables_of(qualifier)?;
        let qualifier = qualifier.map(|name| name.text.as_str());
        self.classifiers(argument, |reading, place| reading.classifier_column(0, place));
        let value = self.lowered(0, qualifier, |lowering| lowering.expr(argument))?;
        let Some(ty) = self.rule.graph.type_of(value) else {
            let hint = "CAST(NULL AS type) gives it one";
            return Err(self.fail(argument.place, format!("{upper} of a NULL of no type"), hint));
        };
        let numbers = matches!(pattern_function, PatternFunction::Sum | PatternFunction::Avg);
        if numbers && !ty.is_number() || ty.is_interval() {
            let message = format!("{upper} takes a number, not {ty}");
            return Err(self.fail(name.place, message, "CAST(value AS type) converts"));
        }
        // Of MIN and MAX it means nothing.
        let least = matches!(pattern_function, PatternFunction::Min | PatternFunction::Max);
        let distinct = function.distinct && !least;
        let key = (pattern_function, variables, Some(value), distinct, semantics);
        self.aggregated(key, returns(aggregate, ty), function)
    }

    fn aggregated(&mut self, key: Key, ty: Type, function: &Function) -> Result<Expr, Reported> {
        let place = function.name.place;
        let known = self.rule.aggregates.keys.iter().position(|other| *other == key);
        if let Some(index) = known {
            return self.aggregate_column(index, ty, place);
        }
        let (name, variables, value, distinct, semantics) = key;
        let argument = match value {
            Some(value) => {
                let program = compile(&self.rule.graph, &[value]);
                let program = program.map_err(|error| self.report.error(place, error.to_string()))?;
                let ty = self.rule.graph.type_of(value).ok_or(Reported)?;
                Some((program, ty))
            }
            None => None,
        };
        let list = &mut self.rule.aggregates.list;
        if list.len() >= PATTERN_AGGREGATES_MAX {
            let message = format!("the pattern has more than {PATTERN_AGGREGATES_MAX} different aggregates");
            return Err(self.report.error(place, message));
        }
        list.push(PatternAggregate { function: name, variables, argument, distinct, semantics });
        self.rule.aggregates.keys.push(key);
        let index = self.rule.aggregates.list.len() - 1;
        self.aggregate_column(index, ty, place)
    }
}
