//! Tokens with their places, and a cursor over one statement's.

use sqlparser::dialect::Dialect;
use sqlparser::tokenizer::{Location, Token as Kind, Tokenizer};
use vencejo_types::limits::SQL_DEPTH_MAX;

use crate::diagnostic::Diagnostic;

/// A place in the text: line and column, from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    fn of(location: Location) -> Self {
        let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
        Self { line: number(location.line), column: number(location.column) }
    }
}

/// A token that is neither space nor comment.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    end: Place,
}

/// A name as the app writes it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What is a name and what a quote: as in Flink, and `"x"` beside `` `x` ``.
#[derive(Debug)]
struct AppDialect;

impl Dialect for AppDialect {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }
}

/// Words that are no names unless quoted.
const RESERVED: [&str; 42] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "FALLBACK",
    "AS",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "TRUE",
    "FALSE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "IN",
    "IS",
    "BETWEEN",
    "LIKE",
    "LEFT",
    "RIGHT",
    "INNER",
    "FULL",
    "CROSS",
    "OUTER",
    "JOIN",
    "ON",
    "USING",
    "CREATE",
    "WITH",
    "DISTINCT",
    "CAST",
    "EXISTS",
    "INTERVAL",
];

/// The tokens of a text. After a place that is no token, such as a string without an end, nothing more
/// is read: the tokens before it and the error.
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Option<Diagnostic>) {
    let mut spanned = Vec::new();
    let result = Tokenizer::new(&AppDialect, text).tokenize_with_location_into_buf(&mut spanned);
    // What cannot be read begins where the last token ends.
    let reached = spanned.last().map_or(Place { line: 1, column: 1 }, |token| Place::of(token.span.end));
    let tokens = spanned
        .into_iter()
        .filter(|token| !matches!(token.token, Kind::Whitespace(_) | Kind::EOF))
        .map(|token| Token {
            kind: token.token,
            place: Place::of(token.span.start),
            end: Place::of(token.span.end),
        })
        .collect();
    let error = result.err().map(|error| {
        let message = match error.message.as_str() {
            message if message.contains("multi-line comment") => "the comment does not end".to_string(),
            message if message.contains("string literal") => "the string does not end".to_string(),
            message if message.contains("Expected close delimiter") => {
                "the quoted name does not end".to_string()
            }
            message => format!("this cannot be read: {message}"),
        };
        Diagnostic::new(reached, message)
    });
    (tokens, error)
}

/// Tokens as they are written, in one line, without comments.
pub(crate) fn written(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut end = None;
    for token in tokens {
        if end.is_some_and(|end| end != token.place) {
            text.push(' ');
        }
        text.push_str(&token.kind.to_string());
        end = Some(token.end);
    }
    text
}

/// The tokens of one statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'t> {
    pub(crate) tokens: &'t [Token],
    /// The place behind the last token: the semicolon's, if there is one.
    pub(crate) end: Place,
    /// Whether a semicolon ends it.
    pub(crate) ended: bool,
}

/// Splits at semicolons; empty statements are left out.
pub(crate) fn statements(tokens: &[Token]) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let length = rest.iter().position(|token| token.kind == Kind::SemiColon);
        let (tokens, tail) = rest.split_at(length.unwrap_or(rest.len()));
        let end = match (tail.first(), tokens.last()) {
            (Some(semicolon), _) => semicolon.place,
            (None, Some(last)) => last.end,
            (None, None) => break,
        };
        if !tokens.is_empty() {
            statements.push(Statement { tokens, end, ended: length.is_some() });
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    statements
}

/// Reads a statement's tokens one after the other.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    tokens: &'t [Token],
    end: Place,
    depth: usize,
}

/// What reading gives, or the first thing in the way.
pub(crate) type Parsed<T> = Result<T, Diagnostic>;

impl<'t> Cursor<'t> {
    pub(crate) fn new(statement: &Statement<'t>) -> Self {
        Self { tokens: statement.tokens, end: statement.end, depth: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'t Kind> {
        self.tokens.first().map(|token| &token.kind)
    }

    pub(crate) fn peek_second(&self) -> Option<&'t Kind> {
        self.tokens.get(1).map(|token| &token.kind)
    }

