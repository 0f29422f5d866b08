//! LightGBM's model files: text, one `key=value` per line, in blocks.
//!
//! ```text
//! tree                     the head: version, counts, objective, names
//! version=v4
//! ...
//!
//! Tree=0                   a block per tree
//! num_leaves=31
//! ...
//!
//! end of trees             what follows (importances, parameters) is not read
//! ```
//!
//! Versions v2 to v4 are read, with categorical splits, linear leaves and random forests. Memory is linear in
//! the file; a count that a block claims is compared with what the block holds.

mod objective;
mod tree;

use std::collections::BTreeMap;

use crate::compiled::Compiled;
use crate::error::{ModelError, quotable};
use crate::features::{check_count, check_names_differ, check_texts};
use crate::forest::{Categories, Finish, Forest, Precision, Shape};
use crate::format::{Format, Library};
use crate::limits::OUTPUTS_MAX;
use crate::model::Model;
use crate::output::Output;

/// The line behind the last tree.
const END: &str = "end of trees";

/// The lines that are read. Keeping no others bounds the memory that a hostile file takes.
const KEYS: [&str; 24] = [
    "version",
    "num_tree_per_iteration",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
    "tree_sizes",
    "num_leaves",
    "num_cat",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_count",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "leaf_const",
    "num_features",
    "leaf_features",
    "leaf_coeff",
];

/// Lines of one block. A key that stands twice counts as it stood first.
struct Block<'a> {
    lines: BTreeMap<&'a str, &'a str>,
}

impl<'a> Block<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.lines.get(key).copied()
    }

    /// The value of a key that must be there.
    fn need(&self, key: &'static str) -> Result<&'a str, ModelError> {
        self.get(key).ok_or_else(|| layout(format!("the line {key}= is missing from its head")))
    }

    /// A count of the head.
    fn count(&self, key: &'static str) -> Result<usize, ModelError> {
        let text = self.need(key)?;
        text.parse().map_err(|_| ModelError::parameter(key, text, "a whole number"))
    }
}

fn layout(detail: String) -> ModelError {
    ModelError::Layout { format: Format::Lightgbm, detail }
}

/// Reads and checks a file.
///
/// # Errors
///
/// Text that is cut off, of another shape, unsupported or inconsistent.
pub(crate) fn parse(bytes: &[u8]) -> Result<Model, ModelError> {
    let text = str::from_utf8(bytes).map_err(|error| ModelError::Damaged {
        format: Format::Lightgbm,
        detail: format!("text that is not UTF-8 at byte {}", error.valid_up_to()),
    })?;
    let mut lines = text.lines().map(str::trim_end);
    let (head, mut next) = block(&mut lines, true);
    let version = version(head.need("version")?)?;
    let margins = head.count("num_tree_per_iteration")?;
    if !(1..=OUTPUTS_MAX).contains(&margins) {
        return Err(ModelError::Limit { what: "outputs", found: margins, max: OUTPUTS_MAX });
    }
    let features = head.count("max_feature_idx")?.saturating_add(1);
    check_count(features)?;
    let objective = head.get("objective").unwrap_or_default();
    let link = objective::link(objective)?;
    // One more than there may be is enough to refuse them.
    let names = head.get("feature_names").unwrap_or_default().split_ascii_whitespace();
    let names: Vec<String> = names.take(features + 1).map(str::to_owned).collect();
    check_texts("feature names", &names, features)?;
    check_names_differ(&names)?;
    let mut forest = Forest::new(features, shape(margins));
    loop {
        match next {
            Some(END) => break,
            Some(title) if title == format!("Tree={}", forest.tree_count()) => {}
            Some(title) => {
                let found = quotable(title);
                return Err(layout(format!("tree {} is titled \"{found}\"", forest.tree_count())));
            }
            None => {
                let detail = format!("in or before tree {}", forest.tree_count());
                return Err(ModelError::Truncated { format: Format::Lightgbm, detail });
            }
        }
        let index = forest.tree_count();
        let (lines_of_tree, title) = block(&mut lines, false);
        if title.is_none() {
            let detail = format!("in tree {index}");
            return Err(ModelError::Truncated { format: Format::Lightgbm, detail });
        }
        forest.push(&tree::file_tree(index, index % margins, &lines_of_tree)?)?;
        next = title;
    }
    check_tree_count(&head, &forest, margins)?;
    Ok(Model {
        compiled: Compiled::default(),
        output: output(&head, &forest, margins, link),
        forest,
        library: Library::Lightgbm,
        base_score: 0.0,
        objective: objective.to_owned(),
        feature_names: names,
        feature_types: Vec::new(),
        version: [version, 0, 0],
        best: None,
    })
}

/// The lines up to the next block, and the title of that block. The head's own title is its first line.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, head: bool) -> (Block<'a>, Option<&'a str>) {
    let mut block = Block { lines: BTreeMap::new() };
    for line in lines.skip(usize::from(head)) {
        if line == END || line.starts_with("Tree=") {
            return (block, Some(line));
        }
        // `average_output` stands without a value.
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if KEYS.contains(&key) {
            block.lines.entry(key).or_insert(value);
        }
    }
    (block, None)
}

fn version(text: &str) -> Result<u32, ModelError> {
    match text {
        "v2" => Ok(2),
        "v3" => Ok(3),
        "v4" => Ok(4),
        other => {
            let what = format!("the LightGBM file version \"{}\" is", quotable(other));
            Err(ModelError::unsupported(what, "save the model with LightGBM 2.2 to 4.x"))
        }
    }
}

fn shape(margins: usize) -> Shape {
    Shape {
        inputs: Precision::F64,
        sums: Precision::F64,
        categories: Categories::CutFirst,
        start: vec![0.0; margins],
        finish: Finish::default(),
    }
}

/// `tree_sizes` has one number per tree.
fn check_tree_count(head: &Block<'_>, forest: &Forest, margins: usize) -> Result<(), ModelError> {
    let found = forest.tree_count();
    let expected = head.get("tree_sizes").map_or(found, |sizes| sizes.split_ascii_whitespace().count());
    if found != expected {
        return Err(ModelError::Count { what: "trees", found, expected });
    }
    if !found.is_multiple_of(margins) {
        let expected = found.next_multiple_of(margins);
        return Err(ModelError::Count { what: "trees", found, expected });
    }
    Ok(())
}

/// A random forest shows the mean of its trees; its raw scores stay sums.
#[expect(clippy::cast_precision_loss, reason = "there are few trees")]
fn output(head: &Block<'_>, forest: &Forest, margins: usize, link: crate::output::Link) -> Output {
    let rounds = forest.tree_count() / margins;
    let divide = head.get("average_output").filter(|_| rounds > 0).map(|_| rounds as f64);
    Output { divide, ..Output::of(link) }
}
