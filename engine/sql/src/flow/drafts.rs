//! Nodes while they are planned, and the flow that they become.

use vencejo_core::plan::flow::{Edge, Flow, Node, Operator, Output, Table, TableSource};
use vencejo_expr::Type;
use vencejo_types::limits::FLOW_NODES_MAX;
use vencejo_windows::spec::Grouping;

use super::matching::set::RuleSetDraft;
use crate::Diagnostic;
use crate::tokens::Place;

/// How many of its names a node is called by.
const NAMES_SHOWN: usize = 3;

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Stream(usize),
    Node(usize),
}

/// A node that knows what feeds it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) operator: Operator,
    pub(crate) ports: Vec<Vec<Origin>>,
    pub(crate) columns: Vec<Type>,
    /// The views, queries or rules that it belongs to; at least one.
    names: Vec<String>,
}

/// What the statements so far have made.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    pub(crate) nodes: Vec<Draft>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) tables: Vec<Table>,
    /// Ranks whose bound no WHERE has given yet: the node and where ROW_NUMBER stands.
    pub(crate) unbounded: Vec<(usize, Place)>,
    pub(crate) rule_sets: Vec<RuleSetDraft>,
}

impl Draft {
    /// Notes that the node belongs to another view or query, too.
    pub(crate) fn also(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_string());
        }
    }

    /// What reports call it.
    fn name(&self) -> String {
        let shown = self.names[..self.names.len().min(NAMES_SHOWN)].join(", ");
        match self.names.len().saturating_sub(NAMES_SHOWN) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

impl Drafts {
    /// Adds a node behind those that feed it.
    pub(crate) fn add(
        &mut self,
        operator: Operator,
        ports: Vec<Vec<Origin>>,
        columns: Vec<Type>,
        name: String,
    ) -> Result<usize, String> {
        if self.nodes.len() >= FLOW_NODES_MAX {
            return Err(format!("the app's queries need more than {FLOW_NODES_MAX} operators"));
        }
        self.nodes.push(Draft { operator, ports, columns, names: vec![name] });
        Ok(self.nodes.len() - 1)
    }

    /// What makes a group, where the node is an aggregation.
    pub(crate) fn grouping_mut(&mut self, node: usize) -> Option<&mut Grouping> {
        match &mut self.nodes[node].operator {
            Operator::Aggregate(aggregation) => Some(&mut aggregation.grouping),
            _ => None,
        }
    }

    /// Which nodes something is read from.
    fn used(&self) -> Vec<bool> {
        let mut used: Vec<bool> = self
            .nodes
            .iter()
            .map(|node| matches!(node.operator, Operator::Emit(_) | Operator::Keep(_) | Operator::Alert(_)))
            .collect();
        for table in &self.tables {
            let (TableSource::Running { node, .. } | TableSource::Kept { node, .. }) = table.source;
            used[node] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if used[index] {
                for origin in self.nodes[index].ports.iter().flatten() {
                    if let Origin::Node(node) = origin {
                        used[*node] = true;
                    }
                }
            }
        }
        used
    }

    /// ROW_NUMBERs that are used and have no bound.
    pub(crate) fn unbounded_ranks(&self) -> Vec<Diagnostic> {
        let used = self.used();
        let open = self.unbounded.iter().filter(|&&(node, _)| {
            used[node] && matches!(&self.nodes[node].operator, Operator::TopN(rank) if rank.n == 0)
        });
        open.map(|&(_, place)| {
            let hint = "put it in a subquery AS rownum, and write WHERE rownum <= 10 around it";
            Diagnostic::new(place, "ROW_NUMBER() needs a bound").with_hint(hint)
        })
        .collect()
    }

    /// The flow of the nodes that something is read from.
    pub(crate) fn finish(mut self, streams: usize) -> Flow {
        let used = self.used();
        for set in std::mem::take(&mut self.rule_sets) {
            if let Some(spec) = self.nodes[set.node].rules_mut() {
                set.keep_used(spec, &used);
            }
        }
        let mut numbers = Vec::with_capacity(used.len());
        let mut next = 0;
        for &used in &used {
            numbers.push(next);
            next += usize::from(used);
        }
        let mut flow = Flow { inputs: vec![Vec::new(); streams], outputs: self.outputs, ..Flow::default() };
        for (draft, _) in self.nodes.into_iter().zip(used).filter(|&(_, used)| used) {
            let node = flow.nodes.len();
            let inputs = draft.ports.iter().map(Vec::len).collect();
            let name = draft.name();
            for (port, origins) in draft.ports.into_iter().enumerate() {
                for origin in origins {
                    match origin {
                        Origin::Stream(stream) => flow.inputs[stream].push(Edge { node, port }),
                        Origin::Node(from) => flow.nodes[numbers[from]].outputs.push(Edge { node, port }),
                    }
                }
            }
            let Draft { operator, columns, .. } = draft;
            flow.nodes.push(Node { operator, outputs: Vec::new(), columns, inputs, name });
        }
        flow.tables = self.tables;
        for table in &mut flow.tables {
            match &mut table.source {
                TableSource::Running { node, .. } => *node = numbers[*node],
                TableSource::Kept { node, parts } => {
                    *node = numbers[*node];
                    if let Some(parts) = parts {
                        parts.node = numbers[parts.node];
                    }
                }
            }
        }
        flow
    }
}
