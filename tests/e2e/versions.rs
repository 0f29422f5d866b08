//! Models and requests whose predictions are known.

use vencejo_client::RowWriter;
use vencejo_client::protocol::schema::{ColumnType, Schema};
use vencejo_model::Model;

use crate::support::root;

/// The features of the ads model.
pub const ADS_FEATURES: [&str; 10] = [
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

fn first_model() -> Vec<u8> {
    std::fs::read(root().join("apps/ads/models/yield.ubj")).unwrap()
}

/// The ads model with another base score: the same trees, another answer to everything.
pub fn second_model() -> Vec<u8> {
    let (from, to) = (b"[2.8695953E0]", b"[3.2468013E0]");
    let mut bytes = first_model();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

/// A model of one leaf, in XGBoost's JSON.
pub fn constant_model(features: &[&str], objective: &str, leaf: f64) -> Vec<u8> {
    let tree = r#"{"base_weights":[0.0],"categories":[],"categories_nodes":[],"categories_segments":[],
        "categories_sizes":[],"default_left":[0],"id":0,"left_children":[-1],"loss_changes":[0.0],"parents":[2147483647],
        "right_children":[-1],"split_conditions":[LEAF],"split_indices":[0],"split_type":[0],"sum_hessian":[1.0],
        "tree_param":{"num_deleted":"0","num_feature":"COUNT","num_nodes":"1","size_leaf_vector":"1"}}"#;
    let names: Vec<String> = features.iter().map(|name| format!("\"{name}\"")).collect();
    let types = vec!["\"float\""; features.len()].join(",");
    let text = format!(
        r#"{{"learner":{{"attributes":{{}},"feature_names":[{}],"feature_types":[{types}],
        "gradient_booster":{{"model":{{"gbtree_model_param":{{"num_parallel_tree":"1","num_trees":"1"}},
        "iteration_indptr":[0,1],"tree_info":[0],"trees":[{tree}]}},"name":"gbtree"}},
        "learner_model_param":{{"base_score":"1E0","boost_from_average":"1","num_class":"0","num_feature":"COUNT",
        "num_target":"1"}},"objective":{{"name":"{objective}"}}}},"version":[3,0,0]}}"#,
        names.join(",")
    );
    text.replace("COUNT", &features.len().to_string()).replace("LEAF", &format!("{leaf:?}")).into_bytes()
}

/// A request, and the predicted CPM of both models for it.
pub struct Request {
    /// Its row.
    pub row: Vec<u8>,
    /// What the first and the second model's files give, rounded as the app rounds.
    pub expected: [f64; 2],
}

/// Requests that differ in every feature.
pub fn requests(schema: &Schema, count: u32) -> Vec<Request> {
    let models = [first_model(), second_model()].map(|bytes| Model::parse(&bytes).unwrap());
    (0..count).map(|number| request(schema, &models, number)).collect()
}

fn request(schema: &Schema, models: &[Model; 2], number: u32) -> Request {
    let (hour, day) = (f64::from(number % 24), f64::from(number % 7 + 1));
    let (tier, device) = (f64::from(number % 3 + 1), f64::from(number / 3 % 3 + 1));
    let engagement = f64::from(number % 101) / 100.0;
    let (performance, clicks) = (f64::from(number % 211), f64::from(number % 31) / 300.0);
    let flag = |on: bool| f64::from(u8::from(on));
    let weekend = flag(day >= 6.0);
    let prime = flag((19.0..=23.0).contains(&hour));
    let features =
        [hour, day, weekend, tier, device, flag(tier == 1.0), engagement, performance, clicks, prime];
    let mut writer = RowWriter::new(schema.columns().len());
    for (index, column) in schema.columns().iter().enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "these are small whole numbers")]
        match (column.name.as_str(), column.column_type) {
            ("impression_id", _) => writer.set_str(index, &format!("imp-{number}")),
            ("placement", _) => writer.set_str(index, &format!("place-{}", number % 50)),
            ("hour_of_day", _) => writer.set_i64(index, hour as i64),
            ("day_of_week", _) => writer.set_i64(index, day as i64),
            ("country_tier", _) => writer.set_i64(index, tier as i64),
            ("device_category", _) => {
                writer.set_str(index, ["mobile", "tablet", "desktop"][number as usize / 3 % 3]);
            }
            ("user_engagement_score", _) => writer.set_f64(index, engagement),
            ("device_performance_score", _) => writer.set_f64(index, performance),
            ("historical_ctr_avg", _) => writer.set_f64(index, clicks),
            (_, ColumnType::Timestamp) => writer.set_i64(index, 0),
            _ => {}
        }
    }
    let mut row = Vec::new();
    writer.finish(schema, &mut row).unwrap();
    let expected = models.each_ref().map(|model| {
        let mut prediction = [0.0];
        model.predict_into(&features, &mut model.workspace(), &mut prediction);
        rounded(prediction[0])
    });
    Request { row, expected }
}

/// Half up at the fourth decimal of the number as it is written.
fn rounded(x: f64) -> f64 {
    let text = format!("{}", x.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{fraction:0<5}");
    let cut = whole.len() + 4;
    let units: f64 = digits[..cut].parse().unwrap();
    let up = f64::from(u8::from(digits.as_bytes()[cut] >= b'5'));
    ((units + up) / 10_000.0).copysign(x)
}
