//! Rules behind a stream: matches as rows, matches as alerts, and what becomes of alerts.

use std::sync::Arc;

use vencejo_core::alerts::{AlertChange, AlertId, AlertRefusal, Status};
use vencejo_core::plan::App;
use vencejo_core::plan::flow::{AlertSpec, Matches, Operator, Output, Severity};
use vencejo_core::{Effect, Event, apply};
use vencejo_expr::{Constant, Type};
use vencejo_rules::spec::{
    Atom, Compare, Condition, Order, Pattern, RowsPerMatch, RuleSetSpec, RuleSpec, Skip, Variable, Wording,
};
use vencejo_types::{Tick, row::key_hash};

use crate::bench::{Bench, shown};
use crate::build::{Building, STREAM, calc, program, schema, stream};

/// One row with an x of at least this; what comes out is the key and x.
fn rule(name: &str, atom: u32) -> Arc<RuleSpec> {
    Arc::new(RuleSpec {
        name: name.to_owned(),
        filter: Condition::default(),
        variables: vec![Variable {
            name: "A".to_owned(),
            condition: Condition { atoms: vec![atom], residual: None },
        }],
        pattern: Pattern::Variable(0),
        skip: Skip::PastLastRow,
        within: None,
        references: vec![],
        aggregates: vec![],
        rows: RowsPerMatch::One,
        output: program(|graph| {
            let columns = [(1, Type::String), (2, Type::BigInt)];
            columns.map(|(column, ty)| graph.column(0, column, ty, true).unwrap()).to_vec()
        }),
        show_timeouts: false,
        wording: Wording::default(),
    })
}

/// A rule that raises alerts where x is at least 10, and a query over the rows where it is at least 5.
fn app(cooldown_millis: i64) -> App {
    let at_least =
        |x| Atom::Compare { column: 2, comparison: Compare::GreaterOrEqual, constant: Constant::Int(x) };
    let spec = RuleSetSpec {
        key: vec![(1, Type::String)],
        time: 0,
        order: Order::Arrival,
        then_by: vec![],
        input: STREAM.to_vec(),
        columns: (0..).take(STREAM.len()).collect(),
        atoms: vec![at_least(10), at_least(5)],
        rules: vec![rule("big", 0), rule("seen", 1)],
    };
    let columns = [Type::String, Type::BigInt];
    let mut building = Building::over(1);
    building
        .flow
        .outputs
        .push(Output { name: "big".to_owned(), schema: schema("key STRING, x BIGINT", &[]) });
    let rules = building.node(Operator::Rules(Arc::new(spec)), &[], &[&[Err(0)]]);
    let calc = calc(&columns, false);
    let alert = AlertSpec { output: 0, calc, severity: Severity::Critical, cooldown_millis };
    building.node(Operator::Alert(alert), &[], &[&[Ok(rules)]]);
    let matches = building.node(Operator::Matches(Matches { delay_millis: 0 }), &columns, &[&[Ok(rules)]]);
    building.emit("seen", "key STRING, x BIGINT", matches);
    building.app(vec![stream("s", 0)])
}

const EVENTS: &str = "s 1 a 3
    s 2 a 10
    s 3 b 7
    s 4 a 20";

/// The alerts that a partition keeps: id, status, row and sequences.
fn kept(bench: &Bench) -> Vec<(AlertId, Status, String, Vec<u64>)> {
    let schema = &bench.app.flow.outputs[0].schema;
    let alerts = bench.state.alerts().iter();
    alerts.map(|a| (a.id, a.status, shown(schema, &a.row), a.sequences.to_vec())).collect()
}

fn change(bench: &mut Bench, id: AlertId, change: AlertChange) -> Result<(), AlertRefusal> {
    let sequence = bench.state.sequence().next();
    let event = Event::Alert { id, change };
    apply(&mut bench.state, sequence, Tick(0), &event, &mut bench.effects);
    match bench.effects.list() {
        [Effect::AlertChanged(changed)] => *changed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_rule_gives_its_matches_over_its_own_edge() {
    let mut bench = Bench::new(app(0));
    assert_eq!(bench.run(EVENTS), "big: a 10\nseen: a 10\nseen: b 7\nbig: a 20\nseen: a 20\n");
    let counts: Vec<_> = bench.state.rules().map(|rule| (rule.name, rule.counters.matches)).collect();
    assert_eq!(counts, [("big", 2), ("seen", 3)]);
}

#[test]
fn an_alert_is_kept_as_it_was_raised() {
    let mut bench = Bench::new(app(0));
    bench.run(EVENTS);
    let alerts = kept(&bench);
    let parts: Vec<_> = alerts.iter().map(|(_, status, row, rows)| (*status, &**row, &rows[..])).collect();
    assert_eq!(parts, [(Status::Open, "a 10", &[2][..]), (Status::Open, "a 20", &[4])]);
    // The id by its definition.
    let mut bytes = b"\x04\0\0\0test\x03\0\0\0big".to_vec();
    vencejo_expr::key::write([vencejo_expr::Value::Str("a")], &mut bytes);
    bytes.extend_from_slice(&2_u64.to_le_bytes());
    bytes.extend_from_slice(&2_u64.to_le_bytes());
    assert_eq!(alerts[0].0, AlertId(key_hash(&bytes)));
    // The same events raise the same alerts.
    let mut again = Bench::new(app(0));
    again.run(EVENTS);
    assert_eq!(kept(&again), alerts);
}

#[test]
fn alerts_are_acknowledged_and_resolved_by_events() {
    let mut bench = Bench::new(app(0));
    bench.run(EVENTS);
    let [first, second] = [kept(&bench)[0].0, kept(&bench)[1].0];
    assert_eq!(change(&mut bench, first, AlertChange::Acknowledge), Ok(()));
    assert_eq!(change(&mut bench, second, AlertChange::Resolve), Ok(()));
    assert_eq!(change(&mut bench, second, AlertChange::Acknowledge), Err(AlertRefusal::Resolved));
    assert_eq!(change(&mut bench, AlertId(1), AlertChange::Resolve), Err(AlertRefusal::Unknown));
    let statuses: Vec<_> = kept(&bench).into_iter().map(|(_, status, ..)| status).collect();
    assert_eq!(statuses, [Status::Acknowledged, Status::Resolved]);
    bench.state.restart();
    assert!(bench.state.alerts().is_empty());
}

#[test]
fn a_silent_key_matches_and_raises_nothing() {
    let mut bench = Bench::new(app(3));
    let rows = bench.run("s 1 a 10\ns 3 a 11\ns 3 b 12\ns 4 a 13");
    assert_eq!(rows, "big: a 10\nseen: a 10\nseen: a 11\nbig: b 12\nseen: b 12\nbig: a 13\nseen: a 13\n");
    let big = bench.state.rules().next().unwrap();
    assert_eq!((big.counters.matches, big.suppressed), (4, 1));
    assert_eq!(kept(&bench).len(), 3);
}
