//! The golden vectors of testdata/: every one is written and read, and compared byte for byte. With them,
//! in document/, what SPEC.md says in numbers.
//!
//! The vectors are literal. They were written by another encoder, in another language, so that two
//! implementations agree. Where one fails, the message shows what this crate writes.

mod document;
mod vectors;

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use vectors::{Token, Vector, double, hex, hex_number, load, tokens};
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::{Frame, FrameReader, FrameType};
use vencejo_protocol::message::{
    Ack, AckEntry, AckLevel, Blob, Control, Controlled, Decide, Decision, DecisionCode, DecisionInfo,
    DoorMap, Doors, ErrorFrame, Followed, Hello, Ingest, MessageError, Ping, Pong, Produce, RowEntry, Rows,
    StreamInfo, Subscribe, Subscribed, Welcome,
};
use vencejo_protocol::row::{Row, key_hash, partition_of};
use vencejo_protocol::schema::{ColumnType, Schema};

/// Writes and reads the vectors of a frame type. `build` makes the message of a vector's fields.
fn check<T: Debug + PartialEq>(
    file: &str,
    build: impl Fn(&Vector) -> T,
    write: impl Fn(&T, u64, &mut BytesMut),
    read: impl Fn(&[u8]) -> Result<T, MessageError>,
) {
    for vector in load(file) {
        let meaning = &vector.meaning;
        let frame = only_frame(&vector);
        assert_eq!(frame.frame_type().map(FrameType::name), Some(vector.get("type")), "{meaning}");
        assert_eq!(frame.request, vector.number::<u64>("request"), "{meaning}");
        let decoded = read(&frame.payload);
        if let Some(expected) = vector.find("error") {
            let error = decoded.expect_err(meaning);
            assert_eq!(error.to_string(), expected, "{meaning}");
            assert_eq!(error.code().name(), vector.get("code"), "{meaning}");
            continue;
        }
        let built = build(&vector);
        assert_eq!(decoded.as_ref(), Ok(&built), "{meaning}");
        let mut out = BytesMut::new();
        write(&built, frame.request, &mut out);
        let same = out == vector.bytes;
        let decode_only = vector.find("only") == Some("decode");
        assert_eq!(same, !decode_only, "{meaning} The crate writes {out:02x?}");
    }
}

fn only_frame(vector: &Vector) -> Frame {
    let mut reader = FrameReader::default();
    reader.push(Bytes::from(vector.bytes.clone()));
    let frame = reader.next_frame().expect(&vector.meaning).expect(&vector.meaning);
    assert!(!reader.is_partial(), "{} One frame, and no more.", vector.meaning);
    frame
}

fn error_code(name: &str) -> ErrorCode {
    *ErrorCode::ALL.iter().find(|code| code.name() == name).expect("the vector names a code")
}

#[test]
fn hello() {
    let build = |vector: &Vector| Hello {
        version_min: vector.number("version_min"),
        version_max: vector.number("version_max"),
        app: vector.quoted("app"),
        client: vector.quoted("client"),
        expected: vector
            .all("expected")
            .map(|line| {
                let parts = tokens(line);
                (parts[0].text().to_owned(), hex_number(parts[1].text()))
            })
            .collect(),
    };
    check("hello.txt", build, Hello::write, Hello::read);
}

#[test]
fn welcome() {
    check("welcome.txt", build_welcome, Welcome::write, Welcome::read);
}

fn build_welcome(vector: &Vector) -> Welcome {
    let mut welcome = Welcome {
        version: vector.number("version"),
        frame_bytes_max: vector.number("frame_bytes_max"),
        partitions: vector.number("partitions"),
        app: vector.quoted("app"),
        engine: vector.quoted("engine"),
        ..Welcome::default()
    };
    let declares = |name: &str| name == "stream" || name == "decision";
    for declaration in vector.fields.chunk_by(|_, next| !declares(&next.0)) {
        let (name, value) = &declaration[0];
        let parts = tokens(value);
        let schema = vectors::schema(declaration);
        match name.as_str() {
            "stream" => welcome.streams.push(StreamInfo {
                id: parts[0].number(),
                name: parts[1].text().into(),
                schema,
            }),
            "decision" => welcome.decisions.push(DecisionInfo {
                id: parts[0].number(),
                stream: parts[1].number(),
                deadline_micros: parts[2].number(),
                name: parts[3].text().into(),
                answer: schema,
            }),
            _ => {}
        }
    }
    welcome
}

