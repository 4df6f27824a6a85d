"""Large logs of every family, made up: the same bytes each time, whatever the size. Used by reading.py.

    python benchmarks/large_logs.py FOLDER [--mb 20] [NAME…]

A turn has between 100 and 4,000 characters, half of a log in tools' results; one turn in fifty is not ASCII. `many` logs
hold a transcript every twenty turns, `one` logs hold a single transcript, however large.
"""

from __future__ import annotations

import argparse
import json
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import agent_sessions as sessions

TURNS = 20
_WORDS = str.split(
    "the of to and a in is it you that he was for on are with as his they be at one have this from or had by hot but some "
    "what there we can out other were all your when up use word how said an each she which do their time if will way about "
    "server transfer report account morning keys archive folder schedule review draft meeting ticket budget window harbour"
)
Turn = tuple[int, str, str]
"""Number, role (user, assistant, tool), text."""


@dataclass(frozen=True)
class Shape:
    """How a family writes a log: what stands before, each item, what stands between and after."""

    kind: Literal["many", "one"]
    items: Callable[[], Iterator[Any]]
    """What the log is made of, endlessly."""
    before: str = ""
    between: str = "\n"
    after: str = "\n"


def write(folder: Path, name: str, size: int) -> Path:
    """The log of family `name`, about `size` bytes (of an archive: unpacked)."""
    if name == "inspect_eval":
        return _archive(folder / "inspect_eval.eval", size)
    shape = SHAPES[name]
    target = folder / f"{name}.{'jsonl' if not shape.before else 'json' if shape.before[0] in '{[' else 'csv'}"
    with target.open("w", encoding="utf-8") as stream:
        written = stream.write(shape.before)
        between = ""
        for item in shape.items():
            written += stream.write(between + (item if isinstance(item, str) else json.dumps(item)))
            between = shape.between
            if written >= size:
                break
        stream.write(shape.after)
    return target


def _texts() -> list[str]:
    rng = random.Random(20)
    texts = []
    for number in range(600):
        words: list[str] = []
        left = int(min(4000.0, 100 * 1.0 / (1.0 - rng.random() * 0.97)))
        while left > 0:
            word = rng.choice(_WORDS)
            left -= len(word) + 1
            words.append(word + rng.choice(["", "", "", "", "", "", ",", ".\n", ".", ' "so"']))
        if number % 50 == 49:
            words.append("caf\u00e9 \u2014 \u201cyes\u201d \U0001f642")
        texts.append(" ".join(words))
    return texts


_TEXTS = _texts()


def turns() -> Iterator[Turn]:
    """Endless turns; tools speak most."""
    for number in count():
        role = ("user", "assistant", "tool", "assistant", "tool")[number % 5]
        text = _TEXTS[(number * 7919) % len(_TEXTS)]
        yield number, role, text if role != "tool" else f"{text}\n{_TEXTS[(number * 104729) % len(_TEXTS)]}"


def conversations() -> Iterator[tuple[int, list[Turn]]]:
    """Endless conversations of twenty turns, numbered."""
    endless = turns()
    for number in count():
        yield number, list(islice(endless, TURNS))


def _at(number: int) -> str:
    return f"2026-01-{1 + number // 86400 % 28:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"


# --- messages -----------------------------------------------------------------------------------------------------------


