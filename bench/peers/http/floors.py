"""Floors from a file, in the process: what ad servers do without a model.

The file has the form of the Prebid floors module: `data.schema` names the fields and the delimiter, `data.values` has a
floor per rule, `*` fits anything. Of the rules that fit, the one with the fewest wildcards counts; of several such, the
one that is exact in the earlier field.
"""
from functools import lru_cache
from itertools import product

FIELDS = ["adUnitCode", "domain", "mediaType", "country", "deviceType"]
# The request's columns that the fields are.
COLUMNS = ["placement", "domain", "format", "country", "device_category"]
DELIMITER = "|"
ANY = "*"
# Distinct requests whose rule is remembered, as the module remembers its matching inputs.
REMEMBERED_MAX = 65_536
# Rules are made of these sets of fields, where they fit at least so many decisions.
RULES = [(0, 1, 2, 3, 4), (0, 2, 3, 4), (0, 2, 3), (0, 1), (0,), (2, 3, 4), (2, 3), (2,)]
RULE_DECISIONS_MIN = 5


def values_of(row):
    """The fields' values of a request; one that is missing fits wildcards alone."""
    return tuple((row.get(column) or ANY).lower() for column in COLUMNS)


class Floors:
    def __init__(self, file):
        data, schema = file["data"], file["data"]["schema"]
        if schema["fields"] != FIELDS:
            raise SystemExit(f"floors.py: the floors file has other fields than {FIELDS}; make it again")
        self.currency, self.default = data["currency"], data["default"]
        delimiter = schema["delimiter"]
        rules = {rule.lower(): floor for rule, floor in data["values"].items()}
        # Stable: of combinations with as many wildcards, those that are exact further left come first.
        masks = sorted(product((True, False), repeat=len(FIELDS)), key=lambda mask: mask.count(False))

        @lru_cache(maxsize=REMEMBERED_MAX)
        def find(values):
            for mask in masks:
                rule = delimiter.join([value if exact else ANY for value, exact in zip(values, mask)])
                if (floor := rules.get(rule)) is not None:
                    return rule, floor
            return None, self.default

        self.find = find

    def answer(self, row):
        rule, floor = self.find(values_of(row))
        return {"floor": floor, "currency": self.currency, "rule": rule}


def make(rows, floors):
    """A floors file: per rule, the mean of what was decided for the requests that it fits."""
    sums = {}
    for row, floor in zip(rows, floors):
        values = values_of(row)
        for exact in RULES:
            rule = DELIMITER.join(value if place in exact else ANY for place, value in enumerate(values))
            total, count = sums.get(rule, (0.0, 0))
            sums[rule] = (total + floor, count + 1)
    values = {rule: round(total / count, 4) for rule, (total, count) in sums.items() if count >= RULE_DECISIONS_MIN}
    data = {
        "currency": "EUR",
        "modelVersion": "mean of the engine's floors",
        "schema": {"delimiter": DELIMITER, "fields": FIELDS},
        "values": values,
        "default": round(sum(floors) / len(floors), 4),
    }
    return {"floorMin": 0.0, "enforcement": {"enforcePBS": True}, "skipRate": 0, "data": data}


def slow_answer(file, row):
    """The same, found by trying every rule of the file: what the look-up is compared with."""
    data, values = file["data"], values_of(row)
    best = None
    for rule, floor in data["values"].items():
        parts = rule.split(data["schema"]["delimiter"])
        if all(part in (ANY, value) for part, value in zip(parts, values)):
            wildcards = [part == ANY for part in parts]
            rank = (sum(wildcards), wildcards)
            if best is None or rank < best[0]:
                best = (rank, rule, floor)
    rule, floor = best[1:] if best else (None, data["default"])
    return {"floor": floor, "currency": data["currency"], "rule": rule}
