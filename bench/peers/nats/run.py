#!/usr/bin/env python3
"""Events of 128 bytes into a NATS JetStream stream, each on disk before it is acknowledged (sync_interval always).

    bench/peers/nats/setup && python3 bench/peers/nats/run.py --seconds 5

64 events are under way at any time. Prints one JSON object.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
IN_FLIGHT = 64
EVENT = b"x" * 128
WARM_UP_SECONDS = 1


def start(folder, scratch):
    """A server of its own, and where it listens: it writes its ports to a file."""
    config = Path(scratch, "nats.conf")
    config.write_text(f'listen: 127.0.0.1:-1\nports_file_dir: "{scratch}"\n'
                      f'jetstream {{ store_dir: "{scratch}/store", sync_interval: always }}\n')
    server = subprocess.Popen([folder / "bin/nats-server", "-c", config], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        for file in Path(scratch).glob("*.ports"):
            try:
                return server, json.loads(file.read_text())["nats"][0]
            except (ValueError, KeyError):
                pass
        time.sleep(0.01)
    server.kill()
    sys.exit("run.py: nats-server did not start")


async def publish(address, seconds):
    import nats

    client = await nats.connect(address)
    stream = client.jetstream()
    await stream.add_stream(name="events", subjects=["events"])
    begin = time.monotonic() + WARM_UP_SECONDS
    end = begin + seconds
    acknowledged = 0

    async def one_after_the_other():
        nonlocal acknowledged
        while (now := time.monotonic()) < end:
            await stream.publish("events", EVENT, timeout=30)
            acknowledged += now >= begin

    await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
    rate = acknowledged / (time.monotonic() - begin)
    version = str(client.connected_server_version)
    await client.close()
    return {"bench": "nats-jetstream", "in_flight": IN_FLIGHT, "version": version, "events_per_second": rate}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "target/peers-nats", help="what setup made")
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    python = folder / "bin/python"
    if not python.is_file():
        sys.exit(f"run.py: {folder} is not set up; run bench/peers/nats/setup")
    if Path(sys.prefix) != folder:
        os.execv(python, [python, "-B", __file__, *sys.argv[1:]])
    scratch = tempfile.mkdtemp(prefix="vencejo-bench-nats-")
    server, address = start(folder, scratch)
    try:
        print(json.dumps(asyncio.run(publish(address, arguments.seconds))))
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
