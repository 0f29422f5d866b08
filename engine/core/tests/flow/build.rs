//! Apps from a few lines.

use std::sync::Arc;

use vencejo_core::plan::flow::{Calc, Edge, Flow, Node, Operator, Output, Table, TableSource};
use vencejo_core::plan::{App, Stream, StreamOptions, Watermark};
use vencejo_expr::{Expr, Graph, Program, Type, compile};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, Aggregation, Grouping, Windowing};

/// A program of these outputs over rows.
pub fn program(build: impl FnOnce(&mut Graph) -> Vec<Expr>) -> Program {
    let mut graph = Graph::new();
    let outputs = build(&mut graph);
    compile(&graph, &outputs).unwrap()
}

/// A schema of columns like `key STRING`, all nullable; none is a key.
pub fn schema(columns: &str, key: &[usize]) -> Arc<Schema> {
    let columns = columns.split(", ").map(|column| {
        let (name, column_type) = column.split_once(' ').unwrap();
        let column_type = match column_type {
            "STRING" => ColumnType::String,
            "BIGINT" => ColumnType::BigInt,
            "DOUBLE" => ColumnType::Double,
            "TS" => ColumnType::Timestamp,
            other => panic!("{other}"),
        };
        Column::nullable(name, column_type)
    });
    Arc::new(Schema::new(columns.collect(), key.to_vec()))
}

/// A stream `(ts, key, x)`; its watermark stays this far behind.
pub fn stream(name: &str, delay_millis: i64) -> Stream {
    let watermark = Some(Watermark { column: 0, delay_millis, idle_millis: None });
    let options = StreamOptions::default();
    Stream { name: name.to_owned(), schema: schema("ts TS, key STRING, x BIGINT", &[1]), watermark, options }
}

/// Types of the columns of [`stream`].
pub const STREAM: [Type; 3] = [Type::Timestamp, Type::String, Type::BigInt];

/// A flow as it grows, node by node.
#[derive(Default)]
pub struct Building {
    pub flow: Flow,
}

impl Building {
    /// A flow over so many streams.
    pub fn over(streams: usize) -> Self {
        Self { flow: Flow { inputs: vec![Vec::new(); streams], ..Flow::default() } }
    }

    /// Adds a node whose ports have these inputs: `Err` names a stream, `Ok` a node.
    pub fn node(&mut self, operator: Operator, columns: &[Type], ports: &[&[Result<usize, usize>]]) -> usize {
        let node = self.flow.nodes.len();
        for (port, inputs) in ports.iter().enumerate() {
            for input in *inputs {
                let edge = Edge { node, port };
                match *input {
                    Ok(from) => self.flow.nodes[from].outputs.push(edge),
                    Err(stream) => self.flow.inputs[stream].push(edge),
                }
            }
        }
        self.flow.nodes.push(Node {
            operator,
            outputs: vec![],
            columns: columns.to_vec(),
            inputs: ports.iter().map(|inputs| inputs.len()).collect(),
            name: format!("node {node}"),
        });
        node
    }

    /// Lets a node's rows leave under a name.
    pub fn emit(&mut self, name: &str, columns: &str, from: usize) {
        let output = self.flow.outputs.len();
        self.flow.outputs.push(Output { name: name.to_owned(), schema: schema(columns, &[]) });
        self.node(Operator::Emit(output), &[], &[&[Ok(from)]]);
    }

    /// A table over a running aggregation.
    pub fn running_table(&mut self, columns: &str, node: usize, calc: Calc) {
        let source = TableSource::Running { node, calc };
        self.flow.tables.push(Table {
            name: "t".to_owned(),
            schema: schema(columns, &[0]),
            source,
            partition: Some(vec![0]),
        });
    }

    /// The app.
    pub fn app(self, streams: Vec<Stream>) -> App {
        App { name: "test".to_owned(), streams, models: vec![], decisions: vec![], flow: self.flow }
    }
}

/// COUNT(*) and SUM(x) per key.
pub fn count_and_sum(grouping: Grouping) -> Operator {
    let call = |function, argument| AggregateCall { function, argument, distinct: false, filter: None };
    Operator::Aggregate(Aggregation {
        key: vec![(1, Type::String)],
        time: Some(0),
        grouping,
        calls: vec![
            call(AggregateFunction::CountRows, None),
            call(AggregateFunction::Sum, Some((2, Type::BigInt))),
        ],
        keys_max: VIEW_KEYS_MAX,
    })
}

/// Columns of [`count_and_sum`] over windows.
pub const WINDOWED: [Type; 6] =
    [Type::String, Type::Timestamp, Type::Timestamp, Type::Timestamp, Type::BigInt, Type::BigInt];
/// The same, to emit.
pub const WINDOWED_COLUMNS: &str = "key STRING, ws TS, we TS, wt TS, n BIGINT, sum BIGINT";

/// Windows of ten milliseconds.
pub fn tumble() -> Grouping {
    Grouping::Window { windowing: Windowing::Tumble { size: 10, offset: 0 }, lateness: 0, retention: 0 }
}

/// `SELECT columns WHERE x >= 0`, or all rows.
pub fn calc(columns: &[Type], filtered: bool) -> Calc {
    let program = program(|graph| {
        let mut outputs = Vec::new();
        if filtered {
            let x = graph.column(0, 2, Type::BigInt, true).unwrap();
            let zero = graph.integer(0).unwrap();
            outputs.push(graph.compare(vencejo_expr::Comparison::GreaterEqual, x, zero).unwrap());
        }
        for (place, &ty) in columns.iter().enumerate() {
            outputs.push(graph.column(0, u16::try_from(place).unwrap(), ty, true).unwrap());
        }
        outputs
    });
    Calc { program, filtered }
}
