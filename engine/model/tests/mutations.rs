//! No input makes a parser or a parsed model panic, and what is accepted answers the same in every layout:
//! the fixtures of every format, damaged in many ways. With `VENCEJO_SLOW` many more ways. The long run of
//! the same kind is tests/fuzz/model.

mod exercise;
mod expect;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;
use vencejo_model::Model;

/// A small file of each parser, each with the parts that parsers trip over.
const SEEDS: [&str; 14] = [
    "xgboost-3.4-dart.json",
    "xgboost-2.1-vector.ubj",
    "xgboost-categories-sets.ubj",
    "lightgbm-categories.txt",
    "lightgbm-linear.txt",
    "lightgbm-rf-binary.txt",
    "onnx-mixed.onnx",
    "onnx-doubles.onnx",
    "onnx-classes.onnx",
    "onnx-targets-vector.onnx",
    "onnx-five-members.onnx",
    "onnx-five-targets-min.onnx",
    "catboost-names.json",
    "catboost-lossguide.json",
];

/// Cases of each property.
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("VENCEJO_SLOW").is_some() { 400 } else { 60 };
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

/// Parses, evaluates, explains and compiles; in blocks for some.
fn exercise(file: &[u8], seed: u64) {
    if let Some(model) = exercise::parse(file) {
        exercise::compile(&model, file, seed, seed.is_multiple_of(8));
    }
}

/// A small model of XGBoost in both encodings.
fn smallest() -> [Vec<u8>; 2] {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/versions");
    ["xgboost-3.4.ubj", "xgboost-3.4.json"].map(|name| fs::read(folder.join(name)).expect(name))
}

#[test]
fn a_file_cut_anywhere_is_refused_or_complete() {
    for seed in SEEDS {
        let whole = expect::bytes(seed);
        let model = Model::parse(&whole).expect(seed);
        for length in (0..whole.len()).step_by(1 + whole.len() / 400) {
            match Model::parse(&whole[..length]) {
                // LightGBM's trees end before its file does, and ONNX's graph before its versions.
                Ok(cut) => {
                    let may_end = ["lightgbm", "onnx"].iter().any(|format| seed.starts_with(format));
                    assert!(cut == model && may_end, "{seed}: {length} bytes");
                }
                Err(error) => assert!(error.to_string().starts_with("The "), "{error}"),
            }
        }
    }
    for whole in smallest() {
        assert!(Model::parse(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(Model::parse(&whole[..length]).is_err(), "accepted the first {length} bytes");
        }
        assert!(Model::parse(&[&whole, &b"x"[..]].concat()).is_err(), "accepted a byte behind the end");
    }
}

#[test]
fn no_single_damaged_byte_panics() {
    for whole in smallest() {
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            for change in [0x01, 0x20, 0x80, 0xff] {
                damaged[index] = whole[index] ^ change;
                exercise::parse(&damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for opening in [&b""[..], b"{\"", b"{L\0\0\0\0\0\0\0\x07learner", b"{i\x07learner[$d#L", b"tree\n", b"\x08"] {
            exercise::parse(&[opening, &bytes].concat());
        }
    }

    #[test]
    fn no_damage_panics(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
        digits in prop::collection::vec((any::<Index>(), b'0'..=b'9'), 0..4),
        cut in any::<Index>(),
        seed in any::<u64>(),
    ) {
        for file in SEEDS {
            let whole = expect::bytes(file);
            let mut damaged = whole.clone();
            for (index, value) in &changes {
                damaged[index.index(whole.len())] = *value;
            }
            exercise(&damaged, seed);
            // Another digit keeps a text well-formed and changes what it says.
            let mut edited = whole.clone();
            let places: Vec<usize> =
                (0..whole.len()).filter(|place| whole[*place].is_ascii_digit()).collect();
            for (index, digit) in &digits {
                edited[places[index.index(places.len())]] = *digit;
            }
            exercise(&edited, seed);
            // A part removed or doubled moves everything behind it.
            let (from, to) = (cut.index(whole.len()), changes[0].0.index(whole.len()));
            exercise(&[&whole[..from], &whole[to..]].concat(), seed);
        }
    }
}
