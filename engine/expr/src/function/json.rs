//! JSON_VALUE and JSON_EXISTS: a walk over the text, without a tree and without the heap.
//!
//! A path is `$`, then `.name`, `['name']` or `[index]`. The whole text must be JSON; of equal names the last
//! counts, as in Flink. Nesting is at most `JSON_DEPTH_MAX`.

use vencejo_types::limits::{JSON_DEPTH_MAX, JSON_PATH_STEPS_MAX};

use super::table::{body, graph, text};
use super::text::Builder;
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::constant::Constant;
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    graph(
        "JSON_VALUE",
        &[text("json"), text("path").constant(), text("type").constant().optional()],
        |g, a| {
            let scalar = g.function(&VALUE, &a[..2])?;
            let Some(&to) = a.get(2) else { return Ok(scalar) };
            let to = match g.constant(to) {
                Some(Constant::Text(name)) => match &**name {
                    "STRING" => return Ok(scalar),
                    "BOOLEAN" => vencejo_types::schema::ColumnType::Boolean,
                    "INT" => vencejo_types::schema::ColumnType::Int,
                    "BIGINT" => vencejo_types::schema::ColumnType::BigInt,
                    "DOUBLE" => vencejo_types::schema::ColumnType::Double,
                    _ => return Err(CallError::new(2, "RETURNING takes STRING, BOOLEAN, INT, BIGINT or DOUBLE")),
                },
                _ => return Err(CallError::new(2, "RETURNING takes a type")),
            };
            Ok(g.cast(scalar, to)?)
        },
        "The string, number or truth value at a path as STRING, or cast to another type; NULL where there is none, \
         an object, an array or null, and where the text is not JSON.",
        "JSON_VALUE('{\"a\": [{\"b\": 1.50}]}', '$.a[0].b') => STRING '1.50'",
    )
    .written("JSON_VALUE(json, path [RETURNING type])"),
    body(
        "JSON_EXISTS",
        &[text("json"), text("path").constant()],
        Type::Boolean,
        |c| Value::Bool(found(c).is_some_and(|value| value != "null")),
        "Whether there is something at the path that is not null; FALSE where the text is not JSON.",
        "JSON_EXISTS('{\"a\": 1}', '$.b') => BOOLEAN FALSE",
    )
    .prepared(prepare),
];

/// JSON_VALUE as a string.
static VALUE: Function = body(
    "JSON_VALUE (string)",
    &[text("json"), text("path").constant()],
    Type::String,
    |c| found(c).map_or(Value::Null, |raw| scalar(c, raw)),
    "",
    "",
)
.prepared(prepare);

/// The hidden row: programs name it too.
pub(super) fn hidden() -> [&'static Function; 1] {
    [&VALUE]
}

/// The steps of a path.
#[derive(Debug)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(Box<str>),
    Element(usize),
}

fn prepare(known: &Known<'_>) -> Result<Prepared, CallError> {
    let text = known.text(1).unwrap_or_default();
    let error = |message: &str| {
        let hint = "a path is such as '$.user.tags[0]' or '$[''a name'']'";
        CallError::new(1, format!("the path {message}")).with_hint(hint)
    };
    let mut rest = text.strip_prefix("lax ").unwrap_or(text).trim();
    rest = rest.strip_prefix('$').ok_or_else(|| error("does not begin with $"))?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= JSON_PATH_STEPS_MAX {
            return Err(error(&format!("has more than {JSON_PATH_STEPS_MAX} steps")));
        }
        if let Some(quoted) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let quote = if rest.starts_with("['") { "']" } else { "\"]" };
            let (name, tail) = quoted.split_once(quote).ok_or_else(|| error("has a [ that is not closed"))?;
            steps.push(Step::Member(name.into()));
            rest = tail;
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, tail) = index.split_once(']').ok_or_else(|| error("has a [ that is not closed"))?;
            let index = index.trim().parse().map_err(|_| error("takes an index, from 0, between [ and ]"))?;
            steps.push(Step::Element(index));
            rest = tail;
        } else if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, tail) = name.split_at(end);
            if name.is_empty() || name == "*" || name.contains(['\'', '"', ' ', '(', '?', '@']) {
                return Err(error("takes a name behind a point; filters and wildcards are not supported"));
            }
            steps.push(Step::Member(name.into()));
            rest = tail;
        } else {
            return Err(error("goes on with something other than . or ["));
        }
    }
    Ok(Prepared::Path(Path(steps)))
}

/// The text of the value at the path, if the whole is JSON.
fn found<'a>(c: &Invocation<'_, 'a>) -> Option<&'a str> {
    let Prepared::Path(Path(steps)) = c.prepared else { return None };
    let mut reader = Reader { text: c.text(0), at: 0 };
    reader.space();
    let found = reader.value(steps, 0)?;
    reader.space();
    (reader.at == reader.text.len()).then_some(found)?
}

