"""Dead letters: what becomes one, replay once, back to the same letter, discard."""

import asyncio
import json
import sqlite3
from typing import Any

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import (
    ALERTS_OF_ADDRESS_MAX,
    DEAD_LETTERS,
    DeadLetter,
    DiscardLetter,
    LetterClosed,
    ReplayLetter,
    UnknownLetter,
    Waiting,
)
from sagamore.engine.errors import EntityDamaged
from sagamore.engine.testing import Fault
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Desk, Note, Page, Post
from tests.engine.world import World


class Broken:
    """A hook that raises while `on`."""

    def __init__(self) -> None:
        self.on = True

    def __call__(self, _message: Note, turn: Turn) -> None:
        if self.on:
            raise ZeroDivisionError(f"attempt {turn.attempt}")


async def bury_one(world: World, broken: Broken) -> DeadLetter:
    book = Book(broken)
    engine = await world.start(Desk(), book)
    await engine.ask("desk", Post("a", 5))
    await world.until(lambda: bool(world.engine.alerts()))
    (letter,) = await world.letters()
    return letter


async def test_after_its_attempts_a_message_becomes_a_letter_with_all_of_them(world: World) -> None:
    letter = await bury_one(world, Broken())
    assert [attempt.error for attempt in letter.attempts] == [f"ZeroDivisionError: attempt {n}" for n in (1, 2, 3)]
    assert (letter.status, letter.address, letter.sender) == ("WAITING", "book/0", "desk/0")
    assert (letter.correlation, letter.message_type) == ("a", "test.note/1")
    assert json.loads(letter.body) == {"type": "test.note/1", "entity": "a", "n": 5}
    assert world.engine.health().status == "YELLOW"


async def test_a_letter_survives_a_restart(world: World) -> None:
    letter = await bury_one(world, Broken())
    await world.kill()
    await world.start()
    assert await world.letters() == [letter]


async def test_a_replay_takes_the_message_again_and_twice_has_one_effect(world: World) -> None:
    broken = Broken()
    letter = await bury_one(world, broken)
    broken.on = False
    after = await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    assert isinstance(after, DeadLetter)
    assert (after.status, after.replays, after.closed_by) == ("REPLAYED", 1, "ann")
    with pytest.raises(LetterClosed, match="replayed by ann"):
        await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "bob"))
    await world.clock.advance(60_000)
    assert await world.engine.read("book", "a") == Page((5,))
    assert world.engine.alerts() == ()


async def test_a_replay_that_fails_again_returns_to_the_same_letter(world: World) -> None:
    broken = Broken()
    letter = await bury_one(world, broken)
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    await world.until(lambda: bool(world.engine.alerts()))
    (again,) = await world.letters()
    assert (again.id, again.status, again.replays) == (letter.id, "WAITING", 1)
    assert len(again.attempts) == 6
    broken.on = False
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((5,))


async def test_a_discard_tells_the_actor_that_the_message_was_given_up(world: World) -> None:
    letter = await bury_one(world, Broken())
    after = await world.engine.ask(DEAD_LETTERS, DiscardLetter(letter.id, "ann", "a test order"))
    assert isinstance(after, DeadLetter)
    assert (after.status, after.reason) == ("DISCARDED", "a test order")
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((-5,))
    with pytest.raises(LetterClosed):
        await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))


class Sulker(Book, Actor[Page, Note], kind="book"):
    """A book that raises, when something is given up too."""

    def given_up(self, state: Page, message: Note, turn: Turn) -> Page:
        self.hook(message, turn)
        return super().given_up(state, message, turn)


async def test_a_discard_that_fails_returns_to_its_letter_and_a_replay_of_that_is_no_second_life(world: World) -> None:
    broken = Broken()
    engine = await world.start(Desk(), Sulker(broken))
    await engine.ask("desk", Post("a", 5))
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    await engine.ask(DEAD_LETTERS, DiscardLetter(letter.id, "ann", "a test order"))
    await world.until(lambda: bool(engine.alerts()))
    (again,) = await world.letters()
    assert (again.id, again.status, again.given_up, len(again.attempts)) == (letter.id, "WAITING", True, 6)
    broken.on = False
    await engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((-5,))


async def test_a08_a_message_that_killed_three_times_can_be_discarded(world: World) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)
    with sqlite3.connect(world.path / "book-0.sqlite") as connection:
        connection.execute("INSERT INTO death VALUES ('desk/0:1.0', 3, 0)")
    connection.close()
    engine = await world.start()
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    await engine.ask(DEAD_LETTERS, DiscardLetter(letter.id, "ann", "it kills"))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((-5,))
    assert await world.letters() == []


