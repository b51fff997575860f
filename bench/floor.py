"""The floor under the rates: the recorded commits of a run, written again by plain `sqlite3` on one thread.

What is recorded are the engine's own commits, merged until each holds 256 turns; what is timed is one INSERT statement
a commit, `synchronous=FULL`, one file after the other, nothing else running: no event loop, no turns, no waiting. It is
a floor for the time and a ceiling for the rate; it says nothing of a better format.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sagamore.engine.ports import Commit, IndexChange
from sagamore.storage import schema
from sagamore.storage.journal import SQLiteJournal
from sagamore.storage.parameters import parameters_of

TURNS_PER_COMMIT = 256


class Recording:
    """The commits of one run, by file."""

    def __init__(self) -> None:
        self.commits: dict[str, list[Commit]] = {}

    def replay_s(self, directory: Path) -> float:
        """Write everything again into new files in a new directory; the seconds that took."""
        directory.mkdir()
        total = 0.0
        for name, commits in self.commits.items():
            merged = [parameters_of(commit) for commit in _merged(commits)]
            connection = sqlite3.connect(directory / name, isolation_level=None)
            connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;" + schema.TABLES
                + schema.BATCH
            )  # fmt: skip
            started = time.perf_counter()
            for n, parameters in enumerate(merged):
                connection.execute(schema.INSERT_BATCH, parameters)
                if n % 16 == 0:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            total += time.perf_counter() - started
            connection.close()
        return total

    def rows(self) -> int:
        """Rows written: inserted, changed or deleted."""
        return sum(_rows(commit) for commits in self.commits.values() for commit in commits)


@contextmanager
def recording() -> Iterator[Recording]:
    """Record every commit that is made meanwhile, by all journals of this process."""
    recorded = Recording()
    original = SQLiteJournal.commit

    async def commit(self: SQLiteJournal, commit: Commit) -> int:
        size = await original(self, commit)
        recorded.commits.setdefault(self.path.name, []).append(commit)
        return size

    SQLiteJournal.commit = commit  # type: ignore[method-assign]
    try:
        yield recorded
    finally:
        SQLiteJournal.commit = original  # type: ignore[method-assign]


def _merged(commits: list[Commit]) -> Iterator[Commit]:
    merged: Commit | None = None
    turns = 0
    for commit in commits:
        merged = commit if merged is None else _added(merged, commit)
        turns += len(commit.history)
        if turns >= TURNS_PER_COMMIT:
            yield merged
            merged, turns = None, 0
    if merged is not None:
        yield merged


def _added(one: Commit, two: Commit) -> Commit:
    return Commit(
        two.turn,
        one.states | two.states,
        _indexes([*one.indexes, *two.indexes]),
        one.inbox | two.inbox,
        [*one.parcels, *two.parcels],
        one.acknowledged | two.acknowledged,
        one.timers | two.timers,
        one.retries | two.retries,
        one.effects | two.effects,
        [*one.client_keys, *two.client_keys],
        [*one.history, *two.history],
        one.alerts | two.alerts,
        one.undeliverable | two.undeliverable,
    )


def _indexes(changes: list[IndexChange]) -> list[IndexChange]:
    merged: dict[tuple[str, str], IndexChange] = {}
    for change in changes:
        first = merged.get((change.field, change.key), change)
        merged[change.field, change.key] = IndexChange(change.field, change.key, first.before, change.after)
    return [change for change in merged.values() if change.before != change.after]


def _rows(commit: Commit) -> int:
    indexes = sum((change.before is not None) + (change.after is not None) for change in commit.indexes)
    tables: list[Any] = [
        commit.states, commit.inbox, commit.timers, commit.retries, commit.effects, commit.client_keys, commit.history,
        commit.alerts, commit.parcels, commit.parcels, commit.acknowledged,
    ]  # fmt: skip
    return 1 + indexes + sum(map(len, tables))
