//! Functions of strings. Characters are Unicode scalar values and count from 1; Flink counts UTF-16 units.

use vencejo_types::limits::CHARACTER_PATTERN_BYTES_MAX;

use super::slice::{elt, instr, located, right, size, split_index, substring, trimmed, trims};
use super::table::{any, body, graph, integer, text};
use super::text::{Builder, offset};
use super::{Function, Invocation};
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    graph("UPPER", &[text("string")], |g, a| Ok(g.upper(a[0])?), "In capitals.", "UPPER('Straße') => STRING 'STRASSE'"),
    graph("LOWER", &[text("string")], |g, a| Ok(g.lower(a[0])?), "In small letters.", "LOWER('ABC') => STRING 'abc'"),
    graph(
        "CHAR_LENGTH",
        &[text("string")],
        |g, a| Ok(g.char_length(a[0])?),
        "How many characters.",
        "CHAR_LENGTH('ñandú') => BIGINT 5",
    )
    .also(&["CHARACTER_LENGTH"]),
    graph(
        "CONCAT",
        &[text("string").repeated()],
        |g, a| Ok(g.concat(a)?),
        "One after the other, as ||.",
        "CONCAT('a', 'b', 'c') => STRING 'abc'",
    ),
    body(
        "CONCAT_WS",
        &[text("separator"), text("string").optional().repeated()],
        Type::String,
        concat_ws,
        "The strings that are not NULL with the separator between them; NULL if the separator is.",
        "CONCAT_WS('-', 'a', NULL, 'b') => STRING 'a-b'",
    )
    .lenient(),
    body(
        "SUBSTRING",
        &[text("string"), integer("start"), integer("length").optional()],
        Type::String,
        substring,
        "From the character at start, at most so many. Start counts from the end when negative; 0 is the beginning. \
         NULL if the length is negative.",
        "SUBSTRING('hello' FROM 2 FOR 3) => STRING 'ell'",
    )
    .also(&["SUBSTR"])
    .written("SUBSTRING(string FROM start [FOR length])"),
    body(
        "LEFT",
        &[text("string"), integer("n")],
        Type::String,
        |c| Value::Str(&c.text(0)[..offset(c.text(0), size(c.int(1)))]),
        "The first n characters.",
        "LEFT('hello', 2) => STRING 'he'",
    ),
    body("RIGHT", &[text("string"), integer("n")], Type::String, right, "The last n characters.", "RIGHT('hello', 2) => STRING 'lo'"),
    body(
        "POSITION",
        &[text("part"), text("string")],
        Type::BigInt,
        |c| Value::Int(located(c.text(0), c.text(1), 1)),
        "Where the part begins, from 1; 0 if it is not in the string.",
        "POSITION('l' IN 'hello') => BIGINT 3",
    )
    .written("POSITION(part IN string)"),
    body(
        "LOCATE",
        &[text("part"), text("string"), integer("start").optional()],
        Type::BigInt,
        |c| Value::Int(located(c.text(0), c.text(1), c.optional_int(2).unwrap_or(1))),
        "As POSITION, at start or behind it.",
        "LOCATE('l', 'hello', 4) => BIGINT 4",
    ),
    body(
        "INSTR",
        &[text("string"), text("part"), integer("start").optional(), integer("occurrence").optional()],
        Type::BigInt,
        instr,
        "As POSITION: its n-th occurrence, at start or behind it; with a negative start, backwards from so far from \
         the end.",
        "INSTR('Corporate Floor', 'or', 3, 2) => BIGINT 14",
    ),
    body(
        "TRIM",
        &[text("string")],
        Type::String,
        |c| Value::Str(c.text(0).trim_matches(' ')),
        "Without the spaces, or the characters that are named, at both ends, or at one.",
        "TRIM(LEADING 'x' FROM 'xxaxx') => STRING 'axx'",
    )
    .written("TRIM([[BOTH | LEADING | TRAILING] [characters] FROM] string)"),
    body(
        "BTRIM",
        &[text("string"), text("characters").optional()],
        Type::String,
        |c| trimmed(c, |text| text.trim_matches(|x| trims(c, x))),
        "Without these characters (spaces) at both ends.",
        "BTRIM('xyaxy', 'xy') => STRING 'a'",
    ),
    body(
        "LTRIM",
        &[text("string"), text("characters").optional()],
        Type::String,
        |c| trimmed(c, |text| text.trim_start_matches(|x| trims(c, x))),
        "Without these characters (spaces) at the beginning.",
        "LTRIM('  a ') => STRING 'a '",
    ),
    body(
        "RTRIM",
        &[text("string"), text("characters").optional()],
        Type::String,
        |c| trimmed(c, |text| text.trim_end_matches(|x| trims(c, x))),
        "Without these characters (spaces) at the end.",
        "RTRIM(' a  ') => STRING ' a'",
    ),
    body(
        "SPLIT_INDEX",
        &[text("string"), text("separator"), integer("index")],
        Type::String,
        split_index,
        "The part at the index, from 0; NULL if there is none.",
        "SPLIT_INDEX('a,b,c', ',', 1) => STRING 'b'",
    ),
    body(
        "REPLACE",
        &[text("string"), text("part"), text("by")],
        Type::String,
        replace,
        "Every part replaced; an empty part stands between all characters.",
        "REPLACE('ababab', 'abab', 'z') => STRING 'zab'",
    ),
    body(
        "TRANSLATE",
        &[text("string"), text("from"), text("to")],
        Type::String,
        translate,
        "Each character of from becomes the one at its place in to, or goes where there is none.",
        "TRANSLATE('badegh', 'abc', '12') => STRING '21degh'",
    ),
    body(
        "LPAD",
        &[text("string"), integer("length"), text("pad")],
        Type::String,
        |c| padded(c, true),
        "Cut to the length, or filled up with the pad on the left. NULL if the length is negative or the pad empty.",
        "LPAD('hi', 5, 'ab') => STRING 'abahi'",
    ),
    body(
        "RPAD",
        &[text("string"), integer("length"), text("pad")],
        Type::String,
        |c| padded(c, false),
        "As LPAD, on the right.",
        "RPAD('hi', 5, 'ab') => STRING 'hiaba'",
    ),
    body("REVERSE", &[text("string")], Type::String, reverse, "The characters backwards.", "REVERSE('abc') => STRING 'cba'"),
    body(
        "INITCAP",
        &[text("string")],
        Type::String,
        initcap,
        "Each word with a capital; words are of letters and digits.",
        "INITCAP('hello woRLD') => STRING 'Hello World'",
    ),
    body(
        "REPEAT",
        &[text("string"), integer("n")],
        Type::String,
        repeat,
        "So many times.",
        "REPEAT('ab', 3) => STRING 'ababab'",
    ),
    body(
        "ASCII",
        &[text("string")],
        Type::BigInt,
        |c| Value::Int(c.text(0).chars().next().map_or(0, |c| i64::from(u32::from(c)))),
        "The code point of the first character; 0 for an empty string.",
        "ASCII('a') => BIGINT 97",
    ),
    body(
        "CHR",
        &[integer("code")],
        Type::String,
        chr,
        "The character of a code from 0 to 255, taken modulo 256 above; empty below 0.",
        "CHR(97) => STRING 'a'",
    ),
    body(
        "STARTSWITH",
        &[text("string"), text("part")],
        Type::Boolean,
        |c| Value::Bool(c.text(0).starts_with(c.text(1))),
        "Whether it begins so.",
        "STARTSWITH('hello', 'he') => BOOLEAN TRUE",
    ),
    body(
        "ENDSWITH",
        &[text("string"), text("part")],
        Type::Boolean,
        |c| Value::Bool(c.text(0).ends_with(c.text(1))),
        "Whether it ends so.",
        "ENDSWITH('hello', 'lo') => BOOLEAN TRUE",
    ),
    body(
        "ELT",
        &[integer("n"), text("string").repeated()],
        Type::String,
        elt,
        "The n-th of the strings, from 1; NULL if there is none.",
        "ELT(2, 'a', 'b') => STRING 'b'",
    )
    .lenient(),
    graph(
        "TO_STRING",
        &[any("value")],
        |g, a| Ok(g.cast(a[0], vencejo_types::schema::ColumnType::String)?),
        "As CAST(value AS STRING).",
        "TO_STRING(7) => STRING '7'",
    ),
];

