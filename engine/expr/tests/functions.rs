//! Every function over any arguments: no panic, constants as columns, results of their type.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use bumpalo::Bump;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use vencejo_expr::function::{Function, Parameter, Takes, functions};
use vencejo_expr::{Constant, Env, Expr, Graph, Type, Value, compile};
use vencejo_types::limits::EXPRESSION_STRING_BYTES_MAX;
use vencejo_types::schema::ColumnType;

const TEXTS: [&str; 44] = [
    "",
    " ",
    "a",
    "ab,c",
    "  ñandú ",
    "😀x😀",
    "a%b_c",
    "100%",
    "!",
    "!!%",
    "(a)|b*",
    "[",
    "x{2,5}(y)?",
    "\\d+",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "d/M/yy h:mm a",
    "EEEE MMM D ''''",
    "''",
    "2024-02-29 12:34:56.789",
    "9999-12-31",
    "29/2/24 1:04 PM",
    "YEAR",
    "WEEK",
    "MILLISECOND",
    "epoch",
    "$",
    "$.a",
    "$.a[1].b",
    "$['a b']",
    "{\"a\":[1,{\"b\":\"x\\n\\ud83d\\ude00\"}],\"a b\":1.5e3}",
    "{\"a\":",
    "[[[[]]]]",
    "Europe/Madrid",
    "UTC",
    "-18:59",
    "America/Los_Angeles",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
    "MULTIPOLYGON (((-180 -90, 180 -90, 180 90, -180 -90)))",
    "LINESTRING (0 0, 0 0, 10 10)",
    "LINESTRING (-180 90, 180 -90)",
    "DOUBLE",
    "BOOLEAN",
    "1.5",
    "-9223372036854775808",
];
const INTEGERS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    3,
    5,
    12,
    15,
    224,
    256,
    -400,
    65_536,
    1_700_000_000,
    253_402_300_800_000,
    i64::MAX,
    i64::MIN,
];
const DOUBLES: [f64; 14] =
    [0.0, -0.0, 1.0, -1.0, 0.5, 45.0, -90.0, 90.0, 179.999_999, -180.0, 1e-300, 1e308, -1e308, 5e-324];

/// An argument: its type, which a parameter of any type leaves open, and its value.
#[derive(Clone, Debug)]
struct Argument(Type, Constant);

fn argument(parameter: &Parameter) -> BoxedStrategy<Argument> {
    let types: &[Type] = match parameter.takes {
        Takes::Boolean => &[Type::Boolean],
        Takes::Text => &[Type::String],
        Takes::Integer => &[Type::BigInt],
        Takes::Double => &[Type::Double, Type::BigInt, Type::Decimal { precision: 9, scale: 2 }],
        Takes::Moment => &[Type::Timestamp, Type::Date],
        Takes::TextOrMoment => &[Type::String, Type::Timestamp],
        Takes::Any => &[
            Type::BigInt,
            Type::Double,
            Type::String,
            Type::Timestamp,
            Type::Decimal { precision: 18, scale: 6 },
            Type::Interval,
        ],
    };
    let value = |ty: Type| match ty {
        Type::Boolean => any::<bool>().prop_map(Constant::Bool).boxed(),
        Type::String => prop_oneof![8 => select(&TEXTS[..]).prop_map(String::from), 1 => any::<String>()]
            .prop_map(|text| Constant::Text(text.into()))
            .boxed(),
        Type::Double => prop_oneof![select(&DOUBLES[..]), -200.0..200.0]
            .prop_map(|x| Constant::Double(f64::to_bits(x)))
            .boxed(),
        Type::Decimal { precision, .. } => {
            let most = 10_i64.pow(u32::from(precision)) - 1;
            prop_oneof![-most..=most, Just(most), Just(0), -150_i64..150].prop_map(Constant::Int).boxed()
        }
        Type::Date => {
            prop_oneof![any::<i32>(), -30_000..30_000].prop_map(|x| Constant::Int(x.into())).boxed()
        }
        _ => prop_oneof![select(&INTEGERS[..]), -20_i64..20, any::<i64>()].prop_map(Constant::Int).boxed(),
    };
    select(types)
        .prop_flat_map(move |ty| {
            let value = prop_oneof![12 => value(ty), 1 => Just(Constant::Null)];
            value.prop_map(move |value| Argument(ty, value))
        })
        .boxed()
}

