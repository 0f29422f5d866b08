//! What a tree means: written for reading, not for speed.

use vencejo_expr::{Arithmetic, Comparison, Test, Type};
use vencejo_types::schema::ColumnType;

use super::{Row, Tree, Val, answer, decimal, place};

/// The trees that come before, the row, and which calls were needed.
pub struct Walk<'a> {
    pub names: &'a [Tree],
    pub row: &'a Row,
    pub calls: Vec<(u16, Vec<Val>)>,
}

/// The static type; None for NULL without one.
pub fn type_of(tree: &Tree) -> Option<Type> {
    let common = |trees: &mut dyn Iterator<Item = &Tree>| {
        let types: Vec<Type> = trees.filter_map(type_of).collect();
        if types.contains(&Type::Double) { Some(Type::Double) } else { types.first().copied() }
    };
    match tree {
        Tree::Null => None,
        Tree::Literal(ty, _) | Tree::Column(ty, _) | Tree::Name(ty, _) | Tree::Call(ty, _) => Some(*ty),
        Tree::Arithmetic(_, a, b) => Some(common(&mut [&**a, &**b].into_iter()).unwrap_or(Type::BigInt)),
        Tree::Negate(a) | Tree::Abs(a) | Tree::Floor(a) | Tree::Ceil(a) | Tree::Round(a, _) => {
            Some(type_of(a).unwrap_or(Type::BigInt))
        }
        Tree::Compare(..) | Tree::And(_) | Tree::Or(_) | Tree::Not(_) | Tree::Is(..) | Tree::In(..) => {
            Some(Type::Boolean)
        }
        Tree::Between(..) => Some(Type::Boolean),
        Tree::Case(branches, otherwise) | Tree::SimpleCase(_, branches, otherwise) => {
            common(&mut branches.iter().map(|(_, result)| result).chain(otherwise.as_deref()))
        }
        Tree::Coalesce(list) | Tree::Least(list) | Tree::Greatest(list) => common(&mut list.iter()),
        Tree::NullIf(a, _) => type_of(a),
        Tree::Cast(_, to) => Some(Type::of(*to)),
        Tree::Concat(_) | Tree::Upper(_) | Tree::Lower(_) | Tree::Trim(_) => Some(Type::String),
        Tree::CharLength(_) => Some(Type::BigInt),
    }
}

