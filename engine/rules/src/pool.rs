//! Memory for the runs of rules, used again and again.

use vencejo_types::chunked::Chunked;

use crate::runs::RuleRuns;

/// All runs of a set, by place. What was given back keeps its memory and its place in the timers.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    all: Chunked<RuleRuns>,
    free: Vec<u32>,
}

impl Pool {
    /// Blank runs of a rule for a key.
    pub fn lend(&mut self, rule: u32, key_place: usize) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.all.push(RuleRuns::new(self.all.len() as u32));
            self.all.len() as u32 - 1
        });
        let runs = &mut self.all[at as usize];
        runs.rule = rule;
        runs.key_place = key_place as u32;
        at
    }

    /// Takes runs back, which are blank.
    pub fn give_back(&mut self, at: u32) {
        self.free.push(at);
    }

    /// Has all runs go by their rule's number of now; those of rules that are gone become blank. Runs that
    /// were given back have a rule, too, as long as a timer looks at them.
    pub fn renumber(&mut self, now: impl Fn(u32) -> Option<u32>) {
        for runs in self.all.iter_mut() {
            match now(runs.rule) {
                Some(now) => runs.rule = now,
                None => runs.forget(),
            }
        }
    }

    pub fn at(&self, at: u32) -> &RuleRuns {
        &self.all[at as usize]
    }

    pub fn at_mut(&mut self, at: u32) -> &mut RuleRuns {
        &mut self.all[at as usize]
    }

    /// How many there are, those given back included.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn bytes(&self) -> usize {
        let inside: usize = self.all.iter().map(RuleRuns::bytes).sum();
        self.all.bytes() + self.free.capacity() * size_of::<u32>() + inside
    }
}
