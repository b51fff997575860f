"""Journals for the contract suite. To judge another implementation, add a maker to JOURNALS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sagamore.engine.ports import Journal
from sagamore.storage import partition_file
from sagamore.storage.journal import SQLiteJournal

MakeJournal = Callable[[], Journal]
"""Each call gives a new journal, not yet open, on the same stored rows."""


def _sqlite(folder: Path) -> MakeJournal:
    path = folder / "orders-0.sqlite"
    partition_file.make(path)
    return lambda: SQLiteJournal(path)


JOURNALS: dict[str, Callable[[Path], MakeJournal]] = {"sqlite": _sqlite}


@pytest.fixture(params=JOURNALS)
def make_journal(request: pytest.FixtureRequest, tmp_path: Path) -> MakeJournal:
    return JOURNALS[request.param](tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A fresh partition file of SQLite's journal."""
    path = tmp_path / "orders-0.sqlite"
    partition_file.make(path)
    return path
