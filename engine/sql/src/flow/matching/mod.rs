//! MATCH_RECOGNIZE: a rule among those over the same rows, and its matches as rows.

mod aggregates;
pub(crate) mod alert;
mod expressions;
mod input;
mod navigation;
mod pattern;
pub(crate) mod set;

use vencejo_core::plan::flow::{Matches, Operator};
use vencejo_expr::{Expr, Graph, Type, compile};
use vencejo_rules::spec::{
    Condition, MATCH, Order, PatternError, RowsPerMatch, RuleSpec, Variable, Wording, match_column,
};
use vencejo_types::limits::WINDOW_MILLIS_MAX;

use super::Planner;
use super::drafts::Origin;
use super::facts::Facts;
use super::needed::Needed;
use super::rel::{Branch, Rel};
use crate::Diagnostic;
use crate::ast::row_pattern::{Definition, MatchClause, Pattern};
use crate::diagnostic::Reported;
use crate::scope::{Scope, ScopeColumn};
use crate::tokens::Name;

use expressions::{Clause, Reading, RuleDraft};
use input::{Input, inner};
pub(crate) use navigation::PATTERN_FUNCTIONS;
use pattern::{Variables, absence, can_be_empty, ends_later};
use set::{Arrangement, RowColumn};

/// The matches' columns: their names, and expressions over a rule's inputs.
type Outputs = Vec<(String, Expr)>;
/// The same as the rows behind it have them: with their types, and whether they can be NULL.
type Columns = Vec<(String, Type, bool)>;

impl Planner<'_, '_> {
    /// `relation MATCH_RECOGNIZE (...)`: its matches as rows.
    pub(crate) fn match_clause(
        &mut self,
        clause: &MatchClause,
        needed: &Needed,
        qualifier: Option<&str>,
    ) -> Rel {
        let planned = self.matches(clause, needed);
        let Ok((branch, names)) = planned else {
            let mut broken = Rel::broken();
            broken.enter(qualifier);
            return broken;
        };
        let mut rel = Rel::one(branch);
        let branch = &mut rel.branches[0];
        branch.scope = Scope::new(false);
        for (index, (name, ty, nullable)) in names.into_iter().enumerate() {
            let expr = self.column(branch, index, ty, nullable, clause.place).ok();
            branch.scope.add(ScopeColumn { qualifier: qualifier.map(str::to_string), name, expr });
        }
        rel
    }

    /// The node of a clause's matches, and their columns.
    fn matches(&mut self, clause: &MatchClause, needed: &Needed) -> Result<(Branch, Columns), Reported> {
        let inner = inner(clause, needed);
        let input = self.input(clause, &inner);
        let variables = Variables::of(clause, self.report);
        let within = self.within(clause);
        let (input, variables) = (input?, variables?);
        let arrangement = Arrangement {
            origins: &input.origins,
            branch: &input.branch,
            key: &input.key.iter().map(|&(_, expr)| expr).collect::<Vec<_>>(),
            time: input.order[0].1,
            then_by: &input.order[1..].iter().map(|&(_, expr, down)| (expr, down)).collect::<Vec<_>>(),
            order: self.settings.order.unwrap_or(Order::Event),
        };
        let name = self.settings.name.clone();
        let set =
            self.drafts.rule_set(&arrangement, &name).map_err(|e| self.report.error(clause.place, e))?;
        let mut rule = self.draft(clause, &input, variables, set, &inner)?;
        let pattern = rule.variables.pattern(&clause.pattern);
        rule.can_be_empty = can_be_empty(&pattern);
        let skip = rule.variables.skip(&clause.skip, self.report);
        let conditions = self.definitions(clause, &mut rule, set);
        let outputs = self.outputs(clause, &input, &mut rule, needed);
        let (skip, conditions, outputs) = (skip?, conditions?, outputs?);
        let within = within?;
        let filter = self.drafts.rule_sets[set].filter(&input.branch);
        let filter = filter.map_err(|error| self.report.error(clause.place, error))?;
        let exprs: Vec<Expr> = outputs.iter().map(|&(_, expr)| expr).collect();
        let program = compile(&rule.graph, &exprs);
        let program = program.map_err(|error| self.report.error(clause.place, error.to_string()))?;
        let facts = self.match_facts(clause, &input, &rule.graph, &outputs);
        let columns = self.types(clause, &rule, outputs)?;
        let names = rule.variables.names().iter();
        let spec = RuleSpec {
            name,
            filter,
            variables: names
                .zip(conditions)
                .map(|(name, condition)| Variable { name: name.text.clone(), condition })
                .collect(),
            pattern,
            skip,
            within,
            references: rule.references,
            aggregates: rule.aggregates.finish(),
            rows: clause.rows,
            output: program,
            show_timeouts: clause.timeouts.is_some(),
            wording: wording(clause, rule.variables.names(), &rule.columns),
        };
        self.check_pattern(&spec, &clause.pattern)?;
        let later = ends_later(&spec.pattern) || spec.show_timeouts;
        let taker = Operator::Matches(Matches { delay_millis: within.filter(|_| later).unwrap_or(0) });
        let types = columns.iter().map(|&(_, ty, _)| ty).collect();
        let node = self.drafts.rule(set, spec, taker, types);
        let node = node.map_err(|error| self.report.error(clause.place, error))?;
        Ok((Branch::new(Origin::Node(node), facts), columns))
    }

