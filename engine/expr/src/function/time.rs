//! Parts of timestamps and dates, and rounding them to units.

use vencejo_types::schema::ColumnType;

use super::table::{any, body, graph, moment, text};
use super::unit::{self, Unit};
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::graph::{Expr, Graph};
use crate::value::{Type, Value};

/// A row for a part that has a function of its own.
macro_rules! part {
    ($name:literal, $unit:ident, $meaning:literal, $example:literal) => {
        body($name, &[moment("time")], Type::BigInt, extract, $meaning, $example)
            .prepared(|_: &Known<'_>| Ok(Prepared::Unit(Unit::$unit)))
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "EXTRACT",
        &[text("unit").constant(), moment("time")],
        Type::BigInt,
        extract,
        "A part: the units, DOW (Sunday is 1), ISODOW (Monday is 1), DOY, ISOYEAR, EPOCH (seconds), DECADE, \
         CENTURY, MILLENNIUM. Weeks are ISO 8601's.",
        "EXTRACT(WEEK FROM DATE '2024-12-30') => BIGINT 1",
    )
    .written("EXTRACT(unit FROM time)")
    .prepared(|known| unit::prepared(known, 0, true)),
    part!("YEAR", Year, "The year.", "YEAR(DATE '2024-02-29') => BIGINT 2024"),
    part!("QUARTER", Quarter, "1 to 4.", "QUARTER(DATE '2024-02-29') => BIGINT 1"),
    part!("MONTH", Month, "1 to 12.", "MONTH(DATE '2024-02-29') => BIGINT 2"),
    part!("WEEK", Week, "The week of ISO 8601, 1 to 53.", "WEEK(DATE '2021-01-03') => BIGINT 53"),
    part!("DAYOFMONTH", Day, "1 to 31.", "DAYOFMONTH(DATE '2024-02-29') => BIGINT 29").also(&["DAY"]),
    part!("DAYOFYEAR", DayOfYear, "1 to 366.", "DAYOFYEAR(DATE '2024-02-29') => BIGINT 60"),
    part!(
        "DAYOFWEEK",
        DayOfWeek,
        "1 to 7 from Monday, as ISO 8601; Flink's begins on Sunday: DAYOFWEEK_SUNDAY.",
        "DAYOFWEEK(DATE '2024-03-03') => BIGINT 7"
    ),
    part!(
        "DAYOFWEEK_SUNDAY",
        DayOfWeekSunday,
        "1 to 7 from Sunday.",
        "DAYOFWEEK_SUNDAY(DATE '2024-03-03') => BIGINT 1"
    ),
    part!("HOUR", Hour, "0 to 23.", "HOUR(TIMESTAMP '2024-02-29 12:34:56') => BIGINT 12"),
    part!("MINUTE", Minute, "0 to 59.", "MINUTE(TIMESTAMP '2024-02-29 12:34:56') => BIGINT 34"),
    part!("SECOND", Second, "0 to 59.", "SECOND(TIMESTAMP '2024-02-29 12:34:56') => BIGINT 56"),
    graph(
        "FLOOR",
        &[any("value"), text("unit").constant().optional()],
        floor,
        "The greatest whole number not above, of a DECIMAL without digits behind the point; or the beginning of \
         the unit (YEAR, QUARTER, MONTH, WEEK from Sunday as Flink, ISOWEEK from Monday, DAY, HOUR, MINUTE, SECOND).",
        "FLOOR(TIMESTAMP '2024-02-29 12:34:56' TO HOUR) = TIMESTAMP '2024-02-29 12:00:00' => BOOLEAN TRUE",
    )
    .written("FLOOR(number), FLOOR(time TO unit)"),
    graph(
        "CEIL",
        &[any("value"), text("unit").constant().optional()],
        ceil,
        "The least whole number not below; or the beginning of the next unit, if the time is not a beginning.",
        "CEIL(DATE '2024-02-29' TO MONTH) => DATE 19783",
    )
    .also(&["CEILING"])
    .written("CEIL(number), CEIL(time TO unit)"),
];

/// FLOOR and CEIL of times, which the graph reaches through FLOOR's row.
static FLOOR_TO: Function = body(
    "FLOOR (time)",
    &[moment("time"), text("unit").constant()],
    Type::Timestamp,
    |c| rounded(c, unit::floor),
    "",
    "",
)
.prepared(|known| unit::prepared(known, 1, false));

static CEIL_TO: Function = body(
    "CEIL (time)",
    &[moment("time"), text("unit").constant()],
    Type::Timestamp,
    |c| rounded(c, unit::ceil),
    "",
    "",
)
.prepared(|known| unit::prepared(known, 1, false));

fn extract<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Unit(unit) = c.prepared else { return Value::Null };
    Value::Int(unit::part(*unit, c.int(c.arguments.len().saturating_sub(1))))
}

fn rounded<'a>(c: &Invocation<'_, 'a>, round: fn(Unit, i64) -> Option<i64>) -> Value<'a> {
    let Prepared::Unit(unit) = c.prepared else { return Value::Null };
    round(*unit, c.int(0)).map_or(Value::Null, Value::Int)
}

/// The hidden rows: programs name them too.
pub(super) fn hidden() -> [&'static Function; 2] {
    [&FLOOR_TO, &CEIL_TO]
}

fn floor(graph: &mut Graph, list: &[Expr]) -> Result<Expr, CallError> {
    if list.len() == 1 { Ok(graph.floor(list[0])?) } else { to_unit(graph, &FLOOR_TO, list) }
}

fn ceil(graph: &mut Graph, list: &[Expr]) -> Result<Expr, CallError> {
    if list.len() == 1 { Ok(graph.ceil(list[0])?) } else { to_unit(graph, &CEIL_TO, list) }
}

/// A date stays one.
fn to_unit(graph: &mut Graph, function: &'static Function, list: &[Expr]) -> Result<Expr, CallError> {
    let date = graph.type_of(list[0]) == Some(Type::Date);
    let rounded = graph.function(function, list)?;
    if !date {
        return Ok(rounded);
    }
    Ok(graph.cast(rounded, ColumnType::Date)?)
}
