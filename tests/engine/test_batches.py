"""PROTOCOL 9 and 11: where a batch ends, what its turns see, and how little is in memory of what waits on disk."""

import asyncio
from collections.abc import Callable

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, encode
from sagamore.engine.ports import Commit
from sagamore.engine.runtime.partition import Partition
from sagamore.engine.testing import Fault
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Clockmaker, Desk, Note, Page, Post, Unwind, Wind
from tests.engine.test_wal import KB_OF_TEXT, Scribe, Sheet, Write
from tests.engine.world import World


def watching(seen: Callable[[Commit], object], address: Address = "book/0") -> Fault:
    """A fault that never happens, but looks at every commit of a partition."""

    def look(committing: Address, commit: Commit) -> bool:
        if committing == address:
            seen(commit)
        return False

    return Fault("refuse", when=look)


async def all_at_once(world: World, kind: str, messages: list[Message]) -> None:
    """Ask the others while the partition is busy with the first, so that all wait when it takes the next batch."""
    world.store.faults.hold(f"{kind}/0")
    asks = [asyncio.create_task(world.engine.ask(kind, messages[0]))]
    await world.clock.settle()
    asks += [asyncio.create_task(world.engine.ask(kind, message)) for message in messages[1:]]
    await world.clock.settle()
    world.store.faults.release(f"{kind}/0")
    await asyncio.gather(*asks)


async def turns_a_batch(world: World, book: Book, limits: Limits) -> list[int]:
    """Of 20 commands to as many entities, of which none is in memory."""
    turns: list[int] = []
    await world.start(book, limits=limits, faults=[watching(lambda commit: turns.append(len(commit.history)))])
    await all_at_once(world, "book", [Note("first", 0), *(Note(f"e{n}", 1) for n in range(20))])
    return turns[1:]


async def test_a09_a_batch_ends_at_its_messages(world: World) -> None:
    assert await turns_a_batch(world, Book(), Limits(batch_messages_max=8)) == [8, 8, 4]


async def test_a09_a_batch_ends_at_its_entities(world: World) -> None:
    assert await turns_a_batch(world, Book(), Limits(batch_entities_max=6)) == [6, 6, 6, 2]


async def test_a09_a_batch_ends_at_its_time(world: World) -> None:
    def slow(_message: Note, _turn: Turn) -> None:
        world.clock._now_ms += 2

    turns = await turns_a_batch(world, Book(slow), Limits(batch_turns_ms=5))
    assert turns == [3, 3, 3, 3, 3, 3, 2]


async def kilobytes_a_batch(world: World, pages: list[str]) -> list[int]:
    """Of states of 50 kB each, but for those of small pages."""
    kilobytes: list[int] = []

    def weigh(commit: Commit) -> None:
        kilobytes.append(sum(len(encode(state)) for state in commit.states.values()) >> 10)

    class Sparing(Scribe, kind="scribe"):
        def handle(self, state: Sheet, message: Write, turn: Turn) -> Sheet:
            return super().handle(state, message, turn) if message.entity.startswith("large") else Sheet("")

    await world.start(Sparing(), limits=Limits(batch_bytes_max=1 << 20), faults=[watching(weigh, "scribe/0")])
    await all_at_once(world, "scribe", [Write(page, 1) for page in ("first", *pages)])
    return kilobytes


async def test_a09_a_batch_ends_at_its_bytes(world: World) -> None:
    kilobytes = await kilobytes_a_batch(world, [f"large{n}" for n in range(60)])
    assert sum(kilobytes) >= 60 * KB_OF_TEXT
    assert max(kilobytes) <= 1 << 10


async def test_a09_large_messages_behind_small_ones_end_a_batch_too(world: World) -> None:
    kilobytes = await kilobytes_a_batch(world, [*(f"small{n}" for n in range(40)), *(f"large{n}" for n in range(60))])
    assert sum(kilobytes) >= 60 * KB_OF_TEXT
    assert max(kilobytes) <= (1 << 10) + 32 * KB_OF_TEXT


async def test_a09_a_large_entity_counts_once_however_many_messages_it_gets(world: World) -> None:
    kilobytes = await kilobytes_a_batch(world, ["large"] * 60)
    assert len(kilobytes) == 2


async def test_a09_a_batch_of_more_bytes_than_it_seemed_makes_the_next_one_smaller(world: World) -> None:
    """Every other one is small, and so are all that are weighed."""
    pages = [page for n in range(100) for page in (f"large{n}", f"small{n}")]
    kilobytes = await kilobytes_a_batch(world, pages)
    assert max(kilobytes) >= 100 * KB_OF_TEXT
    kilobytes.clear()
    await all_at_once(world, "scribe", [Write(page, 2) for page in ("first", *pages)])
    assert sum(kilobytes) >= 100 * KB_OF_TEXT
    assert max(kilobytes) <= 2 << 10, "doubled from a megabyte by the one before"


