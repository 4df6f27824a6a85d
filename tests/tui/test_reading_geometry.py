"""Wrapping, heights, marks and folds: plain functions, held against naive versions of themselves."""

from __future__ import annotations

from itertools import accumulate
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from grader.store import Outline
from grader.text import sanitise
from grader.transcript import Block, Message, Transcript
from grader.tui.folds import Folds
from grader.tui.heights import Heights
from grader.tui.marks import Layers, Mark, MarkKind, flatten, gutter
from grader.tui.minimap import Overview
from grader.tui.wrap import boundary_after, boundary_before, column_of, offset_at, pieces, wrap

ALPHABET = st.one_of(
    st.sampled_from("ab .,'\n\r\t  漢字가é\u0301\u0308👩👍🏽\u200d\ufe0f❤1️⃣🇩🇪\u200cक्ष\x1b\x9b\u202e\u2028\ufeff"),
    st.characters(),
)
texts = st.text(ALPHABET, max_size=120).map(sanitise)
words = st.lists(
    st.sampled_from(["word", "漢字", "a", "👩‍👩‍👧", "looooooooooong", "❤️", "x\ty", "\n"]), max_size=40
).map(" ".join)
widths = st.integers(4, 30)


@settings(max_examples=300)
@given(texts | words, widths)
def test_rows_fit_and_lose_nothing_but_breaks(text: str, width: int) -> None:
    at = 0
    for start, end in wrap(text, width):
        assert text[at:start] in ("", " ", "\n", " \n", "␍\n", " ␍\n")
        assert sum(cells for _shown, cells in pieces(text, (start, end), [])) <= width
        at = end
    assert at == len(text)


@settings(max_examples=200)
@given(texts | words, widths)
def test_painted_cells_are_what_the_terminal_measures(text: str, width: int) -> None:
    for row in wrap(text, width):
        for shown, cells in pieces(text, row, []):
            assert cell_len(shown) == cells


@settings(max_examples=200)
@given(texts | words, widths, st.data())
def test_offset_to_column_and_back(text: str, width: int, data: st.DataObject) -> None:
    rows = [row for row in wrap(text, width) if row[0] < row[1]]
    if not rows:
        return
    row = data.draw(st.sampled_from(rows))
    offset = data.draw(st.integers(row[0], row[1] - 1))
    column = column_of(text, row, offset)
    found = offset_at(text, row, column)
    assert row[0] <= found < row[1] or column == sum(cells for _shown, cells in pieces(text, row, []))
    assert column_of(text, row, found) == column


@given(texts, widths, st.lists(st.integers(0, 130), max_size=4).map(sorted))
def test_pieces_join_to_the_row(text: str, width: int, cuts: list[int]) -> None:
    for row in wrap(text, width):
        whole = "".join(shown for shown, _cells in pieces(text, row, []))
        cut = pieces(text, row, cuts)
        assert "".join(shown for shown, _cells in cut) == whole
        assert len(cut) == len(cuts) + 1


@given(texts)
def test_graphemes_walk_both_ways(text: str) -> None:
    at = 0
    while at < len(text):
        following = boundary_after(text, at)
        assert following > at
        assert text[at] in "\n\t" or boundary_before(text, following) >= 0
        at = following
    while at:
        before = boundary_before(text, at)
        assert before < at
        at = before


def test_a_row_breaks_at_a_space_and_a_long_word_anywhere() -> None:
    assert wrap("hello big world", 9) == [(0, 9), (10, 15)]
    assert wrap("abcdefghij", 4) == [(0, 4), (4, 8), (8, 10)]
    assert wrap("", 10) == [(0, 0)]
    assert wrap("a\n\nb", 10) == [(0, 1), (2, 2), (3, 4)]


def test_the_line_ends_of_windows_show_nothing_and_a_lone_return_does() -> None:
    assert wrap(sanitise("ab\r\n\r\nc\rd\r"), 10) == [(0, 2), (4, 4), (6, 10)]


