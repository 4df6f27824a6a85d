"""The pipeline is tested through the installed command too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.store import Store, open_store
from tests.cli.conftest import chat_log, grader

__all__ = ["chat_log", "grader", "store"]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("project") / "p.db"
    with open_store(path) as opened:
        yield opened
