"""The engine's Journal on one SQLite file: WAL, `synchronous=FULL`, one read-write connection, one hop a call.

aiosqlite runs every call on the connection's own thread, in order. A cancelled caller abandons the answer, never the
statement; since a commit is one statement in autocommit, nothing can be left half done.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import Parcel, Stream
from sagamore.engine.errors import CommitRefused, NotWritable
from sagamore.engine.ports import ClientKeyRow, Commit, Opened, RetryRow, TimerRow
from sagamore.storage import rows, schema
from sagamore.storage.failures import as_directory_error, missing
from sagamore.storage.holders import snapshot_holders
from sagamore.storage.parameters import parameters_of
from sagamore.storage.partition_file import Position, require_ours, require_whole

_encode = msgspec.json.Encoder().encode

BUSY_TIMEOUT_MS = 5_000  # a tripwire: one connection writes, and readers of a WAL never make it wait
LOOK_AT_WAL_EVERY_BYTES = 64 << 10  # of commits: a look is a system call, and the WAL grows a few times as fast
COMMIT_BYTES_MIN = 4 << 10  # what even an acknowledgement counts for: it writes a handful of pages


class SQLiteJournal:
    """One partition's file. `generation` is the file's, 0 until it is open; `recorded` what the manifest knows of it
    (`manifest.py`)."""

    def __init__(self, path: Path, recorded: int = 0) -> None:
        self.path = path
        self.generation = 0
        self._recorded = recorded
        self._connection: aiosqlite.Connection | None = None
        self._wal = f"{path}-wal"
        self._wal_bytes = self._unlooked_bytes = 0

    async def open(self) -> Opened:
        """Open the file; its first act after an unclean end is to move the whole WAL into it (PROTOCOL 4).
        Raises FileMissing, FileDamaged, NewerFormat, NotWritable."""
        if not self.path.exists():
            raise missing(self.path)
        try:
            self._connection = await aiosqlite.connect(
                f"{self.path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None
            )
            await self._prepare()
            return await self._read_position()
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            await self.close(clean=False)
            raise as_directory_error(self.path, error) from error
        except BaseException:
            await self.close(clean=False)
            raise

    async def _prepare(self) -> None:
        await self._fetch(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        ((application_id,),) = await self._fetch("PRAGMA application_id")
        ((version,),) = await self._fetch("PRAGMA user_version")
        require_ours(self.path, application_id, version)
        await self._fetch("PRAGMA journal_mode=WAL")
        await self._fetch("PRAGMA synchronous=FULL")
        await self._fetch("PRAGMA wal_autocheckpoint=0")
        await self._fetch("PRAGMA journal_size_limit=0")  # so that the WAL's size says what is in it: see `checkpoint`
        ((mode,),) = await self._fetch("PRAGMA journal_mode")
        ((synchronous,),) = await self._fetch("PRAGMA synchronous")
        if mode != "wal" or synchronous != 2:
            raise NotWritable(
                f"{self.path}: journal_mode is {mode} and synchronous {synchronous}; need wal and 2 (FULL)"
            )
        ((busy, _, _),) = await self._fetch("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise NotWritable(
                f"{self.path}: its WAL cannot be checked in while another program uses the file (read by pid"
                f" {', '.join(map(str, snapshot_holders(self.path))) or 'unknown'}); end that one"
            )
        ((size,),) = await self._fetch("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        require_whole(self.path, size)
        await self.connection.executescript(schema.BATCH)

    async def _read_position(self) -> Opened:
        meta = msgspec.convert(dict(await self._fetch("SELECT name, value FROM meta")), Position)
        backlog = await self._fetch(
            "SELECT receiver, lane, sum(last - first + 1), min(first) FROM outbox GROUP BY receiver, lane"
        )
        streams = await self._fetch("SELECT receiver, lane, next, undeliverable FROM stream")
        next_numbers = {(r, lane): n for r, lane, n, _ in streams}
        oldest = {(r, lane): first for r, lane, _, first in backlog}
        opened = Opened(
            turn=meta.turn,
            clean=bool(meta.clean),
            taken_turn=meta.taken_turn if meta.clean else meta.turn,
            inbox={(s, lane): last for s, lane, last in await self._fetch("SELECT * FROM inbox")},
            next_numbers=next_numbers,
            undeliverable={(r, lane): n for r, lane, _, n in streams if n},
            acknowledged={stream: oldest.get(stream, n) - 1 for stream, n in next_numbers.items()},
            backlog={(r, lane): count for r, lane, count, _ in backlog},
            alerts=[rows.alert_row(row) for (row,) in await self._fetch("SELECT row FROM alert")],
            deaths=dict(await self._fetch("SELECT message, count FROM death")),
            effects=dict(await self._fetch("SELECT provider, count(*) FROM effect WHERE parked = 0 GROUP BY provider")),
            retries=(await self._fetch("SELECT count(*) FROM retry"))[0][0],
            timers=(await self._fetch("SELECT count(*) FROM timer"))[0][0],
        )
        generation = max(meta.generation, self._recorded + 1)
        await self._fetch(
            "UPDATE meta SET value = CASE name WHEN 'clean' THEN 0 WHEN 'taken_turn' THEN ? ELSE ? END"
            " WHERE name IN ('clean', 'taken_turn', 'generation')",
            (opened.taken_turn, generation),
        )
        self.generation = generation
        return opened

    async def highest_key(self, prefix: str) -> str:
        """The highest entity key that begins with `prefix` and an underscore ("`" follows "_" in ASCII)."""
        ((key,),) = await self._fetch(
            "SELECT max(key) FROM entity WHERE key >= ? AND key < ?", (f"{prefix}_", f"{prefix}`")
        )
        return key or ""

    async def commit(self, commit: Commit) -> int:
        """One statement, one sync; its bytes. Raises NotEncodable, and CommitRefused if SQLite refuses the content."""
        parameters = parameters_of(commit)
        size = sum(len(text) for text in parameters[1:] if text)
        self._unlooked_bytes += COMMIT_BYTES_MIN + size
        try:
            await self._fetch(schema.INSERT_BATCH, parameters)
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise CommitRefused(str(error)) from error
        except sqlite3.OperationalError as error:
            if "malformed JSON" in str(error):  # nested too deep, for one
                raise CommitRefused(str(error)) from error
            raise
        return size

    async def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The states of those entities that exist."""
        return dict(
            await self._fetch(
                "SELECT key, CAST(state AS BLOB) FROM entity WHERE key IN (SELECT value FROM json_each(?))",
                (_encode(keys).decode(),),
            )
        )

    async def load_client_keys(self, keys: Sequence[str]) -> dict[str, ClientKeyRow]:
        """Those client keys that are known."""
        found = await self._fetch(
            "SELECT key, body_hash, at_ms, answer FROM client_key WHERE key IN (SELECT value FROM json_each(?))",
            (_encode(keys).decode(),),
        )
        return {row[0]: ClientKeyRow(row[0], row[1], row[2], msgspec.Raw(row[3].encode())) for row in found}

    async def load_parcels(self, stream: Stream, after: int, limit: int) -> list[Parcel]:
        """The oldest parcels to (receiver, lane) that hold a number above `after`."""
        found = await self._fetch(
            f"SELECT {rows.PARCEL_COLUMNS} FROM outbox WHERE receiver = ? AND lane = ? AND last > ?"
            " ORDER BY last LIMIT ?",
            (*stream, after, limit),
        )
        return [rows.parcel(row) for row in found]

    async def load_timers(self, after: tuple[int, str], limit: int) -> list[TimerRow]:
        """The next timers by (due, entity and name)."""
        found = await self._fetch(
            f"SELECT {rows.TIMER_COLUMNS} FROM timer"
            " WHERE (due_ms, entity || char(31) || name) > (?, ?) ORDER BY due_ms, entity || char(31) || name LIMIT ?",
            (*after, limit),
        )
        return [rows.timer_row(row) for row in found]

    async def load_retries(self, after: tuple[int, str], limit: int) -> list[RetryRow]:
        """The next retries by (due, id)."""
        found = await self._fetch(
            "SELECT row FROM retry WHERE (due_ms, id) > (?, ?) ORDER BY due_ms, id LIMIT ?", (*after, limit)
        )
        return [rows.retry_row(row) for (row,) in found]

    async def load_effects(self, provider: str, lane: int, after: tuple[int, str], limit: int) -> list[EffectRow]:
        """The next pending effects of a provider in a lane by (due, id)."""
        found = await self._fetch(
            "SELECT row FROM effect WHERE provider = ? AND parked = 0 AND lane = ? AND (due_ms, id) > (?, ?)"
            " ORDER BY due_ms, id LIMIT ?",
            (provider, lane, *after, limit),
        )
        return [rows.effect_row(row) for (row,) in found]

    async def load_effect(self, effect: str) -> EffectRow | None:
        """One effect, parked ones included."""
        found = await self._fetch("SELECT row FROM effect WHERE id = ?", (effect,))
        return rows.effect_row(found[0][0]) if found else None

    async def count_death(self, message_id: str, at_ms: int) -> None:
        """Add one to the deaths of a message."""
        await self._fetch(
            "INSERT INTO death VALUES (?1, 1, ?2) ON CONFLICT(message) DO UPDATE SET count = count + 1, at_ms = ?2",
            (message_id, at_ms),
        )

    async def prune(self, before_ms: int, limit: int) -> int:
        """Remove some keys made before a time: rows are in the order of time, so the oldest are the first. Of deaths
        there are few."""
        await self._fetch("DELETE FROM death WHERE at_ms < ?", (before_ms,))
        found = await self._fetch(
            "DELETE FROM client_key WHERE rowid IN (SELECT rowid FROM client_key ORDER BY rowid LIMIT ?)"
            " AND at_ms < ? RETURNING 1",
            (limit, before_ms),
        )
        return len(found)

    async def checkpoint(self, above_bytes: int) -> int:
        """A PASSIVE checkpoint if the WAL is larger than that; the bytes it holds afterwards. When all of it is in the
        file, the next commit starts the WAL anew and cuts it to its own size (`journal_size_limit`)."""
        if self._unlooked_bytes >= min(LOOK_AT_WAL_EVERY_BYTES, above_bytes):
            self._unlooked_bytes = 0
            with contextlib.suppress(FileNotFoundError):
                self._wal_bytes = os.stat(self._wal).st_size
            if self._wal_bytes > above_bytes:
                ((_, frames, moved),) = await self._fetch("PRAGMA wal_checkpoint(PASSIVE)")
                self._wal_bytes = 0 if frames == moved else self._wal_bytes
        return self._wal_bytes

    def readers(self) -> list[int]:
        """The processes that keep the WAL from being checked in just now."""
        return snapshot_holders(self.path)

    async def close(self, *, clean: bool) -> None:
        """Close the file; a clean close also empties its WAL."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if clean:
                await connection.execute_fetchall("UPDATE meta SET value = 1 WHERE name = 'clean'")
                await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await connection.close()

    @property
    def connection(self) -> aiosqlite.Connection:
        """The open connection. Raises RuntimeError if there is none."""
        if self._connection is None:
            raise RuntimeError(f"{self.path} is not open")
        return self._connection

    async def _fetch(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return list(await self.connection.execute_fetchall(sql, parameters))
