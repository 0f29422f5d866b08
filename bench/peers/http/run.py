#!/usr/bin/env python3
"""The decision of apps/ads beside the same decision as HTTP, Redis and Python, and beside floors from a file.

    bench/peers/http/setup && cargo build --release -p vencejo -p bench-http
    bench/peers/http/run.py --vencejo target/release/vencejo

Starts an engine, a Redis and the peer, lets all know the same, and asks them the same: where an answer differs, it
ends with 1 and measures nothing. Then it measures them in turns, in open loop. Prints one JSON object; README.md
says what is in it.
"""
import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import servers
from servers import HERE, ROOT

# Requests of `vencejo bench decide`: so many rows, from this seed.
BENCH_ROWS, BENCH_SEED = 20_000, 1
# The rate that the peer sustains: nothing unanswered, and 99 % within this time.
SUSTAINED_P99_US = 50_000
SUSTAINED_SHARE = 0.99
KNEE_FROM, KNEE_STEP, KNEE_SECONDS = 500, 1.15, 4
COMPARED = ["code", "floor", "currency", "predicted_cpm", "cpm_lower", "cpm_upper", "model_version", "model_variant",
            "data_points"]
# A Monday, at an hour from which the offset of any local hour stays within the day.
ASKED_AT = "2025-09-{:02}T12:00:00Z"
STATED = ["impression_id", "placement", "domain", "country", "country_tier", "device_category", "format",
          "inventory_type", "bid_floor", "bid_floor_currency", "user_engagement_score", "device_performance_score",
          "historical_ctr_avg", "hour_of_day", "day_of_week"]


def say(text):
    print(f"run.py: {text}", file=sys.stderr, flush=True)


def bench_rows(vencejo):
    """The rows that `vencejo bench decide` sends, with the columns that it sends; what has no value is left out."""
    command = [vencejo, "gen", "ads", "--rows", str(BENCH_ROWS), "--seed", str(BENCH_SEED), "--json"]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = map(json.loads, made.stdout.splitlines())
    columns = [*STATED, "ts", "bidder"]
    return [{column: row[column] for column in columns if row.get(column) is not None} for row in rows]


def asked_rows(rows, count):
    """Rows to compare answers for, by day of week: all days, and placements that nobody has heard of among them."""
    asked = []
    for place in range(count):
        row = {column: value for column, value in rows[place % len(rows)].items() if column in STATED}
        row |= {"impression_id": f"asked-{place}", "day_of_week": place % 7 + 1}
        if place % 50 == 0:
            row["placement"] = f"new-{place % 400}"
        asked.append(row)
    return sorted(asked, key=lambda row: row["day_of_week"])


def openrtb(row):
    """The request that the engine's adapter makes this row of, but for its id."""
    imp = {"id": "1", "tagid": row["placement"], "ext": {"inventory_type": row["inventory_type"]}}
    if row["format"] == "interstitial":
        imp["instl"] = 1
    else:
        imp[row["format"]] = {}
    if "bid_floor" in row:
        imp |= {"bidfloor": row["bid_floor"], "bidfloorcur": row["bid_floor_currency"]}
    if "historical_ctr_avg" in row:
        imp["ext"]["historical_ctr"] = row["historical_ctr_avg"]
    device = {"devicetype": {"desktop": 2, "mobile": 4, "tablet": 5}[row["device_category"]],
              "geo": {"country": row["country"], "utcoffset": (row["hour_of_day"] - 12) * 60}}
    if "device_performance_score" in row:
        device["ext"] = {"performance_score": row["device_performance_score"]}
    request = {"id": row["impression_id"], "imp": [imp], "site": {"domain": row["domain"]}, "device": device}
    if "user_engagement_score" in row:
        request["user"] = {"ext": {"engagement_score": row["user_engagement_score"]}}
    return json.dumps(request)


def decided(engine, asked):
    """The engine's answers, in order."""
    answers = []
    for day in range(1, 8):
        lines = [openrtb(row) for row in asked if row["day_of_week"] == day]
        printed = engine.run("decide", "--openrtb", "-", "--at", ASKED_AT.format(day), stdin="\n".join(lines))
        answers += map(json.loads, printed.splitlines())
    if [answer["request_id"] for answer in answers] != [row["impression_id"] for row in asked]:
        sys.exit("run.py: the engine did not answer every request once and in order")
    return answers


