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
    /// CatBoost's own binary format.
    CatboostBinary,
    /// An XML file in the Predictive Model Markup Language.
    Pmml,
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
    /// Two parts of the file exclude each other.
    Contradiction {
        /// Which and why.
        detail: String,
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
    /// One of the lists that describe the nodes holds what is no number of its kind.
    Number {
        /// Its key in the file.
        array: &'static str,
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
    /// Another node of the tree has the same number.
    NodeTwice,
    /// The leaf has no weight.
    NoWeight,
    /// The leaf has two weights for one output.
    WeightTwice,
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
    /// The kind of the split is unknown, or does not go with its having a set of categories.
    SplitType,
    /// The set of categories is not within the file's list, or holds what is no category.
    Categories,
    /// The leaf adds to an output the model does not have.
    OutputOutOfRange {
        /// Its index.
        output: usize,
        /// The number of outputs.
        outputs: usize,
    },
    /// The leaf does not hold one number per output.
    LeafLength {
        /// How many it holds.
        found: usize,
        /// The number of outputs.
        outputs: usize,
    },
    /// The leaf is NaN or infinite.
    LeafNotFinite,
}

/// How to write a model file that is accepted.
const SAVE: &str = "save the model again from its library";
/// One line that turns a binary model into UBJSON. XGBoost 3.1 removed the reader of the old format.
const CONVERT: &str =
    "python -c \"import xgboost as x; x.Booster(model_file='old.bin').save_model('model.ubj')\"";

/// One line that turns CatBoost's binary model into JSON.
const CONVERT_CATBOOST: &str = "python -c \"import catboost as c; \
    c.CatBoost().load_model('model.cbm').save_model('model.json', format='json')\"";
/// One line that saves what a PMML file was made from. Nothing turns PMML back into a model.
const SAVE_TRAINED: &str = "python -c \"import joblib as j; j.load('model.pkl').save_model('model.ubj')\"";

/// How to write a file of this format that is accepted.
fn save(format: Format) -> &'static str {
    match format {
        Format::Json => "save the model again with save_model(\"model.json\")",
        Format::Ubjson => "save the model again with booster.save_model(\"model.ubj\")",
        Format::Lightgbm => "save the model again with booster.save_model(\"model.txt\")",
        Format::Onnx => "convert the model to ONNX again",
    }
}

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
            Self::CatboostBinary => write!(
                f,
                "The model file is in CatBoost's binary format; convert it to JSON: {CONVERT_CATBOOST}."
            ),
            Self::Pmml => {
                write!(
                    f,
                    "The model file is PMML, which is not read; save the trained model: {SAVE_TRAINED}."
                )
            }
            Self::UnknownFormat => write!(
                f,
                "The file is neither JSON nor UBJSON, nor a LightGBM or ONNX model; {SAVE}, \
                 or if it is a binary model of XGBoost 1.x, convert it: {CONVERT}."
            ),
            Self::NotAModel { why } => {
                write!(f, "The file is readable but is no model of a known library: {why}; {SAVE}.")
            }
            Self::Truncated { format, detail } => {
                write!(f, "The {format} model file is cut off {detail}; copy it again in full.")
            }
            Self::Damaged { format, detail } => {
                let save = save(*format);
                write!(f, "The {format} model file is damaged: {detail}; copy it again or {save}.")
            }
            Self::JsonNotFinite { line, column } => write!(
                f,
                "The JSON model file holds NaN or Infinity at line {line} column {column}, which is not JSON; \
                 {}, which can express it.",
                save(Format::Ubjson)
            ),
            other => other.describe_model(f),
        }
    }
}

impl ModelError {
    /// The errors of a file that could be read: its model is at fault.
    fn describe_model(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout { format, detail } => {
                write!(f, "The {format} file is not laid out as a model: {detail}; {}.", save(*format))
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
            Self::Contradiction { detail } => write!(f, "The model contradicts itself: {detail}; {SAVE}."),
            Self::FeatureNameTwice { name } => {
                write!(f, "The model has two features named \"{name}\"; rename one and train again.")
            }
            Self::Tree { tree, node: Some(node), fault } => {
                write!(f, "The model is damaged in tree {tree}, node {node}: {fault}; {SAVE}.")
            }
            Self::Tree { tree, node: None, fault } => {
                write!(f, "The model is damaged in tree {tree}: {fault}; {SAVE}.")
            }
            // The errors of the file itself have been told.
            _ => Ok(()),
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
            Self::Number { array } => write!(f, "{array} holds a word that is no number of its kind"),
            Self::Misplaced { id } => write!(f, "it is stored as tree {id}"),
            Self::OneChild => write!(f, "it has one child where a split has two"),
            Self::ChildOutOfRange { child, nodes } => {
                write!(f, "its child {child} does not exist among {nodes} nodes")
            }
            Self::ReachedTwice { child } => write!(f, "its child {child} is reached a second time"),
            Self::NodeTwice => write!(f, "another node has the same number"),
            Self::NoWeight => write!(f, "it is a leaf without a weight"),
            Self::WeightTwice => write!(f, "it has two weights for one output"),
            Self::Unreached => write!(f, "no path from the root leads to it"),
            Self::DeletedReached => write!(f, "it was pruned but is still part of the tree"),
            Self::TooDeep => {
                write!(f, "its children lie deeper than {} splits", crate::limits::DEPTH_MAX)
            }
            Self::FeatureOutOfRange { feature, features } => {
                write!(f, "it reads feature {feature} but the model has {features} features")
            }
            Self::ThresholdNan => write!(f, "its threshold is NaN"),
            Self::SplitType => write!(f, "its split type does not go with its categories"),
            Self::Categories => {
                write!(f, "its categories lie outside the file's list, stand twice or are out of range")
            }
            Self::OutputOutOfRange { output, outputs } => {
                write!(f, "it adds to output {output} but the model has {outputs} outputs")
            }
            Self::LeafLength { found, outputs } => {
                write!(f, "its leaf has {found} numbers for {outputs} outputs")
            }
            Self::LeafNotFinite => write!(f, "its leaf value is NaN or infinite"),
        }
    }
}
