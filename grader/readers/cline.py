"""Tasks of Cline, Roo Code and their kin: the history of the API, whose tools are called in tags of their own name."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, TypeAlias

import msgspec

from grader.readers.contained import contained
from grader.readers.content import content_blocks, reasoning_block, result_block, text_blocks
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.pairing import ended_by_call
from grader.readers.report import Report, Skip
from grader.readers.roles import role_of
from grader.readers.shapes import object_of
from grader.readers.source import Source
from grader.readers.toolcall import tool_call
from grader.readers.turns import split_results, turn
from grader.transcript import Block, Message, Role, Transcript

SUPPORT = "-rC-"
RECOGNISED_BY = "list of `role`, `content`, `ts` with `<task>` or `<environment_details>`; or of `ts`, `say`/`ask`"

_TOOLS = (
    *("execute_command", "read_file", "write_to_file", "replace_in_file", "apply_diff", "insert_content"),
    *("search_and_replace", "search_files", "list_files", "list_code_definition_names", "browser_action"),
    *("use_mcp_tool", "access_mcp_resource", "ask_followup_question", "attempt_completion", "new_task"),
    *("plan_mode_respond", "act_mode_respond", "switch_mode", "update_todo_list", "codebase_search"),
    *("fetch_instructions", "load_mcp_documentation", "web_fetch", "condense", "edit_file", "run_slash_command"),
)
_CALL = re.compile(rf"^<({'|'.join(_TOOLS)})>(.*?)(</\1>|\Z)", re.DOTALL | re.MULTILINE)
_MOST_OPEN = 100
_TAG = re.compile(r"<(\w+)>")
_RESULT = re.compile(r"\[(\w+)(?=[\] ])")
_RESULT_ENDS = "] Result:"
_MOST_CALLED = 100_000
"""Characters of what a result says of its call."""
_SURROUNDINGS = "<environment_details>"
_MARKS = ("<task>", _SURROUNDINGS, "<user_message>")
_PROMPTED = (_SURROUNDINGS, "# TODO LIST UPDATE REQUIRED", "# task_progress ", "[ERROR] You did not use a tool")
"""What begins the texts that the harness adds to a prompt."""
_RESUMED = ("[TASK RESUMPTION]", "New message to respond to with ", "(The user did not provide a new message")
"""… unless a message of the user follows in it."""
_TASK = re.compile(r"\d{13}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANSWERS = {"command_output": "command", "mcp_server_response": "use_mcp_server"}
"""What the interface showed of results → what it showed of their calls; those of other tools it does not show."""
_HISTORY = "api_conversation_history.json"

_Asked: TypeAlias = dict[str | None, deque[Block]]
"""Calls without a result, by the name of their tool."""


def sniff(head: Head) -> bool:
    """A history in which a task or the surroundings are told, or what the interface showed of one."""
    if head.kind != "list":
        return False
    records = head.record_objects
    return bool(records) and (any(_is_told(record) for record in records) or all(map(_is_shown, records)))


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one task. What the interface showed is left out beside the history, which tells it whole."""
    messages: list[Message] = []
    models: list[str] = []
    asked: _Asked = {}
    shown = all(map(_is_shown, source.head.record_objects))
    report.told_elsewhere = shown and any(path.name == _HISTORY for path in source.siblings())
    for line, record in source.records(report):
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of a message", str(record)[:400])
            elif report.told_elsewhere:
                report.leave_out("message of the task in the file beside it")
            elif shown:
                _show(record, report, messages)
            else:
                model = object_of(record.get("modelInfo")).get("modelId")
                models += [model] if isinstance(model, str) else []
                told = _told(record, report, line, asked)
                if told and told[-1].role == "assistant":
                    asked = _asked(told[-1].blocks)
                messages += told
    if report.told_elsewhere:
        return
    if not messages:
        raise Skip("no_text", "a task without messages")
    folder = (PurePath(source.member) if source.member is not None else source.path).parent.name
    own = folder if _TASK.fullmatch(folder) else None
    messages = ended_by_call(messages, lambda block: block.name == "attempt_completion")
    yield finish(source, report, messages, format="cline", id=own, models=models)


def _is_told(record: dict[str, Any]) -> bool:
    if not (record.get("role") == "user" and isinstance(record.get("content"), list)):
        return False
    marks = _MARKS if isinstance(record.get("ts"), int | float) else (_SURROUNDINGS,)
    texts = (object_of(item).get("text") for item in record["content"])
    return any(isinstance(text, str) and text.lstrip().startswith(marks) for text in texts)


def _is_shown(record: dict[str, Any]) -> bool:
    kind = record.get("type")
    return kind in ("say", "ask") and isinstance(record.get("ts"), int | float) and isinstance(record.get(kind), str)


def _told(record: dict[str, Any], report: Report, line: int, asked: _Asked) -> list[Message]:
    """A message of the history; `asked`: the calls before it, of which those it answers are taken out."""
    role, unknown = role_of(record.get("role"), report, line=line)
    said: dict[str, Any] = {"name": unknown, "time": record.get("ts")}
    content = record.get("content")
    items = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if record.get("type") == "reasoning":
        thought = reasoning_block("", summary=record.get("summary"), redacted=bool(record.get("encrypted_content")))
        return [turn("assistant", [thought], **said)]
    if role == "assistant":
        blocks = [block for item in items for block in content_blocks([item], role, report, line=line)]
        blocks = [piece for block in blocks for piece in (_called(block) if block.kind == "text" else [block])]
        flags = ("summary",) if record.get("isSummary") is True else ()
        return [turn(role, blocks, flags=flags, **said)]
    return _heard(items, report, line, said, asked)


