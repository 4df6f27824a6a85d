"""Large sessions of coding agents, and logs of gateways and arenas: shapes for large_logs.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Turn = tuple[int, str, str]
_BEGUN = 1_780_000_000_000
_COMMAND = '{"command": "ls -l"}'

Turns = Callable[[], Iterator[Turn]]
Conversations = Callable[[], Iterator[tuple[int, list[Turn]]]]


def _anthropic(turn: Turn) -> dict[str, Any]:
    number, role, text = turn
    said: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if role == "tool":
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{number - 1}", "content": said}]}
    if role == "assistant":
        said.append({"type": "tool_use", "id": f"c{number}", "name": "Shell", "input": {"command": "ls -l"}})
    return {"role": role, "content": said}


def _called(number: int) -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": "bash", "arguments": _COMMAND}}


def cursor(turns: Turns) -> Iterator[Any]:
    for turn in turns():
        message = _anthropic(turn)
        yield {"role": message["role"], "message": {"content": message["content"]}}


def copilot(turns: Turns) -> Iterator[Any]:
    last: str | None = None
    row = 0

    def event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        nonlocal last, row
        row += 1
        told = {"type": kind, "data": data, "id": f"e{row}", "timestamp": "2026-05-01T10:01:00.000Z", "parentId": last}
        last = f"e{row}"
        return told

    yield event("session.start", {"sessionId": "s", "version": 1, "selectedModel": "model-a"})
    for number, role, text in turns():
        if role == "tool":
            result = {"toolCallId": f"c{number - 1}", "success": True, "result": {"content": text}}
            yield event("tool.execution_complete", result)
        elif role == "assistant":
            asked = [{"toolCallId": f"c{number}", "name": "bash", "arguments": {"command": "ls -l"}}]
            yield event("assistant.message", {"messageId": f"m{number}", "content": text, "toolRequests": asked})
            started = {"toolCallId": f"c{number}", "toolName": "bash", "arguments": {"command": "ls -l"}}
            yield event("tool.execution_start", started)
        else:
            yield event("user.message", {"content": text, "transformedContent": text})


def opencode(turns: Turns) -> Iterator[Any]:
    said: tuple[int, str] | None = None
    for number, role, text in turns():
        if role == "assistant":
            said = number, text
            continue
        name = f"msg_{number:09}"
        part = {"sessionID": "ses_1", "messageID": name}
        parts: list[dict[str, Any]] = [
            {**part, "id": f"prt_{number:09}a", "type": "text", "text": said[1] if said else text}
        ]
        if role == "tool" and said is not None:
            state = {
                "status": "completed",
                "input": {"command": "ls -l"},
                "output": text,
                "title": "ls",
                "metadata": {},
            }
            call = {**part, "id": f"prt_{number:09}b", "type": "tool", "callID": f"c{said[0]}", "tool": "bash"}
            parts.append({**call, "state": state})
        speaker = "user" if said is None else "assistant"
        about = {"id": name, "sessionID": "ses_1", "role": speaker, "time": {"created": _BEGUN + number}}
        yield {"info": about, "parts": parts}
        said = None


def droid(turns: Turns) -> Iterator[Any]:
    yield {
        "type": "session_start",
        "id": "d",
        "title": "t",
        "sessionTitle": "t",
        "owner": "o",
        "version": 2,
        "cwd": "/w",
    }
    parent: str | None = None
    for turn in turns():
        row = {
            "type": "message",
            "id": f"m{turn[0]}",
            "timestamp": "2026-06-01T09:00:01.000Z",
            "message": _anthropic(turn),
        }
        yield row if parent is None else {**row, "parentId": parent}
        parent = row["id"]


def kimi(turns: Turns) -> Iterator[Any]:
    yield {"type": "metadata", "protocol_version": "1.9"}
    for number, role, text in turns():
        stamp = {"timestamp": _BEGUN / 1000 + number}
        if role == "tool":
            result = {"tool_call_id": f"c{number - 1}", "return_value": {"is_error": False, "output": text}}
            yield {**stamp, "message": {"type": "ToolResult", "payload": result}}
        elif role == "assistant":
            yield {**stamp, "message": {"type": "StepBegin", "payload": {"n": 1}}}
            yield {**stamp, "message": {"type": "ContentPart", "payload": {"type": "text", "text": text}}}
            yield {**stamp, "message": {"type": "ToolCall", "payload": _called(number)}}
        else:
            yield {
                **stamp,
                "message": {"type": "TurnBegin", "payload": {"user_input": [{"type": "text", "text": text}]}},
            }


def grok(turns: Turns) -> Iterator[Any]:
    yield {"type": "system", "content": "You mend clocks."}
    for number, role, text in turns():
        if role == "tool":
            yield {"type": "tool_result", "tool_call_id": f"c{number - 1}", "content": text}
        elif role == "assistant":
            calls = [{"id": f"c{number}", "name": "bash", "arguments": _COMMAND}]
            yield {"type": "assistant", "content": text, "tool_calls": calls, "model_id": "model-a"}
        else:
            yield {"type": "user", "content": [{"type": "text", "text": text}], "prompt_index": number}


def antigravity(turns: Turns) -> Iterator[Any]:
    for number, role, text in turns():
        step = {"step_index": number, "status": "DONE", "created_at": "2026-06-26T21:16:01Z", "content": text}
        if role == "tool":
            yield {**step, "source": "MODEL", "type": "RUN_COMMAND"}
        elif role == "assistant":
            calls = [{"name": "run_command", "args": {"CommandLine": '"ls -l"'}}]
            yield {**step, "source": "MODEL", "type": "PLANNER_RESPONSE", "tool_calls": calls}
        else:
            yield {**step, "source": "USER_EXPLICIT", "type": "USER_INPUT"}


def cline(turns: Turns) -> Iterator[Any]:
    for number, role, text in turns():
        row: dict[str, Any] = {"role": "user", "ts": _BEGUN + number}
        if role == "tool":
            said = [{"type": "text", "text": "[execute_command for 'ls -l'] Result:"}, {"type": "text", "text": text}]
        elif role == "assistant":
            row |= {"role": "assistant", "modelInfo": {"modelId": "model-a", "providerId": "p"}}
            command = "\n\n<execute_command>\n<command>ls -l</command>\n</execute_command>"
            said = [{"type": "text", "text": text + command}]
        else:
            said = [{"type": "text", "text": f"<task>\n{text}\n</task>"}]
        yield {**row, "content": said}


def vscode_chat(conversations: Conversations) -> Iterator[Any]:
    for number, spoken in conversations():
        calls = [turn for turn in spoken if turn[1] == "assistant"]
        results = [turn for turn in spoken if turn[1] == "tool"]
        rounds = [
            {"id": f"r{at}", "response": text, "toolCalls": [{"id": f"c{at}", "name": "run", "arguments": _COMMAND}]}
            for at, _, text in calls
        ]
        answers = {f"c{at - 1}": {"content": [{"value": text}]} for at, _, text in results}
        yield {
            "requestId": f"q{number}",
            "message": {"text": spoken[0][2], "parts": []},
            "response": [{"value": spoken[1][2]}],
            "timestamp": _BEGUN + number,
            "modelId": "p/model-a",
            "result": {"metadata": {"toolCallRounds": rounds, "toolCallResults": answers}},
        }


def goose(turns: Turns) -> Iterator[Any]:
    yield {"working_dir": "/w", "description": "d", "message_count": 5}
    for number, role, text in turns():
        said: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if role == "tool":
            answer = {"status": "success", "value": {"content": said, "isError": False}}
            said = [{"type": "toolResponse", "id": f"c{number - 1}", "toolResult": answer}]
        elif role == "assistant":
            call = {"status": "success", "value": {"name": "shell", "arguments": {"command": "ls -l"}}}
            said = [*said, {"type": "toolRequest", "id": f"c{number}", "toolCall": call}]
        speaker = "assistant" if role == "assistant" else "user"
        yield {"id": f"m{number}", "role": speaker, "created": _BEGUN // 1000 + number, "content": said}


def amp(turns: Turns) -> Iterator[Any]:
    for number, role, text in turns():
        message: dict[str, Any] = {**_anthropic((number, role, text)), "messageId": number}
        if role == "tool":
            run = {"status": "done", "result": {"output": text, "exitCode": 0}}
            message["content"] = [{"type": "tool_result", "toolUseID": f"c{number - 1}", "run": run}]
        yield message


def continue_(turns: Turns) -> Iterator[Any]:
    for number, role, text in turns():
        if role == "tool":
            message: dict[str, Any] = {"role": "tool", "content": text, "toolCallId": f"c{number - 1}"}
        else:
            message = {"role": role, "content": text}
            if role == "assistant":
                message["toolCalls"] = [_called(number)]
        yield {"message": message, "contextItems": []}


def helicone(conversations: Conversations) -> Iterator[Any]:
    for number, spoken in conversations():
        asked = [{"role": "assistant" if role == "assistant" else "user", "content": text} for _, role, text in spoken]
        answer = {"choices": [{"message": {"role": "assistant", "content": f"Done with {number}."}}]}
        yield {
            "request_id": f"r{number}",
            "response_id": f"a{number}",
            "request_created_at": "2026-02-01T09:00:01.000Z",
            "request_body": {"model": "model-a", "messages": asked},
            "response_body": {"model": "model-a", **answer},
            "response_status": 200,
        }


def arena(conversations: Conversations) -> Iterator[Any]:
    for number, spoken in conversations():
        sides = [
            [
                {"role": "assistant" if role == "assistant" else "user", "content": f"{text} {side}"}
                for _, role, text in half
            ]
            for side, half in (("a", spoken[:10]), ("b", spoken[:10]))
        ]
        yield {
            "question_id": f"q{number}",
            "model_a": "model-a",
            "model_b": "model-b",
            "winner": "model_a",
            "conversation_a": sides[0],
            "conversation_b": sides[1],
        }
