"""Tables on a terminal: the fast way gives what rich gives."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.reports.terminal import console, plain, print_rows, table

CELLS = st.one_of(st.none(), st.integers(), st.text(st.characters(codec="utf-8"), max_size=12), st.sampled_from(["漢字かな", "é\u0301", "\x1b[31m", "a\nb"]))  # fmt: skip


def printed(width: int, rows: list[list[object]], how: str) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(width))
        out = console()
        out.file = io.StringIO()
        if how != "fast" or not print_rows(out, ["id", "model", "n"], rows, numbers=("n",)):
            made = table("id", "model", "n", numbers=("n",))
            for row in rows:
                made.add_row(*map(plain, row))
            out.print(made)
        return out.file.getvalue()


@given(st.lists(st.tuples(CELLS, CELLS, st.integers(0, 10**6)), max_size=5))
def test_rows_look_as_rich_sets_them_and_nothing_is_printed_where_they_have_no_room(
    rows: list[tuple[object, ...]],
) -> None:
    for width in (200, 24):
        cells = [list(row) for row in rows]
        assert printed(width, cells, "fast") == printed(width, cells, "rich")
