"""What an audit must keep to one side: a temporary database of SQLite's own, on disk as soon as it is large, gone when
it is closed. So a ledger of millions of rows is sorted, and a million owners are remembered, in a few MB of memory.
"""

from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any

import aiosqlite

_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; PRAGMA cache_size=-16000;
CREATE TABLE stock(partition TEXT, product TEXT, on_hand INTEGER, reserved INTEGER);
CREATE TABLE goods(partition TEXT, turn INTEGER, n INTEGER, order_id TEXT, product TEXT, kind TEXT,
    on_hand_change INTEGER, reserved_change INTEGER, on_hand INTEGER, reserved INTEGER);
CREATE TABLE money(turn INTEGER, n INTEGER, order_id TEXT, kind TEXT, amount INTEGER, captured INTEGER,
    refunded INTEGER);
CREATE TABLE owner(order_id TEXT, what TEXT);
CREATE TABLE mover(id TEXT);
CREATE TABLE unended(id TEXT, status TEXT);
CREATE TABLE dead(id TEXT, needs_letter INTEGER, mark TEXT);
CREATE TABLE letter(id TEXT, letter TEXT);
CREATE TABLE place(user_id TEXT, n INTEGER, mark INTEGER);
"""
ROWS_AT_ONCE = 1_000


class Scratch:
    """Heaps, each written once and then read in the order that is asked for."""

    def __init__(self) -> None:
        self._database: aiosqlite.Connection | None = None
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}

    async def __aenter__(self) -> "Scratch":
        self._database = await aiosqlite.connect("", isolation_level=None)
        await self._database.executescript(_TABLES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.database.close()

    @property
    def database(self) -> aiosqlite.Connection:
        """The open connection."""
        assert self._database is not None
        return self._database

    async def add(self, table: str, row: tuple[Any, ...]) -> None:
        """Add a row; it is there once `rows` is asked."""
        waiting = self._waiting.setdefault(table, [])
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE:
            await self.flush(table)

    async def rows(self, table: str, sql: str, parameters: Iterable[Any] = ()) -> AsyncIterator[Any]:
        """The rows of a SELECT from that table. May be left unread: the database ends the SELECT as it closes."""
        await self.flush(table)
        cursor = await self.database.execute(sql, parameters)
        while found := await cursor.fetchmany(ROWS_AT_ONCE):
            for row in found:
                yield row

    async def flush(self, table: str) -> None:
        """Have what was added there for a SELECT from another table, too."""
        if waiting := self._waiting.pop(table, None):
            places = ", ".join("?" * len(waiting[0]))
            await self.database.execute("BEGIN")
            await self.database.executemany(f"INSERT INTO {table} VALUES ({places})", waiting)
            await self.database.execute("COMMIT")
