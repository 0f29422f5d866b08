//! Flat programs: registers, typed instructions, forward jumps.
//!
//! A program is straight-line code with jumps over what is not needed. A node that several places may
//! need, and none surely, is a block: code of its own that the first `Ensure` runs and later ones skip.
//! Jumps only go forward and a block runs once, so a run takes no more steps than the program has
//! instructions.

use std::fmt;
use std::sync::Arc;

use bumpalo::Bump;

use crate::constant::Set;
use crate::fingerprint;
use crate::function::{Body, Invocation, Prepared};
use crate::op::{Binary, Test, Unary};
use crate::registers::{Index, Initial, Registers, Shape};
use crate::scalar;
use crate::value::Value;

/// What a program reads from its surroundings.
pub trait Env<'a> {
    /// A column of an input: input 0 is the event, the others are the decision's look-ups in order.
    fn load(&self, input: u16, column: u16) -> Value<'a>;
    /// A function of the engine (PREDICT and its kin), by its place in the caller's table.
    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a>;
}

/// Registers are words, unless the name says that they are strings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instruction {
    LoadBool { to: Index, input: u16, column: u16 },
    LoadInt { to: Index, input: u16, column: u16 },
    LoadDouble { to: Index, input: u16, column: u16 },
    LoadText { to: Index, input: u16, column: u16 },
    Move { to: Index, a: Index },
    MoveText { to: Index, a: Index },
    Unary { op: Unary, to: Index, a: Index },
    Binary { op: Binary, to: Index, a: Index, b: Index },
    Is { test: Test, to: Index, a: Index },
    IsTextNull { to: Index, a: Index, negated: bool },
    RoundDouble { to: Index, a: Index, digits: i16 },
    RoundInt { to: Index, a: Index, digits: i16 },
    In { to: Index, a: Index, set: Index },
    Call { to: Index, call: Index },
    Function { to: Index, call: Index },
    Jump { target: Index },
    JumpIf { test: Test, a: Index, target: Index },
    JumpIfText { a: Index, target: Index },
    Ensure { block: Index },
    Return { block: Index },
    Halt,
}

/// Eight bytes, so that a cache line holds eight.
const _: () = assert!(size_of::<Instruction>() == 8);

/// A register and what it holds.
pub(crate) type Place = (Shape, Index);

/// A call of a function of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: u16,
    pub(crate) arguments: Box<[Place]>,
    pub(crate) returns: Shape,
}

/// A call of a function of this crate: what its constant arguments say was prepared when it was planned.
#[derive(Clone, Debug)]
pub(crate) struct FunctionCall {
    pub(crate) body: Body,
    /// Whether a NULL argument makes the result NULL without a call.
    pub(crate) strict: bool,
    pub(crate) prepared: Arc<Prepared>,
    /// What it is told apart by, beside its arguments.
    pub(crate) identity: u64,
    pub(crate) arguments: Box<[Place]>,
    pub(crate) returns: Shape,
}

/// A compiled set of expressions. [`crate::compile`] makes it; the default has no outputs.
#[derive(Clone, Default)]
pub struct Program {
    pub(crate) code: Vec<Instruction>,
    /// Where each block begins.
    pub(crate) blocks: Vec<Index>,
    pub(crate) sets: Vec<Set>,
    pub(crate) calls: Vec<Call>,
    pub(crate) functions: Vec<FunctionCall>,
    pub(crate) initial: Initial,
    /// The register of each output; None for a NULL of no type.
    pub(crate) outputs: Vec<Option<Place>>,
    pub(crate) fingerprint: u64,
}

/// What tells it apart, and no more: plans are compared by what they print, over restarts, too.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({:016x})", self.fingerprint)
    }
}

/// In place of a block's return address: it has run.
const DONE: Index = Index::MAX;

impl Program {
    /// What it is told apart by: the same expressions, planned alike, have the same; another version of this
    /// crate may give another.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The same for programs that differ in the numbers of columns alone: `column` tells, of an input and a
    /// column, what goes by that number.
    pub fn fingerprint_by(&self, column: impl Fn(u16, u16) -> u64) -> u64 {
        fingerprint::of(self, column)
    }

