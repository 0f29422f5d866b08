//! ROUND and the text of doubles, against decimals as strings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod twin;

use bumpalo::Bump;
use proptest::prelude::*;
use twin::{Row, Surroundings, Val, decimal, place};
use vencejo_expr::{Graph, Program, Type, compile};
use vencejo_types::schema::ColumnType;

/// A program whose outputs round the DOUBLE column to these digits, and last write it as text.
fn program(digits: &[i64]) -> Program {
    let mut graph = Graph::new();
    let x = graph.column(place(Type::Double), 0, Type::Double, true).unwrap();
    let mut outputs: Vec<_> = digits.iter().map(|&digits| graph.round(x, digits).unwrap()).collect();
    outputs.push(graph.cast(x, ColumnType::String).unwrap());
    compile(&graph, &outputs).unwrap()
}

fn check(x: f64, digits: &[i64]) {
    let row = Row(vec![vec![], vec![], vec![Val::Double(x)]]);
    let arena = Bump::new();
    let program = program(digits);
    let mut env = Surroundings { row: &row, calls: Vec::new() };
    let results = program.run(&mut env, &arena);
    for (&digits, &result) in digits.iter().zip(results) {
        let expected = decimal::round(x, digits);
        let expected = if expected.is_finite() { Val::Double(expected) } else { Val::Null };
        assert!(Val::of(result).same(&expected), "ROUND({x:?}, {digits}) is {result:?}, not {expected:?}");
    }
    assert_eq!(Val::of(results[digits.len()]), Val::Text(decimal::java(x)));
}

const DIGITS: [i64; 22] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 17, 20, 22, 23, 100, 323, -1, -2, -5, -300];

#[test]
fn ties_and_edges() {
    for x in [
        0.0,
        -0.0,
        0.5,
        1.5,
        2.5,
        -2.5,
        0.05,
        0.15,
        0.25,
        0.35,
        2.675,
        1.005,
        1.045,
        0.1 + 0.2,
        0.49999999999999994,
        4503599627370495.5,
        4503599627370496.5,
        1125899906842623.5,
        999999999999999.9,
        9007199254740993.0,
        5e-324,
        2.2250738585072014e-308,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        1e-4,
        9.9995,
        99999.99995,
        1e21,
        1e22,
        1e23,
        123456789012345680.0,
        0.001,
        0.0009999999999999999,
        1e7,
        9999999.999999998,
    ] {
        check(x, &DIGITS);
        check(-x, &DIGITS);
    }
}

#[test]
fn cents_round_as_people_write_them() {
    let cases =
        [(2.675, 2, 2.68), (1.005, 2, 1.01), (0.285, 2, 0.29), (-1.45, 1, -1.5), (1234.5, -2, 1200.0)];
    for (x, digits, expected) in cases {
        assert_eq!(decimal::round(x, digits), expected);
        check(x, &[digits]);
    }
}

proptest! {
    #![proptest_config(twin::cases(3_000))]

    #[test]
    fn any_double(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        check(x, &DIGITS);
    }

    #[test]
    fn written_decimals_near_ties(
        units in -99_999_999_i64..99_999_999,
        places in 1_i32..12,
        ulps in -3_i64..4,
    ) {
        // A decimal that ends in 5 one place below the cut, and its neighbours.
        let tie: f64 = format!("{units}5e-{places}").parse().unwrap();
        let x = f64::from_bits(tie.to_bits().wrapping_add_signed(ulps));
        prop_assume!(x.is_finite());
        check(x, &[i64::from(places) - 1, i64::from(places), i64::from(places) - 2]);
    }

    #[test]
    fn products_of_prices(cents in 0_i64..2_000_000, factor in 0_i64..300) {
        check(cents as f64 / 10_000.0 * (factor as f64 / 100.0), &[4, 2, 0]);
    }
}
