"""Sessions of the pi coding agent (and OpenClaw, which runs it): rows of entries that form a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.readers import openclaw, openclaw_trajectory
from grader.readers.contained import take_rows
from grader.readers.entry_tree import EntryTree
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.pi_messages import is_beside, model_of, pi_message
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.transcript import Message, Transcript

SUPPORT = "tRC-"
RECOGNISED_BY = "first `type: session`, then `message`; or `message_end` · `type` agent.start, message.in, tool.start; `traceSchema`"

_MESSAGES = ("message", "message_end")
"""The second on standard output (`--mode json`): the finished state of what other rows tell piece by piece."""
_SUMMARIES = {"compaction": "compactionSummary", "branch_summary": "branchSummary"}
_SESSION_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEPT = ("cwd", "provider", "thinkingLevel", "version", "parentSession")


def sniff(head: Head) -> bool:
    """A session and its messages, or the events of OpenClaw."""
    if head.kind not in ("rows", "list"):
        return False
    if openclaw.sniff(head) or openclaw_trajectory.sniff(head):
        return True
    found = {record["type"] for record in head.record_objects if _is_message(record)}
    return "message_end" in found or (head.first.get("type") == "session" and bool(found))


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one session; of OpenClaw's events it may hold several."""
    for log in (openclaw_trajectory, openclaw):
        if log.sniff(source.head):
            yield from log.read(source, report)
            return
    session = _Session(report)
    take_rows(source, report, session.take, "an entry")
    yield session.transcript(source)


def _session_of(path: object) -> str | None:
    """The id of the session a fork came from: its file is called `<time>_<id>.jsonl`."""
    found = _SESSION_ID.search(path) if isinstance(path, str) else None
    return found[0] if found else path if isinstance(path, str) else None


def _is_message(record: dict[str, Any]) -> bool:
    row = record.get("message")
    return record.get("type") in _MESSAGES and isinstance(row, dict) and isinstance(row.get("role"), str)


@dataclass(slots=True)
class _Session:
    """Entries in file order. Without ids (the first version) that order is the conversation."""

    report: Report
    header: dict[str, Any] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    _tree: EntryTree = field(default_factory=EntryTree)

    def take(self, record: dict[str, Any], line: int) -> None:
        kind = record.get("type")
        if kind == "session":
            self.header = self.header or record
            self.report.leave_out(kind)
            return
        if kind == "leaf":  # where the conversation stands, said outright
            places = (record.get(key) for key in ("leafId", "targetId", "entryId"))
            self._tree.last = next(
                (key for key in places if isinstance(key, str) and key in self._tree), self._tree.last
            )
            self.report.leave_out(kind)
            return
        message = self._message(record, line)
        if message is None:
            self.report.leave_out(kind or "entry without type")
        row = record.get("message")
        self._tree.add(
            record.get("id"),
            record.get("parentId"),
            message,
            names_parent="parentId" in record,
            beside=record.get("appendMode") == "side" or (isinstance(row, dict) and is_beside(row)),
        )

    def transcript(self, source: Source) -> Transcript:
        messages, threads = self._tree.threads()
        if not messages:
            raise Skip("no_text", "a session without messages")
        own = self.header.get("id")
        return finish(
            source,
            self.report,
            messages,
            format="pi",
            id=own if isinstance(own, str) else None,
            model=None if self.models else self.header.get("modelId"),
            models=self.models,
            threads=threads,
            metadata={
                **{key: self.header[key] for key in _KEPT if key in self.header and key != "parentSession"},
                "continues": _session_of(self.header.get("parentSession") or self.header.get("branchedFrom")),
            },
        )

    def _message(self, record: dict[str, Any], line: int) -> Message | None:
        kind = record.get("type")
        row = record.get("message")
        if kind in _MESSAGES and isinstance(row, dict):
            model = model_of(row)
            self.models += [model] if model else []
        elif kind in _SUMMARIES:
            row = {"role": _SUMMARIES[kind], "summary": record.get("summary")}
        elif kind == "custom_message":
            row = {"role": "custom", "customType": record.get("customType"), "content": record.get("content")}
        else:
            return None
        return pi_message(row, self.report, time=record.get("timestamp"), source_id=record.get("id"), line=line)
