//! Regular expressions: compiled when the app is planned, matched in linear time.

use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};
use vencejo_types::limits::{REGEX_BYTES_MAX, REGEX_GROUPS_MAX, REGEX_PATTERN_BYTES_MAX};

use super::table::{body, integer, text};
use super::text::Builder;
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "REGEXP",
        &[text("string"), text("pattern").constant()],
        Type::Boolean,
        regexp,
        "Whether the pattern matches anywhere. Patterns are as the crate regex takes them: Java's without \
         look-around and back-references.",
        "REGEXP('hello', 'l+o$') => BOOLEAN TRUE",
    )
    .also(&["REGEXP_LIKE"])
    .prepared(prepare),
    body(
        "REGEXP_EXTRACT",
        &[text("string"), text("pattern").constant(), integer("group").constant().optional()],
        Type::String,
        extract,
        "What the group, or the whole pattern (0), matches first; NULL if it does not.",
        "REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2) => STRING 'bar'",
    )
    .prepared(prepare_extract),
    body(
        "REGEXP_REPLACE",
        &[text("string"), text("pattern").constant(), text("by")],
        Type::String,
        replace,
        "Every match replaced by the text as it stands.",
        "REGEXP_REPLACE('foobar', 'oo|ar', '') => STRING 'fb'",
    )
    .prepared(prepare),
];

/// A compiled pattern.
pub(crate) struct Pattern {
    regex: Regex,
    source: Box<str>,
    group: usize,
}

/// By its text: what a regular expression has cached while it was used is no part of a program.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?}, {})", self.source, self.group)
    }
}

fn compiled(known: &Known<'_>) -> Result<Pattern, CallError> {
    let pattern = known.text(1).unwrap_or_default();
    let error = |message: String| CallError::new(1, message);
    if pattern.len() > REGEX_PATTERN_BYTES_MAX {
        let bytes = pattern.len();
        return Err(error(format!(
            "the pattern has {bytes} bytes; at most {REGEX_PATTERN_BYTES_MAX} are taken"
        )));
    }
    let config = Regex::config()
        .match_kind(MatchKind::LeftmostFirst)
        .nfa_size_limit(Some(REGEX_BYTES_MAX))
        .onepass_size_limit(Some(REGEX_BYTES_MAX))
        .hybrid_cache_capacity(REGEX_BYTES_MAX);
    let built =
        Regex::builder().configure(config).syntax(syntax::Config::new().nest_limit(64)).build(pattern);
    let regex = built.map_err(|error| match (error.syntax_error(), error.size_limit()) {
        (Some(error), _) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
            let hint = "look-around and back-references are not supported: matching takes linear time";
            CallError::new(1, format!("the pattern cannot be read: {last}")).with_hint(hint)
        }
        (None, Some(_)) => {
            CallError::new(1, format!("the compiled pattern takes more than {REGEX_BYTES_MAX} bytes"))
                .with_hint("make counted repetitions smaller")
        }
        _ => CallError::new(1, "the pattern cannot be compiled"),
    })?;
    if regex.captures_len() > REGEX_GROUPS_MAX {
        return Err(error(format!("the pattern has more than {REGEX_GROUPS_MAX} groups, the whole counted")));
    }
    Ok(Pattern { regex, source: pattern.into(), group: 0 })
}

fn prepare(known: &Known<'_>) -> Result<Prepared, CallError> {
    Ok(Prepared::Pattern(Box::new(compiled(known)?)))
}

fn prepare_extract(known: &Known<'_>) -> Result<Prepared, CallError> {
    let mut pattern = compiled(known)?;
    let groups = pattern.regex.captures_len() - 1;
    let group = known.int(2).unwrap_or(0);
    match usize::try_from(group) {
        Ok(group) if group <= groups => pattern.group = group,
        _ => {
            return Err(CallError::new(
                2,
                format!("the pattern has {groups} groups; there is no group {group}"),
            ));
        }
    }
    Ok(Prepared::Pattern(Box::new(pattern)))
}

fn regexp<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Pattern(pattern) = c.prepared else { return Value::Null };
    Value::Bool(pattern.regex.is_match(c.text(0)))
}

fn extract<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Pattern(pattern) = c.prepared else { return Value::Null };
    let text = c.text(0);
    let mut slots: [Option<NonMaxUsize>; 2 * REGEX_GROUPS_MAX] = [None; 2 * REGEX_GROUPS_MAX];
    let used = 2 * (pattern.group + 1);
    if pattern.regex.search_slots(&Input::new(text), &mut slots[..used]).is_none() {
        return Value::Null;
    }
    match (slots[used - 2], slots[used - 1]) {
        (Some(start), Some(end)) => text.get(start.get()..end.get()).map_or(Value::Null, Value::Str),
        _ => Value::Null,
    }
}

fn replace<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Pattern(pattern) = c.prepared else { return Value::Null };
    let (text, by) = (c.text(0), c.text(2));
    let mut replaced = Builder::new(c.arena, text.len());
    let mut end = 0;
    for found in pattern.regex.find_iter(text) {
        replaced.push(&text[end..found.start()]);
        replaced.push(by);
        end = found.end();
        if replaced.is_over() {
            break;
        }
    }
    replaced.push(&text[end..]);
    replaced.finish()
}
