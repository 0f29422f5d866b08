//! Upper bounds of a model. A file beyond one of them is refused before it is used.

/// Size of a model file, in bytes.
pub const FILE_BYTES_MAX: usize = 128 << 20;

/// Trees in a model.
pub const TREES_MAX: usize = 16_384;

/// Nodes in a model, splits and leaves of all trees together (128 MiB in memory with their weights).
pub const NODES_MAX: usize = 1 << 22;

/// Splits between the root of a tree and its deepest leaf.
pub const DEPTH_MAX: usize = 256;

/// Features of a model: the length of a row.
pub const FEATURES_MAX: usize = 16_384;

/// Margins of a model: classes or targets.
pub const OUTPUTS_MAX: usize = 4_096;

/// Numbers in the leaves that hold more than one, all together (128 MiB in memory).
pub const LEAF_NUMBERS_MAX: usize = 1 << 24;

/// Words of 32 categories in the sets of categorical splits, all together (64 MiB in memory).
pub const SET_WORDS_MAX: usize = 1 << 24;

/// Tables of one compiled layout of a model, in bytes; a layout that needs more is not built. 500 trees of 31
/// to 64 leaves take 0.2 to 20 MB.
pub const TABLE_BYTES_MAX: usize = 32 << 20;

/// Objects and arrays inside one another in a UBJSON file. A model needs eight.
pub const NESTING_MAX: usize = 32;

/// Characters of a file's own text repeated in an error message.
pub const QUOTED_CHARS_MAX: usize = 200;

// Positions are stored as u32, with u32::MAX kept free.
const _: () = assert!(NODES_MAX < u32::MAX as usize);
const _: () = assert!(FEATURES_MAX < u32::MAX as usize);
const _: () = assert!(LEAF_NUMBERS_MAX < u32::MAX as usize);

// Positions in tables are 32-bit byte offsets.
const _: () = assert!(TABLE_BYTES_MAX < u32::MAX as usize);
