//! Row patterns: what stands in PATTERN (...).

use sqlparser::tokenizer::Token as Kind;
use vencejo_types::limits::{PATTERN_PARTS_MAX, PATTERN_REPEATS_MAX};

use crate::Diagnostic;
use crate::ast::row_pattern::{Pattern, PatternKind};
use crate::tokens::{Cursor, Name, Parsed, Place};

const REPETITION: &str =
    "a quantifier is *, +, ?, {n}, {n,}, {n,m} or {,m}, with ? behind it for as few as possible";

impl Cursor<'_> {
    /// A pattern; `parts` counts what it is made of.
    pub(super) fn alternation(&mut self, parts: &mut usize) -> Parsed<Pattern> {
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
