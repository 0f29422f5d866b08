"""Rows and models on which engine/model must agree with XGBoost bit for bit, and models it must refuse.

Called by train.py. The files are described in engine/model/testdata/README.md.
"""

import json

import numpy as np
import xgboost as xgb

FLOAT = np.finfo(np.float32)
SPECIAL = np.array(
    [
        0.0, -0.0, np.inf, -np.inf, FLOAT.max, FLOAT.min, FLOAT.tiny, -FLOAT.tiny,
        FLOAT.smallest_subnormal, -FLOAT.smallest_subnormal, 1e-40, -1e-40, np.nan,
    ],
    dtype=np.float32,
)  # fmt: skip


def thresholds(booster, features):
    """Per feature, the distinct thresholds of all splits."""
    found = [set() for _ in range(features)]
    model = json.loads(booster.save_raw("json"))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        for left, feature, value in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left != -1:
                found[feature].add(np.float32(value))
    return [np.array(sorted(values) or [0.0], dtype=np.float32) for values in found]


def adversarial_rows(booster, real, count, rng):
    """Rows where a wrong comparison, a wrong default direction or a wrong order of addition shows."""
    features = real.shape[1]
    limits = thresholds(booster, features)

    def on_threshold(n):
        return np.stack([rng.choice(values, n) for values in limits], axis=1)

    def blank(rows, share):
        rows = rows.copy()
        rows[rng.random(rows.shape) < share] = np.nan
        return rows

    fifth = count // 5
    beside = on_threshold(fifth)
    direction = rng.choice(np.array([-np.inf, np.inf], dtype=np.float32), beside.shape)
    bits = rng.integers(0, 2**32, (fifth // 2, features), dtype=np.uint32).view(np.float32)
    bits = np.where(np.isnan(bits), np.float32(np.nan), bits)
    special = rng.choice(SPECIAL, (fifth, features))
    mixed = np.where(rng.random(special.shape) < 0.5, special, on_threshold(fifth))
    sparse = blank(real[rng.integers(0, len(real), fifth // 2)], 0.9)
    sparse[0] = np.nan
    parts = [
        blank(real[rng.integers(0, len(real), fifth)], 0.15),
        blank(on_threshold(fifth), 0.05),
        np.nextafter(beside, direction),
        mixed,
        bits,
        sparse,
    ]
    return np.concatenate(parts).astype(np.float32)


def write_case(folder, name, booster, rows):
    """Saves rows and answers. The booster must come from the saved file: saving may round the base score."""
    # DMatrix refuses infinities, inplace_predict takes them.
    margins = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
    predictions = booster.inplace_predict(rows, validate_features=False)
    finite = ~np.isinf(rows).any(axis=1)
    matrix = xgb.DMatrix(rows[finite], feature_names=booster.feature_names, nthread=1)
    through_matrix = booster.predict(matrix, output_margin=True)
    assert np.array_equal(margins[finite].view(np.uint32), through_matrix.view(np.uint32)), name
    assert np.isfinite(margins).all(), name
    rows.astype("<f4").tofile(folder / f"{name}.rows.f32")
    margins.astype("<f4").tofile(folder / f"{name}.margins.f32")
    if not np.array_equal(margins.view(np.uint32), predictions.view(np.uint32)):
        predictions.astype("<f4").tofile(folder / f"{name}.predictions.f32")


def save(booster, *paths):
    """Saves a model and loads it back."""
    for path in paths:
        booster.save_model(path)
    return xgb.Booster({"nthread": 1}, model_file=paths[0])


def small_data(rng, rows=2_000, features=8):
    values = rng.normal(size=(rows, features)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    known = np.nan_to_num(values)
    label = known[:, 0] * 2 + np.abs(known[:, 1]) * known[:, 2] + np.isnan(values[:, 2])
    label += rng.normal(size=rows) * 0.1
    return values, label.astype(np.float32)


def write_small(folder, rng):
    """Small models of other shapes: other tree methods, boosted forests, pruned nodes, links."""
    values, label = small_data(rng)
    positive = np.exp(label * 0.3).round()
    names = [f"f{index}" for index in range(values.shape[1])]
    common = {"nthread": 1, "seed": 11, "objective": "reg:squarederror"}
    leafwise = {"tree_method": "hist", "grow_policy": "lossguide", "max_depth": 0, "max_leaves": 16}
    pruned = {"tree_method": "exact", "max_depth": 4, "gamma": 20.0, "num_parallel_tree": 2, "subsample": 0.7}
    shallow = {"tree_method": "hist", "max_depth": 3}
    cases = [
        ("lossguide", leafwise, label, 20, ["ubj", "json"]),
        ("pruned-forest", pruned, label, 10, ["ubj", "json"]),
        ("poisson", {**shallow, "objective": "count:poisson"}, positive, 8, ["ubj"]),
        ("gamma", {**shallow, "objective": "reg:gamma"}, positive + 1, 8, ["ubj"]),
        ("logistic", {**shallow, "objective": "binary:logistic"}, (label > 0).astype(np.float32), 8, ["ubj"]),
        ("base-score", {"max_depth": 2}, label + 100, 2, ["json"]),
    ]
    for name, params, labels, rounds, encodings in cases:
        matrix = xgb.DMatrix(values, label=labels, feature_names=names, nthread=1)
        booster = xgb.train({**common, **params}, matrix, num_boost_round=rounds)
        booster = save(booster, *[folder / f"{name}.{encoding}" for encoding in encodings])
        rows = adversarial_rows(booster, values, 200, rng)
        write_case(folder, name, booster, rows)
        if name == "base-score":
            write_scalar_base_score(folder, booster, rows)


def write_scalar_base_score(folder, booster, rows):
    """The spelling of base_score before XGBoost 3.1: a number, not a list."""
    model = json.loads((folder / "base-score.json").read_text())
    param = model["learner"]["learner_model_param"]
    assert param["base_score"].startswith("["), param
    param["base_score"] = param["base_score"].strip("[]")
    path = folder / "base-score-scalar.json"
    path.write_text(json.dumps(model, separators=(",", ":")))
    again = xgb.Booster({"nthread": 1}, model_file=path)
    assert np.array_equal(
        again.inplace_predict(rows, predict_type="margin", validate_features=False),
        booster.inplace_predict(rows, predict_type="margin", validate_features=False),
    )


def write_refused(folder, rng):
    """One small model of each kind that is not supported."""
    folder.mkdir(exist_ok=True)
    values, label = small_data(rng, rows=300, features=3)
    matrix = xgb.DMatrix(values, label=label, nthread=1)
    booster = xgb.train({"nthread": 1, "seed": 13, "booster": "gblinear"}, matrix, num_boost_round=2)
    booster.save_model(folder / "linear.json")


def write_version_answers(folder):
    """Records what this XGBoost answers for the files that other versions wrote.

    XGBoost 1.0 itself added the base score last, so its own answers differ in the last bit.
    """
    for path in sorted(folder.glob("xgboost-*.json")):
        if path.stem.endswith("-dart"):
            # The pinned version does not read this layout; testdata/formats has one with answers.
            continue
        booster = xgb.Booster({"nthread": 1}, model_file=path)
        rows = np.fromfile(folder / "rows.f32", "<f4").reshape(-1, booster.num_features())
        margins = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
        margins.astype("<f4").tofile(path.with_suffix(".margins.f32"))


def write(folder, booster, real):
    """Writes all fixtures. `booster` is the ads model as loaded from its file, `real` rows of its features."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20250901)
    write_case(folder, "yield", booster, adversarial_rows(booster, real, 10_000, rng))
    write_small(folder, rng)
    write_refused(folder / "refused", rng)
    write_version_answers(folder / "versions")
