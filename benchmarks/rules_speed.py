"""Rules over text: the fast engines beside plain `re` and ripgrep, cold starts, the whole scan beside the search alone, logs to
annotations, and growth.

    python benchmarks/rules_speed.py [--mb 16] [--patterns FILE] [--corpus FILE.jsonl] [--logs PATH] [--rounds 3] [--plain-mb 1]

Patterns: one regular expression a line; by default the 82 of patterns.txt, of the kind a study writes by hand (`--patterns rubric`:
the 200 long ones of the default rubric). Corpus: JSONL with `messages[].content`;
by default the packaged samples, remixed until there is enough. Logs: what `grader import` reads; by default a made-up Inspect
log of as many MB of JSON. Every rate is the median of the rounds, in MB of UTF-8 per second
of CPU time (wall time for two processes). Exactness is checked on the way: all engines must give the spans of plain `re`.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import large_logs
import msgspec

from grader.pipeline import scan_store
from grader.raters.rules import Engine, Matcher
from grader.rubric import Rubric, load_rubric
from grader.store import add_transcript, open_store
from grader.transcript import Block, Message, Transcript, transcript_digest

GOALS = {"re2": 100, "literal": 7}

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=float, default=16, help="size of the corpus")
    parser.add_argument("--plain-mb", type=float, default=1, help="how much of it plain re reads: it is slow")
    parser.add_argument(
        "--patterns", type=Path, default=Path(__file__).with_name("patterns.txt"), help="one regular expression a line"
    )
    parser.add_argument("--corpus", type=Path, help="JSONL with messages[].content")
    parser.add_argument("--logs", type=Path, help="logs to import and scan, for instance Inspect's")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rubric = load_rubric("agentic-misalignment")
    patterns = (
        shipped(rubric) if str(arguments.patterns) == "rubric" else arguments.patterns.read_text("utf-8").splitlines()
    )
    chats = corpus(arguments.corpus, arguments.mb * 1e6)
    texts = [text for chat in chats for text in chat]
    print(
        f"Python {platform.python_version()}, ahocorasick-rs {version('ahocorasick-rs')}, google-re2 {version('google-re2')}"
    )
    print(
        f"{len(patterns)} patterns, {len(texts):,} messages, {size(texts) / 1e6:.1f} MB, {ascii_share(texts):.0%} of them ASCII"
    )
    engines(patterns, texts, arguments.plain_mb * 1e6, arguments.rounds)
    cold_start(chats, arguments.rounds)
    whole_scan(rubric, chats, arguments.rounds)
    from_logs(arguments.logs, arguments.mb * 1e6)
    growth(patterns, texts)


def engines(patterns: Sequence[str], texts: Sequence[str], plain_bytes: float, rounds: int) -> None:
    """Goals 1 and 2: rates of the back ends and of ripgrep, and whether the spans are those of `re`."""
    few = first(texts, plain_bytes)
    plain = Matcher(patterns, "re")
    base = rate(lambda: plain.spans_of(few), few, 1)
    print(f"{'re (the oracle)':24} {base:8.2f} MB/s")
    expected = plain.spans_of(few)
    rates = {}
    for backend in ("literal", "re2"):
        matcher = Matcher(patterns, backend)  # type: ignore[arg-type]
        rates[backend] = rate(lambda matcher=matcher: matcher.spans_of(texts), texts, rounds)  # type: ignore[misc]
        same = "same spans" if matcher.spans_of(few) == expected else "OTHER SPANS"
        print(
            f"{backend:24} {rates[backend]:8.2f} MB/s  {rates[backend] / base:6.1f} x re (goal {GOALS[backend]}), {same} on {size(few) / 1e6:.1f} MB"
        )
    ripgrep(patterns, texts, rates["re2"], rounds)


def ripgrep(patterns: Sequence[str], texts: Sequence[str], ours: float, rounds: int) -> None:
    program = shutil.which("rg")
    if program is None:
        print(f"{'ripgrep':24} not installed")
        return
    known = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    with tempfile.TemporaryDirectory() as folder:
        text, expressions = Path(folder, "corpus.txt"), Path(folder, "patterns.txt")
        text.write_text("\n".join(texts), "utf-8")
        expressions.write_text("\n".join(rewritten(pattern) for pattern in patterns), "utf-8")
        command = [
            program,
            "-j1",
            "-i",
            "-o",
            "--no-unicode",
            "--byte-offset",
            "--no-line-number",
            "-f",
            str(expressions),
            str(text),
        ]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode > 1:
            print(
                f"{'ripgrep':24} refuses the patterns: {done.stderr.decode(errors='replace').strip().splitlines()[-1][:100]}"
            )
            return
        theirs = rate(
            lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=False), texts, rounds, time.perf_counter
        )
    print(
        f"{'ripgrep -j1, ASCII':24} {theirs:8.2f} MB/s  re2 engine: {ours / theirs:.2f} x (goal 1.5; {known}, wall time)"
    )


def rewritten(pattern: str) -> str:
    """What ripgrep can read of an expression: no look-around."""
    return re.sub(r"\(\?<?[!=][^()]*\)", "", pattern).replace("’", ".")


COLD = """
import json, sys, time
from grader.rubric import load_rubric
from grader.transcript import Transcript
import msgspec
made = msgspec.json.decode(open(sys.argv[1], "rb").read(), type=list[Transcript])
began = time.process_time()
from grader.raters.rules import Engine
rubric = load_rubric("agentic-misalignment")
loaded = time.process_time()
engine = Engine(rubric)
engine.scan(made[0])
first = time.process_time()
for one in made:
    engine.scan(one)
