//! MATCH_RECOGNIZE: its clauses, in the standard's order, and the pattern.

use sqlparser::tokenizer::Token as Kind;

use vencejo_rules::spec::{RowsPerMatch, Semantics};
use vencejo_types::limits::{PATTERN_PARTS_MAX, PATTERN_REPEATS_MAX};

use crate::Diagnostic;
use crate::ast::row_pattern::{MatchClause, Pattern, PatternKind, SkipTo};
use crate::ast::{Ast, Relation};
use crate::tokens::{Cursor, Name, Parsed, Place};

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

const REPETITION: &str =
    "a quantifier is *, +, ?, {n}, {n,}, {n,m} or {,m}, with ? behind it for as few as possible";

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

    fn alternation(&mut self, parts: &mut usize) -> Parsed<Pattern> {
        let place = self.place();
        let mut list = vec![self.concatenation(parts)?];
        while self.accept(&Kind::Pipe) {
            list.push(self.concatenation(parts)?);
        }
        if self.is(&Kind::StringConcat) {
            return Err(self
                .error("an alternative is missing between '|' and '|'")
                .with_hint("write () for none"));
        }
        Ok(single_or(list, place, PatternKind::Alternation))
    }

    fn concatenation(&mut self, parts: &mut usize) -> Parsed<Pattern> {
        let place = self.place();
        let mut list = vec![self.factor(parts)?];
        while self.pattern_goes_on() {
            list.push(self.factor(parts)?);
        }
        Ok(single_or(list, place, PatternKind::Concatenation))
    }

    /// Whether another factor follows.
    fn pattern_goes_on(&self) -> bool {
        if self.are_words(&["WITHIN", "INTERVAL"]) {
            return false;
        }
        match self.peek() {
            Some(Kind::Word(_) | Kind::LParen | Kind::LBrace | Kind::Caret | Kind::Placeholder(_)) => true,
            Some(Kind::Minus) => self.peek_second() != Some(&Kind::RBrace),
            _ => false,
        }
    }

    /// A primary with its quantifier.
    fn factor(&mut self, parts: &mut usize) -> Parsed<Pattern> {
        *parts += 1;
        if *parts > PATTERN_PARTS_MAX {
            return Err(self.error(format!("the pattern has more than {PATTERN_PARTS_MAX} parts")));
        }
        let place = self.place();
        let primary = self.primary(parts)?;
        let at = self.place();
        let Some((min, max)) = self.quantifier()? else { return Ok(primary) };
        if matches!(primary.kind, PatternKind::Absence(_)) {
            let hint = "NOT v stands for any number of rows without v already";
            return Err(Diagnostic::new(at, "an absence has no quantifier").with_hint(hint));
        }
        let greedy = !self.accept_question();
        if self.quantifier()?.is_some() {
            let hint = "put the inner pattern in parentheses to repeat it again";
            return Err(Diagnostic::new(at, "there are two quantifiers here").with_hint(hint));
        }
        let kind = PatternKind::Repetition { pattern: Box::new(primary), min, max, greedy };
        Ok(Pattern { place, kind })
    }

    /// A variable, a group, PERMUTE, an exclusion, an absence.
    fn primary(&mut self, parts: &mut usize) -> Parsed<Pattern> {
        let place = self.place();
        let pattern = |kind| Ok(Pattern { place, kind });
        match self.peek() {
            Some(Kind::LParen) => {
                self.skip();
                if self.accept(&Kind::RParen) {
                    return pattern(PatternKind::Empty);
                }
                let inner = self.nested(|cursor| cursor.alternation(parts))?;
                self.expect_or(&Kind::RParen, "a pattern variable, a quantifier, '|' or ')'")?;
                Ok(inner)
            }
            Some(Kind::LBrace) if self.peek_second() == Some(&Kind::Minus) => {
                self.skip();
                self.skip();
                let inner = self.nested(|cursor| cursor.alternation(parts))?;
                self.expect_or(&Kind::Minus, "a pattern variable, a quantifier, '|' or '-}'")?;
                self.expect_or(&Kind::RBrace, "'-}'")?;
                pattern(PatternKind::Exclusion(Box::new(inner)))
            }
            Some(Kind::Caret) => {
                let hint = "a stream has no first row that stays the first; leave ^ out";
                Err(self.error("^ is not supported in a pattern").with_hint(hint))
            }
            Some(Kind::Placeholder(text)) if text == "$" => {
                let hint = "a stream has no last row; leave $ out, or end the pattern with NOT v and WITHIN";
                Err(self.error("$ is not supported in a pattern").with_hint(hint))
            }
            Some(Kind::Word(word)) if word.quote_style.is_none() => {
                if self.accept_word("NOT") {
                    return pattern(PatternKind::Absence(self.absent()?));
                }
                if self.is_word("PERMUTE") && self.peek_second() == Some(&Kind::LParen) {
                    self.skip();
                    let list = self.nested(|cursor| cursor.list(|cursor| cursor.alternation(parts)))?;
                    return Ok(single_or(list, place, PatternKind::Permutation));
                }
                pattern(PatternKind::Variable(self.name("a pattern variable")?))
            }
            Some(Kind::Word(_)) => pattern(PatternKind::Variable(self.name("a pattern variable")?)),
            _ => {
                let error = self.expected("a pattern variable, '(' or '{-'");
                let quantifier =
                    matches!(self.peek(), Some(Kind::Mul | Kind::Plus | Kind::LBrace | Kind::Placeholder(_)));
                Err(if quantifier { error.with_hint(REPETITION) } else { error })
            }
        }
    }

    /// The variable behind NOT, also in parentheses.
    fn absent(&mut self) -> Parsed<Name> {
        if self.accept(&Kind::LParen) {
            let name = self.name("a pattern variable")?;
            let hint = "NOT takes one variable; let its condition say OR";
            self.expect(&Kind::RParen).map_err(|error| error.with_hint(hint))?;
            return Ok(name);
        }
        self.name("a pattern variable behind NOT")
    }

    /// The bounds of a quantifier, if one comes next.
    fn quantifier(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        if self.accept(&Kind::Mul) {
            return Ok(Some((0, None)));
        }
        if self.accept(&Kind::Plus) {
            return Ok(Some((1, None)));
        }
        if self.accept_question() {
            return Ok(Some((0, Some(1))));
        }
        if !self.is(&Kind::LBrace) || self.peek_second() == Some(&Kind::Minus) {
            return Ok(None);
        }
        let place = self.place();
        self.skip();
        let least = self.repeats()?;
        let bounds = if self.accept(&Kind::Comma) {
            let most = self.repeats()?;
            if least.is_none() && most.is_none() {
                return Err(Diagnostic::new(place, "{,} says nothing").with_hint("write *"));
            }
            (least.unwrap_or(0), most)
        } else {
            let Some(exactly) = least else {
                return Err(self.expected("a number or ','").with_hint(REPETITION));
            };
            (exactly, Some(exactly))
        };
        self.expect_or(&Kind::RBrace, "',' or '}'")?;
        match bounds {
            (_, Some(0)) => {
                Err(Diagnostic::new(place, "a pattern is repeated at least once").with_hint("leave it out"))
            }
            (least, Some(most)) if least > most => Err(Diagnostic::new(
                place,
                format!("{{{least},{most}}}: the lower bound is above the upper one"),
            )),
            bounds => Ok(Some(bounds)),
        }
    }

    fn accept_question(&mut self) -> bool {
        let found = matches!(self.peek(), Some(Kind::Placeholder(text)) if text == "?");
        if found {
            self.skip();
        }
        found
    }

    /// A bound in braces, if one comes next.
    fn repeats(&mut self) -> Parsed<Option<u32>> {
        let Some(Kind::Number(digits, false)) = self.peek() else { return Ok(None) };
        let number = digits.parse().ok().filter(|number| *number <= PATTERN_REPEATS_MAX);
        let Some(number) = number else {
            return Err(self.error(format!("a bound is a whole number up to {PATTERN_REPEATS_MAX}")));
        };
        self.skip();
        Ok(Some(number))
    }

    /// `name = (variable, ...)` of SUBSET.
    fn subset(&mut self) -> Parsed<(Name, Vec<Name>)> {
        let name = self.declared_name("the subset's name")?;
        self.expect(&Kind::Eq)?;
        Ok((name, self.list(|cursor| cursor.name("a pattern variable"))?))
    }

    /// `variable AS condition` of DEFINE.
    fn definition(&mut self) -> Parsed<(Name, Ast)> {
        let name = self.name("a pattern variable")?;
        self.expect_word("AS")?;
        Ok((name, self.expression()?))
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

/// The pattern alone, or several as one.
fn single_or(mut list: Vec<Pattern>, place: Place, several: impl Fn(Vec<Pattern>) -> PatternKind) -> Pattern {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            Pattern { place, kind: several(list) }
        }
    }
}
