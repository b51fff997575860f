"""Keys: the first answer is the only one."""

import asyncio

import pytest
from msgspec import Raw

from sagamore.twin.errors import Rejected
from sagamore.twin.idempotency import Answer, Keys, Stored
from tests.twin.client import DAY_MS, Client, ManualClock


@pytest.mark.parametrize("method", ["pm_ok", "pm_refused", "pm_action", "pm_pending", "pm_500_before", "pm_500_after"])
async def test_the_first_answer_to_a_key_is_replayed_byte_for_byte(client: Client, method: str) -> None:
    first = await client.pay(method, key="k")
    again = await client.pay(method, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert len(await client.payments()) == (0 if method == "pm_500_before" else 1)


async def test_a_replay_shows_the_payment_as_it_was_then(client: Client) -> None:
    first = await client.pay(key="k")
    await client.operate(first["id"], "refunds", refund_id="r1", amount=1000)
    assert (await client.pay(key="k"))["refunded"] == 0
    assert (await client.payments())[0]["refunded"] == 1000


async def test_every_operation_has_its_own_stored_answer(client: Client) -> None:
    payment = await client.authorise()
    for operation, body in (
        ("capture", {"amount": 1000}),
        ("refunds", {"refund_id": "r", "amount": 300}),
        ("void", {}),  # refused: the refusal is stored too
    ):
        first = await client.operate(payment, operation, key=operation, **body)
        again = await client.operate(payment, operation, key=operation, **body)
        assert (again.status, again.raw, again.replayed) == (first.status, first.raw, True)
    account = await client.account()
    assert (account["captured"], account["refunded"]) == (1000, 300)


async def test_a_key_that_comes_with_another_request_is_refused(client: Client) -> None:
    payment = await client.authorise()
    await client.operate(payment, "void", key="k")
    other = await client.authorise(reference="ORD-2")
    for reply in (
        await client.operate(other, "void", key="k"),
        await client.operate(payment, "capture", key="k", amount=1),
        await client.pay(key="k"),
    ):
        assert (reply.status, reply["code"], reply.replayed) == (400, "key_mismatch", False)
    assert (await client.operate(payment, "void", key="k")).replayed


async def test_the_order_of_fields_makes_no_other_request(client: Client) -> None:
    one = b'{"reference":"R","amount":5,"currency":"EUR","method":"pm_ok","capture":true,"metadata":{"a":"1","b":"2"}}'
    two = b'{"metadata":{"b":"2","a":"1"},"capture":true,"method":"pm_ok","currency":"EUR","amount":5, "reference":"R"}'
    first = await client.send("POST", "/v1/payments", one, "k")
    again = await client.send("POST", "/v1/payments", two, "k")
    assert (first.status, again.replayed, again.raw) == (200, True, first.raw)


@pytest.mark.parametrize(("key", "code"), [(None, "key_missing"), ("", "key_missing"), ("k" * 256, "key_too_long")])
async def test_a_request_without_a_usable_key_is_refused(client: Client, key: str | None, code: str) -> None:
    body = b'{"reference":"R","amount":5,"currency":"EUR","method":"pm_ok","capture":true}'
    reply = await client.send("POST", "/v1/payments", body, key)
    assert (reply.status, reply["code"]) == (400, code)
    assert await client.payments("R") == []


async def test_a_key_under_way_is_a_conflict_and_then_a_replay(client: Client) -> None:
    await client.set_faults(slow_ms=500)
    first = asyncio.create_task(client.pay("pm_slow", key="k"))
    await client.until_under_way()
    same = await client.pay("pm_slow", key="k")
    other = await client.pay("pm_slow", key="k", amount=2)
    assert (same.status, same["code"]) == (409, "key_in_use")
    assert (other.status, other["code"]) == (400, "key_mismatch")
    answer = await first
    again = await client.pay("pm_slow", key="k")
    assert (again.raw, again.replayed) == (answer.raw, True)
    statistics = await client.get("/v1/statistics")
    assert (statistics["conflicts"], statistics["replays"], statistics["under_way"]) == (1, 1, 0)


def test_a_key_is_under_way_until_its_answer_goes_out() -> None:
    keys, answer = Keys(DAY_MS), Answer(200, Raw(b"{}"))
    assert keys.begin("k", "pay 5") is None
    keys.store(Stored("k", "pay 5", 0, answer))
    with pytest.raises(Rejected) as rejected:
        keys.begin("k", "pay 5")
    assert (rejected.value.status, rejected.value.reason) == (409, "key_in_use")
    keys.end("k")
    assert keys.begin("k", "pay 5") == answer


async def test_after_its_lifetime_a_key_is_a_new_request(client: Client, clock: ManualClock) -> None:
    await client.pay(key="k")
    clock.ms += DAY_MS - 1
    assert (await client.pay(key="k")).replayed
    clock.ms += 1
    assert not (await client.pay(key="k")).replayed
    assert len(await client.payments()) == 2
    assert (await client.get("/v1/statistics"))["keys"] == 1
