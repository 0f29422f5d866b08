//! What every target does with a file.

use vencejo_model::Model;

const ROWS: [&[f64]; 4] = [
    &[],
    &[f64::NAN, 0.0, -0.0, 1e-35, f64::INFINITY],
    &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
    &[f64::MAX, f64::MIN, f64::MIN_POSITIVE, -1e-35, f64::NEG_INFINITY],
];
/// Larger models are not explained: their Shapley values take long, as documented.
const EXPLAINED_NODES_MAX: usize = 200;

/// Parses `prefix` and `input` as one file; if that succeeds, evaluates and explains.
pub fn exercise(prefix: &[u8], input: &[u8]) {
    let file = [prefix, input].concat();
    let model = match Model::parse(&file) {
        Ok(model) => model.with_best_iteration(),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("The ") && sentence.ends_with('.'), "{sentence}");
            return;
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
        && let Ok(explainer) = model.explainer()
    {
        let mut explanation = vec![0.0; model.explanation_len()];
        explainer.paths_into(ROWS[1], &mut explanation);
        explainer.shap_into(ROWS[1], &mut explanation);
    }
}
