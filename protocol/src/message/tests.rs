use super::*;
use crate::limits::{
    BATCH_ROWS_MAX, COLUMNS_MAX, DECLARATIONS_MAX, ERROR_TEXT_BYTES_MAX, PING_BYTES_MAX, ROW_BYTES_MAX,
};
use crate::schema::{Column, ColumnType, Schema};

/// The payload of the one frame in `out`.
fn payload(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out);
    out[16..].to_vec()
}

fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        app: "ads".into(),
        client: "test".into(),
        expected: vec![("bids".into(), 5)],
    }
}

fn welcome() -> Welcome {
    let columns =
        vec![Column::required("id", ColumnType::BigInt), Column::nullable("at", ColumnType::Timestamp)];
    let answer = Schema::new(vec![Column::required("floor", ColumnType::Double)], vec![]);
    let schema = Schema::new(columns, vec![0, 1]);
    Welcome {
        version: 1,
        frame_bytes_max: 1 << 20,
        partitions: 4,
        app: "ads".into(),
        engine: "vencejo".into(),
        streams: vec![StreamInfo { id: 3, name: "bids".into(), schema }],
        decisions: vec![DecisionInfo {
            id: 9,
            stream: 3,
            deadline_micros: 500,
            name: "floor".into(),
            answer,
        }],
    }
}

fn entry(partition: u32) -> AckEntry {
    AckEntry { partition, refused: None, events: 1, retry_after_micros: 0, sequence: 1 }
}

fn field<T: fmt::Debug>(read: Read<T>) -> &'static str {
    read.expect_err("the payload is refused").field
}

#[test]
fn a_payload_cut_anywhere_or_too_long_is_refused() {
    type Refused = fn(&[u8]) -> bool;
    let ack = Ack { level: AckLevel::Memory, entries: vec![entry(0), entry(1)] };
    let cases: [(&str, Vec<u8>, Refused); 3] = [
        ("hello", payload(|out| hello().write(1, out)), |bytes| Hello::read(bytes).is_err()),
        ("welcome", payload(|out| welcome().write(1, out)), |bytes| Welcome::read(bytes).is_err()),
        ("ack", payload(|out| ack.write(1, out)), |bytes| Ack::read(bytes).is_err()),
    ];
    for (name, bytes, refused) in cases {
        assert!(!refused(&bytes), "{name}");
        assert!((0..bytes.len()).all(|count| refused(&bytes[..count])), "{name} cut short");
        assert!(refused(&[&bytes[..], &[0]].concat()), "{name} with a byte more");
    }
}

#[test]
fn a_head_cut_anywhere_is_refused() {
    let decide = payload(|out| Decide { decision: 1, deadline_micros: 1, row: &[] }.write(1, out));
    let decision = payload(|out| {
        Decision { code: DecisionCode::NoMatch, server_nanos: 1, sequence: 1, row: &[] }.write(1, out);
    });
    let ingest = payload(|out| Ingest { stream: 1, ack: None, count: 1, rows: &[] }.write(1, out));
    let batch = Ingest { stream: 1, ack: None, count: 1, rows: &[] };
    let produce = payload(|out| Produce { producer: 1, epoch: 1, sequence: 1, batch }.write(1, out));
    for count in 0..produce.len() {
        assert!(Produce::read(&produce[..count]).is_err(), "produce, {count} bytes");
    }
    assert_eq!(Produce::HEAD_BYTES, produce.len());
    let error = payload(|out| ErrorFrame::new(ErrorCode::Internal, "").write(1, out));
    for count in 0..8 {
        assert!(Decide::read(&decide[..count]).is_err(), "decide, {count} bytes");
        assert!(Ingest::read(&ingest[..count]).is_err(), "ingest, {count} bytes");
        assert!(ErrorFrame::read(&error[..count]).is_err(), "error, {count} bytes");
    }
    for count in 0..16 {
        assert!(Decision::read(&decision[..count]).is_err(), "decision, {count} bytes");
    }
    assert_eq!(Decide::HEAD_BYTES, decide.len());
    assert_eq!(Decision::HEAD_BYTES, decision.len());
    assert_eq!(Ingest::HEAD_BYTES, ingest.len());
}

