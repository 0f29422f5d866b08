//! Why a model was refused.

use std::fmt;

use crate::format::Format;
use crate::limits::{FILE_BYTES_MAX, QUOTED_CHARS_MAX};

/// Why a model file was refused. `Display` gives one sentence: what, where, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelError {
    /// The file has no bytes but white space.
    Empty,
    /// The file exceeds [`FILE_BYTES_MAX`].
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// The binary format that XGBoost wrote before JSON and UBJSON.
    OldBinary,
    /// The first bytes belong to no known format.
    UnknownFormat,
    /// Valid JSON or UBJSON, but not a model.
    NotAModel {
        /// What shows it.
        why: &'static str,
    },
    /// The file ends inside a value.
    Truncated {
        /// Its encoding.
        format: Format,
        /// Where it ends.
        detail: String,
    },
    /// The bytes break the rules of their encoding.
    Damaged {
        /// The encoding.
        format: Format,
        /// What is wrong and where.
        detail: String,
    },
    /// A JSON file holds NaN or Infinity, which JSON cannot express.
    JsonNotFinite {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// The encoding is sound, but a part is missing, unknown or of the wrong type.
    Layout {
        /// The encoding.
        format: Format,
        /// Which part and where.
        detail: String,
    },
    /// A kind of model that this version does not evaluate.
    Unsupported {
        /// What the file asks for, with its verb: "categorical splits (tree 3, node 1) are".
        what: String,
        /// What to do instead.
        advice: String,
    },
    /// A parameter, stored as text, has no usable value.
    Parameter {
        /// Its key in the file.
        name: &'static str,
        /// What the file says.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// More of something than this version accepts.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much was found before giving up.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Two places in the file give different counts.
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Two features have the same name.
    FeatureNameTwice {
        /// The name.
        name: String,
    },
    /// A tree is damaged.
    Tree {
        /// Index of the tree, from 0.
        tree: usize,
        /// Index of the node in the file's arrays, from 0, where one node is at fault.
        node: Option<usize>,
        /// What is wrong.
        fault: TreeFault,
    },
}

/// What is wrong with one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeFault {
    /// The tree has no root.
    NoNodes,
    /// One of the arrays that describe the nodes has the wrong length.
    ArrayLength {
        /// Its key in the file.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The number of nodes.
        nodes: usize,
    },
    /// The tree is stored out of order.
    Misplaced {
        /// The index it claims.
        id: i64,
    },
    /// The node has a left or a right child, not both.
    OneChild,
    /// A child is not in the tree.
    ChildOutOfRange {
        /// Its index.
        child: i64,
        /// The number of nodes.
        nodes: usize,
    },
    /// A child is the root or already another node's child.
    ReachedTwice {
        /// Its index.
        child: i64,
    },
    /// No path from the root leads to the node.
    Unreached,
    /// A path leads to a node that was pruned.
    DeletedReached,
    /// The node lies deeper than [`crate::limits::DEPTH_MAX`].
    TooDeep,
    /// The split reads a feature the model does not have.
    FeatureOutOfRange {
        /// Its index.
        feature: i64,
        /// The number of features.
        features: usize,
    },
    /// The threshold is NaN.
    ThresholdNan,
    /// The leaf is NaN or infinite.
    LeafNotFinite,
}

/// How to write a model file that is accepted.
const SAVE: &str = "save the model again with booster.save_model(\"model.ubj\")";
/// One line that turns a binary model into UBJSON. XGBoost 3.1 removed the reader of the old format.
const CONVERT: &str =
    "python -c \"import xgboost as x; x.Booster(model_file='old.bin').save_model('model.ubj')\"";

impl ModelError {
    pub(crate) fn unsupported(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), advice: advice.into() }
    }

    pub(crate) fn parameter(name: &'static str, value: &str, expected: &'static str) -> Self {
        Self::Parameter { name, value: quotable(value), expected }
    }
}

