//! Aggregate calls: their names, arguments and types.

use vencejo_expr::{Constant, Expr, Type};
use vencejo_types::limits::{DECIMAL_PRECISION_MAX, TOP_K_MAX, WINDOW_MILLIS_MAX};
use vencejo_windows::spec::{AggregateCall, AggregateFunction};

use super::Planner;
use super::rel::Rel;
use crate::Diagnostic;
use crate::ast::{Ast, Function};
use crate::diagnostic::Reported;

/// What the argument must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Any,
    Number,
}

/// Names of aggregates, what they take, and how many arguments.
const AGGREGATES: [(&str, Takes, usize); 19] = [
    ("COUNT", Takes::Any, 1),
    ("SUM", Takes::Number, 1),
    ("AVG", Takes::Number, 1),
    ("MIN", Takes::Any, 1),
    ("MAX", Takes::Any, 1),
    ("STDDEV_POP", Takes::Number, 1),
    ("STDDEV_SAMP", Takes::Number, 1),
    ("STDDEV", Takes::Number, 1),
    ("VAR_POP", Takes::Number, 1),
    ("VAR_SAMP", Takes::Number, 1),
    ("VARIANCE", Takes::Number, 1),
    ("FIRST_VALUE", Takes::Any, 1),
    ("LAST_VALUE", Takes::Any, 1),
    ("APPROX_COUNT_DISTINCT", Takes::Any, 1),
    ("APPROX_PERCENTILE", Takes::Number, 2),
    ("APPROX_TOP_K", Takes::Any, 2),
    ("EWMA", Takes::Number, 2),
    ("LISTAGG", Takes::Any, 1),
    ("COLLECT", Takes::Any, 1),
];

/// Whether a function aggregates.
pub(crate) fn is_aggregate(function: &Function) -> bool {
    AGGREGATES.iter().any(|(name, ..)| name.eq_ignore_ascii_case(&function.name.text))
}

/// A call before its columns have places.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) function: AggregateFunction,
    /// In each branch.
    pub(crate) argument: Option<Vec<Expr>>,
    pub(crate) filter: Option<Vec<Expr>>,
    pub(crate) distinct: bool,
    pub(crate) returns: Type,
    pub(crate) nullable: bool,
}

impl Call {
    /// The call with its columns.
    pub(crate) fn spec(&self, argument: Option<(usize, Type)>, filter: Option<usize>) -> AggregateCall {
        AggregateCall { function: self.function, argument, distinct: self.distinct, filter }
    }
}

