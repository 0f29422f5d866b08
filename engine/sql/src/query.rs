//! A decision's SELECT with its subqueries: scopes, look-ups, conditions, all in one graph.
//!
//! A decision reads one row, its request, so that a subquery is nothing but names for expressions.

use vencejo_core::plan::{Function, Lookup};
use vencejo_expr::{Expr, Graph};
use vencejo_types::ViewId;

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Join, Select, Source};
use crate::catalog::{Catalog, Declaration, Found};
use crate::diagnostic::{Report, Reported};
use crate::expression::{Engine, Lowering};
use crate::scope::{Output, Scope, outputs};
use crate::statement::listed;
use crate::statement::lookup::LookupEntry;
use crate::tokens::{Name, Place};
use vencejo_expr::Comparison;

/// What has been planned of a decision.
pub(crate) struct Query<'c, 'r> {
    pub(crate) graph: Graph,
    pub(crate) report: &'r mut Report,
    catalog: &'c Catalog,
    engine: Engine<'c>,
    stream_name: &'c str,
    stream: Found,
    lookups: Vec<Lookup>,
    /// WHERE of every SELECT, the innermost first.
    conditions: Vec<Expr>,
    condition_place: Option<Place>,
    failed: bool,
}

impl<'c, 'r> Query<'c, 'r> {
    pub(crate) fn new(catalog: &'c Catalog, name: &'c Name, stream: Found, report: &'r mut Report) -> Self {
        Self {
            graph: Graph::new(),
            report,
            catalog,
            engine: Engine { catalog, functions: Vec::new() },
            stream_name: &name.text,
            stream,
            lookups: Vec::new(),
            conditions: Vec::new(),
            condition_place: None,
            failed: false,
        }
    }

    /// Plans a SELECT; errors go to the report, and it goes on.
    pub(crate) fn select(&mut self, select: &Select) -> Vec<Output> {
        let mut scope = Scope::new(false);
        if self.source(select, &mut scope).is_err() {
            self.failed = true;
            scope.partial = true;
        }
        for join in &select.joins {
            if self.join(join, &mut scope).is_err() {
                self.failed = true;
                scope.partial = true;
            }
        }
        if let Some(group) = select.group_by.first() {
            let hint = "count in a view, and look it up with LEFT JOIN";
            let error = Diagnostic::new(group.place, "GROUP BY cannot stand in a decision");
            self.report.push(error.with_hint(hint));
            self.failed = true;
        }
        if let Some(condition) = &select.condition {
            match self.lowering(&scope).condition(condition, "WHERE") {
                Ok(expr) => self.conditions.push(expr),
                Err(Reported) => self.failed = true,
            }
            self.condition_place = Some(condition.place);
        }
        outputs(&select.items, &mut self.lowering(&scope))
    }

