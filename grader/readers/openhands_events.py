"""OpenHands' event stream: actions of user and agent, and the observations they caused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.readers.contained import contained, one_file, take_rows
from grader.readers.content import content_blocks, reasoning_block, result_block, text_blocks
from grader.readers.event_files import Part, read_folder, state_beside
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.placeholders import media_block
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Role, Transcript

__all__ = ["RECOGNISED_BY", "SUPPORT", "Events", "read", "read_together", "shell_words", "sniff"]

SUPPORT = "-rC-"
RECOGNISED_BY = "list, item `source` + `action`/`observation`; or a file of one such event"
_ENDED_WELL = "[The command completed with exit code 0."

_STATE = {
    *("null", "change_agent_state", "agent_state_changed", "recall", "condensation", "condensation_request"),
    *("pause", "resume", "stop", "loop_recovery", "loop_detection"),
}
_SOURCES = {"user", "agent", "environment"}
_COMMON = {
    *("id", "timestamp", "source", "message", "action", "args", "observation", "content", "extras", "cause"),
    *("tool_call_metadata", "timeout", "thought", "llm_metrics", "success"),
}


def sniff(head: Head) -> bool:
    """A list or rows of events, or a single one. The newer SDK's have a `kind` and are another format."""
    if head.kind == "object":
        return _is_whole_event(head.first)
    return head.kind in ("list", "rows") and any(_is_event(record) for record in head.record_objects)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one session."""
    events = Events(report)
    take_rows(source, events.report, lambda event, _line: events.take(event), "an event")
    yield _transcript(source, report, events)


def read_together(parts: Sequence[Part]) -> Iterator[tuple[Source, Transcript]]:
    """The file store of OpenHands keeps an event a file: those of a folder are one session."""
    yield from read_folder(parts, read, _joined)


def _joined(parts: Sequence[Part]) -> Transcript:
    first, report = parts[0]
    events = Events(report)
    for source, events.report in parts:
        with one_file(events.report):
            take_rows(source, events.report, lambda event, _line: events.take(event), "an event")
        source.release()
    about = state_beside(first, "metadata.json", "conversation_id", "llm_model")
    own = about.get("conversation_id")
    model = about.get("llm_model")
    if isinstance(model, str) and not events.models:
        events.models.append(model)
    return _transcript(first, report, events, own if isinstance(own, str) else None)


def _transcript(source: Source, report: Report, events: Events, own: str | None = None) -> Transcript:
    if not events.messages:
        raise Skip("no_text", "events without messages")
    return finish(source, report, events.messages, format="openhands_events", id=own, models=events.models)


def _is_event(record: dict[str, Any]) -> bool:
    if "kind" in record or not isinstance(record.get("source"), str):
        return False
    return isinstance(record.get("action"), str) or isinstance(record.get("observation"), str)


def _is_whole_event(record: dict[str, Any]) -> bool:
    """Whether a file of one object is an event: alone it has to say more than that it is an action of somebody."""
    told = isinstance(record.get("args"), dict) if "action" in record else isinstance(record.get("extras"), dict)
    return _is_event(record) and told and record.get("source") in _SOURCES and "timestamp" in record


@dataclass(slots=True)
class Events:
    """Takes events in the order of the file and keeps the messages they make; an event makes one message or none.

    Older logs have no `source`, and what an action is about stands beside `action` instead of in `args`.
    """

    report: Report
    messages: list[Message] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    _calls: dict[Any, tuple[str | None, str]] = field(default_factory=dict)
    """Event id of an action → call id and name."""
    _thought: set[str] = field(default_factory=set)
    """Responses of which the reasoning is there already."""

    def take(self, event: dict[str, Any]) -> None:
        model = _response(event).get("model")
        if isinstance(model, str):
            self.models.append(model)
        action, observation = event.get("action"), event.get("observation")
        if isinstance(observation, str):
            self._observation(event, observation)
        elif isinstance(action, str):
            self._action(event, action)
        else:
            self.report.leave_out("neither action nor observation")

    def take_all(self, events: Iterable[Any]) -> None:
        """Events, or pairs of an action and its observation."""
        for event in events:
            with contained(self.report, "event"):
                if isinstance(event, dict):
                    self.take(event)
                elif isinstance(event, list):
                    self.take_all([item for item in event if isinstance(item, dict)])
                else:
                    self.report.warn("malformed_event", detail=f"{type(event).__name__} instead of an object")

    def _action(self, event: dict[str, Any], action: str) -> None:
        args = _arguments(event)
        role = self._role(event, action, args)
        if action == "condensation" and _text(args.get("summary")):  # what stands for the forgotten from here on
            self._add("user", content_blocks(args["summary"], "user", self.report), event, flags=("summary",))
            return
        if action in _STATE:
            self.report.leave_out(action)
            return
        if action == "system":
            blocks = text_blocks(_text(args.get("content"), event.get("message")), "system")
            self._add("system", blocks, event)
            return
        reasoning = self._reasoning(event)
        if action == "message":
            blocks = content_blocks(_text(args.get("content"), event.get("message")), role, self.report)
            self._add(role, [*reasoning, *blocks, *_images(args.get("image_urls"))], event)
        elif action == "finish":
            self._add(role, [*reasoning, *content_blocks(_farewell(event, args), role, self.report)], event)
        else:
            self._add(role, [*reasoning, *self._call(event, action, args, role)], event)

    def _role(self, event: dict[str, Any], action: str, args: dict[str, Any]) -> Role:
        """Who acts. Without a source a message is the agent's only if it then waits for an answer; other acts are its own."""
        source = event.get("source")
        if source in ("user", "environment"):
            return "user" if source == "user" else "system"
        if source != "agent" and action == "message" and args.get("wait_for_response") is not True:
            if "wait_for_response" not in args:
                self.report.warn("unknown_role", detail=str(source)[:80])
            return "user"
        return "assistant"

    def _call(self, event: dict[str, Any], action: str, args: dict[str, Any], role: Role) -> list[Block]:
        metadata = event["tool_call_metadata"] if isinstance(event.get("tool_call_metadata"), dict) else {}
        name = metadata.get("function_name") or action
        call_id = metadata.get("tool_call_id") or _event_id(event)
        if _event_id(event) is not None:
            self._calls[_event_id(event)] = (call_id, str(name))
        logged = _logged_arguments(event, metadata)
        if logged is None:
            is_thought = action == "think"  # then it is what the call is about
            logged = {key: value for key, value in args.items() if key != "thought" or is_thought}
        call = tool_call(name, logged, call_id=call_id)
        return [*content_blocks(_beside(_text(args.get("thought")), call), role, self.report), call]

    def _observation(self, event: dict[str, Any], observation: str) -> None:
        if observation in _STATE:
            self.report.leave_out(observation)
            return
        metadata = event["tool_call_metadata"] if isinstance(event.get("tool_call_metadata"), dict) else {}
        call_id, name = (
            self._calls.get(event.get("cause"), (None, None)) if _hashable(event.get("cause")) else (None, None)
        )
        extras = event["extras"] if isinstance(event.get("extras"), dict) else {}
        text = event.get("content")
        blocks = result_block(
            _text(text, event.get("message")) if text is None else text,
            self.report,
            name=name or metadata.get("function_name"),
            call_id=call_id or metadata.get("tool_call_id") or event.get("cause"),
            error=shell_words(extras.get("metadata")) or observation == "error" or extras.get("error"),
        )
        screenshot = extras.get("screenshot")
        if isinstance(screenshot, str) and screenshot:
            blocks += media_block("image", url=screenshot if ":" in screenshot[:12] else None, data=screenshot)
        self._add("tool", blocks, event)

    def _reasoning(self, event: dict[str, Any]) -> list[Block]:
        """What the response reasoned, once for all the calls it made."""
        response = _response(event)
        message = _message(response)
        block = reasoning_block(message.get("reasoning_content"))
        key = str(response.get("id"))
        if block is None or key in self._thought:
            return []
        self._thought.add(key)
        return [block]

    def _add(self, role: Role, blocks: list[Block], event: dict[str, Any], flags: Iterable[str] = ()) -> None:
        said = turn(role, blocks, time=event.get("timestamp"), source_id=event.get("id"), flags=tuple(flags))
        self.messages.append(said)


