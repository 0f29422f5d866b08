//! A model for tests that have no file.
#![allow(dead_code, reason = "each test file uses its part")]

/// A model in XGBoost's JSON: no split, these features, always the same answer.
pub fn model(features: &[&str]) -> Vec<u8> {
    let names: Vec<String> = features.iter().map(|name| format!("\"{name}\"")).collect();
    let types = vec!["\"float\""; features.len()];
    let tree = r#"{"base_weights":[0.25],"categories":[],"categories_nodes":[],"categories_segments":[],
        "categories_sizes":[],"default_left":[0],"id":0,"left_children":[-1],"loss_changes":[0.0],"parents":[2147483647],
        "right_children":[-1],"split_conditions":[0.25],"split_indices":[0],"split_type":[0],"sum_hessian":[1.0],
        "tree_param":{"num_deleted":"0","num_feature":"COUNT","num_nodes":"1","size_leaf_vector":"1"}}"#;
    let text = format!(
        r#"{{"learner":{{"attributes":{{}},"feature_names":[{}],"feature_types":[{}],
        "gradient_booster":{{"model":{{"gbtree_model_param":{{"num_parallel_tree":"1","num_trees":"1"}},
        "iteration_indptr":[0,1],"tree_info":[0],"trees":[{tree}]}},"name":"gbtree"}},
        "learner_model_param":{{"base_score":"5E-1","boost_from_average":"1","num_class":"0","num_feature":"COUNT",
        "num_target":"1"}},"objective":{{"name":"reg:squarederror","reg_loss_param":{{"scale_pos_weight":"1"}}}}}},
        "version":[3,0,0]}}"#,
        names.join(","),
        types.join(",")
    );
    text.replace("COUNT", &features.len().to_string()).into_bytes()
}

/// The ads app as it stands.
pub fn ads() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps/ads/app.sql"))
        .expect("the ads app")
}

/// The inputs of the ads model, in its order.
pub const ADS_INPUTS: [&str; 10] = [
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
