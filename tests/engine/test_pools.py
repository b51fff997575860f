"""Pools: the circuit breaker, the sliding window as the provider sees it, and places for each partition."""

import random
import sqlite3
import threading

import pytest

from sagamore.engine.breaker import Breaker, BreakerPolicy
from sagamore.engine.effect import Call, Capabilities, NotReached, Outcome, Rate, Succeeded, Throttled, Unknown
from sagamore.engine.errors import EntityDamaged
from sagamore.engine.runtime.attempts import SLOW_CALL_MS
from sagamore.engine.testing import NOON_MS, Fault, Hangs, ScriptedProvider
from sagamore.engine.testing.providers import Step
from tests.engine.actors import Pay, Till, Withdraw
from tests.engine.test_effects import ended
from tests.engine.world import World

TRIPS = BreakerPolicy(failures_min=3, failure_share=0.5, window_ms=10_000, cooldown_ms=60_000)


class Sick:
    """A script: 500 while `sick`."""

    def __init__(self) -> None:
        self.sick = True

    def __call__(self, _call: Call) -> Outcome:
        return Unknown("500") if self.sick else Succeeded("{}")


async def trip(world: World, provider: ScriptedProvider) -> None:
    await world.start(Till(), providers=[provider], breaker=TRIPS)
    await world.engine.ask("till", Pay("a", ("k1", "k2", "k3")))
    await world.until(lambda: world.engine.statistics().pools["bank"].breaker == "OPEN")


async def test_a_breaker_opens_and_no_call_is_made_while_it_is(world: World) -> None:
    provider = ScriptedProvider("bank", script=Sick())
    await trip(world, provider)
    made = len(provider.calls)
    await world.clock.advance(59_000)
    assert len(provider.calls) == made
    assert [alert.name for alert in world.engine.alerts()] == ["breaker_open"]


async def test_waiting_on_an_open_breaker_costs_no_attempt(world: World) -> None:
    script = Sick()
    provider = ScriptedProvider("bank", script=script)
    await trip(world, provider)
    script.sick = False
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 6)
    assert sorted(bill.heard)[::2] == ["0 succeeded", "1 succeeded", "2 succeeded"]
    assert max(call.attempt for call in provider.calls) == 2
    assert world.engine.alerts() == ()
    assert world.engine.statistics().pools["bank"].breaker == "CLOSED"


async def test_one_probe_at_a_time_when_half_open(world: World) -> None:
    script = Sick()
    provider = ScriptedProvider("bank", script=script)
    await trip(world, provider)
    made = len(provider.calls)
    provider.script = lambda _call: Hangs()
    await world.until(lambda: provider.hanging > 0)
    await world.clock.settle()
    assert len(provider.calls) == made + 1


async def test_those_that_wait_for_the_probe_sleep_until_it_has_ended(world: World) -> None:
    provider = ScriptedProvider("bank", script=Sick())
    await trip(world, provider)
    provider.script = lambda _call: Hangs()
    await world.until(lambda: provider.hanging == 1)
    ends_ms = world.clock.now_ms() + 1_000  # the probe's timeout
    due_ms = world.clock.next_ms
    assert due_ms is not None
    assert due_ms >= ends_ms
    provider.script = lambda _call: Succeeded("{}")
    provider.release()
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 6, 1_000)


async def test_a_probe_that_fails_opens_the_breaker_again(world: World) -> None:
    provider = ScriptedProvider("bank", script=Sick())
    await trip(world, provider)
    made = len(provider.calls)
    await world.until(lambda: len(provider.calls) == made + 1)
    await world.clock.advance(59_000)
    assert len(provider.calls) == made + 1
    (alert,) = world.engine.alerts()
    assert (alert.name, alert.count) == ("breaker_open", 1), "a breaker that stays open is no news"


async def test_an_effect_that_is_parked_is_no_failure_of_its_provider(world: World) -> None:
    """No call was made for it: it says nothing."""
    provider = ScriptedProvider("bank", script=[NotReached("no route")] * 2)
    await world.start(Till(), providers=[provider], breaker=TRIPS)
    await world.engine.ask("till", Pay("a", ("k",), "twice"))
    assert (await ended(world)).heard == ("0 parked",)
    assert world.engine.statistics().pools["bank"].breaker_opened == 0, "two failures, and it takes three"


