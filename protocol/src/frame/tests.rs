use super::*;

fn frame(payload: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    write_frame(&mut out, FrameType::Ping, 7, |out| out.put_slice(payload));
    out
}

/// A header that announces `length` bytes, with `reserved` as its reserved bytes.
fn header(length: u32, reserved: [u8; 3]) -> Vec<u8> {
    [&length.to_le_bytes()[..], &[FrameType::Ping.code()], &reserved, &7_u64.to_le_bytes()].concat()
}

fn drain(reader: &mut FrameReader) -> Result<Vec<Frame>, FrameError> {
    std::iter::from_fn(|| reader.next_frame().transpose()).collect()
}

#[test]
fn type_codes_read_back() {
    for code in 0..=u8::MAX {
        let known = FrameType::ALL.into_iter().find(|frame_type| frame_type.code() == code);
        assert_eq!(FrameType::from_code(code), known, "{code}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_the_same_frame() {
    let bytes = [&frame(b"one")[..], &frame(b"")[..], &frame(&[9; 40])[..]].concat();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut reader = FrameReader::default();
            let mut frames = Vec::new();
            for chunk in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                reader.push(Bytes::copy_from_slice(chunk));
                frames.extend(drain(&mut reader).expect("the bytes are frames"));
            }
            let payloads: Vec<_> = frames.iter().map(|frame| &frame.payload[..]).collect();
            assert_eq!(payloads, [&b"one"[..], b"", &[9; 40]], "cut at {first} and {second}");
            assert!(frames.iter().all(|frame| frame.request == 7 && frame.type_code == 3));
            assert!(!reader.is_partial());
        }
    }
}

#[test]
fn chunks_handed_over_before_the_first_is_drained_keep_their_order() {
    let bytes = [&frame(b"one")[..], &frame(b"two")[..]].concat();
    let mut reader = FrameReader::default();
    for chunk in bytes.chunks(5) {
        reader.push(Bytes::copy_from_slice(chunk));
    }
    let frames = drain(&mut reader).expect("the bytes are frames");
    assert_eq!(frames.len(), 2);
    assert_eq!((&frames[0].payload[..], &frames[1].payload[..]), (&b"one"[..], &b"two"[..]));
}

#[test]
fn a_frame_within_one_chunk_is_not_copied() {
    let chunk = [&frame(b"one")[..], &frame(b"two")[..]].concat();
    let chunk = Bytes::from(chunk);
    let mut reader = FrameReader::default();
    reader.push(chunk.clone());
    for frame in drain(&mut reader).expect("the bytes are frames") {
        assert!(chunk.as_ptr_range().contains(&frame.payload.as_ptr()));
    }
}

#[test]
fn behind_a_straddling_frame_nothing_is_copied() {
    let bytes = Bytes::from([&frame(b"one")[..], &frame(b"two")[..]].concat());
    for cut in 1..19 {
        let mut reader = FrameReader::default();
        reader.push(bytes.slice(..cut));
        assert_eq!(reader.next_frame(), Ok(None), "cut at {cut}");
        reader.push(bytes.slice(cut..));
        let frames = drain(&mut reader).expect("the bytes are frames");
        let copied = |frame: &Frame| !bytes.as_ptr_range().contains(&frame.payload.as_ptr());
        assert_eq!((copied(&frames[0]), copied(&frames[1])), (true, false), "cut at {cut}");
    }
}

#[test]
fn a_bad_header_is_refused_before_its_frame_is_complete() {
    let max = u32::try_from(FRAME_BYTES_MAX).expect("the limit fits its field");
    let min = 12;
    for (length, reserved, needed, expected) in [
        (max + 1, [0; 3], 4, FrameError::TooLarge { bytes: FRAME_BYTES_MAX + 1 }),
        (u32::MAX, [0; 3], 4, FrameError::TooLarge { bytes: u32::MAX as usize }),
        (0, [0; 3], 4, FrameError::TooShort { bytes: 0 }),
        (min - 1, [0; 3], 4, FrameError::TooShort { bytes: 11 }),
        (min, [1, 0, 0], 8, FrameError::Reserved),
        (max, [0, 0, 1], 8, FrameError::Reserved),
        (0, [1, 1, 1], 4, FrameError::TooShort { bytes: 0 }),
    ] {
        let mut reader = FrameReader::default();
        for (index, byte) in header(length, reserved).into_iter().take(needed).enumerate() {
            reader.push(Bytes::copy_from_slice(&[byte]));
            let expected = if index + 1 == needed { Err(expected) } else { Ok(None) };
            assert_eq!(reader.next_frame(), expected, "length {length}, byte {index}");
        }
    }
}

#[test]
fn behind_a_bad_header_nothing_is_a_frame_again() {
    let bytes = [&header(12, [1, 0, 0])[..], &frame(b"good")[..]].concat();
    let mut reader = FrameReader::default();
    for chunk in [Bytes::from(bytes), Bytes::from(frame(b"good"))] {
        reader.push(chunk);
        assert_eq!(reader.next_frame(), Err(FrameError::Reserved));
        assert_eq!(reader.next_frame(), Err(FrameError::Reserved));
    }
    assert!(!reader.is_partial(), "a lost stream holds no bytes");
}

#[test]
fn the_longest_frame_is_taken() {
    let payload = vec![5; FRAME_BYTES_MAX - BODY_BYTES_MIN];
    let mut reader = FrameReader::default();
    reader.push(Bytes::from(frame(&payload)));
    let read = reader.next_frame().expect("it is within the limit").expect("it is complete");
    assert_eq!(read.payload, payload);
}

#[test]
fn a_begun_frame_shows() {
    let bytes = frame(b"one");
    for (count, expected) in [(0, false), (1, true), (16, true), (18, true), (19, false)] {
        let mut reader = FrameReader::default();
        reader.push(Bytes::copy_from_slice(&bytes[..count]));
        let complete = reader.next_frame().expect("the bytes are a frame").is_some();
        assert_eq!((reader.is_partial(), complete), (expected, count == 19), "{count} bytes");
    }
}
