//! `vencejo model` and `vencejo predict` on files of every format: sound, damaged, hostile, of other kinds.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{json_lines, root, run_with_input, stderr, vencejo};

fn testdata(name: &str) -> PathBuf {
    root().join("engine/model/testdata").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(testdata(name)).unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Puts `to` over the bytes at `from`, which is there, `skip` bytes behind its beginning.
fn patch(name: &str, from: &[u8], skip: usize, to: &[u8]) -> Vec<u8> {
    let mut file = bytes(name);
    let at = file.windows(from.len()).position(|part| part == from).expect(name) + skip;
    file[at..at + to.len()].copy_from_slice(to);
    file
}

fn replace(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes(name)).unwrap();
    assert!(text.contains(from), "{name} has no {from}");
    text.replacen(from, to, 1).into_bytes()
}

fn half(name: &str) -> Vec<u8> {
    let whole = bytes(name);
    whole[..whole.len() / 2].to_vec()
}

/// A file, and words of its refusal.
type Case = (Vec<u8>, &'static str);

const JSON: &str = "versions/xgboost-3.4.json";
const UBJSON: &str = "formats/xgboost-gamma.ubj";
const TEXT: &str = "formats/lightgbm-rf-binary.txt";
const ONNX: &str = "formats/onnx-branch-lt.onnx";
const FIVE: &str = "formats/onnx-five-lt.onnx";
const CATBOOST: &str = "formats/catboost-names.json";
const NESTED: &str = "formats/catboost-lossguide.json";
/// What stands before the children of a UBJSON tree, up to their count.
const CHILDREN: &[u8] = b"left_children[$l#L";

/// Files that are cut off, and trees that lead to themselves.
fn cut_and_cyclic() -> Vec<Case> {
    let deep = format!("\"trees\":[{}", "{\"left\":".repeat(100_000));
    vec![
        // Cut off.
        (half(JSON), "The JSON model file is cut off at line 1 column"),
        (half(UBJSON), "The UBJSON model file is cut off"),
        (half(TEXT), "The LightGBM model file is cut off in tree"),
        (half(ONNX), "The ONNX model file is cut off at byte"),
        (half(FIVE), "The ONNX model file is cut off at byte"),
        (half(CATBOOST), "The JSON model file is cut off at line 1 column"),
        // Cyclic. Trees of CatBoost are tables or nested, and so have no cycles.
        (
            replace(JSON, "\"left_children\":[1,", "\"left_children\":[0,"),
            "tree 0, node 0: its child 0 is reached a second time",
        ),
        (
            patch(UBJSON, CHILDREN, CHILDREN.len() + 8, &[0, 0, 0, 0]),
            "tree 0, node 0: its child 0 is reached a second time",
        ),
        (
            replace(TEXT, "left_child=1", "left_child=0"),
            "tree 0, node 0: its child 0 is reached a second time",
        ),
        (
            patch(ONNX, b"nodes_truenodeids@", 18, &[0]),
            "tree 0, node 0: its child 0 is reached a second time",
        ),
        (
            patch(FIVE, b"nodes_truenodeids@", 18, &[0]),
            "tree 0, node 0: its child 0 is reached a second time",
        ),
        (replace(NESTED, "\"trees\":[", &deep), "recursion limit exceeded"),
    ]
}

/// Files that claim 2 GB, that hold a part of another type, and that are something else.
fn claiming_and_other() -> Vec<Case> {
    let length = 0x8000_0000_u64.to_be_bytes();
    vec![
        // Claiming 2 GB.
        (replace(JSON, "\"num_nodes\":\"", "\"num_nodes\":\"21474836"), "elements for 21474836"),
        (patch(UBJSON, CHILDREN, CHILDREN.len(), &length), "The UBJSON model file is cut off"),
        (replace(TEXT, "num_leaves=7", "num_leaves=2147483647"), "nodes and the limit is 4194304"),
        (b"\x08\x08\x3a\xff\xff\xff\xff\x07x".to_vec(), "The ONNX model file is cut off at byte 9"),
        (
            replace(CATBOOST, "\"flat_feature_index\":0", "\"flat_feature_index\":2147483647"),
            "features and the limit is 16384",
        ),
        // A part of another type.
        (replace(JSON, "\"left_children\":[", "\"left_children\":[\"x\","), "is not laid out as a model"),
        (patch(UBJSON, CHILDREN, 15, b"d"), "is not laid out as a model"),
        (replace(TEXT, "threshold=", "threshold=x"), "tree 0: threshold holds a word that is no number"),
        (patch(ONNX, b"nodes_values", 0, b"nodes_valueX"), "nodes_values has 0 elements where there are"),
        (patch(FIVE, b"nodes_splits", 0, b"nodes_splitX"), "nodes_splits has 0 elements where there are"),
        (replace(CATBOOST, "\"leaf_values\":[", "\"leaf_values\":[\"x\","), "is not laid out as a model"),
        // Something else.
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "neither JSON nor UBJSON, nor a LightGBM or ONNX model"),
        (b"{\"name\": \"package.json\"}".to_vec(), "is no model of a known library"),
        (b"".to_vec(), "The model file is empty"),
        (b"CBM1\0\0\0\0".to_vec(), "save_model('model.json', format='json')"),
        (b"<?xml version=\"1.0\"?>\n<PMML>".to_vec(), "save_model('model.ubj')"),
        (bytes("versions/xgboost-1.7.bin"), "x.Booster(model_file='old.bin').save_model('model.ubj')"),
        (bytes("versions/xgboost-1.0.bin"), "x.Booster(model_file='old.bin').save_model('model.ubj')"),
    ]
}

