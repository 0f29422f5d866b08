//! Contributions add up to the margin, and `TreeSHAP` equals the libraries' own within float tolerance.

mod expect;

use expect::{Expect, bytes};
use vencejo_model::{ExplainError, Model};

fn models() -> Vec<(String, Model)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| !name.ends_with(".expect"))
        .collect();
    names.sort();
    let parsed = names.into_iter().filter_map(|name| Some((name.clone(), Model::parse(&bytes(&name)).ok()?)));
    parsed.collect()
}

/// Per margin the sum of the contributions and the bias.
fn sums(model: &Model, contributions: &[f64]) -> Vec<f64> {
    contributions.chunks_exact(model.feature_count() + 1).map(|part| part.iter().sum()).collect()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 2e-5 * expected.abs().max(1.0)
}

#[test]
fn contributions_add_up_to_the_margin() {
    let mut explained = 0;
    for (name, model) in models() {
        let Ok(explainer) = model.explainer() else { continue };
        explained += 1;
        let expect = Expect::read(name.rsplit_once('.').expect("an extension").0);
        let mut margins = vec![0.0; model.margin_count()];
        let mut found = vec![0.0; model.explanation_len()];
        for row in expect.rows.chunks_exact(expect.features) {
            model.margin_into(row, &mut model.workspace(), &mut margins);
            explainer.paths_into(row, &mut found);
            for (sum, margin) in sums(&model, &found).iter().zip(&margins) {
                assert!(close(*sum, *margin), "{name} by paths: {sum} {margin} {row:?}");
            }
            explainer.shap_into(row, &mut found);
            for (sum, margin) in sums(&model, &found).iter().zip(&margins) {
                assert!(close(*sum, *margin), "{name} by Shapley values: {sum} {margin} {row:?}");
            }
        }
    }
    assert!(explained > 60, "{explained}");
}

#[test]
fn shapley_values_equal_the_libraries_own() {
    let mut compared = 0;
    for (name, model) in models() {
        let expect = Expect::read(name.rsplit_once('.').expect("an extension").0);
        if expect.contributions.is_empty() {
            continue;
        }
        compared += 1;
        let explainer = model.explainer().expect(&name);
        let mut found = vec![0.0; model.explanation_len()];
        let rows = expect.rows.chunks_exact(expect.features);
        for (row, expected) in rows.zip(expect.contributions.chunks_exact(found.len())) {
            explainer.shap_into(row, &mut found);
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!(close(*found, *expected), "{name} number {index}: {found} {expected} {row:?}");
            }
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn path_attributions_equal_xgboosts_approximate_contributions() {
    let models = [
        "gamma.ubj",
        "logistic.ubj",
        "softprob.ubj",
        "labels.ubj",
        "parallel-classes.ubj",
        "dart.ubj",
        "dart-classes.ubj",
        "categories-sets.ubj",
    ];
    for file in models {
        let model = Model::parse(&bytes(&format!("xgboost-{file}"))).expect(file);
        let expect = Expect::read(&format!("xgboost-{}-paths", file.trim_end_matches(".ubj")));
        let explainer = model.explainer().expect(file);
        let mut found = vec![0.0; model.explanation_len()];
        let rows = expect.rows.chunks_exact(expect.features);
        assert!(rows.len() > 30 && expect.contributions.len() == rows.len() * found.len(), "{file}");
        for (row, expected) in rows.zip(expect.contributions.chunks_exact(found.len())) {
            explainer.paths_into(row, &mut found);
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!(close(*found, *expected), "{file} number {index}: {found} {expected} {row:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_explained_says_why() {
    let refusal = |file: &str| Model::parse(&bytes(file)).expect(file).explainer().expect_err(file);
    assert_eq!(refusal("onnx-mixed.onnx"), ExplainError::NoWeights);
    assert_eq!(refusal("lightgbm-linear.txt"), ExplainError::LinearLeaves);
    assert!(ExplainError::NoWeights.to_string().ends_with('.'));
}
