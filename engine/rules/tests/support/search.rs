//! The twin: what the standard says, by trying every way in order of preference over all rows of a key.

use std::collections::BTreeSet;

use vencejo_rules::spec::{Pattern, RowsPerMatch, Skip, VariableSet};

use super::{At, Line, Look, Measure, Model, NAMES, Part, Row, line, text};

/// What the twin sees of the input, in order: rows, and times that the matcher's clock shows.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The clock.
    pub now: i64,
    /// The row that came then, and its sequence.
    pub row: Option<(Row, u64)>,
}

/// How many steps a search may take before a test gives up on the pattern.
const FUEL: usize = 200_000;

/// Everything that is decided about a key once these items have come, in order. Nothing where it takes too
/// long.
pub fn decided(model: &Model, rule: usize, key: Option<i64>, items: &[Item]) -> Option<Vec<String>> {
    let seen = |row: &Row| row.key == key && (!model.filtered || row.flag);
    let rows = items.iter().enumerate().filter_map(|(at, item)| {
        item.row.filter(|(row, _)| seen(row)).map(|(row, sequence)| (at, row, sequence))
    });
    let mut search = Search { model, items, rows: rows.collect(), over_at: 0, cut: None, fuel: FUEL };
    let (mut out, mut start, mut number) = (Vec::new(), 0, 0);
    while start < search.rows.len() {
        let found = search.at(start)?;
        let (path, timed_out) = match found {
            Verdict::Undecided => break,
            Verdict::Match(path) => (path, false),
            Verdict::Fail => match search.cut.take().filter(|_| model.show_timeouts) {
                Some(path) => (path, true),
                None => {
                    start += 1;
                    continue;
                }
            },
        };
        number += 1;
        search.write(rule, key, start, &path, number, timed_out, &mut out);
        start = if timed_out { start + 1 } else { next_start(model.skip, start, &path) };
    }
    Some(out)
}

fn next_start(skip: Skip, start: usize, path: &[Mapped]) -> usize {
    let past_last = path.last().map_or(start, |last| last.row) + 1;
    let of = |set: VariableSet| {
        path.iter().filter(move |mapped| has(set, mapped.variable)).map(|mapped| mapped.row)
    };
    let next = match skip {
        Skip::PastLastRow => past_last,
        Skip::ToNextRow => start + 1,
        Skip::ToFirst(set) => of(set).next().unwrap_or(past_last),
        Skip::ToLast(set) => of(set).next_back().unwrap_or(past_last),
    };
    next.max(start + 1)
}

fn has(set: VariableSet, variable: u8) -> bool {
    set.0 & (1 << variable) != 0
}

#[derive(Clone, Copy, Debug)]
struct Mapped {
    /// Place among the rule's rows of the key.
    row: usize,
    variable: u8,
    excluded: bool,
}

#[derive(Debug)]
enum Verdict {
    Match(Vec<Mapped>),
    Fail,
    /// It depends on rows to come.
    Undecided,
}

struct Search<'a> {
    model: &'a Model,
    items: &'a [Item],
    /// The rule's rows of the key: item, row, sequence.
    rows: Vec<(usize, Row, u64)>,
    /// The item at which WITHIN has run out for the run; past all items where it has not.
    over_at: usize,
    /// The first way that WITHIN cut off.
    cut: Option<Vec<Mapped>>,
    fuel: usize,
}

type Path = Vec<Mapped>;
type Then<'t, 'a> = &'t mut dyn FnMut(&mut Search<'a>, usize, &mut Path) -> Verdict;

#[derive(Clone, Copy)]
struct Place {
    is_last: bool,
    excluded: bool,
}