def count_different(what, asked, ours, theirs, columns):
    different = 0
    for row, here, there in zip(asked, ours, theirs, strict=True):
        here, there = ({column: answer.get(column) for column in columns} for answer in (here, there))
        if here != there:
            different += 1
            if different <= 3:
                say(f"{what} differ for {row}:\n  {here}\n  {there}")
    return different


class Bench:
    """Everyone's measurements, at one rate at a time."""

    def __init__(self, engine, peer, client, bodies, arguments):
        self.engine, self.peer, self.client, self.bodies, self.arguments = engine, peer, client, bodies, arguments

    def over_http(self, path, rate, seconds):
        command = [self.client, "--connect", self.peer.address, "--path", path, "--bodies", self.bodies,
                   "--rate", rate, "--seconds", seconds, "--connections", self.arguments.connections]
        ran = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"run.py: {ran.stderr.strip()}")
        return json.loads(ran.stdout)

    def vencejo(self, rate):
        command = self.engine.command("bench", "decide", "--rate", str(rate), "--seconds",
                                      str(self.arguments.seconds), "--json")
        ran = subprocess.run(command, capture_output=True, text=True)
        # A run in which requests had no reply is printed all the same, and counted as what it is.
        if not ran.stdout.strip():
            sys.exit(f"run.py: vencejo bench decide failed: {ran.stderr.strip()}")
        return json.loads(ran.stdout)

    def knee(self):
        """The highest rate of those tried that the peer sustains."""
        tried, sustained, rate = [], None, KNEE_FROM
        while True:
            found = self.over_http("/decide", rate, KNEE_SECONDS)
            p99 = found["client_us"]["p99"]
            fine = (found["errors"] == 0 and found["achieved"] >= SUSTAINED_SHARE * rate
                    and p99 <= SUSTAINED_P99_US)
            tried.append({"rate": rate, "achieved": found["achieved"], "p99_us": p99, "sustained": fine})
            say(f"{rate}/s: {found['achieved']}/s answered, p99 {p99 / 1e3:.1f} ms")
            if fine and (sustained is None or rate > sustained):
                sustained = rate
            if not fine and sustained is None and rate > 10:
                rate = rate // 2
            elif fine and rate >= KNEE_FROM:
                rate = round(rate * KNEE_STEP)
            else:
                return sustained, tried

    def at(self, rate):
        runs = {"peer": [], "floors": [], "vencejo": []}
        for round_ in range(self.arguments.rounds):
            runs["peer"].append(self.over_http("/decide", rate, self.arguments.seconds))
            runs["floors"].append(self.over_http("/floors", rate, self.arguments.seconds))
            runs["vencejo"].append(self.vencejo(rate))
            p99s = ", ".join(f"{name} {of[-1]['client_us']['p99'] / 1e3:.2f} ms" for name, of in runs.items())
            say(f"{rate}/s, round {round_ + 1} of {self.arguments.rounds}: p99 {p99s}")
        row = {"rate": rate} | {name: summary(of) for name, of in runs.items()}
        row["vencejo"]["fallback"] = sum(run["codes"].get("fallback", 0) for run in runs["vencejo"])
        for name in ("peer", "floors"):
            row[f"{name}_p99_by_vencejo"] = round(row[name]["p99_us"] / row["vencejo"]["p99_us"], 2)
        return row


def summary(runs):
    """Medians of the rounds; requests of all of them."""
    median = {f"{name}_us": statistics.median(run["client_us"][name] for run in runs) for name in ("p50", "p99", "p999")}
    return median | {
        "answered": sum(run["answered"] for run in runs),
        "requests": sum(run["requests"] for run in runs),
        "sent_late_p99_us": statistics.median(run["pacing_us"]["p99"] for run in runs),
        "p99_us_of_rounds": [run["client_us"]["p99"] for run in runs],
    }


def versions(vencejo, folder, redis):
    names = ["fastapi", "uvicorn", "uvloop", "httptools", "redis", "hiredis", "orjson", "numpy", "xgboost-cpu"]
    script = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    of_packages = subprocess.check_output([folder / "env/bin/python", "-c", script, *names], text=True)
    python = subprocess.check_output([folder / "env/bin/python", "--version"], text=True).split()[-1]
    engine = subprocess.check_output([vencejo, "--version"], text=True).split()[-1]
    lines = redis.ask("INFO", "server").decode().splitlines()
    server = next(line.split(":")[1] for line in lines if line.startswith("redis_version:"))
    return {"vencejo": engine, "python": python, "redis-server": server, "cores": os.cpu_count(),
            **json.loads(of_packages)}


