"""Rules as a rater, `rules:<rubric>`: a recall aid with evidence. They never veto anybody."""

from __future__ import annotations

import threading

from grader.annotation import Annotation
from grader.raters.rules.engine import Engine
from grader.raters.rules.matcher import Matcher
from grader.raters.rules.pool import scan_many
from grader.rubric.model import Rubric
from grader.transcript import Transcript

__all__ = ["Engine", "Matcher", "scan", "scan_many"]


class _Kept(threading.local):
    """The engines this thread used last, newest first: making one costs as much as scanning thousands of messages."""

    def __init__(self) -> None:
        self.engines: list[tuple[Rubric, Engine]] = []

    def engine(self, rubric: Rubric) -> Engine:
        engine = next((engine for known, engine in self.engines if known is rubric), None) or Engine(rubric)
        others = [kept for kept in self.engines if kept[0] is not rubric]
        self.engines = [(rubric, engine), *others][:4]
        return engine


_kept = _Kept()


def scan(transcript: Transcript, rubric: Rubric, *, engine: Engine | None = None) -> list[Annotation]:
    """What the rules of `rubric` say of one transcript. The engines of the last four rubrics are kept by each thread."""
    return (engine or _kept.engine(rubric)).scan(transcript)
