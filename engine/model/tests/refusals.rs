//! Every file that cannot be used is refused by a sentence that says why, where and what to do.

use std::fs;
use std::path::PathBuf;

use vencejo_model::{Model, ModelError, limits};

/// Two trees over two features. Cases replace a part of it.
const VALID: &str = r#"{"learner": {
  "feature_names": ["a", "b"], "feature_types": ["float", "float"],
  "gradient_booster": {"name": "gbtree", "model": {
    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "2"}, "tree_info": [0, 0],
    "trees": [
      {"id": 0, "tree_param": {"num_nodes": "1", "size_leaf_vector": "1"}, "default_left": [0],
       "left_children": [-1], "right_children": [-1],
       "split_indices": [0], "split_conditions": [0.5], "split_type": [0]},
      {"id": 1, "tree_param": {"num_nodes": "5", "size_leaf_vector": "1"}, "default_left": [0, 1, 0, 0, 0],
       "left_children": [1, 3, -1, -1, -1], "right_children": [2, 4, -1, -1, -1],
       "split_indices": [0, 1, 0, 0, 0], "split_conditions": [1.5, 2.5, 10, 20, 30], "split_type": [0, 0, 0, 0, 0]}
    ]}},
  "learner_model_param": {"base_score": "[1E0]", "num_class": "0", "num_feature": "2", "num_target": "1"},
  "objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]}"#;

/// The error's sentence.
#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let sentence = Model::parse(bytes).expect_err("must be refused").to_string();
    assert!(sentence.ends_with('.') && sentence.starts_with("The "), "no sentence: {sentence}");
    sentence
}

/// Replaces a part of the valid file, and looks for words in the refusal.
#[track_caller]
fn check(from: &str, to: &str, words: &str) {
    assert_eq!(VALID.matches(from).count(), 1, "{from} must occur once");
    let sentence = refusal(VALID.replace(from, to).as_bytes());
    assert!(sentence.contains(words), "expected: {words}\nfound: {sentence}");
}

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name))
        .expect("the file is readable")
}

#[test]
fn the_valid_file_is_accepted() {
    let model = Model::parse(VALID.as_bytes()).unwrap();
    assert_eq!((model.tree_count(), model.node_count(), model.depth_max()), (2, 6, 2));
    assert_eq!((model.feature_count(), model.base_score(), model.objective()), (2, 1.0, "reg:squarederror"));
    assert_eq!(model.feature_types(), ["float", "float"]);
    let nan = f32::NAN;
    let cases = [
        (vec![0.0, 0.0], 21.5),
        (vec![0.0, 2.5], 31.5),
        (vec![1.5, 0.0], 11.5),
        (vec![nan, 0.0], 11.5),
        (vec![0.0, nan], 21.5),
        (vec![0.0], 21.5),
        (vec![], 11.5),
        (vec![0.0, 9.0, 7.0, 7.0], 31.5),
    ];
    for (row, expected) in cases {
        assert_eq!(model.predict(&row), expected, "{row:?}");
    }
}

#[test]
fn files_that_are_no_model_each_get_their_sentence() {
    let cases: [(&[u8], &str); 14] = [
        (b"", "file is empty"),
        (b" \n\t", "file is empty"),
        (b"garbage", "neither JSON nor UBJSON"),
        (b"\x80\x04\x95pickle", "neither JSON nor UBJSON"),
        (
            b"binf\0\0\0?",
            "python -c \"import xgboost as x; x.Booster(model_file='old.bin').save_model('model.ubj')\"",
        ),
        (b"[1, 2]", "an array, not an object"),
        (b"[workspace]", "neither JSON nor UBJSON"),
        (b"{}", "no \"learner\""),
        (b"{\"a\": [1, 2]}", "no \"learner\""),
        (b"{U\x01aU\x01}", "no \"learner\""),
        (b"{", "cut off after `{`"),
        (b"{\"learner\": {\"objec", "cut off at line 1 column 19"),
        (b"{\"learner\": what}", "damaged: expected value at line 1 column 13"),
        (b"tree\nversion=v4\n", "LightGBM text models are not supported"),
    ];
    for (bytes, words) in cases {
        let sentence = refusal(bytes);
        assert!(sentence.contains(words), "expected: {words}\nfound: {sentence}");
    }
    let sentence = refusal(&vec![b' '; limits::FILE_BYTES_MAX + 1]);
    assert!(sentence.contains("134217729 bytes"), "{sentence}");
}

