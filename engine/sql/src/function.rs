//! Functions by name: SQL's, and the engine's PREDICT, MODEL_VERSION and MODEL_VARIANT.

use std::ops::RangeInclusive;

use vencejo_core::plan::Function as EngineFunction;
use vencejo_expr::{Arithmetic, Expr, Type, TypeError};
use vencejo_types::ModelId;
use vencejo_types::schema::ColumnType;

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Function};
use crate::catalog::Declaration;
use crate::diagnostic::Reported;
use crate::expression::Lowering;
use crate::scope::Resolved;
use crate::suggest::did_you_mean;
use crate::tokens::Name;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Coalesce,
    NullIf,
    Least,
    Greatest,
    Round,
    Abs,
    Floor,
    Ceil,
    Mod,
    Upper,
    Lower,
    Trim,
    CharLength,
    Concat,
    Predict,
    ModelVersion,
    ModelVariant,
}

/// Names, meanings, and how many arguments they take.
const FUNCTIONS: [(&str, Known, RangeInclusive<usize>); 20] = [
    ("COALESCE", Known::Coalesce, 1..=usize::MAX),
    ("IFNULL", Known::Coalesce, 2..=2),
    ("NULLIF", Known::NullIf, 2..=2),
    ("LEAST", Known::Least, 1..=usize::MAX),
    ("GREATEST", Known::Greatest, 1..=usize::MAX),
    ("ROUND", Known::Round, 1..=2),
    ("ABS", Known::Abs, 1..=1),
    ("FLOOR", Known::Floor, 1..=1),
    ("CEIL", Known::Ceil, 1..=1),
    ("CEILING", Known::Ceil, 1..=1),
    ("MOD", Known::Mod, 2..=2),
    ("UPPER", Known::Upper, 1..=1),
    ("LOWER", Known::Lower, 1..=1),
    ("TRIM", Known::Trim, 1..=1),
    ("CHAR_LENGTH", Known::CharLength, 1..=1),
    ("CHARACTER_LENGTH", Known::CharLength, 1..=1),
    ("CONCAT", Known::Concat, 1..=usize::MAX),
    ("PREDICT", Known::Predict, 1..=1),
    ("MODEL_VERSION", Known::ModelVersion, 1..=1),
    ("MODEL_VARIANT", Known::ModelVariant, 1..=1),
];

/// Aggregates of SQL.
pub(crate) const AGGREGATES: [&str; 12] = [
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "VAR_POP",
    "VAR_SAMP",
    "LISTAGG",
    "FIRST_VALUE",
    "LAST_VALUE",
];

