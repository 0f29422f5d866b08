//! `CREATE MATERIALIZED VIEW`: counts per key.

use std::sync::Arc;

use sqlparser::tokenizer::Token as Kind;
use vencejo_core::plan::{Aggregate, Feed, View};
use vencejo_expr::{Expr, Graph};
use vencejo_types::StreamId;
use vencejo_types::limits::COLUMNS_MAX;
use vencejo_types::schema::{Column, ColumnType, Schema};

use super::{finish, listed};
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Function, Item, Select, Source};
use crate::catalog::{Catalog, Declaration};
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::function::AGGREGATES;
use crate::scope::{Output, Scope, outputs};
use crate::tokens::{Cursor, Name, Parsed, Place};

/// One stream on its way into the view.
struct Branch {
    stream: usize,
    graph: Graph,
    scope: Scope,
    conditions: Vec<Expr>,
}

/// What the SELECT list says: names of the key columns, and the aggregates with their arguments.
struct Shape<'s> {
    keys: Vec<(&'s Ast, &'s str)>,
    aggregates: Vec<(&'s str, Option<&'s Ast>)>,
}

/// Plans the statement behind its name.
pub(crate) fn plan(
    cursor: &mut Cursor<'_>,
    name: &Name,
    claimed: bool,
    catalog: &mut Catalog,
    report: &mut Report,
) -> Parsed<()> {
    if cursor.is(&Kind::LParen) {
        return Err(cursor.error("a view's columns are named in its SELECT").with_hint("write AS SELECT"));
    }
    cursor.expect_word("AS")?;
    let select = cursor.select()?;
    finish(cursor, "WHERE, GROUP BY or ';'")?;
    match view(name, &select, catalog, report) {
        Ok(view) if claimed => catalog.add_view(name, view, false),
        Err(Reported) if claimed => catalog.add_broken(Declaration::View, name),
        _ => {}
    }
    Ok(())
}

fn view(name: &Name, select: &Select, catalog: &Catalog, report: &mut Report) -> Result<View, Reported> {
    if let Some(join) = select.joins.first() {
        return Err(report.error(join.view.place, "a view cannot look up another"));
    }
    let shape = shape(select, report);
    let branches = branches(select, catalog, report);
    let (shape, mut branches) = (shape?, branches?);
    let mut result = Ok(());
    let mut keys = Vec::new();
    let mut arguments = Vec::new();
    for branch in &mut branches {
        match resolve(branch, select, &shape, catalog, report) {
            Ok((key, list)) => {
                keys.push(key);
                arguments.push(list);
            }
            Err(Reported) => result = Err(Reported),
        }
    }
    result?;
    let columns = columns(select.place, &shape, &branches, &keys, catalog, report)?;
    let schema = Arc::new(Schema::new(columns, (0..shape.keys.len()).collect()));
    // Aggregates are shared by all feeds, so the condition has its place in all or in none.
    let filtered = branches.iter().any(|branch| !branch.conditions.is_empty());
    let aggregates = aggregates(&shape, usize::from(filtered));
    let mut feeds = Vec::with_capacity(branches.len());
    for ((branch, key), list) in branches.into_iter().zip(keys).zip(arguments) {
        feeds.push(feed(branch, key, &list, filtered, select.place, report)?);
    }
    Ok(View { name: name.text.clone(), schema, aggregates, feeds })
}

/// Reads the SELECT list: first the key columns, then the counts.
fn shape<'s>(select: &'s Select, report: &mut Report) -> Result<Shape<'s>, Reported> {
    if select.group_by.is_empty() {
        let hint = "a view has one row per key: GROUP BY the stream's PARTITIONED BY columns";
        return Err(report.push(Diagnostic::new(select.place, "the view has no GROUP BY").with_hint(hint)));
    }
    let mut shape = Shape { keys: Vec::new(), aggregates: Vec::new() };
    let mut result = Ok(());
    for item in &select.items {
        if let Err(reported) = shape.add(item, report) {
            result = Err(reported);
        }
    }
    result?;
    if shape.keys.len() != select.group_by.len() {
        let message = format!(
            "the SELECT has {} columns that are not counted, GROUP BY has {}",
            shape.keys.len(),
            select.group_by.len()
        );
        let hint = "select the GROUP BY columns, in their order, then the counts";
        return Err(report.push(Diagnostic::new(select.place, message).with_hint(hint)));
    }
    Ok(shape)
}

