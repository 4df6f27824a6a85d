"""Opening the database, several processes, and what happens when it cannot be."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.store import add_event, events, open_store
from grader.store.database import SCHEMA_VERSION, file_system
from grader.store.migrations import migrations


def _write(path: Path, count: int) -> None:
    with open_store(path) as store:
        for _ in range(count):
            add_event(store, "focus", rater="ana")


def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write, args=(path, 60)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    with open_store(path) as store:
        assert sum(1 for _ in events(store)) == 240


def test_the_schema_version_is_the_number_of_migrations(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        assert len(migrations.applied(store.db)) == SCHEMA_VERSION
        assert not migrations.pending(store.db)


def test_a_locked_database_says_so_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_store(path, busy_timeout=0.05) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program is writing"):
            add_event(store, "open")
        other.execute("ROLLBACK")
        add_event(store, "open")
        assert [event.kind for event in events(store)] == ["open"]
        other.close()


def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        with pytest.raises(ZeroDivisionError), store.writing():
            add_event(store, "open", rater="ana")
            raise ZeroDivisionError
        assert list(events(store)) == []
        add_event(store, "close", rater="ana")
        assert [event.rater for event in events(store)] == ["human:ana"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no database at all, but long enough to be read as one" * 30, "not a grader database"), (b"", None)],
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes, says: str | None) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    if says is None:
        open_store(path).close()
        return
    with pytest.raises(StoreError, match=says):
        open_store(path)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name)")
    with pytest.raises(StoreError, match="something else"):
        open_store(path)


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_store(path).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="newer grader"):
        open_store(path)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_recognised(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/x / ext4 rw 0 0\nserver:/x {tmp_path}/my\\040share {kind} rw 0 0\n")
    folder = tmp_path / "my share"
    folder.mkdir()
    assert file_system(folder / "a.db", mounts) == kind
    assert file_system(tmp_path / "a.db", mounts) == "ext4"


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.store.database.file_system", lambda file: "nfs4")
    with pytest.raises(StoreError, match="network file system"):
        open_store(tmp_path / "a.db")


def test_a_missing_database_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="grader import"):
        open_store(tmp_path / "none.db", create=False)


@pytest.fixture
def unwritable() -> Iterator[Path]:
    """A folder anybody may read."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        Path(folder).chmod(0o755)


def _as_nobody(folder: Path, work: Callable[[], str]) -> str:
    """What `work` returns, or the error it raises, where `folder` cannot be written: the superuser can write everywhere."""
    folder.chmod(0o555)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        told = "neither done nor refused"
        try:
            told = work()
        except StoreError as error:
            told = str(error)
        finally:
            os.write(writing, told.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told


def test_where_nothing_can_be_written_a_database_can_still_be_read(unwritable: Path) -> None:
    path = unwritable / "a.db"
    _write(path, 3)

    def work() -> str:
        with open_store(path) as store:
            kinds = [event.kind for event in events(store)]
            with pytest.raises(StoreError, match="cannot be written"):
                add_event(store, "open")
            return " ".join(kinds)

    assert _as_nobody(unwritable, work) == "focus focus focus"


def test_changes_not_yet_in_an_unwritable_database_are_not_passed_over(unwritable: Path) -> None:
    path = unwritable / "a.db"
    with open_store(path) as store:
        add_event(store, "focus", rater="ana")
        copy = unwritable / "b.db"
        copy.write_bytes(path.read_bytes())
        copy.with_name("b.db-wal").write_bytes(path.with_name("a.db-wal").read_bytes())
    for file in unwritable.iterdir():
        file.chmod(0o644)
    assert "copy both files" in _as_nobody(unwritable, lambda: str(len(list(events(open_store(copy))))))
