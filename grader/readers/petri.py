"""Petri and Bloom: a target's conversation as the edits an auditor made to it, replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from grader.readers.contained import contained, one_of
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.given import logged_condition
from grader.readers.inspect_messages import inspect_message
from grader.readers.petri_edits import Replay, Turn
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.streamed import StreamedList, is_list
from grader.readers.threads import MAIN, thread_entry
from grader.readers.times import utc_iso
from grader.transcript import Message, Transcript

SUPPORT = "TRCS"
RECOGNISED_BY = "`metadata.transcript_id` + `events` or `messages`"

_VIEWS = ("target", "combined")
_KEPT_EVENTS = 500
_ACTORS = ("auditor_model", "evaluator_model")


def sniff(head: Head) -> bool:
    """One transcript an object, or rows of such."""
    return any(_is_transcript(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The target's view; turns that were rolled back are threads of their own."""
    several = source.head.kind in ("rows", "list")
    for line, record in source.records(report, "events"):
        with one_of(report, several, line=line), contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and isinstance(record.get("metadata"), dict):
                yield _transcript(source, report, record, line if several else None)
            else:
                report.malformed(line, "no transcript", str(record)[:400])


def _is_transcript(record: dict[str, Any]) -> bool:
    metadata = record.get("metadata")
    return (
        isinstance(metadata, dict)
        and "transcript_id" in metadata
        and any(key in record for key in ("events", "messages", "target_messages"))
    )


def _transcript(source: Source, report: Report, record: dict[str, Any], row: int | None) -> Transcript:
    metadata: dict[str, Any] = record["metadata"]
    events = record["events"] if is_list(record.get("events")) else []
    seen = _views_seen(events)
    view = next((name for name in _VIEWS if name in seen), _VIEWS[0])  # the target's, else the combined one
    replay = Replay(report)
    others: list[dict[str, Any]] = []
    for event in events:
        with contained(report, "event"):
            _take(event, view, replay, others, report)
    turns = replay.turns or [Turn(item, None) for item in _listed(record)]
    messages = _messages(turns, MAIN, report)
    threads: dict[str, dict[str, Any]] = {}
    for number, removed in enumerate(replay.discarded, 1):
        key = f"discarded-{number}"
        messages += _messages(removed, key, report)
        threads[key] = thread_entry("discarded")
    if not messages:
        raise Skip("no_text", "a transcript without messages")
    judged = metadata["judge_output"] if isinstance(metadata.get("judge_output"), dict) else {}
    return finish(
        source,
        report,
        messages,
        format=_format(metadata, seen),
        id=metadata.get("transcript_id"),
        model=metadata.get("target_model"),
        threads={MAIN: thread_entry("main", parent=None), **threads} if threads else None,
        scores=_scores(judged),
        condition=logged_condition(metadata, record),
        metadata={**{key: value for key, value in metadata.items() if key != "judge_output"}, "events": others},
        row=row,
    )


def _format(metadata: Mapping[str, Any], seen: set[str]) -> str:
    """Bloom writes the same file, and calls the auditor an evaluator."""
    if "evaluator_model" in metadata or "behavior" in metadata or "behavior_name" in metadata:
        return "bloom"
    return "bloom" if "evaluator" in seen else "petri"


def _views(event: Any) -> list[Any]:
    view = event.get("view") if isinstance(event, dict) else None
    return view if isinstance(view, list) else [view] if isinstance(view, str) else []


def _views_seen(events: list[Any] | StreamedList) -> set[str]:
    return {name for event in events for name in _views(event) if isinstance(name, str)}


def _take(event: Any, view: str, replay: Replay, others: list[dict[str, Any]], report: Report) -> None:
    if not isinstance(event, dict):
        report.warn("malformed_event", detail=f"{type(event).__name__} instead of an object")
        return
    edit = event.get("edit")
    if event.get("type") not in ("transcript_event", None) or not isinstance(edit, dict):
        if len(others) < _KEPT_EVENTS:
            kept = {key: event[key] for key in ("type", "timestamp", "info", "content") if event.get(key) is not None}
            tool = event.get("tool")
            others.append({**kept, **({"tool": tool.get("name")} if isinstance(tool, dict) else {})})
        report.leave_out(event.get("type") or "event without edit")
    elif view in _views(event):
        replay.take(edit, event.get("timestamp"))
    else:
        report.leave_out("edit of another view")


def _listed(record: dict[str, Any]) -> list[Any]:
    return next((record[key] for key in ("target_messages", "messages") if isinstance(record.get(key), list)), [])


def _messages(turns: list[Turn], thread: str, report: Report) -> list[Message]:
    messages: list[Message] = []
    for item in turns:
        with contained(report, "message"):
            raw = item.message
            if not isinstance(raw, dict):
                report.warn("malformed_message", detail=f"{type(raw).__name__} instead of an object")
                continue
            if "role" not in raw and isinstance(raw.get("type"), str):  # the first versions
                raw = {**raw, "role": raw["type"]}
            stamp = utc_iso(item.time)
            for message in inspect_message(raw, report, thread=thread):
                messages.append(msgspec.structs.replace(message, timestamp=stamp) if stamp else message)
    return messages


def _scores(judged: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    values = judged.get("scores")
    for name, value in values.items() if isinstance(values, dict) else ():
        found.append(score(name, value))
    words = [judged.get(key) for key in ("summary", "justification")]
    told = "\n".join(word for word in words if isinstance(word, str) and word.strip())
    if told or judged.get("response"):
        found.append(score("judge_output", None, answer=judged.get("response"), explanation=told or None))
    return found
