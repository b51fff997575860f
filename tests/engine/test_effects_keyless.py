"""Effects at a provider that takes no key: only what may really have been sent is uncertain."""

import asyncio

import pytest

from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.dead_letters import DEAD_LETTERS, ReplayLetter
from sagamore.engine.effect import Capabilities, EffectOutcome, NotReached, Rate, Throttled, Unknown
from sagamore.engine.ports import Commit
from sagamore.engine.testing import Fault, Hangs, Lost, ScriptedProvider
from tests.engine.actors import Bill, Pay, Till
from tests.engine.test_effects import ended
from tests.engine.world import World

KEYLESS = Capabilities(takes_key=False)
READABLE = Capabilities(takes_key=False, look_up=True, settle_ms=2_000)


def post(*script: object, capabilities: Capabilities = KEYLESS) -> ScriptedProvider:
    return ScriptedProvider("bank", capabilities, script)  # type: ignore[arg-type]


async def pay(world: World, provider: ScriptedProvider, policy: str = "", keys: tuple[str, ...] = ("k",)) -> None:
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", keys, policy))


async def test_the_start_of_an_attempt_is_committed_before_the_call(world: World) -> None:
    provider = post(Hangs())
    await world.start(Till(), providers=[provider])
    world.store.faults.hold("till/0")
    ask = asyncio.create_task(world.engine.ask("till", Pay("a", ("k",))))
    await world.clock.settle()
    world.store.faults.release("till/0")
    world.store.faults.hold("till/0")
    await ask
    await world.clock.settle()
    assert world.store.faults.commits == ["till/0", "till/0"]
    assert provider.calls == []
    world.store.faults.release("till/0")
    await world.until(lambda: provider.hanging == 1)


async def test_a_lost_answer_is_parked_not_sent_again(world: World) -> None:
    provider = post(Lost())
    await pay(world, provider)
    assert (await ended(world)).heard == ("0 unknown", "0 parked")
    assert provider.ledger == {"k": 1}


async def test_a_policy_may_allow_duplicates(world: World) -> None:
    provider = post(Lost())
    await pay(world, provider, "again")
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")
    assert provider.ledger == {"k": 2}


async def test_not_reached_is_safe_to_call_again(world: World) -> None:
    provider = post(NotReached("no route"))
    await pay(world, provider)
    assert (await ended(world)).heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}


async def test_throttled_is_called_again(world: World) -> None:
    provider = post(Throttled(500))
    await pay(world, provider)
    assert (await ended(world)).heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}


async def test_an_empty_look_up_after_the_settling_time_lets_it_be_called_again(world: World) -> None:
    provider = post(Unknown("500"), capabilities=READABLE)
    await pay(world, provider)
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")
    assert provider.ledger == {"k": 1}


async def test_a_lost_answer_is_looked_up(world: World) -> None:
    provider = post(Lost(), capabilities=READABLE)
    await pay(world, provider)
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")
    assert len(provider.calls) == 1


async def test_a_marked_attempt_is_uncertain_after_a_crash(world: World) -> None:
    provider = post(Hangs())
    await pay(world, provider)
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    provider.release()
    await world.start()
    assert (await ended(world)).heard == ("0 parked",)
    assert provider.ledger == {"k": 1}


async def test_what_was_not_marked_is_called_after_a_crash_not_parked(world: World) -> None:
    provider = post()
    await world.start(Till(), providers=[provider], faults=[Fault("crash_after", 1)])
    ask = asyncio.create_task(world.engine.ask("till", Pay("a", ("k",))))
    await world.store.faults.died.wait()
    await world.kill()
    await asyncio.gather(ask, return_exceptions=True)
    assert provider.calls == []
    await world.start()
    assert (await ended(world)).heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}


def is_mark(address: str, commit: Commit) -> bool:
    rows = [row for row in commit.effects.values() if row is not None]
    return address == "till/0" and any(row.state == "marked" for row in rows)


@pytest.mark.parametrize("waits_for", ["place", "throttle", "breaker"])
async def test_what_waits_for_its_admission_is_not_marked_so_a_crash_leaves_nothing_uncertain(
    world: World, waits_for: str
) -> None:
    capabilities = Capabilities(takes_key=False, rates=(Rate(1, 10_000),) * (waits_for == "place"))
    first = {"place": NotReached("no route"), "throttle": Throttled(10_000), "breaker": NotReached("no route")}
    provider = post(first[waits_for], capabilities=capabilities)
    breaker = BreakerPolicy(failures_min=1, cooldown_ms=10_000) if waits_for == "breaker" else None
    await world.start(Till(), providers=[provider], breaker=breaker)
    for key in ("k1", "k2"):
        await world.engine.ask("till", Pay("a", (key,)))
        await world.clock.advance(1_000)
    assert len(provider.calls) == 1
    await world.kill()
    await world.start()
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 2)
    assert sorted(bill.heard) == ["0 succeeded", "1 succeeded"]
    assert provider.ledger == {"k1": 1, "k2": 1}


async def test_a_look_up_needs_no_mark(world: World) -> None:
    marks: list[str] = []

    def counted(address: str, commit: Commit) -> bool:
        marks.extend([address] * is_mark(address, commit))
        return False

    provider = post(Lost(), capabilities=READABLE)
    await world.start(Till(), providers=[provider], faults=[Fault("refuse", when=counted)])
    await world.engine.ask("till", Pay("a", ("k",)))
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")
    assert (len(provider.look_ups), len(marks)) == (1, 1)


