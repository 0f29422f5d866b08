//! Well-typed trees, level by level, and rows for them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use vencejo_expr::{Arithmetic, Comparison, Test, Type};
use vencejo_types::schema::ColumnType;

use super::evaluate::can_cast;
use super::{COLUMNS, Row, TYPES, Tree, Val, place};

const INTEGERS: [i64; 12] =
    [0, 1, -1, 2, 7, 25, -35, 1_000, 2_147_483_648, i64::MAX, i64::MIN, 9_007_199_254_740_993];
const DOUBLES: [f64; 16] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    2.675,
    1.005,
    -2.5,
    1e-3,
    9.999e-4,
    1e7,
    123_456.789,
    1e308,
    5e-324,
    1e22,
    -1e15,
];
const TEXTS: [&str; 18] = [
    "",
    " ",
    "a",
    "B",
    "ab",
    "ß",
    "ñandú",
    "İ",
    "12",
    " -3.7 ",
    "1e5",
    "True",
    "no",
    "2024-02-29",
    "2023-02-29",
    " 1969-12-31T23:59:59.9999 ",
    "0000-01-01 00:00",
    "9223372036854775808",
];
const TIMES: [i64; 8] =
    [0, -1, 86_399_999, 86_400_000, 1_709_164_800_123, i64::MAX, i64::MIN, -62_167_219_200_001];
const DAYS: [i64; 8] = [0, -1, 59, 19_782, -719_528, -719_529, 2_932_896, 2_147_483_647];
const ALL_TESTS: [Test; 6] =
    [Test::True, Test::NotTrue, Test::False, Test::NotFalse, Test::Null, Test::NotNull];
const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Greater,
    Comparison::GreaterEqual,
];
const OPERATORS: [Arithmetic; 5] =
    [Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply, Arithmetic::Divide, Arithmetic::Remainder];

fn value(ty: Type) -> BoxedStrategy<Val> {
    match ty {
        Type::Boolean => any::<bool>().prop_map(Val::Bool).boxed(),
        Type::BigInt => {
            prop_oneof![select(&INTEGERS[..]), -30_i64..30, any::<i64>()].prop_map(Val::Int).boxed()
        }
        Type::Double => prop_oneof![
            4 => select(&DOUBLES[..]),
            2 => (-5_000_i64..5_000).prop_map(|x| x as f64 / 1_000.0),
            1 => any::<f64>()
        ]
        .prop_map(Val::Double)
        .boxed(),
        Type::String => prop_oneof![6 => select(&TEXTS[..]).prop_map(str::to_string), 1 => any::<String>()]
            .prop_map(Val::Text)
            .boxed(),
        Type::Timestamp => {
            prop_oneof![select(&TIMES[..]), 0_i64..2_000_000_000_000].prop_map(Val::Int).boxed()
        }
        Type::Decimal { .. } | Type::Interval | Type::Months => {
            (-1_000_000_i64..1_000_000).prop_map(Val::Int).boxed()
        }
        Type::Date => prop_oneof![select(&DAYS[..]), -800_000_i64..3_000_000].prop_map(Val::Int).boxed(),
    }
}

/// A row in which a quarter of the columns is NULL.
pub fn row() -> impl Strategy<Value = Row> {
    let column = |ty| prop_oneof![1 => Just(Val::Null), 3 => value(ty)];
    TYPES.map(|ty| vec(column(ty), usize::from(COLUMNS)).boxed()).to_vec().prop_map(Row)
}

fn leaf(ty: Type) -> BoxedStrategy<Tree> {
    let literal = match ty {
        Type::Timestamp | Type::Date => Just(Val::Int(0)).boxed(),
        Type::Double => value(ty)
            .prop_filter("a literal is finite", |x| !matches!(x, Val::Double(x) if !x.is_finite()))
            .boxed(),
        _ => value(ty),
    };
    prop_oneof![
        6 => (0..COLUMNS).prop_map(move |column| Tree::Column(ty, column)),
        3 => literal.prop_map(move |value| Tree::Literal(ty, value)),
        3 => any::<prop::sample::Index>().prop_map(move |name| Tree::Name(ty, name.index(usize::MAX))),
        1 => Just(Tree::Literal(ty, Val::Null)),
    ]
    .boxed()
}

/// Strategies of one level, by type.
struct Level(Vec<BoxedStrategy<Tree>>);

impl Level {
    fn of(&self, ty: Type) -> BoxedStrategy<Tree> {
        self.0[usize::from(place(ty))].clone()
    }

    /// Of the type, or what widens to it, or NULL.
    fn near(&self, ty: Type) -> BoxedStrategy<Tree> {
        if ty == Type::Double {
            prop_oneof![8 => self.of(ty), 4 => self.of(Type::BigInt), 1 => Just(Tree::Null)].boxed()
        } else {
            prop_oneof![12 => self.of(ty), 1 => Just(Tree::Null)].boxed()
        }
    }

    fn any(&self) -> BoxedStrategy<Tree> {
        proptest::strategy::Union::new(self.0.clone()).boxed()
    }
}

fn boxed(tree: impl Strategy<Value = Tree>) -> impl Strategy<Value = Box<Tree>> {
    tree.prop_map(Box::new)
}

