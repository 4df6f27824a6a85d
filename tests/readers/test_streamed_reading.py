"""A document that is walked through a window gives what the same document gives when it is decoded whole."""

from __future__ import annotations

import gzip
import json
import lzma
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import FIXTURES, Reading

from grader.readers import Limits, json_window, read

STREAMED = Limits(document=0)
DOCUMENTS = sorted(
    path for path in FIXTURES.rglob("*.json") if path.stat().st_size > 256 and "/table/" not in path.as_posix()
)


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets how many bytes the window reads at once, so that everything is cut somewhere."""

    def setting(size: int) -> None:
        monkeypatch.setattr(json_window, "_CHUNK", size)
        monkeypatch.setattr(json_window, "_SMALL", 4 * size)

    return setting


def told(reading: Reading) -> list[Any]:
    """All that came of it; what a walk says of a fault in other words than the decoder does is left out."""
    return [
        [
            (item.id, item.digest, item.format, item.model, item.condition, item.metadata, item.messages)
            for item in reading.transcripts
        ],
        [
            (file.transcripts, file.messages, file.rows, file.malformed_rows, file.left_out, file.format)
            for file in reading.files
        ],
        reading.warnings,
        reading.skips,
    ]


@pytest.mark.parametrize("size", [48, 1 << 20])
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(FIXTURES).as_posix())
def test_every_document_is_read_the_same_in_parts(path: Path, size: int, small_window: Any) -> None:
    whole = told(Reading(path))
    small_window(size)
    assert told(Reading(path, limits=STREAMED)) == whole


def test_a_beginning_that_says_little_is_not_guessed_from(tmp_path: Path) -> None:
    log = json.loads((FIXTURES / "litellm/first.json").read_text("utf-8"))
    log = {"messages": log.pop("messages"), "padding": "x" * 5000, **log}  # its first bytes are those of a chat
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log), "utf-8")
    assert told(Reading(path, limits=Limits(document=500)))[0] == told(Reading(path))[0] != []


CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["\\", '"', "\\u", "}]", '"}, {"role": "', "\U0001f600", "\ud83d", "\x00", "é", "", " ", "<think>a</think>b", "64,"]
)
NUMBERS = st.sampled_from([0, -1, 12345678901234567890, 10**30, 1.5, 1e300, float("nan"), float("inf"), True, None])
VALUES = st.one_of(CHARACTERS, NUMBERS, st.lists(NUMBERS, max_size=3), st.dictionaries(CHARACTERS, NUMBERS, max_size=3))
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "tool", "critic"]), "content": CHARACTERS},
        optional={"id": VALUES, "tool_call_id": CHARACTERS, "timestamp": NUMBERS, "name": VALUES},
    )
    | VALUES,
    max_size=12,
)


def chat(turns: list[Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Go."}, *turns], "id": "c", "model": "m"}


def session(turns: list[Any]) -> dict[str, Any]:
    rows = [{**turn, "type": turn["role"]} if isinstance(turn, dict) and "role" in turn else turn for turn in turns]
    first = {"id": "0", "type": "user", "content": "Go."}
    return {"sessionId": "g", "projectHash": "p", "messages": [first, *rows]}


def trajectory(turns: list[Any]) -> dict[str, Any]:
    steps = [
        {"source": turn["role"], "message": turn["content"]} if isinstance(turn, dict) and "role" in turn else turn
        for turn in turns
    ]
    first = {"source": "user", "message": "Go."}
    return {"schema_version": "ATIF-v1.4", "session_id": "a", "agent": {"model_name": "m"}, "steps": [first, *steps]}


def trace(turns: list[Any]) -> dict[str, Any]:
    rows = [
        {
            "id": f"o{number}",
            "traceId": "t",
            "type": "GENERATION",
            "startTime": f"2026-01-01T00:00:{number:02}Z",
            "input": turns[:number],
            "output": turn,
        }
        for number, turn in enumerate(turns)
    ]
    return {"trace": {"id": "t", "name": "n"}, "observations": rows}


def runs(turns: list[Any]) -> dict[str, Any]:
    rows = [
        {
            "id": f"r{number}",
            "trace_id": "t",
            "run_type": "llm",
            "start_time": f"2026-01-01T00:00:{number:02}Z",
            "inputs": {"messages": turns[:number]},
            "outputs": {"content": turn},
        }
        for number, turn in enumerate(turns)
    ]
    return {"post": [{"id": "root", "trace_id": "t", "run_type": "chain", "inputs": {}}, *rows], "patch": rows[::-1]}


def export(turns: list[Any]) -> dict[str, Any]:
    def attribute(key: str, value: Any) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": json.dumps(value)}}

    spans = [
        {
            "traceId": "t",
            "spanId": f"s{number}",
            "startTimeUnixNano": str(10**18 + number),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                attribute("gen_ai.input.messages", turns[:number]),
                attribute("gen_ai.output.messages", [turn]),
            ],
        }
        for number, turn in enumerate(turns)
    ]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}, None, {"scopeSpans": 1}]}


def spans(turns: list[Any]) -> dict[str, Any]:
    rows = [
        {
            "name": "llm",
            "context": {"trace_id": "t", "span_id": f"s{number}"},
            "start_time": f"2026-01-01T00:00:{number:02}Z",
            "attributes": {
                "openinference.span.kind": "LLM",
                "llm.input_messages": [{"message": turn} for turn in turns[:number]],
                "llm.output_messages": [{"message": turn}],
            },
        }
        for number, turn in enumerate(turns)
    ]
    return {"data": rows, "more": "x"}


def simulations(turns: list[Any]) -> dict[str, Any]:
    return {"info": {"agent_info": {"llm": "m"}}, "simulations": [{"id": f"s{n}", "messages": turns} for n in range(3)]}


def lines(turns: list[Any]) -> dict[str, Any]:
    rows = [
        {"type": turn.get("role"), "message": turn, "sessionId": "c"} if isinstance(turn, dict) else turn
        for turn in turns
    ]
    return {"loglines": [{"type": "user", "message": {"role": "user", "content": "Go."}, "sessionId": "c"}, *rows, 7]}


def completion(turns: list[Any]) -> dict[str, Any]:
    answer = {"choices": [{"message": {"role": "assistant", "content": "Done."}}], "id": "r"}
    return {"raw_messages": [{"role": "user", "content": "Go."}, *turns], "messages": "Go.", "response": answer}


def response(turns: list[Any]) -> dict[str, Any]:
    items = [{"type": "message", **turn} if isinstance(turn, dict) and "role" in turn else turn for turn in turns]
    first = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Go."}]}
    return {"object": "response", "id": "r", "input": items, "output": [first, *items[::-1]], "model": "m"}


def history(turns: list[Any]) -> dict[str, Any]:
    rows = [{"agent": "main", "action": "ls", **turn} if isinstance(turn, dict) else turn for turn in turns]
    first = {"role": "user", "agent": "main", "content": "Go."}
    return {"environment": "e", "info": {"exit_status": "x"}, "trajectory": [], "history": [first, *rows]}


def state(turns: list[Any]) -> dict[str, Any]:
    items = [
        {"type": "message_output_item", "agent": {"name": "a"}, "raw_item": {"type": "message", **turn}}
        if isinstance(turn, dict)
        else turn
        for turn in turns
    ]
    first = {"type": "message_output_item", "raw_item": {"type": "message", "role": "assistant", "content": "Go."}}
    return {"$schemaVersion": "1.2", "original_input": "Go.", "generated_items": [first, *items]}


SHAPES = [
    *(chat, session, trajectory, trace, runs, export, spans, simulations, lines),
    *(completion, response, history, state),
]
EVERY_SHAPE = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)


@EVERY_SHAPE
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_logged_is_read_the_same_in_parts(
    shape: Any, data: st.DataObject, tmp_path: Path, small_window: Any
) -> None:
    log = shape(data.draw(TURNS))
    keys = data.draw(st.permutations(list(log)))
    text = document(
        {"padding": "x" * 300} | {key: log[key] for key in keys},
        indent=data.draw(st.sampled_from([None, 1])),
        ascii_only=data.draw(st.booleans()),
    )
    path = tmp_path / "log.json"
    if data.draw(st.booleans()) and "\ufffd".encode() not in text:
        text = text.replace(b"Go.", b"G\xff.")  # no UTF-8: counted where it is decoded
    path.write_bytes(data.draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n "])) + text)
    small_window(1 << 20)
    whole = told(Reading(path))
    small_window(data.draw(st.integers(24, 200)))
    assert told(Reading(path, limits=STREAMED)) == whole


LISTS = {
    "turns": lambda turns: chat(turns)["messages"],
    "chats": lambda turns: [chat(turns[:number]) for number in range(len(turns) + 1)],
    "observations": lambda turns: trace([{"role": "user", "content": "Go."}, *turns])["observations"],
    "runs": lambda turns: runs(turns)["post"],
    "spans": lambda turns: spans([{"role": "user", "content": "Go."}, *turns])["data"],
    "trajectories": lambda turns: [trajectory(turns)] * 2,
}


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_lists_and_rows_are_read_the_same_in_parts(
    name: str, rows: bool, data: st.DataObject, tmp_path: Path, small_window: Any
) -> None:
    items = LISTS[name](data.draw(TURNS))
    texts = [document(item, indent=None, ascii_only=data.draw(st.booleans())) for item in items]
    path = tmp_path / "log.json"
    path.write_bytes((b"\n".join(texts) if rows else b"[" + b", ".join(texts) + b"]") + b" " * 300)
    small_window(1 << 20)
    whole = told(Reading(path))
    small_window(data.draw(st.integers(24, 200)))
    assert told(Reading(path, limits=STREAMED)) == whole


def document(log: Any, *, indent: int | None, ascii_only: bool) -> bytes:
    """JSON in which what UTF-8 cannot hold stands as an escape."""
    text = json.dumps(log, indent=indent, ensure_ascii=ascii_only)
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


@EVERY_SHAPE
def test_of_a_key_that_stands_twice_the_last_counts(shape: Any, tmp_path: Path) -> None:
    said = [{"role": "assistant", "content": "Now."}, {"role": "user", "content": "Then."}] * 3
    log = {"padding": "x" * 300, **shape(said)}
    if shape is export:
        pytest.skip("of nested lists all are read")
    key = max(log, key=lambda name: len(log[name]) if isinstance(log[name], list) else 0)
    first = json.dumps({key: log[key][:2], "padding": "y"})[:-1]
    path = tmp_path / "log.json"
    for earlier in (first, json.dumps({key: None})[:-1], json.dumps({key: 5, **log})[:-1]):
        path.write_text(f"{earlier}, {json.dumps(log)[1:]}", "utf-8")
        assert told(Reading(path, limits=STREAMED)) == told(Reading(path))
        assert told(Reading(path))[0], "something is read"
    path.write_text(f"{json.dumps(log)[:-1]}, {json.dumps({key: 'none'})[1:]}", "utf-8")
    assert told(Reading(path, limits=STREAMED))[0] == told(Reading(path))[0]


@EVERY_SHAPE
def test_what_breaks_off_is_read_as_far_as_it_goes_and_said(shape: Any, tmp_path: Path) -> None:
    said = [{"role": "assistant", "content": "Now. " * 20}, {"role": "user", "content": "Then."}] * 4
    text = json.dumps({"padding": "x" * 300, **shape(said)})
    path = tmp_path / "log.json"
    for cut in range(300, len(text), 41):
        path.write_text(text[:cut], "utf-8")
        reading = Reading(path, limits=STREAMED)
        assert reading.file.malformed_rows or reading.file.skipped
    path.write_text(f"{text} and more", "utf-8")
    reading = Reading(path, limits=STREAMED)
    assert reading.file.malformed_rows or reading.file.skipped, "garbage behind the end is named"


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst", ".zip"])
@EVERY_SHAPE
def test_compressed_and_in_archives_too(shape: Any, suffix: str, tmp_path: Path) -> None:
    from backports import zstd

    said = [{"role": "assistant", "content": "Now."}, {"role": "user", "content": "Then."}] * 3
    text = json.dumps({"padding": "x" * 300, **shape(said)}).encode()
    plain, path = tmp_path / "log.json", tmp_path / f"packed{suffix}"
    plain.write_bytes(text)
    pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd.compress}.get(suffix)
    if pack is not None:
        path.write_bytes(pack(text))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("log.json", text)
    assert [item[:2] for item in told(Reading(path, limits=STREAMED))[0]] == [
        item[:2] for item in told(Reading(plain))[0]
    ]


@pytest.mark.parametrize("shape", [chat, completion, response, history], ids=lambda s: s.__name__)
def test_of_one_long_conversation_little_more_is_held_than_its_transcript(
    shape: Any, tmp_path: Path, small_window: Any
) -> None:
    said = [{"role": ("assistant", "user")[n % 2], "content": f"{n} " + "what was said " * 100} for n in range(2000)]
    held, peak = memory_of(tmp_path, shape(said), small_window)
    assert held > 2_500_000
    assert peak < 1.4 * held + 2_500_000, "a part of the file, and what is held of the messages beside their text"


@pytest.mark.parametrize("shape", [trace, runs, export, spans], ids=lambda s: s.__name__)
def test_of_calls_that_repeat_the_history_it_is_held_once(shape: Any, tmp_path: Path, small_window: Any) -> None:
    said = [{"role": ("user", "assistant")[n % 2], "content": f"{n} " + "what was said " * 150} for n in range(52)]
    _, peak = memory_of(tmp_path, shape(said), small_window)
    assert (tmp_path / "log.json").stat().st_size > 2_800_000
    assert peak < 2_850_000, "no more than a part of the file is read at once"


def memory_of(folder: Path, log: Any, small_window: Any) -> tuple[int, int]:
    """Bytes of text in the transcript of `log`, and the most that was held while it was read in parts."""
    path = folder / "log.json"
    path.write_text(json.dumps(log), "utf-8")
    small_window(1 << 14)
    list(read(path, limits=STREAMED))  # imports what is needed
    tracemalloc.start()
    try:
        (transcript,) = read(path, limits=STREAMED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return sum(len(block.text) for message in transcript.messages for block in message.blocks), peak