/// A part of a file's own text made safe for a message: cut, and without control characters.
pub(crate) fn quotable(text: &str) -> String {
    let printable = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    let mut safe: String = text.chars().take(QUOTED_CHARS_MAX).map(printable).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        safe.push('…');
    }
    safe
}

impl std::error::Error for ModelError {}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "The model file is empty; {SAVE}."),
            Self::TooLarge { bytes } => {
                write!(
                    f,
                    "The model file has {bytes} bytes and the limit is {FILE_BYTES_MAX}; \
                     train fewer or smaller trees."
                )
            }
            Self::OldBinary => write!(
                f,
                "The model file is in XGBoost's old binary format; \
                 convert it with XGBoost 3.0 or older: {CONVERT}."
            ),
            Self::UnknownFormat => write!(
                f,
                "The file is neither JSON nor UBJSON; {SAVE}, \
                 or if it is a binary model of XGBoost 1.x, convert it: {CONVERT}."
            ),
            Self::NotAModel { why } => {
                write!(f, "The file is readable but is no XGBoost model: {why}; {SAVE}.")
            }
            Self::Truncated { format, detail } => {
                write!(f, "The {format} model file is cut off {detail}; copy it again in full.")
            }
            Self::Damaged { format, detail } => {
                write!(f, "The {format} model file is damaged: {detail}; copy it again or {SAVE}.")
            }
            Self::JsonNotFinite { line, column } => write!(
                f,
                "The JSON model file holds NaN or Infinity at line {line} column {column}, which is not JSON; \
                 {SAVE}, which can express it."
            ),
            Self::Layout { format, detail } => {
                write!(f, "The {format} file is not laid out as an XGBoost model: {detail}; {SAVE}.")
            }
            Self::Unsupported { what, advice } => {
                write!(f, "The model cannot be used because {what} not supported; {advice}.")
            }
            Self::Parameter { name, value, expected } => {
                write!(f, "The model's parameter {name} is \"{value}\" but must be {expected}; {SAVE}.")
            }
            Self::Limit { what, found, max } => {
                write!(
                    f,
                    "The model has {found} or more {what} and the limit is {max}; train a smaller model."
                )
            }
            Self::Count { what, found, expected } => {
                write!(f, "The model has {found} {what} where {expected} are declared; {SAVE}.")
            }
            Self::FeatureNameTwice { name } => {
                write!(f, "The model has two features named \"{name}\"; rename one and train again.")
            }
            Self::Tree { tree, node: Some(node), fault } => {
                write!(f, "The model is damaged in tree {tree}, node {node}: {fault}; {SAVE}.")
            }
            Self::Tree { tree, node: None, fault } => {
                write!(f, "The model is damaged in tree {tree}: {fault}; {SAVE}.")
            }
        }
    }
}

impl fmt::Display for TreeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNodes => write!(f, "it has no nodes"),
            Self::ArrayLength { array, found, nodes } => {
                write!(f, "{array} has {found} elements for {nodes} nodes")
            }
            Self::Misplaced { id } => write!(f, "it is stored as tree {id}"),
            Self::OneChild => write!(f, "it has one child where a split has two"),
            Self::ChildOutOfRange { child, nodes } => {
                write!(f, "its child {child} does not exist among {nodes} nodes")
            }
            Self::ReachedTwice { child } => write!(f, "its child {child} is reached a second time"),
            Self::Unreached => write!(f, "no path from the root leads to it"),
            Self::DeletedReached => write!(f, "it was pruned but is still part of the tree"),
            Self::TooDeep => {
                write!(f, "its children lie deeper than {} splits", crate::limits::DEPTH_MAX)
            }
            Self::FeatureOutOfRange { feature, features } => {
                write!(f, "it reads feature {feature} but the model has {features} features")
            }
            Self::ThresholdNan => write!(f, "its threshold is NaN"),
            Self::LeafNotFinite => write!(f, "its leaf value is NaN or infinite"),
        }
    }
}
