"""An actor that is taken out of a program and put back later."""

from sagamore.engine.dead_letters import DEAD_LETTERS, ReplayLetter
from sagamore.engine.testing.journal import Fault
from tests.engine.actors import Book, Desk, Page, Post
from tests.engine.test_dead_letters import _post_and_die
from tests.engine.test_relay_rules import rows
from tests.engine.world import World


async def test_a_message_to_nobody_has_one_letter_though_its_sender_dies_before_its_row_goes(
    world: World,
) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)
    await world.start(Desk(), faults=[Fault("crash_after", when=lambda _address, commit: bool(commit.undeliverable))])
    await world.until(world.store.faults.died.is_set)
    await world.kill()
    await world.clock.advance(1_000)
    await world.start()
    await world.until(lambda: bool(world.engine.alerts()))
    await world.clock.advance(60_000)
    assert len(await world.letters()) == 1
    assert rows(world, "desk-0", "SELECT receiver FROM outbox") == []


async def test_a_message_that_its_receiver_had_taken_is_no_dead_letter_when_that_is_gone(world: World) -> None:
    await world.start(Desk(), Book())
    await world.engine.ask("desk", Post("a", 1, count=2))
    await world.until_state("book", "a", lambda page: len(page.ns) == 2)
    await world.kill()
    assert rows(world, "desk-0", "SELECT first, last FROM outbox") == [(1, 2)]
    await world.start(Desk())
    await world.clock.advance(60_000)
    assert await world.letters() == []
    assert rows(world, "desk-0", "SELECT first, last FROM outbox") == []


async def test_an_actor_comes_back_after_its_messages_became_dead_letters(world: World) -> None:
    await world.start(Desk(), Book(), faults=[Fault("crash_after", 1)])
    await _post_and_die(world)

    await world.start(Desk())
    await world.until(lambda: bool(world.engine.alerts()))
    (letter,) = await world.letters()
    await world.clock.advance(1_000)
    await world.stop()

    await world.start(Desk(), Book())
    await world.engine.ask("desk", Post("a", 2))
    assert await world.until_state("book", "a", lambda page: page.ns) == Page((2,))
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    assert await world.until_state("book", "a", lambda page: len(page.ns) == 2) == Page((2, 5))
