//! Which names an expression sees.

use std::collections::BTreeMap;

use vencejo_expr::{Expr, Graph, Type, TypeError};
use vencejo_types::limits::COLUMNS_MAX;
use vencejo_types::schema::Schema;

use crate::Diagnostic;
use crate::ast::{ColumnName, Item};
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::suggest::did_you_mean;
use crate::tokens::{Name, Place};

/// A column that a name may mean.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    /// The table's name or alias.
    pub(crate) qualifier: Option<String>,
    pub(crate) name: String,
    /// None when its expression has an error, which is reported where it stands.
    pub(crate) expr: Option<Expr>,
}

/// The columns of a FROM clause.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    columns: Vec<ScopeColumn>,
    /// The places of each name.
    places: BTreeMap<String, Vec<usize>>,
    /// Whether columns may be missing because of an error elsewhere: then an unknown name is none.
    pub(crate) partial: bool,
}

/// A column of a SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) place: Place,
    /// None for an expression without an alias.
    pub(crate) name: Option<String>,
    pub(crate) expr: Option<Expr>,
}

/// What a name leads to.
pub(crate) enum Resolved {
    Known(Expr),
    /// To a column whose error is reported elsewhere.
    Broken,
    Missing,
    Ambiguous,
}

impl Scope {
    /// No columns yet.
    pub(crate) fn new(partial: bool) -> Self {
        Self { columns: Vec::new(), places: BTreeMap::new(), partial }
    }

    /// Makes a column known.
    pub(crate) fn add(&mut self, column: ScopeColumn) {
        self.places.entry(column.name.clone()).or_default().push(self.columns.len());
        self.columns.push(column);
    }

    /// Adds the columns of a stream or view, which are input `input` of the program.
    pub(crate) fn add_table(
        &mut self,
        graph: &mut Graph,
        qualifier: &str,
        input: u16,
        schema: &Schema,
        nullable: bool,
    ) -> Result<(), TypeError> {
        for (index, column) in (0..).zip(schema.columns()) {
            let ty = Type::of(column.column_type);
            let expr = graph.column(input, index, ty, nullable || column.nullable)?;
            let qualifier = Some(qualifier.to_string());
            self.add(ScopeColumn { qualifier, name: column.name.clone(), expr: Some(expr) });
        }
        Ok(())
    }

    /// Adds the columns of a subquery; those without a name cannot be named.
    pub(crate) fn add_outputs(&mut self, alias: Option<&str>, outputs: Vec<Output>) {
        let qualifier = alias.map(str::to_string);
        for Output { name, expr, .. } in outputs {
            if let Some(name) = name {
                self.add(ScopeColumn { qualifier: qualifier.clone(), name, expr });
            }
        }
    }

