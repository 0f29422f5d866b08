//! What jumps over code that is not needed: AND, OR, CASE, COALESCE.

use super::{Compiler, Index, Jump, index};
use crate::error::CompileError;
use crate::graph::{Expr, Kind};
use crate::op::{Binary, Test, Unary};
use crate::program::Instruction;
use crate::registers::Shape;

/// The state outside a region, to return to.
struct Region {
    log_length: usize,
    certain: Option<usize>,
}

impl Compiler<'_> {
    /// Begins code that may be jumped over.
    fn open(&mut self) -> Region {
        let region = Region { log_length: self.log.len(), certain: self.certain };
        self.certain.get_or_insert(region.log_length);
        region
    }

    /// Ends it: what it computed may not be there.
    fn close(&mut self, region: &Region) {
        let own = self.log.split_off(region.log_length);
        self.mark(&own, false);
        self.certain = region.certain;
    }

    /// AND or OR as a value: stops at the first operand that decides.
    pub(super) fn junction(&mut self, op: Binary, list: &[Expr], to: Index) -> Result<(), CompileError> {
        let decided = if op == Binary::And { Test::False } else { Test::True };
        let mut ends = Vec::new();
        let mut region = None;
        for (place, &operand) in list.iter().enumerate() {
            if place == 0 {
                self.value_into(operand, to)?;
                continue;
            }
            ends.push(self.jump_if(decided, to)?);
            if region.is_none() {
                region = Some(self.open());
            }
            let b = self.value(operand)?;
            self.push(Instruction::Binary { op, to, a: to, b })?;
        }
        if let Some(region) = region {
            self.close(&region);
        }
        self.land(&ends)
    }

    /// COALESCE: stops at the first operand that is not NULL.
    pub(super) fn coalesce(&mut self, list: &[Expr], shape: Shape, to: Index) -> Result<(), CompileError> {
        let mut ends = Vec::new();
        let mut region = None;
        for (place, &operand) in list.iter().enumerate() {
            if place > 0 {
                ends.push(match shape {
                    Shape::Text => self.jump(Instruction::JumpIfText { a: to, target: Index::MAX })?,
                    _ => self.jump_if(Test::NotNull, to)?,
                });
                if region.is_none() {
                    region = Some(self.open());
                }
            }
            self.value_into(operand, to)?;
        }
        if let Some(region) = region {
            self.close(&region);
        }
        self.land(&ends)
    }

    /// CASE: the first condition is always computed; the others, and the results, when reached.
    pub(super) fn case(
        &mut self,
        branches: &[(Expr, Expr)],
        otherwise: Expr,
        to: Index,
    ) -> Result<(), CompileError> {
        let mut ends = Vec::with_capacity(branches.len());
        let mut outer = None;
        for &(condition, result) in branches {
            let mut fails = Vec::new();
            self.branch(condition, true, false, &mut fails)?;
            let reached = self.open();
            self.value_into(result, to)?;
            self.close(&reached);
            ends.push(self.jump(Instruction::Jump { target: Index::MAX })?);
            self.land(&fails)?;
            if outer.is_none() {
                outer = Some(self.open());
            }
        }
        self.value_into(otherwise, to)?;
        if let Some(outer) = outer {
            self.close(&outer);
        }
        self.land(&ends)
    }

    /// Jumps when `(expr IS truth) = when`, through AND, OR and NOT without computing their values.
    ///
    /// AND is TRUE when all are, OR is FALSE when all are; AND is FALSE, OR is TRUE when any is.
    fn branch(
        &mut self,
        expr: Expr,
        truth: bool,
        when: bool,
        jumps: &mut Vec<Jump>,
    ) -> Result<(), CompileError> {
        let graph = self.graph;
        let single = self.uses[expr.index()] == 1;
        match &graph.node(expr).kind {
            Kind::Unary(Unary::Not, a) if single => self.branch(*a, !truth, when, jumps),
            Kind::And(list) if single => self.branch_all(list, truth, truth, when, jumps),
            Kind::Or(list) if single => self.branch_all(list, truth, !truth, when, jumps),
            _ => {
                let a = self.value(expr)?;
                let test = match (truth, when) {
                    (true, true) => Test::True,
                    (true, false) => Test::NotTrue,
                    (false, true) => Test::False,
                    (false, false) => Test::NotFalse,
                };
                jumps.push(self.jump_if(test, a)?);
                Ok(())
            }
        }
    }

    /// The same for a list: it holds if all operands have this truth value, or if any has.
    fn branch_all(
        &mut self,
        list: &[Expr],
        truth: bool,
        all: bool,
        when: bool,
        jumps: &mut Vec<Jump>,
    ) -> Result<(), CompileError> {
        let Some((&last, init)) = list.split_last() else { return Ok(()) };
        let mut region = None;
        let mut decided = Vec::new();
        for &operand in init {
            // An operand that fails decides against "all", one that holds decides for "any".
            let target = if all == when { &mut decided } else { &mut *jumps };
            self.branch(operand, truth, !all, target)?;
            if region.is_none() {
                region = Some(self.open());
            }
        }
        self.branch(last, truth, when, jumps)?;
        if let Some(region) = region {
            self.close(&region);
        }
        self.land(&decided)
    }

    fn jump(&mut self, jump: Instruction) -> Result<Jump, CompileError> {
        self.push(jump)?;
        Ok(self.code.len() - 1)
    }

    fn jump_if(&mut self, test: Test, a: Index) -> Result<Jump, CompileError> {
        self.jump(Instruction::JumpIf { test, a, target: Index::MAX })
    }

    /// Lets the jumps land here.
    fn land(&mut self, jumps: &[Jump]) -> Result<(), CompileError> {
        let here = index(self.code.len())?;
        for &jump in jumps {
            match &mut self.code[jump] {
                Instruction::Jump { target }
                | Instruction::JumpIf { target, .. }
                | Instruction::JumpIfText { target, .. } => *target = here,
                _ => {}
            }
        }
        Ok(())
    }
}
