"""The judge: totals, accounts, and the rules that a merchant may break."""

import pytest

from tests.twin.client import Client, ManualClock


async def test_an_honest_merchant_breaks_no_rule(client: Client) -> None:
    await client.pay("pm_refused")
    await client.pay()
    void = await client.authorise(reference="ORD-2")
    await client.operate(void, "void")
    second = (await client.pay(reference="ORD-2", amount=500))["id"]
    await client.operate(second, "refunds", refund_id="r", amount=500)
    await client.pay(reference="ORD-2", amount=500)
    await client.authorise(reference="ORD-3", currency="EUR", amount=70)
    assert await client.rules_broken() == []
    assert (await client.get("/v1/ledger")).body == {
        "totals": {
            "GBP": {
                "captured": 2000,
                "refunded": 500,
                "voided": 1000,
                "net": 1500,
                "charges": 3,
                "live_authorisations": 0,
                "payments": 5,
            },
            "EUR": {
                "captured": 0,
                "refunded": 0,
                "voided": 0,
                "net": 0,
                "charges": 0,
                "live_authorisations": 1,
                "payments": 1,
            },
        }
    }
    account = await client.account("ORD-2")
    assert account == {
        "captured": 1000,
        "refunded": 500,
        "voided": 1000,
        "net": 500,
        "charges": 2,
        "live_authorisations": 0,
        "payments": 3,
        "currency": "GBP",
    }


async def test_a_second_charge_is_a_violation_and_stays_one_after_its_refund(client: Client) -> None:
    await client.pay()
    second = (await client.pay())["id"]
    assert await client.rules_broken() == [
        ("ORD-1", "double_charge"),
        ("ORD-1", "overlap"),
        ("ORD-1", "net_exceeds_amount"),
    ]
    await client.operate(second, "refunds", refund_id="r", amount=1000)
    assert await client.rules_broken() == [("ORD-1", "overlap")]


async def test_a_hold_beside_a_charge_is_a_violation(client: Client) -> None:
    await client.authorise()
    await client.pay()
    assert await client.rules_broken() == [("ORD-1", "double_charge"), ("ORD-1", "overlap")]


async def test_a_charge_whose_answer_was_an_error_counts(client: Client) -> None:
    await client.pay("pm_500_after", key="one")
    await client.pay("pm_500_after", key="two")
    assert ("ORD-1", "double_charge") in await client.rules_broken()


async def test_late_money_beside_a_charge_is_to_be_undone_but_no_overlap(client: Client) -> None:
    first = (await client.pay("pm_pending"))["id"]
    await client.operate(first, "void")
    await client.pay()
    await client.operate(first, "complete", outcome="captured", late=True)
    assert await client.rules_broken() == [("ORD-1", "double_charge"), ("ORD-1", "net_exceeds_amount")]
    await client.operate(first, "refunds", refund_id="r", amount=1000)
    assert await client.rules_broken() == []


@pytest.mark.parametrize("faults", [{}, {"refund_fails_later": 1, "refund_fails_after_ms": 1}])
async def test_a_refund_paid_out_twice_under_one_refund_id_is_a_violation(
    client: Client, clock: ManualClock, faults: dict[str, int]
) -> None:
    await client.set_faults(**faults)
    payment = (await client.pay())["id"]
    await client.operate(payment, "refunds", key="one", refund_id="r", amount=100)
    assert await client.rules_broken() == []
    await client.operate(payment, "refunds", key="two", refund_id="r", amount=100)
    assert await client.rules_broken() == [("ORD-1", "refund_repeated")]


async def test_a_refund_repeated_after_it_failed_is_none(client: Client, clock: ManualClock) -> None:
    payment = (await client.pay())["id"]
    await client.set_faults(refund_fails_later=1, refund_fails_after_ms=1)
    await client.operate(payment, "refunds", refund_id="r", amount=100)
    clock.ms += 1
    await client.set_faults()
    await client.operate(payment, "refunds", refund_id="r", amount=100)
    assert await client.rules_broken() == []


async def test_two_currencies_under_one_reference_are_a_violation(client: Client) -> None:
    payment = (await client.pay())["id"]
    await client.operate(payment, "refunds", refund_id="r", amount=1000)
    await client.pay(currency="EUR")
    assert await client.rules_broken() == [("ORD-1", "mixed_currencies")]


async def test_statistics_count_requests_outcomes_faults_and_replays(client: Client) -> None:
    payment = (await client.pay(key="k"))["id"]
    await client.pay(key="k")
    await client.pay("pm_refused")
    await client.pay("pm_500_before")
    await client.operate(payment, "void")
    await client.operate(payment, "refunds", refund_id="r", amount=1)
    await client.get("/v1/payments/none")
    assert (await client.get("/v1/statistics")).body == {
        "requests": 7,
        "under_way": 0,
        "keys": 5,
        "outcomes": {"payment.captured": 1, "payment.refused": 1, "void.refused": 1, "refund.succeeded": 1},
        "faults": {"refuse": 1, "error_before": 1},
        "replays": 1,
        "conflicts": 0,
        "rejected": {"not_found": 1},
    }
