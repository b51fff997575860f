"""Effects at a provider that takes keys: from the commit that starts one to its verdict."""

import asyncio
import json

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.dead_letters import DEAD_LETTERS, ReplayLetter
from sagamore.engine.effect import Capabilities, Declined, EffectOutcome, NotReached, Succeeded, Throttled, Unknown
from sagamore.engine.errors import UnknownKind
from sagamore.engine.limits import Limits
from sagamore.engine.message import encode
from sagamore.engine.policy import HOUR_MS
from sagamore.engine.testing import Hangs, Lost, Raises, ScriptedProvider
from tests.engine.actors import Bill, Charge, Pay, Till, Withdraw
from tests.engine.world import World

KEYED = Capabilities(takes_key=True)
READABLE = Capabilities(takes_key=True, look_up=True, settle_ms=2_000)


def bank(*script: object, capabilities: Capabilities = KEYED, **more: object) -> ScriptedProvider:
    return ScriptedProvider("bank", capabilities, script, **more)  # type: ignore[arg-type]


async def paid(world: World, provider: ScriptedProvider, *, policy: str = "", keys: tuple[str, ...] = ("k",)) -> Bill:
    """Pay and let time pass until the last effect has ended; what was heard."""
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", keys, policy))
    return await ended(world)


async def ended(world: World) -> Bill:
    ends = ("succeeded", "refused", "withdrawn", "parked")
    bill = await world.until_state("till", "a", lambda bill: bill.heard and bill.heard[-1].split()[1] in ends)
    assert isinstance(bill, Bill)
    return bill


async def test_an_effect_is_called_after_the_commit_and_its_outcome_comes_back(world: World) -> None:
    provider = bank(Succeeded('{"id":1}'))
    bill = await paid(world, provider)
    assert bill.heard == ("0 succeeded",)
    assert provider.ledger == {"k": 1}
    (call,) = provider.calls
    assert (call.operation, call.key, call.correlation, call.attempt) == ("charge", "k", "a", 1)
    assert json.loads(call.request) == json.loads(encode(Charge("a", "k")))


async def test_a_refusal_is_a_verdict(world: World) -> None:
    provider = bank(Declined('{"code":"card_declined"}'))
    assert (await paid(world, provider)).heard == ("0 refused",)
    assert len(provider.calls) == 1


