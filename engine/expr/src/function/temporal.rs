//! TIMESTAMPADD, TIMESTAMPDIFF, and timestamps from numbers.

use vencejo_types::schema::ColumnType;

use super::table::{any, body, graph, integer, moment, text};
use super::unit::{self, Unit};
use super::{CallError, Function, Invocation, Prepared};
use crate::constant::Constant;
use crate::graph::{Expr, Graph};
use crate::op::Arithmetic;
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    graph(
        "TIMESTAMPADD",
        &[text("unit").constant(), integer("n"), any("time")],
        add,
        "So many units later; a month later is the same day, or the month's last. A DATE stays one with units from \
         DAY on, and becomes a TIMESTAMP(3) with smaller ones.",
        "TIMESTAMPADD(MONTH, 1, DATE '2024-01-31') => DATE 19782",
    ),
    body(
        "TIMESTAMPDIFF",
        &[text("unit").constant(), moment("from"), moment("to")],
        Type::BigInt,
        difference,
        "Whole units from one to the other, cut towards zero.",
        "TIMESTAMPDIFF(HOUR, TIMESTAMP '2024-01-01 03:00:00', TIMESTAMP '2024-01-01 01:30:00') => BIGINT -1",
    )
    .prepared(|known| unit::prepared(known, 0, false)),
    body(
        "TO_TIMESTAMP_LTZ",
        &[integer("n"), integer("precision").constant()],
        Type::Timestamp,
        |c| {
            let unit = if c.int(1) == 0 { 1_000 } else { 1 };
            c.int(0).checked_mul(unit).map_or(Value::Null, Value::Int)
        },
        "The time so many seconds (precision 0) or milliseconds (3) after 1970, in UTC.",
        "TO_TIMESTAMP_LTZ(1700000000, 0) => TIMESTAMP(3) 1700000000000",
    )
    .prepared(|known| match known.int(1) {
        Some(0 | 3) => Ok(Prepared::Nothing),
        _ => Err(CallError::new(1, "the precision is 0 (seconds) or 3 (milliseconds)")),
    }),
    body(
        "TO_EPOCH_MILLIS",
        &[moment("time")],
        Type::BigInt,
        |c| Value::Int(c.int(0)),
        "Milliseconds since 1970.",
        "TO_EPOCH_MILLIS(DATE '1970-01-02') => BIGINT 86400000",
    ),
];

/// A timestamp plus months: the body of interval arithmetic.
pub(super) fn add_months<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    unit::add_months(c.int(0), c.int(1)).map_or(Value::Null, Value::Int)
}

fn difference<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Unit(unit) = c.prepared else { return Value::Null };
    unit::between(*unit, c.int(1), c.int(2)).map_or(Value::Null, Value::Int)
}

fn add(graph: &mut Graph, list: &[Expr]) -> Result<Expr, CallError> {
    let &[name, n, time] = list else { return Err(CallError::new(0, "TIMESTAMPADD takes 3 arguments")) };
    let name = match graph.constant(name) {
        Some(Constant::Text(name)) => name.to_string(),
        _ => return Err(CallError::new(0, "TIMESTAMPADD takes a unit first, such as HOUR")),
    };
    let unit = Unit::named(&name, false)
        .map_err(|hint| CallError::new(0, format!("unknown unit {name}")).with_hint(hint))?;
    let (time, found) = match graph.type_of(time) {
        None => (graph.null_of(Type::Timestamp)?, Type::Timestamp),
        Some(found) if found.is_time() => (time, found),
        Some(found) => {
            let message = format!("TIMESTAMPADD takes TIMESTAMP(3) or DATE as time, not {found}");
            return Err(CallError::new(2, message));
        }
    };
    let unit_length = match (unit.months(), unit.millis()) {
        (Some(months), _) => graph.interval(Type::Months, months)?,
        (None, millis) => graph.interval(Type::Interval, millis.unwrap_or(0))?,
    };
    let n = graph.typed(n, Type::BigInt)?;
    if graph.type_of(n) != Some(Type::BigInt) {
        return Err(CallError::new(1, "TIMESTAMPADD takes BIGINT as n"));
    }
    let length = graph.arithmetic(Arithmetic::Multiply, n, unit_length)?;
    let smaller = unit.millis().is_some_and(|millis| millis < crate::scalar::time::DAY_MILLIS);
    let time = if found == Type::Date && smaller { graph.cast(time, ColumnType::Timestamp)? } else { time };
    Ok(graph.arithmetic(Arithmetic::Add, time, length)?)
}