    /// WITHIN in milliseconds.
    fn within(&mut self, clause: &MatchClause) -> Result<Option<i64>, Reported> {
        let Some((millis, place)) = clause.within else {
            if let Some(place) = clause.timeouts {
                let hint = "write WITHIN INTERVAL '10' MINUTE behind PATTERN (...)";
                return Err(self.fail(place, "SHOW TIMEOUT MATCHES needs WITHIN", hint));
            }
            return Ok(None);
        };
        if !(1..=WINDOW_MILLIS_MAX).contains(&millis) {
            let days = WINDOW_MILLIS_MAX / 86_400_000;
            return Err(self.report.error(place, format!("WITHIN is from 1 ms to {days} days")));
        }
        Ok(Some(millis))
    }

    /// The rule with its columns, before its expressions.
    fn draft(
        &mut self,
        clause: &MatchClause,
        input: &Input,
        variables: Variables,
        set: usize,
        inner: &Needed,
    ) -> Result<RuleDraft, Reported> {
        let set = &mut self.drafts.rule_sets[set];
        let branch = &input.branch;
        let mut columns: Vec<(String, Option<RowColumn>)> = Vec::new();
        for column in branch.scope.columns() {
            // A name that is not needed can still be what is meant by another.
            let expr = column.expr.filter(|_| inner.has(&column.name));
            let found = expr.map(|expr| set.column(&branch.graph, expr)).transpose();
            let found = found.map_err(|error| self.report.error(clause.place, error))?;
            columns.push((column.name.clone(), found));
        }
        let time = set.column(&branch.graph, input.order[0].1);
        let time = time.map_err(|error| self.report.error(clause.place, error))?.place;
        Ok(RuleDraft {
            graph: Graph::new(),
            variables,
            columns,
            partial: branch.scope.partial,
            time,
            references: Vec::new(),
            aggregates: aggregates::Aggregates::default(),
            can_be_empty: false,
        })
    }

    /// The condition of each variable; none where DEFINE has none.
    fn definitions(
        &mut self,
        clause: &MatchClause,
        rule: &mut RuleDraft,
        set: usize,
    ) -> Result<Vec<Condition>, Reported> {
        let mut conditions: Vec<Condition> = vec![Condition::default(); rule.variables.names().len()];
        let mut result = Ok(());
        for Definition { name, condition: ast, .. } in &clause.define {
            let number = rule.variables.number(&name.text).ok_or(Reported)?;
            let expr = Reading::new(rule, Clause::Define(number), self.catalog, self.report).condition(ast);
            let Ok(expr) = expr else {
                result = Err(Reported);
                continue;
            };
            match self.drafts.rule_sets[set].condition(&mut rule.graph, expr) {
                Ok(condition) => conditions[usize::from(number)] = condition,
                Err(error) => result = Err(self.report.error(ast.place, error)),
            }
        }
        result.map(|()| conditions)
    }

