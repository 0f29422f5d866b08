//! Functions of numbers. Transcendental ones come from the crate libm, so that every machine gives the same
//! bits; the last digit may differ from Java's.

use vencejo_types::schema::ColumnType;

use super::table::{any, body, double, graph, integer};
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::constant::Constant;
use crate::graph::{Expr, Graph};
use crate::op::{Arithmetic, Comparison};
use crate::value::{Type, Value};

/// A row for a function of one double.
macro_rules! of_one {
    ($name:literal, $function:expr, $meaning:literal, $example:literal) => {
        body(
            $name,
            &[double("x")],
            Type::Double,
            |c: &Invocation<'_, '_>| Value::Double($function(c.double(0))),
            $meaning,
            $example,
        )
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    graph("ABS", &[any("number")], |g, a| Ok(g.abs(a[0])?), "Without its sign.", "ABS(-7) => BIGINT 7"),
    graph(
        "ROUND",
        &[any("number"), integer("digits").constant().optional()],
        |g, a| {
            let digits = digits(g, "ROUND", a)?;
            Ok(g.round(a[0], digits)?)
        },
        "Half away from zero, to so many digits behind the point, or before it when negative.",
        "ROUND(2.675, 2) => DOUBLE 2.68",
    ),
    graph(
        "TRUNCATE",
        &[any("number"), integer("digits").constant().optional()],
        truncate,
        "As ROUND, towards zero.",
        "TRUNCATE(-1.239, 2) => DOUBLE -1.23",
    ),
    graph(
        "MOD",
        &[any("a"), any("b")],
        |g, a| Ok(g.arithmetic(Arithmetic::Remainder, a[0], a[1])?),
        "As a % b.",
        "MOD(7, -2) => BIGINT 1",
    ),
    graph("SIGN", &[any("number")], sign, "-1, 0 or 1, of the number's type.", "SIGN(-2.5) => DOUBLE -1.0"),
    graph(
        "LEAST",
        &[any("value").repeated()],
        |g, a| Ok(g.least(a)?),
        "The least; NULL if any is.",
        "LEAST(3, 1, 2) => BIGINT 1",
    ),
    graph(
        "GREATEST",
        &[any("value").repeated()],
        |g, a| Ok(g.greatest(a)?),
        "The greatest; NULL if any is.",
        "GREATEST(3, 1, 2) => BIGINT 3",
    ),
    body(
        "POWER",
        &[double("base"), double("exponent")],
        Type::Double,
        |c| Value::Double(libm::pow(c.double(0), c.double(1))),
        "The base to the exponent. As of all these functions, a result that is no finite number is NULL.",
        "POWER(2, 10) => DOUBLE 1024.0",
    )
    .also(&["POW"]),
    of_one!("SQRT", libm::sqrt, "The square root; NULL of a negative number.", "SQRT(2.25) => DOUBLE 1.5"),
    of_one!("EXP", libm::exp, "e to the x.", "EXP(0) => DOUBLE 1.0"),
    of_one!("LN", libm::log, "The natural logarithm; NULL of 0 and below.", "LN(1) => DOUBLE 0.0"),
    of_one!("LOG10", libm::log10, "The decimal logarithm.", "LOG10(1000) => DOUBLE 3.0"),
    of_one!("LOG2", libm::log2, "The binary logarithm.", "LOG2(8) => DOUBLE 3.0"),
    body(
        "LOG",
        &[double("base"), double("x").optional()],
        Type::Double,
        |c| {
            Value::Double(match c.arguments.len() {
                1 => libm::log(c.double(0)),
                _ => libm::log(c.double(1)) / libm::log(c.double(0)),
            })
        },
        "The logarithm of x to the base; of one number the natural one.",
        "LOG(2, 65536) => DOUBLE 16.0",
    ),
    of_one!("SIN", libm::sin, "The sine.", "SIN(0) => DOUBLE 0.0"),
    of_one!("COS", libm::cos, "The cosine.", "COS(0) => DOUBLE 1.0"),
    of_one!("TAN", libm::tan, "The tangent.", "TAN(0) => DOUBLE 0.0"),
    of_one!("COT", |x| 1.0 / libm::tan(x), "The cotangent.", "COT(1) => DOUBLE 0.6420926159343306"),
    of_one!("ASIN", libm::asin, "The arc sine.", "ASIN(0) => DOUBLE 0.0"),
    of_one!("ACOS", libm::acos, "The arc cosine.", "ACOS(1) => DOUBLE 0.0"),
    of_one!("ATAN", libm::atan, "The arc tangent.", "ATAN(1) => DOUBLE 0.7853981633974483"),
    body(
        "ATAN2",
        &[double("y"), double("x")],
        Type::Double,
        |c| Value::Double(libm::atan2(c.double(0), c.double(1))),
        "The angle of the point (x, y).",
        "ATAN2(1, 2) => DOUBLE 0.4636476090008061",
    ),
    of_one!("SINH", libm::sinh, "The hyperbolic sine.", "SINH(0) => DOUBLE 0.0"),
    of_one!("COSH", libm::cosh, "The hyperbolic cosine.", "COSH(0) => DOUBLE 1.0"),
    of_one!("TANH", libm::tanh, "The hyperbolic tangent.", "TANH(0) => DOUBLE 0.0"),
    of_one!("DEGREES", f64::to_degrees, "Radians in degrees.", "DEGREES(3.141592653589793) => DOUBLE 180.0"),
    of_one!("RADIANS", f64::to_radians, "Degrees in radians.", "RADIANS(180) => DOUBLE 3.141592653589793"),
    graph(
        "PI",
        &[],
        |g, _| Ok(g.double(std::f64::consts::PI)?),
        "The number.",
        "PI() => DOUBLE 3.141592653589793",
    ),
    graph(
        "E",
        &[],
        |g, _| Ok(g.double(std::f64::consts::E)?),
        "The number.",
        "E() => DOUBLE 2.718281828459045",
    ),
    body(
        "BIN",
        &[integer("n")],
        Type::String,
        |c| crate::scalar::text::formatted_value(format_args!("{:b}", c.int(0)), c.arena),
        "In binary digits.",
        "BIN(4) => STRING '100'",
    ),
    body(
        "HEX",
        &[integer("n")],
        Type::String,
        |c| crate::scalar::text::formatted_value(format_args!("{:X}", c.int(0)), c.arena),
        "In hexadecimal digits.",
        "HEX(255) => STRING 'FF'",
    ),
];

/// TRUNCATE of doubles.
static TRUNCATE_DOUBLE: Function = body(
    "TRUNCATE (double)",
    &[double("number"), integer("digits").constant()],
    Type::Double,
    |c| {
        let digits = i16::try_from(c.int(1).clamp(-400, 400)).unwrap_or(0);
        Value::Double(crate::scalar::truncate_double(c.double(0), digits))
    },
    "",
    "",
)
.prepared(|_: &Known<'_>| Ok(Prepared::Nothing));

/// TRUNCATE of integers.
static TRUNCATE_INTEGER: Function = body(
    "TRUNCATE (integer)",
    &[integer("number"), integer("digits").constant()],
    Type::BigInt,
    |c| {
        let unit = u32::try_from(c.int(1).unsigned_abs()).ok().and_then(|digits| 10_i64.checked_pow(digits));
        match (c.int(1), unit) {
            (0.., _) => Value::Int(c.int(0)),
            (_, Some(unit)) => Value::Int(c.int(0) / unit * unit),
            (_, None) => Value::Int(0),
        }
    },
    "",
    "",
);

/// The hidden rows: programs name them too.
pub(super) fn hidden() -> [&'static Function; 2] {
    [&TRUNCATE_DOUBLE, &TRUNCATE_INTEGER]
}

/// The digits that ROUND and TRUNCATE are given.
fn digits(graph: &Graph, name: &str, list: &[Expr]) -> Result<i64, CallError> {
    match list.get(1).map(|&digits| graph.constant(digits)) {
        None => Ok(0),
        Some(Some(Constant::Int(digits))) => Ok(*digits),
        _ => Err(CallError::new(1, format!("{name} takes its number of digits as an integer literal"))),
    }
}

fn truncate(graph: &mut Graph, list: &[Expr]) -> Result<Expr, CallError> {
    let digits = digits(graph, "TRUNCATE", list)?;
    let number = graph.typed(list[0], Type::BigInt)?;
    let count = graph.integer(digits)?;
    match graph.type_of(number) {
        Some(Type::Decimal { .. }) => Ok(graph.round_decimal(number, digits, true)?),
        Some(Type::BigInt) => graph.function(&TRUNCATE_INTEGER, &[number, count]),
        _ => graph.function(&TRUNCATE_DOUBLE, &[number, count]),
    }
}

/// CASE WHEN number > 0 THEN 1 WHEN number < 0 THEN -1 ELSE number END, in the number's type.
fn sign(graph: &mut Graph, list: &[Expr]) -> Result<Expr, CallError> {
    let number = graph.abs(list[0]).map(|_| list[0])?;
    let number = graph.typed(number, Type::BigInt)?;
    let ty = graph.type_of(number).unwrap_or(Type::BigInt);
    let to = ty.column_type();
    let mut unit = |x: i64| {
        let one = graph.integer(x)?;
        graph.cast(one, to)
    };
    let (one, minus, zero) = (unit(1)?, unit(-1)?, unit(0)?);
    let above = graph.compare(Comparison::Greater, number, zero)?;
    let below = graph.compare(Comparison::Less, number, zero)?;
    debug_assert!(to != ColumnType::String, "a number");
    Ok(graph.case(&[(above, one), (below, minus)], Some(number))?)
}
