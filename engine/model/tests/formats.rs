//! The format table of README.md is true: every row is compared with the library's own numbers or refused
//! with the words it states, and every fixture stands in the table.

mod exercise;
mod expect;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use expect::{Expect, bytes};
use vencejo_model::Model;

const README: &str = include_str!("../README.md");

/// A row of the table: the file, and what becomes of it.
struct Row {
    file: String,
    answer: String,
}

/// The rows whose third cell is a file in backquotes.
fn table() -> Vec<Row> {
    let rows: Vec<Row> = README
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
            let [_, _, file, answer] = cells[..] else { return None };
            let file = file.strip_prefix('`')?.strip_suffix('`')?.to_owned();
            Some(Row { file, answer: answer.to_owned() })
        })
        .collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    rows
}

/// Distance in representable numbers of `f32` or `f64`.
fn ulps(found: f64, expected: f64, narrow: bool) -> u64 {
    if narrow {
        #[expect(clippy::cast_possible_truncation, reason = "both are f32 in value")]
        let key = |x: f64| (x as f32).to_bits().cast_signed();
        let order = |bits: i32| if bits < 0 { i64::from(i32::MIN) - i64::from(bits) } else { bits.into() };
        order(key(found)).abs_diff(order(key(expected)))
    } else {
        let key = |x: f64| x.to_bits().cast_signed();
        let order = |bits: i64| if bits < 0 { i128::from(i64::MIN) - i128::from(bits) } else { bits.into() };
        u64::try_from(order(key(found)).abs_diff(order(key(expected)))).unwrap_or(u64::MAX)
    }
}

/// Compares every row's margins to the bit and its outputs within some ulp, alone and in a batch.
fn compare(name: &str, model: &Model, expect: &Expect, ulps_max: u64) {
    assert_eq!((model.feature_count(), model.output_count()), (expect.features, expect.outputs), "{name}");
    if expect.margins == 0 {
        return compare_outputs(name, model, expect, ulps_max);
    }
    assert_eq!(model.margin_count(), expect.margins, "{name}");
    let mut workspace = model.workspace();
    let rows = expect.rows.chunks_exact(expect.features);
    let answers = expect.margin_values.chunks_exact(expect.margins);
    let outputs = expect.output_values.chunks_exact(expect.outputs);
    let mut found = vec![0.0; expect.margins];
    let mut shown = vec![0.0; expect.outputs];
    for (index, ((row, expected), expected_outputs)) in rows.zip(answers).zip(outputs).enumerate() {
        model.margin_into(row, &mut workspace, &mut found);
        if expect.narrow && !expect.narrow_rows {
            // onnxruntime sums doubles and shows floats.
            #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
            found.iter_mut().for_each(|x| *x = f64::from(*x as f32));
        }
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(expected), "{name} row {index}: {found:?} {expected:?} {row:?}");
        model.predict_into(row, &mut workspace, &mut shown);
        for (found, expected) in shown.iter().zip(expected_outputs) {
            let distance = ulps(*found, *expected, expect.narrow);
            assert!(distance <= ulps_max, "{name} row {index}: {shown:?} {expected_outputs:?} {row:?}");
        }
        if expect.narrow_rows {
            #[expect(clippy::cast_possible_truncation, reason = "the rows are f32 in value")]
            let narrow: Vec<f32> = row.iter().map(|x| *x as f32).collect();
            model.margin_into(&narrow, &mut workspace, &mut found);
            assert_eq!(bits(&found), bits(expected), "{name} row {index} as f32");
        }
    }
    let mut batch = vec![0.0; expect.margin_values.len()];
    model.margin_batch_into(&expect.rows, &mut workspace, &mut batch);
    model.margin_into(&expect.rows[..expect.features], &mut workspace, &mut found);
    assert!(batch[..expect.margins] == found, "{name}: the batch differs");
    assert!(
        batch == expect.margin_values || !expect.narrow_rows && expect.narrow,
        "{name}: the batch differs"
    );
    let mut batch = vec![0.0; expect.output_values.len()];
    model.predict_batch_into(&expect.rows, &mut workspace, &mut batch);
    model.predict_into(&expect.rows[..expect.features], &mut workspace, &mut shown);
    assert!(batch[..expect.outputs] == shown, "{name}: the batch differs");
}

/// For libraries that do not show their margins.
fn compare_outputs(name: &str, model: &Model, expect: &Expect, ulps_max: u64) {
    let mut found = vec![0.0; expect.output_values.len()];
    model.predict_batch_into(&expect.rows, &mut model.workspace(), &mut found);
    for (found, expected) in found.iter().zip(&expect.output_values) {
        assert!(ulps(*found, *expected, expect.narrow) <= ulps_max, "{name}: {found} {expected}");
    }
}

#[test]
fn the_format_table_is_true() {
    for Row { file, answer } in table() {
        let name = file.rsplit_once('.').expect("an extension").0;
        let parsed = Model::parse(&bytes(&file));
        match (answer.split_once(": "), parsed) {
            (Some(("refused", words)), Err(error)) => {
                let sentence = error.to_string();
                assert!(sentence.contains(words), "{file}: expected {words}\nfound {sentence}");
                assert!(sentence.starts_with("The ") && sentence.ends_with('.'), "{sentence}");
            }
            (None, Ok(model)) => {
                // CatBoost has an exp of its own for softmax.
                let ulps_max = if answer == "exact, predictions within 16 ulp" { 16 } else { 4 };
                compare(name, &model, &Expect::read(name), ulps_max);
                exercise::compile(&model, &bytes(&file), 1, true);
                if let Some(best) = answer.strip_prefix("exact, and with the best iteration `") {
                    let slice = best.trim_end_matches('`').trim_end_matches(".expect");
                    compare(slice, &model.with_best_iteration(), &Expect::read(slice), ulps_max);
                } else {
                    assert!(answer == "exact" || ulps_max == 16, "{file}: {answer}");
                }
            }
            (_, Ok(_)) => panic!("{file} is accepted, but the table says {answer}"),
            (_, Err(error)) => panic!("{file}: {error}"),
        }
    }
}

#[test]
fn every_fixture_stands_in_the_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    let files = fs::read_dir(folder).expect("the folder is readable");
    let names = files.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let models: BTreeSet<String> = names.filter(|name| !name.ends_with(".expect")).collect();
    let listed: BTreeSet<String> = table().into_iter().map(|row| row.file).collect();
    assert_eq!(models, listed);
}
