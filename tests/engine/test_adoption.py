"""Calls outlive the partition that asked for them: what its next incarnation adopts (PROTOCOL 4, B19)."""

import asyncio

from sagamore.engine.effect import Unknown
from sagamore.engine.ports import Commit
from sagamore.engine.testing import Fault, Hangs, ScriptedProvider
from tests.engine.actors import Pay, Till
from tests.engine.test_effects import ended
from tests.engine.test_effects_keyless import pay, post
from tests.engine.world import World


async def test_b19_the_answer_of_a_call_is_kept_when_its_partition_dies_with_it(world: World) -> None:
    provider = post(Hangs())
    await pay(world, provider)
    await world.until(lambda: provider.hanging == 1)
    world.store.faults.faults.append(Fault("fail_unwritten", len(world.store.faults.commits) + 1))
    provider.release()  # the outcome's own commit fails: the partition dies after the pool has told it
    assert (await ended(world)).heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}


async def test_b19_a_call_under_way_is_adopted_when_its_partition_reopens(world: World) -> None:
    provider = post(Hangs())
    await pay(world, provider)
    await world.until(lambda: provider.hanging == 1)
    world.store.faults.faults.append(Fault("fail_unwritten", len(world.store.faults.commits) + 1))
    await asyncio.gather(world.engine.ask("till", Pay("b", ())), return_exceptions=True)
    await world.until(lambda: world.engine.statistics().partitions["till/0"].state == "UP", 500)
    assert world.engine.statistics().partitions["till/0"].restarts == 1
    provider.release()
    assert (await ended(world)).heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}
    assert len(provider.calls) == 1


async def test_b19_an_answer_that_comes_while_the_partition_is_closed_is_kept(world: World) -> None:
    provider = post(Hangs())
    await pay(world, provider)
    await world.until(lambda: provider.hanging == 1)
    world.store.faults.faults.append(Fault("fail_unwritten", len(world.store.faults.commits) + 1))
    await asyncio.gather(world.engine.ask("till", Pay("b", ())), return_exceptions=True)
    await world.clock.settle()
    assert world.engine.statistics().partitions["till/0"].state == "OPENING"
    provider.release()
    assert (await ended(world)).heard == ("0 succeeded",)
    assert len(provider.calls) == 1


async def test_b19_an_answer_that_comes_while_another_is_looked_at_again_is_kept(world: World) -> None:
    provider = post(Hangs(), Hangs())
    await pay(world, provider, keys=("k1", "k2"))
    await world.until(lambda: provider.hanging == 2)
    world.store.faults.faults.append(Fault("fail_unwritten", len(world.store.faults.commits) + 1))
    world.store.faults.hold("till/0", "load_effect")
    provider.release(1)  # its commit fails
    await world.clock.advance(500)
    provider.release()
    await world.clock.settle()
    world.store.faults.release("till/0", "load_effect")
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 2)
    assert sorted(bill.heard) == ["0 succeeded", "1 succeeded"]


async def test_b19_an_end_that_was_written_after_all_is_not_heard_twice(world: World) -> None:
    def parks(address: str, commit: Commit) -> bool:
        parked = any(row is not None and row.state == "parked" for row in commit.effects.values())
        return address == "till/0" and parked and world.engine.statistics().partitions["till/0"].restarts == 0

    provider = ScriptedProvider("bank", script=[Unknown("500")] * 2)
    await world.start(Till(), providers=[provider], faults=[Fault("fail_written", when=parks)])
    await world.engine.ask("till", Pay("a", ("k",), "twice"))
    assert (await ended(world)).heard == ("0 unknown", "0 parked")
    await world.clock.advance(60_000)
    assert (await ended(world)).heard == ("0 unknown", "0 parked")
    (letter,) = await world.letters()
    assert len(letter.attempts) == 1
