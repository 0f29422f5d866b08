"""Writes one small model and its rows with the installed XGBoost, whichever version that is.

    python apps/ads/train/versions.py engine/model/testdata/versions

engine/model/testdata/README.md lists the versions kept there. Run it with a release that changes the file format,
then run train.py, which records the answers. Keep the old files: they must always load.
"""

import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

FEATURES = ["a", "b", "c"]


def data():
    """48 rows of plain arithmetic, so that every version of numpy gives the same."""
    index = np.arange(48)
    values = np.stack([index * 37 % 48, index * 29 % 47 / 4 - 5, index * 11 % 13 * 0.1], axis=1).astype(np.float32)
    values[index % 5 == 2, 1] = np.nan
    values[index % 7 == 3, 2] = np.nan
    label = values[:, 0] * 0.3 + np.nan_to_num(values[:, 1]) ** 2 * 0.1 + np.isnan(values[:, 2])
    return values, label.astype(np.float32)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    version = tuple(int(part) for part in xgb.__version__.split(".")[:2])
    values, label = data()
    params = {"nthread": 1, "seed": 1, "max_depth": 3, "tree_method": "exact"}
    cases = [("", params)]
    if version >= (3, 4):
        # Dropout weights moved in this release.
        cases.append(("-dart", {**params, "rate_drop": 0.5}))
    for suffix, params in cases:
        named = xgb.DMatrix(values, label=label, feature_names=FEATURES)
        booster = xgb.train(params, named, num_boost_round=3)
        name = f"xgboost-{version[0]}.{version[1]}{suffix}"
        for encoding in ["json", "ubj"] if version >= (1, 6) else ["json"]:
            booster.save_model(str(folder / f"{name}.{encoding}"))
        if version in [(1, 0), (1, 7)]:
            # The binary format, without and with its magic bytes.
            booster.save_model(str(folder / f"{name}.bin"))
    values.astype("<f4").tofile(str(folder / "rows.f32"))


if __name__ == "__main__":
    main()
