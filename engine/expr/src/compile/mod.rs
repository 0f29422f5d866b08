//! From graph nodes to a program.
//!
//! Code that surely runs is emitted in a line, and what it computes is available to all that follows. Code
//! that may be jumped over is a region: what it computes is available inside it only. A node that is used
//! more than once and first met in a region becomes a block, run by whoever needs it first, so that it is
//! computed at most once, and only when needed. A column costs no more
//! than asking for a block, so a region loads it again. Constants lie in their registers from the start.

mod lazy;

use vencejo_types::limits::{PROGRAM_INSTRUCTIONS_MAX, REGISTERS_MAX, STRING_OPERATIONS_MAX};

use crate::constant::{Constant, Set};
use crate::error::CompileError;
use crate::fingerprint;
use crate::graph::{Expr, Graph, Kind};
use crate::op::{Binary, Test, Unary};
use crate::program::{Call, FunctionCall, Instruction, Place, Program};
use crate::registers::{Index, Shape};

/// Compiles a program with these outputs. Cost: linear in the nodes they reach, for each region that
/// calls for a block.
///
/// # Errors
/// The program would pass a limit.
pub fn compile(graph: &Graph, outputs: &[Expr]) -> Result<Program, CompileError> {
    let mut compiler = Compiler::new(graph, outputs);
    let mut places = Vec::with_capacity(outputs.len());
    for &output in outputs {
        let typed = graph.type_of(output).is_some();
        places.push(if typed { Some(compiler.place(output)?) } else { None });
    }
    compiler.push(Instruction::Halt)?;
    let mut program = compiler.finish(places)?;
    program.fingerprint = program.fingerprint_by(|_, column| u64::from(column));
    Ok(program)
}

struct Compiler<'g> {
    graph: &'g Graph,
    /// How often each node is used by nodes that the outputs reach.
    uses: Vec<u32>,
    registers: Vec<Option<Index>>,
    /// Whether a node's register holds its value wherever the code now being emitted runs.
    available: Vec<bool>,
    /// The available nodes, in the order in which they became so.
    log: Vec<Expr>,
    /// Inside a region: how much of the log holds everywhere that follows.
    certain: Option<usize>,
    block_of: Vec<Option<Index>>,
    blocks: Vec<Vec<Instruction>>,
    /// Code of the program or block that is being emitted; targets count from its start.
    code: Vec<Instruction>,
    instructions_count: usize,
    string_operations_count: usize,
    program: Program,
}

/// A jump whose target is not known yet: its place in the code.
type Jump = usize;

impl<'g> Compiler<'g> {
    fn new(graph: &'g Graph, outputs: &[Expr]) -> Self {
        let nodes = graph.nodes();
        let count = nodes.len();
        let mut uses = vec![0_u32; count];
        for output in outputs {
            uses[output.index()] += 1;
        }
        // Operands have lower numbers, so that one pass downwards sees every user first.
        for (index, node) in nodes.iter().enumerate().rev() {
            if uses[index] > 0 {
                node.kind.operands(|operand| uses[operand.index()] += 1);
            }
        }
        Self {
            graph,
            uses,
            registers: vec![None; count],
            available: vec![false; count],
            log: Vec::new(),
            certain: None,
            block_of: vec![None; count],
            blocks: Vec::new(),
            code: Vec::new(),
            instructions_count: 0,
            string_operations_count: 0,
            program: Program::default(),
        }
    }

    /// The register that holds the node's value from here on.
    fn value(&mut self, expr: Expr) -> Result<Index, CompileError> {
        let register = self.register(expr)?;
        if self.available[expr.index()] {
            return Ok(register);
        }
        if self.is_block(expr) {
            let block = self.block(expr)?;
            self.push(Instruction::Ensure { block })?;
        } else {
            self.emit(expr, register)?;
        }
        self.available[expr.index()] = true;
        self.log.push(expr);
        Ok(register)
    }

