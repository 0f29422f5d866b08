//! Queries of current state: `SELECT ... FROM view [WHERE ...] [ORDER BY ...] [LIMIT n]` over the rows that a
//! materialized view has now.
//!
//! The app is planned already, so names are those of its tables. A WHERE that asks for every column of the
//! view's key by `=` is a look-up; anything else goes through all rows.

use std::sync::Arc;

use sqlparser::tokenizer::Token as Kind;
use vencejo_core::plan::App;
use vencejo_core::plan::flow::{Calc, OrderBy, Table, TableSource};
use vencejo_core::plan::query::{Key, Query};
use vencejo_expr::{Comparison, Constant, Expr, Graph, Type, Value, compile};
use vencejo_types::ViewId;
use vencejo_types::limits::{QUERY_ORDER_MAX, QUERY_ROWS_MAX, QUERY_TEXT_BYTES_MAX};
use vencejo_types::schema::{Column, Schema};

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Item, OrderItem, Select, Source};
use crate::diagnostic::{Report, Reported};
use crate::expression::Lowering;
use crate::flow::group::aggregates;
use crate::scope::{Output, Scope, outputs};
use crate::statement::{finish, listed};
use crate::suggest::did_you_mean;
use crate::tokens::{self, Cursor, Name, Parsed, Place};

/// Plans a query of current state for an engine that serves `app` in so many partitions.
///
/// # Errors
/// Everything that is wrong with the text, in its order.
pub fn plan_query(app: &App, text: &str, partitions: u32) -> Result<Query, Vec<Diagnostic>> {
    let start = Place { line: 1, column: 1 };
    if text.len() > QUERY_TEXT_BYTES_MAX {
        let message = format!("the query has {} bytes; at most {QUERY_TEXT_BYTES_MAX} are taken", text.len());
        return Err(vec![Diagnostic::new(start, message)]);
    }
    let (tokens, unreadable) = tokens::tokens(text);
    let statements = tokens::statements(&tokens);
    if let Some(error) = unreadable {
        return Err(vec![error]);
    }
    let [statement] = statements.as_slice() else {
        let message =
            if statements.is_empty() { "there is no query" } else { "there is more than one query" };
        let place = statements.get(1).map_or(start, |second| Cursor::new(second).place());
        return Err(vec![Diagnostic::new(place, message).with_hint("write SELECT columns FROM view")]);
    };
    let clauses = clauses(&mut Cursor::new(statement)).map_err(|error| vec![error])?;
    let mut report = Report::default();
    let planned = Planning::new(app, &clauses.select, partitions, &mut report)
        .and_then(|planning| planning.query(&clauses));
    planned.map_err(|Reported| report.finish())
}

/// What the text says.
struct Clauses {
    select: Select,
    order: Vec<OrderItem>,
    limit: Option<Ast>,
}

fn clauses(cursor: &mut Cursor<'_>) -> Parsed<Clauses> {
    if !cursor.is_word("SELECT") {
        return Err(cursor.expected("SELECT"));
    }
    let select = cursor.select_clauses()?;
    let mut order = Vec::new();
    if cursor.accept_words(&["ORDER", "BY"]) {
        order.push(cursor.order_item()?);
        while cursor.accept(&Kind::Comma) {
            order.push(cursor.order_item()?);
        }
    }
    let limit = if cursor.accept_word("LIMIT") { Some(cursor.expression()?) } else { None };
    finish(cursor, "WHERE, ORDER BY, LIMIT or the end")?;
    Ok(Clauses { select, order, limit })
}

struct Planning<'a, 'r> {
    table: &'a Table,
    view: ViewId,
    graph: Graph,
    scope: Scope,
    report: &'r mut Report,
}

impl<'a, 'r> Planning<'a, 'r> {
    /// Looks the view up that FROM names.
    fn new(app: &'a App, select: &Select, partitions: u32, report: &'r mut Report) -> Result<Self, Reported> {
        let refused = refuse_clauses(select, report);
        let Source::Named(name) = &select.relation.source else {
            let error = Diagnostic::new(select.relation.place, "a query reads one view, by its name");
            return Err(report.push(error.with_hint("declare a materialized view of it in the app")));
        };
        let Some(place) = app.flow.tables.iter().position(|table| table.name == name.text) else {
            return Err(report.push(no_table(app, name)));
        };
        let table = &app.flow.tables[place];
        if matches!(table.source, TableSource::Kept { parts: None, .. })
            && !table.is_local()
            && partitions > 1
        {
            let message = format!(
                "view '{}' is in parts that cannot be merged: each of {partitions} partitions has its own rows",
                name.text
            );
            let hint = "they can be read when the view's key holds its streams' PARTITIONED BY columns, when it \
                        only groups TUMBLE, HOP or CUMULATE windows, or when the engine has one partition";
            return Err(report.push(Diagnostic::new(name.place, message).with_hint(hint)));
        }
        let (mut graph, mut scope) = (Graph::new(), Scope::new(false));
        let qualifier = select.relation.alias.as_ref().unwrap_or(name);
        scope
            .add_table(&mut graph, &qualifier.text, 0, &table.schema, false)
            .map_err(|error| report.error(name.place, error.to_string()))?;
        let view = u16::try_from(place).map(ViewId).map_err(|_| Reported)?;
        refused.map(|()| Self { table, view, graph, scope, report })
    }

