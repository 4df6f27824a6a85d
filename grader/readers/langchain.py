"""Messages dumped by LangChain: a list, rows, or a state that holds one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grader.readers.contained import contained
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.given import logged_condition
from grader.readers.langchain_messages import is_langchain_message, langchain_message, langchain_model
from grader.readers.report import Report
from grader.readers.source import Source
from grader.transcript import Message, Transcript

SUPPORT = "-rC-"
RECOGNISED_BY = "list, item `lc`, `id`, `kwargs`"

_SPEAKERS = frozenset(["human", "ai", "AIMessageChunk", "HumanMessageChunk"])
_HOLDERS = ("messages", "history", "chat_history")
_STATES = ("values", "channel_values", "kwargs", "checkpoint")


def sniff(head: Head) -> bool:
    """Messages as items or rows, or under `messages` of an object."""
    if _are_messages(head.records):
        return True
    return any(_are_messages(_held(record)) for record in head.records[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A file of messages is one transcript; an object or list that holds messages is one each."""
    if _are_messages(source.head.records):
        yield _transcript(source, report, source.records(report), {}, None)
        return
    for line, record in source.records(report):
        with contained(report, "row", line=line, raw=record):
            rows = _held(record)
            if not rows:
                report.malformed(line, "holds no messages", str(record)[:400])
                continue
            described = record if isinstance(record, dict) else {}
            place = line if source.head.kind != "object" else None
            yield _transcript(source, report, enumerate(rows, 1), described, place)


def _are_messages(records: Sequence[Any]) -> bool:
    objects = [record for record in records if isinstance(record, dict)]
    if not objects or not all(map(is_langchain_message, objects[:5])):
        return False
    return any("lc" in record or str(record.get("type")) in _SPEAKERS for record in objects)


def _held(record: object, depth: int = 3) -> list[Any]:
    """The messages a record holds: a list of them, or a state of LangGraph's."""
    if isinstance(record, list):
        return record
    if not isinstance(record, dict) or not depth:
        return []
    for key in _HOLDERS:
        if isinstance(record.get(key), list) and record[key]:
            return record[key] if is_langchain_message(record[key][0]) else []
    return next((rows for key in _STATES if (rows := _held(record.get(key), depth - 1))), [])


def _transcript(
    source: Source, report: Report, rows: Iterable[tuple[int, Any]], described: dict[str, Any], line: int | None
) -> Transcript:
    messages: list[Message] = []
    models: list[str] = []
    for position, row in rows:
        with contained(report, "message", line=position):
            if not isinstance(row, dict):
                report.warn("malformed_message", line=position, detail=f"{type(row).__name__} instead of an object")
                continue
            messages += langchain_message(row, report)
            model = langchain_model(row)
            if model:
                models.append(model)
    ids = (described.get(key) for key in ("id", "thread_id", "conversation_id"))
    return finish(
        source,
        report,
        messages,
        format="langchain",
        id=next((found for found in ids if isinstance(found, str)), None),
        models=models,
        condition=logged_condition(described, described.get("metadata")),
        metadata=described["metadata"] if isinstance(described.get("metadata"), dict) else None,
        row=line,
    )
