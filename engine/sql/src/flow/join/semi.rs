//! `IN (SELECT ...)` and `EXISTS (SELECT ...)` in WHERE: window joins that give the left's rows alone.

use vencejo_windows::spec::JoinKind;

use super::super::Planner;
use super::super::needed::Needed;
use super::super::rel::Rel;
use super::condition::Conditions;
use crate::ast::{Ast, AstKind, Item, Query, Select};
use crate::diagnostic::Reported;
use crate::tokens::Place;

impl Planner<'_, '_> {
    /// The rows for which the condition holds.
    pub(crate) fn semi_join(&mut self, rel: &mut Rel, ast: &Ast, needed: &Needed) -> Result<Rel, Reported> {
        let (ast, mut kind) = match &ast.kind {
            AstKind::Not(inner) => (&**inner, JoinKind::Anti),
            _ => (ast, JoinKind::Semi),
        };
        let (value, query): (Option<&Ast>, &Query) = match &ast.kind {
            AstKind::InQuery { value, query, negated } => {
                if *negated {
                    kind = if kind == JoinKind::Semi { JoinKind::Anti } else { JoinKind::Semi };
                }
                (Some(value), query)
            }
            AstKind::Exists(query) => (None, query),
            _ => return Err(Reported),
        };
        let select = match query.only() {
            Some(select) if select.group_by.is_none() && !select.distinct && select.having.is_none() => {
                select
            }
            _ => {
                let hint = "put GROUP BY and UNION ALL in a subquery of its FROM";
                let message = "a subquery in WHERE is one SELECT with FROM and WHERE";
                return Err(self.fail(query.place, message, hint));
            }
        };
        self.refuse_running(rel, ast.place)?;
        let item = value.map(|_| self.item(select)).transpose()?;
        let mut inner = Needed::of(select, &Needed::All);
        if value.is_none()
            && let Needed::All = inner
        {
            // EXISTS (SELECT * ...) reads no columns but those of its WHERE.
            let mut names = std::collections::BTreeSet::new();
            select.condition.iter().for_each(|c| super::super::needed::of_expression(c, &mut names));
            inner = Needed::Names(names);
        }
        let mut right = self.from(&select.relation, &inner);
        self.settle(&mut right, &inner, select.relation.place);
        if let Some(join) = select.joins.first() {
            let hint = "put the join in a subquery of its FROM";
            return Err(self.fail(join.place, "a subquery in WHERE has one table", hint));
        }
        self.refuse_running(&right, select.relation.place)?;
        if rel.partial || right.partial {
            return Err(Reported);
        }
        let conditions = self.correlated(rel, &mut right, (value, item), select, kind)?;
        self.check(&conditions, ast.place)?;
        self.window_join(rel, &mut right, kind, &conditions, needed, ast.place)
    }

    /// The one column of a subquery behind IN.
    fn item<'a>(&mut self, select: &'a Select) -> Result<&'a Ast, Reported> {
        match &select.items[..] {
            [Item::Value { value, .. }] => Ok(value),
            _ => Err(self.report.error(select.place, "a subquery behind IN has one column")),
        }
    }

    /// The conditions between both sides: those of the subquery's WHERE, and the value of IN.
    fn correlated<'a>(
        &mut self,
        left: &mut Rel,
        right: &mut Rel,
        (value, item): (Option<&'a Ast>, Option<&'a Ast>),
        select: &'a Select,
        kind: JoinKind,
    ) -> Result<Conditions<'a>, Reported> {
        let list = select.condition.as_ref().map(Ast::conjuncts).unwrap_or_default();
        // A name without a qualifier is the subquery's own where it has it.
        let mut own = Vec::new();
        let mut both = Vec::new();
        for ast in list {
            let mut silent = crate::diagnostic::Report::default();
            let alone = right
                .branches
                .iter_mut()
                .all(|branch| branch.lowering(self.catalog, &mut silent).expr(ast).is_ok());
            if alone { own.push(ast) } else { both.push(ast) }
        }
        let mut conditions = self.conditions(left, right, &both, None)?;
        conditions.right.extend(own);
        if let (Some(value), Some(item)) = (value, item) {
            let at = conditions.keys.len();
            self.pair(left, right, (value, item), value, &mut conditions)?;
            let nullable = |rel: &Rel, exprs: &[vencejo_expr::Expr]| {
                rel.branches.iter().zip(exprs).any(|(branch, &expr)| branch.graph.nullable(expr))
            };
            if let (JoinKind::Anti, Some(pair)) = (kind, conditions.keys.get(at))
                && (nullable(left, &pair.left) || nullable(right, &pair.right))
            {
                let hint = "write NOT EXISTS (SELECT * FROM ... WHERE a.x = b.x AND ...), or add IS NOT NULL and \
                            COALESCE to both sides";
                let message = "NOT IN of values that may be NULL is never true once there is a NULL";
                return Err(self.fail(value.place, message, hint));
            }
        }
        Ok(conditions)
    }

    fn check(&mut self, conditions: &Conditions<'_>, place: Place) -> Result<(), Reported> {
        if conditions.is_window() {
            return Ok(());
        }
        let hint = "its WHERE compares both window_start and window_end with those of the outer query";
        Err(self.fail(place, "a subquery in WHERE is joined window by window", hint))
    }
}
