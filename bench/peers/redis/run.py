#!/usr/bin/env python3
"""What `vencejo bench restore` measures, with Redis: a background save, and a restart.

    bench/peers/redis/setup && python3 bench/peers/redis/run.py --profiles 5000000

A profile is a hash with four fields, as the bench's view has four columns. Prints one JSON object.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 10_000


class Redis:
    """A server of its own, on a Unix socket in a scratch folder."""

    def __init__(self, folder, scratch, append_only="no"):
        program = os.path.join(folder, "usr/bin/redis-server")
        if not os.path.exists(program):
            program = os.path.join(folder, "usr/bin/redis-check-rdb")
        libraries = os.path.join(folder, "usr/lib", "x86_64-linux-gnu")
        self.path = os.path.join(scratch, "redis.sock")
        arguments = ["--port", "0", "--unixsocket", self.path, "--save", "",
                     "--appendonly", append_only, "--appendfsync", "always", "--dir", scratch]
        environment = dict(os.environ, LD_LIBRARY_PATH=libraries)
        self.process = subprocess.Popen(["redis-server", *arguments], executable=program, env=environment,
                                        stdout=subprocess.DEVNULL)
        self.file = None

    def connect(self):
        while True:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self.path)
                self.socket, self.file = connection, connection.makefile("rb")
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit("run.py: redis-server ended; it says why above")
                time.sleep(0.001)

    def ask(self, *words):
        self.socket.sendall(command(*words))
        return self.read()

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.file.read(int(rest) + 2)[:-2]
        if kind == b"-":
            return RuntimeError(rest.decode())
        return rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # It would keep the standard error of who called, and have that wait for its end.
        self.process.kill()
        self.process.wait()


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def fill(redis, profiles):
    for first in range(0, profiles, BATCH):
        users = range(first, min(first + BATCH, profiles))
        redis.socket.sendall(b"".join(
            command("HSET", f"user:{user}", "purchases", 1, "spent", user / 4, "largest", user / 4, "last",
                    1_790_000_000_000 + user) for user in users))
        for _ in users:
            redis.read()


def saving(redis):
    return b"rdb_bgsave_in_progress:1" in redis.ask("INFO", "persistence")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--redis", default=os.path.join(HERE, "../../../target/peers-redis"))
    arguments = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="vencejo-bench-redis-")
    try:
        with Redis(arguments.redis, scratch) as redis:
            redis.connect()
            fill(redis, arguments.profiles)
            began = time.monotonic()
            redis.ask("BGSAVE")
            while saving(redis):
                time.sleep(0.005)
            saved = time.monotonic() - began
            size = os.path.getsize(os.path.join(scratch, "dump.rdb"))
        os.remove(redis.path)
        began = time.monotonic()
        with Redis(arguments.redis, scratch) as redis:
            redis.connect()
            user = arguments.profiles // 2
            while isinstance(spent := redis.ask("HGET", f"user:{user}", "spent"), RuntimeError):
                time.sleep(0.001)
            restarted = time.monotonic() - began
            assert float(spent) == user / 4, spent
        print(json.dumps({"bench": "redis", "profiles": arguments.profiles, "dump_bytes": size,
                          "bgsave_ms": saved * 1e3, "start_to_answer_ms": restarted * 1e3}))
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
