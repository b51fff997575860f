"""The relay hands over in order by itself: no message is refused, and none sent twice, unless something was lost; the
refusal and the second acknowledgement that mend that are tested where it is (PROTOCOL 1, 2)."""

import asyncio
from typing import Any

import pytest

from sagamore.engine.limits import Limits
from sagamore.engine.ports import Commit
from sagamore.engine.runtime.partition import Partition
from sagamore.engine.testing import Fault
from tests.engine.actors import Book, Desk, Page, Post
from tests.engine.test_relay_rules import rows
from tests.engine.world import World

BOOK = ("book/0", 0)
TINY = Limits(mailbox_messages_max=2, batch_messages_max=1)


class Heard(list[tuple[Any, ...]]):
    """What receivers said to senders: numbers wanted, or acknowledged."""


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return _listening(monkeypatch, "rewind")


@pytest.fixture
def acknowledged(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return _listening(monkeypatch, "acknowledged")


def _listening(monkeypatch: pytest.MonkeyPatch, method: str) -> Heard:
    heard, real = Heard(), getattr(Partition, method)

    def listen(self: Partition, *said: Any) -> None:
        heard.append(said)
        real(self, *said)

    monkeypatch.setattr(Partition, method, listen)
    return heard


async def test_b03_fresh_messages_are_not_even_offered_before_their_elders(world: World, wanted: Heard) -> None:
    engine = await world.start(Desk(), Book(), limits=TINY)
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 0, count=5))
    await world.clock.settle()
    world.store.faults.hold("desk/0")
    fresh = asyncio.create_task(engine.ask("desk", Post("a", 5)))
    await world.clock.settle()
    world.store.faults.release("book/0")
    await world.clock.settle()  # there is room again, and elders wait on disk, when the fresh one is committed
    world.store.faults.release("desk/0")
    await fresh
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 6) == Page(tuple(range(6)))
    assert wanted == []


async def test_a01_what_was_read_before_the_receiver_died_is_not_offered_to_its_next_incarnation(
    world: World, wanted: Heard
) -> None:
    def third(address: str, commit: Commit) -> bool:
        first_life = world.engine.statistics().partitions["book/0"].restarts == 0
        return address == "book/0" and first_life and commit.inbox.get(("desk/0", 0)) == 3

    engine = await world.start(Desk(), Book(), limits=TINY, faults=[Fault("fail_unwritten", when=third)])
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 0, count=10))
    await world.clock.settle()
    world.store.faults.hold("desk/0", "load")
    world.store.faults.release("book/0")
    await world.clock.advance(1_000)
    assert engine.statistics().partitions["book/0"].restarts == 1
    world.store.faults.release("desk/0", "load")
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 10) == Page(tuple(range(10)))
    assert wanted == []


async def test_a01_a_sender_that_dies_alone_does_not_send_again_what_was_taken(world: World, wanted: Heard) -> None:
    flush = Fault("fail_unwritten", when=lambda address, commit: address == "desk/0" and bool(commit.acknowledged))
    engine = await world.start(Desk(), Book(), faults=[flush])
    await engine.ask("desk", Post("a", 1, count=3))
    await world.until(lambda: engine.statistics().partitions["desk/0"].restarts == 1)
    world.store.faults.faults.clear()
    await world.clock.advance(1_000)
    assert engine.statistics().partitions["book/0"].partition.batches == 1  # type: ignore[union-attr]
    assert rows(world, "desk-0", "SELECT first, last FROM outbox") == []
    assert wanted == []


async def test_a01_after_a_start_nothing_that_was_taken_is_sent_again(world: World, wanted: Heard) -> None:
    await world.start(Desk(), Book())
    await world.engine.ask("desk", Post("a", 1, count=3))
    await world.until_state("book", "a", lambda page: len(page.ns) == 3)
    await world.kill()
    assert rows(world, "desk-0", "SELECT first, last FROM outbox") == [(1, 3)], "it never heard that they were taken"
    engine = await world.start()
    await world.clock.advance(1_000)
    assert engine.statistics().partitions["book/0"].partition.batches == 0  # type: ignore[union-attr]
    assert rows(world, "desk-0", "SELECT first, last FROM outbox") == []
    assert wanted == []


async def test_a01_a_message_that_was_lost_on_its_way_is_wanted_and_sent_again(world: World, wanted: Heard) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    relay = engine._seats["desk/0"].up().relay
    relay._streams[BOOK].handed = 2  # as if the second had been handed over, to nobody
    await engine.ask("desk", Post("a", 2))
    await world.clock.advance(1_000)
    assert await engine.read("book", "a") == Page((1,))
    await engine.ask("desk", Post("a", 3))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 3) == Page((1, 2, 3))
    assert wanted == [(*BOOK, 1)]


async def test_a01_a_message_taken_before_is_acknowledged_again_with_the_number_taken(
    world: World, acknowledged: Heard
) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("desk", Post("a", 1, count=2))
    await world.clock.settle()
    desk = engine._seats["desk/0"].up()
    desk.relay._streams[BOOK].acknowledged = 0  # as if that had been lost, while the rows are still there
    acknowledged.clear()
    desk.rewind(*BOOK, 0)
    await world.clock.settle()
    assert acknowledged == [(*BOOK, 2)]
    assert await engine.read("book", "a") == Page((1, 2))