async def test_an_effect_that_is_used_up_is_parked_at_once_and_leaves_the_probe_to_the_next(world: World) -> None:
    """It has no call to wait for."""
    provider = ScriptedProvider("bank", script=[NotReached("no route")] * 4)
    four = BreakerPolicy(failures_min=4, cooldown_ms=60_000)
    await world.start(Till(), providers=[provider], breaker=four)
    await world.engine.ask("till", Pay("a", ("k1", "k2"), "twice"))
    await world.until(lambda: world.engine.statistics().pools["bank"].breaker == "OPEN")
    await world.clock.advance(1_000)
    await world.engine.ask("till", Pay("b", ("k3",)))
    provider.script = lambda _call: Hangs()
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 2)
    assert sorted(bill.heard) == ["0 parked", "1 parked"]
    assert world.engine.statistics().pools["bank"].breaker == "OPEN"
    await world.until(lambda: provider.hanging == 1)
    assert provider.calls[-1].key == "k3"
    assert world.engine.statistics().pools["bank"].breaker == "HALF_OPEN"


def test_a_straggler_is_not_taken_for_the_probe() -> None:
    """A call from before the opening that ends while the probe is under way says nothing about the probe."""
    breaker = Breaker(TRIPS)
    first = breaker.admit(0)
    assert first is not None
    for _ in range(3):
        breaker.record(first, False, 1)
    assert breaker.state == "OPEN"
    assert breaker.admit(60_001) is not None
    breaker.record(first, True, 60_002)  # the fourth of the first calls
    assert breaker.admit(60_003) is None


@pytest.mark.parametrize("clean", [True, False])
async def test_a12_an_open_breaker_survives_a_restart(world: World, clean: bool) -> None:
    provider = ScriptedProvider("bank", script=Sick())
    await trip(world, provider)
    await world.clock.settle()
    made = len(provider.calls)
    await (world.stop() if clean else world.kill())
    await world.start()
    await world.clock.advance(50_000)
    assert world.engine.statistics().pools["bank"].breaker == "OPEN"
    assert len(provider.calls) == made


async def test_b17_a_call_that_waited_for_the_breaker_is_not_sent_after_half_of_its_keys_lifetime(world: World) -> None:
    script = Sick()
    capabilities = Capabilities(takes_key=True, key_ttl_ms=20_000)
    provider = ScriptedProvider("bank", capabilities, script, clock=world.clock)
    before_ms = world.clock.now_ms()
    await trip(world, provider)
    script.sick = False
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 6)
    assert max(provider.arrivals_ms) - before_ms < 10_000


def in_every_window(arrivals_ms: list[int], window_ms: int) -> int:
    """The most arrivals in any window."""
    return max(sum(start <= at < start + window_ms for at in arrivals_ms) for start in arrivals_ms)


@pytest.mark.parametrize("seed", range(4))
async def test_a12_no_rate_is_ever_exceeded_as_the_provider_sees_it(world: World, seed: int) -> None:
    """Slow and fast calls, and deaths in between."""
    rng = random.Random(seed)
    rates = (Rate(5, 1_000), Rate(15, 5_000))
    capabilities = Capabilities(takes_key=True, rates=rates)
    slow: list[bool] = []

    def script(_call: Call) -> Step:
        slow.append(rng.random() < 0.3)
        return Hangs() if slow[-1] else Succeeded("{}")

    provider = ScriptedProvider("bank", capabilities, script, clock=world.clock)
    await world.start(Till(), providers=[provider])
    for n in range(3):
        await world.engine.ask("till", Pay(f"e{n}", tuple(f"{n}-{i}" for i in range(10))))
    for _ in range(200):
        await world.clock.advance(rng.randrange(400))
        if rng.random() < 0.3:
            provider.release()
        if rng.random() < 0.08:
            await world.kill()
            await world.start()
    assert len(provider.arrivals_ms) > 20, f"seed {seed}"
    for rate in rates:
        assert in_every_window(provider.arrivals_ms, rate.window_ms) <= rate.calls_max, f"{rate}, seed {seed}"


async def test_failures_of_a_provider_that_stands_for_many_open_no_breaker(world: World) -> None:
    capabilities = Capabilities(takes_key=True, breaks=False)
    provider = ScriptedProvider("bank", capabilities, script=Sick())
    await world.start(Till(), providers=[provider], breaker=TRIPS)
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(9))))
    await world.until(lambda: len(provider.calls) >= 18)
    assert world.engine.statistics().pools["bank"].breaker == "CLOSED"


async def test_where_a_provider_stands_for_many_the_one_that_throttles_keeps_no_other_waiting(world: World) -> None:
    def script(call: Call) -> Outcome:
        return Throttled(600_000) if call.key == "busy" else Succeeded("{}")

    provider = ScriptedProvider("bank", Capabilities(takes_key=True, breaks=False), script)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("busy",)))
    await world.until(lambda: len(provider.calls) == 1)
    await world.engine.ask("till", Pay("b", ("k1",)))
    await world.until_state("till", "b", lambda bill: bill.heard, most_ms=1_000)
    await world.until(lambda: len(provider.calls) == 3)  # asked again when it said


