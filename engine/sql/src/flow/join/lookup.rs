//! Look-ups: a row with the row that a materialized view has for its key.

use vencejo_core::plan::flow::{FlowLookup, Operator};
use vencejo_expr::{Test, Type};
use vencejo_types::ViewId;
use vencejo_windows::spec::JoinKind;

use super::super::Planner;
use super::super::drafts::Origin;
use super::super::facts::Facts;
use super::super::needed::Needed;
use super::super::rel::{Branch, Layout, Rel};
use super::condition::Conditions;
use crate::Diagnostic;
use crate::ast::Join;
use crate::diagnostic::Reported;
use crate::scope::ScopeColumn;

impl Planner<'_, '_> {
    pub(super) fn lookup(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        (view, kind): (usize, JoinKind),
        conditions: &Conditions<'_>,
        needed: &Needed,
        join: &Join,
    ) -> Result<Rel, Reported> {
        let place = join.place;
        self.refuse_running(left, place)?;
        let name = self.catalog.views[view].name.clone();
        let Some(table) = self.catalog.views[view].table else {
            let hint = "a view is looked up by its GROUP BY columns, which it must select";
            return Err(self.fail(join.relation.place, format!("view '{name}' has no key"), hint));
        };
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            let hint = "write LEFT JOIN or JOIN, with the view on the right";
            return Err(self.fail(place, "a look-up has no RIGHT or FULL", hint));
        }
        let schema = self.drafts.tables[table].schema.clone();
        let key = self.table_key(right, conditions, table, join)?;
        let unchecked = conditions.rest.iter().chain(&conditions.left).chain(&conditions.right).next();
        if let (JoinKind::Left, Some(ast)) = (kind, unchecked) {
            let hint = "put the condition in WHERE, or in a CASE over the view's columns";
            return Err(self.fail(
                ast.place,
                "a look-up with LEFT JOIN compares the key, and nothing else",
                hint,
            ));
        }
        let mut layout = Layout::default();
        let carried = left.carry(needed, &mut layout);
        let columns: Vec<usize> =
            key.iter().map(|&pair| layout.place(conditions.keys[pair].left.clone())).collect();
        let facts = left.facts(&layout);
        let fed = self.feed(left, &layout, true, place)?;
        let id = u16::try_from(table).map(ViewId).map_err(|_| Reported)?;
        let spec = FlowLookup { table: id, key: columns.iter().map(|&column| fed.typed(column)).collect() };
        let mut types = fed.types();
        types.extend(schema.columns().iter().map(|column| Type::of(column.column_type)));
        let node = self.node(Operator::Lookup(spec), vec![fed.origins.clone()], types, place)?;
        let local = self.looks_up_own(&facts, &columns, view);
        if !local {
            let hint =
                "each partition looks into its own part of the view: partition the stream by the view's key";
            let message = format!("view '{name}' is not partitioned as the rows that look it up");
            self.report.warn(Diagnostic::new(join.relation.place, message).with_hint(hint));
        }
        let facts = Facts { complete: facts.complete && local, rank: None, ..facts };
        let mut rel = self.reread(node, facts, &carried, &fed, place)?;
        self.view_columns(&mut rel.branches[0], right, fed.columns.len(), table, join)?;
        if kind == JoinKind::Inner {
            self.found(
                &mut rel,
                fed.columns.len() + schema.key().first().copied().unwrap_or(0),
                table,
                join,
            )?;
            for ast in conditions.rest.iter().chain(&conditions.left).chain(&conditions.right) {
                self.condition(&mut rel, ast, "ON")?;
            }
        }
        Ok(rel)
    }

    /// Which of the equal pairs is each column of the table's key.
    fn table_key(
        &mut self,
        right: &Rel,
        conditions: &Conditions<'_>,
        table: usize,
        join: &Join,
    ) -> Result<Vec<usize>, Reported> {
        let schema = self.drafts.tables[table].schema.clone();
        let mut places = Vec::with_capacity(conditions.keys.len());
        for pair in &conditions.keys {
            let branch = right.branches.first().ok_or(Reported)?;
            let columns = branch.scope.columns();
            places.push(columns.iter().position(|column| column.expr == pair.right.first().copied()));
        }
        let key: Option<Vec<usize>> = schema
            .key()
            .iter()
            .map(|column| places.iter().position(|place| *place == Some(*column)))
            .collect();
        match key {
            Some(key) if key.len() == conditions.keys.len() && !key.is_empty() => Ok(key),
            _ => {
                let view = join
                    .relation
                    .alias
                    .as_ref()
                    .map_or_else(|| self.drafts.tables[table].name.clone(), |alias| alias.text.clone());
                let on: Vec<String> = schema
                    .key()
                    .iter()
                    .map(|&column| format!("{view}.{} = ...", schema.columns()[column].name))
                    .collect();
                let place = join.on.as_ref().map_or(join.place, |on| on.place);
                let message = format!("view '{view}' is looked up by its whole key, and by nothing else");
                Err(self.fail(place, message, &format!("write ON {}", on.join(" AND "))))
            }
        }
    }

    /// Whether a row's partition has the view's row of its key.
    fn looks_up_own(&self, facts: &Facts, key: &[usize], view: usize) -> bool {
        let (Some(of_view), Some(of_rows)) = (&self.catalog.views[view].partition, facts.partition()) else {
            return false;
        };
        let table_key: Option<Vec<usize>> =
            of_view.iter().map(|&position| key.get(position).copied()).collect();
        table_key == Some(of_rows)
    }

    /// The view's columns under the names that they have on the right.
    fn view_columns(
        &mut self,
        branch: &mut Branch,
        right: &Rel,
        offset: usize,
        table: usize,
        join: &Join,
    ) -> Result<(), Reported> {
        let schema = self.drafts.tables[table].schema.clone();
        let names: Vec<ScopeColumn> =
            right.branches.first().map(|branch| branch.scope.columns().to_vec()).unwrap_or_default();
        for (index, (named, column)) in names.into_iter().zip(schema.columns()).enumerate() {
            let ty = Type::of(column.column_type);
            let expr = Some(self.column(branch, offset + index, ty, true, join.place)?);
            branch.scope.add(ScopeColumn { expr, ..named });
        }
        Ok(())
    }

    /// JOIN without LEFT: rows whose key is not there do not pass. A key that was found is not NULL.
    fn found(&mut self, rel: &mut Rel, column: usize, table: usize, join: &Join) -> Result<(), Reported> {
        let schema = self.drafts.tables[table].schema.clone();
        let key = schema.key().first().copied().unwrap_or(0);
        let ty = Type::of(schema.columns()[key].column_type);
        let branch = &mut rel.branches[0];
        debug_assert!(matches!(branch.origin, Origin::Node(_)));
        let expr = self.column(branch, column, ty, true, join.place)?;
        let test = branch.graph.is(Test::NotNull, expr);
        branch.conditions.push(test.map_err(|error| self.report.error(join.place, error.to_string()))?);
        Ok(())
    }
}
