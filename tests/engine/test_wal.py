"""PROTOCOL 14 on the running engine: the WAL stays near its bound, a reader stops nobody, and health names it."""

import asyncio
import os
from pathlib import Path

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.errors import InvalidInput
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, State
from sagamore.engine.turn import Turn
from tests.engine.world import World
from tests.storage.children import child, line_of

MB = 1 << 20
LIMITS = Limits(checkpoint_wal_bytes=1 * MB, wal_bytes_alert=3 * MB, cache_entities_max=10)
KB_OF_TEXT = 50


class Write(Message, tag="wal.write", version=1):
    """Put so much text on a sheet."""

    entity: str
    n: int


class Sheet(State, tag="wal.sheet", version=1):
    """Some tens of kilobytes."""

    text: str = ""


class Scribe(Actor[Sheet, Write], kind="scribe"):
    """Fills a WAL quickly."""

    def entity(self, message: Write) -> str:
        return message.entity

    def handle(self, state: Sheet, message: Write, turn: Turn) -> Sheet:
        return Sheet(f"{message.n}" * (KB_OF_TEXT << 10))


class Files:
    """Sizes of the scribe's file and of its WAL."""

    def __init__(self, world: World) -> None:
        self.database = world.path / "scribe-0.sqlite"
        self._wal = Path(f"{self.database}-wal")

    @property
    def wal(self) -> int:
        return self._wal.stat().st_size


async def write(world: World, batches: int) -> list[int]:
    """Write 200 kB a batch; the size of the WAL after each."""
    files, sizes = Files(world), []
    for n in range(batches):
        sheets = (Write(f"s{n % 3}-{i}", n % 10) for i in range(4))
        await asyncio.gather(*(world.engine.ask("scribe", sheet) for sheet in sheets))
        await world.clock.settle()
        sizes.append(files.wal)
    return sizes


async def test_a14_under_load_the_wal_stays_near_its_bound(world: World) -> None:
    await world.start(Scribe(), limits=LIMITS)
    sizes = await write(world, 60)
    assert 1 * MB < max(sizes) < 1.6 * MB
    assert max(sizes[len(sizes) // 2 :]) <= max(sizes[: len(sizes) // 2]) * 1.1, "it grows"
    assert world.engine.health().status == "GREEN"


async def test_a14_a_checkpoint_is_made_only_above_the_bound(world: World) -> None:
    await world.start(Scribe(), limits=LIMITS)
    files = Files(world)
    empty = files.database.stat().st_size
    await write(world, 4)
    assert files.wal > 0.8 * MB
    assert files.database.stat().st_size == empty, "all of it is in the WAL"
    await write(world, 4)
    assert files.database.stat().st_size > empty


async def test_a14_a_reader_stops_no_commit_and_health_names_it_until_it_is_gone(world: World) -> None:
    engine = await world.start(Scribe(), limits=LIMITS)
    await write(world, 5)
    with child("read", Files(world).database) as reader:
        assert line_of(reader) == "ready"
        sizes = await write(world, 25)
        assert sizes[-1] > 4 * MB, "commits go on, the WAL keeps them"
        health = engine.health()
        assert health.status == "YELLOW"
        (problem,) = health.problems
        assert problem.startswith("scribe/0: ")
        assert f"cannot be checked in while process {reader.pid} reads" in problem
    assert "wait to be checked in after the next batch" in engine.health().problems[0]
    sizes = await write(world, 5)
    assert engine.health().status == "GREEN"
    assert sizes[-1] < 1.6 * MB


async def test_a14_a_list_read_page_by_page_stops_no_checkpoint(world: World) -> None:
    await world.start(Scribe(), limits=LIMITS)
    reader = world.reader("scribe/0")
    try:
        await write(world, 5)
        before = None
        for _ in range(10):
            page = await reader.entities_by_prefix("s", before, 1)
            before = page[-1].key
            assert max(await write(world, 5)) < 1.6 * MB
    finally:
        await reader.close()


async def test_a14_a_reader_of_this_process_is_named_too(world: World) -> None:
    engine = await world.start(Scribe(), limits=LIMITS)
    await write(world, 5)
    reader = world.reader("scribe/0")
    connection = await reader._open()
    try:
        await connection.execute("BEGIN")
        await connection.execute_fetchall("SELECT count(*) FROM entity")
        await write(world, 25)
        assert f"process {os.getpid()} reads" in engine.health().problems[0]
    finally:
        await connection.execute("ROLLBACK")
        await reader.close()


def test_an_alert_below_the_bound_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"checkpoint_wal_bytes is .*; less than wal_bytes_alert"):
        Limits(checkpoint_wal_bytes=64 * MB)
