"""Threads of Amp, sessions of Goose and of Continue: chats, whose calls and results each wraps in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from grader.readers.contained import contained
from grader.readers.content import content_blocks, plain_text, reasoning_block, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.jsontext import compact
from grader.readers.openai_messages import openai_message
from grader.readers.placeholders import media_block
from grader.readers.report import Report, Skip
from grader.readers.roles import role_of
from grader.readers.shapes import list_of, object_of
from grader.readers.source import Source
from grader.readers.streamed import is_list
from grader.readers.toolcall import tool_call
from grader.readers.turns import split_results, turn
from grader.transcript import Block, Message, Transcript

SUPPORT = "-RC-"
RECOGNISED_BY = "`id` `T-…`, `messages` · first `working_dir`, or `conversation` · `sessionId`, `history` of `message`"

_AMP_ID = re.compile(r"T-[\w-]+")
_GOOSE_FILE = re.compile(r"\d{8}_\d+")
_GOOSE_NOTES = ("toolConfirmationRequest", "actionRequired", "contextLengthExceeded", "summarizationRequested")
_LISTS = {"amp": "messages", "goose": "conversation", "continue": "history"}


def sniff(head: Head) -> bool:
    """One of the three."""
    return _format_of(head) is not None


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one session."""
    known = _format_of(source.head)
    format = known or "goose"
    chat = _Chat(report)
    for line, record in source.records(report, *_LISTS.values()):
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of a session", str(record)[:400])
            elif source.head.kind == "rows":
                chat.goose_row(record)
            else:
                chat.about = record
                rows = record.get(_LISTS[format])
                chat.take_all(format, rows if is_list(rows) else [])
    if not chat.messages:
        raise Skip("no_text", "a session without messages")
    own = chat.about.get("sessionId") or chat.about.get("id") or _file_id(source, format)
    yield finish(
        source,
        report,
        chat.messages,
        format=format,
        id=own if isinstance(own, str) else None,
        models=chat.models,
        metadata=_about(chat.about),
    )


def _format_of(head: Head) -> str | None:
    if head.kind == "rows":
        first = head.first
        is_goose = isinstance(first.get("working_dir"), str) and "role" not in first
        return "goose" if is_goose and any(_is_message(record) for record in head.record_objects) else None
    if head.kind != "object":
        return None
    own = head.get("id")
    if isinstance(own, str) and _AMP_ID.fullmatch(own) and _are_messages(head.get("messages")):
        return "amp"
    if isinstance(head.get("working_dir"), str) and _are_messages(head.get("conversation")):
        return "goose"
    history = head.get("history")
    if isinstance(head.get("sessionId"), str) and isinstance(history, list) and history:
        inner = history[0].get("message") if isinstance(history[0], dict) else None
        return "continue" if isinstance(inner, dict) and isinstance(inner.get("role"), str) else None
    return None


def _are_messages(rows: object) -> bool:
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and _is_message(rows[0])


def _is_message(record: dict[str, Any]) -> bool:
    return isinstance(record.get("role"), str) and isinstance(record.get("content"), list)


def _file_id(source: Source, format: str) -> str | None:
    """Goose names a session by its file alone."""
    stem = PurePath(source.member or source.path.name).stem
    return stem if format == "goose" and _GOOSE_FILE.fullmatch(stem) else None


def _about(record: dict[str, Any]) -> dict[str, Any]:
    env = object_of(object_of(record.get("env")).get("initial"))
    trees = env.get("trees")
    tree = object_of(trees[0]) if isinstance(trees, list) and trees else {}
    title = record.get("title") or record.get("name") or record.get("description")
    folder = record.get("working_dir") or record.get("workspaceDirectory") or tree.get("uri")
    return {"title": title, "cwd": folder if isinstance(folder, str) else None}


