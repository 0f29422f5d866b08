//! The parts of an ONNX graph that a tree ensemble needs: one operator, its input, its attributes.

use super::layout;
use super::wire::{Fields, Payload, packed_varints};
use crate::error::{ModelError, quotable};
use crate::limits::NODES_MAX;

/// The operators of trees. The last one came with version 5 and stands for both others.
pub(super) const REGRESSOR: &str = "TreeEnsembleRegressor";
pub(super) const CLASSIFIER: &str = "TreeEnsembleClassifier";
pub(super) const ENSEMBLE: &str = "TreeEnsemble";

/// Operators that may stand beside the trees: they pass numbers on or name them.
const PASS_ON: [&str; 3] = ["Identity", "Cast", "ZipMap"];

/// Attributes of one operator. Those of trees have 20.
const ATTRIBUTES_MAX: usize = 64;

/// Numbers and words in all attributes together: twelve lists of one per node or weight.
const NUMBERS_MAX: usize = 12 * NODES_MAX;

/// Type of a tensor's elements.
pub(super) const FLOAT: u64 = 1;
pub(super) const UINT8: u64 = 2;
pub(super) const INT32: u64 = 6;
pub(super) const INT64: u64 = 7;
pub(super) const DOUBLE: u64 = 11;

/// An attribute of the operator.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) integer: Option<u64>,
    pub(super) text: Option<&'a [u8]>,
    pub(super) floats: Vec<f32>,
    pub(super) integers: Vec<i64>,
    pub(super) strings: Vec<&'a [u8]>,
    /// Numbers of a tensor: floats, doubles or bytes.
    pub(super) tensor: Vec<f64>,
    pub(super) tensor_type: u64,
}

/// The operator and what stands around it.
pub(super) struct Ensemble<'a> {
    pub(super) operator: &'a str,
    pub(super) attributes: Vec<Attribute<'a>>,
    /// Element type and columns of the graph's input.
    pub(super) input_type: u64,
    pub(super) input_columns: Option<usize>,
}

fn text(bytes: &[u8]) -> Result<&str, ModelError> {
    str::from_utf8(bytes).map_err(|_| layout("a name is not UTF-8"))
}

/// Finds the ensemble in a file.
///
/// # Errors
///
/// A damaged message, no graph, no tree operator, several, or operators that compute beside it.
pub(super) fn ensemble(file: &[u8]) -> Result<Ensemble<'_>, ModelError> {
    let mut graph = None;
    let mut fields = Fields::of_file(file);
    while let Some((number, payload)) = fields.next()? {
        if let (7, Payload::Bytes(bytes)) = (number, payload) {
            graph = Some(bytes);
        }
    }
    let graph = graph.ok_or(ModelError::NotAModel { why: "it has no graph" })?;
    let (mut found, mut input) = (None, None);
    let mut fields = Fields::of_part(file, graph);
    while let Some((number, payload)) = fields.next()? {
        match (number, payload) {
            (1, Payload::Bytes(node)) => {
                let (operator, attributes) = node_parts(file, node)?;
                match operator {
                    REGRESSOR | CLASSIFIER | ENSEMBLE if found.is_none() => {
                        found = Some((operator, attributes));
                    }
                    REGRESSOR | CLASSIFIER | ENSEMBLE => {
                        let advice = "convert one model at a time, without splitting it";
                        return Err(ModelError::unsupported("several ensembles in one graph are", advice));
                    }
                    other if PASS_ON.contains(&other) => {}
                    other => return Err(unknown_operator(other)),
                }
            }
            (11, Payload::Bytes(_)) if input.is_some() => {
                let advice = "convert with one matrix as input";
                return Err(ModelError::unsupported("graphs with several inputs are", advice));
            }
            (11, Payload::Bytes(bytes)) => input = Some(input_parts(file, bytes)?),
            _ => {}
        }
    }
    let (operator, attributes) =
        found.ok_or(ModelError::NotAModel { why: "its graph has no tree ensemble" })?;
    let input = input.ok_or(ModelError::NotAModel { why: "its graph has no input" })?;
    let (input_type, input_columns) = input;
    let (mut parsed, mut numbers) = (Vec::new(), 0);
    for attribute in attributes {
        parsed.push(attribute_parts(file, attribute, &mut numbers)?);
    }
    Ok(Ensemble { operator, attributes: parsed, input_type, input_columns })
}

