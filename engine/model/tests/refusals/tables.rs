//! What is changed in a sound file, and words of the refusal that follows.

/// What is replaced, by what, and words of the sentence.
pub type Case = (&'static str, &'static str, &'static str);

/// Of [`super::XGBOOST`].
pub const XGBOOST: &[Case] = &[
    // Kinds of model that are not supported are named.
    ("reg:squarederror", "multi:novel", r#"the objective "multi:novel" is not supported; train with one of"#),
    (
        r#""num_class": "0", "num_feature": "2", "num_target": "1""#,
        r#""num_class": "3", "num_feature": "2", "num_target": "2""#,
        "several targets of several classes are not supported",
    ),
    // Parts that do not fit the outputs are refused.
    (r#""tree_info": [0, 0]"#, r#""tree_info": [0, 1]"#, "adds to output 1 but the model has 1 outputs"),
    (r#""tree_info": [0, 0]"#, r#""tree_info": [0, -1]"#, "but the model has 1 outputs"),
    ("[1E0]", "[1E0,2E0]", "has 2 base scores where 1 are declared"),
    (r#""num_class": "0""#, r#""num_class": "99999""#, "outputs and the limit is 4096"),
    (
        r#""num_nodes": "5", "size_leaf_vector": "1""#,
        r#""num_nodes": "5", "size_leaf_vector": "2""#,
        "tree 1: its leaf has 2 numbers for 1 outputs",
    ),
    // Sets of categories are checked.
    ("[0, 0, 0, 0, 0]", "[0, 1, 0, 0, 0]", "tree 1, node 1: its split type does not go with"),
    ("[0, 0, 0, 0, 0]", "[0, 2, 0, 0, 0]", "tree 1, node 1: its split type does not go with"),
    // A damaged tree is named with its node.
    (r#""num_nodes": "5""#, r#""num_nodes": "6""#, "tree 1: left_children has 5 elements for 6 nodes"),
    ("[2, 4, -1, -1, -1]", "[2, 4, -1]", "tree 1: right_children has 3 elements for 5 nodes"),
    (
        r#""default_left": [0, 1, 0, 0, 0]"#,
        r#""default_left": []"#,
        "tree 1: default_left has 0 elements for 5 nodes",
    ),
    (
        r#""split_indices": [0, 1, 0, 0, 0]"#,
        r#""split_indices": [0]"#,
        "tree 1: split_indices has 1 elements for 5 nodes",
    ),
    ("[1.5, 2.5, 10, 20, 30]", "[1.5]", "tree 1: split_conditions has 1 elements for 5 nodes"),
    ("[0, 0, 0, 0, 0]", "[0]", "tree 1: split_type has 1 elements for 5 nodes"),
    ("[1, 3, -1, -1, -1]", "[1, 5, -1, -1, -1]", "tree 1, node 1: its child 5 does not exist among 5 nodes"),
    ("[1, 3, -1, -1, -1]", "[1, -7, -1, -1, -1]", "tree 1, node 1: its child -7 does not exist"),
    ("[1, 3, -1, -1, -1]", "[1, -1, -1, -1, -1]", "tree 1, node 1: it has one child"),
    ("[1, 3, -1, -1, -1]", "[1, 0, -1, -1, -1]", "tree 1, node 1: its child 0 is reached a second time"),
    ("[1, 3, -1, -1, -1]", "[1, 2, -1, -1, -1]", "tree 1, node 1: its child 2 is reached a second time"),
    ("[1, 3, -1, -1, -1]", "[2, 3, -1, -1, -1]", "tree 1, node 0: its child 2 is reached a second time"),
    ("[2, 4, -1, -1, -1]", "[2, -1, -1, -1, -1]", "tree 1, node 1: it has one child"),
    (
        r#""split_indices": [0, 1, 0, 0, 0]"#,
        r#""split_indices": [2, 1, 0, 0, 0]"#,
        "tree 1, node 0: it reads feature 2 but the model has 2",
    ),
    (
        r#""split_indices": [0, 1, 0, 0, 0]"#,
        r#""split_indices": [0, -1, 0, 0, 0]"#,
        "tree 1, node 1: it reads feature -1",
    ),
    (
        r#""split_indices": [0, 1, 0, 0, 0]"#,
        r#""split_indices": [0, 1, 0, 0, 2147483647]"#,
        "tree 1, node 4: it was pruned",
    ),
    (r#""id": 1"#, r#""id": 0"#, "tree 1: it is stored as tree 0"),
    // Numbers that are not finite are refused by their place.
    ("1.5, 2.5", "NaN, 2.5", "holds NaN or Infinity at line"),
    ("1.5, 2.5", "1.5, Infinity", "holds NaN or Infinity at line"),
    ("1.5, 2.5", "1.5, -Infinity", "holds NaN or Infinity at line"),
    ("1.5, 2.5", "1.5, 2.5e99", "number out of range"),
    // Parameters that contradict the file are refused.
    (r#""num_trees": "2""#, r#""num_trees": "3""#, "has 2 trees where 3 are declared"),
    (r#""num_trees": "2""#, r#""num_trees": "many""#, r#"num_trees is "many" but must be a whole number"#),
    (r#""tree_info": [0, 0]"#, r#""tree_info": [0]"#, "has 1 entries in tree_info where 2 are declared"),
    (r#""num_feature": "2""#, r#""num_feature": "-2""#, r#"num_feature is "-2""#),
    (r#""num_feature": "2""#, r#""num_feature": "3""#, "has 2 feature names where 3 are declared"),
    (r#""num_feature": "2""#, r#""num_feature": "99999999""#, "features and the limit is 16384"),
    (r#"["a", "b"]"#, r#"["a"]"#, "has 1 feature names where 2 are declared"),
    (r#"["a", "b"]"#, r#"["a", "a"]"#, r#"two features named "a""#),
    (r#"["float", "float"]"#, r#"["float"]"#, "has 1 feature types where 2 are declared"),
    (
        r#""default_left": [0, 1, 0, 0, 0]"#,
        r#""default_left": [0, 2, 0, 0, 0]"#,
        "expected true, false, 0 or 1",
    ),
    // A file of another shape is refused with the part and place.
    (r#""objective""#, r#""subjective""#, "missing field `objective` at line"),
    (r#""name": "gbtree","#, "", "missing field `name` at line"),
    (r#""name": "gbtree""#, r#""name": "gbtree", "novelty": 1"#, "unknown field `novelty`"),
    (r#""tree_info""#, r#""novelty": 1, "tree_info""#, "unknown field `novelty`"),
    (
        r#""gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "2"},"#,
        "",
        r#"no "gbtree_model_param""#,
    ),
    (
        r#""split_conditions": [1.5, 2.5, 10, 20, 30]"#,
        r#""split_conditions": "none""#,
        "invalid type: string",
    ),
    // A files own text is cut and printable in messages.
    ("reg:squarederror", "a\\nb", "the objective \"a\u{fffd}b\""),
];

/// Of [`super::LIGHTGBM`].
pub const LIGHTGBM: &[Case] = &[
    ("v4", "v9", r#"the LightGBM file version "v9" is not supported"#),
    ("max_feature_idx=1\n", "", "the line max_feature_idx= is missing"),
    ("max_feature_idx=1", "max_feature_idx=99999", "features and the limit is 16384"),
    ("iteration=1", "iteration=0", "outputs and the limit is 4096"),
    ("objective=regression", "objective=novel", r#"the objective "novel" is not supported"#),
    ("objective=regression", "objective=binary sigmoid:-1", r#"sigmoid is "-1" but must be a positive"#),
    ("feature_names=a b", "feature_names=a", "has 1 feature names where 2 are declared"),
    ("tree_sizes=1", "tree_sizes=1 2", "has 1 trees where 2 are declared"),
    ("Tree=0", "Tree=7", r#"tree 0 is titled "Tree=7""#),
    ("num_leaves=3", "num_leaves=4000000000", "the limit is 4194304"),
    ("num_leaves=3", "num_leaves=0", "tree 0: it has no nodes"),
    ("num_leaves=3", "num_leaves=2", "tree 0: leaf_value has 3 elements for 2 nodes"),
    ("threshold=0.5 0", "threshold=0.5 x", "tree 0: threshold holds a word that is no number"),
    ("threshold=0.5 0", "threshold=nan 0", "tree 0, node 0: its threshold is NaN"),
    ("threshold=0.5 0", "threshold=0.5 1", "tree 0, node 1: its categories lie outside"),
    ("cat_boundaries=0 1", "cat_boundaries=0 9", "tree 0, node 1: its categories lie outside"),
    ("decision_type=2 1", "decision_type=14 1", "tree 0, node 0: its split type does not go with"),
    ("left_child=1 -1", "left_child=0 -1", "tree 0, node 0: its child 0 is reached a second time"),
    ("left_child=1 -1", "left_child=5 -1", "tree 0, node 0: its child 9223372036854775807 does not exist"),
    ("right_child=-2 -3", "right_child=-1 -3", "is reached a second time"),
    ("split_feature=0 1", "split_feature=0 2", "tree 0, node 1: it reads feature 2 but the model has 2"),
    ("leaf_value=1 2 3", "leaf_value=1 inf 3", "its leaf value is NaN or infinite"),
    ("end of trees\n", "", "The LightGBM model file is cut off in tree 0"),
];

/// Of `catboost-names.json`.
pub const CATBOOST: &[Case] = &[
    (r#"FloatFeature""#, r#"OneHotFeature""#, r#"splits of the type "OneHotFeature" (tree 0, node "#),
    (r#""leaf_values":["#, r#""leaf_values":[1.0,"#, "tree 0: leaf_values has 9 elements for 8 nodes"),
    (r#""float_feature_index":"#, r#""float_feature_index":99"#, "but the model has 5 features"),
    (r#""oblivious_trees""#, r#""novel_trees""#, r#"it has no "oblivious_trees""#),
    (r#""type":"RMSE""#, r#""type":"Novel""#, r#"the loss function "Novel" is not supported"#),
    (r#""scale_and_bias":[1"#, r#""scale_and_bias":[1e999"#, "number out of range"),
    (r#""flat_feature_index":4"#, r#""flat_feature_index":99999999"#, "features and the limit is 16384"),
    (r#""feature_id":"a""#, r#""feature_id":"b""#, r#"two features named "b""#),
];
