//! Every layout equals the oracle bit for bit, on generated forests and rows.

use proptest::prelude::*;

use super::*;
use crate::forest::build::{FileNode, FileTest, FileTree};
use crate::forest::{Categories, Finish, Shape, ZERO, round_to_f32};

const LAYOUTS: [Layout; 4] = [Layout::Walk, Layout::Pieces, Layout::Tables, Layout::Planes];

/// What a forest is generated from.
#[derive(Debug, Clone)]
struct Recipe {
    seed: u64,
    features: usize,
    trees: usize,
    margins: usize,
    leaves_max: usize,
    depth_max: usize,
    /// Chance in 16 that the next split goes where the last one went.
    skew: usize,
    /// Thresholds to choose from, per feature.
    thresholds: usize,
    /// Splits on equality and sets too, and zeros that are missing.
    mixed: bool,
    wide_inputs: bool,
    wide_sums: bool,
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let sizes = (1..40_usize, 1..30_usize, 1..4_usize, 1..100_usize, 0..13_usize);
    let kinds = (0..17_usize, 1..400_usize, any::<bool>(), any::<bool>(), any::<bool>());
    (any::<u64>(), sizes, kinds).prop_map(|(seed, sizes, kinds)| {
        let (features, trees, margins, leaves_max, depth_max) = sizes;
        let (skew, thresholds, mixed, wide_inputs, wide_sums) = kinds;
        let recipe = Recipe {
            seed,
            features,
            trees,
            margins,
            leaves_max,
            depth_max,
            skew,
            thresholds,
            mixed,
            wide_inputs,
            wide_sums,
        };
        // Sets and equalities take a column each; more of them than columns leave nothing to compare.
        if mixed {
            Recipe { features: features.min(8), thresholds: thresholds.min(12), ..recipe }
        } else {
            recipe
        }
    })
}

/// A source of numbers that repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn threshold(&mut self, recipe: &Recipe) -> f64 {
        let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::from(f32::MAX), 1e-45, -1e-40, ZERO];
        let number = match self.below(12) {
            0 => special[self.below(special.len())],
            _ => f64::from(u32::try_from(self.below(recipe.thresholds)).unwrap()) / 7.0 - 3.0,
        };
        if recipe.wide_inputs { number } else { f64::from(round_to_f32(number)) }
    }

    fn leaf(&mut self) -> f64 {
        let number = f64::from(u32::try_from(self.below(2_000)).unwrap()) / 999.0 - 1.0;
        f64::from(round_to_f32(if self.below(20) == 0 { -0.0 } else { number }))
    }

    fn tree(&mut self, recipe: &Recipe) -> Vec<FileNode> {
        let mut nodes = vec![FileNode::Leaf(self.leaf())];
        let mut open = vec![(0, 0)];
        for _ in 1..recipe.leaves_max {
            open.retain(|(_, depth)| *depth < recipe.depth_max);
            if open.is_empty() {
                break;
            }
            let last = open.len() - 1;
            let place = if self.below(16) < recipe.skew { last } else { self.below(open.len()) };
            let (node, depth) = open.swap_remove(place);
            let left = i64::try_from(nodes.len()).unwrap();
            nodes[node] = self.split(recipe, left);
            for _ in 0..2 {
                open.push((nodes.len(), depth + 1));
                nodes.push(FileNode::Leaf(self.leaf()));
            }
        }
        nodes
    }

    fn split(&mut self, recipe: &Recipe, left: i64) -> FileNode {
        let number = self.threshold(recipe);
        let test = match (recipe.mixed, self.below(8)) {
            (true, 0) => FileTest::Equal(number),
            (true, 1) => FileTest::In(vec![u32::try_from(self.below(16)).unwrap()]),
            (_, 2..5) => FileTest::LessOrEqual(number),
            _ => FileTest::Less(number),
        };
        FileNode::Split {
            feature: i64::try_from(self.below(recipe.features)).unwrap(),
            test,
            nan_left: self.below(2) == 0,
            zero_is_missing: recipe.mixed && self.below(4) == 0,
            left,
            right: left + 1,
        }
    }

    fn row(&mut self, recipe: &Recipe) -> Vec<f64> {
        let special =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e-45, 1e-36, f64::MAX, 3.7, -0.5];
        let missing = self.below(3) == 0;
        let length = if self.below(8) == 0 { self.below(recipe.features + 1) } else { recipe.features };
        let number = |this: &mut Self| match this.below(8) {
            0 if missing => special[this.below(special.len())],
            1 => special[1 + this.below(special.len() - 1)],
            2 => this.threshold(recipe).next_up(),
            3 => this.threshold(recipe).next_down(),
            _ => this.threshold(recipe),
        };
        (0..length).map(|_| number(self)).collect()
    }
}

