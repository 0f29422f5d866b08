//! The variables of a pattern, and the pattern in their numbers.

use vencejo_rules::spec::{self, Skip, VARIABLES_MAX, VariableSet};

use crate::Diagnostic;
use crate::ast::row_pattern::{Definition, MatchClause, Pattern, PatternKind, SkipTo};
use crate::diagnostic::{Report, Reported};
use crate::suggest::did_you_mean;
use crate::tokens::Name;

/// The names of a pattern.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: Vec<Name>,
    /// Those to which rows are mapped; the others only stand behind NOT.
    mapped: u64,
    subsets: Vec<(Name, VariableSet)>,
}

impl Variables {
    /// Of a clause, with all that is wrong about names reported.
    pub(super) fn of(clause: &MatchClause, report: &mut Report) -> Result<Self, Reported> {
        let mut variables = Self::default();
        variables.collect(&clause.pattern, report)?;
        let mut result = Ok(());
        for (name, members) in &clause.subsets {
            if variables
                .names
                .iter()
                .chain(variables.subsets.iter().map(|(name, _)| name))
                .any(|known| known.text == name.text)
            {
                let message = format!("SUBSET '{}' has the name of another variable", name.text);
                result = Err(report.error(name.place, message));
            }
            let mut set = 0;
            for member in members {
                match variables.single(member, report) {
                    Ok(number) => set |= 1 << number,
                    Err(Reported) => result = Err(Reported),
                }
            }
            variables.subsets.push((name.clone(), VariableSet(set)));
        }
        for (index, Definition { name, .. }) in clause.define.iter().enumerate() {
            if clause.define[..index].iter().any(|other| other.name.text == name.text) {
                result = Err(report.error(name.place, format!("DEFINE has '{}' twice", name.text)));
            } else if variables.subsets.iter().any(|(subset, _)| subset.text == name.text) {
                let message = format!("'{}' is a SUBSET, which has no condition", name.text);
                result = Err(report.error(name.place, message));
            } else if variables.single(name, report).is_err() {
                result = Err(Reported);
            }
        }
        result.map(|()| variables)
    }

