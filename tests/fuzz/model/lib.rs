//! What every target does with a file: parse, evaluate, explain and compile it, within bounds of memory.

use std::alloc::System;

use cap::Cap;
use vencejo_model::limits::{OUTPUTS_MAX, SET_WORDS_MAX, TABLE_BYTES_MAX};

#[path = "../../../engine/model/tests/exercise/mod.rs"]
mod exercise;

/// Refuses what goes over the bound of the moment: the process aborts, and the input is kept.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What parsing may take: so much for each byte of the file, and so much besides.
#[derive(Clone, Copy)]
pub struct ParseBound {
    per_byte: usize,
    besides: usize,
}

/// What is read takes memory in proportion to the file.
pub const PROPORTIONAL: ParseBound = ParseBound { per_byte: 100, besides: 4 << 20 };
/// XGBoost lists the categories of a set; the largest decides how many words of four bytes the set has. They
/// are kept once by the tree and once by the forest, in a vector that doubles.
pub const WITH_SETS: ParseBound =
    ParseBound { besides: PROPORTIONAL.besides + 10 * SET_WORDS_MAX, ..PROPORTIONAL };
/// A leaf of an ONNX file that names two outputs has a number for each output.
pub const WITH_VECTORS: ParseBound = ParseBound { per_byte: OUTPUTS_MAX, ..PROPORTIONAL };

/// What compiling may take: four layouts, each with its tables and as much to build them.
const COMPILE_BYTES: usize = 8 * TABLE_BYTES_MAX;
/// One file in so many is compiled, and one in so many evaluated in blocks. Its bytes decide which.
const COMPILED_ONE_IN: u64 = 8;
const BATCHED_ONE_IN: u64 = 64;

/// Exercises `prefix` and `input` as one file.
pub fn exercise(prefix: &[u8], input: &[u8], parse: ParseBound) {
    let file = [prefix, input].concat();
    bound(parse.besides + parse.per_byte * file.len());
    let Some(model) = exercise::parse(&file) else { return };
    let hash = hash(&file);
    if hash.is_multiple_of(COMPILED_ONE_IN) {
        bound(COMPILE_BYTES);
        exercise::compile(&model, &file, hash, hash.is_multiple_of(BATCHED_ONE_IN));
    }
}

/// FNV-1a without its lowest bits.
fn hash(file: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    file.iter().fold(0xcbf2_9ce4_8422_2325, step) >> 7
}

/// Lets so many bytes more be allocated from here on.
fn bound(bytes: usize) {
    ALLOCATOR.set_limit(usize::MAX).expect("no limit is always possible");
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + bytes).expect("a limit above what is allocated");
}