fn forest(recipe: &Recipe, random: &mut Random) -> Forest {
    let precision = |wide| if wide { Precision::F64 } else { Precision::F32 };
    let shape = Shape {
        inputs: precision(recipe.wide_inputs),
        sums: precision(recipe.wide_sums),
        categories: if recipe.wide_inputs { Categories::CutFirst } else { Categories::NonNegative },
        start: (0..recipe.margins).map(|_| random.leaf()).collect(),
        finish: Finish::default(),
    };
    let mut forest = Forest::new(recipe.features, shape);
    for _ in 0..recipe.trees {
        let (nodes, margin) = (random.tree(recipe), random.below(recipe.margins));
        forest.push(&FileTree { nodes, margin, covers: Vec::new() }).unwrap();
    }
    forest
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Compares every layout with the oracle, and gives those that fit.
fn check(recipe: &Recipe) -> Vec<Layout> {
    let mut random = Random(recipe.seed);
    let forest = forest(recipe, &mut random);
    let rows: Vec<Vec<f64>> = (0..300).map(|_| random.row(recipe)).collect();
    let (features, margins) = (recipe.features, recipe.margins);
    let full: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.iter().copied().chain([f64::NAN].into_iter().cycle()).take(features))
        .collect();
    let narrow: Vec<f32> = full.iter().map(|x| round_to_f32(*x)).collect();
    let mut expected = vec![0.0; rows.len() * margins];
    let mut expected_narrow = expected.clone();
    for (index, row) in rows.iter().enumerate() {
        forest.margins(row, &mut expected[index * margins..][..margins]);
        let row = &narrow[index * features..][..features];
        forest.margins(row, &mut expected_narrow[index * margins..][..margins]);
    }
    let fitting = |layout: &Layout| Compiled::only(&forest, *layout).map(|compiled| (*layout, compiled));
    let mut found = Vec::new();
    for (layout, compiled) in LAYOUTS.iter().filter_map(fitting) {
        let mut out = vec![0.0; rows.len() * margins];
        let mut scratch = compiled.scratch();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(margins)) {
            compiled.margins(&forest, row, out);
        }
        assert_eq!(bits(&out), bits(&expected), "{layout}, row by row");
        compiled.margins_of_rows(&forest, &full, &mut scratch, &mut out);
        assert_eq!(bits(&out), bits(&expected), "{layout}, batch");
        compiled.margins_of_rows(&forest, &narrow, &mut scratch, &mut out);
        assert_eq!(bits(&out), bits(&expected_narrow), "{layout}, batch of f32");
        if matches!(layout, Layout::Tables | Layout::Planes) {
            let mut portable = compiled.clone();
            portable.ready.as_mut().unwrap().2 = None;
            portable.margins_of_rows(&forest, &full, &mut scratch, &mut out);
            assert_eq!(bits(&out), bits(&expected), "{layout} without SIMD, batch");
        }
        found.push(layout);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_layout_equals_the_oracle(recipe in recipes()) {
        check(&recipe);
    }
}

const PLAIN: Recipe = Recipe {
    seed: 1,
    features: 5,
    trees: 40,
    margins: 1,
    leaves_max: 32,
    depth_max: 12,
    skew: 4,
    thresholds: 300,
    mixed: false,
    wide_inputs: false,
    wide_sums: false,
};

