"""Trains the models that bench/trees measures, and records what the libraries answer.

    python make_models.py FOLDER [THREADS]

Two tables of 200,000 rows: `ads` has ten features like those of apps/ads (hours, tiers, flags and three
continuous scores); `wide` has twenty continuous features with one value in fifty missing. On each:
XGBoost 100x6, 500x6 and 1000x8, LightGBM 500x31 and 500x63. Per table 20,000 further rows, all different:
`TABLE.rows.f32` and `.f64` (little-endian, row by row), and per model `MODEL.margins.f32` or `.f64`.
The values of a row are f32 numbers in both files. Files that are there already stay.
"""
import os
import sys
from pathlib import Path

import lightgbm
import numpy as np
import xgboost

ROWS, VARIED = 200_000, 20_000


def ads(random, rows):
    """Ten features: three continuous, the others of few values."""
    device = random.integers(0, 4, rows)
    hour = random.integers(0, 24, rows)
    day = random.integers(0, 7, rows)
    x = np.column_stack([
        hour, day, day >= 5, random.integers(1, 5, rows), device, random.integers(0, 2, rows),
        random.beta(2, 3, rows), random.normal(100, 25, rows), random.gamma(2, 0.02, rows), (hour >= 17) & (hour < 22),
    ]).astype(np.float32)
    signal = np.sin(hour / 4) + x[:, 6] * 3 + np.log1p(x[:, 8] * 40) * (device + 1) + x[:, 7] / 50 * (x[:, 3] < 3)
    return x, signal + random.normal(0, 0.5, rows)


def wide(random, rows):
    """Twenty continuous features, two in a hundred values missing."""
    x = random.normal(0, 1, (rows, 20)).astype(np.float32)
    signal = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + np.abs(x[:, 3:12]).sum(axis=1) / 3 + x[:, 12:] @ np.arange(8) / 20
    x[random.random(x.shape) < 0.02] = np.nan
    return x, signal + random.normal(0, 0.5, rows)


def write(path, write_to):
    """A file is there whole or not at all."""
    half = path.with_name("half-" + path.name)
    write_to(half)
    os.replace(half, path)


def train_xgboost(x, y, rows, shape, threads):
    trees, depth = shape
    parameters = dict(max_depth=depth, eta=0.1, tree_method="hist", nthread=threads, seed=1)
    model = xgboost.train(parameters, xgboost.DMatrix(x, y), trees)
    return model, model.predict(xgboost.DMatrix(rows), output_margin=True).astype("<f4")


def train_lightgbm(x, y, rows, shape, threads):
    trees, leaves = shape
    parameters = dict(objective="regression", num_leaves=leaves, learning_rate=0.1, num_threads=threads,
                      seed=1, verbose=-1, deterministic=True)
    model = lightgbm.train(parameters, lightgbm.Dataset(x.astype(np.float64), y), trees)
    return model, model.predict(rows.astype(np.float64), raw_score=True).astype("<f8")


MODELS = [
    ("xgb", "ubj", "f32", train_xgboost, [(100, 6), (500, 6), (1000, 8)]),
    ("lgb", "txt", "f64", train_lightgbm, [(500, 31), (500, 63)]),
]


def make_table(folder, table, make, threads):
    rows, _ = make(np.random.default_rng(2), VARIED)
    assert len(np.unique(rows, axis=0)) == VARIED
    for ending in ["f32", "f64"]:
        path = folder / f"{table}.rows.{ending}"
        if not path.exists():
            write(path, rows.astype("<" + ending.replace("f32", "f4").replace("f64", "f8")).tofile)
    x = None
    for library, ending, numbers, train, shapes in MODELS:
        for shape in shapes:
            stem = f"{table}-{library}-{shape[0]}x{shape[1]}"
            file, margins = folder / f"{stem}.{ending}", folder / f"{stem}.margins.{numbers}"
            if file.exists() and margins.exists():
                continue
            if x is None:
                x, y = make(np.random.default_rng(1), ROWS)
            model, answers = train(x, y, rows, shape, threads)
            write(margins, answers.tofile)
            write(file, model.save_model)
            print(stem, flush=True)


def main():
    folder, threads = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for table, make in [("ads", ads), ("wide", wide)]:
        make_table(folder, table, make, threads)


if __name__ == "__main__":
    main()
