"""The adapter between engine and provider believes no answer that must not be believed."""

from typing import Any

import pytest

from sagamore.actors.orders.payment_effects import PaymentEffects
from sagamore.actors.orders.payment_provider import (
    PaymentAnswer,
    PaymentCapabilities,
    ReadRequest,
    Status,
    VoidRequest,
    declined,
    succeeded,
)
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.engine.effect import Call, Declined, Outcome, Succeeded, Throttled, Unknown
from tests.payments.contract.suite import AMOUNT, answered, call, charge, refund


class Scripted(SimulatedPayments):
    """Says what it is told to."""

    def __init__(self, says: Outcome | None, **capabilities: Any) -> None:
        super().__init__()
        self.capabilities = PaymentCapabilities(takes_key=True, **({"look_up": True} | capabilities))
        self.says = says

    async def _once(self, *_: Any) -> Any:
        return self.says

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        return self.says


async def told(says: Outcome, of: Call) -> Outcome:
    return await PaymentEffects(Scripted(says)).call(of)


CHARGE = call("charge", charge())
VOID = call("void", VoidRequest("ord_1", 1, "px_1"))
REFUND = call("refund", refund("px_1", 400))


async def test_a_good_answer_passes_unchanged() -> None:
    says = succeeded(PaymentAnswer("captured", AMOUNT))
    assert await told(says, CHARGE) is says
    assert await told(Throttled(5), CHARGE) == Throttled(5)


@pytest.mark.parametrize("text", ["", "ok", "{}", '{"status":"paid"}', '{"status":"captured","amount":"12"}'])
async def test_an_answer_that_cannot_be_read_is_unknown(text: str) -> None:
    assert isinstance(await told(Succeeded(text), CHARGE), Unknown)
    assert isinstance(await told(Declined(text), CHARGE), Unknown)


@pytest.mark.parametrize("says", [None, {"status": "captured"}, "captured", True])
async def test_what_is_no_outcome_is_unknown(says: Any) -> None:
    assert isinstance(await told(says, CHARGE), Unknown)
    if says is not None:  # of a look-up that is: never heard of it
        assert isinstance(await PaymentEffects(Scripted(says)).look_up(CHARGE), Unknown)


async def test_an_answer_too_long_to_be_kept_is_unknown_and_told_of_in_short() -> None:
    long = succeeded(PaymentAnswer("captured", AMOUNT, message="x" * 20_000))
    for says in (long, Declined(long.answer), Succeeded("x" * 2_000)):
        outcome = await told(says, CHARGE)
        assert isinstance(outcome, Unknown) and len(outcome.reason) < 1_000


@pytest.mark.parametrize(
    ("of", "status"), [(CHARGE, "refunded"), (VOID, "authorised"), (VOID, "pending"), (REFUND, "captured")]
)
async def test_a_success_that_answers_something_else_is_unknown(of: Call, status: Status) -> None:
    amount = 400 if of is REFUND else AMOUNT
    assert isinstance(await told(succeeded(PaymentAnswer(status, amount)), of), Unknown)


@pytest.mark.parametrize(("of", "status", "amount"), [(CHARGE, "captured", 1249), (REFUND, "refund_pending", 401)])
async def test_another_amount_than_was_asked_for_is_unknown(of: Call, status: Status, amount: int) -> None:
    outcome = await told(succeeded(PaymentAnswer(status, amount)), of)
    assert isinstance(outcome, Unknown) and f"{amount} {status}" in outcome.reason


async def test_an_operation_that_is_none_of_ours_is_a_bug() -> None:
    with pytest.raises(ValueError, match="'donate' is no operation"):
        await told(Throttled(5), Call("eff_1", "donate", b"{}", "key", "ord_1", 1))


async def test_a_look_up_that_shows_the_call_did_not_happen_finds_nothing() -> None:
    for status in ("authorised", "action_required", "pending"):
        provider = SimulatedPayments()
        await provider.authorise(charge(), "key_1")
        provider.payments["ord_1/1"].status = status
        void = call("void", VoidRequest("ord_1", 1, "sim_ord_1/1"))
        assert await PaymentEffects(provider).look_up(void) is None


async def test_a_look_up_passes_on_what_is_no_answer() -> None:
    assert await PaymentEffects(Scripted(Throttled(5))).look_up(CHARGE) == Throttled(5)
    assert await PaymentEffects(Scripted(None)).look_up(CHARGE) is None
    not_for_us = declined(PaymentAnswer("refused", code="no_access"))
    assert isinstance(await PaymentEffects(Scripted(not_for_us)).look_up(CHARGE), Unknown)


async def test_a_read_without_the_providers_id_looks_up_where_the_provider_can() -> None:
    says = succeeded(PaymentAnswer("captured", AMOUNT, provider_id="px_1"))
    read = call("read", ReadRequest("ord_1", 1, ""))
    assert answered(await PaymentEffects(Scripted(says)).call(read)).provider_id == "px_1"
    cannot = PaymentEffects(Scripted(says, look_up=False))
    assert answered(await cannot.call(read), Declined).code == "not_found"
    nothing = PaymentEffects(Scripted(None))
    assert answered(await nothing.call(read), Declined).code == "not_found"