impl<'s> Shape<'s> {
    fn add(&mut self, item: &'s Item, report: &mut Report) -> Result<(), Reported> {
        let (place, value, alias) = match item {
            Item::Star { place, .. } => return Err(report.error(*place, "* cannot stand in a view")),
            Item::Value { place, value, alias } => (*place, value, alias),
        };
        match (&value.kind, alias) {
            (AstKind::Column(column), _) => {
                if !self.aggregates.is_empty() {
                    let message = "the key columns stand before the counts";
                    return Err(report.error(place, message));
                }
                self.keys.push((value, alias.as_ref().map_or(&column.name.text, |alias| &alias.text)));
                Ok(())
            }
            (AstKind::Function(function), Some(alias)) if is_count(function) => {
                match (function.star, &function.arguments[..]) {
                    (true, []) => self.aggregates.push((&alias.text, None)),
                    (false, [argument]) => self.aggregates.push((&alias.text, Some(argument))),
                    _ => return Err(report.error(place, "COUNT takes * or one argument")),
                }
                Ok(())
            }
            (AstKind::Function(function), None) if is_count(function) => {
                let hint = "write COUNT(*) AS name";
                Err(report.push(Diagnostic::new(place, "the count has no name").with_hint(hint)))
            }
            (AstKind::Function(function), _)
                if AGGREGATES.iter().any(|name| name.eq_ignore_ascii_case(&function.name.text)) =>
            {
                let message = format!("{} is not supported", function.name.text.to_ascii_uppercase());
                Err(report.push(Diagnostic::new(place, message).with_hint("a view can COUNT")))
            }
            _ => {
                let hint = "a view selects key columns and COUNT(*) AS name";
                Err(report.push(Diagnostic::new(place, "this cannot stand in a view").with_hint(hint)))
            }
        }
    }
}

fn is_count(function: &Function) -> bool {
    function.name.text.eq_ignore_ascii_case("COUNT")
}

/// The streams behind FROM, each with what the view's own clauses see of it.
fn branches(select: &Select, catalog: &Catalog, report: &mut Report) -> Result<Vec<Branch>, Reported> {
    let subqueries = match &select.source {
        Source::Named(_) => return Ok(vec![branch(select, catalog, report)?]),
        Source::Subquery(subqueries) => subqueries,
    };
    let mut branches: Vec<Branch> = Vec::new();
    let mut first: Option<Vec<(Output, Option<vencejo_expr::Type>)>> = None;
    let mut result = Ok(());
    for subquery in subqueries {
        match union_branch(subquery, catalog, report) {
            Ok((branch, outputs)) => match same_columns(subquery, &branch, outputs, &mut first, report) {
                Ok(outputs) => {
                    let mut scope = Scope::new(branch.scope.partial);
                    scope.add_outputs(select.alias.as_ref(), outputs);
                    branches.push(Branch { scope, ..branch });
                }
                Err(reported) => result = Err(reported),
            },
            Err(reported) => result = Err(reported),
        }
    }
    result.map(|()| branches)
}

