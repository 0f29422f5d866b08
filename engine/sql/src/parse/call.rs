//! Calls of functions, those with a syntax of their own among them: they become plain calls of the table's
//! functions.

use sqlparser::tokenizer::Token as Kind;

use super::expression::{height, node};
use crate::ast::{Ast, AstKind, Function};
use crate::diagnostic::Diagnostic;
use crate::tokens::{Cursor, Name, Parsed, Place};

/// Clocks of SQL that are written without parentheses.
const CLOCKS: [&str; 6] = [
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_ROW_TIMESTAMP",
    "LOCALTIMESTAMP",
    "LOCALTIME",
];

/// Functions that do not depend on their row alone, and what to use in their place.
const REFUSED: [(&str, &str); 9] = [
    ("NOW", CLOCK_HINT),
    ("PROCTIME", CLOCK_HINT),
    ("CURRENT_TIMESTAMP", CLOCK_HINT),
    ("CURRENT_WATERMARK", CLOCK_HINT),
    ("RAND", RANDOM_HINT),
    ("RAND_INTEGER", RANDOM_HINT),
    ("UUID", RANDOM_HINT),
    ("CURRENT_DATABASE", "an app is one database"),
    ("TYPEOF", "the types are known when the app is planned"),
];

const CLOCK_HINT: &str = "use the event's time: the same events must give the same results";
const RANDOM_HINT: &str = "take HASH64 of a column: the same events must give the same results";

/// A call of a function by a name that the parser gives it.
pub(super) fn call(place: Place, name: &str, arguments: Vec<Ast>) -> Parsed<Ast> {
    let name = Name { text: name.to_string(), place };
    let below = height(&arguments);
    node(place, below, AstKind::Function(Box::new(Function::plain(name, arguments))))
}