fn call() -> impl Strategy<Value = (&'static Function, Vec<Argument>)> {
    let all: Vec<&'static Function> = functions().collect();
    select(all).prop_flat_map(|function| {
        let (least, most) = function.counts();
        (least..=most.min(least + 3)).prop_flat_map(move |count| {
            let place = |n: usize| function.parameters.get(n).or(function.parameters.last()).unwrap();
            let arguments: Vec<_> = (0..count).map(|n| argument(place(n))).collect();
            (Just(function), arguments)
        })
    })
}

/// A value of a type as a constant of a graph.
fn known(graph: &mut Graph, Argument(ty, value): &Argument) -> Expr {
    match (ty, value) {
        (_, Constant::Null) => graph.null_of(*ty),
        (Type::BigInt, Constant::Int(x)) => graph.integer(*x),
        (_, Constant::Int(x)) => graph.interval(*ty, *x),
        (_, Constant::Bool(x)) => graph.boolean(*x),
        (_, Constant::Double(bits)) => graph.double(f64::from_bits(*bits)),
        (_, Constant::Text(text)) => graph.text(text),
    }
    .unwrap()
}

struct Row<'r>(&'r [Argument]);

impl<'a> Env<'a> for Row<'a> {
    fn load(&self, _input: u16, column: u16) -> Value<'a> {
        self.0[usize::from(column)].1.value()
    }

    fn call(&mut self, _function: u16, _arguments: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}

/// The value that a program gives, and its type; what is wrong with it is said.
fn run(graph: &Graph, expr: Expr, row: &[Argument]) -> (Option<Type>, Constant) {
    let program = compile(graph, &[expr]).unwrap();
    let arena = Bump::new();
    let value = program.run(&mut Row(row), &arena)[0];
    let ty = graph.type_of(expr);
    let fits = match (ty, value) {
        (_, Value::Null) => graph.nullable(expr),
        (Some(Type::Boolean), Value::Bool(_)) => true,
        (Some(Type::Double), Value::Double(x)) => x.is_finite(),
        (Some(Type::String), Value::Str(text)) => text.len() <= EXPRESSION_STRING_BYTES_MAX,
        (Some(Type::Decimal { precision, .. }), Value::Int(x)) => {
            x.unsigned_abs() < 10_u64.pow(u32::from(precision))
        }
        (Some(Type::Boolean | Type::Double | Type::String) | None, _) => false,
        (Some(_), value) => matches!(value, Value::Int(_)),
    };
    assert!(fits, "{value:?} is no {ty:?}");
    (ty, Constant::from(value))
}

fn check(function: &'static Function, arguments: &[Argument]) -> bool {
    let mut folded = Graph::new();
    let constants: Vec<Expr> = arguments.iter().map(|argument| known(&mut folded, argument)).collect();
    let mut computed = Graph::new();
    let columns: Vec<Expr> = (0..)
        .zip(arguments)
        .enumerate()
        .map(|(n, (column, argument))| {
            let parameter = function.parameters.get(n).or(function.parameters.last()).unwrap();
            // What must be constant is; so is a unit or a type of digits that the planner has to know.
            if parameter.constant {
                known(&mut computed, argument)
            } else {
                computed.column(0, column, argument.0, true).unwrap()
            }
        })
        .collect();
    let (folded_call, computed_call) =
        (folded.function(function, &constants), computed.function(function, &columns));
    let (Ok(folded_call), Ok(computed_call)) = (folded_call, computed_call) else { return false };
    let (folded, computed) = (run(&folded, folded_call, arguments), run(&computed, computed_call, arguments));
    // A literal integer beside a decimal has fewer digits than a column, so that the types may differ.
    if folded.0 == computed.0 {
        assert_eq!(folded, computed, "{} {arguments:?}", function.name);
    }
    true
}

