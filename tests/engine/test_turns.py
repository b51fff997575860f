"""Turns: one that raises is undone alone and retried; several entities; publish and subscribe; what may be stored."""

import asyncio
import sqlite3

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.errors import EntityDamaged, InvalidInput, NotEncodable
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, State
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Desk, Note, Page, Post, Published
from tests.engine.world import World


def breaks_on(n: int, times: int = 1_000_000) -> "Breaks":
    return Breaks(n, times)


class Breaks:
    """A hook that raises for one `n`, so many times; remembers when."""

    def __init__(self, n: int, times: int) -> None:
        self.n, self.times = n, times
        self.at_ms: list[int] = []
        self.attempts: list[int] = []

    def __call__(self, message: Note, turn: Turn) -> None:
        if message.n == self.n:
            self.at_ms.append(turn.now_ms)
            self.attempts.append(turn.attempt)
            if len(self.at_ms) <= self.times:
                raise ZeroDivisionError(f"attempt {turn.attempt}")


async def test_a_turn_that_raises_is_undone_alone(world: World) -> None:
    engine = await world.start(Desk(), Book(breaks_on(2)))
    await engine.ask("desk", Post("a", 1, count=3))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((1, 3))


async def test_what_a_raising_turn_sent_and_saved_is_gone(world: World) -> None:
    def hook(message: Post, _turn: Turn) -> None:
        if message.n == 7:
            raise ZeroDivisionError

    engine = await world.start(Desk(hook), Book())
    raised, _ = await asyncio.gather(
        engine.ask("desk", Post("a", 7)), engine.ask("desk", Post("a", 1)), return_exceptions=True
    )
    assert isinstance(raised, ZeroDivisionError)
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((1,))
    assert await engine.read("desk", "a") == Page((1,))


async def test_a_failing_message_is_retried_with_backoff_and_succeeds(world: World) -> None:
    breaks = breaks_on(1, times=2)
    engine = await world.start(Desk(), Book(breaks))
    await engine.ask("desk", Post("a", 1))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((1,))
    assert breaks.attempts == [1, 2, 3]
    first, second, third = breaks.at_ms
    assert 50 <= second - first <= 100
    assert 100 <= third - second <= 200
    assert await world.letters() == []


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [ValueError("U+0000 \0"), ValueError("surrogate \ud800"), Mute(), SystemExit(3), asyncio.CancelledError()],
    ids=["U+0000", "surrogate", "mute", "exit", "cancelled"],
)  # fmt: skip
async def test_a_turn_fails_alone_whatever_it_raises(
    world: World, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(message: Note, _turn: Turn) -> None:
        if message.n == 5:
            raise error

    monkeypatch.setattr("logging.raiseExceptions", False)  # the log cannot say what a mute error is either
    engine = await world.start(Desk(), Book(hook))
    await engine.ask("desk", Post("a", 4, count=3))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((4, 6))
    (answer,) = await asyncio.gather(engine.ask("book", Note("a", 5)), return_exceptions=True)
    assert isinstance(answer, Exception)
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    assert len(letter.attempts) == 3
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_attempts_are_counted_across_restarts(world: World) -> None:
    breaks = breaks_on(1, times=2)
    engine = await world.start(Desk(), Book(breaks))
    await engine.ask("desk", Post("a", 1))
    await world.clock.settle()
    await world.kill()
    await world.start()
    await world.until_state("book", "a", lambda page: page.ns)
    assert breaks.attempts == [1, 2, 3]


async def test_b12_a_message_in_retry_leaves_the_line_and_is_not_taken_for_a_duplicate(world: World) -> None:
    engine = await world.start(Desk(), Book(breaks_on(1, times=1)))
    await engine.ask("desk", Post("a", 1, count=3))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 3) == Page((2, 3, 1))


class Move(Message, tag="test.move", version=1):
    source: str
    target: str
    n: int
    also: str = ""


class Purse(State, tag="test.purse", version=1):
    n: int = 100


class Purses(Actor[Purse, Move], kind="purses"):
    def entity(self, message: Move) -> tuple[str, ...]:
        return message.source, message.target

    def handle(self, state: Purse, message: Move, turn: Turn) -> Purse:
        turn.save(message.target, Purse(turn.load(message.target).n + message.n))
        if message.also:
            turn.load(message.also)
        if message.n > state.n:
            raise ValueError("not enough")
        turn.reply(Purse(state.n - message.n))
        return Purse(state.n - message.n)


async def test_a_turn_reads_and_writes_all_entities_that_its_message_names(world: World) -> None:
    engine = await world.start(Purses())
    await asyncio.gather(*(engine.ask("purses", Move("a", "b", 10)) for _ in range(5)))
    await world.kill()
    engine = await world.start()
    assert [await engine.read("purses", key) for key in "ab"] == [Purse(50), Purse(150)]


async def test_a_raising_turn_leaves_no_entity_changed(world: World) -> None:
    engine = await world.start(Purses())
    with pytest.raises(ValueError, match="not enough"):
        await engine.ask("purses", Move("a", "b", 101))
    assert [await engine.read("purses", key) for key in "ab"] == [None, None]


async def test_an_entity_that_the_message_does_not_name_cannot_be_loaded(world: World) -> None:
    engine = await world.start(Purses())
    with pytest.raises(KeyError, match="did not name 'c'"):
        await engine.ask("purses", Move("a", "b", 1, also="c"))


