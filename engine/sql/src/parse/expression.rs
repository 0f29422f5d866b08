//! Expressions, by precedence climbing. From loosest to tightest, as Calcite has it: OR; AND; NOT; IS;
//! comparisons; BETWEEN, IN and LIKE; + and -; * / % and ||; signs; AT TIME ZONE.

use sqlparser::tokenizer::Token as Kind;
use vencejo_expr::{Arithmetic, Comparison, Test};
use vencejo_types::limits::EXPRESSION_DEPTH_MAX;
use vencejo_types::schema::ColumnType;

use super::call::call;
use crate::ast::{Ast, AstKind, Case, ColumnName};
use crate::diagnostic::Diagnostic;
use crate::tokens::{Cursor, Name, Parsed, Place};

/// How tightly operators bind.
mod binds {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARE: u8 = 5;
    pub(super) const RANGE: u8 = 6;
    pub(super) const ADD: u8 = 7;
    pub(super) const MULTIPLY: u8 = 8;
    pub(super) const SIGN: u8 = 9;
    pub(super) const ZONE: u8 = 10;
}

/// An operator behind a left operand.
#[derive(Clone, Copy)]
enum Operator {
    Or,
    And,
    Is,
    Compare(Comparison),
    /// BETWEEN, IN or LIKE, or NOT before one of them.
    Range,
    Arithmetic(Arithmetic),
    Concat,
    Zone,
}

impl Operator {
    const fn binds(self) -> u8 {
        match self {
            Self::Or => binds::OR,
            Self::And => binds::AND,
            Self::Is => binds::IS,
            Self::Compare(_) => binds::COMPARE,
            Self::Range => binds::RANGE,
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) => binds::ADD,
            Self::Arithmetic(_) | Self::Concat => binds::MULTIPLY,
            Self::Zone => binds::ZONE,
        }
    }
}

