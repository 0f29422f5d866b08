"""ONNX files and what onnxruntime answers for them, on one thread: python onnx_cases.py ../formats"""

import sys
from pathlib import Path

import answers
import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE", "BRANCH_EQ", "BRANCH_NEQ"]
INPUT_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


def attribute(node, *names):
    """The first of these attributes that a node has, as numbers."""
    for given in node.attribute:
        if given.name in names:
            value = helper.get_attribute_value(given)
            return list(onnx.numpy_helper.to_array(value)) if isinstance(value, TensorProto) else list(value)
    return []


def thresholds(node):
    """Per feature the numbers that its splits compare with."""
    found = {}
    lists = [attribute(node, "nodes_featureids"), attribute(node, "nodes_values", "nodes_values_as_tensor", "nodes_splits")]
    for feature, value, mode in zip(*lists, attribute(node, "nodes_modes")):
        if mode != b"LEAF":
            found.setdefault(feature, []).append(value)
    for feature in set(lists[0]):
        found.setdefault(feature, []).extend(attribute(node, "membership_values"))
    return found


def write_case(folder, name, model, values, rng, raw=None):
    """Saves a model and records its answers. raw: the same model without its transform, for the margins."""
    path = folder / f"onnx-{name}.onnx"
    path.write_bytes(model.SerializeToString())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    dtype = INPUT_TYPES[given.type]
    trees = next(node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))
    if dtype == np.int64:
        made = rng.integers(-5, 6, (answers.ROWS, values.shape[1])).astype(np.float64)
    else:
        made = answers.rows(rng, values, thresholds(trees), dtype)

    def numbers(of):
        session = onnxruntime.InferenceSession(of, options, providers=["CPUExecutionProvider"])
        wanted = [output.name for output in session.get_outputs()][-1]
        given_rows = made.astype(dtype)
        whole = np.asarray(plain(session.run([wanted], {given.name: given_rows})[0]))
        one = [plain(session.run([wanted], {given.name: row[None]})[0]) for row in given_rows]
        assert np.array_equal(np.concatenate([np.atleast_1d(part) for part in one]).reshape(whole.shape), whole), name
        return whole if whole.dtype == np.float64 else whole.astype(np.float32)

    outputs = numbers(str(path))
    if raw is not None:
        margins = numbers(raw.SerializeToString())
    elif len(set(attribute(trees, "class_ids"))) == 1 or shows_transform(trees):
        margins = np.zeros((answers.ROWS, 0), np.float32)
    else:
        margins = outputs
    answers.write(path.with_suffix(".expect"), made, margins, outputs)


def shows_transform(node):
    return any(given.name == "post_transform" and (given.i or given.s not in (b"", b"NONE")) for given in node.attribute)


def plain(answer):
    """ZipMap gives a dictionary per row."""
    if isinstance(answer, list):
        return [list(row.values()) for row in answer]
    return answer


def graph(operator, kind, outputs, opset=3, **attributes):
    """A graph of one operator."""
    classifier = operator == "TreeEnsembleClassifier"
    node = helper.make_node(operator, ["X"], ["label", "Y"] if classifier else ["Y"], domain="ai.onnx.ml", **attributes)
    given = helper.make_tensor_value_info("X", kind, [None, 5])
    shown = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, outputs])]
    if classifier:
        shown.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, [None]))
    made = helper.make_graph([node], "trees", [given], shown)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("ai.onnx.ml", opset), helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


