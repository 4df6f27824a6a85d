"""VS Code's log of a chat: the session as it was, and each change of it since."""

from __future__ import annotations

from typing import Any

from grader.readers.contained import contained
from grader.readers.report import Report
from grader.readers.source import Source

__all__ = ["is_beginning", "replayed"]

_INITIAL, _SET, _PUSH, _DELETE = range(4)
_REQUESTS = ["requests"]


def is_beginning(record: dict[str, Any]) -> bool:
    """Whether that is the row that such a log begins with."""
    state = record.get("v")
    return record.get("kind") == _INITIAL and isinstance(state, dict) and isinstance(state.get("requests"), list)


def replayed(source: Source, report: Report) -> tuple[dict[str, Any], list[Any]]:
    """The session at the end of the log, and the requests that were taken out of it on the way."""
    state: dict[str, Any] = {}
    gone: dict[str, Any] = {}
    for line, row in source.records(report):
        with contained(report, "row", line=line, raw=row):
            kind, value = row["kind"], row.get("v")
            if kind == _INITIAL:
                if not isinstance(value, dict):
                    raise ValueError("no session")
                state = value
            elif kind == _PUSH:
                _push(state, row["k"], value if isinstance(value, list) else [], row.get("i"), gone)
            elif kind in (_SET, _DELETE):
                _set(state, row["k"], value, delete=kind == _DELETE)
            else:
                raise ValueError("a change of no kind known here")
            report.leave_out("state of the session" if kind == _INITIAL else "change of the session")
    requests = state.get("requests")
    left = {_id(request) for request in requests} if isinstance(requests, list) else set()
    return state, [request for key, request in gone.items() if key not in left]


def _push(state: dict[str, Any], path: list[Any], items: list[Any], cut: Any, gone: dict[str, Any]) -> None:
    """Adds to a list, after what stands from `cut` on was taken out of it."""
    place = _place(state, path[:-1])
    held = _held(place, path[-1])
    if not isinstance(held, list):
        held = []
        _put(place, path[-1], held)
    if isinstance(cut, int) and 0 <= cut < len(held):
        if path == _REQUESTS:
            gone |= {_id(request): request for request in held[cut:]}
        del held[cut:]
    held += items


def _set(state: dict[str, Any], path: list[Any], value: Any, *, delete: bool) -> None:
    place = _place(state, path[:-1])
    if delete and isinstance(place, dict):
        place.pop(path[-1], None)
    else:
        _put(place, path[-1], value)


def _place(state: dict[str, Any], path: list[Any]) -> Any:
    """The object or list at a path, made where it is not there yet."""
    place: Any = state
    for key in path:
        inner = _held(place, key)
        if not isinstance(inner, dict | list):
            inner = {}
            _put(place, key, inner)
        place = inner
    return place


def _held(place: Any, key: Any) -> Any:
    if isinstance(place, list):
        return place[key] if isinstance(key, int) and 0 <= key < len(place) else None
    return place.get(key)


def _put(place: Any, key: Any, value: Any) -> None:
    if isinstance(place, dict):
        place[str(key)] = value
    elif key == len(place):
        place.append(value)
    elif isinstance(key, int) and 0 <= key < len(place):
        place[key] = value
    else:
        raise ValueError(f"no place {key!r} in a list of {len(place)}")


def _id(request: Any) -> str:
    return str(request.get("requestId")) if isinstance(request, dict) else ""