async def test_key_and_bytes_are_identical_between_attempts_and_restarts(world: World) -> None:
    provider = bank(Unknown("500"), Lost(), NotReached("refused"), Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until(lambda: len(provider.calls) == 2)
    await world.kill()
    await world.start()
    await ended(world)
    assert len(provider.calls) >= 3
    assert {(call.key, call.request) for call in provider.calls} == {("k", provider.calls[0].request)}
    assert provider.ledger == {"k": 1}


async def test_an_effect_under_a_policy_that_its_actor_does_not_have_is_refused_by_name(world: World) -> None:
    engine = await world.start(Till(), providers=[bank()])
    with pytest.raises(
        UnknownKind, match=r"policy is 'seldom'; till has '', 'again', 'ends', 'often', 'patient', 'short', 'twice'"
    ):
        await engine.ask("till", Pay("a", ("k",), "seldom"))
    assert await engine.read("till", "a") is None


async def test_an_effect_whose_policy_a_later_release_has_no_more_goes_on_under_the_default(world: World) -> None:
    class Later(Till, Actor[Bill, Pay | Withdraw | EffectOutcome], kind="till"):
        effect_policies = {"": Till.effect_policies[""]}  # noqa: RUF012

    provider = bank(Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",), "short"))
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    await world.start(Later())
    assert (await ended(world)).heard == ("0 succeeded",)


async def test_an_unknown_outcome_is_news_and_then_resolved_with_the_same_key(world: World) -> None:
    provider = bank(Lost())
    assert (await paid(world, provider)).heard == ("0 unknown", "0 succeeded")
    assert [call.attempt for call in provider.calls] == [1, 2]
    assert provider.ledger == {"k": 1}


async def test_an_unknown_outcome_is_news_even_after_a_call_that_did_not_reach_the_provider(world: World) -> None:
    provider = bank(NotReached("no route"), Lost())
    assert (await paid(world, provider)).heard == ("0 unknown", "0 succeeded")


async def test_whatever_a_provider_raises_is_unknown(world: World) -> None:
    provider = bank(Raises(ValueError("?")))
    assert (await paid(world, provider)).heard == ("0 unknown", "0 succeeded")


async def test_a_call_that_hangs_times_out_as_unknown(world: World) -> None:
    provider = bank(Hangs())
    before_ms = world.clock.now_ms()
    assert (await paid(world, provider)).heard == ("0 unknown", "0 succeeded")
    assert world.clock.now_ms() - before_ms >= 1_000
    provider.release()
    assert provider.ledger == {"k": 1}


async def test_not_reached_is_tried_again_with_backoff_and_is_no_news(world: World) -> None:
    provider = bank(NotReached("no route"), NotReached("no route"), clock=world.clock)
    assert (await paid(world, provider)).heard == ("0 succeeded",)
    first, second, third = provider.arrivals_ms
    assert 50 <= second - first <= 100
    assert 100 <= third - second <= 200


async def test_throttled_waits_as_told_and_costs_no_attempt(world: World) -> None:
    provider = bank(*[Throttled(700)] * 10, clock=world.clock)
    assert (await paid(world, provider)).heard == ("0 succeeded",)
    assert {call.attempt for call in provider.calls} == {1}
    gaps = [b - a for a, b in zip(provider.arrivals_ms, provider.arrivals_ms[1:], strict=False)]
    assert min(gaps) >= 700


async def test_throttled_obeys_the_deadline(world: World) -> None:
    provider = bank(*[Throttled(700)] * 100)
    assert (await paid(world, provider, policy="short")).heard == ("0 parked",)
    assert len(provider.calls) <= 8


async def test_throttled_beyond_the_deadline_ends_at_the_deadline_for_those_that_wait_too(world: World) -> None:
    provider = bank(*[Throttled(HOUR_MS)] * 100, capabilities=Capabilities(takes_key=True, in_flight_max=1))
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k1", "k2"), "short"))
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 2, 5_100)
    assert sorted(bill.heard) == ["0 parked", "1 parked"]
    assert len(provider.calls) == 1


async def test_b16_attempts_used_up_are_parked_never_failed(world: World) -> None:
    provider = bank(*[Unknown("500")] * 100)
    bill = await paid(world, provider, policy="twice")
    assert bill.heard == ("0 unknown", "0 parked")
    assert len(provider.calls) == 2
    (letter,) = await world.letters()
    assert (letter.effect, letter.address) == (bill.effects[0], "till/0")


async def test_a_parked_effect_is_called_again_when_its_letter_is_replayed(world: World) -> None:
    provider = bank(*[Unknown("500")] * 2)
    await paid(world, provider, policy="twice")
    (letter,) = await world.letters()
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    bill = await world.until_state("till", "a", lambda bill: len(bill.heard) == 4)
    assert bill.heard == ("0 unknown", "0 parked", "0 retried", "0 succeeded")
    assert provider.ledger == {"k": 1}


async def test_a08_an_effect_that_parks_again_returns_to_the_same_letter(world: World) -> None:
    provider = bank(*[Unknown("500")] * 4)
    await paid(world, provider, policy="twice")
    (letter,) = await world.letters()
    await world.engine.ask(DEAD_LETTERS, ReplayLetter(letter.id, "ann"))
    await world.until(lambda: bool(world.engine.alerts()))
    (again,) = await world.letters()
    assert (again.id, again.status, again.replays) == (letter.id, "WAITING", 1)


async def test_what_is_read_from_the_provider_is_a_verdict(world: World) -> None:
    provider = bank(Lost(), *[Unknown("500")] * 100, capabilities=READABLE)
    assert (await paid(world, provider)).heard == ("0 unknown", "0 succeeded")
    assert len(provider.look_ups) == 1
    assert len(provider.calls) == 2


async def test_b18_an_empty_look_up_is_not_believed_before_the_settling_time(world: World) -> None:
    provider = bank(Hangs(), Unknown("500"), capabilities=READABLE)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",), "twice"))
    await world.until(lambda: len(provider.look_ups) == 1)
    provider.release()  # the first request was still under way at the provider
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")
    assert provider.ledger == {"k": 1}


async def test_b18_the_settling_time_begins_anew_after_a_death_for_an_attempt_that_was_not_the_first(
    world: World,
) -> None:
    readable = Capabilities(takes_key=True, look_up=True, settle_ms=2_000, key_ttl_ms=20_000)
    provider = bank(Unknown("500"), Hangs(), capabilities=readable)
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    await world.clock.advance(11_000)  # nothing may be sent any more
    await world.start()
    await world.until(lambda: len(provider.look_ups) == 1)
    provider.release()  # the second attempt was still under way at the provider
    assert (await ended(world)).heard == ("0 unknown", "0 succeeded")


async def test_as_many_look_ups_without_an_answer_as_attempts_and_it_is_parked(world: World) -> None:
    lost = [Raises(ConnectionResetError("the answer is lost"))] * 100
    provider = bank(*[Unknown("500")] * 100, capabilities=READABLE, look_up_script=lost)
    assert (await paid(world, provider, policy="twice")).heard == ("0 unknown", "0 parked")
    assert (len(provider.calls), len(provider.look_ups)) == (2, 2)


async def test_an_empty_look_up_after_the_settling_time_parks_what_has_no_attempts_left(world: World) -> None:
    provider = bank(*[Unknown("500")] * 2, capabilities=READABLE)
    assert (await paid(world, provider, policy="twice")).heard == ("0 unknown", "0 parked")
    assert len(provider.calls) == 2


async def test_b17_nothing_is_sent_again_after_half_of_the_keys_lifetime(world: World) -> None:
    capabilities = Capabilities(takes_key=True, key_ttl_ms=4_000)
    provider = bank(*[Unknown("500")] * 100, capabilities=capabilities, clock=world.clock)
    before_ms = world.clock.now_ms()
    assert (await paid(world, provider, policy="often")).heard == ("0 unknown", "0 parked")
    assert 1_000 < max(provider.arrivals_ms) - before_ms < 2_000


async def test_nothing_is_sent_again_after_the_deadline(world: World) -> None:
    provider = bank(*[Unknown("500")] * 100, clock=world.clock)
    before_ms = world.clock.now_ms()
    assert (await paid(world, provider, policy="often")).heard == ("0 unknown", "0 parked")
    assert 4_000 < max(provider.arrivals_ms) - before_ms < 5_000


async def test_b17_the_keys_lifetime_goes_on_while_nobody_runs(world: World) -> None:
    provider = bank(Unknown("500"), capabilities=Capabilities(takes_key=True, key_ttl_ms=HOUR_MS))
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.clock.settle()
    await world.kill()
    await world.clock.advance(HOUR_MS)
    await world.start()
    assert (await ended(world)).heard == ("0 unknown", "0 parked")
    assert len(provider.calls) == 1


async def test_after_an_unclean_start_keyed_effects_are_called_again_with_the_same_key(world: World) -> None:
    provider = bank(Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    provider.release()
    await world.start()
    assert (await ended(world)).heard[-1] == "0 succeeded"
    assert [call.key for call in provider.calls] == ["k", "k"]
    assert provider.ledger == {"k": 1}


async def test_an_effect_that_waits_for_a_place_can_be_withdrawn_in_time(world: World) -> None:
    provider = bank(Hangs(), capabilities=Capabilities(takes_key=True, in_flight_max=1))
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k1", "k2")))
    await world.until(lambda: provider.hanging == 1)
    waiting = 1 if provider.calls[0].key == "k1" else 0
    await world.engine.ask("till", Withdraw("a", waiting))
    bill = await world.until_state("till", "a", lambda bill: bill.heard)
    assert bill.heard == (f"{waiting} withdrawn",)
    provider.release()
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 2)
    assert len(provider.calls) == 1


async def test_an_effect_under_way_is_withdrawn_too_late_and_its_real_outcome_comes(world: World) -> None:
    provider = bank(Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k",)))
    await world.engine.ask("till", Withdraw("a"))
    await world.clock.settle()
    provider.release()
    assert (await ended(world)).heard == ("0 succeeded",)


@pytest.mark.parametrize("stopped_since", [False, True])
async def test_a03_after_a_death_no_effect_with_a_key_can_be_withdrawn_for_all_may_have_been_called(
    world: World, stopped_since: bool
) -> None:
    provider = ScriptedProvider("bank", Capabilities(takes_key=True, in_flight_max=1), lambda _call: Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", ("k1", "k2", "k3")))
    await world.until(lambda: provider.hanging == 1)
    await world.kill()
    await world.start(limits=Limits(stop_timeout_ms=1))
    if stopped_since:
        await world.until(lambda: provider.hanging == 2)
        stop = asyncio.create_task(world.stop())
        await world.until(stop.done)
        await world.start()
    await world.until(lambda: provider.hanging == 2 + stopped_since)
    for n in range(3):
        await world.engine.ask("till", Withdraw("a", n))
    await world.clock.settle()
    assert not any("withdrawn" in heard for heard in (await world.state("till", "a", Bill)).heard)
    provider.script = []
    provider.release()
    bill = await world.until_state("till", "a", lambda bill: sum("succeeded" in heard for heard in bill.heard) == 3)
    assert not any("withdrawn" in heard for heard in bill.heard)


async def test_a_call_cut_off_by_a_stop_can_no_longer_be_withdrawn(world: World) -> None:
    """Else it is cancelled and paid: the provider had it, and nobody heard the answer."""
    capabilities = Capabilities(takes_key=True, in_flight_max=1)
    provider = ScriptedProvider("bank", capabilities, lambda _call: Hangs())
    engine = await world.start(Till(), providers=[provider], limits=Limits(stop_timeout_ms=100))
    for n in range(20):  # until there are two that sort on disk in another order than they were started in
        bill = await engine.ask("till", Pay(f"e{n}", (f"{n}-first", f"{n}-second")))
        assert isinstance(bill, Bill)
        await world.until(lambda: provider.hanging == 1)
        if bill.effects[0] > bill.effects[1]:
            break
        provider.release()
        await world.until(lambda: provider.hanging == 1)
        provider.release()
        await world.clock.settle()
    assert provider.calls[-1].key == f"{n}-first"
    stop = asyncio.create_task(world.stop())
    await world.until(stop.done)
    provider.release()  # the provider did it
    assert provider.ledger[f"{n}-first"] == 1
    await world.start()
    await world.until(lambda: provider.hanging == 1)
    assert provider.calls[-1].key == f"{n}-second"
    await world.engine.ask("till", Withdraw(f"e{n}", 0))
    await world.clock.settle()
    assert (await world.state("till", f"e{n}", Bill)).heard == ("0 unknown",)


@pytest.mark.parametrize("takes_key", [True, False])
async def test_no_more_calls_are_under_way_than_there_are_places(world: World, takes_key: bool) -> None:
    capabilities = Capabilities(takes_key=takes_key, in_flight_max=2)
    provider = ScriptedProvider("bank", capabilities, lambda _call: Hangs())
    await world.start(Till(), providers=[provider])
    await world.engine.ask("till", Pay("a", tuple(f"k{n}" for n in range(10))))
    await world.clock.settle()
    assert provider.hanging == 2
    for _ in range(5):
        provider.release()
        await world.clock.settle()
        assert provider.hanging <= 2
    await world.until_state("till", "a", lambda bill: len(bill.heard) == 10)


@pytest.mark.parametrize("kill", [True, False])
async def test_many_pending_effects_wait_on_disk_and_each_is_done_once(world: World, kill: bool) -> None:
    provider = bank(capabilities=Capabilities(takes_key=True, in_flight_max=4))
    await world.start(Till(), providers=[provider], limits=Limits(due_rows_max=8))
    keys = tuple(f"k{n}" for n in range(100))
    for n in range(10):
        await world.engine.ask("till", Pay(f"e{n}", keys[n * 10 : n * 10 + 10]))
    if kill:
        await world.kill()
        await world.start()
    for n in range(10):
        await world.until_state("till", f"e{n}", lambda bill: len(bill.heard) == 10)
    assert provider.ledger == dict.fromkeys(keys, 1)
