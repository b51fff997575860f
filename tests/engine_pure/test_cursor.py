"""The cursor over what is due: nothing is read twice while under way, and nothing due is forgotten (PROTOCOL 11)."""

from collections.abc import Coroutine
from random import Random
from typing import Any, NamedTuple

import pytest

from sagamore.engine.runtime.agenda import START, Cursor, Position

SEEDS = 400
STEPS = 120
LIMIT = 3


class Row(NamedTuple):
    due_ms: int
    id: str


def at_once(coroutine: Coroutine[Any, Any, list[Row]]) -> list[Row]:
    """The result of a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    result: list[Row] = done.value.value
    return result


class Table:
    """The rows on disk, and the commits that change them."""

    def __init__(self, random: Random, cursor_type: type[Cursor[Row]]) -> None:
        self.random, self.rows, self.now_ms, self.count = random, dict[str, Row](), 0, 0
        self.cursor = cursor_type(self.load, lambda row: (row.due_ms, row.id), anything=False)

    async def load(self, after: Position, limit: int) -> list[Row]:
        return sorted(row for row in self.rows.values() if (row.due_ms, row.id) > after)[:limit]

    def read(self) -> str:
        """What is wrong with what was read."""
        before = dict(self.cursor.under_way)
        for row in at_once(self.cursor.read(self.now_ms, LIMIT)):
            if row.due_ms > self.now_ms:
                return f"{row} is read before it is due"
            if row.id in before or self.rows.get(row.id) != row:
                return f"{row} is read twice"
        return ""

    def commit(self) -> None:
        """Change, remove or add some rows, then tell the cursor, as a partition does."""
        changed: dict[str, Row | None] = {}
        for _ in range(self.random.randrange(1, 4)):
            known = sorted(self.rows)
            if known and self.random.random() < 0.6:
                name = self.random.choice(known)
            else:
                self.count += 1
                name = str(self.random.randrange(100))
            later = Row(self.now_ms + self.random.randrange(-3, 8), name)
            changed[name] = None if self.random.random() < 0.4 else later
        for name, row in changed.items():
            self.rows.pop(name, None)
            if row is not None:
                self.rows[name] = row
        for name, row in changed.items():
            self.cursor.under_way.pop(name, None)
            if row is not None:
                self.cursor.note(row.due_ms, name)

    def forgotten(self) -> list[Row]:
        """Due, and neither under way nor found by reading on."""
        while self.cursor.due(self.now_ms):
            at_once(self.cursor.read(self.now_ms, LIMIT))
        return [row for row in self.rows.values() if row.due_ms <= self.now_ms and row.id not in self.cursor.under_way]


def wrong(seed: int, cursor_type: type[Cursor[Row]] = Cursor) -> str:
    """What a random history breaks; empty if nothing."""
    random = Random(seed)
    table = Table(random, cursor_type)
    for _ in range(STEPS):
        what = random.random()
        if what < 0.3:
            table.now_ms += random.randrange(4)
        elif what < 0.6:
            table.commit()
        elif table.cursor.due(table.now_ms) and (broken := table.read()):
            return broken
        if random.random() < 0.1 and (forgotten := table.forgotten()):
            return f"{forgotten} is due and forgotten"
    return ""


def test_each_due_row_is_read_once_whatever_commits_in_between() -> None:
    for seed in range(SEEDS):
        assert not wrong(seed), f"seed {seed}: {wrong(seed)}"


class NeverGoesBack(Cursor[Row]):
    """A row that is set to an earlier time is not looked for."""

    def note(self, due_ms: int, row_id: str) -> None:
        position = self._position
        super().note(due_ms, row_id)
        self._position = position


class NotTold(Cursor[Row]):
    """An earlier time does not make it look earlier."""

    def note(self, due_ms: int, row_id: str) -> None:
        next_due_ms = self.next_due_ms
        super().note(due_ms, row_id)
        self.next_due_ms = self.next_due_ms if next_due_ms is None else next_due_ms


class Forgetful(Cursor[Row]):
    """What it has brought into memory is not remembered."""

    async def read(self, now_ms: int, limit: int) -> list[Row]:
        self.under_way.clear()
        return await super().read(now_ms, limit)


@pytest.mark.parametrize("mutant", [NeverGoesBack, NotTold, Forgetful])
def test_another_reading_forgets_or_repeats(mutant: type[Cursor[Row]]) -> None:
    assert any(wrong(seed, mutant) for seed in range(SEEDS))


def test_what_is_on_disk_at_the_start_is_read_in_order_and_by_portions() -> None:
    table = Table(Random(0), Cursor)
    table.rows = {str(n): Row(n // 2, str(n)) for n in range(8)}
    table.cursor = Cursor(table.load, lambda row: (row.due_ms, row.id), anything=True)
    table.now_ms = 2
    read = []
    assert table.cursor.next_due_ms == START[0]
    while table.cursor.due(table.now_ms):
        read.append([row.id for row in at_once(table.cursor.read(table.now_ms, LIMIT))])
    assert read == [["0", "1", "2"], ["3", "4", "5"], []]
    assert table.cursor.next_due_ms == 3
