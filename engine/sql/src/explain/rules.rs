//! Rules: their patterns, what their variables ask, what they share.

use std::fmt::{self, Write};

use vencejo_core::plan::flow::{Flow, Operator};
use vencejo_expr::{Constant, Type};
use vencejo_rules::spec::{
    Atom, Compare, Condition, Order, Pattern, RowsPerMatch, RuleSetSpec, RuleSpec, Skip, VariableSet,
};

use super::duration;

/// A set of rules in a line.
pub(super) fn rule_set(spec: &RuleSetSpec, by: &str) -> String {
    let order = match spec.order {
        Order::Arrival => "as rows arrive".to_string(),
        Order::Event if spec.then_by.is_empty() => "in order of event time".to_string(),
        Order::Event => {
            let ties = spec.then_by.iter();
            let ties: Vec<String> =
                ties.map(|(column, down)| format!("#{column}{}", if *down { " desc" } else { "" })).collect();
            format!("in order of event time and {}", ties.join(", "))
        }
    };
    format!("rules{by} on #{} {order}, {} rules, {} atoms", spec.time, spec.rules.len(), spec.atoms.len())
}

/// The rules and atoms of all sets, a line each.
pub(super) fn write(flow: &Flow, text: &mut String) -> fmt::Result {
    for (node, operator) in flow.nodes.iter().map(|node| &node.operator).enumerate() {
        let Operator::Rules(spec) = operator else { continue };
        for (number, atom) in spec.atoms.iter().enumerate() {
            let conditions = spec.rules.iter().flat_map(|rule| {
                rule.variables.iter().map(|variable| &variable.condition).chain([&rule.filter])
            });
            let asked =
                |condition: &&Condition| condition.atoms.iter().any(|&asked| asked as usize == number);
            let users = conditions.filter(asked).count();
            writeln!(text, "atom {number} in {node}: {}, of {users} conditions", shown(atom, &spec.input))?;
        }
        for rule in &spec.rules {
            writeln!(text, "rule {} in {node}: {}", rule.name, of_rule(rule))?;
        }
    }
    Ok(())
}

fn of_rule(rule: &RuleSpec) -> String {
    let mut line = pattern(&rule.pattern, rule, false);
    match rule.within {
        Some(within) => line.push_str(&format!(" within {}", duration(within))),
        None => line.push_str(", rows are kept for as long as it may match"),
    }
    let name = |set: VariableSet| {
        let names = rule.variables.iter().enumerate().filter(|(place, _)| set.0 >> place & 1 == 1);
        names.map(|(_, variable)| variable.name.as_str()).collect::<Vec<_>>().join("|")
    };
    let skip = match rule.skip {
        Skip::PastLastRow => "past last row".to_string(),
        Skip::ToNextRow => "to next row".to_string(),
        Skip::ToFirst(set) => format!("to first {}", name(set)),
        Skip::ToLast(set) => format!("to last {}", name(set)),
    };
    line.push_str(&format!(", skip {skip}"));
    if let RowsPerMatch::All { .. } = rule.rows {
        line.push_str(", all rows");
    }
    if rule.show_timeouts {
        line.push_str(", timeouts");
    }
    if !rule.filter.atoms.is_empty() {
        line.push_str(&format!("; where {}", condition(&rule.filter)));
    }
    for variable in &rule.variables {
        line.push_str(&format!("; {}: {}", variable.name, condition(&variable.condition)));
    }
    line
}

fn condition(condition: &Condition) -> String {
    let mut parts: Vec<String> = condition.atoms.iter().map(|atom| format!("atom {atom}")).collect();
    parts.extend(condition.residual.iter().map(|program| format!("{} instructions", program.instructions())));
    if parts.is_empty() { "every row".to_string() } else { parts.join(" and ") }
}

fn shown(atom: &Atom, input: &[Type]) -> String {
    match atom {
        Atom::Program(program) => format!("{} instructions", program.instructions()),
        Atom::Compare { column, comparison, constant } => {
            let sign = match comparison {
                Compare::Equal => "=",
                Compare::NotEqual => "<>",
                Compare::Less => "<",
                Compare::LessOrEqual => "<=",
                Compare::Greater => ">",
                Compare::GreaterOrEqual => ">=",
            };
            format!("#{column} {sign} {}", constant_text(constant, input.get(*column).copied()))
        }
    }
}

/// A constant; of types that are numbers inside with the type.
fn constant_text(constant: &Constant, ty: Option<Type>) -> String {
    match (constant, ty) {
        (Constant::Null, _) => "NULL".to_string(),
        (Constant::Bool(truth), _) => truth.to_string(),
        (Constant::Int(number), Some(ty)) if ty != Type::BigInt => format!("{number} {ty}"),
        (Constant::Int(number), _) => number.to_string(),
        (Constant::Double(bits), _) => f64::from_bits(*bits).to_string(),
        (Constant::Text(text), _) => format!("'{text}'"),
    }
}

/// A pattern as SQL writes it.
fn pattern(shown: &Pattern, rule: &RuleSpec, inside: bool) -> String {
    let name = |variable: u8| rule.variables.get(usize::from(variable)).map_or("?", |v| v.name.as_str());
    let all = |list: &[Pattern], between: &str| {
        let parts: Vec<String> = list.iter().map(|part| pattern(part, rule, true)).collect();
        parts.join(between)
    };
    let grouped = |text: String| if inside { format!("({text})") } else { text };
    match shown {
        Pattern::Empty => "()".to_string(),
        Pattern::Variable(variable) => name(*variable).to_string(),
        Pattern::Concatenation(list) => grouped(all(list, " ")),
        Pattern::Alternation(list) => grouped(all(list, " | ")),
        Pattern::Permutation(list) => format!("PERMUTE({})", all(list, ", ")),
        Pattern::Exclusion(inner) => format!("{{- {} -}}", pattern(inner, rule, false)),
        Pattern::Absence(variable) => format!("NOT {}", name(*variable)),
        Pattern::Repetition { pattern: inner, min, max, greedy } => {
            let inner = pattern(inner, rule, true);
            let times = match (min, max) {
                (0, None) => "*".to_string(),
                (1, None) => "+".to_string(),
                (0, Some(1)) => "?".to_string(),
                (min, None) => format!("{{{min},}}"),
                (min, Some(max)) if min == max => format!("{{{min}}}"),
                (min, Some(max)) => format!("{{{min},{max}}}"),
            };
            format!("{inner}{times}{}", if *greedy { "" } else { "?" })
        }
    }
}
