//! Rules that read the same rows: one node for all, with one calculation before it.

use std::sync::Arc;

use vencejo_core::plan::flow::{Calc, Operator};
use vencejo_expr::{ColumnRead, CompileError, Constant, Expr, Graph, Type, TypeError, compile};
use vencejo_rules::spec::{
    Atom, AtomId, CLASSIFIER_COLUMN, Compare, Condition, Order, RuleSetSpec, RuleSpec,
};
use vencejo_types::limits::COLUMNS_MAX;

use crate::flow::drafts::{Draft, Drafts, Origin};
use crate::flow::rel::Branch;

/// A set of rules while it is planned.
#[derive(Debug)]
pub(crate) struct RuleSetDraft {
    /// Place of the rules among the nodes; the calculation stands before it.
    pub(crate) node: usize,
    /// The node that takes each rule's matches.
    pub(crate) takers: Vec<usize>,
    origins: Vec<Origin>,
    /// Over the rows that come: what is computed of them, and as what columns.
    before: Graph,
    columns: Vec<Expr>,
    /// Over the rows that the rules see: their atoms.
    rows: Graph,
    atoms: Vec<Expr>,
}

/// By what a set's rows are told apart and ordered, as expressions over the rows that come.
pub(super) struct Arrangement<'a> {
    pub(super) origins: &'a [Origin],
    pub(super) branch: &'a Branch,
    pub(super) key: &'a [Expr],
    pub(super) time: Expr,
    pub(super) then_by: &'a [(Expr, bool)],
    pub(super) order: Order,
}

/// A column of a set's rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowColumn {
    pub(super) place: usize,
    pub(super) ty: Type,
    pub(super) nullable: bool,
}

/// Why something cannot be planned.
#[derive(Debug)]
pub(super) struct Refused(String);

impl From<TypeError> for Refused {
    fn from(error: TypeError) -> Self {
        Self(error.to_string())
    }
}

impl From<CompileError> for Refused {
    fn from(error: CompileError) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

impl Drafts {
    /// The set of this arrangement, a new one where there is none: its place among the sets.
    pub(super) fn rule_set(&mut self, arrangement: &Arrangement<'_>, name: &str) -> Result<usize, Refused> {
        for index in 0..self.rule_sets.len() {
            let set = &mut self.rule_sets[index];
            let Operator::Rules(spec) = &self.nodes[set.node].operator else { continue };
            if set.origins == arrangement.origins && set.is_arranged(spec, arrangement)? {
                return Ok(index);
            }
        }
        let ports = vec![arrangement.origins.to_vec()];
        let calc = Calc { program: vencejo_expr::Program::default(), filtered: false };
        let calc = self.add(Operator::Calc(calc), ports, Vec::new(), name.to_string())?;
        let mut set = RuleSetDraft {
            node: calc + 1,
            takers: Vec::new(),
            origins: arrangement.origins.to_vec(),
            before: Graph::new(),
            columns: Vec::new(),
            rows: Graph::new(),
            atoms: Vec::new(),
        };
        let mut place = |expr| set.column(&arrangement.branch.graph, expr);
        let key = arrangement.key.iter().map(|&expr| place(expr).map(|column| (column.place, column.ty)));
        let key = key.collect::<Result<_, _>>()?;
        let time = place(arrangement.time)?.place;
        let then_by = arrangement.then_by.iter().map(|&(expr, down)| Ok((place(expr)?.place, down)));
        let then_by = then_by.collect::<Result<_, Refused>>()?;
        let spec = RuleSetSpec {
            key,
            time,
            order: arrangement.order,
            then_by,
            input: Vec::new(),
            columns: Vec::new(),
            atoms: Vec::new(),
            rules: Vec::new(),
        };
        self.add(
            Operator::Rules(Arc::new(spec)),
            vec![vec![Origin::Node(calc)]],
            Vec::new(),
            name.to_string(),
        )?;
        self.rule_sets.push(set);
        Ok(self.rule_sets.len() - 1)
    }