    /// The scope without the columns of these names.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let mut scope = Self::new(self.partial);
        let kept = self.columns.iter().filter(|column| !names.contains(&column.name.as_str()));
        kept.for_each(|column| scope.add(column.clone()));
        scope
    }

    pub(crate) fn columns(&self) -> &[ScopeColumn] {
        &self.columns
    }

    /// Whether a table goes by this name.
    pub(crate) fn has_table(&self, qualifier: &str) -> bool {
        self.columns.iter().any(|column| column.qualifier.as_deref() == Some(qualifier))
    }

    pub(crate) fn resolve(&self, qualifier: Option<&str>, name: &str) -> Resolved {
        let places = self.places.get(name).map_or(&[][..], Vec::as_slice);
        let columns = places.iter().map(|&place| &self.columns[place]);
        let mut found =
            columns.filter(|column| qualifier.is_none() || column.qualifier.as_deref() == qualifier);
        match (found.next(), found.next()) {
            (Some(column), None) => column.expr.map_or(Resolved::Broken, Resolved::Known),
            (None, _) if self.partial => Resolved::Broken,
            (None, _) => Resolved::Missing,
            (Some(_), Some(_)) => Resolved::Ambiguous,
        }
    }

    /// The column of this name; `aliases` are those of the same SELECT, which do not count here.
    pub(crate) fn column(
        &self,
        column: &ColumnName,
        aliases: &[String],
        report: &mut Report,
    ) -> Result<Expr, Reported> {
        let qualifier = column.qualifier.as_ref();
        let name = &column.name;
        let error = match self.resolve(qualifier.map(|name| name.text.as_str()), &name.text) {
            Resolved::Known(expr) => return Ok(expr),
            Resolved::Broken => return Err(Reported),
            Resolved::Ambiguous => self.ambiguous(name),
            Resolved::Missing => match qualifier {
                Some(qualifier) if !self.has_table(&qualifier.text) => self.unknown_table(qualifier),
                _ => self.unknown_column(qualifier, name, aliases),
            },
        };
        Err(report.push(error))
    }

    fn ambiguous(&self, name: &Name) -> Diagnostic {
        let mut tables = self.columns.iter().filter(|column| column.name == name.text);
        let tables = [tables.next(), tables.next()].map(|c| c.and_then(|c| c.qualifier.as_deref()));
        let hint = match tables {
            [Some(a), Some(b)] if a != b => format!("write {a}.{} or {b}.{}", name.text, name.text),
            _ => "give one of them another name with AS".to_string(),
        };
        let message = format!("column '{}' is ambiguous", name.text);
        Diagnostic::new(name.place, message).with_hint(hint)
    }

    fn unknown_table(&self, qualifier: &Name) -> Diagnostic {
        let tables = self.columns.iter().filter_map(|column| column.qualifier.as_deref());
        Diagnostic::new(qualifier.place, format!("unknown table '{}'", qualifier.text))
            .with_hint_if(did_you_mean(&qualifier.text, tables))
    }

    fn unknown_column(&self, qualifier: Option<&Name>, name: &Name, aliases: &[String]) -> Diagnostic {
        let wanted = qualifier.map(|name| name.text.as_str());
        let names =
            self.columns.iter().filter(|column| wanted.is_none() || column.qualifier.as_deref() == wanted);
        let hint = if qualifier.is_none() && aliases.contains(&name.text) {
            let hint = "an alias is not known in its own SELECT: name it in a subquery, and use it outside";
            Some(hint.to_string())
        } else {
            did_you_mean(&name.text, names.map(|column| column.name.as_str()))
        };
        let message = match qualifier {
            Some(table) => format!("unknown column '{}.{}'", table.text, name.text),
            None => format!("unknown column '{}'", name.text),
        };
        Diagnostic::new(name.place, message).with_hint_if(hint)
    }
}

/// The columns of a SELECT list in the lowering's scope.
pub(crate) fn outputs(items: &[Item], lowering: &mut Lowering<'_, '_>) -> Vec<Output> {
    lowering.aliases = items
        .iter()
        .filter_map(|item| match item {
            Item::Value { alias: Some(alias), .. } => Some(alias.text.clone()),
            _ => None,
        })
        .collect();
    let mut outputs: Vec<Output> = Vec::new();
    for item in items {
        match item {
            Item::Star { place, qualifier } => star(*place, qualifier.as_ref(), lowering, &mut outputs),
            Item::Value { place, value, alias } => {
                let name = alias.as_ref().or_else(|| value.column_name()).map(|name| name.text.clone());
                let expr = lowering.expr(value).ok();
                outputs.push(Output { place: *place, name, expr });
            }
        }
        // Subqueries of stars would double the columns at every level.
        if outputs.len() > COLUMNS_MAX {
            let place = outputs.last().map_or(Place { line: 1, column: 1 }, |output| output.place);
            lowering.report.error(place, format!("the SELECT has more than {COLUMNS_MAX} columns"));
            outputs.truncate(COLUMNS_MAX);
            break;
        }
    }
    outputs
}

fn star(place: Place, qualifier: Option<&Name>, lowering: &mut Lowering<'_, '_>, outputs: &mut Vec<Output>) {
    let scope = lowering.scope;
    if let Some(qualifier) = qualifier
        && !scope.has_table(&qualifier.text)
    {
        if !scope.partial {
            lowering.report.push(scope.unknown_table(qualifier));
        }
        return;
    }
    let wanted = qualifier.map(|name| name.text.as_str());
    let columns = scope.columns.iter().filter(|c| wanted.is_none() || c.qualifier.as_deref() == wanted);
    outputs.extend(columns.map(|c| Output { place, name: Some(c.name.clone()), expr: c.expr }));
}