def shell_words(metadata: object) -> str | None:
    """What the shell says of a command besides its output: that it failed, still runs, or was never started because another
    one does. None where it ended well.
    """
    told = metadata if isinstance(metadata, dict) else {}
    words = [_text(told.get(key)).strip() for key in ("prefix", "suffix")]
    return "\n".join([said for said in words if said and not said.startswith(_ENDED_WELL)]) or None


def _arguments(event: dict[str, Any]) -> dict[str, Any]:
    """`args`, or in the old flat items whatever stands beside the action."""
    if isinstance(event.get("args"), dict):
        return dict(event["args"])
    return {key: value for key, value in event.items() if key not in _COMMON or key in ("thought", "content")}


def _text(*candidates: object) -> str:
    return next((text for text in candidates if isinstance(text, str) and text.strip()), "")


def _beside(thought: str, call: Block) -> str:
    """What was said beside a call: all of the thought that the call does not say. A thought that was called for (`think`)
    is put behind it."""
    called_for = call.text.removeprefix("thought:").strip()
    if thought.strip() in call.text:
        return ""
    return thought.rstrip().removesuffix(called_for).rstrip() if call.text.startswith("thought:") else thought


def _farewell(event: dict[str, Any], args: dict[str, Any]) -> str:
    """What is said at the end: the final thought, and the thought before it where that is another."""
    outputs = args.get("outputs")
    content = outputs.get("content") if isinstance(outputs, dict) else None
    thought, final = _text(args.get("thought")), _text(args.get("final_thought"), content)
    if thought and final and thought.strip() not in final:
        return f"{thought}\n{final}"
    return final or thought or _text(event.get("message"))


def _images(urls: object) -> list[Block]:
    found: list[Block] = []
    for url in urls if isinstance(urls, list) else []:
        found += media_block("image", url=url)
    return found


def _event_id(event: dict[str, Any]) -> Any:
    key = event.get("id")
    return key if isinstance(key, int | str) and not isinstance(key, bool) else None


def _hashable(value: object) -> bool:
    return isinstance(value, int | str)


def _response(event: dict[str, Any]) -> dict[str, Any]:
    metadata = event.get("tool_call_metadata")
    response = metadata.get("model_response") if isinstance(metadata, dict) else None
    return response if isinstance(response, dict) else {}


def _message(response: dict[str, Any]) -> dict[str, Any]:
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, dict) else {}


def _logged_arguments(event: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """The arguments as the model wrote them; None where the response is not in the log."""
    calls = _message(_response(event)).get("tool_calls")
    named = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    wanted = metadata.get("tool_call_id")
    for call in named:
        if wanted is None or call.get("id") == wanted:
            function = call.get("function")
            return function.get("arguments") if isinstance(function, dict) else None
    return None
