"""The simulated provider keeps the contract, and its own promises: chance from a seed, flat memory, no waiting."""

import asyncio
from typing import Literal

import pytest

from sagamore.actors.orders.payment_provider import RefundRequest
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.engine.effect import Declined, Outcome, Unknown
from tests.payments.contract.suite import AMOUNT, ProviderContract, answered, charge, refund


class SimulatedBench:
    def __init__(self) -> None:
        self.provider = SimulatedPayments()

    async def decide(self, order_id: str, outcome: Literal["paid", "refused"]) -> None:
        self.provider.decide(f"{order_id}/1", outcome)

    async def lose_answers(self) -> None:
        self.provider.lose_answer = 1


class TestSimulatedPayments(ProviderContract):
    @pytest.fixture
    def bench(self) -> SimulatedBench:
        return SimulatedBench()


async def outcomes(provider: SimulatedPayments, orders: list[int]) -> dict[int, type[Outcome]]:
    return {n: type(await provider.charge(charge(f"ord_{n}"), f"key_{n}")) for n in orders}


async def test_chance_depends_on_seed_and_key_and_not_on_the_order_of_calls() -> None:
    orders = list(range(400))
    forward = await outcomes(SimulatedPayments(seed=7, refuse=0.2, lose_answer=0.1), orders)
    backward = await outcomes(SimulatedPayments(seed=7, refuse=0.2, lose_answer=0.1), orders[::-1])
    other = await outcomes(SimulatedPayments(seed=8, refuse=0.2, lose_answer=0.1), orders)
    assert forward == backward != other
    assert 40 < list(forward.values()).count(Declined) < 120
    assert 20 < list(forward.values()).count(Unknown) < 70


async def test_a_lost_answer_comes_when_asked_again_often_enough_and_the_money_moved_once() -> None:
    provider = SimulatedPayments(seed=1, lose_answer=0.5)
    for n in range(50):
        while isinstance(await provider.charge(charge(f"ord_{n}"), f"key_{n}"), Unknown):
            pass
    assert provider.answers_lost > 10
    assert sum(payment.captured for payment in provider.payments.values()) == 50 * AMOUNT


def test_without_latency_a_call_never_waits() -> None:
    call = SimulatedPayments().charge(charge(), "key_1")
    with pytest.raises(StopIteration):  # done at the first step: nothing was awaited
        call.send(None)


async def test_latency_is_seeded_and_waited_for() -> None:
    provider = SimulatedPayments(latency_ms=20)
    call = asyncio.ensure_future(provider.charge(charge(), "key_1"))
    await asyncio.sleep(0)
    assert not call.done()
    assert answered(await call).status == "captured"


async def test_memory_is_bounded_and_the_eldest_are_forgotten() -> None:
    provider = SimulatedPayments(remembers=10)
    await outcomes(provider, list(range(25)))
    assert list(provider.payments) == [f"ord_{n}/1" for n in range(15, 25)]
    assert len(provider._kept) == 10


async def test_refunds_can_be_refused_or_fail_later() -> None:
    provider = SimulatedPayments()
    paid = answered(await provider.charge(charge(method="pm_refund_refused"), "key_1")).provider_id
    assert answered(await provider.refund(refund(paid, 1), "key_2"), Declined).code == "refund_refused"
    paid = answered(await provider.charge(charge("ord_2", method="pm_refund_pending"), "key_3")).provider_id
    request = RefundRequest("ord_2", 1, paid, "ref_2", 400, "GBP", "")
    assert answered(await provider.refund(request, "key_4")).status == "refund_pending"
    assert provider.fail_refund("ord_2/1", "ref_2") == 400
    assert provider.payments["ord_2/1"].refunded == 0


def test_only_what_waits_can_be_decided() -> None:
    provider = SimulatedPayments()
    asyncio.run(outcomes(provider, [1]))
    with pytest.raises(ValueError, match="is captured; nothing waits"):
        provider.decide("ord_1/1", "paid")
