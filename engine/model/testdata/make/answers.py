"""What the fixtures of all libraries share: data, adversarial rows, and the file of expected answers."""

import numpy as np

ROWS = 40
CONTRIBUTION_ROWS = 4


def data(rng, rows=600, features=5, missing=0.1):
    """Features and a label that needs splits on all of them."""
    values = rng.normal(size=(rows, features)).astype(np.float32)
    values[rng.random(values.shape) < missing] = np.nan
    known = np.nan_to_num(values)
    label = known[:, 0] * 2 + np.abs(known[:, 1]) * known[:, 2] + np.isnan(values[:, 2]) + known[:, 3] ** 2
    return values, (label + rng.normal(size=rows) * 0.1).astype(np.float32)


def special(dtype):
    """Numbers on which comparisons and conversions go wrong."""
    f32, own = np.finfo(np.float32), np.finfo(dtype)
    numbers = [0.0, -0.0, np.inf, -np.inf, own.max, own.min, own.tiny, -own.tiny, own.smallest_subnormal]
    numbers += [-own.smallest_subnormal, 1e-40, -1e-40, np.nan, f32.max, f32.tiny, 1e-35, -1e-35, 1.0000001e-35]
    return np.array(numbers, dtype=dtype)


CATEGORIES = [-1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 2.7, 3.0, 4.0, 5.0, 7.0, 31.0, 32.0, 33.0, 63.0, 64.0, 1000.0]
CATEGORIES += [16777215.0, 16777216.0, 2147483647.0, 2147483648.0, 1e30, -1e30, np.inf, -np.inf, np.nan]


def rows(rng, real, thresholds, dtype=np.float32, count=ROWS, categorical=(), infinite=True):
    """Rows where a wrong comparison, default direction, category rule or order of addition shows."""
    features = real.shape[1]
    quarter = count // 4

    def pick(n):
        chosen = [rng.choice(np.array(thresholds.get(f) or [0.0], dtype=dtype), n) for f in range(features)]
        return np.stack(chosen, axis=1)

    def blank(part, share):
        part = part.copy()
        part[rng.random(part.shape) < share] = np.nan
        return part

    beside = np.nextafter(pick(quarter), rng.choice(np.array([-np.inf, np.inf], dtype=dtype), (quarter, features)))
    odd = rng.choice(special(dtype), (quarter, features))
    parts = [
        blank(real[rng.integers(0, len(real), count - 3 * quarter)].astype(dtype), 0.15),
        blank(pick(quarter), 0.05),
        beside,
        np.where(rng.random(odd.shape) < 0.5, odd, pick(quarter)),
    ]
    made = np.concatenate(parts).astype(dtype)
    made[0] = np.nan
    for feature in categorical:
        made[:, feature] = rng.choice(np.array(CATEGORIES, dtype=dtype), count)
    if not infinite:
        made[np.isinf(made)] = np.nan
    return made


def write(path, made, margins, outputs, contributions=None):
    """The expected answers: one line of text, then little-endian numbers.

    No margins where the library does not show them.
    `expect 1 ROWS FEATURES MARGINS OUTPUTS EXPLAINED TYPE_OF_ROWS TYPE_OF_ANSWERS`, the rows, their margins,
    their outputs, and for the first EXPLAINED rows the contributions (per margin one per feature and the bias).
    """
    count, features = made.shape
    margins, outputs = (part if part.ndim == 2 else part.reshape(count, -1) for part in map(np.asarray, (margins, outputs)))
    shown = "f8" if margins.dtype == np.float64 else "f4"
    given = "f8" if made.dtype == np.float64 else "f4"
    assert np.isfinite(margins).all(), path
    if contributions is None:
        contributions = np.zeros((0, margins.shape[1] * (features + 1)))
    contributions = np.asarray(contributions).reshape(len(contributions), margins.shape[1] * (features + 1))
    header = f"expect 1 {count} {features} {margins.shape[1]} {outputs.shape[1]} {len(contributions)} {given} {shown}\n"
    with open(path, "wb") as file:
        file.write(header.encode())
        file.write(made.astype("<" + given).tobytes())
        for part in (margins, outputs, contributions):
            file.write(part.astype("<" + shown).tobytes())
    print(f"{path.name}: {count} rows, {margins.shape[1]} margins, {outputs.shape[1]} outputs")
