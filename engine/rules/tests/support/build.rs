//! From a test's rule to the matcher's specification, as the planner would make it.

use std::sync::Arc;

use vencejo_expr::{Arithmetic, Comparison, Constant, Expr, Graph, Program, Type, compile};
use vencejo_rules::spec::{
    AGGREGATES, Anchor, Atom, AtomId, CLASSIFIER_COLUMN, Compare, Condition, MATCH, Order, PatternAggregate,
    PatternFunction, Reference, RuleSetSpec, RuleSpec, Semantics, Variable, VariableSet, Wording,
    match_column,
};

use super::{At, FLAG, KEY, Look, Measure, Model, NAMES, Part, TIME, X};

/// A set of these rules.
pub fn set(models: &[Model], order: Order) -> Arc<RuleSetSpec> {
    let mut atoms = Vec::new();
    let rules = models.iter().map(|model| Arc::new(rule(model, &mut atoms))).collect();
    Arc::new(RuleSetSpec {
        key: vec![(KEY, Type::BigInt)],
        time: TIME,
        order,
        then_by: vec![(X, true)],
        input: vec![Type::Timestamp, Type::BigInt, Type::BigInt, Type::Boolean],
        columns: (0..4).collect(),
        atoms,
        rules,
    })
}

fn rule(model: &Model, atoms: &mut Vec<Atom>) -> RuleSpec {
    let mut builder = Builder { references: Vec::new(), aggregates: Vec::new(), atoms };
    let filter = if model.filtered {
        vec![builder.compare(FLAG, Compare::Equal, Constant::Bool(true))]
    } else {
        Vec::new()
    };
    let variables = model
        .variables
        .iter()
        .zip(NAMES)
        .map(|(parts, name)| Variable { name: name.to_owned(), condition: builder.condition(parts) });
    let variables = variables.collect();
    let output = builder.output(&model.measures);
    RuleSpec {
        name: "rule".to_owned(),
        filter: Condition { atoms: filter, residual: None },
        variables,
        pattern: model.pattern.clone(),
        skip: model.skip,
        within: model.within,
        references: builder.references,
        aggregates: builder.aggregates,
        rows: model.rows,
        output,
        show_timeouts: model.show_timeouts,
        wording: Wording::default(),
    }
}

struct Builder<'a> {
    references: Vec<Reference>,
    aggregates: Vec<PatternAggregate>,
    atoms: &'a mut Vec<Atom>,
}