impl Walk<'_> {
    pub fn value(&mut self, tree: &Tree) -> Val {
        let value = self.raw(tree);
        // A BIGINT among DOUBLEs is a DOUBLE; NaN and infinities are NULL.
        match (type_of(tree), value) {
            (Some(Type::Double), Val::Int(x)) => Val::Double(x as f64),
            (_, Val::Double(x)) if !x.is_finite() => Val::Null,
            (_, value) => value,
        }
    }

    fn raw(&mut self, tree: &Tree) -> Val {
        match tree {
            Tree::Null => Val::Null,
            Tree::Literal(_, value) => value.clone(),
            Tree::Column(ty, column) => self.row.get(place(*ty), *column).clone(),
            Tree::Name(_, name) => self.value(&self.names[*name]),
            Tree::Arithmetic(op, a, b) => match (self.value(a), self.value(b)) {
                (Val::Null, _) | (_, Val::Null) => Val::Null,
                (Val::Int(x), Val::Int(y)) => integers(*op, x, y),
                (x, y) => doubles(*op, number(&x), number(&y)),
            },
            Tree::Negate(a) => match self.value(a) {
                Val::Int(x) => integers(Arithmetic::Subtract, 0, x),
                Val::Double(x) => Val::Double(-x),
                _ => Val::Null,
            },
            Tree::Compare(op, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                compare(*op, &a, &b)
            }
            Tree::Between(a, low, high) => {
                let (a, low, high) = (self.value(a), self.value(low), self.value(high));
                let above = compare(Comparison::GreaterEqual, &a, &low);
                let below = compare(Comparison::LessEqual, &a, &high);
                not(&or(&[not(&above), not(&below)]))
            }
            Tree::And(list) => self.junction(list, false),
            Tree::Or(list) => self.junction(list, true),
            Tree::Not(a) => not(&self.value(a)),
            Tree::Is(test, a) => is(*test, &self.value(a)),
            Tree::In(a, list) => {
                let a = self.value(a);
                let equal: Vec<Val> =
                    list.iter().map(|b| compare(Comparison::Equal, &a, &self.value(b))).collect();
                or(&equal)
            }
            Tree::Case(..) | Tree::SimpleCase(..) | Tree::Coalesce(_) | Tree::NullIf(..) => self.choice(tree),
            Tree::Least(list) => self.extreme(list, Comparison::Less),
            Tree::Greatest(list) => self.extreme(list, Comparison::Greater),
            Tree::Call(ty, list) => {
                let arguments: Vec<Val> = list.iter().map(|a| self.value(a)).collect();
                let answer = answer(place(*ty), &arguments);
                self.calls.push((place(*ty), arguments));
                answer
            }
            _ => self.function(tree),
        }
    }

    /// AND (decided by FALSE) and OR (decided by TRUE), from left to right.
    fn junction(&mut self, list: &[Tree], decides: bool) -> Val {
        let mut result = Val::Bool(!decides);
        for tree in list {
            match self.value(tree) {
                Val::Bool(x) if x == decides => return Val::Bool(decides),
                Val::Bool(_) => {}
                _ => result = Val::Null,
            }
        }
        result
    }

    fn choice(&mut self, tree: &Tree) -> Val {
        match tree {
            Tree::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    if self.value(condition) == Val::Bool(true) {
                        return self.value(result);
                    }
                }
                otherwise.as_ref().map_or(Val::Null, |otherwise| self.value(otherwise))
            }
            Tree::SimpleCase(operand, branches, otherwise) => {
                for (value, result) in branches {
                    let (a, b) = (self.value(operand), self.value(value));
                    if compare(Comparison::Equal, &a, &b) == Val::Bool(true) {
                        return self.value(result);
                    }
                }
                otherwise.as_ref().map_or(Val::Null, |otherwise| self.value(otherwise))
            }
            Tree::Coalesce(list) => {
                for tree in list {
                    let value = self.value(tree);
                    if value != Val::Null {
                        return value;
                    }
                }
                Val::Null
            }
            Tree::NullIf(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                if compare(Comparison::Equal, &a, &b) == Val::Bool(true) { Val::Null } else { a }
            }
            _ => panic!("not a choice: {tree:?}"),
        }
    }

    fn extreme(&mut self, list: &[Tree], better: Comparison) -> Val {
        let values: Vec<Val> = list.iter().map(|tree| self.value(tree)).collect();
        let wide = values.iter().any(|value| matches!(value, Val::Double(_)));
        let mut best: Option<Val> = None;
        for value in values {
            if value == Val::Null {
                return Val::Null;
            }
            let value = if wide { Val::Double(number(&value)) } else { value };
            best = match best {
                Some(best) if compare(better, &value, &best) != Val::Bool(true) => Some(best),
                _ => Some(value),
            };
        }
        best.unwrap_or(Val::Null)
    }

    fn function(&mut self, tree: &Tree) -> Val {
        match tree {
            Tree::Round(a, digits) => match self.value(a) {
                Val::Double(x) => Val::Double(decimal::round(x, *digits)),
                Val::Int(x) => round_integer(x, *digits),
                _ => Val::Null,
            },
            Tree::Abs(a) => match self.value(a) {
                Val::Double(x) => Val::Double(x.abs()),
                Val::Int(x) if x < 0 => integers(Arithmetic::Subtract, 0, x),
                other => other,
            },
            Tree::Floor(a) => match self.value(a) {
                Val::Double(x) => Val::Double(x.floor()),
                other => other,
            },
            Tree::Ceil(a) => match self.value(a) {
                Val::Double(x) => Val::Double(x.ceil()),
                other => other,
            },
            Tree::Cast(a, to) => super::casts::cast(&self.value(a), type_of(a), *to),
            Tree::Concat(list) => {
                let mut joined = String::new();
                for value in list.iter().map(|tree| self.value(tree)).collect::<Vec<_>>() {
                    let Val::Text(text) = value else { return Val::Null };
                    joined.push_str(&text);
                }
                Val::Text(joined)
            }
            Tree::Upper(a) => self.text(a, str::to_uppercase),
            Tree::Lower(a) => self.text(a, |text| text.chars().flat_map(char::to_lowercase).collect()),
            Tree::Trim(a) => self.text(a, |text| text.trim_matches(' ').to_string()),
            Tree::CharLength(a) => match self.value(a) {
                Val::Text(text) => Val::Int(i64::try_from(text.chars().count()).unwrap()),
                _ => Val::Null,
            },
            _ => panic!("not a function: {tree:?}"),
        }
    }

    fn text(&mut self, tree: &Tree, map: impl Fn(&str) -> String) -> Val {
        match self.value(tree) {
            Val::Text(text) => Val::Text(map(&text)),
            _ => Val::Null,
        }
    }
}

