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
        (b"<?xml version=\"1.0\"?><PMML version=\"4.4\">", "is PMML, which is not read"),
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
        ("refused/linear.json", "the booster \"gblinear\" is not supported"),
        ("versions/xgboost-1.7.bin", "old binary format; convert it"),
        ("versions/xgboost-1.0.bin", "if it is a binary model of XGBoost 1.x"),
    ];
    for (name, words) in cases {
        let sentence = refusal(&file(name));
        assert!(sentence.contains(words), "{name}: expected: {words}\nfound: {sentence}");
    }
    check(
        "reg:squarederror",
        "multi:novel",
        "the objective \"multi:novel\" is not supported; train with one of",
    );
    check(
        "\"num_class\": \"0\", \"num_feature\": \"2\", \"num_target\": \"1\"",
        "\"num_class\": \"3\", \"num_feature\": \"2\", \"num_target\": \"2\"",
        "several targets of several classes are not supported",
    );
}

#[test]
fn parts_that_do_not_fit_the_outputs_are_refused() {
    check("\"tree_info\": [0, 0]", "\"tree_info\": [0, 1]", "adds to output 1 but the model has 1 outputs");
    check("\"tree_info\": [0, 0]", "\"tree_info\": [0, -1]", "but the model has 1 outputs");
    check("[1E0]", "[1E0,2E0]", "has 2 base scores where 1 are declared");
    check("\"num_class\": \"0\"", "\"num_class\": \"99999\"", "outputs and the limit is 4096");
    check(
        "\"num_nodes\": \"5\", \"size_leaf_vector\": \"1\"",
        "\"num_nodes\": \"5\", \"size_leaf_vector\": \"2\"",
        "tree 1: its leaf has 2 numbers for 1 outputs",
    );
}

#[test]
fn sets_of_categories_are_checked() {
    let with = |node: i32, list: &str, start: i32, size: i32| {
        let set = format!(
            "\"id\": 1, \"categories_nodes\": [{node}], \"categories\": {list}, \
             \"categories_segments\": [{start}], \"categories_sizes\": [{size}]"
        );
        let text = VALID.replace("\"id\": 1", &set).replace("[0, 0, 0, 0, 0]", "[0, 1, 0, 0, 0]");
        Model::parse(text.as_bytes()).map_err(|error| error.to_string())
    };
    let model = with(1, "[1, 40]", 0, 2).unwrap();
    // In the set: right, to 30. Outside, negative or beyond: left, to 20. Missing: as the file says, left.
    for (x, expected) in
        [(1.0, 31.0), (40.9, 31.0), (2.0, 21.0), (-1.0, 21.0), (99.0, 21.0), (f32::NAN, 21.0)]
    {
        assert_eq!(model.predict(&[0.0, x]), expected + 0.5, "{x}");
    }
    let outside = "tree 1, node 1: its categories lie outside";
    for (list, start, size) in [("[1]", 0, 2), ("[1]", 2, 0), ("[1]", -1, 1), ("[1]", 0, -1), ("[-1]", 0, 1)]
    {
        assert!(with(1, list, start, size).unwrap_err().contains(outside), "{list} {start} {size}");
    }
    assert!(with(1, "[16777216]", 0, 1).unwrap_err().contains(outside));
    assert!(with(0, "[1]", 0, 1).unwrap_err().contains("tree 1, node 0: its split type does not go with"));
    let text = VALID.replace("\"id\": 1", "\"id\": 1, \"categories_nodes\": [3]");
    assert!(refusal(text.as_bytes()).contains("tree 1: categories_segments has 0 elements for 1 nodes"));
    check("[0, 0, 0, 0, 0]", "[0, 1, 0, 0, 0]", "tree 1, node 1: its split type does not go with");
    check("[0, 0, 0, 0, 0]", "[0, 2, 0, 0, 0]", "tree 1, node 1: its split type does not go with");
}

#[test]
fn weights_of_dropped_trees_are_checked() {
    let name = "\"name\": \"gbtree\"";
    check(
        name,
        "\"name\": \"gbtree\", \"weight_drop\": [0.5]",
        "has 1 weights of trees (weight_drop) where 2",
    );
    check(name, "\"name\": \"dart\"", "has 0 weights of trees (weight_drop) where 2 are declared");
    let text = VALID.replace(name, "\"name\": \"gbtree\", \"weight_drop\": [0.5, 0.25]");
    assert_eq!(Model::parse(text.as_bytes()).unwrap().predict(&[0.0, 0.0]), 1.0 + 0.25 + 5.0);
}

#[test]
fn the_best_iteration_is_one_of_the_rounds() {
    let with = |best: &str| {
        let attributes = format!("\"attributes\": {{\"best_iteration\": \"{best}\"}}, \"feature_names\"");
        Model::parse(VALID.replace("\"feature_names\"", &attributes).as_bytes())
    };
    let model = with("0").unwrap();
    assert_eq!((model.best_iteration(), model.tree_count()), (Some(0), 2));
    assert_eq!(model.predict(&[0.0, 0.0]), 21.5);
    let cut = model.with_best_iteration();
    assert_eq!((cut.tree_count(), cut.predict(&[0.0, 0.0])), (1, 1.5));
    for best in ["2", "-1", "18446744073709551615", "x"] {
        let sentence = with(best).unwrap_err().to_string();
        assert!(sentence.contains("best_iteration is"), "{sentence}");
    }
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