async def test_a09_now_is_one_for_a_batch_and_never_goes_back(world: World) -> None:
    times: list[int] = []

    def slow(_message: Note, turn: Turn) -> None:
        times.append(turn.now_ms)
        world.clock._now_ms += 1

    await world.start(Book(slow), limits=Limits(batch_messages_max=4))
    await all_at_once(world, "book", [Note("first", 0), *(Note(f"e{n}", 1) for n in range(8))])
    assert len(set(times[1:5])) == len(set(times[5:9])) == 1
    world.clock.step(-3_600_000)
    await world.engine.ask("book", Note("later", 1))
    assert times == sorted(times)


class Rewinder(Actor[Page, Unwind], kind="rewinder"):
    """Tells the clockmaker to cancel a timer."""

    def entity(self, message: Unwind) -> str:
        return message.entity

    def handle(self, state: Page, message: Unwind, turn: Turn) -> Page:
        turn.send("bells", message)
        return state


async def test_b11_a_timer_that_an_earlier_turn_of_its_batch_cancels_does_not_fire(world: World) -> None:
    engine = await world.start(Clockmaker(), Rewinder())
    await engine.ask("bells", Wind("a", "x", 1_000))
    world.store.faults.hold("bells/0")
    busy = asyncio.create_task(engine.ask("bells", Wind("b", "x", 60_000)))
    await world.clock.settle()
    await engine.ask("rewinder", Unwind("a", "x"))
    await world.clock.advance(1_000)
    world.store.faults.release("bells/0")  # the next batch has the message, and the timer behind it
    await busy
    await world.clock.advance(10_000)
    assert await engine.read("bells", "a") is None


# --- what waits on disk (A11) ---


async def test_a11_of_due_timers_no_more_are_in_memory_than_may_be(world: World) -> None:
    most = [0]

    def count(_commit: Commit) -> None:
        most.append(len(world.engine._seats["bells/0"].up().committed.timers))

    limits = Limits(due_rows_max=8, batch_messages_max=2)
    engine = await world.start(Clockmaker(), limits=limits, faults=[watching(count, "bells/0")])
    for n in range(60):
        await engine.ask("bells", Wind(f"e{n}", "x", 10_000))
    await world.clock.advance(20_000)
    assert [bool(await engine.read("bells", f"e{n}")) for n in range(60)] == [True] * 60
    assert 2 < max(most) <= 8


async def test_a11_of_due_retries_no_more_are_in_memory_than_may_be(world: World) -> None:
    most, broken = [0], [True]

    def breaks(_message: Note, _turn: Turn) -> None:
        if broken[0]:
            raise ZeroDivisionError

    def count(_commit: Commit) -> None:
        most.append(len(world.engine._seats["book/0"].up().committed.retries))

    limits = Limits(due_rows_max=8, batch_messages_max=64)
    engine = await world.start(Desk(), Book(breaks), limits=limits, faults=[watching(count)])
    await engine.ask("desk", Post("a", 0, count=60))
    await world.clock.settle()
    broken[0] = False
    world.store.faults.hold("book/0")
    busy = asyncio.create_task(engine.ask("book", Note("b", 1)))
    await world.clock.advance(10_000)  # all fall due meanwhile
    world.store.faults.release("book/0")
    await busy
    await world.clock.advance(10_000)
    assert sorted((await world.state("book", "a", Page)).ns) == list(range(60))
    assert 2 < max(most) <= 8


async def test_a11_of_messages_on_their_way_no_more_are_read_than_a_few_batches(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(mailbox_messages_max=1, batch_messages_max=1))
    world.store.faults.hold("book/0")
    for n in range(30):
        await engine.ask("desk", Post("a", n))
    desk: Partition = engine._seats["desk/0"].up()
    assert len(await desk.relay.read(("book/0", 0), desk.journal)) == 4
    world.store.faults.release("book/0")
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 30) == Page(tuple(range(30)))


async def test_a11_clients_have_their_quarter_of_each_batch_while_what_is_overdue_is_worked_off(world: World) -> None:
    engine = await world.start(Clockmaker())
    for n in range(200):
        await engine.ask("bells", Wind(f"e{n}", "x", 1_000))
    await world.kill()
    await world.clock.advance(60_000)
    shares: list[tuple[int, int]] = []

    def share(commit: Commit) -> None:
        kinds = [row.message for row in commit.history]
        shares.append((kinds.count("test.rang/1"), kinds.count("test.wind/1")))

    limits = Limits(batch_messages_max=8, overdue_spread_ms=1)
    engine = await world.start(limits=limits, faults=[watching(share, "bells/0")])
    world.store.faults.hold("bells/0")
    await world.clock.advance(1)
    asks = [asyncio.create_task(engine.ask("bells", Wind(f"new{n}", "x", 60_000))) for n in range(40)]
    await world.clock.settle()
    world.store.faults.release("bells/0")
    await asyncio.gather(*asks)
    mixed = [batch for batch in shares if all(batch)]
    assert len(mixed) > 10
    assert {clients for _, clients in mixed[:-1]} == {2}
