"""The project database: transcripts, the append-only annotation log, events. One SQLite file, safe with several processes."""

from __future__ import annotations

from grader.store.annotation_log import (
    Pass,
    add_annotations,
    add_pass,
    annotation_by_id,
    passes,
    read_annotations,
    read_first_values,
    register_rubric,
    stored_rubric,
    stored_rubrics,
)
from grader.store.database import Store, new_ids, now, open_store
from grader.store.event_log import Event, add_event, events, has_blind_items, policy, round_events, set_policy
from grader.store.outline import BlockOutline, MessageOutline, Outline
from grader.store.selection import Selection, parse_where
from grader.store.slices import load_messages
from grader.store.stored import Readable, StoredTranscript, in_another_thread, read_as_needed
from grader.store.transcripts import (
    Added,
    Entry,
    add_transcript,
    current_key,
    entries,
    entry,
    entry_by_key,
    exclude,
    iter_transcripts,
    load,
    load_outline,
)

__all__ = [
    "Added",
    "BlockOutline",
    "Entry",
    "Event",
    "MessageOutline",
    "Outline",
    "Pass",
    "Readable",
    "Selection",
    "Store",
    "StoredTranscript",
    "add_annotations",
    "add_event",
    "add_pass",
    "add_transcript",
    "annotation_by_id",
    "current_key",
    "entries",
    "entry",
    "entry_by_key",
    "events",
    "has_blind_items",
    "exclude",
    "iter_transcripts",
    "in_another_thread",
    "load",
    "load_messages",
    "load_outline",
    "new_ids",
    "now",
    "open_store",
    "parse_where",
    "passes",
    "policy",
    "read_as_needed",
    "read_annotations",
    "read_first_values",
    "register_rubric",
    "round_events",
    "set_policy",
    "stored_rubric",
    "stored_rubrics",
]
