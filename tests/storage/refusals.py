"""What it means to be refused: a named error, twice, and nothing changed."""

from pathlib import Path

import pytest

from sagamore.engine.errors import DirectoryError
from sagamore.storage.directory import Directory
from tests.storage.samples import NOW_MS

PARTITIONS = {"orders": 1, "payments": 2}


def contents(path: Path) -> dict[str, bytes]:
    """All files but those that SQLite makes beside a database to read it, and the lock."""
    beside = ("-wal", "-shm", "owner.lock")
    return {f.name: f.read_bytes() for f in path.iterdir() if f.is_file() and not f.name.endswith(beside)}


def refused(path: Path, error: type[DirectoryError], says: str, partitions: dict[str, int] | None = None) -> None:
    """Opening raises that error, changes nothing and leaves the lock free."""
    before = contents(path) if path.is_dir() else {}
    for _ in range(2):
        with pytest.raises(error, match=says):
            Directory.open(path, partitions or PARTITIONS, now_ms=NOW_MS)
    assert before == (contents(path) if path.is_dir() else {})
