//! Files of expected answers: `testdata/make/answers.py` writes them and describes them.

#![allow(dead_code, reason = "each test reads its part")]

use std::fs;
use std::path::PathBuf;

/// What a library answered for some rows.
pub struct Expect {
    pub features: usize,
    pub margins: usize,
    pub outputs: usize,
    /// Whether rows and answers were `f32`; they are kept as `f64` here, exactly.
    pub narrow_rows: bool,
    pub narrow: bool,
    pub rows: Vec<f64>,
    pub margin_values: Vec<f64>,
    pub output_values: Vec<f64>,
    /// Contributions of the first rows: per margin one per feature, and the bias.
    pub contributions: Vec<f64>,
}

/// The bytes of a file of `testdata/formats`.
pub fn bytes(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(file);
    fs::read(path).expect(file)
}

impl Expect {
    /// Reads the expected answers of a name without extension.
    pub fn read(name: &str) -> Self {
        let all = bytes(&format!("{name}.expect"));
        let end = all.iter().position(|byte| *byte == b'\n').expect("a line of text");
        let header = str::from_utf8(&all[..end]).expect("text");
        let words: Vec<&str> = header.split(' ').collect();
        assert!(words.len() == 9 && words[..2] == ["expect", "1"], "{name}: {header}");
        let (counts, rows_type, answers_type) = (&words[2..7], words[7], words[8]);
        let counts = |index: usize| counts[index].parse::<usize>().expect("a count");
        let [rows, features, margins, outputs, explained] = [0, 1, 2, 3, 4].map(counts);
        let (narrow_rows, narrow) = (rows_type == "f4", answers_type == "f4");
        let mut rest = &all[end + 1..];
        let mut take = |count: usize, narrow: bool| numbers(&mut rest, count, narrow);
        let expect = Self {
            features,
            margins,
            outputs,
            narrow_rows,
            narrow,
            rows: take(rows * features, narrow_rows),
            margin_values: take(rows * margins, narrow),
            output_values: take(rows * outputs, narrow),
            contributions: take(explained * margins * (features + 1), narrow),
        };
        assert!(rest.is_empty(), "{name}: {} bytes too many", rest.len());
        expect
    }
}

fn numbers(bytes: &mut &[u8], count: usize, narrow: bool) -> Vec<f64> {
    let width = if narrow { 4 } else { 8 };
    let (taken, rest) = bytes.split_at(count * width);
    *bytes = rest;
    let number = |chunk: &[u8]| {
        if narrow {
            f64::from(f32::from_le_bytes(chunk.try_into().expect("four bytes")))
        } else {
            f64::from_le_bytes(chunk.try_into().expect("eight bytes"))
        }
    };
    taken.chunks_exact(width).map(number).collect()
}