    /// Evaluates every output, in order. The slice lives in the arena, and so does whatever the run needs: no
    /// heap allocation once the arena has grown. Cost: linear in the instructions needed.
    pub fn run<'a>(&'a self, env: &mut impl Env<'a>, arena: &'a Bump) -> &'a [Value<'a>] {
        let mut registers = Registers::new(&self.initial, arena);
        let returns = arena.alloc_slice_fill_copy(self.blocks.len(), 0);
        self.execute(env, arena, registers.lent(), returns);
        let outputs = self.outputs.iter();
        arena.alloc_slice_fill_iter(outputs.map(|output| match *output {
            Some((shape, index)) => registers.value(shape, index),
            None => Value::Null,
        }))
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
        self.initial.len()
    }

    /// Input and column of everything that it may load, in the order of its code; the same may come twice.
    pub fn loads(&self) -> impl Iterator<Item = (u16, u16)> {
        self.code.iter().filter_map(|instruction| match *instruction {
            Instruction::LoadBool { input, column, .. }
            | Instruction::LoadInt { input, column, .. }
            | Instruction::LoadDouble { input, column, .. }
            | Instruction::LoadText { input, column, .. } => Some((input, column)),
            _ => None,
        })
    }

    /// Input and column of an output that is what it loads there, and nothing else.
    pub fn loaded(&self, output: usize) -> Option<(u16, u16)> {
        let (shape, index) = (*self.outputs.get(output)?)?;
        let is_text = shape == Shape::Text;
        let mut writers =
            self.code.iter().filter(|&instruction| self.writes(instruction) == Some((is_text, index)));
        let (only, None) = (writers.next()?, writers.next()) else { return None };
        match *only {
            Instruction::LoadBool { input, column, .. }
            | Instruction::LoadInt { input, column, .. }
            | Instruction::LoadDouble { input, column, .. }
            | Instruction::LoadText { input, column, .. } => Some((input, column)),
            _ => None,
        }
    }

    /// The register that an instruction writes, and whether it is one of strings.
    fn writes(&self, instruction: &Instruction) -> Option<(bool, Index)> {
        use Instruction as I;
        match *instruction {
            I::LoadText { to, .. } | I::MoveText { to, .. } => Some((true, to)),
            I::LoadBool { to, .. }
            | I::LoadInt { to, .. }
            | I::LoadDouble { to, .. }
            | I::Move { to, .. }
            | I::Is { to, .. }
            | I::IsTextNull { to, .. }
            | I::RoundDouble { to, .. }
            | I::RoundInt { to, .. }
            | I::In { to, .. } => Some((false, to)),
            I::Unary { op, to, .. } => Some((op.gives_text(), to)),
            I::Binary { op, to, .. } => Some((op.gives_text(), to)),
            I::Call { to, call } => Some((self.calls[usize::from(call)].returns == Shape::Text, to)),
            I::Function { to, call } => Some((self.functions[usize::from(call)].returns == Shape::Text, to)),
            I::Jump { .. }
            | I::JumpIf { .. }
            | I::JumpIfText { .. }
            | I::Ensure { .. }
            | I::Return { .. }
            | I::Halt => None,
        }
    }

    /// Runs the code. The compiler keeps every register, place and target inside its table.
    fn execute<'a>(
        &'a self,
        env: &mut impl Env<'a>,
        arena: &'a Bump,
        mut registers: Registers<'_, 'a>,
        returns: &mut [Index],
    ) {
        use Instruction as I;
        let at = usize::from;
        let r = &mut registers;
        let mut next = 0;
        while let Some(&instruction) = self.code.get(at(next)) {
            next += 1;
            match instruction {
                I::LoadBool { to, input, column } => r.set_value(Shape::Bool, to, env.load(input, column)),
                I::LoadInt { to, input, column } => r.set_value(Shape::Int, to, env.load(input, column)),
                I::LoadDouble { to, input, column } => {
                    r.set_value(Shape::Double, to, env.load(input, column));
                }
                I::LoadText { to, input, column } => r.set_value(Shape::Text, to, env.load(input, column)),
                I::Move { to, a } => r.set_word(to, r.word(a)),
                I::MoveText { to, a } => r.set_text(to, r.text(a)),
                I::Unary { op, to, a } => scalar::unary(op, to, a, r, arena),
                I::Binary { op, to, a, b } => scalar::binary(op, to, a, b, r, arena),
                I::Is { test, to, a } => r.set_bool(to, Some(r.test(test, a))),
                I::IsTextNull { to, a, negated } => r.set_bool(to, Some(r.text(a).is_none() != negated)),
                I::RoundDouble { to, a, digits } => {
                    r.set_double(to, r.double(a).map(|x| scalar::round_double(x, digits)));
                }
                I::RoundInt { to, a, digits } => {
                    r.set_int(to, r.int(a).and_then(|x| scalar::round_int(x, digits)));
                }
                I::In { to, a, set } => {
                    let member = self.sets[at(set)].holds(a, &r.lent());
                    r.set_bool(to, member);
                }
                I::Call { to, call } => self.calls[at(call)].run(to, env, arena, r.lent()),
                I::Function { to, call } => self.functions[at(call)].run(to, arena, r.lent()),
                I::Jump { target } => next = target,
                I::JumpIf { test, a, target } => {
                    if r.test(test, a) {
                        next = target;
                    }
                }
                I::JumpIfText { a, target } => {
                    if r.text(a).is_some() {
                        next = target;
                    }
                }
                I::Ensure { block } => {
                    if returns[at(block)] != DONE {
                        returns[at(block)] = next;
                        next = self.blocks[at(block)];
                    }
                }
                I::Return { block } => next = std::mem::replace(&mut returns[at(block)], DONE),
                I::Halt => break,
            }
        }
    }
}

impl Call {
    fn run<'a>(&self, to: Index, env: &mut impl Env<'a>, arena: &'a Bump, mut registers: Registers<'_, 'a>) {
        let arguments = self.arguments.iter().map(|&(shape, index)| registers.value(shape, index));
        let arguments: &[Value<'a>] = arena.alloc_slice_fill_iter(arguments);
        registers.set_value(self.returns, to, env.call(self.function, arguments));
    }
}

impl FunctionCall {
    #[inline(never)]
    fn run<'a>(&'a self, to: Index, arena: &'a Bump, mut registers: Registers<'_, 'a>) {
        let arguments = self.arguments.iter().map(|&(shape, index)| registers.value(shape, index));
        let arguments: &[Value<'a>] = arena.alloc_slice_fill_iter(arguments);
        let value = if self.strict && arguments.contains(&Value::Null) {
            Value::Null
        } else {
            (self.body)(&Invocation { arguments, prepared: &self.prepared, arena })
        };
        registers.set_value(self.returns, to, value);
    }
}
