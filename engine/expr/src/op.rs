//! Operations. What the caller asks for is generic; what a program runs is typed.

use crate::registers::Shape;
use crate::value::Type;

/// Arithmetic on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

impl Arithmetic {
    /// The operator as SQL writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// Comparison of two values of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparison {
    /// The operator as SQL writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}

/// What IS asks. The answer is never NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// `IS TRUE`
    True,
    /// `IS NOT TRUE`
    NotTrue,
    /// `IS FALSE`
    False,
    /// `IS NOT FALSE`
    NotFalse,
    /// `IS NULL`
    Null,
    /// `IS NOT NULL`
    NotNull,
}

/// Strict operations on one value: NULL gives NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unary {
    NegateInt,
    NegateDouble,
    Not,
    AbsInt,
    AbsDouble,
    Floor,
    Ceil,
    /// NULL outside the range of `INT`.
    NarrowInt,
    IntToBool,
    IntToDouble,
    IntToText,
    BoolToInt,
    BoolToText,
    DoubleToBool,
    DoubleToInt,
    DoubleToText,
    TextToBool,
    TextToInt,
    TextToDouble,
    TextToTimestamp,
    TextToDate,
    TimestampToText,
    TimestampToDate,
    DateToText,
    DateToTimestamp,
    Upper,
    Lower,
    Trim,
    CharLength,
}

impl Unary {
    /// Whether the result is a string.
    pub(crate) const fn gives_text(self) -> bool {
        matches!(
            self,
            Self::IntToText
                | Self::BoolToText
                | Self::DoubleToText
                | Self::TimestampToText
                | Self::DateToText
                | Self::Upper
                | Self::Lower
                | Self::Trim
        )
    }
}

/// Operations on two values; strict, but for `And` and `Or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binary {
    AddInt,
    SubtractInt,
    MultiplyInt,
    DivideInt,
    RemainderInt,
    AddDouble,
    SubtractDouble,
    MultiplyDouble,
    DivideDouble,
    RemainderDouble,
    EqualBool,
    NotEqualBool,
    LessBool,
    LessEqualBool,
    EqualInt,
    NotEqualInt,
    LessInt,
    LessEqualInt,
    EqualDouble,
    NotEqualDouble,
    LessDouble,
    LessEqualDouble,
    EqualText,
    NotEqualText,
    LessText,
    LessEqualText,
    LeastBool,
    LeastInt,
    LeastDouble,
    LeastText,
    GreatestBool,
    GreatestInt,
    GreatestDouble,
    GreatestText,
    Concat,
    And,
    Or,
}

impl Binary {
    /// Whether the result is a string.
    pub(crate) const fn gives_text(self) -> bool {
        matches!(self, Self::LeastText | Self::GreatestText | Self::Concat)
    }

    /// Arithmetic on integers, or else on doubles.
    pub(crate) const fn arithmetic(op: Arithmetic, integers: bool) -> Self {
        match (op, integers) {
            (Arithmetic::Add, true) => Self::AddInt,
            (Arithmetic::Subtract, true) => Self::SubtractInt,
            (Arithmetic::Multiply, true) => Self::MultiplyInt,
            (Arithmetic::Divide, true) => Self::DivideInt,
            (Arithmetic::Remainder, true) => Self::RemainderInt,
            (Arithmetic::Add, false) => Self::AddDouble,
            (Arithmetic::Subtract, false) => Self::SubtractDouble,
            (Arithmetic::Multiply, false) => Self::MultiplyDouble,
            (Arithmetic::Divide, false) => Self::DivideDouble,
            (Arithmetic::Remainder, false) => Self::RemainderDouble,
        }
    }

    /// The comparison of two values of the type, and whether the operands change places.
    pub(crate) const fn comparison(op: Comparison, ty: Type) -> (Self, bool) {
        let [equal, not_equal, less, less_equal] = match Shape::of(ty) {
            Shape::Bool => [Self::EqualBool, Self::NotEqualBool, Self::LessBool, Self::LessEqualBool],
            Shape::Int => [Self::EqualInt, Self::NotEqualInt, Self::LessInt, Self::LessEqualInt],
            Shape::Double => {
                [Self::EqualDouble, Self::NotEqualDouble, Self::LessDouble, Self::LessEqualDouble]
            }
            Shape::Text => [Self::EqualText, Self::NotEqualText, Self::LessText, Self::LessEqualText],
        };
        match op {
            Comparison::Equal => (equal, false),
            Comparison::NotEqual => (not_equal, false),
            Comparison::Less => (less, false),
            Comparison::LessEqual => (less_equal, false),
            Comparison::Greater => (less, true),
            Comparison::GreaterEqual => (less_equal, true),
        }
    }

    /// LEAST of two values of the type.
    pub(crate) const fn least(ty: Type) -> Self {
        match Shape::of(ty) {
            Shape::Bool => Self::LeastBool,
            Shape::Int => Self::LeastInt,
            Shape::Double => Self::LeastDouble,
            Shape::Text => Self::LeastText,
        }
    }

    /// GREATEST of two values of the type.
    pub(crate) const fn greatest(ty: Type) -> Self {
        match Shape::of(ty) {
            Shape::Bool => Self::GreatestBool,
            Shape::Int => Self::GreatestInt,
            Shape::Double => Self::GreatestDouble,
            Shape::Text => Self::GreatestText,
        }
    }
}
