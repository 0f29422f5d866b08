//! SELECT, as far as views and decisions take it.

use sqlparser::tokenizer::Token as Kind;

use vencejo_types::limits::{LOOKUPS_MAX, VIEW_FEEDS_MAX};

use crate::ast::{Ast, Item, Join, Select, Source};
use crate::tokens::{Cursor, Name, Parsed};

/// Clauses of SQL that are not here; none of them is a table's alias.
const REFUSED_CLAUSES: [&str; 12] = [
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "WINDOW",
    "QUALIFY",
    "INTERSECT",
    "EXCEPT",
    "LATERAL",
    "TABLESAMPLE",
    "MATCH_RECOGNIZE",
];

impl Cursor<'_> {
    /// `SELECT items FROM ...` with all that may follow.
    pub(crate) fn select(&mut self) -> Parsed<Select> {
        let place = self.place();
        self.expect_word("SELECT")?;
        let items = self.items()?;
        if !self.accept_word("FROM") {
            return Err(self.expected("',' or FROM"));
        }
        let source = self.source()?;
        let alias = self.alias("a name for the table")?;
        let mut joins = Vec::new();
        while let Some(join) = self.join()? {
            if joins.len() >= LOOKUPS_MAX {
                return Err(self.error(format!("there are more than {LOOKUPS_MAX} look-ups here")));
            }
            joins.push(join);
        }
        let condition = if self.accept_word("WHERE") { Some(self.expression()?) } else { None };
        let group_by = if self.accept_words(&["GROUP", "BY"]) { self.group_by()? } else { Vec::new() };
        if let Some(clause) = REFUSED_CLAUSES.iter().find(|clause| self.is_word(clause)) {
            return Err(self.error(format!("{clause} is not supported here")));
        }
        Ok(Select { place, items, source, alias, joins, condition, group_by })
    }

    /// The list behind SELECT.
    pub(crate) fn items(&mut self) -> Parsed<Vec<Item>> {
        if self.is_word("DISTINCT") {
            return Err(self.error("SELECT DISTINCT is not supported"));
        }
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

    /// What stands behind FROM: a name, or a subquery in parentheses.
    fn source(&mut self) -> Parsed<Source> {
        if self.is(&Kind::LParen) {
            return self.nested(|cursor| {
                cursor.skip();
                let mut selects = vec![cursor.select()?];
                while cursor.accept_word("UNION") {
                    if !cursor.accept_word("ALL") {
                        return Err(cursor.error("UNION is not supported").with_hint("use UNION ALL"));
                    }
                    if selects.len() >= VIEW_FEEDS_MAX {
                        return Err(
                            cursor.error(format!("there are more than {VIEW_FEEDS_MAX} SELECTs here"))
                        );
                    }
                    selects.push(cursor.select()?);
                }
                cursor.expect(&Kind::RParen)?;
                Ok(Source::Subquery(selects))
            });
        }
        for refused in ["TABLE", "LATERAL", "VALUES", "UNNEST"] {
            if self.is_word(refused) && self.peek_second() == Some(&Kind::LParen) {
                return Err(self.error(format!("FROM {refused}(...) is not supported")));
            }
        }
        let name = self.name("a stream's name or '('")?;
        if self.is(&Kind::Comma) {
            let hint = "a view is looked up with LEFT JOIN view ON view.key = stream.key";
            return Err(self.error("a second table is not supported").with_hint(hint));
        }
        Ok(Source::Named(name))
    }

    fn alias(&mut self, what: &str) -> Parsed<Option<Name>> {
        let written = self.accept_word("AS");
        let clause = REFUSED_CLAUSES.iter().any(|clause| self.is_word(clause));
        if written || self.is_name() && !clause {
            return self.name(what).map(Some);
        }
        Ok(None)
    }

    fn join(&mut self) -> Parsed<Option<Join>> {
        for refused in ["JOIN", "INNER", "RIGHT", "FULL", "CROSS"] {
            if self.is_word(refused) {
                let hint = "a view is looked up with LEFT JOIN view ON view.key = stream.key";
                return Err(self.error(format!("{refused} is not supported here")).with_hint(hint));
            }
        }
        if !self.accept_word("LEFT") {
            return Ok(None);
        }
        self.accept_word("OUTER");
        self.expect_word("JOIN")?;
        let view = self.name("a view's name")?;
        let alias = self.alias("a name for the view")?;
        self.expect_word("ON")?;
        let on = self.expression()?;
        Ok(Some(Join { view, alias, on }))
    }

    fn group_by(&mut self) -> Parsed<Vec<Ast>> {
        let mut list = vec![self.expression()?];
        while self.accept(&Kind::Comma) {
            list.push(self.expression()?);
        }
        Ok(list)
    }
}
