//! Calls as nodes of the graph: arguments checked, constants prepared, what is known folded.

use std::sync::Arc;

use bumpalo::Bump;
use vencejo_types::limits::REGEXES_MAX;
use vencejo_types::schema::ColumnType;

use super::{Body, CallError, Callee, Function, How, Invocation, Known, Prepared, Takes, table};
use crate::constant::Constant;
use crate::error::TypeError;
use crate::graph::{Expr, Graph, Kind};
use crate::value::{Type, Value};

impl Graph {
    /// A call of a function. The caller has counted the arguments ([`Function::counts`]).
    ///
    /// # Errors
    /// An argument has a type that the function does not take, is not constant where it must be, or says
    /// something that cannot be prepared; or a limit is passed.
    pub fn function(&mut self, function: &'static Function, list: &[Expr]) -> Result<Expr, CallError> {
        match function.how {
            How::Graph(build) => build(self, list),
            How::Body { returns, body, strict, prepare } => {
                let mut arguments = Vec::with_capacity(list.len());
                for (place, &argument) in list.iter().enumerate() {
                    arguments.push(self.argument(function, place, argument)?);
                }
                let known = Known(arguments.iter().map(|&argument| self.constant(argument)).collect());
                let missing = |constant: &Option<&Constant>| *constant == Some(&Constant::Null);
                if strict && known.0.iter().any(missing) {
                    return Ok(self.null_of(returns)?);
                }
                let prepared = match prepare {
                    Some(prepare) => prepare(&known)?,
                    None => Prepared::Nothing,
                };
                if matches!(prepared, Prepared::Pattern(_)) {
                    self.regexes += 1;
                    if self.regexes > REGEXES_MAX {
                        let message =
                            format!("the statement has more than {REGEXES_MAX} regular expressions");
                        return Err(
                            CallError::new(1, message).with_hint("one pattern may hold several: a|b|c")
                        );
                    }
                }
                let callee = table::place_of(function);
                Ok(self.invocation(callee, arguments, returns, true, prepared, Some((body, strict)))?)
            }
        }
    }

    /// A call that is checked already: folded when all arguments are known.
    pub(crate) fn invocation(
        &mut self,
        callee: Callee,
        arguments: Vec<Expr>,
        returns: Type,
        nullable: bool,
        prepared: Prepared,
        body: Option<(Body, bool)>,
    ) -> Result<Expr, TypeError> {
        let (body, strict) = body.unwrap_or_else(|| callee.body());
        let known: Option<Vec<&Constant>> =
            arguments.iter().map(|&argument| self.constant(argument)).collect();
        if let Some(known) = known {
            let arena = Bump::new();
            let values: Vec<Value<'_>> = known.into_iter().map(Constant::value).collect();
            let value = if strict && values.contains(&Value::Null) {
                Value::Null
            } else {
                body(&Invocation { arguments: &values, prepared: &prepared, arena: &arena })
            };
            let constant = Constant::from(value);
            return self.known(constant, returns);
        }
        if strict && arguments.iter().any(|&argument| self.is_null(argument)) {
            return self.null_of(returns);
        }
        self.add_prepared(
            Kind::Function(callee, arguments.into()),
            Some(returns),
            nullable,
            Arc::new(prepared),
        )
    }

    /// The argument in the type that the function takes.
    fn argument(&mut self, function: &Function, place: usize, argument: Expr) -> Result<Expr, CallError> {
        let Some(parameter) = function.parameter(place) else { return Ok(argument) };
        let wanted = match parameter.takes {
            Takes::Any => return Ok(argument),
            Takes::Boolean => Type::Boolean,
            Takes::Text | Takes::TextOrMoment => Type::String,
            Takes::Integer => Type::BigInt,
            Takes::Double => Type::Double,
            Takes::Moment => Type::Timestamp,
        };
        let Some(found) = self.type_of(argument) else { return Ok(self.null_of(wanted)?) };
        let fits = match parameter.takes {
            Takes::Any => true,
            Takes::Double => found.is_number(),
            Takes::Moment => found.is_time(),
            Takes::TextOrMoment => found == Type::String || found.is_time(),
            _ => found == wanted,
        };
        if !fits {
            let message = format!(
                "{} takes {} as {}, not {found}",
                function.shown(),
                parameter.takes.words(),
                parameter.name
            );
            return Err(CallError::new(place, message).with_hint("CAST(value AS type) converts"));
        }
        if parameter.constant && self.constant(argument).is_none() {
            let message = format!("{} takes a constant as {}", function.shown(), parameter.name);
            let hint = "it is prepared when the app is planned; write it as a literal";
            return Err(CallError::new(place, message).with_hint(hint));
        }
        Ok(match (parameter.takes, found) {
            (Takes::Double, _) => self.cast(argument, ColumnType::Double)?,
            (Takes::Moment | Takes::TextOrMoment, Type::Date) => {
                self.cast(argument, ColumnType::Timestamp)?
            }
            _ => argument,
        })
    }
}
