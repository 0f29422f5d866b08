#!/usr/bin/env python3
"""Events of 128 bytes into a Redis stream, each on disk before it is acknowledged (appendfsync always).

    bench/peers/redis/setup && python3 bench/peers/redis/xadd.py --seconds 5

64 events are under way at any time: over 64 connections, and over one that pipelines. What is faster counts. Prints
one JSON object.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile

from run import HERE, Redis

IN_FLIGHT = 64
EVENT = "x" * 120  # with the entry's own id, 128 bytes
TRIED = 5_000


def rate(redis, folder, events, options):
    """Events per second that redis-benchmark saw."""
    libraries = os.path.join(folder, "usr/lib", "x86_64-linux-gnu")
    command = [os.path.join(folder, "usr/bin/redis-benchmark"), "-s", redis.path, "-n", str(events), "--csv", *options,
               "XADD", "events", "*", "e", EVENT]
    # redis-benchmark is one of the names of the same program.
    ran = subprocess.run(command, env=dict(os.environ, LD_LIBRARY_PATH=libraries), capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"xadd.py: redis-benchmark failed: {ran.stderr.strip()}")
    line = next(line for line in reversed(ran.stdout.splitlines()) if line.startswith('"XADD'))
    return float(line.split('","')[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--redis", default=os.path.join(HERE, "../../../target/peers-redis"))
    arguments = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="vencejo-bench-redis-")
    try:
        loads = {"connections": ["-c", str(IN_FLIGHT)], "pipelined": ["-c", "1", "-P", str(IN_FLIGHT)]}
        found = {}
        with Redis(arguments.redis, scratch, "yes") as redis:
            redis.connect()
            for name, options in loads.items():
                warm = rate(redis, arguments.redis, TRIED, options)
                found[name] = rate(redis, arguments.redis, max(TRIED, int(warm * arguments.seconds)), options)
        print(json.dumps({"bench": "redis-xadd", "in_flight": IN_FLIGHT, **found,
                          "events_per_second": max(found.values())}))
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
