//! Functions by name: those of vencejo-expr's table, and the engine's PREDICT, MODEL_VERSION, MODEL_VARIANT
//! and LOOKUP.

use vencejo_core::plan::Function as EngineFunction;
use vencejo_expr::{CallError, Expr, Type};
use vencejo_types::ModelId;
use vencejo_types::schema::ColumnType;

use crate::Diagnostic;
use crate::ast::{Ast, AstKind, Function};
use crate::catalog::Declaration;
use crate::diagnostic::Reported;
use crate::expression::Lowering;
use crate::flow::calls::is_aggregate;
use crate::flow::matching::PATTERN_FUNCTIONS;
use crate::scope::Resolved;
use crate::suggest::did_you_mean;
use crate::tokens::Name;

/// Functions of the engine, which are not in the table of vencejo-expr.
const ENGINE_FUNCTIONS: [&str; 4] = ["PREDICT", "MODEL_VERSION", "MODEL_VARIANT", "LOOKUP"];

impl Lowering<'_, '_> {
    /// The node of a function call.
    pub(crate) fn function(&mut self, function: &Function) -> Result<Expr, Reported> {
        let name = &function.name;
        if is_aggregate(function) {
            return Err(self.misplaced(name));
        }
        if let Some(refused) = self.of_pattern(function) {
            return Err(refused);
        }
        if function.distinct || function.filter.is_some() || function.over.is_some() {
            let message = format!(
                "{} takes no DISTINCT, FILTER or OVER: it is no aggregate",
                name.text.to_ascii_uppercase()
            );
            return Err(self.report.error(name.place, message));
        }
        let of_engine = ENGINE_FUNCTIONS.into_iter().find(|other| other.eq_ignore_ascii_case(&name.text));
        if let Some(canonical) = of_engine {
            let counts = if canonical == "LOOKUP" { (2, usize::MAX) } else { (1, 1) };
            self.count(function, canonical, counts)?;
            return match canonical {
                "PREDICT" => self.predict(name, &function.arguments[0]),
                "MODEL_VERSION" => {
                    self.about_model(name, &function.arguments[0], EngineFunction::ModelVersion)
                }
                "MODEL_VARIANT" => {
                    self.about_model(name, &function.arguments[0], EngineFunction::ModelVariant)
                }
                _ => self.lookup(function),
            };
        }
        let Some(known) = vencejo_expr::function::find(&name.text) else { return Err(self.unknown(name)) };
        self.count(function, known.name, known.counts())?;
        let list = self.list(&function.arguments)?;
        self.graph.function(known, &list).map_err(|error| self.refused(function, error))
    }

    /// The error of what only MATCH_RECOGNIZE has.
    fn of_pattern(&mut self, function: &Function) -> Option<Reported> {
        let navigates =
            PATTERN_FUNCTIONS.into_iter().find(|other| other.eq_ignore_ascii_case(&function.name.text));
        let name = match (navigates, function.semantics) {
            (Some(name), _) => name,
            (None, Some(_)) => "RUNNING or FINAL",
            (None, None) => return None,
        };
        let hint = "it stands in MEASURES or DEFINE of MATCH_RECOGNIZE";
        let error = Diagnostic::new(function.name.place, format!("{name} cannot stand here"));
        Some(self.report.push(error.with_hint(hint)))
    }

    fn unknown(&mut self, name: &Name) -> Reported {
        let names = vencejo_expr::function::functions().flat_map(vencejo_expr::Function::names);
        let names = names.chain(ENGINE_FUNCTIONS);
        let error = Diagnostic::new(name.place, format!("unknown function {}", name.text));
        self.report.push(error.with_hint_if(did_you_mean(&name.text, names)))
    }

    /// An aggregate where there is none.
    fn misplaced(&mut self, name: &Name) -> Reported {
        let message = format!("{} cannot stand here", name.text.to_ascii_uppercase());
        let hint = match self.engine {
            Ok(_) => "aggregates stand in CREATE MATERIALIZED VIEW; look the view up with LEFT JOIN",
            Err(_) => "aggregates stand in the SELECT list and in HAVING, not in one another",
        };
        self.report.push(Diagnostic::new(name.place, message).with_hint(hint))
    }