impl<'a> Search<'a> {
    /// The preferred match that begins at a row.
    fn at(&mut self, start: usize) -> Option<Verdict> {
        let (item, first, _) = self.rows[start];
        let is_over = |item: &Item| match self.model.within {
            _ if item.now == i64::MAX => true,
            Some(within) => item.now >= first.time + within,
            None => false,
        };
        // The first row is within, whatever the clock shows.
        self.over_at = (item..self.items.len()).find(|&at| is_over(&self.items[at])).unwrap_or(usize::MAX);
        self.cut = None;
        let pattern = &self.model.pattern;
        let place = Place { is_last: true, excluded: false };
        let mut path = Vec::new();
        let verdict =
            self.go(pattern, place, start, &mut path, &mut |_, _, path| Verdict::Match(path.clone()));
        if self.model.within.is_none() {
            self.cut = None;
        }
        (self.fuel > 0).then_some(verdict)
    }

    /// Whether there is a row to take at `at`; else what that means for this way.
    fn row(&mut self, at: usize, path: &Path) -> Result<(), Verdict> {
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 {
            return Err(Verdict::Undecided);
        }
        let is_in = |item: usize| path.is_empty() || item < self.over_at;
        let is_there = self.rows.get(at).is_some_and(|row| is_in(row.0));
        // A row that came when WITHIN had run out is past it, unless it is the first.
        match is_there {
            true => Ok(()),
            false if self.over_at == usize::MAX => Err(Verdict::Undecided),
            false => {
                self.cut.get_or_insert_with(|| path.clone());
                Err(Verdict::Fail)
            }
        }
    }

    fn go(
        &mut self,
        pattern: &'a Pattern,
        place: Place,
        at: usize,
        path: &mut Path,
        then: Then<'_, 'a>,
    ) -> Verdict {
        match pattern {
            Pattern::Empty => then(self, at, path),
            Pattern::Variable(variable) => {
                if let Err(verdict) = self.row(at, path) {
                    return verdict;
                }
                path.push(Mapped { row: at, variable: *variable, excluded: place.excluded });
                let verdict =
                    if self.holds(*variable, path) { then(self, at + 1, path) } else { Verdict::Fail };
                path.pop();
                verdict
            }
            Pattern::Concatenation(parts) => self.all(parts, place, at, path, then),
            Pattern::Alternation(ways) => {
                for way in ways {
                    match self.go(way, place, at, path, then) {
                        Verdict::Fail => {}
                        verdict => return verdict,
                    }
                }
                Verdict::Fail
            }
            Pattern::Repetition { pattern, min, max, greedy } => {
                let is_last = place.is_last && *min <= 1 && *max == Some(1);
                let place = Place { is_last, ..place };
                self.repeat((pattern, place, *min, *max, *greedy), 0, at, path, then)
            }
            Pattern::Permutation(parts) => {
                let left: Vec<&Pattern> = parts.iter().collect();
                self.permute(&left, place, at, path, then)
            }
            Pattern::Exclusion(pattern) => {
                self.go(pattern, Place { excluded: true, ..place }, at, path, then)
            }
            Pattern::Absence(variable) if place.is_last => self.silence(*variable, at, path),
            Pattern::Absence(variable) => {
                match then(self, at, path) {
                    Verdict::Fail => {}
                    verdict => return verdict,
                }
                if let Err(verdict) = self.row(at, path) {
                    return verdict;
                }
                if self.would_hold(*variable, at, path) {
                    return Verdict::Fail;
                }
                self.go(pattern, place, at + 1, path, then)
            }
        }
    }

    fn all(
        &mut self,
        parts: &'a [Pattern],
        place: Place,
        at: usize,
        path: &mut Path,
        then: Then<'_, 'a>,
    ) -> Verdict {
        let Some((first, rest)) = parts.split_first() else { return then(self, at, path) };
        let is_last = place.is_last && rest.is_empty();
        self.go(first, Place { is_last, ..place }, at, path, &mut |search, at, path| {
            search.all(rest, place, at, path, then)
        })
    }

