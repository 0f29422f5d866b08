//! What the operations cost when they were last accepted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What precedes the compiler's version in the file.
const COMPILER: &str = "# made by ";

/// Instructions per operation, by name, and the compiler that made them.
#[derive(Debug, Default, PartialEq)]
pub struct Baseline {
    pub compiler: String,
    pub costs: Vec<(String, f64)>,
}

/// Where it is kept.
fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.txt")
}

impl Baseline {
    /// The one that is kept; an empty one where there is none.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read() -> Result<Self, String> {
        let Ok(text) = std::fs::read_to_string(path()) else { return Ok(Self::default()) };
        Self::parse(&text)
            .ok_or_else(|| format!("{} is no baseline: make it anew with --write", path().display()))
    }

    /// Keeps this one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), String> {
        std::fs::write(path(), self.render()).map_err(|error| format!("{}: {error}", path().display()))
    }

    /// Reads lines of instructions and name; nothing where a line is of another kind.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let compiler = lines.next()?.strip_prefix(COMPILER)?.to_owned();
        let costs = lines.filter(|line| !line.starts_with('#')).map(|line| {
            let (cost, name) = line.trim_start().split_once(' ')?;
            Some((name.trim_start().to_owned(), cost.parse().ok()?))
        });
        Some(Self { compiler, costs: costs.collect::<Option<_>>()? })
    }

    fn render(&self) -> String {
        let mut text =
            format!("{COMPILER}{}\n# instructions per operation: bench-guard --write\n", self.compiler);
        for (name, cost) in &self.costs {
            let _ = writeln!(text, "{cost:>9.1}  {name}");
        }
        text
    }

    pub fn cost(&self, name: &str) -> Option<f64> {
        self.costs.iter().find(|(held, _)| held == name).map(|(_, cost)| *cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_nothing_else() {
        let baseline = Baseline {
            compiler: "rustc 1.95.0".to_owned(),
            costs: vec![("a decision, 10 rules".to_owned(), 12_345.5), ("cut".to_owned(), 3.0)],
        };
        assert_eq!(Baseline::parse(&baseline.render()), Some(baseline));
        for wrong in ["", "12 a decision", "# made by rustc\nmany a decision", "# made by rustc\n12"] {
            assert_eq!(Baseline::parse(wrong), None, "{wrong}");
        }
    }
}
