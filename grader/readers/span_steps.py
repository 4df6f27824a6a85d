"""What a span says, by the conventions that put messages into attributes: OpenInference, OpenTelemetry GenAI, Vercel AI, Traceloop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.readers.content import reasoning_block, text_blocks
from grader.readers.openai_messages import openai_message
from grader.readers.otel_messages import otel_messages, otel_parts
from grader.readers.payload import decode_payload, unwrapped
from grader.readers.report import Report
from grader.readers.spans import Event, Span, indexed
from grader.readers.toolcall import call_id_of, tool_call
from grader.readers.trace_calls import History, ToolRun, tool_name
from grader.readers.traces import Step, StepKind, holds_messages, instructions_in, order_of
from grader.readers.turns import turn
from grader.transcript import Block, Message

__all__ = ["is_genai", "is_message", "span_steps", "vercel_inner_calls"]

_GENAI_INPUT = "gen_ai.input.messages"
_GENAI_OUTPUT = "gen_ai.output.messages"
_INSTRUCTIONS = ("gen_ai.system_instructions", "gen_ai.system.instructions")
_CALLS = frozenset(["chat", "text_completion", "generate_content", "completion"])
_AGENTS = frozenset(["invoke_agent", "create_agent", "invoke_workflow"])
_VERCEL_INNER = (".doGenerate", ".doStream")
_KINDS: dict[str, StepKind] = {
    "LLM": "call",
    "AGENT": "agent",
    "TOOL": "tool",
    "CHAIN": "chain",
    "EVALUATOR": "grader",
    "GUARDRAIL": "other",
    "EMBEDDING": "other",
    "RETRIEVER": "other",
    "RERANKER": "other",
    "PROMPT": "other",
}
_KIND_KEYS = ("openinference.span.kind", "traceloop.span.kind", "gen_ai.span.kind")
_EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_ANSWERS = ("output.value", "gen_ai.completion", "traceloop.entity.output")
_NOTHING: tuple[object, ...] = (None, "", [], {})
_MODELS = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "ai.response.model", "ai.model.id")
_MARKS = ("gen_ai.", "llm.", "openinference.", "ai.prompt", "ai.response", "ai.toolCall", "ai.operationId")


def is_genai(span: Span) -> bool:
    """Whether the span follows one of the conventions at all."""
    return bool(span.kind) or any(
        name.startswith(_MARKS) or name in ("input.value", "output.value")
        for place in (
            span.attributes,
            *(event.attributes for event in span.events),
            [event.name for event in span.events],
        )
        for name in place
    )


def is_message(event: Event) -> bool:
    """Whether an event, or a log record, says something by one of the conventions."""
    return (
        event.name in _EVENT_ROLES
        or event.name in ("gen_ai.choice", "gen_ai.content.prompt", "gen_ai.content.completion")
        or any(name.startswith(_MARKS) for name in event.attributes)
        or (isinstance(event.body, Mapping) and any(name.startswith(_MARKS) for name in event.body))
    )


def span_steps(spans: Sequence[Span], report: Report, *, inner_calls: frozenset[str] = frozenset()) -> list[Step]:
    """Steps of one trace. `inner_calls`: operations of Vercel's whose calls are in the file; the spans around them repeat them."""
    return [_step(span, number, report, inner_calls) for number, span in enumerate(spans)]


def _step(span: Span, number: int, report: Report, inner_calls: frozenset[str]) -> Step:
    span.events += _events_in(span.attributes.get("events"))
    kind, label = _kind(span)
    if kind == "call" and str(span.attributes.get("ai.operationId")) in inner_calls:
        kind, label = "other", "call around another call"
    attributes = span.attributes

    def decode(history: History) -> tuple[list[Message], list[Message]]:
        if label == "call around another call":
            return [], []
        return _given(span, history, report), _said(span, history, report)

    return Step(
        id=span.id or f"#{number}",
        kind=kind,
        label=label,
        decode=decode,
        answer=lambda: next((attributes[key] for key in _ANSWERS if attributes.get(key) not in _NOTHING), None),
        parent=span.parent,
        name=_agent_name(span) if kind == "agent" else span.name,
        time=span.start,
        order=order_of(span.start),
        model=next((attributes[key] for key in _MODELS if isinstance(attributes.get(key), str)), None),
        structured=lambda: (
            any(holds_messages(attributes.get(key)) for key in ("input.value", "output.value"))
            or _GENAI_OUTPUT in attributes
        ),
        instructions=_instructions(span, report) or instructions_in(attributes.get("output.value")),
        tool=_tool_run(span) if kind == "tool" else None,
        failed=span.failed,
    )


def _events_in(value: object) -> list[Event]:
    """Events in an attribute, as JSON: Logfire writes them so."""
    items = unwrapped(value)
    return [
        Event(item["event.name"], {}, {key: part for key, part in item.items() if key != "event.name"})
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict) and isinstance(item.get("event.name"), str)
    ]


