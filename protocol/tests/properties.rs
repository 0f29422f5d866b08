//! Properties of the protocol on generated input, each against a slow, obvious twin where there is one.

mod arbitrary;

use arbitrary::{Values, read_row, schema_and_rows, write_row};
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vencejo_protocol::frame::{Frame, FrameError, FrameReader, FrameType, write_frame};
use vencejo_protocol::limits::FRAME_BYTES_MAX;
use vencejo_protocol::message::{
    Ack, AlertNote, Blob, Control, Controlled, Decide, Decision, DecisionCode, DoorMap, ErrorFrame, Followed,
    Hello, Ingest, Ping, Pong, Produce, RowEntry, Rows, Subscribe, Subscribed, Welcome,
};
use vencejo_protocol::row::{Row, RowError, key_hash, partition_of};
use vencejo_protocol::schema::Schema;

type Cut = (Vec<Frame>, Option<FrameError>, bool);

/// The slow twin: all bytes at once.
fn cut_at_once(mut rest: &[u8]) -> Cut {
    let mut frames = Vec::new();
    loop {
        let Some(length) = rest.get(..4) else { return (frames, None, !rest.is_empty()) };
        let bytes = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        match bytes {
            bytes if bytes > FRAME_BYTES_MAX => return (frames, Some(FrameError::TooLarge { bytes }), false),
            bytes if bytes < 12 => return (frames, Some(FrameError::TooShort { bytes }), false),
            _ => {}
        }
        if rest.len() >= 8 && rest[5..8] != [0, 0, 0] {
            return (frames, Some(FrameError::Reserved), false);
        }
        if rest.len() < 4 + bytes {
            return (frames, None, true);
        }
        let request = rest[8..16].iter().rev().fold(0, |request, &byte| request << 8 | u64::from(byte));
        let payload = Bytes::copy_from_slice(&rest[16..4 + bytes]);
        frames.push(Frame { type_code: rest[4], request, payload });
        rest = &rest[4 + bytes..];
    }
}