@pytest.mark.parametrize("keyed", [True, False])
async def test_an_effect_that_waits_in_the_pool_can_be_taken_back(world: World, keyed: bool) -> None:
    provider = ScriptedProvider("bank", Capabilities(takes_key=keyed, in_flight_max=1), lambda _call: Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k1",)))
    await world.until(lambda: provider.hanging == 1)
    await world.engine.ask("till", Pay("b", ("k2",)))
    await world.engine.ask("till", Withdraw("b"))
    await world.until_state("till", "b", lambda bill: bill.heard == ("0 withdrawn",))
    provider.release()
    await world.clock.advance(60_000)
    assert {call.key for call in provider.calls} == {"k1"}


async def test_what_is_urgent_is_called_before_all_that_is_not(world: World) -> None:
    provider = ScriptedProvider("bank", Capabilities(takes_key=True, in_flight_max=2), lambda _call: Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"bulk{n}" for n in range(20)), bulk=True))
    await world.until(lambda: provider.hanging == 2)
    await world.engine.ask("till", Pay("b", ("urgent",)))
    await world.clock.settle()
    provider.release()
    await world.until(lambda: len(provider.calls) >= 4)
    assert [call.key for call in provider.calls][2] == "urgent"


async def test_an_effect_ends_at_its_own_deadline_where_its_policy_has_it_end(world: World) -> None:
    provider = ScriptedProvider("bank", script=lambda _call: Unknown("500"))
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",), "ends", deadline_ms=world.clock.now_ms() + 10_000))
    await world.until_state("till", "a", lambda bill: bill.heard[-1:] == ("0 exhausted",))
    assert world.clock.now_ms() < NOON_MS + 11_000
    assert await world.letters() == []
    made = len(provider.calls)
    await world.clock.advance(60_000)
    assert len(provider.calls) == made


async def test_a_start_that_cannot_read_what_the_pools_remember_is_refused_by_name_and_leaves_no_file_open(
    world: World,
) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(5, 60_000),))
    await world.start(Till(), providers=[ScriptedProvider("bank", capabilities)])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until_state("till", "a", lambda bill: bill.heard)
    await world.stop()
    with sqlite3.connect(world.path / "system-0.sqlite") as connection:
        connection.execute("""UPDATE entity SET state = '{"type":"system.provider/1","outstanding":"?"}'""")
    connection.close()
    before = set(threading.enumerate())
    with pytest.raises(EntityDamaged, match="system/0 bank"):
        await world.start()
    for thread in set(threading.enumerate()) - before:
        thread.join(1)
        assert not thread.is_alive()


async def calls_within(world: World, provider: ScriptedProvider, ms: int) -> int:
    before = len(provider.calls)
    await world.clock.advance(ms)
    return len(provider.calls) - before


async def test_a12_places_are_taken_in_blocks_of_a_twentieth(world: World) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(100, 60_000),))
    provider = ScriptedProvider("bank", capabilities)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(64))))
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 64, 1_000)
    assert world.store.faults.commits.count("system/0") == 13, "64 calls in blocks of 5"


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a12_what_an_ended_process_may_have_used_counts_as_used_at_the_start(world: World, end: str) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(40, 60_000),))
    provider = ScriptedProvider("bank", capabilities)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(5))))
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 5)
    await (world.stop() if end == "stop" else world.kill())
    await world.clock.advance(59_000)  # whatever the clock says meanwhile
    await world.start()
    await world.engine.ask("till", Pay("b", tuple(f"later{n}" for n in range(64))))
    assert await calls_within(world, provider, 59_000) == 40 - 6, "an unfinished block of two is used up too"
    assert await calls_within(world, provider, 2_000) == 30, "the rest"


@pytest.mark.parametrize("step_ms", [30_000, 3_600_000])
async def test_a12_a_clock_that_is_set_frees_no_place(world: World, step_ms: int) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(5, 60_000),))
    provider = ScriptedProvider("bank", capabilities)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(15))))
    assert await calls_within(world, provider, 1_000) == 5
    world.clock.step(step_ms)
    assert await calls_within(world, provider, 58_000) == 0
    assert await calls_within(world, provider, 2_000) == 5


async def test_a12_a_clock_that_is_set_ends_no_cooldown(world: World) -> None:
    provider = ScriptedProvider("bank", script=Sick())
    await trip(world, provider)
    world.clock.step(3_600_000)
    assert await calls_within(world, provider, 59_000) == 0
    assert await calls_within(world, provider, 2_000) == 1


async def test_a12_places_are_committed_before_they_are_used(world: World) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(5, 60_000),))
    provider = ScriptedProvider("bank", capabilities, clock=world.clock)
    await world.start(Till(), providers=[provider])
    world.store.faults.hold("system/0")
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.clock.settle()
    assert provider.calls == []
    world.store.faults.release("system/0")
    await world.until_state("till", "a", lambda bill: bill.heard)