    fn lowering<'a>(&'a mut self, scope: &'a Scope) -> Lowering<'a, 'c> {
        Lowering {
            graph: &mut self.graph,
            scope,
            aliases: Vec::new(),
            engine: Ok(&mut self.engine),
            lookups: Some(&self.catalog.lookups),
            report: self.report,
        }
    }

    /// The look-up tables that are declared so far.
    pub(crate) fn look_up_tables(&self) -> &'c [LookupEntry] {
        &self.catalog.lookups
    }

    /// What stands behind FROM: the decision's stream, or a subquery.
    fn source(&mut self, select: &Select, scope: &mut Scope) -> Result<(), Reported> {
        match &select.source {
            Source::Named(name) if name.text == self.stream_name => {
                scope.partial = self.stream.broken;
                let qualifier = select.alias.as_ref().map_or(&name.text, |alias| &alias.text);
                let schema = &self.catalog.streams[self.stream.index].schema;
                let added = scope.add_table(&mut self.graph, qualifier, 0, schema, false);
                added.map_err(|error| self.report.error(name.place, error.to_string()))
            }
            Source::Named(name) => {
                let message = format!("the decision reads its requests, stream '{}'", self.stream_name);
                let hint = "a view is looked up with LEFT JOIN";
                Err(self.report.push(Diagnostic::new(name.place, message).with_hint(hint)))
            }
            Source::Subquery(selects) => {
                if let Some(second) = selects.get(1) {
                    let message = "UNION ALL cannot stand in a decision";
                    self.report.error(second.place, message);
                    self.failed = true;
                }
                if let Some(first) = selects.first() {
                    let outputs = self.select(first);
                    scope.add_outputs(select.alias.as_ref(), outputs);
                }
                Ok(())
            }
        }
    }

    /// `LEFT JOIN view ON view.key = stream.key`: a look-up.
    fn join(&mut self, join: &Join, scope: &mut Scope) -> Result<(), Reported> {
        let found = self.catalog.find(Declaration::View, &join.view, self.report)?;
        let qualifier = join.alias.as_ref().unwrap_or(&join.view);
        if scope.has_table(&qualifier.text) {
            let message = format!("two tables are called '{}'", qualifier.text);
            let hint = "give one of them another name with AS";
            return Err(self.report.push(Diagnostic::new(qualifier.place, message).with_hint(hint)));
        }
        let view = &self.catalog.views[found.index];
        // Every view is looked up once, by the partition's key.
        let id = ViewId(u16::try_from(found.index).map_err(|_| Reported)?);
        let position = self.lookups.iter().position(|lookup| lookup.view == id);
        let number = position.unwrap_or(self.lookups.len());
        let input = u16::try_from(number + 1).map_err(|_| Reported)?;
        let added = scope.add_table(&mut self.graph, &qualifier.text, input, &view.schema, true);
        added.map_err(|error| self.report.error(join.view.place, error.to_string()))?;
        if position.is_none() {
            let key = self.catalog.streams[self.stream.index].schema.key().to_vec();
            self.lookups.push(Lookup { view: id, key });
        }
        if found.broken || self.stream.broken {
            return Err(Reported);
        }
        self.check_key(join, scope, input, found.index)
    }

    /// That ON compares each key column of the view with the same key column of the stream.
    fn check_key(&mut self, join: &Join, scope: &Scope, input: u16, view: usize) -> Result<(), Reported> {
        let view = &self.catalog.views[view];
        let stream = &self.catalog.streams[self.stream.index];
        let equalities = equalities(&join.on);
        let mut pairs = Vec::new();
        for equality in equalities.map_err(|place| self.not_a_key_join(place, join, view))? {
            let list = self.lowering(scope).list(&equality[..])?;
            let columns: Vec<_> = list.iter().map(|&expr| self.graph.as_column(expr)).collect();
            pairs.push(match columns[..] {
                [Some((of, key)), Some((0, column))] | [Some((0, column)), Some((of, key))]
                    if of == input =>
                {
                    (usize::from(key), usize::from(column))
                }
                _ => return Err(self.not_a_key_join(join.on.place, join, view)),
            });
        }
        pairs.sort_unstable();
        let wanted: Vec<(usize, usize)> =
            (0..view.key_columns()).zip(stream.schema.key().iter().copied()).collect();
        if pairs != wanted || view.key_columns() != stream.schema.key().len() {
            return Err(self.not_a_key_join(join.on.place, join, view));
        }
        let type_of =
            |schema: &vencejo_types::schema::Schema, index: usize| schema.columns()[index].column_type;
        for (key, column) in wanted {
            let (in_view, in_stream) = (type_of(&view.schema, key), type_of(&stream.schema, column));
            if in_view != in_stream {
                let message = format!("the key is {in_view} in the view and {in_stream} in the stream");
                return Err(self.report.error(join.on.place, message));
            }
        }
        Ok(())
    }

    fn not_a_key_join(&mut self, place: Place, join: &Join, view: &vencejo_core::plan::View) -> Reported {
        let stream = &self.catalog.streams[self.stream.index];
        let stream_key =
            stream.schema.key().iter().map(|&index| stream.schema.columns()[index].name.as_str());
        let keys = view.schema.columns().iter().take(view.key_columns()).map(|column| column.name.as_str());
        let error = if view.key_columns() == stream.schema.key().len() {
            let on: Vec<String> = keys
                .zip(stream_key)
                .map(|(key, column)| format!("{}.{key} = {}.{column}", join.view.text, self.stream_name))
                .collect();
            let message =
                format!("view '{}' is looked up by its whole key, and by nothing else", join.view.text);
            Diagnostic::new(place, message).with_hint(format!("write ON {}", on.join(" AND ")))
        } else {
            let message = format!(
                "view '{}' has the key ({}), stream '{}' the key ({})",
                join.view.text,
                listed(keys),
                self.stream_name,
                listed(stream_key)
            );
            let hint = "a decision reads the state of its own partition, so both must have the same key";
            Diagnostic::new(place, message).with_hint(hint)
        };
        self.report.push(error)
    }

    /// The WHERE conditions as one.
    pub(crate) fn conditions(&mut self) -> Result<Option<Expr>, Reported> {
        let Some(place) = self.condition_place else { return Ok(None) };
        let all = self.graph.and(&self.conditions);
        all.map(Some).map_err(|error| self.report.error(place, error.to_string()))
    }

    /// The stream's own columns, for FALLBACK.
    pub(crate) fn stream_scope(&mut self, graph: &mut Graph, place: Place) -> Result<Scope, Reported> {
        let mut scope = Scope::new(self.stream.broken);
        let schema = &self.catalog.streams[self.stream.index].schema;
        let added = scope.add_table(graph, self.stream_name, 0, schema, false);
        added.map_err(|error| self.report.error(place, error.to_string()))?;
        Ok(scope)
    }

    /// The graph, the look-ups and the functions, if there was no error.
    pub(crate) fn finish(self) -> Result<(Graph, Vec<Lookup>, Vec<Function>), Reported> {
        if self.failed {
            return Err(Reported);
        }
        Ok((self.graph, self.lookups, self.engine.functions))
    }
}

/// The sides of `a = b AND c = d ...`, or the place of something else.
fn equalities(on: &Ast) -> Result<Vec<&[Ast; 2]>, Place> {
    match &on.kind {
        AstKind::Compare(Comparison::Equal, sides) => Ok(vec![sides]),
        AstKind::And(list) => {
            let lists: Result<Vec<_>, Place> = list.iter().map(equalities).collect();
            Ok(lists?.into_iter().flatten().collect())
        }
        _ => Err(on.place),
    }
}