fn cut_in_chunks(bytes: &[u8], sizes: &[usize]) -> Cut {
    let mut reader = FrameReader::default();
    let (mut frames, mut failed, mut rest) = (Vec::new(), None, bytes);
    for &size in sizes.iter().cycle().take_while(|_| !sizes.is_empty()) {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        reader.push(Bytes::copy_from_slice(chunk));
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    (frames, failed, reader.is_partial())
}

/// Bytes of a stream: mostly good frames, sometimes a header gone bad, sometimes anything.
fn stream_bytes() -> impl Strategy<Value = Vec<u8>> {
    let good = (any::<u64>(), vec(any::<u8>(), 0..40)).prop_map(|(request, payload)| {
        let mut out = BytesMut::new();
        write_frame(&mut out, FrameType::Ping, request, |out| out.extend_from_slice(&payload));
        out.to_vec()
    });
    let header = (10_u32..16, any::<u8>(), 0_u8..2, any::<u64>()).prop_map(|(length, code, bad, request)| {
        [&length.to_le_bytes()[..], &[code, 0, bad, 0], &request.to_le_bytes()].concat()
    });
    let piece = prop_oneof![8 => good, 1 => header, 1 => vec(any::<u8>(), 0..30)];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_the_chunks(
        bytes in stream_bytes(),
        sizes in vec(1_usize..40, 1..8),
    ) {
        prop_assert_eq!(cut_in_chunks(&bytes, &sizes), cut_at_once(&bytes));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic_the_frame_reader(
        bytes in vec(any::<u8>(), 0..200),
        sizes in vec(0_usize..20, 1..4).prop_filter("no progress", |sizes| sizes.iter().any(|&size| size > 0)),
    ) {
        prop_assert_eq!(cut_in_chunks(&bytes, &sizes), cut_at_once(&bytes));
    }
}

/// The payload of the one frame in `out`, and a check of its header on the way.
fn payload(request: u64, frame_type: FrameType, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    write(&mut out);
    let mut reader = FrameReader::default();
    reader.push(out.freeze());
    let frame = reader.next_frame().expect("it is a frame").expect("it is complete");
    assert_eq!((frame.request, frame.frame_type()), (request, Some(frame_type)));
    assert!(!reader.is_partial());
    frame.payload
}

/// Reads the bytes as every message. What is accepted must come back the same from its own bytes.
fn read_all(bytes: &[u8]) {
    if let Ok(hello) = Hello::read(bytes) {
        assert_eq!(payload(1, FrameType::Hello, |out| hello.write(1, out)), bytes);
    }
    if let Ok(welcome) = Welcome::read(bytes) {
        assert_eq!(welcome.check(), Ok(()));
        let again = payload(1, FrameType::Welcome, |out| welcome.write(1, out));
        assert_eq!(Welcome::read(&again), Ok(welcome));
    }
    if let Ok(ack) = Ack::read(bytes) {
        let again = payload(1, FrameType::Ack, |out| ack.write(1, out));
        assert_eq!(Ack::read(&again), Ok(ack));
    }
    if let Ok(decide) = Decide::read(bytes) {
        assert_eq!(payload(1, FrameType::Decide, |out| decide.write(1, out)), bytes);
    }
    if let Ok(decision) = Decision::read(bytes) {
        let again = payload(1, FrameType::Decision, |out| decision.write(1, out));
        assert_eq!(Decision::read(&again), Ok(decision));
    }
    if let Ok(batch) = Ingest::read(bytes) {
        let rows: Vec<_> = batch.split_rows().collect();
        let errors = rows.iter().filter(|row| row.is_err()).count();
        assert!(errors == 0 || errors == 1 && rows[rows.len() - 1].is_err());
        assert!(errors == 1 || rows.len() == batch.count as usize);
        assert_eq!(payload(1, FrameType::Ingest, |out| batch.write(1, out)), bytes);
    }
    if let Ok(produce) = Produce::read(bytes) {
        assert_eq!(payload(1, FrameType::Produce, |out| produce.write(1, out)), bytes);
    }
    if let Ok(blob) = Blob::read(bytes) {
        assert_eq!(payload(1, FrameType::Blob, |out| blob.write(1, out)), bytes);
    }
    if let Ok(control) = Control::read(bytes) {
        assert_eq!(payload(1, FrameType::Control, |out| control.write(1, out)), bytes);
    }
    if let Ok(controlled) = Controlled::read(bytes) {
        assert_eq!(payload(1, FrameType::Controlled, |out| controlled.write(1, out)), bytes);
    }
    if let Ok(subscribe) = Subscribe::read(bytes) {
        assert_eq!(payload(1, FrameType::Subscribe, |out| subscribe.write(1, out)), bytes);
    }
    if let Ok(subscribed) = Subscribed::read(bytes) {
        let again = payload(1, FrameType::Subscribed, |out| subscribed.write(1, out));
        assert_eq!(Subscribed::read(&again), Ok(subscribed));
    }
    if let Ok(rows) = Rows::read(bytes) {
        assert_eq!(rows.rows().count(), rows.count as usize);
        assert_eq!(payload(1, FrameType::Rows, |out| rows.write(1, out)), bytes);
    }
    if let Ok(ping) = Ping::read(bytes) {
        assert_eq!(payload(1, FrameType::Pong, |out| ping.pong().write(1, out)), bytes);
    }
    let _ = Pong::read(bytes);
    if let Ok(map) = DoorMap::read(bytes) {
        assert_eq!(payload(1, FrameType::DoorMap, |out| map.write(1, out)), bytes);
    }
    if let Ok(error) = ErrorFrame::read(bytes) {
        let again = payload(1, FrameType::Error, |out| error.write(1, out));
        assert_eq!(ErrorFrame::read(&again), Ok(error));
    }
}

/// Good bytes with a few of them replaced, then perhaps cut.
fn spoil(mut bytes: Vec<u8>, patches: &[(Index, u8)], cut: Option<Index>) -> Vec<u8> {
    for (at, byte) in patches {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1)));
    bytes
}

