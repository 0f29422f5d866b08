//! Queries: WITH, SELECT, UNION ALL, and the clauses of a SELECT.

use sqlparser::tokenizer::Token as Kind;

use vencejo_types::limits::{LOOKUPS_MAX, VIEW_FEEDS_MAX};

use crate::ast::{Ast, GroupBy, Item, OverSpec, Query, Select};
use crate::tokens::{Cursor, Name, Parsed};

/// Clauses of SQL that are not here, and why; none of them is a table's alias.
const REFUSED_CLAUSES: [(&str, &str); 8] = [
    ("ORDER", "rows leave as windows close; rank them with ROW_NUMBER() OVER (... ORDER BY ...)"),
    ("LIMIT", "a query never ends; ROW_NUMBER() with WHERE rownum <= n gives the first n of a window"),
    ("OFFSET", "a query never ends"),
    ("FETCH", "a query never ends; ROW_NUMBER() with WHERE rownum <= n gives the first n of a window"),
    ("QUALIFY", "put the SELECT in a subquery, and write WHERE rownum <= n outside"),
    ("INTERSECT", "join the two queries window by window"),
    ("EXCEPT", "use NOT EXISTS, window by window"),
    ("MINUS", "use NOT EXISTS, window by window"),
];

impl Cursor<'_> {
    /// `[WITH ...] SELECT ... [UNION ALL SELECT ...]`.
    pub(crate) fn query(&mut self) -> Parsed<Query> {
        let place = self.place();
        let mut with: Vec<(Name, Query)> = Vec::new();
        if self.accept_word("WITH") {
            loop {
                let name = self.declared_name("a name for the query")?;
                if with.iter().any(|(other, _)| other.text == name.text) {
                    let message = format!("WITH has two queries '{}'", name.text);
                    return Err(crate::Diagnostic::new(name.place, message));
                }
                self.expect_word("AS")?;
                let query = self.nested(Self::subquery)?;
                with.push((name, query));
                if with.len() > VIEW_FEEDS_MAX {
                    return Err(self.error(format!("WITH has more than {VIEW_FEEDS_MAX} queries")));
                }
                if !self.accept(&Kind::Comma) {
                    break;
                }
            }
        }
        let mut selects = vec![self.select()?];
        while self.accept_word("UNION") {
            if !self.accept_word("ALL") {
                return Err(self.error("UNION is not supported").with_hint("use UNION ALL"));
            }
            if selects.len() >= VIEW_FEEDS_MAX {
                return Err(self.error(format!("there are more than {VIEW_FEEDS_MAX} SELECTs here")));
            }
            selects.push(self.select()?);
        }
        Ok(Query { place, with, selects })
    }

    /// A query in parentheses.
    pub(crate) fn subquery(&mut self) -> Parsed<Query> {
        self.expect(&Kind::LParen)?;
        let query = self.query()?;
        self.expect_or(&Kind::RParen, "WHERE, GROUP BY, UNION ALL or ')'")?;
        Ok(query)
    }

    /// Whether a query begins behind the next token.
    pub(crate) fn is_query_second(&self) -> bool {
        let Some(Kind::Word(word)) = self.peek_second() else { return false };
        word.quote_style.is_none() && ["SELECT", "WITH"].iter().any(|w| w.eq_ignore_ascii_case(&word.value))
    }

    /// `SELECT items FROM ...` with all that may follow in an app.
    pub(crate) fn select(&mut self) -> Parsed<Select> {
        let select = self.select_clauses()?;
        match REFUSED_CLAUSES.iter().find(|(clause, _)| self.is_word(clause)) {
            Some((clause, hint)) => {
                Err(self.error(format!("{clause} is not supported here")).with_hint(*hint))
            }
            None => Ok(select),
        }
    }

    /// `SELECT items FROM ...` up to WINDOW.
    pub(crate) fn select_clauses(&mut self) -> Parsed<Select> {
        let place = self.place();
        self.expect_word("SELECT")?;
        let distinct = self.accept_word("DISTINCT");
        if !distinct {
            self.accept_word("ALL");
        }
        let items = self.items()?;
        if !self.accept_word("FROM") {
            return Err(self.expected("',' or FROM"));
        }
        let relation = self.relation()?;
        let mut joins = Vec::new();
        while let Some(join) = self.join()? {
            if joins.len() >= LOOKUPS_MAX {
                return Err(self.error(format!("there are more than {LOOKUPS_MAX} look-ups here")));
            }
            joins.push(join);
        }
        let condition = if self.accept_word("WHERE") { Some(self.expression()?) } else { None };
        let group_by = if self.is_word("GROUP") { Some(self.group_by()?) } else { None };
        let having = if self.accept_word("HAVING") { Some(self.expression()?) } else { None };
        let windows = if self.accept_word("WINDOW") { self.windows()? } else { Vec::new() };
        Ok(Select { place, distinct, items, relation, joins, condition, group_by, having, windows })
    }

    /// The list behind SELECT.
    pub(crate) fn items(&mut self) -> Parsed<Vec<Item>> {
        let mut items = vec![self.item()?];
        while self.accept(&Kind::Comma) {
            items.push(self.item()?);
        }
        Ok(items)
    }

    fn item(&mut self) -> Parsed<Item> {
        let place = self.place();
        if self.accept(&Kind::Mul) {
            return Ok(Item::Star { place, qualifier: None });
        }
        if let [first, period, star, ..] = self.rest()
            && matches!(first.kind, Kind::Word(_))
            && (&period.kind, &star.kind) == (&Kind::Period, &Kind::Mul)
        {
            let qualifier = Some(self.name("a table's name")?);
            self.skip();
            self.skip();
            return Ok(Item::Star { place, qualifier });
        }
        let value = self.expression()?;
        let named = self.accept_word("AS") || self.is_name();
        let alias = if named { Some(self.declared_name("a column's name")?) } else { None };
        Ok(Item::Value { place, value, alias })
    }

    /// `GROUP BY a, b`, `GROUP BY a, GROUPING SETS ((b), ())`, CUBE or ROLLUP.
    fn group_by(&mut self) -> Parsed<GroupBy> {
        let place = self.place();
        self.skip();
        self.expect_word("BY")?;
        let mut group = GroupBy { place, keys: Vec::new(), sets: vec![Vec::new()] };
        loop {
            let element = self.group_element(&mut group.keys)?;
            // Several elements: each set of the one with each of the other.
            let crossed = group.sets.iter().flat_map(|left| {
                element.iter().map(move |right| left.iter().chain(right).copied().collect::<Vec<usize>>())
            });
            group.sets = crossed.take(VIEW_FEEDS_MAX + 1).collect();
            if group.sets.len() > VIEW_FEEDS_MAX {
                let message = format!("GROUP BY makes more than {VIEW_FEEDS_MAX} grouping sets");
                return Err(crate::Diagnostic::new(place, message));
            }
            if !self.accept(&Kind::Comma) {
                return Ok(group);
            }
        }
    }

    /// The sets of one element of GROUP BY.
    fn group_element(&mut self, keys: &mut Vec<Ast>) -> Parsed<Vec<Vec<usize>>> {
        let mut key = |ast: Ast| {
            keys.push(ast);
            keys.len() - 1
        };
        if self.accept_words(&["GROUPING", "SETS"]) {
            return self.list(|cursor| Ok(cursor.group_set()?.into_iter().map(&mut key).collect()));
        }
        let (cube, rollup) = (self.is_word("CUBE"), self.is_word("ROLLUP"));
        if !(cube || rollup) || self.peek_second() != Some(&Kind::LParen) {
            if self.is(&Kind::LParen) && self.rest().get(1).is_some_and(|t| t.kind == Kind::RParen) {
                self.group_set()?;
                return Ok(vec![Vec::new()]);
            }
            return Ok(vec![vec![key(self.expression()?)]]);
        }
        let place = self.place();
        self.skip();
        let parts: Vec<Vec<usize>> =
            self.list(|cursor| Ok(cursor.group_set()?.into_iter().map(&mut key).collect()))?;
        if rollup {
            return Ok((0..=parts.len()).rev().map(|n| parts[..n].concat()).collect());
        }
        if 1_usize
            .checked_shl(u32::try_from(parts.len()).unwrap_or(u32::MAX))
            .is_none_or(|n| n > VIEW_FEEDS_MAX)
        {
            let message = format!("CUBE makes more than {VIEW_FEEDS_MAX} grouping sets");
            return Err(crate::Diagnostic::new(place, message));
        }
        // The full set first, the empty one last.
        let sets = (0..1_usize << parts.len()).rev().map(|mask| {
            let chosen = |n: &usize| mask >> (parts.len() - 1 - n) & 1 == 1;
            (0..parts.len()).filter(chosen).flat_map(|n| parts[n].clone()).collect()
        });
        Ok(sets.collect())
    }

    /// `(a, b)`, `()` or `a`.
    fn group_set(&mut self) -> Parsed<Vec<Ast>> {
        if !self.accept(&Kind::LParen) {
            return Ok(vec![self.expression()?]);
        }
        let mut list = Vec::new();
        if !self.is(&Kind::RParen) {
            list.push(self.expression()?);
            while self.accept(&Kind::Comma) {
                list.push(self.expression()?);
            }
        }
        self.expect_or(&Kind::RParen, "',' or ')'")?;
        Ok(list)
    }

    /// `name AS (...), ...` behind WINDOW.
    fn windows(&mut self) -> Parsed<Vec<(Name, OverSpec)>> {
        let mut windows: Vec<(Name, OverSpec)> = Vec::new();
        loop {
            let name = self.declared_name("a window's name")?;
            self.expect_word("AS")?;
            windows.push((name, self.over_spec()?));
            if !self.accept(&Kind::Comma) {
                return Ok(windows);
            }
        }
    }
}
