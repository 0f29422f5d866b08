//! Lines that are no requests, limits, ids.

use super::*;

#[test]
fn a_line_that_is_no_request_is_named() {
    check(
        "imp_id",
        &[
            ("", "request_empty"),
            (" \t\r\n", "request_empty"),
            ("\u{feff}", "request_empty"),
            ("imp", "request_not_json"),
            ("{'imp':[{}]", "request_not_json"),
            ("{'imp':[{}]}}", "request_not_json"),
            ("{'imp':[{}]}{'imp':[{}]}", "request_not_json"),
            ("{'imp':[{}],}", "request_not_json"),
            ("{'imp':[{'bidfloor':NaN}]}", "request_not_json"),
            ("{'imp':[{'bidfloor':1e999}]}", "request_not_json"),
            ("{'imp':[{'id':'\\ud800'}]}", "request_not_json"),
            ("{'imp':[{'id':'\u{1}'}]}", "request_not_json"),
            ("null", "request_not_an_object"),
            ("7", "request_not_an_object"),
            ("[{'imp':[{}]}]", "request_not_an_object"),
            ("{}", "request_imp_missing"),
            ("{'imp':null}", "request_imp_missing"),
            ("{'imp':{}}", "request_imp_not_an_array"),
            ("{'imp':'1'}", "request_imp_not_an_array"),
            ("{'imp':[]}", "request_imp_empty"),
        ],
    );
}