fn patches() -> impl Strategy<Value = Vec<(Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(1), Just(0xff)];
    vec((any::<Index>(), byte), 0..4)
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic_a_message(bytes in vec(any::<u8>(), 0..120)) {
        read_all(&bytes);
    }

    #[test]
    fn spoiled_messages_do_not_panic_a_reader(
        hello in arbitrary::hello(),
        welcome in arbitrary::welcome(),
        ack in arbitrary::ack(),
        patches in patches(),
        cut in proptest::option::of(any::<Index>()),
    ) {
        for bytes in [
            payload(1, FrameType::Hello, |out| hello.write(1, out)),
            payload(1, FrameType::Welcome, |out| welcome.write(1, out)),
            payload(1, FrameType::Ack, |out| ack.write(1, out)),
        ] {
            read_all(&spoil(bytes.to_vec(), &patches, cut));
        }
    }

    #[test]
    fn messages_of_the_handshake_come_back(
        request in any::<u64>(),
        hello in arbitrary::hello(),
        welcome in arbitrary::welcome(),
    ) {
        let bytes = payload(request, FrameType::Hello, |out| hello.write(request, out));
        prop_assert_eq!(Hello::read(&bytes), Ok(hello));
        let bytes = payload(request, FrameType::Welcome, |out| welcome.write(request, out));
        prop_assert_eq!(welcome.check(), Ok(()));
        prop_assert_eq!(Welcome::read(&bytes), Ok(welcome));
    }

    #[test]
    fn answers_come_back(
        request in any::<u64>(),
        ack in arbitrary::ack(),
        error in arbitrary::error(),
        echo in vec(any::<u8>(), 0..=64),
    ) {
        let bytes = payload(request, FrameType::Ack, |out| ack.write(request, out));
        prop_assert_eq!(Ack::read(&bytes), Ok(ack));
        let bytes = payload(request, FrameType::Error, |out| error.write(request, out));
        prop_assert_eq!(ErrorFrame::read(&bytes), Ok(error));
        let ping = Ping { payload: &echo };
        let bytes = payload(request, FrameType::Ping, |out| ping.write(request, out));
        prop_assert_eq!(Ping::read(&bytes), Ok(ping));
        let bytes = payload(request, FrameType::Pong, |out| ping.pong().write(request, out));
        prop_assert_eq!(Pong::read(&bytes), Ok(ping.pong()));
    }

    #[test]
    fn subscriptions_come_back(
        request in any::<u64>(),
        name in arbitrary::name(),
        schema in arbitrary::schema(),
        in_parts in any::<bool>(),
        missed in any::<u64>(),
        list in vec((vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..9)), 0..9),
        patches in patches(),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let subscribe = Subscribe { name };
        let written = payload(request, FrameType::Subscribe, |out| subscribe.write(request, out));
        prop_assert_eq!(Subscribe::read(&written), Ok(subscribe));
        let subscribed = Subscribed { followed: Some(Followed::Output), in_parts, schema };
        let written = payload(request, FrameType::Subscribed, |out| subscribed.write(request, out));
        prop_assert_eq!(Subscribed::read(&written), Ok(subscribed));
        let mut entries = Vec::new();
        list.iter().for_each(|(row, extra)| Rows::push(&mut entries, RowEntry { row, extra }));
        let rows = Rows { missed, count: u32::try_from(list.len()).expect("few"), entries: &entries };
        let written = payload(request, FrameType::Rows, |out| rows.write(request, out));
        prop_assert_eq!(Rows::read(&written), Ok(rows));
        let read: Vec<_> = rows.rows().map(|it| (it.row.to_vec(), it.extra.to_vec())).collect();
        prop_assert_eq!(read, list);
        read_all(&spoil(written.to_vec(), &patches, cut));
    }

    #[test]
    fn what_is_said_of_an_alert_comes_back(
        id in any::<u64>(),
        severity in any::<u8>(),
        sequences in vec(any::<u64>(), 0..20),
        cut in any::<Index>(),
    ) {
        let note = AlertNote { id, severity, sequences };
        let mut bytes = Vec::new();
        note.write(&mut bytes);
        prop_assert_eq!(AlertNote::read(&bytes), Ok(note.clone()));
        prop_assert!(AlertNote::read(&bytes[..cut.index(bytes.len())]).is_err());
        // A later engine says more.
        bytes.push(7);
        prop_assert_eq!(AlertNote::read(&bytes), Ok(note));
    }

    #[test]
    fn administration_comes_back(
        request in any::<u64>(),
        name in arbitrary::name(),
        bytes in vec(any::<u8>(), 0..200),
        text in any::<String>(),
        patches in patches(),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let blob = Blob { name: name.clone(), bytes: &bytes };
        let written = payload(request, FrameType::Blob, |out| blob.write(request, out));
        prop_assert_eq!(Blob::read(&written), Ok(blob));
        let control = Control { command: name, arguments: &text };
        let written = payload(request, FrameType::Control, |out| control.write(request, out));
        prop_assert_eq!(Control::read(&written), Ok(control));
        read_all(&spoil(written.to_vec(), &patches, cut));
        let controlled = Controlled { text: &text };
        let written = payload(request, FrameType::Controlled, |out| controlled.write(request, out));
        prop_assert_eq!(Controlled::read(&written), Ok(controlled));
    }

    #[test]
    fn requests_with_rows_come_back(
        (schema, rows) in schema_and_rows(3),
        (request, decision, deadline_micros, stream) in any::<(u64, u16, u32, u16)>(),
        ack in proptest::option::of(arbitrary::level()),
        (code, server_nanos, sequence) in (arbitrary::decision_code(), any::<u32>(), any::<u64>()),
    ) {
        let rows: Vec<_> = rows.iter().map(|values| write_row(&schema, values)).collect();
        let decide = Decide { decision, deadline_micros, row: &rows[0] };
        let bytes = payload(request, FrameType::Decide, |out| decide.write(request, out));
        prop_assert_eq!(Decide::read(&bytes), Ok(decide));

        let row = if code == DecisionCode::NoMatch { &[][..] } else { &rows[0] };
        let decision = Decision { code, server_nanos, sequence, row };
        let bytes = payload(request, FrameType::Decision, |out| decision.write(request, out));
        prop_assert_eq!(Decision::read(&bytes), Ok(decision));

        let mut batch_rows = Vec::new();
        rows.iter().for_each(|row| Ingest::push_row(&mut batch_rows, row));
        let batch = Ingest { stream, ack, count: 3, rows: &batch_rows };
        let bytes = payload(request, FrameType::Ingest, |out| batch.write(request, out));
        let read = Ingest::read(&bytes);
        prop_assert_eq!(read, Ok(batch));
        let (epoch, first) = (deadline_micros, sequence / 2 + 1);
        let produce = Produce { producer: request, epoch, sequence: first, batch };
        let bytes = payload(request, FrameType::Produce, |out| produce.write(request, out));
        prop_assert_eq!(Produce::read(&bytes), Ok(produce));
        let split: Result<Vec<_>, _> = batch.split_rows().collect();
        prop_assert_eq!(split, Ok(rows.iter().map(Vec::as_slice).collect()));
    }
}

