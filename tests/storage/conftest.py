"""Journals for the contract suite, and directories. To judge another implementation, add a maker to JOURNALS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sagamore.engine.ports import Journal
from sagamore.storage import partition_file
from sagamore.storage.journal import SQLiteJournal
from tests.storage.refusals import PARTITIONS
from tests.storage.samples import commit_of, parcel, run_once

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


@pytest.fixture
async def shop(tmp_path: Path) -> Path:
    """A stopped directory that has lived twice and holds a state and two messages on their way."""
    path = tmp_path / "shop"
    await run_once(path, PARTITIONS)
    await run_once(path, PARTITIONS, {"orders/0": commit_of(1, {"ord_1": b"{}"}, parcels=[parcel(1, 2)])})
    return path