@dataclass(slots=True)
class _Chat:
    report: Report
    about: dict[str, Any] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    _answered: set[str] = field(default_factory=set)
    """Calls that messages of role tool answer, in Continue's history."""

    def take_all(self, format: str, rows: Any) -> None:
        if format == "continue":
            answers = (object_of(object_of(row).get("message")) for row in rows)
            self._answered = {str(answer["toolCallId"]) for answer in answers if answer.get("toolCallId")}
        take = {"amp": self._amp, "goose": self._goose, "continue": self._continue}[format]
        for row in rows:
            with contained(self.report, "message"):
                take(row)

    def goose_row(self, record: dict[str, Any]) -> None:
        """A row of Goose's file: what it says of the session, or a message."""
        if _is_message(record):
            self._goose(record)
        else:
            self.about = {**self.about, **record}
            self.report.leave_out("session" if "working_dir" in record else "row without message")

    def _amp(self, row: dict[str, Any]) -> None:
        role, unknown = role_of(row.get("role"), self.report)
        model = object_of(row.get("usage")).get("model")
        self.models += [model] if isinstance(model, str) else []
        flags, blocks = [], []
        for item in row["content"]:
            kind = object_of(item).get("type")
            if kind == "tool_result" and "run" in item:
                blocks += self._ran(item)
            elif kind == "summary":
                flags.append("summary")
                blocks += content_blocks(plain_text(object_of(item.get("summary")).get("summary")), "user", self.report)
            else:
                blocks += content_blocks([item], role, self.report)
        state = object_of(row.get("state"))
        meta = None
        if role == "assistant" and state.get("type") in ("cancelled", "error"):
            flags.append("partial")
            wrong = object_of(state.get("error")).get("message")
            meta = {"error": wrong} if isinstance(wrong, str) else {"stop_reason": state["type"]}
        time = object_of(row.get("meta")).get("sentAt")
        said = {"name": unknown, "time": time, "source_id": row.get("messageId"), "flags": flags, "meta": meta}
        self.messages += split_results(role, blocks, **said)

    def _ran(self, item: dict[str, Any]) -> list[Block]:
        run = object_of(item["run"])
        status, result = run.get("status"), run.get("result")
        wrong = object_of(run.get("error")).get("message") or run.get("error") or run.get("reason")
        failed = None if status in ("done", "in-progress", None) else wrong or status
        if isinstance(result, dict) and isinstance(result.get("output"), str):
            result = result["output"]
        elif result is not None and not isinstance(result, str):
            result = compact(result)
        call_id = item.get("toolUseID") or item.get("toolUseId")
        return result_block(result if result else failed, self.report, call_id=call_id, error=failed)

    def _goose(self, row: dict[str, Any]) -> None:
        role, unknown = role_of(row.get("role"), self.report)
        blocks: list[Block] = []
        for item in row["content"]:
            blocks += self._goose_item(object_of(item), role)
        hidden = role != "assistant" and object_of(row.get("metadata")).get("userVisible") is False
        said = {"name": unknown, "time": row.get("created"), "source_id": row.get("id")}
        self.messages += split_results(role, blocks, flags=("meta",) if hidden else (), **said)

    def _goose_item(self, item: dict[str, Any], role: Any) -> list[Block]:
        kind = item.get("type")
        if kind in ("toolRequest", "frontendToolRequest"):
            asked = object_of(item.get("toolCall"))
            call, wrong = object_of(asked.get("value")), asked.get("error")
            error = wrong if isinstance(wrong, str) else None
            return [tool_call(call.get("name"), call.get("arguments"), call_id=item.get("id"), error=error)]
        if kind == "toolResponse":
            told = object_of(item.get("toolResult"))
            value = told.get("value")
            content = value.get("content") if isinstance(value, dict) else value
            failed = told.get("error") or (isinstance(value, dict) and value.get("isError")) or None
            shown = content if content else failed if isinstance(failed, str) else content
            return result_block(shown, self.report, call_id=item.get("id"), error=failed)
        if kind == "redactedThinking":
            block = reasoning_block("", redacted=True)
            return [block] if block else []
        if kind == "image" and isinstance(item.get("data"), str):
            return media_block("image", mime=item.get("mimeType"), data=item["data"])
        if kind in _GOOSE_NOTES:
            self.report.leave_out(kind)
            return []
        return content_blocks([item], role, self.report)

    def _continue(self, row: dict[str, Any]) -> None:
        message = row["message"]
        role = message.get("role")
        for log in list_of(row.get("promptLogs")):
            model = object_of(log).get("modelTitle")
            self.models += [model] if isinstance(model, str) else []
        if role == "thinking":
            hidden = bool(message.get("redactedThinking") or message.get("signature"))
            thought = reasoning_block(
                plain_text(message.get("content")), redacted=not message.get("content") and hidden
            )
            self.messages.append(turn("assistant", [thought]))
            return
        given = [object_of(item).get("content") for item in list_of(row.get("contextItems"))] if role == "user" else []
        for content in given:
            if isinstance(content, str) and content.strip():
                self.messages.append(turn("user", content_blocks(content, "user", self.report), flags=("meta",)))
        told = {**message, "tool_calls": message.get("toolCalls"), "tool_call_id": message.get("toolCallId")}
        self.messages += openai_message(told, self.report)
        for state in map(object_of, list_of(row.get("toolCallStates"))):
            self._state(state, message)

    def _state(self, state: dict[str, Any], message: dict[str, Any]) -> None:
        """What a call came to, where no message says it; and the call, where the message does not have it."""
        call_id = state.get("toolCallId") or object_of(state.get("toolCall")).get("id")
        function = object_of(object_of(state.get("toolCall")).get("function"))
        if not list_of(message.get("toolCalls")) and function:
            call = tool_call(function.get("name"), function.get("arguments"), call_id=call_id)
            self.messages.append(turn("assistant", [call]))
        if str(call_id) in self._answered or not is_list(state.get("output")):
            return
        shown = "\n".join(plain_text(object_of(item).get("content")) for item in state["output"])
        failed = state.get("status") if state.get("status") in ("errored", "canceled") else None
        self.messages.append(turn("tool", result_block(shown, self.report, call_id=call_id, error=failed)))