/// `FROM stream [AS alias]`.
fn branch(select: &Select, catalog: &Catalog, report: &mut Report) -> Result<Branch, Reported> {
    let Source::Named(name) = &select.source else {
        return Err(report.error(select.place, "a subquery of a subquery is not supported in a view"));
    };
    let found = catalog.find(Declaration::Stream, name, report)?;
    let mut branch = Branch {
        stream: found.index,
        graph: Graph::new(),
        scope: Scope::new(found.broken),
        conditions: Vec::new(),
    };
    let qualifier = select.alias.as_ref().map_or(&name.text, |alias| &alias.text);
    let schema = &catalog.streams[found.index].schema;
    let added = branch.scope.add_table(&mut branch.graph, qualifier, 0, schema, false);
    added.map_err(|error| report.error(name.place, error.to_string()))?;
    Ok(branch)
}

/// One SELECT of the subquery.
fn union_branch(
    subquery: &Select,
    catalog: &Catalog,
    report: &mut Report,
) -> Result<(Branch, Vec<Output>), Reported> {
    if let Some(join) = subquery.joins.first() {
        return Err(report.error(join.view.place, "a view cannot look up another"));
    }
    if let Some(group) = subquery.group_by.first() {
        return Err(report.error(group.place, "GROUP BY stands outside the subquery"));
    }
    let mut branch = branch(subquery, catalog, report)?;
    let mut lowering = lowering(&mut branch.graph, &branch.scope, report);
    let outputs = outputs(&subquery.items, &mut lowering);
    if let Some(condition) = &subquery.condition {
        lowering.aliases.clear();
        branch.conditions.push(lowering.condition(condition, "WHERE")?);
    }
    Ok((branch, outputs))
}

/// The branch's columns under the names of the first branch's; number and types must agree.
fn same_columns(
    subquery: &Select,
    branch: &Branch,
    outputs: Vec<Output>,
    first: &mut Option<Vec<(Output, Option<vencejo_expr::Type>)>>,
    report: &mut Report,
) -> Result<Vec<Output>, Reported> {
    let types = outputs.iter().map(|output| output.expr.and_then(|expr| branch.graph.type_of(expr)));
    let Some(first) = first else {
        *first = Some(outputs.iter().cloned().zip(types).collect());
        return Ok(outputs);
    };
    if outputs.len() != first.len() {
        let message = format!("this SELECT has {} columns, the first has {}", outputs.len(), first.len());
        return Err(report.error(subquery.place, message));
    }
    for ((output, ty), (_, expected)) in outputs.iter().zip(types).zip(first.iter()) {
        if let (Some(ty), Some(expected)) = (ty, *expected)
            && ty != expected
        {
            let message = format!("this column is {ty}, in the first SELECT it is {expected}");
            return Err(report.error(output.place, message));
        }
    }
    let names = first.iter().map(|(output, _)| output.name.clone());
    Ok(outputs.into_iter().zip(names).map(|(output, name)| Output { name, ..output }).collect())
}

fn lowering<'a>(graph: &'a mut Graph, scope: &'a Scope, report: &'a mut Report) -> Lowering<'a, 'a> {
    Lowering { graph, scope, aliases: Vec::new(), engine: Err("a view"), lookups: None, report }
}

