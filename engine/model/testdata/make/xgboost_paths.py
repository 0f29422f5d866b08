"""Path attributions of XGBoost (approx_contribs) for models that are there: python xgboost_paths.py ../formats"""

import sys
from pathlib import Path

import answers
import numpy as np
import xgboost as xgb

NAMES = ["logistic", "gamma", "softprob", "labels", "parallel-classes", "dart", "dart-classes", "categories-sets"]


def rows_of(path):
    """The rows of a file of expected answers that a DMatrix takes: without infinities."""
    header, rest = path.read_bytes().split(b"\n", 1)
    count, features = (int(word) for word in header.split()[2:4])
    made = np.frombuffer(rest, "<f4", count * features).reshape(count, features)
    return made[~np.isinf(made).any(axis=1)]


def write_case(folder, path):
    """Rows, margins and contributions; no outputs."""
    booster = xgb.Booster({"nthread": 1}, model_file=path)
    rows = rows_of(path.with_suffix(".expect"))
    options = {"feature_types": booster.feature_types, "enable_categorical": True}
    matrix = xgb.DMatrix(rows, nthread=1, feature_names=booster.feature_names, **options)
    margins = booster.predict(matrix, output_margin=True)
    contributions = booster.predict(matrix, pred_contribs=True, approx_contribs=True)
    outputs = np.zeros((len(rows), 0), np.float32)
    answers.write(folder / (path.stem + "-paths.expect"), rows, margins, outputs, contributions)


if __name__ == "__main__":
    for name in NAMES:
        (model,) = (p for p in Path(sys.argv[1]).glob(f"xgboost-{name}.*") if p.suffix != ".expect")
        write_case(Path(sys.argv[1]), model)
