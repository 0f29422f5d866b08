//! Every file that cannot be used is refused by a sentence that says why, where and what to do.

#[path = "../expect/mod.rs"]
mod expect;
mod tables;

use std::fs;
use std::path::PathBuf;

use vencejo_model::{Model, ModelError, limits};

/// Two trees over two features, as XGBoost writes them. Cases replace a part of it.
const XGBOOST: &str = r#"{"learner": {
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

/// A tree of two splits, the second on categories, as LightGBM writes it.
const LIGHTGBM: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n\
    objective=regression\nfeature_names=a b\ntree_sizes=1\n\nTree=0\nnum_leaves=3\nnum_cat=1\n\
    split_feature=0 1\nthreshold=0.5 0\ndecision_type=2 1\nleft_child=1 -1\nright_child=-2 -3\n\
    leaf_value=1 2 3\ncat_boundaries=0 1\ncat_threshold=6\nis_linear=0\n\nend of trees\n";

/// The error's sentence.
#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let sentence = Model::parse(bytes).expect_err("must be refused").to_string();
    assert!(sentence.ends_with('.') && sentence.starts_with("The "), "no sentence: {sentence}");
    sentence
}

/// Replaces a part of a sound file, and looks for words in the refusal.
#[track_caller]
fn check(sound: &str, from: &str, to: &str, words: &str) {
    assert!(sound.contains(from), "{from} must occur");
    let sentence = refusal(sound.replacen(from, to, 1).as_bytes());
    assert!(sentence.contains(words), "{from} -> {to}\nexpected: {words}\nfound: {sentence}");
}

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name))
        .expect("the file is readable")
}

#[test]
fn every_case_of_the_tables() {
    let catboost = String::from_utf8(expect::bytes("catboost-names.json")).expect("text");
    let tables =
        [(XGBOOST, tables::XGBOOST), (LIGHTGBM, tables::LIGHTGBM), (catboost.as_str(), tables::CATBOOST)];
    for (sound, cases) in tables {
        assert!(Model::parse(sound.as_bytes()).is_ok());
        for (from, to, words) in cases {
            check(sound, from, to, words);
        }
    }
}

