"""Live streams show committed states only."""

import asyncio

import pytest

from sagamore.engine.errors import Closed
from sagamore.engine.limits import Limits
from sagamore.engine.testing import Fault
from tests.engine.actors import Book, Note, Page
from tests.engine.world import World


async def test_a02_a_watcher_sees_a_state_only_when_it_is_durable(world: World) -> None:
    engine = await world.start(Book())
    world.store.faults.hold("book/0")
    with engine.watch("book", "a") as watcher:
        seen = asyncio.ensure_future(watcher.next())
        ask = asyncio.ensure_future(engine.ask("book", Note("a", 1)))
        await world.clock.settle()
        assert not seen.done()
        world.store.faults.release("book/0")
        assert await seen == Page((1,))
        await ask
    assert engine.statistics().watchers == 0


async def test_a_state_whose_commit_failed_is_never_seen(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_unwritten", 1)])
    with engine.watch("book", "a") as watcher:
        await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
        await world.clock.advance(1_000)
        await engine.ask("book", Note("a", 2))
        assert await watcher.next() == Page((2,))


async def test_a_watcher_that_falls_behind_has_the_newest_state(world: World) -> None:
    engine = await world.start(Book(), limits=Limits(watcher_changes_max=2))
    with engine.watch("book", "a") as watcher:
        for n in range(5):
            await engine.ask("book", Note("a", n))
        assert [await watcher.next(), await watcher.next()] == [Page((0, 1, 2, 3)), Page((0, 1, 2, 3, 4))]


async def test_a_change_that_was_written_though_its_partition_died_is_seen(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_written", 1)])
    until = asyncio.ensure_future(engine.until("book", "a", lambda page: page is not None, None))
    with engine.watch("book", "a") as watcher:
        await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
        await world.clock.advance(5_000)
        assert until.done()
        assert await until == Page((1,))
        assert await watcher.next() == Page((1,))


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_whoever_watches_is_told_when_the_engine_stops(world: World, end: str) -> None:
    engine = await world.start(Book())
    with engine.watch("book", "a") as watcher:
        until = asyncio.ensure_future(engine.until("book", "a", lambda _page: False, None))
        await engine.ask("book", Note("a", 1))
        await (world.stop() if end == "stop" else world.kill())
        assert await watcher.next() == Page((1,)), "what was committed before the end is still read"
        with pytest.raises(Closed):
            await watcher.next()
        with pytest.raises(Closed):
            await until
