"""Pressure: spill to disk, and where clients are told to wait."""

import asyncio

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.errors import Overloaded, PartitionDown
from sagamore.engine.limits import Limits
from sagamore.engine.testing import Fault
from tests.engine.actors import Book, Desk, Note, Page, Post
from tests.engine.world import World

TINY = Limits(mailbox_messages_max=1, batch_messages_max=1)


async def test_what_does_not_fit_waits_on_disk_in_order(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(mailbox_messages_max=4, batch_messages_max=4))
    world.store.faults.hold("book/0")
    for n in range(10):
        await engine.ask("desk", Post("a", n * 10, count=10))
    await world.clock.settle()
    partition = engine.statistics().partitions["desk/0"].partition
    assert partition is not None
    assert partition.relay.spilled >= 90
    world.store.faults.release("book/0")
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 100) == Page(tuple(range(100)))


async def test_a_full_lane_is_refused_with_when_to_come_back(world: World) -> None:
    engine = await world.start(Book(), limits=Limits(mailbox_messages_max=2, batch_messages_max=1))
    world.store.faults.hold("book/0")
    first = asyncio.create_task(engine.ask("book", Note("a", 0)))
    await world.clock.settle()
    asks = [engine.ask("book", Note("a", n), key=f"k{n}") for n in range(1, 5)]
    waiting = asyncio.gather(*asks, return_exceptions=True)
    await world.clock.settle()
    world.store.faults.release("book/0")
    answers = await waiting
    await first
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert len(refused) == 2
    assert all(error.retry_after_ms > 0 for error in refused)
    assert {error.idempotency_key for error in refused} == {"k3", "k4"}
    statistics = engine.statistics().partitions["book/0"].partition
    assert statistics is not None
    assert statistics.mailbox.refused == 2


class Office(Actor[Page, Post], kind="office", way=["book"]):
    """What it accepts needs the book."""

    entity = Desk.entity
    handle = Desk.handle


async def test_a10_a_backlog_refuses_clients_until_it_is_worked_off(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(backlog_messages_max=5))
    world.store.faults.hold("book/0")
    with pytest.raises(Overloaded, match="messages of desk/0 wait for others"):
        for n in range(10):
            await engine.ask("desk", Post("a", n))
            await world.clock.advance(30)
    world.store.faults.release("book/0")
    await world.clock.advance(100)
    await engine.ask("desk", Post("a", 99))


async def test_a10_an_old_backlog_refuses_clients(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(backlog_age_max_ms=1_000))
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 1))
    await world.clock.advance(1_100)
    with pytest.raises(Overloaded, match="have waited"):
        await engine.ask("desk", Post("a", 2))
    world.store.faults.release("book/0")
    await world.clock.advance(100)
    await engine.ask("desk", Post("a", 2))


async def test_a10_a_full_disk_refuses_clients_and_recovers_when_there_is_room(world: World) -> None:
    engine = await world.start(Book())
    world.store.free = 1
    with pytest.raises(Overloaded, match="MB of disk are free"):
        await engine.ask("book", Note("a", 1))
    world.store.free = None
    await world.clock.advance(2_000)
    assert await engine.ask("book", Note("a", 1)) == Page((1,))


async def test_a10_a_partition_that_is_down_on_its_way_refuses_a_command(world: World) -> None:
    breaks = Fault("fail_unwritten", when=lambda address, _commit: address == "book/0")
    limits = Limits(restarts_max=1)
    engine = await world.start(Office(), Book(), faults=[breaks], limits=limits)
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    await world.clock.advance(1_000)
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    await world.clock.advance(1_000)
    with pytest.raises(PartitionDown, match="book/0"):
        await engine.ask("office", Post("a", 1))


async def test_each_refused_ask_has_an_error_of_its_own_with_its_own_key(world: World) -> None:
    engine = await world.start(Book())
    world.store.free = 1
    asks = [engine.ask("book", Note("a", n), key=f"k{n}") for n in range(3)]
    errors = await asyncio.gather(*asks, return_exceptions=True)
    assert [getattr(error, "idempotency_key", "") for error in errors] == ["k0", "k1", "k2"]


async def test_clients_do_not_starve_what_is_inside_even_with_batches_of_one(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=TINY)
    stop = False

    async def flood() -> None:
        while not stop:
            try:
                await engine.ask("book", Note("flood", 1))
            except Overloaded:
                await asyncio.sleep(0)

    floods = [asyncio.create_task(flood()) for _ in range(4)]
    await engine.ask("desk", Post("a", 1))
    page = None
    for _ in range(200):
        await asyncio.sleep(0)
        page = page or await engine.read("book", "a")
    stop = True
    await asyncio.gather(*floods)
    assert page == Page((1,))