@pytest.mark.parametrize("action", ["fail_written", "fail_unwritten"])
async def test_an_attempt_whose_mark_killed_its_partition_was_none(world: World, action: str) -> None:
    broken = [True]

    def once(address: str, commit: Commit) -> bool:
        return is_mark(address, commit) and bool(broken) and broken.pop()

    provider = post()
    await world.start(Till(), providers=[provider], faults=[Fault(action, when=once)])  # type: ignore[arg-type]
    await world.engine.ask("till", Pay("a", ("k",)))
    assert (await ended(world)).heard == ("0 succeeded",)
    assert world.engine.statistics().partitions["till/0"].restarts == 1
    assert provider.ledger == {"k": 1}


async def test_a_mark_that_is_not_committed_keeps_no_place_from_the_others(world: World) -> None:
    """Its partition may be down for good; the one place may be the breaker's probe."""
    one = Capabilities(takes_key=False, rates=(Rate(1, 1_000),))
    provider = post(capabilities=one)
    await world.start(Till(), providers=[provider], counts={"till": 2})
    partition = world.engine.routes.partition
    slow, other = (next(k for k in map(str, range(99)) if partition("till", k) == n) for n in (0, 1))
    world.store.faults.hold("system/0")
    await world.engine.ask("till", Pay(slow, ("k1",)))
    await world.clock.settle()
    world.store.faults.hold("till/0")
    world.store.faults.release("system/0")
    await world.clock.settle()
    await world.engine.ask("till", Pay(other, ("k2",)))
    await world.until_state("till", other, lambda bill: bill.heard, 10_000)
    assert provider.ledger == {"k2": 1}
    world.store.faults.release("till/0")
    await world.until_state("till", slow, lambda bill: bill.heard)
    assert (await world.state("till", slow, Bill)).heard == ("0 succeeded",)
    assert provider.ledger == {"k1": 1, "k2": 1}


@pytest.mark.parametrize("waits_for", ["place", "throttle"])
async def test_a_clean_stop_leaves_an_effect_that_was_not_called_as_it_was(world: World, waits_for: str) -> None:
    capabilities = Capabilities(takes_key=False, rates=(Rate(1, 10_000),))
    script = () if waits_for == "place" else (Throttled(10_000),)
    provider = post(*script, capabilities=capabilities)
    await pay(world, provider, keys=("k1", "k2"))
    await world.clock.advance(100)
    assert len(provider.calls) == 1
    await world.stop()
    await world.start()
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 2)
    assert sorted(bill.heard) == ["0 succeeded", "1 succeeded"]
    assert provider.ledger == {"k1": 1, "k2": 1}


async def test_an_attempt_that_was_marked_while_the_engine_stopped_is_not_taken_for_made(world: World) -> None:
    """The mark is in the last batch, and the pool has already given everything back."""
    provider = post()
    await pay(world, provider, keys=())
    world.store.faults.hold("till/0")
    ask = asyncio.create_task(world.engine.ask("till", Pay("a", ("k",))))
    await world.clock.settle()
    world.store.faults.release("till/0")
    world.store.faults.hold("till/0")
    await ask
    await world.clock.settle()
    stop = asyncio.create_task(world.stop())
    await world.clock.settle()
    world.store.faults.release("till/0")
    await stop
    assert provider.calls == []
    await world.start()
    assert (await ended(world)).heard == ("0 succeeded",)


async def test_a_parked_effect_that_never_reached_the_provider_is_called_when_replayed(world: World) -> None:
    provider = post(*[NotReached("no route")] * 2)
    await pay(world, provider, "twice")
    assert (await ended(world)).heard == ("0 parked",)
    (letter,) = await world.letters()
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 3)
    assert bill.heard == ("0 parked", "0 retried", "0 succeeded")


async def test_a_replay_of_what_was_under_way_at_a_death_does_not_call_again(world: World) -> None:
    """Nobody heard an answer, so nobody was told; the provider may have done it all the same."""
    provider = post(Hangs())
    await pay(world, provider)
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    provider.release()
    await world.start()
    await world.until(lambda: bool(world.engine.alerts()))
    (letter,) = await world.letters()
    assert letter.attempts[0].error == "an attempt may have reached the provider"
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    await world.clock.advance(60_000)
    assert len(provider.calls) == 1


@pytest.mark.parametrize("capabilities", [KEYLESS, Capabilities(takes_key=True)])
async def test_a_call_that_a_death_cut_off_is_counted_uncertain_when_its_effect_ends_exhausted(
    world: World, capabilities: Capabilities
) -> None:
    heard: list[object] = []
    provider = post(Hangs(), capabilities=capabilities)
    await world.start(Till(lambda message, _: heard.append(message)), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",), "ends", deadline_ms=world.clock.now_ms() + 5_000))
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    await world.clock.advance(5_000)
    await world.start()
    await world.until_state("till", "a", lambda bill: bill.heard == ("0 exhausted",))
    outcome = heard[-1]
    assert isinstance(outcome, EffectOutcome)
    assert (outcome.verdict, outcome.uncertain) == ("exhausted", 1)
