//! What programs are told apart by where state that they helped to make outlives them.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

use crate::function::{Callee, Prepared};
use crate::program::{Instruction, Program};

/// Of a function of this crate and what was prepared for it: what its constant arguments do not say already.
pub(crate) fn of_function(callee: &Callee, prepared: &Prepared) -> u64 {
    let mut text = format!("{callee:?} {}", callee.name());
    if let Prepared::Lookup(table, _) = prepared {
        // Writing to a string cannot fail.
        let _ = write!(text, " {table:?}");
    }
    xxh3_64(text.as_bytes())
}

/// XXH3-64 over a text of the program, in which a column that it loads goes by what `column` says of its
/// input and number: the same in every process.
pub(crate) fn of(program: &Program, column: impl Fn(u16, u16) -> u64) -> u64 {
    let mut text = String::new();
    for instruction in &program.code {
        let _ = match *instruction {
            Instruction::LoadBool { to, input, column: number } => {
                writeln!(text, "bool {to} {input} {:x}", column(input, number))
            }
            Instruction::LoadInt { to, input, column: number } => {
                writeln!(text, "int {to} {input} {:x}", column(input, number))
            }
            Instruction::LoadDouble { to, input, column: number } => {
                writeln!(text, "double {to} {input} {:x}", column(input, number))
            }
            Instruction::LoadText { to, input, column: number } => {
                writeln!(text, "text {to} {input} {:x}", column(input, number))
            }
            other => writeln!(text, "{other:?}"),
        };
    }
    for call in &program.functions {
        let _ = writeln!(text, "{:x} {} {:?} {:?}", call.identity, call.strict, call.arguments, call.returns);
    }
    let Program { code: _, functions: _, fingerprint: _, blocks, sets, calls, initial, outputs } = program;
    let _ = write!(text, "{blocks:?} {sets:?} {calls:?} {initial:?} {outputs:?}");
    xxh3_64(text.as_bytes())
}
