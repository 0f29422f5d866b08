//! The runs of a rule for a key as bytes.

use super::{Outcome, RuleRuns, Run, Thread};
use crate::image::{Malformed, PathNumbers, ReadPaths, Reader, Write, run_count, time};
use crate::path::Paths;
use crate::rule::Rule;

impl RuleRuns {
    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    pub fn save(&self, paths: &Paths, out: &mut Vec<u8>) {
        let mut numbers = PathNumbers::default();
        self.threads.iter().for_each(|thread| numbers.add(paths, thread.path));
        self.runs.iter().filter_map(|run| run.candidate).for_each(|path| numbers.add(paths, path));
        numbers.save(paths, out);
        out.size(self.runs.len());
        let mut threads = self.threads.iter();
        for run in &self.runs {
            out.word(run.start);
            out.int(run.time);
            out.word(run.outcome as u64);
            out.word(numbers.number(run.candidate));
            out.word(u64::from(run.threads));
            for thread in threads.by_ref().take(run.threads as usize) {
                out.word(u64::from(thread.state));
                out.word(numbers.number(Some(thread.path)));
            }
        }
        out.size(self.history.len());
        self.history.iter().for_each(|&row| out.word(row));
    }

    /// Takes in blank runs what was saved.
    pub fn restore(
        &mut self,
        rule: &Rule,
        paths: &mut Paths,
        reader: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        let read = ReadPaths::read(paths, reader)?;
        for _ in 0..run_count(reader)? {
            let (start, time) = (reader.word()?, time(reader)?);
            let outcome = match reader.word()? {
                0 => Outcome::Open,
                1 => Outcome::Matched,
                2 => Outcome::TimedOut,
                _ => return Err(Malformed),
            };
            let candidate = read.path(reader.word()?)?;
            candidate.into_iter().for_each(|path| paths.hold(path));
            let threads = reader.number()?;
            for _ in 0..threads {
                let state = u16::try_from(reader.word()?).map_err(|_| Malformed)?;
                let path = read.path(reader.word()?)?.ok_or(Malformed)?;
                if usize::from(state) >= rule.automaton.states.len() {
                    return Err(Malformed);
                }
                paths.hold(path);
                self.threads.push(Thread { state, path });
            }
            self.runs.push_back(Run { start, time, threads, outcome, candidate });
        }
        for _ in 0..reader.count()? {
            self.history.push_back(reader.word()?);
        }
        read.release(paths);
        Ok(())
    }
}