impl Lowering<'_, '_> {
    /// The node of a function call.
    pub(crate) fn function(&mut self, function: &Function) -> Result<Expr, Reported> {
        let name = &function.name;
        let same = |other: &&str| other.eq_ignore_ascii_case(&name.text);
        let Some((canonical, known, counts)) = FUNCTIONS.iter().find(|(other, ..)| same(other)) else {
            let error = Diagnostic::new(name.place, format!("unknown function {}", name.text));
            return Err(self.report.push(if AGGREGATES.iter().any(same) {
                let message = format!("{} cannot stand here", name.text.to_ascii_uppercase());
                let hint = "aggregates stand in CREATE MATERIALIZED VIEW; look the view up with LEFT JOIN";
                Diagnostic::new(name.place, message).with_hint(hint)
            } else {
                error.with_hint_if(did_you_mean(&name.text, FUNCTIONS.map(|(other, ..)| other)))
            }));
        };
        let given = function.arguments.len();
        if function.star || !counts.contains(&given) {
            let takes = match (*counts.start(), *counts.end()) {
                (1, 1) => "one argument".to_string(),
                (least, usize::MAX) => format!("at least {least} argument"),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            let given = if function.star { "*".to_string() } else { given.to_string() };
            let message = format!("{canonical} takes {takes}, not {given}");
            return Err(self.report.error(name.place, message));
        }
        match known {
            Known::Predict => self.predict(name, &function.arguments[0]),
            Known::ModelVersion => {
                self.about_model(name, &function.arguments[0], EngineFunction::ModelVersion)
            }
            Known::ModelVariant => {
                self.about_model(name, &function.arguments[0], EngineFunction::ModelVariant)
            }
            Known::Round => self.round(function),
            _ => {
                let list = self.list(&function.arguments)?;
                let built = self.builtin(*known, &list);
                self.typed(name.place, built)
            }
        }
    }

    /// A function whose arguments are counted already.
    fn builtin(&mut self, known: Known, list: &[Expr]) -> Result<Expr, TypeError> {
        match (known, list) {
            (Known::Coalesce, _) => self.graph.coalesce(list),
            (Known::Least, _) => self.graph.least(list),
            (Known::Greatest, _) => self.graph.greatest(list),
            (Known::Concat, _) => self.graph.concat(list),
            (Known::NullIf, &[a, b]) => self.graph.nullif(a, b),
            (Known::Mod, &[a, b]) => self.graph.arithmetic(Arithmetic::Remainder, a, b),
            (Known::Abs, &[a]) => self.graph.abs(a),
            (Known::Floor, &[a]) => self.graph.floor(a),
            (Known::Ceil, &[a]) => self.graph.ceil(a),
            (Known::Upper, &[a]) => self.graph.upper(a),
            (Known::Lower, &[a]) => self.graph.lower(a),
            (Known::Trim, &[a]) => self.graph.trim(a),
            (Known::CharLength, &[a]) => self.graph.char_length(a),
            _ => self.graph.null(),
        }
    }

    fn round(&mut self, function: &Function) -> Result<Expr, Reported> {
        let value = self.expr(&function.arguments[0]);
        let digits = match function.arguments.get(1) {
            None => 0,
            Some(Ast { kind: AstKind::Integer(digits), .. }) => *digits,
            Some(other) => {
                let message = "ROUND takes its number of digits as an integer literal";
                return Err(self.report.error(other.place, message));
            }
        };
        let rounded = self.graph.round(value?, digits);
        self.typed(function.name.place, rounded)
    }

    /// The model that an argument names.
    fn model(&mut self, function: &Name, argument: &Ast) -> Result<ModelId, Reported> {
        let engine = match &self.engine {
            Ok(engine) => engine,
            Err(place) => {
                let message = format!("{} cannot stand in {place}", function.text.to_ascii_uppercase());
                return Err(self.report.error(function.place, message));
            }
        };
        let Some(name) = argument.column_name() else {
            let message = format!("{} takes the name of a model", function.text.to_ascii_uppercase());
            return Err(self.report.error(argument.place, message));
        };
        let found = engine.catalog.find(Declaration::Model, name, self.report)?;
        u16::try_from(found.index).map(ModelId).map_err(|_| Reported)
    }

    /// `MODEL_VERSION(model)` or `MODEL_VARIANT(model)`.
    fn about_model(
        &mut self,
        function: &Name,
        argument: &Ast,
        of: fn(ModelId) -> EngineFunction,
    ) -> Result<Expr, Reported> {
        let model = self.model(function, argument)?;
        let number = self.engine_function(of(model))?;
        let call = self.graph.call(number, &[], Type::String, false);
        self.typed(function.place, call)
    }

    /// `PREDICT(model)`: the model's inputs are columns of the same names.
    fn predict(&mut self, function: &Name, argument: &Ast) -> Result<Expr, Reported> {
        let model = self.model(function, argument)?;
        let Ok(engine) = &self.engine else { return Err(Reported) };
        let entry = &engine.catalog.models[model.index()];
        let mut arguments = Vec::with_capacity(entry.inputs.len());
        let (mut missing, mut ambiguous, mut failed) = (Vec::new(), Vec::new(), false);
        for input in &entry.inputs {
            match self.scope.resolve(None, input) {
                Resolved::Known(expr) => arguments.push((input, expr)),
                Resolved::Broken => failed = true,
                Resolved::Missing => missing.push(format!("'{input}'")),
                Resolved::Ambiguous => ambiguous.push(format!("'{input}'")),
            }
        }
        for (names, fault) in
            [(missing, "columns that are not here"), (ambiguous, "columns that are ambiguous here")]
        {
            if !names.is_empty() {
                let message = format!("PREDICT needs {fault}: {}", names.join(", "));
                let hint = "a subquery under FROM can give them these names, each once";
                self.report.push(Diagnostic::new(function.place, message).with_hint(hint));
                failed = true;
            }
        }
        if failed || entry.slot.is_none() && entry.inputs.is_empty() {
            return Err(Reported);
        }
        let mut doubles = Vec::with_capacity(arguments.len());
        for (input, expr) in arguments {
            match self.graph.type_of(expr) {
                Some(ty @ (Type::String | Type::Timestamp | Type::Date)) => {
                    let message = format!("PREDICT takes numbers and BOOLEAN; '{input}' is {ty}");
                    return Err(self.report.error(function.place, message));
                }
                _ => {
                    let double = self.graph.cast(expr, ColumnType::Double);
                    doubles.push(self.typed(function.place, double)?);
                }
            }
        }
        let number = self.engine_function(EngineFunction::Predict(model))?;
        let call = self.graph.call(number, &doubles, Type::Double, true);
        self.typed(function.place, call)
    }

    /// The number of a function of the engine; equal ones have one number.
    fn engine_function(&mut self, function: EngineFunction) -> Result<u16, Reported> {
        let Ok(engine) = &mut self.engine else { return Err(Reported) };
        let place = engine.functions.iter().position(|other| *other == function);
        let place = place.unwrap_or_else(|| {
            engine.functions.push(function);
            engine.functions.len() - 1
        });
        u16::try_from(place).map_err(|_| Reported)
    }
}
