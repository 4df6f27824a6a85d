"""Petri and Bloom: a target's conversation as the edits an auditor made to it, replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from grader.readers import bloom
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
RECOGNISED_BY = "`metadata.transcript_id` + `events` or `messages`; `rollouts` of such; `target_model_id`, `events`"

_VIEWS = ("target", "combined")
_KEPT_EVENTS = 500
_NO_TURNS = frozenset(["api_failure", "info"])
_THOUGHT = "Target Thinking"
"""The name under which the first versions put what the target thought into a message of its own."""


def sniff(head: Head) -> bool:
    """One transcript an object, or rows of such; or Bloom's file of many."""
    return any(_is_transcript(record) or _is_rollout_file(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The target's view; turns that were rolled back are threads of their own."""
    several = source.head.kind in ("rows", "list")
    judgments = _Once(source)
    for line, record in source.records(report, "events", "rollouts"):
        if isinstance(record, dict) and is_list(record.get("rollouts")):
            yield from _rollouts(source, report, record["rollouts"], judgments)
            continue
        with one_of(report, several, line=line), contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and (
                bloom.is_first_version(record) or isinstance(record.get("metadata"), dict)
            ):
                yield _transcript(source, report, record, line if several else None, {}, judgments)
            else:
                report.malformed(line, "no transcript", str(record)[:400])


def _rollouts(source: Source, report: Report, items: Any, judgments: _Once) -> Iterator[Transcript]:
    """Bloom's file of a whole run; each transcript stands in a file of its own too, and is the same there."""
    for position, item in enumerate(items, 1):
        with one_of(report, True, line=position), contained(report, "row", line=position, raw=item):
            record = item.get("transcript")
            if isinstance(record, dict) and isinstance(record.get("metadata"), dict):
                yield _transcript(source, report, record, position, item, judgments)
            else:
                report.malformed(position, "a rollout without transcript", str(item)[:400])


class _Once:
    """Judgments beside the file, looked for when first needed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: dict[bloom.Number, dict[str, Any]] | None = None

    def of(self, holder: dict[str, Any]) -> tuple[bloom.Number | None, list[dict[str, Any]]]:
        """Variation and repetition of a rollout, and how it was judged."""
        number = bloom.number_of(holder, self._source.name)
        if number is None:
            return None, []
        if self._found is None:
            self._found = bloom.judgments_beside(self._source)
        entry = self._found.get(number)
        return number, bloom.judged(entry) if entry is not None else []


def _is_rollout_file(record: dict[str, Any]) -> bool:
    rollouts = record.get("rollouts")
    first = rollouts[0] if isinstance(rollouts, list) and rollouts else None
    return isinstance(first, dict) and isinstance(first.get("transcript"), dict) and _is_transcript(first["transcript"])


def _is_transcript(record: dict[str, Any]) -> bool:
    metadata = record.get("metadata")
    if bloom.is_first_version(record):
        return True
    return (
        isinstance(metadata, dict)
        and "transcript_id" in metadata
        and any(key in record for key in ("events", "messages", "target_messages"))
    )


def _transcript(
    source: Source, report: Report, record: dict[str, Any], row: int | None, holder: dict[str, Any], judgments: _Once
) -> Transcript:
    metadata: dict[str, Any] = record["metadata"] if isinstance(record.get("metadata"), dict) else {}
    threads: dict[str, dict[str, Any]] = {}
    others: list[dict[str, Any]] = []
    if bloom.is_first_version(record):
        messages, format = bloom.first_messages(record, report), "bloom"
        metadata = {"evaluator_model": record.get("evaluator_model_id"), **metadata}
    else:
        messages, format = _replayed(record, report, threads, others)
    if not messages:
        raise Skip("no_text", "a transcript without messages")
    judged = metadata["judge_output"] if isinstance(metadata.get("judge_output"), dict) else {}
    number, scores = judgments.of(holder)
    told = {"variation": number[0], "repetition": number[1]} if number else {}
    return finish(
        source,
        report,
        messages,
        format=format,
        id=metadata.get("transcript_id"),
        model=metadata.get("target_model") or record.get("target_model_id"),
        threads={MAIN: thread_entry("main", parent=None), **threads} if threads else None,
        scores=[*_scores(judged), *scores],
        condition=logged_condition(metadata, record),
        metadata={**{key: value for key, value in metadata.items() if key != "judge_output"}, **told, "events": others},
        row=row,
    )


def _replayed(
    record: dict[str, Any], report: Report, threads: dict[str, dict[str, Any]], others: list[dict[str, Any]]
) -> tuple[list[Message], str]:
    """The messages of the target's view, those that were taken away in threads of their own, and the format."""
    events = record["events"] if is_list(record.get("events")) else []
    seen = _views_seen(events)
    view = next((name for name in _VIEWS if name in seen), _VIEWS[0])  # the target's, else the combined one
    replay = Replay(report)
    for event in events:
        with contained(report, "event"):
            _take(event, view, replay, others, report)
    turns = replay.turns or [Turn(item, None) for item in _listed(record)]
    messages = _messages(turns, MAIN, report)
    for number, removed in enumerate(replay.discarded, 1):
        key = f"discarded-{number}"
        messages += _messages(removed, key, report)
        threads[key] = thread_entry("discarded")
    return messages, _format(record["metadata"], seen)


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
    """The messages of `turns`, which are taken out of the list one by one: as logged they are larger than what is read of them."""
    messages: list[Message] = []
    turns.reverse()
    while turns:
        item = turns.pop()
        with contained(report, "message"):
            raw = item.message
            if not isinstance(raw, dict):
                report.warn("malformed_message", detail=f"{type(raw).__name__} instead of an object")
                continue
            if "role" not in raw and isinstance(raw.get("type"), str):  # the first versions
                if raw["type"] in _NO_TURNS:
                    report.leave_out(raw["type"])
                    continue
                raw = {**raw, "role": raw["type"]}
            if raw.get("name") == _THOUGHT and isinstance(raw.get("content"), str):
                raw = {**raw, "content": [{"type": "reasoning", "reasoning": raw["content"]}]}
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