    fn collect(&mut self, pattern: &Pattern, report: &mut Report) -> Result<(), Reported> {
        if let PatternKind::Variable(name) | PatternKind::Absence(name) = &pattern.kind {
            let known = self.names.iter().position(|known| known.text == name.text);
            let number = known.unwrap_or(self.names.len());
            if number >= VARIABLES_MAX {
                let message = format!("a pattern has at most {VARIABLES_MAX} variables");
                return Err(report.error(name.place, message));
            }
            if known.is_none() {
                self.names.push(name.clone());
            }
            if matches!(pattern.kind, PatternKind::Variable(_)) {
                self.mapped |= 1 << number;
            }
        }
        pattern.parts().iter().try_for_each(|part| self.collect(part, report))
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    /// All to which rows are mapped.
    pub(super) fn all(&self) -> VariableSet {
        VariableSet(self.mapped)
    }

    /// The number of a variable of the pattern.
    fn single(&self, name: &Name, report: &mut Report) -> Result<u8, Reported> {
        let number = self.number(&name.text);
        number.ok_or_else(|| {
            let message = format!("the pattern has no variable '{}'", name.text);
            let names = self.names.iter().map(|name| name.text.as_str());
            report.push(Diagnostic::new(name.place, message).with_hint_if(did_you_mean(&name.text, names)))
        })
    }

    /// The number of a variable of the pattern, if it has one of this name.
    pub(super) fn number(&self, name: &str) -> Option<u8> {
        let place = self.names.iter().position(|known| known.text == name)?;
        u8::try_from(place).ok()
    }

    /// The variables that a name of a variable or a SUBSET means.
    pub(super) fn set(&self, name: &Name, report: &mut Report) -> Result<VariableSet, Reported> {
        if let Some(number) = self.number(&name.text) {
            return Ok(VariableSet(1 << number));
        }
        if let Some((_, set)) = self.subsets.iter().find(|(known, _)| known.text == name.text) {
            return Ok(*set);
        }
        let known = self.names.iter().chain(self.subsets.iter().map(|(name, _)| name));
        let hint = did_you_mean(&name.text, known.map(|name| name.text.as_str()));
        let message = format!("unknown pattern variable '{}'", name.text);
        let hint = hint
            .unwrap_or_else(|| "columns are named alone, or behind a variable of the pattern".to_string());
        Err(report.push(Diagnostic::new(name.place, message).with_hint(hint)))
    }

    /// As [`Variables::set`], of variables to which rows can be mapped.
    pub(super) fn mapped_set(&self, name: &Name, report: &mut Report) -> Result<VariableSet, Reported> {
        let set = self.set(name, report)?;
        if set.0 & self.mapped == 0 {
            let message = format!("no row is mapped to '{}', which only stands behind NOT", name.text);
            return Err(report.error(name.place, message));
        }
        Ok(set)
    }

    /// The pattern in numbers.
    pub(super) fn pattern(&self, pattern: &Pattern) -> spec::Pattern {
        let all = |list: &[Pattern]| list.iter().map(|part| self.pattern(part)).collect();
        let number = |name: &Name| self.number(&name.text).unwrap_or(u8::MAX);
        match &pattern.kind {
            PatternKind::Empty => spec::Pattern::Empty,
            PatternKind::Variable(name) => spec::Pattern::Variable(number(name)),
            PatternKind::Concatenation(list) => spec::Pattern::Concatenation(all(list)),
            PatternKind::Alternation(list) => spec::Pattern::Alternation(all(list)),
            PatternKind::Permutation(list) => spec::Pattern::Permutation(all(list)),
            PatternKind::Repetition { pattern, min, max, greedy } => spec::Pattern::Repetition {
                pattern: Box::new(self.pattern(pattern)),
                min: *min,
                max: *max,
                greedy: *greedy,
            },
            PatternKind::Exclusion(pattern) => spec::Pattern::Exclusion(Box::new(self.pattern(pattern))),
            PatternKind::Absence(name) => spec::Pattern::Absence(number(name)),
        }
    }

    /// Where the next match may begin.
    pub(super) fn skip(&self, skip: &SkipTo, report: &mut Report) -> Result<Skip, Reported> {
        Ok(match skip {
            SkipTo::PastLastRow => Skip::PastLastRow,
            SkipTo::NextRow => Skip::ToNextRow,
            SkipTo::First(name) => Skip::ToFirst(self.mapped_set(name, report)?),
            SkipTo::Last(name) => Skip::ToLast(self.mapped_set(name, report)?),
        })
    }
}

/// Whether a pattern can match no row at all.
pub(super) fn can_be_empty(pattern: &spec::Pattern) -> bool {
    use spec::Pattern as P;
    match pattern {
        P::Empty | P::Absence(_) => true,
        P::Variable(_) => false,
        P::Concatenation(list) | P::Permutation(list) => list.iter().all(can_be_empty),
        P::Alternation(list) => list.iter().any(can_be_empty),
        P::Repetition { pattern, min, .. } => *min == 0 || can_be_empty(pattern),
        P::Exclusion(pattern) => can_be_empty(pattern),
    }
}

/// Whether the end of a match is known only by a later row, or by time: its last part may go on.
pub(super) fn ends_later(pattern: &spec::Pattern) -> bool {
    use spec::Pattern as P;
    match pattern {
        P::Empty | P::Variable(_) => false,
        P::Absence(_) => true,
        P::Concatenation(list) => {
            let last = list.iter().rposition(|part| !can_be_empty(part)).unwrap_or(0);
            list[last..].iter().any(ends_later)
        }
        P::Alternation(list) | P::Permutation(list) => list.iter().any(ends_later),
        P::Repetition { pattern, min, max, greedy } => *greedy && *max != Some(*min) || ends_later(pattern),
        P::Exclusion(pattern) => ends_later(pattern),
    }
}

/// The first absence of a pattern.
pub(super) fn absence(pattern: &Pattern) -> Option<&Pattern> {
    match pattern.kind {
        PatternKind::Absence(_) => Some(pattern),
        _ => pattern.parts().iter().find_map(absence),
    }
}
