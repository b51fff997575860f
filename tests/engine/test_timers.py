"""Durable timers: each fires once, or not at all."""

import asyncio

import pytest

from sagamore.engine.limits import Limits
from tests.engine.actors import Bell, Clockmaker, Unwind, Wind
from tests.engine.world import World


async def test_a_timer_fires_once_when_it_is_due(world: World) -> None:
    engine = await world.start(Clockmaker())
    await engine.ask("bells", Wind("a", "x", 1_000))
    await world.clock.advance(999)
    assert await engine.read("bells", "a") is None
    await world.clock.advance(1)
    assert await engine.read("bells", "a") == Bell(("x",))
    await world.clock.advance(60_000)
    assert await engine.read("bells", "a") == Bell(("x",))


async def test_a_cancelled_timer_never_fires(world: World) -> None:
    engine = await world.start(Clockmaker())
    await engine.ask("bells", Wind("a", "x", 1_000))
    await engine.ask("bells", Unwind("a", "x"))
    await world.clock.advance(60_000)
    assert await engine.read("bells", "a") is None


@pytest.mark.parametrize("moved_to_ms", [500, 5_000])
async def test_a_moved_timer_fires_once_at_its_new_time(world: World, moved_to_ms: int) -> None:
    engine = await world.start(Clockmaker())
    await engine.ask("bells", Wind("a", "x", 1_000))
    await engine.ask("bells", Wind("a", "x", moved_to_ms))
    await world.clock.advance(moved_to_ms - 1)
    assert await engine.read("bells", "a") is None
    await world.clock.advance(1)
    assert await engine.read("bells", "a") == Bell(("x",))
    await world.clock.advance(60_000)
    assert await engine.read("bells", "a") == Bell(("x",))


async def test_timers_are_known_by_entity_and_name(world: World) -> None:
    engine = await world.start(Clockmaker())
    await engine.ask("bells", Wind("a", "y", 2_000))
    await engine.ask("bells", Wind("a", "x", 1_000))
    await engine.ask("bells", Wind("b", "x", 1_000))
    await world.clock.advance(2_000)
    assert await engine.read("bells", "a") == Bell(("x", "y"))
    assert await engine.read("bells", "b") == Bell(("x",))


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("away_ms", [0, 3_600_000])
async def test_a_timer_survives_a_restart_and_fires_once(world: World, clean: bool, away_ms: int) -> None:
    engine = await world.start(Clockmaker())
    await engine.ask("bells", Wind("a", "x", 60_000))
    await (world.stop() if clean else world.kill())
    await world.clock.advance(away_ms)
    engine = await world.start()
    await world.clock.advance(120_000)
    assert await engine.read("bells", "a") == Bell(("x",))


async def test_b11_a_timer_cancelled_while_it_waits_in_the_mailbox_does_not_fire(world: World) -> None:
    engine = await world.start(Clockmaker(), limits=Limits(batch_messages_max=1))
    for n in range(10):  # so many before it that the client has its turn first
        await engine.ask("bells", Wind(f"elder{n}", "x", 500))
    await engine.ask("bells", Wind("a", "x", 1_000))
    world.store.faults.hold("bells/0")
    other = asyncio.create_task(engine.ask("bells", Wind("b", "x", 60_000)))
    await world.clock.settle()
    cancel = asyncio.create_task(engine.ask("bells", Unwind("a", "x")))
    await world.clock.advance(1_000)
    world.store.faults.release("bells/0")
    await asyncio.gather(other, cancel)
    await world.clock.advance(60_000)
    assert await engine.read("bells", "a") is None


async def test_a11_overdue_timers_are_not_read_whole(world: World) -> None:
    engine = await world.start(Clockmaker(), limits=Limits(due_rows_max=8, batch_messages_max=2))
    for n in range(200):
        await engine.ask("bells", Wind(f"e{n}", "x", 1_000))
    await world.kill()
    await world.clock.advance(2_000)
    engine = await world.start()
    await world.clock.advance(10_000)
    rang = [await engine.read("bells", f"e{n}") for n in range(200)]
    assert rang == [Bell(("x",))] * 200
    partition = engine.statistics().partitions["bells/0"].partition
    assert partition is not None
    assert partition.mailbox.waiting_most <= 16


async def test_a11_overdue_timers_are_spread_after_a_start(world: World) -> None:
    engine = await world.start(Clockmaker(), limits=Limits(overdue_spread_ms=2_000))
    for n in range(50):
        await engine.ask("bells", Wind(f"e{n}", "x", 1_000))
    await world.kill()
    await world.clock.advance(60_000)
    engine = await world.start()
    await world.clock.advance(100)
    early = sum([await engine.read("bells", f"e{n}") is not None for n in range(50)])
    await world.clock.advance(2_000)
    late = sum([await engine.read("bells", f"e{n}") is not None for n in range(50)])
    assert late == 50
    assert early < 25
