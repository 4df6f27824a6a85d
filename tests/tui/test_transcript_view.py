"""The transcript view: what stands where, in which colours, and how one moves in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from grader.transcript import Block, Message, Transcript, renumber
from grader.tui.document import Document, RowKind
from grader.tui.marks import Mark, MarkKind
from grader.tui.messages import FocusMoved, SpanDragged
from grader.tui.theme import ANSI_DARK, DARK, LIGHT, themes, variables
from grader.tui.transcript_view import ReadingPlace, TranscriptView


def transcript(*messages: Message, **threads: str) -> Transcript:
    kinds = {name: {"kind": kind} for name, kind in threads.items()}
    return Transcript(
        id="t", digest="d", source="s", format="f", messages=renumber(messages), metadata={"threads": kinds}
    )


def say(text: str, role: str = "assistant", **more: object) -> Message:
    return Message(0, role, (Block("text", text),), **more)  # type: ignore[arg-type]


class Viewer(App[None]):
    CSS_PATH = "../../grader/tui/app.tcss"

    def __init__(self, shown: Transcript, place: ReadingPlace | None = None) -> None:
        super().__init__()
        self.shown, self.start = shown, place
        self.heard: list[object] = []
        for theme in themes():
            self.register_theme(theme)
        self.theme = "grader-dark"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables(dark=self.current_theme.dark, ansi=self.current_theme.ansi)

    def compose(self) -> ComposeResult:
        yield TranscriptView()

    def on_mount(self) -> None:
        self.view.show(self.shown, self.start)

    def on_focus_moved(self, message: FocusMoved) -> None:
        self.heard.append(message.index)

    def on_span_dragged(self, message: SpanDragged) -> None:
        self.heard.append((message.message, message.block, message.start, message.end))

    @property
    def view(self) -> TranscriptView:
        return self.query_one(TranscriptView)

    def lines(self) -> list[str]:
        view = self.view
        return [strip.text.rstrip() for strip in view.render_lines(view.size.region)]


blocks = st.builds(
    Block,
    st.sampled_from(["text", "reasoning", "tool_call", "tool_result", "media"]),
    st.text("ab \n漢", max_size=60) | st.just("row\n" * 30),
)
transcripts = st.lists(
    st.builds(
        Message,
        st.just(0),
        st.sampled_from(["user", "assistant", "tool"]),
        st.lists(blocks, max_size=3).map(tuple),
        thread=st.sampled_from(["main", "main", "discarded-1", "sub"]),
    ),
    min_size=1,
    max_size=25,
).map(lambda messages: transcript(*messages, **{"discarded-1": "discarded", "sub": "subagent"}))


@settings(max_examples=80, deadline=None)
@given(transcripts, st.integers(10, 60), st.integers(0, 200), st.integers(3, 10))
def test_a_settled_document_says_what_laying_out_everything_says(
    read: Transcript, width: int, y: int, page: int
) -> None:
    document, whole = Document(read, width), Document(read, width)
    whole.settle_some(0, 10**9)
    document.settle(y, page)
    document.settle_some(0, 10**9)
    assert document.total_rows == whole.total_rows == sum(len(whole.layout(at).rows) for at in range(len(whole)))
    for at in range(len(whole)):
        top = whole.top_of(at)
        for number, row in enumerate(whole.layout(at).rows):
            assert whole.row_at(top + number) == (at, number)
            if row.kind == RowKind.TEXT and row.start < row.end:
                assert whole.place_of(at, row.block, row.start) == (top + number, 0)
                assert whole.offset_at(top + number, 0) == (at, row.block, row.start)


@settings(max_examples=50, deadline=None)
@given(transcripts, st.integers(0, 300))
def test_settling_keeps_the_row_under_the_eye(read: Transcript, y: int) -> None:
    document = Document(read, 20)
    if not document.total_rows:
        return
    position, row = document.row_at(y)
    found, within = document.row_at(document.settle(y, 5))
    assert found == position
    assert within == min(row, document.heights[position] - 1)


async def test_the_focused_message_is_named_and_ruled() -> None:
    app = Viewer(transcript(say("hello", "user"), say("threatening words"), say("ok", "user")))
    async with app.run_test(size=(60, 16)) as pilot:
        app.view.move_focus(1, target=True)
        await pilot.pause()
        lines = app.lines()
        assert lines[0].startswith("   M1 user")
        assert lines[3].startswith(">  M2 assistant ─")
        assert lines[4] == "│  threatening words"
        assert app.heard == [2]


async def test_marks_are_lettered_and_styled_without_colour_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Viewer(transcript(say("pay or else"), say("x", "user")))
    async with app.run_test(size=(60, 16)) as pilot:
        app.view.set_marks("rules", {(1, 0): [Mark(0, 3, MarkKind.RULES)]})
        app.view.set_marks("own", {(1, 0): [Mark(4, 11, MarkKind.OWN)]})
        await pilot.pause()
        strip = app.view.render_lines(app.view.size.region)[1]
        assert strip.text.startswith("h  pay or else")
        styles = {segment.text: segment.style for segment in strip}
        assert styles["pay"].underline
        assert styles["o"].reverse and styles["e"].reverse and styles["r els"].bold
        assert all(
            color is None or len(set(color.get_truecolor())) == 1
            for style in styles.values()
            for color in (style.color, style.bgcolor)
        )
        for below in (app.view.render_lines(app.view.size.region)[-1], app.view.render_lines(Region(0, 12, 70, 1))[0]):
            for segment in below:
                assert not segment.style.bgcolor or len(set(segment.style.bgcolor.get_truecolor())) == 1


async def test_folded_output_shows_its_size_and_first_line_and_a_jump_opens_it() -> None:
    output = "first line\n" + "row\n" * 40
    app = Viewer(transcript(Message(0, "tool", (Block("tool_result", output, name="read_email"),)), say("done")))
    async with app.run_test(size=(70, 20)) as pilot:
        assert "M1 tool read_email" in app.lines()[0]
        assert "first line" in app.lines()[1] and "[+ 42 rows folded]" in app.lines()[1]
        app.view.reveal(1, 0, output.index("row") + 80)
        await pilot.pause()
        assert "row" in "\n".join(app.lines()) and "folded" not in "\n".join(app.lines())
        app.view.toggle_fold()
        assert "folded" in "\n".join(app.lines())


async def test_discarded_branches_are_headed_and_folded_and_counted() -> None:
    app = Viewer(
        transcript(say("kept"), say("taken back", thread="d"), say("also", thread="d"), d="discarded"),
    )
    async with app.run_test(size=(80, 16)) as pilot:
        text = "\n".join(app.lines())
        assert "discarded thread d · 2 messages (M2–M3) · folded: z opens" in text and "taken back" not in text
        assert not app.view.move_focus(1)
        app.view.focus_message(3)
        await pilot.pause()
        assert "taken back" in "\n".join(app.lines())


async def test_scrolling_takes_the_focus_along_only_when_it_leaves_the_screen() -> None:
    app = Viewer(transcript(*(say(f"message {n}\n" * 4) for n in range(30))))
    async with app.run_test(size=(60, 18)):
        app.view.scroll_rows(4)
        assert app.view.focus_index == 1
        app.view.scroll_rows(2)
        assert app.view.focus_index == 2
        app.view.go_end(1)
        assert app.view.focus_index == 30
        app.view.go_end(-1)
        assert app.view.focus_index == 1 and app.view.scroll_offset.y == 0


async def test_a_place_is_found_again_exactly() -> None:
    read = transcript(*(say(f"message {n} " * 30) for n in range(40)))
    app = Viewer(read)
    async with app.run_test(size=(60, 18)):
        app.view.scroll_pages(3)
        app.view.focus_message(app.view.focus_index + 1, scroll=False)
        place, lines = app.view.place(), app.lines()
    again = Viewer(read, place)
    async with again.run_test(size=(60, 18)):
        assert again.view.place() == place
        assert again.lines() == lines


async def test_resizing_keeps_the_text_on_the_first_row() -> None:
    app = Viewer(transcript(*(say(" ".join(f"w{n}.{i}" for i in range(80))) for n in range(20))))
    async with app.run_test(size=(60, 18)) as pilot:
        app.view.scroll_rows(30)
        first = app.lines()[0].split()[1]
        await pilot.resize_terminal(100, 18)
        await pilot.pause()
        assert first in app.lines()[0]


async def test_cell_and_code_point_round_trip_and_dragging_marks_what_was_dragged_over() -> None:
    app = Viewer(transcript(say("漢字 and plain words"), say("two", "user")))
    async with app.run_test(size=(60, 16)) as pilot:
        view = app.view
        for offset in range(len("漢字 and plain words")):
            assert view.offset_at(*view.cell_of(1, 0, offset)) == (1, 0, offset)
        await pilot.mouse_down(TranscriptView, offset=view.cell_of(1, 0, 3))
        await pilot.hover(TranscriptView, offset=view.cell_of(1, 0, 5))
        await pilot.mouse_up(TranscriptView, offset=view.cell_of(1, 0, 5))
        assert app.heard == [(1, 0, 3, 6)]


async def test_what_was_on_screen_counts_as_seen() -> None:
    app = Viewer(transcript(say("short"), say("row\n" * 60), say("never")))
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.pause()
        assert app.view.seen.share(1) == 1.0
        assert 0 < app.view.seen.share(2) < 0.5
        assert app.view.seen.share(3) == 0.0
        app.view.go_end(1)
        await pilot.pause()
        assert app.view.seen.share(3) == 1.0


async def test_a_filter_hides_messages_and_moves_the_focus_to_a_shown_one() -> None:
    app = Viewer(transcript(say("question", "user"), say("answer"), say("more", "user")))
    async with app.run_test(size=(60, 18)):
        app.view.set_filter(lambda _index, shape: shape.role == "assistant")
        assert app.view.focus_index == 2
        assert "question" not in "\n".join(app.lines())
        app.view.set_filter(None)
        assert "question" in "\n".join(app.lines())


@pytest.mark.parametrize("size", [(60, 16), (120, 40), (20, 5)])
@pytest.mark.parametrize("theme", ["grader-dark", "grader-light", "ansi-dark", "ansi-light"])
async def test_hostile_text_is_painted_as_glyphs_at_any_size_in_any_theme(size: tuple[int, int], theme: str) -> None:
    nasty = (
        "\x1b]52;c;aGk=\x07 [/done] [@click=app.quit]x[/] \u202egpj \x9b2J \u200b\ufeff \x00"
        + "y" * 5000
        + "👩‍👩‍👧" * 50
    )
    app = Viewer(
        transcript(
            say(nasty, name="\x1b[2J"), Message(0, "tool", (Block("tool_result", nasty, name=nasty, error=nasty),))
        )
    )
    app.theme = theme
    async with app.run_test(size=size) as pilot:
        for _ in range(3):
            app.view.scroll_pages(1)
            await pilot.pause()
            text = "".join(app.lines())
            assert not [character for character in text if ord(character) < 32 or 0x7F <= ord(character) < 0xA0]
            assert "\u202e" not in text and "\u200b" not in text


async def test_an_empty_transcript_and_an_empty_message_are_shown() -> None:
    app = Viewer(transcript())
    async with app.run_test(size=(60, 16)):
        for act in (app.view.toggle_fold, lambda: app.view.scroll_pages(1), lambda: app.view.go_end(1)):
            act()
    app = Viewer(transcript(Message(0, "assistant")))
    async with app.run_test(size=(60, 16)):
        assert "empty" in app.lines()[0]


def _luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_every_text_colour_can_be_read(palette: dict[str, str]) -> None:
    for name in palette:
        if name.startswith(("role-", "ink", "muted", "problem", "value-", "mark-rules")) or name == "mark-judge":
            assert _contrast(palette[name], palette["page"]) >= 4.5, name
    for role in ("system", "user", "assistant", "tool"):
        assert _contrast(palette[f"role-{role}"], palette["head"]) >= 4.5, role
    assert _contrast(palette["mark-own"], palette["mark-own-tint"]) >= 4.5
    assert _contrast(palette["mark-judge-ink"], palette["mark-judge-tint"]) >= 4.5
    assert _contrast(palette["mark-select"], palette["mark-select-tint"]) >= 4.5
    assert set(palette) == set(ANSI_DARK)


@pytest.mark.parametrize(
    ("said", "disputed"),
    [("plain words 🙂 and 漢字 ", False), ("thumbs 👍🏽 up ", True), ("a family 👩‍👩‍👧 ", True), ("flag 🇩🇪 ", True)],
)
async def test_rows_whose_width_terminals_dispute_are_painted_again_with_what_stands_beside_them(
    said: str, disputed: bool
) -> None:
    """Such a row runs over the panel in some terminals, and only what is placed by itself is right again then."""
    app = Viewer(transcript(*[say(said * 40) for _ in range(20)]))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        drawn: list[object] = []
        display = app._display

        def recording(screen: object, update: object) -> None:
            if update is not None:
                drawn.append(update)
            display(screen, update)  # type: ignore[arg-type]

        app._display = recording  # type: ignore[method-assign]
        for _ in range(2):
            drawn.clear()
            app.view.scroll_rows(5)
            for _ in range(9):
                await pilot.pause()
            placed = [{span for span in getattr(update, "spans", ()) if span[1:] == (0, 60)} for update in drawn]
            assert (len(placed[-1]) == 12) == disputed, "every row, from edge to edge, after all else"
            assert len(drawn) < 6, "and then it is quiet"