    /// Adds a rule whose matches come out with these columns; `operator` takes them. Its node.
    pub(super) fn rule(
        &mut self,
        set: usize,
        rule: RuleSpec,
        operator: Operator,
        columns: Vec<Type>,
    ) -> Result<usize, Refused> {
        let name = rule.name.clone();
        let draft = &mut self.rule_sets[set];
        let program = compile(&draft.before, &draft.columns)?;
        let input: Vec<Type> = draft.columns.iter().filter_map(|&expr| draft.before.type_of(expr)).collect();
        let mut added = Vec::new();
        let node = draft.node;
        let spec = self.nodes[node].rules_mut().expect("a set's node is its rules, and nobody else's");
        for &atom in &draft.atoms[spec.atoms.len()..] {
            added.push(draft.atom(atom)?);
        }
        spec.atoms.extend(added);
        spec.input.clone_from(&input);
        let first = spec.rules.is_empty();
        spec.rules.push(Arc::new(rule));
        self.nodes[node - 1].operator = Operator::Calc(Calc { program, filtered: false });
        self.nodes[node - 1].columns = input;
        if !first {
            for node in [node - 1, node] {
                self.nodes[node].also(&name);
            }
        }
        let taker = self.add(operator, vec![vec![Origin::Node(node)]], columns, name)?;
        self.rule_sets[set].takers.push(taker);
        Ok(taker)
    }

    /// The rule whose matches a node takes.
    pub(super) fn rule_of(&self, taker: usize) -> Option<&RuleSpec> {
        self.rule_sets.iter().find_map(|set| {
            let place = set.takers.iter().position(|&other| other == taker)?;
            match &self.nodes[set.node].operator {
                Operator::Rules(spec) => spec.rules.get(place).map(|rule| &**rule),
                _ => None,
            }
        })
    }
}

impl Draft {
    /// The rules that it is, to be changed.
    pub(crate) fn rules_mut(&mut self) -> Option<&mut RuleSetSpec> {
        match &mut self.operator {
            Operator::Rules(spec) => Arc::get_mut(spec),
            _ => None,
        }
    }
}

impl RuleSetDraft {
    fn is_arranged(&mut self, spec: &RuleSetSpec, wanted: &Arrangement<'_>) -> Result<bool, Refused> {
        if spec.order != wanted.order
            || (spec.key.len(), spec.then_by.len()) != (wanted.key.len(), wanted.then_by.len())
        {
            return Ok(false);
        }
        let from = &wanted.branch.graph;
        let mut same = self.graft(from, wanted.time)? == self.columns[spec.time];
        for (&(column, _), &expr) in spec.key.iter().zip(wanted.key) {
            same &= self.graft(from, expr)? == self.columns[column];
        }
        for (&(column, down), &(expr, wanted)) in spec.then_by.iter().zip(wanted.then_by) {
            same &= down == wanted && self.graft(from, expr)? == self.columns[column];
        }
        Ok(same)
    }

    fn graft(&mut self, from: &Graph, expr: Expr) -> Result<Expr, Refused> {
        let same = |graph: &mut Graph, read: ColumnRead| {
            graph.column(read.input, read.column, read.ty, read.nullable)
        };
        Ok(self.before.graft::<TypeError>(from, expr, same)?)
    }

    /// The column that holds an expression over the rows that come.
    pub(super) fn column(&mut self, from: &Graph, expr: Expr) -> Result<RowColumn, Refused> {
        let expr = self.graft(from, expr)?;
        let Some(ty) = self.before.type_of(expr) else {
            return Err(Refused(
                "a column is always NULL, of no type; CAST(NULL AS type) gives it one".to_string(),
            ));
        };
        if ty.is_interval() {
            return Err(Refused(format!("{ty} is no type of a column")));
        }
        let nullable = self.before.nullable(expr);
        if let Some(place) = self.columns.iter().position(|&known| known == expr) {
            return Ok(RowColumn { place, ty, nullable });
        }
        if self.columns.len() >= COLUMNS_MAX {
            return Err(Refused(format!("the rules over these rows need more than {COLUMNS_MAX} columns")));
        }
        self.columns.push(expr);
        Ok(RowColumn { place: self.columns.len() - 1, ty, nullable })
    }