    fn lowering(&mut self) -> Lowering<'_, '_> {
        Lowering {
            graph: &mut self.graph,
            scope: &self.scope,
            aliases: Vec::new(),
            engine: Err("a query"),
            slots: None,
            lookups: Some(&[]),
            report: self.report,
        }
    }

    fn query(mut self, clauses: &Clauses) -> Result<Query, Reported> {
        let Clauses { select, order, limit } = clauses;
        let condition = select.condition.as_ref().map(|ast| self.lowering().condition(ast, "WHERE"));
        let list = outputs(&select.items, &mut self.lowering());
        let columns = self.columns(&list);
        let ranks: Vec<_> = order.iter().map(|item| self.rank(item, &list)).collect();
        if order.len() > QUERY_ORDER_MAX {
            let message = format!("ORDER BY has more than {QUERY_ORDER_MAX} expressions");
            self.report.error(select.place, message);
        }
        let limit = limit.as_ref().map(|ast| self.limit(ast)).transpose();
        let condition = condition.transpose()?;
        let key = select.condition.as_ref().and_then(|ast| self.key(ast));
        let (columns, limit) = (columns?, limit?);
        let ranks = ranks.into_iter().collect::<Result<Vec<_>, _>>()?;
        if !self.report.is_empty() {
            return Err(Reported);
        }
        let order_by = (columns.len()..).zip(order.iter().zip(&ranks)).map(|(column, (item, &(_, ty)))| {
            let nulls_first = item.nulls_first.unwrap_or(!item.descending);
            OrderBy { column, column_type: ty, descending: item.descending, nulls_first }
        });
        let selected = list.iter().filter_map(|output| output.expr);
        let values: Vec<Expr> =
            condition.into_iter().chain(selected).chain(ranks.iter().map(|&(rank, _)| rank)).collect();
        let program = compile(&self.graph, &values);
        let program = program.map_err(|error| self.report.error(select.place, error.to_string()))?;
        Ok(Query {
            table: self.view,
            calc: Calc { program, filtered: condition.is_some() },
            answer: Arc::new(Schema::new(columns, Vec::new())),
            order: order_by.collect(),
            limit,
            key,
        })
    }

    /// The answer's columns. One without a name gets one; of equal names the later ones get a number.
    fn columns(&mut self, list: &[Output]) -> Result<Vec<Column>, Reported> {
        let mut columns: Vec<Column> = Vec::with_capacity(list.len());
        let mut result = Ok(());
        for (index, output) in list.iter().enumerate() {
            let Some(expr) = output.expr else {
                result = Err(Reported);
                continue;
            };
            let ty = self.graph.type_of(expr);
            let Some(ty) = ty.filter(|ty| !ty.is_interval()) else {
                let (message, hint) = match ty {
                    None => ("the column is always NULL, of no type", "CAST(NULL AS type) gives it one"),
                    Some(_) => ("an interval is no column", "TIMESTAMPDIFF(SECOND, from, to) gives a number"),
                };
                result = Err(self.report.push(Diagnostic::new(output.place, message).with_hint(hint)));
                continue;
            };
            let name = output.name.clone().unwrap_or_else(|| format!("EXPR${index}"));
            let taken = |name: &str| columns.iter().any(|column| column.name == name);
            let name = if taken(&name) {
                (0..).map(|n| format!("{name}{n}")).find(|name| !taken(name)).unwrap_or(name)
            } else {
                name
            };
            let nullable = self.graph.nullable(expr);
            columns.push(Column { name, column_type: ty.column_type(), nullable });
        }
        result.map(|()| columns)
    }

    /// An expression of ORDER BY: a column of the answer by name or number, or an expression over the view.
    fn rank(&mut self, item: &OrderItem, list: &[Output]) -> Result<(Expr, Type), Reported> {
        let named = |name: &Name| list.iter().find(|output| output.name.as_deref() == Some(&name.text));
        let expr = match &item.value.kind {
            AstKind::Integer(number) => {
                let index = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
                let Some(output) = index.and_then(|index| list.get(index)) else {
                    let message = format!("the answer has no column {number}");
                    let hint = format!("its columns are 1 to {}", list.len());
                    return Err(self.report.push(Diagnostic::new(item.value.place, message).with_hint(hint)));
                };
                output.expr.ok_or(Reported)?
            }
            AstKind::Column(column) if column.qualifier.is_none() && named(&column.name).is_some() => {
                named(&column.name).and_then(|output| output.expr).ok_or(Reported)?
            }
            _ => self.lowering().expr(&item.value)?,
        };
        let Some(ty) = self.graph.type_of(expr) else {
            return Err(self.report.error(item.value.place, "NULL orders nothing"));
        };
        Ok((expr, ty))
    }

