//! The rows that MATCH_RECOGNIZE reads, with its PARTITION BY and ORDER BY.

use vencejo_expr::Expr;
use vencejo_rules::spec::{Order, RowsPerMatch};

use crate::ast::row_pattern::MatchClause;
use crate::ast::{Ast, OrderItem};
use crate::diagnostic::Reported;
use crate::flow::Planner;
use crate::flow::drafts::Origin;
use crate::flow::needed::{Needed, of_expression};
use crate::flow::rel::{Branch, Layout, Rel};
use crate::tokens::{Name, Place};

/// A clause's rows: what they come from, and how they are told apart and ordered.
pub(super) struct Input {
    pub(super) origins: Vec<Origin>,
    pub(super) branch: Branch,
    /// PARTITION BY: names, and expressions over the row.
    pub(super) key: Vec<(Name, Expr)>,
    /// ORDER BY, event time first.
    pub(super) order: Vec<(Name, Expr, bool)>,
}

impl Planner<'_, '_> {
    /// The rows that a clause reads, with its PARTITION BY and ORDER BY.
    pub(super) fn input(&mut self, clause: &MatchClause, inner: &Needed) -> Result<Input, Reported> {
        let place = clause.relation.place;
        let mut rel = self.from(&clause.relation, inner);
        self.settle(&mut rel, inner, place);
        self.refuse_running(&rel, place)?;
        let key = self.partition(&mut rel, clause);
        let order = self.order(&mut rel, clause);
        let (key, order) = (key?, order?);
        if rel.partial {
            return Err(Reported);
        }
        if let [branch] = &rel.branches[..] {
            let first = |(name, exprs): (Name, Vec<Expr>)| (name, exprs[0]);
            return Ok(Input {
                origins: vec![branch.origin],
                key: key.into_iter().map(first).collect(),
                order: order.into_iter().map(|(name, exprs, down)| (name, exprs[0], down)).collect(),
                branch: rel.branches.swap_remove(0),
            });
        }
        self.united(&mut rel, key, order, inner, place)
    }

    /// The rows of several branches under one layout.
    fn united(
        &mut self,
        rel: &mut Rel,
        key: Vec<(Name, Vec<Expr>)>,
        order: Vec<(Name, Vec<Expr>, bool)>,
        inner: &Needed,
        place: Place,
    ) -> Result<Input, Reported> {
        let mut layout = Layout::default();
        let key: Vec<_> = key.into_iter().map(|(name, exprs)| (name, layout.place(exprs))).collect();
        let order: Vec<_> =
            order.into_iter().map(|(name, exprs, down)| (name, layout.place(exprs), down)).collect();
        let carried = rel.carry(inner, &mut layout);
        let facts = rel.facts(&layout);
        let fed = self.feed(rel, &layout, true, place)?;
        let mut branch = Branch::new(fed.origins[0], facts);
        self.behind(&mut branch, &carried, (&fed, 0, false), place)?;
        let mut column = |at: usize| {
            let (ty, nullable) = fed.columns[fed.places[at]];
            self.column(&mut branch, fed.places[at], ty, nullable, place)
        };
        let key = key.into_iter().map(|(name, at)| Ok((name, column(at)?))).collect::<Result<_, _>>()?;
        let order = order
            .into_iter()
            .map(|(name, at, down)| Ok((name, column(at)?, down)))
            .collect::<Result<_, _>>()?;
        Ok(Input { origins: fed.origins, branch, key, order })
    }

    /// `PARTITION BY` columns.
    fn partition(&mut self, rel: &mut Rel, clause: &MatchClause) -> Result<Vec<(Name, Vec<Expr>)>, Reported> {
        clause
            .partition
            .iter()
            .map(|ast| {
                let Some(name) = ast.column_name() else {
                    let hint =
                        "compute it in a subquery: FROM (SELECT ... AS k FROM ...) MATCH_RECOGNIZE (...)";
                    return Err(self.fail(ast.place, "PARTITION BY takes columns", hint));
                };
                Ok((name.clone(), self.lower(rel, ast)?))
            })
            .collect()
    }

    /// `ORDER BY`: the event time, then what breaks its ties.
    fn order(
        &mut self,
        rel: &mut Rel,
        clause: &MatchClause,
    ) -> Result<Vec<(Name, Vec<Expr>, bool)>, Reported> {
        let Some(first) = clause.order.first() else {
            let hint = "write ORDER BY and the column that the stream's WATERMARK is about";
            return Err(self.fail(clause.place, "MATCH_RECOGNIZE needs ORDER BY", hint));
        };
        if first.descending {
            let message = "MATCH_RECOGNIZE takes the event time in ascending order";
            return Err(self.report.error(first.value.place, message));
        }
        if let Some(second) = clause.order.get(1)
            && self.settings.order == Some(Order::Arrival)
        {
            let hint = "rows are matched as they arrive; with 'order' = 'event' ties are broken";
            return Err(self.fail(
                second.value.place,
                "a rule in order of arrival is ordered by event time alone",
                hint,
            ));
        }
        let items: Vec<Result<_, Reported>> =
            clause.order.iter().enumerate().map(|(place, item)| self.order_item(rel, place, item)).collect();
        items.into_iter().collect()
    }

    fn order_item(
        &mut self,
        rel: &mut Rel,
        place: usize,
        item: &OrderItem,
    ) -> Result<(Name, Vec<Expr>, bool), Reported> {
        let ast: &Ast = &item.value;
        let Some(name) = ast.column_name() else {
            return Err(self.fail(ast.place, "ORDER BY takes columns", "compute it in a subquery"));
        };
        let mut exprs = self.lower(rel, ast)?;
        if place == 0 {
            exprs = self.time_attribute(rel, exprs, &name.text, ast.place)?;
        }
        Ok((name.clone(), exprs, item.descending))
    }
}

/// What a clause reads of its relation.
pub(super) fn inner(clause: &MatchClause, needed: &Needed) -> Needed {
    let mut names = std::collections::BTreeSet::new();
    match (needed, clause.rows) {
        (Needed::All, RowsPerMatch::All { .. }) => return Needed::All,
        (Needed::Names(outer), RowsPerMatch::All { .. }) => names.extend(outer.iter().cloned()),
        (_, RowsPerMatch::One) => {}
    }
    clause.expressions(&mut |ast| of_expression(ast, &mut names));
    Needed::Names(names)
}
