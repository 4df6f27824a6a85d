"""Timestamps of any make → ISO 8601 in UTC; a naive one stays naive."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["utc_iso"]

_FRACTION = re.compile(r"(\.\d{6})\d+")
_LONGEST = len("2026-01-01T00:00:00.000000Z")
_NUMBER = re.compile(r"\d{9,20}(\.\d+)?")


def utc_iso(value: object) -> str | None:
    """ISO text, epoch in s, ms, µs or ns (told by magnitude, number or digits), or `[s, ns]`; None when empty or unreadable."""
    try:
        if isinstance(value, str):
            return _from_text(value.strip())
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return _from_epoch(value)
        if isinstance(value, list | tuple) and len(value) == 2:
            seconds, nanos = value
            if all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
                return _from_epoch(seconds + nanos / 1e9)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _from_text(text: str) -> str | None:
    if not text:
        return None
    if text[-1] == "Z" and len(text) <= _LONGEST:  # as most are
        moment = datetime.fromisoformat(text[:-1])
        return moment.isoformat() + "Z" if moment.tzinfo is None else None
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text) if "." in text else int(text))
    moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    return _written(moment.astimezone(UTC)) if moment.tzinfo else moment.isoformat()


def _from_epoch(number: float) -> str | None:
    size = abs(number)
    if size < 1e8:  # before 1973: a counter or an offset, not a time
        return None
    scale = next((scale for bound, scale in ((1e11, 1), (1e14, 10**3), (1e17, 10**6)) if size < bound), 10**9)
    if isinstance(number, int):
        whole, rest = divmod(number, scale)
        moment = datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 10**6 // scale)
    else:
        moment = datetime.fromtimestamp(number / scale, UTC)
    return _written(moment)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
