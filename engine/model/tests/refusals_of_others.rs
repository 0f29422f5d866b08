//! Files of LightGBM, ONNX and CatBoost that cannot be used are refused by a sentence with the place.

mod expect;

use vencejo_model::Model;

/// The error's sentence.
#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let sentence = Model::parse(bytes).expect_err("must be refused").to_string();
    assert!(sentence.ends_with('.') && sentence.starts_with("The "), "no sentence: {sentence}");
    sentence
}

const LIGHTGBM: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\
    objective=regression\nfeature_names=a b\ntree_sizes=1\n\nTree=0\nnum_leaves=3\nnum_cat=1\n\
    split_feature=0 1\nthreshold=0.5 0\ndecision_type=2 1\nleft_child=1 -1\nright_child=-2 -3\n\
    leaf_value=1 2 3\ncat_boundaries=0 1\ncat_threshold=6\nis_linear=0\n\nend of trees\n";

#[track_caller]
fn lightgbm(from: &str, to: &str, words: &str) {
    assert_eq!(LIGHTGBM.matches(from).count(), 1, "{from} must occur once");
    let sentence = refusal(LIGHTGBM.replace(from, to).as_bytes());
    assert!(sentence.contains(words), "expected: {words}\nfound: {sentence}");
}

#[test]
fn lightgbm_files_are_checked() {
    let model = Model::parse(LIGHTGBM.as_bytes()).unwrap();
    let cases =
        [([0.0, 1.0], 1.0), ([0.0, 2.9], 1.0), ([0.0, 3.0], 3.0), ([0.0, f32::NAN], 3.0), ([0.6, 1.0], 2.0)];
    for (row, expected) in cases {
        assert_eq!(model.predict(&row), expected, "{row:?}");
    }
    lightgbm("v4", "v9", "the LightGBM file version \"v9\" is not supported");
    lightgbm("max_feature_idx=1\n", "", "the line max_feature_idx= is missing");
    lightgbm("max_feature_idx=1", "max_feature_idx=99999", "features and the limit is 16384");
    lightgbm("iteration=1", "iteration=0", "outputs and the limit is 4096");
    lightgbm("objective=regression", "objective=novel", "the objective \"novel\" is not supported");
    lightgbm(
        "objective=regression",
        "objective=binary sigmoid:-1",
        "sigmoid is \"-1\" but must be a positive",
    );
    lightgbm("feature_names=a b", "feature_names=a", "has 1 feature names where 2 are declared");
    lightgbm("tree_sizes=1", "tree_sizes=1 2", "has 1 trees where 2 are declared");
    lightgbm("Tree=0", "Tree=7", "tree 0 is titled \"Tree=7\"");
    lightgbm("num_leaves=3", "num_leaves=4000000000", "the limit is 4194304");
    lightgbm("num_leaves=3", "num_leaves=0", "tree 0: it has no nodes");
    lightgbm("num_leaves=3", "num_leaves=2", "tree 0: leaf_value has 3 elements for 2 nodes");
    lightgbm("threshold=0.5 0", "threshold=0.5 x", "tree 0: threshold holds a word that is no number");
    lightgbm("threshold=0.5 0", "threshold=nan 0", "tree 0, node 0: its threshold is NaN");
    lightgbm("threshold=0.5 0", "threshold=0.5 1", "tree 0, node 1: its categories lie outside");
    lightgbm("cat_boundaries=0 1", "cat_boundaries=0 9", "tree 0, node 1: its categories lie outside");
    lightgbm("decision_type=2 1", "decision_type=14 1", "tree 0, node 0: its split type does not go with");
    lightgbm("left_child=1 -1", "left_child=0 -1", "tree 0, node 0: its child 0 is reached a second time");
    lightgbm(
        "left_child=1 -1",
        "left_child=5 -1",
        "tree 0, node 0: its child 9223372036854775807 does not exist",
    );
    lightgbm("right_child=-2 -3", "right_child=-1 -3", "is reached a second time");
    lightgbm(
        "split_feature=0 1",
        "split_feature=0 2",
        "tree 0, node 1: it reads feature 2 but the model has 2",
    );
    lightgbm("leaf_value=1 2 3", "leaf_value=1 inf 3", "its leaf value is NaN or infinite");
    lightgbm("end of trees\n", "", "The LightGBM model file is cut off in tree 0");
    assert!(refusal(b"tree\nversion=v4\n\xff").contains("not UTF-8 at byte 16"));
}

#[test]
fn onnx_files_are_checked() {
    let whole = expect::bytes("onnx-branch-lt.onnx");
    let sentence = refusal(&whole[..whole.len() - 1]);
    assert!(sentence.contains("The ONNX model file is cut off at byte"), "{sentence}");
    let swap = |from: &[u8], to: &[u8]| {
        let at = whole.windows(from.len()).position(|part| part == from).expect("the file holds it");
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        refusal(&bytes)
    };
    assert!(
        swap(b"TreeEnsembleRegressor", b"TreeEnsembleRegressoX")
            .contains("operator \"TreeEnsembleRegressoX\"")
    );
    assert!(swap(b"BRANCH_LT", b"BRANCH_XX").contains("the node mode \"BRANCH_XX\" (tree 0, node "));
    assert!(swap(b"nodes_values", b"nodes_valueX").contains("nodes_values has 0 elements where there are"));
    assert!(swap(b"target_weights", b"target_weightX").contains("target_weights has 0 elements"));
    assert!(refusal(b"\x08\x08\x3a\x00").contains("its graph has no tree ensemble"));
    assert!(refusal(b"\x08\x08\x12\x00").contains("it has no graph"));
    // A length of 2 GB in a file of nine bytes.
    assert!(refusal(b"\x08\x08\x3a\xff\xff\xff\xff\x07x").contains("cut off at byte 9"));
}

#[test]
fn catboost_files_are_checked() {
    let text = String::from_utf8(expect::bytes("catboost-names.json")).expect("text");
    let check = |from: &str, to: &str, words: &str| {
        assert!(text.contains(from), "{from}");
        let sentence = refusal(text.replacen(from, to, 1).as_bytes());
        assert!(sentence.contains(words), "expected: {words}\nfound: {sentence}");
    };
    check("FloatFeature\"", "OneHotFeature\"", "splits of the type \"OneHotFeature\" (tree 0, node ");
    check("\"leaf_values\":[", "\"leaf_values\":[1.0,", "tree 0: leaf_values has 9 elements for 8 nodes");
    check("\"float_feature_index\":", "\"float_feature_index\":99", "but the model has 5 features");
    check("\"oblivious_trees\"", "\"novel_trees\"", "it has no \"oblivious_trees\"");
    check("\"type\":\"RMSE\"", "\"type\":\"Novel\"", "the loss function \"Novel\" is not supported");
    check("\"scale_and_bias\":[1", "\"scale_and_bias\":[1e999", "number out of range");
    check("\"flat_feature_index\":4", "\"flat_feature_index\":99999999", "features and the limit is 16384");
    check("\"feature_id\":\"a\"", "\"feature_id\":\"b\"", "two features named \"b\"");
    assert!(refusal(b"{\"features_info\":{}").contains("cut off at line 1"));
}

#[test]
fn formats_that_are_not_read_name_the_way_out() {
    assert!(refusal(b"CBM1xxxx").contains("save_model('model.json', format='json')"));
    assert!(refusal(b"<?xml version=\"1.0\"?>\n<PMML>").contains("save_model('model.ubj')"));
    assert!(refusal(b"binf\0\0").contains("x.Booster(model_file='old.bin').save_model('model.ubj')"));
}
