"""Models of XGBoost and what it answers for them: python xgboost_cases.py ../formats"""

import json
import sys
from pathlib import Path

import answers
import numpy as np
import xgboost as xgb

COMMON = {"nthread": 1, "seed": 17, "max_depth": 3, "tree_method": "hist"}


def thresholds(path):
    """Per feature the thresholds of a saved JSON model."""
    booster = json.loads(path.read_text())["learner"]["gradient_booster"]
    booster = booster.get("gbtree", booster)
    found = {}
    for tree in booster["model"]["trees"]:
        types = tree["split_type"]
        for node, (left, feature) in enumerate(zip(tree["left_children"], tree["split_indices"])):
            if left != -1 and types[node] == 0:
                found.setdefault(feature, []).append(np.float32(tree["split_conditions"][node]))
    return found


def write_case(folder, name, booster, values, rng, categorical=(), encoding="ubj", by_matrix=False, explain=True):
    """Saves the model, loads it back and records its answers; by_matrix: only rows that a DMatrix takes."""
    path = folder / f"xgboost-{name}.{encoding}"
    other = folder / "temporary.json"
    booster.save_model(path)
    booster = xgb.Booster({"nthread": 1}, model_file=path)
    booster.save_model(other)
    made = answers.rows(rng, values, thresholds(other), categorical=categorical, infinite=not by_matrix)
    other.unlink()
    finite = ~np.isinf(made).any(axis=1)
    types = booster.feature_types
    options = {"feature_types": types, "enable_categorical": True} if categorical else {}
    matrix = xgb.DMatrix(made[finite], nthread=1, feature_names=booster.feature_names, **options)
    through = booster.predict(matrix, output_margin=True)
    if by_matrix:
        margins, outputs = through, booster.predict(matrix)
    else:
        margins = booster.inplace_predict(made, predict_type="margin", validate_features=False)
        outputs = booster.inplace_predict(made, validate_features=False)
        assert np.array_equal(margins[finite].view(np.uint32), through.view(np.uint32)), name
    contributions = None
    if explain:
        real = xgb.DMatrix(values[: answers.CONTRIBUTION_ROWS], nthread=1, feature_names=booster.feature_names, **options)
        contributions = booster.predict(real, pred_contribs=True)
        made[: answers.CONTRIBUTION_ROWS] = values[: answers.CONTRIBUTION_ROWS]
        if by_matrix:
            margins[: answers.CONTRIBUTION_ROWS] = booster.predict(real, output_margin=True)
            outputs[: answers.CONTRIBUTION_ROWS] = booster.predict(real)
        else:
            margins = booster.inplace_predict(made, predict_type="margin", validate_features=False)
            outputs = booster.inplace_predict(made, validate_features=False)
    answers.write(path.with_suffix(".expect"), made, margins, outputs, contributions)


def objectives(folder, rng):
    """One model per objective."""
    values, label = answers.data(rng)
    positive = np.exp(label * 0.3)
    sign = (label > 0).astype(np.float32)
    classes = np.digitize(label, [0.0, 1.5]).astype(np.float32)
    relevance = np.digitize(label, [0.0, 1.5, 3.0]).astype(np.float32)
    cases = [
        ("squaredlogerror", "reg:squaredlogerror", positive, {}),
        ("pseudohubererror", "reg:pseudohubererror", label, {}),
        ("absoluteerror", "reg:absoluteerror", label, {}),
        ("quantileerror", "reg:quantileerror", label, {"quantile_alpha": [0.1, 0.5, 0.9]}),
        ("gamma", "reg:gamma", positive, {}),
        ("tweedie", "reg:tweedie", positive, {}),
        ("poisson", "count:poisson", positive.round(), {}),
        ("reg-logistic", "reg:logistic", sign, {}),
        ("logistic", "binary:logistic", sign, {}),
        ("logitraw", "binary:logitraw", sign, {"base_score": 0.25}),
        ("hinge", "binary:hinge", sign, {}),
        ("softprob", "multi:softprob", classes, {"num_class": 3}),
        ("softmax", "multi:softmax", classes, {"num_class": 3}),
        ("pairwise", "rank:pairwise", relevance, {}),
        ("ndcg", "rank:ndcg", relevance, {}),
        ("map", "rank:map", sign, {}),
        ("cox", "survival:cox", positive, {"base_score": 0.7}),
        ("aft", "survival:aft", positive, {"base_score": 2.0}),
    ]
    for name, objective, target, params in cases:
        matrix = xgb.DMatrix(values, label=target, nthread=1)
        if objective == "survival:aft":
            matrix = xgb.DMatrix(values, label_lower_bound=target, label_upper_bound=target * 2, nthread=1)
        if objective.startswith("rank:"):
            matrix.set_group([60] * 10)
        booster = xgb.train({**COMMON, "objective": objective, **params}, matrix, 4)
        write_case(folder, name, booster, values, rng)