#[test]
fn ping_and_pong() {
    let build = |vector: &Vector| hex(vector.get("payload"));
    let write = |payload: &Vec<u8>, request, out: &mut BytesMut| Ping { payload }.write(request, out);
    check("ping.txt", build, write, |payload| Ping::read(payload).map(|ping| ping.payload.to_vec()));
    let write = |payload: &Vec<u8>, request, out: &mut BytesMut| Ping { payload }.pong().write(request, out);
    check("pong.txt", build, write, |payload| Pong::read(payload).map(|pong| pong.payload.to_vec()));
}

#[test]
fn doors() {
    check("doors.txt", |_| Doors, |doors, request, out| doors.write(request, out), Doors::read);
    let numbers = |vector: &Vector, name| tokens(vector.get(name)).iter().map(Token::number).collect();
    let build = |vector: &Vector| DoorMap {
        ports: numbers(vector, "ports"),
        partitions: numbers(vector, "partitions"),
    };
    check("door_map.txt", build, DoorMap::write, DoorMap::read);
}

#[test]
fn decide() {
    let build = |vector: &Vector| {
        (vector.number::<u16>("decision"), vector.number::<u32>("deadline_micros"), vector.rows().remove(0))
    };
    let write = |(decision, deadline_micros, row): &(u16, u32, Vec<u8>), request, out: &mut BytesMut| {
        Decide { decision: *decision, deadline_micros: *deadline_micros, row }.write(request, out);
    };
    let read = |payload: &[u8]| {
        Decide::read(payload).map(|decide| (decide.decision, decide.deadline_micros, decide.row.to_vec()))
    };
    check("decide.txt", build, write, read);
}

#[test]
fn decision() {
    type Owned = (DecisionCode, u32, u64, Vec<u8>);
    let build = |vector: &Vector| {
        let code = DecisionCode::from_name(vector.get("decision_code")).expect("the vector names a code");
        let row = vector.rows().pop().unwrap_or_default();
        (code, vector.number("server_nanos"), vector.number("sequence"), row)
    };
    let write = |(code, server_nanos, sequence, row): &Owned, request, out: &mut BytesMut| {
        Decision { code: *code, server_nanos: *server_nanos, sequence: *sequence, row }.write(request, out);
    };
    let read = |payload: &[u8]| {
        Decision::read(payload).map(|it| (it.code, it.server_nanos, it.sequence, it.row.to_vec()))
    };
    check("decision.txt", build, write, read);
}

