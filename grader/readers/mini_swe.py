"""mini-swe-agent: a list of chat turns, bare or in an object; commands stand in a fence, a tag, or a call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from grader.readers.contained import contained, one_of
from grader.readers.content import content_blocks, plain_text, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.given import logged_condition
from grader.readers.openai_messages import openai_message
from grader.readers.pairing import ended_by_call
from grader.readers.report import Report, Skip
from grader.readers.responses_items import ResponsesReader
from grader.readers.source import Source
from grader.readers.streamed import is_list
from grader.readers.turns import turn
from grader.transcript import Block, Message, Transcript

_ENOUGH_TO_TELL = 40
_SUBMITS = ("COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "MINI_SWE_AGENT_FINAL_OUTPUT")
"""What a command says that ends the run."""
_FENCED = re.compile(r"```(?:mswea_bash_command|bash)[ \t]*\n(.*?)\n?```", re.DOTALL)
_RESULT = re.compile(r"\s*(?:<exception>[^<]*(?:<(?!/exception>)[^<]*){0,200}</exception>\s*)?<returncode>")
"""What went wrong with a command, a timeout say, is told before its code."""


def sniff(head: Head) -> bool:
    """An object that says so, or turns of which one begins with a return code."""
    if head.kind == "list" and _has_result(head.items):
        return True
    return any(_is_trajectory(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a trajectory; a list of turns is one."""
    if source.head.kind == "list" and _has_result(source.head.items):
        yield _transcript(source, report, {"messages": (row for _, row in source.records(report))}, None)
        return
    several = source.head.kind in ("rows", "list")
    for line, record in source.records(report, "messages"):
        with one_of(report, several, line=line), contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and is_list(record.get("messages")):
                yield _transcript(source, report, record, line if several else None)
            else:
                report.malformed(line, "no trajectory", str(record)[:400])


def _is_trajectory(record: dict[str, Any]) -> bool:
    said = record.get("trajectory_format")
    if isinstance(said, str) and said.startswith("mini-swe-agent"):
        return True
    info, messages = record.get("info"), record.get("messages")
    if not isinstance(info, dict) or not isinstance(messages, list):
        return False
    return _has_result(messages) or ("exit_status" in info and ("mini_version" in info or "config" in info))


def _has_result(rows: object) -> bool:
    return isinstance(rows, list) and any(_is_result(row) for row in rows[:_ENOUGH_TO_TELL])


def _is_result(row: object) -> bool:
    if not isinstance(row, dict) or row.get("role") != "user":
        return False
    content = row.get("content")
    if isinstance(content, list) and content and isinstance(content[0], dict):
        content = content[0].get("text")
    return isinstance(content, str) and _RESULT.match(content) is not None


def _transcript(source: Source, report: Report, record: dict[str, Any], row: int | None) -> Transcript:
    info = record["info"] if isinstance(record.get("info"), dict) else {}
    metadata: dict[str, Any] = {
        key: info[key] for key in ("exit_status", "submission", "model_stats", "mini_version") if key in info
    }
    messages = _messages(record["messages"], report, metadata)
    if not messages:
        raise Skip("no_text", "a trajectory without turns")
    model: Any = info.get("config")
    for key in ("model", "model_name"):
        model = model.get(key) if isinstance(model, dict) else None
    status = metadata.get("exit_status")
    return finish(
        source,
        report,
        ended_by_call(messages, lambda call: status == "Submitted" or any(mark in call.text for mark in _SUBMITS)),
        format="mini_swe",
        model=model,
        task=record.get("instance_id"),
        condition=logged_condition(record, info),
        scores=[score("exit_status", status)] if status else (),
        metadata=metadata,
        row=row,
    )


def _messages(turns: Iterable[Any], report: Report, metadata: dict[str, Any]) -> list[Message]:
    rest = iter(turns)
    first = list(islice(rest, _ENOUGH_TO_TELL))
    rows = chain(first, rest)
    if any(isinstance(row, dict) and (row.get("object") == "response" or "output" in row) for row in first):
        return _responses(rows, report, metadata)
    messages: list[Message] = []
    for row in rows:
        with contained(report, "message"):
            if not isinstance(row, dict):
                report.warn("malformed_message", detail=f"{type(row).__name__} instead of an object")
            elif row.get("role") == "exit":
                _exit(row, report, metadata)
            elif _is_result(row):
                messages.append(turn("tool", result_block(row.get("content"), report), time=_time(row)))
            elif row.get("role") == "assistant" and not row.get("tool_calls"):
                messages += _assistant(row, report)
            else:
                messages += _refused(row, messages[-1] if messages else None, report)
                messages += openai_message({**row, "timestamp": _time(row)}, report)
    return messages


def _refused(row: dict[str, Any], before: Message | None, report: Report) -> list[Message]:
    """An answer that held no command the program could run: only the complaint about it keeps what was said."""
    extra = row.get("extra")
    said = extra.get("model_response") if isinstance(extra, dict) else None
    if row.get("role") != "user" or not isinstance(said, str) or (before is not None and before.role == "assistant"):
        return []
    return _assistant({"role": "assistant", "content": said, "timestamp": _time(row)}, report)


def _assistant(row: dict[str, Any], report: Report) -> list[Message]:
    """The last command of the text is the call: the program runs no other."""
    content = row.get("content")
    text = content if isinstance(content, str) else plain_text(content)
    found = [(match.start(), match.end(), match[1]) for match in _FENCED.finditer(text)]
    found += elements(text, "mswea_bash_command")
    if not found:
        return openai_message({**row, "timestamp": _time(row)}, report)
    start, end, command = max(found)
    thought = openai_message({**row, "content": None}, report)[0].blocks
    before, after = text[:start].rstrip(), text[end:].strip()
    blocks: list[Block] = [*thought, *content_blocks(before, "assistant", report)]
    blocks.append(Block(kind="tool_call", text=command, name="bash"))
    blocks += content_blocks(after, "assistant", report)
    return [turn("assistant", blocks, time=_time(row))]


def elements(text: str, tag: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, inner text less one line break at each end) of each `<tag>…</tag>`, in time linear in the text."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    start = text.find(opening)
    while start >= 0:
        end = text.find(closing, start)
        if end < 0:
            return
        inner = text[start + len(opening) : end]
        yield start, end + len(closing), inner.removeprefix("\n").removesuffix("\n")
        start = text.find(opening, end)


def _responses(rows: Iterable[Any], report: Report, metadata: dict[str, Any]) -> list[Message]:
    """Turns of the variant over the Responses API: each answer is a whole response."""
    reader = ResponsesReader(report)
    for row in rows:
        with contained(report, "message"):
            if not isinstance(row, dict):
                report.warn("malformed_message", detail=f"{type(row).__name__} instead of an object")
            elif row.get("role") == "exit":
                _exit(row, report, metadata)
            elif row.get("object") == "response":
                for item in row["output"] if isinstance(row.get("output"), list) else []:
                    reader.add(item, time=_time(row))
            else:
                reader.add({key: value for key, value in row.items() if key != "extra"}, time=_time(row))
    return reader.messages()


def _exit(row: dict[str, Any], report: Report, metadata: dict[str, Any]) -> None:
    extra = row["extra"] if isinstance(row.get("extra"), dict) else {}
    for key, value in {**extra, "exit_message": row.get("content")}.items():
        if key in ("exit_status", "submission", "exit_message", "exception_str") and value:
            metadata.setdefault(key, value)
    report.leave_out("exit")


def _time(row: dict[str, Any]) -> Any:
    extra = row.get("extra")
    return row.get("timestamp") or (extra.get("timestamp") if isinstance(extra, dict) else None)
