"""The project database: opening it safely, one kind of write transaction, ids that sort by time."""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from grader.errors import StoreError
from grader.text import one_line

if TYPE_CHECKING:
    from sqlite_utils.db import Database

__all__ = ["SCHEMA_VERSION", "Store", "ids_follow", "new_ids", "now", "open_store"]

SCHEMA_VERSION = 6
"""`PRAGMA user_version` of an up-to-date file: the number of the newest migration."""

_POLL = 0.001
"""Seconds between tries for the write lock."""

_NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "sshfs", "fuse.sshfs", "lustre", "gpfs", "ceph",
     "glusterfs", "fuse.glusterfs", "afs", "ncpfs")
)  # fmt: skip


class Store:
    """An open project database. Use it as a context manager, from the thread that opened it.

    `connection` is for reading; every write goes through `writing()`. What a write acknowledged is on disk.
    """

    def __init__(self, path: Path | None, connection: sqlite3.Connection, busy_timeout: float = 5.0) -> None:
        self._busy_timeout = busy_timeout
        self.path = path
        """The file, or None in memory."""
        self._file = None if path is None else path.absolute()
        self._identity = self._file_identity()
        self.connection = connection
        self._db: Database | None = None
        self._raters: dict[str, int] = {}
        self._labels: dict[tuple[str, str, str, str], tuple[int, int]] = {}

    @property
    def db(self) -> Database:
        """The same connection as a `sqlite_utils.Database`, for schema and ad-hoc reads."""
        if self._db is None:
            with _light_imports():
                from sqlite_utils.db import Database  # 0.1-0.2 s to import: only when asked for

            self._db = Database(self.connection)
        return self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it is committed at the end, or none.

        Begins IMMEDIATE: a deferred transaction that reads first and then writes fails at once when another process
        writes, whatever the busy timeout. Nested calls join the outer transaction. Raises StoreError (locked, full, …).
        """
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        self._check_file()
        try:
            self._begin()
            try:
                yield connection
            except BaseException:
                self._rollback()
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._rollback()
            raise self.explain(error) from error

    def _check_file(self) -> None:
        # SQLite goes on writing into a file that nobody can open any more, and says that all is well
        if self._identity is not None and self._file_identity() != self._identity:
            raise StoreError(
                f"{one_line(self.path)}: the file was moved, removed or replaced while it was open; nothing was changed, "
                "put it back, or quit and open it again"
            )

    def _file_identity(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _begin(self) -> None:
        # SQLite's own waiting sleeps up to 100 ms between tries, and a key press loses every race against bulk writers
        deadline = time.monotonic() + self._busy_timeout
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self.connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                        raise
                    time.sleep(_POLL)
        finally:
            self.wait_at_most(self._busy_timeout)

    def is_free(self) -> bool:
        """Whether a write could begin at this moment. False only while another program writes; other faults show in the write."""
        if self.connection.in_transaction:
            return True
        try:
            self.connection.execute("PRAGMA busy_timeout = 0")
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            return (
                not isinstance(error, sqlite3.OperationalError) or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
            )
        finally:
            self.wait_at_most(self._busy_timeout)
        return True

    def wait_at_most(self, seconds: float) -> None:
        """Give another writer so long from now on, then refuse."""
        self._busy_timeout = seconds
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def explain(self, error: sqlite3.Error) -> StoreError:
        """`error` in one line that says what to do."""
        name = "the database" if self.path is None else one_line(self.path)
        text = str(error)
        if "locked" in text or "busy" in text:
            return StoreError(
                f"{name}: another program is writing and did not finish in time; nothing was changed, try again"
            )
        if "full" in text:
            return StoreError(f"{name}: the disk is full; nothing was changed, free some space and try again")
        if "disk I/O error" in text:
            return StoreError(
                f"{name}: the disk refuses to be written or read (full, or failing); nothing was changed, try again"
            )
        if "readonly" in text:
            return StoreError(f"{name}: the file or its folder cannot be written; check the permissions")
        if "malformed" in text or "not a database" in text:
            return StoreError(f"{name}: not a grader database, or damaged ({text}); `grader doctor` says more")
        return StoreError(f"{name}: {one_line(text)}")

    def _rollback(self) -> None:
        self._raters.clear()
        self._labels.clear()
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                self.connection.execute("ROLLBACK")

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(
    path: str | Path = "grader.db",
    *,
    create: bool = True,
    busy_timeout: float = 5.0,
    full_sync: bool = False,
    any_thread: bool = False,
) -> Store:
    """Open, and with `create` make, the project database at `path` (":memory:" for a passing one).

    `busy_timeout`: seconds to wait for another writer. `full_sync`: survive power loss, not only a killed process, at about
    4 ms a commit. `any_thread`: the caller sees to it that only one thread at a time uses it.
    A database whose folder cannot be written is opened for reading: `writing()` then raises.
    Raises StoreError: missing file without `create`, a network file system, a newer schema, not a database.
    """
    in_memory = str(path) == ":memory:"
    file = Path(path)
    if not in_memory:
        _check_place(file, create)
    store = Store(None if in_memory else file, _connected(str(path), busy_timeout, any_thread), busy_timeout)
    try:
        _set_up(store, full_sync)
    except StoreError:
        store.close()
        if in_memory or not _cannot_be_written(file):
            raise
    except BaseException:
        store.close()
        raise
    else:
        return store
    return _open_unwritable(file, busy_timeout, any_thread)


def _connected(address: str, busy_timeout: float, any_thread: bool, *, uri: bool = False) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            address, timeout=busy_timeout, isolation_level=None, check_same_thread=not any_thread, uri=uri
        )
    except sqlite3.Error as error:
        raise StoreError(f"{one_line(address)}: cannot be opened ({one_line(error)})") from error


def _set_up(store: Store, full_sync: bool) -> None:
    connection = store.connection
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        _migrate(store)
    except sqlite3.Error as error:
        raise store.explain(error) from error


def _cannot_be_written(file: Path) -> bool:
    return os.access(file, os.R_OK) and not os.access(file.absolute().parent, os.W_OK)


def _open_unwritable(file: Path, busy_timeout: float, any_thread: bool) -> Store:
    """A database on a read-only disk or in somebody else's folder: it can be read, and a write says why it cannot be done.

    SQLite needs to make files beside a database even to read it, unless told that nobody changes it.
    """
    log = file.with_name(file.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            f"{one_line(file)}: the folder cannot be written and {one_line(log.name)} holds changes not yet in the database; "
            "copy both files to a folder that can be written"
        )
    store = Store(
        file, _connected(f"{file.absolute().as_uri()}?immutable=1", busy_timeout, any_thread, uri=True), busy_timeout
    )
    try:
        store.connection.execute("PRAGMA query_only = ON")
        if store.connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            raise StoreError(
                f"{one_line(file)}: made by an older grader, and its folder cannot be written; copy it to one that can"
            )
        _migrate(store)
    except sqlite3.Error as error:
        store.close()
        raise store.explain(error) from error
    except BaseException:
        store.close()
        raise
    return store


def _check_place(file: Path, create: bool) -> None:
    if not file.exists():
        if not create:
            raise StoreError(f"{one_line(file)}: no such database; `grader import` makes one, --db names another")
        if not file.absolute().parent.is_dir():
            raise StoreError(f"{one_line(file)}: the folder does not exist")
    elif not file.is_file():
        raise StoreError(f"{one_line(file)}: not a regular file")
    kind = file_system(file)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"{one_line(file)}: lies on a network file system ({kind}), where SQLite loses data; "
            "keep the database on a local disk and hand copies around with `grader bundle`"
        )


def file_system(file: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The type of file system `file` lies (or would lie) on, or None where the platform does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    place = str(file.absolute().parent.resolve())
    best, kind = -1, None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind


def _migrate(store: Store) -> None:
    # user_version spares every later opening the import of sqlite_utils
    version = store.connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{one_line(store.path)}: written by a newer grader (schema {version}); update grader to open it"
        )
    if version == 0:
        # in one query: another process may be making it at this moment
        names = [name for (name,) in store.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        strangers = [name for name in names if not name.startswith("_sqlite")]
        if strangers and "transcripts" not in strangers:
            raise StoreError(
                f"{one_line(store.path)}: a database of something else (it has a table {one_line(strangers[0])})"
            )
    with _light_imports():
        from grader.store.migrations import migrations

    with store.writing():
        migrations.apply(store.db)
        store.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _light_imports() -> Iterator[None]:
    """sqlite_utils looks for numpy and pandas, to store their types: 0.5 s and 80 MB where they happen to be installed."""
    hidden = [name for name in ("numpy", "pandas") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: it cannot be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def now() -> str:
    """The time as the store writes it: UTC ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


_last_tick = 0
_tick_lock = threading.Lock()


def new_ids(count: int) -> list[str]:
    """`count` new row ids, 24 hex digits: 14 of microseconds, strictly rising within a process, then 10 random.

    Unique across machines, so that databases merge as sets, and ordered by time, so that the later act has the later id.
    """
    global _last_tick
    with _tick_lock:
        first = max(time.time_ns() // 1000, _last_tick + 1)
        _last_tick = first + count - 1
    noise = secrets.token_hex(5 * count)
    return [f"{first + n:014x}{noise[10 * n : 10 * n + 10]}" for n in range(count)]


def ids_follow(row_id: str) -> None:
    """See to it that ids given from now on are later than `row_id`, even if the clock was set back since."""
    global _last_tick
    try:
        tick = int(row_id[:14], 16)
    except ValueError:
        return
    with _tick_lock:
        _last_tick = max(_last_tick, tick)


def read_all(store: Store, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """All rows of a query; sqlite errors become StoreError."""
    try:
        return store.connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        raise store.explain(error) from error