def _openai(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        return {"role": "tool", "tool_call_id": f"c{number - 1}", "content": text}
    if role == "assistant":
        call = {"id": f"c{number}", "type": "function", "function": {"name": "bash", "arguments": '{"cmd": "ls -l"}'}}
        return {"role": role, "content": text, "tool_calls": [call]}
    return {"role": role, "content": text}


def _plain(turn: Turn) -> dict[str, Any]:
    return {"role": "user" if turn[1] == "tool" else turn[1], "content": turn[2]}


def _anthropic(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        result = {"type": "tool_result", "tool_use_id": f"c{number - 1}", "content": [{"type": "text", "text": text}]}
        return {"role": "user", "content": [result]}
    if role == "assistant":
        call = {"type": "tool_use", "id": f"c{number}", "name": "bash", "input": {"cmd": "ls -l"}}
        return {"role": role, "content": [{"type": "text", "text": text}, call]}
    return {"role": role, "content": text}


def _gemini(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        answer = {"name": "bash", "response": {"output": text}, "id": f"c{number - 1}"}
        return {"role": "user", "parts": [{"function_response": answer}]}
    parts: list[dict[str, Any]] = [{"text": text}]
    if role == "assistant":
        parts.append({"function_call": {"name": "bash", "args": {"cmd": "ls -l"}, "id": f"c{number}"}})
    return {"role": "model" if role == "assistant" else "user", "parts": parts}


def _item(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        return {"type": "function_call_output", "call_id": f"c{number - 1}", "output": text}
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def _langchain(turn: Turn) -> dict[str, Any]:
    name = {"user": "HumanMessage", "assistant": "AIMessage", "tool": "ToolMessage"}[turn[1]]
    kwargs = {key: value for key, value in _openai(turn).items() if key in ("content", "tool_call_id")}
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name], "kwargs": kwargs}


def _pi(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        content = [{"type": "text", "text": text}]
        return {"role": "toolResult", "toolCallId": f"c{number - 1}", "toolName": "bash", "content": content}
    calls = [{"type": "toolCall", "id": f"c{number}", "name": "bash", "arguments": {"cmd": "ls -l"}}]
    return {"role": role, "content": [{"type": "text", "text": text}, *(calls if role == "assistant" else [])]}


# --- items of the families ----------------------------------------------------------------------------------------------


def _sample(number: int, spoken: list[Turn]) -> dict[str, Any]:
    """Inspect: what is said is a small part of a sample; its events say it again and again."""
    messages = list(_logged(spoken))
    calls = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    events = [
        {
            "event": "model",
            "timestamp": _at(place),
            "model": "model-a",
            "input": messages[:place],
            "output": {"model": "model-a", "choices": [{"message": messages[place], "stop_reason": "stop"}]},
        }
        for place in calls
    ]
    output = events[-1]["output"]
    return {
        "id": number,
        "epoch": 1,
        "input": spoken[0][2],
        "target": "",
        "uuid": f"u{number}",
        "messages": messages,
        "output": output,
        "scores": {"match": {"value": "C", "answer": "yes"}},
        "metadata": {"condition": "a"},
        "events": events,
        "attachments": {},
    }


def _logged(spoken: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Inspect's messages."""
    for turn in spoken:
        message = {**_openai(turn), "id": f"m{turn[0]}", "source": "input" if turn[1] == "user" else "generate"}
        for call in message.get("tool_calls", ()):
            call |= {"function": "bash", "arguments": {"cmd": "ls -l"}}
        yield message


def _step(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    step: dict[str, Any] = {"step_id": number, "timestamp": _at(number), "source": "agent", "message": text}
    if role == "user":
        step["source"] = "user"
    elif role == "tool":
        call = {"tool_call_id": f"c{number}", "function_name": "bash", "arguments": {"cmd": "ls -l"}}
        step |= {"message": "", "tool_calls": [call]}
        step["observation"] = {"results": [{"source_call_id": f"c{number}", "content": text}]}
    return step


def _gemini_cli(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    row: dict[str, Any] = {"id": f"m{number}", "timestamp": _at(number), "type": "gemini", "content": text}
    if role == "user":
        row["type"] = "user"
    elif role == "tool":
        answer = {"functionResponse": {"id": f"c{number}", "name": "bash", "response": {"output": text}}}
        call = {"id": f"c{number}", "name": "bash", "args": {"cmd": "ls -l"}, "status": "success", "result": [answer]}
        row |= {"content": "", "toolCalls": [call]}
    return row


def _calls(spoken: list[Turn]) -> Iterator[tuple[Turn, list[Turn]]]:
    """Each of the model's answers, and the history it was asked with, which is repeated in every call."""
    for position, turn in enumerate(spoken):
        if turn[1] == "assistant" and position > TURNS // 2:
            yield turn, spoken[:position]


def _observations() -> Iterator[Any]:
    for number, spoken in conversations():
        for turn, before in _calls(spoken):
            yield {
                "id": f"o{turn[0]}",
                "traceId": f"t{number}",
                "type": "GENERATION",
                "name": "chat",
                "startTime": _at(turn[0]),
                "model": "model-a",
                "input": json.dumps({"messages": [_openai(item) for item in before]}),
                "output": json.dumps(_openai(turn)),
            }


def _runs() -> Iterator[Any]:
    for number, spoken in conversations():
        for turn, before in _calls(spoken):
            yield {
                "id": f"r{turn[0]}",
                "trace_id": f"t{number}",
                "dotted_order": f"{_at(turn[0])}r{turn[0]}",
                "run_type": "llm",
                "name": "chat",
                "start_time": _at(turn[0]),
                "inputs": {"messages": [_openai(item) for item in before]},
                "outputs": {"choices": [{"message": _openai(turn)}]},
                "extra": {"metadata": {"ls_model_name": "model-a"}},
            }


def _part(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    if role == "tool":
        return {"role": "tool", "parts": [{"type": "tool_call_response", "id": f"c{number - 1}", "response": text}]}
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _otlp() -> Iterator[Any]:
    for number, spoken in conversations():
        for turn, before in _calls(spoken):
            attributes = {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "model-a",
                "gen_ai.input.messages": json.dumps([_part(item) for item in before]),
                "gen_ai.output.messages": json.dumps([_part(turn)]),
            }
            yield {
                "traceId": f"{number:032x}",
                "spanId": f"{turn[0]:016x}",
                "name": "chat model-a",
                "startTimeUnixNano": str(10**18 + turn[0] * 10**9),
                "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
            }


def _spans() -> Iterator[Any]:
    for number, spoken in conversations():
        for turn, before in _calls(spoken):
            attributes: dict[str, Any] = {"openinference.span.kind": "LLM", "llm.model_name": "model-a"}
            for place, item in enumerate(before):
                for key, value in _plain(item).items():
                    attributes[f"llm.input_messages.{place}.message.{key}"] = value
            attributes |= {f"llm.output_messages.0.message.{key}": value for key, value in _plain(turn).items()}
            yield {
                "name": "llm",
                "context": {"trace_id": f"{number:032x}", "span_id": f"{turn[0]:016x}"},
                "parent_id": None,
                "start_time": _at(turn[0]),
                "attributes": attributes,
            }


def _vercel() -> Iterator[Any]:
    for number, spoken in conversations():
        for turn, before in _calls(spoken):
            attributes = {
                "ai.operationId": "ai.generateText.doGenerate",
                "ai.model.id": "model-a",
                "ai.prompt.messages": json.dumps([_plain(item) for item in before]),
                "ai.response.text": turn[2],
            }
            yield {
                "name": "ai.generateText.doGenerate",
                "spanContext": {"traceId": f"{number:032x}", "spanId": f"{turn[0]:016x}"},
                "startTime": [10**9 + turn[0], 0],
                "attributes": attributes,
            }


def _claude_code() -> Iterator[Any]:
    for number, spoken in conversations():
        parent: str | None = None
        for turn in spoken:
            row = {"parentUuid": parent, "uuid": f"u{turn[0]}", "sessionId": f"s{number}", "timestamp": _at(turn[0])}
            message = _anthropic(turn)
            if turn[1] == "assistant":
                message |= {"id": f"msg{turn[0]}", "model": "model-a"}
            yield {**row, "isSidechain": False, "type": message["role"], "message": message}
            parent = f"u{turn[0]}"


def _codex() -> Iterator[Any]:
    yield {"timestamp": _at(0), "type": "session_meta", "payload": {"id": "s", "base_instructions": {"text": "Code."}}}
    for turn in turns():
        yield {"timestamp": _at(turn[0]), "type": "response_item", "payload": _item(turn)}
        yield {"timestamp": _at(turn[0]), "type": "event_msg", "payload": {"type": "agent_message", "message": turn[2]}}


def _pi_rows() -> Iterator[Any]:
    yield {"type": "session", "id": "p", "timestamp": _at(0), "modelId": "model-a"}
    for turn in turns():
        yield {"type": "message", "timestamp": _at(turn[0]), "message": _pi(turn)}


def _openclaw() -> Iterator[Any]:
    for number, spoken in conversations():
        said = {"type": "agent.end", "sessionKey": f"agent:main:{number}", "agentId": "main", "seq": number}
        yield {**said, "ts": 1763681581000 + number, "messages": [_pi(turn) for turn in spoken]}


def _openhands_events() -> Iterator[Any]:
    for number, role, text in turns():
        event: dict[str, Any] = {"id": number, "timestamp": _at(number)[:-1], "source": "agent", "message": text}
        if role == "tool":
            event |= {"observation": "run", "content": text, "message": "Ran.", "cause": number - 1, "extras": {}}
        elif role == "assistant":
            event |= {"action": "run", "message": "Run.", "args": {"command": "ls -l", "thought": text}}
        else:
            event |= {"source": "user", "action": "message", "args": {"content": text}}
        yield event


def _openhands_sdk() -> Iterator[Any]:
    for number, role, text in turns():
        event: dict[str, Any] = {"id": f"e{number}", "timestamp": _at(number)[:-1], "source": "agent"}
        content = [{"type": "text", "text": text}]
        if role == "tool":
            event |= {"kind": "ObservationEvent", "source": "environment", "tool_name": "bash"}
            event |= {"tool_call_id": f"c{number - 1}", "observation": {"content": content, "is_error": False}}
        elif role == "assistant":
            event |= {"kind": "ActionEvent", "thought": content, "tool_name": "bash", "tool_call_id": f"c{number}"}
            event["tool_call"] = {"id": f"c{number}", "name": "bash", "arguments": '{"cmd": "ls -l"}'}
        else:
            event |= {"kind": "MessageEvent", "source": "user", "llm_message": {"role": "user", "content": content}}
        yield event


def _managed_agents() -> Iterator[Any]:
    agent = {"id": "a", "name": "h", "model": {"id": "model-a"}, "system": "Help."}
    yield ["client.beta.sessions.create", {"id": "sesn_1", "type": "session", "agent": agent}]
    for number, role, text in turns():
        content = [{"type": "text", "text": text}]
        event: dict[str, Any] = {"id": f"e{number}", "processed_at": _at(number), "content": content}
        if role == "tool":
            event |= {"type": "agent.tool_result", "tool_use_id": f"e{number - 1}"}
        else:
            event["type"] = "agent.message" if role == "assistant" else "user.message"
        yield ["client.beta.sessions.events.stream", event]


def _palisade() -> Iterator[Any]:
    for number, role, text in turns():
        row: dict[str, Any] = {"ts": _at(number), "level": "INFO", "logger": "llm_control", "message": "row"}
        if role == "user":
            row |= {"event": "user_message", "user_payload": {"role": "user", "content": text}}
        elif role == "assistant":
            call = {"id": f"c{number}", "function": {"name": "bash_tool", "arguments": '{"cmd": "ls -l"}'}}
            row |= {"event": "assistant_message", "assistant_payload": {"content": text, "tool_calls": [call]}}
        else:
            row |= {"event": "tool_call", "tool": "bash_tool", "args": {"cmd": "ls -l"}, "result": text}
        yield row


def _chatgpt() -> Iterator[Any]:
    for number, spoken in conversations():
        mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": ["n0"]}}
        for place, turn in enumerate(spoken):
            said = {"id": f"n{place}", "author": {"role": turn[1]}, "recipient": "all", "create_time": 1.7e9 + place}
            said |= {"content": {"content_type": "text", "parts": [turn[2]]}, "update_time": None, "weight": 1.0}
            said |= {"status": "finished_successfully", "end_turn": turn[1] == "assistant", "channel": None}
            said["author"] |= {"name": None, "metadata": {}}
            said["metadata"] = {
                "is_complete": True,
                "citations": [],
                "content_references": [],
                "model_slug": "model-a",
                "default_model_slug": "model-a",
                "parent_id": f"n{place - 1}",
                "request_id": f"{number:016x}-{place}",
                "timestamp_": "absolute",
                "message_type": "next",
                "finish_details": {"type": "stop", "stop_tokens": [1]},
            }
            children = [f"n{place + 1}"] if place + 1 < len(spoken) else []
            above = f"n{place - 1}" if place else "root"
            mapping[f"n{place}"] = {"id": f"n{place}", "message": said, "parent": above, "children": children}
        last = f"n{len(spoken) - 1}"
        yield {"title": "t", "conversation_id": f"c{number}", "current_node": last, "mapping": mapping}


def _claude() -> Iterator[Any]:
    for number, spoken in conversations():
        rows = [
            {
                "uuid": f"m{turn[0]}",
                "sender": "assistant" if turn[1] == "assistant" else "human",
                "text": turn[2],
                "content": [
                    {
                        "start_timestamp": _at(turn[0]),
                        "stop_timestamp": _at(turn[0] + 1),
                        "flags": None,
                        "type": "text",
                        "text": turn[2],
                        "citations": [],
                    }
                ],
                "created_at": _at(turn[0]),
                "updated_at": _at(turn[0]),
                "attachments": [],
                "files": [],
            }
            for turn in spoken
        ]
        yield {"uuid": f"c{number}", "name": "n", "created_at": _at(number), "chat_messages": rows}


def _petri() -> Iterator[Any]:
    for turn in turns():
        edit = {"operation": "add", "message": {**_openai(turn), "id": f"m{turn[0]}"}}
        yield {
            "type": "transcript_event",
            "id": f"e{turn[0]}",
            "timestamp": _at(turn[0]),
            "view": "target",
            "edit": edit,
        }


def _swe() -> Iterator[Any]:
    for turn in turns():
        message = {key: value for key, value in _openai(turn).items() if key in ("role", "content", "tool_calls")}
        if turn[1] == "tool":
            message["tool_call_ids"] = [f"c{turn[0] - 1}"]
        yield {**message, "agent": "main"}


def _mini_swe() -> Iterator[Any]:
    for number, role, text in turns():
        if role == "assistant":
            yield {"role": role, "content": f"{text}\n```bash\nls -l\n```", "timestamp": 1.7e9 + number}
        else:
            text = f"<returncode>0</returncode>\n<output>\n{text}\n</output>" if role == "tool" else text
            yield {"role": "user", "content": text, "timestamp": 1.7e9 + number}


def _each(make: Callable[[Turn], Any]) -> Callable[[], Iterator[Any]]:
    return lambda: map(make, turns())


def _of_twenty(make: Callable[[int, list[Turn]], Any]) -> Callable[[], Iterator[Any]]:
    return lambda: (make(number, spoken) for number, spoken in conversations())


def _rows(make: Callable[[int, list[Turn]], Any]) -> Shape:
    return Shape("many", _of_twenty(make))


def _list(make: Callable[[int, list[Turn]], Any]) -> Shape:
    return Shape("many", _of_twenty(make), "[", ", ", "]")


def _in(
    head: str, items: Callable[[], Iterator[Any]], kind: Literal["many", "one"] = "one", after: str = "]}"
) -> Shape:
    return Shape(kind, items, head, ", ", after)


def _history(spoken: list[Turn]) -> str:
    return "".join(f"\n\n{'Assistant' if turn[1] == 'assistant' else 'Human'}: {turn[2]}" for turn in spoken)


_INSPECT = '{"version": 2, "status": "success", "eval": {"eval_id": "e", "task": "t", "model": "model-a"}, "samples": ['

SHAPES: dict[str, Shape] = {
    "inspect_json": _in(_INSPECT, _of_twenty(_sample), "many"),
    "inspect_one": _in(
        _INSPECT + '{"id": 1, "epoch": 1, "uuid": "u", "input": "Go.", "messages": [',
        lambda: _logged(turns()),
        after="]}]}",
    ),
    "atif": _in('{"schema_version": "ATIF-v1.4", "session_id": "s", "agent": {"name": "a"}, "steps": [', _each(_step)),
    "petri": _in('{"metadata": {"transcript_id": "p", "target_model": "model-a"}, "events": [', _petri),
    "openai_runstate": _in(
        '{"$schemaVersion": "1.2", "original_input": "Go.", "generated_items": [',
        lambda: ({"type": "message_output_item", "agent": {"name": "a"}, "raw_item": _item(turn)} for turn in turns()),
    ),
    "langfuse": _in('{"trace": {"id": "t"}, "observations": [', _observations),
    "langfuse_list": Shape("many", _observations, "[", ", ", "]"),
    "langsmith": _in('{"post": [', _runs, "many"),
    "otlp": _in('{"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [', _otlp, "many", "]}]}]}"),
    "adk": _in(
        '{"id": "s", "events": [',
        lambda: ({"author": "user" if turn[1] == "user" else "a", "content": _gemini(turn)} for turn in turns()),
    ),
    "gemini_cli": _in('{"sessionId": "g", "projectHash": "p", "messages": [', _each(_gemini_cli)),
    "chatgpt_export": Shape("many", _chatgpt, "[", ", ", "]"),
    "claude_export": Shape("many", _claude, "[", ", ", "]"),
    "agentdojo": _rows(
        lambda number, spoken: {
            "metadata": {"suite_name": "s", "user_task_id": f"u{number}", "benchmark": "agentdojo", "model": "model-a"},
            "messages": [_openai(turn) for turn in spoken],
        }
    ),
    "mini_swe": _in('{"trajectory_format": "mini-swe-agent-1", "info": {}, "messages": [', _mini_swe),
    "swe_agent": _in('{"environment": "e", "trajectory": [], "history": [', _swe),
    "litellm": _in(
        '{"id": "l", "response": {"choices": [{"message": {"role": "assistant", "content": "Done."}}]}, "messages": [',
        _each(_openai),
    ),
    "openai_responses": _in(
        '{"object": "response", "id": "r", "model": "model-a", "output": [], "input": [', _each(_item)
    ),
    "anthropic": _rows(
        lambda number, spoken: {
            "request": {"model": "model-a", "messages": [_anthropic(turn) for turn in spoken]},
            "response": {
                "type": "message",
                "role": "assistant",
                "id": f"m{number}",
                "stop_reason": "end_turn",
                "content": [{"type": "text", "text": "Done."}],
            },
        }
    ),
    "tau": _list(
        lambda number, spoken: {
            "task_id": number,
            "trial": 0,
            "reward": 1.0,
            "traj": [_openai(turn) for turn in spoken],
        }
    ),
    "tau2": _in(
        '{"info": {}, "simulations": [',
        _of_twenty(lambda number, spoken: {"id": f"s{number}", "messages": [_openai(turn) for turn in spoken]}),
        "many",
    ),
    "agentic_misalignment": _list(
        lambda number, spoken: {
            "condition": "blackmail_explicit-america_replacement",
            "sample_id": number,
            "system_prompt": spoken[0][2],
            "user_prompt": spoken[1][2],
            "email_content": "\n".join(turn[2] for turn in spoken[2:-1]),
            "response": spoken[-1][2],
        }
    ),
    "langchain": Shape("one", _each(_langchain), "[", ", ", "]"),
    "openinference": Shape("many", _spans, "[", ", ", "]"),
    "vercel": Shape("many", _vercel),
    "openhands_events": Shape("one", _openhands_events, "[", ", ", "]"),
    "managed_agents": Shape("one", _managed_agents),
    "codex": Shape("one", _codex),
    "claude_code": Shape("many", _claude_code),
    "pi": Shape("one", _pi_rows),
    "openclaw": Shape("many", _openclaw),
    "palisade": Shape("one", _palisade),
    "openhands_sdk": Shape("one", _openhands_sdk),
    "openhands_eval": _rows(
        lambda number, spoken: {
            "instance_id": f"i{number}",
            "metadata": {"llm_config": {"model": "model-a"}},
            "history": list(islice(_openhands_events(), TURNS)),
        }
    ),
    "sharegpt": _list(
        lambda number, spoken: {
            "id": number,
            "conversations": [
                {"from": "gpt" if turn[1] == "assistant" else "human", "value": turn[2]} for turn in spoken
            ],
        }
    ),
    "hh": _rows(
        lambda number, spoken: {
            "chosen": _history(spoken) + "\n\nAssistant: Yes.",
            "rejected": _history(spoken) + "\n\nAssistant: No.",
        }
    ),
    "toolcalls": Shape(
        "one", lambda: ({"id": f"c{turn[0]}", "function": "bash", "arguments": {"cmd": turn[2]}} for turn in turns())
    ),
    "chat": _list(lambda number, spoken: {"id": f"c{number}", "messages": [_openai(turn) for turn in spoken]}),
    "chat_rows": _rows(lambda number, spoken: {"id": f"c{number}", "messages": [_openai(turn) for turn in spoken]}),
    "chat_text": _list(lambda number, spoken: {"id": f"c{number}", "messages": [_plain(turn) for turn in spoken]}),
    "chat_turns": Shape("one", _each(_openai), "[", ", ", "]"),
    "chat_object": _in('{"id": "c", "model": "model-a", "messages": [', _each(_openai)),
    "response_only": Shape("many", lambda: ({"prompt": "Go.", "response": turn[2]} for turn in turns())),
    "table": Shape(
        "many",
        lambda: (
            f'c{turn[0] // TURNS},{_plain(turn)["role"]},"{turn[2].replace(chr(34), chr(39))}"' for turn in turns()
        ),
        "conversation_id,role,content\n",
        "\n",
        "\n",
    ),
    "cursor": Shape("one", lambda: sessions.cursor(turns)),
    "copilot": Shape("one", lambda: sessions.copilot(turns)),
    "opencode": _in('{"info": {"id": "ses_1", "title": "t"}, "messages": [', lambda: sessions.opencode(turns)),
    "droid": Shape("one", lambda: sessions.droid(turns)),
    "kimi": Shape("one", lambda: sessions.kimi(turns)),
    "grok": Shape("one", lambda: sessions.grok(turns)),
    "antigravity": Shape("one", lambda: sessions.antigravity(turns)),
    "cline": Shape("one", lambda: sessions.cline(turns), "[", ", ", "]"),
    "vscode_chat": _in('{"responderUsername": "c", "requests": [', lambda: sessions.vscode_chat(conversations)),
    "goose": Shape("one", lambda: sessions.goose(turns)),
    "amp": _in('{"v": 7, "id": "T-1", "created": 1780000000000, "messages": [', lambda: sessions.amp(turns)),
    "continue": _in('{"sessionId": "s", "title": "t", "history": [', lambda: sessions.continue_(turns)),
    "helicone": Shape("many", lambda: sessions.helicone(conversations)),
    "arena": Shape("many", lambda: sessions.arena(conversations)),
}
NAMES = ["inspect_eval", *SHAPES]


def _archive(target: Path, size: int) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", _INSPECT.removesuffix(', "samples": [') + "}")
        written = 0
        for number, spoken in conversations():
            text = json.dumps(_sample(number, spoken))
            archive.writestr(f"samples/{number}_epoch_1.json", text)
            written += len(text)
            if written >= size:
                return target
    return target


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    arguments.add_argument("--mb", type=float, default=20.0)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.names or NAMES:
        path = write(given.folder, name, int(given.mb * 1e6))
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {path}")


if __name__ == "__main__":
    main()