    /// The place of the next token, or behind the last.
    pub(crate) fn place(&self) -> Place {
        self.tokens.first().map_or(self.end, |token| token.place)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn skip(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    /// Goes back to a place that [`Cursor::rest`] gave.
    pub(crate) fn go_back(&mut self, rest: &'t [Token]) {
        self.tokens = rest;
    }

    /// The tokens that are left.
    pub(crate) fn rest(&self) -> &'t [Token] {
        self.tokens
    }

    pub(crate) fn is(&self, kind: &Kind) -> bool {
        self.peek() == Some(kind)
    }

    pub(crate) fn accept(&mut self, kind: &Kind) -> bool {
        let found = self.is(kind);
        if found {
            self.skip();
        }
        found
    }

    pub(crate) fn expect(&mut self, kind: &Kind) -> Parsed<()> {
        if self.accept(kind) { Ok(()) } else { Err(self.expected(&format!("'{kind}'"))) }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.tokens.first().is_some_and(|token| is_word(&token.kind, word))
    }

    pub(crate) fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.skip();
        }
        found
    }

    pub(crate) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.accept_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// Whether these words come next.
    pub(crate) fn are_words(&self, words: &[&str]) -> bool {
        words.len() <= self.tokens.len()
            && words.iter().zip(self.tokens).all(|(word, token)| is_word(&token.kind, word))
    }

    /// Several words in a row, or nothing read.
    pub(crate) fn accept_words(&mut self, words: &[&str]) -> bool {
        let found = self.are_words(words);
        if found {
            self.tokens = &self.tokens[words.len()..];
        }
        found
    }

    /// A name; `what` says of what.
    pub(crate) fn name(&mut self, what: &str) -> Parsed<Name> {
        let place = self.place();
        match self.peek() {
            Some(Kind::Word(word)) => {
                if word.quote_style.is_none() && is_reserved(&word.value) {
                    let hint = format!("to use it as a name, write \"{}\"", word.value);
                    return Err(self.expected(what).with_hint(hint));
                }
                self.skip();
                Ok(Name { text: word.value.clone(), place })
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Whether a name comes next, reserved words excluded.
    pub(crate) fn is_name(&self) -> bool {
        let Some(Kind::Word(word)) = self.peek() else { return false };
        word.quote_style.is_some() || !is_reserved(&word.value)
    }

    /// A string in single quotes.
    pub(crate) fn string(&mut self, what: &str) -> Parsed<(String, Place)> {
        let place = self.place();
        match self.peek() {
            Some(Kind::SingleQuotedString(text)) => {
                self.skip();
                Ok((text.clone(), place))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Items in parentheses with commas between them, at least one.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(&Kind::LParen)?;
        let mut list = vec![item(self)?];
        while self.accept(&Kind::Comma) {
            list.push(item(self)?);
        }
        self.expect_or(&Kind::RParen, "',' or ')'")?;
        Ok(list)
    }

    pub(crate) fn expect_or(&mut self, kind: &Kind, what: &str) -> Parsed<()> {
        if self.accept(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// One level deeper. The stack is as deep as the nesting, so the nesting has a limit.
    pub(crate) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= SQL_DEPTH_MAX {
            return Err(self.error(format!("this is nested more than {SQL_DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.place(), message)
    }

    /// The error that something else stands here.
    pub(crate) fn expected(&self, what: &str) -> Diagnostic {
        let found = match self.peek() {
            None => "the statement ends".to_string(),
            Some(kind) => format!("found {}", shown(kind)),
        };
        self.error(format!("expected {what}, {found}"))
    }
}

fn is_word(kind: &Kind, word: &str) -> bool {
    matches!(kind, Kind::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// A token as an error shows it, cut when it is long.
pub(crate) fn shown(kind: &Kind) -> String {
    const CHARS_MAX: usize = 40;
    let text = kind.to_string();
    let cut: String = text.chars().take(CHARS_MAX).collect();
    let dots = if cut.len() < text.len() { "..." } else { "" };
    if matches!(kind, Kind::SingleQuotedString(_)) {
        format!("{cut}{dots}")
    } else {
        format!("'{cut}{dots}'")
    }
}
