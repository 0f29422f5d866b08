//! Comma-separated values as RFC 4180 has them: fields with commas, quotes or line ends stand in quotes.

/// A line's fields.
pub(crate) struct Record {
    /// The line that it begins in, from 1.
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

/// The records of a text; empty lines are left out. An error is a sentence.
pub(crate) fn records(text: &str) -> impl Iterator<Item = Result<Record, String>> + '_ {
    let mut rest = text;
    let mut line = 1;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let begun = line;
            let mut fields = Vec::new();
            loop {
                match field(&mut rest, &mut line) {
                    Ok((field, more)) => {
                        fields.push(field);
                        if !more {
                            break;
                        }
                    }
                    Err(message) => {
                        rest = "";
                        return Some(Err(format!("line {line}: {message}")));
                    }
                }
            }
            if fields != [""] {
                return Some(Ok(Record { line: begun, fields }));
            }
        }
    })
}

/// One field, and whether another follows in its record.
fn field(rest: &mut &str, line: &mut usize) -> Result<(String, bool), &'static str> {
    let mut text = String::new();
    if let Some(mut quoted) = rest.strip_prefix('"') {
        loop {
            let (head, tail) = quoted.split_once('"').ok_or("a quoted field does not end")?;
            *line += head.matches('\n').count();
            text.push_str(head);
            quoted = tail;
            match tail.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    quoted = more;
                }
                None => break,
            }
        }
        *rest = quoted;
    } else {
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        text.push_str(
            rest[..end].strip_suffix('\r').filter(|_| !rest[end..].starts_with(',')).unwrap_or(&rest[..end]),
        );
        *rest = &rest[end..];
    }
    if let Some(tail) = rest.strip_prefix(',') {
        *rest = tail;
        return Ok((text, true));
    }
    let tail = rest.strip_prefix('\r').unwrap_or(rest);
    match tail.strip_prefix('\n') {
        Some(tail) => {
            *rest = tail;
            *line += 1;
            Ok((text, false))
        }
        None if tail.is_empty() => {
            *rest = "";
            Ok((text, false))
        }
        None => Err("something follows a field's closing quote"),
    }
}

#[cfg(test)]
mod tests {
    use super::records;

    #[test]
    fn records_of_texts() {
        for (text, expected) in [
            ("", "[]"),
            ("a,b\n1,2\n", r#"[(1, ["a", "b"]), (2, ["1", "2"])]"#),
            ("a,b\r\n1,\r\n\r\n,\r\n", r#"[(1, ["a", "b"]), (2, ["1", ""]), (4, ["", ""])]"#),
            ("\"a,\"\"x\"\"\ny\",b\nz", r#"[(1, ["a,\"x\"\ny", "b"]), (3, ["z"])]"#),
        ] {
            let found: Vec<_> =
                records(text).map(|record| record.map(|r| (r.line, r.fields)).unwrap()).collect();
            assert_eq!(format!("{found:?}"), expected, "{text:?}");
        }
        for (text, expected) in [
            ("a\n\"b", "line 2: a quoted field does not end"),
            ("\"a\"b", "line 1: something follows a field's closing quote"),
        ] {
            let error = records(text).find_map(Result::err);
            assert_eq!(error.as_deref(), Some(expected));
        }
    }
}
