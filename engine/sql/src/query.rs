//! A decision's SELECT with its subqueries: scopes, look-ups, conditions, all in one graph.
//!
//! A decision reads one row, its request, so that a subquery is nothing but names for expressions.

use vencejo_core::plan::{Function, Lookup};
use vencejo_expr::{Expr, Graph, Type};
use vencejo_types::ViewId;
use vencejo_types::schema::Schema;

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Join, JoinWord, Select, Source};
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
        self.refuse_clauses(select);
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
            slots: None,
            lookups: Some(&self.catalog.lookups),
            report: self.report,
        }
    }

    /// The look-up tables that are declared so far.
    pub(crate) fn look_up_tables(&self) -> &'c [LookupEntry] {
        &self.catalog.lookups
    }

    /// Clauses that a decision has not.
    fn refuse_clauses(&mut self, select: &Select) {
        let mut refuse = |place, message: &str| {
            let hint = "count in a view, and look it up with LEFT JOIN";
            self.report.push(Diagnostic::new(place, message).with_hint(hint));
            self.failed = true;
        };
        if let Some(group) = &select.group_by {
            refuse(
                group.keys.first().map_or(group.place, |key| key.place),
                "GROUP BY cannot stand in a decision",
            );
        }
        if let Some(having) = &select.having {
            refuse(having.place, "HAVING cannot stand in a decision");
        }
        if select.distinct {
            refuse(select.place, "SELECT DISTINCT cannot stand in a decision");
        }
        if let Some((name, _)) = select.windows.first() {
            refuse(name.place, "WINDOW cannot stand in a decision");
        }
    }

    /// What stands behind FROM: the decision's stream, or a subquery.
    fn source(&mut self, select: &Select, scope: &mut Scope) -> Result<(), Reported> {
        let alias = select.relation.alias.as_ref().map(|alias| alias.text.as_str());
        match &select.relation.source {
            Source::Named(name) if name.text == self.stream_name => {
                scope.partial = self.stream.broken;
                let qualifier = alias.unwrap_or(&name.text);
                let columns = self.catalog.stream_columns(
                    self.stream.index,
                    &mut self.graph,
                    name.place,
                    self.report,
                )?;
                scope.add_outputs(Some(qualifier), columns);
                Ok(())
            }
            Source::Named(name) => {
                let message = format!("the decision reads its requests, stream '{}'", self.stream_name);
                let hint = "a view is looked up with LEFT JOIN";
                Err(self.report.push(Diagnostic::new(name.place, message).with_hint(hint)))
            }
            Source::Window(_) => {
                let hint = "aggregate in a view, and look it up with LEFT JOIN";
                let error = Diagnostic::new(select.relation.place, "a window cannot stand in a decision");
                Err(self.report.push(error.with_hint(hint)))
            }
            Source::Match(clause) => {
                let hint = "match in a materialized view, and look it up with LEFT JOIN";
                let error = Diagnostic::new(clause.place, "MATCH_RECOGNIZE cannot stand in a decision");
                Err(self.report.push(error.with_hint(hint)))
            }
            Source::Subquery(query) => {
                if let Some((name, _)) = query.with.first() {
                    self.report.error(name.place, "WITH cannot stand in a decision");
                    self.failed = true;
                }
                if let Some(second) = query.selects.get(1) {
                    let message = "UNION ALL cannot stand in a decision";
                    self.report.error(second.place, message);
                    self.failed = true;
                }
                if let Some(first) = query.selects.first() {
                    let outputs = self.select(first);
                    scope.add_outputs(alias, outputs);
                }
                Ok(())
            }
        }
    }

    /// `LEFT JOIN view ON view.key = stream.column AND ...`: a look-up.
    fn join(&mut self, join: &Join, scope: &mut Scope) -> Result<(), Reported> {
        let hint = "a view is looked up with LEFT JOIN view ON view.key = stream.key";
        let Source::Named(name) = &join.relation.source else {
            let error =
                Diagnostic::new(join.relation.place, "a decision looks up views, and joins nothing else");
            return Err(self.report.push(error.with_hint(hint)));
        };
        let (JoinWord::Left, Some(on)) = (join.word, &join.on) else {
            let message = match join.word {
                JoinWord::Cross => "a second table is not supported in a decision",
                _ => "a decision looks up with LEFT JOIN",
            };
            return Err(self.report.push(Diagnostic::new(join.place, message).with_hint(hint)));
        };
        let found = self.catalog.find(Declaration::View, name, self.report)?;
        let qualifier = join.relation.alias.as_ref().unwrap_or(name);
        if scope.has_table(&qualifier.text) {
            let message = format!("two tables are called '{}'", qualifier.text);
            let hint = "give one of them another name with AS";
            return Err(self.report.push(Diagnostic::new(qualifier.place, message).with_hint(hint)));
        }
        if found.broken || self.stream.broken {
            return Err(Reported);
        }
        let view = &self.catalog.views[found.index];
        let Some(table) = view.table else {
            let (message, hint) = if view.materialized {
                (
                    format!("view '{}' has no key", name.text),
                    "a view is looked up by its GROUP BY columns, which it must select",
                )
            } else {
                (format!("view '{}' keeps nothing", name.text), "write CREATE MATERIALIZED VIEW")
            };
            return Err(self.report.push(Diagnostic::new(name.place, message).with_hint(hint)));
        };
        let schema = std::sync::Arc::clone(&self.catalog.drafts.tables[table].schema);
        // The view's columns take the number that the look-up gets if it is new.
        let number = u16::try_from(self.lookups.len() + 1).map_err(|_| Reported)?;
        let mut probe = scope.clone();
        let added = probe.add_table(&mut self.graph, &qualifier.text, number, &schema, true);
        added.map_err(|error| self.report.error(name.place, error.to_string()))?;
        let key = self.key(on, &probe, number, &schema, name)?;
        self.check_place(&key, found.index, &schema, name)?;
        let lookup = Lookup { view: ViewId(u16::try_from(table).map_err(|_| Reported)?), key };
        let known = self.lookups.iter().position(|other| *other == lookup);
        let position = known.unwrap_or(self.lookups.len());
        if known.is_none() {
            self.lookups.push(lookup);
        }
        let input = u16::try_from(position + 1).map_err(|_| Reported)?;
        let added = scope.add_table(&mut self.graph, &qualifier.text, input, &schema, true);
        added.map_err(|error| self.report.error(name.place, error.to_string()))
    }

    /// The stream's columns that ON compares with the view's key, in key order.
    fn key(
        &mut self,
        on: &Ast,
        scope: &Scope,
        input: u16,
        schema: &Schema,
        view: &Name,
    ) -> Result<Vec<usize>, Reported> {
        let mut pairs = Vec::new();
        for equality in equalities(on).map_err(|place| self.not_a_key_join(place, view, schema))? {
            let list = self.lowering(scope).list(&equality[..])?;
            let columns: Vec<_> = list.iter().map(|&expr| self.graph.as_column(expr)).collect();
            pairs.push(match columns[..] {
                [Some((of, key)), Some((0, column))] | [Some((0, column)), Some((of, key))]
                    if of == input =>
                {
                    (usize::from(key), usize::from(column))
                }
                _ => return Err(self.not_a_key_join(on.place, view, schema)),
            });
        }
        let key: Option<Vec<usize>> = schema
            .key()
            .iter()
            .map(|key| pairs.iter().find(|(column, _)| column == key).map(|&(_, column)| column))
            .collect();
        let key = match key {
            Some(key) if pairs.len() == schema.key().len() => key,
            _ => return Err(self.not_a_key_join(on.place, view, schema)),
        };
        let stream = &self.catalog.streams[self.stream.index];
        for (&in_view, &in_stream) in schema.key().iter().zip(&key) {
            let types = [&schema.columns()[in_view], &stream.schema.columns()[in_stream]];
            let [in_view, in_stream] = types.map(|column| Type::of(column.column_type));
            if in_view != in_stream {
                let message = format!("the key is {in_view} in the view and {in_stream} in the stream");
                return Err(self.report.error(on.place, message));
            }
        }
        Ok(key)
    }

    /// That the view's row lies in the partition of the request.
    fn check_place(
        &mut self,
        key: &[usize],
        view: usize,
        schema: &Schema,
        name: &Name,
    ) -> Result<(), Reported> {
        let stream = &self.catalog.streams[self.stream.index];
        let partition = self.catalog.views[view].partition.as_ref();
        let columns: Option<Vec<usize>> =
            partition.map(|positions| positions.iter().map(|&position| key[position]).collect());
        if columns.as_deref() == Some(stream.schema.key()) {
            return Ok(());
        }
        let names = |schema: &Schema, columns: &[usize]| {
            listed(columns.iter().map(|&column| schema.columns()[column].name.as_str()))
        };
        let (Some(positions), Some(columns)) = (partition, columns) else {
            let message = format!("no partition has whole rows of view '{}'", name.text);
            let hint = "a decision reads the state of its own partition: let the view's GROUP BY hold what all its \
                        streams are PARTITIONED BY";
            return Err(self.report.push(Diagnostic::new(name.place, message).with_hint(hint)));
        };
        let of_view: Vec<usize> = positions.iter().map(|&position| schema.key()[position]).collect();
        let message = format!(
            "rows of view '{}' lie by ({}), here compared with ({}); requests of stream '{}' lie by ({})",
            name.text,
            names(schema, &of_view),
            names(&stream.schema, &columns),
            self.stream_name,
            names(&stream.schema, stream.schema.key())
        );
        let hint = "a decision reads the state of its own partition: compare the view's key with what the request is \
                    PARTITIONED BY";
        Err(self.report.push(Diagnostic::new(name.place, message).with_hint(hint)))
    }

    fn not_a_key_join(&mut self, place: Place, view: &Name, schema: &Schema) -> Reported {
        let on: Vec<String> = schema
            .key()
            .iter()
            .map(|&key| {
                let column = &schema.columns()[key].name;
                let stream = &self.catalog.streams[self.stream.index];
                let same = stream
                    .schema
                    .position(column)
                    .map_or("...".to_string(), |_| format!("{}.{column}", self.stream_name));
                format!("{}.{column} = {same}", view.text)
            })
            .collect();
        let message = format!("view '{}' is looked up by its whole key, and by nothing else", view.text);
        let hint = format!("write ON {}", on.join(" AND "));
        self.report.push(Diagnostic::new(place, message).with_hint(hint))
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
        let columns = self.catalog.stream_columns(self.stream.index, graph, place, self.report)?;
        scope.add_outputs(Some(self.stream_name), columns);
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
