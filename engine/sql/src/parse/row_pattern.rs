//! MATCH_RECOGNIZE: its clauses, in the standard's order.

use sqlparser::tokenizer::Token as Kind;

use vencejo_rules::spec::{RowsPerMatch, Semantics};

use crate::Diagnostic;
use crate::ast::row_pattern::{Definition, MatchClause, Pattern, PatternKind, SkipTo};
use crate::ast::{Ast, Relation};
use crate::tokens::{Cursor, Name, Parsed, Place, written};

/// Clauses of MATCH_RECOGNIZE and the words they begin with, in the standard's order.
const CLAUSES: [(&str, &[&str]); 9] = [
    ("PARTITION BY", &["PARTITION"]),
    ("ORDER BY", &["ORDER"]),
    ("MEASURES", &["MEASURES"]),
    ("ROWS PER MATCH", &["ONE", "ALL"]),
    ("AFTER MATCH", &["AFTER"]),
    ("PATTERN", &["PATTERN"]),
    ("WITHIN", &["WITHIN"]),
    ("SUBSET", &["SUBSET"]),
    ("DEFINE", &["DEFINE"]),
];

impl Cursor<'_> {
    /// What stands behind the words MATCH_RECOGNIZE, which are next.
    pub(crate) fn match_clause(&mut self, relation: Relation) -> Parsed<MatchClause> {
        let place = self.place();
        self.skip();
        self.expect(&Kind::LParen)?;
        let mut partition = Vec::new();
        if self.accept_words(&["PARTITION", "BY"]) {
            partition = self.one_or_more(Self::expression)?;
        }
        let mut order = Vec::new();
        if self.accept_words(&["ORDER", "BY"]) {
            order = self.one_or_more(Self::order_item)?;
        }
        let mut measures = Vec::new();
        if self.accept_word("MEASURES") {
            measures = self.one_or_more(Self::measure)?;
        }
        let (rows, timeouts) = self.rows_per_match()?;
        let skip = if self.is_word("AFTER") { self.after_match()? } else { SkipTo::PastLastRow };
        for word in ["INITIAL", "SEEK"] {
            if self.is_word(word) {
                let hint = "matches are found wherever they begin; leave the word out";
                return Err(self
                    .error(format!("{word} is for windows, not for MATCH_RECOGNIZE"))
                    .with_hint(hint));
            }
        }
        if !self.accept_word("PATTERN") {
            return Err(self.clause_expected("PATTERN"));
        }
        let (pattern, mut within) = self.pattern_clause()?;
        if within.is_none() && self.accept_word("WITHIN") {
            within = Some(self.within()?);
        }
        let mut subsets = Vec::new();
        if self.accept_word("SUBSET") {
            subsets = self.one_or_more(Self::subset)?;
        }
        let mut define = Vec::new();
        if self.accept_word("DEFINE") {
            define = self.one_or_more(Self::definition)?;
        }
        if !self.accept(&Kind::RParen) {
            return Err(self.clause_expected(if define.is_empty() { "DEFINE or ')'" } else { "',' or ')'" }));
        }
        Ok(MatchClause {
            place,
            relation,
            partition,
            order,
            measures,
            rows,
            timeouts,
            skip,
            pattern,
            within,
            subsets,
            define,
        })
    }

    /// The error that another clause stands here, or that a clause stands in the wrong place.
    fn clause_expected(&self, what: &str) -> Diagnostic {
        let error = self.expected(what);
        let misplaced = CLAUSES.iter().find(|(_, words)| words.iter().any(|word| self.is_word(word)));
        let Some((clause, _)) = misplaced else { return error };
        let names: Vec<&str> = CLAUSES.iter().map(|(name, _)| *name).collect();
        self.error(format!("{clause} stands in the wrong place"))
            .with_hint(format!("the clauses come in this order: {}", names.join(", ")))
    }

    /// Items with commas between them.
    fn one_or_more<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut list = vec![item(self)?];
        while self.accept(&Kind::Comma) {
            list.push(item(self)?);
        }
        Ok(list)
    }

    fn measure(&mut self) -> Parsed<(Ast, Name)> {
        let value = self.expression()?;
        if !self.accept_word("AS") {
            return Err(self.expected("AS and the measure's name"));
        }
        Ok((value, self.declared_name("the measure's name")?))
    }

    /// `ONE ROW PER MATCH`, `ALL ROWS PER MATCH [SHOW | OMIT EMPTY MATCHES]`, `[SHOW TIMEOUT MATCHES]`.
    fn rows_per_match(&mut self) -> Parsed<(RowsPerMatch, Option<Place>)> {
        let mut rows = RowsPerMatch::One;
        if self.accept_word("ALL") {
            self.words(&["ROWS", "PER", "MATCH"])?;
            rows = RowsPerMatch::All { empty: true };
            if self.is_word("WITH") {
                let hint =
                    "such a row is known only when no match can take it any more; take ALL ROWS PER MATCH";
                return Err(self.error("WITH UNMATCHED ROWS is not supported").with_hint(hint));
            }
            if self.accept_words(&["OMIT", "EMPTY", "MATCHES"]) {
                rows = RowsPerMatch::All { empty: false };
            } else {
                self.accept_words(&["SHOW", "EMPTY", "MATCHES"]);
            }
        } else if self.accept_word("ONE") {
            self.words(&["ROW", "PER", "MATCH"])?;
        }
        let place = self.place();
        let timeouts = self.accept_words(&["SHOW", "TIMEOUT", "MATCHES"]);
        if self.is_word("SHOW") || self.is_word("OMIT") {
            let hint =
                "behind ALL ROWS PER MATCH stand SHOW or OMIT EMPTY MATCHES; SHOW TIMEOUT MATCHES comes last";
            return Err(self.error("this option cannot stand here").with_hint(hint));
        }
        Ok((rows, timeouts.then_some(place)))
    }

    /// `AFTER MATCH SKIP ...`.
    fn after_match(&mut self) -> Parsed<SkipTo> {
        self.words(&["AFTER", "MATCH", "SKIP"])?;
        if self.accept_word("PAST") {
            self.words(&["LAST", "ROW"])?;
            return Ok(SkipTo::PastLastRow);
        }
        let forms = "PAST LAST ROW, TO NEXT ROW, TO FIRST or TO LAST";
        if !self.accept_word("TO") {
            return Err(self.expected(forms));
        }
        if self.accept_words(&["NEXT", "ROW"]) {
            return Ok(SkipTo::NextRow);
        }
        let named_so = |cursor: &Self| matches!(cursor.peek_second(), Some(Kind::Word(_)));
        if self.is_word("FIRST") && named_so(self) && !self.second_is_clause() {
            self.skip();
            return Ok(SkipTo::First(self.name("a pattern variable")?));
        }
        if self.is_word("LAST") && named_so(self) && !self.second_is_clause() {
            self.skip();
        }
        Ok(SkipTo::Last(self.name("a pattern variable")?))
    }

    /// Whether the next word but one begins the pattern: then the next is a variable's name.
    fn second_is_clause(&self) -> bool {
        matches!(self.peek_second(), Some(Kind::Word(word)) if word.value.eq_ignore_ascii_case("PATTERN"))
            && matches!(self.rest().get(2), Some(token) if token.kind == Kind::LParen)
    }

    fn words(&mut self, words: &[&str]) -> Parsed<()> {
        words.iter().try_for_each(|word| self.expect_word(word))
    }

    /// `(pattern)` behind PATTERN, with a WITHIN before the parenthesis closes.
    fn pattern_clause(&mut self) -> Parsed<(Pattern, Option<(i64, Place)>)> {
        self.expect(&Kind::LParen)?;
        let mut parts = 0;
        let place = self.place();
        let pattern = if self.is(&Kind::RParen) {
            Pattern { place, kind: PatternKind::Empty }
        } else {
            self.nested(|cursor| cursor.alternation(&mut parts))?
        };
        let within = if self.are_words(&["WITHIN", "INTERVAL"]) {
            self.skip();
            Some(self.within()?)
        } else {
            None
        };
        if !self.accept(&Kind::RParen) {
            return Err(self.expected("a pattern variable, a quantifier, '|' or ')'"));
        }
        Ok((pattern, within))
    }

    /// The interval behind WITHIN.
    fn within(&mut self) -> Parsed<(i64, Place)> {
        self.expect_word("INTERVAL")?;
        self.interval_millis()
    }

    /// `name = (variable, ...)` of SUBSET.
    fn subset(&mut self) -> Parsed<(Name, Vec<Name>)> {
        let name = self.declared_name("the subset's name")?;
        self.expect(&Kind::Eq)?;
        Ok((name, self.list(|cursor| cursor.name("a pattern variable"))?))
    }

    /// `variable AS condition` of DEFINE.
    fn definition(&mut self) -> Parsed<Definition> {
        let name = self.name("a pattern variable")?;
        self.expect_word("AS")?;
        let tokens = self.rest();
        let condition = self.expression()?;
        let text = written(&tokens[..tokens.len() - self.rest().len()]);
        Ok(Definition { name, condition, text })
    }

    /// RUNNING or FINAL before a call, if one comes next.
    pub(super) fn semantics(&mut self) -> Option<Semantics> {
        let [_, name, parenthesis, ..] = self.rest() else { return None };
        if !matches!(name.kind, Kind::Word(_)) || parenthesis.kind != Kind::LParen {
            return None;
        }
        if self.accept_word("RUNNING") {
            return Some(Semantics::Running);
        }
        self.accept_word("FINAL").then_some(Semantics::Final)
    }
}
