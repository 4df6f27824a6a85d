"""Langfuse: a trace's generations become one conversation; everything else of it is used or counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from logs import Reading
from traces import fixture, raw_turns, turns

REAL = {
    "crewai": "sua",
    "google-adk": "suata",
    "google-gemini": "ua",
    "koog": "suatata",
    "langgraph-python": "uuata",
    "llamaindex": "ua",
    "microsoft-agent": "suata",
    "openai-agents": "suata",
    "pydantic-ai-tools": "suatttaua" + "sua",
    "vercel-aisdk": "uat",
    "vertex-ai": "ua",
}
"""Roles by their first letters, as one reads them off the raw observations; the critic of pydantic's is another agent."""
CALL = ("tool_call", "pay", "p1", "to: ACME\namount: 20")


def generation(id: str, given: Any, said: Any, time: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "traceId": "t",
        "type": "GENERATION",
        "startTime": f"2026-01-01T00:{time // 60:02}:{time % 60:02}Z",
        "input": json.dumps(given),
        "output": json.dumps(said),
        **more,
    }


def trace(*observations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"trace": {"id": "t", **more}, "observations": list(observations)}


def test_generations_out_of_order_become_one_conversation_with_the_tool_run_nobody_sent_back() -> None:
    reading = fixture("langfuse/trace.json")
    assert turns(reading.only) == [
        ("system", ("text", None, None, "You keep the books.")),
        ("user", ("text", None, None, "Pay the invoice.")),
        ("assistant", CALL),
        ("tool", ("tool_result", "pay", "p1", "paid")),
        ("assistant", ("text", None, None, "Paid. Now the note."), ("tool_call", "note", "p2", "text: done")),
        ("tool", ("tool_result", "note", "p2", "noted")),
    ]
    assert reading.warnings == {}


def test_id_model_condition_scores_and_times_are_kept_and_the_rest_counted() -> None:
    reading = fixture("langfuse/trace.json")
    transcript = reading.only
    assert (transcript.id, transcript.model, transcript.condition) == (
        "tr-1",
        "model-a-2026",
        "leaking_latent-none_none",
    )
    assert transcript.metadata["scores"] == [
        {"name": "toxicity", "value": 0.2, "answer": None, "explanation": "calm"},
        {"name": "verdict", "value": "ok", "answer": None, "explanation": None},
    ]
    assert transcript.messages[4].timestamp == "2026-01-01T00:00:02.500000Z"
    assert reading.file.left_out == {
        "AGENT observation": 1,
        "EMBEDDING observation": 1,
        "EVALUATOR observation of a grader": 1,
        "GENERATION observation of a grader": 1,
        "SPAN observation": 1,
        "tool run shown in a call": 1,
    }


def test_observations_alone_are_grouped_by_trace_and_a_wrapping_call_is_told_once() -> None:
    reading = fixture("langfuse/observations.jsonl")
    assert turns(reading.by_id("tr-2")) == [
        ("user", ("text", None, None, "Weather?")),
        ("assistant", ("tool_call", "weather", "w", "city: Oslo")),
        ("tool", ("tool_result", "weather", "w", '{"temperature": 3}')),
    ]
    answer = reading.by_id("tr-3").messages[-1]
    assert [(block.kind, block.text) for block in answer.blocks] == [
        ("reasoning", "A short thought."),
        ("text", "Thought."),
    ]
    assert reading.by_id("tr-3").messages[0].text == "Be brief."
    assert reading.file.left_out == {"call around another call": 1}


def test_agents_are_read_where_there_are_no_generations() -> None:
    assert turns(fixture("langfuse/agents_alone.json").only) == [
        ("user", ("text", None, None, "Plan a day.")),
        ("assistant", ("text", None, None, "Sleep.")),
    ]


def test_calls_sent_the_results_alone_go_on_and_unrelated_ones_are_sub_agents() -> None:
    transcript = fixture("langfuse/continued.json").only
    assert [turn[0] for turn in turns(transcript)] == ["system", "user", "assistant", "tool", "assistant"]
    assert transcript.messages[0].text == "Help."
    assert [turn[0] for turn in turns(transcript, "agent-1")] == ["system", "user", "assistant"]
    assert transcript.metadata["threads"]["agent-1"] == {"kind": "subagent", "parent": "main", "actor": "helper"}


