"""The decision `floor` of apps/ads/app.sql, as one would write it in Python.

Plain functions over a request (a dictionary with the columns of `bid_requests`) and what Redis holds: no I/O here.
"""
import struct
from decimal import ROUND_HALF_UP, Decimal
from math import nan

import numpy

# What the decision reads of placement_1h and placement_24h, packed as doubles; NaN where a view has no value.
PLACEMENT = struct.Struct("<8d")
PLACEMENT_COLUMNS = [
    ("placement_1h", "impressions"), ("placement_1h", "ctr"), ("placement_1h", "bids"), ("placement_1h", "win_rate"),
    ("placement_24h", "impressions"), ("placement_24h", "ctr"), ("placement_24h", "wins"),
    ("placement_24h", "average_cpm"),
]
# Of placement_domain_24h: impressions and ctr.
ON_DOMAIN = struct.Struct("<2d")
# Every comparison with NaN is false, as one with NULL is not true in SQL.
NO_PLACEMENT, NOT_ON_DOMAIN = (nan,) * 8, (nan,) * 2

TIERS = {**dict.fromkeys(["ES", "FR", "DE", "IT", "GB", "UK", "US"], 1),
         **dict.fromkeys(["PT", "NL", "BE", "CH", "AT", "SE"], 2)}
DEVICES = {"tablet": 2, "desktop": 3}
FOUR_DECIMALS = Decimal("0.0001")


def count_key(placement):
    return "n:" + placement


def feature_keys(placement, domain):
    return "p:" + placement, f"d:{placement}\t{domain}"


def features(row, of_placement, on_domain):
    """The model's ten features, as one row."""
    hour_impressions, hour_ctr, _, _, day_impressions, day_ctr, _, _ = of_placement
    hour, day, tier = row["hour_of_day"], row["day_of_week"], row.get("country_tier")
    if tier is None or not 1 <= tier <= 3:
        tier = TIERS.get(row.get("country"), 3)
    engagement = row.get("user_engagement_score")
    performance = row.get("device_performance_score")
    ctr = row.get("historical_ctr_avg")
    if ctr is None:
        if hour_impressions >= 1000:
            ctr = hour_ctr
        elif on_domain[0] >= 1000:
            ctr = on_domain[1]
        elif day_impressions >= 1000:
            ctr = day_ctr
        else:
            ctr = 0.02
    return numpy.array([[
        hour,
        day,
        day >= 6,
        tier,
        DEVICES.get(row.get("device_category"), 1),
        tier == 1,
        0.5 if engagement is None else engagement,
        100.0 if performance is None else performance,
        ctr,
        19 <= hour <= 23,
    ]], dtype=numpy.float32)


def rounded(x):
    """Half up at the fourth decimal of the number as it is written, as ROUND does."""
    return float(Decimal(repr(x)).quantize(FOUR_DECIMALS, ROUND_HALF_UP))


def answer(row, of_placement, data_points, cpm, model_version):
    """The decision's columns. `data_points` are those before this request."""
    _, _, bids, win_rate, _, _, wins, average_cpm = of_placement
    if data_points > 1000:
        confidence = 0.95
    elif data_points > 100:
        confidence = 0.85
    elif data_points > 10:
        confidence = 0.75
    else:
        confidence = 0.60
    factors = (19 <= row["hour_of_day"] <= 23) + (row.get("inventory_type") == "premium")
    competition = (1.0, 1.05, 1.1)[factors] * (1.05 if bids >= 100 and win_rate <= 0.1 else 1.0)
    worth = min(cpm, 2.0 * average_cpm) if wins >= 100 else cpm
    return {
        "code": "floored" if data_points > 10 else "low_confidence",
        "floor": rounded(min(max(worth * confidence * competition, 0.5), 10.0)),
        "currency": "EUR",
        "predicted_cpm": rounded(cpm),
        "cpm_lower": rounded(cpm * 0.9),
        "cpm_upper": rounded(cpm * 1.1),
        "model_version": model_version,
        "model_variant": "champion",
        "data_points": data_points,
    }