impl Planner<'_, '_> {
    /// Checks a call of an aggregate.
    pub(crate) fn call(&mut self, rel: &mut Rel, function: &Function) -> Result<Call, Reported> {
        let place = function.name.place;
        let known = AGGREGATES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&function.name.text));
        let Some(&(name, takes, count)) = known else {
            return Err(self.report.error(place, format!("{} is no aggregate", function.name.text)));
        };
        if function.star_of.is_some() || function.semantics.is_some() {
            let hint = "they stand in MEASURES or DEFINE of MATCH_RECOGNIZE";
            return Err(self.fail(place, "RUNNING, FINAL and A.* cannot stand here", hint));
        }
        if ["LISTAGG", "COLLECT"].contains(&name) {
            let hint = "APPROX_TOP_K(x, k) gives the most frequent values";
            return Err(self.fail(place, format!("{name} is not supported: it grows without bound"), hint));
        }
        let filter = function.filter.as_ref().map(|filter| self.filter(rel, filter)).transpose();
        let star = function.star && name == "COUNT";
        if !star {
            self.count_arguments(name, count, function)?;
        }
        if star {
            let (argument, filter) = (None, filter?);
            let (returns, nullable, distinct) = (Type::BigInt, false, false);
            let function = AggregateFunction::CountRows;
            return Ok(Call { function, argument, filter, distinct, returns, nullable });
        }
        let argument = self.lower(rel, &function.arguments[0]);
        let (argument, filter) = (argument?, filter?);
        let ty = argument.iter().zip(&rel.branches).find_map(|(&expr, branch)| branch.graph.type_of(expr));
        let Some(ty) = ty else {
            let hint = "CAST(NULL AS type) gives it one";
            return Err(self.fail(function.arguments[0].place, format!("{name} of a NULL of no type"), hint));
        };
        if takes == Takes::Number && !ty.is_number() {
            let error = Diagnostic::new(place, format!("{name} takes a number, not {ty}"));
            return Err(self.report.push(error.with_hint("CAST(value AS type) converts")));
        }
        let constant = argument.iter().zip(&rel.branches).all(|(&expr, b)| b.graph.constant(expr).is_some());
        let nullable = argument.iter().zip(&rel.branches).any(|(&expr, b)| b.graph.nullable(expr));
        if name == "COUNT" && constant && !nullable && !function.distinct {
            let (function, returns) = (AggregateFunction::CountRows, Type::BigInt);
            return Ok(Call { function, argument: None, filter, distinct: false, returns, nullable: false });
        }
        let second = function.arguments.get(1);
        let aggregate = self.function_of(rel, name, function, second)?;
        let mut call = Call {
            returns: returns(aggregate, ty),
            function: aggregate,
            nullable: nullable || filter.is_some(),
            argument: Some(argument),
            filter,
            distinct: function.distinct,
        };
        self.distinct_call(&mut call, name, function)?;
        match aggregate {
            AggregateFunction::Count | AggregateFunction::ApproxCountDistinct => call.nullable = false,
            AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::FirstValue
            | AggregateFunction::LastValue => {}
            _ => call.nullable = true,
        }
        let timed = matches!(aggregate, AggregateFunction::Ewma { .. });
        if timed && !rel.branches.iter().all(|branch| !branch.facts.times.is_empty()) && rel.pending.is_none()
        {
            let hint = "declare WATERMARK FOR a column in CREATE TABLE, and select the column";
            return Err(self.fail(place, format!("{name} needs an event time"), hint));
        }
        Ok(call)
    }

    fn count_arguments(&mut self, name: &str, count: usize, function: &Function) -> Result<(), Reported> {
        if !function.star && function.arguments.len() == count {
            return Ok(());
        }
        let given = if function.star { "*".to_string() } else { function.arguments.len().to_string() };
        let takes = match (name, count) {
            ("COUNT", _) => "* or one argument",
            (_, 1) => "one argument",
            _ => "two arguments",
        };
        Err(self.report.error(function.name.place, format!("{name} takes {takes}, not {given}")))
    }

    fn filter(&mut self, rel: &mut Rel, filter: &Ast) -> Result<Vec<Expr>, Reported> {
        rel.branches
            .iter_mut()
            .map(|b| b.lowering(self.catalog, self.report).condition(filter, "FILTER"))
            .collect()
    }

    /// DISTINCT where it means something; of MIN and MAX it means nothing.
    fn distinct_call(&mut self, call: &mut Call, name: &str, function: &Function) -> Result<(), Reported> {
        use AggregateFunction as F;
        match call.function {
            _ if !call.distinct => Ok(()),
            F::Count | F::Sum | F::Avg => Ok(()),
            F::Min | F::Max => {
                call.distinct = false;
                Ok(())
            }
            _ => Err(self.report.error(function.name.place, format!("{name} takes no DISTINCT"))),
        }
    }

    /// The function with its parameter.
    fn function_of(
        &mut self,
        rel: &mut Rel,
        name: &str,
        function: &Function,
        second: Option<&Ast>,
    ) -> Result<AggregateFunction, Reported> {
        use AggregateFunction as F;
        Ok(match name {
            "COUNT" => F::Count,
            "SUM" => F::Sum,
            "AVG" => F::Avg,
            "MIN" => F::Min,
            "MAX" => F::Max,
            "STDDEV_POP" => F::StddevPop,
            "STDDEV_SAMP" | "STDDEV" => F::StddevSamp,
            "VAR_POP" => F::VarPop,
            "VAR_SAMP" | "VARIANCE" => F::VarSamp,
            "FIRST_VALUE" => F::FirstValue,
            "LAST_VALUE" => F::LastValue,
            "APPROX_COUNT_DISTINCT" => F::ApproxCountDistinct,
            "APPROX_PERCENTILE" => F::ApproxPercentile { fraction: self.fraction(rel, second)? },
            "APPROX_TOP_K" => F::ApproxTopK { k: self.top_k(rel, second)? },
            _ => match second.and_then(Ast::interval_millis) {
                Some(half_life) if (1..=WINDOW_MILLIS_MAX).contains(&half_life) => F::Ewma { half_life },
                _ => {
                    let place = second.map_or(function.name.place, |ast| ast.place);
                    let hint = "such as EWMA(price, INTERVAL '10' MINUTE)";
                    return Err(self.fail(place, "EWMA takes its half life as a positive INTERVAL", hint));
                }
            },
        })
    }

    fn fraction(&mut self, rel: &mut Rel, second: Option<&Ast>) -> Result<f64, Reported> {
        let Some(ast) = second else { return Err(Reported) };
        let fraction = match self.constant(rel, ast)? {
            Some(Constant::Double(bits)) => Some(f64::from_bits(bits)),
            Some(Constant::Int(0)) => Some(0.0),
            Some(Constant::Int(1)) => Some(1.0),
            _ => None,
        };
        let fraction = fraction.filter(|fraction| (0.0..=1.0).contains(fraction));
        let hint = "such as APPROX_PERCENTILE(price, 0.95)";
        fraction.ok_or_else(|| {
            self.fail(ast.place, "APPROX_PERCENTILE takes its fraction as a number from 0 to 1", hint)
        })
    }

    fn top_k(&mut self, rel: &mut Rel, second: Option<&Ast>) -> Result<u16, Reported> {
        let Some(ast) = second else { return Err(Reported) };
        let k = match self.constant(rel, ast)? {
            Some(Constant::Int(k)) => u16::try_from(k).ok().filter(|k| (1..=TOP_K_MAX).contains(k)),
            _ => None,
        };
        k.ok_or_else(|| {
            let message = format!("APPROX_TOP_K takes how many values as a number from 1 to {TOP_K_MAX}");
            self.report.error(ast.place, message)
        })
    }

    fn constant(&mut self, rel: &mut Rel, ast: &Ast) -> Result<Option<Constant>, Reported> {
        let exprs = self.lower(rel, ast)?;
        let first = rel.branches.first().zip(exprs.first());
        Ok(first.and_then(|(branch, &expr)| branch.graph.constant(expr).cloned()))
    }
}

/// The type of an aggregate's value.
pub(crate) fn returns(function: AggregateFunction, argument: Type) -> Type {
    use AggregateFunction as F;
    match function {
        F::CountRows | F::Count | F::ApproxCountDistinct => Type::BigInt,
        // The digits of an accumulator are those of the widest DECIMAL.
        F::Sum | F::Avg => match argument {
            Type::Decimal { scale, .. } => Type::Decimal { precision: DECIMAL_PRECISION_MAX, scale },
            other => other,
        },
        F::Min | F::Max | F::FirstValue | F::LastValue => argument,
        F::ApproxTopK { .. } => Type::String,
        F::StddevPop
        | F::StddevSamp
        | F::VarPop
        | F::VarSamp
        | F::ApproxPercentile { .. }
        | F::Ewma { .. } => Type::Double,
    }
}