    /// Puts the node's value into a register of the caller's.
    fn value_into(&mut self, expr: Expr, to: Index) -> Result<(), CompileError> {
        let constant = matches!(self.graph.node(expr).kind, Kind::Constant(_));
        if !constant && self.uses[expr.index()] == 1 {
            return self.emit(expr, to);
        }
        let a = self.value(expr)?;
        self.push(match self.shape(expr) {
            Shape::Text => Instruction::MoveText { to, a },
            _ => Instruction::Move { to, a },
        })
    }

    /// What the node's register holds.
    fn shape(&self, expr: Expr) -> Shape {
        self.graph.type_of(expr).map_or(Shape::Int, Shape::of)
    }

    /// The node's value and what it is.
    fn place(&mut self, expr: Expr) -> Result<Place, CompileError> {
        Ok((self.shape(expr), self.value(expr)?))
    }

    /// Whether a node that is not available comes from a block.
    fn is_block(&self, expr: Expr) -> bool {
        let index = expr.index();
        let cheap = matches!(self.graph.node(expr).kind, Kind::Constant(_) | Kind::Column { .. });
        self.block_of[index].is_some() || (!cheap && self.certain.is_some() && self.uses[index] > 1)
    }

    /// The block of a node, emitted when it is first asked for. It may count on nothing but what holds
    /// everywhere after this place.
    fn block(&mut self, expr: Expr) -> Result<Index, CompileError> {
        if let Some(block) = self.block_of[expr.index()] {
            return Ok(block);
        }
        let block = Index::try_from(self.blocks.len()).map_err(|_| CompileError::Instructions)?;
        self.blocks.push(Vec::new());
        self.block_of[expr.index()] = Some(block);
        let certain = self.certain.unwrap_or(self.log.len());
        let hidden = self.log.split_off(certain);
        self.mark(&hidden, false);
        let around = std::mem::take(&mut self.code);

        let register = self.register(expr)?;
        self.emit(expr, register)?;
        self.push(Instruction::Return { block })?;

        self.blocks[usize::from(block)] = std::mem::replace(&mut self.code, around);
        let own = self.log.split_off(certain);
        self.mark(&own, false);
        self.mark(&hidden, true);
        self.log.extend(hidden);
        Ok(block)
    }

    fn mark(&mut self, exprs: &[Expr], available: bool) {
        for expr in exprs {
            self.available[expr.index()] = available;
        }
    }

    /// Emits the code that computes a node.
    fn emit(&mut self, expr: Expr, to: Index) -> Result<(), CompileError> {
        let graph = self.graph;
        let node = graph.node(expr);
        let instruction = match &node.kind {
            Kind::Constant(_) => return Ok(()),
            &Kind::Column { input, column } => match self.shape(expr) {
                Shape::Bool => Instruction::LoadBool { to, input, column },
                Shape::Int => Instruction::LoadInt { to, input, column },
                Shape::Double => Instruction::LoadDouble { to, input, column },
                Shape::Text => Instruction::LoadText { to, input, column },
            },
            &Kind::Unary(op, a) => {
                self.count_string(is_string_unary(op))?;
                Instruction::Unary { op, to, a: self.value(a)? }
            }
            &Kind::Binary(op, a, b) => {
                self.count_string(op == Binary::Concat)?;
                Instruction::Binary { op, to, a: self.value(a)?, b: self.value(b)? }
            }
            &Kind::Is(test, a) => match self.place(a)? {
                (Shape::Text, a) => Instruction::IsTextNull { to, a, negated: test == Test::NotNull },
                (_, a) => Instruction::Is { test, to, a },
            },
            &Kind::Round(a, digits) => match self.place(a)? {
                (Shape::Int, a) => Instruction::RoundInt { to, a, digits },
                (_, a) => Instruction::RoundDouble { to, a, digits },
            },
            Kind::In(a, list) => {
                let a = self.value(*a)?;
                self.program.sets.push(Set::new(list));
                Instruction::In { to, a, set: last(&self.program.sets)? }
            }
            Kind::And(list) => return self.junction(Binary::And, list, to),
            Kind::Or(list) => return self.junction(Binary::Or, list, to),
            Kind::Case(branches, otherwise) => return self.case(branches, *otherwise, to),
            Kind::Coalesce(list) => return self.coalesce(list, self.shape(expr), to),
            Kind::Function(callee, arguments) => {
                let (arguments, returns) = (self.places(arguments)?, self.shape(expr));
                self.count_string(returns == Shape::Text)?;
                let (body, strict) = callee.body();
                let prepared = node.prepared.clone();
                let identity = fingerprint::of_function(callee, &prepared);
                self.program.functions.push(FunctionCall {
                    body,
                    strict,
                    prepared,
                    identity,
                    arguments,
                    returns,
                });
                Instruction::Function { to, call: last(&self.program.functions)? }
            }
            Kind::Call { function, arguments } => {
                let (arguments, returns) = (self.places(arguments)?, self.shape(expr));
                self.program.calls.push(Call { function: *function, arguments, returns });
                Instruction::Call { to, call: last(&self.program.calls)? }
            }
        };
        self.push(instruction)
    }

