//! Schedules that fail, made short: delta debugging (Zeller and Hildebrandt 2002, ddmin).

use std::fmt::{self, Debug};

/// Runs of a schedule at most, until the shortest that was found has to do.
const TRIALS_MAX: usize = 2_000;

/// A schedule that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<A> {
    /// The seed that it followed from.
    pub seed: u64,
    /// What is not as it must be, at the end of the actions below.
    pub what: String,
    /// Of how many actions it was.
    pub of: usize,
    /// Those of them without which it does not fail.
    pub actions: Vec<A>,
}

impl<A: Debug> fmt::Display for Failure<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, what, of, actions } = self;
        writeln!(f, "{what} (VENCEJO_SEED={seed}; {} of {of} actions are enough:)", actions.len())?;
        actions.iter().try_for_each(|action| writeln!(f, "    {action:?}"))
    }
}

/// Runs a schedule; where it fails, with as few of its actions as are found to do.
///
/// # Errors
/// When it fails.
pub fn run<A: Clone>(
    seed: u64,
    actions: &[A],
    mut fails: impl FnMut(&[A]) -> Result<(), String>,
) -> Result<(), Failure<A>> {
    let Err(mut what) = fails(actions) else { return Ok(()) };
    let mut left = actions.to_vec();
    let mut pieces = 2;
    let mut trials = 0;
    while left.len() > 1 && trials < TRIALS_MAX {
        let length = left.len().div_ceil(pieces);
        let shorter = (0..left.len()).step_by(length).find_map(|start| {
            trials += 1;
            let without: Vec<A> =
                left[..start].iter().chain(left.iter().skip(start + length)).cloned().collect();
            fails(&without).err().map(|what| (without, what))
        });
        match shorter {
            Some((without, of_it)) => {
                (left, what) = (without, of_it);
                pieces = (pieces - 1).max(2);
            }
            None if length == 1 => break,
            None => pieces = (2 * pieces).min(left.len()),
        }
    }
    Err(Failure { seed, what, of: actions.len(), actions: left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let actions: Vec<u32> = (0..500).collect();
        let fails = |actions: &[u32]| {
            let at = |wanted| actions.iter().position(|&action| action == wanted);
            match (at(17), at(401)) {
                (Some(first), Some(second)) if first < second => Err("both".to_owned()),
                _ => Ok(()),
            }
        };
        let failure = run(9, &actions, fails).unwrap_err();
        assert_eq!(failure.actions, [17, 401]);
        let text = failure.to_string();
        assert_eq!(text, "both (VENCEJO_SEED=9; 2 of 500 actions are enough:)\n    17\n    401\n");
        assert_eq!(run(9, &actions[..400], fails), Ok(()));
    }
}
