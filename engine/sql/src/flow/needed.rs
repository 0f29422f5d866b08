//! Which columns of its FROM clause a SELECT can need, by name: an operator below it carries no others.

use std::collections::BTreeSet;

use crate::ast::{Ast, AstKind, Item, Over, Query, Relation, Select, Source};

/// Names of columns.
#[derive(Clone, Debug)]
pub(crate) enum Needed {
    All,
    Names(BTreeSet<String>),
}

impl Needed {
    /// What a SELECT needs of its FROM clause when this is needed of the SELECT.
    pub(crate) fn of(select: &Select, outer: &Self) -> Self {
        let mut names = BTreeSet::new();
        let star = select.items.iter().any(|item| matches!(item, Item::Star { .. }));
        if star {
            match outer {
                Self::All => return Self::All,
                Self::Names(outer) => names.extend(outer.iter().cloned()),
            }
        }
        of_select(select, &mut names);
        Self::Names(names)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

fn of_select(select: &Select, names: &mut BTreeSet<String>) {
    for item in &select.items {
        if let Item::Value { value, .. } = item {
            of_expression(value, names);
        }
    }
    let joins = select.joins.iter().filter_map(|join| join.on.as_ref());
    let keys = select.group_by.iter().flat_map(|group| &group.keys);
    for ast in joins.chain(&select.condition).chain(keys).chain(&select.having) {
        of_expression(ast, names);
    }
    for (_, spec) in &select.windows {
        spec.partition.iter().for_each(|ast| of_expression(ast, names));
        spec.order.iter().for_each(|item| of_expression(&item.value, names));
    }
}

/// The names in an expression; those of a subquery too, because it may name columns around it.
pub(crate) fn of_expression(ast: &Ast, names: &mut BTreeSet<String>) {
    match &ast.kind {
        AstKind::Column(column) => {
            names.insert(column.name.text.clone());
        }
        AstKind::InQuery { query, .. } | AstKind::Exists(query) => of_query(query, names),
        _ => {}
    }
    ast.children(&mut |child| of_expression(child, names));
}

fn of_query(query: &Query, names: &mut BTreeSet<String>) {
    for select in &query.selects {
        of_select(select, names);
        let relations =
            std::iter::once(&select.relation).chain(select.joins.iter().map(|join| &join.relation));
        relations.for_each(|relation| of_relation(relation, names));
    }
}

fn of_relation(relation: &Relation, names: &mut BTreeSet<String>) {
    match &relation.source {
        Source::Subquery(query) => of_query(query, names),
        Source::Match(clause) => {
            of_relation(&clause.relation, names);
            clause.expressions(&mut |ast| of_expression(ast, names));
        }
        Source::Named(_) | Source::Window(_) => {}
    }
}

/// Whether an expression satisfies `test` somewhere, subqueries not entered.
pub(crate) fn any(ast: &Ast, test: &dyn Fn(&Ast) -> bool) -> bool {
    let mut found = test(ast);
    ast.children(&mut |child| found = found || any(child, test));
    found
}

/// Calls of functions with OVER, the outermost first.
pub(crate) fn over_calls<'a>(ast: &'a Ast, calls: &mut Vec<(&'a Ast, &'a Over)>) {
    if let AstKind::Function(function) = &ast.kind
        && let Some(over) = &function.over
    {
        calls.push((ast, over));
        return;
    }
    ast.children(&mut |child| over_calls(child, calls));
}