#[test]
fn an_ambiguous_welcome_is_refused() {
    type Spoil = fn(&mut Welcome);
    let cases: [(&str, Spoil); 13] = [
        ("partitions", |welcome| welcome.partitions = 0),
        ("app", |welcome| welcome.app.clear()),
        ("app", |welcome| welcome.app = "x".repeat(NAME_BYTES_MAX + 1)),
        ("engine", |welcome| welcome.engine = "a\nb".into()),
        ("stream id", |welcome| welcome.streams.push(welcome.streams[0].clone())),
        ("stream name", |welcome| {
            welcome.streams.push(StreamInfo { id: 4, ..welcome.streams[0].clone() });
        }),
        ("stream name", |welcome| welcome.streams[0].name = "a\tb".into()),
        ("decision id", |welcome| welcome.decisions.push(welcome.decisions[0].clone())),
        ("decision name", |welcome| {
            welcome.decisions.push(DecisionInfo { id: 4, ..welcome.decisions[0].clone() });
        }),
        ("decision stream", |welcome| welcome.decisions[0].stream = 4),
        ("column name", |welcome| {
            let column = Column::required("a", ColumnType::Int);
            welcome.streams[0].schema = Schema::new(vec![column.clone(), column], vec![]);
        }),
        ("key column", |welcome| {
            welcome.streams[0].schema = Schema::new(welcome.streams[0].schema.columns().to_vec(), vec![0, 0]);
        }),
        ("columns", |welcome| {
            let column = |index| Column::required(format!("c{index}"), ColumnType::Int);
            welcome.streams[0].schema = Schema::new((0..=COLUMNS_MAX).map(column).collect(), vec![]);
        }),
    ];
    assert_eq!(welcome().check(), Ok(()));
    for (expected, spoil) in cases {
        let mut welcome = welcome();
        spoil(&mut welcome);
        assert_eq!(field(welcome.check()), expected);
        assert_eq!(field(Welcome::read(&payload(|out| welcome.write(1, out)))), expected);
    }
}

#[test]
fn a_welcome_longer_than_a_frame_shows_before_it_is_sent() {
    let mut welcome = welcome();
    let columns = (0..COLUMNS_MAX).map(|index| Column::required(format!("{index:0100}"), ColumnType::Int));
    let schema = Schema::new(columns.collect(), vec![]);
    welcome.streams.extend((10..20).map(|id| StreamInfo {
        id,
        name: format!("s{id}"),
        schema: schema.clone(),
    }));
    assert_eq!(field(welcome.check()), "frame length");
}

#[test]
fn a_wrong_byte_in_a_schema_is_refused() {
    let bytes = payload(|out| welcome().write(1, out));
    let at = |needle: &[u8]| {
        bytes.windows(needle.len()).position(|window| window == needle).expect("the welcome has it")
    };
    for (expected, index, byte) in [
        ("fingerprint", at(b"bids") + 4, 0),
        ("column type", at(b"\x02\x00id\x03") + 4, 0),
        ("column type", at(b"\x02\x00id\x03") + 4, 9),
        ("precision and scale", at(b"\x02\x00id\x03") + 4, 8),
        ("nullable", at(b"\x02\x00at\x06") + 5, 2),
        ("key columns", at(b"\x06\x01\x02\x00\x00\x00\x01\x00") + 2, 3),
        ("key column", at(b"\x06\x01\x02\x00\x00\x00\x01\x00") + 6, 2),
        ("column name", at(b"\x02\x00id\x03") + 2, 0xff),
    ] {
        let mut bytes = bytes.clone();
        bytes[index] = byte;
        assert_eq!(field(Welcome::read(&bytes)), expected);
    }
}