def shapes(folder, rng):
    """Shapes of forests: targets, vector leaves, parallel trees, dropout, categories, early stopping."""
    values, label = answers.data(rng)
    sign = (label > 0).astype(np.float32)
    targets = np.stack([label, -label, np.abs(label)], axis=1)
    classes = np.digitize(label, [0.0, 1.5]).astype(np.float32)

    def train(target, rounds=4, **params):
        matrix = xgb.DMatrix(values, label=target, nthread=1)
        return xgb.train({**COMMON, "objective": "reg:squarederror", **params}, matrix, rounds)

    write_case(folder, "targets", train(targets), values, rng)
    labels = (targets > 0).astype(np.float32)
    write_case(folder, "labels", train(labels, objective="binary:logistic"), values, rng)
    vector = {"multi_strategy": "multi_output_tree"}
    write_case(folder, "vector", train(targets, **vector), values, rng, explain=False)
    vector_classes = train(classes, objective="multi:softprob", num_class=3, **vector)
    write_case(folder, "vector-classes", vector_classes, values, rng, encoding="json", explain=False)
    write_case(folder, "parallel", train(label, 3, num_parallel_tree=3, subsample=0.7), values, rng)
    parallel = train(classes, 2, num_parallel_tree=2, subsample=0.7, objective="multi:softprob", num_class=3)
    write_case(folder, "parallel-classes", parallel, values, rng)
    write_case(folder, "approx", train(label, tree_method="approx", max_depth=4), values, rng)
    dart = {"booster": "dart", "rate_drop": 0.4}
    write_case(folder, "dart", train(label, 12, **dart), values, rng, by_matrix=True)
    dart_sign = train(sign, 8, objective="binary:logistic", **dart)
    write_case(folder, "dart-logistic", dart_sign, values, rng, encoding="json", by_matrix=True)
    dart_classes = train(classes, 6, objective="multi:softprob", num_class=3, **dart)
    write_case(folder, "dart-classes", dart_classes, values, rng, by_matrix=True)
    linear = train(label, booster="gblinear", tree_method="auto")
    linear.save_model(folder / "xgboost-linear.json")
    categories(folder, values, label, rng)
    early_stopping(folder, values, label, rng)


def categories(folder, values, label, rng):
    """Native categorical splits: one category against the rest, and sets."""
    codes = values.copy()
    codes[:, 0] = rng.integers(0, 6, len(codes))
    codes[:, 1] = rng.integers(0, 70, len(codes))
    target = label + np.sin(codes[:, 0] * 3) * 3 + np.cos(codes[:, 1] * 7) * 3
    types = ["c", "c", "q", "q", "q"]
    for name, onehot in [("categories-onehot", 100), ("categories-sets", 1)]:
        matrix = xgb.DMatrix(codes, label=target, nthread=1, feature_types=types, enable_categorical=True)
        params = {**COMMON, "objective": "reg:squarederror", "max_cat_to_onehot": onehot}
        booster = xgb.train(params, matrix, 8)
        write_case(folder, name, booster, codes, rng, categorical=(0, 1), explain=name == "categories-sets")


def early_stopping(folder, values, label, rng):
    """A model that says which of its rounds was best; the answers are those of the slice."""
    half = len(values) // 2
    first = xgb.DMatrix(values[:half], label=label[:half], nthread=1)
    rest = xgb.DMatrix(values[half:], label=label[half:] + rng.normal(size=half) * 3, nthread=1)
    params = {**COMMON, "objective": "reg:squarederror", "max_depth": 4, "learning_rate": 0.6, "num_parallel_tree": 2}
    booster = xgb.train(params, first, 30, evals=[(rest, "rest")], early_stopping_rounds=3, verbose_eval=False)
    path = folder / "xgboost-best.ubj"
    booster.save_model(path)
    booster = xgb.Booster({"nthread": 1}, model_file=path)
    best = int(booster.attr("best_iteration"))
    assert best + 1 < booster.num_boosted_rounds()
    made = answers.rows(rng, values, {}, count=24)
    whole = booster.inplace_predict(made, predict_type="margin")
    answers.write(path.with_suffix(".expect"), made, whole, whole)
    part = booster.inplace_predict(made, predict_type="margin", iteration_range=(0, best + 1))
    answers.write(folder / "xgboost-best-slice.expect", made, part, part)


if __name__ == "__main__":
    target_folder = Path(sys.argv[1])
    objectives(target_folder, np.random.default_rng(101))
    shapes(target_folder, np.random.default_rng(102))
