//! Queries to the app's dataflow.
//!
//! A query is planned from the inside out. What it has come to so far is a [`Rel`]: branches, each of which
//! names where rows come from (a stream, or a node that is there already) and holds expressions and
//! conditions over that row. Projections and filters only add expressions; an operator that needs rows makes
//! a node, with one `Calc` before it for each branch. So there is never more than one `Calc` between two
//! operators, and it computes what is needed and no more.

pub(crate) mod calls;
pub(crate) mod carry;
pub(crate) mod drafts;
pub(crate) mod facts;
pub(crate) mod group;
pub(crate) mod grouped;
pub(crate) mod join;
pub(crate) mod matching;
pub(crate) mod needed;
pub(crate) mod over;
pub(crate) mod rel;
pub(crate) mod select;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod windowing;

use vencejo_core::plan::flow::{Calc, Operator};
use vencejo_expr::{Expr, Type, compile};
use vencejo_rules::spec::Order;
use vencejo_types::limits::COLUMNS_MAX;

use crate::Diagnostic;
use crate::ast::Ast;
use crate::catalog::Catalog;
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::tokens::Place;

use drafts::{Drafts, Origin};
use rel::{Branch, Layout, Rel};

/// What a view's options say about the operators in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Of the view or query, for the nodes.
    pub(crate) name: String,
    /// Of groups without a window, in milliseconds.
    pub(crate) ttl: Option<i64>,
    /// Of windows, in milliseconds; else the stream's own.
    pub(crate) lateness: Option<i64>,
    /// Groups that each operator holds in a partition.
    pub(crate) keys_max: Option<usize>,
    /// When rows are matched; nothing for the order of events.
    pub(crate) order: Option<Order>,
}

/// Plans one statement.
pub(crate) struct Planner<'c, 'r> {
    pub(crate) catalog: &'c Catalog,
    pub(crate) drafts: &'r mut Drafts,
    pub(crate) report: &'r mut Report,
    pub(crate) settings: Settings,
    /// Queries of WITH, the innermost last.
    pub(crate) named: Vec<(String, Rel)>,
}

/// Rows as an operator gets them.
pub(crate) struct Fed {
    pub(crate) origins: Vec<Origin>,
    /// Where each column of the layout is.
    pub(crate) places: Vec<usize>,
    /// Types of the row's columns, and whether they can be NULL.
    pub(crate) columns: Vec<(Type, bool)>,
}

impl Fed {
    pub(crate) fn types(&self) -> Vec<Type> {
        self.columns.iter().map(|&(ty, _)| ty).collect()
    }

    /// Place and type of a column of the layout.
    pub(crate) fn typed(&self, column: usize) -> (usize, Type) {
        let place = self.places[column];
        (place, self.columns[place].0)
    }
}

impl Planner<'_, '_> {
    /// An expression in every branch.
    pub(crate) fn lower(&mut self, rel: &mut Rel, ast: &Ast) -> Result<Vec<Expr>, Reported> {
        rel.branches.iter_mut().map(|branch| branch.lowering(self.catalog, self.report).expr(ast)).collect()
    }

    /// A condition in every branch.
    pub(crate) fn condition(&mut self, rel: &mut Rel, ast: &Ast, clause: &str) -> Result<(), Reported> {
        for branch in &mut rel.branches {
            let condition = branch.lowering(self.catalog, self.report).condition(ast, clause)?;
            branch.conditions.push(condition);
        }
        Ok(())
    }

    pub(crate) fn fail(&mut self, place: Place, message: impl Into<String>, hint: &str) -> Reported {
        self.report.push(Diagnostic::new(place, message).with_hint(hint))
    }