def _kind(span: Span) -> tuple[StepKind, str]:
    attributes = span.attributes
    named = next((attributes[key] for key in _KIND_KEYS if isinstance(attributes.get(key), str)), span.kind)
    operation = attributes.get("gen_ai.operation.name")
    vercel = attributes.get("ai.operationId")
    if isinstance(vercel, str):
        return _vercel_kind(vercel), f"{vercel} span"
    if isinstance(named, str) and named.upper() in _KINDS:
        return _KINDS[named.upper()], f"{named.upper()} span"
    if isinstance(operation, str):
        kind: StepKind = (
            "call"
            if operation in _CALLS
            else "agent"
            if operation in _AGENTS
            else "tool"
            if operation == "execute_tool"
            else "other"
        )
        return kind, f"{operation} span"
    if _speaks(span):
        return "call", "call span"
    if isinstance(named, str) and named.lower() in ("workflow", "task"):
        return "chain", f"{named.lower()} span"
    return ("chain" if "input.value" in attributes else "other"), "other span"


def _vercel_kind(operation: str) -> StepKind:
    if operation == "ai.toolCall":
        return "tool"
    return "other" if operation.startswith("ai.embed") else "call"


def _speaks(span: Span) -> bool:
    """A span without a kind whose attributes or events are messages, or that names the model that answered."""
    marks = ("gen_ai.prompt.", "gen_ai.completion.", "llm.input_messages", "llm.output_messages")
    if any(key in (_GENAI_INPUT, _GENAI_OUTPUT) or key.startswith(marks) for key in span.attributes):
        return True
    if {"llm.model_name", "output.value"} <= span.attributes.keys():
        return True
    return any(
        event.name in _EVENT_ROLES or event.name == "gen_ai.choice" or _GENAI_OUTPUT in event.attributes
        for event in span.events
    )


def _agent_name(span: Span) -> str:
    named = span.attributes.get("gen_ai.agent.name") or span.attributes.get("agent.name")
    return named if isinstance(named, str) else span.name


def _places(span: Span) -> list[Mapping[str, Any]]:
    """Where attributes of the GenAI conventions may stand: on the span, on its events, in the body of a log record."""
    bodies = [event.body for event in span.events if isinstance(event.body, Mapping)]
    return [span.attributes, *(event.attributes for event in span.events), *bodies]


def _found(span: Span, key: str) -> Any:
    for place in _places(span):
        if place.get(key) not in _NOTHING:
            return unwrapped(place[key])
    return None


def _instructions(span: Span, report: Report) -> list[Message]:
    parts = next((found for key in _INSTRUCTIONS if (found := _found(span, key)) is not None), None)
    blocks = otel_parts(parts, "system", report) if parts is not None else []
    return [turn("system", blocks)] if blocks else []


def _given(span: Span, history: History, report: Report) -> list[Message]:
    attributes = span.attributes
    asked = _found(span, _GENAI_INPUT)
    if asked is not None:
        return history.decode(asked, "input")
    if rows := indexed(attributes, "llm.input_messages"):
        return _openinference(rows, history, "input")
    if rows := indexed(attributes, "gen_ai.prompt"):
        return _traceloop(rows, history, "user")
    if attributes.get("ai.prompt.messages") is not None:
        return history.decode(attributes["ai.prompt.messages"], "input")
    if events := [message for event in span.events if event.name in _EVENT_ROLES for message in _event(event, report)]:
        return events
    for key in ("ai.prompt", "input.value", "gen_ai.prompt", "llm.prompts", "traceloop.entity.input"):
        if attributes.get(key) not in _NOTHING:
            return history.decode(attributes[key], "input")
    prompts = [event.attributes.get("gen_ai.prompt") for event in span.events if event.name == "gen_ai.content.prompt"]
    return history.decode(prompts[0], "input") if prompts else []


def _said(span: Span, history: History, report: Report) -> list[Message]:
    attributes = span.attributes
    answered = _found(span, _GENAI_OUTPUT)
    if answered is not None:
        return history.decode(answered, "output")
    if rows := indexed(attributes, "llm.output_messages"):
        return _openinference(rows, history, "output")
    if rows := indexed(attributes, "gen_ai.completion"):
        return _traceloop(rows, history, "assistant")
    if any(key.startswith("ai.response.") for key in attributes) and (blocks := _vercel(attributes)):
        return [turn("assistant", blocks)]
    if choices := [
        message for event in span.events if event.name == "gen_ai.choice" for message in _event(event, report)
    ]:
        return choices
    for key in _ANSWERS:
        if attributes.get(key) not in _NOTHING:
            return history.decode(attributes[key], "output")
    texts = [
        event.attributes.get("gen_ai.completion") for event in span.events if event.name == "gen_ai.content.completion"
    ]
    return history.decode(texts[0], "output") if texts else []


def _openinference(rows: list[dict[str, Any]], history: History, side: Any) -> list[Message]:
    """`message.role`, `message.content`, `message.contents.M.…`, `message.tool_calls.K.…` → messages."""
    return history.decode(history.converted(rows, side, lambda row: _openinference_row(row, side)), side)