#[test]
fn a_function_of_constants_is_as_one_of_columns_and_never_panics() {
    let mut worked: BTreeMap<&str, usize> = BTreeMap::new();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(15_000);
    let config = Config { cases, failure_persistence: None, ..Default::default() };
    let worked_cell = std::cell::RefCell::new(&mut worked);
    // The same arguments each time, so that every function finds some that fit it; more with PROPTEST_CASES.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&call(), |(function, arguments)| {
            if check(function, &arguments) {
                *worked_cell.borrow_mut().entry(function.name).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    let never: Vec<&str> = functions().map(|f| f.name).filter(|name| !worked.contains_key(name)).collect();
    assert!(never.is_empty(), "no arguments fit {never:?}");
}

#[test]
fn the_reference_is_that_of_the_table() {
    let written = include_str!("../FUNCTIONS.md");
    let reference = vencejo_expr::function::reference().to_string();
    if written != reference {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/FUNCTIONS.md");
        std::fs::write(path, reference).unwrap();
        panic!("engine/expr/FUNCTIONS.md is not the table's; copy {path} over it");
    }
}

#[test]
fn names_are_distinct_and_written_in_capitals() {
    let mut names: Vec<&str> = functions().flat_map(Function::names).collect();
    assert!(names.iter().all(|name| !name.contains(char::is_lowercase)));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// A decimal of up to 12 digits: value, precision, scale.
fn decimal() -> impl Strategy<Value = (i64, u8, u8)> {
    (1_u8..=12).prop_flat_map(|precision| {
        let most = 10_i64.pow(u32::from(precision)) - 1;
        (prop_oneof![-most..=most, -9_i64..=9.min(most), Just(most)], Just(precision), 0..=precision)
    })
}

proptest! {
    #![proptest_config(Config { cases: 4_000, failure_persistence: None, ..Config::default() })]

    /// Results are the exact ones, rounded half away from zero to the digits of their type.
    #[test]
    fn decimal_arithmetic_is_exact_up_to_its_digits(a in decimal(), b in decimal(), op in 0..5_usize) {
        use vencejo_expr::Arithmetic as A;
        let op = [A::Add, A::Subtract, A::Multiply, A::Divide, A::Remainder][op];
        let row = [a, b].map(|(x, precision, scale)| {
            Argument(Type::Decimal { precision, scale }, Constant::Int(x))
        });
        let mut graph = Graph::new();
        let columns = [0, 1].map(|n: u16| graph.column(0, n, row[usize::from(n)].0, false).unwrap());
        let result = graph.arithmetic(op, columns[0], columns[1]).unwrap();
        let (ty, value) = run(&graph, result, &row);
        let Some(Type::Decimal { precision, scale }) = ty else { panic!("{ty:?}") };
        let ten = |power: u8| 10_i128.pow(u32::from(power));
        let (x, y) = (i128::from(a.0) * ten(12 - a.2), i128::from(b.0) * ten(12 - b.2));
        // The exact result as a fraction.
        let (numerator, denominator) = match op {
            A::Add => (x + y, ten(12)),
            A::Subtract => (x - y, ten(12)),
            A::Multiply => (i128::from(a.0) * i128::from(b.0), ten(a.2 + b.2)),
            A::Divide | A::Remainder if y == 0 => {
                prop_assert_eq!(value, Constant::Null);
                return Ok(());
            }
            A::Divide => if y < 0 { (-x, -y) } else { (x, y) },
            A::Remainder => (x - x / y * y, ten(12)),
        };
        let wanted = {
            let (whole, rest) = (numerator / denominator, numerator % denominator);
            // The digits behind the point, one by one.
            let (mut unscaled, mut rest) = (whole.abs(), rest.abs());
            for _ in 0..scale {
                rest *= 10;
                unscaled = unscaled * 10 + rest / denominator;
                rest %= denominator;
            }
            unscaled += i128::from(rest * 2 >= denominator);
            if numerator < 0 { -unscaled } else { unscaled }
        };
        let wanted = if wanted.abs() < ten(precision) {
            Constant::Int(i64::try_from(wanted).unwrap())
        } else {
            Constant::Null
        };
        prop_assert_eq!(value, wanted, "{:?} {:?} {:?}", op, a, b);
    }

    /// A decimal is what its text says, and its text is what it is.
    #[test]
    fn a_decimal_survives_its_text_and_its_double((x, precision, scale) in decimal()) {
        let ty = Type::Decimal { precision, scale };
        let row = [Argument(ty, Constant::Int(x))];
        let mut graph = Graph::new();
        let column = graph.column(0, 0, ty, false).unwrap();
        for through in [ColumnType::String, ColumnType::Double] {
            let there = graph.cast(column, through).unwrap();
            let back = graph.cast(there, ty.column_type()).unwrap();
            prop_assert_eq!(run(&graph, back, &row).1, Constant::Int(x), "{}", through);
        }
    }
}
