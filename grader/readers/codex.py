"""Codex rollouts: rows around items of the Responses API; in old ones the items stand bare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.readers.codex_exec import ExecItems, is_exec_row
from grader.readers.contained import contained
from grader.readers.content import text_blocks
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.prompts import prompt_messages
from grader.readers.report import Report, Skip
from grader.readers.responses_items import ResponsesReader, is_responses_item
from grader.readers.source import Source
from grader.readers.threads import MAIN, in_thread, thread_entry
from grader.readers.turns import turn
from grader.transcript import Message, Transcript

SUPPORT = "-rC-"
RECOGNISED_BY = "some row `type: session_meta` or `thread.started`, or with an event in `msg`; `session`, `items`; or bare Responses items"

_ROW_TYPES = frozenset(["session_meta", "response_item", "turn_context", "event_msg", "compacted"])
_NOT_SAID = frozenset(["ghost_snapshot", "other", "token_count"])
_KEPT = ("cwd", "originator", "cli_version", "model_provider", "source", "git", "agent_role")

_TIMED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""Ids that begin with the time they were given at (UUID version 7)."""


def sniff(head: Head) -> bool:
    """A row of a rollout, or items that only the Responses API has."""
    if head.kind not in ("rows", "list", "object"):
        return False
    records = head.record_objects
    if any(_is_rollout_row(record) or is_exec_row(record) for record in records):
        return True
    if head.kind == "object" and _is_first_version(head.first):
        return True
    bare = [record for record in records if is_responses_item(record) and "stop_reason" not in record]
    return bool(bare) and all(_is_bare(record) for record in records)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one session."""
    session = _Session(report)
    for line, record in source.records(report):
        with contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and _is_first_version(record):
                session.take_all(record)
            elif isinstance(record, dict):
                session.take(record, line)
            else:
                report.malformed(line, f"{type(record).__name__} instead of an object", str(record))
    messages = session.messages()
    if not messages:
        raise Skip("no_text", "a session without messages")
    if session.is_output:
        messages = [*prompt_messages(source, report, user=session.prompt), *messages]
    yield finish(
        source,
        report,
        messages,
        format="codex",
        id=session.id,
        model=session.model,
        models=session.models,
        threads=session.threads,
        metadata=session.metadata,
    )


def _is_rollout_row(record: dict[str, Any]) -> bool:
    kind = record.get("type")
    return isinstance(kind, str) and kind in _ROW_TYPES and isinstance(record.get("payload"), dict)


def _is_first_version(record: dict[str, Any]) -> bool:
    """The first Codex, written in TypeScript, kept one object a session: its header and the items."""
    return isinstance(record.get("session"), dict) and isinstance(record.get("items"), list)


def _is_bare(record: dict[str, Any]) -> bool:
    return (
        is_responses_item(record) or "record_type" in record or ("instructions" in record and "messages" not in record)
    )


def _parent(payload: dict[str, Any]) -> str | None:
    """The session that started this one as its sub-agent: `{source: {subagent: {thread_spawn: {parent_thread_id}}}}`."""
    value: Any = payload
    for key in ("source", "subagent", "thread_spawn", "parent_thread_id"):
        value = value.get(key) if isinstance(value, dict) else None
    value = value or payload.get("parent_thread_id")
    return value if isinstance(value, str) else None


def _turn_id(record: dict[str, Any], payload: dict[str, Any]) -> str:
    """The turn that a row begins or belongs to; "" where it says none."""
    value: Any = None
    if record.get("type") == "turn_context" or payload.get("type") == "task_started":
        value = payload.get("turn_id")
    elif isinstance(payload.get("internal_chat_message_metadata_passthrough"), dict):
        value = payload["internal_chat_message_metadata_passthrough"].get("turn_id")
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class _Session:
    """Rows in file order. What is put out between two results is one message (see ResponsesReader)."""

    report: Report
    id: str | None = None
    models: list[str] = field(default_factory=list)
    prompt: str | None = None
    """What the first run of `codex exec` was asked, where it printed that."""
    _model_at_start: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    _own_from: int = 0
    """`ordinal` of the first row that is the session's own: a sub-agent's rollout begins with a copy of its parent's."""
    _copies: bool = False
    """Whether the rows are of such a copy, in rollouts without `ordinal`."""
    _before: list[Message] = field(default_factory=list)
    _reader: ResponsesReader | None = None
    _exec: ExecItems | None = None
    _discarded: list[list[Message]] = field(default_factory=list)
    _said: int = 0

    @property
    def model(self) -> str | None:
        """The header's, where no turn says what it ran with."""
        return None if self.models else self._model_at_start

    @property
    def threads(self) -> dict[str, dict[str, Any]]:
        """Entries for what was taken back; {} where nothing was."""
        keys = [taken[0].thread for taken in self._discarded]
        main = {MAIN: thread_entry("main", parent=None)} if keys else {}
        return {**main, **{key: thread_entry("discarded") for key in keys}}

    @property
    def is_output(self) -> bool:
        """Whether these are rows of `codex exec --json`, which does not print what it was asked."""
        return self._exec is not None

    def take(self, record: dict[str, Any], line: int) -> None:
        kind, payload = record.get("type"), record.get("payload")
        if is_exec_row(record) or (self._exec is not None and "msg" in record):
            self._exec = self._exec or ExecItems(self.report)
            self._exec.take(record)
            return
        if not isinstance(payload, dict):
            self._bare(record, line)
            return
        if kind == "session_meta":
            self._header(payload, record.get("timestamp"))
            return
        copied = self._is_copied(record, payload)
        flags = ("copied",) if copied else ()
        if kind == "response_item":
            self._item(payload, record.get("timestamp"), line, flags=flags)
        elif kind == "inter_agent_communication":
            self._item({**payload, "type": "agent_message"}, record.get("timestamp"), line, flags=flags)
        elif kind == "compacted":
            self._summary(payload, record.get("timestamp"), flags)
        elif kind == "realtime_item" and payload.get("type") == "transcript_segment":  # spoken
            said = {
                "type": "message",
                "id": payload.get("id"),
                "role": payload.get("role"),
                "content": payload.get("text"),
            }
            self._item(said, record.get("timestamp"), line, flags=flags)
        else:
            if kind == "turn_context" and isinstance(payload.get("model"), str) and not copied:
                self.models.append(payload["model"])
            elif kind == "event_msg":
                self._event(payload)
            self.report.leave_out(kind)

    def _is_copied(self, record: dict[str, Any], payload: dict[str, Any]) -> bool:
        """Whether a row is of the parent's history: it says so, or stands before the first own one, where the header names
        that; else it is of a turn whose id, as ids tell the time, is older than the sub-agent's."""
        ordinal = record.get("ordinal")
        if self._own_from and isinstance(ordinal, int):
            return ordinal < self._own_from
        if self.metadata.get("parent"):
            about = record.get("metadata")
            if isinstance(about, dict) and about.get("inherited_user_message") is True:
                return True
            turn_id = _turn_id(record, payload)
            if self.id is not None and _TIMED.fullmatch(turn_id) and _TIMED.fullmatch(self.id):
                self._copies = turn_id < self.id
        return self._copies

    def _event(self, payload: dict[str, Any]) -> None:
        """Events repeat what the items say, but for these two: a turn was interrupted, turns were taken back."""
        if payload.get("type") == "turn_aborted":
            self._items().break_off()
        turns = payload.get("num_turns")
        if payload.get("type") == "thread_rolled_back" and isinstance(turns, int) and turns > 0:
            taken = self._items().take_back(turns)
            if taken:
                key = f"discarded-{len(self._discarded) + 1}"
                self._discarded.append(in_thread(taken, key))

    def take_all(self, record: dict[str, Any]) -> None:
        """A whole session of the first version."""
        self._header(record["session"], record["session"].get("timestamp"))
        for position, item in enumerate(record["items"], 1):
            with contained(self.report, "item"):
                if isinstance(item, dict):
                    self._item(item, item.get("timestamp"), position)
                else:
                    self.report.warn("malformed_item", detail=f"{type(item).__name__} instead of an object")

    def messages(self) -> list[Message]:
        if self._exec is not None:
            self.id = self.id or self._exec.thread
            self._model_at_start = self._model_at_start or self._exec.model
            return [*self._before, *self._exec.messages()]
        read = self._items().messages()
        read += [message for taken in self._discarded for message in taken]
        joined = self._said - len(read)
        if joined > 0:  # several rows became one message: named, so that rows in = messages + leftovers
            self.report.leave_out("joined with the row before", joined)
        return [*self._before, *read]

    def _items(self) -> ResponsesReader:
        if self._reader is None:
            self._reader = ResponsesReader(self.report)
        return self._reader

    def _header(self, payload: dict[str, Any], time: object, row: str = "session_meta") -> None:
        if self.id is not None or self._before:  # a fork repeats the header of the session it continues
            self.report.leave_out(row)
            return
        own = payload.get("id") or payload.get("session_id")
        self.id = own if isinstance(own, str) else None
        start = payload.get("subagent_history_start_ordinal")
        self._own_from = start if isinstance(start, int) else 0
        if isinstance(payload.get("model"), str):
            self._model_at_start = payload["model"]
        self.metadata |= {key: payload[key] for key in _KEPT if payload.get(key)}
        self.metadata |= {"continues": payload.get("forked_from_id"), "parent": _parent(payload)}
        base = payload.get("base_instructions")
        text = base.get("text") if isinstance(base, dict) else base or payload.get("instructions")
        if isinstance(text, str) and text.strip():
            self._before.append(turn("system", text_blocks(text, "system"), time=time))
        else:
            self.report.leave_out(row)

    def _bare(self, record: dict[str, Any], line: int) -> None:
        if is_responses_item(record) or ("role" in record and "content" in record):
            item = {**record, "type": "message"} if record.get("type") == "response_item" else record
            self._item(item, record.get("timestamp"), line)
        elif "record_type" in record:
            self.report.leave_out(record["record_type"])
        elif "instructions" in record or ("id" in record and "timestamp" in record):
            self._header(record, record.get("timestamp"), "header")
        elif isinstance(record.get("prompt"), str) and len(record) == 1:
            self._asked(record["prompt"])
        elif "workdir" in record and "model" in record:
            self._header({"cwd": record["workdir"], "model_provider": record.get("provider"), **record}, None, "header")
        else:
            self.report.leave_out(record.get("type") or "row without payload")

    def _asked(self, prompt: str) -> None:
        if self.prompt is None and self._exec is None:
            self.prompt = prompt
        else:  # of a further run
            self._exec = self._exec or ExecItems(self.report)
            self._exec.ask(prompt)

    def _item(self, item: dict[str, Any], time: object, line: int, flags: tuple[str, ...] = ()) -> None:
        kind = item.get("type")
        if kind in _NOT_SAID:
            self.report.leave_out(kind)
            return
        if kind == "function_call" and "arguments" not in item and "input" not in item:
            item = {**item, "arguments": None}
        before = self.report.rows_left_out
        self._items().add(item, time=time, line=line, flags=flags)
        if self.report.rows_left_out == before:
            self._said += 1

    def _summary(self, payload: dict[str, Any], time: object, flags: tuple[str, ...]) -> None:
        text = payload.get("message")
        if not isinstance(text, str) or not text.strip():
            self.report.leave_out("compacted")
            return
        item = {"type": "message", "role": "user", "content": text}
        self._items().add(item, time=time, flags=(*flags, "summary"))
        self._said += 1