    /// Rows of all branches with the layout's columns. `exact` demands a row of these columns and no other;
    /// else a node's row may be taken as it is.
    pub(crate) fn feed(
        &mut self,
        rel: &mut Rel,
        layout: &Layout,
        exact: bool,
        place: Place,
    ) -> Result<Fed, Reported> {
        if layout.len() > COLUMNS_MAX {
            return Err(self.report.error(place, format!("this needs more than {COLUMNS_MAX} columns")));
        }
        let columns = self.layout_columns(rel, layout, place)?;
        if let (false, [branch]) = (exact, &rel.branches[..])
            && let Origin::Node(node) = branch.origin
            && let Some(places) = layout.plain_places(0, branch)
        {
            let mut source: Vec<(Type, bool)> =
                self.drafts.nodes[node].columns.iter().map(|&ty| (ty, true)).collect();
            for (&place, &column) in places.iter().zip(&columns) {
                source[place] = column;
            }
            return Ok(Fed { origins: vec![branch.origin], places, columns: source });
        }
        let mut origins = Vec::with_capacity(rel.branches.len());
        for (index, branch) in rel.branches.iter_mut().enumerate() {
            let same = layout
                .plain_places(index, branch)
                .is_some_and(|places| places.iter().copied().eq(0..layout.len()));
            if same && self.width(branch.origin) == layout.len() {
                origins.push(branch.origin);
                continue;
            }
            let calc = self.calc(branch, layout.of_branch(index), place)?;
            let types = columns.iter().map(|&(ty, _)| ty).collect();
            let ports = vec![vec![branch.origin]];
            origins.push(Origin::Node(self.node(Operator::Calc(calc), ports, types, place)?));
        }
        Ok(Fed { origins, places: (0..layout.len()).collect(), columns })
    }

    /// The types of a layout's columns. A NULL of no type has no column.
    fn layout_columns(
        &mut self,
        rel: &Rel,
        layout: &Layout,
        place: Place,
    ) -> Result<Vec<(Type, bool)>, Reported> {
        (0..layout.len())
            .map(|column| {
                let ty = rel
                    .branches
                    .iter()
                    .enumerate()
                    .find_map(|(index, branch)| branch.graph.type_of(layout.column(column)[index]));
                let nullable = rel
                    .branches
                    .iter()
                    .enumerate()
                    .any(|(index, branch)| branch.graph.nullable(layout.column(column)[index]));
                if let Some(ty) = ty.filter(|ty| ty.is_interval()) {
                    let hint = "TIMESTAMPDIFF(SECOND, from, to) gives a number";
                    return Err(self.fail(place, format!("{ty} is no type of a column"), hint));
                }
                let hint = "CAST(NULL AS type) gives it one";
                ty.map(|ty| (ty, nullable))
                    .ok_or_else(|| self.fail(place, "a column is always NULL, of no type", hint))
            })
            .collect()
    }

    /// The branch's condition and these expressions as a calculation.
    pub(crate) fn calc(
        &mut self,
        branch: &mut Branch,
        columns: Vec<Expr>,
        place: Place,
    ) -> Result<Calc, Reported> {
        let filtered = !branch.conditions.is_empty();
        let mut outputs = Vec::with_capacity(columns.len() + 1);
        if filtered {
            let condition = branch.graph.and(&branch.conditions);
            outputs.push(condition.map_err(|error| self.report.error(place, error.to_string()))?);
        }
        outputs.extend(columns);
        let program = compile(&branch.graph, &outputs);
        let program = program.map_err(|error| self.report.error(place, error.to_string()))?;
        Ok(Calc { program, filtered })
    }

    pub(crate) fn node(
        &mut self,
        operator: Operator,
        ports: Vec<Vec<Origin>>,
        columns: Vec<Type>,
        place: Place,
    ) -> Result<usize, Reported> {
        let name = self.settings.name.clone();
        self.drafts.add(operator, ports, columns, name).map_err(|message| self.report.error(place, message))
    }

    /// How many columns a row has.
    fn width(&self, origin: Origin) -> usize {
        match origin {
            Origin::Stream(stream) => self.catalog.streams[stream].schema.columns().len(),
            Origin::Node(node) => self.drafts.nodes[node].columns.len(),
        }
    }

    /// Refuses to read rows that a running aggregate only has at the end of input.
    pub(crate) fn refuse_running(&mut self, rel: &Rel, place: Place) -> Result<(), Reported> {
        if rel.branches.iter().any(|branch| branch.facts.running) {
            let hint =
                "group by a window, or look the view up with LEFT JOIN view ON view.key = stream.column";
            let message = "this would read a running aggregate, which has no rows of its own but changes with every event";
            return Err(self.fail(place, message, hint));
        }
        Ok(())
    }
}

impl Branch {
    pub(crate) fn lowering<'a>(
        &'a mut self,
        catalog: &'a Catalog,
        report: &'a mut Report,
    ) -> Lowering<'a, 'a> {
        Lowering {
            graph: &mut self.graph,
            scope: &self.scope,
            aliases: Vec::new(),
            engine: Err("a query"),
            slots: Some(&self.slots),
            lookups: Some(&catalog.lookups),
            report,
        }
    }
}