async def test_a12_one_full_partition_does_not_hold_all_places(world: World) -> None:
    capabilities = Capabilities(takes_key=True, in_flight_max=2)
    provider = ScriptedProvider("bank", capabilities, lambda call: Hangs() if "hang" in call.key else Succeeded("{}"))
    await world.start(Till(), providers=[provider], counts={"till": 2})
    routes = world.engine.routes
    full, other = (next(k for k in map(str, range(99)) if routes.partition("till", k) == n) for n in (0, 1))
    await world.engine.ask("till", Pay(full, tuple(f"hang{n}" for n in range(10))))
    await world.engine.ask("till", Pay(other, ("k",)))
    bill = await world.until_state("till", other, lambda bill: bill.heard, 100)
    assert bill.heard == ("0 succeeded",)
    assert provider.hanging == 2


async def test_a_provider_that_hangs_does_not_delay_another(world: World) -> None:
    bank = ScriptedProvider("bank", script=lambda _call: Hangs())
    post = ScriptedProvider("post")
    await world.start(Till(), providers=[bank, post])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(100)), provider="bank"))
    await world.engine.ask("till", Pay("b", tuple(f"k{n}" for n in range(100)), provider="post"))
    bill = await world.until_state("till", "b", lambda bill: len(bill.heard) == 100, 100)
    assert len(bill.heard) == 100


@pytest.mark.parametrize("held", ["open", "refused"])
async def test_a_call_that_needs_a_place_waits_for_the_system_partition_whatever_is_the_matter_with_it(
    world: World, held: str
) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(1, 1_000),))
    broken = [False]
    action = "fail_unwritten" if held == "open" else "refuse"
    breaks = Fault(action, when=lambda address, _commit: address == "system/0" and broken[0])  # type: ignore[arg-type]
    provider = ScriptedProvider("bank", capabilities)
    await world.start(Till(), providers=[provider], faults=[breaks])
    world.store.faults.hold("system/0", "open")
    await world.engine.ask("till", Pay("a", ("k1",)))
    await world.until_state("till", "a", lambda bill: bill.heard)
    broken[0] = True
    await world.engine.ask("till", Pay("b", ("k2", "k3")))
    await world.clock.advance(5_000)
    broken[0] = False
    world.store.faults.release("system/0", "open")
    await world.until_state("till", "b", lambda bill: len(bill.heard) == 2)


async def test_a_pool_waits_for_a_system_partition_that_is_being_reopened(world: World) -> None:
    capabilities = Capabilities(takes_key=True, rates=(Rate(5, 60_000),))
    provider = ScriptedProvider("bank", capabilities)
    breaks = Fault("fail_unwritten", when=lambda address, _commit: address == "system/0" and broken[0])
    broken = [True]
    await world.start(Till(), providers=[provider], faults=[breaks])
    world.store.faults.hold("system/0", "close")
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.clock.advance(1_000)  # asked again meanwhile
    broken[0] = False
    world.store.faults.release("system/0", "close")
    await world.until_state("till", "a", lambda bill: bill.heard)
    assert world.engine.statistics().partitions["system/0"].restarts == 1


async def test_a_slow_call_is_counted_and_named(world: World, caplog: pytest.LogCaptureFixture) -> None:
    provider = ScriptedProvider("bank", script=lambda _call: Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k1",), "patient"))
    await world.until(lambda: provider.hanging == 1)
    await world.clock.advance(SLOW_CALL_MS)
    provider.release()
    bill = await world.until_state("till", "a", lambda bill: bill.heard == ("0 succeeded",))
    assert world.engine.statistics().pools["bank"].slow == 1
    (record,) = [record for record in caplog.records if "took" in record.message]
    assert record.message == f"bank charge of a took {SLOW_CALL_MS} ms"
    assert record.effect == bill.effects[0]  # type: ignore[attr-defined]


async def test_what_is_urgent_does_not_wait_behind_all_that_waits_for_a_place_in_the_window(world: World) -> None:
    capabilities = Capabilities(takes_key=True, in_flight_max=8, rates=(Rate(1, 1_000),))
    provider = ScriptedProvider("bank", capabilities, clock=world.clock)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"bulk{n}" for n in range(100)), bulk=True))
    await world.until(lambda: len(provider.calls) == 2)
    for entity in ("b", "c"):
        began_ms = world.clock.now_ms()
        await world.engine.ask("till", Pay(entity, (f"urgent {entity}",)))
        await world.until_state("till", entity, lambda bill: bill.heard == ("0 succeeded",))
        assert world.clock.now_ms() - began_ms <= 2_100, "the next place is its own"
    assert len(provider.calls) < 8