#[test]
fn a_name_over_the_limit_is_never_taken_for_another() {
    let mut hello = hello();
    for length in [NAME_BYTES_MAX + 1, usize::from(u16::MAX), usize::from(u16::MAX) + 1] {
        hello.app = "x".repeat(length);
        assert_eq!(field(Hello::read(&payload(|out| hello.write(1, out)))), "app", "{length} bytes");
    }
}

#[test]
fn a_text_for_logs_is_cut_between_characters() {
    let mut hello = hello();
    hello.client = "é".repeat(NAME_BYTES_MAX);
    hello.client.insert(0, 'x');
    let read = Hello::read(&payload(|out| hello.write(1, out))).expect("a long client name is cut");
    assert_eq!(read.client, format!("x{}", "é".repeat(63)));

    let text = "é".repeat(ERROR_TEXT_BYTES_MAX);
    let bytes = payload(|out| ErrorFrame::new(ErrorCode::Internal, format!("x{text}")).write(1, out));
    let read = ErrorFrame::read(&bytes).expect("a long text is cut");
    assert_eq!(read.text, format!("x{}", "é".repeat(511)));
}

#[test]
fn a_text_that_breaks_its_rules_is_still_shown() {
    let mut bytes = payload(|out| ErrorFrame::new(ErrorCode::Internal, "ab").write(1, out));
    bytes[8] = 0xff;
    assert_eq!(ErrorFrame::read(&bytes).expect("it is shown").text, "\u{fffd}b");
    bytes.resize(8 + ERROR_TEXT_BYTES_MAX + 1, b'c');
    let text = ErrorFrame::read(&bytes).expect("it is shown").text;
    assert_eq!(text, format!("\u{fffd}b{}", "c".repeat(ERROR_TEXT_BYTES_MAX - 4)));
}

#[test]
fn too_many_of_anything_is_refused() {
    let mut hello = hello();
    for count in [DECLARATIONS_MAX + 1, usize::from(u16::MAX) + 2] {
        hello.expected = vec![("s".into(), 0); count];
        assert_eq!(field(Hello::read(&payload(|out| hello.write(1, out)))), "expectations", "{count}");
    }
    assert_eq!(field(Ping::read(&[0; PING_BYTES_MAX + 1])), "echo");
    assert_eq!(field(Pong::read(&[0; PING_BYTES_MAX + 1])), "echo");
    assert!(Ping::read(&[0; PING_BYTES_MAX]).is_ok());
}

#[test]
fn the_version_is_common_or_none() {
    for (version_min, version_max, expected) in
        [(1, 1, Some(1)), (0, 1, Some(1)), (1, u16::MAX, Some(1)), (2, 3, None), (0, 0, None), (2, 1, None)]
    {
        let hello = Hello { version_min, version_max, ..Hello::default() };
        assert_eq!(hello.common_version(), expected, "{version_min} to {version_max}");
    }
}

#[test]
fn a_bad_batch_refuses_the_request_not_the_connection() {
    let max = u32::try_from(BATCH_ROWS_MAX).expect("the limit fits its field").to_le_bytes();
    let over = u32::try_from(BATCH_ROWS_MAX + 1).expect("the limit fits its field").to_le_bytes();
    for (ack, flags, count, expected) in [
        (0, 0, max, None),
        (3, 0, max, Some(("ack", ErrorCode::AckLevelUnavailable))),
        (1, 1, max, Some(("flags", ErrorCode::MalformedFrame))),
        (1, 0, [0; 4], Some(("count", ErrorCode::BatchInvalid))),
        (1, 0, over, Some(("count", ErrorCode::BatchInvalid))),
        (1, 0, [0xff; 4], Some(("count", ErrorCode::BatchInvalid))),
    ] {
        let bytes = [&[0, 0, ack, flags], &count[..]].concat();
        let refused = Ingest::read(&bytes).err().map(|error| (error.field, error.code()));
        assert_eq!(refused, expected);
    }
}

