//! A model of as many trees as a measurement asks for.

use serde_json::{Value, json};

/// Inputs of the ads app's model, in its order, and a value that splits their range.
const INPUTS: [(&str, f64); 10] = [
    ("hour_of_day", 24.0),
    ("day_of_week", 8.0),
    ("is_weekend", 1.0),
    ("country_tier", 4.0),
    ("device_category_encoded", 4.0),
    ("is_eu", 1.0),
    ("user_engagement_score", 1.0),
    ("device_performance_score", 200.0),
    ("historical_ctr_avg", 0.1),
    ("is_prime_time", 1.0),
];
const DEPTH: u32 = 6;
/// Distinct thresholds of an input: XGBoost's default `max_bin`.
const BINS: f64 = 256.0;

/// A model in XGBoost's JSON: full trees of depth 6 over the ads app's inputs, with drawn splits. It predicts
/// nothing; to answer it costs what a trained one of its shape costs at most, since no tree ends early.
pub fn ads_model(trees: usize) -> Value {
    let mut drawn = Drawn(0x5eed);
    let all: Vec<Value> = (0..trees).map(|id| tree(id, trees, &mut drawn)).collect();
    let names = INPUTS.map(|(name, _)| name);
    json!({
        "learner": {
            "attributes": {}, "feature_names": names, "feature_types": names.map(|_| "float"),
            "gradient_booster": {
                "name": "gbtree",
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": trees.to_string()},
                    "iteration_indptr": (0..=trees).collect::<Vec<_>>(), "tree_info": vec![0; trees], "trees": all,
                },
            },
            "learner_model_param": {
                "base_score": "2.5E0", "boost_from_average": "1", "num_class": "0",
                "num_feature": names.len().to_string(), "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
        "version": [3, 0, 0],
    })
}

/// Nodes as in a heap: the children of `n` are `2 n + 1` and `2 n + 2`.
fn tree(id: usize, trees: usize, drawn: &mut Drawn) -> Value {
    let inner = 2_usize.pow(DEPTH) - 1;
    let count = 2 * inner + 1;
    let (mut indices, mut conditions, mut weights) = (vec![0; count], vec![0.0; count], vec![0.0; count]);
    for node in 0..count {
        if node < inner {
            let input = drawn.place(INPUTS.len());
            let bin = (drawn.next() * BINS).floor() / BINS;
            (indices[node], conditions[node]) = (input, bin * INPUTS[input].1);
        } else {
            conditions[node] = (drawn.next() - 0.5) / trees as f64;
            weights[node] = conditions[node];
        }
    }
    let child = |side: usize| {
        (0..count).map(move |node| if node < inner { (2 * node + side).cast_signed() } else { -1 })
    };
    let parent =
        |node: usize| node.checked_sub(1).map_or(i32::MAX.cast_unsigned() as usize, |before| before / 2);
    json!({
        "id": id, "base_weights": weights, "categories": [], "categories_nodes": [], "categories_segments": [],
        "categories_sizes": [], "default_left": vec![0; count], "left_children": child(1).collect::<Vec<_>>(),
        "right_children": child(2).collect::<Vec<_>>(), "loss_changes": vec![0.0; count],
        "parents": (0..count).map(parent).collect::<Vec<_>>(), "split_conditions": conditions,
        "split_indices": indices, "split_type": vec![0; count], "sum_hessian": vec![1.0; count],
        "tree_param": {
            "num_deleted": "0", "num_feature": INPUTS.len().to_string(), "num_nodes": count.to_string(),
            "size_leaf_vector": "1",
        },
    })
}

/// Numbers from 0 to 1, the same every time: a 64-bit linear congruential generator (Knuth's MMIX).
struct Drawn(u64);

impl Drawn {
    /// A place in a list of so many.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to below the count")]
    fn place(&mut self, count: usize) -> usize {
        (self.next() * count as f64) as usize
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