    fn limit(&mut self, ast: &Ast) -> Result<usize, Reported> {
        let number = match ast.kind {
            AstKind::Integer(number) => usize::try_from(number).ok(),
            _ => None,
        };
        number.filter(|&number| number <= QUERY_ROWS_MAX).ok_or_else(|| {
            let message = format!("LIMIT takes a whole number from 0 to {QUERY_ROWS_MAX}");
            self.report.error(ast.place, message)
        })
    }

    /// The key that a condition asks for, if each of the key's columns is compared with a value by `=`.
    fn key(&mut self, condition: &Ast) -> Option<Key> {
        let mut values: Vec<Option<Constant>> = vec![None; self.table.schema.key().len()];
        for ast in condition.conjuncts() {
            let AstKind::Compare(Comparison::Equal, sides) = &ast.kind else { continue };
            let [Ok(a), Ok(b)] = [&sides[0], &sides[1]].map(|side| self.lowering().expr(side)) else {
                return None;
            };
            for (column, value) in [(a, b), (b, a)] {
                if let Some((place, constant)) = self.key_column(column, value) {
                    values[place] = Some(constant);
                }
            }
        }
        let values: Vec<Constant> = values.into_iter().collect::<Option<_>>()?;
        if values.is_empty() {
            return None;
        }
        let bytes_of = |places: &mut dyn Iterator<Item = usize>| {
            let mut bytes = Vec::new();
            vencejo_windows::key::write(places.map(|place| value_of(&values[place])), &mut bytes);
            bytes
        };
        let bytes = bytes_of(&mut (0..values.len()));
        let partition = self.table.partition.as_ref().map(|places| bytes_of(&mut places.iter().copied()));
        Some(Key { bytes, partition })
    }

    /// Position in the key and value of `column = value`. Doubles are left out: 0.0 equals -0.0 and has other
    /// bytes.
    fn key_column(&self, column: Expr, value: Expr) -> Option<(usize, Constant)> {
        let (0, at) = self.graph.as_column(column)? else { return None };
        let place = self.table.schema.key().iter().position(|&key| key == usize::from(at))?;
        let constant = self.graph.constant(value)?;
        let types = (self.graph.type_of(column), self.graph.type_of(value));
        let usable = types.0 == types.1 && types.0 != Some(Type::Double) && *constant != Constant::Null;
        usable.then(|| (place, constant.clone()))
    }
}

fn value_of(constant: &Constant) -> Value<'_> {
    match constant {
        Constant::Null => Value::Null,
        Constant::Bool(value) => Value::Bool(*value),
        Constant::Int(value) => Value::Int(*value),
        Constant::Double(bits) => Value::Double(f64::from_bits(*bits)),
        Constant::Text(text) => Value::Str(text),
    }
}

/// That a query has no other clauses, and computes no aggregates.
fn refuse_clauses(select: &Select, report: &mut Report) -> Result<(), Reported> {
    let mut result = Ok(());
    let mut refuse = |place: Place, message: String| {
        let hint = "declare it as a materialized view in the app; a query reads what views hold";
        result = Err(report.push(Diagnostic::new(place, message).with_hint(hint)));
    };
    let clauses = [
        (select.distinct.then_some(select.place), "SELECT DISTINCT"),
        (select.joins.first().map(|join| join.place), "JOIN"),
        (select.group_by.as_ref().map(|group| group.place), "GROUP BY"),
        (select.having.as_ref().map(|having| having.place), "HAVING"),
        (select.windows.first().map(|(name, _)| name.place), "WINDOW"),
    ];
    for (place, clause) in clauses {
        if let Some(place) = place {
            refuse(place, format!("{clause} cannot stand in a query of current state"));
        }
    }
    let values = select.items.iter().filter_map(|item| match item {
        Item::Value { value, .. } => Some(value),
        Item::Star { .. } => None,
    });
    for ast in values.chain(&select.condition) {
        aggregates(ast, &mut |_, function| {
            let name = function.name.text.to_ascii_uppercase();
            refuse(function.name.place, format!("{name} cannot stand in a query of current state"));
        });
    }
    result
}

/// Why a name is not that of a table.
fn no_table(app: &App, name: &Name) -> Diagnostic {
    let tables = || app.flow.tables.iter().map(|table| table.name.as_str());
    let tap = format!("'vencejo tap {}' follows it", name.text);
    if app.streams.iter().any(|stream| stream.name == name.text) {
        let message = format!("'{}' is a stream, whose rows are not kept", name.text);
        return Diagnostic::new(name.place, message).with_hint(tap);
    }
    if app.flow.outputs.iter().any(|output| output.name == name.text) {
        let message = format!("'{}' keeps no rows, as they have no key", name.text);
        return Diagnostic::new(name.place, message).with_hint(tap);
    }
    let hint = did_you_mean(&name.text, tables()).unwrap_or_else(|| match app.flow.tables.len() {
        0 => "the app has no materialized view with a key".to_owned(),
        _ => format!("the app has {}", listed(tables())),
    });
    Diagnostic::new(name.place, format!("unknown view '{}'", name.text)).with_hint(hint)
}
