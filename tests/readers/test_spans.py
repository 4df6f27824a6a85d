"""Spans: OpenInference, Vercel's AI SDK, and OTLP with either's attributes or those of GenAI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from logs import Reading
from traces import fixture, turns

TEA = ("tool_call", "pour", "q1", "cups: 2"), ("tool_call", "serve", "q2", "table: 4")


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def attributes(**values: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in values.items()]


def test_flat_attributes_with_images_and_parallel_calls() -> None:
    reading = fixture("openinference/flat.json")
    transcript = reading.only
    assert turns(transcript)[2:] == [
        ("assistant", *TEA),
        ("tool", ("tool_result", "pour", "q1", "poured")),
        ("tool", ("tool_result", "serve", "q2", "at table 4")),
        ("assistant", ("text", None, None, "Served.")),
    ]
    assert [block.kind for block in transcript.messages[1].blocks] == ["text", "media"]
    assert (transcript.id, transcript.model, transcript.condition) == ("oi-1", "gpt-o", "calm")
    assert reading.file.left_out == {"AGENT span": 1, "EMBEDDING span": 1}


def test_nested_attributes_and_a_tool_that_failed() -> None:
    transcript = fixture("openinference/nested.jsonl").only
    assert turns(transcript) == [
        ("user", ("text", None, None, "Name a bird.")),
        ("assistant", ("text", None, None, "Wren."), ("tool_call", "save", "n1", "bird: Wren")),
        ("tool", ("tool_result", "save", "n1", "")),
    ]
    assert transcript.messages[2].blocks[0].error == "disk full"
    assert transcript.id == "0x0123456789abcdef0123456789abcdef"


def test_attributes_as_columns() -> None:
    assert [message.text for message in fixture("openinference/columns.jsonl").only.messages] == ["Count.", "One."]


def test_an_agents_values_are_read_where_there_is_no_call() -> None:
    reading = fixture("openinference/agent_alone.json")
    assert [message.text for message in reading.only.messages] == ["What is up?", "The sky."]
    assert reading.file.left_out == {"CHAIN span": 1}


def test_vercel_calls_are_taken_from_the_inner_spans() -> None:
    reading = fixture("openinference/vercel.json")
    transcript = reading.by_id("ve-1")
    assert turns(transcript)[2:] == [
        (
            "assistant",
            ("reasoning", None, None, "Need flights."),
            ("text", None, None, "Let me see."),
            ("tool_call", "flights", "x1", "to: Rome"),
        ),
        ("tool", ("tool_result", "flights", "x1", "LH 1")),
        ("assistant", ("text", None, None, "Take LH 1.")),
    ]
    assert (transcript.model, transcript.condition) == ("gpt-v-1", "vercel-run")
    assert [message.text for message in reading.by_id("ve-2").messages] == ["As JSON.", '{"a": 1}']
    assert reading.file.left_out == {"call around another call": 1, "ai.embed span": 1, "tool run shown in a call": 1}


def test_a_vercel_call_without_inner_spans_is_read_itself(write: Callable[..., Path]) -> None:
    span = {
        "name": "ai.generateText",
        "spanContext": {"traceId": "t", "spanId": "s"},
        "attributes": {
            "ai.operationId": "ai.generateText",
            "ai.prompt": json.dumps({"system": "Short.", "prompt": "Why?"}),
            "ai.response.text": "So.",
        },
    }
    assert [message.text for message in Reading(write([span])).only.messages] == ["Short.", "Why?", "So."]


def test_genai_attributes_as_text_or_structure() -> None:
    reading = fixture("otlp/spans.json")
    transcript = reading.only
    assert turns(transcript) == [
        ("system", ("text", None, None, "Be fair.")),
        ("user", ("text", None, None, "Refund order 5."), ("media", None, None, "[image image/png 260 B]")),
        ("assistant", ("reasoning", None, None, "Look first."), ("tool_call", "order", "o1", "id: 5")),
        ("tool", ("tool_result", "order", "o1", '{"state":"open"}')),
        ("assistant", ("text", None, None, "Refunded.")),
    ]
    assert transcript.id == "5B8EFFF798038103D269B633813FC60C"
    assert transcript.metadata["models"] == ["gpt-t", "gpt-t-2"]
    assert reading.warnings == {}


def test_messages_as_events_of_a_span() -> None:
    reading = fixture("otlp/events_on_spans.json")
    assert turns(reading.by_id("E1")) == [
        ("system", ("text", None, None, "Be kind.")),
        ("user", ("text", None, None, "Call me.")),
        ("assistant", ("tool_call", "dial", "e1", "n: 1")),
    ]
    assert [message.text for message in reading.by_id("E2").messages] == ["Ping", "Pong"]


def test_messages_as_log_records_of_several_exports() -> None:
    transcript = fixture("otlp/logs.jsonl").only
    assert turns(transcript) == [
        ("system", ("text", None, None, "Serve.")),
        ("user", ("text", None, None, "Menu?")),
        ("assistant", ("tool_call", "menu", "m1", "")),
        ("tool", ("tool_result", "menu", "m1", "Soup")),
        ("assistant", ("text", None, None, "Soup today.")),
    ]


def test_log_records_without_their_spans(write: Callable[..., Path]) -> None:
    rows = [json.loads(line) for line in fixture_text("otlp/logs.jsonl").splitlines()][:2]
    transcript = Reading(write(rows, "logs.jsonl", rows=True)).only
    assert [message.role for message in transcript.messages] == ["system", "user", "assistant", "tool", "assistant"]


def test_openinference_keys_in_otlp() -> None:
    reading = fixture("otlp/openinference_keys.json")
    assert turns(reading.by_id("F1"))[2] == ("assistant", *TEA)
    assert [message.text for message in reading.by_id("F2").messages] == ["Sum?", "Four."]


def test_traceloop_keys_in_otlp() -> None:
    assert turns(fixture("otlp/traceloop_keys.json").only) == [
        ("user", ("text", None, None, "Draw.")),
        ("assistant", ("tool_call", "draw", "g1", "what: cat")),
        ("tool", ("tool_result", "draw", "g1", "=^.^=")),
        ("assistant", ("text", None, None, "A cat.")),
    ]


def test_events_in_an_attribute_and_a_call_that_failed(write: Callable[..., Path]) -> None:
    events = [
        {"event.name": "gen_ai.user.message", "content": "Hi", "role": "user"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Hello"}},
    ]
    said = attributes(gen_ai__operation__name="chat", events=json.dumps(events))
    asked = attributes(gen_ai__operation__name="chat", gen_ai__prompt="Hi again")
    spans = [
        {"traceId": "t", "spanId": "1", "name": "chat", "startTimeUnixNano": "1", "attributes": said},
        {"traceId": "u", "spanId": "2", "name": "chat", "startTimeUnixNano": "2", "attributes": asked,
         "status": {"code": 2, "message": "rate limit"}},
    ]  # fmt: skip
    reading = Reading(write(otlp(*spans)))
    assert [[message.text for message in transcript.messages] for transcript in reading.transcripts] == [
        ["Hi", "Hello"],
        ["Hi again"],
    ]
    assert reading.warnings == {"failed_request": 1}


def test_a_span_that_is_its_own_ancestor_hangs_nothing(write: Callable[..., Path]) -> None:
    said = attributes(gen_ai__operation__name="chat", gen_ai__prompt="Ring", gen_ai__completion="Round")
    spans = [
        {
            "traceId": "t",
            "spanId": one,
            "parentSpanId": other,
            "name": "chat",
            "startTimeUnixNano": "1",
            "attributes": said,
        }
        for one, other in (("a", "b"), ("b", "a"), ("c", "c"))
    ]
    reading = Reading(write(otlp(*spans)))
    assert [message.text for message in reading.only.messages] == ["Ring", "Round"]


def test_spans_of_other_programs_are_no_transcripts(write: Callable[..., Path]) -> None:
    span = {
        "traceId": "t",
        "spanId": "s",
        "name": "GET",
        "startTimeUnixNano": "1",
        "attributes": attributes(http="GET"),
    }
    reading = Reading(write(otlp(span)))
    assert reading.skips == ["no_transcripts"]
    assert reading.file.left_out == {"span without GenAI attributes": 1}


def test_real_vercel_spans_agree_with_an_independent_look(shared_data: Path) -> None:
    folder = shared_data / "transcripts" / "openinference_spans"
    spans = json.loads((folder / "all-spans.json").read_text("utf-8"))
    expected = {}
    for span in spans:
        said = span["attributes"]
        if span["name"].endswith((".doGenerate", ".doStream")):
            rows = [(row["role"], _text(row["content"])) for row in json.loads(said["ai.prompt.messages"])]
            answer = said.get("ai.response.text") or said["ai.response.object"]
            expected[span["spanContext"]["traceId"]] = [*rows, ("assistant", answer)]
    for name in ("all-spans.json", "spans-by-operation.json"):
        reading = Reading(folder / name)
        assert {
            transcript.id: [(message.role, message.text) for message in transcript.messages]
            for transcript in reading.transcripts
        } == expected
        assert len(expected) + sum(reading.file.left_out.values()) == len(spans)
        assert {transcript.model for transcript in reading.transcripts} == {"gpt-4o-mini-2024-07-18"}


def test_real_otlp_without_genai_gives_no_transcripts(shared_data: Path) -> None:
    reading = Reading(shared_data / "transcripts" / "otlp_json")
    assert reading.transcripts == []
    assert reading.skips == ["no_transcripts"] * 3


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(item["text"] for item in content)


def fixture_text(name: str) -> str:
    return (Path(__file__).parent / "fixtures" / name).read_text("utf-8")


def test_spans_with_ids_that_are_numbers_in_a_tree_of_children(write: Callable[..., Path]) -> None:
    def call(number: int, given: list[Any], said: str, **more: Any) -> dict[str, Any]:
        attributes = {
            "gen_ai.span.kind": "llm",
            "gen_ai.system.instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": given,
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": said}]}],
        }
        ids = {"trace_id": 195590910357197178, "span_id": number, "start_time": number}
        return {"span_name": "chat", **ids, "attributes": attributes, **more}

    asked = {"role": "user", "parts": [{"type": "text", "content": "And?"}]}
    first = {"role": "assistant", "parts": [{"type": "text", "content": "One."}]}
    agent = {
        "span_name": "invoke_agent",
        "trace_id": 195590910357197178,
        "span_id": 1,
        "start_time": 1,
        "attributes": {"gen_ai.span.kind": "agent"},
        "childs": [call(2, [asked], "One."), call(3, [asked, first, asked], "Two.")],
    }
    transcript = Reading(write([agent])).only
    assert transcript.id == "195590910357197178"
    assert [(message.role, message.text) for message in transcript.messages] == [
        ("system", "Be brief."),
        ("user", "And?"),
        ("assistant", "One."),
        ("user", "And?"),
        ("assistant", "Two."),
    ]


def test_a_row_that_is_no_span_is_named(write: Callable[..., Path]) -> None:
    attributes = {"input.value": "And?", "output.value": "So."}
    span = {"context": {"trace_id": "t", "span_id": "s"}, "span_kind": "LLM", "attributes": attributes}
    reading = Reading(write([span, {"name": "lost", "context": {"span_id": "s2"}}], rows=True))
    assert [message.text for message in reading.only.messages] == ["And?", "So."]
    assert [row.line for row in reading.file.malformed] == [2]


def test_log_records_that_say_nothing_are_counted(write: Callable[..., Path]) -> None:
    def record(name: str, **body: str) -> dict[str, Any]:
        values = [{"key": key, "value": {"stringValue": text}} for key, text in body.items()]
        return {"traceId": "t", "spanId": "s", "eventName": name, "body": {"kvlistValue": {"values": values}}}

    records = [
        record("gen_ai.user.message", content="And?"),
        record("gen_ai.user.massage", content="lost"),
        record("app.started"),
        record("gen_ai.choice", message="So."),
    ]
    reading = Reading(write({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}))
    assert [message.text for message in reading.only.messages] == ["And?", "So."]
    assert reading.file.left_out == {"log record that is no message": 2}


def test_instructions_as_a_message_with_parts(write: Callable[..., Path]) -> None:
    instructions = {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": json.dumps([instructions]),
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "And?"}]}]),
    }
    span = {"context": {"trace_id": "t", "span_id": "s"}, "attributes": attributes}
    reading = Reading(write([span]))
    assert [(message.role, message.text) for message in reading.only.messages] == [
        ("system", "Be brief."),
        ("user", "And?"),
    ]
    assert reading.warnings == {}


@pytest.mark.parametrize("name", ["mlflow.json", "weave.jsonl", "braintrust.jsonl", "langfuse_sdk.jsonl"])
def test_spans_of_other_tracing_tools_hold_the_same_conversation(name: str) -> None:
    transcript = fixture(f"openinference/{name}").only
    assert transcript.model == "m-1"
    assert [(message.role, message.text) for message in transcript.messages] == [
        ("system", "Be terse."),
        ("user", "Where is it?"),
        ("assistant", "I look.\nat: 1"),
        ("tool", "dark"),
        ("assistant", "Nowhere."),
    ]
    assert [block.call_id for block in transcript.messages[2].blocks] == [None, "c1"]


def test_a_trace_of_agentops_names_its_spans_once() -> None:
    reading = fixture("openinference/agentops.json")
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("ao-1", "orion-2")
    assert turns(transcript)[1:] == [
        ("user", ("text", None, None, "Anything for Odile?")),
        ("assistant", ("tool_call", "look", "c1", "for: Odile")),
        ("tool", ("tool_result", "look", "c1", "one letter")),
        ("assistant", ("text", None, None, "One letter; I stamp it."), ("tool_call", "stamp", "c2", "letter: 1")),
        ("tool", ("tool_result", "stamp", "c2", "stamped")),
    ]
    assert (reading.warnings, reading.file.malformed_rows) == ({}, 0)


def test_what_is_no_span_among_spans_is_named(write: Any) -> None:
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "Ho."}]}]
    span = {
        "context": {"trace_id": "t", "span_id": "s"},
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps(said)},
    }
    reading = Reading(write({"info": {"tags": ["calm"]}, "spans": [span, None]}))
    assert reading.only.messages[0].text == "Ho."
    assert [row.reason for row in reading.file.malformed] == ["not a span"]


def test_a_summary_that_was_logged_as_its_items_is_its_text(write: Any) -> None:
    thought = {"type": "reasoning", "content": json.dumps([{"type": "summary_text", "text": "Think."}])}
    said = [{"role": "assistant", "parts": [thought, {"type": "text", "content": "Ho."}]}]
    span = {
        "context": {"trace_id": "t", "span_id": "s"},
        "attributes": {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps(said)},
    }
    [message] = Reading(write([span])).only.messages
    assert [(block.kind, block.text) for block in message.blocks] == [("reasoning", "Think."), ("text", "Ho.")]


def test_a_call_that_says_nothing_new_is_counted(write: Any) -> None:
    asked = [{"message.role": "user", "message.content": "Count."}]
    span = {"span_kind": "LLM", "context.trace_id": "t", "attributes.llm.input_messages": asked}
    reading = Reading(write([{**span, "context.span_id": "1"}, {**span, "context.span_id": "2"}], rows=True))
    assert len(reading.only.messages) == 1
    assert reading.file.left_out == {"call that says nothing new": 1}


def test_a_span_that_names_the_model_and_its_answer_is_a_call(write: Callable[..., Path]) -> None:
    answer = '{"kind": "leak"}'
    named = {"llm.model_name": "m-1", "input.value": "Which kind is it?", "output.value": answer}
    span = {
        "context": {"trace_id": "t", "span_id": "s"},
        "name": "llm.completion",
        "start_time": "2026-01-01T00:00:00Z",
    }
    transcript = Reading(write([{**span, "attributes": named}], rows=True)).only
    assert turns(transcript) == [
        ("user", ("text", None, None, "Which kind is it?")),
        ("assistant", ("text", None, None, answer)),
    ]
    assert transcript.model == "m-1"