fn concat_ws<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Some((Value::Str(separator), strings)) = c.arguments.split_first() else { return Value::Null };
    let mut joined = Builder::new(c.arena, 0);
    let mut first = true;
    for string in strings {
        if let Value::Str(string) = string {
            if !std::mem::take(&mut first) {
                joined.push(separator);
            }
            joined.push(string);
        }
    }
    joined.finish()
}

fn replace<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, part, by) = (c.text(0), c.text(1), c.text(2));
    if !text.contains(part) {
        return Value::Str(text);
    }
    let mut replaced = Builder::new(c.arena, text.len());
    for (place, piece) in text.split(part).enumerate() {
        if place > 0 {
            replaced.push(by);
        }
        replaced.push(piece);
        if replaced.is_over() {
            break;
        }
    }
    replaced.finish()
}

fn translate<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, from, to) = (c.text(0), c.text(1), c.text(2));
    if from.len().max(to.len()) > CHARACTER_PATTERN_BYTES_MAX {
        return Value::Null;
    }
    let mut translated = Builder::new(c.arena, text.len());
    for x in text.chars() {
        match from.chars().position(|other| other == x) {
            None => translated.push_char(x),
            Some(place) => {
                if let Some(by) = to.chars().nth(place) {
                    translated.push_char(by);
                }
            }
        }
    }
    translated.finish()
}

