use proptest::prelude::*;

use super::*;
use crate::forest::{Categories, Feature, Finish};

fn shape(start: f64) -> Shape {
    Shape {
        inputs: Precision::F32,
        sums: Precision::F32,
        categories: Categories::NonNegative,
        start: vec![start],
        finish: Finish::default(),
    }
}

fn tree(nodes: Vec<FileNode>) -> FileTree {
    FileTree { nodes, ..FileTree::default() }
}

/// The obvious twin: a tree of boxes.
#[derive(Debug, Clone)]
enum Twin {
    Leaf(f32),
    Split { feature: u8, threshold: f32, missing_left: bool, children: [Box<Twin>; 2] },
}

impl Twin {
    fn leaf(&self, row: &[f32]) -> f32 {
        match self {
            Self::Leaf(value) => *value,
            Self::Split { feature, threshold, missing_left, children: [left, right] } => {
                let goes_left = match row.get(usize::from(*feature)) {
                    None => *missing_left,
                    Some(x) if x.is_nan() => *missing_left,
                    Some(x) => x < threshold,
                };
                if goes_left { left.leaf(row) } else { right.leaf(row) }
            }
        }
    }

    /// Appends the nodes in depth-first order, right side first and pruned nodes between, unlike any file.
    fn append(&self, nodes: &mut Vec<FileNode>) -> i64 {
        let index = nodes.len();
        nodes.push(FileNode::Deleted);
        nodes[index] = match self {
            Self::Leaf(value) => FileNode::Leaf(value.to_f64()),
            Self::Split { feature, threshold, missing_left, children: [left, right] } => {
                let right = right.append(nodes);
                nodes.push(FileNode::Deleted);
                FileNode::Split {
                    feature: (*feature).into(),
                    test: FileTest::Less(threshold.to_f64()),
                    left: left.append(nodes),
                    right,
                    nan_left: *missing_left,
                    zero_is_missing: false,
                }
            }
        };
        i64::try_from(index).unwrap()
    }
}

fn values() -> impl Strategy<Value = f32> {
    prop_oneof![-3.0..3.0_f32, Just(0.0), Just(-0.0), Just(1.0), Just(f32::MAX), Just(1e-45)]
}

fn twins() -> impl Strategy<Value = Twin> {
    values().prop_map(Twin::Leaf).prop_recursive(6, 64, 2, |inner| {
        (0..4_u8, values(), any::<bool>(), inner.clone(), inner).prop_map(
            |(feature, threshold, missing_left, left, right)| Twin::Split {
                feature,
                threshold,
                missing_left,
                children: [left.into(), right.into()],
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_forest_equals_its_obvious_twin(
        trees in prop::collection::vec(twins(), 0..5),
        row in prop::collection::vec(prop_oneof![4 => values(), 1 => Just(f32::NAN)], 0..6),
        base in values(),
    ) {
        let mut forest = Forest::new(4, shape(base.to_f64()));
        for twin in &trees {
            let mut nodes = Vec::new();
            twin.append(&mut nodes);
            forest.push(&tree(nodes)).unwrap();
        }
        let mut expected = base;
        for tree in &trees {
            expected += tree.leaf(&row);
        }
        let mut found = [0.0];
        forest.margins(&row, &mut found);
        prop_assert_eq!(found[0].to_bits(), expected.to_f64().to_bits());
        let wide: Vec<f64> = row.iter().map(|x| x.to_f64()).collect();
        forest.margins(&wide, &mut found);
        prop_assert_eq!(found[0].to_bits(), expected.to_f64().to_bits());
    }
}

#[test]
fn an_empty_tree_and_a_pruned_root_are_refused() {
    let refused = |nodes| Forest::new(1, shape(0.0)).push(&tree(nodes)).unwrap_err();
    let tree_0 = |node, fault| ModelError::Tree { tree: 0, node, fault };
    assert_eq!(refused(vec![]), tree_0(None, TreeFault::NoNodes));
    assert_eq!(refused(vec![FileNode::Deleted]), tree_0(Some(0), TreeFault::DeletedReached));
    let short = FileNode::Vector(vec![1.0, 2.0]);
    assert_eq!(refused(vec![short]), tree_0(Some(0), TreeFault::LeafLength { found: 2, outputs: 1 }));
}

#[test]
fn trees_and_nodes_are_limited() {
    let mut forest = Forest::new(1, shape(0.0));
    for _ in 0..TREES_MAX {
        forest.push(&tree(vec![FileNode::Leaf(1.0)])).unwrap();
    }
    let refused = forest.push(&tree(vec![FileNode::Leaf(1.0)])).unwrap_err();
    assert_eq!(refused, ModelError::Limit { what: "trees", found: TREES_MAX + 1, max: TREES_MAX });
    assert!(position(NODES_MAX).is_ok());
    assert_eq!(
        position(NODES_MAX + 1),
        Err(ModelError::Limit { what: "nodes", found: NODES_MAX + 1, max: NODES_MAX })
    );
}

#[test]
fn categories_follow_their_library() {
    use Categories::{CutFirst, Halves, NonNegative};
    let cases = [
        (0.0, Some(0), Some(0)),
        (-0.0, Some(0), Some(0)),
        (2.9, Some(2), Some(2)),
        (-0.5, None, Some(0)),
        (-1.0, None, None),
        (16_777_215.0, Some(16_777_215), Some(16_777_215)),
        (16_777_216.0, None, Some(16_777_216)),
        (2_147_483_648.0, None, None),
        (f64::INFINITY, None, None),
        (f64::NEG_INFINITY, None, None),
    ];
    for (x, xgboost, lightgbm) in cases {
        assert_eq!(NonNegative.category(x), xgboost, "{x}");
        assert_eq!(CutFirst.category(x), lightgbm, "{x}");
    }
    let halves = [
        (0.0, Some(0)),
        (-0.0, Some(0)),
        (-0.5, Some(1)),
        (0.5, Some(1)),
        (3.0, Some(6)),
        (3.7, Some(7)),
        (-1.0, None),
        (-1.5, None),
        (8_388_607.0, Some(16_777_214)),
        (8_388_608.0, None),
        (f64::INFINITY, None),
    ];
    for (x, expected) in halves {
        assert_eq!(Halves.category(x), expected, "{x}");
    }
}
