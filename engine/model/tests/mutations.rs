//! No input makes a parser or a parsed model panic: the fixtures of every format, damaged in many ways. The
//! long run of the same kind is tests/fuzz/model.

mod expect;

use proptest::prelude::*;
use proptest::sample::Index;
use vencejo_model::Model;

/// A small file of each parser, each with the parts that parsers trip over.
const SEEDS: [&str; 12] = [
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
    "catboost-names.json",
    "catboost-lossguide.json",
];

const ROWS: [&[f64]; 3] =
    [&[], &[f64::NAN, 0.0, -0.0, 1e-35, f64::INFINITY], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]];

/// Parses, and if that succeeds, evaluates and explains.
fn exercise(bytes: &[u8]) {
    let model = match Model::parse(bytes) {
        Ok(model) => model.with_best_iteration(),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("The ") && sentence.ends_with('.'), "{sentence}");
            return;
        }
    };
    let mut workspace = model.workspace();
    let mut outputs = vec![0.0; model.output_count()];
    for row in ROWS {
        model.predict_into(row, &mut workspace, &mut outputs);
    }
    if let Ok(explainer) = model.explainer() {
        let mut explanation = vec![0.0; model.explanation_len()];
        explainer.paths_into(ROWS[1], &mut explanation);
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_or_complete() {
    for seed in SEEDS {
        let whole = expect::bytes(seed);
        let model = Model::parse(&whole).expect(seed);
        for length in (0..whole.len()).step_by(1 + whole.len() / 400) {
            match Model::parse(&whole[..length]) {
                // LightGBM's trees end before its file does.
                Ok(cut) => assert!(cut == model && seed.starts_with("lightgbm"), "{seed}: {length} bytes"),
                Err(error) => assert!(error.to_string().starts_with("The "), "{error}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
        digits in prop::collection::vec((any::<Index>(), b'0'..=b'9'), 0..4),
        cut in any::<Index>(),
    ) {
        for seed in SEEDS {
            let whole = expect::bytes(seed);
            let mut damaged = whole.clone();
            for (index, value) in &changes {
                damaged[index.index(whole.len())] = *value;
            }
            exercise(&damaged);
            // Another digit keeps a text well-formed and changes what it says.
            let mut edited = whole.clone();
            let places: Vec<usize> =
                (0..whole.len()).filter(|place| whole[*place].is_ascii_digit()).collect();
            for (index, digit) in &digits {
                edited[places[index.index(places.len())]] = *digit;
            }
            exercise(&edited);
            // A part removed or doubled moves everything behind it.
            let (from, to) = (cut.index(whole.len()), changes[0].0.index(whole.len()));
            exercise(&[&whole[..from], &whole[to..]].concat());
        }
    }
}
