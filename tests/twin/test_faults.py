"""Faults on request: what each one does to the money and to the answer."""

import asyncio

import aiohttp
import pytest

from tests.twin.client import Client, ManualClock, client_of


async def test_a_lost_answer_charges_drops_the_connection_and_is_replayed(client: Client) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.pay("pm_lost", key="k")
    assert [payment["status"] for payment in await client.payments()] == ["captured"]
    again = await client.pay("pm_lost", key="k")
    assert (again.status, again["status"], again.replayed) == (200, "captured", True)
    assert len(await client.payments()) == 1


async def test_an_error_before_charges_nothing_and_is_replayed_for_ever(client: Client) -> None:
    assert [(await client.pay("pm_500_before", key="k")).status for _ in range(3)] == [500, 500, 500]
    assert await client.payments() == []


async def test_an_error_before_that_is_not_stored_goes_through_at_the_second_try(client: Client) -> None:
    await client.set_faults(error_before_stored=False)
    assert [(await client.pay("pm_500_before", key="k")).status for _ in range(3)] == [500, 200, 200]
    assert len(await client.payments()) == 1


async def test_an_error_after_has_charged_and_is_replayed_for_ever(client: Client) -> None:
    assert [(await client.pay("pm_500_after", key="k")).status for _ in range(2)] == [500, 500]
    assert [payment["status"] for payment in await client.payments()] == ["captured"]


async def test_a_slow_charge_shows_in_no_read_before_it_lands_although_its_client_has_gone(client: Client) -> None:
    await client.set_faults(slow_ms=600)
    async with client_of(client.url) as other:
        gone = asyncio.create_task(other.pay("pm_slow", key="k"))
        await client.until_under_way()
        assert await client.payments() == []
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(5):
        while not await client.payments():
            pass
        while (await client.pay("pm_slow", key="k")).status == 409:
            pass
    assert (await client.pay("pm_slow", key="k")).replayed
    assert len(await client.payments()) == 1


async def test_a_throttled_request_does_nothing_and_says_when_to_come_back(client: Client) -> None:
    await client.set_faults(throttle=1, retry_after_ms=1_500)
    reply = await client.pay(key="k")
    assert (reply.status, reply["code"], reply["retry_after_ms"], reply.retry_after) == (429, "throttled", 1500, "2")
    assert (await client.get("/v1/payments?reference=ORD-1")).status == 429
    await client.set_faults()
    assert not (await client.pay(key="k")).replayed


async def test_a_read_that_fails_is_an_error_and_not_an_empty_list(client: Client) -> None:
    payment = (await client.pay())["id"]
    await client.set_faults(error_read=1)
    assert (await client.get("/v1/payments?reference=ORD-1")).status == 500
    assert (await client.get(f"/v1/payments/{payment}")).status == 500


async def test_a_refund_that_fails_later_frees_its_amount_and_is_told(client: Client, clock: ManualClock) -> None:
    await client.set_faults(refund_fails_later=1, refund_fails_after_ms=5_000)
    payment = (await client.pay())["id"]
    pending = await client.operate(payment, "refunds", refund_id="r1", amount=1000)
    assert (pending.status, pending["status"]) == (200, "pending")
    assert (await client.account())["net"] == 0
    clock.ms += 4_999
    assert await client.events() == []
    clock.ms += 1
    [event] = await client.events()
    assert (event["type"], event["refund"]["refund_id"], event["payment"]["refunded"]) == ("refund.failed", "r1", 0)
    assert [refund["status"] for refund in (await client.get(f"/v1/payments/{payment}/refunds"))["refunds"]] == [
        "failed"
    ]
    assert (await client.account())["net"] == 1000
    await client.set_faults()
    assert (await client.operate(payment, "refunds", refund_id="r2", amount=1000))["status"] == "succeeded"


async def test_captures_and_refunds_can_be_refused(client: Client) -> None:
    captured, authorised = (await client.pay())["id"], await client.authorise(reference="ORD-2")
    await client.set_faults(refuse_capture=1, refuse_refund=1)
    refund = await client.operate(captured, "refunds", refund_id="r1", amount=1)
    assert (refund.status, refund["status"], refund["code"]) == (402, "refused", "refund_refused")
    assert (await client.account())["net"] == 1000
    capture = await client.operate(authorised, "capture", amount=1000)
    assert (capture.status, capture["status"], capture["code"]) == (402, "refused", "capture_refused")
    assert (await client.account("ORD-2"))["live_authorisations"] == 0


async def test_payments_that_wait_settle_by_themselves_when_told_to(client: Client, clock: ManualClock) -> None:
    await client.set_faults(settles_after_ms=2_000)
    await client.pay("pm_action")
    await client.pay("pm_pending", reference="ORD-2", capture=False)
    clock.ms += 2_000
    assert [event["type"] for event in await client.events()] == ["payment.captured", "payment.authorised"]
    assert (await client.payments())[0]["status"] == "captured"


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_same_seed_draws_the_same_faults_by_their_shares(client: Client, seed: int) -> None:
    shares = {"lost_answer": 0.1, "error_before": 0.1, "error_after": 0.1, "refuse": 0.2, "action": 0.1, "pending": 0.1}

    async def run(name: str) -> list[str]:
        await client.set_faults(seed=seed, **shares)
        seen = []
        for number in range(300):
            try:
                reply = await client.pay("pm_card", reference=f"{name}-{number}")
                seen.append(reply["code"] if reply.status >= 400 else reply["status"])
            except aiohttp.ClientConnectionError:
                seen.append("lost")
        return seen

    first, second = await run("A"), await run("B")
    assert first == second
    kinds = {kind: first.count(kind) for kind in set(first)}
    assert kinds.keys() == {"lost", "server_error", "card_declined", "action_required", "pending", "captured"}, kinds
    assert 15 <= kinds["lost"] <= 50, kinds
    assert 35 <= kinds["server_error"] <= 90, kinds
    assert (await client.get("/v1/statistics"))["faults"]["lost_answer"] == 2 * kinds["lost"]


async def test_another_seed_draws_other_faults(client: Client) -> None:
    async def statuses(seed: int) -> list[int]:
        await client.set_faults(seed=seed, refuse=0.5)
        return [(await client.pay("pm_card", reference=f"{seed}-{number}")).status for number in range(40)]

    assert await statuses(1) != await statuses(2)


async def test_a_forced_method_meets_no_other_fault(client: Client) -> None:
    await client.set_faults(lost_answer=1, refuse=1, slow=1, slow_ms=60_000)
    assert (await client.pay("pm_ok"))["status"] == "captured"
    assert (await client.pay("pm_action"))["status"] == "action_required"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lost_answer": 1.5}, "lost_answer"),
        ({"lost_answer": 0.6, "error_after": 0.6}, "lost_answer + error_before + error_after is 1.2"),
        ({"refuse": 0.5, "action": 0.4, "pending": 0.2}, "refuse + action + pending is 1.1"),
        ({"slow_ms": -1}, "slow_ms"),
        ({"lostanswer": 0.1}, "lostanswer"),
    ],
)
async def test_faults_that_cannot_be_are_refused_and_change_nothing(
    client: Client, settings: dict[str, object], says: str
) -> None:
    await client.set_faults(seed=7)
    reply = await client.set_faults(**settings)
    assert reply.status == 400
    assert says in reply["message"]
    assert (await client.get("/v1/faults"))["seed"] == 7