#[test]
fn rows_that_do_not_fill_their_batch_are_refused() {
    let mut two = Vec::new();
    Ingest::push_row(&mut two, b"ab");
    Ingest::push_row(&mut two, b"");
    let long = u32::try_from(ROW_BYTES_MAX + 1).expect("the limit fits its field").to_le_bytes();
    let longest = u32::try_from(ROW_BYTES_MAX).expect("the limit fits its field").to_le_bytes();
    use ErrorCode::{BatchInvalid, RowInvalid};
    for (name, count, rows, good, expected) in [
        ("exact", 2, &two[..], 2, None),
        ("a row more", 1, &two[..], 1, Some(("end of payload", BatchInvalid))),
        ("a row less", 3, &two[..], 2, Some(("row length", BatchInvalid))),
        ("cut in a length", 2, &two[..9], 1, Some(("row length", BatchInvalid))),
        ("cut in a row", 1, &two[..5], 0, Some(("row", BatchInvalid))),
        ("a row that is not there", 1, &longest[..], 0, Some(("row", BatchInvalid))),
        ("a row over the limit", 1, &long[..], 0, Some(("row length", RowInvalid))),
        ("an endless row", 2, &[0xff; 4][..], 0, Some(("row length", RowInvalid))),
    ] {
        let batch = Ingest { stream: 0, ack: None, count, rows };
        let items: Vec<_> = batch.split_rows().collect();
        let refused = items.last().and_then(|last| last.err()).map(|error| (error.field, error.code()));
        assert_eq!(refused, expected, "{name}");
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), good, "{name}");
        assert_eq!(items.len(), good + usize::from(expected.is_some()), "{name}");
    }
}

#[test]
fn an_ack_names_each_partition_once_and_in_order() {
    let ack = |partitions: &[u32]| {
        let entries = partitions.iter().map(|&partition| entry(partition)).collect();
        let ack = Ack { level: AckLevel::Memory, entries };
        Ack::read(&payload(|out| ack.write(1, out)))
    };
    assert_eq!(ack(&[0, 1, u32::MAX]).map(|ack| ack.accepted()), Ok(3));
    assert_eq!(field(ack(&[1, 1])), "partition");
    assert_eq!(field(ack(&[1, 0])), "partition");
}

#[test]
fn a_refusal_of_a_later_engine_is_read_by_its_hundred() {
    let refused = AckEntry { refused: Some(ErrorCode::Overloaded), ..entry(0) };
    let ack = Ack { level: AckLevel::Memory, entries: vec![refused] };
    let mut bytes = payload(|out| ack.write(1, out));
    bytes[12..14].copy_from_slice(&399_u16.to_le_bytes());
    let read = Ack::read(&bytes).expect("an unknown code is no reason to lose the ack");
    assert_eq!((read.entries[0].refused, read.accepted()), (Some(ErrorCode::Overloaded), 0));
}

#[test]
fn no_match_has_no_row() {
    let decision =
        |code, row| payload(|out| Decision { code, server_nanos: 0, sequence: 1, row }.write(1, out));
    assert_eq!(field(Decision::read(&decision(DecisionCode::NoMatch, &[0; 8]))), "row");
    assert!(Decision::read(&decision(DecisionCode::NoMatch, &[])).is_ok());
    assert!(Decision::read(&decision(DecisionCode::Fallback, &[0; 8])).is_ok());
}

#[test]
fn flags_must_be_zero_and_reserved_bytes_of_the_engine_are_passed_over() {
    let mut decide = payload(|out| Decide { decision: 0, deadline_micros: 0, row: &[] }.write(1, out));
    decide[3] = 1;
    assert_eq!(field(Decide::read(&decide)), "flags");
    let mut bytes = payload(|out| welcome().write(1, out));
    bytes[2..4].fill(0xff);
    assert_eq!(Welcome::read(&bytes), Ok(welcome()));
    let error = ErrorFrame::new(ErrorCode::Overloaded, "busy");
    let mut bytes = payload(|out| error.write(1, out));
    bytes[2..4].fill(0xff);
    assert_eq!(ErrorFrame::read(&bytes), Ok(error));
}
