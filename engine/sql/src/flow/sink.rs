//! Where queries end: outputs, and the tables of materialized views.

use std::sync::Arc;

use vencejo_core::plan::flow::{Keep, Operator, Output, Parts, Table, TableSource};
use vencejo_expr::Expr;
use vencejo_types::limits::COLUMNS_MAX;
use vencejo_types::schema::{Column, Schema};
use vencejo_windows::spec::{Grouping, Windowing};

use super::rel::{Layout, Rel};
use super::{Fed, Planner};
use crate::Diagnostic;
use crate::diagnostic::Reported;
use crate::tokens::{Name, Place};

/// What a materialized view is made of.
pub(crate) struct Made {
    /// Place among the tables, if the view has a key.
    pub(crate) table: Option<usize>,
    /// Positions in the table's key of the columns by which its rows are partitioned.
    pub(crate) partition: Option<Vec<usize>>,
}

impl Planner<'_, '_> {
    /// The columns of a query's rows. Those of a view or a rule, as `named` calls it, must be named, each
    /// once; those of a query get names.
    pub(crate) fn row_columns(
        &mut self,
        rel: &Rel,
        place: Place,
        named: Option<&str>,
    ) -> Result<Vec<Column>, Reported> {
        let mut columns: Vec<Column> = Vec::new();
        let mut result = Ok(());
        let Some(first) = rel.branches.first() else { return Err(Reported) };
        if first.outputs.len() > COLUMNS_MAX {
            return Err(self.report.error(place, format!("there are more than {COLUMNS_MAX} columns")));
        }
        let mut taken = std::collections::BTreeSet::new();
        for (index, output) in first.outputs.iter().enumerate() {
            let expr = |branch: &super::rel::Branch| branch.outputs.get(index).and_then(|output| output.expr);
            let ty = rel.branches.iter().find_map(|branch| branch.graph.type_of(expr(branch)?));
            let nullable =
                rel.branches.iter().any(|branch| expr(branch).is_none_or(|e| branch.graph.nullable(e)));
            let mut name = match (&output.name, named) {
                (Some(name), _) => name.clone(),
                (None, Some(noun)) => {
                    let error =
                        Diagnostic::new(output.place, format!("this column of the {noun} has no name"));
                    result = Err(self.report.push(error.with_hint("write AS and a name behind it")));
                    continue;
                }
                (None, None) => format!("EXPR${index}"),
            };
            if taken.contains(&name) {
                if let Some(noun) = named {
                    let error = Diagnostic::new(output.place, format!("the {noun} has two columns '{name}'"));
                    result = Err(self.report.push(error.with_hint("give one of them another name with AS")));
                    continue;
                }
                let fresh = (0..).map(|n| format!("{name}{n}")).find(|name| !taken.contains(name));
                name = fresh.unwrap_or(name);
            }
            taken.insert(name.clone());
            let Some(ty) = ty else {
                let hint = "CAST(NULL AS type) gives it one";
                let message = format!("column '{name}' is always NULL, of no type");
                result = Err(self.fail(output.place, message, hint));
                continue;
            };
            if ty.is_interval() {
                let hint = "TIMESTAMPDIFF(SECOND, from, to) gives a number";
                let message = format!("column '{name}' is {ty}: an interval is no column");
                result = Err(self.fail(output.place, message, hint));
                continue;
            }
            columns.push(Column { name, column_type: ty.column_type(), nullable });
        }
        result.map(|()| columns)
    }

    /// The place of an output of this name and these columns among all.
    pub(crate) fn declare_output(&mut self, name: &Name, columns: Vec<Column>) -> Result<usize, Reported> {
        let schema = Schema::new(columns, Vec::new());
        let known = self.drafts.outputs.iter().position(|output| output.name == name.text);
        match known {
            Some(index) => {
                let types = |schema: &Schema| -> Vec<_> {
                    schema.columns().iter().map(|c| (c.name.clone(), c.column_type)).collect()
                };
                if types(&self.drafts.outputs[index].schema) != types(&schema) {
                    let message = format!("output '{}' has other columns elsewhere", name.text);
                    return Err(self.report.error(name.place, message));
                }
                Ok(index)
            }
            None => {
                self.drafts.outputs.push(Output { name: name.text.clone(), schema: Arc::new(schema) });
                Ok(self.drafts.outputs.len() - 1)
            }
        }
    }

