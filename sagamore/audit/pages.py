"""The files of a directory as the audit reads them: page by page, entities ascending, and a few positions.

Ascending, so that an order, its payment and its holds can be read side by side in one pass. Connections of the audit's
own, so that a host's lists do not wait for it.
"""

from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any

import msgspec

from sagamore.engine.envelope import Address, Parcel, Stream, kind_of
from sagamore.engine.ports import HistoryRow
from sagamore.files import Files
from sagamore.storage.reader import PAGE_ROWS_MAX, EntityRow, Reader

AFTER_ALL = "\U0010ffff"
TURN_MAX = 2**63 - 1

_SENT = """SELECT receiver, lane, coalesce(max(next), 1), coalesce(max(oldest), max(next)), sum(messages) FROM (
    SELECT receiver, lane, next, NULL AS oldest, 0 AS messages FROM stream UNION ALL
    SELECT receiver, lane, NULL, min(first), sum(last - first + 1) FROM outbox GROUP BY receiver, lane)
    GROUP BY receiver, lane"""


class Sent(msgspec.Struct, frozen=True):
    """One sender's side of a stream, at one moment."""

    next: int
    oldest: int
    """The lowest number whose row is still there; `next` if there is none."""
    messages: int
    """In rows that are still there."""


class AuditReader(Reader):
    """A partition's file, with the questions that only an audit asks."""

    async def page_count(self) -> int:
        """How many pages the file has."""
        return int((await self._fetch("PRAGMA page_count"))[0][0])

    async def unsound(self, most: int) -> list[str]:
        """What SQLite finds wrong with the file, at most so many things."""
        told = [line for (text,) in await self._fetch(f"PRAGMA integrity_check({most})") for line in text.splitlines()]
        return [line for line in told if line != "ok" and not line.startswith("*** in database")]

    async def turn(self) -> int:
        """The number of the last turn committed."""
        return int((await self._fetch("SELECT value FROM meta WHERE name = 'turn'"))[0][0])

    async def clean(self) -> bool:
        """Whether the file was closed by a stop."""
        return bool((await self._fetch("SELECT value FROM meta WHERE name = 'clean'"))[0][0])

    async def sent(self) -> dict[Stream, Sent]:
        """Per (receiver, lane) what this partition has numbered and what it still keeps."""
        return {(receiver, lane): Sent(*rest) for receiver, lane, *rest in await self._fetch(_SENT)}

    async def taken(self) -> dict[Stream, int]:
        """Per (sender, lane) the last number taken."""
        rows = await self._fetch("SELECT sender, lane, last FROM inbox")
        return {(sender, lane): last for sender, lane, last in rows}

    async def highest_key(self) -> str:
        """The highest entity key; empty if there is none."""
        return (await self._fetch("SELECT max(key) FROM entity"))[0][0] or ""

    async def entities_after(self, key: str, upto: str, limit: int) -> list[EntityRow]:
        """Entities by key, ascending, strictly after one and up to another."""
        sql = "SELECT key, CAST(state AS BLOB) FROM entity WHERE key > ? AND key <= ? ORDER BY key"
        return [EntityRow(*row) for row in await self._page(sql, (key, upto), limit)]

    async def timers_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """Timers by (entity, name)."""
        sql = "SELECT entity, name FROM timer WHERE (entity, name) > (?, ?) ORDER BY entity, name"
        return await self._page(sql, after, limit)

    async def known_effects(self, ids: Iterable[str]) -> set[str]:
        """Those effects that are there, pending or parked."""
        sql = "SELECT id FROM effect WHERE id IN (SELECT value FROM json_each(?))"
        return {effect for (effect,) in await self._fetch(sql, (msgspec.json.encode(list(ids)).decode(),))}

    async def index_rows(self, after: tuple[str, str, str], limit: int) -> list[tuple[str, str, str, bytes | None]]:
        """Index rows by (field, value, key), each with its entity's state at the same moment."""
        sql = (
            "SELECT field, value, key, CAST(state AS BLOB) FROM entity_index LEFT JOIN entity USING(key)"
            " WHERE (field, value, key) > (?, ?, ?) ORDER BY field, value, key"
        )
        return await self._page(sql, after, limit)

    async def known_index_rows(self, rows: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        """Those index rows that are there."""
        sql = (
            "SELECT field, i.value, i.key FROM json_each(?) AS asked JOIN entity_index AS i"
            " ON field = asked.value ->> 0 AND i.value = asked.value ->> 1 AND i.key = asked.value ->> 2"
        )
        return set(await self._fetch(sql, (msgspec.json.encode(rows).decode(),)))


class Pages:
    """The readers of an audit, and whether any file has moved since it began."""

    def __init__(self, files: Files) -> None:
        self.readers = {address: AuditReader(reader.path) for address, reader in files.readers.items()}
        self._turns: dict[Address, int] = {}

    async def __aenter__(self) -> "Pages":
        try:
            self._turns = await self._positions()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        for reader in self.readers.values():
            await reader.close()

    async def _positions(self) -> dict[Address, int]:
        return {address: await reader.turn() for address, reader in self.readers.items()}

    async def still(self) -> bool:
        """Whether no turn was taken since the audit began, so that all pages show one moment."""
        return await self._positions() == self._turns

    def of(self, kind: str) -> list[AuditReader]:
        """The readers of all partitions of a kind."""
        return [reader for address, reader in self.readers.items() if kind_of(address) == kind]


async def entities(reader: AuditReader, prefix: str, upto: str) -> AsyncIterator[EntityRow]:
    """All entities whose key starts with the prefix, ascending, up to a key."""
    after = prefix
    while page := await reader.entities_after(after, min(upto, prefix + AFTER_ALL), PAGE_ROWS_MAX):
        for row in page:
            yield row
        after = page[-1].key


async def history(reader: Reader) -> AsyncIterator[HistoryRow]:
    """All turns in their order."""
    after = 0
    while page := await reader.history_page(after, PAGE_ROWS_MAX):
        for row in page:
            yield row
        after = page[-1].turn


async def story(reader: Reader, correlation: str) -> AsyncIterator[HistoryRow]:
    """The turns of one story."""
    after = 0
    while page := await reader.history(correlation, after, PAGE_ROWS_MAX):
        for row in page:
            yield row
        after = page[-1].turn


async def outbox(reader: Reader) -> AsyncIterator[Parcel]:
    """All parcels that are still kept."""
    after: tuple[str, int, int] = ("", -1, 0)
    while page := await reader.outbox(after, PAGE_ROWS_MAX):
        for parcel in page:
            yield parcel
        after = (page[-1].receiver, page[-1].lane, page[-1].last)


async def paged(read: Any, after: Any, position: Any) -> AsyncIterator[Any]:
    """All rows of a page reader; `position` gives a row's place in its order."""
    while page := await read(after, PAGE_ROWS_MAX):
        for row in page:
            yield row
        after = position(page[-1])