def bench(arguments, stack):
    # Needs what the peer's environment has.
    import events
    import floors

    vencejo, folder = arguments.vencejo, arguments.folder
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vencejo-bench-http-")))
    say(f"{arguments.events} generated requests, with what follows from them")
    requests, files, counts = events.generate(vencejo, arguments.events, scratch)
    engine = servers.Engine(vencejo, scratch)
    stack.callback(engine.stop)
    module = servers.redis_module()
    redis = stack.enter_context(module.Redis(folder / "redis", str(scratch)))
    redis.connect()
    say("ingesting, and waiting for the day's windows")
    events.ingest(engine, requests, files, scratch)
    keys = events.fill(redis, module.command, events.features(engine, counts))

    rows = bench_rows(vencejo)
    asked = asked_rows(rows, arguments.answers)
    say(f"{keys} keys in Redis; asking for {len(asked)} floors")
    ours = decided(engine, asked)
    file = floors.make(asked, [answer["floor"] for answer in ours])
    path = scratch / "floors.json"
    path.write_text(json.dumps(file))
    peer = servers.Peer(folder, scratch, redis.path, path, arguments.workers)
    stack.callback(peer.stop)
    theirs = peer.ask("/decide", asked)
    answers = {"compared": len(asked), "different": count_different("answers", asked, ours, theirs, COMPARED)}
    by_file = peer.ask("/floors", asked)
    slow = [floors.slow_answer(file, row) for row in asked]
    of_file = {"compared": len(asked), "rules": len(file["data"]["values"]),
               "different": count_different("floors of the file", asked, slow, by_file, ["floor", "currency", "rule"])}
    result = {"bench": "http", "rates": [], "answers": answers, "floors_file": of_file,
              "workers": arguments.workers, "connections": arguments.connections, "rounds": arguments.rounds,
              "seconds": arguments.seconds, "versions": versions(vencejo, folder, redis)}
    if answers["different"] or of_file["different"]:
        return result
    distinct = len({answer["floor"] for answer in ours})
    say(f"all are equal; {distinct} distinct floors")

    bodies = scratch / "bodies.jsonl"
    bodies.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    measuring = Bench(engine, peer, arguments.client, bodies, arguments)
    rates = list(arguments.rates)
    if not arguments.no_knee:
        knee, tried = measuring.knee()
        result["knee"] = {"rate": knee, "p99_us_max": SUSTAINED_P99_US, "tried": tried}
        rates += [knee] if knee and knee not in rates else []
    result["rates"] = [measuring.at(rate) for rate in rates]
    return result


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "target/peers-http", help="what setup made")
    parser.add_argument("--vencejo", type=Path, default=ROOT / "target/release/vencejo")
    parser.add_argument("--client", type=Path, default=ROOT / "target/release/bench-http")
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 500, 1000], metavar="R")
    parser.add_argument("--no-knee", action="store_true", help="do not look for the rate that the peer sustains")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32, help="of the HTTP client")
    parser.add_argument("--workers", type=int, default=2, help="processes of uvicorn")
    parser.add_argument("--answers", type=int, default=5_000, help="decisions to compare")
    parser.add_argument("--events", type=int, default=200_000, help="requests of the day before")
    arguments = parser.parse_args()
    arguments.folder = arguments.folder.resolve()
    for name, hint in (("vencejo", "cargo build --release -p vencejo"), ("client", "cargo build --release -p bench-http")):
        setattr(arguments, name, getattr(arguments, name).resolve())
        if not getattr(arguments, name).is_file():
            sys.exit(f"run.py: {getattr(arguments, name)} is not there; {hint}")
    return arguments


def main():
    arguments = parse()
    python = arguments.folder / "env/bin/python"
    if not python.is_file():
        sys.exit(f"run.py: {arguments.folder} is not set up; run bench/peers/http/setup")
    if Path(sys.prefix) != arguments.folder / "env":
        os.execv(python, [python, "-B", HERE / "run.py", *sys.argv[1:]])
    # As an interrupt does: what was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("run.py: told to end"))
    with contextlib.ExitStack() as stack:
        result = bench(arguments, stack)
    print(json.dumps(result))
    return 1 if result["answers"]["different"] or result["floors_file"]["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