fn unknown_operator(name: &str) -> ModelError {
    let what = format!("the ONNX operator \"{}\" is", quotable(name));
    ModelError::unsupported(what, "convert the tree model alone, without scaling or a pipeline")
}

/// The operator's name and its attributes, unread.
fn node_parts<'a>(file: &'a [u8], node: &'a [u8]) -> Result<(&'a str, Vec<&'a [u8]>), ModelError> {
    let (mut operator, mut attributes) = ("", Vec::new());
    let mut fields = Fields::of_part(file, node);
    while let Some((number, payload)) = fields.next()? {
        match (number, payload) {
            (4, Payload::Bytes(bytes)) => operator = text(bytes)?,
            (5, Payload::Bytes(bytes)) => attributes.push(bytes),
            _ => {}
        }
        if attributes.len() > ATTRIBUTES_MAX {
            let found = attributes.len();
            return Err(ModelError::Limit { what: "attributes of an operator", found, max: ATTRIBUTES_MAX });
        }
    }
    Ok((operator, attributes))
}

/// Element type and columns of an input: type, then tensor type, then shape, then its second dimension.
fn input_parts(file: &[u8], input: &[u8]) -> Result<(u64, Option<usize>), ModelError> {
    let within = |message, wanted| part(file, message, wanted);
    let Some(tensor) = within(input, 2)?.map_or(Ok(None), |kind| within(kind, 1))? else {
        return Err(layout("an input is no tensor"));
    };
    let (mut element, mut dimensions, mut second) = (0, 0_usize, None);
    let mut fields = Fields::of_part(file, tensor);
    while let Some((number, payload)) = fields.next()? {
        match (number, payload) {
            (1, Payload::Varint(kind)) => element = kind,
            (2, Payload::Bytes(shape)) => {
                let mut fields = Fields::of_part(file, shape);
                while let Some((number, payload)) = fields.next()? {
                    if let (1, Payload::Bytes(dimension)) = (number, payload) {
                        dimensions += 1;
                        second = if dimensions == 2 { Some(dimension) } else { second };
                    }
                }
            }
            _ => {}
        }
    }
    let mut columns = None;
    if let Some(second) = second {
        let mut fields = Fields::of_part(file, second);
        while let Some((number, payload)) = fields.next()? {
            if let (1, Payload::Varint(count)) = (number, payload) {
                columns = usize::try_from(count).ok();
            }
        }
    }
    Ok((element, columns))
}

/// The last message with this number inside another.
fn part<'a>(file: &'a [u8], message: &'a [u8], wanted: u64) -> Result<Option<&'a [u8]>, ModelError> {
    let mut found = None;
    let mut fields = Fields::of_part(file, message);
    while let Some((number, payload)) = fields.next()? {
        if let (true, Payload::Bytes(bytes)) = (number == wanted, payload) {
            found = Some(bytes);
        }
    }
    Ok(found)
}

