//! Patterns and events as text, for tables of cases.

use vencejo_rules::spec::{Pattern, RowsPerMatch, Skip, VariableSet};

use super::{Model, NAMES, Part, Row};

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Row(Row),
    Watermark(i64),
    /// Engine time, in milliseconds.
    Tick(i64),
    End,
}

/// Events: a letter is a row whose number is its place in the alphabet, 1 ms after the last one, of key 1;
/// `b@7` is at 7 ms, `2b` of key 2, `-b` of the key NULL, `?` has no number. `w7` is a watermark, `t7` a
/// tick, `.` the end of the input.
pub fn events(text: &str) -> Vec<Event> {
    let mut time = -1;
    let mut event = |word: &str| {
        if let Some(number) = word.strip_prefix('w') {
            return Event::Watermark(number.parse().unwrap());
        }
        if let Some(number) = word.strip_prefix('t') {
            return Event::Tick(number.parse().unwrap());
        }
        if word == "." {
            return Event::End;
        }
        let (word, at) = word.split_once('@').map_or((word, None), |(word, at)| (word, Some(at)));
        time = at.map_or(time + 1, |at| at.parse().unwrap());
        let letter = word.chars().next_back().unwrap();
        let key = match &word[..word.len() - 1] {
            "" => Some(1),
            "-" => None,
            key => Some(key.parse().unwrap()),
        };
        let x = (letter != '?').then(|| i64::from(letter as u32 - 'a' as u32));
        Event::Row(Row { time, key, x, flag: true })
    };
    text.split_whitespace().map(&mut event).collect()
}

/// A rule from a pattern and clauses. `A` to `D` are rows with the numbers 0 to 3, `E` those below 2, `F`
/// those from 1, `G` a row whose number is greater than that of the row before it, `H` any row.
pub fn model(pattern: &str, clauses: &str) -> Model {
    let mut model = Model {
        pattern: Parser { rest: pattern }.pattern(),
        variables: variables(),
        filtered: false,
        skip: Skip::PastLastRow,
        within: None,
        rows: RowsPerMatch::One,
        measures: Vec::new(),
        show_timeouts: false,
    };
    for clause in clauses.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        match clause.split_once(' ').unwrap_or((clause, "")) {
            ("next", _) => model.skip = Skip::ToNextRow,
            ("first", name) => model.skip = Skip::ToFirst(set(name)),
            ("last", name) => model.skip = Skip::ToLast(set(name)),
            ("within", millis) => model.within = Some(millis.parse().unwrap()),
            ("all", omit) => model.rows = RowsPerMatch::All { empty: omit.is_empty() },
            ("timeouts", _) => model.show_timeouts = true,
            _ => panic!("{clause} is no clause"),
        }
    }
    model
}

fn variables() -> Vec<Vec<Part>> {
    let previous = super::Look { anchor: super::At::Current, steps: 1 };
    let mut variables: Vec<Vec<Part>> = (0..4).map(|number| vec![Part::Equals(number)]).collect();
    variables.extend([vec![Part::Below(2)], vec![Part::AtLeast(1)], vec![Part::Above(previous)], vec![]]);
    variables
}

fn set(names: &str) -> VariableSet {
    VariableSet(names.chars().map(|name| 1 << variable(name)).sum())
}

fn variable(name: char) -> u8 {
    let place = NAMES.iter().position(|other| *other == name.to_string());
    u8::try_from(place.unwrap_or_else(|| panic!("{name} is no variable"))).unwrap()
}

/// `A B | C`, `( )`, `{- -}`, `P(A, B)`, `!A` for an absence, quantifiers as in SQL.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn takes(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn pattern(&mut self) -> Pattern {
        let mut ways = vec![self.concatenation()];
        while self.takes("|") {
            ways.push(self.concatenation());
        }
        if ways.len() == 1 { ways.remove(0) } else { Pattern::Alternation(ways) }
    }

    fn concatenation(&mut self) -> Pattern {
        let mut parts = Vec::new();
        while let Some(part) = self.primary() {
            parts.push(self.quantified(part));
        }
        match parts.len() {
            0 => Pattern::Empty,
            1 => parts.remove(0),
            _ => Pattern::Concatenation(parts),
        }
    }

    fn primary(&mut self) -> Option<Pattern> {
        if self.takes("P(") {
            let mut parts = vec![self.pattern()];
            while self.takes(",") {
                parts.push(self.pattern());
            }
            assert!(self.takes(")"));
            return Some(Pattern::Permutation(parts));
        }
        if self.takes("(") {
            let inner = self.pattern();
            assert!(self.takes(")"));
            return Some(inner);
        }
        if self.rest.trim_start().starts_with("{-") && self.takes("{-") {
            let inner = self.pattern();
            assert!(self.takes("-}"));
            return Some(Pattern::Exclusion(Box::new(inner)));
        }
        let is_absence = self.takes("!");
        let name = self.rest.trim_start().chars().next().filter(char::is_ascii_uppercase)?;
        self.takes(&name.to_string());
        Some(if is_absence { Pattern::Absence(variable(name)) } else { Pattern::Variable(variable(name)) })
    }

    fn quantified(&mut self, part: Pattern) -> Pattern {
        let (min, max) = if self.takes("*") {
            (0, None)
        } else if self.takes("+") {
            (1, None)
        } else if self.takes("?") {
            (0, Some(1))
        } else if !self.rest.starts_with("{-") && self.takes("{") {
            let (inside, rest) = self.rest.split_once('}').unwrap();
            self.rest = rest;
            let number = |text: &str| text.trim().parse::<u32>().ok();
            match inside.split_once(',') {
                Some((min, max)) => (number(min).unwrap_or(0), number(max)),
                None => (number(inside).unwrap(), number(inside)),
            }
        } else {
            return part;
        };
        let greedy = !self.takes("?");
        Pattern::Repetition { pattern: Box::new(part), min, max, greedy }
    }
}
