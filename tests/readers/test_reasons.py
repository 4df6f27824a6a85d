"""Every reason a report can give is explained in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import grader.readers
from grader.readers.reasons import in_words
from grader.readers.report import SkipReason

SOURCES = sorted(Path(next(iter(grader.readers.__path__))).glob("*.py"))
GIVEN = {
    reason for path in SOURCES for reason in re.findall(r'\.warn\(\s*f?"([a-z_]+)"', path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("reason", sorted({*GIVEN, *get_args(SkipReason)}))
def test_a_reason_has_words(reason: str) -> None:
    assert in_words(reason)


def test_what_is_malformed_is_named_and_a_row_says_itself_what_is_wrong() -> None:
    assert in_words("malformed_tool_call") == "a tool call that is not formed as it should be was left out"
    assert in_words("malformed_row") == ""