def _openinference_row(row: dict[str, Any], side: str) -> dict[str, Any]:
    message = {key.removeprefix("message."): value for key, value in row.items()}
    content: Any = message.get("content")
    items = [_openinference_item(item) for item in indexed(message, "contents")]
    if items:
        content = [*([{"type": "text", "text": content}] if isinstance(content, str) and content else []), *items]
    calls = []
    for call in indexed(message, "tool_calls"):
        call = {key.removeprefix("tool_call."): value for key, value in call.items()}
        function = {"name": call.get("function.name"), "arguments": call.get("function.arguments")}
        calls.append({"id": call.get("id"), "function": function})
    if not calls and message.get("function_call_name"):
        function = {"name": message["function_call_name"], "arguments": message.get("function_call_arguments_json")}
        calls.append({"id": None, "function": function})
    role = message.get("role") or ("user" if side == "input" else "assistant")
    return {
        "role": role,
        "content": content,
        "tool_calls": calls,
        "tool_call_id": message.get("tool_call_id"),
        "name": message.get("name"),
    }


def _openinference_item(row: dict[str, Any]) -> dict[str, Any]:
    item = {key.removeprefix("message_content."): value for key, value in row.items()}
    kind = item.get("type") or ("text" if "text" in item else "image")
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": item.get("image.image.url") or item.get("image.url")}}
    return {"type": kind, "text": item.get("text"), **({"signature": ""} if kind == "reasoning" else {})}


def _traceloop(rows: Sequence[dict[str, Any]], history: History, role: str) -> list[Message]:
    """`gen_ai.prompt.N.{role, content, tool_calls.K.{id, name, arguments}, tool_call_id}` → messages."""
    side: Any = "output" if role == "assistant" else "input"
    found = []
    for row in rows:
        calls = [
            {"id": call.get("id"), "function": {"name": call.get("name"), "arguments": call.get("arguments")}}
            for call in indexed(row, "tool_calls")
        ]
        content = row.get("content")
        inner = unwrapped(content)
        found.append(
            {
                "role": row.get("role") or role,
                "content": inner if isinstance(inner, list) else content,
                "reasoning_content": row.get("reasoning") or row.get("thinking"),
                "tool_calls": calls,
                "tool_call_id": row.get("tool_call_id"),
            }
        )
    return history.decode(found, side)


def _vercel(attributes: Mapping[str, Any]) -> list[Block]:
    """`ai.response.reasoning|text|object|toolCalls`."""
    reasoning = reasoning_block(attributes.get("ai.response.reasoning") or attributes.get("ai.response.reasoningText"))
    blocks = [reasoning] if reasoning else []
    for key in ("ai.response.text", "ai.response.object"):
        said = attributes.get(key)
        if isinstance(said, str):
            blocks += text_blocks(said, "assistant")
    calls = unwrapped(attributes.get("ai.response.toolCalls"))
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            arguments = call.get("input", call.get("args"))
            blocks.append(tool_call(call.get("toolName"), arguments, call_id=call.get("toolCallId")))
    return blocks


def _event(event: Event, report: Report) -> list[Message]:
    """A message that is an event of its own: in its body, or in its attributes."""
    said: dict[str, Any] = dict(event.body) if isinstance(event.body, Mapping) else dict(event.attributes)
    said = {key.removeprefix("gen_ai.event."): value for key, value in said.items()}
    if event.name == "gen_ai.choice":
        inner = unwrapped(said.get("message"))
        said = inner if isinstance(inner, dict) else {"content": inner} if inner else said
    if isinstance(said.get("parts"), list):
        return otel_messages([{"role": "assistant", **said}], report)
    content = said.get("content")
    structured = unwrapped(content)
    role = said.get("role") or _EVENT_ROLES.get(event.name, "assistant")
    calls = unwrapped(said.get("tool_calls"))
    row = {
        "role": role,
        "content": structured if isinstance(structured, list) else content,
        "tool_calls": calls if isinstance(calls, list) else None,
        "tool_call_id": said.get("id") or said.get("tool_call_id"),
        "timestamp": event.time,
    }
    if row["content"] is None and not row["tool_calls"] and isinstance(event.body, str):
        return decode_payload(event.body, report, side="output" if role == "assistant" else "input")
    return openai_message(row, report)


def _tool_run(span: Span) -> ToolRun:
    attributes = span.attributes
    name = next(
        (
            attributes[key]
            for key in ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
            if isinstance(attributes.get(key), str)
        ),
        None,
    )

    def first(*keys: str) -> Any:
        return next((found for key in keys if (found := _found(span, key)) is not None), None)

    return ToolRun(
        name=name or tool_name(span.name),
        arguments=first("gen_ai.tool.call.arguments", "ai.toolCall.args", "input.value", "traceloop.entity.input"),
        output=first("gen_ai.tool.call.result", "ai.toolCall.result", "output.value", "traceloop.entity.output"),
        call_id=call_id_of(first("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.id")),
        error=span.failed,
        time=span.start,
    )


def vercel_inner_calls(spans: Sequence[Span]) -> frozenset[str]:
    """The operations whose own calls are in the file: `ai.generateText` where there is `ai.generateText.doGenerate`."""
    operations = {str(span.attributes.get("ai.operationId")) for span in spans}
    return frozenset(
        operation.removesuffix(end) for operation in operations for end in _VERCEL_INNER if operation.endswith(end)
    )