    fn places(&mut self, exprs: &[Expr]) -> Result<Box<[Place]>, CompileError> {
        exprs.iter().map(|&expr| self.place(expr)).collect()
    }

    fn register(&mut self, expr: Expr) -> Result<Index, CompileError> {
        if let Some(register) = self.registers[expr.index()] {
            return Ok(register);
        }
        if self.program.registers() >= REGISTERS_MAX {
            return Err(CompileError::Registers);
        }
        let constant = self.graph.constant(expr).unwrap_or(&Constant::Null);
        let register = self.program.initial.add(self.shape(expr), constant).ok_or(CompileError::Registers)?;
        self.registers[expr.index()] = Some(register);
        Ok(register)
    }

    fn push(&mut self, instruction: Instruction) -> Result<(), CompileError> {
        if self.instructions_count >= PROGRAM_INSTRUCTIONS_MAX {
            return Err(CompileError::Instructions);
        }
        self.instructions_count += 1;
        self.code.push(instruction);
        Ok(())
    }

    fn count_string(&mut self, builds_string: bool) -> Result<(), CompileError> {
        self.string_operations_count += usize::from(builds_string);
        if self.string_operations_count > STRING_OPERATIONS_MAX {
            return Err(CompileError::StringOperations);
        }
        Ok(())
    }

    /// Lays the blocks out behind the main code.
    fn finish(mut self, outputs: Vec<Option<Place>>) -> Result<Program, CompileError> {
        let mut program = self.program;
        program.code = std::mem::take(&mut self.code);
        for block in self.blocks {
            let base = index(program.code.len())?;
            program.blocks.push(base);
            program.code.extend(block.into_iter().map(|instruction| match instruction {
                Instruction::Jump { target } => Instruction::Jump { target: target + base },
                Instruction::JumpIf { test, a, target } => {
                    Instruction::JumpIf { test, a, target: target + base }
                }
                Instruction::JumpIfText { a, target } => Instruction::JumpIfText { a, target: target + base },
                other => other,
            }));
        }
        program.outputs = outputs;
        Ok(program)
    }
}

/// Whether the operation allocates a string in the arena.
const fn is_string_unary(op: Unary) -> bool {
    matches!(
        op,
        Unary::Upper
            | Unary::Lower
            | Unary::IntToText
            | Unary::DoubleToText
            | Unary::TimestampToText
            | Unary::DateToText
    )
}

fn index(number: usize) -> Result<Index, CompileError> {
    Index::try_from(number).map_err(|_| CompileError::Instructions)
}

fn last<T>(table: &[T]) -> Result<Index, CompileError> {
    index(table.len().saturating_sub(1))
}
