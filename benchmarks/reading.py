"""How fast logs of every format are read and imported, and in how much memory, beside `json.load` of the same files.

    python benchmarks/reading.py [--mb 20] [--runs 3] [--markdown] [NAME… | FILE…]

Without files it writes a log of about `--mb` megabytes of each family (large_logs.py); NAMEs choose among them. Each
measurement runs in a process of its own, grader and `json.load` in turn; the medians are printed:

MB/s                MB of JSON read a second of CPU
× json.load         that speed beside `json.load` (of an archive: `json.loads` of each member, of rows: of each line)
at most ×           the same for what nobody who reads logs this way can leave out: decoding all of it in parts with
                    msgspec. Only where much of a log is passed undecoded (Inspect's events) can reading be faster
import MB/s         `import_paths` into an empty database
peak MiB            memory above that of the same process before it reads
transcript MiB      what the transcripts themselves take: of those that wait for one another (traces, sessions) all, else
                    the largest. A reader that holds nothing else has a peak near it
json.load peak MiB  memory above that of the same process before it loads

`--markdown` prints a table of Markdown.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import large_logs

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "readers" / "fixtures"
"""Read first in each process: what is measured is reading, not importing."""

WAITING = ("otlp", "helicone", "langfuse", "langsmith", "openinference", "vercel", "claude_code", "openclaw", "table")
"""Whose transcripts may stand in any order in a file."""

READ = """
import resource, sys, time
from grader.readers import read
path, warm = sys.argv[1:3]
for _ in read(warm): pass
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
base = peak()
start = time.process_time()
for transcript in read(path): pass
transcript = None
print(time.process_time() - start, peak() - base)
"""

FLOOR = """
import sys, time
from grader.readers import read
from grader.readers.json_window import JsonWindow
import msgspec, zipfile
path, warm, waiting = sys.argv[1:4]
for _ in read(warm): pass
def size(transcript):
    held = {}
    for message in transcript.messages:
        parts = [message, message.blocks, message.timestamp, message.source_id, message.name, message.meta]
        for block in message.blocks:
            parts += [block, block.text, block.call_id, block.error, block.meta]
        held.update((id(part), sys.getsizeof(part)) for part in parts)
    return sum(held.values())
count = largest = total = 0
for transcript in read(path):
    count += 1
    taken = size(transcript)
    largest, total = max(largest, taken), total + taken
transcript = None
decode = msgspec.json.Decoder().decode
start = time.process_time()
if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            decode(packed.read(name))
elif path.endswith("l"):
    with open(path, "rb") as stream:
        for line in stream:
            decode(line)
elif path.endswith(".csv"):
    import csv
    with open(path) as stream:
        for row in csv.reader(stream): pass
else:
    with open(path, "rb") as stream:
        window = JsonWindow(stream, 1 << 30)
        def decoded():
            mark = window.peek()
            if mark == b"[":
                for _ in window.runs(): pass
            elif mark == b"{":
                for _ in window.members(): decoded()
            else:
                decode(window.value())
        decoded()
print(time.process_time() - start, (total if waiting == "waiting" else largest) / 1024, count)
"""

IMPORT = """
import sys, tempfile, time
from pathlib import Path
from grader.pipeline import import_paths
from grader.readers import read
from grader.store import open_store
path, warm = sys.argv[1:3]
for _ in read(warm): pass
with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "a.db") as store:
    start = time.process_time()
    import_paths(store, [path])
    print(time.process_time() - start)
"""

LOAD = """
import json, resource, sys, time, zipfile
path = sys.argv[1]
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            json.loads(packed.read(name))
elif path.endswith("l"):
    with open(path) as stream:
        for line in stream:
            json.loads(line)
elif path.endswith(".csv"):
    import csv
    with open(path) as stream:
        for row in csv.reader(stream): pass
else:
    with open(path) as stream:
        json.load(stream)
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""

COLUMNS = (
    *("log", "MB", "MB/s", "× json.load", "at most ×", "import MB/s"),
    *("transcripts/s", "peak MiB", "transcript MiB", "json.load peak MiB"),
)
CELLS = ("{}", "{:.0f}", "{:.0f}", "{:.2f}", "{:.2f}", "{:.0f}", "{:,.0f}", "{:.0f}", "{:.0f}", "{:.0f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("logs", nargs="*", metavar="NAME or FILE")
    arguments.add_argument("--mb", type=float, default=20.0, help="size of what is written (20)")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--markdown", action="store_true")
    given = arguments.parse_args()
    if given.markdown:
        print(f"| {' | '.join(COLUMNS)} |\n|---|{'--:|' * (len(COLUMNS) - 1)}")
    else:
        print(f"Python {platform.python_version()}, {platform.machine()}; medians of {given.runs}")
        print(f"{COLUMNS[0]:25} " + "  ".join(COLUMNS[1:]))
    for log in given.logs or large_logs.NAMES:
        if Path(log).is_file():
            row = measured(Path(log), given.runs)
        else:
            with tempfile.TemporaryDirectory() as folder:
                row = measured(large_logs.write(Path(folder), log, int(given.mb * 1e6)), given.runs)
        told = [cell.format(figure) for cell, figure in zip(CELLS, row, strict=True)]
        if given.markdown:
            print(f"| {' | '.join(told)} |", flush=True)
        else:
            widths = [len(column) for column in COLUMNS[1:]]
            figures = "  ".join(f"{figure:>{width}}" for figure, width in zip(told[1:], widths, strict=True))
            print(f"{told[0]:25} {figures}", flush=True)


def measured(path: Path, runs: int) -> tuple[str | float, ...]:
    """A row of the table."""
    reading, peak = _medians(READ, runs, path, FIXTURES)
    waiting = "waiting" if path.name.startswith(WAITING) else "one by one"
    floor, taken, count = _medians(FLOOR, runs, path, FIXTURES, waiting)
    (importing,) = _medians(IMPORT, runs, path, FIXTURES)
    loading, load_peak = _medians(LOAD, runs, path)
    size = _unpacked_size(path) / 1e6
    return (
        *(path.name, size, size / reading, loading / reading, loading / floor, size / importing),
        *(count / reading, peak / 1024, taken / 1024, load_peak / 1024),
    )


def _medians(program: str, runs: int, *given: Path | str) -> list[float]:
    command = [sys.executable, "-c", program, *map(str, given)]
    rows = []
    for _ in range(runs):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append([float(figure) for figure in done.stdout.split()])
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _unpacked_size(path: Path) -> int:
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as packed:
        return sum(member.file_size for member in packed.infolist())


if __name__ == "__main__":
    main()
