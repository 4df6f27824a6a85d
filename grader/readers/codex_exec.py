"""What `codex exec --json` prints: a thread's turns, and each item as it starts, changes and is completed.

The first versions printed the events of the session instead (`{id, msg: {type, …}}`); they are told as the same items.
"""

from __future__ import annotations

from typing import Any

from grader.readers.content import plain_text, reasoning_block, result_block, text_blocks
from grader.readers.jsontext import compact
from grader.readers.report import Report
from grader.readers.toolcall import arguments_text, tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message

__all__ = ["ExecItems", "is_exec_row"]

_CALLS = {
    "command_execution": "shell",
    "file_change": "apply_patch",
    "web_search": "web_search",
    "todo_list": "update_plan",
}
_FAILED = frozenset(["failed", "error", "declined"])
_ROWS = ("thread.", "turn.", "item.")
_EVENTS = {
    "user_message": "user_message",
    "agent_message": "agent_message",
    "agent_reasoning": "reasoning",
    "agent_reasoning_raw_content": "reasoning",
    "exec_command_begin": "command_execution",
    "exec_command_end": "command_execution",
    "mcp_tool_call_begin": "mcp_tool_call",
    "mcp_tool_call_end": "mcp_tool_call",
    "patch_apply_begin": "file_change",
    "patch_apply_end": "file_change",
    "web_search_begin": "web_search",
    "web_search_end": "web_search",
    "plan_update": "todo_list",
}


def is_exec_row(record: dict[str, Any]) -> bool:
    """Whether `record` is a row of that output."""
    if _event(record) in (*_EVENTS, "task_started", "session_configured"):
        return True
    kind = record.get("type")
    if not isinstance(kind, str) or not kind.startswith(_ROWS):
        return False
    return isinstance(record.get("item"), dict) or "thread_id" in record


def _event(record: dict[str, Any]) -> str | None:
    said = record.get("msg")
    kind = said.get("type") if isinstance(said, dict) and "id" in record else None
    return kind if isinstance(kind, str) else None


