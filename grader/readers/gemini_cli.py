"""Sessions of the Gemini CLI: one object, or in newer versions a row for the session and one for each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from grader.readers.contained import contained
from grader.readers.content import plain_text, reasoning_block, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.gemini_contents import part_blocks
from grader.readers.gemini_stream import Stream, is_stream_start
from grader.readers.given import logged_condition
from grader.readers.report import Report, Skip
from grader.readers.roles import role_of
from grader.readers.source import Source
from grader.readers.streamed import is_list
from grader.readers.threads import in_thread, thread_entry
from grader.readers.toolcall import tool_call
from grader.readers.turns import split_results, turn
from grader.transcript import Block, Message, Role, Transcript

SUPPORT = "-RC-"
RECOGNISED_BY = "`sessionId`, `projectHash`, `messages`; or some row `type: init` with `session_id`, `model`"

_NOTICES = frozenset(["info", "error", "warning"])
_FAILED = frozenset(["error", "cancelled", "canceled"])
_CONTEXT = "<session_context>"
"""What the program says of its surroundings before the user says anything."""
_MASKED = "<tool_output_masked>"
"""What stands for a long result once the program has taken it out of the history to save room."""
_KEPT = ("startTime", "lastUpdated", "projectHash", "kind", "summary", "directories")


def sniff(head: Head) -> bool:
    """An object of a session, or rows that begin with the session's own."""
    if head.kind == "object" and {"sessionId", "messages"} <= head.keys:
        return "projectHash" in head.keys or _are_turns(head.get("messages"))
    return head.kind in ("rows", "object") and (_is_session_row(head.first) or _is_printed(head))


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """One session a file; of what the program prints, one a run."""
    if _is_printed(source.head):
        yield from _printed(source, report)
        return
    recording = _Recording(report)
    for line, record in source.records(report, "messages"):
        if isinstance(record, dict) and is_list(record.get("messages")) and "sessionId" in record:
            recording.session |= {key: value for key, value in record.items() if key != "messages"}
            for message in record["messages"]:
                recording.take(line, message)
        elif isinstance(record, dict) and _is_session_row(record):
            recording.session |= record
            report.leave_out("session")
        else:
            recording.take(line, record)
    yield _transcript(source, report, recording)


def _is_printed(head: Head) -> bool:
    """What is printed begins with `init`; those that run the program may put what they asked before it."""
    return any(is_stream_start(record) for record in head.record_objects)


def _printed(source: Source, report: Report) -> Iterator[Transcript]:
    runs: list[Stream] = []
    before: list[dict[str, Any]] = []
    for line, record in source.records(report):
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of an object", str(record)[:400])
            elif is_stream_start(record):
                runs.append(Stream(record, report))
                report.leave_out("init")
                while before:
                    runs[-1].take(before.pop(0))
            elif runs:
                runs[-1].take(record)
            else:
                before.append(record)
    for run in runs:
        messages = run.finished()
        if messages:
            yield finish(source, report, messages, format="gemini_cli", id=run.id, models=run.models)
    if not any(run.messages for run in runs):
        raise Skip("no_text", "a run without messages")


def _are_turns(messages: object) -> bool:
    """Whether some of them are the model's as the CLI names it: older sessions tell no project."""
    return isinstance(messages, list) and any(
        isinstance(row, dict) and row.get("type") == "gemini" and "role" not in row for row in messages[:40]
    )


def _is_session_row(record: dict[str, Any]) -> bool:
    return "sessionId" in record and "projectHash" in record and "type" not in record


_Said: TypeAlias = tuple[list[Message], str | None]
"""The messages of a row, and their model."""


class _Recording:
    """The messages as the rows leave them: a row with a known id replaces its message, a rewind takes back what follows."""

    def __init__(self, report: Report) -> None:
        self.session: dict[str, Any] = {}
        self.kept: dict[str, _Said] = {}
        self.discarded: list[list[_Said]] = []
        self._report = report
        self._unnamed = 0

    def take(self, line: int, record: object) -> None:
        if not isinstance(record, dict):
            self._report.warn("malformed_message", line=line, detail=f"{type(record).__name__} instead of an object")
        elif isinstance(record.get("$set"), dict):
            self.session |= {key: value for key, value in record["$set"].items() if key != "messages"}
            self._checkpoint(line, record["$set"].get("messages"))
            self._report.leave_out("$set")
        elif "$rewindTo" in record:
            self._rewind(str(record["$rewindTo"]))
            self._report.leave_out("$rewindTo")
        elif edit := next((key for key in record if key.startswith("$")), None):
            self._report.leave_out(edit)  # the history is cut for the model: what was said before stays
        else:
            self._keep(line, record)

    def _keep(self, line: int, record: dict[str, Any]) -> None:
        key = record.get("id")
        if not isinstance(key, str):
            self._unnamed += 1
            key = f"\x00{self._unnamed}"
        said, model = _said(line, record, self._report)
        if key in self.kept:
            self._report.leave_out("earlier state of a message")
            said = _unmasked(said, self.kept[key][0])
        self.kept[key] = said, model

    def _checkpoint(self, line: int, messages: object) -> None:
        """The history as the model sees it from here on. What was said before stays; what is new in it sums that up.

        A turn with results only repeats those that stand at their calls. Before anything was said it is the beginning.
        """
        rows = messages if isinstance(messages, list) else []
        if not self.kept:
            for row in rows:
                if isinstance(row, dict):
                    self._keep(line, row)
            return
        for row in rows:
            if isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"] not in self.kept:
                said, model = _said(line, row, self._report)
                said = [message for message in said if message.role != "tool"]
                if any(message.blocks for message in said):
                    self.kept[row["id"]] = [_summing_up(message) for message in said], model

    def _rewind(self, key: str) -> None:
        if key not in self.kept:
            self._report.warn("unresolved_reference", detail=f"rewind to {key}")
            return
        taken = []
        while key in self.kept:
            taken.append(self.kept.popitem()[1])
        self.discarded.append(taken[::-1])


