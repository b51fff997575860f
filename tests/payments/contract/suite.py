"""What every payment provider must do. Subclass `ProviderContract` and give it a `bench`: the provider under test, and
the hands that play the customer and the network."""

from typing import Literal, Protocol

import pytest

from sagamore.actors.orders.payment_effects import PaymentEffects
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    Operation,
    PaymentAnswer,
    PaymentProvider,
    PaymentRequest,
    ReadRequest,
    RefundRequest,
    Status,
    VoidRequest,
    decode_answer,
    ending,
)
from sagamore.engine.effect import Call, Declined, Outcome, Succeeded, Unknown
from sagamore.engine.message import encode

AMOUNT = 1250


class Bench(Protocol):
    """A provider under test. Methods `pm_refused`, `pm_action`, `pm_pending` do what they say, `pm_card` is paid."""

    provider: PaymentProvider

    async def decide(self, order_id: str, outcome: Literal["paid", "refused"]) -> None:
        """The customer acts on the first attempt, or the bank decides it."""
        ...

    async def lose_answers(self) -> None:
        """From now on money moves, and nobody hears of it."""
        ...


def answered(outcome: Outcome | None, kind: type[Succeeded | Declined] = Succeeded) -> PaymentAnswer:
    assert isinstance(outcome, kind), outcome
    return decode_answer(outcome.answer)


def charge(order_id: str = "ord_1", attempt: int = 1, amount: int = AMOUNT, method: str = "pm_card") -> ChargeRequest:
    return ChargeRequest(order_id, attempt, amount, "GBP", method)


def refund(provider_id: str, amount: int, refund_id: str = "ref_1") -> RefundRequest:
    return RefundRequest("ord_1", 1, provider_id, refund_id, amount, "GBP", "broken")


def call(operation: Operation, request: PaymentRequest, key: str = "key_call") -> Call:
    return Call("eff_1", operation, encode(request), key, "ord_1", 1)