#[test]
fn ingest() {
    type Owned = (u16, Option<AckLevel>, Vec<Vec<u8>>);
    let build = |vector: &Vector| (vector.number("stream_id"), level(vector.get("ack")), vector.rows());
    let write = |(stream, ack, rows): &Owned, request, out: &mut BytesMut| {
        let mut bytes = Vec::new();
        rows.iter().for_each(|row| Ingest::push_row(&mut bytes, row));
        let count = u32::try_from(rows.len()).expect("the batch is short");
        Ingest { stream: *stream, ack: *ack, count, rows: &bytes }.write(request, out);
    };
    let read = |payload: &[u8]| {
        let batch = Ingest::read(payload)?;
        let rows = batch.split_rows().map(|row| row.map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        Ok((batch.stream, batch.ack, rows))
    };
    check("ingest.txt", build, write, read);
}

#[test]
fn produce() {
    type Owned = (u64, u32, u64, u16, Option<AckLevel>, Vec<Vec<u8>>);
    let build = |vector: &Vector| {
        let (stream, ack) = (vector.number("stream_id"), level(vector.get("ack")));
        let (producer, epoch) = (vector.number("producer"), vector.number("epoch"));
        (producer, epoch, vector.number("sequence"), stream, ack, vector.rows())
    };
    let write = |(producer, epoch, sequence, stream, ack, rows): &Owned, request, out: &mut BytesMut| {
        let mut bytes = Vec::new();
        rows.iter().for_each(|row| Ingest::push_row(&mut bytes, row));
        let count = u32::try_from(rows.len()).expect("the batch is short");
        let batch = Ingest { stream: *stream, ack: *ack, count, rows: &bytes };
        Produce { producer: *producer, epoch: *epoch, sequence: *sequence, batch }.write(request, out);
    };
    let read = |payload: &[u8]| {
        let Produce { producer, epoch, sequence, batch } = Produce::read(payload)?;
        let rows = batch.split_rows().map(|row| row.map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        Ok((producer, epoch, sequence, batch.stream, batch.ack, rows))
    };
    check("produce.txt", build, write, read);
}

fn level(name: &str) -> Option<AckLevel> {
    match name {
        "memory" => Some(AckLevel::Memory),
        "journaled" => Some(AckLevel::Journaled),
        _ => None,
    }
}

#[test]
fn ack() {
    let entry = |line: &str| {
        let parts = tokens(line);
        AckEntry {
            partition: parts[0].number(),
            refused: parts.get(3).map(|name| error_code(name.text())),
            events: parts[1].number(),
            retry_after_micros: parts.get(4).map_or(0, Token::number),
            sequence: parts[2].number(),
        }
    };
    let build = |vector: &Vector| Ack {
        level: level(vector.get("level")).expect("the vector names a level"),
        entries: vector.all("entry").map(entry).collect(),
    };
    check("ack.txt", build, Ack::write, Ack::read);
}

#[test]
fn blob_control_and_controlled() {
    let build = |vector: &Vector| (vector.quoted("name"), hex(vector.get("bytes")));
    let write = |(name, bytes): &(String, Vec<u8>), request, out: &mut BytesMut| {
        Blob { name: name.clone(), bytes }.write(request, out);
    };
    let read = |payload: &[u8]| Blob::read(payload).map(|blob| (blob.name, blob.bytes.to_vec()));
    check("blob.txt", build, write, read);

    let build = |vector: &Vector| (vector.quoted("command"), vector.quoted("arguments"));
    let write = |(command, arguments): &(String, String), request, out: &mut BytesMut| {
        Control { command: command.clone(), arguments }.write(request, out);
    };
    let read = |payload: &[u8]| Control::read(payload).map(|it| (it.command, it.arguments.to_owned()));
    check("control.txt", build, write, read);

    let build = |vector: &Vector| vector.quoted("text");
    let write = |text: &String, request, out: &mut BytesMut| Controlled { text }.write(request, out);
    let read = |payload: &[u8]| Controlled::read(payload).map(|it| it.text.to_owned());
    check("controlled.txt", build, write, read);
}

#[test]
fn subscribe_subscribed_and_rows() {
    let build = |vector: &Vector| Subscribe { name: vector.quoted("name") };
    check("subscribe.txt", build, Subscribe::write, Subscribe::read);

    let build = |vector: &Vector| Subscribed {
        followed: match vector.get("followed") {
            "stream" => Some(Followed::Stream),
            "output" => Some(Followed::Output),
            _ => None,
        },
        in_parts: vector.get("in_parts") == "true",
        schema: vector.schema(),
    };
    check("subscribed.txt", build, Subscribed::write, Subscribed::read);

    type Entries = Vec<(Vec<u8>, Vec<u8>)>;
    let bytes = |token: &Token| if token.text() == "-" { Vec::new() } else { hex(token.text()) };
    let build = |vector: &Vector| {
        let entries = vector.all("entry").map(|line| {
            let parts = tokens(line);
            (bytes(&parts[0]), bytes(&parts[1]))
        });
        (vector.number::<u64>("missed"), entries.collect::<Entries>())
    };
    let write = |(missed, rows): &(u64, Entries), request, out: &mut BytesMut| {
        let mut entries = Vec::new();
        rows.iter().for_each(|(row, extra)| Rows::push(&mut entries, RowEntry { row, extra }));
        let count = u32::try_from(rows.len()).expect("a few rows");
        Rows { missed: *missed, count, entries: &entries }.write(request, out);
    };
    let read = |payload: &[u8]| {
        Rows::read(payload).map(|rows| {
            let entries = rows.rows().map(|entry| (entry.row.to_vec(), entry.extra.to_vec()));
            (rows.missed, entries.collect::<Vec<_>>())
        })
    };
    check("rows_frame.txt", build, write, read);
}

#[test]
fn arguments_over_the_limit_refuse_the_command_alone() {
    let arguments = "x".repeat(vencejo_protocol::limits::CONTROL_ARGUMENTS_BYTES_MAX);
    let read = |arguments: &str| {
        let mut out = BytesMut::new();
        Control { command: "c".to_owned(), arguments }.write(1, &mut out);
        let mut reader = FrameReader::default();
        reader.push(out.freeze());
        let frame = reader.next_frame().expect("it is a frame").expect("it is complete");
        Control::read(&frame.payload).map(|control| control.arguments.len()).map_err(|error| error.code())
    };
    assert_eq!(read(&arguments), Ok(arguments.len()));
    assert_eq!(read(&format!("{arguments}y")), Err(ErrorCode::ControlRefused));
}

#[test]
fn error() {
    let build = |vector: &Vector| ErrorFrame {
        code: tokens(vector.get("error_code"))[0].number(),
        retry_after_micros: vector.number("retry_after_micros"),
        text: vector.quoted("text"),
    };
    check("error.txt", build, ErrorFrame::write, ErrorFrame::read);
    let vectors = load("error.txt");
    for code in ErrorCode::ALL {
        let named = format!("{} {}", code.number(), code.name());
        assert!(vectors.iter().any(|vector| vector.find("error_code") == Some(&named)), "{named}");
    }
}

#[test]
fn headers() {
    for vector in load("headers.txt") {
        let expected: Vec<_> = vector.all("frame").map(header_frame).collect();
        for chunk_bytes in [1, 3, 16, vector.bytes.len().max(1)] {
            let mut reader = FrameReader::default();
            let mut frames = Vec::new();
            let mut failed = None;
            for chunk in vector.bytes.chunks(chunk_bytes) {
                reader.push(Bytes::copy_from_slice(chunk));
                while let Some(frame) = reader.next_frame().unwrap_or_else(|error| {
                    failed = Some(error);
                    None
                }) {
                    frames.push(frame);
                }
            }
            let meaning = format!("{} In chunks of {chunk_bytes}.", vector.meaning);
            assert_eq!(frames, expected, "{meaning}");
            assert_eq!(failed.map(|error| error.to_string()).as_deref(), vector.find("error"), "{meaning}");
            assert_eq!(failed.map(|error| error.code().name()), vector.find("code"), "{meaning}");
            assert_eq!(reader.is_partial(), vector.find("partial") == Some("true"), "{meaning}");
        }
    }
}

fn header_frame(line: &str) -> Frame {
    let parts = tokens(line);
    Frame {
        type_code: u8::try_from(hex_number(parts[0].text())).expect("a type code has 8 bits"),
        request: parts[1].number(),
        payload: hex(parts[2].text()).into(),
    }
}

#[test]
fn rows() {
    for vector in load("rows.txt") {
        let schema = vector.schema();
        let parsed = Row::parse(&schema, &vector.bytes);
        if let Some(expected) = vector.find("error") {
            assert_eq!(parsed.expect_err(&vector.meaning).to_string(), expected, "{}", vector.meaning);
            continue;
        }
        let row = parsed.expect(&vector.meaning);
        check_values(&schema, row, &tokens(vector.get("row")), &vector.meaning);
        let written = vectors::row(&schema, &tokens(vector.get("row")));
        assert_eq!(written, vector.bytes, "{} The crate writes {written:02x?}", vector.meaning);
    }
}

fn check_values(schema: &Schema, row: Row<'_>, values: &[Token], meaning: &str) {
    for (index, value) in values.iter().enumerate() {
        let column = &schema.columns()[index];
        let null = matches!(value, Token::Word(word) if word == "NULL");
        assert_eq!(row.is_null(index), null, "{meaning} {}", column.name);
        if null {
            continue;
        }
        let same = match column.column_type {
            ColumnType::Boolean => row.bool(index) == (value.text() == "true"),
            ColumnType::Double => row.f64(index).to_bits() == double(value.text()).to_bits(),
            ColumnType::String => row.str(index) == value.text(),
            _ => row.i64(index) == value.number::<i64>(),
        };
        assert!(same, "{meaning} {} is not {value:?}", column.name);
    }
}

#[test]
fn keys() {
    for vector in load("keys.txt") {
        let schema = vector.schema();
        let row = vector.rows().remove(0);
        let mut key = Vec::new();
        Row::parse(&schema, &row).expect(&vector.meaning).write_key(&schema, schema.key(), &mut key);
        assert_eq!(key, vector.bytes, "{}", vector.meaning);
        let hash = key_hash(&key);
        assert_eq!(hash, hex_number(vector.get("hash")), "{}", vector.meaning);
        let partition = partition_of(hash, vector.number("partitions"));
        assert_eq!(partition, vector.number::<u32>("partition"), "{}", vector.meaning);
    }
}

#[test]
fn fingerprints() {
    for vector in load("fingerprints.txt") {
        let expected = hex_number(vector.get("fingerprint"));
        assert_eq!(vector.schema().fingerprint(), expected, "{}", vector.meaning);
        assert_eq!(key_hash(&vector.bytes), expected, "{} XXH3-64 of the text.", vector.meaning);
    }
}