/// What any type offers. The first of a list has the type itself, so that the whole has it too.
fn generic(ty: Type, below: &Level) -> Vec<BoxedStrategy<Tree>> {
    let truth = || below.near(Type::Boolean);
    let list = || {
        (below.of(ty), vec(below.near(ty), 0..3)).prop_map(|(first, mut rest)| {
            rest.insert(0, first);
            rest
        })
    };
    let searched = (
        truth(),
        below.of(ty),
        vec((truth(), below.near(ty)), 0..3),
        proptest::option::of(boxed(below.near(ty))),
    )
        .prop_map(|(condition, first, mut rest, otherwise)| {
            rest.insert(0, (condition, first));
            Tree::Case(rest, otherwise)
        });
    let simple = select(&TYPES[..]);
    let operands: Vec<_> =
        TYPES.iter().map(|&of| (below.near(of), vec(below.near(of), 1..3)).boxed()).collect();
    let simple = (
        simple.prop_flat_map(move |of| operands[usize::from(place(of))].clone()),
        below.of(ty),
        below.near(ty),
    )
        .prop_map(|((operand, values), first, other)| {
            let results = [first, other];
            Tree::SimpleCase(Box::new(operand), values.into_iter().zip(results).collect(), None)
        });
    vec![
        leaf(ty),
        searched.boxed(),
        simple.boxed(),
        list().prop_map(Tree::Coalesce).boxed(),
        list().prop_map(Tree::Least).boxed(),
        list().prop_map(Tree::Greatest).boxed(),
        (boxed(below.of(ty)), boxed(below.near(ty))).prop_map(|(a, b)| Tree::NullIf(a, b)).boxed(),
        vec(below.any(), 0..3).prop_map(move |list| Tree::Call(ty, list)).boxed(),
        casts(ty, below),
    ]
}

fn casts(ty: Type, below: &Level) -> BoxedStrategy<Tree> {
    let targets: &[ColumnType] = match ty {
        Type::BigInt => &[ColumnType::Int, ColumnType::BigInt],
        _ => &[],
    };
    let targets = if targets.is_empty() { vec![ty.column_type()] } else { targets.to_vec() };
    let sources: Vec<_> =
        TYPES.iter().filter(|&&from| can_cast(from, targets[0])).map(|&from| below.of(from)).collect();
    (proptest::strategy::Union::new(sources), select(targets))
        .prop_map(|(tree, to)| Tree::Cast(Box::new(tree), to))
        .boxed()
}

fn numeric(ty: Type, below: &Level) -> Vec<BoxedStrategy<Tree>> {
    let one = || boxed(below.of(ty));
    vec![
        (select(&OPERATORS[..]), one(), boxed(below.near(ty)))
            .prop_map(|(op, a, b)| Tree::Arithmetic(op, a, b))
            .boxed(),
        (select(&OPERATORS[..]), boxed(below.near(ty)), one())
            .prop_map(|(op, a, b)| Tree::Arithmetic(op, a, b))
            .boxed(),
        one().prop_map(Tree::Negate).boxed(),
        one().prop_map(Tree::Abs).boxed(),
        one().prop_map(Tree::Floor).boxed(),
        one().prop_map(Tree::Ceil).boxed(),
        (one(), prop_oneof![-3_i64..6, -400_i64..400]).prop_map(|(a, n)| Tree::Round(a, n)).boxed(),
    ]
}

fn logical(below: &Level) -> Vec<BoxedStrategy<Tree>> {
    let truth = || below.near(Type::Boolean);
    let mut list = vec![
        vec(truth(), 1..4).prop_map(Tree::And).boxed(),
        vec(truth(), 1..4).prop_map(Tree::Or).boxed(),
        boxed(truth()).prop_map(Tree::Not).boxed(),
        (select(&ALL_TESTS[..]), boxed(truth())).prop_map(|(test, a)| Tree::Is(test, a)).boxed(),
        (select(&ALL_TESTS[4..]), boxed(below.any())).prop_map(|(test, a)| Tree::Is(test, a)).boxed(),
    ];
    for ty in TYPES {
        let near = || boxed(below.near(ty));
        list.push(
            (select(&COMPARISONS[..]), near(), near()).prop_map(|(op, a, b)| Tree::Compare(op, a, b)).boxed(),
        );
        list.push((near(), near(), near()).prop_map(|(a, b, c)| Tree::Between(a, b, c)).boxed());
        let value = prop_oneof![leaf(ty), below.near(ty)];
        list.push((near(), vec(value, 1..5)).prop_map(|(a, list)| Tree::In(a, list)).boxed());
    }
    list
}

fn textual(below: &Level) -> Vec<BoxedStrategy<Tree>> {
    let one = || boxed(below.near(Type::String));
    vec![
        vec(below.near(Type::String), 1..4).prop_map(Tree::Concat).boxed(),
        one().prop_map(Tree::Upper).boxed(),
        one().prop_map(Tree::Lower).boxed(),
        one().prop_map(Tree::Trim).boxed(),
    ]
}

fn above(below: &Level) -> Level {
    let strategies = TYPES.map(|ty| {
        let mut list = generic(ty, below);
        match ty {
            Type::BigInt => {
                list.extend(numeric(ty, below));
                list.push(boxed(below.of(Type::String)).prop_map(Tree::CharLength).boxed());
            }
            Type::Double => list.extend(numeric(ty, below)),
            Type::Boolean => list.extend(logical(below)),
            Type::String => list.extend(textual(below)),
            Type::Timestamp | Type::Date | Type::Decimal { .. } | Type::Interval | Type::Months => {}
        }
        proptest::strategy::Union::new(list).boxed()
    });
    Level(strategies.to_vec())
}

/// A tree of any type, at most so many levels high.
pub fn tree(levels: usize) -> BoxedStrategy<Tree> {
    let mut level = Level(TYPES.map(leaf).to_vec());
    for _ in 0..levels {
        level = above(&level);
    }
    level.any()
}