/// Checks bytes against a schema. What is accepted is canonical: its values give the same bytes.
fn accepted(schema: &Schema, bytes: &[u8]) -> Result<Values, RowError> {
    let parsed = Row::parse(schema, bytes).map(|row| read_row(schema, row));
    assert_eq!(parsed, Row::parse(schema, bytes).map(|row| read_row(schema, row)), "one verdict");
    if let Ok(values) = &parsed {
        assert_eq!(write_row(schema, values), bytes);
    }
    parsed
}

proptest! {
    #[test]
    fn rows_come_back((schema, rows) in schema_and_rows(1)) {
        let bytes = write_row(&schema, &rows[0]);
        prop_assert_eq!(accepted(&schema, &bytes), Ok(rows[0].clone()));
    }

    #[test]
    fn distinct_rows_have_distinct_bytes((schema, rows) in schema_and_rows(2)) {
        let same = write_row(&schema, &rows[0]) == write_row(&schema, &rows[1]);
        prop_assert_eq!(same, rows[0] == rows[1]);
    }

    #[test]
    fn spoiled_rows_are_refused_or_canonical(
        (schema, rows) in schema_and_rows(1),
        patches in patches(),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let _ = accepted(&schema, &spoil(write_row(&schema, &rows[0]), &patches, cut));
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_canonical(
        schema in arbitrary::schema(),
        bytes in vec(prop_oneof![3 => Just(0), 1 => any::<u8>()], 0..120),
    ) {
        let _ = accepted(&schema, &bytes);
    }

    #[test]
    fn a_row_read_by_another_schema_does_not_panic(
        (schema, rows) in schema_and_rows(1),
        other in arbitrary::schema(),
    ) {
        let bytes = write_row(&schema, &rows[0]);
        let _ = accepted(&other, &bytes);
        let _ = read_row(&other, Row::of_checked(other.columns().len(), &bytes));
    }

    #[test]
    fn keys_are_equal_exactly_when_their_values_are((schema, rows) in schema_and_rows(2)) {
        let [first, second] = [0, 1].map(|row| {
            let bytes = write_row(&schema, &rows[row]);
            let mut key = Vec::new();
            Row::of_checked(rows[row].len(), &bytes).write_key(&schema, schema.key(), &mut key);
            key
        });
        let same = schema.key().iter().all(|&index| rows[0][index] == rows[1][index]);
        prop_assert_eq!(first == second, same);
        if same {
            prop_assert_eq!(key_hash(&first), key_hash(&second));
        }
    }

    #[test]
    fn a_partition_is_one_of_them(hash in any::<u64>(), partitions in 1_u32..) {
        let partition = partition_of(hash, partitions);
        prop_assert!(partition < partitions);
        prop_assert_eq!(u64::from(partition), hash % u64::from(partitions));
    }
}