print(json.dumps([loaded - began, first - loaded, time.process_time() - loaded]))
"""


def cold_start(chats: Sequence[Sequence[str]], rounds: int) -> None:
    """What every new process pays: CPU time of a fresh interpreter, the rubric's loading apart."""
    made: list[Transcript] = []
    while sum(len(block.text) for one in made for message in one.messages for block in message.blocks) < 1e6:
        if len(made) == len(chats):
            break
        made.append(transcript(len(made), chats[len(made)]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "transcripts.json")
        path.write_bytes(msgspec.json.encode(made))
        runs = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", COLD, str(path)], capture_output=True, text=True, check=True
                ).stdout
            )
            for _ in range(rounds)
        ]
    rubric, first, all_of_it = (statistics.median(values) for values in zip(*runs, strict=True))
    print(
        f"{'cold start':24} {first:8.2f} s CPU to the first transcript, {all_of_it:.2f} s for the first MB"
        f" (after {rubric:.2f} s for loading the rubric)"
    )


def from_logs(path: Path | None, wanted: float) -> None:
    """Goal 4: import of logs with storing, then rules; CPU time and peak memory of each command."""
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            path = large_logs.write(Path(folder), "inspect_eval", int(wanted))
        total = 0.0
        for command in (["import", str(path)], ["scan"]):
            used, peak = measured([sys.executable, "-m", "grader", "--db", str(Path(folder, "bench.db")), *command])
            total += used
            print(f"{'logs: ' + command[0]:24} {used:8.2f} s CPU, peak {peak:.0f} MB (goal 150)")
        print(f"{'logs: both':24} {total:8.2f} s CPU for {path}")


MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def measured(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a command, started by a small process: a child's peak is never below its parent's."""
    done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True)
    code, used, peak = done.stdout.split()
    if code != "0":
        raise SystemExit(f"{' '.join(command)} failed")
    return float(used), float(peak)


def whole_scan(rubric: Rubric, chats: Sequence[Sequence[str]], rounds: int) -> None:
    """Goal 3: `grader scan` on a store, beside the engine alone on the same transcripts; two processes beside one."""
    made = [transcript(number, chat) for number, chat in enumerate(chats)]
    texts = [text for chat in chats for text in chat]
    engine = Engine(rubric)
    alone = rate(lambda: [engine.scan(one) for one in made], texts, rounds)
    print(f"{'engine alone':24} {alone:8.2f} MB/s  (rules of {rubric.id}: guards, scores, annotations)")
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder, "bench.db"), create=True) as store:
        with store.writing():
            for one in made:
                add_transcript(store, one, path=one.source, own_id=True)
        stored = rate(lambda: scan_store(store, rubric, force=True), texts, rounds)
        print(f"{'scan: store to store':24} {stored:8.2f} MB/s  {stored / alone:.2f} x the engine alone (goal 0.6)")
        one_process = rate(lambda: scan_store(store, rubric, force=True), texts, rounds, time.perf_counter)
        here, there = time.process_time(), children()
        two = rate(lambda: scan_store(store, rubric, force=True, workers=2), texts, rounds, time.perf_counter)
        here, there = time.process_time() - here, children() - there
        print(
            f"{'scan with 2 processes':24} {two:8.2f} MB/s  {two / one_process:.2f} x one process (goal 1.7; wall time)"
        )
        print(f"{'':24} CPU: the first process {here:.1f} s, the two {there:.1f} s: {serial(here, there)}")


def children() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def serial(here: float, there: float) -> str:
    """What the CPU times allow at best on two idle cores: the first process writes while the two scan."""
    return f"{(here + there) / max(here, (here + there) / 2):.2f} x possible on 2 cores"


def growth(patterns: Sequence[str], texts: Sequence[str]) -> None:
    """The slope of log time on log size, for many messages and for one message of one line."""
    for backend, largest in (("re2", 8e6), ("literal", 4e6)):
        matcher = Matcher(patterns, backend)  # type: ignore[arg-type]
        for name, parts in (("many messages", lambda n: first(texts, n)), ("one line", lambda n: [one_line(texts, n)])):
            points = []
            for halvings in range(5, -1, -1):
                chosen = parts(largest / 2**halvings)
                seconds = min(timed(partial(matcher.spans_of, chosen), time.process_time) for _ in range(3))
                points.append((math.log(size(chosen)), math.log(seconds)))
            print(f"{'growth, ' + name:24} slope {slope(points):.2f} (goal 1.05; {backend}, to {largest / 1e6:.0f} MB)")


def slope(points: Sequence[tuple[float, float]]) -> float:
    x, y = (statistics.mean(values) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def rate(
    work: Callable[[], object], texts: Sequence[str], rounds: int, clock: Callable[[], float] = time.process_time
) -> float:
    """MB a second, the median of `rounds`."""
    return statistics.median(size(texts) / 1e6 / timed(work, clock) for _ in range(rounds))


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def shipped(rubric: Rubric) -> list[str]:
    regexes = [regex for signal in rubric.signals for regex in signal.regex]
    return regexes + [regex for label in rubric.labels for pattern in label.patterns for regex in pattern.regex]


def corpus(path: Path | None, wanted: float) -> list[list[str]]:
    """Conversations of 8 to 40 messages, `wanted` bytes in all."""
    if path is not None:
        with path.open(encoding="utf-8") as lines:
            return [[message["content"] for message in json.loads(line)["messages"]] for line in lines]
    dice = random.Random(7)
    seeds = [text for file in sorted(SAMPLES.rglob("*.json*")) for text in strings(file)]
    chats, written = [], 0
    while written < wanted:
        chat = [
            "\n".join(dice.choice(seeds) for _ in range(dice.choice((1, 1, 2, 3)))) for _ in range(dice.randint(8, 40))
        ]
        written += size(chat)
        chats.append(chat)
    return chats


def strings(file: Path) -> Iterator[str]:
    raw = file.read_text("utf-8")
    for document in raw.splitlines() if file.suffix == ".jsonl" else [raw]:
        ahead = [json.loads(document)] if document.strip() else []
        while ahead:
            node = ahead.pop()
            if isinstance(node, str):
                if len(node) >= 40 and " " in node:
                    yield node[:6000]
            elif isinstance(node, dict | list):
                ahead.extend(node.values() if isinstance(node, dict) else node)


def transcript(number: int, chat: Sequence[str]) -> Transcript:
    roles = ("user", "assistant", "tool")
    messages = tuple(Message(index, roles[index % 3], (Block("text", text),)) for index, text in enumerate(chat, 1))  # type: ignore[arg-type]
    return Transcript(f"t{number}", transcript_digest(messages), f"bench/{number}", "bench", messages)


def first(texts: Sequence[str], wanted: float) -> list[str]:
    chosen, total, number = [], 0, 0
    while total < wanted:
        text = texts[number % len(texts)]
        chosen.append(text)
        total += len(text.encode())
        number += 1
    return chosen


def one_line(texts: Sequence[str], wanted: float) -> str:
    return " ".join(first(texts, wanted)).replace("\n", " ")


def size(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


def ascii_share(texts: Sequence[str]) -> float:
    return sum(text.isascii() for text in texts) / len(texts)


if __name__ == "__main__":
    main()