/// The key's columns in the stream, and the arguments of the counts.
fn resolve(
    branch: &mut Branch,
    select: &Select,
    shape: &Shape<'_>,
    catalog: &Catalog,
    report: &mut Report,
) -> Result<(Vec<usize>, Vec<Expr>), Reported> {
    let mut lowering = lowering(&mut branch.graph, &branch.scope, report);
    let condition = select.condition.as_ref().map(|c| lowering.condition(c, "WHERE")).transpose();
    let arguments: Vec<Result<Expr, Reported>> =
        shape.aggregates.iter().filter_map(|&(_, argument)| Some(lowering.expr(argument?))).collect();
    let grouped = lowering.list(&select.group_by)?;
    for (place, &(item, _)) in shape.keys.iter().enumerate() {
        if lowering.expr(item)? != grouped[place] {
            let message = "the SELECT begins with the GROUP BY columns, in their order";
            return Err(lowering.report.error(item.place, message));
        }
    }
    let list: Vec<Expr> = arguments.into_iter().collect::<Result<_, _>>()?;
    branch.conditions.extend(condition?);
    let columns =
        grouped.iter().map(|&expr| branch.graph.as_column(expr).map(|(_, column)| usize::from(column)));
    let key: Option<Vec<usize>> = columns.collect();
    let stream = &catalog.streams[branch.stream];
    match key {
        Some(key) if key == stream.schema.key() => Ok((key, list)),
        _ if branch.scope.partial => Err(Reported),
        _ => {
            let keys = stream.schema.key().iter().map(|&index| stream.schema.columns()[index].name.as_str());
            let (message, hint) = if stream.schema.key().is_empty() {
                let message = format!("stream '{}' has no PARTITIONED BY", stream.name);
                (message, "declare PARTITIONED BY with the columns of GROUP BY".to_string())
            } else {
                let message = format!(
                    "GROUP BY must be the PARTITIONED BY of stream '{}': {}",
                    stream.name,
                    listed(keys.clone())
                );
                let hint = "each partition counts its own events; group by exactly these columns, in this \
                            order, or partition the stream by the columns of GROUP BY";
                (message, hint.to_string())
            };
            Err(report.push(Diagnostic::new(select.group_by[0].place, message).with_hint(hint)))
        }
    }
}

/// The view's columns: the keys, of one type in all streams, and the counts.
fn columns(
    place: Place,
    shape: &Shape<'_>,
    branches: &[Branch],
    keys: &[Vec<usize>],
    catalog: &Catalog,
    report: &mut Report,
) -> Result<Vec<Column>, Reported> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, &(item, name)) in shape.keys.iter().enumerate() {
        let mut of_streams = branches
            .iter()
            .zip(keys)
            .map(|(branch, key)| &catalog.streams[branch.stream].schema.columns()[key[index]]);
        let Some(first) = of_streams.next() else { continue };
        let mut nullable = first.nullable;
        for column in of_streams {
            if column.column_type != first.column_type {
                let message = format!(
                    "key column '{name}' is {} in one stream and {} in another",
                    first.column_type, column.column_type
                );
                return Err(report.error(item.place, message));
            }
            nullable |= column.nullable;
        }
        columns.push(Column { name: name.to_string(), column_type: first.column_type, nullable });
    }
    let counts = shape.aggregates.iter().map(|&(name, _)| Column::required(name, ColumnType::BigInt));
    columns.extend(counts);
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].iter().any(|other| other.name == column.name) {
            return Err(report.error(place, format!("the view has two columns '{}'", column.name)));
        }
    }
    if columns.len() > COLUMNS_MAX {
        return Err(report.error(place, format!("the view has more than {COLUMNS_MAX} columns")));
    }
    Ok(columns)
}

/// The aggregates; arguments are numbered behind `offset` outputs.
fn aggregates(shape: &Shape<'_>, offset: usize) -> Vec<Aggregate> {
    let mut argument = offset;
    let mut aggregates = Vec::with_capacity(shape.aggregates.len());
    for (_, counted) in &shape.aggregates {
        aggregates.push(match counted {
            None => Aggregate::Count,
            Some(_) => Aggregate::CountOf { argument },
        });
        argument += usize::from(counted.is_some());
    }
    aggregates
}

fn feed(
    mut branch: Branch,
    key: Vec<usize>,
    arguments: &[Expr],
    filtered: bool,
    place: Place,
    report: &mut Report,
) -> Result<Feed, Reported> {
    let mut outputs = Vec::new();
    if filtered {
        let condition = branch.graph.and(&branch.conditions);
        outputs.push(condition.map_err(|error| report.error(place, error.to_string()))?);
    }
    outputs.extend_from_slice(arguments);
    let program = vencejo_expr::compile(&branch.graph, &outputs)
        .map_err(|error| report.error(place, error.to_string()))?;
    let stream = u16::try_from(branch.stream).map(StreamId).map_err(|_| Reported)?;
    Ok(Feed { stream, key, program, filtered })
}