class Reader(Actor[Page, Published], kind="reader", subscribes=[Published]):
    def entity(self, message: Published) -> str:
        return message.entity

    def handle(self, state: Page, message: Published, turn: Turn) -> Page:
        return Page((*state.ns, 1))


class Listener(Actor[Page, Published], kind="listener", subscribes=[Published]):
    def entity(self, message: Published) -> str:
        return message.entity

    def handle(self, state: Page, message: Published, turn: Turn) -> Page:
        return Page((*state.ns, 1))


async def test_each_subscription_gets_each_event_once_and_its_partitions_share_it(world: World) -> None:
    def publish(message: Post, turn: Turn) -> None:
        turn.publish(Published(message.entity))

    actors = (Desk(publish), Book(), Reader(), Listener())
    engine = await world.start(*actors, counts={"reader": 3})
    keys = [f"e{n}" for n in range(20)]
    for key in keys:
        await engine.ask("desk", Post(key, 1))
    await world.kill()
    engine = await world.start()
    await world.clock.advance(1_000)
    assert [await engine.read("reader", key) for key in keys] == [Page((1,))] * 20
    assert [await engine.read("listener", key) for key in keys] == [Page((1,))] * 20
    used = [engine.statistics().partitions[f"reader/{n}"].partition.turns for n in range(3)]  # type: ignore[union-attr]
    assert sum(used) == 20
    assert min(used) > 0


@pytest.mark.parametrize("n", [2**63, -(2**63) - 1])
async def test_a15_what_cannot_be_stored_raises_in_its_turn(world: World, n: int) -> None:
    engine = await world.start(Grows())
    with pytest.raises(NotEncodable, match="63 bits"):
        await engine.ask("grows", Note("a", n - 1 if n > 0 else n + 1))
    assert await engine.ask("grows", Note("a", 1)) == Page((2,))


class Grows(Actor[Page, Note], kind="grows"):
    """Keeps one more than it gets (one less, of a negative number)."""

    def entity(self, message: Note) -> str:
        return message.entity

    def handle(self, state: Page, message: Note, turn: Turn) -> Page:
        after = Page((message.n + (1 if message.n > 0 else -1),))
        turn.reply(after)
        return after


class Careless(Actor[Page, Note], kind="careless"):
    """Makes names of its own that SQLite would cut."""

    def entity(self, message: Note) -> str:
        return "a\0b" if message.n == 1 else "a"

    def handle(self, state: Page, message: Note, turn: Turn) -> Page:
        if message.n == 2:
            turn.schedule("x\0y", Note("a", 9), at_ms=turn.now_ms + 1)
        if message.n == 3:
            turn.raise_alert("late", "a\0b", "look at it")
        return Page((*state.ns, message.n))


@pytest.mark.parametrize("n", [1, 2, 3])
async def test_a15_a_name_that_would_be_cut_is_refused_in_its_turn(world: World, n: int) -> None:
    """Else it would be taken for the entity, timer or alert that has the shorter name."""
    engine = await world.start(Careless())
    await engine.ask("careless", Note("a", 0))
    with pytest.raises((NotEncodable, TypeError), match=r"U\+0000"):
        await engine.ask("careless", Note("a", n))
    await world.clock.advance(1_000)
    await world.stop()
    engine = await world.start()
    assert await engine.read("careless", "a") == Page((0,))
    assert engine.alerts() == ()


async def test_a09_now_and_ids_come_with_the_turn_and_a_turn_taken_again_makes_the_same_ids(world: World) -> None:
    made: list[str] = []

    def hook(_message: Note, turn: Turn) -> None:
        made.append(turn.new_id("eff"))
        if len(made) == 1:
            raise ZeroDivisionError

    engine = await world.start(Desk(), Book(hook))
    await engine.ask("desk", Post("a", 1))
    await world.until_state("book", "a", lambda page: page.ns)
    assert len(made) == 2
    assert made[0] == made[1]


async def test_a_message_in_a_lane_that_there_is_not_is_refused_in_its_turn(world: World) -> None:
    engine = await world.start(Desk(), Book())
    with pytest.raises(InvalidInput, match="lane is 7; 0 or 1"):
        await engine.ask("desk", Post("a", 1, lane=7))
    assert engine.statistics().partitions["desk/0"].restarts == 0


async def test_a_tiny_cache_evicts_and_loses_nothing(world: World) -> None:
    engine = await world.start(Desk(), Book(), limits=Limits(cache_entities_max=2))
    keys = [f"e{n}" for n in range(20)]
    for n in range(3):
        await asyncio.gather(*(engine.ask("desk", Post(key, n)) for key in keys))
    for key in keys:
        await world.until_state("book", key, lambda page: len(page.ns) == 3)
        assert await engine.read("book", key) == Page((0, 1, 2))
    assert all(s.partition.cached <= 2 for s in engine.statistics().partitions.values() if s.partition)


async def test_a08_a_damaged_entity_costs_itself_not_its_partition(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("book", Note("a", 1))
    await world.stop()
    with sqlite3.connect(world.path / "book-0.sqlite") as connection:
        connection.execute("""UPDATE entity SET state = '{"type":"test.page/1","ns":"?"}' WHERE key = 'a'""")
    connection.close()
    engine = await world.start()
    with pytest.raises(EntityDamaged):
        await engine.ask("book", Note("a", 2))
    with pytest.raises(EntityDamaged):
        await engine.read("book", "a")
    await engine.ask("desk", Post("a", 3))
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    assert letter.message_type == "test.note/1"
    assert await engine.ask("book", Note("b", 1)) == Page((1,))
