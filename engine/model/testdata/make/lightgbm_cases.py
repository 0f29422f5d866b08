"""Models of LightGBM and what it answers for them: python lightgbm_cases.py ../formats"""

import sys
from pathlib import Path

import answers
import lightgbm as lgb
import numpy as np

COMMON = {"num_leaves": 7, "verbose": -1, "num_threads": 1, "seed": 17, "deterministic": True, "min_data_in_leaf": 10}


def thresholds(booster):
    """Per feature the thresholds of numerical splits."""
    found = {}

    def walk(node):
        if "split_feature" in node:
            if node["decision_type"] == "<=":
                found.setdefault(node["split_feature"], []).append(node["threshold"])
            walk(node["left_child"])
            walk(node["right_child"])

    for tree in booster.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    return found


def write_case(folder, name, booster, values, rng, categorical=(), infinite=True, explain=True):
    """Saves the model, loads it back and records its answers."""
    path = folder / f"lightgbm-{name}.txt"
    booster.save_model(path)
    # The list of parameters is not read and would be half of the file.
    text = path.read_text()
    start, end = text.index("\nparameters:\n"), text.index("\nend of parameters\n")
    path.write_text(text[: start + 1] + text[end + len("\nend of parameters\n") :])
    booster = lgb.Booster(model_file=path, params={"num_threads": 1})
    made = answers.rows(rng, values, thresholds(booster), np.float64, categorical=categorical, infinite=infinite)
    if not infinite:
        made[np.abs(made) > 1e30] = np.nan
    contributions = None
    if explain:
        made[: answers.CONTRIBUTION_ROWS] = values[: answers.CONTRIBUTION_ROWS]
        contributions = booster.predict(made[: answers.CONTRIBUTION_ROWS], pred_contrib=True)
    margins, outputs = booster.predict(made, raw_score=True), booster.predict(made)
    for row, margin in zip(made, margins):
        assert np.array_equal(booster.predict(row[None], raw_score=True)[0], margin), name
    answers.write(path.with_suffix(".expect"), made, margins, outputs, contributions)


def main(folder):
    rng = np.random.default_rng(201)
    values, label = answers.data(rng)
    values, label = values.astype(np.float64), label.astype(np.float64)
    values[rng.random(values.shape) < 0.1] = 0.0
    positive = np.exp(label * 0.3)
    sign = (label > 0).astype(np.float64)
    share = 1 / (1 + np.exp(-label))
    classes = np.digitize(label, [0.0, 1.5])
    relevance = np.digitize(label, [0.0, 1.5, 3.0])

    def train(objective, target, rounds=5, group=None, features=values, categorical="auto", **params):
        options = {**COMMON, "objective": objective, **params}
        data = lgb.Dataset(features, label=target, group=group, categorical_feature=categorical, params=options)
        return lgb.train(options, data, rounds)

    simple = [
        ("regression", label, {}), ("regression_l1", label, {}), ("huber", label, {}), ("fair", label, {}),
        ("quantile", label, {"alpha": 0.7}), ("mape", positive, {}), ("poisson", positive, {}),
        ("gamma", positive, {}), ("tweedie", positive, {}), ("binary", sign, {"sigmoid": 0.7}),
        ("cross_entropy", share, {}), ("cross_entropy_lambda", share, {}),
    ]  # fmt: skip
    for objective, target, params in simple:
        write_case(folder, objective, train(objective, target, **params), values, rng)
    write_case(folder, "sqrt", train("regression", positive, reg_sqrt=True), values, rng)
    for objective in ("lambdarank", "rank_xendcg"):
        write_case(folder, objective, train(objective, relevance, group=[60] * 10), values, rng)
    for objective in ("multiclass", "multiclassova"):
        write_case(folder, objective, train(objective, classes, 3, num_class=3), values, rng)
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    write_case(folder, "rf", train("regression", label, **forest), values, rng, explain=False)
    write_case(folder, "rf-binary", train("binary", sign, **forest), values, rng, explain=False)
    write_case(folder, "rf-classes", train("multiclass", classes, num_class=3, **forest), values, rng, explain=False)
    write_case(folder, "dart", train("regression", label, 12, boosting="dart", drop_rate=0.4), values, rng)
    write_case(folder, "goss", train("regression", label, data_sample_strategy="goss"), values, rng)
    write_case(folder, "zero-as-missing", train("regression", label, zero_as_missing=True), values, rng)
    write_case(folder, "no-missing", train("regression", label, use_missing=False), values, rng)
    full = np.nan_to_num(values)
    write_case(folder, "never-missing", train("regression", label, features=full), full, rng)
    linear = train("regression", label, linear_tree=True)
    write_case(folder, "linear", linear, values, rng, infinite=False, explain=False)
    lonely = train("regression", label, 2, min_data_in_leaf=10_000)
    write_case(folder, "one-leaf", lonely, values, rng, explain=False)

    codes = values.copy()
    codes[:, 0], codes[:, 1] = rng.integers(0, 6, len(codes)), rng.integers(0, 70, len(codes))
    codes[rng.random(len(codes)) < 0.1, 1] = np.nan
    target = label + np.sin(codes[:, 0] * 3) * 3 + np.cos(np.nan_to_num(codes[:, 1]) * 7) * 3
    options = {"min_data_per_group": 1, "cat_smooth": 1, "max_cat_to_onehot": 4}
    booster = train("regression", target, 6, features=codes, categorical=[0, 1], **options)
    write_case(folder, "categories", booster, codes, rng, categorical=(0, 1))

    def own(predictions, data):
        return predictions - data.get_label(), np.ones_like(predictions)

    write_case(folder, "custom", train(own, label), values, rng)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
