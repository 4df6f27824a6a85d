"""SWE-agent trajectories, and those of its small sister mini-swe-agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from grader.readers import mini_swe
from grader.readers.contained import contained, one_of
from grader.readers.content import content_blocks, reasoning_block, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.given import logged_condition
from grader.readers.jsontext import decode_json
from grader.readers.openai_messages import openai_message
from grader.readers.pairing import ended_by_call
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.streamed import StreamedList, is_list, streamed_object
from grader.readers.threads import MAIN, thread_entry
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Transcript

SUPPORT = "t-Cs"
RECOGNISED_BY = (
    "`trajectory_format` `mini-swe-agent…` · `history[0].role` + `agent` or `trajectory`; `attempts` of such"
)

_NEEDED = ("history", "info", "environment", "replay_config", "instance_id", "condition", "condition_id")
_FENCED = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)


def sniff(head: Head) -> bool:
    """A trajectory of either."""
    if mini_swe.sniff(head):
        return True
    return any(_is_trajectory(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a trajectory."""
    if mini_swe.sniff(source.head):
        yield from mini_swe.read(source, report)
        return
    several = source.head.kind in ("rows", "list")
    for line, record in _records(source, report):
        with one_of(report, several, line=line), contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and _is_filled(record):
                yield _transcript(source, report, record, line if several else None)
            else:
                report.malformed(line, "no trajectory", str(record)[:400])


def _records(source: Source, report: Report) -> Iterator[tuple[int, Any]]:
    """The trajectories. Newer versions repeat the whole prompt in every step: of a large file the history is enough."""
    if source.head.kind == "object" and not source.head.whole:
        whole = source.whole_head()
        if whole.get("history"):
            report.rows += 1
            if "attempts" in whole.keys:
                report.leave_out("attempts of a large file")
            yield 1, streamed_object(source, report, ("history",), _NEEDED)
            return
    yield from source.records(report)


def _is_trajectory(record: dict[str, Any]) -> bool:
    history, steps = record.get("history"), record.get("trajectory")
    tried = next(iter(_items(record, "attempts")), None)
    if not history and isinstance(tried, dict) and "attempts" not in tried:
        return _is_trajectory(tried)
    if isinstance(history, list) and history and isinstance(history[0], dict) and "role" in history[0]:
        return "agent" in history[0] or isinstance(steps, list)
    first = steps[0] if isinstance(steps, list) and steps else None
    return isinstance(first, dict) and "observation" in first and ("response" in first or "action" in first)


def _is_filled(record: dict[str, Any]) -> bool:
    return any(_items(record, key) for key in ("history", "trajectory", "attempts"))


def _items(record: dict[str, Any], key: str) -> list[Any] | StreamedList:
    value = record.get(key)
    return value if is_list(value) else []


def _transcript(source: Source, report: Report, record: dict[str, Any], row: int | None) -> Transcript:
    threads: dict[str, dict[str, Any]] = {}
    record, others = _chosen(record)
    messages = _said(record, report, threads)
    for number, attempt in others:
        messages += _attempt(attempt, f"attempt-{number}", report, threads)
    if not messages:
        raise Skip("no_text", "a trajectory without turns")
    info = record["info"] if isinstance(record.get("info"), dict) else {}
    status = info.get("exit_status")
    return finish(
        source,
        report,
        ended_by_call(messages, lambda call: call.name == "submit" or call.text.split()[:1] == ["submit"]),
        format="swe_agent",
        model=_model(record),
        task=record.get("instance_id"),
        condition=logged_condition(record, info),
        threads=threads if len(threads) > 1 else None,
        scores=[score("exit_status", status)] if status else (),
        metadata={
            "environment": record.get("environment"),
            "exit_status": status,
            "submission": info.get("submission"),
            "model_stats": info.get("model_stats"),
        },
        row=row,
    )


def _chosen(record: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[int, dict[str, Any]]]]:
    """The attempt that counts, and the others with their number: an agent that tries again keeps them all in one file.

    The one that was chosen is repeated at the top; where none was, the last counts.
    """
    attempts = [attempt for attempt in _items(record, "attempts") if isinstance(attempt, dict) and _is_filled(attempt)]
    numbered = list(enumerate(attempts, 1))
    if not numbered:
        return record, []
    if not (_items(record, "history") or _items(record, "trajectory")):
        return {**record, **numbered[-1][1]}, numbered[:-1]
    same = next((n for n, attempt in numbered if attempt.get("history") == record.get("history")), None)
    return record, [(number, attempt) for number, attempt in numbered if number != same]


def _said(record: dict[str, Any], report: Report, threads: dict[str, dict[str, Any]]) -> list[Message]:
    history = _items(record, "history")
    return _history(history, report, threads) if history else _steps(_items(record, "trajectory"), report)


def _attempt(attempt: dict[str, Any], key: str, report: Report, threads: dict[str, dict[str, Any]]) -> list[Message]:
    """The messages of an attempt that was not chosen, in a branch of its own."""
    inner: dict[str, dict[str, Any]] = {}
    messages = _said(attempt, report, inner)
    threads.setdefault(MAIN, thread_entry("main", parent=None))
    threads[key] = thread_entry("branch", actor=inner.get(MAIN, {}).get("actor"))
    named = {MAIN: key, **{name: f"{key}/{name}" for name in inner if name != MAIN}}
    for name in inner:
        if name != MAIN:
            threads[named[name]] = thread_entry("branch", parent=key, actor=inner[name]["actor"])
    return [msgspec.structs.replace(message, thread=named[message.thread]) for message in messages]


def _model(record: dict[str, Any]) -> str | None:
    """The model in the configuration that newer versions keep as JSON in a string."""
    config: Any = record.get("replay_config")
    if isinstance(config, str):
        try:
            config = decode_json(config)
        except ValueError:
            return None
    for key in ("agent", "model", "name"):
        config = config.get(key) if isinstance(config, dict) else None
    return config if isinstance(config, str) else None


