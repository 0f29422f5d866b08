"""Turns the models into what each peer evaluates.

    python make_peers.py FOLDER [THREADS]

For every model in FOLDER/models: `FOLDER/built/MODEL.PEER.so` (tl2cgen and ydf: their source through the C or
C++ compiler; lleaves: its object, linked) or `.onnx`. Where that fails, `MODEL.PEER.skipped` says why in one line.
Before that FOLDER/peers.tsv: peer, version, shared library (- where each model has its own), all relative to FOLDER.
A file newer than its model stays.
"""
import concurrent.futures
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# A compiler that takes longer than this over one model is stopped.
COMPILE_SECONDS_MAX = 3600
# Translation units of tl2cgen's source: gcc's time grows faster than a file's size.
UNITS = 32
FLAGS = ["-O3", "-fPIC", "-shared", "-w"]


# All trees in one block: lleaves' own advice for single rows.
LLEAVES = """
import sys, lleaves
model = lleaves.Model(sys.argv[1])
model.compile(cache=sys.argv[2], raw_score=True, fblocksize=model.num_trees())
"""


class Skipped(Exception):
    """Why a peer cannot evaluate a model here."""


def compiler(*names):
    for name in names:
        if shutil.which(name):
            return name
    raise Skipped(f"needs a compiler, {' or '.join(names)}; install one and run setup again")


def run(command, folder):
    """Runs a compiler; its first error is the reason."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Skipped(f"{Path(command[0]).name} took longer than {COMPILE_SECONDS_MAX} s over it") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error: " in line.lower()]
        raise Skipped(f"{Path(command[0]).name}: {(errors or [f'exit {done.returncode}'])[0]}")


def tl2cgen(model, target, scratch, threads):
    import tl2cgen as generator
    import treelite.frontend
    cc = compiler("gcc", "cc")
    if model.suffix == ".ubj":
        loaded = treelite.frontend.load_xgboost_model(model, format_choice="ubjson")
    else:
        loaded = treelite.frontend.load_lightgbm_model(model)
    generator.generate_c_code(loaded, dirpath=scratch, params={"parallel_comp": UNITS})
    sources = sorted(scratch.glob("*.c"))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        flags = [flag for flag in FLAGS if flag != "-shared"]
        list(pool.map(lambda source: run([cc, *flags, "-c", source.name], scratch), sources))
    run([cc, *FLAGS, "-o", target, *[source.with_suffix(".o").name for source in sources]], scratch)


def lleaves(model, target, scratch, _threads):
    cc = compiler("gcc", "cc")
    # In a process of its own, which can be stopped.
    run([sys.executable, "-c", LLEAVES, model, "model.o"], scratch)
    run([cc, "-shared", "-o", target, "model.o"], scratch)


def onnxruntime(model, target, _scratch, _threads):
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    if model.suffix == ".ubj":
        import xgboost
        booster = xgboost.Booster(model_file=model)
        made = convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, booster.num_features()]))])
    else:
        import lightgbm
        booster = lightgbm.Booster(model_file=model)
        made = convert_lightgbm(booster, initial_types=[("x", FloatTensorType([None, booster.num_feature()]))])
    target.write_bytes(made.SerializeToString())


def ydf(model, target, scratch, _threads):
    import ydf_trees
    cxx = compiler("g++", "c++")
    (scratch / "model.cc").write_text(ydf_trees.source(model))
    run([cxx, *FLAGS, "-o", target, "model.cc"], scratch)


# How each peer's form is made, the packages that takes, and the ending of its file. The quick ones first.
PEERS = [
    (onnxruntime, ["onnxmltools"], "onnx"),
    (lleaves, ["lleaves"], "so"),
    (ydf, ["ydf"], "so"),
    (tl2cgen, ["tl2cgen", "treelite"], "so"),
]
LIBRARIES = [
    ("xgboost", "xgboost/lib/libxgboost.so"),
    ("lightgbm", "lightgbm/lib/lib_lightgbm.so"),
    ("treelite", "treelite/lib/libtreelite.so"),
    ("onnxruntime", "onnxruntime/capi/libonnxruntime.so.*"),
    ("tl2cgen", None),
    ("lleaves", None),
    ("ydf", None),
]


def build(make, packages, ending, model, built, threads):
    """One peer's form of one model, or the reason why there is none."""
    stem = f"{model.stem}.{make.__name__}"
    target, skipped = built / f"{stem}.{ending}", built / f"{stem}.skipped"
    if target.exists() and target.stat().st_mtime >= model.stat().st_mtime:
        return
    skipped.unlink(missing_ok=True)
    target.unlink(missing_ok=True)
    started = time.monotonic()
    try:
        for package in packages:
            if importlib.util.find_spec(package) is None:
                raise Skipped(f"{package} could not be installed")
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=built) as scratch:
            half = Path(scratch) / "half"
            make(model, half, Path(scratch), threads)
            os.replace(half, target)
        print(f"{stem}: {time.monotonic() - started:.0f} s", flush=True)
    except Exception as error:  # whatever goes wrong in a peer, the others are still measured
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        reason = reason if isinstance(error, Skipped) else f"{type(error).__name__}: {reason}"
        skipped.write_text(reason + "\n")
        print(f"{stem}: skipped: {reason}", flush=True)


def libraries(folder):
    """Lines of peers.tsv for what is installed."""
    lines = []
    for name, pattern in LIBRARIES:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        path = "-"
        if pattern is not None:
            found = sorted(Path(distribution.locate_file("")).glob(pattern))
            if not found:
                continue
            path = os.path.relpath(found[0], folder)
        lines.append(f"{name}\t{distribution.version}\t{path}\n")
    return lines


def main():
    folder, threads = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    built = folder / "built"
    built.mkdir(parents=True, exist_ok=True)
    for scratch in built.glob("scratch-*"):  # of a run that was ended
        shutil.rmtree(scratch)
    half = folder / "half-peers.tsv"
    half.write_text("".join(libraries(folder)))
    os.replace(half, folder / "peers.tsv")
    # The small ones first: what can be measured soon, is.
    models = [*folder.glob("models/*.ubj"), *folder.glob("models/*.txt")]
    models.sort(key=lambda path: (path.stat().st_size, path.name))
    for make, packages, ending in PEERS:
        for model in models:
            if make is lleaves and model.suffix != ".txt":
                continue
            build(make, packages, ending, model, built, threads)


if __name__ == "__main__":
    main()
