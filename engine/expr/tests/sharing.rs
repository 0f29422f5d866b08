//! Laziness, sharing and limits, one hazard each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod twin;

use bumpalo::Bump;
use twin::{Row, Surroundings, Val, answer, place};
use vencejo_expr::{Arithmetic, Comparison, CompileError, Expr, Graph, Type, TypeError, compile};

/// Runs over one row of a BOOLEAN, a BIGINT and a DOUBLE column; also gives how many calls were made.
fn run(graph: &Graph, outputs: &[Expr], truth: Option<bool>) -> (Vec<Val>, usize) {
    let row = Row(vec![vec![truth.map_or(Val::Null, Val::Bool)], vec![Val::Int(3)], vec![Val::Double(1.5)]]);
    let arena = Bump::new();
    let program = compile(graph, outputs).unwrap();
    let mut env = Surroundings { row: &row, calls: Vec::new() };
    let results = program.run(&mut env, &arena).iter().map(|&value| Val::of(value)).collect();
    (results, env.calls.len())
}

fn truth(graph: &mut Graph) -> Expr {
    graph.column(place(Type::Boolean), 0, Type::Boolean, true).unwrap()
}

fn predict(graph: &mut Graph) -> Expr {
    let x = graph.column(place(Type::BigInt), 0, Type::BigInt, false).unwrap();
    graph.call(place(Type::BigInt), &[x], Type::BigInt, true).unwrap()
}

fn predicted() -> Val {
    answer(place(Type::BigInt), &[Val::Int(3)])
}

#[test]
fn a_call_named_in_several_outputs_runs_once() {
    let mut graph = Graph::new();
    let call = predict(&mut graph);
    let sum = graph.arithmetic(Arithmetic::Add, call, call).unwrap();
    let again = predict(&mut graph);
    assert_eq!(run(&graph, &[call, sum, again], None).1, 1);
}

#[test]
fn a_call_in_a_branch_that_is_not_taken_does_not_run() {
    let mut graph = Graph::new();
    let (condition, call) = (truth(&mut graph), predict(&mut graph));
    let otherwise = graph.integer(9).unwrap();
    let choice = graph.case(&[(condition, call)], Some(otherwise)).unwrap();
    assert_eq!(run(&graph, &[choice], Some(true)), (vec![predicted()], 1));
    assert_eq!(run(&graph, &[choice], Some(false)), (vec![Val::Int(9)], 0));
    assert_eq!(run(&graph, &[choice], None), (vec![Val::Int(9)], 0));
}

#[test]
fn a_value_computed_in_a_branch_is_not_assumed_elsewhere() {
    let mut graph = Graph::new();
    let (condition, call) = (truth(&mut graph), predict(&mut graph));
    let zero = graph.integer(0).unwrap();
    let opposite = graph.not(condition).unwrap();
    let choice = graph.case(&[(condition, call)], Some(zero)).unwrap();
    let other = graph.case(&[(opposite, call)], Some(zero)).unwrap();
    // Needed in the first, in the second, in neither; afterwards surely.
    assert_eq!(run(&graph, &[choice, other], Some(true)), (vec![predicted(), Val::Int(0)], 1));
    assert_eq!(run(&graph, &[choice, other], Some(false)), (vec![Val::Int(0), predicted()], 1));
    assert_eq!(run(&graph, &[choice, other], None), (vec![Val::Int(0), Val::Int(0)], 0));
    for state in [Some(true), Some(false), None] {
        let (results, calls) = run(&graph, &[choice, other, call], state);
        assert_eq!((&results[2], calls), (&predicted(), 1));
    }
}

#[test]
fn a_block_does_not_count_on_what_a_branch_computed() {
    let mut graph = Graph::new();
    let (condition, call) = (truth(&mut graph), predict(&mut graph));
    let x = graph.column(place(Type::BigInt), 0, Type::BigInt, false).unwrap();
    let inner = graph.arithmetic(Arithmetic::Multiply, x, call).unwrap();
    let outer = graph.arithmetic(Arithmetic::Add, inner, inner).unwrap();
    let minus = graph.negate(inner).unwrap();
    let null = graph.null().unwrap();
    // In the first branch `inner` is there before `outer` asks for it; in the second it is not.
    let pair = graph.coalesce(&[minus, outer]).unwrap();
    let first = graph.case(&[(condition, pair)], Some(null)).unwrap();
    let second = graph.case(&[(condition, null)], Some(outer)).unwrap();
    for state in [Some(true), Some(false), None] {
        let (results, calls) = run(&graph, &[first, second], state);
        assert_eq!(calls, 1, "{state:?}");
        assert_eq!(results.iter().filter(|&value| *value == Val::Null).count(), 1, "{state:?}: {results:?}");
    }
}