#[test]
fn kinds_of_model_that_are_not_supported_are_named() {
    let cases = [
        ("refused/dart.ubj", "the booster dart (dropout weights) is not supported"),
        ("versions/xgboost-3.4-dart.json", "dart's dropout weights (weight_drop) are not supported"),
        ("versions/xgboost-3.4-dart.ubj", "dart's dropout weights (weight_drop) are not supported"),
        ("refused/linear.json", "the booster \"gblinear\" is not supported"),
        ("refused/categorical.ubj", "categorical splits (tree 0, node "),
        ("refused/multi-target.ubj", "several outputs (num_target) are not supported"),
        ("refused/vector-leaf.json", "several outputs (num_target) are not supported"),
        (
            "refused/multi-class.ubj",
            "the objective \"multi:softprob\" is not supported; train with one of reg:squarederror",
        ),
        ("refused/ranking.ubj", "the objective \"rank:pairwise\""),
        ("versions/xgboost-1.7.bin", "old binary format; convert it"),
        ("versions/xgboost-1.0.bin", "if it is a binary model of XGBoost 1.x"),
    ];
    for (name, words) in cases {
        let sentence = refusal(&file(name));
        assert!(sentence.contains(words), "{name}: expected: {words}\nfound: {sentence}");
    }
    check("\"name\": \"gbtree\"", "\"name\": \"gbtree\", \"weight_drop\": [0.5, 1]", "weight_drop");
    check("\"tree_info\": [0, 0]", "\"tree_info\": [0, 1]", "several outputs (tree_info)");
    check("[1E0]", "[1E0,2E0]", "several outputs (base_score)");
    check("\"num_class\": \"0\"", "\"num_class\": \"3\"", "several outputs (num_class)");
    check("\"id\": 1", "\"id\": 1, \"leaf_weights\": [1]", "vector leaves (tree 1) are not supported");
    check("\"id\": 1", "\"id\": 1, \"categories_nodes\": [3]", "categorical splits (tree 1, node 3) are");
    check("[0, 0, 0, 0, 0]", "[0, 1, 0, 0, 0]", "categorical splits (tree 1, node 1) are not supported");
}

