"""What the provider does with payments, captures, voids and refunds."""

from typing import Any

import pytest

from tests.twin.client import DAY_MS, Client, ManualClock


async def test_a_charge_is_captured_and_listed_under_its_reference(client: Client) -> None:
    reply = await client.pay(metadata={"attempt": "1"})
    assert reply.status == 200
    assert reply.body == {
        "id": reply["id"],
        "reference": "ORD-1",
        "status": "captured",
        "amount": 1000,
        "captured": 1000,
        "refunded": 0,
        "currency": "GBP",
        "method": "pm_ok",
        "capture": True,
        "metadata": {"attempt": "1"},
    }
    assert await client.payments() == [reply.body]
    assert (await client.get(f"/v1/payments/{reply['id']}")).body == reply.body
    assert await client.payments("ORD-2") == []


async def test_a_refused_card_is_a_402_with_the_payment_as_its_body(client: Client) -> None:
    reply = await client.pay("pm_refused")
    assert (reply.status, reply["status"], reply["code"]) == (402, "refused", "card_declined")
    assert await client.payments() == [reply.body]
    assert (await client.account())["charges"] == 0


async def test_an_authorisation_says_until_when_it_can_be_captured(client: Client) -> None:
    reply = await client.pay(capture=False)
    assert (reply["status"], reply["captured"]) == ("authorised", 0)
    assert reply["capture_before"] == "2026-01-08T00:00:00.000Z"
    assert (await client.account())["live_authorisations"] == 1


async def test_a_capture_takes_once_and_at_most_what_was_authorised(client: Client) -> None:
    payment = await client.authorise()
    too_much = await client.operate(payment, "capture", amount=1001)
    assert (too_much.status, too_much["code"], too_much["status"]) == (402, "capture_exceeds", "authorised")
    captured = await client.operate(payment, "capture", amount=900)
    assert (captured.status, captured["status"], captured["captured"]) == (200, "captured", 900)
    again = await client.operate(payment, "capture", amount=100)
    assert (again.status, again["code"], again["captured"]) == (402, "already_captured", 900)


async def test_what_was_voided_cannot_be_captured_and_may_be_voided_again(client: Client) -> None:
    payment = await client.authorise()
    voided = await client.operate(payment, "void")
    assert (voided.status, voided["status"]) == (200, "voided")
    assert (await client.operate(payment, "void")).body == voided.body
    capture = await client.operate(payment, "capture", amount=1000)
    assert (capture.status, capture["code"]) == (402, "voided")
    account = await client.account()
    assert (account["voided"], account["net"], account["live_authorisations"]) == (1000, 0, 0)


async def test_voiding_a_captured_payment_is_refused_and_says_how_much_was_captured(client: Client) -> None:
    payment = (await client.pay())["id"]
    void = await client.operate(payment, "void")
    assert (void.status, void["code"], void["captured"]) == (402, "already_captured", 1000)
    assert (await client.account())["net"] == 1000


async def test_an_authorisation_lapses_by_itself_and_is_told_as_an_event(client: Client, clock: ManualClock) -> None:
    payment = await client.authorise()
    clock.ms += 7 * DAY_MS - 1
    assert (await client.payments())[0]["status"] == "authorised"
    clock.ms += 1
    assert (await client.payments())[0]["status"] == "lapsed"
    capture = await client.operate(payment, "capture", amount=1000)
    assert (capture.status, capture["code"]) == (402, "lapsed")
    assert (await client.operate(payment, "void")).status == 200
    assert [event["type"] for event in await client.events()] == ["payment.lapsed"]
    account = await client.account()
    assert (account["voided"], account["live_authorisations"]) == (1000, 0)


async def test_only_an_authorisation_lapses(client: Client, clock: ManualClock) -> None:
    payment = await client.authorise()
    await client.operate(payment, "capture", amount=1000)
    await client.operate(await client.authorise(), "void")
    await client.pay("pm_refused", capture=False)
    await client.pay("pm_action", capture=False)
    clock.ms += 8 * DAY_MS
    statuses = [payment["status"] for payment in await client.payments()]
    assert statuses == ["captured", "voided", "refused", "action_required"]
    assert await client.events() == []


async def test_refunds_stop_at_what_is_left_of_the_charge(client: Client) -> None:
    payment = (await client.pay())["id"]
    first = await client.operate(payment, "refunds", refund_id="r1", amount=600)
    assert first.status == 200
    assert first.body == {
        "id": first["id"],
        "refund_id": "r1",
        "payment": payment,
        "status": "succeeded",
        "amount": 600,
    }
    over = await client.operate(payment, "refunds", refund_id="r2", amount=401)
    assert (over.status, over["status"], over["code"]) == (402, "refused", "refund_exceeds")
    rest = await client.operate(payment, "refunds", refund_id="r3", amount=400)
    assert rest.status == 200
    assert (await client.get(f"/v1/payments/{payment}/refunds"))["refunds"] == [first.body, over.body, rest.body]
    account = await client.account()
    assert (account["captured"], account["refunded"], account["net"]) == (1000, 1000, 0)