def test_a_call_that_departs_from_the_history_leaves_the_old_tail_discarded(write: Callable[..., Path]) -> None:
    user, answer = {"role": "user", "content": "Go"}, {"role": "assistant", "content": "Left"}
    other = {"role": "assistant", "content": "Right"}
    log = trace(
        generation("1", [user], answer, 1),
        generation(
            "2", [user, answer, {"role": "user", "content": "And?"}], {"role": "assistant", "content": "Wall"}, 2
        ),
        generation(
            "3", [user, other, {"role": "user", "content": "And?"}], {"role": "assistant", "content": "Door"}, 3
        ),
    )
    transcript = Reading(write(log)).only
    assert [message.text for message in transcript.messages if message.thread == "main"] == [
        "Go",
        "Right",
        "And?",
        "Door",
    ]
    assert [message.text for message in transcript.messages if message.thread == "discarded-1"] == [
        "Left",
        "And?",
        "Wall",
    ]
    assert transcript.thread_kind("discarded-1") == "discarded"


def test_reasoning_that_is_not_sent_back_stays_where_it_was_thought(write: Callable[..., Path]) -> None:
    user = {"role": "user", "content": "Go"}
    said = {"role": "assistant", "content": "Left", "reasoning_content": "The right is shut."}
    log = trace(
        generation("1", [user], said, 1),
        generation(
            "2", [user, {"role": "assistant", "content": "Left"}, user], {"role": "assistant", "content": "On"}, 2
        ),
    )
    transcript = Reading(write(log)).only
    assert "threads" not in transcript.metadata
    assert [block.kind for block in transcript.messages[1].blocks] == ["reasoning", "text"]


def test_calls_told_at_once_and_sent_back_one_by_one_are_not_discarded(write: Callable[..., Path]) -> None:
    def asked(id: str) -> dict[str, Any]:
        return {"role": "assistant", "tool_calls": [{"id": id, "function": {"name": id, "arguments": "{}"}}]}

    def told(id: str) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": id, "content": id}

    user = {"role": "user", "content": "Go"}
    log = trace(
        generation("1", [user], [asked("a"), asked("b")], 1),
        generation(
            "2", [user, asked("a"), told("a"), asked("b"), told("b")], {"role": "assistant", "content": "Done"}, 2
        ),
    )
    transcript = Reading(write(log)).only
    assert [message.role for message in transcript.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert "threads" not in transcript.metadata


def test_a_long_history_sent_with_every_call_is_read_once(write: Callable[..., Path]) -> None:
    history: list[dict[str, Any]] = [{"role": "user", "content": "Go"}]
    observations = []
    for number in range(300):
        said = {"role": "assistant", "content": f"step {number}"}
        observations.append(generation(str(number), list(history), said, number))
        history += [said, {"role": "user", "content": f"and {number}?", "unheard_of": 1}]
    reading = Reading(write(trace(*reversed(observations))))
    assert [message.text for message in reading.only.messages] == [row["content"] for row in history[:-1]]
    assert "threads" not in reading.only.metadata


def test_calls_whose_input_was_not_logged_go_on_where_the_agent_stopped(write: Callable[..., Path]) -> None:
    def says(number: int, *items: dict[str, Any], given: Any) -> dict[str, Any]:
        said = {"role": "assistant", "content": list(items)}
        return generation(f"g{number}", given, said, number, parentObservationId="run")

    def tool(number: int, name: str, answer: str) -> dict[str, Any]:
        output = {"content": [{"type": "text", "text": answer}]}
        return generation(f"t{number}", {"input": {"at": answer}}, output, number, type="TOOL", name=name)

    run = {"prompt": "Read both meters.", "system": "You read meters."}
    asked = {"type": "tool_use", "id": "m1", "name": "meter", "input": {"at": "cellar"}}
    observations = [
        generation("run", run, None, 0, type="SPAN", name="run"),
        says(1, {"type": "text", "text": "I look."}, given={"role": "user", "content": "Read both meters."}),
        says(2, asked, given={"content": "role"}),
        tool(3, "meter", "cellar: 5"),
        says(4, {"type": "text", "text": "Five."}, given={"content": "role"}),
    ]
    reading = Reading(write(trace(*observations)))
    assert turns(reading.only) == [
        ("system", ("text", None, None, "You read meters.")),
        ("user", ("text", None, None, "Read both meters.")),
        ("assistant", ("text", None, None, "I look.")),
        ("assistant", ("tool_call", "meter", "m1", "at: cellar")),
        ("tool", ("tool_result", "meter", "m1", "cellar: 5")),
        ("assistant", ("text", None, None, "Five.")),
    ]
    assert "threads" not in reading.only.metadata


def test_the_answer_is_taken_from_the_run_where_the_last_call_logs_none(write: Callable[..., Path]) -> None:
    asked = [{"role": "user", "content": "Plan it."}]
    thought = [*asked, {"role": "assistant", "content": "Thought: look first."}]
    observations = [
        generation("a", asked, None, 1, parentObservationId="run"),
        generation("b", thought, None, 2, parentObservationId="run"),
        generation("done", None, {"role": "assistant", "content": "Planned."}, 3, type="SPAN"),
    ]
    assert [text for _, text, _ in raw_turns(Reading(write(trace(*observations))).only)] == [
        "Plan it.",
        "Thought: look first.",
        "Planned.",
    ]


def test_a_result_whose_role_is_written_as_the_tools_name(write: Callable[..., Path]) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": '{"to": "ACME"}'}}
    asked = {"role": "user", "content": "Pay."}
    called = {"role": "assistant", "content": "", "tool_calls": [call]}
    history = [asked, called, {"role": "pay", "content": "paid"}, {"role": "ledger", "content": "Who is this?"}]
    observations = [
        generation("a", [asked], called, 1),
        generation("b", history, {"role": "assistant", "content": "Done."}, 2),
    ]
    reading = Reading(write(trace(*observations)))
    assert turns(reading.only)[1:4] == [
        ("assistant", ("tool_call", "pay", "c1", "to: ACME")),
        ("tool", ("tool_result", "pay", "c1", "paid")),
        ("user", ("text", None, None, "Who is this?")),
    ]


def test_a_call_sent_the_last_exchange_alone_goes_on_with_it(write: Callable[..., Path]) -> None:
    call_id = ["run_1", "call_1"]
    sealed = {
        "type": "Microsoft.Extensions.AI.TextReasoningContent",
        "content": {"text": "", "protectedData": "x" * 300},
    }
    called = {
        "role": "assistant",
        "parts": [sealed, {"type": "tool_call", "id": call_id, "name": "pay", "arguments": {"to": "ACME"}}],
    }
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": "paid"}]}
    asked = {"role": "user", "parts": [{"type": "text", "content": "Pay."}]}
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}
    observations = [generation("a", [asked], [called], 1), generation("b", [called, result], [answer], 2)]
    reading = Reading(write(trace(*observations)))
    assert turns(reading.only) == [
        ("user", ("text", None, None, "Pay.")),
        ("assistant", ("reasoning", None, None, ""), ("tool_call", "pay", "call_1", "to: ACME")),
        ("tool", ("tool_result", "pay", "call_1", "paid")),
        ("assistant", ("text", None, None, "Done.")),
    ]
    assert reading.only.messages[1].blocks[0].meta == {"redacted": True}
    assert reading.warnings == {}


