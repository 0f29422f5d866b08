"""Models of CatBoost and what it answers for them: python catboost_cases.py ../formats"""

import json
import sys
from pathlib import Path

import catboost as cb
import answers
import numpy as np

COMMON = {"iterations": 8, "depth": 3, "verbose": 0, "thread_count": 1, "random_seed": 17, "allow_writing_files": False}


def shrink(path):
    """Drops what says how the model was trained: it is not read and is most of the file."""
    model = json.loads(path.read_text())
    loss = model["model_info"]["params"]["loss_function"]
    model["model_info"] = {"params": {"loss_function": loss}}
    path.write_text(json.dumps(model, separators=(",", ":")))
    return model


def write_case(folder, name, model, values, rng, kind=None, has_nan=True):
    path = folder / f"catboost-{name}.json"
    model.save_model(path, format="json")
    saved = shrink(path)
    found = {}
    for feature in saved["features_info"]["float_features"]:
        found[feature["flat_feature_index"]] = [np.float32(border) for border in feature["borders"]]
    # Not loaded back: CatBoost's own reader of JSON misses the last bit of some leaves, the file has it.
    made = answers.rows(rng, values, found)
    if not has_nan:
        made = np.nan_to_num(made, nan=0.25, posinf=np.inf, neginf=-np.inf)
    margins = np.asarray(model.predict(made, prediction_type="RawFormulaVal"), dtype=np.float64)
    outputs = np.asarray(model.predict(made, prediction_type=kind), dtype=np.float64) if kind else margins
    if kind == "Probability" and margins.ndim == 1:
        outputs = outputs[:, 1]
    for row, margin in zip(made[:20], margins):
        assert np.array_equal(model.predict(row[None], prediction_type="RawFormulaVal")[0], margin), name
    answers.write(path.with_suffix(".expect"), made, margins, outputs)


def main(folder):
    rng = np.random.default_rng(301)
    values, label = answers.data(rng)
    sign = (label > 0).astype(int)
    classes = np.digitize(label, [0.0, 1.5])
    positive = np.exp(label * 0.3)
    targets = np.stack([label, -label], axis=1)
    full = np.nan_to_num(values)

    def fit(target, features=values, **params):
        return cb.CatBoost({**COMMON, **params}).fit(features, target)

    write_case(folder, "rmse", fit(label, loss_function="RMSE"), values, rng)
    write_case(folder, "nan-max", fit(label, loss_function="RMSE", nan_mode="Max"), values, rng)
    write_case(folder, "nan-unseen", fit(label, full, loss_function="RMSE"), full, rng, has_nan=False)
    write_case(folder, "logloss", fit(sign, loss_function="Logloss"), values, rng, "Probability")
    write_case(folder, "crossentropy", fit(sign * 0.8, loss_function="CrossEntropy"), values, rng, "Probability")
    write_case(folder, "multiclass", fit(classes, loss_function="MultiClass"), values, rng, "Probability")
    write_case(folder, "poisson", fit(positive, loss_function="Poisson"), values, rng, "Exponent")
    write_case(folder, "quantile", fit(label, loss_function="Quantile:alpha=0.7"), values, rng)
    write_case(folder, "multirmse", fit(targets, loss_function="MultiRMSE"), values, rng)
    write_case(folder, "lossguide", fit(label, grow_policy="Lossguide", max_leaves=6), values, rng)
    write_case(folder, "depthwise", fit(classes, grow_policy="Depthwise", loss_function="MultiClass"), values, rng, "Probability")
    names = cb.Pool(values, label, feature_names=["a", "b", "c", "d", "e"])
    named = cb.CatBoost({**COMMON, "iterations": 2}).fit(names)
    scaled = cb.CatBoost({**COMMON, "iterations": 2}).fit(names)
    scaled.set_scale_and_bias(0.7, 0.3)
    write_case(folder, "names", named, values, rng)
    write_case(folder, "scale-and-bias", scaled, values, rng)

    codes = [[str(int(row)), float(value)] for row, value in zip(rng.integers(0, 9, 600), full[:, 0])]
    for name, size in [("ctr", 2), ("one-hot", 50)]:
        params = {**COMMON, "iterations": 2, "one_hot_max_size": size}
        model = cb.CatBoost({**params, "loss_function": "Logloss"}).fit(cb.Pool(codes, sign, cat_features=[0]))
        path = folder / f"catboost-{name}.json"
        model.save_model(path, format="json", pool=cb.Pool(codes, sign, cat_features=[0]))
        shrink(path)
    binary = fit(label, iterations=1, depth=1)
    binary.save_model(folder / "catboost-binary.cbm", format="cbm")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
