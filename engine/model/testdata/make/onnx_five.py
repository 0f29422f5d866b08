"""TreeEnsemble of ai.onnx.ml 5 and what onnxruntime answers for it: python onnx_five.py ../formats"""

import sys
from pathlib import Path

import answers
import numpy as np
from onnx import TensorProto, helper
from onnx_cases import write_case

LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)
COMPARE = [LEQ, LT, GTE, GT, EQ, NEQ]
AVERAGE, SUM, MIN, MAX = range(4)
NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT = range(5)
THRESHOLDS = [float(np.float32(x)) for x in [-1.5, -0.5, -0.1, 0.0, 0.1, 0.7, 1.0, 2.0]]


def trees(rng, count, targets, modes, numbers=THRESHOLDS, depth=3, one_target=False, sets=None):
    """Attributes of random trees. Leaves name any target, or with one_target their tree's."""
    lists = {name: [] for name in ["modes", "featureids", "splits", "tracks", "truenodeids", "trueleafs", "falsenodeids", "falseleafs"]}
    roots, ids, weights, members = [], [], [], {}

    def leaf(tree):
        ids.append(tree % targets if one_target else int(rng.integers(0, targets)))
        weights.append(float(np.float32(rng.normal())))
        return len(ids) - 1

    def split(tree, level):
        index = len(lists["modes"])
        mode = int(rng.choice(modes))
        for name, value in [("modes", mode), ("featureids", int(rng.integers(0, 5))), ("splits", float(rng.choice(numbers)))]:
            lists[name].append(value)
        lists["tracks"].append(int(rng.random() < 0.5))
        for side in ("true", "false"):
            lists[side + "nodeids"].append(0)
            lists[side + "leafs"].append(0)
        if mode == MEMBER:
            members[index] = sets() if sets else sorted({int(x) for x in rng.integers(0, 8, 3)})
        for side in ("true", "false"):
            ends = level + 1 >= depth or rng.random() < 0.2
            lists[side + "leafs"][index] = int(ends)
            lists[side + "nodeids"][index] = leaf(tree) if ends else split(tree, level + 1)
        return index

    for tree in range(count):
        roots.append(split(tree, 0))
    values = [x for index in sorted(members) for x in [*map(float, members[index]), np.nan]]
    return {"roots": roots, "ids": ids, "weights": weights, "members": values, **lists}


def graph(made, targets, kind=TensorProto.FLOAT, aggregate=SUM, transform=NONE, given=None):
    """A graph of the operator alone."""
    def tensor(kind, numbers):
        return helper.make_tensor("t", kind, [len(numbers)], numbers)

    attributes = {
        "n_targets": targets, "aggregate_function": aggregate, "post_transform": transform,
        "tree_roots": made["roots"], "nodes_modes": tensor(TensorProto.UINT8, made["modes"]),
        "nodes_featureids": made["featureids"], "nodes_splits": tensor(kind, made["splits"]),
        "nodes_truenodeids": made["truenodeids"], "nodes_trueleafs": made["trueleafs"],
        "nodes_falsenodeids": made["falsenodeids"], "nodes_falseleafs": made["falseleafs"],
        "nodes_missing_value_tracks_true": made["tracks"],
        "leaf_targetids": made["ids"], "leaf_weights": tensor(kind, made["weights"]),
    }  # fmt: skip
    if made["members"]:
        attributes["membership_values"] = tensor(kind, made["members"])
    node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **attributes)
    rows = helper.make_tensor_value_info("X", given or kind, [None, 5])
    shown = helper.make_tensor_value_info("Y", kind, [None, targets])
    opsets = [helper.make_opsetid("ai.onnx.ml", 5), helper.make_opsetid("", 21)]
    model = helper.make_model(helper.make_graph([node], "trees", [rows], [shown]), opset_imports=opsets)
    model.ir_version = 10
    return model


def cases(folder, rng, values):
    """Every mode, aggregate, transform and type."""
    def case(name, made, targets, raw=None, **more):
        write_case(folder, "five-" + name, graph(made, targets, **more), values, rng, raw)

    for name, mode in [("leq", LEQ), ("lt", LT), ("gte", GTE), ("gt", GT), ("eq", EQ), ("neq", NEQ)]:
        case(name, trees(rng, 6, 1, [mode]), 1)
    mixed = trees(rng, 12, 1, COMPARE)
    case("mixed", mixed, 1)
    case("average", mixed, 1, aggregate=AVERAGE)
    case("min", mixed, 1, aggregate=MIN)
    case("max", mixed, 1, aggregate=MAX)
    case("doubles", trees(rng, 9, 1, COMPARE, [x + 1e-12 for x in THRESHOLDS]), 1, kind=TensorProto.DOUBLE)
    several = trees(rng, 9, 3, COMPARE)
    own = trees(rng, 9, 3, COMPARE, one_target=True)
    case("targets", several, 3)
    case("targets-average", several, 3, aggregate=AVERAGE)
    case("targets-min", own, 3, aggregate=MIN)
    case("targets-max", own, 3, aggregate=MAX)
    case("targets-softmax-zero", own, 3, graph(own, 3), transform=SOFTMAX_ZERO)
    case("lonely-logistic", mixed, 1, transform=LOGISTIC)
    case("members", trees(rng, 9, 1, [MEMBER, *COMPARE, MEMBER], sets=lambda: sorted({int(x) for x in rng.integers(0, 70, 6)})), 1)
    few = trees(rng, 6, 1, [MEMBER, LT], [x + 1e-12 for x in THRESHOLDS], sets=lambda: sorted({int(x) for x in rng.integers(0, 31, 4)}))
    case("members-doubles", few, 1, kind=TensorProto.DOUBLE)
    refused(folder, mixed, several, own)


def refused(folder, mixed, several, own):
    """What is not supported."""
    fraction = {**mixed, "modes": [MEMBER, *mixed["modes"][1:]], "members": [0.5, np.nan]}
    for name, model in [
        ("probit", graph(mixed, 1, transform=PROBIT)), ("mixed-min", graph(several, 3, aggregate=MIN)),
        # onnxruntime numbers these two the other way round than the standard does.
        ("targets-softmax", graph(own, 3, transform=SOFTMAX)), ("fraction-member", graph(fraction, 1)),
        ("doubles-transform", graph(own, 3, kind=TensorProto.DOUBLE, transform=SOFTMAX_ZERO)),
    ]:  # fmt: skip
        (folder / f"onnx-five-{name}.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    generator = np.random.default_rng(501)
    features, _ = answers.data(generator)
    features[:, :2] = generator.integers(-1, 70, (len(features), 2))
    cases(Path(sys.argv[1]), generator, features)