/// Reads an attribute. `numbers` counts what all attributes hold.
fn attribute_parts<'a>(
    file: &'a [u8],
    message: &'a [u8],
    numbers: &mut usize,
) -> Result<Attribute<'a>, ModelError> {
    let before = *numbers;
    let mut attribute = Attribute::default();
    let mut fields = Fields::of_part(file, message);
    while let Some((number, payload)) = fields.next()? {
        match (number, payload) {
            (1, Payload::Bytes(bytes)) => attribute.name = text(bytes)?,
            (3, Payload::Varint(value)) => attribute.integer = Some(value),
            (4, Payload::Bytes(bytes)) => attribute.text = Some(bytes),
            (5, Payload::Bytes(bytes)) => {
                (attribute.tensor_type, attribute.tensor) = tensor_parts(file, bytes)?;
            }
            (7, Payload::Fixed32(bytes)) => attribute.floats.push(f32::from_le_bytes(bytes)),
            (7, Payload::Bytes(bytes)) => attribute.floats.extend(f32s(bytes)?),
            (8, Payload::Varint(value)) => attribute.integers.push(value.cast_signed()),
            (8, Payload::Bytes(bytes)) => {
                packed_varints(file, bytes, |value| attribute.integers.push(value.cast_signed()))?;
            }
            (9, Payload::Bytes(bytes)) => attribute.strings.push(bytes),
            _ => {}
        }
        let (floats, integers) = (attribute.floats.len(), attribute.integers.len());
        *numbers = before + floats + integers + attribute.strings.len() + attribute.tensor.len();
        if *numbers > NUMBERS_MAX {
            let found = *numbers;
            return Err(ModelError::Limit { what: "numbers in attributes", found, max: NUMBERS_MAX });
        }
    }
    Ok(attribute)
}

/// The numbers of a tensor of floats, doubles or bytes, raw or in fields.
fn tensor_parts(file: &[u8], message: &[u8]) -> Result<(u64, Vec<f64>), ModelError> {
    let (mut kind, mut raw, mut numbers) = (0, None, Vec::new());
    let mut fields = Fields::of_part(file, message);
    while let Some((number, payload)) = fields.next()? {
        match (number, payload) {
            (2, Payload::Varint(value)) => kind = value,
            (4, Payload::Fixed32(bytes)) => numbers.push(f64::from(f32::from_le_bytes(bytes))),
            (4, Payload::Bytes(bytes)) => numbers.extend(f32s(bytes)?.map(f64::from)),
            (5, Payload::Varint(value)) => numbers.push(byte(value)),
            (5, Payload::Bytes(bytes)) => packed_varints(file, bytes, |value| numbers.push(byte(value)))?,
            (9, Payload::Bytes(bytes)) => raw = Some(bytes),
            (10, Payload::Fixed64(bytes)) => numbers.push(f64::from_le_bytes(bytes)),
            (10, Payload::Bytes(bytes)) => numbers.extend(f64s(bytes)?),
            (13, _) => {
                let advice = "save the model in one file";
                return Err(ModelError::unsupported("tensors in other files are", advice));
            }
            _ => {}
        }
    }
    match (kind, raw) {
        (FLOAT, Some(bytes)) => numbers = f32s(bytes)?.map(f64::from).collect(),
        (DOUBLE, Some(bytes)) => numbers = f64s(bytes)?.collect(),
        (UINT8, Some(bytes)) => numbers = bytes.iter().map(|byte| f64::from(*byte)).collect(),
        (FLOAT | DOUBLE | UINT8, None) => {}
        _ => return Err(layout("a tensor holds neither floats nor doubles nor bytes")),
    }
    Ok((kind, numbers))
}

/// A byte as a number; what is no byte is no number.
fn byte(value: u64) -> f64 {
    u8::try_from(value).map_or(f64::NAN, f64::from)
}

fn f32s(bytes: &[u8]) -> Result<impl Iterator<Item = f32> + '_, ModelError> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(chunks.iter().map(|c| f32::from_le_bytes(*c)))
    } else {
        Err(layout("a list of floats is cut"))
    }
}

fn f64s(bytes: &[u8]) -> Result<impl Iterator<Item = f64> + '_, ModelError> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if rest.is_empty() {
        Ok(chunks.iter().map(|c| f64::from_le_bytes(*c)))
    } else {
        Err(layout("a list of doubles is cut"))
    }
}