#[test]
fn layouts_fit_the_shapes_they_are_made_for() {
    use Layout::{Pieces, Planes, Tables, Walk};
    let simd = |layouts: &[Layout]| {
        let portable = |layout: &Layout| matches!(layout, Tables | Planes);
        let with_simd = Avx2::detect().is_some();
        layouts.iter().copied().filter(|layout| with_simd || portable(layout)).collect::<Vec<_>>()
    };
    let cases = [
        ("a leaf", Recipe { depth_max: 0, ..PLAIN }, vec![Walk, Pieces, Tables, Planes]),
        ("depth 5", Recipe { depth_max: 5, ..PLAIN }, vec![Walk, Pieces, Tables, Planes]),
        (
            "depth 6",
            Recipe { depth_max: 6, leaves_max: 64, skew: 0, ..PLAIN },
            vec![Walk, Pieces, Tables, Planes],
        ),
        ("depth 7", Recipe { depth_max: 7, leaves_max: 128, skew: 0, ..PLAIN }, vec![Walk, Pieces, Planes]),
        ("depth 8", Recipe { depth_max: 8, leaves_max: 256, skew: 0, ..PLAIN }, vec![Walk, Pieces, Planes]),
        ("a long chain", Recipe { depth_max: 60, skew: 16, ..PLAIN }, vec![Pieces, Tables, Planes]),
        (
            "more trees than are under way",
            Recipe { trees: 1_100, leaves_max: 8, ..PLAIN },
            vec![Walk, Pieces, Tables, Planes],
        ),
        ("many thresholds", Recipe { thresholds: 1_500, trees: 400, ..PLAIN }, vec![Pieces, Tables, Planes]),
        (
            "no columns",
            Recipe { features: 1, depth_max: 0, trees: 1, ..PLAIN },
            vec![Walk, Pieces, Tables, Planes],
        ),
    ];
    for (name, recipe, expected) in cases {
        for (wide_inputs, wide_sums) in [(false, false), (false, true), (true, true)] {
            let recipe = Recipe { wide_inputs, wide_sums, ..recipe.clone() };
            assert_eq!(check(&recipe), simd(&expected), "{name}");
        }
    }
}

#[test]
fn a_feature_with_more_than_255_thresholds_takes_several_columns() {
    let recipe = Recipe { thresholds: 1_500, trees: 400, ..PLAIN };
    let forest = forest(&recipe, &mut Random(1));
    let ranked = Ranked::of_forest(&forest).unwrap();
    assert!(ranked.columns.len() > recipe.features * 2, "{} columns", ranked.columns.len());
}

#[test]
fn a_workspace_has_room_for_a_batch() {
    let forest = forest(&PLAIN, &mut Random(1));
    let compiled = Compiled::only(&forest, Layout::Planes).unwrap();
    let mut scratch = compiled.scratch();
    let room = scratch.bytes();
    assert!(room > 0);
    let (rows, mut out) = (vec![0.5_f32; 300 * PLAIN.features], vec![0.0; 300]);
    compiled.margins_of_rows(&forest, &rows, &mut scratch, &mut out);
    assert_eq!(scratch.bytes(), room);
    let mut none = Scratch::default();
    compiled.margins_of_rows(&forest, &rows, &mut none, &mut out);
    assert_eq!(none.bytes(), room, "a workspace made before is enlarged");
}

#[test]
fn measuring_keeps_a_layout_and_says_what_it_measured() {
    let forest = forest(&PLAIN, &mut Random(1));
    let mut now = 0;
    let mut clock = || {
        now += 1_000;
        now
    };
    let compiled = Compiled::new(&forest, Some(&mut clock));
    assert!(compiled.figures().len() >= 2);
    for figures in compiled.figures() {
        assert!(figures.table_bytes > 0);
        assert_eq!(figures.nanos_per_row.is_some(), figures.layout != Layout::Planes);
        assert_eq!(figures.batch_nanos_per_row.is_some(), figures.layout == Layout::Planes);
    }
    assert_ne!(compiled.single(), Layout::Scalar);
    let unmeasured = Compiled::new(&forest, None);
    assert!(unmeasured.figures().iter().all(|figures| figures.nanos_per_row.is_none()));
    assert_ne!(unmeasured.single(), Layout::Scalar);
}
