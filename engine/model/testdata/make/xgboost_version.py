"""Layouts that only one version of XGBoost writes: python xgboost_version.py ../formats, with that version installed."""

import json
import sys
from pathlib import Path

import answers
import numpy as np
import xgboost as xgb


def write_case(folder, name, params, label, values, rng):
    version = ".".join(xgb.__version__.split(".")[:2])
    matrix = xgb.DMatrix(values, label=label, nthread=1)
    common_params = {"nthread": 1, "seed": 17, "max_depth": 3, "tree_method": "hist"}
    booster = xgb.train({**common_params, **params}, matrix, 4)
    path = folder / f"xgboost-{version}-{name}.json"
    booster.save_model(path)
    if name == "vector" and version == "2.1":
        # Its JSON holds NaN, which is not JSON.
        booster.save_model(path.with_suffix(".ubj"))
    booster = xgb.Booster({"nthread": 1}, model_file=path)
    found = {}
    inner = json.loads(path.read_text())["learner"]["gradient_booster"]
    for tree in inner.get("gbtree", inner)["model"]["trees"]:
        for left, feature, value in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left != -1:
                found.setdefault(feature, []).append(np.float32(value))
    made = answers.rows(rng, values, found, count=24, infinite=False)
    matrix = xgb.DMatrix(made, nthread=1)
    answers.write(path.with_suffix(".expect"), made, booster.predict(matrix, output_margin=True), booster.predict(matrix))


if __name__ == "__main__":
    rng = np.random.default_rng(103)
    values, label = answers.data(rng)
    folder = Path(sys.argv[1])
    write_case(folder, "vector", {"multi_strategy": "multi_output_tree"}, np.stack([label, -label], axis=1), values, rng)
    write_case(folder, "dart", {"booster": "dart", "rate_drop": 0.5}, label, values, rng)
    if xgb.__version__.startswith("3.4"):
        positive, classes = np.exp(label * 0.3), np.digitize(label, [0.0, 1.5])
        cases = [
            ("expectileerror", label, {"objective": "reg:expectileerror", "expectile_alpha": [0.2]}),
            ("expectiles", label, {"objective": "reg:expectileerror", "expectile_alpha": [0.2, 0.8]}),
            ("quantiles", label, {"objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.8]}),
            ("softprob", classes, {"objective": "multi:softprob", "num_class": 3}),
            ("logitraw", label > 0, {"objective": "binary:logitraw"}),
            ("hinge", label > 0, {"objective": "binary:hinge"}),
            ("logistic", label > 0, {"objective": "binary:logistic"}),
            ("tweedie", positive, {"objective": "reg:tweedie"}),
        ]
        for name, target, params in cases:
            write_case(folder, name, params, target, values, rng)
