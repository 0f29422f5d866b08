//! Answers equal XGBoost's bit for bit, on rows made to show a wrong comparison, default or order of
//! addition. `testdata/README.md` describes the files.

use std::fs;
use std::path::PathBuf;

use vencejo_model::Model;

fn bytes(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    fs::read(path).expect(file)
}

fn model(file: &str) -> Model {
    Model::parse(&bytes(file)).expect(file)
}

fn floats(file: &str) -> Vec<f32> {
    bytes(file)
        .chunks_exact(4)
        .map(|chunk| f32::from_le_bytes(chunk.try_into().expect("four bytes")))
        .collect()
}

/// Compares a model's answers with the recorded ones.
fn check(model: &Model, rows: &str, answers: &str) {
    let rows = floats(&format!("{rows}rows.f32"));
    let margins = floats(&format!("{answers}.margins.f32"));
    assert_eq!(rows.len(), margins.len() * model.feature_count(), "{answers}");
    for (index, (row, expected)) in rows.chunks_exact(model.feature_count()).zip(&margins).enumerate() {
        let margin = model.predict_margin(row);
        assert_eq!(
            margin.to_bits(),
            expected.to_bits(),
            "{answers} row {index}: {margin} {expected} {row:?}"
        );
    }
}

#[test]
fn the_ads_model_is_exact_on_10_000_adversarial_rows() {
    let model = model("../../../apps/ads/models/yield.ubj");
    assert_eq!(floats("yield.rows.f32").len(), 100_000);
    check(&model, "yield.", "yield");
    let names = [
        "hour_of_day",
        "day_of_week",
        "is_weekend",
        "country_tier",
        "device_category_encoded",
        "is_eu",
        "user_engagement_score",
        "device_performance_score",
        "historical_ctr_avg",
        "is_prime_time",
    ];
    assert_eq!(model.feature_names(), names);
    assert_eq!(model.objective(), "reg:squarederror");
    assert_eq!((model.tree_count(), model.depth_max(), model.version()), (120, 6, [3, 2, 0]));
    assert_eq!(model.predict(&[f32::NAN; 10]).to_bits(), model.predict_margin(&[]).to_bits());
}

#[test]
fn both_encodings_give_the_same_exact_model() {
    for name in ["lossguide", "pruned-forest"] {
        let (json, ubjson) = (model(&format!("{name}.json")), model(&format!("{name}.ubj")));
        assert_eq!(json, ubjson, "{name}");
        check(&ubjson, &format!("{name}."), name);
    }
}

#[test]
fn both_spellings_of_base_score_give_the_same_exact_model() {
    let (list, scalar) = (model("base-score.json"), model("base-score-scalar.json"));
    assert_eq!(list, scalar);
    check(&list, "base-score.", "base-score");
}

#[test]
fn links_have_exact_margins_and_predictions_within_4_ulp() {
    for name in ["poisson", "gamma", "logistic"] {
        let model = model(&format!("{name}.ubj"));
        check(&model, &format!("{name}."), name);
        let (rows, predictions) =
            (floats(&format!("{name}.rows.f32")), floats(&format!("{name}.predictions.f32")));
        for (row, expected) in rows.chunks_exact(model.feature_count()).zip(&predictions) {
            let prediction = model.predict(row);
            let ulps = prediction.to_bits().abs_diff(expected.to_bits());
            assert!(ulps <= 4, "{name}: {prediction} {expected} {row:?}");
        }
    }
}

#[test]
fn files_of_every_xgboost_version_load_and_are_exact() {
    for version in ["1.0", "1.3", "1.5", "1.6", "1.7", "2.1", "3.0", "3.1", "3.4"] {
        let name = format!("versions/xgboost-{version}");
        let json = model(&format!("{name}.json"));
        check(&json, "versions/", &name);
        let written_by = json.version();
        assert_eq!(format!("{}.{}", written_by[0], written_by[1]), version);
        if written_by >= [1, 6, 0] {
            assert_eq!(json, model(&format!("{name}.ubj")), "{name}");
        }
    }
}

#[test]
fn both_encodings_of_dropouts_new_place_give_the_same_model() {
    let [json, ubjson] = ["json", "ubj"].map(|end| model(&format!("versions/xgboost-3.4-dart.{end}")));
    assert_eq!(json, ubjson);
    assert_eq!(json.objective(), "reg:squarederror");
}
