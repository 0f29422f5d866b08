//! What is known of one key, as bytes.

use std::collections::BTreeMap;

use vencejo_types::limits::{EVENT_TIME_MILLIS_MAX, RULE_RUNS_PER_KEY_MAX};

use super::{KEYS_PER_PAGE, Malformed, Reader, RulePage, Write};
use crate::keys::Held;
use crate::path::{PathId, Paths};
use crate::set::RuleSet;

/// In place of a path's number: it has no rows, or there is none.
const EMPTY: u64 = u64::MAX;
const NONE: u64 = u64::MAX - 1;

/// Paths of one rule and key, those first that others go on from.
#[derive(Debug, Default)]
pub(crate) struct PathNumbers {
    numbers: BTreeMap<PathId, u64>,
    order: Vec<PathId>,
}

impl PathNumbers {
    /// Numbers a path and all that it goes on from.
    pub fn add(&mut self, paths: &Paths, path: PathId) {
        let mut chain = Vec::new();
        let mut at = path;
        while at != PathId::EMPTY && !self.numbers.contains_key(&at) {
            chain.push(at);
            at = paths.before(at);
        }
        for path in chain.into_iter().rev() {
            self.numbers.insert(path, self.order.len() as u64);
            self.order.push(path);
        }
    }

    /// The number of a path that was added.
    pub fn number(&self, path: Option<PathId>) -> u64 {
        match path {
            None => NONE,
            Some(path) => self.numbers.get(&path).copied().unwrap_or(EMPTY),
        }
    }

    /// Appends the paths: each with the number of the one before, its row and its registers.
    pub fn save(&self, paths: &Paths, out: &mut Vec<u8>) {
        out.size(self.order.len());
        for &path in &self.order {
            out.word(self.number(Some(paths.before(path))));
            out.word(paths.step_word(path));
            paths.registers(path).iter().for_each(|&word| out.word(word));
        }
    }
}

/// Paths that were read; each is held once by this list until [`ReadPaths::release`].
#[derive(Debug)]
pub(crate) struct ReadPaths(Vec<PathId>);

impl ReadPaths {
    pub fn read(paths: &mut Paths, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut read = Self(Vec::new());
        let mut registers = vec![0; paths.registers(PathId::EMPTY).len()];
        for _ in 0..reader.count()? {
            let before = read.path(reader.word()?)?.ok_or(Malformed)?;
            let step = reader.word()?;
            for word in &mut registers {
                *word = reader.word()?;
            }
            read.0.push(paths.push_word(before, step, &registers));
        }
        Ok(read)
    }

    /// The path of a number; nothing where there is none.
    pub fn path(&self, number: u64) -> Result<Option<PathId>, Malformed> {
        match number {
            NONE => Ok(None),
            EMPTY => Ok(Some(PathId::EMPTY)),
            number => usize::try_from(number)
                .ok()
                .and_then(|number| self.0.get(number))
                .map(|&path| Some(path))
                .ok_or(Malformed),
        }
    }

    pub fn release(self, paths: &mut Paths) {
        self.0.into_iter().for_each(|path| paths.release(path));
    }
}

impl RuleSet {
    /// The page of these keys. Places past `places` are not in the image.
    pub(super) fn key_page(&self, number: usize, places: usize) -> RulePage {
        let first = number * KEYS_PER_PAGE;
        let mut bytes = Vec::new();
        (first..places.min(first + KEYS_PER_PAGE)).for_each(|place| self.save_key(place, &mut bytes));
        RulePage { number: number as u32, bytes }
    }

    fn save_key(&self, place: usize, out: &mut Vec<u8>) {
        let Some((key, numbers)) = self.keys.known(place) else {
            out.word(0);
            return;
        };
        out.word(1);
        out.text(key);
        out.size(numbers.len());
        for &(rule, matches) in numbers {
            out.word(u64::from(rule));
            out.word(matches);
        }
        let active = self.keys.active(place);
        out.size(active.len());
        if active.is_empty() {
            return;
        }
        if let Some(log) = self.keys.log(place) {
            log.save(&self.layout, out);
        }
        for &(rule, runs) in active {
            out.word(u64::from(rule));
            self.pool.at(runs).save(&self.paths[rule as usize], out);
        }
    }

    pub(super) fn read_key(&mut self, place: usize, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.word()? {
            0 => return Ok(()),
            1 => {}
            _ => return Err(Malformed),
        }
        let rules = self.rules.len();
        let rule_number = |reader: &mut Reader<'_>| {
            reader.number().and_then(|rule| if (rule as usize) < rules { Ok(rule) } else { Err(Malformed) })
        };
        let key = reader.text()?;
        let mut matches = Vec::new();
        for _ in 0..reader.count()? {
            matches.push((rule_number(reader)?, reader.word()?));
        }
        self.keys.put(place, key, matches).ok_or(Malformed)?;
        let count = reader.count()?;
        if count > 0 {
            let Held { log, active, .. } = self.keys.at_mut(place);
            log.restore(&self.layout, reader)?;
            for _ in 0..count {
                let rule = rule_number(reader)?;
                let at = self.pool.lend(rule, place);
                active.push((rule, at));
                let runs = self.pool.at_mut(at);
                runs.restore(&self.rules[rule as usize], &mut self.paths[rule as usize], reader)?;
                self.counters[rule as usize].open += runs.len() as u64;
                runs.ask_again(&self.rules[rule as usize], &mut self.timers);
            }
        }
        self.keys.settle(place, false);
        Ok(())
    }
}

/// A time that a row can have.
pub(crate) fn time(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    let time = reader.int()?;
    if time.unsigned_abs() <= EVENT_TIME_MILLIS_MAX.unsigned_abs() { Ok(time) } else { Err(Malformed) }
}

/// How many runs of a rule a key has.
pub(crate) fn run_count(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let count = reader.count()?;
    if count <= RULE_RUNS_PER_KEY_MAX { Ok(count) } else { Err(Malformed) }
}
