"""Calls to a model, as traces log them one by one → one transcript's messages and threads."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from grader.readers.content import result_block
from grader.readers.jsontext import compact
from grader.readers.packed import unpacked
from grader.readers.payload import Side, decode_payload, unwrapped
from grader.readers.report import Report
from grader.readers.streamed import StreamedList
from grader.readers.threads import PrefixMerge, message_key
from grader.readers.toolcall import arguments_text
from grader.readers.turns import turn
from grader.transcript import Block, Message

__all__ = ["CallMerge", "History", "ToolRun", "decode_once", "results_in_roles", "tool_name", "with_tool_runs"]

_RECENT = 8
_TURN_ENDS = frozenset(["user", "human", "system", "developer", "tool", "function"])
_SYSTEM_KEYS = ("system", "instructions", "system_prompt", "systemPrompt")
_MCP_RESULT = frozenset(["content", "isError", "is_error", "structuredContent", "_meta"])
_OTHER_SHAPES = frozenset(["contents", "candidates", "choices", "generations", "lc", "role", "output", "object"])


class History:
    """The payload decoder for calls that repeat the history: what was decoded once is not decoded again.

    A log of n such calls has n²/2 messages; of all but the new ones only the bytes are looked at.
    """

    def __init__(self, report: Report, before: History | None = None) -> None:
        """`before`: whose memory this one shares, for calls that stand in several files."""
        self._report = report
        self._known: dict[bytes, list[Message]] = before._known if before else {}
        """Digest of what was decoded → its messages: the bytes themselves would be kept a second time."""
        self._keys: dict[int, object] = before._keys if before else {}
        self._converted: dict[Side, tuple[list[dict[str, Any]], list[Any]]] = {}
        self._recent: deque[_Rows] = before._recent if before else deque(maxlen=_RECENT)

    def decode(self, value: object, side: Side) -> list[Message]:
        """As `decode_payload`."""
        value = unwrapped(value)
        if isinstance(value, list):
            return self._rows(value, side)
        if isinstance(value, StreamedList):
            return [message for rows in _turns(value) for message in self._remembered(rows, side)]
        if (
            isinstance(value, dict)
            and isinstance(rows := value.get("messages"), list)
            and not _OTHER_SHAPES & set(value)
        ):
            system = {key: value[key] for key in _SYSTEM_KEYS if key in value}
            if system:
                return [*self._remembered({**system, "messages": rows[:1]}, side), *self._rows(rows[1:], side)]
            return self._rows(rows, side)
        return decode_payload(value, self._report, side=side)

    def converted(self, rows: list[dict[str, Any]], side: Side, convert: Callable[[dict[str, Any]], Any]) -> list[Any]:
        """`rows` put into another shape one by one; those that a call repeats are the same as before."""
        known, made = self._converted.get(side, ([], []))
        same = len(known) if known == rows[: len(known)] else 0
        result = [*made[:same], *map(convert, rows[same:])]
        self._converted[side] = rows, result
        return result

    def keys(self, messages: Sequence[Message]) -> list[object]:
        """The `message_key` of each, worked out once for messages this has decoded."""
        found = list(map(self._keys.get, map(id, messages)))
        if None in found:
            return [message_key(message) if key is None else key for key, message in zip(found, messages, strict=True)]
        return found

    def _rows(self, rows: list[Any], side: Side) -> list[Message]:
        before = self._longest_before(rows, side)
        start = len(before.rows) if before else 0
        messages = list(before.messages) if before else []
        ended, told = start, len(messages)
        for position, row in enumerate(islice(rows, start, None), start + 1):
            ends = _ends_a_turn(row)
            if ends or position == len(rows):
                messages += self._remembered(rows[start:position], side)
                start = position
            if ends:
                ended, told = position, len(messages)
        if ended:
            if before is not None:
                self._recent.remove(before)
            self._recent.append(_Rows(side, rows[:ended], messages[:told]))
        return messages

    def _longest_before(self, rows: list[Any], side: Side) -> _Rows | None:
        """The last rows of which these are the continuation; comparing them costs a tenth of packing them."""
        found: _Rows | None = None
        for known in self._recent:
            longer = found is None or len(known.rows) > len(found.rows)
            if longer and known.side == side and known.rows == rows[: len(known.rows)]:
                found = known
        return found

    def _remembered(self, value: Any, side: Side) -> list[Message]:
        try:
            digest = blake2b(msgspec.json.encode(value), digest_size=16, key=side.encode()).digest()
        except (ValueError, TypeError, OverflowError, RecursionError):  # lone surrogates, huge integers, deep nesting
            return decode_payload(value, self._report, side=side)
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = decode_payload(value, self._report, side=side)
            self._keys |= {id(message): message_key(message) for message in known}
        return known


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows that end with a turn, and their messages."""

    side: Side
    rows: list[Any]
    messages: list[Message]