#[test]
fn inspect_refuses_damaged_files_of_every_format_with_one_sentence() {
    let cases = cut_and_cyclic().into_iter().chain(claiming_and_other());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model");
    for (index, (file, words)) in cases.enumerate() {
        std::fs::write(&path, file).unwrap();
        let output = vencejo().args(["model", "inspect"]).arg(&path).output().unwrap();
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(5), "case {index}: {error}");
        let sentence = error.strip_prefix(&format!("vencejo: {}: The ", path.display()));
        assert!(sentence.is_some() && error.contains(words), "case {index}: expected {words}\nfound {error}");
        assert!(error.lines().count() == 1 && error.ends_with(".\n") && output.stdout.is_empty(), "{error}");
    }
}

#[test]
fn what_is_no_file_is_told() {
    for (file, words) in
        [("no/such/file", "cannot be read: No such file"), ("apps", "cannot be read: Is a dir")]
    {
        let output = vencejo().args(["model", "inspect", file]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with(&format!("vencejo: {file} {words}")), "{}", stderr(&output));
    }
    // A device has no length and no end.
    let output = vencejo().args(["model", "inspect", "/dev/zero"]).output().unwrap();
    assert!(stderr(&output).contains("at most 268435456 are read"), "{}", stderr(&output));
}

/// The rows of a file of expected answers as CSV, and its margins and outputs.
fn fixture(name: &str) -> [String; 3] {
    let all = bytes(&format!("formats/{name}.expect"));
    let end = all.iter().position(|byte| *byte == b'\n').unwrap();
    let header = String::from_utf8(all[..end].to_vec()).unwrap();
    let counts: Vec<usize> = header.split(' ').skip(2).take(5).map(|word| word.parse().unwrap()).collect();
    let [rows, features, margins, outputs, _] = counts[..] else { panic!("{header}") };
    assert!(header.ends_with("f4 f4"), "{name} holds other numbers");
    let mut numbers = all[end + 1..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    let mut table = |columns: usize| -> String {
        let line = |_| {
            let fields: Vec<_> = numbers.by_ref().take(columns).map(|x| x.to_string()).collect();
            format!("{}\n", fields.join(","))
        };
        (0..rows).map(line).collect()
    };
    let names: Vec<_> = (0..features).map(|index| format!("f{index}")).collect();
    let given = format!("{}\n{}", names.join(","), table(features));
    [given, table(margins), table(outputs)]
}

/// A folder with rows.csv and expect.csv.
fn folder(rows: &str, expect: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    std::fs::write(folder.path().join("expect.csv"), expect).unwrap();
    folder
}

fn validate(model: &str, folder: &TempDir, arguments: &[&str]) -> Output {
    let (rows, expect) = (folder.path().join("rows.csv"), folder.path().join("expect.csv"));
    let mut command = vencejo();
    command
        .args(["model", "validate"])
        .arg(testdata(model))
        .arg("--rows")
        .arg(rows)
        .arg("--expect")
        .arg(expect);
    command.args(arguments).output().unwrap()
}

#[test]
fn validate_compares_with_the_librarys_own_numbers() {
    let model = "formats/xgboost-softprob.ubj";
    let [rows, margins, outputs] = fixture("xgboost-softprob");
    let exact = validate(model, &folder(&rows, &margins), &["--margin", "--json"]);
    let verdict = &json_lines(&exact.stdout)[0];
    assert_eq!((&verdict["rows"], &verdict["outputs"]), (&40.into(), &3.into()), "{}", stderr(&exact));
    assert_eq!((&verdict["exact"], &verdict["worst"]), (&120.into(), &Value::Null));
    assert!(exact.status.success() && verdict["same"] == true);
    let headed = format!("a,b,c\n{outputs}");
    let text = stdout(&validate(model, &folder(&rows, &headed), &[]));
    assert!(text.contains("within     120 of 120 within 4 ulp") && text.ends_with("same\n"), "{text}");
    // One number that is not the library's.
    let (first, rest) = margins.split_once('\n').unwrap();
    let wrong = format!("{first}\n9,{}", rest.split_once(',').unwrap().1);
    let output = validate(model, &folder(&rows, &wrong), &["--margin"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("exact      119 of 120") && text.contains("in row 2, output 0: "), "{text}");
    assert!(text.contains("where 9 is expected") && text.ends_with("different\n"), "{text}");
    assert_eq!(stderr(&output), "vencejo: 1 of 120 numbers differ by more than 0 ulp\n");
    // Numbers that were cut.
    let cut: String = margins
        .lines()
        .map(|line| {
            let fields: Vec<_> =
                line.split(',').map(|x| format!("{:.4}", x.parse::<f32>().unwrap())).collect();
            format!("{}\n", fields.join(","))
        })
        .collect();
    let output = validate(model, &folder(&rows, &cut), &["--margin"]);
    assert!(stderr(&output).ends_with("were the expected ones written with all their digits?\n"));
    let output = validate(model, &folder(&rows, &cut), &["--margin", "--ulps", "1000000"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn validate_says_which_shapes_do_not_fit() {
    let model = "formats/xgboost-softprob.ubj";
    let [rows, margins, _] = fixture("xgboost-softprob");
    let lines = |text: &str, count: usize| {
        text.lines().take(count).map(|line| format!("{line}\n")).collect::<String>()
    };
    let cases = [
        (rows.clone(), lines(&margins, 39), "expect.csv has 39 lines of numbers for 40 rows"),
        (lines(&rows, 31), margins.clone(), "expect.csv has 40 lines of numbers for 30 rows"),
        (rows.clone(), "1\n".repeat(40), "expect.csv: line 1 has 1 numbers, the model gives 3"),
        (
            rows.clone(),
            format!("a,b,c\n{}1,2,x\n", lines(&margins, 1)),
            "expect.csv: line 3: 'x' is not a number",
        ),
        (rows.clone(), String::new(), "expect.csv has 0 lines of numbers for 40 rows"),
        (lines(&rows, 1), "a,b,c\n".to_owned(), "there are no rows to compare"),
        (lines(&rows, 2).replace("f0,", ""), margins.clone(), "without names, the header has 4 columns"),
        (
            rows.split_once('\n').unwrap().1.to_owned(),
            margins.clone(),
            "holds numbers where the header should be",
        ),
        (rows.replace("f0,", "f0,\u{0}"), "1,2\n\"".to_owned(), "expect.csv: line 1 has 2 numbers"),
    ];
    for (rows, expect, words) in cases {
        let output = validate(model, &folder(&rows, &expect), &["--margin"]);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{words}: {error}");
        assert!(error.contains(words) && error.lines().count() == 1, "expected {words}\nfound {error}");
    }
    let mut both = vencejo();
    both.args(["model", "validate"]).arg(testdata(model)).args(["--rows", "-", "--expect", "-"]);
    assert!(
        stderr(&both.output().unwrap()).contains("only one of --rows and --expect can be standard input")
    );
}

fn predict(model: &str, input: &[u8], arguments: &[&str]) -> Output {
    let mut command: Command = vencejo();
    command.arg("predict").arg(testdata(model)).args(["--input", "-"]).args(arguments);
    run_with_input(&mut command, input)
}

fn numbers(line: &str) -> Vec<f64> {
    line.split(',').map(|field| field.parse().unwrap()).collect()
}

#[test]
fn contributions_add_up_to_the_margin() {
    let [rows, margins, _] = fixture("xgboost-gamma");
    for how in ["--contributions", "--contributions=paths", "--contributions=shap"] {
        let text = stdout(&predict("formats/xgboost-gamma.ubj", rows.as_bytes(), &[how]));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("f0,f1,f2,f3,f4,bias"));
        assert_eq!(lines.clone().count(), 40);
        for (line, margin) in lines.zip(margins.lines()) {
            let sum: f64 = numbers(line).iter().sum();
            assert!((sum - margin.parse::<f64>().unwrap()).abs() < 1e-4, "{how}: {line} for {margin}");
        }
    }
    let output = predict("formats/xgboost-gamma.ubj", rows.as_bytes(), &["--contributions=shap", "--json"]);
    let first = &json_lines(&output.stdout)[0];
    assert_eq!((&first["row"], first["contributions"].as_object().unwrap().len()), (&1.into(), 5));
    assert!(first["bias"].is_number());
}

#[test]
fn contributions_of_several_margins_say_which() {
    let [rows, margins, _] = fixture("xgboost-softprob");
    let text = stdout(&predict("formats/xgboost-softprob.ubj", rows.as_bytes(), &["--contributions"]));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("row,margin,f0,f1,f2,f3,f4,bias"));
    let all: Vec<f64> = margins.lines().flat_map(numbers).collect();
    assert_eq!(lines.clone().count(), all.len());
    for ((line, margin), index) in lines.zip(all).zip(0..) {
        let found = numbers(line);
        assert_eq!(found[..2], [f64::from(index / 3 + 1), f64::from(index % 3)]);
        assert!((found[2..].iter().sum::<f64>() - margin).abs() < 1e-4, "{line} for {margin}");
    }
    let output = predict("formats/xgboost-softprob.ubj", rows.as_bytes(), &["--contributions", "--json"]);
    assert_eq!(json_lines(&output.stdout)[0]["margins"].as_array().unwrap().len(), 3);
}

#[test]
fn what_cannot_be_explained_says_why() {
    let row = b"a,b,c,d,e\n1,2,3,4,5\n";
    let output = predict("formats/onnx-mixed.onnx", row, &["--contributions"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("its file holds no weights of nodes"), "{}", stderr(&output));
    let output = predict("formats/onnx-mixed.onnx", row, &["--contributions", "--margin"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = predict("formats/onnx-mixed.onnx", row, &["--best-iteration"]);
    assert!(stderr(&output).contains("records no best iteration"), "{}", stderr(&output));
}

#[test]
fn rows_come_as_spreadsheets_write_them() {
    let model = "formats/catboost-names.json";
    let plain = stdout(&predict(model, b"a,b,c,d,e\n1,2,3,4,\n", &[]));
    let spellings: [&[u8]; 5] = [
        b"\xef\xbb\xbfa,b,c,d,e\r\n1,2,3,4,\r\n",
        b"e,other,d,c,b,a\nNA,x,4,3,2,1\n",
        b"\"a\",\"b\",\"c\",\"d\",\"e\"\n\"1\", 2 ,3.0,4e0,nan",
        b"a,b,c,d,e\n1,2,3,4,NULL\n\n",
        b"a,b,c,d,e\n+1,2,3,4,N/A\n",
    ];
    for input in spellings {
        assert_eq!(stdout(&predict(model, input, &[])), plain, "{}", String::from_utf8_lossy(input));
    }
    let wrong: [(&[u8], &str); 5] = [
        (b"a,b,c,d,e,a\n1,2,3,4,5,6\n", "the header has the feature 'a' twice"),
        (b"a,b,c,d\n1,2,3,4\n", "the header lacks the feature 'e'; the model needs: a, b, c, d, e"),
        (b"a,b,c,d,e\n1,2,3,4\n", "is not usable CSV"),
        (b"a,b,c,d,e\n1,2,3,4,\xff\n", "is not usable CSV"),
        (b"a,b,c,d,e\n1,2,3,4,?\n", "row 1, column 'e': '?' is not a number"),
    ];
    for (input, words) in wrong {
        let output = predict(model, input, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(words), "expected {words}\nfound {}", stderr(&output));
    }
    let folder = vencejo().arg("predict").arg(testdata(model)).args(["--input", "apps"]).output().unwrap();
    assert!(
        stderr(&folder).starts_with("vencejo: apps cannot be read: Is a directory"),
        "{}",
        stderr(&folder)
    );
}
