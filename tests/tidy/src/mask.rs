//! Splits Rust text into code, comments and literals, so that a word in prose is not taken for code.
//!
//! Not a parser: it knows comments (nested, too), strings (raw, byte and C strings, too), characters and
//! lifetimes. Both results keep the place of every character.

/// Stands in the code for each character inside a literal.
pub const LITERAL: char = '\u{FFFC}';

/// A file's text, once with nothing but its code and once with nothing but its comments.
#[derive(Debug)]
pub struct Masked {
    /// Code. Comments are spaces; between the quotes of literals stands [`LITERAL`].
    pub code: String,
    /// Comments, with their slashes and stars. All else is spaces.
    pub comments: String,
}

/// Splits the text of a Rust file.
pub fn mask(text: &str) -> Masked {
    let mut scanner = Scanner {
        chars: text.chars().collect(),
        at: 0,
        code: String::with_capacity(text.len()),
        comments: String::with_capacity(text.len()),
    };
    while scanner.at < scanner.chars.len() {
        scanner.step();
    }
    Masked { code: scanner.code, comments: scanner.comments }
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Scanner {
    /// The character `ahead` of the current one; NUL past the end.
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// Gives the next `count` characters to a part.
    fn take(&mut self, count: usize, part: Part) {
        let end = (self.at + count).min(self.chars.len());
        for &char in &self.chars[self.at..end] {
            let (code, comment) = match part {
                _ if char == '\n' => (char, char),
                Part::Code => (char, ' '),
                Part::Comment => (' ', char),
                Part::Literal => (LITERAL, ' '),
            };
            self.code.push(code);
            self.comments.push(comment);
        }
        self.at = end;
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.quoted('"'),
            ('\'', '\\') => self.quoted('\''),
            ('\'', _) if self.peek(2) == '\'' => self.quoted('\''),
            (char, _) if is_word(char) => self.word(),
            _ => self.take(1, Part::Code),
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            self.take(1, Part::Comment);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.take(1, Part::Comment);
                    continue;
                }
            }
            self.take(2, Part::Comment);
            if depth == 0 {
                return;
            }
        }
    }

    /// A literal with escapes; the current character is its opening quote.
    fn quoted(&mut self, quote: char) {
        self.take(1, Part::Code);
        while self.at < self.chars.len() && self.peek(0) != quote {
            let count = if self.peek(0) == '\\' { 2 } else { 1 };
            self.take(count, Part::Literal);
        }
        self.take(1, Part::Code);
    }

    /// A word, and the literal that it may be the prefix of.
    fn word(&mut self) {
        let start = self.at;
        while is_word(self.peek(0)) {
            self.take(1, Part::Code);
        }
        let word: String = self.chars[start..self.at].iter().collect();
        if !matches!(word.as_str(), "r" | "br" | "cr") {
            return;
        }
        let mut hashes = 0;
        while self.peek(hashes) == '#' {
            hashes += 1;
        }
        if self.peek(hashes) == '"' {
            self.raw(hashes);
        }
    }

    /// A literal without escapes, closed by a quote and `hashes` hashes.
    fn raw(&mut self, hashes: usize) {
        self.take(hashes + 1, Part::Code);
        let closes =
            |scanner: &Self| scanner.peek(0) == '"' && (1..=hashes).all(|ahead| scanner.peek(ahead) == '#');
        while self.at < self.chars.len() && !closes(self) {
            self.take(1, Part::Literal);
        }
        self.take(hashes + 1, Part::Code);
    }
}

/// Whether a character can be part of a name.
pub fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The byte offsets at which `needle` stands in `text` as a word of its own: no longer name around it.
pub fn find_words<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let opens = needle.starts_with(is_word);
    let closes = needle.ends_with(is_word);
    text.match_indices(needle).map(|(at, _)| at).filter(move |&at| {
        let inside = opens && text[..at].ends_with(is_word);
        let goes_on = closes && text[at + needle.len()..].starts_with(is_word);
        !inside && !goes_on
    })
}

/// The line, from 1, of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The byte offset just behind the bracket that closes the one at `open`; the text's end if none does.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, char) in code[open..].char_indices() {
        match char {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + char.len_utf8();
        }
    }
    code.len()
}

/// Where the item that begins at `start` opens its body (`{`) or ends without one (`;`).
pub fn body(code: &str, start: usize) -> Option<(usize, char)> {
    let mut at = start;
    while let Some(char) = code[at..].chars().next() {
        match char {
            '{' | ';' => return Some((at, char)),
            '(' | '[' => at = closing(code, at),
            '}' | ')' | ']' => return None,
            _ => at += char.len_utf8(),
        }
    }
    None
}
