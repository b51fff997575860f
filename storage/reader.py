"""Lists and searches over one partition's file, beside its owner: a second connection, `mode=ro`, on its own thread.

A page is one SELECT in autocommit, so a snapshot lives as long as that statement and holds up no checkpoint; a reader
never makes one itself. A long list is read page by page with a cursor: the position of the last row of the page before.
Works in the owner's process, in another one, and on a stopped directory, from the files alone.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import aiosqlite
import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Address, Parcel
from sagamore.engine.errors import FileMissing, InvalidInput, NotWritable
from sagamore.engine.ports import AlertRow, HistoryRow, RetryRow, TimerRow
from sagamore.storage import partition_file, rows
from sagamore.storage.failures import as_directory_error, missing
from sagamore.storage.manifest import MANIFEST_NAME, addresses, read_manifest
from sagamore.storage.schema import CORRELATION_IS_ID

T = TypeVar("T")
PAGE_ROWS_MAX = 1_000  # some milliseconds: what a checkpoint may have to wait for
_ABOVE_ALL = "\U0010ffff"

_COUNTS = """SELECT (SELECT count(*) FROM entity), (SELECT count(*) FROM timer), (SELECT count(*) FROM retry),
    (SELECT count(*) FROM effect WHERE parked = 0), (SELECT count(*) FROM effect WHERE parked = 1),
    (SELECT coalesce(sum(last - first + 1), 0) FROM outbox), (SELECT at_ms FROM outbox ORDER BY rowid LIMIT 1)"""


_WAITING = """SELECT (SELECT coalesce(sum(last - first + 1), 0) FROM outbox) + (SELECT count(*) FROM retry),
    (SELECT count(*) FROM timer WHERE due_ms <= ?), (SELECT count(*) FROM effect WHERE parked = 0)"""


class EntityRow(msgspec.Struct, frozen=True):
    """An entity: its key, and its state as JSON."""

    key: str
    state: bytes


class Counts(msgspec.Struct, frozen=True):
    """What a file holds at one moment."""

    entities: int
    timers: int
    retries: int
    effects_pending: int
    effects_parked: int
    outbox_messages: int
    outbox_oldest_ms: int | None
    """When the oldest message not yet acknowledged was sent; None if there is none."""


class Waiting(msgspec.Struct, frozen=True):
    """What moves on only while somebody owns the directory; of timers those that are due."""

    messages: int
    timers: int
    effects: int


class Reader:
    """One partition's file, read only, opened when first asked. Every method raises FileMissing, FileDamaged,
    NotWritable; a `limit` is 1 to PAGE_ROWS_MAX, otherwise InvalidInput."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opening = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None

    async def close(self) -> None:
        """End the thread; a later question opens the file again."""
        async with self._opening:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()

    # --- entities ---

    async def state(self, key: str) -> bytes | None:
        """One entity's state, None if it does not exist."""
        found = await self._fetch("SELECT CAST(state AS BLOB) FROM entity WHERE key = ?", (key,))
        return found[0][0] if found else None

    async def entities(self, field: str, value: str, before: str | None, limit: int) -> list[EntityRow]:
        """Entities whose indexed field has that value, highest key (newest id) first, strictly before a key."""
        found = await self._page(
            "SELECT key, CAST(state AS BLOB) FROM entity_index JOIN entity USING(key)"
            " WHERE field = ? AND value = ? AND key < ? ORDER BY key DESC",
            (field, value, _ABOVE_ALL if before is None else before),
            limit,
        )
        return [EntityRow(*row) for row in found]

    async def entities_by_prefix(self, prefix: str, before: str | None, limit: int) -> list[EntityRow]:
        """Entities whose key starts with a prefix ("" for all), highest key first, strictly before a key."""
        top = prefix + _ABOVE_ALL
        found = await self._page(
            "SELECT key, CAST(state AS BLOB) FROM entity WHERE key >= ? AND key < ? ORDER BY key DESC",
            (prefix, top if before is None else min(before, top)),
            limit,
        )
        return [EntityRow(*row) for row in found]

    async def entities_after(self, prefix: str, after: str, limit: int) -> list[EntityRow]:
        """Entities whose key starts with a prefix, lowest key first, strictly after a key."""
        found = await self._page(
            "SELECT key, CAST(state AS BLOB) FROM entity WHERE key > ? AND key < ? ORDER BY key",
            (max(prefix, after), prefix + _ABOVE_ALL),
            limit,
        )
        return [EntityRow(*row) for row in found]

    # --- stories ---

    async def history(self, correlation: str, after_turn: int, limit: int) -> list[HistoryRow]:
        """The turns of one story, in order, after a turn (0 for all). By index if the correlation is an id, else the
        file is read from end to end."""
        by_index = f" AND {CORRELATION_IS_ID}" if "_" in correlation[-33:-32] else ""
        found = await self._page(
            f"SELECT {rows.HISTORY_COLUMNS} FROM history WHERE correlation = ?{by_index} AND turn > ? ORDER BY turn",
            (correlation, after_turn),
            limit,
        )
        return self._made(rows.history_row, found)

    async def history_page(self, after_turn: int, limit: int) -> list[HistoryRow]:
        """The turns of all stories in the order in which they were taken, for audits."""
        found = await self._page(
            f"SELECT {rows.HISTORY_COLUMNS} FROM history WHERE turn > ? ORDER BY turn", (after_turn,), limit
        )
        return self._made(rows.history_row, found)

    # --- what waits ---

    async def counts(self) -> Counts:
        """How much there is of everything, at one moment."""
        return Counts(*(await self._fetch(_COUNTS))[0])

    async def waiting(self, now_ms: int) -> Waiting:
        """How much there is to be done."""
        return Waiting(*(await self._fetch(_WAITING, (now_ms,)))[0])

    async def alerts(self, after: tuple[str, str], limit: int) -> list[AlertRow]:
        """Alerts by (name, subject)."""
        found = await self._page(
            "SELECT row FROM alert WHERE (name, subject) > (?, ?) ORDER BY name, subject", after, limit
        )
        return self._made(lambda row: rows.alert_row(row[0]), found)

    async def timers_of(self, entity: str, after_name: str, limit: int) -> list[TimerRow]:
        """An entity's timers by name."""
        found = await self._page(
            f"SELECT {rows.TIMER_COLUMNS} FROM timer WHERE entity = ? AND name > ? ORDER BY name",
            (entity, after_name),
            limit,
        )
        return self._made(rows.timer_row, found)

    async def retries(self, after: tuple[int, str], limit: int) -> list[RetryRow]:
        """Retries by (due, id)."""
        found = await self._page("SELECT row FROM retry WHERE (due_ms, id) > (?, ?) ORDER BY due_ms, id", after, limit)
        return self._made(lambda row: rows.retry_row(row[0]), found)

    async def effects(
        self, state: Literal["pending", "parked"], after: tuple[str, int, int, str], limit: int
    ) -> list[EffectRow]:
        """Effects by (provider, lane, due, id); `uncertain` ones are pending. One seek a provider, so that the few that
        are parked are found among a million."""
        provider = after[0]
        found = await self._page_of_effects(state, provider, after[1:], limit)
        while len(found) < limit:
            ((provider,),) = await self._fetch("SELECT min(provider) FROM effect WHERE provider > ?", (provider,))
            if provider is None:
                break
            found += await self._page_of_effects(state, provider, (-1, -1, ""), limit - len(found))
        return found

    async def outbox(self, after: tuple[Address, int, int], limit: int) -> list[Parcel]:
        """Parcels not yet acknowledged by (receiver, lane, last number)."""
        found = await self._page(
            f"SELECT {rows.PARCEL_COLUMNS} FROM outbox WHERE (receiver, lane, last) > (?, ?, ?)"
            " ORDER BY receiver, lane, last",
            after,
            limit,
        )
        return self._made(rows.parcel, found)

    async def _page_of_effects(
        self, state: str, provider: str, after: Sequence[int | str], limit: int
    ) -> list[EffectRow]:
        found = await self._page(
            "SELECT row FROM effect WHERE provider = ? AND parked = ? AND (lane, due_ms, id) > (?, ?, ?)"
            " ORDER BY lane, due_ms, id",
            (provider, state == "parked", *after),
            limit,
        )
        return self._made(lambda row: rows.effect_row(row[0]), found)

    async def _page(self, sql: str, parameters: Iterable[Any], limit: int) -> list[Any]:
        if type(limit) is not int or not 1 <= limit <= PAGE_ROWS_MAX:
            raise InvalidInput("limit", limit, f"1 to {PAGE_ROWS_MAX}")
        return await self._fetch(f"{sql} LIMIT ?", (*parameters, limit))

    def _made(self, make: Callable[[Sequence[Any]], T], found: Iterable[Sequence[Any]]) -> list[T]:
        try:
            return [make(row) for row in found]
        except msgspec.DecodeError as error:
            raise as_directory_error(self.path, error) from error

    async def _fetch(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        try:
            return list(await (await self._open()).execute_fetchall(sql, parameters))
        except sqlite3.Error as error:
            raise as_directory_error(self.path, error) from error

    async def _open(self) -> aiosqlite.Connection:
        """A cancelled caller leaves it to be opened for the next, or to be closed: aiosqlite would lose it, open."""
        return self._connection if self._connection is not None else await asyncio.shield(self._opened())

    async def _opened(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._connection is None:
                if not self.path.exists():
                    raise missing(self.path)
                # A connection that fails to open leaves a thread behind that complains once the loop is closed.
                if not (self.path.is_file() and os.access(self.path, os.R_OK, effective_ids=True)):
                    raise NotWritable(f"{self.path} cannot be read; Sagamore must be able to read and write its files")
                connection = await aiosqlite.connect(
                    f"{self.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
                )
                try:
                    ((application_id,),) = await connection.execute_fetchall("PRAGMA application_id")
                    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
                    partition_file.require_ours(self.path, application_id, version)
                except BaseException:
                    await connection.close()
                    raise
                self._connection = connection
            return self._connection


def readers(directory: Path) -> dict[Address, Reader]:
    """Readers of all partitions of a directory, owned by somebody or nobody. Raises FileMissing (no manifest),
    NewerFormat, FileDamaged."""
    manifest = read_manifest(directory)
    if manifest is None:
        raise FileMissing(f"{directory / MANIFEST_NAME} is missing: {directory} is no data directory")
    return {
        address: Reader(directory / partition_file.file_name(address)) for address in addresses(manifest.partitions)
    }
