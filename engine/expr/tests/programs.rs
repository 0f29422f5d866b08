//! Compiled programs against the tree walk.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod twin;

use bumpalo::Bump;
use proptest::collection::vec;
use proptest::prelude::*;
use twin::build::build;
use twin::evaluate::{Walk, type_of};
use twin::generate::{row, tree};
use twin::{Row, Surroundings, Tree, Val};
use vencejo_expr::{Expr, Graph, compile};

/// Lets every name stand for an earlier tree of its type, or for a column where there is none.
fn resolve(trees: &mut [Tree]) {
    for n in 0..trees.len() {
        let (earlier, rest) = trees.split_at_mut(n);
        resolve_names(&mut rest[0], earlier);
    }
}

fn resolve_names(tree: &mut Tree, earlier: &[Tree]) {
    let each =
        |trees: &mut dyn Iterator<Item = &mut Tree>| trees.for_each(|tree| resolve_names(tree, earlier));
    match tree {
        Tree::Name(ty, name) => {
            let fitting: Vec<usize> =
                (0..earlier.len()).filter(|&n| type_of(&earlier[n]) == Some(*ty)).collect();
            *tree = match fitting.len() {
                0 => Tree::Column(*ty, 0),
                count => Tree::Name(*ty, fitting[*name % count]),
            };
        }
        Tree::Null | Tree::Literal(..) | Tree::Column(..) => {}
        Tree::Arithmetic(_, a, b) | Tree::Compare(_, a, b) | Tree::NullIf(a, b) => {
            each(&mut [&mut **a, &mut **b].into_iter());
        }
        Tree::Between(a, b, c) => each(&mut [&mut **a, &mut **b, &mut **c].into_iter()),
        Tree::In(a, list) => each(&mut std::iter::once(&mut **a).chain(list)),
        Tree::Case(branches, otherwise) => {
            each(&mut branches.iter_mut().flat_map(|(a, b)| [a, b]).chain(otherwise.as_deref_mut()));
        }
        Tree::SimpleCase(a, branches, otherwise) => {
            let branches = branches.iter_mut().flat_map(|(a, b)| [a, b]);
            each(&mut std::iter::once(&mut **a).chain(branches).chain(otherwise.as_deref_mut()));
        }
        Tree::And(list)
        | Tree::Or(list)
        | Tree::Coalesce(list)
        | Tree::Least(list)
        | Tree::Greatest(list)
        | Tree::Concat(list)
        | Tree::Call(_, list) => each(&mut list.iter_mut()),
        Tree::Negate(a)
        | Tree::Not(a)
        | Tree::Is(_, a)
        | Tree::Round(a, _)
        | Tree::Abs(a)
        | Tree::Floor(a)
        | Tree::Ceil(a)
        | Tree::Cast(a, _)
        | Tree::Upper(a)
        | Tree::Lower(a)
        | Tree::Trim(a)
        | Tree::CharLength(a) => resolve_names(a, earlier),
    }
}

/// How often the trees say "call".
fn calls_written(trees: &[Tree]) -> usize {
    format!("{trees:?}").matches("Call(").count()
}

fn check(trees: &[Tree], rows: &[Row]) {
    let mut graph = Graph::new();
    let mut outputs: Vec<Expr> = Vec::new();
    for tree in trees {
        let expr = build(&mut graph, tree, &outputs).unwrap_or_else(|error| panic!("{error}: {tree:?}"));
        outputs.push(expr);
    }
    let program = compile(&graph, &outputs).unwrap();
    assert_eq!(program.outputs(), outputs.len());
    let mut arena = Bump::new();
    for row in rows {
        arena.reset();
        let mut env = Surroundings { row, calls: Vec::new() };
        let results: Vec<Val> = program.run(&mut env, &arena).iter().map(|&value| Val::of(value)).collect();
        let mut walk = Walk { names: trees, row, calls: Vec::new() };
        for (tree, result) in trees.iter().zip(&results) {
            let expected = walk.value(tree);
            assert!(
                result.same(&expected),
                "{result:?} is not {expected:?}\n{tree:?}\n{trees:?}\n{row:?}\n{program:?}"
            );
        }
        for call in &env.calls {
            let needed = walk.calls.iter().any(|needed| format!("{needed:?}") == format!("{call:?}"));
            assert!(needed, "{call:?} was not needed\n{trees:?}\n{row:?}\n{program:?}");
        }
        assert!(
            env.calls.len() <= calls_written(trees),
            "a call was repeated\n{trees:?}\n{row:?}\n{program:?}"
        );
    }
}

fn typed(trees: Vec<Tree>) -> Vec<Tree> {
    let mut trees = trees;
    resolve(&mut trees);
    trees
}

proptest! {
    #![proptest_config(twin::cases(400))]

    #[test]
    fn one_expression_equals_the_walk(tree in tree(3), rows in vec(row(), 1..6)) {
        check(&typed(vec![tree]), &rows);
    }

    #[test]
    fn named_expressions_are_shared_and_stay_lazy(trees in vec(tree(2), 2..8), rows in vec(row(), 1..4)) {
        check(&typed(trees), &rows);
    }
}
