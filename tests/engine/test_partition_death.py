"""A partition that dies alone: what its asks are told, reopening, restart intensity; content that SQLite refuses."""

import asyncio
import threading

import pytest

from sagamore.engine.errors import OutcomeUnknown, Overloaded, PartitionDown
from sagamore.engine.limits import Limits
from sagamore.engine.message import encode
from sagamore.engine.ports import Commit
from sagamore.engine.testing import Fault, Hangs, ScriptedProvider
from tests.engine.actors import Book, Clockmaker, Desk, Note, Page, Pay, Post, Till, Wind
from tests.engine.test_relay_rules import rows
from tests.engine.world import World


@pytest.mark.parametrize("written", [True, False])
async def test_a04_its_asks_are_told_unknown_and_the_key_gives_the_truth(world: World, written: bool) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_written" if written else "fail_unwritten", 1)])
    with pytest.raises(OutcomeUnknown, match="'k'") as caught:
        await engine.ask("book", Note("a", 1), key="k")
    assert caught.value.idempotency_key == "k"
    await world.clock.advance(5_000)
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    assert await engine.read("book", "a") == Page((1,))


async def test_a04_an_ask_without_a_key_is_told_the_one_that_was_made(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_written", 1)])
    with pytest.raises(OutcomeUnknown) as caught:
        await engine.ask("book", Note("a", 1))
    await world.clock.advance(5_000)
    assert await engine.ask("book", Note("a", 1), key=caught.value.idempotency_key) == Page((1,))
    assert await engine.read("book", "a") == Page((1,))


async def test_a04_those_that_wait_behind_a_failing_batch_are_told_too(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_unwritten", 1)], limits=Limits(batch_messages_max=1))
    asks = [engine.ask("book", Note("a", n)) for n in range(5)]
    errors = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(error) for error in errors] == [OutcomeUnknown] * 5


async def test_while_it_is_being_reopened_a_client_is_told_to_come_back(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_unwritten", 1)])
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    assert engine.health().status == "YELLOW"
    with pytest.raises(Overloaded) as caught:
        await engine.ask("book", Note("a", 1))
    await world.clock.advance(caught.value.retry_after_ms)
    assert await engine.ask("book", Note("a", 1)) == Page((1,))
    assert engine.health().status == "GREEN"


@pytest.mark.parametrize("action", ["fail_written", "fail_unwritten"])
@pytest.mark.parametrize("at", range(1, 8))
async def test_a01_nothing_is_lost_or_doubled_when_either_side_dies(world: World, action: str, at: int) -> None:
    fault = Fault(action, at)  # type: ignore[arg-type]
    engine = await world.start(Desk(), Book(), faults=[fault], limits=Limits(batch_messages_max=2))
    for n in range(4):
        while True:
            try:
                await engine.ask("desk", Post("a", n * 2, count=2), key=f"k{n}")
                break
            except (OutcomeUnknown, PartitionDown, Overloaded):
                await world.clock.advance(1_000)
    page = await world.until_state("book", "a", lambda page: len(page.ns) >= 8)
    await world.clock.advance(5_000)
    assert page == await engine.read("book", "a") == Page(tuple(range(8)))


async def test_a_partition_that_dies_keeps_its_timers_and_effects(world: World) -> None:
    provider = ScriptedProvider("bank")
    breaks = Fault("fail_unwritten", when=lambda address, _commit: address == "bells/0" and broken[0])
    broken = [False]
    engine = await world.start(Clockmaker(), Till(), providers=[provider], faults=[breaks])
    await engine.ask("bells", Wind("a", "x", 5_000))
    broken[0] = True
    await asyncio.gather(engine.ask("bells", Wind("b", "x", 1)), return_exceptions=True)
    broken[0] = False
    bell = await world.until_state("bells", "a", lambda bell: bell.rang)
    assert bell.rang == ("x",)


async def test_beyond_its_restart_intensity_it_stays_down_visibly_and_the_others_go_on(world: World) -> None:
    limits = Limits(restarts_max=2)
    breaks = Fault("fail_unwritten", when=lambda address, _commit: address == "book/0")
    engine = await world.start(Desk(), Book(), faults=[breaks], limits=limits)
    await engine.ask("desk", Post("a", 1))
    await world.clock.advance(20_000)
    statistics = engine.statistics().partitions
    assert (statistics["book/0"].state, statistics["book/0"].restarts) == ("DOWN", 2)
    health = engine.health()
    assert health.status == "RED"
    assert health.problems[0].startswith("book/0 is down: OSError")
    with pytest.raises(PartitionDown, match=r"book/0 is down.*OSError"):
        await engine.ask("book", Note("a", 1))
    assert await engine.ask("desk", Post("b", 1)) == Page((1,))
    await world.stop()
    engine = await world.start()
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((1,))


async def test_deaths_far_apart_do_not_add_up(world: World) -> None:
    broken = [True]
    breaks = Fault("fail_unwritten", when=lambda address, _commit: broken[0])
    engine = await world.start(Book(), faults=[breaks], limits=Limits(restarts_max=2))
    for _ in range(5):
        broken[0] = True
        await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
        broken[0] = False
        await world.clock.advance(120_000)
    assert engine.health().status == "GREEN"


async def test_a04_an_opening_that_fails_half_way_closes_its_file_before_the_next(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Hangs()])
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until(lambda: provider.hanging == 1)
    threads = threading.active_count()
    world.store.faults.fail("till/0", "load_effect", OSError("scripted: the disk does not answer"))
    world.store.faults.faults.append(Fault("fail_unwritten", len(world.store.faults.commits) + 1))
    provider.release()  # its outcome's commit fails, and the outcome is looked at again while the file is opened
    await world.until_state("till", "a", lambda bill: bill.heard)
    assert world.engine.statistics().partitions["till/0"].restarts == 2
    assert threading.active_count() <= threads


async def test_a04_a_file_that_cannot_be_closed_stays_down(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault("fail_unwritten", 1)])
    world.store.faults.fail("book/0", "close", OSError("scripted: it does not close"))
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    await world.clock.advance(60_000)
    with pytest.raises(PartitionDown, match="cannot be closed"):
        await engine.ask("book", Note("a", 1))
    assert engine.health().status == "RED"
    assert await engine.ask("desk", Post("a", 1)) == Page((1,))