def test_a_trace_without_messages_is_named(write: Callable[..., Path]) -> None:
    span = {"id": "s", "traceId": "t", "type": "SPAN", "startTime": "2026-01-01T00:00:00Z", "input": '{"x": 1}'}
    reading = Reading(write(trace(span)))
    assert reading.skips == ["no_text"]
    assert reading.file.left_out == {"SPAN observation": 1, "trace without messages": 1}


def test_the_traces_own_input_and_output_are_the_last_resort(write: Callable[..., Path]) -> None:
    reading = Reading(write(trace(input='"What is it?"', output="A trace.")))
    assert [message.text for message in reading.only.messages] == ["What is it?", "A trace."]


def test_real_traces_agree_with_an_independent_look(shared_data: Path) -> None:
    """(role, text, calls) of each message, taken from the raw observations by hand-written rules for each recorder."""
    for path in sorted((shared_data / "transcripts" / "langfuse_trace").glob("*.json")):
        raw = json.loads(path.read_text("utf-8"))
        transcript = Reading(path).only
        assert transcript.id == raw["trace"]["id"]
        expected = next((roles for name, roles in REAL.items() if path.name.startswith(name)), None)
        assert expected in (None, "".join(message.role[0] for message in transcript.messages))
        assert len(transcript.metadata.get("scores", [])) == len(raw["trace"]["scores"])
        rows = [row for row in raw["observations"] if row["type"] == "GENERATION"]
        assert {transcript.model, *transcript.metadata.get("models", [])} - {None} == {row["model"] for row in rows}
        texts = "\n".join(text for _, text, _ in raw_turns(transcript))
        for said in _answers(rows):
            assert said in texts
        called = [call for _, _, calls in raw_turns(transcript) for call in calls]
        for name, call_id in _calls(rows):
            assert (name, call_id) in called
        assert len(called) == len(set(_calls(rows)) or set(called))


