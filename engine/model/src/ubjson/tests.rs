use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::error::{Error, Fault};
use super::from_slice;
use crate::limits::NESTING_MAX;

/// UBJSON as text: `\x` escapes stay readable through `b""` literals.
#[track_caller]
fn check(bytes: &[u8], expected: &Value) {
    assert_eq!(from_slice::<Value>(bytes), Ok(expected.clone()), "{}", bytes.escape_ascii());
    assert!(from_slice::<IgnoredAny>(bytes).is_ok(), "skipping {}", bytes.escape_ascii());
}

/// Refused both when read and when skipped.
#[track_caller]
fn check_refused(bytes: &[u8], fault: &Fault, offset: usize) {
    let error = Error::at(offset, fault.clone());
    assert_eq!(from_slice::<Value>(bytes), Err(error.clone()), "{}", bytes.escape_ascii());
    assert_eq!(from_slice::<IgnoredAny>(bytes).map(|_| ()), Err(error), "skipping {}", bytes.escape_ascii());
}

#[test]
fn every_type_is_read() {
    check(b"Z", &json!(null));
    check(b"T", &json!(true));
    check(b"F", &json!(false));
    check(b"i\xff", &json!(-1));
    check(b"U\xff", &json!(255));
    check(b"I\xff\xfe", &json!(-2));
    check(b"l\x00\x01\x00\x00", &json!(65_536));
    check(b"L\x00\x00\x00\x01\x00\x00\x00\x00", &json!(4_294_967_296_u64));
    check(b"d\x3f\xc0\x00\x00", &json!(1.5));
    check(b"D\x3f\xf8\x00\x00\x00\x00\x00\x00", &json!(1.5));
    check(b"SU\x03abc", &json!("abc"));
    check(b"SL\x00\x00\x00\x00\x00\x00\x00\x00", &json!(""));
    check(b"[]", &json!([]));
    check(b"{}", &json!({}));
    check(b"[i\x01T[Z]]", &json!([1, true, [null]]));
    check(b"{i\x01a[]U\x01b{}}", &json!({"a": [], "b": {}}));
}

#[test]
fn counted_and_typed_containers_are_read() {
    check(b"[#i\x02TF", &json!([true, false]));
    check(b"[$U#i\x03abc", &json!([97, 98, 99]));
    check(b"[$d#L\x00\x00\x00\x00\x00\x00\x00\x01\x3f\xc0\x00\x00", &json!([1.5]));
    check(b"[$l#U\x00", &json!([]));
    check(b"[$[#i\x02]T]", &json!([[], [true]]));
    check(b"[$S#i\x01U\x01x", &json!(["x"]));
    check(b"{#i\x01i\x01aT", &json!({"a": true}));
    check(b"{$U#i\x02i\x01a\x05i\x01b\x06", &json!({"a": 5, "b": 6}));
    check(b"{i\x01a[$U#i\x01\x07i\x01b[#i\x00}", &json!({"a": [7], "b": []}));
}

#[test]
fn no_ops_are_skipped() {
    check(b"NN[NTNN]", &json!([true]));
    check(b"{Ni\x01aNTN}", &json!({"a": true}));
}

#[test]
fn input_that_ends_early_is_truncated() {
    let whole =
        b"{i\x04name[$d#L\x00\x00\x00\x00\x00\x00\x00\x02\x3f\xc0\x00\x00\x3f\xc0\x00\x00i\x01xSU\x02hi}";
    assert!(from_slice::<Value>(whole).is_ok());
    for length in 0..whole.len() {
        let error = from_slice::<Value>(&whole[..length]).unwrap_err();
        assert_eq!(error.kind, Fault::Truncated, "first {length} bytes");
    }
}

#[test]
fn a_length_beyond_the_file_allocates_nothing() {
    // Were the length believed, reserving it would abort the test.
    check_refused(b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00", &Fault::Truncated, 13);
    check_refused(b"[$U#l\x7f\xff\xff\xff\x00\x00", &Fault::Truncated, 9);
    check_refused(b"[#L\x00\x00\x00\x00\x7f\xff\xff\xffTT", &Fault::Truncated, 11);
    check_refused(b"{#l\x7f\xff\xff\xffi\x01aT", &Fault::Truncated, 7);
    check_refused(b"SL\x7f\xff\xff\xff\xff\xff\xff\xffabc", &Fault::Truncated, 13);
    check_refused(b"[$[#l\x7f\xff\xff\xff]]", &Fault::Truncated, 9);
    let error = from_slice::<Vec<f32>>(b"[$d#L\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00").unwrap_err();
    assert_eq!(error.kind, Fault::Truncated);
}

#[test]
fn elements_without_bytes_cannot_repeat_for_free() {
    for element in [b'Z', b'T', b'F', b'N'] {
        let bytes = [&b"[$"[..], &[element], b"#l\x7f\xff\xff\xff"].concat();
        check_refused(&bytes, &Fault::WidthlessElements, 2);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert!(from_slice::<IgnoredAny>(&nested(NESTING_MAX)).is_ok());
    check_refused(&nested(NESTING_MAX + 1), &Fault::TooDeep, NESTING_MAX + 1);
    check_refused(&vec![b'['; 1_000_000], &Fault::TooDeep, NESTING_MAX + 1);
    // Siblings do not add up.
    let siblings = [&b"["[..], &b"[]".repeat(1_000), b"]"].concat();
    assert!(from_slice::<IgnoredAny>(&siblings).is_ok());
}

#[test]
fn broken_rules_are_told_with_their_place() {
    check_refused(b"[X]", &Fault::Marker(b'X'), 1);
    check_refused(b"[Ca]", &Fault::Marker(b'C'), 1);
    check_refused(b"[$X#i\x01a", &Fault::Marker(b'X'), 2);
    check_refused(b"[$Ui\x01a", &Fault::Uncounted, 3);
    check_refused(b"[#i\xff", &Fault::Length, 2);
    check_refused(b"[#d\x3f\xc0\x00\x00", &Fault::Length, 2);
    check_refused(b"{Si\x01aT}", &Fault::Length, 1);
    check_refused(b"SU\x02\xff\xff", &Fault::Utf8, 3);
    check_refused(b"TT", &Fault::Trailing, 1);
}

#[test]
fn another_shape_is_told_with_the_place_where_it_shows() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Point {
        x: f32,
        #[serde(default)]
        y: Option<f32>,
    }
    let read = |bytes| from_slice::<Point>(bytes).map_err(|error| error.to_string());
    assert_eq!(read(b"{i\x01xi\x02}"), Ok(Point { x: 2.0, y: None }));
    assert_eq!(read(b"{i\x01xi\x02i\x01yZ}"), Ok(Point { x: 2.0, y: None }));
    assert_eq!(read(b"{i\x01yd\x3f\xc0\x00\x00i\x01xi\x02}"), Ok(Point { x: 2.0, y: Some(1.5) }));
    assert_eq!(read(b"{}"), Err("missing field `x` at byte 1".to_owned()));
    assert_eq!(
        read(b"{i\x01xSi\x01a}"),
        Err("invalid type: string \"a\", expected f32 at byte 8".to_owned())
    );
    assert_eq!(read(b"[i\x01i\x02i\x03]"), Err("more elements than expected at byte 5".to_owned()));
}