def _unmasked(said: list[Message], before: list[Message]) -> list[Message]:
    """A message in its new state, with the results as the model was given them at first."""
    given = {block.call_id: block for message in before for block in message.blocks if block.kind == "tool_result"}
    return [
        msgspec.structs.replace(
            message,
            blocks=tuple(
                given.get(block.call_id, block)
                if block.kind == "tool_result" and block.call_id and block.text.startswith(_MASKED)
                else block
                for block in message.blocks
            ),
        )
        for message in said
    ]


def _summing_up(message: Message) -> Message:
    return msgspec.structs.replace(message, flags=tuple(sorted({*message.flags, "summary"})))


def _transcript(source: Source, report: Report, recording: _Recording) -> Transcript:
    session = recording.session
    messages: list[Message] = []
    models: list[str] = []
    threads: dict[str, Any] = {}
    _add(recording.kept.values(), messages, models, report)
    for number, group in enumerate(recording.discarded, 1):
        key = f"discarded-{number}"
        taken: list[Message] = []
        _add(group, taken, models, report)
        messages += in_thread(taken, key)
        threads |= {"main": thread_entry("main", parent=None), key: thread_entry("discarded")}
    if not messages:
        raise Skip("no_text", "a session without messages")
    return finish(
        source,
        report,
        messages,
        format="gemini_cli",
        id=session.get("sessionId"),
        models=models,
        condition=logged_condition(session),
        threads=threads,
        metadata={**{key: session[key] for key in _KEPT if key in session}, "parent": _parent(source, session)},
    )


def _parent(source: Source, session: dict[str, Any]) -> str | None:
    """The session that started a sub-agent: the sessions of its sub-agents lie in a folder that is called after it."""
    place = (source.member or source.path.as_posix()).split("/")
    inside = session.get("kind") == "subagent" and len(place) > 1 and place[-2] != "chats"
    return place[-2] if inside else None


def _add(rows: Iterable[_Said], messages: list[Message], models: list[str], report: Report) -> None:
    """Newer versions log the results at their calls, and once more as the turn in which the model was given them."""
    answered: set[str | None] = set()
    for said, model in rows:
        at_calls = bool(said) and said[0].role != "tool"
        for message in said:
            ids = {block.call_id for block in message.blocks if block.kind == "tool_result" and block.call_id}
            if message.role == "tool" and not at_calls and ids and ids <= answered:
                report.leave_out("result that stands at its call")
                continue
            answered |= ids
            messages.append(message)
        if model is not None:
            models.append(model)


def _said(line: int, row: dict[str, Any], report: Report) -> _Said:
    messages: list[Message] = []
    with contained(report, "message", line=line):
        messages += _message(row, report)
    model = row.get("model")
    return messages, model if isinstance(model, str) and messages else None


def _message(row: dict[str, Any], report: Report) -> list[Message]:
    kind = row.get("type")
    said: dict[str, Any] = {"time": row.get("timestamp"), "source_id": row.get("id")}
    if kind in _NOTICES:
        blocks = part_blocks(row.get("content"), "system", report)
        return [turn("system", blocks, flags=("meta",), meta={"notice": kind}, **said)]
    role: Role
    role, name = role_of(kind, report)
    blocks = [*_thoughts(row.get("thoughts")), *part_blocks(row.get("content"), role, report)]
    calls = [call for call in row.get("toolCalls") or [] if isinstance(call, dict)]
    blocks += [tool_call(call.get("name"), call.get("args"), call_id=call.get("id")) for call in calls]
    if role == "user" and blocks and blocks[0].kind == "text" and blocks[0].text.startswith(_CONTEXT):
        said["flags"] = ("meta",)
    messages = split_results(role, blocks, name=name, **said)
    for call in calls:
        messages += _result(call, row.get("timestamp"), report)
    return messages


def _thoughts(thoughts: object) -> list[Block]:
    blocks: list[Block] = []
    for thought in thoughts if isinstance(thoughts, list) else []:
        if isinstance(thought, dict):
            parts = [thought.get("subject"), thought.get("description")]
            text = "\n".join(part for part in parts if isinstance(part, str) and part.strip())
        else:
            text = plain_text(thought)
        block = reasoning_block(text)
        blocks += [block] if block else []
    return blocks


def _result(call: dict[str, Any], time: object, report: Report) -> list[Message]:
    """The tool message of a call; none where the log keeps no result."""
    answer, shown = call.get("result"), call.get("resultDisplay")
    failed = call.get("status") in _FAILED
    blocks = part_blocks(answer, "tool", report) if answer is not None else []
    results = [block for block in blocks if block.kind == "tool_result"]
    if results:
        error = results[0].error or (str(call["status"]) if failed else None)
        block = Block(
            kind="tool_result",
            text="\n".join(block.text for block in blocks if block.kind in ("tool_result", "text") and block.text),
            name=str(call["name"]) if call.get("name") else results[0].name,
            call_id=call["id"] if isinstance(call.get("id"), str) and call["id"] else None,
            error=error,
        )
        blocks = [block, *(block for block in blocks if block.kind == "media")]
    elif blocks or isinstance(shown, str) or failed:
        text = "\n".join(block.text for block in blocks if block.kind != "media") if blocks else shown
        media = [block for block in blocks if block.kind == "media"]
        error = call.get("status") if failed else None
        blocks = [*result_block(text, report, name=call.get("name"), call_id=call.get("id"), error=error), *media]
    else:
        return []
    return [turn("tool", blocks, time=call.get("timestamp") or time)]
