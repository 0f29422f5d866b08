//! The edges of a flow with their places at the far end, worked out once.

use std::collections::BTreeSet;

use crate::plan::flow::{Edge, Flow, Operator};

/// An edge as its near end sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) node: usize,
    pub(super) port: usize,
    /// Which of the node's inputs it is, over all ports.
    pub(super) input: usize,
}

#[derive(Debug)]
pub(super) struct Wiring {
    /// Per stream, where its rows go.
    pub(super) streams: Vec<Vec<Wire>>,
    /// Per node, where its rows go.
    pub(super) nodes: Vec<Vec<Wire>>,
    /// Per stream, the nodes behind it, in the flow's order.
    pub(super) reached: Vec<Vec<usize>>,
}

impl Wiring {
    /// # Panics
    /// Where the flow is none: an edge leads back, a node has other inputs than it declares, or rules other
    /// edges than one each.
    pub(super) fn new(flow: &Flow, streams: usize) -> Self {
        let mut inputs = vec![0; flow.nodes.len()];
        let mut wire = |edge: &Edge| {
            let input = inputs[edge.node];
            inputs[edge.node] += 1;
            Wire { node: edge.node, port: edge.port, input }
        };
        let none = Vec::new();
        let feeds = (0..streams).map(|stream| flow.inputs.get(stream).unwrap_or(&none));
        let of_streams: Vec<Vec<Wire>> = feeds.map(|edges| edges.iter().map(&mut wire).collect()).collect();
        let of_nodes: Vec<Vec<Wire>> =
            flow.nodes.iter().map(|node| node.outputs.iter().map(&mut wire).collect()).collect();
        for (place, wires) in of_nodes.iter().enumerate() {
            assert!(wires.iter().all(|wire| wire.node > place), "a node stands behind those that feed it");
        }
        for (node, inputs) in flow.nodes.iter().zip(&inputs) {
            if let Operator::Rules(spec) = &node.operator {
                assert_eq!(node.outputs.len(), spec.rules.len(), "a rule has an edge of its own");
            }
            assert_eq!(node.inputs.iter().sum::<usize>(), *inputs, "a node's inputs are those of its ports");
        }
        let reached = of_streams.iter().map(|wires| reach(wires, &of_nodes)).collect();
        Self { streams: of_streams, nodes: of_nodes, reached }
    }
}

fn reach(from: &[Wire], nodes: &[Vec<Wire>]) -> Vec<usize> {
    let mut reached: BTreeSet<usize> = from.iter().map(|wire| wire.node).collect();
    for (place, wires) in nodes.iter().enumerate() {
        if reached.contains(&place) {
            reached.extend(wires.iter().map(|wire| wire.node));
        }
    }
    reached.into_iter().collect()
}