class ExecItems:
    """Keeps the last state of each item, in the order in which items began."""

    def __init__(self, report: Report) -> None:
        self.thread: str | None = None
        self.model: str | None = None
        self._report = report
        self._runs = 0
        """Each run counts its items anew, and the output of several may stand in one file."""
        self._items: dict[tuple[int, str | int], dict[str, Any]] = {}

    def take(self, record: dict[str, Any]) -> None:
        kind, item = _event(record), record.get("item")
        if kind is not None:
            self._take_event(kind, record["msg"])
            return
        if not isinstance(item, dict):
            own = record.get("thread_id")
            self.thread = self.thread or (own if isinstance(own, str) else None)
            self._runs += record.get("type") == "thread.started"
            self._report.leave_out(record.get("type") or "row without type")
            return
        own = item.get("id")
        key = (self._runs, own if isinstance(own, str) and own else len(self._items))
        if key in self._items:
            self._report.leave_out("earlier state of an item")
        self._items[key] = item

    def ask(self, prompt: str) -> None:
        """Takes what a run was asked, where others have run before it."""
        self._items[self._runs, len(self._items)] = {"type": "user_message", "text": prompt}

    def _take_event(self, kind: str, said: dict[str, Any]) -> None:
        """A call begins and ends in two events, which name it; what is said is one."""
        if kind == "session_configured":
            own, model = said.get("session_id"), said.get("model")
            self.thread = self.thread or (own if isinstance(own, str) else None)
            self.model = self.model or (model if isinstance(model, str) else None)
        if kind not in _EVENTS:
            self._report.leave_out(kind)
            return
        call = said.get("call_id")
        key = (self._runs, call if isinstance(call, str) and call else len(self._items))
        if key in self._items:
            self._report.leave_out("earlier state of an item")
        begun = {"status": "in_progress"} if kind.endswith("_begin") else {"status": "completed"}
        self._items[key] = {**self._items.get(key, {}), **begun, **_item_of(said, _EVENTS[kind])}

    def messages(self) -> list[Message]:
        """The items as messages; what is no speech, call or thought is left out by its type."""
        found: list[Message] = []
        for (_, key), item in self._items.items():
            found += self._item(item, key if isinstance(key, str) else None)
        return found

    def _item(self, item: dict[str, Any], key: str | None) -> list[Message]:
        kind = item.get("type", item.get("item_type"))  # the second in the first versions
        if kind in ("agent_message", "assistant_message"):
            return [turn("assistant", text_blocks(plain_text(item.get("text")), "assistant"), source_id=key)]
        if kind == "user_message":
            return [turn("user", text_blocks(plain_text(item.get("text")), "user"), source_id=key)]
        if kind == "reasoning":
            return [turn("assistant", [reasoning_block(plain_text(item.get("text")))], source_id=key)]
        if kind == "mcp_tool_call":
            name = ".".join(str(item[part]) for part in ("server", "tool") if item.get(part))
            call = tool_call(name or None, item.get("arguments"), call_id=key)
            return self._answered(call, item, item.get("result"), key)
        if kind == "collab_tool_call":  # what sub-agents are told, and what they say
            given = {part: item[part] for part in ("prompt", "receiver_thread_ids") if item.get(part)}
            states = item.get("agents_states")
            call = tool_call(item.get("tool"), given, call_id=key)
            return self._answered(call, item, arguments_text(states)[0] if states else None, key)
        if isinstance(kind, str) and kind in _CALLS:
            given = {part: item[part] for part in ("command", "changes", "query", "items") if part in item}
            call = tool_call(_CALLS[kind], given, call_id=key)
            return self._answered(call, item, item.get("aggregated_output"), key)
        self._report.leave_out(kind or "item without type")
        return []

    def _answered(self, call: Block, item: dict[str, Any], answer: Any, key: str | None) -> list[Message]:
        """The call, and its result where the log holds one: a plan and a search have none, nor has what never ended."""
        if item.get("status") == "in_progress" and not answer and item.get("error") is None:
            return [turn("assistant", [call], source_id=key)]
        if answer is None and item.get("error") is None and item.get("status") not in _FAILED:
            meta = {**(call.meta or {}), "server": True}
            return [
                turn("assistant", [Block("tool_call", call.text, call.name, call.call_id, None, meta)], source_id=key)
            ]
        code = item.get("exit_code")
        error = item.get("error") or (f"exit code {code}" if isinstance(code, int) and code else None)
        if error is None and item.get("status") in _FAILED:
            error = str(item["status"])
        if isinstance(error, dict):
            error = plain_text(error.get("message")) or compact(error)
        if isinstance(answer, dict):
            answer = answer.get("content") or compact(answer)
        result = result_block(answer, self._report, name=call.name, call_id=key, error=error)
        return [turn("assistant", [call], source_id=key), turn("tool", result, source_id=key)]


def _item_of(said: dict[str, Any], kind: str) -> dict[str, Any]:
    """What an event tells, as the item tells it."""
    item: dict[str, Any] = {"type": kind}
    item |= {name: said[name] for name in ("command", "changes", "query", "exit_code") if name in said}
    if kind in ("user_message", "agent_message", "reasoning"):
        return {**item, "text": said.get("message", said.get("text"))}
    if kind == "todo_list":
        return {**item, "items": said.get("plan")}
    if isinstance(said.get("invocation"), dict):
        item |= said["invocation"]
    if isinstance(said.get("result"), dict):  # of Rust: {Ok: …} or {Err: …}
        item |= {"result": said["result"].get("Ok"), "error": said["result"].get("Err")}
    answer = item.get("result")
    if said.get("success") is False or (isinstance(answer, dict) and answer.get("isError") is True):
        item["status"] = "failed"
    output = said.get("aggregated_output")
    if output is None and ("stdout" in said or "stderr" in said):
        output = "\n".join(part for part in (plain_text(said.get(name)) for name in ("stdout", "stderr")) if part)
    return item if output is None else {**item, "aggregated_output": output}
