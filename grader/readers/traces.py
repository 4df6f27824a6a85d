"""A trace, whoever recorded it: steps in a tree, some of which are calls to the model → messages and threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from grader.readers.contained import contained
from grader.readers.content import plain_text, text_blocks
from grader.readers.payload import answer_in_words, unwrapped
from grader.readers.report import Report
from grader.readers.threads import message_key
from grader.readers.times import utc_iso
from grader.readers.trace_calls import CallMerge, History, ToolRun, results_in_roles, with_tool_runs
from grader.readers.turns import turn
from grader.transcript import Message

__all__ = [
    "Reading",
    "Step",
    "StepKind",
    "holds_messages",
    "instructions_beside",
    "instructions_in",
    "order_of",
    "read_trace",
]

StepKind: TypeAlias = Literal["call", "agent", "chain", "tool", "grader", "other"]
Said: TypeAlias = tuple[list[Message], list[Message]]
_MESSAGE_KEYS = frozenset(["messages", "contents", "candidates", "choices", "generations", "parts", "lc"])


@dataclass(slots=True)
class Step:
    """A span, observation or run."""

    id: str
    kind: StepKind
    label: str
    """What it is counted as when it gives no messages."""
    decode: Callable[[History], Said] = lambda history: ([], [])
    """What went in and what came out."""
    answer: Callable[[], object] = lambda: None
    """What came out, as it was logged."""
    parent: str | None = None
    name: str = ""
    time: object = None
    order: Any = ()
    """What the steps of a trace are sorted by."""
    model: object = None
    structured: Callable[[], bool] = lambda: False
    """Whether input or output holds messages rather than bare values."""
    instructions: Sequence[Message] = ()
    """The system's message where it is logged beside the input."""
    tool: ToolRun | None = None
    failed: object = None
    """What went wrong, where something did."""


@dataclass(slots=True)
class Reading:
    messages: list[Message] = field(default_factory=list)
    threads: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)


def read_trace(steps: Iterable[Step], report: Report) -> Reading:
    """The conversation of one trace; no messages where none of its steps holds any.

    From the calls to the model; where there are none, from agents, then other steps that hold messages, then the roots.
    Calls below a grader are left out, and those that only wrap another call. Everything else is counted by its label.
    """
    tree = _Tree(steps, report)
    used = tree.calls()
    merge = CallMerge(report, tree.history)
    models: list[str] = []
    for step, (given, said) in used:
        if not any(message.role == "system" for message in given):
            given = [*tree.instructions(step), *given]
        merge.add(given, said, time=step.time, actor=tree.actor(step))
        if step.failed:
            report.warn("failed_request", detail=f"{step.name}: {step.failed}")
        if isinstance(step.model, str) and step.model:
            models.append(step.model)
    tree.count([step for step, _ in used])
    runs = [step.tool for step in tree.steps if step.tool is not None and not tree.is_graders(step)]
    if used and not used[-1][1][1]:
        merge.add([], tree.answer_after(used[-1][0]))
    messages = with_tool_runs(results_in_roles(merge.messages()), runs, report) if used else []
    return Reading(messages, merge.threads(), models)


def order_of(time: object) -> tuple[str, int]:
    """A key that sorts raw times of any make; what has none comes first."""
    stamp = (utc_iso(time) or "").removesuffix("Z")
    number = (
        int(time) if isinstance(time, int) or (isinstance(time, str) and time.isdecimal() and len(time) < 30) else 0
    )
    return stamp, number


def instructions_beside(given: object) -> list[Message]:
    """The system's message that stands beside what was asked, as the input of an agent's run: `{system, prompt}`."""
    given = unwrapped(given)
    if not isinstance(given, dict) or not ({"prompt", "messages"} & given.keys()):
        return []
    text = given.get("system")
    return [turn("system", text_blocks(text, "system"))] if isinstance(text, str) and text.strip() else []


def instructions_in(output: object) -> list[Message]:
    """The system's message that a response of OpenAI's Responses API repeats beside its output."""
    output = unwrapped(output)
    if not isinstance(output, dict) or not isinstance(output.get("output"), list):
        return []
    text = plain_text(output.get("instructions"))
    return [turn("system", text_blocks(text, "system"))] if text.strip() else []


def holds_messages(value: object) -> bool:
    """Whether a payload is messages of some provider, rather than text or a value of the program's own."""
    value = unwrapped(value)
    if isinstance(value, list):
        return any(isinstance(item, dict | list) and holds_messages(item) for item in value[:3])
    if not isinstance(value, dict):
        return False
    if _MESSAGE_KEYS & value.keys() or ("role" in value and ("content" in value or "tool_calls" in value)):
        return True
    return value.get("type") in ("human", "ai") and "content" in value


def _in_words(step: Step) -> list[Message]:
    return [] if step.failed else answer_in_words(step.answer())


