//! What stands behind a call: FILTER and OVER.

use sqlparser::tokenizer::Token as Kind;

use crate::ast::{FrameClause, Function, OrderItem, Over, OverSpec};
use crate::tokens::{Cursor, Parsed};

impl Cursor<'_> {
    /// `FILTER (WHERE ...)` and `OVER ...`, where they are there.
    pub(crate) fn call_clauses(&mut self, function: &mut Function) -> Parsed<()> {
        if self.is_word("FILTER") && self.peek_second() == Some(&Kind::LParen) {
            self.skip();
            self.skip();
            self.expect_word("WHERE")?;
            function.filter = Some(self.expression()?);
            self.expect(&Kind::RParen)?;
        }
        if self.accept_word("OVER") {
            function.over = Some(if self.is(&Kind::LParen) {
                Over::Spec(self.over_spec()?)
            } else {
                Over::Named(self.name("a window's name or '('")?)
            });
        }
        Ok(())
    }

    /// `(PARTITION BY ... ORDER BY ... ROWS ...)`.
    pub(crate) fn over_spec(&mut self) -> Parsed<OverSpec> {
        let place = self.place();
        self.expect(&Kind::LParen)?;
        let mut spec = OverSpec { place, partition: Vec::new(), order: Vec::new(), frame: None };
        if self.accept_words(&["PARTITION", "BY"]) {
            spec.partition.push(self.expression()?);
            while self.accept(&Kind::Comma) {
                spec.partition.push(self.expression()?);
            }
        }
        if self.accept_words(&["ORDER", "BY"]) {
            spec.order.push(self.order_item()?);
            while self.accept(&Kind::Comma) {
                spec.order.push(self.order_item()?);
            }
        }
        if self.is_word("ROWS") || self.is_word("RANGE") {
            spec.frame = Some(self.frame()?);
        }
        self.expect_or(&Kind::RParen, "PARTITION BY, ORDER BY, ROWS, RANGE or ')'")?;
        Ok(spec)
    }

    /// `value [ASC | DESC] [NULLS FIRST | NULLS LAST]`.
    pub(crate) fn order_item(&mut self) -> Parsed<OrderItem> {
        let value = self.expression()?;
        let descending = self.accept_word("DESC");
        if !descending {
            self.accept_word("ASC");
        }
        let nulls_first = if self.accept_words(&["NULLS", "FIRST"]) {
            Some(true)
        } else if self.accept_words(&["NULLS", "LAST"]) {
            Some(false)
        } else {
            None
        };
        Ok(OrderItem { value, descending, nulls_first })
    }

    /// `ROWS | RANGE BETWEEN n PRECEDING AND CURRENT ROW`, or `ROWS | RANGE n PRECEDING`.
    fn frame(&mut self) -> Parsed<FrameClause> {
        let place = self.place();
        let rows = self.is_word("ROWS");
        self.skip();
        let between = self.accept_word("BETWEEN");
        let preceding = if self.accept_word("UNBOUNDED") {
            None
        } else if self.is_word("CURRENT") {
            return Err(self.error("a frame begins before the current row").with_hint("write PRECEDING"));
        } else {
            Some(self.below_ranges()?)
        };
        if self.is_word("FOLLOWING") {
            return Err(self.error("a frame cannot begin behind the current row"));
        }
        self.expect_word("PRECEDING")?;
        if between {
            self.expect_word("AND")?;
            if !self.accept_words(&["CURRENT", "ROW"]) {
                let hint = "rows that follow are not known yet";
                return Err(self.expected("CURRENT ROW").with_hint(hint));
            }
        }
        Ok(FrameClause { place, rows, preceding })
    }
}