def test_a_family_of_emoji_is_never_torn() -> None:
    family = "👩‍👩‍👧"
    assert all((end - start) % len(family) == 0 for start, end in wrap(family * 7, 5))
    assert boundary_after(family + "x", 0) == len(family)


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 5), max_size=60), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 9)), max_size=20)
)
def test_heights_against_naive_sums(initial: list[int], changes: list[tuple[int, int]]) -> None:
    # small chunks, so that every case has several; asked after each change, because the answer is kept
    with mock.patch("grader.tui.heights._CHUNK", 4):
        naive, heights = list(initial), Heights(initial)
        for position, height in [(-1, 0), *changes]:
            if 0 <= position < len(naive):
                growth = heights.set(position, height)
                assert growth == height - naive[position]
                naive[position] = height
            assert heights.total == sum(naive)
            assert [heights.before(i) for i in range(len(naive) + 1)] == [0, *accumulate(naive)]
            rows = [(position, row) for position, height in enumerate(naive) for row in range(height)]
            assert [heights.find(row) for row in range(len(rows))] == rows


marks = st.lists(
    st.builds(lambda a, b, kind: Mark(min(a, b), max(a, b), kind), st.integers(0, 30), st.integers(0, 30),
              st.sampled_from([MarkKind.RULES, MarkKind.JUDGE, MarkKind.OWN, MarkKind.SEARCH])),
    max_size=8,
)  # fmt: skip


@given(marks)
def test_flattened_marks_say_at_every_offset_who_marked_it(found: list[Mark]) -> None:
    naive = [0] * 31
    for mark in found:
        for offset in range(mark.start, mark.end):
            naive[offset] |= mark.kind
        if mark.kind & MarkKind.OWN and mark.start < mark.end:
            naive[mark.start] |= MarkKind.EDGE
            naive[mark.end - 1] |= MarkKind.EDGE
    flat = [0] * 31
    runs = flatten(found)
    for start, end, kinds in runs:
        for offset in range(start, end):
            assert not flat[offset]
            flat[offset] = kinds
    assert flat == naive
    assert runs == sorted(runs)


def test_the_gutter_prefers_people_to_the_judge_to_the_rules() -> None:
    rules, judge, own = (Mark(0, 5, kind) for kind in (MarkKind.RULES, MarkKind.JUDGE, MarkKind.OWN))
    assert gutter([rules], 0, 3) == "~"
    assert gutter([rules, judge], 0, 3) == "?"
    assert gutter([rules, judge, own], 0, 3) == "h"
    assert gutter([Mark(0, 5, MarkKind.OTHER, "B")], 4, 9) == "B"
    assert gutter([rules], 5, 9) == ""


def test_layers_report_only_the_messages_that_change() -> None:
    layers = Layers()
    assert layers.replace("own", {(3, 0): [Mark(0, 4, MarkKind.OWN)], (5, 0): [Mark(0, 4, MarkKind.OWN)]}) == {3, 5}
    assert layers.replace("own", {(3, 0): [Mark(0, 4, MarkKind.OWN)]}) == {5}
    assert layers.replace("judge", {(3, 0): [Mark(2, 6, MarkKind.JUDGE)]}) == {3}
    assert [kinds for _start, _end, kinds in layers.runs((3, 0))] == [
        MarkKind.OWN | MarkKind.EDGE, MarkKind.OWN, MarkKind.OWN | MarkKind.JUDGE,
        MarkKind.OWN | MarkKind.JUDGE | MarkKind.EDGE, MarkKind.JUDGE,
    ]  # fmt: skip
    layers.hide({"judge"})
    assert layers.messages() == {3: MarkKind.OWN}


