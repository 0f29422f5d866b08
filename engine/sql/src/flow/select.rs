//! WITH, UNION ALL and SELECT.

use vencejo_core::plan::flow::Operator;
use vencejo_expr::{Comparison, Constant, Type};
use vencejo_types::limits::{DECIMAL_PRECISION_MAX, RANK_MAX, VIEW_FEEDS_MAX};

use super::Planner;
use super::group::aggregates;
use super::needed::Needed;
use super::rel::Rel;
use super::windowing::names_window;
use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Item, JoinWord, Query, Relation, Select, Source};
use crate::diagnostic::Reported;
use crate::scope::outputs;

impl Planner<'_, '_> {
    /// A query; its columns are the outputs of the branches. Errors go to the report.
    pub(crate) fn query(&mut self, query: &Query, needed: &Needed) -> Rel {
        let known = self.named.len();
        for (name, query) in &query.with {
            let rel = self.query(query, &Needed::All);
            self.named.push((name.text.clone(), rel));
        }
        let mut rels = query.selects.iter().map(|select| (select, self.select(select, needed)));
        let mut all: Vec<(&Select, Rel)> = Vec::with_capacity(query.selects.len());
        all.extend(&mut rels);
        drop(rels);
        self.named.truncate(known);
        if all.len() == 1 {
            return all.pop().map_or_else(Rel::broken, |(_, rel)| rel);
        }
        self.union(all).unwrap_or_else(|Reported| Rel::broken())
    }

    /// The branches of all SELECTs under the names of the first's columns.
    fn union(&mut self, mut all: Vec<(&Select, Rel)>) -> Result<Rel, Reported> {
        let mut result = Ok(());
        for (select, rel) in &all {
            if self.refuse_running(rel, select.place).is_err() {
                result = Err(Reported);
            }
        }
        result?;
        if all.iter().any(|(_, rel)| rel.partial) {
            return Err(Reported);
        }
        self.same_types(&mut all)?;
        let mut union = Rel::default();
        for (select, rel) in all {
            union.branches.extend(rel.branches);
            if union.branches.len() > VIEW_FEEDS_MAX {
                let message = format!("this joins more than {VIEW_FEEDS_MAX} SELECTs");
                return Err(self.report.error(select.place, message));
            }
        }
        Ok(union)
    }

    /// Gives every SELECT's columns the names and types of the first's.
    fn same_types(&mut self, all: &mut [(&Select, Rel)]) -> Result<(), Reported> {
        let Some((_, first)) = all.first() else { return Ok(()) };
        let Some(first) = first.branches.first() else { return Ok(()) };
        let names: Vec<Option<String>> = first.outputs.iter().map(|output| output.name.clone()).collect();
        let mut types: Vec<Option<Type>> = vec![None; names.len()];
        let mut result = Ok(());
        for (select, rel) in all.iter() {
            for branch in &rel.branches {
                if branch.outputs.len() != names.len() {
                    let message = format!(
                        "this SELECT has {} columns, the first has {}",
                        branch.outputs.len(),
                        names.len()
                    );
                    return Err(self.report.error(select.place, message));
                }
                for (output, known) in branch.outputs.iter().zip(&mut types) {
                    match (output.expr.and_then(|expr| branch.graph.type_of(expr)), *known) {
                        (Some(ty), None) => *known = Some(ty),
                        (Some(ty), Some(first)) if ty != first && ty.is_number() && first.is_number() => {
                            *known = Some(wider(ty, first));
                        }
                        (Some(ty), Some(first)) if ty != first => {
                            let message = format!("this column is {ty}, in the first SELECT it is {first}");
                            result = Err(self.report.error(output.place, message));
                        }
                        _ => {}
                    }
                }
            }
        }
        result?;
        for branch in all.iter_mut().flat_map(|(_, rel)| &mut rel.branches) {
            for ((output, name), ty) in branch.outputs.iter_mut().zip(&names).zip(&types) {
                output.name.clone_from(name);
                if let (Some(expr), Some(ty)) = (output.expr, *ty)
                    && branch.graph.type_of(expr) != Some(ty)
                {
                    let cast = branch.graph.cast(expr, ty.column_type());
                    output.expr = Some(cast.map_err(|e| self.report.error(output.place, e.to_string()))?);
                }
            }
        }
        Ok(())
    }

    /// One SELECT.
    pub(crate) fn select(&mut self, select: &Select, outer: &Needed) -> Rel {
        let needed = Needed::of(select, outer);
        let mut rel = self.sources(select, &needed);
        self.clauses(&mut rel, select, &needed)
    }

