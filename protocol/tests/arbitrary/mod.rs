//! Arbitrary schemas, rows, messages.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::{
    Ack, AckEntry, AckLevel, DecisionCode, DecisionInfo, ErrorFrame, Hello, StreamInfo, Welcome,
};
use vencejo_protocol::row::{Row, RowWriter};
use vencejo_protocol::schema::{Column, ColumnType, Schema};

/// A value of a column, NULL aside. Doubles are their bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `BOOLEAN`.
    Bool(bool),
    /// `INT`, `BIGINT`, `TIMESTAMP(3)`, `DATE`.
    Int(i64),
    /// `DOUBLE`.
    Double(u64),
    /// `STRING`.
    Text(String),
}

/// A row's values, one per column.
pub type Values = Vec<Option<Value>>;

/// Any text, short.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..6).prop_map(String::from_iter)
}

/// A name: no control characters, perhaps empty.
fn label() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.chars().filter(|char| !char.is_control()).collect())
}

/// A name.
pub fn name() -> impl Strategy<Value = String> {
    label().prop_map(|label| format!("n{label}"))
}

fn column_type() -> impl Strategy<Value = ColumnType> {
    let decimal = (1_u8..=18).prop_flat_map(|precision| {
        (0..=precision).prop_map(move |scale| ColumnType::Decimal { precision, scale })
    });
    prop_oneof![
        7 => (1_u8..=7).prop_map(|code| ColumnType::from_code(code).expect("the codes are 1 to 7")),
        1 => decimal,
    ]
}

/// A schema of up to 130 columns, most often few, with an arbitrary key.
pub fn schema() -> impl Strategy<Value = Schema> {
    let count = prop_oneof![20 => 0_usize..8, 1 => 62_usize..67, 1 => 127_usize..130];
    count.prop_flat_map(|count| {
        let columns = vec((label(), column_type(), any::<bool>()), count);
        let order = Just((0..count).collect::<Vec<usize>>()).prop_shuffle();
        (columns, order, 0..=count.min(4)).prop_map(|(columns, mut key, key_columns)| {
            key.truncate(key_columns);
            let columns = columns.into_iter().enumerate();
            let column = |(index, (name, column_type, nullable))| Column {
                name: format!("{index}.{name}"),
                column_type,
                nullable,
            };
            Schema::new(columns.map(column).collect(), key)
        })
    })
}

fn value(column_type: ColumnType) -> BoxedStrategy<Value> {
    match column_type {
        ColumnType::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        ColumnType::Int | ColumnType::Date => {
            prop_oneof![any::<i32>(), -1..=1, Just(i32::MIN), Just(i32::MAX)]
                .prop_map(|value| Value::Int(value.into()))
                .boxed()
        }
        ColumnType::BigInt | ColumnType::Timestamp => {
            prop_oneof![any::<i64>(), -1_i64..=1, Just(i64::MIN), Just(i64::MAX)].prop_map(Value::Int).boxed()
        }
        ColumnType::Decimal { precision, .. } => {
            let most = 10_i64.pow(u32::from(precision)) - 1;
            prop_oneof![-most..=most, Just(most), Just(-most), Just(0)].prop_map(Value::Int).boxed()
        }
        ColumnType::Double => {
            prop_oneof![any::<u64>(), any::<f64>().prop_map(f64::to_bits), Just(0), Just(1 << 63)]
                .prop_map(Value::Double)
                .boxed()
        }
        ColumnType::String => {
            prop_oneof![text(), Just(String::new()), Just("a".to_owned())].prop_map(Value::Text).boxed()
        }
    }
}

/// Values that fit a schema.
pub fn values(schema: &Schema) -> impl Strategy<Value = Values> + use<> {
    let cell = |column: &Column| match column.nullable {
        true => option::of(value(column.column_type)).boxed(),
        false => value(column.column_type).prop_map(Some).boxed(),
    };
    schema.columns().iter().map(cell).collect::<Vec<_>>()
}

/// A schema and rows of it.
pub fn schema_and_rows(count: usize) -> impl Strategy<Value = (Schema, Vec<Values>)> {
    schema().prop_flat_map(move |schema| {
        let rows = vec(values(&schema), count);
        (Just(schema), rows)
    })
}