class ProviderContract:
    """The contract; a test a promise."""

    async def test_a_charge_is_captured_whole_and_can_be_read(self, bench: Bench) -> None:
        answer = answered(await bench.provider.charge(charge(), "key_1"))
        assert (answer.status, answer.amount) == ("captured", AMOUNT)
        assert answer.provider_id
        read = answered(await bench.provider.read(ReadRequest("ord_1", 1, answer.provider_id)))
        assert (read.status, read.amount, read.captured) == ("captured", AMOUNT, AMOUNT)

    async def test_the_same_key_is_answered_the_same_and_charges_once(self, bench: Bench) -> None:
        first = await bench.provider.charge(charge(), "key_1")
        assert await bench.provider.charge(charge(), "key_1") == first
        found = answered(await bench.provider.look_up(ReadRequest("ord_1", 1, "")))
        assert found.provider_id == answered(first).provider_id

    async def test_a_key_with_another_request_is_unknown_and_moves_nothing(self, bench: Bench) -> None:
        await bench.provider.charge(charge(), "key_1")
        assert isinstance(await bench.provider.charge(charge("ord_2"), "key_1"), Unknown)
        assert await bench.provider.look_up(ReadRequest("ord_2", 1, "")) is None

    async def test_a_refusal_is_definitive_says_why_and_is_remembered(self, bench: Bench) -> None:
        first = await bench.provider.charge(charge(method="pm_refused"), "key_1")
        answer = answered(first, Declined)
        assert answer.status == "refused"
        assert answer.code and answer.message
        assert await bench.provider.charge(charge(method="pm_refused"), "key_1") == first

    async def test_an_authorisation_is_captured_once(self, bench: Bench) -> None:
        authorised = answered(await bench.provider.authorise(charge(), "key_1"))
        assert (authorised.status, authorised.captured) == ("authorised", 0)
        request = CaptureRequest("ord_1", 1, authorised.provider_id, AMOUNT, "GBP")
        captured = await bench.provider.capture(request, "key_2")
        assert (answered(captured).status, answered(captured).amount) == ("captured", AMOUNT)
        assert await bench.provider.capture(request, "key_2") == captured
        again = answered(await bench.provider.capture(request, "key_3"), Declined)
        assert ending("capture", again.status) == "captured"

    async def test_a_void_lets_go_and_finds_nothing_left_to_void_the_second_time(self, bench: Bench) -> None:
        authorised = answered(await bench.provider.authorise(charge(), "key_1"))
        request = VoidRequest("ord_1", 1, authorised.provider_id)
        for key in ("key_2", "key_3"):
            assert ending("void", answered(await bench.provider.void(request, key)).status) == "voided"
        capture = CaptureRequest("ord_1", 1, authorised.provider_id, AMOUNT, "GBP")
        gone = answered(await bench.provider.capture(capture, "key_4"), Declined)
        assert ending("capture", gone.status) == "refused"

    async def test_a_void_of_what_was_captured_says_so(self, bench: Bench) -> None:
        captured = answered(await bench.provider.charge(charge(), "key_1"))
        answer = answered(await bench.provider.void(VoidRequest("ord_1", 1, captured.provider_id), "key_2"), Declined)
        assert (answer.status, answer.amount) == ("captured", AMOUNT)

    async def test_refunds_add_up_to_what_was_captured_and_no_further(self, bench: Bench) -> None:
        paid = answered(await bench.provider.charge(charge(), "key_1")).provider_id
        part = await bench.provider.refund(refund(paid, 1000, "ref_1"), "key_2")
        assert (answered(part).status, answered(part).amount) == ("refunded", 1000)
        assert await bench.provider.refund(refund(paid, 1000, "ref_1"), "key_2") == part
        too_much = answered(await bench.provider.refund(refund(paid, 251, "ref_2"), "key_3"), Declined)
        assert too_much.status == "refused"
        assert answered(await bench.provider.refund(refund(paid, 250, "ref_3"), "key_4")).status == "refunded"
        assert answered(await bench.provider.read(ReadRequest("ord_1", 1, paid))).refunded == AMOUNT

    @pytest.mark.parametrize(("method", "status"), [("pm_action", "action_required"), ("pm_pending", "pending")])
    @pytest.mark.parametrize(("outcome", "end"), [("paid", "captured"), ("refused", "refused")])
    async def test_what_waits_for_the_customer_or_the_bank_is_read_until_it_ends(
        self, bench: Bench, method: str, status: Status, outcome: Literal["paid", "refused"], end: str
    ) -> None:
        answer = answered(await bench.provider.charge(charge(method=method), "key_1"))
        assert answer.status == status
        assert (answer.next_action is not None) == (status == "action_required")
        request = ReadRequest("ord_1", 1, answer.provider_id)
        assert answered(await bench.provider.read(request)).status == status
        await bench.decide("ord_1", outcome)
        assert answered(await bench.provider.read(request)).status == end

    async def test_what_waits_for_the_customer_can_be_voided(self, bench: Bench) -> None:
        answer = answered(await bench.provider.charge(charge(method="pm_action"), "key_1"))
        voided = answered(await bench.provider.void(VoidRequest("ord_1", 1, answer.provider_id), "key_2"))
        assert voided.status == "voided"

    async def test_a_look_up_knows_every_attempt_by_itself_and_nothing_that_never_was(self, bench: Bench) -> None:
        await bench.provider.charge(charge(attempt=1, method="pm_refused"), "key_1")
        assert await bench.provider.look_up(ReadRequest("ord_1", 2, "")) is None
        await bench.provider.charge(charge(attempt=2), "key_2")
        assert answered(await bench.provider.look_up(ReadRequest("ord_1", 1, ""))).status == "refused"
        assert answered(await bench.provider.look_up(ReadRequest("ord_1", 2, ""))).status == "captured"

    async def test_a_look_up_finds_a_refund_by_our_id(self, bench: Bench) -> None:
        paid = answered(await bench.provider.charge(charge(), "key_1")).provider_id
        assert await bench.provider.look_up(ReadRequest("ord_1", 1, paid, "ref_1")) is None
        await bench.provider.refund(refund(paid, 400), "key_2")
        found = answered(await bench.provider.look_up(ReadRequest("ord_1", 1, paid, "ref_1")))
        assert (found.status, found.amount) == ("refunded", 400)

    async def test_a_lost_answer_is_unknown_and_the_look_up_tells(self, bench: Bench) -> None:
        await bench.lose_answers()
        assert isinstance(await bench.provider.charge(charge(), "key_1"), Unknown)
        effects = PaymentEffects(bench.provider)
        found = answered(await effects.look_up(call("charge", charge())))
        assert (found.status, found.amount) == ("captured", AMOUNT)

    async def test_a_refund_whose_answer_was_lost_is_found_by_the_engine_and_another_is_not(self, bench: Bench) -> None:
        effects = PaymentEffects(bench.provider)
        paid = answered(await effects.call(call("charge", charge(), "key_1"))).provider_id
        await bench.lose_answers()
        assert isinstance(await effects.call(call("refund", refund(paid, 400), "key_2")), Unknown)
        found = answered(await effects.look_up(call("refund", refund(paid, 400))))
        assert (found.status, found.amount) == ("refunded", 400)
        assert await effects.look_up(call("refund", refund(paid, 400, "ref_2"))) is None

    async def test_a_read_of_what_never_was_is_declined(self, bench: Bench) -> None:
        outcome = await bench.provider.read(ReadRequest("ord_1", 1, "px_never"))
        assert answered(outcome, Declined).code == "not_found"

    async def test_a_capture_that_never_arrived_is_not_found_by_the_engine(self, bench: Bench) -> None:
        effects = PaymentEffects(bench.provider)
        authorised = answered(await effects.call(call("authorise", charge(), "key_1")))
        capture = CaptureRequest("ord_1", 1, authorised.provider_id, AMOUNT, "GBP")
        assert await effects.look_up(call("capture", capture)) is None
        await effects.call(call("capture", capture, "key_2"))
        assert answered(await effects.look_up(call("capture", capture))).status == "captured"

    async def test_closing_twice_is_as_good_as_once(self, bench: Bench) -> None:
        await bench.provider.charge(charge(), "key_1")
        await bench.provider.close()
        await bench.provider.close()