fn padded<'a>(c: &Invocation<'_, 'a>, left: bool) -> Value<'a> {
    let (text, pad) = (c.text(0), c.text(2));
    let Ok(length) = usize::try_from(c.int(1)) else { return Value::Null };
    if pad.is_empty() {
        return Value::Null;
    }
    let has = text.chars().count();
    if has >= length {
        return Value::Str(&text[..offset(text, length)]);
    }
    let mut padded = Builder::new(c.arena, text.len());
    if !left {
        padded.push(text);
    }
    for x in pad.chars().cycle().take(length - has) {
        padded.push_char(x);
        if padded.is_over() {
            break;
        }
    }
    if left {
        padded.push(text);
    }
    padded.finish()
}

fn reverse<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let mut reversed = Builder::new(c.arena, c.text(0).len());
    c.text(0).chars().rev().for_each(|x| reversed.push_char(x));
    reversed.finish()
}

fn initcap<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let mut capital = Builder::new(c.arena, c.text(0).len());
    let mut inside = false;
    for x in c.text(0).chars() {
        if inside {
            x.to_lowercase().for_each(|x| capital.push_char(x));
        } else {
            x.to_uppercase().for_each(|x| capital.push_char(x));
        }
        inside = x.is_alphanumeric();
    }
    capital.finish()
}

fn repeat<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, n) = (c.text(0), size(c.int(1)));
    if text.is_empty() || n == 0 {
        return Value::Str("");
    }
    let mut repeated = Builder::new(c.arena, text.len().saturating_mul(n));
    for _ in 0..n {
        repeated.push(text);
        if repeated.is_over() {
            break;
        }
    }
    repeated.finish()
}

fn chr<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Ok(code) = u64::try_from(c.int(0)) else { return Value::Str("") };
    let Ok(code) = u8::try_from(code % 256) else { return Value::Null };
    let mut text = Builder::new(c.arena, 2);
    text.push_char(char::from(code));
    text.finish()
}
