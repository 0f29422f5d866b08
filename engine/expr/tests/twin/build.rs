//! Trees to graph nodes.

use vencejo_expr::{Expr, Graph, Type, TypeError};
use vencejo_types::schema::ColumnType;

use super::{Tree, Val, place};

pub fn build(graph: &mut Graph, tree: &Tree, names: &[Expr]) -> Result<Expr, TypeError> {
    let list = |graph: &mut Graph, trees: &[Tree]| -> Result<Vec<Expr>, TypeError> {
        trees.iter().map(|tree| build(graph, tree, names)).collect()
    };
    match tree {
        Tree::Null => graph.null(),
        Tree::Literal(ty, value) => literal(graph, *ty, value),
        Tree::Column(ty, column) => graph.column(place(*ty), *column, *ty, true),
        Tree::Name(_, name) => Ok(names[*name]),
        Tree::Arithmetic(op, a, b) => {
            let (a, b) = (build(graph, a, names)?, build(graph, b, names)?);
            graph.arithmetic(*op, a, b)
        }
        Tree::Compare(op, a, b) => {
            let (a, b) = (build(graph, a, names)?, build(graph, b, names)?);
            graph.compare(*op, a, b)
        }
        Tree::NullIf(a, b) => {
            let (a, b) = (build(graph, a, names)?, build(graph, b, names)?);
            graph.nullif(a, b)
        }
        Tree::Between(a, b, c) => {
            let (a, b, c) = (build(graph, a, names)?, build(graph, b, names)?, build(graph, c, names)?);
            graph.between(a, b, c)
        }
        Tree::In(a, values) => {
            let a = build(graph, a, names)?;
            let values = list(graph, values)?;
            graph.in_list(a, &values)
        }
        Tree::Case(branches, otherwise) => {
            let (branches, otherwise) = case_parts(graph, branches, otherwise.as_deref(), names)?;
            graph.case(&branches, otherwise)
        }
        Tree::SimpleCase(operand, branches, otherwise) => {
            let operand = build(graph, operand, names)?;
            let (branches, otherwise) = case_parts(graph, branches, otherwise.as_deref(), names)?;
            graph.simple_case(operand, &branches, otherwise)
        }
        Tree::And(trees) => list(graph, trees).and_then(|list| graph.and(&list)),
        Tree::Or(trees) => list(graph, trees).and_then(|list| graph.or(&list)),
        Tree::Coalesce(trees) => list(graph, trees).and_then(|list| graph.coalesce(&list)),
        Tree::Least(trees) => list(graph, trees).and_then(|list| graph.least(&list)),
        Tree::Greatest(trees) => list(graph, trees).and_then(|list| graph.greatest(&list)),
        Tree::Concat(trees) => list(graph, trees).and_then(|list| graph.concat(&list)),
        Tree::Call(ty, trees) => {
            let list = list(graph, trees)?;
            graph.call(place(*ty), &list, *ty, true)
        }
        Tree::Negate(a) => build(graph, a, names).and_then(|a| graph.negate(a)),
        Tree::Not(a) => build(graph, a, names).and_then(|a| graph.not(a)),
        Tree::Is(test, a) => build(graph, a, names).and_then(|a| graph.is(*test, a)),
        Tree::Round(a, digits) => build(graph, a, names).and_then(|a| graph.round(a, *digits)),
        Tree::Abs(a) => build(graph, a, names).and_then(|a| graph.abs(a)),
        Tree::Floor(a) => build(graph, a, names).and_then(|a| graph.floor(a)),
        Tree::Ceil(a) => build(graph, a, names).and_then(|a| graph.ceil(a)),
        Tree::Cast(a, to) => build(graph, a, names).and_then(|a| graph.cast(a, *to)),
        Tree::Upper(a) => build(graph, a, names).and_then(|a| graph.upper(a)),
        Tree::Lower(a) => build(graph, a, names).and_then(|a| graph.lower(a)),
        Tree::Trim(a) => build(graph, a, names).and_then(|a| graph.trim(a)),
        Tree::CharLength(a) => build(graph, a, names).and_then(|a| graph.char_length(a)),
    }
}

fn literal(graph: &mut Graph, ty: Type, value: &Val) -> Result<Expr, TypeError> {
    match value {
        Val::Null => graph.null_of(ty),
        Val::Bool(x) => graph.boolean(*x),
        Val::Double(x) => graph.double(*x),
        Val::Int(x) => match ty.column_type() {
            ColumnType::Timestamp => {
                let date = graph.text("1970-01-01")?;
                assert_eq!(*x, 0, "the only timestamp literal");
                graph.cast(date, ColumnType::Timestamp)
            }
            ColumnType::Date => {
                let date = graph.text("1970-01-01")?;
                assert_eq!(*x, 0, "the only date literal");
                graph.cast(date, ColumnType::Date)
            }
            _ => graph.integer(*x),
        },
        Val::Text(x) => graph.text(x),
    }
}

type CaseParts = (Vec<(Expr, Expr)>, Option<Expr>);

fn case_parts(
    graph: &mut Graph,
    branches: &[(Tree, Tree)],
    otherwise: Option<&Tree>,
    names: &[Expr],
) -> Result<CaseParts, TypeError> {
    let mut built = Vec::new();
    for (a, b) in branches {
        built.push((build(graph, a, names)?, build(graph, b, names)?));
    }
    Ok((built, otherwise.map(|tree| build(graph, tree, names)).transpose()?))
}