#[test]
fn a_damaged_tree_is_named_with_its_node() {
    check("\"num_nodes\": \"5\"", "\"num_nodes\": \"6\"", "tree 1: left_children has 5 elements for 6 nodes");
    check("[2, 4, -1, -1, -1]", "[2, 4, -1]", "tree 1: right_children has 3 elements for 5 nodes");
    check(
        "\"default_left\": [0, 1, 0, 0, 0]",
        "\"default_left\": []",
        "tree 1: default_left has 0 elements for 5 nodes",
    );
    check(
        "\"split_indices\": [0, 1, 0, 0, 0]",
        "\"split_indices\": [0]",
        "tree 1: split_indices has 1 elements for 5 nodes",
    );
    check("[1.5, 2.5, 10, 20, 30]", "[1.5]", "tree 1: split_conditions has 1 elements for 5 nodes");
    check("[0, 0, 0, 0, 0]", "[0]", "tree 1: split_type has 1 elements for 5 nodes");
    check(
        "[1, 3, -1, -1, -1]",
        "[1, 5, -1, -1, -1]",
        "tree 1, node 1: its child 5 does not exist among 5 nodes",
    );
    check("[1, 3, -1, -1, -1]", "[1, -7, -1, -1, -1]", "tree 1, node 1: its child -7 does not exist");
    check("[1, 3, -1, -1, -1]", "[1, -1, -1, -1, -1]", "tree 1, node 1: it has one child");
    check("[1, 3, -1, -1, -1]", "[1, 0, -1, -1, -1]", "tree 1, node 1: its child 0 is reached a second time");
    check("[1, 3, -1, -1, -1]", "[1, 2, -1, -1, -1]", "tree 1, node 1: its child 2 is reached a second time");
    check("[1, 3, -1, -1, -1]", "[2, 3, -1, -1, -1]", "tree 1, node 0: its child 2 is reached a second time");
    check("[2, 4, -1, -1, -1]", "[2, -1, -1, -1, -1]", "tree 1, node 1: it has one child");
    check(
        "\"split_indices\": [0, 1, 0, 0, 0]",
        "\"split_indices\": [2, 1, 0, 0, 0]",
        "tree 1, node 0: it reads feature 2 but the model has 2",
    );
    check(
        "\"split_indices\": [0, 1, 0, 0, 0]",
        "\"split_indices\": [0, -1, 0, 0, 0]",
        "tree 1, node 1: it reads feature -1",
    );
    check(
        "\"split_indices\": [0, 1, 0, 0, 0]",
        "\"split_indices\": [0, 1, 0, 0, 2147483647]",
        "tree 1, node 4: it was pruned",
    );
    check("\"id\": 1", "\"id\": 0", "tree 1: it is stored as tree 0");
    let cut = [
        ("[1, 3, -1, -1, -1]", "[1, -1, -1, -1, -1]"),
        ("[2, 4, -1, -1, -1]", "[2, -1, -1, -1, -1]"),
        ("\"split_indices\": [0, 1, 0, 0, 0]", "\"split_indices\": [0, 0, 0, 2147483647, 0]"),
    ];
    let text = cut.iter().fold(VALID.to_owned(), |text, (from, to)| text.replace(from, to));
    let sentence = refusal(text.as_bytes());
    assert!(sentence.contains("tree 1, node 4: no path from the root leads to it"), "{sentence}");
    assert!(
        Model::parse(
            text.replace("[0, 0, 0, 2147483647, 0]", "[0, 0, 0, 2147483647, 2147483647]").as_bytes()
        )
        .is_ok()
    );
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_their_place() {
    check("1.5, 2.5", "NaN, 2.5", "holds NaN or Infinity at line");
    check("1.5, 2.5", "1.5, Infinity", "holds NaN or Infinity at line");
    check("1.5, 2.5", "1.5, -Infinity", "holds NaN or Infinity at line");
    check("1.5, 2.5", "1.5, 2.5e99", "number out of range");
    let ubjson = file("versions/xgboost-3.4.ubj");
    let conditions = find(&ubjson, b"split_conditions") + b"split_conditions[$d#L".len() + 8;
    let mut bytes = ubjson.clone();
    bytes[conditions..conditions + 4].copy_from_slice(&f32::NAN.to_be_bytes());
    assert!(refusal(&bytes).contains("tree 0, node 0: its threshold is NaN"), "{}", refusal(&bytes));
    let last = find(&ubjson, b"split_indices") - 4 - 9;
    let mut bytes = ubjson.clone();
    bytes[last..last + 4].copy_from_slice(&f32::INFINITY.to_be_bytes());
    assert!(refusal(&bytes).contains("its leaf value is NaN or infinite"), "{}", refusal(&bytes));
    // An infinite threshold is a comparison like any other.
    let mut bytes = ubjson;
    bytes[conditions..conditions + 4].copy_from_slice(&f32::INFINITY.to_be_bytes());
    assert!(Model::parse(&bytes).is_ok());
}

fn find(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).position(|window| window == word).expect("the file holds the word")
}