    fn repeat(
        &mut self,
        what: (&'a Pattern, Place, u32, Option<u32>, bool),
        count: u32,
        at: usize,
        path: &mut Path,
        then: Then<'_, 'a>,
    ) -> Verdict {
        let (pattern, place, min, max, greedy) = what;
        self.fuel = self.fuel.saturating_sub(1);
        for more in [greedy, !greedy] {
            let verdict = if more {
                if self.fuel == 0 || max.is_some_and(|max| count >= max.max(min)) {
                    continue;
                }
                self.go(pattern, place, at, path, &mut |search, next, path| {
                    if next == at && max.is_none() && count >= min {
                        return Verdict::Fail; // a round past the least number takes a row
                    }
                    search.repeat(what, count + 1, next, path, then)
                })
            } else if count >= min {
                then(self, at, path)
            } else {
                continue;
            };
            match verdict {
                Verdict::Fail => {}
                verdict => return verdict,
            }
        }
        Verdict::Fail
    }

    fn permute(
        &mut self,
        left: &[&'a Pattern],
        place: Place,
        at: usize,
        path: &mut Path,
        then: Then<'_, 'a>,
    ) -> Verdict {
        if left.is_empty() {
            return then(self, at, path);
        }
        for first in 0..left.len() {
            let mut rest = left.to_vec();
            let part = rest.remove(first);
            let is_last = place.is_last && rest.is_empty();
            let verdict = self.go(part, Place { is_last, ..place }, at, path, &mut |search, at, path| {
                search.permute(&rest, place, at, path, then)
            });
            match verdict {
                Verdict::Fail => {}
                verdict => return verdict,
            }
        }
        Verdict::Fail
    }

    /// An absence at the end.
    fn silence(&mut self, variable: u8, mut at: usize, path: &mut Path) -> Verdict {
        loop {
            match self.row(at, path) {
                Ok(()) if self.would_hold(variable, at, path) => return Verdict::Fail,
                Ok(()) => at += 1,
                Err(Verdict::Fail) => return Verdict::Match(path.clone()),
                Err(verdict) => return verdict,
            }
        }
    }

    fn would_hold(&mut self, variable: u8, at: usize, path: &mut Path) -> bool {
        path.push(Mapped { row: at, variable, excluded: false });
        let holds = self.holds(variable, path);
        path.pop();
        holds
    }

    /// Whether the last row of a path satisfies a variable's condition.
    fn holds(&self, variable: u8, path: &Path) -> bool {
        let here = path[path.len() - 1].row;
        let x = self.rows[here].1.x;
        self.model.variables[usize::from(variable)].iter().all(|part| match *part {
            Part::Below(number) => x.is_some_and(|x| x < number),
            Part::AtLeast(number) => x.is_some_and(|x| x >= number),
            Part::Equals(number) => x == Some(number),
            Part::Odd => x.is_some_and(|x| x % 2 != 0),
            Part::Above(look) => {
                let other = self.resolve(look, here, path).and_then(|row| self.rows[row].1.x);
                x.zip(other).is_some_and(|(x, other)| x > other)
            }
            Part::SumBelow(set, number) => {
                let values = self.values(set, path);
                !values.is_empty() && values.iter().sum::<i64>() < number
            }
            Part::CountAtMost(set, number) => {
                path.iter().filter(|mapped| has(set, mapped.variable)).count() as i64 <= number
            }
            Part::DifferentAtMost(set, number) => {
                self.values(set, path).into_iter().collect::<BTreeSet<i64>>().len() as i64 <= number
            }
            Part::IsNot(look, variable) => {
                let row = self.resolve(look, here, path);
                let mapped = path.iter().find(|mapped| Some(mapped.row) == row);
                mapped.is_none_or(|mapped| mapped.variable != variable)
            }
            Part::NotLeast(set) => {
                let least = self.values(set, path).into_iter().min();
                x.zip(least).is_some_and(|(x, least)| x != least)
            }
        })
    }

    fn values(&self, set: VariableSet, path: &[Mapped]) -> Vec<i64> {
        path.iter()
            .filter(|mapped| has(set, mapped.variable))
            .filter_map(|mapped| self.rows[mapped.row].1.x)
            .collect()
    }

    fn resolve(&self, look: Look, here: usize, path: &[Mapped]) -> Option<usize> {
        let of = |set| path.iter().filter(move |mapped| has(set, mapped.variable)).map(|mapped| mapped.row);
        let anchor = match look.anchor {
            At::Current => Some(here),
            At::First(set, offset) => of(set).nth(offset as usize),
            At::Last(set, offset) => of(set).rev().nth(offset as usize),
        };
        anchor?.checked_sub(look.steps as usize)
    }

    fn measure(
        &self,
        measure: Measure,
        here: usize,
        seen: &[Mapped],
        path: &[Mapped],
        of: (u64, bool),
    ) -> String {
        let shown = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
        let sum = |values: Vec<i64>| (!values.is_empty()).then(|| values.iter().sum::<i64>());
        match measure {
            Measure::X(look) => shown(self.resolve(look, here, seen).and_then(|row| self.rows[row].1.x)),
            Measure::FinalX(look) => shown(self.resolve(look, here, path).and_then(|row| self.rows[row].1.x)),
            Measure::Classifier(look) => {
                let row = self.resolve(look, here, seen);
                let mapped = path.iter().find(|mapped| Some(mapped.row) == row);
                mapped.map_or("-".to_owned(), |mapped| NAMES[usize::from(mapped.variable)].to_owned())
            }
            Measure::Count(set) => seen.iter().filter(|mapped| has(set, mapped.variable)).count().to_string(),
            Measure::Sum(set) => shown(sum(self.values(set, seen))),
            Measure::FinalSum(set) => shown(sum(self.values(set, path))),
            Measure::DistinctCount(set) => {
                self.values(set, seen).into_iter().collect::<BTreeSet<i64>>().len().to_string()
            }
            Measure::Average(set) => {
                let values = self.values(set, seen);
                shown(sum(values.clone()).map(|sum| sum / values.len() as i64))
            }
            Measure::Number => of.0.to_string(),
            Measure::RowTime => {
                let last = path.last().map_or(here, |last| last.row);
                self.rows[last].1.time.to_string()
            }
            Measure::TimedOut => text(vencejo_expr::Value::Bool(of.1)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a test's own")]
    fn write(
        &self,
        rule: usize,
        key: Option<i64>,
        start: usize,
        path: &Path,
        number: u64,
        timed_out: bool,
        out: &mut Vec<String>,
    ) {
        let sequence = |row: usize| self.rows[row].2;
        let last = path.last().map_or(start, |last| last.row);
        let currents: Vec<(usize, usize)> = match self.model.rows {
            RowsPerMatch::One => vec![(last, path.len())],
            RowsPerMatch::All { empty } if path.is_empty() => {
                if empty {
                    vec![(start, 0)]
                } else {
                    Vec::new()
                }
            }
            RowsPerMatch::All { .. } => {
                let rows = path.iter().enumerate().filter(|(_, mapped)| !mapped.excluded);
                rows.map(|(at, mapped)| (mapped.row, at + 1)).collect()
            }
        };
        for (here, running) in currents {
            let seen = &path[..running];
            let measures = self.model.measures.iter();
            out.push(line(&Line {
                rule,
                key: key.map_or("-".to_owned(), |key| key.to_string()),
                span: (sequence(path.first().map_or(start, |first| first.row)), sequence(last)),
                number,
                timed_out,
                rows: path
                    .iter()
                    .map(|mapped| format!("{}{}", NAMES[usize::from(mapped.variable)], sequence(mapped.row)))
                    .collect(),
                output: measures
                    .map(|&measure| self.measure(measure, here, seen, path, (number, timed_out)))
                    .collect(),
            }));
        }
    }
}