#[test]
fn and_or_and_coalesce_stop_when_decided() {
    let mut graph = Graph::new();
    let (condition, call) = (truth(&mut graph), predict(&mut graph));
    let three = graph.integer(100).unwrap();
    let below = graph.compare(Comparison::Less, call, three).unwrap();
    let both = graph.and(&[condition, below]).unwrap();
    let either = graph.or(&[condition, below]).unwrap();
    assert_eq!(run(&graph, &[both], Some(false)), (vec![Val::Bool(false)], 0));
    assert_eq!(run(&graph, &[both], Some(true)).1, 1);
    assert_eq!(run(&graph, &[either], Some(true)), (vec![Val::Bool(true)], 0));
    assert_eq!(run(&graph, &[either], None).1, 1);
    let x = graph.column(place(Type::BigInt), 0, Type::BigInt, true).unwrap();
    let first = graph.coalesce(&[x, call]).unwrap();
    assert_eq!(run(&graph, &[first], None), (vec![Val::Int(3)], 0));
}

#[test]
fn shared_branches_do_not_multiply_the_code() {
    let mut graph = Graph::new();
    let condition = truth(&mut graph);
    let mut expr = predict(&mut graph);
    for n in 0..80 {
        let n = graph.integer(n).unwrap();
        let more = graph.arithmetic(Arithmetic::Add, expr, n).unwrap();
        expr = graph.case(&[(condition, more)], Some(expr)).unwrap();
    }
    let program = compile(&graph, &[expr]).unwrap();
    assert!(program.instructions() < 80 * 12, "{}", program.instructions());
    assert_eq!(run(&graph, &[expr], Some(true)).1, 1);
}

#[test]
fn limits_are_errors() {
    let mut graph = Graph::new();
    let x = graph.column(place(Type::BigInt), 0, Type::BigInt, false).unwrap();
    let mut sum = x;
    let error = (0..).find_map(|_| match graph.arithmetic(Arithmetic::Add, sum, x) {
        Ok(expr) => {
            sum = expr;
            None
        }
        Err(error) => Some(error),
    });
    assert_eq!(error, Some(TypeError::TooDeep));
    // The deepest expression there is compiles and runs on a small stack.
    let deepest = std::thread::Builder::new().stack_size(1 << 20).spawn(move || run(&graph, &[sum], None));
    assert_eq!(deepest.unwrap().join().unwrap().0, vec![Val::Int(3 * 257)]);

    let mut graph = Graph::new();
    let (condition, mut nested) = (truth(&mut graph), predict(&mut graph));
    while let Ok(less) = graph.negate(nested) {
        let Ok(choice) = graph.case(&[(condition, less)], Some(nested)) else { break };
        nested = choice;
    }
    let nested =
        std::thread::Builder::new().stack_size(1 << 20).spawn(move || run(&graph, &[nested], Some(true)));
    assert_eq!(nested.unwrap().join().unwrap().1, 1);

    let mut graph = Graph::new();
    let columns: Vec<Expr> = (0..5_000).map(|n| graph.column(0, n, Type::BigInt, false).unwrap()).collect();
    assert_eq!(compile(&graph, &columns).unwrap_err(), CompileError::Registers);
    let text = graph.column(1, 0, Type::String, false).unwrap();
    let mut list = Vec::new();
    for n in 0..300 {
        let n = graph.text(&n.to_string()).unwrap();
        list.push(graph.concat(&[text, n]).unwrap());
    }
    assert_eq!(compile(&graph, &list).unwrap_err(), CompileError::StringOperations);
    let ones: Vec<Expr> = (0..1_025).map(|n| graph.integer(n).unwrap()).collect();
    assert_eq!(graph.in_list(columns[0], &ones), Err(TypeError::ListTooLong { values: 1_025 }));
}

#[test]
fn a_string_that_grows_past_the_limit_is_null() {
    let mut graph = Graph::new();
    let text = graph.column(3, 0, Type::String, false).unwrap();
    let doubled = (0..40).fold(text, |text, _| graph.concat(&[text, text]).unwrap());
    let length = graph.char_length(doubled).unwrap();
    let program = compile(&graph, &[length]).unwrap();
    let row = Row(vec![vec![], vec![], vec![], vec![Val::Text("ab".into())]]);
    let arena = Bump::new();
    let mut env = Surroundings { row: &row, calls: Vec::new() };
    assert_eq!(Val::of(program.run(&mut env, &arena)[0]), Val::Null);
    assert!(arena.allocated_bytes() < 1 << 20);
}
