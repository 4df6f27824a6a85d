"""The real command against a real server: what it prints, how it ends, how it is interrupted, what it needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge_cases import CASE, ask, clean_environment, put, transcript, values
from messages_server import MessagesServer

from grader.rubric import Rubric
from grader.store import Store, open_store
from grader.store.judge_calls import judge_calls

Run = Callable[..., subprocess.CompletedProcess[str]]
RUBRIC = str(Path(__file__).parent / "small.toml")
COMMAND = ("judge", "--rubric", RUBRIC)
KILLS = int(os.environ.get("KILLS", "12"))


@pytest.fixture(autouse=True)
def _cases(store: Store) -> None:
    put(store, *(transcript(f"t{number}", *CASE, str(number)) for number in range(3)))


def test_the_command_judges_and_says_what_goes_where(server: MessagesServer, run_grader: Run) -> None:
    done = run_grader(*COMMAND, ANTHROPIC_BASE_URL=server.url)
    assert done.returncode == 0, done.stderr
    assert server.url in done.stderr and "12 calls" in done.stderr and "claude-haiku-5-5" in done.stderr
    assert "12 calls" in done.stdout and "15 of 15 questions answered (100.0%)" in done.stdout
    again = run_grader(*COMMAND, "--base-url", server.url)
    assert "nothing to ask" in again.stdout and len(server.asked) == 12


def test_json_is_one_document_with_the_contract_names(server: MessagesServer, run_grader: Run) -> None:
    server.script.faults.extend(["refusal"] * 2)
    done = run_grader(*COMMAND, "--json", "--concurrency", "1", ANTHROPIC_BASE_URL=server.url)
    document = json.loads(done.stdout)
    judge = document["judge"]
    assert {
        "calls",
        "ok",
        "refused",
        "truncated",
        "invalid",
        "context_exceeded",
        "error",
        "skipped_budget",
        "coverage",
        "tokens",
        "cost_usd",
    } <= set(judge)
    assert (judge["calls"], judge["ok"], judge["refused"], judge["coverage"]) == (12, 11, 1, pytest.approx(13 / 15))
    assert document["annotations"]["threat"] == {"present": 3, "absent": 6}
    assert document["transcripts"] == 3


def test_coverage_below_the_minimum_is_exit_4(server: MessagesServer, run_grader: Run) -> None:
    server.script.faults.extend(["refusal"] * 2)
    done = run_grader(*COMMAND, "--min-coverage", "1", "--concurrency", "1", ANTHROPIC_BASE_URL=server.url)
    assert done.returncode == 4 and "below" in done.stderr and "refused (general_harms)" in done.stderr


def test_without_credentials_it_ends_with_1_and_one_line(run_grader: Run) -> None:
    done = run_grader(*COMMAND)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "ANTHROPIC_API_KEY" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--votes", "0"], "--votes"),
        (["--votes", "many"], "adaptive"),
        (["--extra", "temperature"], "KEY=JSON"),
        (["--extra", 'seed="\\ud800"'], "JSON"),
        (["--extra", "seed=1e999"], "JSON"),
        (["--extra", "messages=null"], "not to be replaced"),
        (["--extra", "model=5"], "--model"),
        (["--max-cost", "nan"], "--max-cost"),
        (["--max-wait", "nan"], "--max-wait"),
        (["--timeout", "inf"], "--timeout"),
        (["--header", "nonsense"], "NAME: VALUE"),
        (["--label", "leek"], "leak"),
        (["--poll"], "--batch"),
        (["--base-url", "ftp://x"], "http"),
        (["--model", "unheard-of", "--max-cost", "1", "--base-url", "http://127.0.0.1:1"], "--max-calls"),
    ],
)
def test_wrong_options_are_usage_errors(run_grader: Run, arguments: list[str], words: str) -> None:
    done = run_grader(*COMMAND, *arguments)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_run_of_errors_alone_is_a_failure(server: MessagesServer, run_grader: Run) -> None:
    server.script.fault_for = lambda body: "html"
    done = run_grader(*COMMAND, "--label", "leak", "--where", "id=t0", "--json", ANTHROPIC_BASE_URL=server.url)
    assert done.returncode == 1 and "every one ended in an error" in done.stderr
    assert json.loads(done.stdout)["judge"]["error"] == 1


def test_grading_with_a_judge_that_never_answers_is_a_failure(
    server: MessagesServer, run_grader: Run, tmp_path: Path
) -> None:
    server.script.fault_for = lambda body: "html"
    log = tmp_path / "log.jsonl"
    log.write_text(
        json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No."}]})
    )
    done = run_grader("grade", str(log), "--judge", "--rubric", RUBRIC, "--json", ANTHROPIC_BASE_URL=server.url)
    assert done.returncode == 1 and "every one ended in an error" in done.stderr
    assert json.loads(done.stdout)["judge"]["ok"] == 0


def test_a_server_that_is_not_there_is_one_line(run_grader: Run) -> None:
    done = run_grader(*COMMAND, "--base-url", "http://127.0.0.1:9", "--max-wait", "0.1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "has not answered" in done.stderr


def test_a_dry_run_prints_the_cost_and_sends_nothing(server: MessagesServer, run_grader: Run) -> None:
    done = run_grader(*COMMAND, "--dry-run", "--json", ANTHROPIC_BASE_URL=server.url)
    ahead = json.loads(done.stdout)["dry_run"]
    assert (ahead["calls"], ahead["counted"], len(server.asked)) == (12, True, 0)
    plain = run_grader(*COMMAND, "--dry-run")
    assert plain.returncode == 0 and "USD, low" in plain.stdout and "ANTHROPIC_API_KEY" in plain.stderr


def test_reparse_needs_no_key(server: MessagesServer, run_grader: Run) -> None:
    run_grader(*COMMAND, "--base-url", server.url)
    asked = len(server.requests)
    done = run_grader(*COMMAND, "--base-url", server.url, "--reparse")
    assert done.returncode == 0 and "12 stored calls" in done.stdout and len(server.requests) == asked


def test_costs_are_told_by_run_and_group(server: MessagesServer, run_grader: Run, small: Rubric, store: Store) -> None:
    ask(store, small, base_url=server.url)
    ask(store, small, base_url=server.url, model="unheard-of", labels=["leak"])
    rows = json.loads(run_grader(*COMMAND, "--costs", "--json").stdout)["costs"]
    assert [(row["model"], row["group"], row["calls"]) for row in rows][-1] == ("unheard-of", "coercion", 3)
    assert rows[-1]["cost_usd"] is None and sum(row["calls"] for row in rows[:-1]) == 12
    assert "1 lines of unknown cost" in run_grader(*COMMAND, "--costs").stdout


def test_what_the_judge_says_cannot_reach_the_terminal(server: MessagesServer, run_grader: Run) -> None:
    server.script.fault_for = lambda body: "400 message=\x1b]52;c;evil\x07 [red]bold"
    done = run_grader(*COMMAND, ANTHROPIC_BASE_URL=server.url)
    assert done.returncode == 1 and "\x1b" not in done.stderr + done.stdout and "[red]" in done.stderr


def start(folder: Path, url: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader", *COMMAND, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=clean_environment(folder, ANTHROPIC_BASE_URL=url),
    )


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def test_ctrl_c_keeps_what_is_in_flight_and_exits_130(server: MessagesServer, store: Store, tmp_path: Path) -> None:
    server.script.latency = 0.5
    process = start(tmp_path, server.url, "--concurrency", "2")
    wait_for(lambda: len(server.asked) == 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "goes on from there" in err
    stored = [row for row in judge_calls(store) if row.status == "ok"]
    assert len(stored) == len(server.asked), "what was asked was waited for"
    server.script.latency = 0.0
    process = start(tmp_path, server.url)
    process.communicate(timeout=30)
    assert len(server.asked) == 12


def run_killed(folder: Path, server: MessagesServer, kills: list[float]) -> int:
    """Start, kill -9 after so many answers, and again; then let it finish. Returns the number of kills that hit."""
    hits = 0
    for after in kills:
        before = len(server.asked)
        process = start(folder, server.url)
        wait_for(lambda before=before, process=process: len(server.asked) > before or process.poll() is not None)
        time.sleep(after)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            hits += 1
        process.communicate(timeout=10)
    process = start(folder, server.url)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return hits


def check_resumed(folder: Path, server: MessagesServer, path: Path, uninterrupted: Path, hits: int) -> None:
    with open_store(path) as store, open_store(uninterrupted) as whole:
        assert values(store) == values(whole)
        assert facts(store) == facts(whole)
        stored = Counter(row.call for row in judge_calls(store) if row.status == "ok")
        assert set(stored.values()) == {1}, "no call is stored, and so none was asked, after it was stored ok"
        repeated = len(server.asked) - len(stored)
        assert repeated <= hits * 16, "only what was in flight is asked again"


def facts(store: Store) -> Any:
    from grader.store import read_annotations

    return {
        (item.transcript, item.label, item.message): (
            item.value,
            item.severity,
            item.spans,
            item.note,
            item.reason,
            item.flags,
        )
        for item in read_annotations(store, current=False)
    }


def whole_run(folder: Path, server: MessagesServer, made: list[Any]) -> Path:
    path = folder / "whole.db"
    with open_store(path) as store:
        put(store, *made)
    done = start(folder, server.url, "--db", str(path))
    _, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    server.requests.clear()
    return path


def test_kill_9_repeats_only_what_was_in_flight(server: MessagesServer, store: Store, tmp_path: Path) -> None:
    made = [transcript(f"k{number:03d}", *CASE, f"number {number}") for number in range(30)]
    put(store, *made)
    whole = whole_run(tmp_path, server, [transcript(f"t{number}", *CASE, str(number)) for number in range(3)] + made)
    server.script.latency = 0.02
    hits = run_killed(tmp_path, server, [0.0, 0.1])
    assert hits >= 1
    check_resumed(tmp_path, server, tmp_path / "grader.db", whole, hits)


@pytest.mark.slow
def test_kill_9_at_random_moments(server: MessagesServer, store: Store, tmp_path: Path) -> None:
    import random

    made = [transcript(f"k{number:03d}", *CASE, f"number {number}") for number in range(12 + 2 * KILLS)]
    put(store, *made)
    whole = whole_run(tmp_path, server, [transcript(f"t{number}", *CASE, str(number)) for number in range(3)] + made)
    server.script.latency = 0.15
    dice = random.Random(1)
    hits = run_killed(tmp_path, server, [dice.uniform(0, 0.25) for _ in range(KILLS)])
    assert hits >= KILLS // 2
    check_resumed(tmp_path, server, tmp_path / "grader.db", whole, hits)


def test_two_at_once_never_ask_the_same(server: MessagesServer, store: Store, tmp_path: Path) -> None:
    server.script.latency = 0.5
    first = start(tmp_path, server.url, "--concurrency", "1")
    wait_for(lambda: bool(server.asked))
    second = start(tmp_path, server.url, "--votes", "3")
    _, err = second.communicate(timeout=20)
    assert second.returncode == 1 and "Traceback" not in err
    assert f"process {first.pid} since" in err and "asks this judge about this database already" in err
    other = start(tmp_path, server.url, "--model", "claude-sonnet-5-5", "--max-calls", "0")
    _, err = other.communicate(timeout=20)
    assert other.returncode == 0, err
    first.kill()
    first.communicate(timeout=10)
    server.script.latency = 0.0
    third = start(tmp_path, server.url)
    _, err = third.communicate(timeout=30)
    assert third.returncode == 0, f"what a killed process held is free: {err}"
    assert not list(tmp_path.glob("grader.db-judge-*"))
