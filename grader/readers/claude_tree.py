"""Which rows of a Claude Code session are the main line, which a branch that was left, which a sub-agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.readers.threads import MAIN, thread_entry
from grader.transcript import Block, Role

__all__ = ["Row", "Threads", "threads_of"]


@dataclass(slots=True)
class Row:
    """A row that holds a message."""

    line: int
    """Of its file; two rows may stand on one."""
    uuid: str | None
    parent: str | None
    role: Role
    blocks: list[Block]
    message_id: str | None = None
    time: Any = None
    flags: tuple[str, ...] = ()
    model: str | None = None
    side_chain: bool = False
    agent: str | None = None
    cwd: str | None = None
    told: bool = False
    """Of a sub-agent, as the session that began it is told of its doing."""
    place: int = 0
    """Where it stands among the rows of its session, once they are in order."""
    queued: bool = False
    """Said while the agent worked: it goes in among the results, and no branch begins there."""


@dataclass(slots=True)
class Threads:
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Thread → its rows in file order; main first."""
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    """For `metadata.threads`, without main."""


def threads_of(rows: Sequence[Row], parents: Mapping[str, str | None], *, lone_side_chain: bool) -> Threads:
    """The threads of a session. `parents`: of every row, also of those that hold no message.

    Without any parent the file's order is all there is. Else the rows are a tree, which branches only where two children
    are prompts or answers of different message ids; the branch with the last row of the file is main. Beginnings that
    have one row of the client's own above them are its children too: a first prompt that was taken back.
    `lone_side_chain`: all rows are of a sub-agent, so it is the main line of its own transcript.
    """
    rows = _after_parents(rows)
    for place, row in enumerate(rows):
        row.place = place
    threads = Threads(rows={MAIN: []})
    main = [row for row in rows if not row.told and (lone_side_chain or not row.side_chain)]
    assigned = _branches(main, parents, threads)
    for row in main:
        threads.rows.setdefault(assigned.get(row.place, MAIN), []).append(row)
    _side_chains([row for row in rows if row.told or (row.side_chain and not lone_side_chain)], parents, threads)
    threads.rows = {key: found for key, found in threads.rows.items() if found or key == MAIN}
    return threads


def _after_parents(rows: Sequence[Row]) -> Sequence[Row]:
    """File order, but a row that was written before the one it names as its parent (a result before its call) comes after it."""
    to_come = {row.uuid for row in rows if row.uuid is not None}
    early: dict[str, list[Row]] = {}
    for row in rows:
        to_come.discard(row.uuid)
        if row.parent in to_come and row.parent is not None:
            early.setdefault(row.parent, []).append(row)
    if not early:
        return rows
    waiting = {id(row) for held in early.values() for row in held}
    ordered: list[Row] = []
    following = [row for row in reversed(rows) if id(row) not in waiting]
    while following:
        row = following.pop()
        ordered.append(row)
        following += reversed(early.pop(row.uuid, [])) if row.uuid is not None else ()
    return ordered + [row for held in early.values() for row in held]  # parents in a circle


def _branches(rows: Sequence[Row], parents: Mapping[str, str | None], threads: Threads) -> dict[int, str]:
    """Place → thread, for rows that are not on the main line."""
    by_uuid = {row.uuid: row for row in rows if row.uuid is not None}
    if not any(row.parent for row in rows):
        return {}
    children: dict[str, list[Row]] = {}
    roots: list[Row] = []
    for row in rows:
        parent = _parent_row(row, by_uuid, parents)
        if parent is None or parent.uuid is None:
            roots.append(row)
        else:
            children.setdefault(parent.uuid, []).append(row)
    starts: dict[str, list[Row]] = {}
    for root in roots if len(roots) > 1 else ():
        starts.setdefault(_start(root, parents), []).append(root)
    if all(len(below) < 2 for below in (*children.values(), *starts.values())):  # a tree that never forks
        return {}
    latest = _latest(rows, by_uuid, parents)
    assigned: dict[int, str] = {}
    names: dict[int, str] = {}
    waiting: list[tuple[Row, str]] = []

    def follow(row: Row | None, below: Sequence[Row], thread: str) -> None:
        left = _left_branches(row, below, latest)
        for child in reversed(below):
            group = left.get(child.place)
            if group is None:
                waiting.append((child, thread))
                continue
            key = names.get(group)
            if key is None:
                key = names[group] = f"branch-{len(names) + 1}"
                threads.entries[key] = thread_entry("branch", parent=thread)
            waiting.append((child, key))

    for below in reversed(starts.values()) if starts else (roots,):
        follow(None, below, MAIN)
    while waiting:
        row, thread = waiting.pop()
        if row.place in assigned:
            continue
        assigned[row.place] = thread
        follow(row, children.get(row.uuid, []) if row.uuid is not None else [], thread)
    return assigned