def _answers(rows: list[dict[str, Any]]) -> list[str]:
    """Texts of the answers, in the shapes that need no decoder."""
    found = []
    for row in rows:
        output = row["output"]
        try:
            value = json.loads(output) if isinstance(output, str) else output
        except ValueError:
            found.append(output.strip())
            continue
        if isinstance(value, dict) and isinstance(value.get("content"), str):
            found.append(value["content"])
        for message in value if isinstance(value, list) else []:
            found += [part["content"] for part in message.get("parts", []) if part["type"] == "text"]
    return [text.strip() for text in found if text.strip()]


def _calls(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Names and ids of the calls in the answers, found by their ids wherever they stand."""
    found = []
    for row in rows:
        output = row["output"] if isinstance(row["output"], str) else json.dumps(row["output"])
        try:
            value = json.loads(output)
        except ValueError:
            continue
        found += list(_named(value))
    return found


def _named(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        value = json.loads(value)
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        call_id = value.get("toolCallId") or value.get("call_id") or (value.get("id") if "type" in value else None)
        holder = value["function"] if isinstance(value.get("function"), dict) else value
        name = value.get("toolName") or holder.get("name")
        if call_id and name and value.get("type") in (None, "function", "function_call", "tool_call"):
            yield name, call_id
        else:
            for key in ("output", "parts", "additional_kwargs", "tool_calls", "content"):
                if isinstance(value.get(key), list | dict) or (key == "content" and str(value.get(key))[:2] == "[{"):
                    yield from _named(value[key])


def test_pages_of_the_api_and_exports_to_a_bucket_hold_the_same_observations(write: Any) -> None:
    asked, said = [{"role": "user", "content": "Hi."}], {"role": "assistant", "content": "Ho."}
    call = {
        "id": "o",
        "traceId": "t",
        "type": "GENERATION",
        "startTime": "2026-01-01T00:00:00Z",
        "input": asked,
        "output": said,
        "model": "m",
    }
    bucket = {
        "id": "o",
        "trace_id": "t",
        "project_id": "p",
        "type": "GENERATION",
        "start_time": "2026-01-01T00:00:00Z",
        "input": json.dumps(asked),
        "output": json.dumps(said),
        "provided_model_name": "m",
    }
    trace = {"id": "t", "name": "n", "observations": [call], "scores": [{"name": "s", "value": 1}]}
    for log in ({"data": [call], "meta": {"page": 1}}, {"data": [trace], "meta": {}}, [bucket], [call]):
        reading = Reading(write(log))
        assert (reading.only.format, reading.only.id, reading.only.model) == ("langfuse", "t", "m")
        assert [(message.role, message.text) for message in reading.only.messages] == [
            ("user", "Hi."),
            ("assistant", "Ho."),
        ]
        assert reading.file.rows == 1


def test_an_answer_in_json_of_the_askers_own_is_what_was_said(write: Callable[..., Path]) -> None:
    asked = [{"role": "user", "content": "Which kind is it?"}]
    verdict = {"kind": "leak", "why": "It was told to nobody else."}
    text = json.dumps(verdict)
    compact = text.replace('": ', '":').replace('", "', '","')

    def answer(output: Any, **more: Any) -> list[str]:
        row = {**generation("g", asked, None, 1), "output": output, **more}
        reading = Reading(write({"trace": {"id": "t"}, "observations": [row]}))
        return [message.text for message in reading.only.messages if message.role == "assistant"]

    assert answer(verdict) == [compact]
    assert answer([verdict]) == [f"[{compact}]"]
    assert answer(text) == [text]
    assert answer({"text": text, "raw": {"id": 1}}) == [text]
    assert answer({"choices": []}) == []
    assert answer([0.25, 0.5]) == []
    assert answer(verdict, level="ERROR", statusMessage="cut") == []
    wrapped = {**generation("a", asked, verdict, 0), "name": "parsed"}
    inner = {**generation("b", asked, {"role": "assistant", "content": text}, 1), "parentObservationId": "a"}
    reading = Reading(write({"trace": {"id": "t"}, "observations": [wrapped, inner]}))
    assert [message.text for message in reading.only.messages] == ["Which kind is it?", text]