    /// FROM with its joins and WHERE.
    fn sources(&mut self, select: &Select, needed: &Needed) -> Rel {
        let mut rel = self.from(&select.relation, needed);
        if rel.pending.is_some() {
            if self.fuses(&mut rel, select) {
                if self.enter_pending(&mut rel, select.place).is_err() {
                    rel.partial = true;
                }
            } else {
                self.settle(&mut rel, needed, select.relation.place);
            }
        }
        let mut conditions: Vec<&Ast> = select.condition.as_ref().map(Ast::conjuncts).unwrap_or_default();
        // Where no join adds rows without a partner on the left, what WHERE says of one table alone can be
        // asked before the join.
        let early = select.joins.iter().all(|join| !matches!(join.word, JoinWord::Right | JoinWord::Full));
        if early && !select.joins.is_empty() {
            let alone = |ast: &&Ast| only_of(ast, &select.relation);
            let (first, rest): (Vec<&Ast>, Vec<&Ast>) = conditions.into_iter().partition(alone);
            self.where_clause(&mut rel, &first, needed);
            conditions = rest;
        }
        for join in &select.joins {
            let mut on = match &join.on {
                Some(on) => on.conjuncts(),
                None => Vec::new(),
            };
            if join.word == JoinWord::Cross {
                // WHERE has the condition; what the join does not take stays.
                on = std::mem::take(&mut conditions);
            } else if early && join.word == JoinWord::Inner {
                let alone = |ast: &&Ast| only_of(ast, &join.relation);
                let (right, rest): (Vec<&Ast>, Vec<&Ast>) = conditions.into_iter().partition(alone);
                on.extend(right);
                conditions = rest;
            }
            let kept;
            (rel, kept) = self.join(rel, join, &on, needed);
            conditions.extend(kept);
        }
        self.where_clause(&mut rel, &conditions, needed);
        rel
    }

    /// The conditions of WHERE: first those over single rows, then the subqueries.
    pub(crate) fn where_clause(&mut self, rel: &mut Rel, conditions: &[&Ast], needed: &Needed) {
        let is_query = |ast: &Ast| match &ast.kind {
            AstKind::InQuery { .. } | AstKind::Exists(_) => true,
            AstKind::Not(inner) => matches!(inner.kind, AstKind::InQuery { .. } | AstKind::Exists(_)),
            _ => false,
        };
        let (queries, plain): (Vec<&Ast>, Vec<&Ast>) = conditions.iter().partition(|ast| is_query(ast));
        for ast in plain {
            if self.condition(rel, ast, "WHERE").is_err() {
                rel.partial = true;
            } else {
                self.bound(rel, ast);
            }
        }
        for ast in queries {
            match self.semi_join(rel, ast, needed) {
                Ok(joined) => *rel = joined,
                Err(Reported) => {
                    rel.partial = true;
                    rel.branches.iter_mut().for_each(|branch| branch.scope.partial = true);
                }
            }
        }
    }

    /// Takes the bound of a rank from a condition, where it is one.
    pub(crate) fn bound(&mut self, rel: &mut Rel, condition: &Ast) {
        let (column, less, most) = match &condition.kind {
            AstKind::Compare(Comparison::LessEqual | Comparison::Equal, sides) => {
                (&sides[0], false, &sides[1])
            }
            AstKind::Compare(Comparison::GreaterEqual, sides) => (&sides[1], false, &sides[0]),
            AstKind::Compare(Comparison::Less, sides) => (&sides[0], true, &sides[1]),
            AstKind::Compare(Comparison::Greater, sides) => (&sides[1], true, &sides[0]),
            AstKind::Between { parts, negated: false } => (&parts[0], false, &parts[2]),
            _ => return,
        };
        if !rel.branches.iter().any(|branch| branch.facts.rank.is_some()) {
            return;
        }
        // `1 = rownum` as well as `rownum = 1`.
        let equal = matches!(condition.kind, AstKind::Compare(Comparison::Equal, _));
        self.bound_of(rel, column, less, most);
        if equal {
            self.bound_of(rel, most, less, column);
        }
    }

    fn bound_of(&mut self, rel: &mut Rel, column: &Ast, less: bool, most: &Ast) {
        let ast_place = most.place;
        let (Ok(columns), Ok(most)) = (self.lower(rel, column), self.lower(rel, most)) else { return };
        for (index, branch) in rel.branches.iter().enumerate() {
            let Some((rank, node)) = branch.facts.rank else { continue };
            if branch.column(columns[index]) != Some(rank) {
                continue;
            }
            let Some(Constant::Int(n)) = branch.graph.constant(most[index]) else { continue };
            let n = u64::try_from(n.saturating_sub(i64::from(less))).unwrap_or(0);
            if n > RANK_MAX {
                let message = format!("ROW_NUMBER keeps at most {RANK_MAX} rows of each window");
                self.report.error(ast_place, message);
            }
            if let Operator::TopN(rank) = &mut self.drafts.nodes[node].operator {
                rank.n = rank.n.max(n);
            }
        }
    }