impl Cursor<'_> {
    /// The error of a clock that comes next, if one does.
    pub(super) fn clock(&self) -> Option<Diagnostic> {
        let clock = CLOCKS.into_iter().find(|clock| self.is_word(clock))?;
        Some(self.error(format!("{clock} is not supported")).with_hint(CLOCK_HINT))
    }

    /// The arguments behind a function's name, in parentheses.
    pub(super) fn call(&mut self, name: Name) -> Parsed<Ast> {
        let place = name.place;
        if let Some((refused, hint)) = REFUSED.iter().find(|(other, _)| name.text.eq_ignore_ascii_case(other))
        {
            return Err(Diagnostic::new(place, format!("{refused} is not supported")).with_hint(*hint));
        }
        self.expect(&Kind::LParen)?;
        let mut function = Function::plain(name, Vec::new());
        if self.accept(&Kind::Mul) {
            function.star = true;
        } else if let [variable, period, star, ..] = self.rest()
            && matches!(variable.kind, Kind::Word(_))
            && (&period.kind, &star.kind) == (&Kind::Period, &Kind::Mul)
        {
            function.star = true;
            function.star_of = Some(self.name("a pattern variable")?);
            self.skip();
            self.skip();
        } else if !self.is(&Kind::RParen) {
            function.distinct = self.accept_word("DISTINCT");
            self.arguments(&mut function)?;
        }
        self.expect_or(&Kind::RParen, "',' or ')'")?;
        self.call_clauses(&mut function)?;
        let below = height(&function.arguments).max(height(function.filter.as_slice()));
        node(place, below, AstKind::Function(Box::new(function)))
    }

    fn arguments(&mut self, function: &mut Function) -> Parsed<()> {
        match function.name.text.to_ascii_uppercase().as_str() {
            "EXTRACT" => {
                function.arguments.push(self.unit()?);
                self.expect_word("FROM")?;
                function.arguments.push(self.expression()?);
                Ok(())
            }
            "TIMESTAMPADD" | "TIMESTAMPDIFF" => {
                function.arguments.push(self.unit()?);
                self.more_arguments(function)
            }
            "TRIM" => self.trim(function),
            "POSITION" => self.position(function),
            "SUBSTRING" | "SUBSTR" => self.substring(function),
            "FLOOR" | "CEIL" | "CEILING" => {
                function.arguments.push(self.expression()?);
                if self.accept_word("TO") {
                    function.arguments.push(self.unit()?);
                }
                self.more_arguments(function)
            }
            "JSON_VALUE" => self.json_value(function),
            _ => {
                function.arguments.push(self.expression()?);
                self.more_arguments(function)
            }
        }
    }

    /// What follows an argument: further ones behind commas.
    fn more_arguments(&mut self, function: &mut Function) -> Parsed<()> {
        while self.accept(&Kind::Comma) {
            function.arguments.push(self.expression()?);
        }
        Ok(())
    }

    /// A unit of time, as a constant argument; the function knows which there are.
    fn unit(&mut self) -> Parsed<Ast> {
        let place = self.place();
        match self.peek() {
            Some(Kind::Word(word)) if word.quote_style.is_none() => {
                self.skip();
                Ok(Ast { place, height: 0, kind: AstKind::Text(word.value.clone()) })
            }
            _ => Err(self.expected("a unit of time, such as HOUR")),
        }
    }

    /// `[BOTH | LEADING | TRAILING] [characters] FROM string`, or the string alone.
    fn trim(&mut self, function: &mut Function) -> Parsed<()> {
        let mut ends = "BTRIM";
        let mut named = false;
        for (word, name) in [("BOTH", "BTRIM"), ("LEADING", "LTRIM"), ("TRAILING", "RTRIM")] {
            if !named
                && !matches!(self.peek_second(), Some(Kind::Comma | Kind::RParen))
                && self.accept_word(word)
            {
                (ends, named) = (name, true);
            }
        }
        if self.accept_word("FROM") {
            function.arguments.push(self.expression()?);
        } else {
            let first = self.expression()?;
            if self.accept_word("FROM") {
                let string = self.expression()?;
                function.arguments.extend([string, first]);
                named = true;
            } else if named {
                return Err(self.expected("FROM"));
            } else {
                function.arguments.push(first);
                return self.more_arguments(function);
            }
        }
        if named {
            function.name.text = ends.to_string();
        }
        Ok(())
    }

    /// `part IN string`, or two arguments.
    fn position(&mut self, function: &mut Function) -> Parsed<()> {
        // IN would be read as the operator.
        function.arguments.push(self.below_ranges()?);
        if self.accept_word("IN") {
            function.arguments.push(self.expression()?);
            return Ok(());
        }
        self.more_arguments(function)
    }

    /// `string FROM start [FOR length]`, or arguments.
    fn substring(&mut self, function: &mut Function) -> Parsed<()> {
        function.arguments.push(self.expression()?);
        if !self.accept_word("FROM") {
            return self.more_arguments(function);
        }
        function.arguments.push(self.expression()?);
        if self.accept_word("FOR") {
            function.arguments.push(self.expression()?);
        }
        Ok(())
    }

    /// `json, path [RETURNING type] [NULL ON EMPTY] [NULL ON ERROR]`.
    fn json_value(&mut self, function: &mut Function) -> Parsed<()> {
        function.arguments.push(self.expression()?);
        self.more_arguments(function)?;
        if self.accept_word("RETURNING") {
            let place = self.place();
            let to = self.column_type()?;
            function.arguments.push(Ast { place, height: 0, kind: AstKind::Text(to.to_string()) });
        }
        while self.is_word("NULL") || self.is_word("ERROR") || self.is_word("DEFAULT") {
            if !self.accept_words(&["NULL", "ON", "EMPTY"]) && !self.accept_words(&["NULL", "ON", "ERROR"]) {
                let hint = "write COALESCE(JSON_VALUE(...), value) for another value";
                return Err(self.error("only NULL ON EMPTY and NULL ON ERROR are supported").with_hint(hint));
            }
        }
        Ok(())
    }
}