class _Tree:
    """The steps of a trace, in the order they were begun."""

    def __init__(self, steps: Iterable[Step], report: Report) -> None:
        self.steps = sorted(steps, key=lambda step: step.order)
        self.history = History(report)
        self._report = report
        self._by_id = {step.id: step for step in self.steps}
        self._left_out: set[int] = set()
        self._graders = self._nearest(lambda step: step.kind == "grader")
        self._agents = self._nearest(lambda step: step.kind == "agent" and bool(step.name))
        self._telling = self._nearest(lambda step: bool(step.instructions))

    def calls(self) -> list[tuple[Step, Said]]:
        """The steps to take the conversation from, with what they say."""
        found = self._decoded(lambda step: step.kind == "call")
        if found:
            return [(step, (given, said or _in_words(step))) for step, (given, said) in self._without_wrappers(found)]
        tiers: tuple[Callable[[Step], bool], ...] = (
            lambda step: step.kind == "agent",
            lambda step: step.kind in ("chain", "other") and step.structured(),
            lambda step: step.kind in ("chain", "other") and step.parent not in self._by_id,
        )
        for tier in tiers:
            found = [
                (step, (given, said))
                for step, (given, said) in self._decoded(tier)
                if given and any(message.role == "assistant" for message in said)
            ]
            if found:
                taken = {id(step) for step, _ in found}
                inside = self._nearest(lambda step, taken=taken: id(step) in taken)  # type: ignore[misc]
                return [item for item in found if inside[id(item[0])] is None]
        return []

    def instructions(self, step: Step) -> Sequence[Message]:
        """The system's message of a call, or of the agent it was made for."""
        if step.instructions:
            return step.instructions
        above = self._telling[id(step)]
        return above.instructions if above else ()

    def answer_after(self, step: Step) -> list[Message]:
        """What the last step after `step` that holds messages says: the answer where the call itself logs none."""
        after = self.steps[self.steps.index(step) + 1 :]
        for later in reversed(after):
            if later.kind in ("agent", "chain") and later.structured() and not self.is_graders(later):
                with contained(self._report, "step"):
                    said = [message for message in later.decode(self.history)[1] if message.role == "assistant"]
                    if said:
                        return said[-1:]
        return []

    def actor(self, step: Step) -> str | None:
        """The agent a call was made for."""
        agent = self._agents[id(step)]
        return agent.name if agent else None

    def is_graders(self, step: Step) -> bool:
        return step.kind == "grader" or self._graders[id(step)] is not None

    def count(self, used: Sequence[Step]) -> None:
        """Counts the steps that gave no messages; runs of tools are counted where they are matched."""
        taken = {id(step) for step in used}
        for step in self.steps:
            if id(step) in taken or id(step) in self._left_out:
                continue
            if self.is_graders(step):
                self._report.leave_out(f"{step.label} of a grader")
            elif step.tool is None or not used:
                self._report.leave_out(step.label)

    def _decoded(self, wanted: Callable[[Step], bool]) -> list[tuple[Step, Said]]:
        found: list[tuple[Step, Said]] = []
        for step in self.steps:
            if wanted(step) and not self.is_graders(step):
                with contained(self._report, "step"):
                    given, said = step.decode(self.history)
                    if given or said:
                        found.append((step, (given, said)))
        return found

    def _without_wrappers(self, calls: Sequence[tuple[Step, Said]]) -> list[tuple[Step, Said]]:
        """Without the calls that are told once more, by a library around the client: they answer what a call below does."""
        wrapping = {id(step) for step, _ in calls}
        around = self._nearest(lambda step: id(step) in wrapping or step.kind in ("tool", "agent"))
        below: defaultdict[int, set[object]] = defaultdict(set)
        named: set[int] = set()
        for step, (_, said) in calls:
            above = around[id(step)]
            if above is not None and id(above) in wrapping:
                below[id(above)] |= {message_key(message) for message in said}
                if step.name.startswith(f"{above.name}."):
                    named.add(id(above))
        kept = []
        for step, (given, said) in calls:
            told = {message_key(message) for message in said} <= below[id(step)] if id(step) in below else False
            if told or id(step) in named:
                self._left_out.add(id(step))
                self._report.leave_out("call around another call")
            else:
                kept.append((step, (given, said)))
        return kept

    def _nearest(self, wanted: Callable[[Step], bool]) -> dict[int, Step | None]:
        """For each step (by its `id()`) the nearest one above it that is wanted; rings of parents have none.

        Each step is looked at once, however deep the tree.
        """
        found: dict[int, Step | None] = {}
        for step in self.steps:
            path: list[tuple[Step, Step]] = []
            seen: set[int] = set()
            here = step
            while id(here) not in found:
                seen.add(id(here))
                above = self._by_id.get(here.parent) if here.parent is not None else None
                if above is None or id(above) in seen:
                    found[id(here)] = None
                    break
                path.append((here, above))
                here = above
            for below, above in reversed(path):
                found[id(below)] = above if wanted(above) else found[id(above)]
        return found
