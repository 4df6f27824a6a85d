"""Answers of several models to the same questions: MT-bench's answer files, and battles of two models in an arena."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from grader.readers.contained import contained
from grader.readers.content import content_blocks, plain_text, text_blocks
from grader.readers.evidence import Head
from grader.readers.files import is_folder
from grader.readers.finish import finish, score
from grader.readers.openai_messages import openai_messages
from grader.readers.payload import unwrapped
from grader.readers.prompts import prompt_messages
from grader.readers.report import Report
from grader.readers.source import Source
from grader.readers.turns import turn
from grader.transcript import Message, Transcript

SUPPORT = "---s"
RECOGNISED_BY = "`question_id`, `choices[0].turns` · `conversation_a`, `conversation_b`"

_SIDES = ("a", "b")
_NO_ANSWER = ("", "$ERROR$")
"""What stands in the place of an answer where the call failed."""
_QUESTIONS = ("question.jsonl", "../question.jsonl")
_OF_A_BATTLE = frozenset(
    [f"{name}_{side}" for name in ("conversation", "model") for side in _SIDES]
    + ["winner", "judge", "turn", "id", "tstamp", "full_conversation"]
)


def sniff(head: Head) -> bool:
    """Answers, questions of the same benchmark, or battles."""
    return any(_is_answer(row) or _is_question(row) or _is_battle(row) for row in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript an answer. A battle gives two, and one that met several others has what came of each as a score."""
    questions: dict[str, dict[str, Any]] | None = None
    fought: dict[str, list[dict[str, Any]]] | None = None
    for line, row in source.records(report):
        with contained(report, "row", line=line, raw=row):
            if not isinstance(row, dict):
                report.malformed(line, f"{type(row).__name__} instead of an object", str(row)[:400])
            elif _is_answer(row):
                questions = _questions_beside(source) if questions is None else questions
                yield from _answers(source, report, row, questions.get(str(row["question_id"]), {}), line)
            elif _is_battle(row):
                fought = _fought(source) if fought is None else fought
                yield from _battle(source, report, row, fought, line)
            elif _is_question(row):
                report.leave_out("question, told with its answers")
                report.told_elsewhere = _are_answered(source)
            else:
                report.malformed(line, "neither an answer nor a battle", str(row)[:400])


def _is_answer(row: dict[str, Any]) -> bool:
    choices = row.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    turns = first.get("turns") if isinstance(first, dict) else None
    return "question_id" in row and isinstance(turns, list) and not any(isinstance(said, int | float) for said in turns)


def _is_question(row: dict[str, Any]) -> bool:
    return "question_id" in row and isinstance(row.get("turns"), list) and "category" in row


def _is_battle(row: dict[str, Any]) -> bool:
    sides = [unwrapped(row.get(f"conversation_{side}")) for side in _SIDES]
    turns = [turn for side in sides if isinstance(side, list) for turn in side[:5]]
    return all(isinstance(side, list) for side in sides) and any(
        isinstance(turn, dict) and "role" in turn for turn in turns
    )


def _are_answered(source: Source) -> bool:
    """Whether the benchmark's folder of answers stands beside its questions."""
    return source.member is None and source.root is not None and is_folder(source.path.parent / "model_answer")


def _questions_beside(source: Source) -> dict[str, dict[str, Any]]:
    """The questions by id, from the file that the benchmark keeps over its folder of answers."""
    for name in _QUESTIONS:
        file = source.beside(name)
        if file is not None:
            rows = (row for _, row in file.records(Report(file.label)) if isinstance(row, dict) and _is_question(row))
            return {str(row["question_id"]): row for row in rows}
    return {}


def _answers(
    source: Source, report: Report, row: dict[str, Any], question: dict[str, Any], line: int
) -> Iterator[Transcript]:
    asked = question.get("turns") or []
    choices = [choice for choice in row["choices"] if isinstance(choice, dict)]
    model = row.get("model_id") or row.get("model")
    own = row.get("answer_id") or (f"{row['question_id']}/{model}" if model else None)
    for number, choice in enumerate(choices):
        said = [plain_text(answer) for answer in choice["turns"]] if isinstance(choice.get("turns"), list) else []
        if all(answer.strip() in _NO_ANSWER for answer in said):
            report.warn("failed_sample", line=line, detail=f"question {row['question_id']}: no answer")
            continue
        messages = [] if asked else _unknown_question(source, report, line)
        for position, answer in enumerate(said):
            if position < len(asked):
                messages.append(turn("user", content_blocks(asked[position], "user", report), flags=("input",)))
            messages.append(turn("assistant", text_blocks("" if answer.strip() in _NO_ANSWER else answer, "assistant")))
        yield finish(
            source,
            report,
            messages,
            format="mt_bench",
            id=f"{own}/{choice.get('index', number)}" if own and len(choices) > 1 else own,
            model=model,
            task=question.get("category"),
            metadata={"question_id": row["question_id"], "time": row.get("tstamp")},
            row=line,
        )


def _unknown_question(source: Source, report: Report, line: int) -> list[Message]:
    if source.options.prompt or source.options.system_prompt:
        return prompt_messages(source, report, line=line)
    where = "question.jsonl beside the answers or over their folder has it, where that is inside what is imported"
    report.warn("prompt_missing", line=line, detail=where)
    return []


def _fought(source: Source) -> dict[str, list[dict[str, Any]]]:
    """What came of every battle of every answer in the file, by the answer's id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, row in source.records(Report(source.label)):
        if isinstance(row, dict) and _is_battle(row):
            for side, other in zip(_SIDES, reversed(_SIDES), strict=True):
                scores = found.setdefault(_answer_id(row, side), [])
                if row.get("winner"):
                    told = {"against": row.get(f"model_{other}"), "judge": row.get("judge"), "turn": row.get("turn")}
                    why = ", ".join(
                        f"{name} {' '.join(plain_text(said).split()) or said}" for name, said in told.items() if said
                    )
                    scores.append(score("winner", _outcome(row["winner"], side), explanation=why or None))
    return found


def _answer_id(row: dict[str, Any], side: str) -> str:
    """Of the question, and a name that does not say which side or model it is: annotators see ids and their order."""
    own = next((str(row[key]) for key in ("question_id", "id") if row.get(key) not in (None, "")), None)
    said = json.dumps([row.get(f"model_{side}"), unwrapped(row[f"conversation_{side}"])], sort_keys=True, default=str)
    digest = hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()
    return f"{own}/{digest[:6]}" if own else digest[:16]


def _outcome(winner: object, side: str) -> object:
    """True where this side won, False where the other one did, else what is said of both: a tie."""
    said = plain_text(winner)
    return said.endswith(f"_{side}") if said in ("model_a", "model_b") else said or winner


def _battle(
    source: Source, report: Report, row: dict[str, Any], fought: dict[str, list[dict[str, Any]]], line: int
) -> Iterator[Transcript]:
    for side in _SIDES:
        id = _answer_id(row, side)
        scores = fought.pop(id, None)
        if scores is None:
            report.leave_out("answer told with an earlier battle")
            continue
        rows = unwrapped(row[f"conversation_{side}"])
        yield finish(
            source,
            report,
            openai_messages(rows if isinstance(rows, list) else [], report, line=line),
            format="arena",
            id=id,
            model=row.get(f"model_{side}"),
            scores=scores,
            metadata={key: value for key, value in row.items() if key not in _OF_A_BATTLE},
            row=line,
            member=id.rpartition("/")[2],
        )