async def test_nothing_can_be_refunded_of_what_was_not_captured(client: Client) -> None:
    payment = await client.authorise()
    refund = await client.operate(payment, "refunds", refund_id="r1", amount=1)
    assert (refund.status, refund["code"]) == (402, "refund_exceeds")


@pytest.mark.parametrize("method", ["pm_action", "pm_pending"])
@pytest.mark.parametrize(
    ("capture", "outcome", "status"),
    [(True, "captured", "captured"), (False, "captured", "authorised"), (True, "refused", "refused")],
)
async def test_the_customer_decides_a_payment_that_waits(
    client: Client, method: str, capture: bool, outcome: str, status: str
) -> None:
    reply = await client.pay(method, capture=capture)
    assert reply.status == 200
    assert reply["status"] == ("action_required" if method == "pm_action" else "pending")
    assert ("next_action" in reply.body) == (method == "pm_action")
    assert (await client.account())["net"] == 0
    completed = await client.operate(reply["id"], "complete", outcome=outcome)
    assert (completed.status, completed["status"]) == (200, status)
    assert "next_action" not in completed.body
    [event] = await client.events()
    assert (event["number"], event["type"], event["payment"]) == (1, f"payment.{status}", completed.body)
    again = await client.operate(reply["id"], "complete", outcome=outcome)
    assert (again.status, again["code"]) == (409, "not_completable")


async def test_a_payment_that_waits_can_be_voided_and_then_not_completed(client: Client) -> None:
    payment = (await client.pay("pm_action"))["id"]
    assert (await client.operate(payment, "void"))["status"] == "voided"
    assert (await client.operate(payment, "complete", outcome="captured")).status == 409


async def test_money_may_turn_up_after_all_was_over(client: Client) -> None:
    payment = (await client.pay("pm_pending"))["id"]
    await client.operate(payment, "void")
    late = await client.operate(payment, "complete", outcome="captured", late=True)
    assert (late["status"], late["captured"]) == ("captured", 1000)
    [event] = await client.events()
    assert (event["type"], event["late"]) == ("payment.captured", True)


async def test_events_are_numbered_and_read_on_from_any_number(client: Client) -> None:
    payments = [(await client.pay("pm_pending", reference=f"ORD-{n}"))["id"] for n in range(3)]
    for payment in payments:
        await client.operate(payment, "complete", outcome="captured")
    assert [event["number"] for event in await client.events()] == [1, 2, 3]
    assert [event["payment"]["id"] for event in await client.events(after=2)] == payments[2:]
    assert (await client.get("/v1/events?after=3")).body == {"events": [], "last": 3}


async def test_one_answer_holds_a_thousand_events(client: Client, clock: ManualClock) -> None:
    await client.set_faults(settles_after_ms=1)
    for number in range(1_001):
        await client.pay("pm_pending", reference=f"ORD-{number}")
    clock.ms += 1
    first = await client.get("/v1/events")
    assert (len(first["events"]), first["last"]) == (1_000, 1_000)
    assert [event["number"] for event in await client.events(after=1_000)] == [1_001]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 10.0}, "amount"),
        ({"amount": "10"}, "amount"),
        ({"amount": 2**53}, "amount"),
        ({"currency": "gbp"}, "currency"),
        ({"reference": ""}, "reference"),
        ({"capture": None}, "capture"),
        ({"amonut": 10}, "amonut"),
    ],
)
async def test_a_bad_request_names_its_field_and_uses_up_no_key(
    client: Client, change: dict[str, Any], says: str
) -> None:
    bad = await client.pay(key="k", **change)
    assert (bad.status, bad["code"]) == (400, "invalid_request")
    assert says in bad["message"]
    good = await client.pay(key="k")
    assert (good.status, good.replayed) == (200, False)


async def test_what_is_not_json_is_a_bad_request(client: Client) -> None:
    for data in (b"", b"{", b'{"reference":"\xff"}', b"[]"):
        assert (await client.send("POST", "/v1/payments", data, "k")).status == 400


async def test_an_unknown_payment_is_not_found(client: Client) -> None:
    assert (await client.get("/v1/payments/pay_9")).status == 404
    reply = await client.operate("pay_9", "void")
    assert (reply.status, reply["code"]) == (404, "not_found")
    assert (await client.get("/v1/payments")).status == 400