async def test_each_message_that_a_turn_buries_has_a_letter_of_its_own(world: World) -> None:
    def hook(message: Note, turn: Turn) -> None:
        if message.n == 5:
            turn.bury(Note("a", 1), "one")
            turn.bury(Note("a", 2), "two")

    engine = await world.start(Book(hook))
    await engine.ask("book", Note("a", 5))
    for letter in await world.letters():
        await engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    page = await world.until_state("book", "a", lambda page: len(page.ns) == 3)
    assert sorted(page.ns) == [1, 2, 5]


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["U+0000", "surrogate"])
async def test_a_reason_that_cannot_be_stored_is_kept_as_far_as_it_can_be(world: World, text: str) -> None:
    def hook(message: Note, turn: Turn) -> None:
        if message.n == 5:
            turn.bury(Note("a", 1), f"no {text} reason")

    engine = await world.start(Desk(), Book(hook))
    await engine.ask("desk", Post("a", 5))
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    assert " reason" in letter.attempts[0].error
    assert await engine.read("book", "a") == Page((5,))


async def test_an_unknown_letter_is_named(world: World) -> None:
    engine = await world.start(Desk(), Book())
    with pytest.raises(UnknownLetter, match="dl_nothing"):
        await engine.ask(DEAD_LETTERS, ReplayLetter("dl_nothing", "ann"))


async def test_a08_a_message_of_unknown_type_becomes_a_letter_and_the_partition_lives(world: World) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)
    _rewrite_outbox(world, "test.note/1", "test.gone/9")
    engine = await world.start()
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    assert json.loads(letter.body) == {"type": "test.gone/9", "entity": "a", "n": 5}
    assert letter.message_type == "test.gone/9"
    assert await engine.ask("book", Note("a", 1)) == Page((1,))


class Renamed(Note, tag="test.note", version=2):
    """The note of a later release, whose way from the earlier one has a bug."""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        raise AttributeError("a bug")


class RenamedPage(Page, tag="test.page", version=2):
    """The page of a later release, likewise."""

    upcast = Renamed.upcast


class LaterBook(Book, Actor[Page, Renamed], kind="book"):
    """Of a later release."""


class NextBook(Book, Actor[RenamedPage, Note], kind="book"):
    """Of another one."""


async def test_a08_a_message_whose_upcast_raises_becomes_a_letter_and_the_partition_lives(world: World) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)
    engine = await world.start(Desk(), LaterBook())
    await world.until(lambda: bool(engine.alerts()))
    (letter,) = await world.letters()
    assert "a bug" in letter.attempts[0].error
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_a08_an_entity_whose_upcast_raises_costs_itself_not_its_partition(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("book", Note("a", 1))
    await world.stop()
    engine = await world.start(Desk(), NextBook())
    with pytest.raises(EntityDamaged, match="a bug"):
        await engine.ask("book", Note("a", 2))
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_a08_a_message_to_an_address_that_no_longer_exists_becomes_a_letter(world: World) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)
    engine = await world.start(Desk())
    await world.clock.advance(60_000)
    assert engine.alerts(), "the message to book/0 is neither handled nor a dead letter"
    (letter,) = await world.letters()
    assert (letter.address, letter.message_type) == ("book/0", "test.note/1")


async def _post_and_die(world: World) -> None:
    """desk/0 commits a message to book/0, and the process dies before it leaves."""
    ask = asyncio.create_task(world.engine.ask("desk", Post("a", 5)))
    await world.store.faults.died.wait()
    await world.kill()
    await asyncio.gather(ask, return_exceptions=True)


def _rewrite_outbox(world: World, before: str, after: str) -> None:
    connection = sqlite3.connect(world.path / "desk-0.sqlite")
    with connection:
        connection.execute("UPDATE outbox SET envelopes = replace(envelopes, ?, ?)", (before, after))
        assert connection.execute("SELECT changes()").fetchone() == (1,)
    connection.close()


async def test_of_many_letters_to_one_address_the_first_raise_an_alert_each_and_then_one_tells_their_number(
    world: World,
) -> None:
    engine = await world.start(Desk(), Book(Broken()))
    for n in range(33):
        await engine.ask("desk", Post(f"e{n}", 5))
    await world.until_state(DEAD_LETTERS, "waiting:book/0", lambda waiting: waiting.letters == 33)
    many = [alert for alert in engine.alerts() if alert.name == "dead_letters"]
    assert [(alert.subject, alert.count) for alert in many] == [("book/0", 2)]  # at 21, and at 32
    assert "32 of them" in many[0].advice
    letters = [alert.subject for alert in engine.alerts() if alert.name == "dead_letter"]
    assert len(letters) == ALERTS_OF_ADDRESS_MAX
    for letter in letters:
        await engine.ask(DEAD_LETTERS, DiscardLetter(letter, "ann", "old"))
    await world.until(lambda: not engine.alerts())
    assert await world.state(DEAD_LETTERS, "waiting:book/0", Waiting) == Waiting(13)