#[test]
fn the_valid_file_is_accepted() {
    let model = Model::parse(XGBOOST.as_bytes()).unwrap();
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
fn the_sound_file_of_lightgbm_is_accepted() {
    let model = Model::parse(LIGHTGBM.as_bytes()).unwrap();
    let cases =
        [([0.0, 1.0], 1.0), ([0.0, 2.9], 1.0), ([0.0, 3.0], 3.0), ([0.0, f32::NAN], 3.0), ([0.6, 1.0], 2.0)];
    for (row, expected) in cases {
        assert_eq!(model.predict(&row), expected, "{row:?}");
    }
}

#[test]
fn files_that_are_no_model_each_get_their_sentence() {
    let cases: [(&[u8], &str); 16] = [
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
        (b"tree\nversion=v4\n\xff", "not UTF-8 at byte 16"),
        (b"{\"features_info\":{}", "cut off at line 1"),
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
}

#[test]
fn sets_of_categories_are_checked() {
    let with = |node: i32, list: &str, start: i32, size: i32| {
        let set = format!(
            "\"id\": 1, \"categories_nodes\": [{node}], \"categories\": {list}, \
             \"categories_segments\": [{start}], \"categories_sizes\": [{size}]"
        );
        let text = XGBOOST.replace("\"id\": 1", &set).replace("[0, 0, 0, 0, 0]", "[0, 1, 0, 0, 0]");
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
    let text = XGBOOST.replace("\"id\": 1", "\"id\": 1, \"categories_nodes\": [3]");
    assert!(refusal(text.as_bytes()).contains("tree 1: categories_segments has 0 elements for 1 nodes"));
}

#[test]
fn weights_of_dropped_trees_are_checked() {
    let name = "\"name\": \"gbtree\"";
    let one = "\"name\": \"gbtree\", \"weight_drop\": [0.5]";
    check(XGBOOST, name, one, "has 1 weights of trees (weight_drop) where 2");
    check(XGBOOST, name, "\"name\": \"dart\"", "has 0 weights of trees (weight_drop) where 2 are declared");
    let text = XGBOOST.replace(name, "\"name\": \"gbtree\", \"weight_drop\": [0.5, 0.25]");
    assert_eq!(Model::parse(text.as_bytes()).unwrap().predict(&[0.0, 0.0]), 1.0 + 0.25 + 5.0);
}

#[test]
fn the_best_iteration_is_one_of_the_rounds() {
    let with = |best: &str| {
        let attributes = format!("\"attributes\": {{\"best_iteration\": \"{best}\"}}, \"feature_names\"");
        Model::parse(XGBOOST.replace("\"feature_names\"", &attributes).as_bytes())
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
    let cut = [
        ("[1, 3, -1, -1, -1]", "[1, -1, -1, -1, -1]"),
        ("[2, 4, -1, -1, -1]", "[2, -1, -1, -1, -1]"),
        ("\"split_indices\": [0, 1, 0, 0, 0]", "\"split_indices\": [0, 0, 0, 2147483647, 0]"),
    ];
    let text = cut.iter().fold(XGBOOST.to_owned(), |text, (from, to)| text.replace(from, to));
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
    for score in ["", "[]", "zero", "NaN", "inf", "[1E0", "1E99"] {
        let words = format!("base_score is \"{score}\" but must be a number");
        check(XGBOOST, "[1E0]", score, &words);
    }
}

#[test]
fn a_file_of_another_shape_is_refused_with_the_part_and_place() {
    let sentence = refusal(b"{L\0\0\0\0\0\0\0\x07learner{}}");
    assert!(
        sentence.contains("UBJSON file is not laid out") && sentence.contains("at byte 18"),
        "{sentence}"
    );
}

#[test]
fn a_files_own_text_is_cut_and_printable_in_messages() {
    let long = format!("{}\\n\\u0007", "x".repeat(100_000));
    let sentence = refusal(XGBOOST.replace("reg:squarederror", &long).as_bytes());
    assert!(sentence.len() < 1_000, "{} bytes", sentence.len());
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
        XGBOOST
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
fn onnx_files_of_version_5_are_checked() {
    let swap = |file: &str, from: &[u8], to: &[u8], words: &str| {
        let mut bytes = expect::bytes(file);
        let at = bytes.windows(from.len()).position(|part| part == from).expect("the file holds it");
        bytes[at..at + to.len()].copy_from_slice(to);
        let sentence = refusal(&bytes);
        assert!(sentence.contains(words), "expected: {words}\nfound: {sentence}");
    };
    // The first of a list of whole numbers follows its name and a tag.
    let lt = "onnx-five-lt.onnx";
    let first = b"nodes_truenodeids@\x01";
    swap(lt, first, b"nodes_truenodeids@\0", "tree 0, node 0: its child 0 is reached a second time");
    swap(lt, first, b"nodes_truenodeids@\x7f", "tree 0, node 0: its child 127 does not exist among");
    swap(lt, b"tree_roots@\0", b"tree_roots@\x01", "node 0 belongs to no tree");
    swap(lt, b"tree_roots@\0", b"tree_roots@\x7f", "tree 0: its child 127 does not exist among");
    swap(lt, b"leaf_targetids@\0", b"leaf_targetids@\x01", "names an output it does not have");
    swap(lt, b"nodes_splits", b"nodes_splitX", "nodes_splits has 0 elements where there are");
    swap(lt, b"leaf_weights", b"leaf_weightX", "leaf_weights has 0 elements where there are");
    swap("onnx-five-members.onnx", b"membership_values", b"membership_valueX", "has no membership_values");
    let aggregate = b"aggregate_function\x18\x02";
    swap(
        "onnx-five-min.onnx",
        aggregate,
        b"aggregate_function\x18\x09",
        "the aggregate function \"unknown\" is",
    );
}

#[test]
fn formats_that_are_not_read_name_the_way_out() {
    assert!(refusal(b"CBM1xxxx").contains("save_model('model.json', format='json')"));
    assert!(refusal(b"<?xml version=\"1.0\"?>\n<PMML>").contains("save_model('model.ubj')"));
    assert!(refusal(b"binf\0\0").contains("x.Booster(model_file='old.bin').save_model('model.ubj')"));
}