/// The row's bytes, as the crate writes them.
pub fn write_row(schema: &Schema, values: &Values) -> Vec<u8> {
    let mut writer = RowWriter::new(values.len());
    for (index, value) in values.iter().enumerate() {
        match value {
            None => {}
            Some(Value::Bool(value)) => writer.set_bool(index, *value),
            Some(Value::Int(value)) => writer.set_i64(index, *value),
            Some(Value::Double(bits)) => writer.set_f64(index, f64::from_bits(*bits)),
            Some(Value::Text(text)) => writer.set_str(index, text),
        }
    }
    let mut out = Vec::new();
    writer.finish(schema, &mut out).expect("the values fit the schema");
    out
}

/// The values of a row.
pub fn read_row(schema: &Schema, row: Row<'_>) -> Values {
    let cell = |(index, column): (usize, &Column)| {
        (!row.is_null(index)).then(|| match column.column_type {
            ColumnType::Boolean => Value::Bool(row.bool(index)),
            ColumnType::Double => Value::Double(row.f64(index).to_bits()),
            ColumnType::String => Value::Text(row.str(index).to_owned()),
            _ => Value::Int(row.i64(index)),
        })
    };
    schema.columns().iter().enumerate().map(cell).collect()
}

/// A hello.
pub fn hello() -> impl Strategy<Value = Hello> {
    let expected = vec((name(), any::<u64>()), 0..4);
    (any::<u16>(), any::<u16>(), label(), label(), expected).prop_map(
        |(version_min, version_max, app, client, expected)| Hello {
            version_min,
            version_max,
            app,
            client,
            expected,
        },
    )
}

/// A welcome that makes sense: distinct ids and names, decisions on streams that are there.
pub fn welcome() -> impl Strategy<Value = Welcome> {
    let streams = vec((any::<u8>(), label(), schema()), 1..4);
    let decisions = vec((any::<prop::sample::Index>(), any::<u32>(), label(), schema()), 0..3);
    (any::<(u16, u32)>(), 1_u32.., name(), label(), streams, decisions).prop_map(
        |((version, frame_bytes_max), partitions, app, engine, streams, decisions)| {
            let streams = streams.into_iter().zip(0_u16..).map(|((spread, name, schema), place)| {
                // Distinct, in no order.
                StreamInfo { id: u16::from(spread) << 8 | place, name: format!("{place}.{name}"), schema }
            });
            let streams: Vec<_> = streams.collect();
            let decisions = decisions.into_iter().zip(0_u16..);
            let decisions = decisions.map(|((stream, deadline_micros, name, answer), id)| DecisionInfo {
                id,
                stream: stream.get(&streams).id,
                deadline_micros,
                name: format!("{id}.{name}"),
                answer,
            });
            let decisions = decisions.collect();
            Welcome { version, frame_bytes_max, partitions, app, engine, streams, decisions }
        },
    )
}

/// An acknowledgement level.
pub fn level() -> impl Strategy<Value = AckLevel> {
    prop_oneof![Just(AckLevel::Memory), Just(AckLevel::Journaled)]
}

/// An acknowledgement, its partitions distinct and in order.
pub fn ack() -> impl Strategy<Value = Ack> {
    let refused = option::of(prop::sample::select(ErrorCode::ALL));
    let entry = (any::<u32>(), refused, any::<(u32, u32, u64)>());
    (level(), vec(entry, 0..6)).prop_map(|(level, entries)| {
        let entry = |(partition, refused, (events, retry_after_micros, sequence))| AckEntry {
            partition,
            refused,
            events,
            retry_after_micros,
            sequence,
        };
        let mut entries: Vec<_> = entries.into_iter().map(entry).collect();
        entries.sort_unstable_by_key(|entry| entry.partition);
        entries.dedup_by_key(|entry| entry.partition);
        Ack { level, entries }
    })
}

/// An error frame.
pub fn error() -> impl Strategy<Value = ErrorFrame> {
    (any::<u16>(), any::<u32>(), text()).prop_map(|(code, retry_after_micros, text)| ErrorFrame {
        code,
        retry_after_micros,
        text,
    })
}

/// A decision's code.
pub fn decision_code() -> impl Strategy<Value = DecisionCode> {
    prop::sample::select(&DecisionCode::ALL[..])
}
