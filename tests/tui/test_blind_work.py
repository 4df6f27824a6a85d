"""A blind transcript worked through in the terminal: nothing of a machine is asked for, shown or counted."""

from __future__ import annotations

from grader.labelling import Session
from grader.store import Store
from grader.tui.lines import Lines
from grader.tui.marks import MarkKind
from grader.tui.screens.annotate import AnnotateScreen

from .conftest import RUBRIC, at_work, finished

_WORK = (
    "j 1 2 3 v w 1 s 1 k J z Z ] [ m e x y Y enter } { 0 0 0 0 c n enter f w enter T T i escape tab full_stop 2 u ctrl+r "
    "V down 0 i escape V / a enter n N g G r S : M 2 escape"
)
_NAMED = {"]": "right_square_bracket", "[": "left_square_bracket", "}": "right_curly_bracket", "{": "left_curly_bracket",
          "/": "slash", ":": "colon"}  # fmt: skip


async def test_a_blind_item_is_worked_through_without_a_query_for_machines(store: Store) -> None:
    # Whoever reads a machine's row from now on fails on it.
    store.connection.execute("DROP TRIGGER annotations_are_never_updated")
    store.connection.execute(
        "UPDATE annotations SET spans = 'poison', more = 'poison' WHERE rater IN (SELECT key FROM raters WHERE kind <> 'human')"
    )
    statements: list[str] = []
    store.connection.set_trace_callback(statements.append)
    shown: list[str] = []
    with Session(store, RUBRIC, "ana", policy="blind") as session:
        for size in ((80, 24), (200, 60)):
            async with at_work(session, size) as (app, pilot):
                for key in _WORK.split():
                    await pilot.press(_NAMED.get(key, key))
                    shown += [lines.text for lines in app.screen.query(Lines)]
                    if isinstance(app.screen, AnnotateScreen):
                        assert not app.screen.view.marks.places(MarkKind.RULES | MarkKind.JUDGE | MarkKind.REJECTED)
                await finished(app)
                await pilot.pause()
    store.connection.set_trace_callback(None)
    assert not [
        sql
        for sql in statements
        if sql.startswith("SELECT") and ("judge" in sql.lower() or "from passes" in sql.lower())
    ]
    words = "\n".join(shown).replace("Judge what the target did", "").lower()
    assert "judge" not in words and "rules" not in words.replace("rules and judge said", "").replace("marks: ", "")
