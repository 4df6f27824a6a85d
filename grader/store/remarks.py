"""What people left beside their labels: flags for the lead, notes, reasons why they released a transcript."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import msgspec

from grader.store.database import Store
from grader.store.event_log import events

__all__ = ["Remark", "left_behind", "remarks"]


class Remark(msgspec.Struct, frozen=True):
    """Something a person said of a transcript or message that is no label, and has not taken back."""

    kind: Literal["flag", "note", "skip"]
    transcript: str
    message: int | None
    rater: str
    round: str
    text: str
    """May be empty, of a flag."""
    created: str


def left_behind(store: Store, key: int | None = None) -> dict[str, int]:
    """Answers by people on earlier revisions (or on that with `key`), which no number counts: id → how many items."""
    which = "t.superseded_by IS NOT NULL" + ("" if key is None else " AND t.key = ?")
    rows = store.connection.execute(
        "SELECT t.id, count(*) FROM transcripts t CROSS JOIN current_annotations a ON a.transcript = t.key"
        f" WHERE {which} AND a.view IS NOT NULL GROUP BY t.id ORDER BY t.id",
        () if key is None else (key,),
    )
    return {str(name): int(count) for name, count in rows}


def remarks(store: Store, *, transcript_key: int | None = None) -> list[Remark]:
    """Of the current revisions (or of one transcript), in the order in which they were made."""
    names = {
        int(key): str(name)
        for key, name in store.connection.execute("SELECT key, id FROM transcripts WHERE superseded_by IS NULL")
    }
    held: dict[tuple[Hashable, ...], Remark] = {}
    told = ("flag", "unflag", "note", "skip", "reopen")
    for event in events(store, kinds=told, transcript_key=transcript_key):
        if event.rater is None or event.transcript_key not in names:
            continue
        kind: Literal["flag", "note", "skip"] = (
            "note" if event.kind == "note" else "flag" if event.kind.endswith("flag") else "skip"
        )
        message = int(event.data.get("message") or 0) or None
        text = event.data.get({"note": "text", "flag": "line", "skip": "reason"}[kind])
        place = (kind, event.transcript_key, message, event.rater, event.round)
        held.pop(place, None)
        if event.kind not in ("unflag", "reopen") and not (kind == "note" and text is None):
            name = names[event.transcript_key]
            held[place] = Remark(kind, name, message, event.rater, event.round or "", str(text or ""), event.created)
    return list(held.values())
