//! What app.sql says, before its names mean anything.

pub(crate) mod row_pattern;

use vencejo_expr::{Arithmetic, Comparison, Test, Type};
use vencejo_rules::spec::Semantics;
use vencejo_types::schema::ColumnType;

use crate::tokens::{Name, Place};

/// An expression. The place is where an error about it points: at the operator, or else at its start.
#[derive(Debug)]
pub(crate) struct Ast {
    pub(crate) place: Place,
    /// Operations on the longest path below, which the parser bounds.
    pub(crate) height: usize,
    pub(crate) kind: AstKind,
}

#[derive(Debug)]
pub(crate) enum AstKind {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    /// `DATE '...'` or `TIMESTAMP '...'`.
    Moment(ColumnType, String),
    /// `INTERVAL '...' unit`: milliseconds or months, as the type says.
    Interval(Type, i64),
    Column(Box<ColumnName>),
    Negate(Box<Ast>),
    Not(Box<Ast>),
    Arithmetic(Arithmetic, Box<[Ast; 2]>),
    Compare(Comparison, Box<[Ast; 2]>),
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Concat(Vec<Ast>),
    Is(Test, Box<Ast>),
    In {
        value: Box<Ast>,
        list: Vec<Ast>,
        negated: bool,
    },
    Between {
        /// The value, the lower and the upper end.
        parts: Box<[Ast; 3]>,
        negated: bool,
    },
    Case(Box<Case>),
    Cast(Box<Ast>, ColumnType),
    Function(Box<Function>),
    /// `value [NOT] IN (SELECT ...)`.
    InQuery {
        value: Box<Ast>,
        query: Box<Query>,
        negated: bool,
    },
    /// `EXISTS (SELECT ...)`.
    Exists(Box<Query>),
}

/// `name` or `qualifier.name`.
#[derive(Debug)]
pub(crate) struct ColumnName {
    pub(crate) qualifier: Option<Name>,
    pub(crate) name: Name,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) operand: Option<Ast>,
    pub(crate) branches: Vec<(Ast, Ast)>,
    pub(crate) otherwise: Option<Ast>,
}

/// `name(arguments)`, or `name(*)`.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Ast>,
    pub(crate) star: bool,
    /// The variable of `COUNT(variable.*)`.
    pub(crate) star_of: Option<Name>,
    /// RUNNING or FINAL before the name.
    pub(crate) semantics: Option<Semantics>,
    /// `DISTINCT` before the arguments.
    pub(crate) distinct: bool,
    /// `FILTER (WHERE ...)`.
    pub(crate) filter: Option<Ast>,
    pub(crate) over: Option<Over>,
}

impl Function {
    /// A call without clauses.
    pub(crate) fn plain(name: Name, arguments: Vec<Ast>) -> Self {
        Self {
            name,
            arguments,
            star: false,
            star_of: None,
            semantics: None,
            distinct: false,
            filter: None,
            over: None,
        }
    }
}

/// What stands behind OVER.
#[derive(Debug)]
pub(crate) enum Over {
    /// A name that WINDOW defines.
    Named(Name),
    Spec(OverSpec),
}

/// `(PARTITION BY ... ORDER BY ... ROWS ...)`.
#[derive(Debug)]
pub(crate) struct OverSpec {
    pub(crate) place: Place,
    pub(crate) partition: Vec<Ast>,
    pub(crate) order: Vec<OrderItem>,
    pub(crate) frame: Option<FrameClause>,
}

#[derive(Debug)]
pub(crate) struct OrderItem {
    pub(crate) value: Ast,
    pub(crate) descending: bool,
    pub(crate) nulls_first: Option<bool>,
}

/// `ROWS | RANGE BETWEEN ... PRECEDING AND CURRENT ROW`.
#[derive(Debug)]
pub(crate) struct FrameClause {
    pub(crate) place: Place,
    pub(crate) rows: bool,
    /// How far back; nothing for UNBOUNDED.
    pub(crate) preceding: Option<Ast>,
}

/// One entry of a SELECT list.
#[derive(Debug)]
pub(crate) enum Item {
    /// `*` or `qualifier.*`.
    Star { place: Place, qualifier: Option<Name> },
    /// `expression [AS alias]`.
    Value { place: Place, value: Ast, alias: Option<Name> },
}

/// SELECTs joined by UNION ALL, after their WITH.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) place: Place,
    /// `WITH name AS (query)`.
    pub(crate) with: Vec<(Name, Query)>,
    /// At least one.
    pub(crate) selects: Vec<Select>,
}

