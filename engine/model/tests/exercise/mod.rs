//! What a parser and a model must survive, and what must hold of a model that was accepted: shared by
//! `mutations.rs` and the fuzz targets in tests/fuzz/model.

#![allow(dead_code, reason = "each test uses its part")]

use std::fmt::Display;

use vencejo_model::Model;

const ROWS: [&[f64]; 4] = [
    &[],
    &[f64::NAN, 0.0, -0.0, 1e-35, f64::INFINITY],
    &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
    &[f64::MAX, f64::MIN, f64::MIN_POSITIVE, -1e-35, f64::NEG_INFINITY],
];
/// Larger models are not explained: their Shapley values take long, as documented.
const EXPLAINED_NODES_MAX: usize = 200;
/// Nor those with more contributions: margins times features is no work of the parser's.
const EXPLAINED_NUMBERS_MAX: usize = 1 << 14;
/// Rows of a model with more features are not derived: they cost more than they find.
const DERIVED_FEATURES_MAX: usize = 300;
/// Rows of a call: one by one, and enough for the layouts that take blocks.
const SINGLE_ROWS: usize = 4;
const BATCH_ROWS: usize = 100;

/// Parses a file. If it is accepted, evaluates and explains it.
pub fn parse(file: &[u8]) -> Option<Model> {
    let model = match Model::parse(file) {
        Ok(model) => model.with_best_iteration(),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("The ") && sentence.ends_with('.'), "no sentence: {sentence}");
            return None;
        }
    };
    let mut workspace = model.workspace();
    let mut margins = vec![0.0; model.margin_count()];
    let mut outputs = vec![0.0; model.output_count()];
    for row in ROWS {
        model.margin_into(row, &mut workspace, &mut margins);
        model.predict_into(row, &mut workspace, &mut outputs);
    }
    if model.node_count() <= EXPLAINED_NODES_MAX
        && model.explanation_len() <= EXPLAINED_NUMBERS_MAX
        && let Ok(explainer) = model.explainer()
    {
        let mut explanation = vec![0.0; model.explanation_len()];
        explainer.paths_into(ROWS[1], &mut explanation);
        explainer.shap_into(ROWS[1], &mut explanation);
    }
    Some(model)
}

/// Compiles a model: every layout that fits answers as the oracle does, to the bit, on rows made from the
/// bytes of its file.
pub fn compile(model: &Model, file: &[u8], seed: u64, batch: bool) {
    let compiled = model.clone().compile(None);
    if model.feature_count() > DERIVED_FEATURES_MAX {
        return;
    }
    let count = if batch { BATCH_ROWS } else { SINGLE_ROWS };
    let rows = derived_rows(file, seed, model.feature_count() * count);
    let expected = margins(model, &rows, false);
    assert_same(&expected, &margins(&compiled, &rows, batch), &"the chosen layouts");
    for figures in compiled.layouts() {
        let layout = figures.layout;
        let only = model.clone().compile_as(layout).expect("what was built can be built again");
        assert_same(&expected, &margins(&only, &rows, batch), &layout);
    }
}

/// Row by row, or all at once.
fn margins(model: &Model, rows: &[f64], batch: bool) -> Vec<f64> {
    let (features, margins) = (model.feature_count().max(1), model.margin_count());
    let mut workspace = model.workspace();
    let mut out = vec![0.0; rows.len() / features * margins];
    if batch {
        model.margin_batch_into(rows, &mut workspace, &mut out);
    } else {
        for (row, out) in rows.chunks_exact(features).zip(out.chunks_exact_mut(margins)) {
            model.margin_into(row, &mut workspace, out);
        }
    }
    out
}

fn assert_same(expected: &[f64], found: &[f64], layout: &dyn Display) {
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        // A sum of infinities is a NaN of any kind.
        let same = expected.to_bits() == found.to_bits() || expected.is_nan() && found.is_nan();
        assert!(same, "margin {index} is {found} in {layout} and {expected} in the oracle");
    }
}

/// Numbers that lie on and beside the thresholds of the file, as far as its bytes hold them.
fn derived_rows(file: &[u8], seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % end
    };
    let number = |_| match (next(8), &file[next(file.len())..]) {
        (0, _) => f64::NAN,
        (1, [a, b, c, d, ..]) => f32::from_be_bytes([*a, *b, *c, *d]).into(),
        (2, [a, b, c, d, ..]) => f32::from_le_bytes([*a, *b, *c, *d]).into(),
        (3, [a, b, c, d, e, f, g, h, ..]) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        (4 | 5, text) => written_number(text),
        (6, _) => ROWS[3][next(5)],
        (_, _) => f64::from(u8::try_from(next(256)).expect("a byte").cast_signed()) / 16.0,
    };
    (0..count).map(number).collect()
}

/// The next number of a text; 0 when there is none.
fn written_number(text: &[u8]) -> f64 {
    const LENGTH_MAX: usize = 24;
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let start = text.iter().position(is_part).unwrap_or(0);
    let number = &text[start..text.len().min(start + LENGTH_MAX)];
    let length = number.iter().position(|byte| !is_part(byte)).unwrap_or(number.len());
    str::from_utf8(&number[..length]).ok().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