impl Cursor<'_> {
    /// An expression.
    pub(crate) fn expression(&mut self) -> Parsed<Ast> {
        self.operation(0)
    }

    /// An expression without BETWEEN, IN, LIKE and what binds more loosely.
    pub(super) fn below_ranges(&mut self) -> Parsed<Ast> {
        self.operation(binds::ADD)
    }

    /// Operands and operators that bind at least so tightly.
    fn operation(&mut self, least: u8) -> Parsed<Ast> {
        let mut left = self.operand()?;
        while let Some(operator) = self.operator()? {
            if operator.binds() < least {
                break;
            }
            left = self.with_right(left, operator)?;
        }
        Ok(left)
    }

    /// The operator that comes next, not yet read.
    fn operator(&self) -> Parsed<Option<Operator>> {
        Ok(Some(match self.peek() {
            Some(Kind::Plus) => Operator::Arithmetic(Arithmetic::Add),
            Some(Kind::Minus) => Operator::Arithmetic(Arithmetic::Subtract),
            Some(Kind::Mul) => Operator::Arithmetic(Arithmetic::Multiply),
            Some(Kind::Div) => Operator::Arithmetic(Arithmetic::Divide),
            Some(Kind::Mod) => Operator::Arithmetic(Arithmetic::Remainder),
            Some(Kind::StringConcat) => Operator::Concat,
            Some(Kind::Eq) => Operator::Compare(Comparison::Equal),
            Some(Kind::Neq) => Operator::Compare(Comparison::NotEqual),
            Some(Kind::Lt) => Operator::Compare(Comparison::Less),
            Some(Kind::LtEq) => Operator::Compare(Comparison::LessEqual),
            Some(Kind::Gt) => Operator::Compare(Comparison::Greater),
            Some(Kind::GtEq) => Operator::Compare(Comparison::GreaterEqual),
            Some(Kind::DoubleEq) => return Err(self.error("there is no operator ==").with_hint("write =")),
            Some(Kind::Word(_)) if self.is_word("OR") => Operator::Or,
            Some(Kind::Word(_)) if self.is_word("AND") => Operator::And,
            Some(Kind::Word(_)) if self.is_word("IS") => Operator::Is,
            Some(Kind::Word(_)) if ["BETWEEN", "IN", "LIKE", "NOT"].iter().any(|word| self.is_word(word)) => {
                Operator::Range
            }
            Some(Kind::Word(_)) if self.are_words(&["AT", "TIME", "ZONE"]) => Operator::Zone,
            Some(Kind::Word(_)) if self.are_words(&["SIMILAR", "TO"]) => {
                return Err(self
                    .error("SIMILAR TO is not supported")
                    .with_hint("write REGEXP(value, pattern)"));
            }
            _ => return Ok(None),
        }))
    }

    /// Reads the operator and what stands right of it.
    fn with_right(&mut self, left: Ast, operator: Operator) -> Parsed<Ast> {
        let place = self.place();
        match operator {
            Operator::Is => self.is_test(left),
            Operator::Range => self.range(left),
            Operator::Zone => {
                self.accept_words(&["AT", "TIME", "ZONE"]);
                let zone = self.operation(binds::ZONE + 1)?;
                call(place, "AT TIME ZONE", vec![left, zone])
            }
            Operator::Or => self.chain(left, operator, |cursor| cursor.accept_word("OR"), AstKind::Or),
            Operator::And => self.chain(left, operator, |cursor| cursor.accept_word("AND"), AstKind::And),
            Operator::Concat => {
                self.chain(left, operator, |cursor| cursor.accept(&Kind::StringConcat), AstKind::Concat)
            }
            Operator::Compare(op) => {
                let sides = self.sides(left, operator)?;
                node(place, height(&*sides), AstKind::Compare(op, sides))
            }
            Operator::Arithmetic(op) => {
                let sides = self.sides(left, operator)?;
                node(place, height(&*sides), AstKind::Arithmetic(op, sides))
            }
        }
    }

    /// Both operands of an operator that is the next token.
    fn sides(&mut self, left: Ast, operator: Operator) -> Parsed<Box<[Ast; 2]>> {
        self.skip();
        let right = self.operation(operator.binds() + 1)?;
        Ok(Box::new([left, right]))
    }

    /// Operands of one operator in a row, as one list: long chains are not deep.
    fn chain(
        &mut self,
        left: Ast,
        operator: Operator,
        accept: impl Fn(&mut Self) -> bool,
        kind: impl Fn(Vec<Ast>) -> AstKind,
    ) -> Parsed<Ast> {
        let place = self.place();
        let mut list = vec![left];
        while accept(self) {
            list.push(self.operation(operator.binds() + 1)?);
        }
        node(place, height(&list), kind(list))
    }

    /// `IS [NOT] NULL | TRUE | FALSE | UNKNOWN`.
    fn is_test(&mut self, left: Ast) -> Parsed<Ast> {
        let place = self.place();
        self.skip();
        let negated = self.accept_word("NOT");
        let test = if self.accept_word("NULL") || self.accept_word("UNKNOWN") {
            if negated { Test::NotNull } else { Test::Null }
        } else if self.accept_word("TRUE") {
            if negated { Test::NotTrue } else { Test::True }
        } else if self.accept_word("FALSE") {
            if negated { Test::NotFalse } else { Test::False }
        } else {
            return Err(self.expected("NULL, TRUE or FALSE"));
        };
        node(place, left.height, AstKind::Is(test, Box::new(left)))
    }

    /// `[NOT] BETWEEN low AND high`, `[NOT] IN (list)`, `[NOT] LIKE pattern [ESCAPE escape]`.
    fn range(&mut self, left: Ast) -> Parsed<Ast> {
        let place = self.place();
        let negated = self.accept_word("NOT");
        if self.accept_word("BETWEEN") {
            let low = self.operation(binds::ADD)?;
            self.expect_word("AND")?;
            let high = self.operation(binds::ADD)?;
            let parts = Box::new([left, low, high]);
            return node(place, height(&*parts), AstKind::Between { parts, negated });
        }
        if self.accept_word("IN") {
            if self.is(&Kind::LParen) && self.is_query_second() {
                let query = Box::new(self.nested(Self::subquery)?);
                let below = left.height;
                return node(place, below, AstKind::InQuery { value: Box::new(left), query, negated });
            }
            let list = self.nested(|cursor| cursor.list(Self::expression))?;
            let below = height(&list).max(left.height);
            return node(place, below, AstKind::In { value: Box::new(left), list, negated });
        }
        if self.accept_word("LIKE") {
            let mut arguments = vec![left, self.operation(binds::ADD)?];
            if self.accept_word("ESCAPE") {
                arguments.push(self.operation(binds::ADD)?);
            }
            let like = call(place, "LIKE", arguments)?;
            return if negated { node(place, like.height, AstKind::Not(Box::new(like))) } else { Ok(like) };
        }
        Err(self.expected("BETWEEN, IN or LIKE"))
    }

    /// What an operator works on: a literal, a name, a call, or something in parentheses.
    fn operand(&mut self) -> Parsed<Ast> {
        let place = self.place();
        let leaf = |kind| Ok(Ast { place, height: 0, kind });
        match self.peek() {
            Some(Kind::Number(digits, suffixed)) => {
                let kind = self.number(digits, *suffixed, "")?;
                leaf(kind)
            }
            Some(Kind::SingleQuotedString(text)) => {
                self.skip();
                leaf(AstKind::Text(text.clone()))
            }
            Some(Kind::LParen) => self.nested(|cursor| {
                cursor.skip();
                if cursor.is_word("SELECT") {
                    let hint = "put the subquery behind FROM, and use its columns";
                    return Err(cursor.error("a subquery is not a value").with_hint(hint));
                }
                let inner = cursor.expression()?;
                cursor.expect_or(&Kind::RParen, "an operator or ')'")?;
                Ok(inner)
            }),
            Some(Kind::Minus) => self.signed(),
            Some(Kind::Plus) => self.nested(|cursor| {
                cursor.skip();
                cursor.operation(binds::SIGN)
            }),
            Some(Kind::Word(word)) if word.quote_style.is_none() => self.word(),
            Some(Kind::Word(_)) => self.column_or_call(),
            _ => Err(self.expected("an expression")),
        }
    }

    /// A minus sign; before digits it belongs to the number, so that the least BIGINT can be written.
    fn signed(&mut self) -> Parsed<Ast> {
        let place = self.place();
        self.skip();
        if let Some(Kind::Number(digits, suffixed)) = self.peek() {
            let kind = self.number(digits, *suffixed, "-")?;
            return Ok(Ast { place, height: 0, kind });
        }
        let operand = self.nested(|cursor| cursor.operation(binds::SIGN))?;
        node(place, operand.height, AstKind::Negate(Box::new(operand)))
    }

    fn number(&mut self, digits: &str, suffixed: bool, sign: &str) -> Parsed<AstKind> {
        if suffixed {
            return Err(self.error("a number has no suffix").with_hint("write it without the L"));
        }
        let text = format!("{sign}{digits}");
        let kind = if text.contains(['.', 'e', 'E']) {
            let number = text.parse().ok().filter(|x: &f64| x.is_finite());
            number.map(AstKind::Double).ok_or_else(|| self.error("the number is too large for DOUBLE"))?
        } else {
            let hint = "a number with a decimal point is a DOUBLE";
            let error = || self.error("the number is too large for BIGINT").with_hint(hint);
            text.parse().map(AstKind::Integer).map_err(|_| error())?
        };
        self.skip();
        Ok(kind)
    }

    /// What begins with a word that is not quoted.
    fn word(&mut self) -> Parsed<Ast> {
        let place = self.place();
        let leaf = |kind| Ok(Ast { place, height: 0, kind });
        let before_string = matches!(self.peek_second(), Some(Kind::SingleQuotedString(_)));
        if self.accept_word("NULL") {
            leaf(AstKind::Null)
        } else if self.accept_word("TRUE") {
            leaf(AstKind::Boolean(true))
        } else if self.accept_word("FALSE") {
            leaf(AstKind::Boolean(false))
        } else if self.accept_word("NOT") {
            let operand = self.nested(|cursor| cursor.operation(binds::NOT))?;
            node(place, operand.height, AstKind::Not(Box::new(operand)))
        } else if self.accept_word("CASE") {
            self.nested(|cursor| cursor.case(place))
        } else if self.is_word("CAST") || self.is_word("TRY_CAST") {
            self.skip();
            self.nested(|cursor| cursor.cast(place))
        } else if self.accept_word("INTERVAL") {
            let (ty, length) = self.interval()?;
            leaf(AstKind::Interval(ty, length))
        } else if self.is_word("EXISTS") {
            self.skip();
            let query = Box::new(self.nested(Self::subquery)?);
            leaf(AstKind::Exists(query))
        } else if before_string && self.accept_word("DATE") {
            leaf(AstKind::Moment(ColumnType::Date, self.string("a date")?.0))
        } else if before_string && self.accept_word("TIMESTAMP") {
            leaf(AstKind::Moment(ColumnType::Timestamp, self.string("a timestamp")?.0))
        } else if let Some(semantics) = self.semantics() {
            let mut call = self.column_or_call()?;
            if let AstKind::Function(function) = &mut call.kind {
                function.semantics = Some(semantics);
            }
            Ok(call)
        } else if let Some(error) = self.clock() {
            Err(error)
        } else if self.peek_second() == Some(&Kind::LParen) && (self.is_word("LEFT") || self.is_word("RIGHT"))
        {
            let text = if self.is_word("LEFT") { "LEFT" } else { "RIGHT" }.to_string();
            self.skip();
            self.nested(|cursor| cursor.call(Name { text, place }))
        } else {
            self.column_or_call()
        }
    }

    /// `WHEN ...` up to `END`.
    fn case(&mut self, place: Place) -> Parsed<Ast> {
        let operand = if self.is_word("WHEN") { None } else { Some(self.expression()?) };
        let mut branches = Vec::new();
        while self.accept_word("WHEN") {
            let condition = self.expression()?;
            self.expect_word("THEN")?;
            branches.push((condition, self.expression()?));
        }
        if branches.is_empty() {
            return Err(self.expected("WHEN"));
        }
        let otherwise = if self.accept_word("ELSE") { Some(self.expression()?) } else { None };
        if !self.accept_word("END") {
            return Err(self.expected("WHEN, ELSE or END"));
        }
        let results = branches.iter().flat_map(|(condition, result)| [condition, result]);
        let below = results.chain(&operand).chain(&otherwise).map(|ast| ast.height).max();
        let case = Case { operand, branches, otherwise };
        node(place, below.unwrap_or(0), AstKind::Case(Box::new(case)))
    }

    /// `(expression AS type)`.
    fn cast(&mut self, place: Place) -> Parsed<Ast> {
        self.expect(&Kind::LParen)?;
        let value = self.expression()?;
        self.expect_word("AS")?;
        let to = self.column_type()?;
        self.expect(&Kind::RParen)?;
        node(place, value.height, AstKind::Cast(Box::new(value), to))
    }

    /// `name`, `qualifier.name` or `function(arguments)`.
    fn column_or_call(&mut self) -> Parsed<Ast> {
        let place = self.place();
        let first = self.name("an expression")?;
        if self.is(&Kind::LParen) {
            return self.nested(|cursor| cursor.call(first));
        }
        let name = if self.accept(&Kind::Period) {
            let name = self.name("a column's name")?;
            ColumnName { qualifier: Some(first), name }
        } else {
            ColumnName { qualifier: None, name: first }
        };
        if self.is(&Kind::Period) {
            return Err(self.error("a column has at most one qualifier"));
        }
        Ok(Ast { place, height: 0, kind: AstKind::Column(Box::new(name)) })
    }
}

/// The height of the highest.
pub(super) fn height(list: &[Ast]) -> usize {
    list.iter().map(|ast| ast.height).max().unwrap_or(0)
}

/// An operation above operands of this height.
pub(super) fn node(place: Place, below: usize, kind: AstKind) -> Parsed<Ast> {
    if below >= EXPRESSION_DEPTH_MAX {
        let message = format!("the expression is nested more than {EXPRESSION_DEPTH_MAX} operations deep");
        return Err(Diagnostic::new(place, message));
    }
    Ok(Ast { place, height: below + 1, kind })
}
