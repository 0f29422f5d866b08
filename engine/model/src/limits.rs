//! Upper bounds of a model. A file beyond one of them is refused before it is used.

/// Size of a model file, in bytes.
pub const FILE_BYTES_MAX: usize = 128 << 20;

/// Trees in a model.
pub const TREES_MAX: usize = 16_384;

/// Nodes in a model, splits and leaves of all trees together (64 MiB in memory).
pub const NODES_MAX: usize = 1 << 22;

/// Splits between the root of a tree and its deepest leaf.
pub const DEPTH_MAX: usize = 256;

/// Features of a model: the length of a row.
pub const FEATURES_MAX: usize = 16_384;

/// Objects and arrays inside one another in a UBJSON file. A model needs eight.
pub const NESTING_MAX: usize = 32;

/// Characters of a file's own text repeated in an error message.
pub const QUOTED_CHARS_MAX: usize = 200;

// Node positions are stored as u32, with u32::MAX kept free.
const _: () = assert!(NODES_MAX < u32::MAX as usize);
const _: () = assert!(FEATURES_MAX < u32::MAX as usize);
