"""What Cursor's agent prints (`--print --output-format stream-json`): words, thoughts in pieces, and calls as they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.readers.contained import take_rows
from grader.readers.content import content_blocks, plain_text, reasoning_block, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.jsontext import compact
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Transcript

__all__ = ["read", "sniff"]

_TOOL = "ToolCall"
_TEXTS = ("content", "output", "stdout", "stderr")


def sniff(head: Head) -> bool:
    """Rows of calls as Cursor has them, or of thoughts in pieces."""
    return head.kind in ("rows", "object") and any(_is_printed(record) for record in head.record_objects)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The output is one session."""
    session = _Session(report)
    take_rows(source, report, session.take, "an event")
    yield session.transcript(source)


def _is_printed(record: dict[str, Any]) -> bool:
    kind, subtype = record.get("type"), record.get("subtype")
    if kind == "tool_call":
        return subtype in ("started", "completed") and isinstance(record.get("tool_call"), dict)
    if kind == "thinking":
        return subtype in ("delta", "completed")
    return kind == "system" and subtype == "init" and "apiKeySource" in record and "tools" not in record


@dataclass(slots=True)
class _Session:
    report: Report
    id: str | None = None
    cwd: str | None = None
    models: list[str] = field(default_factory=list)
    _messages: list[Message] = field(default_factory=list)
    _thought: list[str] = field(default_factory=list)
    _said: str = ""
    """What the model says, as far as it has come."""
    _before: str = ""
    """All it said since the last prompt, before that."""
    _said_at: object = None
    _called: set[str] = field(default_factory=set)

    def take(self, record: dict[str, Any], line: int) -> None:
        if isinstance(record.get("session_id"), str):
            self.id = self.id or record["session_id"]
        kind = record.get("type")
        message = record["message"] if isinstance(record.get("message"), dict) else {}
        if kind == "user":
            self._close()
            self._before = ""
            self._add("user", content_blocks(message.get("content"), "user", self.report, line=line), record)
        elif kind == "assistant":
            self._says(plain_text(message.get("content")), record)
        elif kind == "tool_call" and isinstance(record.get("tool_call"), dict):
            self._call(record, record["tool_call"])
        else:
            if kind == "thinking" and record.get("subtype") == "delta" and isinstance(record.get("text"), str):
                self._thought.append(record["text"])
                kind = "row of the same message"
            elif kind == "system":
                self.models += [record["model"]] if isinstance(record.get("model"), str) else []
                self.cwd = record["cwd"] if isinstance(record.get("cwd"), str) else self.cwd
            self.report.leave_out(kind if isinstance(kind, str) else "row without type")

    def transcript(self, source: Source) -> Transcript:
        self._close()
        if not self._messages:
            raise Skip("no_text", "a session without messages")
        return finish(
            source,
            self.report,
            self._messages,
            format="cursor",
            id=self.id,
            models=self.models,
            metadata={"cwd": self.cwd},
        )

    def _says(self, text: str, record: dict[str, Any]) -> None:
        """A whole answer, a piece of one (`--stream-partial-output`), or once more what came in pieces."""
        if not text or text.strip() in (self._said.strip(), (self._before + self._said).strip()):
            self.report.leave_out("assistant, told once more")
            return
        if "timestamp_ms" in record and "model_call_id" not in record and self._said:
            self._said += text
            self.report.leave_out("row of the same message")
            return
        self._close_words()
        self._said, self._said_at = text, record.get("timestamp_ms")

    def _call(self, record: dict[str, Any], told: dict[str, Any]) -> None:
        name, inner = _named(told)
        key = str(record.get("call_id"))
        if key not in self._called:
            self._called.add(key)
            if self._said:
                self.report.leave_out("row of the same message")
            blocks = [*self._words(), tool_call(name, inner.get("args", inner.get("arguments")), call_id=key)]
            self._add("assistant", blocks, record)
        elif record.get("subtype") != "completed":
            self.report.leave_out("tool_call, told once more")
        if record.get("subtype") == "completed":
            self._add("tool", self._result(inner.get("result"), key), record)

    def _result(self, result: object, call_id: str) -> list[Block]:
        error = None
        if isinstance(result, dict) and len(result) == 1:
            [(outcome, told)] = result.items()
            error = None if outcome == "success" else _shown(told) or str(outcome)
            result = told
        return result_block(_shown(result) or error, self.report, call_id=call_id, error=error)

    def _words(self) -> list[Block]:
        """What was thought and said and has no message yet."""
        thought = reasoning_block("".join(self._thought))
        blocks = [thought] if thought else []
        blocks += content_blocks(self._said, "assistant", self.report)
        self._before += self._said
        self._said, self._thought = "", []
        return blocks

    def _close_words(self) -> None:
        if self._said:
            self._close()

    def _close(self) -> None:
        at = self._said_at
        if blocks := self._words():
            self._messages.append(turn("assistant", blocks, time=at))
        self._said_at = None

    def _add(self, role: Any, blocks: list[Block], record: dict[str, Any]) -> None:
        self._messages.append(turn(role, blocks, time=record.get("timestamp_ms")))


def _named(told: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The tool's name and what is told of the call: `{readToolCall: {args, result}}`, or `{function: {name, arguments}}`."""
    for key, inner in told.items():
        if isinstance(inner, dict) and key.endswith(_TOOL):
            return key.removesuffix(_TOOL), inner
    function = told["function"] if isinstance(told.get("function"), dict) else {}
    name = function.get("name")
    return name if isinstance(name, str) else None, {
        **function,
        **({"result": told["result"]} if "result" in told else {}),
    }


def _shown(told: object) -> str:
    """A result in words: what was printed or read, else its JSON."""
    if isinstance(told, str):
        return told
    if not isinstance(told, dict):
        return "" if told is None else compact(told)
    texts = [told[key] for key in _TEXTS if isinstance(told.get(key), str) and told[key]]
    return "\n".join(text.removesuffix("\n") for text in texts) if texts else compact(told)