    /// Whether GROUP BY can take the windows as they are, without giving each row to each of its windows.
    fn fuses(&mut self, rel: &mut Rel, select: &Select) -> bool {
        let (Some(group), Some(pending)) = (&select.group_by, &rel.pending) else { return false };
        let values = select.items.iter().filter_map(|item| match item {
            Item::Value { value, .. } => Some(value),
            Item::Star { .. } => None,
        });
        let mut inside = Vec::new();
        for ast in values.chain(&select.having) {
            aggregates(ast, &mut |_, function| {
                inside.extend(function.arguments.iter().chain(&function.filter));
            });
        }
        let computed = group.keys.iter().filter(|key| key.column_name().is_none());
        let windows = inside.into_iter().chain(&select.condition).chain(computed);
        if !select.joins.is_empty() || windows.into_iter().any(names_window) {
            return false;
        }
        if !matches!(pending.windowing, vencejo_windows::spec::Windowing::Session { .. }) {
            return true;
        }
        // A session is of the rows before WHERE, and its key is the group's.
        let wanted: std::collections::BTreeSet<_> = pending.key.iter().cloned().collect();
        let mut keys = std::collections::BTreeSet::new();
        for key in group.keys.iter().filter(|key| !names_window(key)) {
            match self.lower(rel, key) {
                Ok(exprs) => keys.insert(exprs),
                Err(Reported) => return true,
            };
        }
        select.condition.is_none() && group.sets.len() == 1 && keys == wanted
    }

    /// GROUP BY, HAVING, OVER, the SELECT list, DISTINCT.
    fn clauses(&mut self, rel: &mut Rel, select: &Select, needed: &Needed) -> Rel {
        let mut rel = std::mem::take(rel);
        let values: Vec<&Ast> = select
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Value { value, .. } => Some(value),
                Item::Star { .. } => None,
            })
            .collect();
        let mut found = false;
        for ast in values.iter().copied().chain(&select.having) {
            aggregates(ast, &mut |_, _| found = true);
        }
        if select.group_by.is_some() || found {
            rel = self.group_by(rel, select, &values);
            for ast in select.having.iter().flat_map(Ast::conjuncts) {
                if self.condition(&mut rel, ast, "HAVING").is_err() {
                    rel.partial = true;
                }
            }
        } else if let Some(having) = &select.having {
            let hint = "without aggregates write WHERE";
            self.fail(having.place, "HAVING stands behind GROUP BY", hint);
            rel.partial = true;
        }
        rel = self.over_clauses(rel, select, &values, needed);
        for branch in &mut rel.branches {
            let list = outputs(&select.items, &mut branch.lowering(self.catalog, self.report));
            rel.partial |= list.iter().any(|output| output.expr.is_none());
            branch.outputs = list;
            branch.slots.clear();
        }
        if select.distinct && !rel.partial {
            rel = self.distinct(rel, select.place).unwrap_or_else(|Reported| Rel::broken());
        }
        // The windows of a SELECT that only filters a window table function were settled before.
        rel.view = None;
        rel
    }

    /// Reports a star that cannot stand here.
    pub(crate) fn refuse_star(&mut self, select: &Select, clause: &str) -> Result<(), Reported> {
        for item in &select.items {
            if let Item::Star { place, .. } = item {
                let error = Diagnostic::new(*place, format!("* cannot stand beside {clause}"));
                return Err(self.report.push(error.with_hint("name the columns")));
            }
        }
        Ok(())
    }
}

/// The type that holds the numbers of both, as far as 18 digits go.
fn wider(a: Type, b: Type) -> Type {
    let scale = |ty| match ty {
        Type::Decimal { scale, .. } => Some(scale),
        Type::BigInt => Some(0),
        _ => None,
    };
    match (scale(a), scale(b)) {
        (Some(a), Some(b)) => Type::Decimal { precision: DECIMAL_PRECISION_MAX, scale: a.max(b) },
        _ => Type::Double,
    }
}

/// Whether a condition names columns of this table and of no other, each with the table's name before it.
pub(crate) fn only_of(ast: &Ast, relation: &Relation) -> bool {
    let name = match (&relation.alias, &relation.source) {
        (Some(alias), _) => &alias.text,
        (None, Source::Named(name)) => &name.text,
        (None, _) => return false,
    };
    let other = super::needed::any(ast, &|ast| match &ast.kind {
        AstKind::Column(column) => column.qualifier.as_ref().is_none_or(|qualifier| qualifier.text != *name),
        AstKind::InQuery { .. } | AstKind::Exists(_) => true,
        _ => false,
    });
    !other && super::needed::any(ast, &|ast| matches!(ast.kind, AstKind::Column(_)))
}