fn number(value: &Val) -> f64 {
    match value {
        Val::Int(x) => *x as f64,
        Val::Double(x) => *x,
        _ => panic!("not a number: {value:?}"),
    }
}

fn fit(x: i128) -> Val {
    i64::try_from(x).map_or(Val::Null, Val::Int)
}

fn integers(op: Arithmetic, x: i64, y: i64) -> Val {
    let (x, y) = (i128::from(x), i128::from(y));
    match op {
        Arithmetic::Add => fit(x + y),
        Arithmetic::Subtract => fit(x - y),
        Arithmetic::Multiply => fit(x * y),
        Arithmetic::Divide | Arithmetic::Remainder if y == 0 => Val::Null,
        Arithmetic::Divide => fit(x / y),
        Arithmetic::Remainder => fit(x - x / y * y),
    }
}

fn doubles(op: Arithmetic, x: f64, y: f64) -> Val {
    Val::Double(match op {
        Arithmetic::Add => x + y,
        Arithmetic::Subtract => x - y,
        Arithmetic::Multiply => x * y,
        Arithmetic::Divide => x / y,
        Arithmetic::Remainder => x % y,
    })
}

fn round_integer(x: i64, digits: i64) -> Val {
    if digits >= 0 {
        return Val::Int(x);
    }
    let text = format!("{}{:020}", "0".repeat(30), x.unsigned_abs());
    let cut = text.len().saturating_sub(usize::try_from(-digits).unwrap());
    if cut == 0 {
        return Val::Int(0);
    }
    let head: i128 = text[..cut].parse().unwrap();
    let up = i128::from(text.as_bytes()[cut] >= b'5');
    let mut rounded = head + up;
    for _ in cut..text.len() {
        rounded = rounded.saturating_mul(10);
    }
    fit(if x < 0 { -rounded } else { rounded })
}

fn compare(op: Comparison, a: &Val, b: &Val) -> Val {
    let order = match (a, b) {
        (Val::Null, _) | (_, Val::Null) => return Val::Null,
        (Val::Bool(x), Val::Bool(y)) => x.cmp(y),
        (Val::Int(x), Val::Int(y)) => x.cmp(y),
        (Val::Text(x), Val::Text(y)) => x.as_bytes().cmp(y.as_bytes()),
        (x, y) => number(x).partial_cmp(&number(y)).unwrap(),
    };
    Val::Bool(match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    })
}

fn not(value: &Val) -> Val {
    match value {
        Val::Bool(x) => Val::Bool(!x),
        _ => Val::Null,
    }
}

fn or(list: &[Val]) -> Val {
    if list.contains(&Val::Bool(true)) {
        Val::Bool(true)
    } else if list.contains(&Val::Null) {
        Val::Null
    } else {
        Val::Bool(false)
    }
}

fn is(test: Test, value: &Val) -> Val {
    let (asked, answer) = match test {
        Test::True => (Val::Bool(true), true),
        Test::NotTrue => (Val::Bool(true), false),
        Test::False => (Val::Bool(false), true),
        Test::NotFalse => (Val::Bool(false), false),
        Test::Null => (Val::Null, true),
        Test::NotNull => (Val::Null, false),
    };
    Val::Bool((*value == asked) == answer)
}

/// What CAST may convert.
pub fn can_cast(from: Type, to: ColumnType) -> bool {
    let time = |ty: Type| matches!(ty, Type::Timestamp | Type::Date);
    let text = Type::String;
    from == text || Type::of(to) == text || time(from) == time(Type::of(to))
}