    /// Conditions over the rows that come as atoms over the rows that the rules see.
    pub(super) fn filter(&mut self, branch: &Branch) -> Result<Condition, Refused> {
        let mut condition = Condition::default();
        for expr in branch.conditions.iter().flat_map(|&expr| branch.graph.conjuncts(expr)) {
            let mut rows = std::mem::take(&mut self.rows);
            let atom = rows.graft::<Refused>(&branch.graph, expr, |rows, read| {
                let mut of_input = Graph::new();
                let expr = of_input.column(read.input, read.column, read.ty, read.nullable)?;
                Ok(self.column(&of_input, expr)?.of(rows, 0)?)
            });
            self.rows = rows;
            let atom = atom?;
            if self.rows.constant(atom) != Some(&Constant::Bool(true)) {
                condition.atoms.push(self.numbered(atom));
            }
        }
        Ok(condition)
    }

    /// A condition of a rule: atoms for what reads the row alone, a residual for the rest.
    pub(super) fn condition(&mut self, graph: &mut Graph, expr: Expr) -> Result<Condition, Refused> {
        let mut condition = Condition::default();
        let mut rest = Vec::new();
        for expr in graph.conjuncts(expr) {
            let alone = |read: &ColumnRead| read.input == 0 && read.column != CLASSIFIER_COLUMN;
            if graph.constant(expr) == Some(&Constant::Bool(true)) {
                continue;
            }
            if !graph.reads(expr).iter().all(alone) {
                rest.push(expr);
                continue;
            }
            let same = |rows: &mut Graph, read: ColumnRead| {
                rows.column(read.input, read.column, read.ty, read.nullable)
            };
            let atom = self.rows.graft::<TypeError>(graph, expr, same)?;
            condition.atoms.push(self.numbered(atom));
        }
        if !rest.is_empty() {
            let all = graph.and(&rest)?;
            condition.residual = Some(compile(graph, &[all])?);
        }
        Ok(condition)
    }

    /// Says what the columns are, and leaves the rules out whose matches nothing reads, and the atoms that
    /// only they ask for.
    pub(crate) fn keep_used(self, spec: &mut RuleSetSpec, used: &[bool]) {
        let column =
            |&expr| compile(&self.before, &[expr]).expect("a part of what has compiled").fingerprint();
        spec.columns = self.columns.iter().map(column).collect();
        let mut takers = self.takers.into_iter();
        spec.rules.retain(|_| takers.next().is_some_and(|taker| used[taker]));
        let mut numbers: Vec<Option<AtomId>> = vec![None; spec.atoms.len()];
        let mut next = 0;
        for rule in spec.rules.iter_mut().filter_map(Arc::get_mut) {
            let conditions = rule.variables.iter_mut().map(|variable| &mut variable.condition);
            for atom in conditions.chain([&mut rule.filter]).flat_map(|condition| &mut condition.atoms) {
                let number = numbers[*atom as usize].get_or_insert_with(|| {
                    next += 1;
                    next - 1
                });
                *atom = *number;
            }
        }
        let mut atoms: Vec<(AtomId, Atom)> =
            spec.atoms.drain(..).zip(numbers).filter_map(|(atom, number)| Some((number?, atom))).collect();
        atoms.sort_by_key(|&(number, _)| number);
        spec.atoms = atoms.into_iter().map(|(_, atom)| atom).collect();
    }

    fn numbered(&mut self, atom: Expr) -> AtomId {
        let known = self.atoms.iter().position(|&other| other == atom);
        let place = known.unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        AtomId::try_from(place).expect("EXPRESSION_NODES_MAX fits 32 bits")
    }

    fn atom(&self, expr: Expr) -> Result<Atom, Refused> {
        if let Some((comparison, read, constant)) = self.rows.as_comparison(expr) {
            let comparison = match comparison {
                vencejo_expr::Comparison::Equal => Compare::Equal,
                vencejo_expr::Comparison::NotEqual => Compare::NotEqual,
                vencejo_expr::Comparison::Less => Compare::Less,
                vencejo_expr::Comparison::LessEqual => Compare::LessOrEqual,
                vencejo_expr::Comparison::Greater => Compare::Greater,
                vencejo_expr::Comparison::GreaterEqual => Compare::GreaterOrEqual,
            };
            return Ok(Atom::Compare {
                column: usize::from(read.column),
                comparison,
                constant: constant.clone(),
            });
        }
        Ok(Atom::Program(compile(&self.rows, &[expr])?))
    }
}
