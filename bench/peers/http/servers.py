"""The servers that run.py starts, and how they are stopped: an engine, a Redis, the peer."""
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
START_SECONDS = 60
STOP_SECONDS = 10


def redis_module():
    """bench/peers/redis/run.py: a Redis on a Unix socket, and the few words of its protocol."""
    spec = importlib.util.spec_from_file_location("peers_redis", HERE.parent / "redis/run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stop(process):
    """Ends a process of a session of its own, with those that it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"run.py: {process.args[0]} did not end within {STOP_SECONDS} s and is killed", file=sys.stderr)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Engine:
    """`vencejo serve` with the ads app, on a free port, and commands to it."""

    def __init__(self, vencejo, scratch):
        self.vencejo = vencejo
        self.log = open(scratch / "engine.log", "w+")
        command = [vencejo, "serve", "--app", ROOT / "apps/ads", "--quic", "127.0.0.1:0", "--data", scratch / "data"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        start_new_session=True)
        # It says one line when it serves, or ends.
        line = self.process.stdout.readline()
        if not line.startswith("ready quic="):
            self.log.seek(0)
            sys.exit(f"run.py: vencejo does not serve:\n{self.log.read()}")
        self.address = line.split("quic=")[1].split()[0]

    def command(self, *words):
        return [self.vencejo, *words, "--connect", self.address]

    def run(self, *words, stdin=None):
        ran = subprocess.run(self.command(*words), input=stdin, capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"run.py: vencejo {words[0]} failed: {ran.stderr.strip()}")
        return ran.stdout

    def query(self, sql):
        return [json.loads(line) for line in self.run("query", "--json", sql).splitlines()]

    def stop(self):
        stop(self.process)
        self.log.close()


class Peer:
    """server.py under uvicorn."""

    def __init__(self, folder, scratch, redis, floors, workers):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        environment = dict(
            os.environ, PEER_MODEL=str(ROOT / "apps/ads/models/yield.ubj"), PEER_MODEL_VERSION="yield-1",
            PEER_REDIS=redis, PEER_FLOORS=str(floors), OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
        command = [folder / "env/bin/python", "-m", "uvicorn", "server:app", "--app-dir", HERE, "--host", "127.0.0.1",
                   "--port", self.port, "--workers", workers, "--loop", "uvloop", "--http", "httptools", "--ws", "none",
                   "--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "75", "--no-server-header",
                   "--no-date-header"]
        self.log = open(scratch / "peer.log", "w+")
        self.process = subprocess.Popen(list(map(str, command)), env=environment, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.ask("/floors", [{}])
                return
            except OSError:
                time.sleep(0.05)  # nobody listens yet
        self.log.seek(0)
        sys.exit(f"run.py: the peer does not serve:\n{self.log.read()[-2000:]}")

    def ask(self, path, rows):
        """Asks for one row after the other, on one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        answers = []
        try:
            for row in rows:
                connection.request("POST", path, json.dumps(row), {"content-type": "application/json"})
                reply = connection.getresponse()
                body = reply.read()
                if reply.status != 200:
                    sys.exit(f"run.py: the peer answered {row} with status {reply.status}: {body[:200]}")
                answers.append(json.loads(body))
        finally:
            connection.close()
        return answers

    def stop(self):
        stop(self.process)
        self.log.close()
