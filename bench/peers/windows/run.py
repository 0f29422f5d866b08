"""Windows and row patterns in Vencejo, Flink and DuckDB: the same queries over the same file, rows compared, processor
time told.

    bench/peers/windows/setup && cargo build --release -p vencejo
    target/peers-windows/env/bin/python bench/peers/windows/run.py [FOLDER] [--rows N] [--vencejo PATH] [--write]

Prints the section; with --write it goes into bench/REPORT.md. Ends with 1 where rows differ.

What is counted, in processor seconds, the least of three runs each:
- Vencejo: the thread that merges, applies and prints, as `vencejo run --json` tells; reading CSV is another thread's.
  It includes writing the rows out as JSON, which the others are spared.
- Flink: all threads of the JVM, from a job's start to its end, after a first run; less what the same job takes over a
  thousand events. Events are in memory as Flink's own rows, rows that come out are dropped.
- DuckDB: the process, from a query to the table of its rows; the events are a table in memory. One thread.
"""
import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
QUERIES = {
    "filter": "a filter that nothing passes: what an event costs by itself",
    "tumble": "TUMBLE of a minute by user: COUNT(*), COUNT, MAX",
    "hop": "HOP of 5 minutes every minute by category: COUNT(*), COUNT(DISTINCT user)",
    "session": "SESSION of 10 minutes by user: COUNT(*), COUNT",
    "match": "MATCH_RECOGNIZE by user: three steps within a minute",
    "match5": "five of them",
}
# DuckDB has no row patterns.
OF_DUCKDB = {"filter", "tumble", "hop", "session"}
RUNS = 3
# COUNT_DISTINCT_EXACT_MAX.
EXACT_MAX = 16_384
TITLE = "## Windows: beside Flink and DuckDB"


def millis(text: str) -> int:
    stamp = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)
    return round(stamp.timestamp() * 1000)