def random_trees(rng, count, outputs, modes, thresholds, kind="target", every=False, positive=False):
    """Attributes of random trees: any mode, NaN tracked or not, one weight per leaf or one per output."""
    lists = {name: [] for name in ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids"]}
    tracks, weights = [], {name: [] for name in ["treeids", "nodeids", "ids", "weights"]}
    for tree in range(count):
        number = 0
        waiting = [(0, 0)]
        nodes = {}
        while waiting:
            node, depth = waiting.pop(0)
            if depth < 3 and rng.random() < 0.85:
                children = (number + 1, number + 2)
                number += 2
                nodes[node] = children
                waiting += [(child, depth + 1) for child in children]
            else:
                nodes[node] = None
        for node in sorted(nodes):
            children = nodes[node]
            lists["treeids"].append(tree)
            lists["nodeids"].append(node)
            lists["featureids"].append(int(rng.integers(0, 5)) if children else 0)
            lists["values"].append(float(rng.choice(thresholds)) if children else 0.0)
            lists["modes"].append(str(rng.choice(modes)) if children else "LEAF")
            lists["truenodeids"].append(children[0] if children else 0)
            lists["falsenodeids"].append(children[1] if children else 0)
            tracks.append(int(rng.random() < 0.5) if children else 0)
            if not children:
                for output in range(outputs) if every else [tree % outputs]:
                    weights["treeids"].append(tree)
                    weights["nodeids"].append(node)
                    weights["ids"].append(output)
                    weights["weights"].append(float(np.float32(abs(rng.normal()) if positive else rng.normal())))
    made = {f"nodes_{name}": values for name, values in lists.items()}
    made["nodes_missing_value_tracks_true"] = tracks
    made.update({f"{kind}_{name}": values for name, values in weights.items()})
    return made


def as_tensors(attributes, kind):
    """The lists of opset 3 that may be doubles."""
    for name in ("nodes_values", f"{kind}_weights"):
        values = attributes.pop(name)
        attributes[name + "_as_tensor"] = helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
    return attributes


def made_by_hand(folder, rng, values):
    """Every mode, aggregate, transform and type."""
    some = [float(np.float32(x)) for x in [-1.5, -0.5, -0.1, 0.0, 0.1, 0.7, 1.0, 2.0]]
    regressor, classifier = "TreeEnsembleRegressor", "TreeEnsembleClassifier"
    single = {"n_targets": 1, "post_transform": "NONE"}
    for mode in MODES:
        trees = random_trees(rng, 6, 1, [mode], some)
        write_case(folder, mode.lower().replace("_", "-"), graph(regressor, TensorProto.FLOAT, 1, **trees, **single), values, rng)
    trees = random_trees(rng, 12, 1, MODES, some)
    write_case(folder, "mixed", graph(regressor, TensorProto.FLOAT, 1, 1, **trees, **single, base_values=[0.3]), values, rng)
    mean = {**single, "aggregate_function": "AVERAGE", "base_values": [0.7]}
    write_case(folder, "average", graph(regressor, TensorProto.FLOAT, 1, **trees, **mean), values, rng)
    write_case(folder, "lonely-logistic", graph(regressor, TensorProto.FLOAT, 1, **trees, n_targets=1, post_transform="LOGISTIC"), values, rng)
    exact = [x + 1e-12 for x in some]
    doubles = as_tensors(random_trees(rng, 9, 1, MODES, exact), "target")
    write_case(folder, "doubles", graph(regressor, TensorProto.DOUBLE, 1, **doubles, **single), values, rng)
    several = random_trees(rng, 9, 3, MODES, some)
    every = random_trees(rng, 5, 3, MODES, some, every=True)
    for name, trees, more in [
        ("targets", several, {"base_values": [0.1, 0.2, 0.3]}),
        ("targets-vector", every, {"aggregate_function": "AVERAGE"}),
    ]:
        write_case(folder, name, graph(regressor, TensorProto.FLOAT, 3, **trees, **more, n_targets=3), values, rng)
    for transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        raw = graph(regressor, TensorProto.FLOAT, 3, **every, n_targets=3)
        shown = graph(regressor, TensorProto.FLOAT, 3, **every, n_targets=3, post_transform=transform)
        write_case(folder, "targets-" + transform.lower().replace("_", "-"), shown, values, rng, raw)
    labels = {"classlabels_int64s": [0, 1, 2]}
    classes = random_trees(rng, 9, 3, MODES, some, kind="class")
    raw = graph(classifier, TensorProto.FLOAT, 3, **classes, **labels, base_values=[0.1, 0.2, 0.3])
    shown = graph(classifier, TensorProto.FLOAT, 3, **classes, **labels, base_values=[0.1, 0.2, 0.3], post_transform="SOFTMAX")
    write_case(folder, "classes", shown, values, rng, raw)
    write_case(folder, "integers", graph(classifier, TensorProto.INT64, 3, **classes, **labels), values, rng)
    two = {"classlabels_int64s": [0, 1]}
    both = random_trees(rng, 6, 2, MODES, some, kind="class", every=True)
    raw = graph(classifier, TensorProto.FLOAT, 2, **both, **two)
    write_case(folder, "both-classes", graph(classifier, TensorProto.FLOAT, 2, **both, **two, post_transform="SOFTMAX"), values, rng, raw)
    positive = random_trees(rng, 6, 1, MODES, some, kind="class", positive=True)
    mixed = random_trees(rng, 6, 1, MODES, some, kind="class")
    for name, trees, more in [
        ("pair-positive", positive, {}), ("pair-scores", mixed, {}), ("pair-logistic", mixed, {"post_transform": "LOGISTIC"}),
        ("pair-base", mixed, {"post_transform": "LOGISTIC", "base_values": [0.4]}),
    ]:  # fmt: skip
        base = {"base_values": more["base_values"]} if "base_values" in more else {}
        twin = {**{key.replace("class_", "target_"): value for key, value in trees.items()}, **base}
        raw = graph(regressor, TensorProto.FLOAT, 1, **twin, n_targets=1)
        write_case(folder, name, graph(classifier, TensorProto.FLOAT, 2, **trees, **two, **more), values, rng, raw)
    for name, more in [("max", {"aggregate_function": "MAX"}), ("probit", {"post_transform": "PROBIT"})]:
        model = graph(regressor, TensorProto.FLOAT, 1, **random_trees(rng, 2, 1, MODES, some), n_targets=1, **more)
        if name == "max":
            write_case(folder, name, model, values, np.random.default_rng(402))
        else:
            (folder / f"onnx-{name}.onnx").write_bytes(model.SerializeToString())


def converted(folder, rng, values, label):
    """What the usual converters write."""
    full = np.nan_to_num(values)
    classes = np.digitize(label, [0.0, 1.5])
    opset = {"": 15, "ai.onnx.ml": 3}
    small = {"n_estimators": 5, "max_depth": 3, "random_state": 1}
    kinds = [
        ("forest", RandomForestRegressor(**small).fit(full, label)),
        ("boosting", GradientBoostingRegressor(**small).fit(full, label)),
        ("tree", DecisionTreeRegressor(max_depth=3).fit(full, label)),
        ("forest-targets", RandomForestRegressor(**small).fit(full, np.stack([label, -label], axis=1))),
    ]
    for name, model in kinds:
        write_case(folder, "sklearn-" + name, to_onnx(model, full[:1], target_opset=opset), full, rng)
    for name, target in [("classes", classes), ("two-classes", (label > 0).astype(int))]:
        model = to_onnx(RandomForestClassifier(**small).fit(full, target), full[:1], target_opset=opset, options={"zipmap": True})
        write_case(folder, "sklearn-" + name, model, full, rng)
    extra = ExtraTreesClassifier(**small).fit(full, [["a", "b", "c"][k] for k in classes])
    write_case(folder, "sklearn-strings", to_onnx(extra, full[:1], target_opset=opset, options={"zipmap": False}), full, rng)
    import onnxmltools
    import xgboost as xgb
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats

    types = [("X", Floats([None, 5]))]
    params = {"n_estimators": 5, "num_leaves": 6, "verbose": -1}
    for name, model in [
        ("lightgbm", lgb.LGBMRegressor(**params).fit(values, label)),
        ("lightgbm-two-classes", lgb.LGBMClassifier(**params).fit(values, (label > 0).astype(int))),
        ("lightgbm-classes", lgb.LGBMClassifier(**{**params, "n_estimators": 2}).fit(values, classes)),
    ]:
        write_case(folder, name, onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=15), values, rng)
    for name, model in [
        ("xgboost", xgb.XGBRegressor(n_estimators=5, max_depth=3, base_score=0.5).fit(values, label)),
        ("xgboost-two-classes", xgb.XGBClassifier(n_estimators=5, max_depth=3, base_score=0.5).fit(values, (label > 0).astype(int))),
    ]:
        write_case(folder, name, onnxmltools.convert_xgboost(model, initial_types=types, target_opset=15), values, rng)


if __name__ == "__main__":
    generator = np.random.default_rng(401)
    features, labels = answers.data(generator)
    made_by_hand(Path(sys.argv[1]), generator, features)
    converted(Path(sys.argv[1]), generator, features, labels)
