//! What rows that come next will be looked up by, as far as their own columns say it: so that operators whose
//! state is far can be asked for several rows at once.

use vencejo_types::StreamId;
use vencejo_types::limits::DECISIONS_AHEAD_MAX;
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_windows::{FETCH_KEYS_MAX, Far, Fetch};

use super::slot::Slot;
use super::{Dataflow, table};
use crate::plan::flow::{Edge, Flow, Operator};
use crate::plan::{App, Decision, Lookup};

/// Tables in which what requests look up is fetched.
const FETCHES_MAX: usize = 8;

/// Per stream, the operators that its rows come to.
#[derive(Debug)]
pub(super) struct Ahead {
    streams: Vec<Vec<Target>>,
}

/// An operator whose key is made of these columns of a stream.
#[derive(Debug)]
struct Target {
    node: usize,
    key: Vec<usize>,
}

impl Ahead {
    pub(super) fn new(flow: &Flow) -> Self {
        let of_stream = |edges: &Vec<Edge>| {
            let mut targets = Vec::new();
            edges.iter().for_each(|edge| find(flow, edge.node, &Some, &mut targets));
            targets
        };
        Self { streams: flow.inputs.iter().map(of_stream).collect() }
    }

    /// Operators that a stream's rows come to and that are far: the node of each, and the columns of its key.
    pub(super) fn far<'s>(
        &'s self,
        slots: &'s [Slot],
        stream: StreamId,
    ) -> impl Iterator<Item = (usize, Far<'s>, &'s [usize])> + Clone {
        let targets = self.streams.get(stream.index()).into_iter().flatten();
        targets.filter_map(|target| {
            let far = Far::of(slots[target.node].work.as_operator()?)?;
            Some((target.node, far, &*target.key))
        })
    }
}

/// Finds the operators behind a node's input of whose rows `column` says which column of the stream they have
/// where.
fn find(flow: &Flow, node: usize, column: &dyn Fn(usize) -> Option<usize>, targets: &mut Vec<Target>) {
    let columns = match &flow.nodes[node].operator {
        Operator::Calc(calc) => {
            let first = usize::from(calc.filtered);
            let behind = |place: usize| match calc.program.loaded(first + place)? {
                (0, loaded) => column(usize::from(loaded)),
                _ => None,
            };
            return flow.nodes[node].outputs.iter().for_each(|edge| find(flow, edge.node, &behind, targets));
        }
        Operator::Aggregate(spec) => &spec.key,
        Operator::Keep(spec) => &spec.key,
        _ => return,
    };
    if let Some(key) = columns.iter().map(|&(at, _)| column(at)).collect() {
        targets.push(Target { node, key });
    }
}

impl Dataflow {
    /// Has the processor fetch what a stream's next rows are looked up by.
    pub(crate) fn fetch<'r>(
        &self,
        (stream, schema): (StreamId, &Schema),
        rows: &(impl Iterator<Item = Row<'r>> + Clone),
        key: &mut Vec<u8>,
    ) {
        for (_, far, columns) in self.ahead.far(&self.slots, stream) {
            let mut fetch = Fetch::<FETCH_KEYS_MAX>::new(far);
            add_keys(&mut fetch, schema, rows.clone(), columns, key);
            fetch.fetch();
        }
    }

    /// Has the processor fetch what requests look up, and then, as rows, are looked up by: of so many tables
    /// that its caches do not hold.
    pub(crate) fn fetch_requests<'r>(
        &self,
        app: &App,
        decision: &Decision,
        rows: &(impl Iterator<Item = Row<'r>> + Clone),
        key: &mut Vec<u8>,
    ) -> usize {
        let schema = &app.streams[decision.stream.index()].schema;
        let lookups = decision.lookups.iter();
        let looked_up = lookups
            .clone()
            .filter_map(|lookup| Some((self.table(&app.flow, lookup.view)?.far()?, &*lookup.key)));
        let behind = self.ahead.far(&self.slots, decision.stream).filter_map(|(node, far, columns)| {
            let node_of = |lookup: &Lookup| table::running_node(&app.flow, lookup.view);
            (!lookups.clone().any(|lookup| node_of(lookup) == Some(node))).then_some((far, columns))
        });
        let mut all_far = [const { None }; FETCHES_MAX];
        let places = all_far.iter_mut().zip(looked_up.chain(behind));
        let count = places.map(|(place, far)| *place = Some(far)).count();
        if count == 0 {
            return 0;
        }
        let all = all_far.map(|far| {
            let (far, columns) = far?;
            let mut fetch = Fetch::<DECISIONS_AHEAD_MAX>::new(far);
            add_keys(&mut fetch, schema, rows.clone(), columns, key);
            Some(fetch)
        });
        Fetch::fetch_all(all.iter().flatten());
        count
    }
}

/// Adds the keys that these columns make.
fn add_keys<'r, const KEYS: usize>(
    fetch: &mut Fetch<'_, KEYS>,
    schema: &Schema,
    rows: impl Iterator<Item = Row<'r>>,
    columns: &[usize],
    key: &mut Vec<u8>,
) {
    for row in rows {
        key.clear();
        row.write_key(schema, columns, key);
        fetch.add(key);
    }
}

#[cfg(test)]
mod tests {
    use vencejo_expr::{Arithmetic, Graph, Type, compile};
    use vencejo_windows::spec::{Aggregation, Grouping};

    use super::*;
    use crate::plan::flow::{Calc, Node};

    fn node(operator: Operator, outputs: Vec<usize>) -> Node {
        let outputs = outputs.into_iter().map(|node| Edge { node, port: 0 }).collect();
        Node { operator, outputs, columns: Vec::new(), inputs: vec![1], name: "view".to_owned() }
    }

    fn group(key: &[usize]) -> Operator {
        let key = key.iter().map(|&column| (column, Type::BigInt)).collect();
        let grouping = Grouping::Running { ttl: None };
        Operator::Aggregate(Aggregation { key, time: None, grouping, calls: Vec::new(), keys_max: 9 })
    }

    /// SELECT #0 + 1, #3, #2 WHERE #1 in front of groups by single columns of it, and by two.
    #[test]
    fn keys_are_followed_through_calculations() {
        let mut graph = Graph::new();
        let mut column = |column, ty| graph.column(0, column, ty, true).unwrap();
        let outputs = [
            column(1, Type::Boolean),
            column(0, Type::BigInt),
            column(3, Type::String),
            column(2, Type::BigInt),
        ];
        let one = graph.integer(1).unwrap();
        let sum = graph.arithmetic(Arithmetic::Add, outputs[1], one).unwrap();
        let program = compile(&graph, &[outputs[0], sum, outputs[2], outputs[3]]).unwrap();
        let calc = Operator::Calc(Calc { program, filtered: true });
        let nodes = vec![
            node(calc, vec![1, 2, 3]),
            node(group(&[0]), vec![]),
            node(group(&[1]), vec![]),
            node(group(&[2, 1]), vec![]),
        ];
        let flow = Flow { inputs: vec![vec![Edge { node: 0, port: 0 }]], nodes, ..Flow::default() };
        let slots: Vec<_> = flow.nodes.iter().map(Slot::new).collect();
        let ahead = Ahead::new(&flow);
        let found: Vec<_> = ahead.streams[0].iter().map(|target| (target.node, &*target.key)).collect();
        assert_eq!(found, [(2, &[3][..]), (3, &[2, 3])]);
        assert!(ahead.far(&slots, StreamId(0)).next().is_none(), "they are small");
    }
}