def generate(vencejo: str, rows: int, path: Path) -> None:
    """A shop's clickstream at a peak of 1.7 million an hour, three columns of it."""
    command = [vencejo, "gen", "shop", "--rows", str(rows), "--seed", "7", "--per-hour", "1700000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as made, open(path, "w") as out:
        out.write("user_id,category,ts\n")
        for row in csv.DictReader(made.stdout):
            out.write(f"{row['user_id']},{row['category']},{millis(row['ts'])}\n")
    if made.returncode != 0:
        sys.exit("vencejo gen shop failed")


def cell(value) -> str:
    """A value as Windows.java writes it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str(round(value.replace(tzinfo=timezone.utc).timestamp() * 1000))
    return str(value)


def of_vencejo(vencejo: str, name: str, events: Path) -> tuple[float, list]:
    table, query = (HERE / "table.sql").read_text(), (HERE / f"{name}.sql").read_text()
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app.sql")
        app.write_text(f"{table.rstrip()} PARTITIONED BY (user_id);\nINSERT INTO rows {query.rstrip()};\n")
        command = [vencejo, "run", app, "--strict", "--json", "--input", f"events={events}", "--output", folder]
        least = float("inf")
        for _ in range(RUNS):
            ran = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            if ran.returncode != 0:
                sys.exit(ran.stderr)
            summary = json.loads(ran.stderr.splitlines()[-1])
            least = min(least, summary["processor_seconds"]["engine"])
        if summary["late"]:
            sys.exit(f"{name}: late rows: {summary['late']}")
        rows = []
        with open(Path(folder, "rows.jsonl")) as lines:
            for line in lines:
                row = json.loads(line)["row"]
                times = {"window_start", "window_end", "latest", "started", "ended"}
                rows.append(tuple(str(millis(v)) if k in times else cell(v) for k, v in row.items()))
        return least, sorted(rows)


def of_duckdb(name: str, events: Path) -> tuple[float, list]:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        "CREATE TABLE events AS SELECT user_id, category, epoch_ms(ts) AS ts"
        " FROM read_csv(?, header = true, nullstr = '', columns = {'user_id': 'VARCHAR', 'category': 'VARCHAR', 'ts': 'BIGINT'})",
        [str(events)],
    )
    query = (HERE / f"{name}.duckdb.sql").read_text()
    least = float("inf")
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_SELF)
        connection.execute(f"CREATE OR REPLACE TABLE out AS {query}")
        after = resource.getrusage(resource.RUSAGE_SELF)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    rows = connection.execute("SELECT * FROM out").fetchall()
    return least, sorted(tuple(map(cell, row)) for row in rows)


def of_flink(folder: Path, events: Path) -> dict[str, tuple[float, float, list]]:
    out = folder / "flink"
    out.mkdir(exist_ok=True)
    queries = [str(HERE / f"{name}.sql") for name in QUERIES]
    command = ["java", "-Xmx6g", "-cp", f"{folder}/jars/*:{folder}/java", "Windows", str(events), str(out), *queries]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        sys.exit(ran.stderr[-2000:])
    results = {}
    for line in ran.stdout.splitlines():
        if line.startswith("RESULT "):
            _, name, seconds, start = line.split()
            with open(out / f"{name}.csv") as lines:
                rows = sorted(tuple(line.rstrip("\n").split(",")) for line in lines)
            results[name] = (float(seconds), float(start), rows)
    return results


def is_estimate(here: tuple, there: tuple) -> bool:
    """Rows that are equal, but for a last column past the bound up to which Vencejo counts distinct values exactly."""
    if here == there:
        return True
    (*here, ours), (*there, theirs) = here, there
    return here == there and int(theirs) > EXACT_MAX and abs(int(ours) - int(theirs)) <= 0.02 * int(theirs)


def compare(name: str, ours: list, peer: str, theirs: list) -> str:
    if ours == theirs:
        return "equal"
    if len(ours) == len(theirs) and all(map(is_estimate, ours, theirs)):
        return "equal, but for estimates within 2 %"
    print(f"{name}: {len(ours)} rows here, {len(theirs)} of {peer}", file=sys.stderr)
    here, there = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    print(f"  here only: {here[:3]}\n  {peer} only: {there[:3]}", file=sys.stderr)
    return "**differ**"


def machine() -> str:
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.1f} before the runs"


def section(rows: int, results: list, where: str, command: str) -> str:
    lines = [
        TITLE,
        "",
        f"`bench/peers/windows/setup && cargo build --release -p vencejo`, then `{command}`.",
        "",
        f"{rows:,} events of a generated clickstream. Processor seconds, the least of {RUNS} runs; one core each. Vencejo's",
        "include writing the rows out as JSON. Flink's are without what a job costs before its events (in brackets); its",
        "events are in memory, its rows are dropped. DuckDB sees all events at once, and sorts. The head of",
        f"bench/peers/windows/run.py says how each is measured. {where}; apache-flink 2.3.0, Java 17, duckdb {duckdb.__version__}.",
        "",
        "| query | rows | Vencejo s | M events/s | Flink s | Flink / Vencejo | DuckDB s | DuckDB / Vencejo | rows of both |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, count, ours, (flink, start), duck, same in results:
        beside_duck = f"{duck:.2f} | {duck / ours:.2f}" if duck is not None else "- | -"
        lines.append(
            f"| {QUERIES[name]} | {count:,} | {ours:.2f} | {rows / ours / 1e6:.2f} | {flink - start:.1f} ({start:.1f})"
            f" | {(flink - start) / ours:.1f} | {beside_duck} | {same} |"
        )
    return "\n".join(lines) + "\n"


def as_json(rows: int, results: list) -> str:
    queries = [
        {"query": name, "text": QUERIES[name], "rows": count, "vencejo": ours, "flink": flink - start, "duckdb": duck,
         "equal": "**differ**" not in same}
        for name, count, ours, (flink, start), duck, same in results
    ]
    return json.dumps({"bench": "windows", "events": rows, "queries": queries})


def write(text: str) -> None:
    report = ROOT / "bench/REPORT.md"
    before, title, rest = report.read_text().partition(TITLE)
    after = ""
    if title and (at := rest.find("\n## ")) >= 0:
        after = rest[at:]
    report.write_text(before.rstrip() + "\n\n" + text + after)


def main() -> int:
    parser = argparse.ArgumentParser(description="Windows in Vencejo, Flink and DuckDB.")
    parser.add_argument("folder", nargs="?", default=ROOT / "target/peers-windows", type=Path)
    parser.add_argument("--rows", default=1_000_000, type=int)
    parser.add_argument("--vencejo", default=str(ROOT / "target/release/vencejo"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    args = parser.parse_args()
    folder = args.folder.resolve()
    if not (folder / "java/Windows.class").is_file():
        sys.exit(f"{folder} is not set up; run bench/peers/windows/setup")
    where = machine()
    events = folder / f"events-{args.rows}.csv"
    generate(args.vencejo, args.rows, events)
    flink = of_flink(folder, events)
    results, all_same = [], True
    for name in QUERIES:
        ours, rows = of_vencejo(args.vencejo, name, events)
        seconds, start, flink_rows = flink[name]
        same, duck = {compare(name, rows, "Flink", flink_rows)}, None
        if name in OF_DUCKDB:
            duck, duck_rows = of_duckdb(name, events)
            same.add(compare(name, rows, "DuckDB", duck_rows))
        all_same &= "**differ**" not in same
        results.append((name, len(rows), ours, (seconds, start), duck, max(same)))
    command = "python bench/peers/windows/run.py --write"
    text = section(args.rows, results, where, command)
    print(as_json(args.rows, results) if args.json else text)
    if args.write:
        write(text)
    return 0 if all_same else 1


if __name__ == "__main__":
    sys.exit(main())
