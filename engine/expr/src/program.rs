//! Flat programs: registers, typed instructions, forward jumps.
//!
//! A program is straight-line code with jumps over what is not needed. A node that several places may
//! need, and none surely, is a block: code of its own that the first `Ensure` runs and later ones skip.
//! Jumps only go forward and a block runs once, so a run takes no more steps than the program has
//! instructions.

use bumpalo::Bump;

use crate::constant::{Constant, Set};
use crate::op::{Binary, Test, Unary};
use crate::scalar;
use crate::value::{Type, Value};

/// What a program reads from its surroundings.
pub trait Env<'a> {
    /// A column of an input: input 0 is the event, the others are the decision's look-ups in order.
    fn load(&self, input: u16, column: u16) -> Value<'a>;
    /// A function of the engine (PREDICT and its kin), by its place in the caller's table.
    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a>;
}

/// Numbers of registers, and places in the program's tables.
pub(crate) type Index = u16;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Instruction {
    Load { to: Index, input: u16, column: u16 },
    Constant { to: Index, constant: Index },
    Move { to: Index, a: Index },
    Unary { op: Unary, to: Index, a: Index },
    Binary { op: Binary, to: Index, a: Index, b: Index },
    Is { test: Test, to: Index, a: Index },
    RoundDouble { to: Index, a: Index, digits: i16 },
    RoundInt { to: Index, a: Index, digits: i16 },
    In { to: Index, a: Index, set: Index },
    Call { to: Index, call: Index },
    Jump { target: Index },
    JumpIf { test: Test, a: Index, target: Index },
    Ensure { block: Index },
    Return { block: Index },
    Halt,
}

/// Eight bytes, so that a cache line holds eight.
const _: () = assert!(size_of::<Instruction>() == 8);

/// A call's arguments are registers `first..first + count`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) function: u16,
    pub(crate) first: Index,
    pub(crate) count: Index,
    pub(crate) returns: Type,
}

/// A compiled set of expressions. [`crate::compile`] makes it; the default has no outputs.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(crate) code: Vec<Instruction>,
    /// Where each block begins.
    pub(crate) blocks: Vec<Index>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) sets: Vec<Set>,
    pub(crate) calls: Vec<Call>,
    pub(crate) registers: usize,
    /// The register of each output.
    pub(crate) outputs: Vec<Index>,
}

/// In place of a block's return address: it has run.
const DONE: Index = Index::MAX;

impl Program {
    /// Evaluates every output, in order. The slice lives in the arena, and so does whatever the run needs: no
    /// heap allocation once the arena has grown. Cost: linear in the instructions needed.
    pub fn run<'a>(&'a self, env: &mut impl Env<'a>, arena: &'a Bump) -> &'a [Value<'a>] {
        let registers = arena.alloc_slice_fill_copy(self.registers, Value::Null);
        let returns = arena.alloc_slice_fill_copy(self.blocks.len(), 0);
        self.execute(env, arena, registers, returns);
        arena.alloc_slice_fill_iter(self.outputs.iter().map(|&output| registers[usize::from(output)]))
    }

    /// How many outputs a run gives.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// How many instructions the program has.
    pub fn instructions(&self) -> usize {
        self.code.len()
    }

    /// How many registers a run takes.
    pub fn registers(&self) -> usize {
        self.registers
    }

    /// Runs the code. The compiler keeps every register, place and target inside its table.
    fn execute<'a>(
        &'a self,
        env: &mut impl Env<'a>,
        arena: &'a Bump,
        registers: &mut [Value<'a>],
        returns: &mut [Index],
    ) {
        let at = usize::from;
        let mut next = 0;
        while let Some(&instruction) = self.code.get(at(next)) {
            next += 1;
            match instruction {
                Instruction::Load { to, input, column } => {
                    registers[at(to)] = env.load(input, column).finite();
                }
                Instruction::Constant { to, constant } => {
                    registers[at(to)] = self.constants[at(constant)].value();
                }
                Instruction::Move { to, a } => registers[at(to)] = registers[at(a)],
                Instruction::Unary { op, to, a } => {
                    registers[at(to)] = scalar::unary(op, registers[at(a)], arena);
                }
                Instruction::Binary { op, to, a, b } => {
                    registers[at(to)] = scalar::binary(op, registers[at(a)], registers[at(b)], arena);
                }
                Instruction::Is { test, to, a } => {
                    registers[at(to)] = Value::Bool(scalar::test(test, registers[at(a)]));
                }
                Instruction::RoundDouble { to, a, digits } => {
                    registers[at(to)] = match registers[at(a)] {
                        Value::Double(x) => Value::Double(scalar::round_double(x, digits)).finite(),
                        _ => Value::Null,
                    };
                }
                Instruction::RoundInt { to, a, digits } => {
                    registers[at(to)] = match registers[at(a)] {
                        Value::Int(x) => scalar::round_int(x, digits).map_or(Value::Null, Value::Int),
                        _ => Value::Null,
                    };
                }
                Instruction::In { to, a, set } => {
                    registers[at(to)] = self.sets[at(set)].holds(registers[at(a)]);
                }
                Instruction::Call { to, call } => {
                    registers[at(to)] = self.calls[at(call)].answer(env, registers);
                }
                Instruction::Jump { target } => next = target,
                Instruction::JumpIf { test, a, target } => {
                    if scalar::test(test, registers[at(a)]) {
                        next = target;
                    }
                }
                Instruction::Ensure { block } => {
                    if returns[at(block)] != DONE {
                        returns[at(block)] = next;
                        next = self.blocks[at(block)];
                    }
                }
                Instruction::Return { block } => {
                    next = returns[at(block)];
                    returns[at(block)] = DONE;
                }
                Instruction::Halt => break,
            }
        }
    }
}

impl Call {
    fn answer<'a>(&self, env: &mut impl Env<'a>, registers: &[Value<'a>]) -> Value<'a> {
        let first = usize::from(self.first);
        let arguments = &registers[first..first + usize::from(self.count)];
        match (self.returns, env.call(self.function, arguments).finite()) {
            (Type::Boolean, value @ Value::Bool(_))
            | (Type::BigInt | Type::Timestamp | Type::Date, value @ Value::Int(_))
            | (Type::Double, value @ Value::Double(_))
            | (Type::String, value @ Value::Str(_)) => value,
            _ => Value::Null,
        }
    }
}