def _called(block: Block) -> list[Block]:
    """A text of the model, the calls in it taken out."""
    pieces: list[Block] = []
    at = fences = looked = 0
    for found in _CALL.finditer(block.text):
        fences += block.text.count("```", looked, found.start())
        looked = found.start()
        if fences % 2:  # a mention
            continue
        pieces += text_blocks(block.text[at : found.start()].strip("\n"), "user")
        name, inner, end = found.groups()
        arguments = _arguments(inner)
        meta = {"tag": name} if end else {"tag": name, "unclosed": True}
        pieces.append(tool_call(name, arguments or inner.strip() or None, meta=meta))
        at = found.end()
    return [*pieces, *text_blocks(block.text[at:].strip("\n"), "user")] if pieces else [block]


def _arguments(inner: str) -> dict[str, str]:
    """What stands in a tag each, within a call."""
    arguments: dict[str, str] = {}
    open_ended: set[str] = set()
    at = 0
    while (found := _TAG.search(inner, at)) is not None:
        name, at = found[1], found.end()
        end = -1 if name in open_ended else inner.find(f"</{name}>", at)
        if end < 0:
            open_ended.add(name)
            if len(open_ended) > _MOST_OPEN:  # no call: looking for the end of each would take forever
                break
            continue
        arguments[name] = inner[at:end].removeprefix("\n").removesuffix("\n")
        at = end + len(name) + 3
    return arguments


def _heard(items: list[Any], report: Report, line: int, said: dict[str, Any], asked: _Asked) -> list[Message]:
    """What the model was told: results of its calls, what the user said, and, flagged meta, what surrounds it."""
    messages: list[Message] = []
    result: tuple[str, list[str]] | None = None

    def answered() -> None:
        if result is not None:
            name, texts = result
            call = _answered_by(name, asked)
            call_id = None if call is None else call.call_id
            blocks = result_block("\n".join(texts), report, name=name if call is None else call.name, call_id=call_id)
            messages.append(turn("tool", blocks, **said))

    for item in items:
        text = object_of(item).get("text") if object_of(item).get("type") == "text" else None
        if not isinstance(text, str):
            answered()
            result = None
            messages += split_results("user", content_blocks([item], "user", report, line=line), **said)
        elif (found := _result(text)) is not None:
            answered()
            name, rest = found
            result = (name, [rest] if rest else [])
        elif result is not None and not text.lstrip().startswith((*_MARKS, *_PROMPTED, *_RESUMED, "<feedback>")):
            result[1].append(text)
        else:
            answered()
            result = None
            flags = ("meta",) if _is_prompted(text) else ()
            messages.append(turn("user", text_blocks(text, "user"), flags=flags, **said))
    answered()
    return messages


def _result(text: str) -> tuple[str, str] | None:
    """The tool whose result a text is, and what it says after `[tool for '…'] Result:`."""
    found = _RESULT.match(text)
    if found is None:
        return None
    end = text.find(_RESULT_ENDS, found.end(), found.end() + _MOST_CALLED)
    called = text[found.end() : end]
    if end < 0 or not (found[1] in _TOOLS or not called or called.startswith(" for '")):
        return None
    return found[1], text[end + len(_RESULT_ENDS) :].lstrip()


def _asked(blocks: Iterable[Block]) -> _Asked:
    calls: _Asked = {}
    for block in blocks:
        if block.kind == "tool_call":
            calls.setdefault(block.name, deque()).append(block)
    return calls


def _answered_by(name: str, asked: _Asked) -> Block | None:
    """The first of the calls that a result of this name answers, taken out of them."""
    calls = asked.get(name) or asked.get(f"use_{name}")
    return calls.popleft() if calls else None


def _is_prompted(text: str) -> bool:
    start = text.lstrip()
    return start.startswith(_PROMPTED) or (start.startswith(_RESUMED) and "<user_message>" not in start)


def _show(record: dict[str, Any], report: Report, messages: list[Message]) -> None:
    """Adds what the interface showed of a step; the first words are the task, and output comes in pieces."""
    kind, text = record[record["type"]], record.get("text")
    if not (isinstance(text, str) and text.strip()) or record.get("partial") is True:
        report.leave_out(kind)
        return
    role: Role = "assistant"
    if kind in ("user_feedback", "task") or (kind == "text" and not messages):
        role, blocks = "user", text_blocks(text, "user")
    elif kind in ("text", "completion_result", "followup", "plan_mode_respond"):
        blocks = content_blocks(text, "assistant", report)
    elif kind == "reasoning":
        blocks = [thought] if (thought := reasoning_block(text)) else []
    elif kind in ("tool", *_ANSWERS.values()):
        blocks = [tool_call(kind, {"command": text} if kind == "command" else text, call_id=kind)]
    elif kind in _ANSWERS:
        role, blocks = "tool", result_block(text, report, call_id=_ANSWERS[kind])
        before = messages[-1].blocks if messages and messages[-1].role == "tool" else ()
        if before and before[0].call_id == _ANSWERS[kind]:
            report.leave_out("row of the same message")
            whole = result_block(f"{before[0].text}\n{text}", report, call_id=_ANSWERS[kind])
            messages[-1] = msgspec.structs.replace(messages[-1], blocks=tuple(whole))
            return
    else:
        report.leave_out(kind)
        return
    messages.append(turn(role, blocks, time=record.get("ts")))
