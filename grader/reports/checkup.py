"""What `doctor` looks at."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

import msgspec

from grader import __version__
from grader.errors import GraderError
from grader.store import Store, load_messages, open_store
from grader.store.database import SCHEMA_VERSION, file_system
from grader.transcript import transcript_digest

__all__ = ["Check", "check"]

_EXTRAS = {"report": "matplotlib", "serve": "textual_serve", "parquet": "pyarrow", "remote": "fsspec"}


class Check(msgspec.Struct, frozen=True):
    """One thing looked at; `ok` None is information only."""

    name: str
    ok: bool | None
    detail: str


def check(database: str, *, deep: bool = False) -> list[Check]:
    """The environment, then the database where there is one."""
    return [*_environment(), *_database(Path(database), deep)]


def _environment() -> Iterator[Check]:
    yield Check("grader", None, f"{__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    versions = [f"{name} {metadata.version(name)}" for name in ("textual", "anthropic", "sqlite-utils", "rapidfuzz")]
    yield Check("libraries", None, ", ".join(versions))
    engines = {"ahocorasick-rs": "ahocorasick_rs", "google-re2": "re2"}
    absent = [name for name, module in engines.items() if util.find_spec(module) is None]
    yield Check(
        "rules engine",
        True,
        f"without {', '.join(absent)}: slower, same results" if absent else ", ".join(engines),
    )
    have = [name for name, module in _EXTRAS.items() if util.find_spec(module) is not None]
    lack = [name for name in _EXTRAS if name not in have]
    yield Check(
        "extras",
        None,
        f"installed: {', '.join(have) or 'none'}"
        + (f"; not: {', '.join(lack)} (pip install 'grader[…]')" if lack else ""),
    )
    encoding = (sys.stdout.encoding or "").lower()
    yield Check("output encoding", encoding.startswith("utf"), encoding or "unknown; set PYTHONUTF8=1")
    key = any(os.environ.get(name) for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"))
    yield Check("judge credentials", None, "set" if key else "not set (ANTHROPIC_API_KEY); only --judge needs them")


def _database(path: Path, deep: bool) -> Iterator[Check]:
    if not path.exists():
        yield Check("database", None, f"{path} does not exist yet")
        return
    try:
        store = open_store(path, create=False)
    except GraderError as error:
        yield Check("database", False, str(error))
        return
    with store:
        yield Check(
            "database",
            True,
            f"{path}, schema {SCHEMA_VERSION}, {path.stat().st_size / 1e6:.1f} MB, on {file_system(path) or 'an unknown file system'}",
        )
        yield from _integrity(store)
        if deep:
            yield _digests(store)
        free = shutil.disk_usage(path.absolute().parent).free
        yield Check("free disk", free > 200_000_000, f"{free / 1e9:.1f} GB")


def _integrity(store: Store) -> Iterator[Check]:
    try:
        said = [row[0] for row in store.connection.execute("PRAGMA integrity_check(5)")]
        yield Check("integrity", said == ["ok"], "; ".join(map(str, said)))
        orphans = store.connection.execute("PRAGMA foreign_key_check").fetchall()
        yield Check(
            "references",
            not orphans,
            f"{len(orphans)} rows point nowhere" if orphans else "every row points to something",
        )
    except sqlite3.Error as error:
        yield Check("integrity", False, str(store.explain(error)))


def _digests(store: Store) -> Check:
    wrong, count = [], 0
    for key, name, digest in store.connection.execute("SELECT key, id, digest FROM transcripts").fetchall():
        count += 1
        if transcript_digest(load_messages(store, key)) != digest:
            wrong.append(name)
    detail = (
        f"{count} transcripts read, all as imported" if not wrong else f"changed since import: {', '.join(wrong[:5])}"
    )
    return Check("transcripts", not wrong, detail)
