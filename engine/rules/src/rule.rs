//! A rule as the matcher has it.

use std::sync::Arc;

use vencejo_expr::Program;

use crate::atoms::{Atoms, Mask};
use crate::automaton::{Automaton, Takes};
use crate::registers::Plan;
use crate::spec::{AtomId, CLASSIFIER_COLUMN, Condition, MATCH, PatternError, RuleSpec};

/// A condition: what single rows must satisfy, and what looks at more.
#[derive(Debug)]
pub(crate) struct Test {
    pub mask: Mask,
    pub residual: Option<Program>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub spec: Arc<RuleSpec>,
    pub automaton: Automaton,
    pub filter: Mask,
    pub tests: Vec<Test>,
    /// What conditions read of the rows taken before.
    pub conditions: Plan,
    /// What the output reads of the match's rows.
    pub output: Plan,
    /// How many rows of the key PREV goes back at most.
    pub steps_max: usize,
    /// For each variable with which a match may begin, the atoms that the first row must satisfy, those of
    /// the filter included; nothing where every row has to be looked at.
    pub beginnings: Option<Vec<Vec<AtomId>>>,
}

impl Rule {
    pub fn new(spec: &Arc<RuleSpec>, atoms: &Atoms) -> Result<Self, PatternError> {
        spec.check()?;
        let automaton = Automaton::compile(&spec.pattern, spec.within.is_some())?;
        let test = |condition: &Condition| Test {
            mask: atoms.mask(condition),
            residual: condition.residual.clone(),
        };
        let mut is_used = vec![false; spec.variables.len()];
        automaton.states.iter().for_each(|state| is_used[usize::from(state.takes.variable())] = true);
        let used = spec.variables.iter().zip(is_used).filter(|&(_, is_used)| is_used);
        let residuals: Vec<&Program> =
            used.filter_map(|(variable, _)| variable.condition.residual.as_ref()).collect();
        let residuals = || residuals.iter().flat_map(|program| program.loads());
        let references =
            residuals().chain(spec.output.loads()).filter(|&(input, _)| (1..MATCH).contains(&input));
        let steps = references.map(|(input, _)| spec.references[usize::from(input) - 1].steps as usize);
        let steps_max = steps.max().unwrap_or(0);
        let looks_at_all = steps_max > 0 || automaton.initial.accepts;
        let beginnings = automaton.next(&automaton.initial).iter().map(|&state| {
            let variable = automaton.states[usize::from(state)].takes.variable();
            let condition = &spec.variables[usize::from(variable)].condition;
            spec.filter.atoms.iter().chain(&condition.atoms).copied().collect()
        });
        Ok(Self {
            filter: atoms.mask(&spec.filter),
            tests: spec.variables.iter().map(|variable| test(&variable.condition)).collect(),
            conditions: Plan::new(spec, residuals()),
            output: Plan::new(spec, spec.output.loads()),
            steps_max,
            beginnings: (!looks_at_all).then(|| beginnings.collect()),
            automaton,
            spec: Arc::clone(spec),
        })
    }

    /// What a state takes.
    pub fn takes(&self, state: u16) -> Takes {
        self.automaton.states[usize::from(state)].takes
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
