"""Trains the ads model (yield.ubj: expected CPM in EUR) and writes the engine's exactness fixtures.

From the repository's root, with the packages of requirements.txt installed:

    vencejo gen ads --rows 200000 --seed 7 | python apps/ads/train/train.py

The same input gives the same files, byte for byte. The newest fifth of the rows is held out: it is neither
trained on nor used to choose anything, and its RMSE must stay below RMSE_EUR_MAX. With --model-only the fixtures
stay as they are.
"""

import argparse
import csv
import platform
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

import fixtures

ROOT = Path(__file__).resolve().parents[3]

# The order is the row's layout: apps/ads/app.sql gives the inputs in the same one.
FEATURES = [
    "hour_of_day",
    "day_of_week",
    "is_weekend",
    "country_tier",
    "device_category_encoded",
    "is_eu",
    "user_engagement_score",
    "device_performance_score",
    "historical_ctr_avg",
    "is_prime_time",
]
# What a decision assumes where an input is missing. No other column may be empty.
DEFAULTS = {
    "user_engagement_score": 0.5,
    "device_performance_score": 100.0,
    "historical_ctr_avg": 0.02,
}
LABEL = "cpm"

HOLD_OUT_SHARE = 0.2
RMSE_EUR_MAX = 0.45
MODEL_BYTES_MAX = 600_000

TREES = 120
PARAMS = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "max_depth": 6,
    "eta": 0.12,
    "min_child_weight": 50,
    "nthread": 1,
    "seed": 7,
}


def read_rows(lines):
    """Features (n x 10) and labels (n) as float32, in the order of the input, which is time order."""
    rows, labels, before = [], [], ""
    for row in csv.DictReader(lines):
        if row["ts"] < before:
            sys.exit(f"row {len(rows) + 1}: ts goes back in time; the hold-out needs time order")
        before = row["ts"]
        rows.append([DEFAULTS[name] if row[name] == "" and name in DEFAULTS else row[name] for name in FEATURES])
        labels.append(row[LABEL])
    if len(rows) < 10_000:
        sys.exit(f"{len(rows)} rows are too few; give 10,000 or more")
    return np.array(rows, dtype=np.float32), np.array(labels, dtype=np.float32)


def rmse(predicted, observed):
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - observed) ** 2)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "apps/ads/models/yield.ubj")
    parser.add_argument("--fixtures", type=Path, default=ROOT / "engine/model/testdata")
    parser.add_argument("--model-only", action="store_true", help="write no fixtures")
    args = parser.parse_args()
    print(f"python {platform.python_version()}, xgboost {xgb.__version__}, numpy {np.__version__}")

    rows, labels = read_rows(sys.stdin)
    split = int(len(rows) * (1 - HOLD_OUT_SHARE))
    train = xgb.DMatrix(rows[:split], label=labels[:split], feature_names=FEATURES, nthread=1)
    hold_out, hold_out_labels = rows[split:], labels[split:]
    booster = xgb.train(PARAMS, train, num_boost_round=TREES)

    args.model.parent.mkdir(parents=True, exist_ok=True)
    booster.save_model(args.model)
    booster = xgb.Booster({"nthread": 1}, model_file=args.model)
    size = args.model.stat().st_size
    error = rmse(booster.inplace_predict(hold_out, validate_features=False), hold_out_labels)
    constant = rmse(np.full(len(hold_out), labels[:split].mean()), hold_out_labels)
    print(f"rows: {split} trained, {len(hold_out)} held out (the newest)")
    print(f"hold-out RMSE: {error:.4f} EUR (a constant: {constant:.4f}; the noise in the data: 0.3)")
    print(f"{args.model.name}: {TREES} trees, {size} bytes")
    if error >= RMSE_EUR_MAX:
        sys.exit(f"the hold-out RMSE must be below {RMSE_EUR_MAX}")
    if size >= MODEL_BYTES_MAX:
        sys.exit(f"the model must be below {MODEL_BYTES_MAX} bytes")
    if not args.model_only:
        fixtures.write(args.fixtures, booster, hold_out)
        print(f"fixtures: {args.fixtures}")


if __name__ == "__main__":
    main()