def holds(n: int) -> Fault:
    """SQLite refuses every batch that holds a page with this `n` in its newest place."""

    def when(_address: str, commit: Commit) -> bool:
        return any(state is not None and f"{n}]" in encode(state).decode() for state in commit.states.values())

    return Fault("refuse", when=when)


async def test_a06_a_refused_commit_is_taken_in_halves_and_costs_only_the_bad_message(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[holds(7)])
    world.store.faults.hold("book/0")
    other = asyncio.create_task(engine.ask("book", Note("x", 100)))
    await world.clock.settle()
    asks = [asyncio.create_task(engine.ask("book", Note(f"e{n}", n))) for n in range(10)]
    await world.clock.settle()
    world.store.faults.release("book/0")
    answers = await asyncio.gather(other, *asks, return_exceptions=True)
    assert [isinstance(answer, Page) for answer in answers[1:]] == [n != 7 for n in range(10)]
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_a06_what_a_refused_batch_was_to_delete_is_deleted_by_the_next(world: World) -> None:
    def refused(address: str, commit: Commit) -> bool:
        return address == "desk/0" and bool(commit.acknowledged) and bool(commit.history)

    engine = await world.start(Desk(), Book(), faults=[Fault("refuse", when=refused)])
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    await asyncio.gather(engine.ask("desk", Post("b", 2)), return_exceptions=True)
    assert engine.statistics().partitions["desk/0"].restarts == 0
    await world.clock.advance(1_000)
    assert rows(world, "desk-0", "SELECT * FROM outbox") == []


async def test_a04_a_death_while_a_refused_batch_is_taken_in_halves_tells_every_ask(world: World) -> None:
    refuse = Fault("refuse", when=lambda _address, commit: len(commit.states) > 3)
    die = Fault("fail_unwritten", when=lambda _address, commit: 1 < len(commit.states) <= 3)
    engine = await world.start(Book(), faults=[refuse, die])
    world.store.faults.hold("book/0")
    first = asyncio.create_task(engine.ask("book", Note("x", 100)))
    await world.clock.settle()
    asks = [asyncio.create_task(engine.ask("book", Note(f"e{n}", n))) for n in range(6)]
    await world.clock.settle()
    world.store.faults.release("book/0")
    await world.clock.advance(100)
    assert await first == Page((100,))
    assert [ask.done() for ask in asks] == [True] * 6
    assert {type(ask.exception()) for ask in asks} == {OutcomeUnknown}


async def test_a06_an_accepted_message_that_sqlite_refuses_becomes_a_letter(world: World) -> None:
    def refused(address: str, commit: Commit) -> bool:
        return address == "book/0" and holds(7).when(address, commit)

    engine = await world.start(Desk(), Book(), faults=[Fault("refuse", when=refused)])
    for n in (6, 7, 8):
        await engine.ask("desk", Post(f"e{n}", n))
    await world.until(lambda: any(alert.name == "dead_letter" for alert in engine.alerts()))
    assert [await engine.read("book", f"e{n}") for n in (6, 7, 8)] == [Page((6,)), None, Page((8,))]
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_a06_an_outcome_whose_turn_sqlite_refuses_fails_like_any_turn(world: World) -> None:
    def refused(address: str, commit: Commit) -> bool:
        states = commit.states.values()
        return address == "till/0" and any(state is not None and b"succeeded" in encode(state) for state in states)

    provider = ScriptedProvider("bank")
    engine = await world.start(Till(), providers=[provider], faults=[Fault("refuse", when=refused)])
    await engine.ask("till", Pay("a", ("k",)))
    await world.clock.advance(60_000)
    assert engine.statistics().partitions["till/0"].restarts == 0
    (letter,) = await world.letters()
    assert letter.message_type == "engine.effect_outcome/1"
    assert provider.ledger == {"k": 1}