#[test]
fn limits_hold_on_both_sides() {
    let nested =
        |depth: usize| format!("{{'imp':[{{}}],'ext':{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(answer(&nested(DEPTH_MAX), "imp_id"), "1");
    assert_eq!(answer(&nested(DEPTH_MAX + 1), "imp_id"), "request_too_deep");
    assert_eq!(answer(&nested(100_000), "imp_id"), "request_too_deep");
    let many = |count: usize| format!("{{'imp':[{}]}}", vec!["{}"; count].join(","));
    assert_eq!(adapt(&many(IMPS_MAX)).map(|impressions| impressions.len()), Ok(IMPS_MAX));
    assert_eq!(adapt(&many(IMPS_MAX + 1)), Err(RequestError::TooManyImps { count: IMPS_MAX + 1 }));
    let long = |bytes: usize| "{'imp':[{}]}".to_owned() + &" ".repeat(bytes - "{'imp':[{}]}".len());
    assert_eq!(answer(&long(REQUEST_BYTES_MAX), "imp_id"), "1");
    assert_eq!(
        adapt(&long(REQUEST_BYTES_MAX + 1)),
        Err(RequestError::TooLarge { bytes: REQUEST_BYTES_MAX + 1 })
    );
    let id = |bytes: usize| "x".repeat(bytes);
    let both = |request: usize, imp: usize| {
        format!("{{'id':'{}','imp':[{{'id':'{}'}},{{}}]}}", id(request), id(imp))
    };
    assert_eq!(answer(&both(ID_BYTES_MAX, ID_BYTES_MAX), "imp_id"), format!("{} | 2", id(ID_BYTES_MAX)));
    assert_eq!(answer(&both(ID_BYTES_MAX + 1, 1), "imp_id"), "request_id_too_long");
    assert_eq!(answer(&both(1, ID_BYTES_MAX + 1), "imp_id"), "1!imp_id_too_long | 2");
}

#[test]
fn long_texts_are_cut_between_characters() {
    let text = "ñ".repeat(400);
    let request = format!(
        "{{'imp':[{{'tagid':'{text}','ext':{{'{text}':{{}}}}}}],'site':{{'domain':'{text}','publisher':{{'id':'{text}'}}}}}}"
    );
    let impressions = adapt(&request).expect("a request");
    let impression = impressions[0].as_ref().expect("an impression");
    let bytes = |text: &Option<String>| text.as_ref().map(String::len);
    assert_eq!(impression.placement.len(), PLACEMENT_BYTES_MAX);
    assert_eq!(bytes(&impression.domain), Some(DOMAIN_BYTES_MAX - 1));
    assert_eq!(bytes(&impression.publisher), Some(PUBLISHER_BYTES_MAX));
    assert_eq!(bytes(&impression.bidder), Some(BIDDER_BYTES_MAX));
}

#[test]
fn messages_say_what_where_and_what_to_do() {
    for (line, expected) in [
        ("", "the line is empty: send one bid request, a JSON object, per line"),
        (
            "{'imp':[{},]}",
            "the line is not valid JSON at byte 11 (unexpected character): send one whole JSON object per line",
        ),
        ("[]", "the line is an array, not a JSON object: send one bid request per line, not in an array"),
        ("{'imp':7}", "the bid request's imp is a number, not an array: put the impression into an array"),
    ] {
        assert_eq!(adapt(line).expect_err(line).to_string(), expected, "{line}");
    }
    for (imp, expected) in [
        ("7", "the imp is a number, not an object: send an object per impression"),
        (
            "{'bidfloor':'1,50'}",
            "its bidfloor is \"1,50\", not a number: send the CPM as a JSON number, or leave it out",
        ),
        (
            "{'bidfloor':2e9}",
            "its bidfloor is \"2000000000\", the limit is 1000000000: send the CPM in units of its currency",
        ),
    ] {
        let impressions = adapt(&format!("{{'id':'r','imp':[{imp}]}}")).expect(imp);
        let refusal = impressions[0].as_ref().expect_err(imp);
        assert_eq!(refusal.to_string(), format!("impression \"1\" of request \"r\": {expected}"));
    }
}

#[test]
fn the_position_of_a_fault_counts_from_the_start_of_the_line() {
    let position = |line: &[u8]| match Adapter::new().impressions(line.to_vec().as_mut_slice(), NOW_MILLIS) {
        Err(RequestError::NotJson { position, .. }) => position,
        other => panic!("{other:?}"),
    };
    assert_eq!(position(b"{\"imp\":[{},]}"), Some(11));
    assert_eq!(position(b"\xef\xbb\xbf{\"imp\":[{},]}"), Some(14));
    assert_eq!(position(b"{\"imp\":[{\"id\":\"\xff\"}]}"), Some(15));
    assert_eq!(position(b"\xef\xbb\xbf{\"imp\":[{\"id\":\"\xff\"}]}"), Some(18));
}

#[test]
fn faults_are_told_apart_in_words() {
    for (line, expected) in [
        ("{'imp':[{}]", (Some(10), "it breaks off")),
        ("{", (Some(0), "it breaks off")),
        ("{'imp':[{'id':'x", (None, "a string is not closed or holds a control character")),
        ("{'imp':[{'id':'\n'}]}", (None, "a string is not closed or holds a control character")),
        ("{'imp':[{'id':'\\q'}]}", (None, "a string holds a wrong escape")),
        ("{'imp':[{'id':'\\ud800'}]}", (None, "a string holds a wrong escape")),
        ("{'imp':[{'bidfloor':1e999}]}", (Some(20), "a number is malformed or beyond 64 bits")),
        ("{'imp':[{'bidfloor':NaN}]}", (Some(20), "unexpected character")),
        ("<html>", (Some(0), "unexpected character")),
    ] {
        let (position, fault) = expected;
        assert_eq!(adapt(line), Err(RequestError::NotJson { position, fault }), "{line}");
    }
}

#[test]
fn a_byte_order_mark_and_white_space_are_fine() {
    check("imp_id", &[("\u{feff}{'imp':[{}]}\r\n", "1"), ("  {'imp' : [ {} ] }  ", "1")]);
}

#[test]
fn ids_that_are_missing_or_of_the_wrong_type() {
    check(
        "impression_id request_id imp_id",
        &[
            ("{'id':'r','imp':[{'id':'a'}]}", "r/a r a"),
            (
                "{'id':'r','imp':[{},{'id':null},{'id':''},{'id':[]}]}",
                "r/1 r 1 | r/2 r 2 | r/3 r 3 | r/4 r 4",
            ),
            ("{'id':17,'imp':[{'id':4}]}", "17/4 17 4"),
            ("{'imp':[{'id':'a'}]}", "/a  a"),
            ("{'id':' r ','imp':[{'id':' a'},{'id':'  '}]}", " r / a  r   a |  r /2  r  2"),
            ("{'imp':[{'id':'2'},{}]}", "/2  2 | 2!imp_id_repeated"),
            ("{'id':'r','imp':[{'id':'a'},{'id':'a'},{'id':'b'}]}", "r/a r a | a!imp_id_repeated | r/b r b"),
            (
                "{'id':'r','imp':[null,7,[],{}]}",
                "1!imp_not_an_object | 2!imp_not_an_object | 3!imp_not_an_object | r/4 r 4",
            ),
            ("{'id':'r\\u0000\\n','imp':[{'id':'\\u0007'}]}", "r\0\n/\u{7} r\0\n \u{7}"),
        ],
    );
}

#[test]
fn of_a_repeated_key_the_first_counts() {
    check("imp_id placement", &[("{'imp':[{'tagid':'a','tagid':'b'}],'imp':[]}", "1 a")]);
}
