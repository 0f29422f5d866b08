"""What both sides know: a day of generated ad traffic, ingested by the engine; what its views then hold, in Redis.

The features are the engine's own, read with `vencejo query`: whoever runs the peer has a stream processor that writes
them. How many events each view must have counted is counted here, too, so that a view that lacks some is an error.
"""
import csv
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from math import nan

import decision

STREAMS = ["bid_responses", "wins", "impressions", "clicks", "conversions"]
MINUTE = timedelta(minutes=1)
DAY_START = datetime(2025, 9, 1)
# The end of a window of every view.
DAY_END = DAY_START + timedelta(days=1)
# View, key, size, slide, and how long it keeps what has closed.
VIEWS = [
    ("placement_1h", ("placement",), 60 * MINUTE, MINUTE, 5 * MINUTE),
    ("placement_24h", ("placement",), 24 * 60 * MINUTE, 15 * MINUTE, 60 * MINUTE),
    ("placement_domain_24h", ("placement", "domain"), 24 * 60 * MINUTE, 15 * MINUTE, 60 * MINUTE),
]
# Requests that are data points: few, so that placements of every confidence are among them.
DATA_POINTS = 20_000
SETTLE_SECONDS = 60
BATCH = 1_000


def stamp(time):
    return time.isoformat(timespec="milliseconds")


def written(folder, name, header, rows):
    """A stream's file, with a first and a last event on a placement of their own: none runs ahead of the others
    before it has begun, and the last one closes the windows of the day."""
    path = folder / f"{name}.csv"
    edges = [dict.fromkeys(header, "edge") | {"ts": stamp(at), "price": "1", "cpm": "1", "amount": "1"}
             for at in (DAY_START, DAY_END + MINUTE / 2)]
    for edge, part in zip(edges, ("first", "last")):
        edge["domain"] = f"{part}.example"
    files = [path.with_suffix(suffix) for suffix in (".first.csv", ".csv")]
    for file, part in zip(files, ([edges[0]], [*rows, edges[1]])):
        with open(file, "w", newline="") as out:
            writer = csv.DictWriter(out, header, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)
    return files


def generate(vencejo, rows, folder):
    """A file per stream: generated traffic, its weeks pressed into one day. On every fifth placement three of four
    wins are left out, so that some placements have ten bidders or more for each impression sold."""
    raw = folder / "raw"
    subprocess.run([vencejo, "gen", "ads", "--rows", str(rows), "--seed", "7", "--streams", raw], check=True)
    with open(raw / "bid_requests.csv", newline="") as lines:
        requests = list(csv.DictReader(lines))
    first, last = (datetime.fromisoformat(requests[at]["ts"].rstrip("Z")) for at in (0, -1))
    factor = timedelta(days=1) / (last - first + MINUTE)

    def pressed(name):
        with open(raw / f"{name}.csv", newline="") as lines:
            reader = csv.DictReader(lines)
            events = []
            for place, row in enumerate(reader):
                at = DAY_START + (datetime.fromisoformat(row["ts"].rstrip("Z")) - first) * factor
                left_out = name == "wins" and int(row["placement"][-3:]) % 5 == 2 and place % 4
                if at < DAY_END and not left_out:
                    row["ts"] = at.replace(microsecond=at.microsecond // 1000 * 1000)
                    events.append(row)
            return reader.fieldnames, events

    files, counts = {}, {name: Counter() for name, *_ in VIEWS}
    for name in STREAMS:
        header, events = pressed(name)
        for view, key, size, *_ in VIEWS:
            counts[view].update(tuple(row[part] for part in key) for row in events if row["ts"] >= DAY_END - size)
        for row in events:
            row["ts"] = stamp(row["ts"])
        files[name] = written(folder, name, header, events)
    return requests[:DATA_POINTS], files, counts


def ingest(engine, requests, files, folder):
    path = folder / "bid_requests.csv"
    with open(path, "w", newline="") as out:
        writer = csv.DictWriter(out, requests[0].keys())
        writer.writeheader()
        writer.writerows(requests)
    engine.run("ingest", "bid_requests", path, "--strict")
    for part in (0, 1):
        with ThreadPoolExecutor(len(STREAMS)) as pool:
            # list: a failure of any is raised here.
            list(pool.map(lambda name: engine.run("ingest", name, files[name][part], "--strict"), STREAMS))


def latest(engine, view, key, slide, kept):
    """What a decision finds in a view: of each key the row of the latest window."""
    rows = {}
    end = DAY_END
    while end > DAY_END - kept - slide:
        # As the view's answer is limited, window by window.
        sql = f"SELECT * FROM {view} WHERE window_end = TIMESTAMP '{end:%Y-%m-%d %H:%M:%S}'"
        for row in engine.query(sql):
            rows.setdefault(tuple(row[part] for part in key), row)
        end -= slide
    return rows


def lacking(rows, counts):
    """How many keys do not have all events of the window that ends with the day, and one of them."""
    end = stamp(DAY_END)
    wrong = [key for key, count in counts.items()
             if key not in rows or (rows[key]["window_end"], rows[key]["data_points"]) != (end, count)]
    return len(wrong), wrong[:1]


def features(engine, counts):
    """What the views hold once the day's windows have closed, by view and key."""
    held = {}
    until = time.monotonic() + SETTLE_SECONDS
    for view, key, _, slide, kept in VIEWS:
        while True:
            held[view] = latest(engine, view, key, slide, kept)
            wrong, example = lacking(held[view], counts[view])
            if wrong == 0:
                break
            if time.monotonic() > until:
                sys.exit(f"run.py: {wrong} of {len(counts[view])} keys of {view} do not have the events that were sent, "
                         f"such as {example}; is the machine too busy to send five streams side by side?")
            time.sleep(0.1)  # the engine tells its partitions the time ten times a second
    held["placement_stats"] = {(row["placement"],): row for row in engine.query("SELECT * FROM placement_stats")}
    return held


def number(row, column):
    value = row.get(column)
    return nan if value is None else value


def fill(redis, command, held):
    """Writes the features under the keys that the peer asks for; gives how many."""
    values = {}
    for key in held["placement_1h"].keys() | held["placement_24h"].keys():
        packed = decision.PLACEMENT.pack(
            *(number(held[view].get(key, {}), column) for view, column in decision.PLACEMENT_COLUMNS))
        values[decision.feature_keys(key[0], None)[0]] = packed
    for (placement, domain), row in held["placement_domain_24h"].items():
        packed = decision.ON_DOMAIN.pack(number(row, "impressions"), number(row, "ctr"))
        values[decision.feature_keys(placement, domain)[1]] = packed
    for (placement,), row in held["placement_stats"].items():
        values[decision.count_key(placement)] = row["data_points"]
    pairs = list(values.items())
    for first in range(0, len(pairs), BATCH):
        batch = [word for pair in pairs[first:first + BATCH] for word in pair]
        redis.socket.sendall(command("MSET", *batch))
        if (reply := redis.read()) != b"OK":
            sys.exit(f"run.py: Redis does not store the features: {reply}")
    return len(pairs)