    /// That a call has as many arguments as the function takes.
    fn count(
        &mut self,
        function: &Function,
        canonical: &str,
        (least, most): (usize, usize),
    ) -> Result<(), Reported> {
        let given = function.arguments.len();
        if !function.star && (least..=most).contains(&given) {
            return Ok(());
        }
        let takes = match (least, most) {
            (0, 0) => "no arguments".to_string(),
            (1, 1) => "one argument".to_string(),
            (1, usize::MAX) => "at least one argument".to_string(),
            (least, usize::MAX) => format!("at least {least} arguments"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let given = if function.star { "*".to_string() } else { given.to_string() };
        let message = format!("{canonical} takes {takes}, not {given}");
        Err(self.report.error(function.name.place, message))
    }

    /// An error about a call, at the argument that is at fault.
    fn refused(&mut self, function: &Function, error: CallError) -> Reported {
        let argument = error.argument.and_then(|place| function.arguments.get(place));
        let place = argument.map_or(function.name.place, |argument| argument.place);
        self.report.push(Diagnostic::new(place, error.message).with_hint_if(error.hint))
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

    /// `LOOKUP(table.column, key, ...)`, or `LOOKUP(table, key, ...)` where there is one column beside the
    /// key.
    fn lookup(&mut self, function: &Function) -> Result<Expr, Reported> {
        let (named, key) = function.arguments.split_first().ok_or(Reported)?;
        let AstKind::Column(named_column) = &named.kind else {
            let hint = "LOOKUP(table.column, key) gives the column of the key's row";
            let message = "LOOKUP takes the name of a look-up table first";
            return Err(self.report.push(Diagnostic::new(named.place, message).with_hint(hint)));
        };
        let (table, column) = match &named_column.qualifier {
            Some(table) => (table, Some(&named_column.name)),
            None => (&named_column.name, None),
        };
        let Some(lookups) = self.lookups else {
            return Err(self.report.error(function.name.place, "LOOKUP cannot stand here"));
        };
        let Some(entry) = lookups.iter().find(|entry| entry.name == table.text) else {
            let hint = did_you_mean(&table.text, lookups.iter().map(|entry| entry.name.as_str()))
                .or_else(|| lookups.is_empty().then(|| "CREATE LOOKUP declares one, further up".to_string()));
            let message = format!("unknown look-up table '{}'", table.text);
            return Err(self.report.push(Diagnostic::new(table.place, message).with_hint_if(hint)));
        };
        // Its errors are reported where it is declared.
        let Some(found) = &entry.table else { return Err(Reported) };
        let values = || found.columns().iter().skip(found.key()).map(|(name, _)| name.as_str());
        let column = match column {
            Some(column) => {
                found.columns().iter().position(|(name, _)| *name == column.text).ok_or_else(|| {
                    let hint = did_you_mean(&column.text, values());
                    let message = format!("look-up table '{}' has no column '{}'", table.text, column.text);
                    self.report.push(Diagnostic::new(column.place, message).with_hint_if(hint))
                })?
            }
            None if values().count() == 1 => found.key(),
            None => {
                let names: Vec<&str> = values().collect();
                let message = format!("look-up table '{}' has several columns; name one", table.text);
                let hint = format!(
                    "such as LOOKUP({}.{}, key); they are {}",
                    table.text,
                    names[0],
                    names.join(", ")
                );
                return Err(self.report.push(Diagnostic::new(named.place, message).with_hint(hint)));
            }
        };
        let found = std::sync::Arc::clone(found);
        let key_exprs = self.list(key)?;
        let call = self.graph.lookup(&found, column, &key_exprs);
        call.map_err(|error| {
            let argument = error.argument.and_then(|place| key.get(place));
            let place = argument.map_or(function.name.place, |argument| argument.place);
            self.report.push(Diagnostic::new(place, error.message).with_hint_if(error.hint))
        })
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
                Some(ty) if ty == Type::String || ty.is_time() || ty.is_interval() => {
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