#[test]
fn parameters_that_contradict_the_file_are_refused() {
    check("\"num_trees\": \"2\"", "\"num_trees\": \"3\"", "has 2 trees where 3 are declared");
    check(
        "\"num_trees\": \"2\"",
        "\"num_trees\": \"many\"",
        "num_trees is \"many\" but must be a whole number",
    );
    check("\"tree_info\": [0, 0]", "\"tree_info\": [0]", "has 1 entries in tree_info where 2 are declared");
    check("\"num_feature\": \"2\"", "\"num_feature\": \"-2\"", "num_feature is \"-2\"");
    check("\"num_feature\": \"2\"", "\"num_feature\": \"3\"", "has 2 feature names where 3 are declared");
    check("\"num_feature\": \"2\"", "\"num_feature\": \"99999999\"", "features and the limit is 16384");
    check("[\"a\", \"b\"]", "[\"a\"]", "has 1 feature names where 2 are declared");
    check("[\"a\", \"b\"]", "[\"a\", \"a\"]", "two features named \"a\"");
    check("[\"float\", \"float\"]", "[\"float\"]", "has 1 feature types where 2 are declared");
    for score in ["", "[]", "zero", "NaN", "inf", "[1E0", "1E99"] {
        let words = format!("base_score is \"{score}\" but must be a number");
        check("[1E0]", score, &words);
    }
    check(
        "\"default_left\": [0, 1, 0, 0, 0]",
        "\"default_left\": [0, 2, 0, 0, 0]",
        "expected true, false, 0 or 1",
    );
}

#[test]
fn a_file_of_another_shape_is_refused_with_the_part_and_place() {
    check("\"objective\"", "\"subjective\"", "missing field `objective` at line");
    check("\"name\": \"gbtree\",", "", "missing field `name` at line");
    check("\"name\": \"gbtree\"", "\"name\": \"gbtree\", \"novelty\": 1", "unknown field `novelty`");
    check("\"tree_info\"", "\"novelty\": 1, \"tree_info\"", "unknown field `novelty`");
    check(
        "\"gbtree_model_param\": {\"num_parallel_tree\": \"1\", \"num_trees\": \"2\"},",
        "",
        "no \"gbtree_model_param\"",
    );
    check(
        "\"split_conditions\": [1.5, 2.5, 10, 20, 30]",
        "\"split_conditions\": \"none\"",
        "invalid type: string",
    );
    let sentence = refusal(b"{L\0\0\0\0\0\0\0\x07learner{}}");
    assert!(
        sentence.contains("UBJSON file is not laid out") && sentence.contains("at byte 18"),
        "{sentence}"
    );
}

#[test]
fn a_files_own_text_is_cut_and_printable_in_messages() {
    let long = format!("{}\\n\\u0007", "x".repeat(100_000));
    let sentence = refusal(VALID.replace("reg:squarederror", &long).as_bytes());
    assert!(sentence.len() < 1_000, "{} bytes", sentence.len());
    check("reg:squarederror", "a\\nb", "the objective \"a\u{fffd}b\"");
}

#[test]
fn depth_is_limited() {
    let chain = |splits: i32| {
        let nodes = 2 * splits + 1;
        let list = |each: &dyn Fn(i32) -> i32| {
            (0..nodes).map(|node| each(node).to_string()).collect::<Vec<_>>().join(",")
        };
        let left = list(&|node| if node % 2 == 0 && node < nodes - 1 { node + 1 } else { -1 });
        let right = list(&|node| if node % 2 == 0 && node < nodes - 1 { node + 2 } else { -1 });
        let zeros = list(&|_| 0);
        VALID
            .replace("\"num_nodes\": \"5\"", &format!("\"num_nodes\": \"{nodes}\""))
            .replace("[1, 3, -1, -1, -1]", &format!("[{left}]"))
            .replace("[2, 4, -1, -1, -1]", &format!("[{right}]"))
            .replace("[0, 1, 0, 0, 0]", &format!("[{zeros}]"))
            .replace("[0, 0, 0, 0, 0]", &format!("[{zeros}]"))
            .replace("[1.5, 2.5, 10, 20, 30]", &format!("[{zeros}]"))
    };
    let deepest = Model::parse(chain(256).as_bytes()).unwrap();
    assert_eq!(deepest.depth_max(), limits::DEPTH_MAX);
    let sentence = refusal(chain(257).as_bytes());
    assert!(sentence.contains("tree 1, node 512: its children lie deeper than 256 splits"), "{sentence}");
}

#[test]
fn errors_can_be_told_apart() {
    assert_eq!(Model::parse(b""), Err(ModelError::Empty));
    assert_eq!(Model::parse(b"binf"), Err(ModelError::OldBinary));
    assert!(matches!(Model::parse(b"{\"learner\":1}"), Err(ModelError::Layout { .. })));
}