    /// Gives the rows out under a name.
    pub(crate) fn output(
        &mut self,
        rel: &mut Rel,
        name: &Name,
        columns: Vec<Column>,
    ) -> Result<Fed, Reported> {
        let index = self.declare_output(name, columns)?;
        let layout = self.whole_rows(rel)?;
        let fed = self.feed(rel, &layout, true, name.place)?;
        let types = fed.types();
        self.node(Operator::Emit(index), vec![fed.origins.clone()], types, name.place)?;
        Ok(fed)
    }

    /// The outputs as a row.
    fn whole_rows(&mut self, rel: &Rel) -> Result<Layout, Reported> {
        let mut layout = Layout::default();
        let count = rel.branches.first().map_or(0, |branch| branch.outputs.len());
        for index in 0..count {
            let exprs: Option<Vec<Expr>> =
                rel.branches.iter().map(|branch| branch.outputs.get(index)?.expr).collect();
            layout.push(exprs.ok_or(Reported)?);
        }
        Ok(layout)
    }

    /// The table and output of a materialized view.
    pub(crate) fn view(
        &mut self,
        rel: &mut Rel,
        name: &Name,
        columns: &[Column],
        retention: i64,
    ) -> Result<Made, Reported> {
        let layout = self.whole_rows(rel)?;
        let facts = rel.facts(&layout);
        // The streams' rows of one key lie together if the key has what they are partitioned by.
        let running = facts.running;
        if running && rel.branches.len() > 1 {
            let hint = "write one view for each grouping set";
            return Err(self.fail(name.place, "a view without a window has one GROUP BY", hint));
        }
        if running && facts.key.is_none() {
            let hint = "a view without a window is looked up by its GROUP BY columns: select all of them";
            return Err(self.fail(name.place, "the view does not select its key", hint));
        }
        let fed = self.output(rel, name, columns.to_vec())?;
        let partition = facts.key.as_ref().zip(facts.partition()).and_then(|(key, columns)| {
            columns
                .iter()
                .map(|column| key.iter().position(|other| other == column))
                .collect::<Option<Vec<_>>>()
        });
        let partition = partition.filter(|_| facts.complete);
        let table = match facts.key.clone() {
            Some(key) => {
                let is_local = partition.is_some();
                let source = self.source(rel, name, (&key, &layout, &fed), retention, is_local)?;
                let schema = Arc::new(Schema::new(columns.to_vec(), key));
                let (name, partition) = (name.text.clone(), partition.clone());
                self.drafts.tables.push(Table { name, schema, source, partition });
                Some(self.drafts.tables.len() - 1)
            }
            None => None,
        };
        Ok(Made { table, partition })
    }

    /// Where partitions have parts of a view's rows: the aggregation of its windows, which keeps them as
    /// long as the view. Nothing where rows are not those of one aggregation over windows of a length.
    fn parts(
        &mut self,
        rel: &mut Rel,
        layout: &Layout,
        retention: i64,
        place: Place,
    ) -> Result<Option<Parts>, Reported> {
        let [branch] = &mut *rel.branches else { return Ok(None) };
        let super::drafts::Origin::Node(node) = branch.origin else { return Ok(None) };
        let Some(Grouping::Window { windowing, retention: kept, .. }) = self.drafts.grouping_mut(node) else {
            return Ok(None);
        };
        if matches!(windowing, Windowing::Session { .. }) {
            return Ok(None);
        }
        *kept = retention.max(*kept);
        let calc = self.calc(branch, layout.of_branch(0), place)?;
        Ok(Some(Parts { node, calc }))
    }

    /// Where the rows of a view's table are.
    fn source(
        &mut self,
        rel: &mut Rel,
        name: &Name,
        (key, layout, fed): (&[usize], &Layout, &Fed),
        retention: i64,
        is_local: bool,
    ) -> Result<TableSource, Reported> {
        let facts = rel.facts(layout);
        if facts.running {
            let branch = &mut rel.branches[0];
            let super::drafts::Origin::Node(node) = branch.origin else { return Err(Reported) };
            let calc = self.calc(branch, layout.of_branch(0), name.place)?;
            return Ok(TableSource::Running { node, calc });
        }
        let keep = Keep {
            key: key.iter().map(|&column| fed.typed(column)).collect(),
            window_end: facts.window_end,
            retention,
        };
        let node = self.node(Operator::Keep(keep), vec![fed.origins.clone()], fed.types(), name.place)?;
        let parts = if is_local { None } else { self.parts(rel, layout, retention, name.place)? };
        Ok(TableSource::Kept { node, parts })
    }
}