def _left_branches(row: Row | None, below: Sequence[Row], latest: Mapping[int, int]) -> dict[int, int]:
    """Place of a child → place of the first of its group, for the alternatives that are not followed."""
    groups: dict[object, list[Row]] = {}
    for child in below:
        if _is_prompt(child):
            groups[child.place] = [child]
        elif child.role == "assistant" and (
            row is None or child.message_id is None or child.message_id != row.message_id
        ):
            groups.setdefault(child.message_id or child.place, []).append(child)
    if len(groups) < 2:
        return {}
    followed = max(groups.values(), key=lambda group: max(latest.get(child.place, child.place) for child in group))
    return {child.place: group[0].place for group in groups.values() if group is not followed for child in group}


def _is_prompt(row: Row) -> bool:
    return (
        row.role == "user"
        and not row.queued
        and "meta" not in row.flags
        and not any(block.kind == "tool_result" for block in row.blocks)
    )


def _parent_row(row: Row, by_uuid: Mapping[str, Row], parents: Mapping[str, str | None]) -> Row | None:
    """The nearest row above that holds a message; rows of the client's own stand between them."""
    above, seen = row.parent, {row.uuid}
    while above is not None and above not in seen:
        seen.add(above)
        found = by_uuid.get(above)
        if found is not None:
            return found
        above = parents.get(above)
    return None


def _start(root: Row, parents: Mapping[str, str | None]) -> str:
    """The topmost row that a beginning descends from; itself, or a name of its own, where none is above."""
    top, above = root.uuid or f"\x00{root.place}", root.parent
    seen: set[str] = set()
    while above is not None and above in parents and above not in seen:
        seen.add(above)
        top, above = above, parents[above]
    return top


def _latest(rows: Sequence[Row], by_uuid: Mapping[str, Row], parents: Mapping[str, str | None]) -> dict[int, int]:
    """Place of a row → place of the last row below it. From the end, each row is reached first by its latest."""
    latest: dict[int, int] = {}
    for row in reversed(rows):
        current: Row | None = row
        while current is not None and current.place not in latest:
            latest[current.place] = row.place
            current = _parent_row(current, by_uuid, parents)
    return latest


def _side_chains(rows: Sequence[Row], parents: Mapping[str, str | None], threads: Threads) -> None:
    """One thread per sub-agent: by agent id, else by the root it descends from, else by where a new prompt begins."""
    by_uuid = {row.uuid: row for row in rows if row.uuid is not None}
    keys: dict[int, str] = {}
    linked = any(row.parent for row in rows)
    last: str | None = None
    for row in rows:
        parent = _parent_row(row, by_uuid, parents) if linked else None
        if row.agent:
            key = f"agent-{row.agent}"
        elif parent is not None and parent.place in keys:
            key = keys[parent.place]
        elif last is None or linked or _is_prompt(row):
            key = f"sidechain-{sum(1 for name in threads.entries if name.startswith('sidechain-')) + 1}"
        else:
            key = last
        keys[row.place] = last = key
        if key not in threads.entries:
            threads.entries[key] = thread_entry("subagent", actor=row.agent)
        threads.rows.setdefault(key, []).append(row)
