"""Trains the models that this benchmark measures, and records what the libraries answer.

    python -m venv env && env/bin/pip install xgboost==3.2.0 lightgbm==4.7.0 numpy scipy
    env/bin/python make_models.py FOLDER [THREADS]

Two tables of 200,000 rows: `ads` has ten features like those of apps/ads (hours, tiers, flags and three
continuous scores); `wide` has twenty continuous features with one value in fifty missing. On each:
XGBoost 100x6, 500x6 and 1000x8, LightGBM 500x31 and 500x63. Per table 20,000 further rows, all different:
`TABLE.rows.f32` and `.f64` (little-endian, row by row), and per model `MODEL.margins.f32` or `.f64`.
The values of a row are f32 numbers in both files.
"""
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


def main():
    folder, threads = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in [("ads", ads), ("wide", wide)]:
        x, y = table(np.random.default_rng(1), ROWS)
        rows, _ = table(np.random.default_rng(2), VARIED)
        rows.astype("<f4").tofile(folder / f"{name}.rows.f32")
        rows.astype("<f8").tofile(folder / f"{name}.rows.f64")
        for trees, depth in [(100, 6), (500, 6), (1000, 8)]:
            parameters = dict(max_depth=depth, eta=0.1, tree_method="hist", nthread=threads, seed=1)
            model = xgboost.train(parameters, xgboost.DMatrix(x, y), trees)
            stem = f"{name}-xgb-{trees}x{depth}"
            model.save_model(folder / f"{stem}.ubj")
            model.predict(xgboost.DMatrix(rows), output_margin=True).astype("<f4").tofile(folder / f"{stem}.margins.f32")
            print(stem, flush=True)
        for leaves in [31, 63]:
            parameters = dict(objective="regression", num_leaves=leaves, learning_rate=0.1, num_threads=threads,
                              seed=1, verbose=-1, deterministic=True)
            model = lightgbm.train(parameters, lightgbm.Dataset(x.astype(np.float64), y), 500)
            stem = f"{name}-lgb-500x{leaves}"
            model.save_model(folder / f"{stem}.txt")
            model.predict(rows.astype(np.float64), raw_score=True).astype("<f8").tofile(folder / f"{stem}.margins.f64")
            print(stem, flush=True)


main()
