"""What a partition has on its disk for later: timers, retries and effects, read by cursors of 256 rows when due.

Nothing is read whole, however much there is. A cursor knows up to where it has read in the order (due, id) and when
to look again; a row that is set to an earlier time moves it back. Rows it has brought into memory are `under way` until
a commit takes them away, so that reading a stretch again cannot bring the same row twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Row = TypeVar("Row")
Position = tuple[int, str]
START: Position = (-(2**62), "")


class Cursor(Generic[Row]):
    """Reads due rows in order."""

    def __init__(
        self,
        load: Callable[[Position, int], Awaitable[Sequence[Row]]],
        position_of: Callable[[Row], Position],
        *,
        anything: bool,
    ) -> None:
        self._load = load
        self._position_of = position_of
        self._position = START
        self.under_way: dict[str, Row] = {}
        self.next_due_ms: int | None = START[0] if anything else None
        """When to read again; None: when something is noted."""

    def note(self, due_ms: int, row_id: str) -> None:
        """A row was committed to be read at `due_ms`."""
        if (due_ms, row_id) <= self._position:
            self._position = (due_ms - 1, "")
        if self.next_due_ms is None or due_ms < self.next_due_ms:
            self.next_due_ms = due_ms

    def due(self, now_ms: int) -> bool:
        """Whether there may be something to read."""
        return self.next_due_ms is not None and self.next_due_ms <= now_ms

    async def read(self, now_ms: int, limit: int) -> list[Row]:
        """The next rows that are due and not under way; they are now."""
        rows = await self._load(self._position, limit)
        fresh: list[Row] = []
        for row in rows:
            due_ms, row_id = position = self._position_of(row)
            if due_ms > now_ms:
                self.next_due_ms = due_ms
                return fresh
            self._position = position
            if row_id not in self.under_way:
                self.under_way[row_id] = row
                fresh.append(row)
        if len(rows) < limit:
            self.next_due_ms = None
        return fresh