impl Builder<'_> {
    fn compare(&mut self, column: usize, comparison: Compare, constant: Constant) -> AtomId {
        self.atoms.push(Atom::Compare { column, comparison, constant });
        AtomId::try_from(self.atoms.len() - 1).unwrap()
    }

    fn condition(&mut self, parts: &[Part]) -> Condition {
        let mut condition = Condition::default();
        let mut graph = Graph::new();
        let mut residuals = Vec::new();
        for part in parts {
            let compared = |comparison, number| (comparison, Constant::Int(number));
            let (comparison, constant) = match *part {
                Part::Below(number) => compared(Compare::Less, number),
                Part::AtLeast(number) => compared(Compare::GreaterOrEqual, number),
                Part::Equals(number) => compared(Compare::Equal, number),
                Part::Odd => {
                    self.atoms.push(Atom::Program(odd()));
                    condition.atoms.push(AtomId::try_from(self.atoms.len() - 1).unwrap());
                    continue;
                }
                _ => {
                    residuals.push(self.residual(&mut graph, part));
                    continue;
                }
            };
            let atom = self.compare(X, comparison, constant);
            condition.atoms.push(atom);
        }
        if !residuals.is_empty() {
            let all = graph.and(&residuals).unwrap();
            condition.residual = Some(compile(&graph, &[all]).unwrap());
        }
        condition
    }

    fn residual(&mut self, graph: &mut Graph, part: &Part) -> Expr {
        let x = graph.column(0, u16::try_from(X).unwrap(), Type::BigInt, true).unwrap();
        let (comparison, a, b) = match *part {
            Part::Above(look) => {
                let other = self.look(graph, look, Semantics::Running, u16::try_from(X).unwrap());
                (Comparison::Greater, x, other)
            }
            Part::SumBelow(variables, number) => {
                let sum = self.aggregate(graph, PatternFunction::Sum, variables, false, Semantics::Running);
                (Comparison::Less, sum, graph.integer(number).unwrap())
            }
            Part::CountAtMost(variables, number) => {
                let count =
                    self.aggregate(graph, PatternFunction::CountRows, variables, false, Semantics::Running);
                (Comparison::LessEqual, count, graph.integer(number).unwrap())
            }
            Part::DifferentAtMost(variables, number) => {
                let count =
                    self.aggregate(graph, PatternFunction::Count, variables, true, Semantics::Running);
                (Comparison::LessEqual, count, graph.integer(number).unwrap())
            }
            Part::IsNot(look, variable) => {
                let name = self.look(graph, look, Semantics::Running, CLASSIFIER_COLUMN);
                let none = graph.text("").unwrap();
                let name = graph.coalesce(&[name, none]).unwrap();
                (Comparison::NotEqual, name, graph.text(NAMES[usize::from(variable)]).unwrap())
            }
            Part::NotLeast(variables) => {
                let least = self.aggregate(graph, PatternFunction::Min, variables, false, Semantics::Running);
                (Comparison::NotEqual, x, least)
            }
            Part::Below(_) | Part::AtLeast(_) | Part::Equals(_) | Part::Odd => panic!("{part:?} is an atom"),
        };
        graph.compare(comparison, a, b).unwrap()
    }

    fn look(&mut self, graph: &mut Graph, look: Look, semantics: Semantics, column: u16) -> Expr {
        let ty = if column == CLASSIFIER_COLUMN { Type::String } else { Type::BigInt };
        let anchor = match look.anchor {
            At::Current if look.steps == 0 => return graph.column(0, column, ty, true).unwrap(),
            At::Current => Anchor::Current,
            At::First(variables, offset) => Anchor::First { variables, offset, semantics },
            At::Last(variables, offset) => Anchor::Last { variables, offset, semantics },
        };
        self.references.push(Reference { anchor, steps: look.steps });
        graph.column(u16::try_from(self.references.len()).unwrap(), column, ty, true).unwrap()
    }

    fn aggregate(
        &mut self,
        graph: &mut Graph,
        function: PatternFunction,
        variables: VariableSet,
        distinct: bool,
        semantics: Semantics,
    ) -> Expr {
        let argument = (function != PatternFunction::CountRows).then(|| {
            let mut graph = Graph::new();
            let x = graph.column(0, u16::try_from(X).unwrap(), Type::BigInt, true).unwrap();
            (compile(&graph, &[x]).unwrap(), Type::BigInt)
        });
        self.aggregates.push(PatternAggregate { function, variables, argument, distinct, semantics });
        let column = u16::try_from(self.aggregates.len() - 1).unwrap();
        graph.column(AGGREGATES, column, Type::BigInt, true).unwrap()
    }

    fn output(&mut self, measures: &[Measure]) -> Program {
        use PatternFunction as F;
        use Semantics::{Final, Running};
        let mut graph = Graph::new();
        let x = u16::try_from(X).unwrap();
        let outputs: Vec<Expr> = measures
            .iter()
            .map(|measure| match *measure {
                Measure::X(look) => self.look(&mut graph, look, Running, x),
                Measure::FinalX(look) => self.look(&mut graph, look, Final, x),
                Measure::Classifier(look) => self.look(&mut graph, look, Running, CLASSIFIER_COLUMN),
                Measure::Count(set) => self.aggregate(&mut graph, F::CountRows, set, false, Running),
                Measure::Sum(set) => self.aggregate(&mut graph, F::Sum, set, false, Running),
                Measure::FinalSum(set) => self.aggregate(&mut graph, F::Sum, set, false, Final),
                Measure::DistinctCount(set) => self.aggregate(&mut graph, F::Count, set, true, Running),
                Measure::Average(set) => self.aggregate(&mut graph, F::Avg, set, false, Running),
                Measure::Number => graph.column(MATCH, match_column::NUMBER, Type::BigInt, true).unwrap(),
                Measure::RowTime => {
                    graph.column(MATCH, match_column::ROWTIME, Type::Timestamp, true).unwrap()
                }
                Measure::TimedOut => {
                    graph.column(MATCH, match_column::TIMED_OUT, Type::Boolean, true).unwrap()
                }
            })
            .collect();
        compile(&graph, &outputs).unwrap()
    }
}

fn odd() -> Program {
    let mut graph = Graph::new();
    let x = graph.column(0, u16::try_from(X).unwrap(), Type::BigInt, true).unwrap();
    let (two, zero) = (graph.integer(2).unwrap(), graph.integer(0).unwrap());
    let rest = graph.arithmetic(Arithmetic::Remainder, x, two).unwrap();
    let odd = graph.compare(Comparison::NotEqual, rest, zero).unwrap();
    compile(&graph, &[odd]).unwrap()
}