    /// The columns that come out: as the standard has them, those that nothing reads left out.
    fn outputs(
        &mut self,
        clause: &MatchClause,
        input: &Input,
        rule: &mut RuleDraft,
        needed: &Needed,
    ) -> Result<Outputs, Reported> {
        let mut names: Vec<&str> = input.key.iter().map(|(name, _)| name.text.as_str()).collect();
        let all = matches!(clause.rows, RowsPerMatch::All { .. });
        if all {
            names.extend(input.order.iter().map(|(name, ..)| name.text.as_str()));
        }
        let of_input = rule.columns.clone();
        let mut outputs = Outputs::new();
        let column = |name: &str, rule: &mut RuleDraft, outputs: &mut Outputs| {
            let known = of_input.iter().find(|(other, _)| other == name);
            if let Some((_, Some(column))) = known
                && needed.has(name)
                && !outputs.iter().any(|(other, _)| other == name)
                && let Ok(expr) = column.of(&mut rule.graph, 0)
            {
                outputs.push((name.to_string(), expr));
            }
        };
        names.iter().for_each(|name| column(name, rule, &mut outputs));
        let mut result = Ok(());
        for (ast, alias) in &clause.measures {
            let of_row = all && of_input.iter().any(|(known, _)| *known == alias.text);
            let twice = of_row || outputs.iter().any(|(known, _)| *known == alias.text);
            if twice {
                let message = format!("the matches have two columns '{}'", alias.text);
                result = Err(self.fail(alias.place, message, "give the measure another name"));
            }
            let expr = Reading::new(rule, Clause::Measures, self.catalog, self.report).value(ast);
            match expr {
                Ok(expr) if needed.has(&alias.text) => outputs.push((alias.text.clone(), expr)),
                Ok(_) => {}
                Err(Reported) => result = Err(Reported),
            }
        }
        if all {
            of_input.iter().for_each(|(name, _)| column(name, rule, &mut outputs));
        }
        result.map(|()| outputs)
    }

    /// The types of the columns; a NULL of no type has none.
    fn types(
        &mut self,
        clause: &MatchClause,
        rule: &RuleDraft,
        outputs: Outputs,
    ) -> Result<Columns, Reported> {
        let mut columns = Vec::with_capacity(outputs.len());
        for (name, expr) in outputs {
            let ty = rule.graph.type_of(expr).filter(|ty| !ty.is_interval());
            let Some(ty) = ty else {
                let measure = clause.measures.iter().find(|(_, alias)| alias.text == name);
                let place = measure.map_or(clause.place, |(ast, _)| ast.place);
                let hint = "CAST(NULL AS type) gives NULL a type, TIMESTAMPDIFF(SECOND, from, to) an interval a number";
                return Err(self.fail(place, format!("measure '{name}' is no column"), hint));
            };
            columns.push((name, ty, rule.graph.nullable(expr)));
        }
        Ok(columns)
    }

    /// What is known of the matches' rows.
    fn match_facts(
        &mut self,
        clause: &MatchClause,
        input: &Input,
        graph: &Graph,
        outputs: &Outputs,
    ) -> Facts {
        let place = |name: &str| outputs.iter().position(|(known, _)| known == name);
        let of_key = |column: usize| {
            input
                .key
                .iter()
                .find(|(_, expr)| input.branch.column(*expr) == Some(column))
                .map(|(name, _)| name)
        };
        let before = &input.branch.facts;
        let whole = before.partition().is_some_and(|columns| columns.iter().all(|&c| of_key(c).is_some()));
        if !whole && before.complete {
            let place = clause.partition.first().map_or(clause.place, |ast| ast.place);
            let warning = Diagnostic::new(place, "each partition of the engine matches its own rows only");
            let hint = "let PARTITION BY hold what the stream is PARTITIONED BY";
            self.report.warn(warning.with_hint(hint));
        }
        let mut facts = before.moved(|column| place(&of_key(column)?.text));
        facts.complete &= whole;
        facts.set_window(None);
        facts.rank = None;
        let key: Option<Vec<usize>> = input.key.iter().map(|(name, _)| place(&name.text)).collect();
        facts.key = key.filter(|key| !key.is_empty());
        let is_time = |expr: &Expr| graph.as_column(*expr) == Some((MATCH, match_column::ROWTIME));
        facts.times = outputs
            .iter()
            .enumerate()
            .filter(|(_, (_, expr))| is_time(expr))
            .map(|(place, _)| place)
            .collect();
        facts
    }

    /// That the matcher takes the pattern.
    fn check_pattern(&mut self, spec: &RuleSpec, pattern: &Pattern) -> Result<(), Reported> {
        spec.check().map_err(|error| {
            let of_absence =
                matches!(error, PatternError::LeadingAbsence | PatternError::SilenceWithoutWithin);
            let at = if of_absence { absence(pattern) } else { None };
            self.report.error(at.unwrap_or(pattern).place, error.to_string())
        })
    }
}

/// What columns and conditions are called.
fn wording(clause: &MatchClause, variables: &[Name], columns: &[(String, Option<RowColumn>)]) -> Wording {
    let text = |name: &Name| {
        let definition = clause.define.iter().find(|definition| definition.name.text == name.text);
        definition.map(|definition| definition.text.clone()).unwrap_or_default()
    };
    let columns = columns.iter().filter_map(|(name, column)| Some((name.clone(), column.as_ref()?.place)));
    Wording { columns: columns.collect(), conditions: variables.iter().map(text).collect() }
}
