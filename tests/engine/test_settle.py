"""A parked effect that one person settles and another has tried again: its actor hears of both, in their order."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS, DiscardLetter, ReplayLetter
from sagamore.engine.effect import Capabilities, EffectOutcome, NotReached, Rate, Unknown
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message
from sagamore.engine.runtime.mailbox import Command, MarkAttempt
from sagamore.engine.testing import ScriptedProvider
from sagamore.engine.turn import Turn
from tests.engine.actors import Bill, Pay, Till
from tests.engine.test_effects import ended
from tests.engine.test_pools import TRIPS, Sick
from tests.engine.world import World


class Settle(Message, tag="test.settle", version=1):
    """A person says what became of the first effect."""

    entity: str


class Office(Actor[Bill, Pay | EffectOutcome | Settle], kind="till"):
    """A till that can be told."""

    effect_policies = Till.effect_policies
    deaf = False

    def entity(self, message: Any) -> str:
        entity: str = message.entity
        return entity

    def handle(self, state: Bill, message: Any, turn: Turn) -> Bill:
        if not isinstance(message, Settle):
            if isinstance(message, EffectOutcome) and message.verdict == "retried" and self.deaf:
                raise RuntimeError("not now")
            return Till().handle(state, message, turn)
        turn.settle(state.effects[0])
        return replace(state, heard=(*state.heard, "0 settled"))


async def park(world: World) -> str:
    """The letter of a parked effect."""
    await world.engine.ask("till", Pay("a", ("k",), "twice"))
    assert (await ended(world)).heard[-1] == "0 parked"
    (letter,) = await world.letters()
    return letter.id


async def replay(world: World, letter: str) -> None:
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter, "ann"))
    await world.clock.settle()


async def test_an_effect_settled_while_it_waits_for_the_breaker_is_not_called(world: World) -> None:
    script = Sick()
    provider = ScriptedProvider("bank", script=script)
    await world.start(Office(), providers=[provider], breaker=TRIPS)
    letter = await park(world)
    await world.engine.ask("till", Pay("b", ("k2", "k3")))
    await world.until(lambda: world.engine.statistics().pools["bank"].breaker == "OPEN")
    await replay(world, letter)
    await world.engine.ask("till", Settle("a"))
    script.sick = False
    await world.until_state("till", "b", lambda bill: {"0 succeeded", "1 succeeded"} <= {*bill.heard})
    await world.clock.advance(60_000)
    assert provider.ledger == {"k2": 1, "k3": 1}


async def test_an_effect_settled_and_then_replayed_in_one_batch_stays_settled(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Unknown("500")] * 2)
    await world.start(Office(), providers=[provider])
    letter = await park(world)
    world.store.faults.hold("till/0")
    other = asyncio.create_task(world.engine.ask("till", Pay("b", ())))
    await world.clock.settle()
    settle = asyncio.create_task(world.engine.ask("till", Settle("a")))
    await replay(world, letter)
    mailbox = world.engine._seats["till/0"].up().mailbox
    waiting = mailbox.take(2)  # a batch may leave a command that the next one takes first
    mailbox.put_back(sorted(waiting, key=lambda item: not isinstance(item, Command)))
    world.store.faults.release("till/0")
    await asyncio.gather(other, settle)
    await world.clock.advance(60_000)
    assert provider.ledger == {}


async def test_an_effect_settled_together_with_its_mark_leaves_its_place(world: World) -> None:
    one = Capabilities(takes_key=False, in_flight_max=1)
    provider = ScriptedProvider("bank", one, [NotReached("no route")] * 2)
    await world.start(Office(), providers=[provider])
    letter = await park(world)
    world.store.faults.hold("till/0")
    await replay(world, letter)
    settle = asyncio.create_task(world.engine.ask("till", Settle("a")))
    await world.clock.settle()
    world.store.faults.release("till/0")
    await settle
    await world.engine.ask("till", Pay("b", ("k2",)))
    assert (await world.until_state("till", "b", lambda bill: bill.heard)).heard == ("0 succeeded",)
    assert provider.ledger == {"k2": 1}


@pytest.mark.parametrize("first", ["mark", "settle", "settle, a batch before"])
async def test_an_effect_settled_while_it_waits_for_its_mark_is_not_called_and_leaves_its_place_at_once(
    world: World, first: str
) -> None:
    one = Capabilities(takes_key=False, rates=(Rate(1, 10_000),))
    provider = ScriptedProvider("bank", one)
    limits = Limits(batch_messages_max=1) if first == "settle, a batch before" else None
    await world.start(Office(), providers=[provider], limits=limits)
    await world.engine.ask("till", Pay("a", ("k1",)))
    await world.until_state("till", "a", lambda bill: bill.heard)
    await world.engine.ask("till", Pay("b", ("k2",)))
    await world.clock.settle()
    world.store.faults.hold("till/0")
    other = asyncio.create_task(world.engine.ask("till", Pay("c", ())))
    await world.clock.advance(11_000)  # a place is free, and the mark in the mailbox
    settle = asyncio.create_task(world.engine.ask("till", Settle("b")))
    await world.clock.settle()
    mailbox = world.engine._seats["till/0"].up().mailbox
    waiting = mailbox.take(1) + mailbox.take(1)
    assert [type(item) for item in waiting] == [MarkAttempt, Command]
    mailbox.put_back(waiting if first == "mark" else waiting[::-1])
    world.store.faults.release("till/0")
    await asyncio.gather(other, settle)
    await world.clock.settle()
    assert world.engine.statistics().pools["bank"].in_flight == 0
    await world.kill()
    await world.start()
    await world.clock.advance(60_000)
    assert (await world.state("till", "b", Bill)).heard == ("0 settled",)
    assert provider.ledger == {"k1": 1}


async def test_a_replay_whose_provider_is_gone_returns_to_its_letter_and_goes_on_when_it_is_back(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Unknown("500")] * 2)
    await world.start(Office(), providers=[provider])
    letter = await park(world)
    await world.stop()
    await world.start(providers=[ScriptedProvider("post")])
    await replay(world, letter)
    await world.until(lambda: bool(world.engine.alerts()))
    assert world.engine.statistics().partitions["till/0"].restarts == 0
    (again,) = await world.letters()
    assert (again.id, again.effect[:4]) == (letter, "eff_")
    assert "this program has post" in again.attempts[-1].error
    await world.stop()
    await world.start(providers=[provider])
    await replay(world, letter)
    assert (await world.until_state("till", "a", lambda bill: len(bill.heard) == 4)).heard[-1] == "0 succeeded"


async def test_a_replay_that_came_back_is_not_tried_again_by_its_discard(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Unknown("500")] * 2)
    await world.start(Office(), providers=[provider])
    letter = await park(world)
    await world.stop()
    await world.start(providers=[ScriptedProvider("post")])
    await replay(world, letter)
    await world.until(lambda: bool(world.engine.alerts()))
    await world.stop()
    await world.start(providers=[provider])
    await world.engine.ask(DEAD_LETTERS, DiscardLetter(letter, "ann", "solved"))
    await world.clock.advance(60_000)
    assert len(provider.calls) == 2


async def test_the_entity_hears_of_a_replay_before_the_effect_is_tried_again(world: World) -> None:
    provider = ScriptedProvider("bank", script=[Unknown("500")] * 2)
    office = Office()
    await world.start(office, providers=[provider])
    letter = await park(world)
    office.deaf = True
    await replay(world, letter)
    await world.clock.advance(60_000)
    assert len(provider.calls) == 2
    office.deaf = False
    (again,) = await world.letters()
    assert (again.id, "not now" in again.attempts[-1].error) == (letter, True)
    await replay(world, letter)
    bill = await world.until_state("till", "a", lambda bill: bill.heard[-1] == "0 succeeded")
    assert bill.heard[-3:] == ("0 parked", "0 retried", "0 succeeded")
    assert provider.ledger == {"k": 1}