def decode_once(rows: Iterable[Any], report: Report, side: Side) -> list[Message]:
    """As `History.decode`, for a list that no other call repeats."""
    return [message for turn in _turns(rows) for message in decode_payload(turn, report, side=side)]


def _turns(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows that belong together, one group at a time."""
    group: list[Any] = []
    for row in rows:
        group.append(row)
        if _ends_a_turn(row):
            yield group
            group = []
    if group:
        yield group


def _ends_a_turn(row: object) -> bool:
    """Whether what follows this row cannot belong to the same message: it is not the model's."""
    if not isinstance(row, dict):
        return False
    kind = row.get("type")
    if isinstance(kind, str) and (kind.endswith("_output") or ("role" not in row and kind in _TURN_ENDS)):
        return True
    if "lc" in row and isinstance(row.get("id"), list):
        return "AIMessage" not in str(row["id"][-1:])
    role = row.get("role")
    return isinstance(role, str) and role in _TURN_ENDS and not _is_call_of_a_tool(row)


def _is_call_of_a_tool(row: dict[str, Any]) -> bool:
    content = row.get("content")
    return isinstance(content, str) and content.startswith("[") and '"function"' in content


class CallMerge:
    """Takes the calls of one trace in the order they were made; gives messages and threads."""

    def __init__(self, report: Report, history: History | None = None) -> None:
        self.history = history or History(report)
        self._report = report
        self._merge = PrefixMerge()
        self._asked: dict[str, str] = {}
        """Call id → the thread whose last answer made that call."""
        self._last: dict[str, frozenset[str]] = {}
        """Thread → ids of the calls in its last answer."""
        self._answers: dict[str, list[object]] = {}
        """Thread → the `message_key` of each message of its last answer, where that made a call."""
        self._of_actor: dict[str | None, str] = {}
        """Who spoke → the thread of that one's last call."""

    def add(
        self, given: Sequence[Message], said: Sequence[Message], *, time: object = None, actor: str | None = None
    ) -> None:
        """One call: what was sent and what came back. An answer that repeats what was sent is taken for the whole."""
        keys = self.history.keys(given)
        answered = [message_key(message) for message in said]
        if keys and answered[: len(keys)] == keys:
            given, keys, said = said[: len(keys)], answered[: len(keys)], said[len(keys) :]
            answered = answered[len(keys) :]
        if not given and not said:
            return
        if time is not None:
            said = [_timed(message, time) for message in said]
        told = [place for place, message in enumerate(given) if message.role != "system"]
        thread, known = self._goes_on([given[place] for place in told], [keys[place] for place in told], actor)
        if thread is not None:
            self._merge.extend(thread, [*(given[place] for place in told[known:]), *said])
        else:
            thread = self._merge.add([*given, *said], actor=actor, keys=[*keys, *answered])
            if not self._merge.grew:
                self._report.leave_out("call that says nothing new")
        calls = [block for message in said for block in message.blocks if block.kind == "tool_call"]
        self._last[thread] = frozenset(block.call_id for block in calls if block.call_id)
        self._asked |= dict.fromkeys(self._last[thread], thread)
        self._answers[thread] = list(answered) if calls else []
        self._of_actor[actor] = thread

    def messages(self) -> list[Message]:
        """All messages, thread after thread."""
        return self._merge.messages()

    def threads(self) -> dict[str, dict[str, Any]]:
        """For `metadata.threads`; {} where there is one thread only."""
        threads = self._merge.threads()
        return threads if len(threads) > 1 else {}

    def _goes_on(self, given: Sequence[Message], keys: Sequence[object], actor: str | None) -> tuple[str | None, int]:
        """The thread that a call continues without its history, and how many of the messages it was sent stand there.

        It was sent the results alone, or the calls that were answered and their results, or nothing that was logged.
        """
        if not given:
            return self._of_actor.get(actor), 0
        if given[0].role == "assistant":
            for thread, answer in self._answers.items():
                if answer and list(keys[: len(answer)]) == answer and len(keys) > len(answer):
                    return thread, len(answer)
        if given[0].role == "tool":
            for block in given[0].blocks:
                asked = self._asked.get(block.call_id) if block.call_id else None
                if asked is not None and block.call_id in self._last[asked]:
                    return asked, 0
        return None, 0


def _timed(message: Message, time: object) -> Message:
    if message.timestamp or message.role != "assistant":
        return message
    stamped = turn(message.role, (), time=time)
    meta = {**(message.meta or {}), **(stamped.meta or {})} or None
    return msgspec.structs.replace(message, timestamp=stamped.timestamp, meta=meta)


class ToolRun(msgspec.Struct, frozen=True):
    """One run of a tool, as a trace logs it beside the calls to the model."""

    name: str
    arguments: object = None
    """Like the output perhaps packed."""
    output: object = None
    call_id: str | None = None
    error: object = None
    time: object = None


def results_in_roles(messages: Sequence[Message]) -> list[Message]:
    """`messages`, where those whose role was written as the name of a tool that was just called are its results."""
    result = list(messages)
    waiting: defaultdict[str, list[Block]] = defaultdict(list)
    for place, message in enumerate(messages):
        calls = waiting[message.thread]
        if message.role == "assistant":
            waiting[message.thread] = [block for block in message.blocks if block.kind == "tool_call"]
        elif message.role == "user" and message.name:
            call = next((call for call in calls if call.name == message.name), None)
            if call is not None:
                calls.remove(call)
                blocks = tuple(
                    Block("tool_result", block.text, call.name, call.call_id) if block.kind == "text" else block
                    for block in message.blocks
                )
                result[place] = msgspec.structs.replace(message, role="tool", name=None, blocks=blocks)
    return result


def tool_name(raw: object) -> str:
    """The tool in the name of a span: `execute_tool search`, `running tool: search`, `tool.search`."""
    name = str(raw or "").strip()
    for prefix in ("execute_tool ", "running tool: ", "running tool ", "ai.toolCall ", "tool."):
        name = name.removeprefix(prefix)
    return name


def with_tool_runs(messages: Sequence[Message], runs: Iterable[ToolRun], report: Report) -> list[Message]:
    """`messages` with the results that no call sent back to the model, each after the call it answers.

    Runs shown in a call already, and those no call asked for, are counted as left out.
    """
    calls = _Calls(messages)
    added: defaultdict[int, list[Message]] = defaultdict(list)
    for run in runs:
        found = calls.take_open(run.call_id, run.name, arguments_text(unpacked(run.arguments))[0])
        if found is None:
            shown = calls.is_answered(run.call_id, run.name)
            report.leave_out("tool run shown in a call" if shown else "tool run that no call asked for")
            continue
        position, call = found
        blocks = result_block(
            _output(unpacked(run.output)), report, name=call.name or run.name, call_id=call.call_id, error=run.error
        )
        added[position].append(turn("tool", blocks, thread=messages[position].thread, time=run.time))
    return _inserted(messages, added) if added else list(messages)


def _inserted(messages: Sequence[Message], added: Mapping[int, list[Message]]) -> list[Message]:
    """Results after the call's message and the results that already follow it."""
    result: list[Message] = []
    pending: list[Message] = []
    for position, message in enumerate(messages):
        if pending and (message.role != "tool" or message.thread != pending[0].thread):
            result += pending
            pending = []
        result.append(message)
        pending += added.get(position, ())
    return [*result, *pending]


def _output(output: object) -> object:
    """What the tool gave: the text in a message or a JSON string, else JSON."""
    inner = unwrapped(output)
    if isinstance(inner, dict) and inner.keys() <= _MCP_RESULT and isinstance(inner.get("content"), list):
        return inner["content"]
    if isinstance(inner, dict):
        kwargs = inner["kwargs"] if isinstance(inner.get("kwargs"), dict) else inner
        if isinstance(kwargs.get("content"), str | list) and ("type" in kwargs or "tool_call_id" in kwargs):
            return kwargs["content"]
        only = next(iter(inner.values())) if len(inner) == 1 else None
        if isinstance(only, str) and next(iter(inner)) in ("output", "result", "content"):
            return only
        return output if isinstance(output, str) else compact(inner)
    if isinstance(inner, str):
        return inner
    if isinstance(inner, list) and inner and all(isinstance(item, dict) and "type" in item for item in inner):
        return inner
    return output if isinstance(output, str) or output is None else compact(inner)


Asked: TypeAlias = tuple[int, Block]
"""A call, and the position of its message."""


class _Calls:
    """The calls in a list of messages, and which of them have an answer."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._open: dict[int, Asked] = {}
        self._by: defaultdict[object, deque[int]] = defaultdict(deque)
        self._answered: set[object] = set()
        waiting: defaultdict[str, dict[int, None]] = defaultdict(dict)
        count = 0
        for position, message in enumerate(messages):
            for block in message.blocks:
                if block.kind == "tool_call":
                    self._open[count] = (position, block)
                    waiting[message.thread][count] = None
                    self._by[message.thread, block.call_id].append(count)
                    count += 1
                elif block.kind == "tool_result":
                    self._answer(message.thread, block, waiting[message.thread])
        for number, (_, block) in self._open.items():
            self._by["id", block.call_id].append(number)
            for kind in (
                ("said", "named") if block.call_id else ("said", "named", "said without id", "named without id")
            ):
                self._by[kind, block.name, block.text if kind.startswith("said") else None].append(number)

    def take_open(self, call_id: str | None, name: str, text: str) -> Asked | None:
        """The first open call that this run may have answered, by id, by name and arguments, by name; then it is answered."""
        suffix = " without id" if call_id else ""
        by_id: list[object] = [("id", call_id)] if call_id else []
        for key in [*by_id, (f"said{suffix}", name, text), (f"named{suffix}", name, None)]:
            queue = self._by[key]
            while queue:
                found = self._open.pop(queue.popleft(), None)
                if found is not None:
                    self._answered |= {("id", found[1].call_id), ("name", found[1].name)}
                    return found
        return None

    def is_answered(self, call_id: str | None, name: str) -> bool:
        return ("id", call_id) in self._answered or ("name", name) in self._answered

    def _answer(self, thread: str, block: Block, waiting: dict[int, None]) -> None:
        queue = self._by[thread, block.call_id]
        while queue and queue[0] not in waiting:
            queue.popleft()
        number = queue.popleft() if queue else next(iter(waiting), None) if block.call_id is None else None
        if number is None:
            return
        del waiting[number]
        _, call = self._open.pop(number)
        self._answered |= {("id", call.call_id), ("name", call.name)}
