//! The oracle: expressions as trees, evaluated by walking them, the slow obvious way.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

pub mod build;
pub mod casts;
pub mod decimal;
pub mod evaluate;
pub mod generate;

use vencejo_expr::{Arithmetic, Comparison, Env, Test, Type, Value};
use vencejo_types::schema::ColumnType;

/// So many cases, or more if the environment's `PROPTEST_CASES` asks for more.
pub fn cases(least: u32) -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    proptest::test_runner::Config { cases: config.cases.max(least), ..config }
}

/// A value that owns its string.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

impl Val {
    pub fn value(&self) -> Value<'_> {
        match self {
            Val::Null => Value::Null,
            Val::Bool(x) => Value::Bool(*x),
            Val::Int(x) => Value::Int(*x),
            Val::Double(x) => Value::Double(*x),
            Val::Text(x) => Value::Str(x),
        }
    }

    pub fn of(value: Value<'_>) -> Val {
        match value {
            Value::Null => Val::Null,
            Value::Bool(x) => Val::Bool(x),
            Value::Int(x) => Val::Int(x),
            Value::Double(x) => Val::Double(x),
            Value::Str(x) => Val::Text(x.to_string()),
        }
    }

    /// Equal to the bit, so that 0.0 is not -0.0.
    pub fn same(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Double(x), Val::Double(y)) => x.to_bits() == y.to_bits(),
            _ => self == other,
        }
    }
}

/// An expression. `Name(n)` is the n-th expression of the list before it.
#[derive(Clone, Debug)]
pub enum Tree {
    Null,
    Literal(Type, Val),
    Column(Type, u16),
    Name(Type, usize),
    Arithmetic(Arithmetic, Box<Tree>, Box<Tree>),
    Negate(Box<Tree>),
    Compare(Comparison, Box<Tree>, Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Is(Test, Box<Tree>),
    In(Box<Tree>, Vec<Tree>),
    Between(Box<Tree>, Box<Tree>, Box<Tree>),
    Case(Vec<(Tree, Tree)>, Option<Box<Tree>>),
    SimpleCase(Box<Tree>, Vec<(Tree, Tree)>, Option<Box<Tree>>),
    Coalesce(Vec<Tree>),
    NullIf(Box<Tree>, Box<Tree>),
    Least(Vec<Tree>),
    Greatest(Vec<Tree>),
    Round(Box<Tree>, i64),
    Abs(Box<Tree>),
    Floor(Box<Tree>),
    Ceil(Box<Tree>),
    Cast(Box<Tree>, ColumnType),
    Concat(Vec<Tree>),
    Upper(Box<Tree>),
    Lower(Box<Tree>),
    Trim(Box<Tree>),
    CharLength(Box<Tree>),
    /// A function of the engine that returns this type.
    Call(Type, Vec<Tree>),
}

/// All types; a column or function of a type has the type's place here as its number.
pub const TYPES: [Type; 6] =
    [Type::Boolean, Type::BigInt, Type::Double, Type::String, Type::Timestamp, Type::Date];

pub fn place(ty: Type) -> u16 {
    u16::try_from(TYPES.iter().position(|&other| other == ty).unwrap()).unwrap()
}

/// Columns of each type; column n of a type is column n of input `place(type)`.
pub const COLUMNS: u16 = 2;

/// One row: for each type its columns.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Vec<Val>>);

impl Row {
    pub fn get(&self, input: u16, column: u16) -> &Val {
        &self.0[usize::from(input)][usize::from(column)]
    }
}

/// What a function of the engine answers: anything that depends on its arguments.
pub fn answer(function: u16, arguments: &[Val]) -> Val {
    let mut seed = u64::from(function) + 1;
    for byte in format!("{arguments:?}").bytes() {
        seed = seed.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte);
    }
    let small = i64::try_from(seed % 7).unwrap() - 3;
    match (TYPES[usize::from(function)], seed % 5) {
        (_, 0) => Val::Null,
        (Type::Boolean, _) => Val::Bool(small > 0),
        (Type::Double, 1) => Val::Double(f64::NAN),
        (Type::Double, _) => Val::Double(small as f64 / 2.0),
        (Type::String, _) => Val::Text(["a", "b", "12", ""][usize::try_from(seed % 4).unwrap()].to_string()),
        _ => Val::Int(small),
    }
}

/// The surroundings of a run, which count the calls.
pub struct Surroundings<'a> {
    pub row: &'a Row,
    pub calls: Vec<(u16, Vec<Val>)>,
}

impl<'a> Env<'a> for Surroundings<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        self.row.get(input, column).value()
    }

    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a> {
        let arguments: Vec<Val> = arguments.iter().map(|&value| Val::of(value)).collect();
        let answer = answer(function, &arguments);
        self.calls.push((function, arguments));
        match answer {
            Val::Text(text) => Value::Str(["a", "b", "12", ""].into_iter().find(|x| *x == text).unwrap()),
            Val::Null => Value::Null,
            Val::Bool(x) => Value::Bool(x),
            Val::Int(x) => Value::Int(x),
            Val::Double(x) => Value::Double(x),
        }
    }
}