def _history(history: list[Any] | StreamedList, report: Report, threads: dict[str, dict[str, Any]]) -> list[Message]:
    """The turns; each agent has its own thread, the first one main."""
    messages: list[Message] = []
    names: dict[str, str] = {}
    # threads whose last turn was an action without a call of the API's kind, and its name
    acted: dict[str, str | None] = {}
    for row in history:
        with contained(report, "message"):
            if not isinstance(row, dict):
                report.warn("malformed_message", detail=f"{type(row).__name__} instead of an object")
                continue
            thread = _thread(row, names, threads)
            answered = thread in acted and row.get("role") == "user"
            name = acted.pop(thread, None)
            fresh = _answer(row, thread, name, report) if answered else _turn(row, thread, report)
            if _action(row) and not row.get("tool_calls") and row.get("role") == "assistant":
                acted[thread] = [block.name for block in fresh[-1].blocks if block.kind == "tool_call"][-1]
            messages += fresh
    return messages


def _thread(row: dict[str, Any], names: dict[str, str], threads: dict[str, dict[str, Any]]) -> str:
    agent = row.get("agent")
    if not isinstance(agent, str) or not agent:
        return MAIN
    if agent not in names:
        names[agent] = agent if names else MAIN
        main = names[agent] == MAIN
        threads[names[agent]] = thread_entry("main" if main else "subagent", parent=None if main else MAIN, actor=agent)
    return names[agent]


def _turn(row: dict[str, Any], thread: str, report: Report) -> list[Message]:
    flags = ("demo",) if row.get("is_demo") is True else ()
    role, calls, action = row.get("role"), row.get("tool_calls"), _action(row)
    if role == "tool":
        ids = row.get("tool_call_ids")
        call_id = row.get("tool_call_id") or (ids[0] if isinstance(ids, list) and ids else None)
        return openai_message({**row, "tool_call_id": call_id}, report, thread=thread, flags=flags)
    if role != "assistant":
        return openai_message(row, report, thread=thread, flags=flags)
    content = row.get("content") or row.get("thought")
    thoughts = row.get("thinking_blocks")
    blocks = content_blocks(thoughts, "assistant", report) if isinstance(thoughts, list) else []
    if not calls and action is not None:
        return [turn("assistant", [*blocks, *_acting(content, action, report)], thread=thread, flags=flags)]
    kept = {key: value for key, value in row.items() if key != "content"}
    found = openai_message({**kept, "content": content}, report, thread=thread, flags=flags)
    if not blocks:
        return found
    return [turn("assistant", [*blocks, *found[0].blocks], thread=thread, flags=flags), *found[1:]]


def _answer(row: dict[str, Any], thread: str, name: str | None, report: Report) -> list[Message]:
    flags = ("demo",) if row.get("is_demo") is True else ()
    return [turn("tool", result_block(row.get("content"), report, name=name), thread=thread, flags=flags)]


def _action(row: dict[str, Any]) -> str | None:
    action = row.get("action")
    return action if isinstance(action, str) and action.strip() else None


def _acting(said: Any, action: str, report: Report) -> list[Block]:
    """What was said, and the action: the call in the text where the model wrote one (`<function=bash>…`), else the action
    as it was typed, one string without named arguments."""
    left = _without_action(said, action) if isinstance(said, str) else said
    blocks = content_blocks(left, "assistant", report)
    if left == said and any(_is_action(block, action) for block in blocks):
        return blocks
    return [*blocks, Block(kind="tool_call", text=action.removesuffix("\n"), name="shell")]


def _is_action(block: Block, action: str) -> bool:
    """Whether it is a call that was taken as this action: of the shell its command, else its name and arguments."""
    return block.kind == "tool_call" and (action.strip() in block.text or action.split()[0] == block.name)


def _without_action(text: str, action: str) -> str:
    """`text` without the fence or tag in which the action stands (the last one, where it stands in several)."""
    wanted = action.strip()
    fences = [(match.start(), match.end(), match[1]) for match in _FENCED.finditer(text)]
    for start, end, inner in (*reversed(fences), *reversed(list(mini_swe.elements(text, "command")))):
        if inner.strip() == wanted:
            return (text[:start].rstrip() + "\n" + text[end:].lstrip("\n")).strip("\n")
    return text


def _steps(steps: list[Any] | StreamedList, report: Report) -> list[Message]:
    """Where there is no history: the prompt of the first query, then response, action and observation of each step."""
    messages: list[Message] = []
    for position, step in enumerate(steps):
        with contained(report, "step"):
            if not isinstance(step, dict):
                report.warn("malformed_step", detail=f"{type(step).__name__} instead of an object")
                continue
            query = step.get("query")
            for row in query if position == 0 and isinstance(query, list) else ():
                if isinstance(row, dict):
                    messages += openai_message(row, report)
            messages += _step(step, report)
    return messages


def _step(step: dict[str, Any], report: Report) -> list[Message]:
    response, action, observation = step.get("response"), _action(step), step.get("observation")
    said = response if response else step.get("thought")
    thought = reasoning_block(step.get("reasoning_content"))
    blocks: list[Block] = [thought] if thought else []
    if action is not None:
        blocks += _acting(said, action, report)
    else:
        blocks += content_blocks(said, "assistant", report)
        if isinstance(step.get("action"), dict):
            blocks.append(tool_call(step["action"].get("name") or "shell", step["action"]))
    messages = [turn("assistant", blocks)]
    if observation or (observation is not None and any(block.kind == "tool_call" for block in blocks)):
        messages.append(turn("tool", result_block(observation, report)))
    return messages
