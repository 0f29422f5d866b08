//! Calls that are documented not to allocate do not, once their buffers are there: one row, a batch, margins,
//! predictions, path attributions; in every layout that fits, for models of every shape.

mod expect;

use allocation_counter::measure;
use vencejo_model::{Feature, Layout, Model};

/// Shapes of trees, links and leaves; together they fit every layout.
const MODELS: [&str; 14] = [
    "xgboost-gamma.ubj",
    "xgboost-softprob.ubj",
    "xgboost-softmax.ubj",
    "xgboost-categories-sets.ubj",
    "xgboost-vector.ubj",
    "lightgbm-regression.txt",
    "lightgbm-multiclass.txt",
    "lightgbm-rf.txt",
    "lightgbm-linear.txt",
    "onnx-mixed.onnx",
    "onnx-pair-logistic.onnx",
    "onnx-five-min.onnx",
    "catboost-logloss.json",
    "catboost-multiclass.json",
];
/// More than a block of every layout, and a rest.
const ROWS: usize = 600;

/// A number of a row, and those beside it.
trait Number: Feature {
    fn of(number: u8) -> Self;
}

impl Number for f32 {
    fn of(number: u8) -> Self {
        Self::from(number) / 32.0 - 3.0
    }
}

impl Number for f64 {
    fn of(number: u8) -> Self {
        Self::from(number) / 32.0 - 3.0
    }
}

/// Runs what must not allocate, after once to warm up.
#[track_caller]
fn check(name: &str, what: &str, layout: Layout, mut run: impl FnMut()) {
    run();
    let found = measure(run).count_total;
    assert_eq!(found, 0, "{name} {what} in {layout}: {found} allocations");
}

fn check_model<T: Number>(name: &str, model: &Model) {
    let numbers = (0..=250_u8).cycle().step_by(7).map(T::of);
    let rows: Vec<T> = numbers.take(ROWS * model.feature_count()).collect();
    let (row, narrow) = (&rows[..model.feature_count()], vec![f32::NAN; model.feature_count()]);
    let mut workspace = model.workspace();
    let mut margins = vec![0.0; model.margin_count() * ROWS];
    let mut outputs = vec![0.0; model.output_count() * ROWS];
    let (one_margin, one_output) = (model.margin_count(), model.output_count());
    let (single, batch) = (model.layout(), model.batch_layout());
    check(name, "margin", single, || model.margin_into(row, &mut workspace, &mut margins[..one_margin]));
    check(name, "predict", single, || model.predict_into(row, &mut workspace, &mut outputs[..one_output]));
    check(name, "margin batch", batch, || model.margin_batch_into(&rows, &mut workspace, &mut margins));
    check(name, "predict batch", batch, || model.predict_batch_into(&rows, &mut workspace, &mut outputs));
    if one_margin == 1 {
        check(name, "predict_margin", single, || assert!(!model.predict_margin(&narrow).is_nan()));
    }
    if one_margin == 1 && one_output == 1 {
        check(name, "predict", single, || assert!(!model.predict(&narrow).is_nan()));
    }
    if let Ok(explainer) = model.explainer() {
        let mut explanation = vec![0.0; model.explanation_len()];
        check(name, "paths", single, || explainer.paths_into(row, &mut explanation));
    }
}

#[test]
fn calls_allocate_nothing_in_any_layout() {
    let mut seen = Vec::new();
    for name in MODELS {
        let model = Model::parse(&expect::bytes(name)).expect(name);
        check_model::<f32>(name, &model);
        check_model::<f64>(name, &model);
        let fitting: Vec<Layout> = model.clone().compile(None).layouts().iter().map(|f| f.layout).collect();
        for layout in fitting {
            let compiled = model.clone().compile_as(layout).expect(name);
            check_model::<f32>(name, &compiled);
            check_model::<f64>(name, &compiled);
            seen.push(layout.to_string());
        }
    }
    seen.sort();
    seen.dedup();
    // Walk and paths need AVX2.
    assert!(seen.len() >= 2, "{seen:?}");
}

#[test]
fn the_counter_counts() {
    let found = measure(|| drop(std::hint::black_box(vec![0_u8; 9]))).count_total;
    assert_eq!(found, 1);
}
