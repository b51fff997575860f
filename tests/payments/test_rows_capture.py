"""The payment table of SAGAS 1.3, Y6 to Y9: what is unknown, and capturing. Each test bears its row's name."""

from hashlib import sha256

import pytest

from sagamore.actors.orders.facts import MoneyMoved
from sagamore.actors.orders.payment import Payment, Refund
from sagamore.actors.orders.payment_messages import (
    AuthorisationDue,
    CapturePayment,
    ClosePayment,
    PaymentEvent,
    PaymentReport,
)
from sagamore.engine.turn import EffectStarted, TimerCancelled
from tests.inventory.kit import alerts, facts
from tests.payments.kit import (
    AMOUNT,
    ORDER,
    outcome,
    paid,
    refund,
    refund_under_way,
    reports,
    request_of,
    started,
    succeeded,
    take,
    under_way,
)


def key(kind: str, n: object) -> str:
    return sha256(f"{ORDER}/{kind}/{n}".encode()).hexdigest()


@pytest.mark.parametrize(
    "payment",
    [
        under_way("CHARGING", "charge"),
        under_way("CHARGING", "charge", closing=True),
        under_way("CAPTURING", "capture"),
        under_way("VOIDING", "void", closing=True),
        refund_under_way(),
    ],
)
def test_y6_an_unknown_outcome_is_reported_once_and_nothing_else_is_sent(payment: Payment) -> None:
    result = take(payment, outcome("unknown", "timeout"))
    assert reports(result) == [(payment.state, True, False)]
    assert result.state.effect == payment.effect
    assert started(result) == []
    assert take(result.state, outcome("unknown", "timeout again")).intentions == ()


def test_y6_a_refund_waits_behind_one_whose_outcome_is_unknown() -> None:
    unknown = take(refund_under_way(), outcome("unknown")).state
    result = take(unknown, refund(100, "ref_2"))
    assert started(result) == []
    assert result.state.refund("ref_2") == Refund("ref_2", 100, "WAITING", "broken")
    known = take(result.state, succeeded("refunded", 400))
    assert started(known) == ["refund"]
    assert reports(known) == [("CAPTURED", False, False)]


@pytest.mark.parametrize("operation", ["charge", "capture", "void", "refund"])
def test_y6_a_parked_effect_is_reported_with_an_alert_and_its_story(operation: str) -> None:
    state = {"charge": "CHARGING", "capture": "CAPTURING", "void": "VOIDING", "refund": "CAPTURED"}[operation]
    payment = refund_under_way() if operation == "refund" else under_way(state, operation)
    result = take(payment, outcome("parked", "504"))
    assert reports(result) == [(state, False, True)]
    assert alerts(result) == [("payment_parked", ORDER)]
    (story,) = facts(result, str)
    assert "last heard: 504; payment pay_1 of order ord_1" in story
    assert (result.state.effect, result.state.parked.operation) == (None, operation)


def test_y6_a_parked_effect_bars_the_way() -> None:
    parked = take(refund_under_way(), outcome("parked")).state
    assert started(take(parked, refund(100, "ref_2"))) == []
    assert started(take(parked, ClosePayment(ORDER))) == []


def test_y7_an_authorisation_is_captured_under_its_attempts_key() -> None:
    result = take(paid("AUTHORISED"), CapturePayment(ORDER))
    (effect,) = result.of(EffectStarted)
    assert (effect.operation, effect.key) == ("capture", key("capture", 1))
    assert request_of(result) == {
        "order_id": ORDER, "attempt": 1, "provider_id": "px_1", "amount": AMOUNT, "currency": "GBP",
    }  # fmt: skip
    assert result.state.state == "CAPTURING"
    assert [timer.name for timer in result.of(TimerCancelled)] == ["authorisation"]


def test_y8_an_authorisation_about_to_lapse_is_refused_and_later_voided() -> None:
    result = take(paid("AUTHORISED"), AuthorisationDue(ORDER, 1))
    (report,) = result.sent()
    assert isinstance(report, PaymentReport)
    assert (report.state, report.lapsed) == ("REFUSED", True)
    assert result.state.authorisation_open
    assert take(paid("AUTHORISED", attempt=2), AuthorisationDue(ORDER, 1)).intentions == ()


def test_y8_an_authorisation_that_the_provider_says_has_lapsed_is_gone() -> None:
    result = take(paid("AUTHORISED"), PaymentEvent(ORDER, "evt_1", "lapsed", 0, provider_id="px_1"))
    assert (result.state.state, result.state.lapsed, result.state.authorisation_open) == ("REFUSED", True, False)


def test_y9_a_capture_adds_what_it_took() -> None:
    result = take(under_way("CAPTURING", "capture"), succeeded("captured"))
    assert (result.state.state, result.state.captured, result.state.authorisation_open) == ("CAPTURED", AMOUNT, False)
    assert reports(result) == [("CAPTURED", False, False)]
    assert facts(result, MoneyMoved) == [MoneyMoved("captured", AMOUNT, AMOUNT, 0, "px_1", "GBP")]