placed = st.dictionaries(st.tuples(st.integers(1, 4), st.integers(0, 1)), marks, max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["own", "judge"]), st.sampled_from("abc"), placed), max_size=8))
def test_marks_put_label_by_label_are_the_marks_of_all_labels(
    acts: list[tuple[str, str, dict[tuple[int, int], list[Mark]]]],
) -> None:
    layers, naive = Layers(), dict[tuple[str, str], dict[tuple[int, int], list[Mark]]]()
    for layer, source, found in acts:
        before = {message: [layers.at((message, block)) for block in (0, 1)] for message in range(1, 5)}
        naive[layer, source] = found
        changed = layers.put(layer, source, found)
        after = {message: [layers.at((message, block)) for block in (0, 1)] for message in range(1, 5)}
        assert {
            message for message in after if sorted(map(sorted, after[message])) != sorted(map(sorted, before[message]))
        } <= changed
        for message in after:
            for block in (0, 1):
                here = [mark for known in naive.values() for mark in known.get((message, block), ())]
                assert sorted(layers.at((message, block))) == sorted(here)
                assert layers.runs((message, block)) == flatten(here)
    kinds: dict[int, int] = {}
    for known in naive.values():
        for (message, _block), here in known.items():
            for mark in here:
                kinds[message] = kinds.get(message, 0) | mark.kind
    assert layers.messages() == kinds
    every = [
        (m, b, mark)
        for known in naive.values()
        for (m, b), here in known.items()
        for mark in here
        if mark.kind & MarkKind.OWN
    ]
    assert sorted(layers.places(MarkKind.OWN)) == sorted(every)


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 12),
    st.dictionaries(st.integers(1, 40), st.sampled_from([1, 2, 8, 9]), max_size=10),
    st.dictionaries(st.integers(1, 40), st.sampled_from([0, 1, 2, 8]), max_size=4), st.sets(st.integers(0, 39)),
)  # fmt: skip
def test_the_map_changes_as_if_drawn_anew(
    heights: list[int], size: int, kinds: dict[int, int], changes: dict[int, int], unanswered: set[int]
) -> None:
    count = len(heights)
    kinds = {index: found for index, found in kinds.items() if index <= count}
    is_open = sorted(index for index in unanswered if 1 <= index <= count)
    kept, anew = Overview(heights, size), Overview(heights, size)
    kept.set_marks(kinds)
    kept.set_open(is_open)
    before = [kept.sign(cell) for cell in range(size)]
    now = {index: changes.get(index, kinds.get(index, 0)) for index in range(1, count + 1)}
    shows = kept.marks_changed(changes, now)
    for index in is_open[:2]:
        shows = kept.answered(index - 1, -1) or shows
    anew.set_marks(now)
    anew.set_open(is_open[2:])
    after = [kept.sign(cell) for cell in range(size)]
    assert after == [anew.sign(cell) for cell in range(size)]
    assert shows or before == after


def transcript(*messages: Message) -> Transcript:
    return Transcript(id="t", digest="d", source="s", format="f", messages=messages)


def test_reasoning_and_long_output_start_folded_and_choices_survive_a_restart() -> None:
    long = Block("tool_result", "row\n" * 40)
    read = transcript(
        Message(1, "assistant", (Block("reasoning", "hm"), Block("text", "hello"))),
        Message(2, "tool", (long,)),
        Message(3, "tool", (Block("tool_result", "ok"),)),
    )
    outline = Outline.of(read.messages)
    folds = Folds(outline, read.thread_kind)
    assert folds.is_folded((1, 0)) and not folds.is_folded((1, 1))
    assert folds.is_folded((2, 0)) and not folds.is_folded((3, 0))
    assert folds.set((2, 0), False) and not folds.set((2, 0), False)
    again = Folds(outline, read.thread_kind, Folds.load(folds.dump()))
    assert not again.is_folded((2, 0)) and again.is_folded((1, 0))
    again.set_all(True)
    assert not again.any_open() and again.is_folded((3, 0))
    again.set_all(False)
    assert not any(again.is_folded(key) for message in read.messages for key in again.keys_of(message.index))


def test_a_row_has_room_for_skin_tones_as_tmux_paints_them() -> None:
    """Two cells more each: what no terminal shows is only space at the end of a row."""
    assert [end - start for start, end in wrap("👍🏽" * 10, 12)] == [6, 6, 6, 2]
    assert [end - start for start, end in wrap("\t" + "👍🏽" * 4, 12)] == [1, 6, 2]
    assert wrap("👍" * 6, 12) == [(0, 6)]
    assert column_of("👍🏽👍🏽", (0, 4), 2) == 2