/// A scalar as SQL has it; an object or array is none.
fn scalar<'a>(c: &Invocation<'_, 'a>, raw: &'a str) -> Value<'a> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
            if inner.contains('\\') { unescaped(c, inner) } else { Value::Str(inner) }
        }
        Some(b'{' | b'[' | b'n') | None => Value::Null,
        _ => Value::Str(raw),
    }
}

fn unescaped<'a>(c: &Invocation<'_, 'a>, inner: &str) -> Value<'a> {
    let mut text = Builder::new(c.arena, inner.len());
    unescape(inner, |x| text.push_char(x));
    text.finish()
}

/// Gives the characters of a string whose escapes are checked already. Half a surrogate pair is U+FFFD.
fn unescape(inner: &str, mut push: impl FnMut(char)) {
    let mut rest = inner.chars();
    while let Some(x) = rest.next() {
        if x != '\\' {
            push(x);
            continue;
        }
        match rest.next() {
            Some('n') => push('\n'),
            Some('t') => push('\t'),
            Some('r') => push('\r'),
            Some('b') => push('\u{8}'),
            Some('f') => push('\u{c}'),
            Some('u') => {
                let high = unit(&mut rest);
                let low = if (0xd800..0xdc00).contains(&high) && rest.as_str().starts_with("\\u") {
                    let mut ahead = rest.clone();
                    ahead.next();
                    ahead.next();
                    let low = unit(&mut ahead);
                    (0xdc00..0xe000).contains(&low).then(|| {
                        rest = ahead;
                        low
                    })
                } else {
                    None
                };
                let code = match low {
                    Some(low) => 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                    None => high,
                };
                push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            Some(other) => push(other),
            None => {}
        }
    }
}

/// The number of four hexadecimal digits.
fn unit(rest: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |unit, _| unit * 16 + rest.next().and_then(|digit| digit.to_digit(16)).unwrap_or(0))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Reads a value to its end. None where it is not JSON; else what lies at the path in it, if anything.
    /// The depth is bounded, so the stack is.
    fn value(&mut self, path: &[Step], depth: usize) -> Option<Option<&'t str>> {
        if depth > JSON_DEPTH_MAX {
            return None;
        }
        let start = self.at;
        let inner = match self.peek()? {
            b'{' => self.object(path, depth)?,
            b'[' => self.array(path, depth)?,
            b'"' => self.string().map(|_| None)?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        };
        Some(if path.is_empty() { self.text.get(start..self.at) } else { inner })
    }

    fn object(&mut self, path: &[Step], depth: usize) -> Option<Option<&'t str>> {
        let (wanted, rest) = match path.split_first() {
            Some((Step::Member(name), rest)) => (Some(&**name), rest),
            _ => (None, path),
        };
        let mut found = None;
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Some(None);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.eat(b':') {
                return None;
            }
            self.space();
            let matches = wanted.is_some_and(|wanted| names(name, wanted));
            let inner = self.value(if matches { rest } else { &[] }, depth + 1)?;
            if matches {
                found = inner;
            }
            self.space();
            if self.eat(b'}') {
                return Some(found);
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn array(&mut self, path: &[Step], depth: usize) -> Option<Option<&'t str>> {
        let (wanted, rest) = match path.split_first() {
            Some((Step::Element(index), rest)) => (Some(*index), rest),
            _ => (None, path),
        };
        let mut found = None;
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Some(None);
        }
        for index in 0.. {
            self.space();
            let matches = wanted == Some(index);
            let inner = self.value(if matches { rest } else { &[] }, depth + 1)?;
            if matches {
                found = inner;
            }
            self.space();
            if self.eat(b']') {
                break;
            }
            if !self.eat(b',') {
                return None;
            }
        }
        Some(found)
    }

    /// A string; what stands between its quotes, escapes as written.
    fn string(&mut self) -> Option<&'t str> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'u' => {
                            let digits = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 5;
                        }
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        _ => return None,
                    }
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        let inner = self.text.get(start..self.at);
        self.at += 1;
        inner
    }

    fn word(&mut self, word: &str) -> Option<Option<&'t str>> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            None
        })
    }

    fn number(&mut self) -> Option<Option<&'t str>> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Some(None)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Whether a member's name, its escapes as written, is the wanted one.
fn names(written: &str, wanted: &str) -> bool {
    if !written.contains('\\') {
        return written == wanted;
    }
    let mut expected = wanted.chars();
    let mut same = true;
    unescape(written, |x| same &= expected.next() == Some(x));
    same && expected.next().is_none()
}
