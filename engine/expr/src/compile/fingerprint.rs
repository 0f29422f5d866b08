//! What programs are told apart by where state that they helped to make outlives them.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

use crate::function::Prepared;
use crate::graph::{Expr, Graph, Kind};

/// XXH3-64 over a text of the nodes that the outputs reach, and of the rows of look-up tables: the same in
/// every process.
pub(super) fn of(graph: &Graph, outputs: &[Expr], uses: &[u32]) -> u64 {
    let mut text = String::new();
    let used = graph.nodes().iter().enumerate().filter(|&(index, _)| uses[index] > 0);
    for (index, node) in used {
        // Writing to a string cannot fail.
        let _ = match (&node.kind, &*node.prepared) {
            (Kind::Function(..), Prepared::Lookup(table, _)) => write!(text, "{table:?}"),
            (Kind::Function(callee, _), _) => write!(text, "{}", callee.name()),
            _ => Ok(()),
        };
        let _ = writeln!(text, " {index} {:?} {:?}", node.ty, node.kind);
    }
    let _ = write!(text, "{outputs:?}");
    xxh3_64(text.as_bytes())
}
