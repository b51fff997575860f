"""The relay's rules, each against the reading that breaks it (PROTOCOL B 1 to 13, 15, 20)."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Envelope
from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.limits import Limits
from sagamore.engine.message import encode
from sagamore.engine.runtime.mailbox import Delivery, Hint, RetryDue
from sagamore.engine.testing import Fault, ScriptedProvider
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Desk, Note, Page, Post, Till
from tests.engine.world import World


def rows(world: World, file: str, sql: str) -> Sequence[Any]:
    connection = sqlite3.connect(world.path / f"{file}.sqlite")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


class Shelf(Actor[Page, Note], kind="shelf"):
    """Another receiver."""

    def entity(self, message: Note) -> str:
        return message.entity

    def handle(self, state: Page, message: Note, turn: Turn) -> Page:
        return Page((*state.ns, message.n))


def to_the_shelf_too(message: Post, turn: Turn) -> None:
    for n in range(3):
        turn.send("shelf", Note(message.entity, n))


async def test_b01_a_message_lost_with_its_receivers_mailbox_comes_again_before_the_next(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault("fail_unwritten", 2)])
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    assert engine.statistics().partitions["book/0"].state == "OPENING"
    await engine.ask("desk", Post("a", 2))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((1, 2))


async def test_b01_a_number_above_the_next_is_not_taken_and_does_not_hide_it(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    body = msgspec.Raw(encode(Note("a", 99)))
    early = Delivery("desk/0", 0, Envelope(3, "desk/0:9.0", "a", 0, body))
    assert engine._seats["book/0"].up().receive(0, [early]) == 1
    await world.clock.settle()
    assert await engine.read("book", "a") == Page((1,))
    await engine.ask("desk", Post("a", 2))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((1, 2))


async def test_b02_an_acknowledgement_deletes_only_what_its_receiver_has(world: World) -> None:
    engine = await world.start(Desk(to_the_shelf_too), Book(), Shelf())
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 1, count=2))
    await world.until_state("shelf", "a", lambda page: len(page.ns) == 3)
    await world.clock.advance(1_000)
    assert rows(world, "desk-0", "SELECT receiver, first, last FROM outbox") == [("book/0", 1, 2)]
    await world.kill()
    await world.start()
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((1, 2))


async def test_b03_fresh_rows_never_overtake_spilled_ones(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(mailbox_messages_max=2, batch_messages_max=1))
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 0, count=5))
    await world.clock.settle()
    world.store.faults.release("book/0")
    for n in range(5, 40):
        await engine.ask("desk", Post("a", n))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 40) == Page(tuple(range(40)))


@pytest.mark.parametrize("action", ["crash_before", "crash_after"])
async def test_b04_a_duplicate_is_acknowledged_again_so_that_its_row_goes(world: World, action: str) -> None:
    """The sender dies after the receiver has committed and before it has deleted."""
    flush = Fault(action, when=lambda address, commit: address == "desk/0" and bool(commit.acknowledged))  # type: ignore[arg-type]
    engine = await world.start(Desk(), Book(), faults=[flush])
    await engine.ask("desk", Post("a", 1))
    await world.until(world.store.faults.died.is_set)
    await world.kill()
    engine = await world.start()
    await world.clock.advance(1_000)
    assert rows(world, "desk-0", "SELECT * FROM outbox") == []
    assert await engine.read("book", "a") == Page((1,))


async def test_b05_nothing_is_acknowledged_before_the_receivers_commit(world: World) -> None:
    engine = await world.start(Desk(), Book())
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 1))
    await world.clock.advance(1_000)
    assert len(rows(world, "desk-0", "SELECT * FROM outbox")) == 1
    await world.kill()
    await world.start()
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((1,))


async def test_b06_rows_of_a_commit_that_failed_are_never_delivered(world: World) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault("fail_unwritten", 1)])
    await asyncio.gather(engine.ask("desk", Post("a", 1)), return_exceptions=True)
    await world.clock.advance(1_000)
    await engine.ask("desk", Post("a", 2))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((2,))


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_b07_numbers_go_on_after_everything_was_acknowledged_and_deleted(world: World, end: str) -> None:
    await world.start(Desk(), Book())
    for n in range(3):
        await world.engine.ask("desk", Post("a", n))
        await world.clock.advance(1_000)
        assert rows(world, "desk-0", "SELECT * FROM outbox") == []
        await (world.stop() if end == "stop" else world.kill())
        await world.start()
    await world.clock.advance(1_000)
    assert await world.engine.read("book", "a") == Page((0, 1, 2))
    assert rows(world, "book-0", "SELECT last FROM inbox") == [(3,)]


async def test_b08_a_turn_that_raises_burns_no_number(world: World) -> None:
    def hook(message: Post, _turn: Turn) -> None:
        if message.n % 2:
            raise ZeroDivisionError

    engine = await world.start(Desk(hook), Book())
    asks = [engine.ask("desk", Post("a", n)) for n in range(6)]
    await asyncio.gather(*asks, return_exceptions=True)
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 3) == Page((0, 2, 4))
    assert rows(world, "book-0", "SELECT last FROM inbox") == [(3,)]


async def test_b09_a_message_keeps_its_number_over_a_restart(world: World) -> None:
    """The receiver committed; the sender never heard: after the restart it is not taken again."""
    engine = await world.start(Desk(), Book(), faults=[Fault("crash_after", 2)])
    await engine.ask("desk", Post("a", 1, count=3))
    await world.until(world.store.faults.died.is_set)
    await world.kill()
    assert len(rows(world, "desk-0", "SELECT * FROM outbox")) == 1
    await world.start()
    await world.clock.advance(5_000)
    assert await world.engine.read("book", "a") == Page((1, 2, 3))


async def test_b10_lanes_are_numbered_apart_and_neither_loses(world: World) -> None:
    limits = Limits(mailbox_messages_max=2, batch_messages_max=2)
    engine = await world.start(Desk(), Book(), limits=limits)
    world.store.faults.hold("book/0")
    await engine.ask("desk", Post("a", 100, count=20, lane=1))
    await engine.ask("desk", Post("a", 0, count=3, lane=0))
    await world.clock.settle()
    world.store.faults.release("book/0")
    page = await world.until_state("book", "a", lambda page: len(page.ns) == 23)
    assert [n for n in page.ns if n < 100] == [0, 1, 2]
    assert [n for n in page.ns if n >= 100] == list(range(100, 120))
    assert page.ns.index(2) < 10, "urgent ones overtake bulk"


async def test_b11_a_retry_is_made_once_however_often_it_is_read(world: World) -> None:
    failed: list[int] = []

    def hook(message: Note, _turn: Turn) -> None:
        if message.n not in failed:
            failed.append(message.n)
            raise ZeroDivisionError

    limits = Limits(due_rows_max=2, batch_messages_max=3)
    engine = await world.start(Desk(), Book(hook), limits=limits)
    await engine.ask("desk", Post("a", 0, count=20))
    await world.clock.settle()
    await world.kill()
    await world.start()
    page = await world.until_state("book", "a", lambda page: len(page.ns) >= 20)
    await world.clock.advance(60_000)
    page = await world.state("book", "a", Page)
    assert sorted(page.ns) == list(range(20))


async def test_b11_a_retry_whose_row_is_gone_is_not_believed(world: World) -> None:
    broken = [True]

    def hook(_message: Note, _turn: Turn) -> None:
        if broken[0]:
            raise ZeroDivisionError

    engine = await world.start(Desk(), Book(hook))
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    partition = engine._seats["book/0"].up()
    (row,) = await partition.journal.load_retries((0, ""), 9)
    broken[0] = False
    await world.until_state("book", "a", lambda page: page.ns)
    partition.mailbox.put_hint(RetryDue(row))
    await engine.ask("book", Note("b", 1))  # wakes it
    await world.clock.advance(60_000)
    assert await engine.read("book", "a") == Page((1,))


async def test_b11_a_retry_that_is_in_a_batch_twice_is_made_once(world: World) -> None:
    broken = [True]

    def hook(_message: Note, _turn: Turn) -> None:
        if broken[0]:
            raise ZeroDivisionError

    engine = await world.start(Desk(), Book(hook))
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    broken[0] = False
    partition = engine._seats["book/0"].up()
    put_hint = partition.mailbox.put_hint

    def twice(hint: Hint) -> None:
        put_hint(hint)
        put_hint(hint)

    partition.mailbox.put_hint = twice  # type: ignore[method-assign]
    await world.clock.advance(60_000)
    assert await engine.read("book", "a") == Page((1,))


async def test_b13_a_partition_is_opened_again_only_after_its_old_connection_has_answered_close(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("fail_unwritten", 1)])
    world.store.faults.hold("book/0", "close")
    await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    await world.clock.advance(600_000)
    assert engine.statistics().partitions["book/0"].state == "OPENING"
    world.store.faults.release("book/0", "close")
    await world.clock.advance(1_000)
    assert await engine.ask("book", Note("a", 1)) == Page((1,))


async def test_b15_a_file_put_back_from_an_old_copy_is_refused_by_name(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await world.stop()
    shutil.copy(world.path / "book-0.sqlite", world.path.parent / "copy")
    engine = await world.start()
    await engine.ask("desk", Post("a", 1))
    await world.until_state("book", "a", lambda page: page.ns)
    await world.stop()
    shutil.copy(world.path.parent / "copy", world.path / "book-0.sqlite")
    with pytest.raises(FileOutOfStep, match="book-0"):
        await world.start()


async def test_b20_a_key_finds_its_partition_again_and_the_id_made_there_carries_it(world: World) -> None:
    class Minter(Actor[Page, Note], kind="minter", mints="ord"):
        def entity(self, message: Note) -> str:
            return message.entity

        def handle(self, state: Page, message: Note, turn: Turn) -> Page:
            turn.reply(Page((*state.ns, message.n)))
            return Page((*state.ns, message.n))

    engine = await world.start(Minter(), counts={"minter": 4})
    for n in range(20):
        ids = [engine.mint("ord", "minter", "ann", f"k{n}") for _ in range(2)]
        assert ids[0] != ids[1]
        asks = [engine.ask("minter", Note(id_, n), key=f"k{n}", scope="ann", same=Note("", n)) for id_ in ids]
        first, second = [await ask for ask in asks]
        assert first == second == Page((n,))
        assert [await engine.read("minter", id_) for id_ in ids] == [Page((n,)), None]
    used = [engine.statistics().partitions[f"minter/{n}"].partition.turns for n in range(4)]  # type: ignore[union-attr]
    assert min(used) > 0


async def test_a01_messages_of_one_sender_arrive_in_order_whatever_dies(world: World) -> None:
    faults = [Fault("fail_unwritten", 5), Fault("fail_written", 9), Fault("fail_unwritten", 14)]
    limits = Limits(mailbox_messages_max=3, batch_messages_max=2)
    engine = await world.start(Desk(), Book(), faults=faults, limits=limits)
    n = 0
    while n < 30:
        (answer,) = await asyncio.gather(engine.ask("desk", Post("a", n), key=f"k{n}"), return_exceptions=True)
        n += isinstance(answer, Page)
        await world.clock.advance(100)
    assert await world.until_state("book", "a", lambda page: len(page.ns) >= 30) == Page(tuple(range(30)))


async def test_a16_history_has_one_row_a_turn(world: World) -> None:
    await world.start(Desk(), Book(), Till(), providers=[ScriptedProvider("bank")])
    await world.engine.ask("desk", Post("a", 1, count=3))
    await world.until_state("book", "a", lambda page: len(page.ns) == 3)
    told = rows(world, "book-0", "SELECT correlation, turn FROM history ORDER BY turn")
    assert told == [("a", 1), ("a", 2), ("a", 3)]