/// `SELECT items FROM ...` with its clauses.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) place: Place,
    pub(crate) distinct: bool,
    pub(crate) items: Vec<Item>,
    pub(crate) relation: Relation,
    pub(crate) joins: Vec<Join>,
    pub(crate) condition: Option<Ast>,
    pub(crate) group_by: Option<GroupBy>,
    pub(crate) having: Option<Ast>,
    /// `WINDOW name AS (...)`.
    pub(crate) windows: Vec<(Name, OverSpec)>,
}

/// `GROUP BY`: the expressions, and the sets of them by which rows are grouped; a plain GROUP BY has one.
#[derive(Debug)]
pub(crate) struct GroupBy {
    pub(crate) place: Place,
    pub(crate) keys: Vec<Ast>,
    pub(crate) sets: Vec<Vec<usize>>,
}

/// What FROM and JOIN name.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) place: Place,
    pub(crate) source: Source,
    pub(crate) alias: Option<Name>,
}

#[derive(Debug)]
pub(crate) enum Source {
    Named(Name),
    Subquery(Box<Query>),
    Window(Box<WindowCall>),
    Match(Box<row_pattern::MatchClause>),
}

/// A window table function's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowKind {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

/// `TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL ...)` and its kin.
#[derive(Debug)]
pub(crate) struct WindowCall {
    pub(crate) kind: WindowKind,
    pub(crate) relation: Relation,
    /// `PARTITION BY` of a session.
    pub(crate) partition: Vec<Ast>,
    pub(crate) time: ColumnName,
    /// The lengths in the order of the function's parameters, each with its place.
    pub(crate) lengths: Vec<(i64, Place)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinWord {
    Inner,
    Left,
    Right,
    Full,
    /// A comma or CROSS JOIN: WHERE has the condition.
    Cross,
}

/// `JOIN relation ON condition`.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) place: Place,
    pub(crate) word: JoinWord,
    /// `FOR SYSTEM_TIME AS OF`.
    pub(crate) temporal: bool,
    pub(crate) relation: Relation,
    pub(crate) on: Option<Ast>,
}

/// `'key' = 'value'` of WITH.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: Name,
    pub(crate) value: Name,
}

/// `name TYPE` with or without NOT NULL.
#[derive(Debug)]
pub(crate) struct ColumnDeclaration {
    pub(crate) name: Name,
    pub(crate) column_type: ColumnType,
    pub(crate) nullable: bool,
}

impl Ast {
    /// The length of an INTERVAL literal of weeks to milliseconds, in milliseconds.
    pub(crate) fn interval_millis(&self) -> Option<i64> {
        match self.kind {
            AstKind::Interval(Type::Interval, millis) => Some(millis),
            _ => None,
        }
    }

    /// Calls `visit` with every expression right below; subqueries are not entered.
    pub(crate) fn children<'a>(&'a self, visit: &mut dyn FnMut(&'a Ast)) {
        match &self.kind {
            AstKind::Null
            | AstKind::Boolean(_)
            | AstKind::Integer(_)
            | AstKind::Double(_)
            | AstKind::Text(_)
            | AstKind::Moment(..)
            | AstKind::Interval(..)
            | AstKind::Column(_)
            | AstKind::Exists(_) => {}
            AstKind::Negate(a) | AstKind::Not(a) | AstKind::Is(_, a) | AstKind::Cast(a, _) => visit(a),
            AstKind::Arithmetic(_, sides) | AstKind::Compare(_, sides) => sides.iter().for_each(visit),
            AstKind::And(list) | AstKind::Or(list) | AstKind::Concat(list) => list.iter().for_each(visit),
            AstKind::In { value, list, .. } => {
                visit(value);
                list.iter().for_each(visit);
            }
            AstKind::InQuery { value, .. } => visit(value),
            AstKind::Between { parts, .. } => parts.iter().for_each(visit),
            AstKind::Case(case) => {
                case.operand.iter().for_each(&mut *visit);
                for (condition, result) in &case.branches {
                    visit(condition);
                    visit(result);
                }
                case.otherwise.iter().for_each(visit);
            }
            AstKind::Function(function) => {
                function.arguments.iter().for_each(&mut *visit);
                function.filter.iter().for_each(&mut *visit);
                if let Some(Over::Spec(spec)) = &function.over {
                    spec.partition.iter().for_each(&mut *visit);
                    spec.order.iter().map(|item| &item.value).for_each(visit);
                }
            }
        }
    }

    /// The operands of AND at the top, those of ANDs among them included, or the expression itself.
    pub(crate) fn conjuncts(&self) -> Vec<&Ast> {
        match &self.kind {
            AstKind::And(list) => list.iter().flat_map(Ast::conjuncts).collect(),
            _ => vec![self],
        }
    }
}
