//! A rule as the matcher has it.

use std::sync::Arc;

use vencejo_expr::Program;

use crate::atoms::{Mask, Truths};
use crate::automaton::Automaton;
use crate::spec::{CLASSIFIER_COLUMN, Condition, MATCH, PatternError, RuleSpec};

/// A condition: what single rows must satisfy, and what looks at more.
#[derive(Debug)]
pub(crate) struct Test {
    pub mask: Mask,
    pub residual: Option<Program>,
}

impl Test {
    fn new(condition: &Condition) -> Self {
        Self { mask: Mask::new(condition), residual: condition.residual.clone() }
    }
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub spec: Arc<RuleSpec>,
    pub automaton: Automaton,
    pub filter: Mask,
    pub tests: Vec<Test>,
    /// Whether a condition depends on rows taken before.
    pub has_residuals: bool,
    /// How many rows of the key PREV goes back at most.
    pub steps_max: usize,
}

impl Rule {
    pub fn new(spec: &Arc<RuleSpec>) -> Result<Self, PatternError> {
        let tests: Vec<Test> = spec.variables.iter().map(|variable| Test::new(&variable.condition)).collect();
        let steps = spec.references.iter().map(|reference| reference.steps as usize);
        Ok(Self {
            automaton: Automaton::compile(&spec.pattern, spec.within.is_some())?,
            filter: Mask::new(&spec.filter),
            has_residuals: tests.iter().any(|test| test.residual.is_some()),
            steps_max: steps.max().unwrap_or(0),
            tests,
            spec: Arc::clone(spec),
        })
    }

    /// Whether a match may begin with a row for which these atoms hold.
    pub fn may_begin(&self, truths: &Truths) -> bool {
        let initial = &self.automaton.initial;
        let may_take = |&state: &u16| {
            let variable = self.automaton.states[usize::from(state)].takes.variable();
            self.tests[usize::from(variable)].mask.holds(truths)
        };
        initial.accepts || self.automaton.next(initial).iter().any(may_take)
    }

    /// Calls `visit` with every column that programs read of rows that are kept.
    pub fn kept_columns(&self, mut visit: impl FnMut(usize)) {
        let arguments = self.spec.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
        let outputs = std::iter::once(&self.spec.output).chain(arguments.map(|(program, _)| program));
        let residuals = self.tests.iter().filter_map(|test| test.residual.as_ref());
        let of_outputs = outputs.flat_map(Program::loads);
        // Input 0 of a condition is the row under test, which is at hand.
        let loads = of_outputs.chain(residuals.flat_map(Program::loads).filter(|&(input, _)| input != 0));
        for (input, column) in loads {
            if input < MATCH && column != CLASSIFIER_COLUMN {
                visit(usize::from(column));
            }
        }
    }
}
