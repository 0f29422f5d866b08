//! LIKE: `%` is any text, `_` any one character.

use vencejo_types::limits::CHARACTER_PATTERN_BYTES_MAX;

use super::table::{body, text};
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[body(
    "LIKE",
    &[text("string"), text("pattern"), text("escape").constant().optional()],
    Type::Boolean,
    like,
    "Whether the whole string matches: % is any text, _ any one character; behind the escape character both, \
         and it, are themselves. NULL if the pattern ends in the escape character.",
    "'a%c' LIKE 'a!%_' ESCAPE '!' => BOOLEAN TRUE",
)
.written("string [NOT] LIKE pattern [ESCAPE escape]")
.prepared(prepare)];

/// What a constant pattern says. Patterns that are not constant are matched as they come.
#[derive(Debug)]
pub(crate) struct Like {
    escape: Option<char>,
    simple: Option<Simple>,
}

/// Patterns that ask for less than matching.
#[derive(Debug)]
enum Simple {
    Equals(Box<str>),
    Begins(Box<str>),
    Ends(Box<str>),
    Contains(Box<str>),
}

fn prepare(known: &Known<'_>) -> Result<Prepared, CallError> {
    let escape = match known.text(2) {
        None => None,
        Some(text) => match (text.chars().next(), text.chars().nth(1)) {
            (Some(escape), None) => Some(escape),
            _ => return Err(CallError::new(2, "ESCAPE takes one character")),
        },
    };
    let Some(pattern) = known.text(1) else { return Ok(Prepared::Like(Like { escape, simple: None })) };
    if pattern.len() > CHARACTER_PATTERN_BYTES_MAX {
        let message = format!("the pattern has more than {CHARACTER_PATTERN_BYTES_MAX} bytes");
        return Err(CallError::new(1, message).with_hint("REGEXP takes longer ones"));
    }
    if escape.is_some_and(|escape| !well_escaped(pattern, escape)) {
        let message = "the pattern's escape character stands before neither %, _ nor itself";
        return Err(CallError::new(1, message));
    }
    let inner = pattern.trim_matches('%');
    let plain = !inner.contains(['%', '_']) && escape.is_none_or(|escape| !pattern.contains(escape));
    let simple = plain.then(|| match (pattern.starts_with('%'), pattern.ends_with('%')) {
        (false, false) => Simple::Equals(inner.into()),
        (false, true) => Simple::Begins(inner.into()),
        (true, false) => Simple::Ends(inner.into()),
        (true, true) => Simple::Contains(inner.into()),
    });
    Ok(Prepared::Like(Like { escape, simple }))
}

fn well_escaped(pattern: &str, escape: char) -> bool {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c == escape && !rest.next().is_some_and(|next| next == '%' || next == '_' || next == escape) {
            return false;
        }
    }
    true
}

fn like<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Like(like) = c.prepared else { return Value::Null };
    let text = c.text(0);
    Value::Bool(match &like.simple {
        Some(Simple::Equals(part)) => text == &**part,
        Some(Simple::Begins(part)) => text.starts_with(&**part),
        Some(Simple::Ends(part)) => text.ends_with(&**part),
        Some(Simple::Contains(part)) => text.contains(&**part),
        None => match matches(text, c.text(1), like.escape) {
            Some(matches) => matches,
            None => return Value::Null,
        },
    })
}

/// Matches greedily and goes back to the last `%` only: at most the product of both lengths. None where an
/// escape character stands alone.
fn matches(text: &str, pattern: &str, escape: Option<char>) -> Option<bool> {
    let broken = escape.is_some_and(|escape| !well_escaped(pattern, escape));
    if broken || pattern.len() > CHARACTER_PATTERN_BYTES_MAX {
        return None;
    }
    let (mut text, mut pattern) = (text, pattern);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut rest = pattern.chars();
        let step = match rest.next() {
            None if text.is_empty() => return Some(true),
            None => None,
            Some('%') if escape != Some('%') => {
                pattern = rest.as_str();
                retry = Some((text, pattern));
                continue;
            }
            Some(x) => {
                let literal = Some(x) == escape;
                let wanted = if literal { rest.next()? } else { x };
                let mut characters = text.chars();
                match characters.next() {
                    Some(found) if found == wanted || (!literal && x == '_') => {
                        Some((characters.as_str(), rest.as_str()))
                    }
                    _ => None,
                }
            }
        };
        match (step, retry) {
            (Some((next_text, next_pattern)), _) => {
                text = next_text;
                pattern = next_pattern;
            }
            (None, Some((from, behind))) => {
                let mut characters = from.chars();
                if characters.next().is_none() {
                    return Some(false);
                }
                text = characters.as_str();
                pattern = behind;
                retry = Some((text, behind));
            }
            (None, None) => return Some(false),
        }
    }
}
