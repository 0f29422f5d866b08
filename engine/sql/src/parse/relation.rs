//! What stands behind FROM: names, subqueries, window table functions, MATCH_RECOGNIZE, joins.

use sqlparser::tokenizer::Token as Kind;

use crate::Diagnostic;
use crate::ast::{Ast, ColumnName, Join, JoinWord, Query, Relation, Source, WindowCall, WindowKind};
use crate::tokens::{Cursor, Name, Parsed, Place};

/// Words behind a table that are not its alias.
const NO_ALIAS: [&str; 15] = [
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "WINDOW",
    "QUALIFY",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "LATERAL",
    "TABLESAMPLE",
    "MATCH_RECOGNIZE",
    "FOR",
    "NATURAL",
    "USING",
];

/// An argument of a window table function.
enum Argument {
    Table(Relation, Vec<Ast>),
    Descriptor(ColumnName),
    Interval(i64),
}

impl Cursor<'_> {
    /// A name, a subquery or a window table function, with its alias; then perhaps MATCH_RECOGNIZE.
    pub(crate) fn relation(&mut self) -> Parsed<Relation> {
        let place = self.place();
        let source = self.source()?;
        let mut relation = Relation { place, source, alias: self.alias("a name for the table")? };
        if self.is_word("MATCH_RECOGNIZE") {
            let clause = self.nested(|cursor| cursor.match_clause(relation))?;
            let source = Source::Match(Box::new(clause));
            relation = Relation { place, source, alias: self.alias("a name for the matches")? };
            if self.is_word("MATCH_RECOGNIZE") {
                let hint = "put the first one in a subquery: FROM (SELECT * FROM ...) MATCH_RECOGNIZE (...)";
                return Err(self.error("there are two MATCH_RECOGNIZE behind one table").with_hint(hint));
            }
        }
        if self.is(&Kind::LParen) && relation.alias.is_some() {
            return Err(self.error("an alias names no columns").with_hint("name them in a subquery with AS"));
        }
        Ok(relation)
    }

    fn source(&mut self) -> Parsed<Source> {
        if self.is(&Kind::LParen) {
            return self.nested(|cursor| {
                if !cursor.is_query_second() {
                    cursor.skip();
                    return Err(cursor.expected("SELECT"));
                }
                Ok(Source::Subquery(Box::new(cursor.subquery()?)))
            });
        }
        if self.is_word("TABLE") && self.peek_second() == Some(&Kind::LParen) {
            self.skip();
            self.skip();
            let place = self.place();
            let Some(kind) = self.window_kind() else {
                let hint = "the window table functions are TUMBLE, HOP, CUMULATE and SESSION";
                return Err(self.expected("a window table function").with_hint(hint));
            };
            let call = self.nested(|cursor| cursor.window_call(kind, place))?;
            self.expect(&Kind::RParen)?;
            return Ok(Source::Window(Box::new(call)));
        }
        let place = self.place();
        if self.peek_second() == Some(&Kind::LParen) {
            if let Some(kind) = self.window_kind() {
                let call = self.nested(|cursor| cursor.window_call(kind, place))?;
                return Ok(Source::Window(Box::new(call)));
            }
            for refused in ["LATERAL", "VALUES", "UNNEST"] {
                if self.is_word(refused) {
                    return Err(self.error(format!("FROM {refused}(...) is not supported")));
                }
            }
        }
        Ok(Source::Named(self.name("a stream's name or '('")?))
    }

    fn window_kind(&mut self) -> Option<WindowKind> {
        let kinds = [
            ("TUMBLE", WindowKind::Tumble),
            ("HOP", WindowKind::Hop),
            ("CUMULATE", WindowKind::Cumulate),
            ("SESSION", WindowKind::Session),
        ];
        kinds.into_iter().find(|(word, _)| self.accept_word(word)).map(|(_, kind)| kind)
    }

    /// The arguments in parentheses, by position or by name.
    fn window_call(&mut self, kind: WindowKind, place: Place) -> Parsed<WindowCall> {
        let names = kind.parameters();
        let mut given: Vec<Option<(Argument, Place)>> = names.iter().map(|_| None).collect();
        let mut next = 0;
        let close = self.list(|cursor| {
            let mut position = next;
            next += 1;
            if cursor.peek_second() == Some(&Kind::RArrow) {
                let at = cursor.place();
                let Some(Kind::Word(word)) = cursor.peek() else {
                    return Err(cursor.expected("a parameter"));
                };
                let found = names.iter().position(|name| name.eq_ignore_ascii_case(&word.value));
                let Some(found) = found else {
                    let hint = format!("the parameters are {}", names.join(", "));
                    let message = format!("{} has no parameter {}", kind.name(), word.value);
                    return Err(Diagnostic::new(at, message).with_hint(hint));
                };
                position = found;
                cursor.skip();
                cursor.skip();
            }
            let at = cursor.place();
            let argument = cursor.window_argument(position)?;
            match given.get_mut(position) {
                Some(free @ None) => *free = Some((argument, at)),
                Some(Some(_)) => {
                    return Err(Diagnostic::new(at, format!("parameter {} is given twice", names[position])));
                }
                None => {
                    let message = format!("{} takes {} arguments at most", kind.name(), names.len());
                    return Err(Diagnostic::new(at, message));
                }
            }
            Ok(())
        });
        close?;
        let required = kind.required();
        if let Some(missing) = (0..required).find(|&n| given[n].is_none()) {
            let message = format!("{} misses its argument {}", kind.name(), names[missing]);
            return Err(Diagnostic::new(place, message).with_hint(kind.form()));
        }
        let mut call = None;
        let mut time = None;
        let mut lengths = Vec::new();
        for (argument, at) in given.into_iter().flatten() {
            match argument {
                Argument::Table(relation, partition) => call = Some((relation, partition)),
                Argument::Descriptor(column) => time = Some(column),
                Argument::Interval(millis) => lengths.push((millis, at)),
            }
        }
        let (Some((relation, partition)), Some(time)) = (call, time) else {
            return Err(Diagnostic::new(place, format!("{} misses an argument", kind.name())));
        };
        if let Some(first) = partition.first()
            && kind != WindowKind::Session
        {
            let hint = "only a SESSION has PARTITION BY; group by the key instead";
            let message = format!("{} has no PARTITION BY", kind.name());
            return Err(Diagnostic::new(first.place, message).with_hint(hint));
        }
        Ok(WindowCall { kind, relation, partition, time, lengths })
    }

    /// The argument at this position: the table, the time, or a length.
    fn window_argument(&mut self, position: usize) -> Parsed<Argument> {
        let place = self.place();
        match position {
            0 => {
                let source = if self.is(&Kind::LParen) && self.is_query_second() {
                    Source::Subquery(Box::new(self.nested(Self::subquery)?))
                } else {
                    if !self.accept_word("TABLE") {
                        return Err(self
                            .expected("TABLE and a name")
                            .with_hint("write TABLE before the name"));
                    }
                    if self.is(&Kind::LParen) {
                        Source::Subquery(Box::new(self.nested(Self::subquery)?))
                    } else {
                        Source::Named(self.name("a stream's or view's name")?)
                    }
                };
                let mut partition = Vec::new();
                if self.accept_words(&["PARTITION", "BY"]) {
                    partition = if self.is(&Kind::LParen) {
                        self.list(Self::expression)?
                    } else {
                        vec![self.expression()?]
                    };
                    // More columns follow unless the next argument does.
                    while self.is(&Kind::Comma) && !self.argument_follows() {
                        self.skip();
                        partition.push(self.expression()?);
                    }
                }
                Ok(Argument::Table(Relation { place, source, alias: None }, partition))
            }
            1 => {
                if !self.accept_word("DESCRIPTOR") {
                    let hint = "the column of event time, such as DESCRIPTOR(ts)";
                    return Err(self.expected("DESCRIPTOR").with_hint(hint));
                }
                self.expect(&Kind::LParen)?;
                let name = self.name("the column of event time")?;
                self.expect(&Kind::RParen)?;
                Ok(Argument::Descriptor(ColumnName { qualifier: None, name }))
            }
            _ => {
                if !self.accept_word("INTERVAL") {
                    return Err(self.expected("INTERVAL"));
                }
                Ok(Argument::Interval(self.interval_millis()?.0))
            }
        }
    }

    /// Whether an argument of a window table function stands behind the comma.
    fn argument_follows(&self) -> bool {
        let named = self.rest().get(2).is_some_and(|token| token.kind == Kind::RArrow);
        let Some(Kind::Word(word)) = self.peek_second() else { return false };
        named || word.value.eq_ignore_ascii_case("DESCRIPTOR")
    }

    fn alias(&mut self, what: &str) -> Parsed<Option<Name>> {
        let written = self.accept_word("AS");
        if written || self.is_name() && !NO_ALIAS.iter().any(|word| self.is_word(word)) {
            return self.name(what).map(Some);
        }
        Ok(None)
    }

    /// The next join, if there is one.
    pub(crate) fn join(&mut self) -> Parsed<Option<Join>> {
        let place = self.place();
        let word = if self.accept(&Kind::Comma) || self.accept_words(&["CROSS", "JOIN"]) {
            JoinWord::Cross
        } else if self.is_word("JOIN") || self.accept_word("INNER") {
            JoinWord::Inner
        } else if self.accept_word("LEFT") {
            JoinWord::Left
        } else if self.accept_word("RIGHT") {
            JoinWord::Right
        } else if self.accept_word("FULL") {
            JoinWord::Full
        } else {
            if self.is_word("NATURAL") {
                return Err(self
                    .error("NATURAL JOIN is not supported")
                    .with_hint("write the condition with ON"));
            }
            return Ok(None);
        };
        if word != JoinWord::Cross {
            self.accept_word("OUTER");
            if self.is_word("SEMI") || self.is_word("ANTI") {
                let hint = "write WHERE EXISTS (SELECT ...) or WHERE NOT EXISTS (SELECT ...)";
                return Err(self.error("SEMI and ANTI are no words of a join").with_hint(hint));
            }
            self.expect_word("JOIN")?;
        }
        let mut relation = self.relation()?;
        let temporal = self.accept_word("FOR");
        if temporal {
            for word in ["SYSTEM_TIME", "AS", "OF"] {
                self.expect_word(word)?;
            }
            self.expression()?;
            relation.alias = self.alias("a name for the table")?;
        }
        if self.is_word("USING") {
            return Err(self.error("USING is not supported").with_hint("write the condition with ON"));
        }
        let on = if word == JoinWord::Cross {
            None
        } else {
            self.expect_word("ON")?;
            Some(self.expression()?)
        };
        Ok(Some(Join { place, word, temporal, relation, on }))
    }
}

impl WindowKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Cumulate => "CUMULATE",
            Self::Session => "SESSION",
        }
    }

    /// Names of the parameters, in order.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Tumble => &["DATA", "TIMECOL", "SIZE", "OFFSET"],
            Self::Hop => &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
            Self::Cumulate => &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
            Self::Session => &["DATA", "TIMECOL", "GAP"],
        }
    }

    /// How many of the parameters must be given.
    const fn required(self) -> usize {
        match self {
            Self::Tumble | Self::Session => 3,
            Self::Hop | Self::Cumulate => 4,
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Tumble => "write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)",
            Self::Hop => {
                "write HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE): slide, then size"
            }
            Self::Cumulate => {
                "write CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY): step, then size"
            }
            Self::Session => "write SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '30' MINUTE)",
        }
    }
}

impl Query {
    /// The SELECT, if there is nothing but one.
    pub(crate) fn only(&self) -> Option<&crate::ast::Select> {
        match (&self.with[..], &self.selects[..]) {
            ([], [select]) => Some(select),
            _ => None,
        }
    }
}
