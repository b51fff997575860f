"""Stop and start: clean and unclean ends, and a stop in the middle of everything."""

import asyncio
import sqlite3

import pytest

from sagamore.engine.errors import Closed
from sagamore.engine.limits import Limits
from sagamore.engine.message import encode
from sagamore.engine.ports import Commit
from sagamore.engine.testing import Fault, Hangs, ScriptedProvider
from tests.engine.actors import Book, Clockmaker, Desk, Note, Page, Pay, Post, Till, Wind
from tests.engine.world import World


def clean(world: World, address: str) -> bool:
    connection = sqlite3.connect(world.path / f"{address}.sqlite")
    try:
        return bool(connection.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone()[0])
    finally:
        connection.close()


FILES = ("desk-0", "book-0", "system-0", "dead_letters-0")


async def test_a19_a_stop_marks_every_file_clean_and_a_death_none(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("desk", Post("a", 1))
    await world.stop()
    assert [clean(world, file) for file in FILES] == [True] * 4
    await world.start()
    await world.kill()
    assert [clean(world, file) for file in FILES] == [False] * 4


async def test_a19_a_stop_deletes_what_was_acknowledged(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("desk", Post("a", 1))
    await world.until_state("book", "a", lambda page: page.ns)
    await world.clock.settle()
    await world.stop()
    connection = sqlite3.connect(world.path / "desk-0.sqlite")
    assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    connection.close()


async def test_a19_a_stop_deletes_what_was_acknowledged_after_its_sender_had_stopped(world: World) -> None:
    engine = await world.start(Desk(), Book())
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    world.store.faults.release("book/0")
    await stop
    connection = sqlite3.connect(world.path / "desk-0.sqlite")
    assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    connection.close()


async def test_a_stop_while_a_partition_is_being_reopened_ends(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault("fail_unwritten", 1)])
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    assert engine.health().status == "YELLOW"
    stop = asyncio.create_task(world.stop())
    try:
        await world.until(stop.done, 120_000)
    finally:
        stop.cancel()
        await asyncio.gather(stop, return_exceptions=True)
    assert not clean(world, "book-0")


async def test_a_stop_while_a_file_is_being_reopened_ends(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_unwritten", 1)])
    world.store.faults.hold("book/0", "open")
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    await world.clock.advance(1_000)
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    world.store.faults.release("book/0", "open")
    await world.until(stop.done, 1_000)
    assert clean(world, "book-0")


async def test_a_stop_with_a_partition_down_ends(world: World) -> None:
    breaks = Fault("fail_unwritten", when=lambda address, _commit: address == "book/0")
    engine = await world.start(Desk(), Book(), faults=[breaks], limits=Limits(restarts_max=1))
    await engine.ask("desk", Post("a", 1))
    await world.clock.advance(10_000)
    assert engine.health().status == "RED"
    await world.stop()
    assert clean(world, "desk-0")
    assert not clean(world, "book-0")


async def test_a_stop_answers_every_ask(world: World) -> None:
    engine = await world.start(Book(), limits=Limits(batch_messages_max=1))
    asks = [asyncio.ensure_future(engine.ask("book", Note("a", n))) for n in range(20)]
    await asyncio.sleep(0)
    await world.stop()
    answers = await asyncio.wait_for(asyncio.gather(*asks, return_exceptions=True), 5)
    assert {type(answer) for answer in answers} <= {Page, Closed}
    taken = sum(isinstance(answer, Page) for answer in answers)
    await world.start()
    assert len((await world.state("book", "a", Page)).ns) == taken


async def test_a_stop_that_is_cancelled_ends_all_the_same_and_leaves_no_file_open(world: World) -> None:
    engine = await world.start(Desk(), Book())
    world.store.faults.hold("book/0")
    ask = asyncio.create_task(engine.ask("book", Note("a", 1)))
    await world.clock.settle()
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    stop.cancel()
    await world.clock.settle()
    stop.cancel()
    await world.clock.settle()
    assert not stop.done()
    world.store.faults.release("book/0")
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert await ask == Page((1,))
    assert [clean(world, file) for file in FILES] == [True] * 4


async def test_a_stop_at_which_a_file_cannot_be_closed_closes_the_others_and_says_so(world: World) -> None:
    engine = await world.start(Desk(), Book())
    journal = engine._seats["book/0"].up().journal
    world.store.faults.fail("book/0", "close", OSError("scripted: no space"))
    with pytest.raises(OSError, match="no space"):
        await engine.stop()
    assert [clean(world, file) for file in FILES] == [True, False, True, True]
    await journal.close(clean=False)


async def test_a19_a_stop_gives_calls_under_way_their_time(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Hangs()])
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until(lambda: provider.hanging == 1)
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    assert not stop.done()
    provider.release()
    await stop
    await world.start()
    bill = await world.until_state("till", "a", lambda bill: bill.heard)
    assert bill.heard == ("0 succeeded",)
    assert len(provider.calls) == 1


async def test_answers_that_come_during_a_stop_are_all_kept(world: World) -> None:
    provider = ScriptedProvider("bank", script=lambda _call: Hangs())
    await world.start(Till(), providers=[provider], limits=Limits(batch_messages_max=4))
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(20))))
    await world.until(lambda: provider.hanging == 20)
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    provider.release()
    await stop
    await world.start()
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 20)
    assert len(provider.calls) == 20


async def test_an_answer_that_sqlite_refuses_does_not_keep_the_others_from_being_kept_at_a_stop(world: World) -> None:
    def refused(address: str, commit: Commit) -> bool:
        states = [state for state in commit.states.values() if state is not None]
        return address == "till/0" and any(b'"13 succeeded"' in encode(state) for state in states)

    provider = ScriptedProvider("bank", script=lambda _call: Hangs())
    await world.start(Till(), providers=[provider], faults=[Fault("refuse", when=refused)])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(20))))
    await world.until(lambda: provider.hanging == 20)
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    provider.release()
    await world.until(stop.done, 1_000)
    await world.start()
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 20)
    assert len(provider.calls) == 20


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_what_is_inside_goes_on_after_a_restart(world: World, end: str) -> None:
    engine = await world.start(Desk(), Book(), Clockmaker())
    world.store.faults.hold("book/0")
    for n in range(5):
        await engine.ask("desk", Post("a", n))
    await engine.ask("bells", Wind("a", "x", 1_000))
    if end == "stop":
        world.store.faults.release("book/0")
        await world.stop()
    else:
        await world.kill()
    await world.start()
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 5) == Page(tuple(range(5)))
    assert await world.until_state("bells", "a", lambda bell: bell.rang)


async def test_after_a_restart_a_young_backlog_refuses_nobody(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault("crash_before", 2)])
    await engine.ask("desk", Post("a", 1))
    await world.until(world.store.faults.died.is_set)
    await world.kill()
    engine = await world.start()
    await engine.ask("desk", Post("a", 2))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((1, 2))
