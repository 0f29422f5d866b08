//! No input makes the parser or a parsed model panic.

use std::fs;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vencejo_model::Model;

const ROWS: [&[f32]; 5] = [
    &[],
    &[0.0, -0.0, f32::MAX],
    &[f32::NAN, f32::NAN, f32::NAN],
    &[f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE],
    &[1.0, 2.0, 3.0, 4.0, 5.0],
];

/// A small valid model in both encodings.
fn valid() -> [Vec<u8>; 2] {
    ["xgboost-3.4.ubj", "xgboost-3.4.json"].map(|name| {
        fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/versions").join(name))
            .expect("the file is readable")
    })
}

/// Parses, and if that succeeds, evaluates.
fn exercise(bytes: &[u8]) {
    match Model::parse(bytes) {
        Ok(model) => {
            for row in ROWS {
                std::hint::black_box(model.predict(row));
            }
        }
        Err(error) => assert!(error.to_string().ends_with('.'), "{error}"),
    }
}

#[test]
fn a_model_cut_anywhere_is_refused() {
    for bytes in valid() {
        assert!(Model::parse(&bytes).is_ok());
        for length in 0..bytes.len() {
            assert!(Model::parse(&bytes[..length]).is_err(), "accepted the first {length} bytes");
        }
    }
}

#[test]
fn a_model_with_bytes_behind_it_is_refused() {
    for mut bytes in valid() {
        bytes.push(b'x');
        assert!(Model::parse(&bytes).is_err());
    }
}

#[test]
fn no_single_damaged_byte_panics() {
    for bytes in valid() {
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            for change in [0x01, 0x20, 0x80, 0xff] {
                damaged[index] = bytes[index] ^ change;
                exercise(&damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
        for opening in [&b"{\""[..], b"{L\0\0\0\0\0\0\0\x07learner", b"{i\x07learner[$d#L"] {
            exercise(&[opening, &bytes].concat());
        }
    }

    #[test]
    fn no_damage_panics(changes in vec((any::<Index>(), any::<u8>()), 1..6), cut in any::<Index>()) {
        for bytes in valid() {
            let mut damaged = bytes.clone();
            for (index, value) in &changes {
                damaged[index.index(bytes.len())] = *value;
            }
            exercise(&damaged);
            // A part removed or doubled moves everything behind it.
            let (from, to) = (cut.index(bytes.len()), changes[0].0.index(bytes.len()));
            exercise(&[&bytes[..from], &bytes[to..]].concat());
        }
    }
}
